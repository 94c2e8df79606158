"""The embedding model: texts in, unit vectors out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curation import SILENT, Progress, ReleaseError, SettingsError, first_line
from serving.retrieval.models import check_safe, model_name, resolve_model
from serving.retrieval.on_ray import EmbedBatch, embed_on_ray
from serving.retrieval.quick_model import QuickModel
from serving.retrieval.tokens import ModelTokenCounter, printable
from serving.retrieval.vectors import Vectors, truncate_vectors
from serving.settings import EmbeddingSettings

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

log = logging.getLogger(__name__)

# Fewer texts than this are embedded before a trial of both precisions would have paid.
TRIAL_FROM = 128
RAY_FROM = 1_000  # texts: fewer are embedded before they have arrived anywhere
_TRIAL_TEXTS = 8
_REMEMBERED = 10_000  # questions: 15 megabytes of vectors
_MOST_SHARED = 4  # models: the base as published, the base as weighed, the served one, and one more


class Embedder:
    """A sentence-transformers model with the settings it is run under.

    ``model`` is what EmbeddingSettings.model takes, a folder, or a model already in memory.
    ``name`` is what it is called in releases. Only safetensors are loaded, and no code that comes with a
    model is run. Raises SettingsError when it can't be loaded. Safe to use from several threads at once.

    ``counter`` counts tokens as the model does; None for a model without a fast tokenizer.
    ``faster`` is the precision that a trial found faster here (with precision ``auto``), None before the
    first trial.
    """

    def __init__(
        self,
        model: str | Path | SentenceTransformer | QuickModel,
        settings: EmbeddingSettings,
        name: str | None = None,
    ) -> None:
        self.settings = settings
        self.folder: Path | None = None
        self.faster: str | None = None

        if settings.threads:
            _limit_threads(settings.threads, isinstance(model, QuickModel))
        if isinstance(model, str | Path):
            resolved = resolve_model(str(model))
            self.folder = resolved if isinstance(resolved, Path) else None
            self.name = name or model_name(model)
            self.model: Any = _load(resolved, settings)
        else:
            self.name = name or "in-memory"
            self.model = model
        self.dimension: int = int(self.model.get_embedding_dimension() or 0)
        if self.dimension <= 0:
            raise SettingsError(
                f"{self.name} does not say how long its vectors are.",
                "Use a sentence-transformers model that gives one vector a text.",
            )
        limit = self.model.max_seq_length
        self.max_tokens: int = int(limit) if limit and limit < 1_000_000 else 512
        self.is_quick = isinstance(self.model, QuickModel)
        if self.is_quick:
            self.counter: ModelTokenCounter | None = self.model.counter
        else:
            # A copy: the model's own tokenizer truncates and pads, and may be at work in another thread.
            backend = getattr(getattr(self.model, "tokenizer", None), "backend_tokenizer", None)
            self.counter = None if backend is None else ModelTokenCounter.of(backend)
        self.batch_size = batch_size(self.model.device.type)
        self._asked: dict[str, Vectors] = {}

    @classmethod
    def quick(
        cls,
        folder: Path,
        settings: EmbeddingSettings,
        name: str,
        max_tokens: int | None = None,
        like: QuickModel | None = None,
        without: Sequence[str] = (),
    ) -> Embedder:
        """For one question at a time: the model in ``folder`` without torch, where that can be (QuickModel,
        which takes the layers of ``like``) and no other device is set. ``without`` names layers that are left
        out. Raises what the constructor raises."""
        may = settings.device in ("auto", "cpu") and settings.precision != "bfloat16"
        model = QuickModel.load(folder, max_tokens, like, without) if may else None
        embedder = cls(model or folder, settings, name)
        if model is None:
            embedder.remove_layers(without)
        return embedder

    @classmethod
    def shared(cls, model: str | Path, settings: EmbeddingSettings, without: Sequence[str] = ()) -> Embedder:
        """The one of this process, which is loaded once and remembers what it was asked before: for one
        thread. Releases that differ in their index alone have the same. ``without`` names layers that are
        taken off; nobody may change its model otherwise. Raises what the constructor raises."""
        key = (_identity(resolve_model(str(model))), settings.model_dump_json(exclude={"model"}), *without)
        if key not in _shared:
            if len(_shared) >= _MOST_SHARED:
                _shared.clear()
            _shared[key] = cls(model, settings)
            _shared[key].remove_layers(without)
        return _shared[key]

    @staticmethod
    def forget_shared() -> None:
        """Let go of them: something else needs the memory."""
        _shared.clear()

    def placed(self, folder: Path, name: str) -> Embedder:
        """The same model, whose files stand in ``folder`` too, under the name of a release."""
        other = copy(self)
        other.folder, other.name = folder, name
        return other

    def queries(self, texts: Sequence[str], dim: int | None = None, progress: Progress = SILENT) -> Vectors:
        """Embed questions: (n, dim) float32 of unit length, in the order of ``texts``.

        The model's query prompt is applied. ``dim`` cuts to a Matryoshka dimension. The last few thousand are
        remembered: a release is judged, calibrated and searched with the same questions. Raises ReleaseError
        when the model gives NaN.
        """
        asked = self._asked
        missing = [text for text in dict.fromkeys(texts) if text not in asked]
        if missing:
            new = self._embed(self.model.encode_query, missing, None, progress, "Embedding questions")
            asked = {**asked, **dict(zip(missing, new, strict=True))}
            self._asked = asked if len(asked) <= _REMEMBERED else {}
        if not len(texts):
            return np.zeros((0, dim or self.dimension), dtype=np.float32)
        return truncate_vectors(np.stack([asked[text] for text in texts]), dim or self.dimension)

    def remove_layers(self, names: Sequence[str]) -> bool:
        """Take the layers of these names off the model; whether there was one."""
        found = [name for name in names if self.model._modules.pop(name, None) is not None]
        if found:
            self.forget()
        return bool(found)

    def forget(self) -> None:
        """Nothing is remembered: the model has changed."""
        self._asked = {}

    def documents(
        self,
        texts: Sequence[str],
        progress: Progress = SILENT,
        dim: int | None = None,
        what: str = "Embedding chunks",
    ) -> Vectors:
        """Embed chunks, with the model's document prompt, and tell of it as ``what``. Otherwise as
        ``queries``."""
        return self._embed(self.model.encode_document, texts, dim, progress, what)

    def _embed(
        self,
        encode: Callable[..., Any],
        texts: Sequence[str],
        dim: int | None,
        progress: Progress,
        description: str,
    ) -> Vectors:
        vectors: Vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        lengths = self._lengths(texts)
        # Longest first over the whole list: batches hardly pad, and memory peaks at once or never.
        order = sorted(range(len(texts)), key=lambda index: -lengths[index])
        cleaned = [printable(texts[index]) for index in order]
        done = 0

        def take(count: int, precision: str) -> None:
            nonlocal done
            rows = slice(done, done + count)
            batch = cleaned[rows]
            with arithmetic(self.model.device.type, precision):
                vectors[order[rows]] = encode(
                    batch, batch_size=self.batch_size, convert_to_numpy=True, show_progress_bar=False
                )
            done += len(batch)
            advance(len(batch))

        with progress.task(description, total=len(texts), unit="texts") as advance:
            if self.settings.engine == "ray" and len(texts) >= RAY_FROM and not self.is_quick:
                size, is_query = self.batch_size, encode == self.model.encode_query
                batches = [cleaned[start : start + size] for start in range(0, len(cleaned), size)]
                for part in embed_on_ray(self.model, self.settings, in_worker, batches, is_query):
                    vectors[order[done : done + len(part)]] = part
                    done += len(part)
                    advance(len(part))
            else:
                precision = self._precision(len(texts)) or self._trial(cleaned, take)
                while done < len(cleaned):
                    take(self.batch_size, precision)
        if not np.isfinite(vectors).all():
            raise ReleaseError(
                f"The embedding model {self.name} gives vectors that are not numbers (NaN).",
                "Its weights are damaged or its training diverged: use another model or release.",
            )
        return truncate_vectors(vectors, dim or self.dimension)

    def _lengths(self, texts: Sequence[str]) -> list[int]:
        """Tokens that the model will read of each text: batches sorted by them hold 2% padding, by characters
        28%.

        Characters are counted where one batch takes all texts or the model has no fast tokenizer.
        """
        if len(texts) <= self.batch_size or self.counter is None:
            return [len(text) for text in texts]
        return [min(count, self.max_tokens) for count in self.counter.counts(texts)]

    def _precision(self, texts: int) -> str | None:
        """float32 or bfloat16, as set or as an earlier trial found. None: a trial has to find out."""
        if self.settings.precision != "auto":
            return self.settings.precision
        if self.model.device.type != "cpu" or texts < TRIAL_FROM:
            return "float32"
        return self.faster

    def _trial(self, texts: Sequence[str], take: Callable[[int, str], None]) -> str:
        """Embed the first batches of ``texts`` in each precision in turn, and return the faster one."""
        best = {"float32": 0.0, "bfloat16": 0.0}
        for number in range(2 * len(best)):
            precision = ("float32", "bfloat16")[number % 2]
            batch = texts[number * _TRIAL_TEXTS : (number + 1) * _TRIAL_TEXTS]
            started = time.perf_counter()
            take(len(batch), precision)
            rate = sum(map(len, batch)) / (time.perf_counter() - started)
            best[precision] = max(best[precision], rate)
        faster = max(best, key=lambda precision: best[precision])
        self.faster = faster
        log.info(
            "%s: %s is faster (float32 %.0f, bfloat16 %.0f characters a second)",
            self.name,
            faster,
            best["float32"],
            best["bfloat16"],
        )
        return faster


def in_worker(folder: Path, settings: EmbeddingSettings) -> EmbedBatch:
    """What embeds a batch in a worker of Ray, as ``Embedder`` does it."""
    embedder = Embedder(folder, settings)

    def embed(batch: list[str], is_query: bool) -> Vectors:
        encode = embedder.model.encode_query if is_query else embedder.model.encode_document
        with arithmetic(embedder.model.device.type, settings.precision):
            found: Vectors = encode(
                batch, batch_size=embedder.batch_size, convert_to_numpy=True, show_progress_bar=False
            )
        return found

    return embed


_shared: dict[tuple[str, ...], Embedder] = {}


def _identity(model: Path | str) -> str:
    """What is equal where the files are: releases share theirs by hard links."""
    if isinstance(model, str):
        return model
    files = ((path, path.stat()) for path in sorted(model.rglob("*")) if path.is_file())
    return repr([(str(path.relative_to(model)), at.st_dev, at.st_ino, at.st_mtime_ns) for path, at in files])


def batch_size(device: str) -> int:
    """Texts embedded at once. Small batches hold less padding, which suits a CPU; a GPU likes more."""
    return 16 if device == "cpu" else 64


@contextmanager
def arithmetic(device: str, precision: str) -> Iterator[None]:
    """While the block runs, models compute in ``precision``: bfloat16 by autocast, else as they are."""
    if precision == "float32":
        yield
        return
    import torch

    with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bfloat16" and device != "mps"):
        yield


def _limit_threads(count: int, is_quick: bool) -> None:
    if is_quick:
        from threadpoolctl import threadpool_limits

        threadpool_limits(count)
        return
    import torch

    torch.set_num_threads(count)


def _load(model: str | Path, settings: EmbeddingSettings) -> Any:
    import sentence_transformers
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    is_folder = isinstance(model, Path)
    if isinstance(model, Path):
        check_safe(model)
    try:
        loaded = sentence_transformers.SentenceTransformer(
            str(model),
            device=None if settings.device == "auto" else settings.device,
            trust_remote_code=False,
            local_files_only=is_folder,
            model_kwargs={"use_safetensors": True},
        )
        return loaded.float().eval()  # whatever it is stored in: how it computes is our setting
    except AssertionError as error:  # torch's word for a device that it was not built for
        raise SettingsError(
            f"The embedding model can't be put on {settings.device}: {first_line(error)}",
            "Set serving.embedding.device to auto or cpu, or install a build of torch for it.",
        ) from error
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError) as error:
        raise SettingsError(
            f"The embedding model {str(model)!r} can't be loaded: {first_line(error)}",
            "Check serving.embedding.model"
            + ("." if is_folder else " and the network, or use a folder or package:NAME.")
            + " Only sentence-transformers models with safetensors are loaded.",
        ) from error
