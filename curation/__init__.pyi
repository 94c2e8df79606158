"""What other rooms may use of curation/: each name is loaded when it is first used."""

from .addresses import (
    local_url as local_url,
)
from .addresses import (
    without_login as without_login,
)
from .argilla.api import (
    Api as Api,
)
from .argilla.api import (
    ArgillaRefusalError as ArgillaRefusalError,
)
from .argilla.conditions import (
    answers_hold as answers_hold,
)
from .argilla.conditions import (
    find_matching as find_matching,
)
from .argilla.conditions import (
    parse_condition as parse_condition,
)
from .argilla.connection import (
    connect as connect,
)
from .argilla.conversations import (
    log_turns as log_turns,
)
from .argilla.datasets import (
    find_dataset as find_dataset,
)
from .argilla.decisions import (
    judge as judge,
)
from .argilla.decisions import (
    read_decisions as read_decisions,
)
from .argilla.decisions import (
    restate as restate,
)
from .argilla.decisions import (
    tally as tally,
)
from .argilla.progress import (
    AnnotatorProgress as AnnotatorProgress,
)
from .argilla.progress import (
    DatasetProgress as DatasetProgress,
)
from .argilla.progress import (
    read_progress as read_progress,
)
from .argilla.push import (
    push as push,
)
from .argilla.schemas import (
    DATASETS as DATASETS,
)
from .argilla.simulated import (
    SIMULATED_ANNOTATOR as SIMULATED_ANNOTATOR,
)
from .argilla.simulated import (
    annotate_as_simulated as annotate_as_simulated,
)
from .argilla.webhooks import (
    Registration as Registration,
)
from .argilla.webhooks import (
    concerns as concerns,
)
from .argilla.webhooks import (
    has_webhook as has_webhook,
)
from .argilla.webhooks import (
    is_signed as is_signed,
)
from .argilla.webhooks import (
    register_webhook as register_webhook,
)
from .argilla.webhooks import (
    unregister_webhook as unregister_webhook,
)
from .documents.corpus import (
    Corpus as Corpus,
)
from .documents.ingest import (
    drop as drop,
)
from .documents.ingest import (
    ingest as ingest,
)
from .documents.markup.rst_inline import (
    inline_text as inline_text,
)
from .documents.sdist import (
    fetched_sdist as fetched_sdist,
)
from .errors import (
    ArgillaError as ArgillaError,
)
from .errors import (
    BusyError as BusyError,
)
from .errors import (
    ClayloopError as ClayloopError,
)
from .errors import (
    LanguageModelError as LanguageModelError,
)
from .errors import (
    ReleaseError as ReleaseError,
)
from .errors import (
    SettingsError as SettingsError,
)
from .errors import (
    StateError as StateError,
)
from .files import (
    read_json as read_json,
)
from .files import (
    replacing as replacing,
)
from .files import (
    sync_folder as sync_folder,
)
from .files import (
    write_json as write_json,
)
from .files import (
    write_table as write_table,
)
from .files import (
    write_text as write_text,
)
from .home import (
    Home as Home,
)
from .journal import (
    append_line as append_line,
)
from .journal import (
    whole_lines as whole_lines,
)
from .progress import (
    SILENT as SILENT,
)
from .progress import (
    Advance as Advance,
)
from .progress import (
    Progress as Progress,
)
from .records.chunk import (
    CHUNK_SCHEMA as CHUNK_SCHEMA,
)
from .records.chunk import (
    SECTION_SEPARATOR as SECTION_SEPARATOR,
)
from .records.chunk import (
    Chunk as Chunk,
)
from .records.chunk import (
    FormerChunk as FormerChunk,
)
from .records.decision import (
    BEST_SOURCE as BEST_SOURCE,
)
from .records.decision import (
    NO_SOURCE as NO_SOURCE,
)
from .records.decision import (
    DatasetName as DatasetName,
)
from .records.decision import (
    Decision as Decision,
)
from .records.decision import (
    Verdict as Verdict,
)
from .records.decision import (
    Vote as Vote,
)
from .records.decision import (
    fingerprint_by_name as fingerprint_by_name,
)
from .records.decision import (
    fingerprint_by_response as fingerprint_by_response,
)
from .records.decision import (
    nameless as nameless,
)
from .records.identity import (
    content_id as content_id,
)
from .records.triplet import (
    Triplet as Triplet,
)
from .records.turn import (
    Message as Message,
)
from .records.turn import (
    Turn as Turn,
)
from .settings import (
    ArgillaSettings as ArgillaSettings,
)
from .settings import (
    ChunkSettings as ChunkSettings,
)
from .settings import (
    CurationSettings as CurationSettings,
)
from .settings import (
    LanguageModelSettings as LanguageModelSettings,
)
from .settings import (
    SynthesisSettings as SynthesisSettings,
)
from .synthesis.headings import (
    heading_queries as heading_queries,
)
from .synthesis.language_model import (
    LanguageModel as LanguageModel,
)
from .synthesis.synthesize import (
    synthesize as synthesize,
)
from .synthesis.triplets import (
    load_triplets as load_triplets,
)
