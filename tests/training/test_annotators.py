"""People get other names, and not every key sees all names: neither is news, and both are left out all the same."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given, strategies as st

from clayloop import WatchSettings, look
from curation import SILENT, Corpus, Decision, Home, SettingsError
from serving import LINEAGE_FILE, Draft, ReleaseStore
from tests.training.material import make_chunks, serving, settings, triplet
from training.dry_run import DryRun, preview
from training.judge.contest import Past
from training.ledger.ancestry import clean_start, remembers
from training.ledger.annotators import identify
from training.ledger.known import compare
from training.ledger.lineage import read_lineage, trace, write_lineage, write_note
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageNote, LineageRow
from training.ledger.news import run_inputs, tried_before
from training.prepare.reading import read_selected
from training.prepare.selection import Person, Selected, Selection, select
from training.runs.jsonl import write_rows
from training.runs.run import RunStore
from training.settings import TrainingSettings

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
IDS = {
    "mallory": "11111111-0000-0000-0000-000000000000",
    "bob": "22222222-0000-0000-0000-000000000000",
    "cem": "33333333-0000-0000-0000-000000000000",
}
RENAMED = {"mallory": "mallory2"}


def answered(names: Mapping[str, str] | None = None) -> list[Decision]:
    """24 answers of mallory's and 24 of bob's, as Argilla tells them when ``names`` are what some are called."""
    return [
        called(triplet(chunk, f"Question {number}?", annotator="mallory" if number % 2 else "bob"), names)
        for number, chunk in enumerate(CHUNKS)
    ]


def called(decision: Decision, names: Mapping[str, str] | None = None) -> Decision:
    votes = tuple(
        vote.model_copy(
            update={
                "annotator": (names or {}).get(vote.annotator, vote.annotator),
                "annotator_id": IDS[vote.annotator],
            }
        )
        for vote in decision.votes
    )
    return decision.model_copy(update={"votes": votes})


def both(decision: Decision, other: Decision) -> Decision:
    """The record of ``decision``, answered by the other's annotator as well."""
    return decision.model_copy(update={"votes": (*decision.votes, *other.votes)})


def of_an_earlier_version(rows: Sequence[LineageRow], decisions: Sequence[Decision]) -> list[LineageRow]:
    """As they were written before user ids were kept."""
    before = {one.record_id: one.fingerprint_by_name for one in decisions}
    return [
        row.model_copy(update={"annotator_ids": [], "fingerprint": before[row.record_id]}) for row in rows
    ]


def learned(decisions: Sequence[Decision]) -> list[LineageRow]:
    rows = trace(decisions, [], [], [], [], {chunk.id for chunk in CHUNKS})
    return [row.model_copy(update={"role": "train"}) for row in rows]


def release(home: Home, rows: Sequence[LineageRow], note: LineageNote | None = None) -> str:
    """A copy of the served release with that lineage, promoted."""
    store = ReleaseStore(home)
    folder = store.staging("next")
    served = store.current()
    shutil.copytree(store.folder(served.id), folder, dirs_exist_ok=True)
    write_lineage(folder / LINEAGE_FILE, rows)
    write_note(folder / LINEAGE_NOTE_FILE, note or LineageNote(run="made-up"))
    draft = Draft.model_validate(served.model_dump(exclude={"id", "created_at", "files"}))
    return store.promote(store.publish(folder, draft.model_copy(update={"parent": served.id})).id).id


def lasting(*names: str) -> TrainingSettings:
    return settings().model_copy(update={"without_annotators": list(names)})


def chosen(home: Home, decisions: Sequence[Decision], *names: str, for_good: bool = False) -> Selected:
    """What a retrain without those annotators learns from."""
    training = lasting(*names) if for_good else settings()
    selection = Selection(without_annotators=names)
    return read_selected(lambda: list(decisions), selection, None, training, home)


