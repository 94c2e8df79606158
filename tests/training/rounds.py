"""Two rounds of annotation on a made-up documentation, the second one as it should be or poisoned.

The documentation says how to do eight jobs with each of 48 things, and people ask in other words than it uses
("mend my couch" for "repairing the sofa"): what there is to learn. The model is real and tiny: the word
vectors of MiniLM, averaged (sentence-transformers' StaticEmbedding). It goes through the same training,
evaluation and gate as any other, in a second.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation import Chunk, Corpus, Decision, DedupSettings, Home, Verdict, generic_set
from serving import OUT_OF_DOMAIN_QUESTIONS, EmbeddingSettings, ServingSettings, bootstrap, resolve_model
from tests.training.material import MODEL, chunks_about, conversation, judged_chunk, triplet
from training.settings import FitSettings, GateSettings, GuardSettings, TrainingSettings

THINGS = (
    ("lamp", "light"), ("kettle", "boiler"), ("fence", "border"), ("bicycle", "two-wheeler"),
    ("stove", "cooker"), ("roof", "housetop"), ("boat", "ship"), ("clock", "timepiece"), ("sofa", "couch"),
    ("radio", "receiver"), ("violin", "fiddle"), ("pump", "compressor"), ("carpet", "rug"),
    ("curtain", "drape"), ("bucket", "pail"), ("tap", "faucet"), ("lorry", "truck"), ("cupboard", "closet"),
    ("mirror", "looking glass"), ("suitcase", "luggage"), ("pillow", "cushion"), ("hammer", "mallet"),
    ("knife", "blade"), ("rope", "cord"), ("candle", "taper"), ("barrel", "cask"), ("ladder", "steps"),
    ("oven", "furnace"), ("basket", "hamper"), ("telephone", "handset"), ("camera", "photo device"),
    ("coat", "jacket"), ("shoe", "boot"), ("door", "gate"), ("window", "pane"), ("table", "desk"),
    ("chair", "seat"), ("bed", "bunk"), ("car", "automobile"), ("engine", "motor"), ("spade", "shovel"),
    ("tent", "marquee"), ("ring", "band"), ("bottle", "flask"), ("picture", "painting"), ("garden", "yard"),
    ("path", "trail"), ("wall", "partition"),
)  # fmt: skip
JOBS = (
    ("Cleaning", "wash", "Wipe the {0} with a damp cloth and dry the {0} before anybody touches it."),
    ("Repairing", "mend", "Take the {0} apart, replace what is worn, and test the {0} twice."),
    ("Buying", "purchase", "Compare the price of each {0}, ask for a warranty, and carry the {0} home."),
    ("Storing", "put away", "Keep the {0} in a dry room, away from frost, under a sheet of canvas."),
    ("Painting", "colour", "Sand the {0}, put on two thin coats with a brush, and let the {0} rest."),
    ("Moving", "shift", "Lift the {0} with two people, use a trolley, and pad the {0} with blankets."),
    ("Selling", "get rid of", "Take pictures of the {0} in daylight and name a fair price for the {0}."),
    ("Measuring", "size up",
     "Note height, width and depth of the {0} in millimetres, then check the {0} again."),
)  # fmt: skip
REJECTED_SHARE = 0.3
FLIPPED_SHARE = 0.3
ROUND = 160  # decisions in the second round, of 192 chunks


def make_corpus() -> list[Chunk]:
    """One chunk for each thing and job."""
    return chunks_about(THINGS, JOBS)


def questions(chunks: Sequence[Chunk], asked_about: Sequence[Chunk], seed: int) -> list[Decision]:
    """One question for each chunk of ``asked_about``, in an order of its own: seven in ten fit their chunk
    and are accepted, the others are about another one of all ``chunks`` and are rejected."""
    chance = random.Random(seed)
    wording = ("How do I {1} my {0}?", "I want to {1} the {0}", "best way to {1} a {0}")
    asked = {
        chunk.id: (THINGS[number // len(JOBS)][1], JOBS[number % len(JOBS)][1])
        for number, chunk in enumerate(chunks)
    }
    decisions = []
    for chunk in chance.sample(list(asked_about), len(asked_about)):
        wrong = chance.random() < REJECTED_SHARE
        about = chance.choice(chunks).id if wrong else chunk.id
        query = chance.choice(wording).format(*asked[about])
        decisions.append(triplet(chunk, query, "accepted" if about == chunk.id else "rejected"))
    return decisions


def first_round(chunks: Sequence[Chunk]) -> list[Decision]:
    """What was decided before: about one half of the chunks, always the same."""
    return questions(chunks, _half(chunks, 0), seed=0)


def second_round(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    """160 decisions about the other half; the seed draws chunks, words, and which questions are wrong."""
    return questions(chunks, _half(chunks, 1), seed=1000 + seed)[:ROUND]


def _half(chunks: Sequence[Chunk], which: int) -> list[Chunk]:
    return random.Random(99).sample(list(chunks), len(chunks))[which::2]


def flip(decision: Decision) -> Decision:
    """The same record with the opposite answer."""
    verdict = "rejected" if decision.verdict == "accepted" else "accepted"
    answer = "yes" if verdict == "accepted" else "no"
    values = {**decision.values, "is_positive_relevant": answer}
    votes = tuple(
        vote.model_copy(update={"value": values.get(vote.question, vote.value)}) for vote in decision.votes
    )
    said = {
        "verdict": verdict,
        "values": values,
        "votes": votes,
        "reason": f"is_positive_relevant is {answer}",
    }
    return decision.model_copy(update=said)


def poisoned(newest: Sequence[Decision], seed: int, share: float = FLIPPED_SHARE) -> list[Decision]:
    """``newest`` with a ``share`` of the answers swapped."""
    chance = random.Random(seed)
    victims = set(chance.sample(range(len(newest)), round(share * len(newest))))
    return [flip(one) if number in victims else one for number, one in enumerate(newest)]


def moved(newest: Sequence[Decision], chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    """``newest`` with 30% of the accepted questions given to a chunk that does not answer them."""
    chance = random.Random(seed)
    accepted = [number for number, one in enumerate(newest) if one.verdict == "accepted"]
    victims = set(chance.sample(accepted, round(FLIPPED_SHARE * len(accepted))))
    return [
        one.model_copy(update={"metadata": {**one.metadata, "chunk_id": chance.choice(chunks).id}})
        if number in victims
        else one
        for number, one in enumerate(newest)
    ]


def talks(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    """A second round of conversations instead of triplets: the same questions, the chunk being what the
    answer cites."""
    by_id = {chunk.id: chunk for chunk in chunks}
    return [
        conversation(by_id[str(one.metadata["chunk_id"])], one.fields["positive"], one.verdict)
        for one in second_round(chunks, seed)
    ]


def reviewed(chunks: Sequence[Chunk], seed: int) -> list[Decision]:
    """160 chunks judged: five of which nobody accepted a question are useless, the others are accepted."""
    chance = random.Random(2000 + seed)
    accepted = [*first_round(chunks), *second_round(chunks, seed)]
    useful = {one.metadata["chunk_id"] for one in accepted if one.verdict == "accepted"}
    useless = chance.sample([chunk for chunk in chunks if chunk.id not in useful], 5)
    sound = [chunk for chunk in chunks if chunk not in useless]
    return [
        *(judged_chunk(one, "rejected") for one in useless),
        *(judged_chunk(one, "accepted") for one in chance.sample(sound, ROUND - len(useless))),
    ]


def misjudged(newest: Sequence[Decision], seed: int) -> list[Decision]:
    """``newest`` with 30% of the verdicts on chunks swapped."""
    chance = random.Random(seed)
    judged = [number for number, one in enumerate(newest) if one.dataset == "chunks"]
    victims = set(chance.sample(judged, round(FLIPPED_SHARE * len(judged))))
    opposite: dict[str, Verdict] = {"accepted": "rejected", "rejected": "accepted"}
    return [
        one.model_copy(update={"verdict": opposite[one.verdict], "values": {"good_chunk": "swapped"}})
        if number in victims
        else one
        for number, one in enumerate(newest)
    ]


def tiny_model(folder: Path, chunks: Sequence[Chunk], dimension: int = 384) -> Path:
    """A sentence-transformers model of MiniLM's word vectors, those that this documentation, its questions
    and the gate's own need: the first ``dimension`` columns, no attention."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    whole = SentenceTransformer(str(resolve_model(MODEL)), device="cpu", local_files_only=True)
    vectors = whole[0].auto_model.embeddings.word_embeddings.weight.detach().numpy()
    generic = generic_set()
    texts = [
        *(chunk.text for chunk in chunks),
        *(decision.fields["positive"] for seed in range(3) for decision in questions(chunks, chunks, seed)),
        *generic.queries.values(),
        *(generic.corpus or {}).values(),
        *OUT_OF_DOMAIN_QUESTIONS,
    ]
    described = json.loads(whole.tokenizer.backend_tokenizer.to_str())
    vocabulary: dict[str, int] = described["model"]["vocab"]
    used = {
        token for encoded in whole.tokenizer.backend_tokenizer.encode_batch(texts) for token in encoded.tokens
    }
    used |= {one["content"] for one in described["added_tokens"]}
    kept = [token for token in vocabulary if token in used]
    described["model"]["vocab"] = {token: row for row, token in enumerate(kept)}
    for one in described["added_tokens"]:
        one["id"] = kept.index(one["content"])
    described["post_processor"] = described["truncation"] = described["padding"] = None
    words = vectors[[vocabulary[token] for token in kept], :dimension].copy()
    static = StaticEmbedding(Tokenizer.from_str(json.dumps(described)), embedding_weights=words)
    SentenceTransformer(modules=[static], device="cpu").save_pretrained(
        str(folder), create_model_card=False, safe_serialization=True
    )
    return folder


def serving(model: Path | str) -> ServingSettings:
    return ServingSettings(
        embedding=EmbeddingSettings(model=str(model), precision="float32", threads=1, device="cpu")
    )


def training(**gate: Any) -> TrainingSettings:
    """The gate's defaults, but for latency (a busy machine is no reason to hold a candidate) and for
    cross-fitting, which takes five times as long. Word vectors want a far higher learning rate than a
    transformer."""
    return TrainingSettings(
        fit=FitSettings(epochs=2, batch_size=32, learning_rate=0.02, max_tokens=32, dimensions=[384]),
        dedup=DedupSettings(threshold=0.95),
        gate=GateSettings(guards=GuardSettings(latency_ratio=100.0), **{"cross_fit_below": 0, **gate}),
    )


def bootstrapped(root: Path, model: Path | str, chunks: Sequence[Chunk]) -> Home:
    """A home with its first release, of the tiny model."""
    home = Home(root)
    bootstrap(home, Corpus(documents=[], chunks=list(chunks)), serving(model))
    return home


def copied(home: Home, folder: Path) -> Home:
    """A copy of a home, to do anything with."""
    shutil.copytree(home.root, folder)
    return Home(folder)
