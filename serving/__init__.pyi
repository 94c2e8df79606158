"""What other rooms may use of serving/: each name is loaded when it is first used."""
# ruff: isort: skip_file

from .bot.answers import answer_question as answer_question
from .bot.generating import Answerer as Answerer, Generated as Generated, generate as generate
from .bot.offered import offered_passages as offered_passages
from .bot.server import run_bot as run_bot
from .releases.answering import Answering as Answering
from .releases.answering import AnsweringModels as AnsweringModels, at_endpoint as at_endpoint
from .releases.answering import release_with as release_with
from .releases.answer_list import ListedAnswer as ListedAnswer, find_answer as find_answer
from .releases.answer_list import list_answers as list_answers
from .releases.answers import CuratedAnswer as CuratedAnswer, answer_rows as answer_rows
from .releases.answers import answers_to_serve as answers_to_serve, read_answers as read_answers
from .releases.base_vectors import BaseVectors as BaseVectors
from .releases.bootstrap import bootstrap as bootstrap
from .releases.canary import Canary as Canary
from .releases.build import ReleaseParts as ReleaseParts, build_release as build_release
from .releases.build import save_model as save_model
from .releases.card import model_card as model_card
from .releases.carried_lineage import CHUNK_REJECTED as CHUNK_REJECTED
from .releases.carried_lineage import GONE_FROM_DOCUMENTS as GONE_FROM_DOCUMENTS
from .releases.carried_lineage import HEADING as HEADING, accepted_questions as accepted_questions
from .releases.decided import decided_questions as decided_questions
from .releases.files import share_file as share_file
from .releases.following import pull as pull, pull_if_possible as pull_if_possible
from .releases.following import share as share
from .releases.gaps import Gap as Gap, find_gaps as find_gaps, open_questions as open_questions
from .releases.garbage import collect_garbage as collect_garbage, find_garbage as find_garbage
from .releases.marks import Marks as Marks
from .releases.prompt import Prompt as Prompt
from .releases.record import CARD_FILE as CARD_FILE, EVALUATION_FILE as EVALUATION_FILE
from .releases.record import ANSWERING_MODEL as ANSWERING_MODEL, AnsweringInfo as AnsweringInfo
from .releases.record import Asked as Asked, EmbeddingInfo as EmbeddingInfo, FITTED_FILE as FITTED_FILE
from .releases.record import INDEX_FOLDER as INDEX_FOLDER
from .releases.record import IndexInfo as IndexInfo, LINEAGE_FILE as LINEAGE_FILE
from .releases.record import MODEL_FOLDER as MODEL_FOLDER, NotPromotedError as NotPromotedError
from .releases.record import RERANKER_FOLDER as RERANKER_FOLDER, Release as Release
from .releases.record import ReleaseDraft as ReleaseDraft, ReleaseOrigin as ReleaseOrigin
from .releases.record import RetrievalInfo as RetrievalInfo
from .releases.promotions import ANSWERS as ANSWERS
from .releases.reindex import reindex as reindex
from .releases.retriever import ReleaseLoader as ReleaseLoader
from .releases.retriever import Retriever as Retriever, load_release as load_release
from .releases.retriever import open_reranker as open_reranker
from .releases.shipping import fetch_release as fetch_release, publish_release as publish_release
from .releases.switched_off import SWITCHED_OFF as SWITCHED_OFF, switch as switch
from .releases.switched_off import switched_off as switched_off
from .releases.switched_off import unsettled_answers as unsettled_answers
from .releases.store import ReleaseStore as ReleaseStore
from .retrieval.calibration import OUT_OF_DOMAIN_QUESTIONS as OUT_OF_DOMAIN_QUESTIONS
from .retrieval.calibration import DecidedQuestions as DecidedQuestions
from .retrieval.calibration import calibrate_threshold as calibrate_threshold
from .retrieval.calibration import heading_questions as heading_questions
from .retrieval.embedding import Embedder as Embedder
from .retrieval.index import ChunkIndex as ChunkIndex, Hit as Hit
from .retrieval.index import IndexedQuestion as IndexedQuestion
from .retrieval.index import build_index as build_index
from .retrieval.making import FITTED as FITTED, carry_questions as carry_questions
from .retrieval.making import embed_chunks as embed_chunks, fit_space as fit_space
from .retrieval.making import lead_questions as lead_questions
from .retrieval.pieces import pieces as pieces
from .retrieval.models import model_name as model_name, resolve_model as resolve_model
from .retrieval.reranker import Reranker as Reranker, RerankerChoice as RerankerChoice
from .retrieval.reranker import RerankerInfo as RerankerInfo, mix_scores as mix_scores
from .retrieval.tokens import ModelTokenCounter as ModelTokenCounter
from .retrieval.space import at_a_time as at_a_time, Leads as Leads, SearchSpace as SearchSpace
from .retrieval.token_weights import weigh_tokens as weigh_tokens
from .retrieval.vectors import Vectors as Vectors, truncate_vectors as truncate_vectors
from .retrieval.whitening import whiten as whiten, whitening as whitening
from .settings import BotSettings as BotSettings, EmbeddingSettings as EmbeddingSettings
from .settings import RetrievalSettings as RetrievalSettings, ServingSettings as ServingSettings
