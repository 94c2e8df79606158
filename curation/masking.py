"""Personal data in what visitors write, masked before anything keeps it: e-mail addresses, phone numbers (by
the package phonenumbers), public IP addresses, IBANs and the numbers of cards. Names are not found."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

from curation.errors import SettingsError
from curation.records.turn import Turn

Mask = Callable[[str], str]
_EMAIL = re.compile(r"[\w.+%-]+@(?:[\w-]+\.)+[^\W\d_]{2,}")
_IP = re.compile(
    r"(?<![\w.:=/-])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){3,7})(?![\w.:]*\w)",
    re.IGNORECASE,
)
_IS_VERSION = re.compile(r"(?:version|release|\bv)\s*$", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def make_mask(countries: Sequence[str] = ()) -> Mask:
    """What masks a text. Phone numbers are found with their country's code, and without it those of
    ``countries`` ("DE"). Raises SettingsError where phonenumbers is missing or does not know a country."""
    try:
        import phonenumbers
    except ImportError as error:
        raise SettingsError(
            "serving.bot.mask_personal_data needs the package phonenumbers.",
            "Install it with `pip install clayloop[masking]`, or switch it off.",
        ) from error
    if unknown := sorted(set(countries) - phonenumbers.SUPPORTED_REGIONS):
        raise SettingsError(
            f"serving.bot.mask_phones_of: there is no country {', '.join(unknown)}.",
            "Write countries as two capitals, such as DE or US.",
        )

    def mask(text: str) -> str:
        text = _EMAIL.sub(_shown("e-mail"), text)
        text = _IBAN.sub(lambda found: _if(_is_iban, found, "IBAN"), text)
        text = _CARD.sub(lambda found: _if(_is_card, found, "card"), text)
        text = _IP.sub(lambda found: _if(_is_public, found, "IP address"), text)
        for country in (None, *countries):
            found = list(phonenumbers.PhoneNumberMatcher(text, country))
            for one in reversed(found):
                text = f"{text[: one.start]}{_shown('phone')}{text[one.end :]}"
        return text

    return mask


def masked(turn: Turn, mask: Mask) -> Turn:
    """``turn`` with everything that was said in it masked."""
    history = tuple(one.model_copy(update={"content": mask(one.content)}) for one in turn.history)
    said = {name: mask(getattr(turn, name)) for name in ("question", "answer", "comment")}
    # ``meant`` is made of words of both: what they tell need not look like it there.
    meant = turn.meant if (said["question"], history) == (turn.question, turn.history) else ""
    return turn.model_copy(update={**said, "meant": meant, "history": history})


def _shown(what: str) -> str:
    return f"[masked: {what}]"


def _if(is_one: Callable[[re.Match[str]], bool], found: re.Match[str], what: str) -> str:
    return _shown(what) if is_one(found) else found.group()


def _is_public(found: re.Match[str]) -> bool:
    """Not 127.0.0.1 and its like, of which documentation speaks, and no version."""
    if _IS_VERSION.search(found.string[: found.start()]):
        return False
    try:
        return ipaddress.ip_address(found.group()).is_global
    except ValueError:
        return False


def _is_iban(found: re.Match[str]) -> bool:
    """ISO 13616: the remainder of 97."""
    text = found.group().replace(" ", "")
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def _is_card(found: re.Match[str]) -> bool:
    """Luhn's check digit (ISO 7812)."""
    digits = [int(sign) for sign in found.group() if sign.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
