"""What people may write to name a page or a section, and what names nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from curation.documents.naming import Places, nearest_by_words, place_named_sources, shown
from curation.records.chunk import Chunk
from curation.records.decision import BEST_SOURCE, CORRECTION, OTHER_SOURCE, Decision
from tests.curation.making import chunk_of, decision_of, vote_of

BASE = "https://docs.example.org/en/latest"


def chunk(path: str, *section: str, text: str = "", source: str = "pypi:kiln", url: str = "") -> Chunk:
    text = text or f"About {' '.join(section)} in {path}."
    return chunk_of(path, section, text, source=source, url=url)


CHUNKS = [
    chunk("docs/guide/settings.rst", "Settings", url=f"{BASE}/guide/settings.html"),
    chunk("docs/guide/settings.rst", "Settings", "Timeouts", text="Timeouts are seconds. They cancel."),
    chunk("docs/guide/settings.rst", "Settings", "Timeouts", text="A proxy is waited for as well."),
    chunk("docs/guide/settings.rst", "Settings", "What's new?"),
    chunk("docs/reference/settings.rst", "All settings", "Defaults"),
    chunk("docs/tasks/index.md", "Tasks", "Defaults"),
    chunk("docs/tasks/index.md", "Tasks", "Retrying"),
    chunk("docs/tasks/retry.md", "Retry", "Examples"),
    chunk("docs/tasks/skip.md", "Skip", "Examples"),
    chunk("docs/deploy.md", "Deploy", "Examples"),
]
PLACES = Places(CHUNKS)


def found(written: str) -> list[str]:
    """Path and heading of what ``written`` names."""
    return [f"{one.path.removeprefix('docs/')} {one.section[-1]}" for one in PLACES.find(written).chunks]


TIMEOUTS = ["guide/settings.rst Timeouts"] * 2
GUIDE = ["guide/settings.rst Settings", *TIMEOUTS, "guide/settings.rst What's new?"]
RETRY = ["tasks/retry.md Examples"]
TASKS = ["tasks/index.md Defaults", "tasks/index.md Retrying"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"{BASE}/guide/settings.html", GUIDE),
        ("HTTPS://Docs.Example.org/en/latest/guide/settings.html/", GUIDE),
        (f" <{BASE}/guide/settings.html?highlight=x> ", GUIDE),
        (f"{BASE}/guide/settings.html#timeouts", TIMEOUTS),
        (f"{BASE}/guide/settings.html#what-s-new", GUIDE[3:]),
        (f"{BASE}/guide/settings.html#whats-new", GUIDE[3:]),
        (f"{BASE}/guide/settings.html#no-such-anchor", GUIDE),
        (f"{BASE}/guide/settings.html#timeouts:~:text=are,seconds", TIMEOUTS),
        (f"{BASE}/guide/settings.html#:~:text=are", GUIDE),
        (f"See {BASE}/guide/settings.html#timeouts.", TIMEOUTS),
        (f"[Timeouts]({BASE}/guide/settings.html#timeouts)", TIMEOUTS),
        (f"{BASE}/guide/settings.html {BASE}/tasks/", []),
        ("“Settings » Timeouts”", TIMEOUTS),
        ("Settings → Timeouts.", TIMEOUTS),
        ("guide/settings.rst:10", GUIDE),
        ("docs.example.org/en/stable/guide/settings.html", GUIDE),
        (f"{BASE}/tasks/retry.html", RETRY),  # a page without an address of its own
        (f"{BASE}/tasks/", TASKS),
        (f"{BASE}/tasks/index.html", TASKS),
        ("https://docs.example.org/retry", RETRY),
        ("https://mirror.example.com/a/tasks/retry.md", RETRY),
        ("docs/tasks/retry.md", RETRY),
        ("./docs/tasks/retry", RETRY),
        ("/tasks/RETRY.md", RETRY),
        ("retry.html", RETRY),
        ("guide/settings.md#timeouts", TIMEOUTS),
        ("tasks", TASKS),
        ("settings, timeouts", TIMEOUTS),  # only one of both pages has it
        ("docs/guide/settings.rst: Timeouts", TIMEOUTS),
        ("tasks/skip.md, Examples", ["tasks/skip.md Examples"]),
        (f"{BASE}/guide/settings.html, Timeouts", TIMEOUTS),
        ("2. docs/guide/settings.rst · Settings > Timeouts · open", TIMEOUTS),
        ("docs/guide/settings.rst · Settings > Timeouts · “Set them with …”", TIMEOUTS),
        ("Timeouts", TIMEOUTS),
        ("  tImEoUtS ¶ ", TIMEOUTS),
        ("Settings > Timeouts", TIMEOUTS),
        ("All settings", ["reference/settings.rst Defaults"]),  # headings above count for what is below
        ("Tasks > Defaults", TASKS[:1]),
    ],
)
def test_what_names_a_page_or_a_section(written: str, expected: list[str]) -> None:
    assert found(written) == expected


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("Examples", "'Examples' fits 3 pages: docs/deploy.md, docs/tasks/retry.md, docs/tasks/skip.md"),
        ("settings.rst", "fits 2 pages"),
        ("Defaults", "fits 2 pages"),
        ("docs/tasks/nowhere.md", "nothing in the documentation is called"),
        (f"{BASE}/nowhere.html", "nothing in the documentation is called"),
        ("https://evil.example/retry", "nothing"),  # one part is not enough on another site
        ("settings, Retrying", "nothing"),
        ("http://[", "nothing"),
        ("asks/retry.md", "nothing"),
        ("", "names no page"),
        ("x" * 501, "names no page"),
        ("...", "nothing"),
    ],
)
def test_what_fits_several_pages_or_none_names_nothing(written: str, problem: str) -> None:
    named = PLACES.find(written)
    assert named.chunks == ()
    assert problem in named.problem


@pytest.mark.parametrize("written", ["Descaling", "care.md, Descaling", "docs/care.md#descaling", "Vinegar"])
def test_a_short_section_that_shares_its_chunk_has_a_name(written: str) -> None:
    text = "Care\n\nOnce a week.\n\n### Descaling\n\nUse acid.\n\n### Descaling > Vinegar\n\nOr vinegar."
    care = chunk("docs/care.md", "Care", text=text)
    assert Places([*CHUNKS, care]).find(written).chunks == (care,)


def test_an_address_that_all_documents_share_names_none() -> None:
    home = "https://kiln.example.org/"
    shared = Places([chunk("a.md", "A", url=home), chunk("b.md", "B", url=home)])
    assert "fits 2 pages" in shared.find(home).problem
    assert [one.path for one in shared.find(f"{home}b.html").chunks] == ["b.md"]


def test_an_address_in_another_repository_names_nothing() -> None:
    forge = "https://github.com/kiln/kiln/blob/HEAD/docs/tasks/retry.md"
    places = Places([chunk("docs/tasks/retry.md", "Retry", url=forge)])
    assert places.find(forge.replace("HEAD", "v2.1")).chunks
    assert not places.find(forge.replace("kiln/kiln", "other/tool")).chunks


def test_the_same_path_in_two_sources_is_two_pages() -> None:
    two = [chunk("a.md", "A", source=source, url=f"https://{source}.org/a") for source in ("x", "y")]
    assert "fits 2 pages" in Places(two).find("a.md").problem
    assert Places(two).find("https://y.org/a").chunks == (two[1],)


@given(st.text(max_size=60))
def test_whatever_is_written_gives_chunks_of_one_page_or_a_short_reason(written: str) -> None:
    named = PLACES.find(written)
    assert bool(named.chunks) != bool(named.problem)
    assert len({one.path for one in named.chunks}) <= 1
    assert len(named.problem) < 400
    assert named.problem.isprintable()
    assert not set("<>") & set(shown(written))


@given(st.sampled_from(CHUNKS), st.booleans(), st.booleans())
def test_a_page_goes_by_its_path_and_a_section_by_path_and_heading(
    one: Chunk, upper: bool, extension: bool
) -> None:
    path = one.path if extension else one.path.rpartition(".")[0]
    for written in (path, f"{path}, {one.section[-1]}", f"{path}: {one.heading}"):
        assert one in PLACES.find(written.upper() if upper else written).chunks


def named(*answers: dict[str, str], question: str = "How long is a proxy waited for?") -> Decision:
    """A conversation that offers the first two chunks, and what each annotator said."""
    votes = tuple(
        vote_of(name, value, f"a{row}") for row, said in enumerate(answers) for name, value in said.items()
    )
    sources = [vote.value for vote in votes if vote.question == BEST_SOURCE]
    winner = next((one for one in sources if sources.count(one) * 2 > len(sources)), "")
    return decision_of(
        values={"is_response_correct": "no"} | ({BEST_SOURCE: winner} if winner else {}),
        votes=votes,
        verdict="rejected",
        metadata={"question": question, "offered": f"{CHUNKS[0].id} {CHUNKS[4].id}"},
    )


def placed(decision: Decision) -> Decision:
    [settled] = place_named_sources([decision], CHUNKS)
    return settled


def test_a_place_is_the_chunk_of_its_section_that_is_nearest_to_the_question() -> None:
    settled = placed(named({BEST_SOURCE: "none", OTHER_SOURCE: "Timeouts"}))
    assert (settled.named_source, settled.affirms) == (CHUNKS[2].id, True)
    by_hand = place_named_sources(
        [named({OTHER_SOURCE: "Timeouts"})], CHUNKS, lambda question, among: len(question) - len(question)
    )
    assert by_hand[0].named_source == CHUNKS[1].id
    usable = {CHUNKS[1].id}
    [rest] = place_named_sources([named({OTHER_SOURCE: "Timeouts"})], CHUNKS, usable=usable)
    assert rest.named_source == CHUNKS[1].id, "a rejected chunk is not it while another one is there"


def test_what_cannot_be_resolved_teaches_nothing_and_says_what_was_written() -> None:
    settled = placed(named({BEST_SOURCE: "none", OTHER_SOURCE: "<b>nowhere</b>\n" * 30}))
    assert (settled.named_source, settled.affirms, settled.place) == (None, False, "")
    assert "‹b›nowhere‹/b›" in settled.astray
    assert len(settled.astray) < 200


def test_most_annotators_decide_which_source_is_named() -> None:
    number, other, none = {BEST_SOURCE: "2"}, {BEST_SOURCE: "none", OTHER_SOURCE: "retry.md"}, "none"
    retry = CHUNKS[7].id
    assert placed(named(number, number, other)).named_source == CHUNKS[4].id
    assert placed(named(number, other, other)).named_source == retry
    assert placed(named(other, {BEST_SOURCE: none}, {BEST_SOURCE: none})).named_source == retry
    assert "different sources" in placed(named(number, other)).astray
    assert "different sources" in placed(named(other, {OTHER_SOURCE: "Skip"})).astray
    assert placed(named(other, {OTHER_SOURCE: "Retry"}, {OTHER_SOURCE: "nowhere"})).named_source == retry
    # Who gave a number meant it; a number, and "none", may be written too.
    assert placed(named({**number, OTHER_SOURCE: "retry.md"})).named_source == CHUNKS[4].id
    assert placed(named({OTHER_SOURCE: " 2 "})).named_source == CHUNKS[4].id
    assert placed(named({BEST_SOURCE: none, OTHER_SOURCE: "None"})).named_source == ""


@given(st.permutations([{BEST_SOURCE: "2"}, {OTHER_SOURCE: "retry"}, {OTHER_SOURCE: "Retry"}, {}]))
def test_the_order_of_the_annotators_changes_nothing(answers: list[dict[str, str]]) -> None:
    assert placed(named(*answers)).named_source == CHUNKS[7].id


def test_decisions_in_which_nothing_was_written_stay_as_they_are() -> None:
    decision = named({BEST_SOURCE: "2", CORRECTION: "retry.md"})
    assert place_named_sources([decision], CHUNKS) == [decision]


def test_the_nearest_by_words() -> None:
    assert nearest_by_words("Which proxy is waited for?", CHUNKS[:4]) == 2
    assert nearest_by_words("?!", CHUNKS[:4]) == 0
