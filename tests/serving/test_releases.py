"""Releases on disk: whole or not there, verified, and one pointer that is never half written."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation import BusyError, Home, ReleaseError, StateError
from serving.releases.prompt import Prompt
from serving.releases.record import (
    FITTED_FILE,
    EmbeddingInfo,
    IndexInfo,
    NotPromotedError,
    ReleaseDraft,
    RetrievalInfo,
)
from serving.releases.store import ReleaseStore
from tests.serving.conftest import MakeRelease

DRAFT = ReleaseDraft(
    base_model="package:some-model",
    embedding=EmbeddingInfo(name="some-model", dimension=4, max_tokens=16),
    index=IndexInfo(rows=1, dimension=4),
    prompt=Prompt(system="s", template="{context} {question}"),
    retrieval=RetrievalInfo(top_k=4, min_score=0.2),
    metrics={"ndcg@10": 0.71},
)


def stage(store: ReleaseStore, name: str = "build", content: str = "weights") -> Path:
    folder = store.staging(name)
    for file in ("model/model.safetensors", "index/chunks.lance/data/part"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content)
    return folder


def test_published_releases_are_listed_by_age_and_can_be_promoted(home: Home) -> None:
    store = ReleaseStore(home)
    assert store.ids() == [] and store.current_id() is None
    with pytest.raises(StateError, match="bootstrap"):
        store.current()
    made = [store.publish(stage(store, content=str(number)), DRAFT) for number in range(3)]
    assert store.ids() == [release.id for release in made]
    assert [release.number for release in made] == [1, 2, 3]
    assert store.list() == made
    store.promote(made[1].id)
    assert store.current() == made[1]
    assert store.verify(made[1].id).files.keys() == {
        "model/model.safetensors",
        "index/chunks.lance/data/part",
    }
    assert not list(store.root.glob(".staging-*"))


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda folder: (folder / "model/model.safetensors").write_text("x"), "model.safetensors is corrupt"),
        (lambda folder: (folder / "index/chunks.lance/data/part").unlink(), "part is missing"),
        (lambda folder: (folder / "index/chunks.lance/extra").write_text("x"), "extra does not belong"),
        (lambda folder: (folder / "release.json").write_text("{"), "release.json can't be read"),
        (lambda folder: (folder / "release.json").unlink(), "There is no release"),
        (
            lambda folder: (folder / "release.json").write_text(
                (folder / "release.json").read_text().replace("0.71", "0.99")
            ),
            "was changed after",
        ),
    ],
)  # fmt: skip
def test_damage_is_named_and_keeps_a_release_from_being_promoted(
    home: Home, damage: Callable[[Path], object], named: str
) -> None:
    store = ReleaseStore(home)
    good = store.publish(stage(store), DRAFT)
    store.promote(good.id)
    bad = store.publish(stage(store, content="newer"), DRAFT)
    damage(store.folder(bad.id))
    with pytest.raises(ReleaseError, match=named.replace(".", r"\.")):
        store.promote(bad.id)
    assert store.current_id() == good.id


def test_whoever_expects_another_release_to_be_served_promotes_nothing(home: Home) -> None:
    store = ReleaseStore(home)
    first, second, third = (store.publish(stage(store, content=str(number)), DRAFT).id for number in range(3))
    with pytest.raises(NotPromotedError, match="promoted nothing"):
        store.promote(second, expected=first)
    store.promote(first)
    store.promote(second, expected=first)
    store.promote(second, expected=first)  # served already: killed before it could say so
    with pytest.raises(NotPromotedError, match=f"somebody promoted {second} while") as told:
        store.promote(third, expected=first)
    assert (told.value.kept, told.value.served, store.current_id()) == (third, second, second)
    store.promote(third)  # a person's word


def test_of_releases_that_differ_in_their_index_alone_the_newest_ten_stay(home: Home) -> None:
    store = ReleaseStore(home)

    def publish(number: int, index_only: bool = True) -> str:
        folder = stage(store, content=str(number))
        if index_only:
            (folder / FITTED_FILE).write_text("the ledger of the model")
        return store.publish(folder, DRAFT).id

    trained = publish(0, index_only=False)
    store.promote(trained)
    passing = [publish(number) for number in range(1, 15)]
    served = trained
    for release in passing:
        store.promote(release, expected=served, by="20261129-120000-abcdef")
        served = release
    chosen, served = passing[1], passing[2]
    store.promote(chosen)
    store.promote(served)
    store.prune()
    assert store.ids() == [trained, chosen, served, *passing[4:]], "a person chose two of them"
    store.prune()
    assert len(store.ids()) == 13 and store.current_id() == served
    assert not list(store.root.glob(".gone-*"))


def test_of_many_that_promote_at_once_from_the_same_release_one_does(home: Home) -> None:
    store = ReleaseStore(home)
    first, *others = (store.publish(stage(store, content=str(number)), DRAFT).id for number in range(9))
    store.promote(first)
    start = threading.Barrier(len(others))

    def promote(release_id: str) -> str:
        start.wait()
        try:
            return ReleaseStore(home).promote(release_id, expected=first).id
        except NotPromotedError:
            return ""

    with ThreadPoolExecutor(len(others)) as pool:
        (done,) = filter(None, pool.map(promote, others))
    assert store.current_id() == done


def test_an_empty_staging_folder_has_nothing_of_a_killed_build(home: Home) -> None:
    folder = stage(ReleaseStore(home))  # the store is gone, and with it the build
    store = ReleaseStore(home)
    assert list(store.staging("build").iterdir())
    assert store.staging("build", empty=True) == folder
    assert list(folder.iterdir()) == []


def test_ids_and_names_from_outside_choose_no_path(home: Home) -> None:
    store = ReleaseStore(home)
    for name in ("../../etc", "r0001", "r0001-ABCDEF12", ".", "", "r0001-12345678/.."):
        with pytest.raises(ReleaseError):
            store.get(name)
    for name in ("../x", "", ".hidden", "a/b"):
        with pytest.raises(ValueError, match="name a build"):
            store.staging(name)
    store.root.mkdir(parents=True)
    (store.root / "current").write_text("../../elsewhere\n")
    with pytest.raises(ReleaseError, match="does not hold"):
        store.current_id()


def test_a_link_in_a_release_is_refused(home: Home) -> None:
    store = ReleaseStore(home)
    folder = stage(store)
    (folder / "model" / "leak").symlink_to("/etc/hostname")
    with pytest.raises(ReleaseError, match="link"):
        store.publish(folder, DRAFT)
    assert store.ids() == []


def test_a_build_is_resumed_by_name_and_held_by_one_process(home: Home) -> None:
    store = ReleaseStore(home)
    folder = stage(store, "run-7")
    assert store.staging("run-7") == folder, "the same process may ask again"
    other = ReleaseStore(home)
    with pytest.raises(BusyError, match="run-7"):
        other.staging("run-7")
    assert other.clean() == ()
    release = store.publish(folder, DRAFT.model_copy(update={"run_id": "run-7"}))
    assert store.of_run("run-7") == release
    assert other.staging("run-7").is_dir(), "published: the name is free again"
    other.discard("run-7")
    assert not list(store.root.glob(".staging-*"))


PUBLISHER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from curation.home import Home
    from serving.releases.store import ReleaseStore
    from tests.serving.test_releases import DRAFT, stage
    store = ReleaseStore(Home(Path(sys.argv[1])))
    print("ready", flush=True)
    while True:
        folder = stage(store, content="x" * 50_000)
        store.promote(store.publish(folder, DRAFT).id)
    """
)


