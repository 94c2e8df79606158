"""Examples from the datasets of `clayloop generations`: what the bot's language model is trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from curation import COMPARED, SettingsError, original

_GOOD = 4  # mean rating from which an answer is one to imitate


class Judged(NamedTuple):
    """An answer that people judged: the mean of their ratings, from 1 to 5, the name of the metadata with
    what the model was told, and the answer."""

    rating: float
    messages: str
    text: str

    @property
    def is_good(self) -> bool:
        return self.rating >= _GOOD


def judged(record: Mapping[str, Any]) -> list[Judged]:
    """The answers of a record that somebody judged, the best first. One that more people call good than bad
    counts as rated 5, else 1. Raises SettingsError for a record of another dataset."""
    if "quality" in record:
        said = [one["value"] for one in record["quality"]]
        rating = 5.0 if said.count("good") > said.count("bad") else 1.0
        return [Judged(rating, "messages", original(record["generation"]))] if said else []
    found = []
    for number in range(COMPARED):
        name = f"generations-{number}"
        if f"{name}-rating" not in record:
            raise _foreign(record)
        ratings = [one["value"] for one in record[f"{name}-rating"]]
        if ratings and record.get(name):
            mean = sum(ratings) / len(ratings)
            found.append(Judged(mean, f"messages-{number}", original(record[name])))
    return sorted(found, key=lambda one: -one.rating)


def preferred(record: Mapping[str, Any]) -> tuple[Judged, Judged] | None:
    """The better and the worse of two answers; None where they are equal, or one was not judged."""
    found = judged(record)
    is_clear = len(found) == COMPARED and found[0].rating > found[1].rating
    return (found[0], found[1]) if is_clear else None


class BotAnswers:
    """The formatting functions for supervised fine-tuning (``good``), reward models (``pairs``) and DPO
    (``preferences``). ``tokenizer`` is that of the model to be trained: it knows how a chat is written.

    Several annotators: an answer is good if more say so than not; ratings are averaged, and equal ones teach
    nothing. Raises SettingsError for a tokenizer without chat template, or a record of another dataset.
    """

    def __init__(self, tokenizer: Any) -> None:
        if getattr(tokenizer, "chat_template", None) is None:
            raise SettingsError(
                "The tokenizer has no chat template, so what the bot asks cannot become text.",
                "Take the tokenizer of a model that was made for chats, or set tokenizer.chat_template.",
            )
        self._tokenizer = tokenizer

    def good(self, record: Mapping[str, Any]) -> str | None:
        """What was asked and an answer that people called good, or that they rated 4 or better on average."""
        found = judged(record)
        if not found or not found[0].is_good:
            return None
        return self._prompt(record, found[0].messages) + found[0].text

    def pairs(self, record: Mapping[str, Any]) -> tuple[str, str] | None:
        """The better and the worse answer, each after what was asked."""
        found = self.preferences(record)
        if found is None:
            return None
        prompt, chosen, rejected = found
        return prompt + chosen, prompt + rejected

    def preferences(self, record: Mapping[str, Any]) -> tuple[str, str, str] | None:
        """What was asked, the better and the worse answer. Where the two were asked differently, it is what
        the better one was."""
        if (found := preferred(record)) is None:
            return None
        better, worse = found
        return self._prompt(record, better.messages), better.text, worse.text

    def _prompt(self, record: Mapping[str, Any], name: str) -> str:
        try:
            messages: Sequence[Any] = json.loads(record["metadata"][name])
        except (KeyError, ValueError) as error:
            raise _foreign(record) from error
        written: str = self._tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True
        )
        return written


def _foreign(record: Mapping[str, Any]) -> SettingsError:
    return SettingsError(
        f"Record {record.get('id')!r} was not logged by `clayloop generations`.",
        "Give its dataset of generations or of preferences, or a formatting_func of your own.",
    )
