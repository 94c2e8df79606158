"""Files that other pages show are no pages of their own; nothing that stands nowhere else is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest
from curation.home import Home
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter

PART = "Part\n----\n\nShared words.\n"
INCLUDES = "A\n=\n\nText.\n\n.. include:: part.rst\n"
INDEX = "Index\n=====\n\nText.\n\n.. toctree::\n   :maxdepth: 1\n\n"


@pytest.mark.parametrize(
    ("files", "reasons"),
    [
        pytest.param(
            {"a.rst": INCLUDES, "part.rst": PART},
            {"part.rst": "a part of a.rst, which includes it"},
            id="included as a whole",
        ),
        pytest.param(
            {"a.rst": INCLUDES, "part.rst": PART, "index.rst": INDEX + "   Words <part>\n"},
            {},
            id="in a table of contents",
        ),
        pytest.param(
            {"a.rst": INCLUDES, "part.rst": PART, "index.rst": INDEX + "   :glob:\n\n   p*\n"},
            {},
            id="in a table of contents by a pattern",
        ),
        pytest.param(
            {"a.rst": INCLUDES + "   :end-before: words\n", "part.rst": PART},
            {},
            id="a part of it is included",
        ),
        pytest.param(
            {"a.md": "# A\n\n```{include} _part.md\n:end-before: Shared\n```\n", "_part.md": "x\n\nShared\n"},
            {"_part.md": "a part of a.md, which includes it"},
            id="a part by its name",
        ),
        pytest.param(
            {
                "a.md": "# A\n\nText.\n",
                "_index.md": "# B\n\nText.\n",
                "_c.mdx": "Text.\n",
                "_d.qmd": "Text.\n",
            },
            dict.fromkeys(["_c.mdx", "_d.qmd"], "a part of other pages, as its name says (_)"),
            id="underscores",
        ),
        pytest.param(
            {
                "mkdocs.yml": "nav:\n  - B: b.md\n",
                "docs/a.md": '# A\n\n--8<-- "b.md"\n',
                "docs/b.md": "# B\n\nb\n",
            },
            {},
            id="in MkDocs' navigation",
        ),
        pytest.param(
            {
                "docs/conf.py": "import os\nexclude_patterns = ['drafts', '**/_*.rst', 'x?.rst']\n",
                "docs/a_page.rst": "A\n=\n\nText.\n",
                "docs/drafts/b.rst": "B\n=\n\nText.\n",
                "docs/deep/_c.rst": "C\n=\n\nText.\n",
                "docs/x1.rst": "X\n=\n\nText.\n",
                "x1.rst": "X\n=\n\nText.\n",
            },
            dict.fromkeys(
                ["docs/deep/_c.rst", "docs/drafts/b.rst", "docs/x1.rst"],
                "left out by exclude_patterns in docs/conf.py",
            ),
            id="exclude_patterns of Sphinx",
        ),
        pytest.param(
            {"conf.py": "exclude_patterns = find()\n", "a.rst": "A\n=\n\nText.\n"},
            {},
            id="no literal patterns",
        ),
        pytest.param(
            {
                **{f"docs/{name}.md": "# Kiln\n\nWait a day before you open the kiln.\n" for name in "abc"},
                **{f"docs/de/{name}.md": "# Ofen\n\nWarte einen Tag, bevor du öffnest.\n" for name in "abcd"},
            },
            {f"docs/de/{name}.md": f"a translation (de) of docs/{name}.md" for name in "abc"},
            id="translations",
        ),
    ],
)
def test_what_is_no_page(
    home: Home, tmp_path: Path, files: Mapping[str, str], reasons: dict[str, str]
) -> None:
    docs = tmp_path / "docs"
    for name, text in files.items():
        (docs / name).parent.mkdir(parents=True, exist_ok=True)
        (docs / name).write_text(text)
    for _ in range(2):  # the second time, pages are known
        report = ingest([str(docs)], home, ChunkSettings(), CharacterCounter())
        assert {one.path: one.reason for one in report.skipped} == reasons
        pages = {name for name in files if name.endswith((".md", ".rst", ".mdx"))} - reasons.keys()
        corpus = Corpus.load(home)
        assert {document.path for document in corpus.documents} == pages
        assert {chunk.path for chunk in corpus.chunks} <= pages


def test_of_pages_that_include_each_other_one_stays(home: Home, tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{name}.rst").write_text(f"{name}\n=\n\nWords of {name}.\n\n.. include:: {other}.rst\n")
    report = ingest([str(tmp_path)], home, ChunkSettings(), CharacterCounter())
    assert report.documents == 1
    text = "\n".join(chunk.text for chunk in Corpus.load(home).chunks)
    assert "Words of a." in text and "Words of b." in text
