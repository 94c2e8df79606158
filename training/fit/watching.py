"""What looks on while a trainer trains."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from curation import StateError
from training.fit.memory import give_back

# Seconds. For a model of some size that is after every step: every fifth one only is a tenth quicker and takes 0.2 GB more
# (benchmarks/retrain_speed.py).
_GIVE_BACK_EVERY = 1.0


def watch(diverged: Callable[[], StateError], step: Callable[[], None] = lambda: None) -> Any:
    """A trainer's callback: calls ``step`` after each one, gives freed memory back, and raises ``diverged()`` as soon as the
    loss is not a number."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        given_back = 0.0

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            step()
            if args.use_cpu and time.monotonic() - self.given_back >= _GIVE_BACK_EVERY:
                give_back()
                self.given_back = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and not math.isfinite(float(logs.get("loss", 0.0))):
                raise diverged()

    return Watch()
