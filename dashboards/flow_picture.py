"""The way round as a picture: boxes with numbers and arrows, which wrap where the page is narrow."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dashboards.data.flow import Station
from dashboards.escaping import one_line

_STYLE = """<style>
.clay-flow { display: flex; flex-wrap: wrap; align-items: stretch; gap: .3rem; }
.clay-flow > div { border: 1px solid rgba(128, 128, 128, .45); border-radius: .5rem; padding: .5rem .8rem;
  min-width: 6.5rem; }
.clay-flow b { display: block; font-size: 1.5rem; }
.clay-flow a { color: inherit; }
.clay-flow small { opacity: .75; }
.clay-flow > span { align-self: center; opacity: .7; }
</style>"""


def flow_picture(stations: Sequence[Station]) -> str:
    """HTML that holds nothing from outside but escaped text and addresses of our own making."""
    arrow = '<span aria-hidden="true">→</span>'
    back = '<span title="and round again" aria-label="and round again">↻</span>'
    return f'{_STYLE}<div class="clay-flow">{arrow.join(map(_box, stations))}{back}</div>'


def _box(station: Station) -> str:
    count = "–" if station.count is None else f"{station.count:,}"
    told = "<br>".join([escape(one_line(station.told)), *(_link(*part) for part in station.parts)])
    return f"<div>{_link(station.name, station.address)}<b>{count}</b><small>{told}</small></div>"


def _link(words: str, address: str) -> str:
    told = escape(words)
    return f'<a href="{escape(address)}" target="_blank" rel="noopener">{told}</a>' if address else told
