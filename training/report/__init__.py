"""The page of a run, for a browser: one file that asks nobody for anything.

``runs/<run>/report.html`` shows the verdict and how sure it is, every metric per dimension, which questions gained and
lost, with their texts, what became of the annotations, and what each step took. Nothing in it is executed: its content
security policy allows no script and no address, and every text from outside is escaped by the template.
"""

from training.report.material import Material
from training.report.page import REPORT_FILE, write_report

__all__ = ["REPORT_FILE", "Material", "write_report"]