def mallorys(decisions: Sequence[Decision]) -> int:
    return sum(vote.annotator_id == IDS["mallory"] for one in decisions for vote in one.votes[:1])


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("names", [{}, RENAMED, {"mallory": "user-11111111", "bob": "user-22222222"}])
def test_a_new_name_is_no_news(served_home: Home, earlier: bool, names: dict[str, str]) -> None:
    before, now = answered(), answered(names)
    rows = learned(before)
    rows = of_an_earlier_version(rows, before) if earlier else rows
    assert compare(now, rows).total == 0
    assert set(Past.of(rows, [], now).fingerprints) >= {one.fingerprint for one in now}
    release(served_home, rows)
    watch, moment = WatchSettings(every_hours=0.001), datetime.now(timezone.utc)
    found = look(served_home, CORPUS, settings(), serving(), watch, now, "", moment)
    assert (found.why, found.accepted) == ("", 0)
    changed = [one.model_copy(update={"votes": one.votes[:1]}) for one in now]
    assert compare(changed, rows).new == len(now)


@pytest.mark.parametrize("earlier", [False, True])
def test_what_a_run_looked_at_under_other_names_is_known(served_home: Home, earlier: bool) -> None:
    before, now = answered(), answered(RENAMED)
    if earlier:  # its rows have no ids, and its record no digest of the answers
        before = [
            one.model_copy(
                update={"votes": tuple(v.model_copy(update={"annotator_id": ""}) for v in one.votes)}
            )
            for one in before
        ]
    runs, served = RunStore(served_home), ReleaseStore(served_home).current().id
    inputs = run_inputs(before, CORPUS, settings(), serving(), served, Selection())
    run = runs.create(inputs.model_copy(update={"answers": ""}) if earlier else inputs, served)

    def read(folder: Path) -> str:
        write_rows(folder / "decisions.jsonl", before)
        return ""

    run.step("read", read, SILENT)
    run.finish("rejected", "It was worse.", None)
    found = look(served_home, CORPUS, settings(), serving(), WatchSettings(), now, "", run.record.created_at)
    assert (found.why, found.accepted) == ("", 0)
    now_inputs = run_inputs(before if earlier else now, CORPUS, settings(), serving(), served, Selection())
    assert tried_before(runs, now_inputs) is not None
    fewer = run_inputs(now[1:], CORPUS, settings(), serving(), served, Selection())
    assert tried_before(runs, fewer) is None


@given(
    st.lists(st.lists(st.sampled_from(sorted(IDS)), min_size=1, max_size=3, unique=True), max_size=8),
    st.permutations(["ada", "bob", "cem", "mallory", "user-11111111"]),
)
@hypothesis.settings(deadline=None)  # the first one imports Argilla's client
def test_whatever_people_are_called(records: list[list[str]], names: list[str]) -> None:
    def told(now: Mapping[str, str]) -> list[Decision]:
        found = []
        for number, people in enumerate(records):
            by = [called(triplet(CHUNKS[number], "How?", annotator=one), now) for one in people]
            found.append(by[0].model_copy(update={"votes": tuple(vote for one in by for vote in one.votes)}))
        return found

    before, now = told({}), told(dict(zip(sorted(IDS), names, strict=False)))
    assert compare(now, learned(before)).total == 0
    # By id it is the same people who are left out, whatever they are called.
    gone = Selection(without_annotators=(IDS["mallory"],))
    first, second = select(before, gone), select(now, gone)
    assert [one.fingerprint for one in first.decisions] == [one.fingerprint for one in second.decisions]
    assert not any(vote.annotator_id == IDS["mallory"] for one in second.decisions for vote in one.votes)


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("name", ["mallory", "mallory2", IDS["mallory"], "user-11111111"])
def test_who_is_renamed_is_forgotten_by_any_name(served_home: Home, earlier: bool, name: str) -> None:
    before, now = answered(), answered(RENAMED)
    rows = learned(before)
    served = release(served_home, of_an_earlier_version(rows, before) if earlier else rows)
    store = ReleaseStore(served_home)
    for for_good in (False, True):
        found = chosen(served_home, now, name, for_good=for_good)
        assert mallorys(found.decisions) == 0
        assert len(found.decisions) == len(found.left_out) == 24
        assert {one.reason for one in found.left_out} == {"answered only by mallory2"}
        assert any("'mallory2'" in note for note in found.unmatched.notes) == (name == "mallory")
        assert remembers(store, served, found.selection)
    going_on = settings(start="current")  # type: ignore[arg-type]
    started, note = clean_start(store, store.get(served), going_on, found.selection)
    assert (started.fit.start, served in note) == ("base", True)
    assert not remembers(
        store, served, identify(Selection(without_annotators=("cem",)), now, store, RunStore(served_home))
    )


