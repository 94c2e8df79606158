"""How to use a model that transformers loads, as Python lines for its card."""

from __future__ import annotations

from training.tasks.shapes import TaskKind

_WRITE = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(PLACE)
model = AutoModelForCausalLM.from_pretrained(PLACE)
tokens = tokenizer("A prompt", return_tensors="pt")
output = model.generate(tokens["input_ids"], attention_mask=tokens["attention_mask"], max_new_tokens=32)
print(tokenizer.decode(output[0], skip_special_tokens=True))"""
_CHAT = """\
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(PLACE)
model = AutoModelForCausalLM.from_pretrained(PLACE)
chat = [{"role": "user", "content": "Hello"}]
tokens = tokenizer.apply_chat_template(
    chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
output = model.generate(tokens["input_ids"], attention_mask=tokens["attention_mask"], max_new_tokens=32)
print(tokenizer.decode(output[0], skip_special_tokens=True))"""
_SCORE = """\
from transformers import AutoModelForSequenceClassification, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(PLACE)
model = AutoModelForSequenceClassification.from_pretrained(PLACE)
print(float(model(**tokenizer("A text", return_tensors="pt")).logits[0, 0]))"""

_SNIPPETS: dict[TaskKind, str] = {
    "supervised_fine_tuning": _WRITE,
    "proximal_policy_optimization": _WRITE,
    "direct_preference_optimization": _WRITE,
    "chat_completion": _CHAT,
    "reward_modeling": _SCORE,
    "text_classification": """\
from transformers import pipeline

classify = pipeline("text-classification", model=PLACE)
print(classify("A text", top_k=None))""",
    "token_classification": """\
from transformers import pipeline

find = pipeline("token-classification", model=PLACE, aggregation_strategy="simple")
print(find("A text"))""",
    "question_answering": """\
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(PLACE)
model = AutoModelForQuestionAnswering.from_pretrained(PLACE)
tokens = tokenizer("A question?", "A context.", return_tensors="pt")
output = model(**tokens)
start, end = int(output.start_logits.argmax()), int(output.end_logits.argmax())
print(tokenizer.decode(tokens["input_ids"][0][start : end + 1]))""",
    "text2text": """\
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(PLACE)
model = AutoModelForSeq2SeqLM.from_pretrained(PLACE)
tokens = tokenizer("A text", return_tensors="pt")
output = model.generate(tokens["input_ids"], attention_mask=tokens["attention_mask"], max_new_tokens=64)
print(tokenizer.decode(output[0], skip_special_tokens=True))""",
}


def on_disk(lines: str, place: str) -> str:
    """``lines`` for a library that only loads folders: what is in a repository is downloaded first."""
    if "/" not in place:
        return lines.replace("PLACE", repr(place))
    made = lines.replace("PLACE", f"snapshot_download({place!r})")
    return f"from huggingface_hub import snapshot_download\n\n{made}"


def snippet(kind: TaskKind, place: str) -> str:
    return _SNIPPETS[kind].replace("PLACE", repr(place))
