"""What the language model made of each chunk, kept so that nothing is generated twice.

A folder for each recipe (model, prompts, settings), with one JSON file for each chunk: a person can read
them, and a changed chunk or recipe leads to another file.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from curation.errors import StateError
from curation.files import read_record, write_json
from curation.records.identity import content_id
from curation.records.triplet import QueryStyle
from curation.synthesis.prompts import templates_hash


class Recipe(BaseModel):
    """Everything but chance that decides what a chunk's queries look like."""

    model_config = ConfigDict(frozen=True)

    model: str
    few_shot: bool
    context: str
    num_queries: int
    styles: tuple[QueryStyle, ...]
    templates: str = Field(default_factory=templates_hash)

    @property
    def id(self) -> str:
        return content_id(self.model_dump_json())[:12]


class Generation(BaseModel):
    """The queries of one chunk. Empty ``positive``: the model was asked and gave nothing usable.

    ``style`` is that of the positive. ``queries`` are the variations of ``positive``. ``malformed`` counts
    what was dropped, by reason; the dropped texts are not kept. Token counts are the endpoint's.
    """

    model_config = ConfigDict(frozen=True)

    chunk_id: str
    style: QueryStyle = "question"
    positive: str = ""
    negative: str = ""
    queries: tuple[str, ...] = ()
    malformed: dict[str, int] = {}
    output_tokens: int = 0


class GenerationStore:
    """The generations of one recipe, in ``folder``/<recipe id>/."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.recipe = recipe
        self.folder = folder / recipe.id

    def open(self) -> None:
        """Write down the recipe, so that a person can tell the folders apart."""
        path = self.folder / "recipe.json"
        if not path.exists():
            write_json(path, self.recipe.model_dump())

    def put(self, generation: Generation) -> None:
        """Store atomically. Raises StateError when the disk is full or the folder cannot be written."""
        write_json(self._path(generation.chunk_id), generation.model_dump())

    def get(self, chunk_id: str) -> Generation | None:
        """None when nothing, or nothing readable, is stored: a damaged file is simply generated again."""
        try:
            generation = read_record(self._path(chunk_id), Generation)
        except (FileNotFoundError, StateError):
            return None
        return generation if generation.chunk_id == chunk_id else None

    def get_all(self, chunk_ids: Iterable[str]) -> dict[str, Generation]:
        """What is stored of ``chunk_ids``, in their order."""
        found = ((chunk_id, self.get(chunk_id)) for chunk_id in chunk_ids)
        return {chunk_id: generation for chunk_id, generation in found if generation is not None}

    def _path(self, chunk_id: str) -> Path:
        # Ids are hashes, but the table they come from is a file: never let one choose a path.
        name = chunk_id if chunk_id.isalnum() and len(chunk_id) <= 64 else content_id(chunk_id)
        return self.folder / f"{name}.json"
