"""The model card that lies in a release as README.md."""

from __future__ import annotations

from serving.releases.record import ReleaseDraft


def model_card(draft: ReleaseDraft) -> str:
    """Markdown for people and, on top, the metadata block that the Hugging Face Hub reads."""
    size, threshold = draft.embedding, draft.retrieval.min_score
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "tags: [clayloop, sentence-transformers, retrieval]",
        "---",
        "",
        "# A clayloop release",
        "",
        "An embedding model (`model/`), the index over the documentation's chunks (`index/`), the "
        "prompt and the retrieval settings (`release.json`), made to be served together.",
        "",
        "| | |",
        "|---|---|",
        f"| base model | `{_cell(draft.base_model)}` |",
        f"| vectors | {size.dimension} dimensions, texts up to {size.max_tokens} tokens |",
        f"| indexed chunks | {draft.index.rows:,} |",
        *([f"| curated answers | {draft.index.answers:,} |"] if draft.index.answers else []),
        f"| answers from a nearness of | {threshold:.4f} (calibrated for this release) |",
        *_reranker(draft),
        *_answering(draft),
        f"| training run | {_cell(draft.run_id or 'none: the base model as it is')} |",
        f"| replaces | {_cell(draft.parent or 'nothing')} |",
        "",
    ]
    if draft.trained_on:
        lines += ["## Trained on", "", "| what | count |", "|---|---|"]
        lines += [f"| {_cell(name)} | {count:,} |" for name, count in draft.trained_on.items()]
        lines += ["", "`lineage.parquet` lists every row, where it is there.", ""]
    if draft.metrics:
        lines += ["## On its holdout", "", "| metric | value |", "|---|---|"]
        lines += [f"| {_cell(name)} | {value:.4f} |" for name, value in draft.metrics.items()]
        lines += ["", "`evaluation.json` has the details, where it is there.", ""]
    return "\n".join(lines)


def _reranker(draft: ReleaseDraft) -> list[str]:
    if draft.reranker is None:
        return []
    info = draft.reranker
    return [
        f"| reranker (`reranker/`) | `{_cell(info.name)}`, a cross-encoder that orders the {info.candidates} "
        f"nearest chunks; its scores weigh {info.weight:g} against the cosines, {info.max_tokens} tokens of "
        "question and chunk |"
    ]


def _answering(draft: ReleaseDraft) -> list[str]:
    if draft.answering is None:
        return []
    info = draft.answering
    place = f"at {info.base_url}" if info.base_url else "`answering/`"
    parts = [f"learned from {count:,} {what}" for what, count in info.trained_on.items()]
    parts += [f"{name} {value:.3f}" for name, value in info.metrics.items()]
    return [f"| answering model ({_cell(place)}) | `{_cell(info.name)}`: {_cell(', '.join(parts))} |"]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
