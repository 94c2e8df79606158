"""The Hugging Face Hub: folders go up in one commit, or come down.

The login is huggingface_hub's own (`hf auth login`, HF_TOKEN), unless a token is given. Nothing is made
public unless that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from curation.errors import StateError, first_line

RepoKind = Literal["model", "dataset", "space"]

_LOGIN = "Log in with `hf auth login` (a token that may {}), and check the name (owner/name) and the network."


@dataclass(frozen=True)
class HubRepo:
    """A repository on the Hub: ``id`` is owner/name. ``private`` says what it is made as, and what it must be
    (None: as the owner's settings say). ``token`` None: the login of this machine."""

    id: str
    kind: RepoKind = "model"
    private: bool | None = True
    token: str | None = None


def push_folder(
    repo: HubRepo, folder: Path, message: str, ignore: Sequence[str] = (), delete: Sequence[str] = ()
) -> str:
    """Upload ``folder`` in one commit, but for what matches ``ignore``, and return the address of ``repo``,
    which is made when it is missing. What is there and matches ``delete`` goes.

    Raises StateError when that fails, for whatever reason, and where a repository that must be private is
    public: nothing is uploaded then.
    """
    from huggingface_hub import HfApi

    with _told(f"Nothing was uploaded to {repo.id!r}", "write"):
        api = HfApi(token=repo.token)
        sdk = "gradio" if repo.kind == "space" else None
        made = api.create_repo(
            repo.id, repo_type=repo.kind, private=repo.private, exist_ok=True, space_sdk=sdk
        )
        is_public = repo.private and api.repo_info(repo.id, repo_type=repo.kind).private is False
    if is_public:
        raise StateError(
            f"Nothing was uploaded to {repo.id!r}: it is there already, and everybody can read it.",
            "Name another repository, make that one private, or say --public.",
        )
    with _told(f"Nothing was uploaded to {repo.id!r}", "write"):
        api.upload_folder(
            repo_id=repo.id,
            repo_type=repo.kind,
            folder_path=str(folder),
            ignore_patterns=list(ignore),
            delete_patterns=list(delete) or None,
            commit_message=message,
        )
    return str(made)


def fetch_folder(repo: HubRepo, folder: Path, patterns: Sequence[str], revision: str | None = None) -> str:
    """Download the files of ``repo`` that match ``patterns`` into ``folder``, and return the commit that they
    are from. Raises StateError when that fails: what has come by then is in ``folder``."""
    import shutil

    from huggingface_hub import HfApi

    with _told(f"{repo.id!r} could not be fetched", "read"):
        api = HfApi(token=repo.token)
        commit = api.repo_info(repo.id, repo_type=repo.kind, revision=revision).sha
        api.snapshot_download(
            repo.id, repo_type=repo.kind, revision=commit, local_dir=folder, allow_patterns=list(patterns)
        )
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # huggingface_hub's own notes
    return str(commit)


def look_at_files(repo: HubRepo, suffix: str) -> tuple[str, dict[str, int]]:
    """The licence that the model ``repo`` names ("" where it names none), and the bytes of each of its files
    whose name ends with ``suffix``. Raises StateError when it cannot be read."""
    from huggingface_hub import HfApi

    with _told(f"{repo.id!r} could not be read", "read"):
        about = HfApi(token=repo.token).model_info(repo.id, files_metadata=True)
    licence = about.card_data.get("license") if about.card_data else ""
    sizes = {one.rfilename: one.size or 0 for one in about.siblings or ()}
    return str(licence or ""), {name: size for name, size in sizes.items() if name.endswith(suffix)}


@contextmanager
def _told(what: str, may: str) -> Iterator[None]:
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        yield
    except (
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        httpx.HTTPError,
        OSError,
        ValueError,
    ) as error:
        raise StateError(f"{what}: {first_line(error)}", _LOGIN.format(may)) from error
