"""Text queries: the language of Elasticsearch's simple_query_string, and Unicode."""

from __future__ import annotations

from uuid import uuid4

import argilla as rg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from tests.argilla_lite.sample import EVERYTHING, Argilla, Sample, eventually

pytestmark = pytest.mark.argilla

TEXTS = {
    "python": "Set the user_agent in settings.py, then run `pip install scrapy==2.11`.",
    "cafe": "Le café est fermé, naïve idée à Ærøskøbing",
    "quoted": 'He said "hello world" (twice) and left: AND OR NOT NEAR',
    "hello": "world hello",
    "chinese": "机器学习改变了世界",
    "japanese": "東京タワーに行きましたカタカナ",
    "thai": "ภาษาไทยไม่มีช่องว่าง",
    "emoji": "great 😀 work 👍🏽 done✅",
    "arabic": "مَرْحَبًا بالعالم",
    "hebrew": "שלום עולם",
    "greek": "ΟΔΟΣ Σίσυφος",
    "korean": "한국어 문장입니다",
    "wide": "ＦＵＬＬ ｗｉｄｔｈ ﬁne",
    "hyphen": "state-of-the-art e-mail don't",
    "empty-ish": "... --- !!!",
}


@pytest.fixture(scope="module")
def texts(argilla: Argilla) -> Sample:
    client = rg.Argilla(api_url=argilla.url, api_key=argilla.api_key)
    fields = [
        rg.TextField(name="text"),
        rg.TextField(name="other", required=False),
        rg.ChatField(name="chat", required=False),
        rg.CustomField(name="custom", template="<p></p>", required=False),
        rg.ImageField(name="image", required=False),
    ]
    dataset = rg.Dataset(
        name=f"texts-{uuid4().hex[:8]}",
        workspace=argilla.workspace,
        client=client,
        settings=rg.Settings(fields=fields, questions=[rg.LabelQuestion(name="ok", labels=["yes", "no"])]),
    )
    dataset.create()
    owner = argilla.api()
    items = [{"external_id": name, "fields": {"text": text}} for name, text in TEXTS.items()]
    items.append(
        {
            "external_id": "fields",
            "fields": {
                "text": "alpha beta",
                "other": "gamma",
                "chat": [
                    {"role": "user", "content": "delta question"},
                    {"role": "assistant", "content": "epsilon"},
                ],
                "custom": {"key": "zeta", "list": [1, {"deep": "eta"}]},
                "image": "https://example.org/theta.png",
            },
        }
    )
    owner.send("POST", f"/datasets/{dataset.id}/records/bulk", {"items": items})
    found = Sample(owner, {}, str(dataset.id), [], {}, {}, client, dataset, argilla.orders_by_itself)
    eventually(lambda: found.search(filters=[EVERYTHING])[1] == len(items))
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("hello", {"quoted", "hello"}),
        ("hello world", {"quoted", "hello"}),
        ("HELLO", {"quoted", "hello"}),
        ('"hello world"', {"quoted"}),
        ('"world hello"', {"hello"}),
        ('"hello world" left', {"quoted"}),
        ("hello missing", set()),
        ("hello -twice", {"hello"}),
        ("hello - twice", {"quoted"}),
        ("hello --twice", {"quoted"}),
        ("cafe | scrapy", {"cafe", "python"}),
        ("hello (twice | scrapy)", {"quoted"}),
        ("hello -(twice | scrapy)", {"hello"}),
        ("cafe | hello twice", {"quoted"}),  # left to right: (cafe | hello) + twice
        ("wor*", {"quoted", "hello", "emoji"}),
        ("hel* -twi*", {"hello"}),
        ("settings.py", {"python"}),
        ("user_agent", {"python"}),
        ("scrapy==2.11", {"python"}),
        ("pip", {"python"}),
        ("`pip`", {"python"}),
        ("CAFÉ", {"cafe"}),
        ("cafe", {"cafe"}),
        ("naive idee", {"cafe"}),
        ("学习", {"chinese"}),
        ("机器学习", {"chinese"}),
        ("习学", set()),
        ("タワー", {"japanese"}),
        ("ไทย", {"thai"}),
        ("😀", {"emoji"}),
        ("👍", {"emoji"}),
        ("✅", {"emoji"}),
        ("done", {"emoji"}),
        ("مرحبا", {"arabic"}),
        ("שלום", {"hebrew"}),
        ("οδος", {"greek"}),
        ("한국어", {"korean"}),
        ("full width fine", {"wide"}),
        ("state-of-the-art", {"hyphen"}),
        ("don't", {"hyphen"}),
        ("e-mail", {"hyphen"}),
        ("AND", {"quoted"}),
        ("NEAR", {"quoted"}),
        ("...", set()),
        ("!!! hello", {"quoted", "hello"}),
        ("", set()),
        ("   ", set()),
        ("alpha gamma", {"fields"}),  # in two fields
        ("delta", {"fields"}),
        ("epsilon", {"fields"}),
        ("zeta", {"fields"}),
        ("eta", {"fields"}),
        ("theta", set()),
        ('"beta gamma"', set()),  # a phrase does not cross fields
        ('"twice left"~2', {"quoted"}),
        ("hello~1", {"quoted", "hello"}),
        ('"hello', {"quoted", "hello"}),
        ("(hello", {"quoted", "hello"}),
        ("hello)", {"quoted", "hello"}),
        ("hello |", {"quoted", "hello"}),
        ("| hello", {"quoted", "hello"}),
        ("+hello +twice", {"quoted"}),
    ],
)
def test_query(texts: Sample, query: str, expected: set[str]) -> None:
    found, total = texts.search(query)
    assert set(found) == expected
    assert total == len(expected)


