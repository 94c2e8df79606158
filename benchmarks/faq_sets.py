"""More test sets in the form of shared/eval: FAQ pages of other projects, cut from their source distributions
on PyPI.

Each question of a FAQ is a query; the text below it becomes a file of its own under ``docs/faq/`` *without*
the question, and all other pages of the documentation are distractors. More questions than the two sets have,
of more kinds of projects.

    python benchmarks/faq_sets.py DEST [celery] [jupyterhub] [sqlalchemy] [numba]

writes DEST/NAME/docs, queries.jsonl and qrels.tsv, which the benchmarks take as ``--eval DEST --sets
NAME,…``. It takes the newest release, so figures move a little with the projects; SOURCE says which it was.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from curation import download_sdist, rst_inline_to_text


@dataclass(frozen=True)
class Source:
    """Where a project keeps its FAQ: ``root`` and ``pages`` within the distribution, ``skip`` a pattern of
    pages to leave out.

    ``all_titles``: titles that are no question count too ("Port already in use").
    """

    root: str
    pages: tuple[str, ...]
    skip: str
    all_titles: bool = False


SOURCES = {
    "celery": Source(
        "docs",
        ("faq.rst",),
        r"changelog|history/|AUTHORS|THANKS|spelling|copyright|requirements|internals/reference|templates/|"
        r"includes/",
    ),
    "jupyterhub": Source(
        "docs/source",
        ("faq/faq.md", "faq/institutional-faq.md", "faq/troubleshooting.md"),
        r"changelog|faq/index|_static|upgrading",
        all_titles=True,
    ),
    "sqlalchemy": Source(
        "doc/build",
        tuple(
            f"faq/{name}.rst"
            for name in [
                "connections",
                "installation",
                "metadata_schema",
                "ormconfiguration",
                "performance",
                "sessions",
                "sqlexpressions",
                "thirdparty",
            ]
        ),
        r"changelog|requirements|copyright",
    ),
    "numba": Source("docs/source", ("user/faq.rst",), r"release|cuda/faq", all_titles=True),
}

_TEXTS = (".rst", ".md", ".txt")
_ADORNMENT = re.compile(r"^([=\-~^\"'*+#`:.])\1{2,}\s*$")
_QUESTION = re.compile(r"(?i)(how|why|what|can|is|does|do|should|i |i['’]m|where|which|when|my )")
_LABEL = re.compile(r"(?m)^\.\. _[^:\n]+:\s*$|^\([\w:-]+\)=\s*$")
_ANSWER = re.compile(r"^\*\*Answer:?\*\*:?\s*")
_WORDS_OF_QUESTION, _WORDS_OF_ANSWER = 3, 8  # less is a keyword, or a bare link


@dataclass
class Section:
    level: int
    title: str
    lines: list[str]


def rst_sections(text: str) -> list[Section]:
    """Titles with an underline, and perhaps an overline; levels in the order in which the adornments
    appear."""
    lines, found, styles = text.split("\n"), list[Section](), list[tuple[str, bool]]()
    at = 0
    while at < len(lines):
        here, below = lines[at], lines[at + 1] if at + 1 < len(lines) else ""
        over = bool(
            _ADORNMENT.match(here)
            and below.strip()
            and at + 2 < len(lines)
            and lines[at + 2].rstrip() == here.rstrip()
        )
        under = bool(
            here.strip() and not here.startswith((" ", "..")) and not _ADORNMENT.match(here)
        ) and bool(_ADORNMENT.match(below) and len(below.strip()) >= min(len(here.strip()), 4))
        if over or under:
            title, style = (below, (here[0], True)) if over else (here, (below[0], False))
            if style not in styles:
                styles.append(style)
            plain = rst_inline_to_text(title.strip()).strip().replace("`", "")
            found.append(Section(styles.index(style), plain, []))
            at += 3 if over else 2
            continue
        if found:
            found[-1].lines.append(here)
        at += 1
    return found


def md_sections(text: str) -> list[Section]:
    """Titles with number signs, outside of fenced code."""
    found, fenced = list[Section](), False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        title = None if fenced else re.match(r"(#+) (.*)", line)
        if title:
            found.append(Section(len(title[1]), title[2].strip().replace("`", ""), []))
        elif found:
            found[-1].lines.append(line)
    return found


def questions(sections: list[Section], all_titles: bool) -> Iterator[tuple[str, str]]:
    """Question and answer. What lies below a question's own subtitles is part of its answer."""
    at = 0
    while at < len(sections):
        one, after = sections[at], at + 1
        while after < len(sections) and sections[after].level > one.level:
            after += 1
        below = sections[at + 1 : after]
        asks = one.title.endswith(("?", ".")) or bool(_QUESTION.match(one.title))
        asks = asks and not one.title.endswith("...?")  # the title of a group of questions
        if not asks and below:
            at += 1
            continue
        lines = [*one.lines, *(line for part in below for line in (f"**{part.title}**", "", *part.lines))]
        answer = _ANSWER.sub("", _LABEL.sub("", "\n".join(lines)).strip())
        long_enough = len(one.title.split()) >= _WORDS_OF_QUESTION and len(answer.split()) >= _WORDS_OF_ANSWER
        if long_enough and (asks or all_titles):
            yield one.title, answer
        at = after


def read_texts(archive: Path, root: str) -> dict[str, str]:
    """Path below ``root`` → text, of every page in a source distribution; nothing is unpacked."""
    texts = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:])
            if (
                member.isfile()
                and path.suffix in _TEXTS
                and ".." not in path.parts
                and path.is_relative_to(root)
            ):
                content = tar.extractfile(member)
                assert content is not None
                texts[str(path.relative_to(root))] = content.read().decode("utf-8", "replace")
    return texts


def cut(name: str, source: Source, dest: Path) -> str:
    """Write one test set and say what it holds. SystemExit when a FAQ page is not where it was."""
    with download_sdist(name) as (archive, version):
        texts = read_texts(archive, source.root)
    missing = [page for page in source.pages if page not in texts]
    if missing:
        raise SystemExit(
            f"{name} {version} has no {source.root}/{missing[0]} any more: tell SOURCES where its FAQ is now"
        )
    shutil.rmtree(dest, ignore_errors=True)
    pages = {
        path: text
        for path, text in texts.items()
        if path not in source.pages and not path.startswith("faq/") and not re.search(source.skip, path)
    }
    queries, judged = list[str](), ["query-id\tcorpus-id\tscore"]
    for page in source.pages:
        suffix = PurePosixPath(page).suffix
        sections = (md_sections if suffix == ".md" else rst_sections)(texts[page])
        for question, answer in questions(sections, source.all_titles):
            key = f"q{len(queries) + 1:03d}"
            file = f"faq/{PurePosixPath(page).stem}-{len(queries) + 1:03d}{suffix}"
            pages[file] = answer + "\n"
            queries.append(json.dumps({"_id": key, "text": question}))
            judged.append(f"{key}\t{file}\t1")
    for path, text in pages.items():
        target = dest / "docs" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (dest / "queries.jsonl").write_text("\n".join(queries) + "\n", encoding="utf-8")
    (dest / "qrels.tsv").write_text("\n".join(judged) + "\n", encoding="utf-8")
    (dest / "SOURCE").write_text(f"{name} {version}\n", encoding="utf-8")
    return f"{name} {version}: {len(queries)} questions, {len(pages) - len(queries)} other pages"


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    for name in sys.argv[2:] or SOURCES:
        print(cut(name, SOURCES[name], Path(sys.argv[1]) / name), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
