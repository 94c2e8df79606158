"""The whole of synthesize, on the real distilabel pipeline. Each run costs seconds: each test says much."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from filelock import FileLock

from curation.documents.corpus import Corpus
from curation.errors import BusyError, LanguageModelError, StateError
from curation.home import Home
from curation.records.triplet import Triplet
from curation.settings import LanguageModelSettings, SynthesisSettings
from curation.synthesis.language_model import LanguageModel
from curation.synthesis.synthesize import Experience, select, synthesize
from curation.synthesis.triplets import load_triplets, save_triplets
from tests.curation.fake_endpoint import FakeEndpoint, FakeRequest, fake_endpoint, says, sends
from tests.curation.garden import KEY, NAMES, SETTINGS, chunk, corpus, gardener, llm_at
from tests.model_server import ModelServer


@pytest.fixture
def endpoint() -> Iterator[FakeEndpoint]:
    with fake_endpoint(says(gardener)) as endpoint:
        yield endpoint


def asked_about(endpoint: FakeEndpoint) -> list[str]:
    """The chunks that pairs were generated for since the last look, in the order of the requests."""
    prompts = ["\n".join(m["content"] for m in request["messages"]) for request in endpoint.requests]
    endpoint.requests.clear()
    return [
        re.findall("|".join(NAMES), prompt)[-1]
        for prompt in prompts
        if "## Positive" in prompt and "Garden" in prompt
    ]


KILLED = """
import sys
from pathlib import Path
from curation.home import Home
from curation.progress import SILENT
from curation.synthesis.synthesize import synthesize
from tests.curation.garden import SETTINGS, corpus, llm_at
from tests.curation.fake_endpoint import FakeEndpoint
endpoint = FakeEndpoint(reply=lambda request: None, base_url=sys.argv[2])
synthesize(Home(Path(sys.argv[1])), corpus(), SETTINGS, llm_at(endpoint), SILENT)
"""


def stored(home: Home) -> set[str]:
    return {path.stem for path in home.synthesis.glob("*/*.json")} - {"recipe"}


def workers(pid: int) -> list[psutil.Process]:
    """The pipeline's processes below process ``pid``: other sessions on this machine may have their own."""
    found = []
    for process in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):  # it has ended meanwhile
            if "curation.synthesis.worker" in " ".join(process.cmdline()):
                found.append(process)
    return found


def test_a_killed_synthesis_goes_on_where_it_was(home: Home, endpoint: FakeEndpoint) -> None:
    endpoint.reply = says(gardener, after=0.4)
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(home.root), endpoint.base_url])
    deadline = time.monotonic() + 120
    while len(stored(home)) < 2 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    own = workers(process.pid)
    process.kill()
    process.wait()
    done = stored(home)
    assert 2 <= len(done) < len(NAMES), "it was killed too early or too late to show anything"
    assert own
    psutil.wait_procs(own, timeout=10)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in own)
    done = stored(home)
    endpoint.requests.clear()
    endpoint.reply = says(gardener)

    report = synthesize(home, corpus(), SETTINGS, llm_at(endpoint))
    missing = [name for name in NAMES if chunk(name).id not in done]
    assert sorted(asked_about(endpoint)) == missing
    assert (report.cached, report.generated, report.failed) == (len(done), len(missing), 0)
    assert report.triplets == {"heading": 8, "sentence-pair": 8, "multiple-queries": 16}
    assert report.malformed_reasons == {"duplicate": len(missing)}
    assert report.malformed == len(missing)
    assert report.tokens_per_second > 0
    first = next(made for made in load_triplets(home) if made.origin == "sentence-pair")
    assert (first.positive, first.negative) == (
        "When is the apple put into the ground?",
        "Who invented the apple pie?",
    )
    assert (first.anchor, first.model) == (chunk("apple").text, "fake-model")

    # Nothing new: nothing asked, the same table.
    before = load_triplets(home)
    again = synthesize(home, corpus(), SETTINGS, llm_at(endpoint))
    assert (again.cached, again.generated, asked_about(endpoint)) == (8, 0, [])
    assert load_triplets(home) == before

    # A changed chunk is asked about again, and only that one; one that is gone loses its triplets.
    changed = [chunk(name) for name in NAMES[1:7]] + [
        chunk("hazel", "Cut the hazel in winter, when it has no leaves.")
    ]
    report = synthesize(home, corpus(*changed), SETTINGS, llm_at(endpoint))
    assert asked_about(endpoint) == ["hazel"]
    assert (report.cached, report.generated) == (6, 1)
    kept = load_triplets(home)
    assert {made.chunk_id for made in kept} == {made.id for made in changed}
    unchanged = {made.id for made in changed[:-1]}
    generated = [made for made in before if made.origin != "heading" and made.chunk_id in unchanged]
    assert [made for made in kept if made.origin != "heading" and made.chunk_id in unchanged] == generated

    # The key is nowhere on disk, and nothing is left lying around.
    for path in home.root.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    assert not list(home.corpus.glob(".synthesis-work*"))


