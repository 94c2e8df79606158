"""The reranker: a cross-encoder that reads question and chunk together and orders the nearest chunks anew.

Its scores are mixed with the cosines: one that was trained on few rows is a poor judge by itself and still a good adviser.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curation import ReleaseError, SettingsError
from serving.releases.record import RERANKER_FOLDER, Release, RerankerInfo
from serving.retrieval.embedding import arithmetic
from serving.retrieval.models import check_safe, resolve_model
from serving.retrieval.tokens import printable
from serving.settings import EmbeddingSettings, ServingSettings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

Numbers = npt.NDArray[np.float32]


class Reranker:
    """A cross-encoder with what the release says about it. ``folder`` is where it was loaded from, if it was.

    Safe to use from several threads at once.
    """

    def __init__(
        self, model: CrossEncoder, info: RerankerInfo, settings: EmbeddingSettings, folder: Path | None = None
    ) -> None:
        self.model: Any = model
        self.info = info
        self.settings = settings
        self.folder = folder

    @classmethod
    def open(cls, folder: Path, info: RerankerInfo, settings: EmbeddingSettings) -> Reranker:
        """Load what lies in ``folder``. Raises ReleaseError when it is missing or damaged."""
        try:
            model = load_cross_encoder(folder, settings, info.max_tokens)
        except SettingsError as error:
            raise ReleaseError(
                f"The reranker in {folder} can't be loaded: {error.message}",
                "Promote another release (`clayloop releases`), or set serving.retrieval.rerank = false.",
            ) from error
        return cls(model, info, settings, folder)

    @classmethod
    def of_release(cls, folder: Path, release: Release, settings: ServingSettings) -> Reranker | None:
        """The reranker of the release in ``folder``; None where it has none or the settings do without."""
        if release.reranker is None or not settings.retrieval.rerank:
            return None
        return cls.open(folder / RERANKER_FOLDER, release.reranker, settings.embedding)

    def scores(self, pairs: Sequence[tuple[str, str]]) -> Numbers:
        """How well each (question, text) fits: (n,) logits, larger is better. Raises ReleaseError for NaN."""
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        import torch

        with arithmetic(self.model.device.type, self.settings.precision):
            found = self.model.predict(
                [(printable(question), printable(text)) for question, text in pairs],
                batch_size=self.settings.batch_size,
                activation_fn=torch.nn.Identity(),
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        scores: Numbers = np.asarray(found, dtype=np.float32).reshape(-1)
        if not np.isfinite(scores).all():
            raise ReleaseError(
                f"The reranker {self.info.name} gives scores that are not numbers (NaN).",
                "Its weights are damaged: promote another release, or set serving.retrieval.rerank = false.",
            )
        return scores

    def order(self, question: str, texts: Sequence[str], cosines: Sequence[float]) -> list[int]:
        """The places of ``texts``, best first, by its scores and the ``cosines`` together."""
        scores = self.scores([(question, text) for text in texts])
        mixed = fuse(np.asarray(cosines, dtype=np.float32), scores, self.info.weight)
        return [int(place) for place in np.argsort(-mixed, kind="stable")]


def fuse(cosines: Numbers, scores: Numbers, weight: float) -> Numbers:
    """``weight`` · scores + (1 − ``weight``) · cosines, each standardised over the last axis, the candidates of a question.

    A convex combination of normalised scores (Bruch, Gai and Ingber 2023, arXiv:2210.11934). What does not vary over the
    candidates says nothing about them and counts as 0.
    """
    mixed: Numbers = weight * _standardised(scores) + (1 - weight) * _standardised(cosines)
    return mixed


def load_cross_encoder(model: str | Path, settings: EmbeddingSettings, max_tokens: int) -> CrossEncoder:
    """A cross-encoder with one output. A model without a head gets a new one, drawn from torch's random numbers.

    ``model`` is what serving.embedding.model takes. Only safetensors are loaded and no code that comes with a model is
    run. Raises SettingsError.
    """
    import sentence_transformers

    resolved = resolve_model(str(model))
    if isinstance(resolved, Path):
        check_safe(resolved)
    try:
        with _quiet():
            return sentence_transformers.CrossEncoder(
                str(resolved),
                num_labels=1,
                max_length=max_tokens,
                device=None if settings.device == "auto" else settings.device,
                trust_remote_code=False,
                local_files_only=isinstance(resolved, Path),
                model_kwargs={"use_safetensors": True},
            ).eval()
    except Exception as error:  # damaged files fail in a dozen ways, each library's own
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SettingsError(
            f"{str(model)!r} can't be loaded as a reranker: {first}",
            "It takes a transformer or a cross-encoder with one output, as safetensors, of which a sentence-transformers "
            "CrossEncoder can be made (not one of plain word vectors).",
        ) from error


def _standardised(values: Numbers) -> Numbers:
    centred = values - values.mean(axis=-1, keepdims=True)
    spread = values.std(axis=-1, keepdims=True)
    found: Numbers = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 1e-6)
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without a progress bar, and without warnings about the head's weights, which are meant to be new."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    loggers = [logging.getLogger(name) for name in ("transformers", "sentence_transformers")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
