"""Ratings of answers by a stronger language model: distilabel's UltraFeedback, its prompt and its reading of
what comes back (Cui et al. 2024, arXiv:2310.01377)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from curation.records.generation import AnsweredQuestion, GeneratedAnswer, Judgement
from curation.synthesis.language_model import LanguageModel
from curation.synthesis.remembered import Remembered
from curation.synthesis.thoughts import without_thoughts

_TOKENS = 512
_RATINGS = range(1, 6)


class Judge:
    """Rates answers with ``model``."""

    def __init__(self, model: LanguageModel, remembered: Remembered) -> None:
        self._model, self._remembered = model, remembered

    def rate(self, answered: AnsweredQuestion) -> AnsweredQuestion:
        """``answered`` with what the model says of its answers. It reads what they were to be found in:
        without that it would only know what sounds right.

        Nothing is usable unless each answer has its rating, else one could get another's. Raises
        LanguageModelError.
        """
        answers = answered.answers
        row = {"instruction": _instruction(answers), "generations": [one.answer for one in answers]}
        [[found]] = self._task.process([row])
        ratings, rationales = found.get("ratings") or [], found.get("rationales") or []
        judgements: list[Judgement | None] = [None] * len(answers)
        if len(ratings) == len(rationales) == len(answers):
            judgements = [_judgement(*said) for said in zip(ratings, rationales, strict=True)]
        return answered.model_copy(update={"judge": self._model.model, "judgements": tuple(judgements)})

    @cached_property
    def _task(self) -> Any:
        """The task, outside of any pipeline."""
        from distilabel.models.llms import LLM
        from distilabel.steps.tasks import UltraFeedback

        model, remembered = self._model, self._remembered

        class Asked(LLM):  # type: ignore[misc]
            """Our access to a language model, as distilabel wants one."""

            @property
            def model_name(self) -> str:
                return model.model

            def generate(self, inputs: list[Any], num_generations: int = 1) -> list[Any]:
                said = [remembered.complete(model, messages, _TOKENS, 0.0) for messages in inputs]
                nothing: dict[str, list[int]] = {"input_tokens": [0], "output_tokens": [0]}
                return [{"generations": [without_thoughts(text)[0]], "statistics": nothing} for text in said]

        logging.getLogger("distilabel").setLevel(logging.ERROR)  # it complains that there is no pipeline
        task = UltraFeedback(llm=Asked(), use_default_structured_output=False)
        task.load()
        return task


def _judgement(rating: object, rationale: object) -> Judgement | None:
    if not isinstance(rating, int) or rating not in _RATINGS:
        return None
    return Judgement(rating=rating, rationale=str(rationale or "").strip())


def _instruction(answers: Sequence[GeneratedAnswer]) -> str:
    sources = "\n\n---\n\n".join(dict.fromkeys(source for one in answers for source in one.sources))
    return (
        "Answer the question from the documentation.\n\n"
        f"Documentation:\n{sources}\n\nQuestion: {answers[0].question}"
    )
