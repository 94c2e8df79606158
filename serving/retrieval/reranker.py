"""The reranker: a cross-encoder that reads question and chunk together and orders the nearest chunks anew.

Its scores are mixed with the cosines, because a weak cross-encoder is a poor judge alone and still a good
adviser.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from curation import ReleaseError, SettingsError, StateError, first_line
from serving.retrieval.embedding import arithmetic, batch_size
from serving.retrieval.models import check_safe, resolve_model
from serving.retrieval.tokens import printable
from serving.settings import EmbeddingSettings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Scores = npt.NDArray[np.float32]

# What a cross-encoder consists of: weights, configuration, tokenizer.
_FILES = ("*.safetensors", "*.json", "*.txt", "*.model")


class RerankerInfo(BaseModel):
    """How a cross-encoder is used. It reads the ``candidates`` nearest chunks, ``max_tokens`` of question and
    chunk together. Its scores weigh ``weight`` (0 to 1), the cosines the rest."""

    name: str
    candidates: int
    max_tokens: int
    weight: float


@dataclass(frozen=True)
class RerankerChoice:
    """A cross-encoder for a release. ``model`` is a folder, a Hugging Face name, or package:NAME."""

    model: str | Path
    info: RerankerInfo


class Reranker:
    """A loaded cross-encoder. ``folder`` is where its files are, None for a Hugging Face name.

    Safe to use from several threads at once. Make one with ``Reranker.open``.
    """

    def __init__(
        self, model: CrossEncoder, info: RerankerInfo, settings: EmbeddingSettings, folder: Path | None = None
    ) -> None:
        self.model: Any = model
        self.info = info
        self.settings = settings
        self.folder = folder

    @classmethod
    def open(cls, model: str | Path, info: RerankerInfo, settings: EmbeddingSettings) -> Reranker:
        """Load a cross-encoder: a folder, a Hugging Face name, or package:NAME. Only safetensors are loaded,
        and no code that comes with it is run. Raises SettingsError, also for a transformer that has no head
        for scores."""
        resolved = resolve_model(str(model))
        folder = resolved if isinstance(resolved, Path) else None
        if folder is not None:
            check_safe(folder)
        return cls(_load(resolved, settings, info.max_tokens), info, settings, folder)

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Scores:
        """How well each (question, text) fits: (n,) logits, larger is better. Raises ReleaseError for NaN."""
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        import torch

        with arithmetic(self.model.device.type, self.settings.precision):
            found = self.model.predict(
                [(printable(question), printable(text)) for question, text in pairs],
                batch_size=batch_size(self.model.device.type),
                activation_fn=torch.nn.Identity(),
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        scores: Scores = np.asarray(found, dtype=np.float32).reshape(-1)
        if not np.isfinite(scores).all():
            raise ReleaseError(
                f"The reranker {self.info.name} gives scores that are not numbers (NaN).",
                "Its weights are damaged: promote another release, or set serving.retrieval.rerank = false.",
            )
        return scores

    def order(self, question: str, texts: Sequence[str], cosines: Sequence[float]) -> list[int]:
        """The places of ``texts``, best first, by its scores and the ``cosines`` together."""
        scores = self.scores([(question, text) for text in texts])
        mixed = mix_scores(np.asarray(cosines, dtype=np.float32), scores, self.info.weight)
        return [int(place) for place in np.argsort(-mixed, kind="stable")]


def mix_scores(cosines: Scores, scores: Scores, weight: float) -> Scores:
    """``weight`` · scores + (1 − ``weight``) · cosines, each standardised over a question's candidates.

    Candidates lie on the last axis.
    A convex combination of normalised scores (Bruch, Gai and Ingber 2023, arXiv:2210.11934). Values that are
    the same for all candidates say nothing about them and count as 0.
    """
    mixed: Scores = weight * _standardised(scores) + (1 - weight) * _standardised(cosines)
    return mixed


def copy_cross_encoder(model: str | Path, folder: Path) -> None:
    """Put the files of a cross-encoder into ``folder``, replacing what is there. Raises SettingsError when
    they can't be had, StateError when they can't be written."""
    source = resolve_model(str(model))
    if isinstance(source, str):
        from huggingface_hub import snapshot_download

        try:
            source = Path(snapshot_download(source, allow_patterns=list(_FILES)))
        except Exception as error:  # the hub's own exceptions have no common base
            raise SettingsError(
                f"The reranker {str(model)!r} can't be had: {first_line(error)}",
                "Check training.reranker.model and the network, or use a folder.",
            ) from error
    try:
        shutil.rmtree(folder, ignore_errors=True)
        for path in sorted({path for pattern in _FILES for path in source.rglob(pattern)}):
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    except OSError as error:
        raise StateError(
            f"The reranker can't be copied to {folder}: {error}", "Check the free space (df)."
        ) from error


def _load(model: str | Path, settings: EmbeddingSettings, max_tokens: int) -> CrossEncoder:
    import sentence_transformers
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    try:
        loaded = sentence_transformers.CrossEncoder(
            str(model),
            max_length=max_tokens,
            device=None if settings.device == "auto" else settings.device,
            trust_remote_code=False,
            local_files_only=isinstance(model, Path),
            model_kwargs={"use_safetensors": True},
        ).eval()
    except Exception as error:  # damaged files fail in a dozen ways, each library's own
        raise _no_reranker(model, f"can't be loaded as a reranker: {first_line(error)}") from error
    if loaded.num_labels != 1:
        raise _no_reranker(model, f"gives {loaded.num_labels} scores for a question and a chunk, not one.")
    # Where the scores come from a module of their own, that module was loaded with the model.
    names = loaded.config.architectures or []
    if len(loaded) == 1 and not any(name.endswith("ForSequenceClassification") for name in names):
        raise _no_reranker(model, "has no head that gives scores: its own would be drawn at random.")
    return loaded


def _no_reranker(model: str | Path, why: str) -> SettingsError:
    return SettingsError(
        f"{str(model)!r} {why}",
        "Use a cross-encoder with one output, as safetensors, that sentence-transformers can load.",
    )


def _standardised(values: Scores) -> Scores:
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = values.std(axis=-1, keepdims=True)
    found: Scores = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-6)
    return found
