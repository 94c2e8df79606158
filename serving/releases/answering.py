"""The language model that a release may bring along to write the bot's answers: carried from release to
release, and started before its release is served."""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curation import ClayloopError, LanguageModel, LanguageModelSettings, ReleaseError
from serving.releases.card import model_card
from serving.releases.files import share_file
from serving.releases.record import (
    ANSWERING_FOLDER,
    ANSWERING_MODEL,
    CARD_FILE,
    RELEASE_FILE,
    AnsweringInfo,
    Release,
    ReleaseDraft,
)
from serving.releases.store import ReleaseStore
from serving.settings import BotSettings

ANSWERING_FILE = "answering.json"  # how the model was judged; in the release that it came with
_BUILD = "answering"

StartModel = Callable[[Path], tuple[str, Callable[[], None]]]
"""Starts a server with a GGUF file and waits until it answers: its address, and what stops it."""


@dataclass(frozen=True)
class Answering:
    """An answering model for a release. ``gguf`` is its file, None where it is asked at an endpoint."""

    info: AnsweringInfo
    gguf: Path | None = None

    @classmethod
    def of(cls, folder: Path, release: Release) -> Answering | None:
        """That of the ``release`` in ``folder``, to be carried into another one."""
        if release.answering is None:
            return None
        return cls(release.answering, None if release.answering.base_url else folder / ANSWERING_MODEL)

    def put(self, folder: Path) -> None:
        """Its file into a staging folder, in place of what is there. Files are shared, not copied, where that
        can be."""
        target = folder / ANSWERING_MODEL
        shutil.rmtree(target.parent, ignore_errors=True)
        if self.gguf is not None:
            target.parent.mkdir()
            share_file(str(self.gguf), str(target))


def release_with(store: ReleaseStore, parent: Release, answering: Answering, judged: str) -> Release:
    """Publish a release that has all of ``parent``, with another answering model and ``judged``, how that
    did (JSON). Raises BusyError while another one is made, StateError on a full disk."""
    folder, source = store.staging(_BUILD, empty=True), store.folder(parent.id)
    try:
        made_anew = (RELEASE_FILE, CARD_FILE, ANSWERING_FILE)
        for name in parent.files:
            if name not in made_anew and not name.startswith(f"{ANSWERING_FOLDER}/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                share_file(str(source / name), str(folder / name))
        answering.put(folder)
        (folder / ANSWERING_FILE).write_text(judged, encoding="utf-8")
        changed = {"parent": parent.id, "run_id": None, "answering": answering.info}
        draft = ReleaseDraft(**{**dict(parent), **changed})
        (folder / CARD_FILE).write_text(model_card(draft), encoding="utf-8")
        return store.publish(folder, draft)
    finally:
        store.discard(_BUILD)


class AnsweringModels:
    """The answering models of loaded releases, each started once by ``start`` and stopped when nobody holds
    it any more. Safe to use from one thread at a time."""

    def __init__(self, start: StartModel, settings: LanguageModelSettings, bot: BotSettings) -> None:
        self._start, self._settings, self._bot = start, settings, bot
        self._running: weakref.WeakValueDictionary[str, LanguageModel] = weakref.WeakValueDictionary()

    def of(self, folder: Path, release: Release) -> LanguageModel | None:
        """That of the ``release`` in ``folder``, when it has answered once. None where it has none, or the
        settings let none of its kind write.

        Raises ReleaseError when it does not answer.
        """
        info = release.answering
        if info is None or not self._bot.lets_write(info.few_shot):
            return None
        key = release.files.get(ANSWERING_MODEL, f"{info.base_url} {info.name}")
        if running := self._running.get(key):
            return running
        try:
            model = self._started(folder / ANSWERING_MODEL, info)
            model.check()
        except ClayloopError as error:
            raise ReleaseError(
                f"The language model of release {release.id} does not answer: {error.message}",
                "Promote another release (`clayloop releases rollback`), or let the bot show passages "
                'alone: serving.bot.answers = "passages".',
            ) from error
        self._running[key] = model
        return model

    def _started(self, gguf: Path, info: AnsweringInfo) -> LanguageModel:
        if info.base_url:
            return at_endpoint(info, self._settings)
        url, stop = self._start(gguf)
        told = {"base_url": "", "model": info.name, "few_shot": info.few_shot}
        model = LanguageModel(self._settings.model_copy(update=told), url)
        weakref.finalize(model, stop)
        return model


def at_endpoint(info: AnsweringInfo, settings: LanguageModelSettings) -> LanguageModel:
    """A model that is served elsewhere. The key of the settings is for their own endpoint alone."""
    told: dict[str, object] = {"base_url": info.base_url, "model": info.name, "few_shot": info.few_shot}
    if info.base_url.rstrip("/") != settings.base_url.rstrip("/"):
        told["api_key"] = LanguageModelSettings().api_key
    return LanguageModel(settings.model_copy(update=told))
