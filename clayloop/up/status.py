"""What `clayloop status` shows: read from the state folder and asked of the services."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from typing import Any

import httpx

from clayloop.settings import Settings
from clayloop.up.services import answers, argilla_answers, endpoint_answers, known_addresses
from curation import ClayloopError, Corpus, StateError, load_triplets, read_credentials, without_login
from dashboards import first_step
from serving import ReleaseStore
from training import RunStore

_WELL = "answers"
_NOT_OURS = "belongs to another clayloop: it does not know the key of this home"
_LEAST_FREE = 100  # MB: a release of the model that comes with clayloop
_STORE_PATIENCE = timedelta(seconds=3)
_HEALTH = {"model": "/health", "dashboard": "/_stcore/health"}


def read_status(settings: Settings) -> dict[str, Any]:
    """Sections of plain values. A section that cannot be read says so; the others are still there.

    ``problems`` are all that somebody has to mend, a sentence each.
    """
    home, problems = settings.state, list[str]()
    report: dict[str, Any] = {"home": str(home.root)}
    for name, read in (
        ("corpus", _corpus),
        ("release", _release),
        ("last_run", _last_run),
        ("outbox", _outbox),
        ("shared", _shared),
        ("disk", _disk),
    ):
        try:
            report[name] = read(settings)
        except (ClayloopError, OSError) as raised:
            error = raised if isinstance(raised, ClayloopError) else _not_read(raised)
            report[name] = {"problem": error.message}
            problems.append(" ".join(f"{error.message} {error.hint}".split()))
    services = _services(settings)
    report["services"] = {name: f"{url} ({how})" for name, (url, how) in services.items()}
    problems += [
        f"{name} at {url} {how.removesuffix('.')}." for name, (url, how) in services.items() if how != _WELL
    ]
    return {**report, "problems": problems}


def _not_read(error: OSError) -> StateError:
    what = error.filename or "the state folder"
    return StateError(f"Cannot read {what}: {error.strerror or error}.", "Check the disk and permissions.")


def _corpus(settings: Settings) -> dict[str, Any]:
    home = settings.state
    if not Corpus.exists(home):
        # A machine that only serves what others make has neither folder.
        if (home.corpus.exists() or home.runs.exists()) and ReleaseStore(home).ids():
            raise StateError(
                f"{home.documents} is missing, although releases were made from documents here.",
                "Restore the folder from a backup, or run `clayloop ingest` again for each source.",
            )
        return {"documents": 0, "chunks": 0, "triplets": 0}
    corpus = Corpus.load(home)
    return {
        "documents": len(corpus.documents),
        "chunks": len(corpus.chunks),
        "triplets": len(load_triplets(home)),
    }


def _release(settings: Settings) -> dict[str, Any]:
    store = ReleaseStore(settings.state)
    current = store.current_id()
    if current is None:
        return {"served": None}
    release, marks = store.get(current), store.marks.read()
    return {
        "served": release.id,
        "made": release.created_at.isoformat(timespec="seconds"),
        "chunks": release.index.rows,
        **{name: round(value, 4) for name, value in release.metrics.items() if name == "ndcg@10"},
        **({"pinned": True} if current in marks.pinned else {}),
        **({"canary": marks.canary.release} if marks.canary else {}),
    }


def _last_run(settings: Settings) -> dict[str, Any]:
    runs = RunStore(settings.state).list()
    if not runs:
        return {"run": None}
    last = runs[0]
    is_at_work = last.status == "running" and last.is_at_work
    step = {"at_work": last.steps[-1].name if last.steps else "starting"} if is_at_work else {}
    return {"run": last.id, **step, "outcome": last.outcome, "verdict": last.verdict}


def _outbox(settings: Settings) -> dict[str, Any]:
    outbox = settings.state.outbox
    return {"pending": len(list(outbox.glob("*.json"))) if outbox.is_dir() else 0}


def _shared(settings: Settings) -> dict[str, Any]:
    """The object store, which is asked."""
    shared = ReleaseStore(settings.state).shared
    if shared.url is None:
        return {}
    shared.patience = shared.silence = _STORE_PATIENCE
    shared.pointer()
    return {"url": shared.url}


def _disk(settings: Settings) -> dict[str, Any]:
    root = settings.state.root
    if not root.exists():
        return {}
    free = shutil.disk_usage(root).free // 1_000_000
    if free < _LEAST_FREE or not os.access(root, os.W_OK):
        why = f"{free} MB are free" if free < _LEAST_FREE else "it is read-only, or somebody else's"
        raise StateError(
            f"{root} can hold no further release: {why}.",
            "Free some space (df), or give it back to its user.",
        )
    return {"free_mb": free}


def _services(settings: Settings) -> dict[str, tuple[str, str]]:
    """Where each service that `up` runs or uses is, and how it is."""
    # The noted addresses hold no login. A configured server may need one.
    argilla, model = settings.curation.argilla.url, settings.curation.language_model.base_url
    found = {}
    for name, url in known_addresses(settings.state).items():
        if name in ("bot", "watch"):
            how = _health(f"{url}/healthz")
        elif name == "argilla":
            how = _how(argilla_answers(argilla)) if argilla else _own_argilla(settings, url)
        elif name == "model" and model:
            how = _how(endpoint_answers(model))
        else:
            how = _how(answers(url.removesuffix("/v1") + _HEALTH.get(name, ""), 400))
        found[name] = (without_login(url), how)
    return found


def _own_argilla(settings: Settings, url: str) -> str:
    """How the Argilla of this home is. One that answers may belong to another home."""
    if not argilla_answers(url):
        return _how(False)
    status = _asked(settings, "/api/v1/me")[0]
    return _NOT_OURS if status == 401 else _WELL


def _asked(settings: Settings, path: str) -> tuple[int, Any]:
    """The status and the JSON that this home's own Argilla answers with; (0, None) where it does not."""
    try:
        credentials = read_credentials(settings.curation.argilla, settings.state)
        headers = {"X-Argilla-Api-Key": credentials.api_key.get_secret_value()}
        answer = httpx.get(credentials.url.rstrip("/") + path, headers=headers, timeout=2.0)
        return answer.status_code, answer.json()
    except (ClayloopError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return 0, None


def next_step(settings: Settings) -> str:
    """What to do next, from what is in the state folder and in Argilla. Raises StateError or ReleaseError for
    damaged files."""
    home, up = settings.state, known_addresses(settings.state)
    if first := first_step(home):
        return first
    if not up and not settings.curation.argilla.url:
        return "`clayloop up` starts Argilla, the bot and the dashboard."
    if not home.triplets.exists():
        return "`clayloop synthesize` makes training queries."
    datasets = [] if settings.curation.argilla.url else (_asked(settings, "/api/v1/me/datasets")[1] or {})
    if isinstance(datasets, dict) and not datasets.get("items"):
        return "`clayloop push` brings them to Argilla, where people annotate."
    where = f" {up['dashboard']} says more." if "dashboard" in up else ""
    return f"annotate in Argilla, then `retrain-from-annotations` (or `clayloop watch`).{where}"


def _how(is_answering: bool) -> str:
    return _WELL if is_answering else "does not answer"


def _health(probe: str) -> str:
    """How the watcher or the bot is. One that answers may be unable to work: its health page says so."""
    try:
        answer = httpx.get(probe, timeout=2.0)
        health = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return _how(False)
    if not isinstance(health, dict):
        return _how(False)
    outbox = health.get("outbox") or {}
    troubles = {
        "has stopped looking for releases": "start it again" if health.get("ok") is False else "",
        "cannot look": health.get("trouble"),
        "cannot serve what is current": health.get("release_error"),
        "cannot hand its conversations on": outbox.get("error"),
        "has set turns aside that it cannot read, in outbox/unreadable": outbox.get("unreadable"),
    }
    told = [f"{what}: {str(why).splitlines()[0]}" for what, why in troubles.items() if why]
    return f"answers, but {'; '.join(told)}" if told else _how(answer.status_code < 400)
