"""The steps of the distilabel pipeline that are ours. Imported only in the pipeline's own process.

No `from __future__ import annotations` here: distilabel looks for the type StepInput itself, not for its
name.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distilabel.constants import DISTILABEL_METADATA_KEY
from distilabel.steps import Step, StepInput
from distilabel.steps.tasks import GenerateSentencePair, Task

from curation.errors import ClayloopError
from curation.synthesis import prompts
from curation.synthesis.checking import check_pair, check_variations
from curation.synthesis.cleaning import split_queries
from curation.synthesis.progress_file import append_progress
from curation.synthesis.store import Generation, GenerationStore, Recipe
from curation.synthesis.styles import Example
from curation.synthesis.thoughts import without_thoughts

PAIR_STEP = "generate_sentence_pair"
MULTIPLY_STEP = "multiply_queries"

Row = dict[str, Any]


class CheckedSentencePair(GenerateSentencePair):  # type: ignore[misc]
    """GenerateSentencePair that asks once more, at ``retry_temperature``, where the answer was malformed.

    A malformed ``positive`` becomes None, a malformed ``negative`` empty; ``malformed`` lists the reasons.
    Each row says in which ``style`` the positive is to be put, and which queries of other texts people
    accepted (``accepted``).
    """

    retry_temperature: float = 0.7
    small_model: bool = False

    @property
    def outputs(self) -> list[str]:
        return [*super().outputs, "malformed"]

    def format_input(self, input: Row) -> list[dict[str, str]]:
        *before, told = super().format_input(input)
        return [
            *before,
            {**told, "content": told["content"] + prompts.in_style(input["style"], accepted_in(input))},
        ]

    def format_output(self, output: str | None, input: Row | None = None) -> Row:
        found: Row = super().format_output(_answer(output), input)
        return found

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        rows = [self._checked(row) for row in next(super().process(inputs))]
        missing = [number for number, row in enumerate(rows) if row["positive"] is None]
        if missing:
            for number, row in zip(missing, self._once_more([inputs[i] for i in missing]), strict=True):
                again = self._checked(row)
                again["malformed"] = rows[number]["malformed"] + again["malformed"]
                _add_tokens(again, self.name, output_tokens(rows[number], self.name))
                rows[number] = again
        yield rows

    def _once_more(self, inputs: list[Row]) -> list[Row]:
        before = self.llm.generation_kwargs
        self.llm.generation_kwargs = {**before, "temperature": self.retry_temperature}
        try:
            return list(next(super().process(inputs)))
        finally:
            self.llm.generation_kwargs = before

    def _checked(self, row: Row) -> Row:
        accepted = [one.query for one in accepted_in(row)]
        pair = check_pair(
            row["positive"], row.get("negative"), _source(row), self.small_model, row["style"], accepted
        )
        return {
            **row,
            "positive": pair.positive,
            "negative": pair.negative,
            "malformed": list(pair.malformed),
        }


class FewShotSentencePair(CheckedSentencePair):
    """The same for a very small model: worked examples, one query, no negative (it is chosen later)."""

    def format_input(self, input: Row) -> list[dict[str, str]]:
        return prompts.few_shot_query(input["topic"], input["body"], input["style"], accepted_in(input))

    def format_output(self, output: str | None, input: Row | None = None) -> Row:
        return {"positive": (_answer(output) or "").strip() or None, "negative": ""}


class MultipleQueries(Task):  # type: ignore[misc]
    """The tutorial's task: ``num_queries`` further queries in the words of others.

    Input column: ``query``. Output columns: ``queries`` (list of str; None when the model failed),
    ``model_name``.
    """

    num_queries: int = 3
    context: str = ""
    small_model: bool = False

    @property
    def inputs(self) -> list[str]:
        return ["query"]

    @property
    def outputs(self) -> list[str]:
        return ["queries", "model_name"]

    def format_input(self, input: Row) -> list[dict[str, str]]:
        if self.small_model:
            return prompts.few_shot_variations(input["query"])
        return prompts.variations(input["query"], self.num_queries, self.context)

    def format_output(self, output: str | None, input: Row | None = None) -> Row:
        said = _answer(output)
        return {"queries": None if said is None else split_queries(said)[: self.num_queries]}


class _Recorder(Step):  # type: ignore[misc]
    """Writes to the store and to the progress file, which the process that started the pipeline follows."""

    folder: str
    recipe: dict[str, Any]
    progress_file: str

    def process(self, inputs: StepInput) -> Iterator[list[Row]]:
        try:
            rows = self.recorded(inputs, GenerationStore(Path(self.folder), Recipe(**self.recipe)))
        except ClayloopError as error:
            self._tell(error=error.message, hint=error.hint)
            raise
        yield rows

    def recorded(self, rows: list[Row], store: GenerationStore) -> list[Row]:
        """The rows that go on to the next step."""
        raise NotImplementedError

    def _tell(self, **line: Any) -> None:
        append_progress(self.progress_file, **line)


class DropMalformed(_Recorder):
    """Drops rows without a positive query, stores that they were asked about, and reports failures."""

    @property
    def inputs(self) -> list[str]:
        return ["chunk_id", "positive", "malformed"]

    @property
    def outputs(self) -> list[str]:
        return ["chunk_id", "positive", "malformed"]

    def recorded(self, rows: list[Row], store: GenerationStore) -> list[Row]:
        good, failed, vain, all_tokens = [], [], [], 0
        for row in rows:
            tokens = output_tokens(row, PAIR_STEP)
            all_tokens += tokens
            if has_failed(row, PAIR_STEP):
                failed.append(row["chunk_id"])
            elif row["positive"] is not None:
                good.append({**row, "pair_tokens": tokens})
            else:
                vain.append(row["chunk_id"])
                store.put(
                    Generation(
                        chunk_id=row["chunk_id"],
                        style=row["style"],
                        malformed=dict(Counter(row["malformed"])),
                        output_tokens=tokens,
                    )
                )
        self._tell(done=vain, failed=failed, tokens=all_tokens)
        return good


class KeepQueries(_Recorder):
    """Cleans the merged queries of each chunk and stores them. A killed run goes on after what is stored."""

    small_model: bool = False

    @property
    def inputs(self) -> list[str]:
        return ["chunk_id", "anchor", "positive", "negative", "malformed"]

    @property
    def outputs(self) -> list[str]:
        return ["positive"]

    def recorded(self, rows: list[Row], store: GenerationStore) -> list[Row]:
        kept, failed, tokens = [], [], 0
        for row in rows:
            if has_failed(row, MULTIPLY_STEP):
                failed.append(row["chunk_id"])
                continue
            tokens += output_tokens(row, MULTIPLY_STEP)
            generation = self._generation(row)
            store.put(generation)
            kept.append({**row, "positive": [generation.positive, *generation.queries]})
        self._tell(done=[row["chunk_id"] for row in kept], failed=failed, tokens=tokens)
        return kept

    def _generation(self, row: Row) -> Generation:
        first, *others = row["positive"]
        kept, malformed = check_variations(others, first, row["negative"], _source(row), self.small_model)
        return Generation(
            chunk_id=row["chunk_id"],
            style=row["style"],
            positive=first,
            negative=row["negative"],
            queries=tuple(kept),
            malformed=dict(malformed + Counter(row["malformed"])),
            output_tokens=row["pair_tokens"] + output_tokens(row, MULTIPLY_STEP),
        )


def has_failed(row: Row, step: str) -> bool:
    """Whether the model failed on the row. distilabel then fills in None and goes on; only the raw output
    tells a failure from an answer that could not be parsed."""
    metadata = row.get(DISTILABEL_METADATA_KEY) or {}
    key = f"raw_output_{step}"
    if step == MULTIPLY_STEP and key not in metadata:
        return False  # no variations were asked for
    return metadata.get(key) is None


def output_tokens(row: Row, step: str) -> int:
    counted = ((row.get(DISTILABEL_METADATA_KEY) or {}).get(f"statistics_{step}") or {}).get("output_tokens")
    if isinstance(counted, list):
        return sum(count for count in counted if isinstance(count, int))
    return counted if isinstance(counted, int) else 0


def accepted_in(row: Row) -> list[Example]:
    """What people accepted, as a row brings it along."""
    return [Example.model_validate(one) for one in row["accepted"]]


def _answer(output: str | None) -> str | None:
    return None if output is None else without_thoughts(output)[0]


def _source(row: Row) -> str:
    return f"{row['topic']}\n{row['anchor']}"


def _add_tokens(row: Row, step: str, tokens: int) -> None:
    statistics = row.setdefault(DISTILABEL_METADATA_KEY, {}).setdefault(f"statistics_{step}", {})
    statistics["output_tokens"] = output_tokens(row, step) + tokens