def test_malformed_answers_are_counted_and_not_stored(home: Home, endpoint: FakeEndpoint) -> None:
    def odd(prompt: str) -> str:
        if prompt == "Hello":
            return ""
        name = re.findall("|".join(NAMES), prompt)[-1]
        if "## Positive" not in prompt:
            return "Sure! Here you go:\n- ## Positive\n- spring spring spring spring\n- " + "long " * 50
        if name == "apple":
            return "I would rather not."
        if name == "birch":
            positive, negative = "When is the birch put into the ground?", "when is the BIRCH put into ground"
            return f"## Positive\n{positive}\n## Negative\n{negative}"
        return gardener(prompt)

    endpoint.reply = says(odd)
    chunks = [chunk(name) for name in NAMES[:3]]
    report = synthesize(home, corpus(*chunks), SETTINGS, llm_at(endpoint))
    assert report.triplets == {"heading": 3, "sentence-pair": 2}
    assert report.malformed_reasons["unparsed"] == 2, "it is asked once more before it is given up"
    assert report.malformed_reasons["negative: same as positive"] == 1
    assert report.malformed == sum(report.malformed_reasons.values()) == 2 + 1 + 2 * 3
    everything = " ".join(path.read_text() for path in home.synthesis.glob("*/*.json"))
    assert "rather not" not in everything
    assert "spring spring" not in everything
    birch = next(m for m in load_triplets(home) if m.path == "birch.md" and m.origin == "sentence-pair")
    assert birch.negative
    assert "birch" not in birch.negative
    # What was asked in vain is not asked again.
    endpoint.requests.clear()
    assert synthesize(home, corpus(*chunks), SETTINGS, llm_at(endpoint)).generated == 0
    assert asked_about(endpoint) == []


def test_a_style_is_asked_for_with_what_people_accepted_and_the_search_is_tried(
    home: Home, endpoint: FakeEndpoint
) -> None:
    def typed(prompt: str) -> str:
        name = re.findall("|".join(NAMES), prompt.partition("## Anchor")[2] + "ferns")[0]
        return f"## Positive\n{'How is it watered?' if name == 'birch' else f'{name} water daily'}"

    endpoint.reply = says(typed)
    judged = [
        Triplet(
            id=f"{name} {verdict}",
            chunk_id=chunk(name).id,
            anchor=chunk(name).text,
            positive=f"{name} spring {verdict}",
            origin="sentence-pair",
            style="keywords",
            path=f"{name}.md",
        )
        for name, verdict in (("grape", "accepted"), ("hazel", "held out"))
    ]
    save_triplets(home, judged)
    experience = Experience(frozenset({"grape accepted"}), lambda asked: ["apple" in one for one, _ in asked])
    settings = SynthesisSettings(num_queries=0, styles=["keywords"])
    some = corpus(*(chunk(name) for name in ("apple", "birch", "cedar", "grape", "hazel")))
    report = synthesize(home, some, settings, llm_at(endpoint), experience=experience)
    prompts = [request["messages"][-1]["content"] for request in endpoint.requests]
    about = [prompt for prompt in prompts if "Garden manual" in prompt]
    assert about and all("search words" in prompt for prompt in about)
    assert all(("- grape spring accepted" in prompt) == ("Growing grape" not in prompt) for prompt in about)
    assert not any("held out" in prompt for prompt in about), "nothing is judged by what the model has seen"
    assert report.malformed_reasons == {"other style": 2}, "it was asked twice"
    assert report.styles == {"keywords": 4}
    assert (report.searched, report.found) == ({"keywords": 4}, {"keywords": 1})
    made = {one.path: one for one in load_triplets(home) if one.style == "keywords"}
    assert made["cedar.md"].positive == "cedar water daily"
    assert "birch.md" not in made


