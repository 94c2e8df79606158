"""``hub:DATASET[:CONFIG]``: rows of a dataset on the Hugging Face Hub as documents.

The data files of one commit are fetched as they are and read by ``datasets``; no code of a dataset runs. Rows
with the same file name are one document, as in the datasets that the tutorial's script pushed.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from curation.documents.links import Address, Links
from curation.documents.markup.page import NotIncludedError
from curation.documents.markup.reading import markup_of
from curation.documents.sources.files import Skipped, SourceFile, read_bytes, too_large
from curation.errors import SourceError, first_line
from curation.settings import ChunkSettings, HubSettings

_SPEC = re.compile(r"^(?P<name>\w[\w.-]*(?:/\w[\w.-]*)?)(?::(?P<config>[\w.-]+))?$", re.ASCII)
_DATA = ("*.parquet", "*.jsonl", "*.jsonl.gz", "*.json", "*.csv", "*.tsv", "*.txt", "*.arrow")
_TEXTS = ("text", "content", "markdown", "chunks", "chunk", "body", "document", "page_content")
_PATHS = ("path", "filename", "file_name", "file_path", "file", "source", "url", "id", "title")
_HUB = "https://huggingface.co"


class HubKind:
    prefix = "hub"
    form = "DATASET[:CONFIG]"

    def name(self, rest: str) -> str:
        return "hub:" + ":".join(part for part in _parts(rest) if part)

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> HubSource:
        name, config = _parts(rest)
        commit, folder = _fetched(name, settings.hub, downloads)
        page = f"{settings.hub.endpoint.rstrip('/') or _HUB}/datasets/{name}"
        source = HubSource(self.name(rest), commit[:12], page, settings.max_file_bytes)
        try:
            for number, row in enumerate(_rows(folder, name, config)):
                source.add(row, number, settings.hub.text_column)
        except SourceError:
            raise
        except Exception as error:  # datasets raises what its readers raise
            raise SourceError(
                f"{source.name} cannot be read as rows: {first_line(error)}",
                "It needs Parquet, JSON, CSV or text files.",
            ) from error
        return source


@dataclass
class _Text:
    parts: list[str] = field(default_factory=list)
    url: str = ""


class HubSource:
    """The rows of a dataset, held in memory by the file that they name."""

    remark = ""

    def __init__(self, name: str, version: str, page: str, max_bytes: int) -> None:
        self.links = Links()
        self.name = name
        self.version = version
        self._page = page
        self._max_bytes = max_bytes
        self._texts: dict[str, _Text] = {}

    def add(self, row: Mapping[str, Any], number: int, column: str) -> None:
        """Take a row in. Raises SourceError where no column holds text."""
        text = row.get(self._text_column(row, column))
        if isinstance(text, list):
            text = "\n\n".join(str(part) for part in text)
        if not isinstance(text, str) or not text.strip():
            return
        given = next((row[name] for name in _PATHS if isinstance(row.get(name), (str, int))), number)
        path = posixpath.normpath(f"/{given}").lstrip("/") or str(number)
        held = self._texts.setdefault(path, _Text())
        held.parts.append(text)
        address = row.get("url")
        if isinstance(address, str) and urlsplit(address).scheme in {"http", "https"}:
            held.url = address

    def __len__(self) -> int:
        return len(self._texts)

    def text(self, path: str) -> str:
        if path not in self._texts:
            raise NotIncludedError("not found")
        return "\n\n".join(self._texts[path].parts)

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        for path, held in sorted(self._texts.items()):
            data = self.text(path).encode("utf-8", "replace")
            url = held.url or self._page
            if len(data) > self._max_bytes:
                yield too_large(f"{path}.md", len(data), self._max_bytes)
            elif markup_of(path):
                yield read_bytes(path, Address(url), data)
            else:
                yield SourceFile(path, url, "markdown", data.decode("utf-8"))

    def _text_column(self, row: Mapping[str, Any], column: str) -> str:
        if column in row:
            return column
        found = next((name for name in _TEXTS if name in row), "")
        if column or not found:
            wanted = f"column {column}" if column else "column that is known to hold text"
            raise SourceError(
                f"{self.name} has no {wanted}. It has {', '.join(row)}.",
                "Name the right one: curation.documents.hub.text_column.",
            )
        return found


def _parts(rest: str) -> tuple[str, str]:
    found = _SPEC.match(rest.strip())
    if not found:
        raise SourceError(
            f"hub:{rest} is not a dataset.", "Write hub:OWNER/DATASET or hub:OWNER/DATASET:CONFIG."
        )
    return found["name"], found["config"] or ""


def _fetched(name: str, settings: HubSettings, downloads: Path) -> tuple[str, Path]:
    """The newest commit of a dataset, and the folder with its data files. What was fetched of that commit is
    not fetched again. Raises SourceError."""
    from huggingface_hub import HfApi

    token = settings.token.get_secret_value()
    api = HfApi(
        endpoint=settings.endpoint.rstrip("/") or None,
        token=token or (False if settings.endpoint else None),  # a stored token is for the Hub alone
    )
    with _told(name):
        info = api.dataset_info(name, files_metadata=True)
        commit = str(info.sha or "")
        size = sum(file.size or 0 for file in info.siblings or [] if _is_data(file.rfilename))
        if not re.fullmatch(r"[0-9a-f]{7,64}", commit) or not size:
            raise SourceError(
                f"hub:{name} has no data files that can be read.",
                "Looked for Parquet, JSON, CSV and text files.",
            )
        if size > settings.max_bytes:
            raise SourceError(
                f"hub:{name} holds {size:,} bytes, more than curation.documents.hub.max_bytes.",
                "Raise that, or publish the part that is wanted as a dataset of its own.",
            )
        folder = downloads / commit
        for other in downloads.iterdir() if downloads.exists() else ():
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
        api.snapshot_download(
            name, repo_type="dataset", revision=commit, local_dir=folder, allow_patterns=["README.md", *_DATA]
        )
    return commit, folder


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Raises SourceError for what goes wrong between us and the Hub."""
    import httpx
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        yield
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise SourceError(
            f"The Hub shows no dataset {name}.",
            "Check the spelling. A private one needs a token (curation.documents.hub.token).",
        ) from error
    except OfflineModeIsEnabled as error:
        raise SourceError(
            f"hub:{name} is not fetched: HF_HUB_OFFLINE is set.", "Unset it to read from the Hub."
        ) from error
    except (HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise SourceError(
            f"hub:{name} could not be fetched: {first_line(error)}",
            "Run it again later: what has been fetched is kept.",
        ) from error


def _is_data(path: str) -> bool:
    return path.endswith(tuple(pattern[1:] for pattern in _DATA))


def _rows(folder: Path, name: str, config: str) -> Iterator[Mapping[str, Any]]:
    """Every row of every split. Raises SourceError where a configuration must be named, or is not there."""
    import datasets

    configs = datasets.get_dataset_config_names(str(folder))
    if (config and config not in configs) or (not config and len(configs) > 1 and "default" not in configs):
        raise SourceError(
            f"hub:{name} has no configuration {config}."
            if config
            else f"hub:{name} has several configurations.",
            f"Name one: {', '.join(f'hub:{name}:{one}' for one in configs[:10])}",
        )
    chosen = config or ("default" if "default" in configs else configs[0])
    for split in datasets.load_dataset(str(folder), chosen, streaming=True).values():
        yield from split