def test_everything_and_everything_but(texts: Sample) -> None:
    everything = {*TEXTS, "fields"}
    assert set(texts.search("*")[0]) == everything
    assert set(texts.search("-hello")[0]) == everything - {"quoted", "hello"}
    assert set(texts.search("-hello -cafe")[0]) == everything - {"quoted", "hello", "cafe"}
    assert set(texts.search("hello | -hello")[0]) == everything


def test_one_field(texts: Sample) -> None:
    assert texts.search("gamma", field="other")[0] == ["fields"]
    assert texts.search("gamma", field="text")[0] == []
    assert texts.search("delta", field="chat")[0] == ["fields"]
    assert texts.search("eta", field="custom")[0] == ["fields"]
    assert set(texts.search("-gamma", field="text")[0]) == {*TEXTS, "fields"}
    with pytest.raises(httpx.HTTPStatusError) as refused:
        texts.search("gamma", field="unknown")
    assert refused.value.response.status_code == 422


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.one_of(
        st.text(max_size=40),
        st.lists(
            st.sampled_from([*"\"()|+-*~\\ :{}^'", "hello", "cafe", "AND", "学习", "😀"]), max_size=25
        ).map("".join),
    )
)
def test_no_query_is_an_error(texts: Sample, query: str) -> None:
    found, total = texts.search(query)
    assert len(found) == total


@pytest.mark.parametrize(
    "query",
    [
        "(" * 500 + "hello",
        "hello " * 3000,
        "-" * 999 + "hello",
        '"' * 101,
        "a" * 20000,
        "a/" * 9000,
        f'"{"hello " * 5000}"',
        f'"{"world hello " * 3000}"~5',
    ],
)
def test_monstrous_queries(texts: Sample, query: str) -> None:
    found, total = texts.search(query)
    assert len(found) == total


words = st.lists(st.sampled_from(["clay", "loop", "kiln", "glaze", "ash", "missing"]), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=words, unwanted=st.lists(st.sampled_from(["fire", "slip"]), max_size=2))
def test_words_agree_with_python(sample: Sample, wanted: list[str], unwanted: list[str]) -> None:
    query = " ".join(wanted + [f"-{word}" for word in unwanted])

    def keep(row: object) -> bool:
        have = set(f"{row.title} {row.body}".split())  # type: ignore[attr-defined]
        return have.issuperset(wanted) and not have.intersection(unwanted)

    found, total = sample.search(query)
    assert sorted(found) == sorted(sample.filtered(keep))
    assert total == len(found)


def test_relevance_comes_first(texts: Sample) -> None:
    assert texts.search("world")[0][0] == "hello"  # the shorter text


def test_changed_and_deleted_text(own_sample: Sample) -> None:
    first, second = own_sample.rows[:2]
    # Not PATCH: Argilla 2.8 itself answers that with 500 when the fields include a chat.
    changed = first.payload(own_sample.questions, own_sample.users)
    changed["fields"]["title"] = "unheard"
    own_sample.owner.send("PUT", f"/datasets/{own_sample.dataset_id}/records/bulk", {"items": [changed]})
    assert own_sample.search("unheard")[0] == [first.external_id]
    own_sample.owner.send("DELETE", f"/datasets/{own_sample.dataset_id}/records?ids={second.id}")
    assert second.external_id not in own_sample.search("*")[0]
    assert own_sample.search("*")[1] == len(own_sample.rows) - 1
    own_sample.owner.send("DELETE", f"/records/{first.id}")
    assert own_sample.search("unheard") == ([], 0)
