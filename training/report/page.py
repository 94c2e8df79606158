"""The page of a run, for a browser: one file that asks nobody for anything.

``runs/<run>/report.html`` shows the verdict and how sure it is, every metric per dimension, which questions
gained and lost, with their texts, what became of the annotations, and what each step took. Nothing in it is
executed: its content security policy allows no script and no address, and every text from outside is escaped
by the template.
"""

from __future__ import annotations

from pathlib import Path

from curation import write_text
from training.report.content import UNSHOWABLE, Material, content

REPORT_FILE = "report.html"
_HERE = Path(__file__).parent


def write_report(folder: Path, material: Material) -> Path:
    """Write ``report.html`` into the run's ``folder`` and return its path. Raises StateError when the disk is
    full."""
    path = folder / REPORT_FILE
    write_text(path, render_report(material))
    return path


def render_report(material: Material) -> str:
    """The page as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Everything is escaped but the style sheet, which is ours.
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_HERE / "report.css").read_text(encoding="utf-8")
    page = environment.get_template("report.html.jinja").render(style=style, **content(material))
    return UNSHOWABLE.sub("\ufffd", page)
