"""The card of a dataset on the Hugging Face Hub: what each table holds, how much, from where."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

import pyarrow as pa

from curation.documents.corpus import Corpus
from curation.exports.tables import KINDS, ExportName, public_source

UNKNOWN_LICENCE = "unknown"


def dataset_card(repo_id: str, tables: Mapping[ExportName, pa.Table], corpus: Corpus, licence: str) -> str:
    """Markdown, with the head that the Hub reads. ``licence`` is the Hub's short name for one."""
    configs = [
        line
        for name in tables
        for line in (f"  - config_name: {name}", f"    data_files: data/{name}.parquet")
    ]
    lines = [
        "---",
        f"license: {json.dumps(licence)}",
        "tags: [clayloop, argilla, retrieval, documentation]",
        "configs:",
        *configs,
        "---",
        "",
        f"# {_cell(repo_id.rpartition('/')[2])}",
        "",
        "Made by clayloop: documentation, training queries for it, and what annotators accepted in Argilla.",
        "",
        "| table | rows | what |",
        "|---|---|---|",
        *(f"| `{name}` | {len(table):,} | {KINDS[name].about} |" for name, table in tables.items()),
        "",
        "```python",
        "from datasets import load_dataset",
        "",
        f'load_dataset({json.dumps(repo_id)}, {json.dumps(next(iter(tables)))}, split="train")',
        "```",
        "",
        "## Sources",
        "",
        "| source | version | pages |",
        "|---|---|---|",
        *_sources(corpus),
        "",
        "The licence of these texts is that of the documentation they come from"
        + (
            "; whoever published this did not name it."
            if licence == UNKNOWN_LICENCE
            else f": {_cell(licence)}."
        ),
        "",
    ]
    for name, table in tables.items():
        lines += [f"## Columns of `{name}`", "", "| column | type | meaning |", "|---|---|---|"]
        lines += [f"| `{one.name}` | {_type(one.type)} | {one.meaning} |" for one in KINDS[name].columns]
        lines += ["", *_origins(table)]
    return "\n".join(lines)


def _sources(corpus: Corpus) -> list[str]:
    counts = Counter((one.source, one.version) for one in corpus.documents)
    return [
        f"| {_cell(public_source(source))} | {_cell(version)} | {count:,} |"
        for (source, version), count in sorted(counts.items())
    ]


def _origins(table: pa.Table) -> list[str]:
    if "origin" not in table.column_names or not len(table):
        return []
    counts = Counter(table["origin"].to_pylist())
    return [
        "By origin: " + ", ".join(f"{name or 'unknown'} {count:,}" for name, count in counts.most_common()),
        "",
    ]


def _type(kind: pa.DataType) -> str:
    return "list of strings" if pa.types.is_list(kind) else str(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
