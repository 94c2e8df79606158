"""What other rooms may use of serving/: each name is loaded when it is first used."""

from .bot.answers import (
    answer_question as answer_question,
)
from .bot.server import (
    run_bot as run_bot,
)
from .releases.bootstrap import (
    bootstrap as bootstrap,
)
from .releases.build import (
    ReleaseParts as ReleaseParts,
    build_release as build_release,
    save_model as save_model,
)
from .releases.card import (
    model_card as model_card,
)
from .releases.carried_lineage import (
    GONE_FROM_DOCUMENTS as GONE_FROM_DOCUMENTS,
)
from .releases.prompt import (
    Prompt as Prompt,
)
from .releases.record import (
    CARD_FILE as CARD_FILE,
    EVALUATION_FILE as EVALUATION_FILE,
    INDEX_FOLDER as INDEX_FOLDER,
    LINEAGE_FILE as LINEAGE_FILE,
    MODEL_FOLDER as MODEL_FOLDER,
    RERANKER_FOLDER as RERANKER_FOLDER,
    EmbeddingInfo as EmbeddingInfo,
    IndexInfo as IndexInfo,
    NotPromotedError as NotPromotedError,
    Release as Release,
    ReleaseDraft as ReleaseDraft,
    ReleaseOrigin as ReleaseOrigin,
    RetrievalInfo as RetrievalInfo,
)
from .releases.reindex import (
    reindex as reindex,
)
from .releases.retriever import (
    Retriever as Retriever,
    load_release as load_release,
    open_reranker as open_reranker,
)
from .releases.store import (
    ReleaseStore as ReleaseStore,
)
from .retrieval.calibration import (
    OUT_OF_DOMAIN_QUESTIONS as OUT_OF_DOMAIN_QUESTIONS,
    calibrate_threshold as calibrate_threshold,
    heading_questions as heading_questions,
)
from .retrieval.embedding import (
    Embedder as Embedder,
)
from .retrieval.index import (
    ChunkIndex as ChunkIndex,
    build_index as build_index,
)
from .retrieval.models import (
    model_name as model_name,
    resolve_model as resolve_model,
)
from .retrieval.reranker import (
    Reranker as Reranker,
    RerankerChoice as RerankerChoice,
    RerankerInfo as RerankerInfo,
    mix_scores as mix_scores,
)
from .retrieval.tokens import (
    ModelTokenCounter as ModelTokenCounter,
)
from .retrieval.vectors import (
    Vectors as Vectors,
    nearest_cosines as nearest_cosines,
    truncate_vectors as truncate_vectors,
)
from .retrieval.whitening import (
    remove_whitening as remove_whitening,
    whiten as whiten,
)
from .settings import (
    BotSettings as BotSettings,
    EmbeddingSettings as EmbeddingSettings,
    RetrievalSettings as RetrievalSettings,
    ServingSettings as ServingSettings,
)
