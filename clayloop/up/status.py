"""What `clayloop status` tells: read from the state folder and asked of the services, nothing guessed."""

from __future__ import annotations

from typing import Any

import httpx

from clayloop.settings import Settings
from clayloop.up.services import answers, known_addresses
from curation import ClayloopError, Corpus, load_triplets, without_login
from serving import ReleaseStore
from training import RunStore


def read_status(settings: Settings) -> dict[str, Any]:
    """Sections of plain values; what cannot be read is told in words instead of failing the whole."""
    home = settings.state
    return {
        "home": str(home.root),
        "corpus": _told(lambda: _corpus(settings)),
        "release": _told(lambda: _release(settings)),
        "last_run": _told(lambda: _last_run(settings)),
        "outbox": {"pending": len(list(home.outbox.glob("*.json"))) if home.outbox.is_dir() else 0},
        "services": _services(settings),
    }


def _told(read: Any) -> Any:
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
        "argilla": "/api/v1/status",
        "bot": "/healthz",
        "dashboard": "/_stcore/health",
        "watch": "/healthz",
    }
    # What is noted has no login in it; a server of one's own may want one.
    configured = {
        "argilla": settings.curation.argilla.url.rstrip("/"),
        "model": settings.curation.language_model.base_url,
    }
    told = {}
    for name, url in known_addresses(settings.state).items():
        place = configured.get(name) or url
        probe = place.removesuffix("/v1") + "/health" if name == "model" else place + health.get(name, "")
        how = _watcher(probe) if name == "watch" else "answers" if answers(probe, 400) else "does not answer"
        told[name] = f"{without_login(url)} ({how})"
    return told


def _watcher(probe: str) -> str:
    """A watcher that answers may still be unable to look: its own word about that."""
    try:
        answer = httpx.get(probe, timeout=2.0)
        health = answer.json()
    except (httpx.HTTPError, OSError, ValueError):
        return "does not answer"
    if answer.status_code >= 400 or not isinstance(health, dict):
        return "does not answer"
    trouble = str(health.get("trouble") or "").strip()
    return f"answers, but cannot look: {trouble.splitlines()[0]}" if trouble else "answers"
