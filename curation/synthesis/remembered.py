"""What language models said, kept so that nobody is asked the same twice: a killed command goes on, and a
second one costs nothing and says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curation.errors import StateError
from curation.files import read_record, write_json
from curation.records.identity import content_id
from curation.synthesis.language_model import ChatMessage, LanguageModel


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore")

    text: str


@dataclass(frozen=True)
class Remembered:
    """A folder with one JSON file for each answer. Its name is a hash of the model and of all that it was
    told: another endpoint, model, prompt or passage is asked anew."""

    folder: Path

    def complete(
        self,
        model: LanguageModel,
        messages: Sequence[ChatMessage],
        max_tokens: int,
        temperature: float,
        stop: Sequence[str] | None = None,
    ) -> str:
        """As ``LanguageModel.complete``. Raises StateError too, when the answer cannot be kept."""
        told = [part for message in messages for part in (message["role"], message["content"])]
        where = "" if model.is_embedded else model.address  # its port changes
        key = content_id("said", where, model.model, str(max_tokens), *told)
        path = self.folder / f"{key}.json"
        try:
            return read_record(path, _Said).text
        except (FileNotFoundError, StateError):
            pass  # nothing readable: it is asked
        text = model.complete(messages, max_tokens, temperature, stop)
        write_json(path, {"model": model.model, "text": text}, mode=0o600)
        return text