def test_who_was_left_out_before_stays_out_under_another_name(served_home: Home) -> None:
    """The release that was made without them knows nothing of their answers."""
    first = chosen(served_home, answered(), "mallory", for_good=True)
    assert first.selection.people == {"mallory": Person(ids=(IDS["mallory"],), names=("mallory",))}
    inputs = run_inputs(first.decisions, CORPUS, settings(), serving(), "r0001", first.selection)
    run = RunStore(served_home).create(inputs, None, first.selection)
    again = chosen(served_home, answered(RENAMED), "mallory", for_good=True)
    assert mallorys(again.decisions) == 0, "a run that made no release is enough to know"
    shutil.rmtree(run.folder)
    release(served_home, learned(first.decisions), LineageNote(run="x", selection=first.selection))
    again = chosen(served_home, answered(RENAMED), "mallory", for_good=True)
    assert (mallorys(again.decisions), len(again.decisions)) == (0, 24)
    assert again.selection.digest == first.selection.digest
    digests = {
        selection.digest for selection in (first.selection, Selection(without_annotators=("mallory",)))
    }
    assert len(digests) == 1, "interrupted runs of an earlier version are found again"


def test_a_name_that_somebody_else_took_over_leaves_both_out(served_home: Home) -> None:
    release(served_home, learned(answered()))
    now = [*answered(RENAMED), called(triplet(CHUNKS[0], "Mine?", annotator="cem"), {"cem": "mallory"})]
    found = chosen(served_home, now, "mallory", for_good=True)
    assert len(found.decisions) == 24
    assert any("'mallory2'" in note for note in found.unmatched.notes)
    assert len(chosen(served_home, now, "mallory2").decisions) == 25, "the other has nothing to do with it"


def test_somebody_who_may_have_been_renamed_is_an_error_and_one_who_left_is_not(served_home: Home) -> None:
    before = answered()
    release(served_home, of_an_earlier_version(learned(before), before))
    bobs = [one for one in before if "bob" in one.annotators]
    gone = chosen(served_home, bobs, "mallory", for_good=True)
    assert (len(gone.decisions), gone.unmatched.gone) == (24, ["mallory"])
    assert remembers(ReleaseStore(served_home), ReleaseStore(served_home).current().id, gone.selection)
    # The same records, answered by a name that the release does not know, and nothing tells whose it is.
    again = [
        both(one, called(triplet(CHUNKS[0], "x", annotator="cem")))
        if "bob" in one.annotators
        else called(triplet(CHUNKS[number], f"Question {number}?", annotator="cem"))
        for number, one in enumerate(before)
    ]
    for for_good in (False, True):
        with pytest.raises(SettingsError, match="may have been renamed") as raised:
            chosen(served_home, again, "mallory", for_good=for_good)
        assert raised.value.exit_code == 2
        assert f"'cem' (user id {IDS['cem']}) has answered 24 of the same 24 records" in raised.value.message
    with pytest.raises(SettingsError, match="'mallory'"):
        look(
            served_home,
            CORPUS,
            lasting("mallory"),
            serving(),
            WatchSettings(),
            again,
            "",
            datetime.now(timezone.utc),
        )
    # With ids there is no doubt.
    release(served_home, learned(before))
    assert chosen(served_home, again, "mallory", for_good=True).unmatched.gone == ["mallory"]


def test_the_lineage_keeps_the_ids(tmp_path: Path) -> None:
    rows = learned(answered())
    write_lineage(tmp_path / "lineage.parquet", rows)
    assert read_lineage(tmp_path / "lineage.parquet") == rows
    assert rows[1].people == [("mallory", IDS["mallory"])]


def test_a_dry_run_says_it(served_home: Home) -> None:
    release(served_home, learned(answered()))

    def plan(name: str) -> DryRun:
        return preview(
            served_home,
            CORPUS,
            settings(start="current"),  # type: ignore[arg-type]
            serving(),
            lambda: answered(RENAMED),
            selection=Selection(without_annotators=(name,)),
        )

    for name in ("mallory", "mallory2"):
        told = plan(name)
        assert told.roles["left-out"] == told.withdrawn == 24
        assert any("starts from the base model" in note for note in told.notes)
    with pytest.raises(SettingsError, match="No annotator has the name 'nobody'"):
        plan("nobody")
