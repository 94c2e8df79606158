"""Proximal policy optimization (Schulman et al. 2017, arXiv:1707.06347) with TRL's own trainer, which TRL 1
does not have any more: `trl.experimental.ppo` of 0.29."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation import SettingsError
from training.tasks.examples import Example
from training.tasks.frameworks.arguments import check_loss, quiet

Reward = Callable[..., Sequence[float]]  # of the keywords prompts and completions, lists of texts


def has_ppo() -> bool:
    """Whether the installed TRL has it, without importing TRL."""
    found = importlib.util.find_spec("trl")
    places = found.submodule_search_locations if found else None
    return any(Path(place, "experimental", "ppo").is_dir() for place in places or ())


def train_with_ppo(
    model: Any,
    tokenizer: Any,
    arguments: Any,
    examples: Sequence[Example],
    reward: Reward,
    peft_config: Any = None,
) -> Any:
    """The trained policy. Raises SettingsError where the prompts cannot fill a batch, or leave no room for an
    answer, and StateError where the loss is no number."""
    import transformers
    from datasets import Dataset
    from trl.experimental.ppo import PPOTrainer

    batch = arguments.per_device_train_batch_size * arguments.gradient_accumulation_steps
    if len(examples) < batch:  # TRL would wait for a whole batch for ever
        raise SettingsError(
            f"{len(examples)} prompts do not fill a batch of {batch}.",
            "Lower per_device_train_batch_size or gradient_accumulation_steps, or annotate more records.",
        )
    tokenizer.padding_side = tokenizer.truncation_side = "left"
    prompts = [one.columns["prompt"] for one in examples]
    encoded = tokenizer(prompts, truncation=True, max_length=_room(model, tokenizer, arguments))
    longest = max(map(len, encoded["input_ids"]))
    known = dict(zip(map(tuple, encoded["input_ids"]), prompts, strict=True))
    table = Dataset.from_dict({"input_ids": encoded["input_ids"]})
    trainer = PPOTrainer(
        args=arguments,
        processing_class=tokenizer,
        model=model,
        ref_model=None,
        reward_model=_as_model(reward, tokenizer, known, longest),
        value_model=_value_model(model),
        train_dataset=table,
        eval_dataset=table,
        # All as long as the longest, so that it is known where completions begin.
        data_collator=transformers.DataCollatorWithPadding(
            tokenizer, padding="max_length", max_length=longest
        ),
        peft_config=peft_config,
    )
    quiet(trainer)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what --json must not hold
        trainer.train()
    check_loss(trainer.state.log_history[-1]["loss/policy_avg"])
    return trainer.policy_model


def _room(model: Any, tokenizer: Any, arguments: Any) -> int:
    """Tokens of a prompt. Raises SettingsError where an answer leaves none."""
    places = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    room = int(min(places, tokenizer.model_max_length) - arguments.response_length)
    if room < 1:
        raise SettingsError(
            f"The model reads {places} tokens, and response_length is {arguments.response_length}.",
            "Lower response_length with update_config: the prompt needs room too.",
        )
    return room


def _value_model(policy: Any) -> Any:
    """A model of the policy's weights with a head that says what is to be expected."""
    import copy

    from transformers import AutoModelForSequenceClassification

    config = copy.deepcopy(policy.config)
    config.num_labels = 1
    made = AutoModelForSequenceClassification.from_config(config)
    made.base_model.load_state_dict(policy.base_model.state_dict())
    return made


def _as_model(
    reward: Reward, tokenizer: Any, prompts: Mapping[tuple[int, ...], str], prompt_length: int
) -> Any:
    """``reward`` in the form in which TRL asks for one: the score of the last hidden state of a backbone, at
    the place where a text ends. Here every place has the score of the whole text. ``prompts`` has each by its
    tokens."""
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    # TRL masks padding by its token, wherever that stands.
    asked = {
        tuple(one for one in ids if one != tokenizer.pad_token_id): text for ids, text in prompts.items()
    }

    class RewardModel(torch.nn.Module):  # type: ignore[misc]
        base_model_prefix = "backbone"

        def backbone(self, input_ids: Any, attention_mask: Any, **_: Any) -> Any:
            rows = [(row, kept.bool()) for row, kept in zip(input_ids, attention_mask, strict=True)]
            written = [row[prompt_length:][kept[prompt_length:]] for row, kept in rows]
            rewards = reward(
                prompts=[
                    asked[tuple(row[:prompt_length][kept[:prompt_length]].tolist())] for row, kept in rows
                ],
                completions=tokenizer.batch_decode(written, skip_special_tokens=True),
            )
            scores = torch.tensor(list(rewards), dtype=torch.float32, device=input_ids.device)
            spread = scores[:, None, None].expand(-1, input_ids.shape[1], 1)
            return BaseModelOutput(last_hidden_state=spread, hidden_states=(spread,))

        def score(self, hidden: Any) -> Any:
            return hidden

    return RewardModel()
