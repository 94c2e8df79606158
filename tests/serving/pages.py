"""A small documentation of a made-up build tool, as chunks."""

from __future__ import annotations

from curation import Chunk

# A file and its headings in one line, the text below.
_DOCUMENTATION = """
## install.md > Installing Kilnworks
Install Kilnworks with pip install kilnworks. Python 3.10 or newer is needed.
## install.md > Installing Kilnworks > Upgrading
Run pip install --upgrade kilnworks and then kiln migrate to upgrade.
## install.md > Installing Kilnworks > Uninstalling
Remove the package with pip uninstall kilnworks and delete the .kiln folder.
## config.md > Configuration > The settings file
Settings live in kiln.toml in the project folder. Unknown keys are an error.
## config.md > Configuration > Environment variables
Every key can be overridden with KILN_SECTION_KEY in the environment.
## config.md > Configuration > Changing the cache folder
Set cache.folder to move the cache to another disk. The default is .kiln/cache.
## config.md > Configuration > Timeouts
network.timeout is the number of seconds before a download is given up; 30 by default.
## tasks.md > Tasks > Defining a task
A task is a Python function with the @kiln.task decorator. Its arguments are inputs.
## tasks.md > Tasks > Running tasks in parallel
Use kiln run --jobs 4 to run four tasks at the same time on as many processes.
## tasks.md > Tasks > Retrying a failed task
Give retries=3 to the decorator and a failed task is started again up to three times.
## tasks.md > Tasks > Skipping unchanged tasks
A task whose input files have the same hash as last time is skipped. --force runs it anyway.
## tasks.md > Tasks > Task dependencies
needs=[other] makes a task wait until the other task has finished.
## plugins.md > Plugins > Writing a plugin
A plugin is a package with an entry point in the group kiln.plugins.
## plugins.md > Plugins > Turning a plugin off
List its name under plugins.disabled in kiln.toml to turn a plugin off.
## plugins.md > Plugins > Plugin hooks
Hooks are called before_task, after_task and on_error with the task as an argument.
## deploy.md > Deployment > Using a proxy
Set network.proxy to the address of the HTTP proxy. SOCKS proxies are not supported.
## deploy.md > Deployment > Running in Docker
The image kilnworks/kiln contains the command line. Mount the project at /work.
## deploy.md > Deployment > Continuous integration
In CI run kiln check first; it fails when kiln.lock is out of date.
## deploy.md > Deployment > Logging to a file
Give --log-file PATH to write the log to a file as well as to the terminal.
## deploy.md > Deployment > Memory limits
limits.memory is the most memory in MB that one task may take before it is killed.
## faq.md > Questions > Why is my task not skipped?
A task with side effects is never skipped. Declare outputs to let Kilnworks know.
## faq.md > Questions > Does Kilnworks work on Windows?
Yes, from version 2.1 on, but parallel tasks use threads there.
## faq.md > Questions > How do I report a bug?
Open an issue with the output of kiln doctor, which collects versions and settings.
## faq.md > Questions > Can I use YAML instead of TOML?
No. The settings file is TOML; a converter is in the package kiln-yaml.
## api.md > Python interface > Loading a project
kiln.Project.load(path) reads kiln.toml and returns a Project object.
## api.md > Python interface > Listing tasks
Project.tasks is a dict from task names to Task objects.
## api.md > Python interface > Running a task
Call project.run('name', **inputs). It returns the task's result.

```python
project.run('build')
```
## api.md > Python interface > Errors
TaskError carries the name of the task and its output; KilnError is the base of all errors.
"""


def make_chunks(marker: str = "") -> list[Chunk]:
    """28 chunks; ``marker`` is appended to each text and so tells two releases apart."""
    chunks: list[Chunk] = []
    for position, page in enumerate(_DOCUMENTATION.split("\n## ")[1:]):
        head, _, body = page.strip().partition("\n")
        path, *sections = head.split(" > ")
        section = tuple(sections)
        text = f"{' > '.join(section)}\n\n{body}" + (f" {marker}" if marker else "")
        chunks.append(
            Chunk(
                id=Chunk.make_id(path, section, text),
                document_id=path,
                source="folder:/kilnworks",
                path=path,
                url=f"https://docs.example.org/{path}" if path != "faq.md" else "",
                section=section,
                text=text,
                tokens=max(8, len(text) // 4),
                position=position,
            )
        )
    return chunks
