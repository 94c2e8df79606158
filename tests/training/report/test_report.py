"""The page of a run: whole, closed to the outside, and deaf to what questions and documents tell it to do."""

from __future__ import annotations

from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.browser import chromium_page
from tests.training.judge.comparisons import compared, comparison, question
from tests.training.material import make_chunks
from training.judge.gate import judge
from training.judge.plausibility import Pair, Plausibility
from training.ledger.rows import Fate, LedgerRow
from training.prepare.conflicts import Conflict, ConflictSide
from training.prepare.prepared import Prepared
from training.report.content import Material, write_report
from training.report.text import RetrainSummary
from training.runs.record import RunInputs, RunRecord, StepRecord
from training.settings import GateSettings

ATTACK = (
    "</title></style><script>window.pwned=1</script>"
    '<img src=https://evil.example/x.png onerror="window.pwned=2">'
    "\"'><a href='javascript:window.pwned=3'>{{ 7 * 7 }}</a> \ud800\x00\u202ereversed"
)
CHUNK = make_chunks()[0].model_copy(
    update={"text": f"Lamp\n\n{ATTACK}", "path": f"faq/{ATTACK}", "section": ("Lamp",)}
)


def _material(whole: bool = True) -> Material:
    now = datetime(2026, 11, 20, 9, 30, tzinfo=timezone.utc)
    record = RunRecord(
        id="20261120-093000-abcdef",
        created_at=now,
        inputs=RunInputs(decisions="d", corpus="c", settings="s", release="r"),
        steps=[
            StepRecord(
                name="fit", status="finished", started=now, seconds=12.5, peak_memory_mb=850, note=ATTACK
            )
        ],
        release_before="r0001-00000000",
    )
    gate = GateSettings()
    found = verdict = None
    if whole:
        asked = [
            question(
                number, text=f"{ATTACK} {number}", section=ATTACK if number % 2 else "howto", origin="heading"
            )
            for number in range(60)
        ]
        asked[0] = asked[0].model_copy(update={"right": [CHUNK.id]})
        before = [0.5] * 60
        after = [0.9 if number < 30 else 0.3 if number < 45 else 0.5 for number in range(60)]
        mine = compared([0.5] * 3, [0.6] * 3, kind="own", name=ATTACK)
        generic = compared([0.9] * 5, [0.9] * 5, kind="generic", name="generic")
        found = comparison(
            compared(before, after, [0.4] * 60, questions=asked),
            [mine, generic],
            earlier=[f"q{number}" for number in range(12)],
        )
        odd = Pair(
            record_id="t1", query=ATTACK, chunk_id=CHUNK.id, accepted=True, new=True, place=0.9, likely=0.1
        )
        found = found.model_copy(
            update={"decisions": Plausibility(pairs=3, complaint="they look odd", doubtful=[odd])}
        )
        verdict = judge(found, gate)
    side = (ConflictSide(dataset="triplets", record_id="t1", annotators=(ATTACK,)),)
    ledger = [
        _row("t1", "train"),
        _row("t2", "duplicate", reason="same question", other="t1", other_dataset="triplets"),
        _row("t3", "unused", reason=ATTACK),
    ]
    conflict = Conflict(
        between="records", query=ATTACK, chunk_id=CHUNK.id, accepted=side, rejected=side, left_out=True
    )
    summary = RetrainSummary(
        outcome="rejected" if whole else "not-enough",
        verdict=verdict.reason if verdict else "Not enough to tell.",
        decisions={"total": 3, "accepted": 3, "rejected": 0, "undecided": 0},
        gate=verdict,
    )
    prepared = Prepared(ledger, chunks=[CHUNK], conflicts=[conflict])
    summary.take_prepared(prepared, questions=60 if whole else 0)
    return Material(record, summary, gate, prepared, found)


def _row(record: str, fate: Fate, **more: str) -> LedgerRow:
    return LedgerRow.model_validate(
        {
            "dataset": "triplets",
            "record_id": record,
            "verdict": "accepted",
            "teaches": "example",
            "query": ATTACK,
            "text": CHUNK.text,
            "chunk_id": CHUNK.id,
            "fate": fate,
            **more,
        }
    )


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def test_nothing_from_outside_becomes_markup(tmp_path: Path) -> None:
    page = write_report(tmp_path, _material()).read_text(encoding="utf-8")
    assert "&lt;script&gt;window.pwned=1" in page
    found = _Tags(page)
    assert not {"script", "img", "a", "iframe", "object", "embed", "base", "form"} & set(found.tags)
    assert not [name for name, _ in found.attributes if name.startswith("on") or name in ("src", "srcdoc")]
    assert [value for name, value in found.attributes if name in ("href", "action")] == ["data:,"]
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\"" in page
    assert "{{ 7 * 7 }}" in page
    assert not {"\x00", "\u202e"} & set(page)


def test_it_shows_what_happened(tmp_path: Path) -> None:
    page = write_report(tmp_path, _material()).read_text(encoding="utf-8")
    for words in (
        "superior",
        "33 questions gained, 15 lost, 15 did not change",
        "new decisions",
        "Largest losses",
        "850 MB",
        "12.5 s",
        "64 dimensions",
        "Conflicts",
        "held out before",
        "✗ failed",
    ):
        assert words in page
    assert page.count("<h2>") >= 8


def test_a_run_that_trained_nothing_has_a_report_too(tmp_path: Path) -> None:
    page = write_report(tmp_path, _material(whole=False)).read_text(encoding="utf-8")
    assert "Not enough to tell." in page and "From annotations to examples" in page
    assert "Question by question" not in page


@pytest.mark.browser
def test_a_browser_runs_nothing_and_asks_nobody(tmp_path: Path) -> None:
    path = write_report(tmp_path, _material())
    with chromium_page() as page:
        asked: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(path.as_uri())
        page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true })")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.pwned") is None
        assert page.get_by_text("window.pwned=1").count() > 10
        for width in (1400, 420):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert errors == []
