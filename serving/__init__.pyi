"""What other rooms may use of serving/: each name is loaded when it is first used."""

from .bot.answers import (
    answer as answer,
)
from .bot.server import (
    run_bot as run_bot,
)
from .releases.bootstrap import (
    bootstrap as bootstrap,
)
from .releases.build import (
    assemble as assemble,
)
from .releases.build import (
    save_model as save_model,
)
from .releases.build import (
    save_weights as save_weights,
)
from .releases.card import (
    model_card as model_card,
)
from .releases.carried_lineage import (
    NO_LONGER_THERE as NO_LONGER_THERE,
)
from .releases.promotions import (
    PERSON as PERSON,
)
from .releases.promotions import (
    is_by_hand as is_by_hand,
)
from .releases.record import (
    CARD_FILE as CARD_FILE,
)
from .releases.record import (
    EVALUATION_FILE as EVALUATION_FILE,
)
from .releases.record import (
    INDEX_FOLDER as INDEX_FOLDER,
)
from .releases.record import (
    LINEAGE_FILE as LINEAGE_FILE,
)
from .releases.record import (
    MODEL_FOLDER as MODEL_FOLDER,
)
from .releases.record import (
    RERANKER_FOLDER as RERANKER_FOLDER,
)
from .releases.record import (
    Draft as Draft,
)
from .releases.record import (
    EmbeddingInfo as EmbeddingInfo,
)
from .releases.record import (
    IndexInfo as IndexInfo,
)
from .releases.record import (
    NotPromotedError as NotPromotedError,
)
from .releases.record import (
    Prompt as Prompt,
)
from .releases.record import (
    Release as Release,
)
from .releases.record import (
    RerankerInfo as RerankerInfo,
)
from .releases.record import (
    RetrievalInfo as RetrievalInfo,
)
from .releases.reindex import (
    reindex as reindex,
)
from .releases.store import (
    ReleaseStore as ReleaseStore,
)
from .retrieval.calibration import (
    OUT_OF_DOMAIN as OUT_OF_DOMAIN,
)
from .retrieval.calibration import (
    best_scores as best_scores,
)
from .retrieval.calibration import (
    calibrate as calibrate,
)
from .retrieval.calibration import (
    own_questions as own_questions,
)
from .retrieval.embedding import (
    Embedder as Embedder,
)
from .retrieval.embedding import (
    Vectors as Vectors,
)
from .retrieval.embedding import (
    truncate as truncate,
)
from .retrieval.index import (
    ChunkIndex as ChunkIndex,
)
from .retrieval.index import (
    build_index as build_index,
)
from .retrieval.models import (
    model_name as model_name,
)
from .retrieval.models import (
    resolve_model as resolve_model,
)
from .retrieval.reranker import (
    Reranker as Reranker,
)
from .retrieval.reranker import (
    fuse as fuse,
)
from .retrieval.reranker import (
    load_cross_encoder as load_cross_encoder,
)
from .retrieval.retriever import (
    Retriever as Retriever,
)
from .retrieval.retriever import (
    load_release as load_release,
)
from .retrieval.tokens import (
    ModelTokenCounter as ModelTokenCounter,
)
from .settings import (
    BotSettings as BotSettings,
)
from .settings import (
    EmbeddingSettings as EmbeddingSettings,
)
from .settings import (
    RetrievalSettings as RetrievalSettings,
)
from .settings import (
    ServingSettings as ServingSettings,
)
