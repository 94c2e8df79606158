"""Releases that several machines share on an object store: what is served is old or new, and whole."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation import BusyError, Home, ReleaseError, SettingsError, StateError
from serving.releases.following import pull, pull_if_possible, share
from serving.releases.record import NotPromotedError, Release
from serving.releases.store import ReleaseStore
from tests.object_store import Fault, ObjectStore
from tests.serving.test_releases import DRAFT, stage


def made(store: ReleaseStore, content: str) -> Release:
    return store.publish(stage(store, content=content), DRAFT)


def machine(tmp_path: Path, name: str, url: str) -> ReleaseStore:
    store = ReleaseStore(Home(tmp_path / name))
    share(store, url)
    return store


def test_what_one_machine_serves_all_serve_and_a_rollback_too(cloud: ObjectStore, tmp_path: Path) -> None:
    first = ReleaseStore(Home(tmp_path / "first"))
    old = first.promote(made(first, "old").id)
    assert share(first, cloud.url) == old
    second = machine(tmp_path, "second", cloud.url)
    assert second.current() == old and pull(second) is None

    new = first.promote(made(first, "new").id)
    assert second.current() == old
    assert pull(second) == new == second.current()
    assert second.verify(new.id) == new
    first.promote(first.previous_id())
    assert pull(second) == old

    assert second.promote(new.id) == new  # it has seen what is served: it may promote as well
    assert pull(first) == new


def test_who_has_not_seen_what_is_served_promotes_nothing(cloud: ObjectStore, tmp_path: Path) -> None:
    first, second = (machine(tmp_path, name, cloud.url) for name in ("first", "second"))
    old = first.promote(made(first, "old").id)
    pull(second)
    theirs = first.promote(made(first, "theirs").id)
    mine = made(second, "mine")
    with pytest.raises(NotPromotedError, match=theirs.id):
        second.promote(mine.id, expected=old.id, by="20261129-120000-abcdef")
    with pytest.raises(BusyError, match="releases pull"):
        second.promote(mine.id)
    assert second.current() == old
    assert pull(second) == theirs
    assert second.promote(mine.id) == mine


def test_of_machines_that_promote_at_once_one_does(cloud: ObjectStore, tmp_path: Path) -> None:
    stores = [machine(tmp_path, str(number), cloud.url) for number in range(4)]
    releases = [made(store, str(number)) for number, store in enumerate(stores)]

    def promote(number: int) -> bool:
        try:
            stores[number].promote(releases[number].id)
        except BusyError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(promote, range(4)))
    assert sum(won) == 1
    served = releases[won.index(True)]
    for store in stores:
        pull(store)
        assert store.current() == served and store.verify(served.id)


@pytest.mark.parametrize(
    ("fault", "after"),  # requests that go well: a promotion takes six, a pull four
    [("503", 0), ("503", 5), ("cut", 2), ("silent", 4)],
)
def test_a_store_that_fails_leaves_the_old_release_or_the_new_one(
    cloud: ObjectStore, tmp_path: Path, fault: Fault, after: int
) -> None:
    first, second = (machine(tmp_path, name, cloud.url) for name in ("first", "second"))
    old = first.promote(made(first, "old").id)
    pull(second)
    new = made(first, "new")
    cloud.fails(fault, after=after)
    with pytest.raises(StateError, match="does not answer"):
        first.promote(new.id)
    assert first.current() == old
    cloud.fails("")
    pull(second)
    assert second.verify(second.current().id) in (old, new)
    pull(first)
    assert first.current() == second.current()
    if first.current() == old:
        first.promote(new.id)

    newest = first.promote(made(first, "newest").id)
    cloud.fails(fault, after=after // 2)
    before = second.current_id()
    with pytest.raises(StateError):
        pull(second)
    assert second.current_id() == before
    pull_if_possible(second)  # a bot that starts now serves what it has
    with pytest.raises(StateError):
        empty = ReleaseStore(Home(tmp_path / "empty"))
        shutil.copytree(first.home.shared, empty.home.shared)
        pull_if_possible(empty)
    cloud.fails("")
    pull(second)
    assert second.verify(second.current().id) == newest
    assert not list(second.root.glob(".staging-*"))


def test_an_answer_that_is_lost_is_no_second_promotion(cloud: ObjectStore, tmp_path: Path) -> None:
    first, second = (machine(tmp_path, name, cloud.url) for name in ("first", "second"))
    release = made(first, "one")
    files = len(release.files) + 1
    cloud.fails("lost", only="PUT", after=files)  # the pointer's
    with pytest.raises(StateError):
        first.promote(release.id)
    cloud.fails("")
    assert pull(second) == release
    assert first.current_id() is None and pull(first) == release
    first.promote(made(first, "two").id)


def test_a_full_disk_is_not_told_as_a_store_that_does_not_answer(cloud: ObjectStore, tmp_path: Path) -> None:
    store = machine(tmp_path, "first", cloud.url)
    release = store.promote(made(store, "one").id)
    (tmp_path / "release.json").symlink_to("/dev/full")
    with pytest.raises(StateError, match="No space left on device") as told:
        store.shared.fetch(release.id, tmp_path, ["release.json"])
    assert "df" in told.value.hint


def test_what_was_tampered_with_never_arrives(cloud: ObjectStore, tmp_path: Path) -> None:
    from obstore.store import from_url

    first, second = (machine(tmp_path, name, cloud.url) for name in ("first", "second"))
    old = first.promote(made(first, "old").id)
    pull(second)
    new = first.promote(made(first, "new").id)
    there = from_url(cloud.url, client_options={"allow_http": True})
    record = json.loads(bytes(there.get(f"releases/{new.id}/release.json").bytes()))
    there.put(f"releases/{new.id}/model/model.safetensors", b"other weights")
    with pytest.raises(ReleaseError, match="corrupt"):
        pull(second)
    record["files"]["../../outside"] = "0" * 64
    there.put(f"releases/{new.id}/release.json", json.dumps(record).encode())
    with pytest.raises(ReleaseError):
        pull(second)
    there.put("releases/current", b'{"name": "../../etc", "by": "x", "id": "y"}')
    with pytest.raises(ReleaseError, match="not the id"):
        pull(second)
    there.put("releases/current", b"something else")
    with pytest.raises(StateError, match="no pointer"):
        pull(second)
    assert second.current() == old and second.ids() == [old.id]


def test_who_shares_again_fills_a_store_that_was_emptied(cloud: ObjectStore, tmp_path: Path) -> None:
    first, second = (machine(tmp_path, name, cloud.url) for name in ("first", "second"))
    old = first.promote(made(first, "old").id)
    pull(second)
    new = made(first, "new")
    cloud.empty()
    for attempt in (lambda: first.promote(new.id), lambda: pull(second)):
        with pytest.raises(StateError, match="is gone") as told:
            attempt()
        assert "releases share URL" in told.value.hint
    assert share(first, cloud.url) == old
    first.promote(new.id)
    assert pull(second) == new


def test_a_share_that_fails_leaves_all_as_it_was(cloud: ObjectStore, tmp_path: Path) -> None:
    store = ReleaseStore(Home(tmp_path / "home"))
    release = store.promote(made(store, "one").id)
    elsewhere = f"{cloud.url}/elsewhere"
    for before in (None, cloud.url):
        share(store, before)
        cloud.fails("503", after=3)
        with pytest.raises(StateError, match="does not answer"):
            share(store, elsewhere)
        cloud.fails("")
        assert store.shared.url == before
    new = store.promote(made(store, "two").id)  # the version of the pointer is kept, too
    assert share(store, elsewhere) == new != release


@pytest.mark.parametrize("url", ["/some/folder", "s3", "s3:bucket", "https://host/bucket"])
def test_what_is_no_object_store_is_refused(home: Home, url: str) -> None:
    with pytest.raises(SettingsError, match="object store"):
        share(ReleaseStore(home), url)


def test_a_bucket_that_is_not_there_is_refused_at_once(cloud: ObjectStore, tmp_path: Path) -> None:
    store = ReleaseStore(Home(tmp_path / "first"))  # with nothing yet that would be saved there
    with pytest.raises(SettingsError, match="404") as told:
        share(store, "s3://nowhere/releases")
    assert "bucket" in told.value.hint and store.shared.url is None
