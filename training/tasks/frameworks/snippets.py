"""How to use a model that transformers loads, as Python lines for its card."""

from __future__ import annotations

from training.tasks.shapes import TaskKind


def _loaded(auto: str, lines: str) -> str:
    return (
        f"from transformers import {auto}, AutoTokenizer\n\n"
        "tokenizer = AutoTokenizer.from_pretrained(PLACE)\n"
        f"model = {auto}.from_pretrained(PLACE)\n{lines}"
    )


def _written(auto: str, tokens: str, count: int) -> str:
    return _loaded(
        auto,
        f"""\
tokens = {tokens}
output = model.generate(tokens["input_ids"], attention_mask=tokens["attention_mask"], max_new_tokens={count})
print(tokenizer.decode(output[0], skip_special_tokens=True))""",
    )


_CHAT = """tokenizer.apply_chat_template(
    [{"role": "user", "content": "Hello"}],
    add_generation_prompt=True,
    return_tensors="pt",
    return_dict=True,
)"""
_WRITE = _written("AutoModelForCausalLM", 'tokenizer("A prompt", return_tensors="pt")', 32)
_SNIPPETS: dict[TaskKind, str] = {
    "supervised_fine_tuning": _WRITE,
    "proximal_policy_optimization": _WRITE,
    "direct_preference_optimization": _WRITE,
    "chat_completion": _written("AutoModelForCausalLM", _CHAT, 32),
    "reward_modeling": _loaded(
        "AutoModelForSequenceClassification",
        'print(float(model(**tokenizer("A text", return_tensors="pt")).logits[0, 0]))',
    ),
    "text_classification": """\
from transformers import pipeline

classify = pipeline("text-classification", model=PLACE)
print(classify("A text", top_k=None))""",
    "token_classification": """\
from transformers import pipeline

find = pipeline("token-classification", model=PLACE, aggregation_strategy="simple")
print(find("A text"))""",
    "question_answering": _loaded(
        "AutoModelForQuestionAnswering",
        """\
tokens = tokenizer("A question?", "A context.", return_tensors="pt")
output = model(**tokens)
start, end = int(output.start_logits.argmax()), int(output.end_logits.argmax())
print(tokenizer.decode(tokens["input_ids"][0][start : end + 1]))""",
    ),
    "text2text": _written("AutoModelForSeq2SeqLM", 'tokenizer("A text", return_tensors="pt")', 64),
}


def on_disk(lines: str, place: str) -> str:
    """``lines`` for a library that only loads folders: what is in a repository is downloaded first."""
    if "/" not in place:
        return lines.replace("PLACE", repr(place))
    made = lines.replace("PLACE", f"snapshot_download({place!r})")
    return f"from huggingface_hub import snapshot_download\n\n{made}"


def snippet(kind: TaskKind, place: str) -> str:
    return _SNIPPETS[kind].replace("PLACE", repr(place))
