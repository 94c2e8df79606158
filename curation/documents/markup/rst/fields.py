"""Sphinx's fields that describe a function: ``:param x:``, ``:type x:``, ``:returns:``, ``:raises E:``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curation.words import word_set

_GROUPS = {
    **dict.fromkeys(word_set("param parameter arg argument key keyword kwarg kwparam"), "Parameters"),
    **dict.fromkeys(word_set("var ivar cvar"), "Variables"),
    **dict.fromkeys(word_set("raises raise except exception"), "Raises"),
    **dict.fromkeys(word_set("returns return"), "Returns"),
    "rtype": "Return type",
}
_TYPES = word_set("type paramtype kwtype vartype")


@dataclass(frozen=True)
class Shown:
    """A field that is shown: its place in the list, the words before its text, and a line that stands above
    (the name of its group; "" for the group's other members)."""

    place: int
    label: str
    above: str = ""


def shown_fields(names: Sequence[str], text_of: Callable[[int], str]) -> list[Shown]:
    """The fields with these ``names`` as Sphinx shows them: a parameter with its type, below the name of its
    group. ``text_of`` tells a field's text by its place. Others stand under their own name."""
    types = {
        argument: text_of(place)
        for place, name in enumerate(names)
        for kind, _, argument in [name.partition(" ")]
        if kind in _TYPES and argument
    }
    described = {_split(name)[2] for name in names}
    shown: list[Shown] = []
    group = ""
    for place, name in enumerate(names):
        kind, _, argument = name.partition(" ")
        if kind in _TYPES and argument in described:
            continue
        of_group, type_, argument = _split(name)
        if not of_group:
            shown.append(Shown(place, name))
        elif not argument:
            shown.append(Shown(place, of_group))
        else:
            type_ = type_ or types.get(argument, "")
            label = f"{argument} ({type_})" if type_ else argument
            shown.append(Shown(place, label, f"{of_group}:" if of_group != group else ""))
        group = of_group
    return shown


def _split(name: str) -> tuple[str, str, str]:
    """A field's group ("" for others), its type where the name holds it, and its argument."""
    kind, _, rest = name.partition(" ")
    group = _GROUPS.get(kind, "")
    if group in {"Parameters", "Variables"}:
        type_, _, argument = rest.strip().rpartition(" ")
        return (group, type_, argument) if argument else ("", "", "")
    return group, "", rest.strip() if group else ""
