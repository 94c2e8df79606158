"""Uploading a trained model to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from curation import HubRepo, StateError, push_folder
from training.tasks.card import CARD_FILE
from training.tasks.lineage import LINEAGE_FILE


def push_model(folder: Path, repo: HubRepo, card: str | None) -> str:
    """Upload ``folder``, with this model ``card`` or none, and return the model's address. Who taught it what
    stays here (lineage.parquet).

    Raises StateError when that fails, for whatever reason: the folder stays as it is.
    """
    kept_here = [LINEAGE_FILE, *([] if card else [CARD_FILE])]
    before = (folder / CARD_FILE).read_text(encoding="utf-8")
    try:
        (folder / CARD_FILE).write_text(card or before, encoding="utf-8")
        return push_folder(repo, folder, "Trained with clayloop", ignore=kept_here)
    except StateError as error:
        (folder / CARD_FILE).write_text(before, encoding="utf-8")
        raise StateError(
            f"The model was not uploaded. {error.message} It is on disk, in {folder}.",
            f"{error.hint} Or give token=; then call push_to_huggingface again.",
        ) from error
