"""The language models that commands ask: by name, address or file, started for as long as a command needs
them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from clayloop.context import Context
from curation import SettingsError

if TYPE_CHECKING:
    from curation import LanguageModel
    from serving import AnsweringModels, Release

GGUF = ".gguf"


def open_model(
    context: Context, name: str, stack: ExitStack, release: Release | None = None
) -> LanguageModel:
    """The model at that address, of that name at the settings' endpoint, or in that file; "": the one that
    the bot asks when it serves ``release``. It has answered once.

    Raises SettingsError, or LanguageModelError when it does not answer.
    """
    from clayloop.up.services import model_address
    from curation import LanguageModel, sha256
    from serving import ANSWERING_MODEL, AnsweringInfo, ReleaseStore, at_endpoint

    own = context.settings.curation.language_model
    info, path = AnsweringInfo(name="", base_url=name, few_shot=bool(own.few_shot)), Path(name).expanduser()
    if release and release.answering and not name:
        info, path = release.answering, ReleaseStore(context.home).folder(release.id) / ANSWERING_MODEL
    if "://" in info.base_url:
        model = at_endpoint(info, own)
    elif path.suffix == GGUF:
        url, _ = starter(context, stack)(path)  # says it, if there is no such file
        known = info.name or f"{path.stem}-{sha256(path)[:8]}"
        few_shot = info.few_shot if info.name else own.few_shot
        told = {"base_url": "", "model": known, "few_shot": few_shot}
        model = LanguageModel(own.model_copy(update=told), url)
    elif name and not own.base_url:
        raise SettingsError(
            f"The embedded model server has one model only, and no {name!r}.",
            "Give a GGUF file or the address of an endpoint, or set base_url under "
            "[curation.language_model].",
        )
    else:
        named = own.model_copy(update={"model": name or own.model})
        model = LanguageModel(named, model_address(context.settings, stack, context.progress.say))
    model.check()
    return model


def starter(context: Context, stack: ExitStack) -> Callable[[Path], tuple[str, Callable[[], None]]]:
    """Starts the embedded server with a GGUF file on a free port: its address, and what stops it before the
    ``stack`` does."""

    def start(gguf: Path) -> tuple[str, Callable[[], None]]:
        from clayloop.up.services import model_service
        from clayloop.up.supervisor import Supervisor

        placed = model_service(context.settings, gguf=str(gguf), port=0)
        supervisor = Supervisor([placed.service], context.home.logs, context.progress.say)
        stack.enter_context(supervisor)
        return placed.url, supervisor.stop

    return start


def answering_models(context: Context, stack: ExitStack) -> AnsweringModels | None:
    """What starts the models that releases bring along. None, and it is said, where llama.cpp is not
    installed, as in a Space."""
    import importlib.util

    from serving import AnsweringModels

    if importlib.util.find_spec("xllamacpp") is None:
        context.progress.say("llama.cpp (xllamacpp) is not installed: no release's own model is asked.")
        return None
    settings = context.settings
    return AnsweringModels(starter(context, stack), settings.curation.language_model, settings.serving.bot)
