"""Uploading a trained model to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path

from curation import StateError, first_line
from training.tasks.card import CARD_FILE
from training.tasks.lineage import LINEAGE_FILE


def push_folder(folder: Path, repo_id: str, with_card: bool, token: str | None, private: bool | None) -> str:
    """Upload ``folder`` and return the model's address. Who taught it what stays here (lineage.parquet).

    Raises StateError when that fails, for whatever reason: the folder stays as it is.
    """
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    kept_here = [LINEAGE_FILE, *([] if with_card else [CARD_FILE])]
    try:
        api = HfApi(token=token)
        address = str(api.create_repo(repo_id, private=private, exist_ok=True))
        api.upload_folder(
            repo_id=repo_id,
            folder_path=str(folder),
            ignore_patterns=kept_here,
            commit_message="Trained with clayloop",
        )
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        raise StateError(
            f"The model was not uploaded to {repo_id!r}: {first_line(error)}. It is on disk, in {folder}.",
            "Log in with `hf auth login` (a token that may write), or give token=; then call "
            "push_to_huggingface again.",
        ) from error
    return address
