"""What looks on while a trainer trains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from curation.errors import StateError
from curation.progress import Advance
from training.memory import give_back

_GIVE_BACK_EVERY = 5  # steps; of about two seconds each on a processor


def watch(advance: Advance, examples: int, diverged: Callable[[], StateError]) -> Any:
    """A trainer's callback: tells of ``examples`` more after each step, gives freed memory back, and raises ``diverged()`` as
    soon as the loss is not a number."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            advance(examples)
            if args.use_cpu and state.global_step % _GIVE_BACK_EVERY == 0:
                give_back()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and not math.isfinite(float(logs.get("loss", 0.0))):
                raise diverged()

    return Watch()
