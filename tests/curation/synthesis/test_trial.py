"""The templates that suit a model, found by a short trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from curation.errors import LanguageModelError
from curation.progress import SILENT, Progress
from curation.records.chunk import Chunk
from curation.synthesis.store import Generation, GenerationStore, Recipe
from curation.synthesis.trial import choose_templates
from tests.curation.argilla.sample import small_corpus

CHUNKS = small_corpus().chunks


class Told(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def stores(folder: Path) -> dict[bool, GenerationStore]:
    return {
        few_shot: GenerationStore(
            folder,
            Recipe(model="unknown", few_shot=few_shot, context="", num_queries=1, styles=("question",)),
        )
        for few_shot in (False, True)
    }


class Model:
    """Answers so many chunks with each kind of templates."""

    def __init__(self, plain: int, few_shot: int) -> None:
        self._usable = {False: plain, True: few_shot}
        self.asked = 0

    def __call__(self, chunks: Sequence[Chunk], store: GenerationStore) -> None:
        self.asked += len(chunks)
        for number, chunk in enumerate(chunks):
            usable = number < self._usable[store.recipe.few_shot]
            store.put(Generation(chunk_id=chunk.id, positive=f"How {number}?" if usable else ""))


@pytest.mark.parametrize(("plain", "few_shot", "chosen"), [(0, 6, True), (7, 7, False), (8, 3, False)])
def test_the_better_templates_are_chosen_and_it_is_said(
    tmp_path: Path, plain: int, few_shot: int, chosen: bool
) -> None:
    model, told = Model(plain, few_shot), Told()
    assert choose_templates(CHUNKS, stores(tmp_path), model, told) is chosen
    assert f"larger models: usable queries for {plain} of 8 chunks" in told.lines[0]
    assert "    How 0?" in told.lines
    assert told.lines[-1].startswith("Chosen: templates")
    assert choose_templates(CHUNKS, stores(tmp_path), model, SILENT) is chosen
    assert model.asked == 16  # the second time nothing


def test_a_model_that_gives_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LanguageModelError, match="no usable query for any of 8"):
        choose_templates(CHUNKS, stores(tmp_path), Model(0, 0), SILENT)
