"""The page without a browser: every section, every empty state, and nothing that breaks it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import dashboards
from curation import Home, write_json
from dashboards.handover import write_handover
from tests.dashboards.state import add_release, add_run, told

APP = Path(dashboards.__file__).parent / "app.py"
SCORES = {"ndcg@10": 0.712, "mrr@10": 0.65, "recall@10": 0.81}
EVIL = '<script>alert("x")</script> [a](javascript:alert(1)) ![b](https://evil.example/b.png)'

Open = Callable[[], AppTest]


@pytest.fixture
def open_page(home: Home, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Run the script as Streamlit would, on ``home``, with no Argilla configured."""

    def run() -> AppTest:
        path = write_handover(told(home))
        monkeypatch.setattr(sys, "argv", [str(APP), str(path)])
        page = AppTest.from_file(str(APP), default_timeout=30).run()
        assert not page.exception
        return page

    return run


def run_until(page: AppTest, found: Callable[[AppTest], bool], seconds: float = 30.0) -> AppTest:
    """Look again and again, as an open page does."""
    end = time.monotonic() + seconds
    while not found(page):
        assert time.monotonic() < end, f"waited in vain:\n{shown(page)}"
        time.sleep(0.1)
        page.run()
    return page


def heard_from_argilla(page: AppTest) -> AppTest:
    """Wait until the feed's thread has an answer: the page itself never does."""
    return run_until(page, lambda page: not any("Asking Argilla" in info.value for info in page.info))


def shown(page: AppTest) -> str:
    """All text of the page that Streamlit reads as Markdown."""
    kinds = ("title", "subheader", "markdown", "caption", "info", "warning")
    texts = [element.value for kind in kinds for element in getattr(page, kind)]
    return "\n".join([*texts, *(f"{metric.label} {metric.value} {metric.delta}" for metric in page.metric)])


def test_an_empty_home_says_what_to_do_next(open_page: Open) -> None:
    page = open_page()
    text = shown(page)  # before Argilla was heard from
    for words in ("What to do next", "clayloop ingest", "clayloop bootstrap"):
        assert text.count(words) == 1
    assert "There is none yet" not in text
    assert "Annotate some triplets" not in text
    assert "clayloop up" in shown(heard_from_argilla(page))
    assert [element.value for element in page.subheader] == [
        "The loop",
        "Served release",
        "Annotation",
        "Retrieval quality",
    ]


def test_a_home_in_use(home: Home, open_page: Open) -> None:
    add_release(home)
    release = add_release(home, metrics=SCORES, trained_on={"examples": 1300})
    add_run(home, release_after=release.id)
    page = open_page()
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Release"].replace("\\", "") == release.id
    assert metrics["Chunks"] == "1,204"
    assert metrics["Training examples"] == "1,300"
    assert metrics["NDCG@10"] == "0.712"
    assert metrics["Made"] == "just now"


def test_a_release_that_was_never_evaluated_says_so(home: Home, open_page: Open) -> None:
    add_release(home)
    assert {metric.label: metric.value for metric in open_page().metric}["NDCG@10"] == "–"


def test_argilla_down_is_a_notice_and_the_rest_stays(home: Home, open_page: Open) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    write_json(home.argilla / "credentials.json", {"url": url, "api_key": "k" * 20}, 0o600)
    release = add_release(home)
    text = shown(heard_from_argilla(open_page())).replace("\\", "").replace("\u2060", "")
    assert "Cannot reach Argilla" in text and "clayloop up" in text
    assert release.id in text
    assert "k" * 20 not in text


def test_damaged_files_are_named_and_the_rest_stays(home: Home, open_page: Open) -> None:
    broken, whole = add_release(home), add_release(home)
    (home.releases / broken.id / "release.json").write_text("\xff", encoding="latin-1")
    home.services.write_text("{")
    text = shown(open_page()).replace("\\", "")
    assert broken.id in text and whole.id in text


def test_text_from_outside_is_text(home: Home, open_page: Open) -> None:
    add_release(home, base_model=EVIL, metrics=SCORES, trained_on={EVIL: 3})
    add_run(home, verdict=EVIL)
    page = open_page()
    text = shown(page)
    assert "<script" not in text.replace("\\<", "")
    assert "](" not in text
    assert not any(element.proto.allow_html for element in [*page.markdown, *page.caption])


def test_one_failing_section_leaves_the_others(
    home: Home, monkeypatch: pytest.MonkeyPatch, open_page: Open
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("dashboards.page.score_frame", fail)
    release = add_release(home)
    text = shown(open_page()).replace("\\", "")
    assert release.id in text and "RuntimeError" in text
    assert "secret detail" not in text


def test_links_to_what_is_running(home: Home, open_page: Open) -> None:
    write_json(home.services, {"argilla": "http://127.0.0.1:6900", "bot": "javascript:alert(1)"})
    links = [element.proto.url for element in open_page().get("link_button")]
    assert links == ["http://127.0.0.1:6900"]


def test_started_by_hand_it_says_how_to_start_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(APP)])
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert "clayloop dashboard" in page.warning[0].value
    monkeypatch.setattr(sys, "argv", [str(APP), str(tmp_path / "nothing.json")])
    page = AppTest.from_file(str(APP), default_timeout=30).run()
    assert "nothing" in page.warning[0].value and not page.exception
