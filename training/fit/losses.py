"""The training losses by name, each inside MatryoshkaLoss (Kusupati et al. 2022, arXiv:2205.13147)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from training.fit_settings import FitSettings

# Inverse temperature of the contrastive losses: sentence-transformers' own for MultipleNegativesRankingLoss.
_SCALE = 20.0
# By how much of a cosine the triplet loss wants the right text to be ahead.
_TRIPLET_MARGIN = 0.3


def make_loss(model: Any, settings: FitSettings, dimensions: Sequence[int], several: bool = False) -> Any:
    """The loss ``settings.loss`` on ``model`` at each of ``dimensions``.

    ``mnrl`` pulls every question to its own text and pushes it from all others of the batch (Henderson et al. 2017,
    arXiv:1705.00652); ``cached-mnrl`` is the same in pieces that fit into memory (Gao et al. 2021, arXiv:2101.06983);
    ``gist`` leaves out the texts that a frozen copy of the starting model finds as good as the right one (Solatorio 2024,
    arXiv:2402.16829); ``triplet`` has one negative a question. ``several``: texts of other processes are negatives too.
    """
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss

    inner = _inner(model, settings, several)
    return MatryoshkaLoss(model, inner, matryoshka_dims=list(dimensions)) if len(dimensions) > 1 else inner


def gather(loss: Any, across: bool) -> None:
    """Whether ``loss`` takes the texts of other processes as negatives from now on."""
    for module in loss.modules():
        if "gather_across_devices" in vars(module):
            module.gather_across_devices = across


def _inner(model: Any, settings: FitSettings, several: bool) -> Any:
    from sentence_transformers.sentence_transformer import losses

    directions = ("query_to_doc", "doc_to_query") if settings.both_ways else ("query_to_doc",)
    contrast = {
        "scale": _SCALE,
        "directions": directions,
        "partition_mode": "per_direction" if settings.both_ways else "joint",
        "gather_across_devices": several,
    }
    if settings.loss == "mnrl":
        return losses.MultipleNegativesRankingLoss(model, **contrast)
    if settings.loss == "cached-mnrl":
        return losses.CachedMultipleNegativesRankingLoss(
            model, mini_batch_size=settings.mini_batch_size, **contrast
        )
    if settings.loss == "gist":
        guide = copy.deepcopy(model).eval().requires_grad_(False)
        return losses.GISTEmbedLoss(
            model,
            guide,
            temperature=1 / _SCALE,
            margin_strategy="relative",
            margin=settings.negative_margin,
            contrast_anchors=False,
            contrast_positives=False,
            gather_across_devices=several,
        )
    return losses.TripletLoss(
        model, distance_metric=losses.TripletDistanceMetric.COSINE, triplet_margin=_TRIPLET_MARGIN
    )
