"""The process that runs the distilabel pipeline: `python -m curation.synthesis.worker`, started by
`generation`.

distilabel forks a process for each step, takes over logging and signal handlers, and must not be forked from
a process with threads, so it gets a process of its own. Standard input brings the job as one line of JSON and
the API key as another (it must not be on disk or in the process list). When standard input ends, the starting
process is gone, and the whole process group ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from typing import Any

from pydantic import BaseModel, SecretStr

from curation.synthesis.asked import AskedChunk
from curation.synthesis.progress_file import append_progress
from curation.synthesis.store import Recipe

QUERY_TOKENS = 60
VARIATION_TOKENS = 24
RETRIES = 2


class Job(BaseModel):
    """What to generate. ``folder`` is the store's."""

    rows: list[AskedChunk]
    recipe: Recipe
    folder: str
    work_folder: str
    progress_file: str
    base_url: str
    timeout: int
    batch_size: int


def build(job: Job, api_key: SecretStr) -> Any:
    """The tutorial's pipeline: load, pair, drop, multiply, merge, keep, expand."""
    from distilabel.pipeline import Pipeline
    from distilabel.steps import ExpandColumns, LoadDataFromDicts, MergeColumns

    from curation.synthesis import tasks

    recipe = job.recipe
    # Dropped rows leave gaps, and distilabel waits until a batch is full again: smaller ones are stored
    # sooner.
    later = {"input_batch_size": max(1, job.batch_size // 2)}
    recorder = {"folder": job.folder, "recipe": recipe.model_dump(), "progress_file": job.progress_file}
    with Pipeline(
        name="clayloop-queries", description="Queries to train a retriever.", cache_dir=job.work_folder
    ) as pipeline:
        load = LoadDataFromDicts(
            name="load_data", data=[row.model_dump() for row in job.rows], batch_size=job.batch_size
        )
        drop = tasks.DropMalformed(name="drop_malformed", input_batch_size=job.batch_size, **recorder)
        merge = MergeColumns(
            name="merge_columns",
            columns=["positive", "queries"] if recipe.num_queries else ["positive"],
            output_column="positive",
            **later,
        )
        keep = tasks.KeepQueries(name="keep_queries", small_model=recipe.few_shot, **later, **recorder)
        expand = ExpandColumns(name="expand_columns", columns=["positive"], **later)
        load >> _pair(job, api_key) >> drop
        asked = drop >> _multiply(job, api_key, later) if recipe.num_queries else drop
        asked >> merge >> keep >> expand
    return pipeline


def _pair(job: Job, api_key: SecretStr) -> Any:
    """The step that asks for the first query of each chunk."""
    from curation.synthesis import prompts, tasks

    is_small = job.recipe.few_shot
    kind = tasks.FewShotSentencePair if is_small else tasks.CheckedSentencePair
    return kind(
        name=tasks.PAIR_STEP,
        triplet=True,
        action="query",
        context=job.recipe.context,
        small_model=is_small,
        retry_temperature=prompts.TEMPERATURE,
        llm=_llm(job, api_key, QUERY_TOKENS, ["\n"]),
        input_batch_size=job.batch_size,
        output_mappings={"model_name": "model_name_query"},
        add_raw_input=False,
    )


def _multiply(job: Job, api_key: SecretStr, batches: dict[str, int]) -> Any:
    """The step that asks for variations of it."""
    from curation.synthesis import tasks

    return tasks.MultipleQueries(
        name=tasks.MULTIPLY_STEP,
        num_queries=job.recipe.num_queries,
        context=job.recipe.context,
        small_model=job.recipe.few_shot,
        llm=_llm(job, api_key, VARIATION_TOKENS * job.recipe.num_queries),
        input_mappings={"query": "positive"},
        output_mappings={"model_name": "model_name_query_multiplied"},
        add_raw_input=False,
        **batches,
    )


def _llm(job: Job, api_key: SecretStr, small_tokens: int, small_stop: list[str] | None = None) -> Any:
    """The model; a very small one writes at most so many tokens, always the same, up to a stop."""
    from distilabel.models import OpenAILLM

    from curation.synthesis.prompts import MAX_NEW_TOKENS, TEMPERATURE

    how: dict[str, Any] = {"max_new_tokens": MAX_NEW_TOKENS, "temperature": TEMPERATURE}
    if job.recipe.few_shot:
        stop = {"stop": small_stop} if small_stop else {}
        how = {"max_new_tokens": small_tokens, "temperature": 0.0, **stop}
    return OpenAILLM(
        model=job.recipe.model,
        base_url=job.base_url,
        api_key=api_key,
        timeout=job.timeout,
        max_retries=RETRIES,
        generation_kwargs=how,
    )


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> int:
    """Run the pipeline to its end. The model's failures go to the progress file, not into the exit code."""
    job = Job.model_validate_json(sys.stdin.buffer.readline())
    api_key = SecretStr(sys.stdin.buffer.readline().decode().rstrip("\n"))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        # distilabel's cache overlooks changed input and keeps failed batches, so it is not used.
        pipeline = build(job, api_key)
        # The first line starts the clock: imports do not count.
        append_progress(job.progress_file, done=[], failed=[], tokens=0)
        pipeline.run(use_cache=False)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
