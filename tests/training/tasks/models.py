"""Tiny models, made from a config: hidden size 32, two layers, words as tokens. They learn in a second."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def words_of(texts: Iterable[str]) -> list[str]:
    return sorted({word for text in texts for word in re.findall(r"\w+|[^\w\s]", text.lower())})


def tokenizer_of(texts: Iterable[str], pairs: bool = True) -> Any:
    """A tokenizer of the words in ``texts``: [CLS] … [SEP] as BERT has it, or only … [SEP] as T5 has it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *words_of(texts)])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    single, pair = ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1") if pairs else ("$A [SEP]", None)
    made.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        model_max_length=64,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        eos_token=None if pairs else "[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"]
        if pairs
        else ["input_ids", "attention_mask"],
    )


def encoder(folder: Path, texts: Iterable[str]) -> Path:
    """A BERT."""
    from transformers import BertConfig, BertModel, set_seed

    set_seed(0)
    tokenizer = tokenizer_of(texts)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.2,  # words differ from the first
    )
    return _saved(BertModel(config), tokenizer, folder)


def encoder_decoder(folder: Path, texts: Iterable[str]) -> Path:
    """A T5."""
    from transformers import T5Config, T5ForConditionalGeneration, set_seed

    set_seed(0)
    tokenizer = tokenizer_of(texts, pairs=False)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        dropout_rate=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=3,
    )
    return _saved(T5ForConditionalGeneration(config), tokenizer, folder)


CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }} says {{ message['content'] }} [SEP] {% endfor %}"
    "{% if add_generation_prompt %}assistant says {% endif %}"
)


def language_model(folder: Path, texts: Iterable[str]) -> Path:
    """A GPT-2 with a chat template."""
    from transformers import GPT2Config, GPT2LMHeadModel, set_seed

    set_seed(0)
    tokenizer = tokenizer_of([*texts, "user assistant system says"], pairs=False)
    tokenizer.backend_tokenizer.post_processor = None
    tokenizer.chat_template = CHAT_TEMPLATE
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=2,
        n_head=2,
        n_positions=64,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=3,
        eos_token_id=3,
    )
    return _saved(GPT2LMHeadModel(config), tokenizer, folder)


def _saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    return folder
