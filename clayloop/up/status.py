"""What `clayloop status` shows: read from the state folder and asked of the services."""

from __future__ import annotations

from typing import Any

import httpx

from clayloop.settings import Settings
from clayloop.up.services import answers, known_addresses
from curation import ClayloopError, Corpus, load_triplets, without_login
from serving import ReleaseStore
from training import RunStore


def read_status(settings: Settings) -> dict[str, Any]:
    """Sections of plain values. A section that cannot be read says so; the others are still there."""
    home = settings.state
    return {
        "home": str(home.root),
        "corpus": _value_or_problem(lambda: _corpus(settings)),
        "release": _value_or_problem(lambda: _release(settings)),
        "last_run": _value_or_problem(lambda: _last_run(settings)),
        "outbox": {"pending": len(list(home.outbox.glob("*.json"))) if home.outbox.is_dir() else 0},
        "services": _services(settings),
    }


def _value_or_problem(read: Any) -> Any:
    try:
        return read()
    except ClayloopError as error:
        return {"problem": error.message}


def _corpus(settings: Settings) -> dict[str, Any]:
    home = settings.state
    if not home.chunks.exists():
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
    release = store.get(current)
    return {
        "served": release.id,
        "made": release.created_at.isoformat(timespec="seconds"),
        "chunks": release.index.rows,
        **{name: round(value, 4) for name, value in release.metrics.items() if name == "ndcg@10"},
    }


def _last_run(settings: Settings) -> dict[str, Any]:
    runs = RunStore(settings.state).list()
    if not runs:
        return {"run": None}
    last = runs[0].model_dump(mode="json")
    return {"run": last.get("id"), "outcome": last.get("outcome"), "verdict": last.get("verdict")}


def _services(settings: Settings) -> dict[str, str]:
    health = {
        "argilla": "/api/v1/version",
        "bot": "/healthz",
        "dashboard": "/_stcore/health",
        "watch": "/healthz",
    }
    # The noted addresses hold no login. A configured server may need one.
    configured = {
        "argilla": settings.curation.argilla.url.rstrip("/"),
        "model": settings.curation.language_model.base_url,
    }
    found = {}
    for name, url in known_addresses(settings.state).items():
        place = configured.get(name) or url
        probe = place.removesuffix("/v1") + "/health" if name == "model" else place + health.get(name, "")
        how = _watcher(probe) if name == "watch" else "answers" if answers(probe, 400) else "does not answer"
        found[name] = f"{without_login(url)} ({how})"
    return found


def _watcher(probe: str) -> str:
    """How the watcher is. One that answers may still be unable to read Argilla: its health page says so."""
    try:
        answer = httpx.get(probe, timeout=2.0)
        health = answer.json()
    except (httpx.HTTPError, OSError, ValueError):
        return "does not answer"
    if answer.status_code >= 400 or not isinstance(health, dict):
        return "does not answer"
    trouble = str(health.get("trouble") or "").strip()
    return f"answers, but cannot look: {trouble.splitlines()[0]}" if trouble else "answers"