def test_an_endpoint_that_fails_on_one_chunk_costs_that_chunk_only(
    home: Home, endpoint: FakeEndpoint
) -> None:
    def reply(request: FakeRequest) -> None:
        if "cedar" in request.prompt:
            sends(400, '{"error": {"message": "too long"}}')(request)
        else:
            says(gardener)(request)

    endpoint.reply = reply
    chunks = [chunk(name) for name in NAMES[:4]]
    report = synthesize(home, corpus(*chunks), SETTINGS, llm_at(endpoint))
    assert (report.generated, report.failed) == (3, 1)
    assert report.triplets["sentence-pair"] == 3
    assert chunk("cedar").id not in stored(home), "a failure is not an answer"


def test_an_endpoint_that_goes_away_is_an_error_and_what_was_done_is_kept(
    home: Home, endpoint: FakeEndpoint
) -> None:
    endpoint.reply = says(gardener, after=0.3)

    def stop_when_some_are_stored() -> None:
        deadline = time.monotonic() + 60
        while len(stored(home)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        endpoint.stop()

    thread = threading.Thread(target=stop_when_some_are_stored, daemon=True)
    thread.start()
    with pytest.raises(LanguageModelError, match="cannot be reached") as caught:
        synthesize(home, corpus(), SETTINGS, llm_at(endpoint))
    thread.join()
    assert "chunks are stored" in caught.value.message
    assert 2 <= len(stored(home)) < len(NAMES)
    assert not workers(os.getpid())


@pytest.mark.parametrize(
    "reply",
    [sends(200, "<html>", "text/html"), sends(401, '{"error": {"message": "no"}}'), sends(500, "oops")],
)
def test_an_endpoint_that_answers_garbage_is_an_error_at_once(
    home: Home, endpoint: FakeEndpoint, reply: object
) -> None:
    endpoint.reply = reply  # type: ignore[assignment]
    with pytest.raises(LanguageModelError):
        synthesize(home, corpus(), SETTINGS, llm_at(endpoint))
    assert not home.triplets.exists()


def test_headings_alone_need_no_model(home: Home) -> None:
    report = synthesize(home, corpus(), SETTINGS, None)
    assert report.triplets == {"heading": 8}
    made = load_triplets(home)
    assert made[0].positive == "Growing apple at home"
    assert all(m.negative and m.negative != m.positive for m in made)


@pytest.mark.parametrize("sample", [1, 3, 8, 9, 100])
def test_a_sample_is_spread_evenly(sample: int) -> None:
    chunks = [chunk(f"n{number}") for number in range(9)] + [chunk("tiny", "Too short.")]
    chosen = select(chunks, sample)
    assert chosen == select(chunks, sample)
    places = [chunks.index(made) for made in chosen]
    assert places == sorted(set(places))
    assert len(places) == min(sample, 9)
    gaps = [after - before for before, after in itertools.pairwise([-1, *places, 9])]
    assert max(gaps) - min(gaps[1:-1] or gaps) <= 5
    assert select(chunks, 0) == chunks[:9]


def test_an_empty_corpus_is_an_error(home: Home) -> None:
    with pytest.raises(StateError, match="no chunks") as caught:
        synthesize(home, Corpus([], []), SETTINGS, None)
    assert "clayloop ingest" in caught.value.hint


def test_a_second_synthesis_refuses(home: Home) -> None:
    home.corpus.mkdir(parents=True)
    with (
        FileLock(home.corpus / ".synthesis.lock"),
        pytest.raises(BusyError),
    ):
        synthesize(home, corpus(), SETTINGS, None)


def test_a_worker_that_cannot_start_is_an_error(
    home: Home, endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(LanguageModelError, match="ended early") as caught:
        synthesize(home, corpus(), SETTINGS, llm_at(endpoint))
    assert "synthesis.log" in caught.value.hint


@pytest.mark.llm
def test_the_embedded_model_makes_queries(home: Home, model_server: ModelServer) -> None:
    chunks = [
        chunk(
            "apple", "Apple trees are cut in late winter. Remove dead and crossing branches with a clean saw."
        ),
        chunk("grape", "Grapes are picked in autumn, when they are sweet. Pick them in the morning."),
        chunk("hazel", "Hazel is watered once a week in its first year, and not at all later."),
    ]
    llm = LanguageModel(LanguageModelSettings(), model_server.base_url)
    report = synthesize(home, corpus(*chunks), SETTINGS, llm)
    assert (report.generated, report.failed) == (3, 0)
    assert report.output_tokens > 10
    made = [m for m in load_triplets(home) if m.origin != "heading"]
    assert made, report.malformed_reasons
    for triplet in made:
        assert triplet.model == "SmolLM2-135M-Instruct.Q4_1"
        assert triplet.negative
        assert triplet.positive.casefold() != triplet.negative.casefold()
