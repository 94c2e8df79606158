"""A small corpus about plants, and what a good model would say about it."""

from __future__ import annotations

import re

from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk
from curation.settings import LanguageModelSettings, SynthesisSettings
from curation.synthesis.language_model import LanguageModel
from tests.curation.fake_endpoint import FakeEndpoint
from tests.curation.making import chunk_of

KEY = "sk-very-secret-0123456789"
SETTINGS = SynthesisSettings(num_queries=3, styles=["question"])
NAMES = ["apple", "birch", "cedar", "daisy", "elder", "ferns", "grape", "hazel"]


def chunk(name: str, text: str = "") -> Chunk:
    section = ("Garden manual", f"Growing {name} at home")
    body = text or f"Put the {name} into the ground in spring and give it water daily."
    text = f"{' > '.join(section)}\n\n{body}"
    return chunk_of(f"{name}.md", section, text)


def corpus(*chunks: Chunk) -> Corpus:
    return Corpus([], chunks or [chunk(name) for name in NAMES])


def gardener(prompt: str) -> str:
    """What a good model would say to the pair prompt and to the variations prompt."""
    if prompt == "Hello":
        return "Hello!"
    name = re.findall("|".join(NAMES), prompt)[-1]
    if "## Positive" in prompt:
        right, wrong = f"When is the {name} put into the ground?", f"Who invented the {name} pie?"
        return f"## Positive\n{right}\n\n## Negative\n{wrong}"
    return f"- how much water does {name} need\n- spring {name}\n- When is the {name} put into the ground?"


def llm_at(endpoint: FakeEndpoint) -> LanguageModel:
    settings = {"base_url": endpoint.base_url, "api_key": KEY, "timeout": 10}
    return LanguageModel(LanguageModelSettings.model_validate(settings))
