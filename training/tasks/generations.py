"""Examples from the datasets of `clayloop generations`: what the bot's language model is trained on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from curation import COMPARED, SettingsError, original

_GOOD = 4  # mean rating from which an answer is one to imitate


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
        if "quality" in record:
            said = [one["value"] for one in record["quality"]]
            if said.count("good") <= said.count("bad"):
                return None
            return self._prompt(record, "messages") + original(record["generation"])
        rated = self._rated(record)
        if not rated or rated[0][0] < _GOOD:
            return None
        _, prompt, answer = rated[0]
        return prompt + answer

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
        rated = self._rated(record)
        if len(rated) < COMPARED or rated[0][0] == rated[-1][0]:
            return None
        return rated[0][1], rated[0][2], rated[-1][2]

    def _rated(self, record: Mapping[str, Any]) -> list[tuple[float, str, str]]:
        """Mean rating, prompt and text of each answer that somebody rated, the best first."""
        found = []
        for number in range(COMPARED):
            name = f"generations-{number}"
            if f"{name}-rating" not in record:
                raise _foreign(record)
            ratings = [one["value"] for one in record[f"{name}-rating"]]
            if ratings and record.get(name):
                mean = sum(ratings) / len(ratings)
                found.append((mean, self._prompt(record, f"messages-{number}"), original(record[name])))
        return sorted(found, key=lambda one: -one[0])

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
