"""What other rooms may use of curation/: each name is loaded when it is first used."""
# ruff: isort: skip_file

from .agreement.alpha import alpha_of as alpha_of
from .agreement.calibration import Calibration as Calibration, read_calibration as read_calibration
from .agreement.report import Agreement as Agreement, QuestionAgreement as QuestionAgreement
from .agreement.report import agreement_of as agreement_of
from .addresses import is_loopback as is_loopback, local_url as local_url, without_login as without_login
from .argilla.adjudication import unsettled_questions as unsettled_questions
from .argilla.adjudication import push_adjudication as push_adjudication
from .argilla.answer_states import mark_stale_answers as mark_stale_answers
from .argilla.annotators import add_annotator as add_annotator, list_annotators as list_annotators
from .argilla.annotators import remove_annotator as remove_annotator
from .argilla.api import Api as Api, ArgillaRefusalError as ArgillaRefusalError
from .argilla.asked import AskedQuestions as AskedQuestions, read_questions as read_questions
from .argilla.changes import DecisionReader as DecisionReader
from .argilla.conditions import find_matching_records as find_matching_records
from .argilla.conditions import parse_condition as parse_condition, votes_match as votes_match
from .argilla.connection import connect_to_argilla as connect_to_argilla
from .argilla.connection import read_credentials as read_credentials
from .argilla.conversations import log_turns as log_turns
from .argilla.datasets import find_dataset as find_dataset
from .argilla.decisions import acceptance_verdict as acceptance_verdict
from .argilla.decisions import dataset_addresses as dataset_addresses
from .argilla.decisions import decision_without as decision_without
from .argilla.decisions import read_answers as read_answers, read_decisions as read_decisions
from .argilla.generations import log_generations as log_generations
from .argilla.links import (
    MOST_NAMED as MOST_NAMED,
    RecordLinks as RecordLinks,
    read_links as read_links,
)
from .argilla.moving import Move as Move, move as move
from .argilla.progress import AnnotatorProgress as AnnotatorProgress, DatasetProgress as DatasetProgress
from .argilla.progress import read_progress as read_progress
from .argilla.push import PushOptions as PushOptions, push_to_argilla as push_to_argilla
from .argilla.queue import read_queue as read_queue
from .argilla.refresh import renew_queue as renew_queue
from .argilla.schemas import COMPARED as COMPARED
from .argilla.schemas import DATASETS as DATASETS, label_questions as label_questions
from .argilla.simulated import annotate_as_simulated as annotate_as_simulated
from .argilla.simulated import annotate_by_pages as annotate_by_pages
from .argilla.simulated_user import SIMULATED_ANNOTATOR as SIMULATED_ANNOTATOR
from .argilla.turns import AskedTurn as AskedTurn, conversation_table as conversation_table
from .argilla.turns import read_newest_turns as read_newest_turns
from .argilla.vectors import nearest_other as nearest_other, places as places
from .argilla.traffic import DayTraffic as DayTraffic, read_traffic as read_traffic
from .argilla.traffic import ReleaseTraffic as ReleaseTraffic, read_preferences as read_preferences
from .argilla.traffic import read_release_traffic as read_release_traffic
from .argilla.version1.importing import ImportReport as ImportReport
from .argilla.version1.importing import import_version_1 as import_version_1
from .argilla.webhooks import WebhookRegistration as WebhookRegistration, has_webhook as has_webhook
from .argilla.webhooks import is_signed_by_argilla as is_signed_by_argilla
from .argilla.webhooks import register_webhook as register_webhook, unregister_webhook as unregister_webhook
from .argilla.webhooks import Call as Call, read_call as read_call
from .documents.chunking import cut_again as cut_again
from .documents.corpus import Corpus as Corpus
from .documents.shared import pull_corpus as pull_corpus, share_corpus as share_corpus
from .documents.release_notes import is_surely_release_note as is_surely_release_note
from .documents.report import IngestReport as IngestReport, read_ingest_report as read_ingest_report
from .documents.ingest import drop_source as drop_source, ingest as ingest
from .documents.links import NO_PAGES as NO_PAGES
from .documents.markup.blocks import ParsedDocument as ParsedDocument
from .documents.markup.page import NotIncludedError as NotIncludedError, Page as Page
from .documents.markup.page import OUTSIDE as OUTSIDE
from .documents.markup.reading import parse as parse
from .documents.markup.references import Titles as Titles
from .documents.markup.rst.parsing import rst_inline_to_text as rst_inline_to_text
from .documents.naming import place_named_sources as place_named_sources
from .documents.sources.sdist import download_sdist as download_sdist
from .documents.splitting import Measure as Measure, TokenCounter as TokenCounter
from .documents.splitting import split_prose as split_prose
from .errors import ArgillaError as ArgillaError, BusyError as BusyError, ClayloopError as ClayloopError
from .errors import LanguageModelError as LanguageModelError, ReleaseError as ReleaseError
from .errors import SettingsError as SettingsError, StateError as StateError, first_line as first_line
from .exports.publish import publish_tables as publish_tables
from .exports.tables import EXPORTS as EXPORTS, ExportName as ExportName
from .exports.tables import accepted_table as accepted_table, chunk_table as chunk_table
from .exports.tables import question_table as question_table, triplet_table as triplet_table
from .exports.writing import format_of as format_of, write_export as write_export
from .files import read_json as read_json, read_record as read_record
from .files import replace_atomically as replace_atomically, replace_folder as replace_folder
from .files import sha256 as sha256, sweep as sweep, sync_folder as sync_folder
from .files import write_json as write_json
from .files import write_table as write_table, write_text as write_text
from .home import Home as Home
from .lease import Lease as Lease, read_holder as read_holder, this_machine as this_machine
from .hub import HubRepo as HubRepo, fetch_folder as fetch_folder, look_at_files as look_at_files
from .hub import push_folder as push_folder
from .journal import append_line as append_line, read_whole_lines as read_whole_lines
from .masking import Mask as Mask, make_mask as make_mask, masked as masked
from .memory import PeakMemory as PeakMemory, give_back as give_back
from .memory import hand_back_large_blocks as hand_back_large_blocks
from .progress import SILENT as SILENT, Advance as Advance, Progress as Progress
from .records.chunk import CHUNK_SCHEMA as CHUNK_SCHEMA, Chunk as Chunk, FormerChunk as FormerChunk
from .records.chunk import chunks_in as chunks_in
from .records.chunk import SECTION_SEPARATOR as SECTION_SEPARATOR
from .records.decision import BEST_SOURCE as BEST_SOURCE, CORRECTION as CORRECTION
from .records.decision import DatasetName as DatasetName, Decision as Decision
from .records.decision import NO_SOURCE as NO_SOURCE, OTHER_SOURCE as OTHER_SOURCE
from .records.decision import Verdict as Verdict, Vote as Vote
from .records.gold import is_gold as is_gold
from .records.generation import AnsweredQuestion as AnsweredQuestion
from .records.generation import GeneratedAnswer as GeneratedAnswer
from .records.identity import content_id as content_id, normalise as normalise
from .records.triplet import Triplet as Triplet
from .records.turn import MOST_OFFERED as MOST_OFFERED, Message as Message, Turn as Turn
from .settings import ArgillaSettings as ArgillaSettings, ChunkSettings as ChunkSettings
from .settings import CurationSettings as CurationSettings, LanguageModelSettings as LanguageModelSettings
from .settings import SynthesisSettings as SynthesisSettings
from .shortage import shortage as shortage
from .suggestions.choice import guess as guess, read_guesses as read_guesses
from .suggestions.features import Features as Features
from .suggestions.features import answer_features as answer_features, chunk_features as chunk_features
from .suggestions.features import query_features as query_features
from .suggestions.learning import Example as Example, area as area
from .suggestions.learning import learn as learn, learn_from as learn_from
from .suggestions.learning import out_of_fold as out_of_fold, regression as regression
from .suggestions.learning import with_cold as with_cold
from .suggestions.priority import priority as priority
from .suggestions.scorer import COLD_SCORERS as COLD_SCORERS, LEAST_AUC as LEAST_AUC
from .suggestions.scorer import SUGGESTIONS_FOLDER as SUGGESTIONS_FOLDER, load_scorers as load_scorers
from .suggestions.scorer import Scorers as Scorers, save_scorers as save_scorers
from .synthesis.calibrating import calibrate as calibrate
from .synthesis.headings import heading_queries as heading_queries
from .synthesis.judging import Judge as Judge
from .synthesis.language_model import LanguageModel as LanguageModel
from .synthesis.remembered import Remembered as Remembered
from .synthesis.synthesize import Experience as Experience, synthesize as synthesize
from .synthesis.thoughts import may_be_thoughts as may_be_thoughts, without_thoughts as without_thoughts
from .synthesis.triplets import load_triplets as load_triplets
from .tether import end_group as end_group, tethered as tethered
from .testsets import generic_set as generic_set
from .testsets import Qrels as Qrels, TestSet as TestSet, load_files as load_files, load_folder as load_folder
from .testsets import load_qrels as load_qrels, load_queries as load_queries
from .settings import DedupSettings as DedupSettings
from .sharing import Pointer as Pointer, PointerMovedError as PointerMovedError
from .sharing import SharedFolders as SharedFolders
from .shown.page import Block as Block, Span as Span, blocks as blocks, closed as closed
from .shown.page import fenced as fenced, harmless as harmless, joined as joined, link as link
from .shown.page import plain as plain, prose as prose, web_address as web_address
from .shown.records import original as original
from .similarity import Likeness as Likeness, Match as Match, Sameness as Sameness, VectorsOf as VectorsOf
from .similarity import find_duplicates as find_duplicates, find_matches as find_matches, group as group
from .similarity import jaccard as jaccard, matches_in_meaning as matches_in_meaning
from .similarity import questions_like as questions_like, same_meaning as same_meaning, shingles as shingles
from .process_user import user_name as user_name
from .words import word_set as word_set
from .workers import RayWorkers as RayWorkers, Workers as Workers, in_process as in_process
