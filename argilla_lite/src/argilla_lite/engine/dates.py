"""Dates in filters, as Elasticsearch reads them: ISO 8601, milliseconds, or date math (`now-1d/d`,
`2026-01-01||+1M`). What is left out or rounded becomes the latest moment that fits for upper bounds."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta, timezone

from argilla_server.errors.future import UnprocessableEntityError

_ISO = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?)?)?)?"
    r"\s*(Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)
_MATH = re.compile(r"([+-])(\d{0,9})([yMwdhHms])|/([yMwdhHms])")
_STEPS = {"w": "weeks", "d": "days", "h": "hours", "H": "hours", "m": "minutes", "s": "seconds"}
_EPOCH = datetime(1970, 1, 1)


def micros(value: object, upper: bool) -> int:
    """A date as whole microseconds since 1970 (UTC): of ISO 8601 text (UTC if it names no zone), milliseconds
    since 1970, or date math. For an `upper` bound a day means its end. Raises UnprocessableEntityError for
    what is no date."""
    try:
        if isinstance(value, (int, float)) or re.fullmatch(r"-?\d{5,}(\.\d+)?", str(value)):
            return int(float(value) * 1000)  # type: ignore[arg-type]
        text = str(value).strip()
        if text.startswith("now"):
            return _micros(_calculated(datetime.now(timezone.utc).replace(tzinfo=None), text[3:], upper))
        date, bars, math = text.partition("||")
        if bars:
            return _micros(_calculated(_parse(date, upper=False), math, upper))
        return _micros(_parse(text, upper))
    except (ValueError, OverflowError, OSError) as error:
        raise UnprocessableEntityError(
            f"`{value}` is not a date (ISO 8601 or date math such as `now-1d` is expected)"
        ) from error


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _calculated(moment: datetime, math: str, upper: bool) -> datetime:
    """What date math makes of a moment."""
    if not re.fullmatch(f"(?:{_MATH.pattern})*", math):
        raise ValueError(math)
    for sign, number, unit, rounded in _MATH.findall(math):
        if not rounded:
            moment = _plus(moment, int(f"{sign}{number or 1}"), unit)
            continue
        moment = _begin(moment, rounded)
        if upper:
            moment = _plus(moment, 1, rounded) - timedelta(microseconds=1)
    return moment


def _plus(moment: datetime, number: int, unit: str) -> datetime:
    """A moment so many units later; a day that the month does not have becomes its last."""
    if unit in _STEPS:
        return moment + timedelta(**{_STEPS[unit]: number})
    year, month = divmod(moment.year * 12 + moment.month - 1 + number * (12 if unit == "y" else 1), 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _begin(moment: datetime, unit: str) -> datetime:
    """The begin of the year, month, week … that a moment is in."""
    if unit == "w":
        moment, unit = moment - timedelta(days=moment.weekday()), "d"
    kept = "yMdhms".index(unit.replace("H", "h")) + 1
    return datetime(*moment.timetuple()[:kept], *(1, 1, 1)[kept:])  # type: ignore[arg-type]


def _parse(text: str, upper: bool) -> datetime:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    moment = datetime(
        int(year), int(month or 1), int(day or 1),
        int(hour if hour is not None else (23 if upper else 0)),
        int(minute if minute is not None else (59 if upper else 0)),
        int(second if second is not None else (59 if upper else 0)),
        int((fraction or ("999999" if upper else "0")).ljust(6, "0")[:6]),
    )  # fmt: skip
    if zone and zone.upper() != "Z":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        moment += offset if zone[0] == "-" else -offset
    return moment
