"""What Argilla 2 has no place for, so that nothing is dropped silently."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class LeftOut:
    """Each kind of thing that does not come over (or only changed), with the records where it was."""

    records: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, record: str = "") -> None:
        """``what`` is a sentence without its full stop; ``record`` is empty for what concerns all."""
        self.records.setdefault(what, []).extend([record] if record else [])