def test_killed_at_any_instant_the_served_release_is_whole(home: Home) -> None:
    chance = random.Random(7)
    store = ReleaseStore(home)
    for number in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(home.root)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        time.sleep(chance.uniform(0.001, 0.12 * (1 + number)))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        for release_id in store.ids():
            store.verify(release_id)
        current = store.current_id()
        assert current is None or current in store.ids()
    assert store.ids(), "at least one kill came after the first release"
    store.clean()
    assert not [path for path in store.root.glob(".staging-*") if path.is_dir()]
    assert len({path.name for path in store.root.iterdir() if path.name.startswith("r0")}) == len(store.ids())


def test_what_killed_builds_left_goes_with_its_locks_but_not_under_somebodys_hands(home: Home) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from curation.home import Home; "
        "from serving.releases.store import ReleaseStore; store = ReleaseStore(Home(Path(sys.argv[1]))); "
        "[store.staging(name) for name in 'abc']; os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(home.root)], cwd=Path(__file__).parents[2], check=False)
    store, other = ReleaseStore(home), ReleaseStore(home)
    left = [f".staging-{name}{end}" for name in "abc" for end in ("", ".lock")]
    assert sorted(path.name for path in store.root.glob(".staging-*")) == left
    store.discard("a")
    shutil.rmtree(store.root / ".staging-b")  # killed while it cleaned: the lock is left
    other.staging("c")
    store.discard("c")
    assert store.clean() == ("b",)
    assert sorted(path.name for path in store.root.glob(".staging-*")) == left[-2:]
    with pytest.raises(BusyError):
        store.staging("c")
    other.discard("c")
    store.discard("c")
    assert not list(store.root.glob(".staging-*"))


def test_the_card_and_the_record_tell_what_the_release_is(home: Home, make_release: MakeRelease) -> None:
    release = make_release()
    folder = ReleaseStore(home).folder(release.id)
    values = json.loads((folder / "release.json").read_text())
    counted = {"pieces": 0, "questions": 0, "answers": 0}
    assert values["index"] == {"rows": 28, "dimension": 384, "asked": "all", **counted}
    assert values["embedding"]["max_tokens"] == 256
    assert 0.05 <= values["retrieval"]["min_score"] <= 0.95
    card = (folder / "README.md").read_text()
    assert card.startswith("---\n") and "| indexed chunks | 28 |" in card
    assert not list(folder.rglob("*.bin")) and list(folder.rglob("*.safetensors"))
