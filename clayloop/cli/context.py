"""What every command starts from: the settings, the state folder, and somewhere to report to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clayloop.console import TerminalProgress
from clayloop.settings import Settings, load_settings
from curation import Home

if TYPE_CHECKING:
    import argilla as rg

    from curation import Corpus, LanguageModel
    from serving import Embedder

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]


@dataclass
class Context:
    """Shared by the commands of one invocation. Heavy parts are loaded on first use."""

    config: Path | None
    home_option: Path | None
    progress: TerminalProgress = field(default_factory=TerminalProgress)

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.config, self.home_option)

    @property
    def home(self) -> Home:
        return self.settings.state

    @cached_property
    def base_model(self) -> str:
        """Folder or name of the base embedding model."""
        from serving import resolve_model

        return str(resolve_model(self.settings.serving.embedding.model))

    @cached_property
    def base_embedder(self) -> Embedder:
        from serving import Embedder

        settings = self.settings.serving.embedding
        return Embedder(settings.model, settings)

    def corpus(self) -> Corpus:
        from curation import Corpus

        return Corpus.load(self.home)

    def argilla(self) -> rg.Argilla:
        from curation import connect_to_argilla

        return connect_to_argilla(self.settings.curation.argilla, self.home)

    def language_model(self) -> LanguageModel | None:
        """The language model if one answers now, else None."""
        from clayloop.up.services import model_base_url
        from curation import LanguageModel

        base_url = model_base_url(self.settings)
        return LanguageModel(self.settings.curation.language_model, base_url) if base_url else None


def of(ctx: typer.Context) -> Context:
    """The Context of a running command."""
    found = ctx.find_object(Context)
    assert found is not None  # noqa: S101 - set by the callback before any command runs
    return found
