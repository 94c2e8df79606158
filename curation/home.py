"""Where clayloop keeps its state: one folder, laid out so that a person can read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The state folder (``CLAYLOOP_HOME``) and the places in it. Creating one touches nothing on disk."""

    root: Path

    @property
    def argilla(self) -> Path:
        """argilla_lite's own home: databases, secrets, socket."""
        return self.root / "argilla"

    @property
    def corpus(self) -> Path:
        return self.root / "corpus"

    @property
    def documents(self) -> Path:
        return self.corpus / "documents.parquet"

    @property
    def chunks(self) -> Path:
        return self.corpus / "chunks.parquet"

    @property
    def former_chunks(self) -> Path:
        """Chunks that the corpus once had, and what replaced them. Missing while there are none."""
        return self.corpus / "former-chunks.parquet"

    @property
    def downloads(self) -> Path:
        """What sources fetched and may need again: a folder for each."""
        return self.corpus / "downloads"

    @property
    def readings(self) -> Path:
        """What was met when pages were read, so that the same need not be read again."""
        return self.corpus / "readings.json"

    @property
    def ingest_report(self) -> Path:
        """What the last ingest did (JSON)."""
        return self.corpus / "report.json"

    @property
    def triplets(self) -> Path:
        return self.corpus / "triplets.parquet"

    @property
    def synthesis(self) -> Path:
        """What the language model made of each chunk: one small JSON file a chunk and recipe."""
        return self.corpus / "synthesis"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    @property
    def shared(self) -> Path:
        """Where on an object store releases and documents are shared. Missing while they are not."""
        return self.root / "shared"

    @property
    def outbox(self) -> Path:
        """Turns that Argilla has not confirmed yet."""
        return self.root / "outbox"

    @property
    def answers_off(self) -> Path:
        """Which curated answers are switched off. Missing while none is."""
        return self.root / "answers-off.json"

    @property
    def generations(self) -> Path:
        """What language models said for `clayloop generations`: one small JSON file an answer."""
        return self.root / "generations"

    @property
    def answering(self) -> Path:
        """The language model that `clayloop retrain-answers` trained last, and how it did."""
        return self.root / "answering"

    @property
    def calibration(self) -> Path:
        """What came of the last `clayloop calibrate`. Missing while nobody has asked."""
        return self.root / "calibration.json"

    @property
    def models(self) -> Path:
        """What `clayloop models fetch` fetched."""
        return self.root / "models"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def services(self) -> Path:
        """Where `clayloop up` writes the addresses of what it runs (JSON, no secrets)."""
        return self.root / "services.json"
