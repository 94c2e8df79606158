"""How much the bot was asked, day by day or release by release, as Argilla's conversations tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import find_kind
from curation.argilla.filters import has_metadata
from curation.argilla.schemas import YES
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg


class DayTraffic(BaseModel):
    """Questions that were asked on ``day`` (UTC), and those of them that the bot said it can't answer."""

    model_config = ConfigDict(frozen=True)

    day: date
    asked: int
    refused: int


class ReleaseTraffic(BaseModel):
    """Questions that ``release`` answered, those that it said it can't answer, and visitors' thumbs."""

    model_config = ConfigDict(frozen=True)

    release: str
    asked: int
    refused: int
    up: int
    down: int


def read_release_traffic(
    client: rg.Argilla, settings: ArgillaSettings, release: str, since: datetime
) -> ReleaseTraffic:
    """What was asked of a release and has come to Argilla since that moment. Raises ArgillaError."""
    api = Api.of(client)
    scope = {"entity": "record", "property": "inserted_at"}
    later: JsonObject = {"type": "range", "scope": scope, "ge": since.isoformat()}
    of_release = [has_metadata("release", release), later]
    counts = dict.fromkeys(("asked", "refused", "up", "down"), 0)
    for dataset in find_kind(api, settings, "conversations"):
        for name, filters in (
            ("asked", []),
            ("refused", [has_metadata("refused", YES)]),
            ("up", [has_metadata("thumb", "up")]),
            ("down", [has_metadata("thumb", "down")]),
        ):
            counts[name] += _count(api, dataset.id, [*of_release, *filters])
    return ReleaseTraffic(release=release, **counts)


def read_preferences(
    client: rg.Argilla, settings: ArgillaSettings, release: str, other: str
) -> tuple[int, int]:
    """In how many conversations visitors preferred the passages of ``release``, and of ``other``, where both
    were interleaved. A conversation has one voice. Raises ArgillaError."""
    api = Api.of(client)
    voice_of = {f"{release} over {other}": 1, f"{other} over {release}": -1}
    voices: Counter[str] = Counter()
    for dataset in find_kind(api, settings, "conversations"):
        if "preferred" in dataset.filters:
            for record in api.search_all(dataset.id, [has_metadata("preferred", *voice_of)]):
                known = record["metadata"]
                voices[str(known["conv_id"])] += voice_of[known["preferred"]]
    return sum(one > 0 for one in voices.values()), sum(one < 0 for one in voices.values())


def read_traffic(client: rg.Argilla, settings: ArgillaSettings, last: date, days: int) -> list[DayTraffic]:
    """The ``days`` days until ``last``, oldest first: two small requests a day at most. Raises
    ArgillaError."""
    api = Api.of(client)
    datasets = find_kind(api, settings, "conversations")
    found = []
    for day in (last - timedelta(days=back) for back in reversed(range(days))):
        asked = refused = 0
        of_day = has_metadata("day", day.isoformat())
        for dataset in datasets:
            asked += (here := _count(api, dataset.id, [of_day]))
            refused += _count(api, dataset.id, [of_day, has_metadata("refused", YES)]) if here else 0
        found.append(DayTraffic(day=day, asked=asked, refused=refused))
    return found


def _count(api: Api, dataset_id: str, filters: Sequence[JsonObject]) -> int:
    return api.search(dataset_id, filters, limit=1)[1]
