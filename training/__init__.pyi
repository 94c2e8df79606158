"""What other rooms may use of training/: each name is loaded when it is first used."""

from .decide import (
    Choice as Choice,
)
from .decide import (
    Due as Due,
)
from .decide import (
    News as News,
)
from .decide import (
    Situation as Situation,
)
from .decide import (
    decide as decide,
)
from .decide import (
    is_due as is_due,
)
from .fit.data import (
    TrainingMaterial as TrainingMaterial,
)
from .fit.memory import (
    PeakMemory as PeakMemory,
)
from .fit.precision import (
    cheap_passes as cheap_passes,
)
from .fit.train import (
    fine_tune as fine_tune,
)
from .fit.whitening import (
    whiten as whiten,
)
from .judge.comparison import (
    read_comparison as read_comparison,
)
from .judge.evaluate import (
    SearchModel as SearchModel,
)
from .judge.evaluate import (
    evaluate_release as evaluate_release,
)
from .judge.evaluate import (
    evaluate_set as evaluate_set,
)
from .judge.evaluate import (
    rank as rank,
)
from .judge.evaluate import (
    score as score,
)
from .judge.intervals import (
    Interval as Interval,
)
from .judge.intervals import (
    classify as classify,
)
from .judge.intervals import (
    expanded_interval as expanded_interval,
)
from .judge.intervals import (
    mean_interval as mean_interval,
)
from .judge.testsets import (
    TestSet as TestSet,
)
from .judge.testsets import (
    load_files as load_files,
)
from .judge.testsets import (
    load_folder as load_folder,
)
from .judge.testsets import (
    load_qrels as load_qrels,
)
from .judge.testsets import (
    load_queries as load_queries,
)
from .ledger.context import (
    RunContext as RunContext,
)
from .ledger.explain import (
    Counts as Counts,
)
from .ledger.explain import (
    RecordExplanation as RecordExplanation,
)
from .ledger.explain import (
    ReleaseExplanation as ReleaseExplanation,
)
from .ledger.explain import (
    explain_record as explain_record,
)
from .ledger.explain import (
    explain_release as explain_release,
)
from .ledger.people import (
    Selection as Selection,
)
from .ledger.rows import (
    LedgerRow as LedgerRow,
)
from .ledger.rows import (
    RecordKey as RecordKey,
)
from .ledger.store import (
    read_ledger as read_ledger,
)
from .ledger.store import (
    write_ledger as write_ledger,
)
from .ledger.rows import (
    LedgerRow as LedgerRow,
)
from .prepare.dedup import (
    find_duplicates as find_duplicates,
)
from .prepare.dedup import (
    find_matches as find_matches,
)
from .prepare.dedup import (
    jaccard as jaccard,
)
from .prepare.dedup import (
    normalise as normalise,
)
from .prepare.dedup import (
    shingles as shingles,
)
from .prepare.examples import (
    Example as Example,
)
from .prepare.examples import (
    HEADING as HEADING,
)
from .prepare.examples import (
    Refusal as Refusal,
)
from .prepare.examples import (
    section_of as section_of,
)
from .prepare.meaning import (
    matches_in_meaning as matches_in_meaning,
)
from .prepare.meaning import (
    same_meaning as same_meaning,
)
from .prepare.negatives import (
    decided_negatives as decided_negatives,
)
from .prepare.sameness import (
    without_contradictions as without_contradictions,
)
from .prepare.selection import (
    Selected as Selected,
)
from .prepare.selection import (
    select as select,
)
from .prepare.split import (
    chunk_groups as chunk_groups,
)
from .prepare.split import (
    drop_repeated as drop_repeated,
)
from .prepare.split import (
    split as split,
)
from .prepare.split import (
    take_sides as take_sides,
)
from .preview import (
    Preview as Preview,
)
from .preview import (
    preview as preview,
)
from .preview import (
    render_preview as render_preview,
)
from .report.text import (
    RetrainSummary as RetrainSummary,
)
from .report.text import (
    render_summary as render_summary,
)
from .retrain import (
    RetrainOptions as RetrainOptions,
)
from .retrain import (
    retrain_from_annotations as retrain_from_annotations,
)
from .runs.inputs import (
    run_inputs as run_inputs,
)
from .runs.record import (
    Outcome as Outcome,
)
from .runs.record import (
    RunInputs as RunInputs,
)
from .runs.record import (
    RunRecord as RunRecord,
)
from .runs.record import (
    STEPS as STEPS,
)
from .runs.requests import (
    RetrainRequest as RetrainRequest,
)
from .runs.requests import (
    ask_for_retrain as ask_for_retrain,
)
from .runs.requests import (
    is_watched as is_watched,
)
from .runs.requests import (
    pending_request as pending_request,
)
from .runs.requests import (
    settle_request as settle_request,
)
from .runs.requests import (
    watch_lock as watch_lock,
)
from .runs.run import (
    RUN_FILE as RUN_FILE,
)
from .runs.run import (
    Run as Run,
)
from .runs.run import (
    RunStore as RunStore,
)
from .settings import (
    DedupSettings as DedupSettings,
)
from .settings import (
    FitSettings as FitSettings,
)
from .settings import (
    GateSettings as GateSettings,
)
from .settings import (
    GuardSettings as GuardSettings,
)
from .settings import (
    RerankerSettings as RerankerSettings,
)
from .settings import (
    TrainingSettings as TrainingSettings,
)
from .situation import (
    read_situation as read_situation,
)
