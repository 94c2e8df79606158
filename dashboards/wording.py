"""Durations, ages and counts in words."""

from __future__ import annotations

from datetime import datetime, timezone

MINUTE, HOUR, DAY = 60, 3600, 86400


def duration(seconds: float) -> str:
    """``seconds`` with the two units that matter: "0.4 s", "12 s", "3 min 05 s", "2 h 10 min", "4 days"."""
    if seconds < 0 or seconds != seconds:
        return "–"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min {whole % MINUTE:02d} s"
    if whole < DAY:
        return f"{whole // HOUR} h {whole % HOUR // MINUTE:02d} min"
    days = whole // DAY
    return "1 day" if days == 1 else f"{days} days"


def age(moment: datetime, now: datetime) -> str:
    """How long ago ``moment`` was ("just now", "5 min ago", "3 h ago", "2 days ago"); what a clock that was
    set back makes of it is said. A time without a zone is UTC."""
    seconds = (aware(now) - aware(moment)).total_seconds()
    if seconds <= -MINUTE:
        return f"{duration(-seconds)} ahead of this machine's clock"
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min ago"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h ago"
    return f"{duration(seconds)} ago"


def aware(moment: datetime) -> datetime:
    """``moment`` in UTC; a time without a zone is taken to be UTC already."""
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 chunk", "1,200 chunks"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
