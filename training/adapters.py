"""The steps of a retrain. Each reads what earlier ones wrote, writes into a folder of its own, and can be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from curation import Chunk, Corpus, Decision, Progress, read_json, write_json
from serving import Release, ReleaseStore, ServingSettings
from training.fit.tuning import QUESTION_VECTORS_FILE, Tuning
from training.judge.evaluate import check_paths
from training.judge.judging import Judging
from training.judge.questions import HoldoutQuestion, holdout_questions, without_test_questions
from training.judge.testsets import TestSet, load_test_sets
from training.ledger.ancestry import past_of
from training.ledger.past import Past
from training.prepare.conflicts import Conflict, settle
from training.prepare.examples import Example, Learnable, Refusal, Unused, Whereabouts, collect
from training.prepare.negatives import Negative, decided_negatives
from training.prepare.sameness import without_contradictions
from training.prepare.selection import LeftOut
from training.prepare.split import Dropped, chunk_groups, drop_repeated, is_holdout, split, take_sides
from training.prepare.tracing import read_became, trace_through_releases, write_became
from training.reranker.aside import Aside, set_aside
from training.reranker.step import ASIDE_FILE, Reranking, check_base_model, why_not
from training.runs.jsonl import read_rows, write_rows
from training.runs.run import Run
from training.settings import TrainingSettings


@dataclass
class Steps:
    """The work of one run. ``served`` is the release that the candidate is compared with."""

    run: Run
    corpus: Corpus
    settings: TrainingSettings
    serving: ServingSettings
    store: ReleaseStore
    served: Release
    progress: Progress

    # what earlier steps wrote

    @cached_property
    def decisions(self) -> list[Decision]:
        return read_rows(self.run.folder / "read" / "decisions.jsonl", Decision)

    @cached_property
    def left_out(self) -> list[LeftOut]:
        """What the selection kept out."""
        path = self.run.folder / "read" / "left_out.jsonl"
        return read_rows(path, LeftOut) if path.exists() else []

    @cached_property
    def learnable(self) -> Learnable:
        """Derived again instead of read: it is quick, and the chunks need not be stored twice."""
        return collect(self.decisions, self.corpus.chunks, self.serving.retrieval.include_unreviewed)

    @property
    def chunks(self) -> list[Chunk]:
        """The chunks that the candidate indexes."""
        return self.learnable.chunks

    @property
    def examples(self) -> list[Example]:
        return read_rows(self.run.folder / "examples" / "examples.jsonl", Example)

    @cached_property
    def train(self) -> list[Example]:
        return read_rows(self.run.folder / "split" / "train.jsonl", Example)

    @cached_property
    def holdout(self) -> list[Example]:
        return read_rows(self.run.folder / "split" / "holdout.jsonl", Example)

    @cached_property
    def questions(self) -> list[HoldoutQuestion]:
        return read_rows(self.run.folder / "split" / "questions.jsonl", HoldoutQuestion)

    @cached_property
    def dropped(self) -> list[Dropped]:
        return [
            row
            for step in ("dedup", "split")
            for row in read_rows(self.run.folder / step / "dropped.jsonl", Dropped)
        ]

    @property
    def unused(self) -> list[Unused]:
        return [
            row
            for step in ("examples", "dedup", "split", "start")
            if (self.run.folder / step).is_dir()
            for row in read_rows(self.run.folder / step / "unused.jsonl", Unused)
        ]

    @cached_property
    def tuning(self) -> Tuning:
        return Tuning(
            self.run,
            self.chunks,
            self.settings.fit,
            self.serving,
            self.store,
            self.served,
            self.progress,
            self.settings.dedup,
        )

    @cached_property
    def reranking(self) -> Reranking:
        """The step that trains a reranker and lets it compete."""
        return Reranking(
            self.run,
            self.chunks,
            self.settings,
            self.serving,
            self.tuning,
            self.store,
            self.served,
            self.progress,
        )

    @property
    def conflicts(self) -> list[Conflict]:
        return read_rows(self.run.folder / "dedup" / "conflicts.jsonl", Conflict)

    @property
    def negatives(self) -> list[Negative]:
        """Those that people decided on, then the mined ones."""
        return [
            row
            for step in ("split", "mine")
            if (self.run.folder / step).is_dir()
            for row in read_rows(self.run.folder / step / "negatives.jsonl", Negative)
        ]

    @cached_property
    def judging(self) -> Judging:
        """The steps that evaluate the candidate, once there is one."""
        return Judging(
            self.run,
            self.corpus.chunks,
            self.chunks,
            self.questions,
            self.holdout,
            self.decisions,
            self.own_sets,
            self.settings,
            self.serving.model_copy(update={"embedding": self.tuning.embedding}),
            self.store,
            self.served,
            self.reranking,
            self.progress,
        )

    @cached_property
    def own_sets(self) -> list[TestSet]:
        """The test sets of the settings."""
        return load_test_sets(self.settings.testsets)

    @property
    def deciding(self) -> int:
        """Questions that decide: the holdout's and those of the user's own sets about the same documents."""
        return len(self.questions) + sum(len(one.queries) for one in self.own_sets if one.corpus is None)

    # the steps

    def make_examples(self, folder: Path) -> str:
        gone = self._gone_chunks()
        include = self.serving.retrieval.include_unreviewed
        found = collect(self.decisions, self.corpus.chunks, include, gone) if gone else self.learnable
        write_became(folder, gone)
        write_rows(folder / "examples.jsonl", found.examples)
        write_rows(folder / "refusals.jsonl", found.refusals)
        write_rows(folder / "unused.jsonl", found.unused)
        return (
            f"{len(found.examples)} examples, {len(found.refusals)} refusals, "
            f"{len(found.unused)} decisions that teach nothing; "
            f"{len(found.chunks)} chunks to index, {len(found.rejected_chunks)} rejected"
        )

    def drop_duplicates(self, folder: Path) -> str:
        examples = self.examples
        refusals = read_rows(self.run.folder / "examples" / "refusals.jsonl", Refusal)
        groups = chunk_groups(self.chunks, self.settings.dedup, [*examples, *refusals])
        if self.settings.dedup.semantic and examples:
            self.tuning.meaning.save(folder / QUESTION_VECTORS_FILE, self.tuning.questions)
        became = read_became(self.run.folder / "examples")
        settled = settle(
            examples, refusals, self.decisions, groups, self.settings.dedup, self.tuning.meaning, became
        )
        sides = take_sides(
            settled.examples,
            self.chunks,
            groups,
            self.settings.gate.holdout_share,
            settled.refusals,
            self._past,
        )
        kept, dropped = drop_repeated(
            settled.examples,
            groups,
            self.settings.dedup,
            self.tuning.meaning,
            sides,
            self._past.asked | self._past.trained,
        )
        write_json(folder / "groups.json", {key: label for key, label in groups.items() if key != label})
        write_rows(folder / "conflicts.jsonl", settled.conflicts)
        write_rows(folder / "refusals.jsonl", settled.refusals)
        write_rows(folder / "unused.jsonl", settled.unused)
        write_rows(folder / "kept.jsonl", kept)
        write_rows(folder / "dropped.jsonl", dropped)
        left_out = sum(conflict.left_out for conflict in settled.conflicts)
        return (
            f"{len(kept)} examples stay, {len(dropped)} said the same as another one; "
            f"{len(settled.conflicts)} conflicts ({left_out} left out, see dedup/conflicts.jsonl)"
        )

    def hold_out(self, folder: Path) -> str:
        check_base_model(self.settings.reranker, self.serving)
        for one in self.own_sets if self.chunks else []:
            check_paths(one, {chunk.path for chunk in self.chunks}, "the index", self.progress)
        dedup, meaning = self.settings.dedup, self.tuning.meaning
        kept = read_rows(self.run.folder / "dedup" / "kept.jsonl", Example)
        groups: dict[str, str] = read_json(self.run.folder / "dedup" / "groups.json")
        refusals = read_rows(self.run.folder / "dedup" / "refusals.jsonl", Refusal)
        parts = split(
            kept,
            self.chunks,
            groups,
            self.settings.gate.holdout_share,
            dedup,
            meaning,
            refusals,
            self._past,
        )
        parts.train, asked = without_test_questions(parts.train, self.own_sets, dedup, meaning)
        parts.dropped += asked
        aside = self._set_aside(parts.train, groups)
        held = parts.held_groups | aside.groups
        questions = holdout_questions(parts.holdout, self.chunks, groups, self._settled)
        decided = decided_negatives(
            aside.train,
            [*parts.holdout, *aside.asked],
            refusals,
            groups,
            held,
            dedup,
            [text for one in self.own_sets for text in one.queries.values()],
            meaning,
        )
        decided = without_contradictions(decided, refusals, aside.train, groups, dedup)
        write_rows(folder / "negatives.jsonl", decided.negatives)
        write_json(folder / "held.json", sorted(held))
        write_rows(folder / "train.jsonl", aside.train)
        write_rows(folder / ASIDE_FILE, aside.asked)
        write_rows(folder / "holdout.jsonl", parts.holdout)
        write_rows(folder / "questions.jsonl", questions)
        write_rows(folder / "dropped.jsonl", parts.dropped)
        write_rows(folder / "unused.jsonl", [*parts.unused, *aside.unused, *decided.unused])
        apart = f", {len(aside.asked)} set aside to judge a reranker by" if aside.asked else ""
        return (
            f"{len(aside.train)} examples to train on, {len(decided.negatives)} negatives that people decided on, "
            f"{len(questions)} questions held out, {len(parts.dropped)} dropped because they resemble a held-out one{apart}"
        )

    @property
    def _settled(self) -> list[Example]:
        """All accepted examples that no conflict speaks against, those that were then dropped among them."""
        against = read_rows(self.run.folder / "dedup" / "unused.jsonl", Unused)
        gone = {(one.dataset, one.record_id) for one in against if one.of != "refusal"}
        return [one for one in self.examples if (one.dataset, one.record_id) not in gone]

    def _gone_chunks(self) -> dict[str, Whereabouts]:
        """What is known of chunks that decisions are about and that have changed or gone since."""
        return trace_through_releases(
            self.store,
            self.served.id,
            self.decisions,
            self.corpus.chunks,
            {chunk.id for chunk in self.chunks},
            partial(is_holdout, share=self.settings.gate.holdout_share),
            self.settings.dedup,
        )

    @cached_property
    def _past(self) -> Past:
        return past_of(self.store, self.served.id)

    def _set_aside(self, train: list[Example], groups: dict[str, str]) -> Aside:
        chosen = self.settings.reranker
        if why_not(chosen, self.serving):
            return Aside(train)
        return set_aside(train, self.chunks, groups, chosen.share, self.settings.dedup)
