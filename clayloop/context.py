"""What a command starts from: the settings, the state folder, and somewhere to report to."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from clayloop.console import TerminalProgress
from clayloop.settings import Settings, load_settings
from curation import Home

if TYPE_CHECKING:
    import argilla as rg

    from curation import Corpus
    from serving import BaseVectors


@dataclass
class Context:
    """Shared by everything that one command does. Heavy parts are loaded when they are first used."""

    config: Path | None
    home_option: Path | None
    progress: TerminalProgress = field(default_factory=TerminalProgress)

    @cached_property
    def settings(self) -> Settings:
        """Raises SettingsError when the settings file is wrong."""
        return load_settings(self.config, self.home_option)

    @property
    def home(self) -> Home:
        """The state folder."""
        return self.settings.state

    @cached_property
    def base_embedder(self) -> BaseVectors:
        """The base embedding model."""
        from serving import BaseVectors, ReleaseStore

        return BaseVectors(ReleaseStore(self.home), self.settings.serving.embedding, quick=True)

    def corpus(self, newest: bool = False) -> Corpus:
        """The documents and chunks of the last ingest, where they are shared that of any machine. Where these
        can't be fetched, those that are here have to do, unless only the ``newest`` will."""
        from curation import BusyError, Corpus, StateError, pull_corpus

        try:
            if pull_corpus(self.home):
                self.progress.say("The documents were changed elsewhere: fetched.")
        except (BusyError, StateError) as error:
            if newest or not Corpus.exists(self.home):
                raise
            self.progress.say(f"{error.message} Going on with the documents that are here.")
        return Corpus.load(self.home)

    def argilla(self, make_workspace: bool = True) -> rg.Argilla:
        """A connection to Argilla. Raises ArgillaError when it does not answer or refuses the key."""
        from curation import connect_to_argilla

        return connect_to_argilla(self.settings.curation.argilla, self.home, make_workspace=make_workspace)
