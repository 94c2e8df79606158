"""What other rooms may use of training/: each name is loaded when it is first used."""
# ruff: isort: skip_file

from .answering.candidate import AnsweringContext as AnsweringContext
from .answering.candidate import retrain_answers as retrain_answers
from .decide import Choice as Choice, Due as Due, answers as answers, changed_keys as changed_keys
from .decide import is_due as is_due
from .fit.data import TrainingMaterial as TrainingMaterial
from .fit.train import cheap_passes as cheap_passes, fine_tune as fine_tune
from .judge.alternatives import accepted_as_test_set as accepted_as_test_set
from .judge.alternatives import compare_cuttings as compare_cuttings, compare_models as compare_models
from .judge.canary import CanaryReport as CanaryReport, judge_canary as judge_canary
from .judge.canary import check_binding as check_binding, read_canary as read_canary
from .judge.comparison import Slice as Slice, read_comparison as read_comparison, slices as slices
from .judge.evaluate import SearchModel as SearchModel, evaluate_release as evaluate_release
from .judge.evaluate import evaluate_set as evaluate_set, score as score
from .judge.gate import GateVerdict as GateVerdict, Guard as Guard
from .judge.intervals import Interval as Interval, classify as classify
from .judge.intervals import expanded_interval as expanded_interval, mean_interval as mean_interval
from .judge.questions import question_kind as question_kind
from .ledger.explain import Counts as Counts, RecordExplanation as RecordExplanation
from .ledger.explain import ReleaseExplanation as ReleaseExplanation, explain_record as explain_record
from .ledger.explain import explain_release as explain_release
from .ledger.rows import LedgerRow as LedgerRow, Teaches as Teaches
from .ledger.rows import by_decision as by_decision, section_of as section_of
from .ledger.store import ledger_of as ledger_of, taught_triplets as taught_triplets
from .ledger.selection import Selection as Selection
from .prepare.conflicts import settle_conflicts as settle_conflicts
from .prepare.negatives import choose_negatives as choose_negatives
from .prepare.split import PrepareContext as PrepareContext, chunk_groups as chunk_groups
from .prepare.split import drop_leaks as drop_leaks, drop_repeated as drop_repeated
from .prepare.split import held_groups as held_groups, take_sides as take_sides
from .report.text import Preview as Preview, RetrainSummary as RetrainSummary
from .report.text import render_preview as render_preview, render_summary as render_summary
from .retrain import RetrainOptions as RetrainOptions, load_ahead as load_ahead, preview as preview
from .retrain import retrain_from_annotations as retrain_from_annotations
from .runs.progress import TaskProgress as TaskProgress, read_progress_of as read_progress_of
from .runs.record import Outcome as Outcome, RunInputs as RunInputs, RunRecord as RunRecord, STEPS as STEPS
from .runs.record import StepRecord as StepRecord
from .runs.run import RUN_FILE as RUN_FILE, Run as Run, RunStore as RunStore
from .runs.situation import situation_now as situation_now
from .runs.stopping import drop_run as drop_run, stop_run as stop_run
from .settings import FitSettings as FitSettings
from .settings import FINE_TUNED as FINE_TUNED, INDEX_ONLY as INDEX_ONLY, Rung as Rung
from .settings import GateSettings as GateSettings, TrainingSettings as TrainingSettings
from .tasks.examples import TrainingData as TrainingData
from .tasks.frameworks.framework import Framework as Framework
from .tasks.frameworks.registry import register_framework as register_framework
from .tasks.generations import BotAnswers as BotAnswers
from .tasks.gguf_files import load_gguf as load_gguf, save_gguf as save_gguf
from .tasks.inferred import infer_task as infer_task
from .tasks.selection import SortBy as SortBy
from .tasks.task import TrainingTask as TrainingTask
from .tasks.trainer import ArgillaTrainer as ArgillaTrainer, TrainedModel as TrainedModel
from .tasks.trainer import prepare_for_training as prepare_for_training
