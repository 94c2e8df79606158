"""Dates in filters, as Elasticsearch reads them: ISO 8601 or milliseconds; parts left out round up for upper
bounds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from argilla_server.errors.future import UnprocessableEntityError

_ISO = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?)?)?)?"
    r"\s*(Z|[+-]\d\d(?::?\d\d)?)?",
    re.IGNORECASE,
)


_EPOCH = datetime(1970, 1, 1)


def micros(value: object, upper: bool) -> int:
    """A date as whole microseconds since 1970 (UTC).

    Args:
        value: ISO 8601 text (UTC if it names no zone) or milliseconds since 1970.
        upper: For an upper bound: a day means its end.

    Raises:
        UnprocessableEntityError: It is no date.
    """
    try:
        if isinstance(value, (int, float)) or re.fullmatch(r"-?\d{5,}(\.\d+)?", str(value)):
            return int(float(value) * 1000)  # type: ignore[arg-type]
        return (_parse(str(value).strip(), upper) - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError, OSError) as error:
        raise UnprocessableEntityError(f"`{value}` is not a date (ISO 8601 is expected)") from error


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
