"""Training arguments of transformers and of the libraries that build on it."""

from __future__ import annotations

import dataclasses
import difflib
import math
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation import ClayloopError, SettingsError, StateError, first_line
from training.tasks.frameworks.framework import Framework, Setup, choose_gpu

_GIVEN_IN_TRAIN = ("output_dir",)


def make_arguments(
    kind: Any, setup: Setup, config: Mapping[str, Any], own: Collection[str], folder: Path
) -> Any:
    """Arguments of the dataclass ``kind``, for a training that begins now: the seed is set. ``own`` are the
    names in ``config`` that are not for it. What the library writes on the way lies beside ``folder``. Raises
    SettingsError for names that ``kind`` does not have."""
    import torch
    import transformers

    transformers.set_seed(setup.seed)

    if not _shows_bars():
        import datasets
        from transformers.utils import logging

        logging.disable_progress_bar()
        datasets.disable_progress_bars()
    known = {one.name for one in dataclasses.fields(kind) if one.init} - set(_GIVEN_IN_TRAIN)
    check_names(config, {*known, *own}, kind.__name__)
    values = {
        "output_dir": str(folder.with_name("scratch")),
        "seed": setup.seed,
        "save_strategy": "no",
        "report_to": "none",
        "logging_strategy": "no",
        "logging_nan_inf_filter": False,  # a loss that is no number must be seen (check_loss)
        "disable_tqdm": not _shows_bars(),
        "use_cpu": choose_gpu(setup.gpu_id),
        "dataloader_pin_memory": torch.cuda.is_available(),  # else torch warns
        **{name: value for name, value in config.items() if name not in own},
    }
    return kind(**{name: value for name, value in values.items() if name in known | {"output_dir"}})


def _shows_bars() -> bool:
    """Whether somebody sees a progress bar: on a terminal, in a notebook. A log file would fill with them."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def quiet(trainer: Any) -> None:
    """No figures on stdout, which belongs to whoever calls, and a bar only where somebody sees it."""
    from transformers import PrinterCallback, ProgressCallback

    class Bar(ProgressCallback):  # type: ignore[misc]
        def on_log(self, *_: Any, **__: Any) -> None:
            """Would write to stdout."""

    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    if sys.stderr.isatty():
        trainer.add_callback(Bar)


def check_names(config: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raises SettingsError for a name that is not known, with those that look like it."""
    for name in config:
        if name not in known:
            if name in _GIVEN_IN_TRAIN:
                raise SettingsError(f"update_config: {name} is given to train().", f"Call train({name}=…).")
            near = difflib.get_close_matches(name, known, 3, 0.5)
            raise SettingsError(
                f"update_config: {name!r} is not known.",
                f"Did you mean {' or '.join(near)}? " * bool(near) + f"The names are those of {where}.",
            )


def trained(trainer: Any) -> Any:
    """What ``trainer`` made of its model. Raises StateError where the training went wrong."""
    quiet(trainer)
    check_loss(float(trainer.train().training_loss))
    return trainer.model


def check_loss(loss: float) -> None:
    """Raises StateError where the training went wrong: the weights are spoilt."""
    if not math.isfinite(loss):
        raise StateError(
            f"The training went wrong: its loss is {loss}. No model was saved.",
            "Lower learning_rate with update_config, and look at the texts.",
        )


def load_model(framework: Framework, auto: str, **options: Any) -> tuple[Any, Any]:
    """A model of transformers' class ``auto`` and its tokenizer, as given or loaded. Raises SettingsError
    where they cannot be."""
    import transformers

    tokenizer = framework.setup.tokenizer
    if framework.loaded is not None:
        if tokenizer is None:
            raise SettingsError("A loaded model was given without its tokenizer.", "Give tokenizer= too.")
        return framework.loaded, tokenizer
    source = framework.model_source()
    with loading(source):
        tokenizer = tokenizer or transformers.AutoTokenizer.from_pretrained(source)
        return getattr(transformers, auto).from_pretrained(source, use_safetensors=True, **options), tokenizer


def load_encoder(framework: Framework, kind: str = "SentenceTransformer", **options: Any) -> Any:
    """A model of sentence-transformers' class ``kind``, as given or loaded. Raises SettingsError where it
    cannot be."""
    import sentence_transformers

    if framework.loaded is not None:
        return framework.loaded
    source, device = framework.model_source(), "cpu" if framework.setup.on_cpu else None
    with loading(source):
        return getattr(sentence_transformers, kind)(
            source, device=device, model_kwargs={"use_safetensors": True}, **options
        )


@contextmanager
def loading(model: str) -> Iterator[None]:
    """Turns what goes wrong while a model is loaded into a SettingsError. That its last layer is new is no
    news: it is about to be trained."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    except ClayloopError:
        raise
    except (OSError, ValueError, ImportError, KeyError, RuntimeError) as error:
        raise SettingsError(
            f"The model {model!r} cannot be loaded: {first_line(error)}",
            "Give model= a folder or a Hugging Face name of a model for this task, with safetensors weights.",
        ) from error
    finally:
        logging.set_verbosity(before)
