"""A language model of llama.cpp's: loaded, trained, saved, and served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from curation import LanguageModel, LanguageModelSettings, SettingsError
from tests.model_server import running_model_server
from tests.training.tasks import folders
from tests.training.tasks.folders import record, write_folder
from tests.training.tasks.tiny_gguf import tiny_gguf
from training.tasks.gguf_files import _interleaved, load_gguf, save_gguf
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 3))
def test_the_order_of_rows_is_that_of_llama_cpp(heads: int, half: int, columns: int) -> None:
    """Undone as transformers undoes it."""
    values = np.arange(heads * 2 * half * columns, dtype=np.float32).reshape(-1, columns)
    stored = _interleaved(values, heads)
    read = stored.reshape(heads, half, 2, columns).swapaxes(2, 1).reshape(values.shape)
    assert np.array_equal(read, values)


def test_trained_saved_and_served(tiny: Path, tmp_path: Path) -> None:
    model, tokenizer = load_gguf(tiny)
    made = [record(f"r{number}", {"text": "where is ann"}, reply=["in rome"]) for number in range(4)]
    dataset = write_folder(tmp_path / "asked", ["text"], [folders.text("reply")], made)
    task = TrainingTask.for_supervised_fine_tuning(lambda row: f"{row['text']} {row['reply'][0]['value']}")
    trainer = ArgillaTrainer(dataset, task, "trl", model=model, tokenizer=tokenizer, gpu_id=-1)
    trainer.update_config(num_train_epochs=8, learning_rate=5e-3)
    trainer.train(tmp_path / "tuned")
    path = save_gguf(tmp_path / "tuned", like=tiny, target=tmp_path / "tuned.gguf")
    again, _ = load_gguf(path)
    read, trained = again.state_dict(), trainer._framework.model.state_dict()  # type: ignore[attr-defined]
    assert read.keys() == trained.keys()
    for name, values in trained.items():
        assert float((read[name] - values).abs().max()) <= 0.01 * float(values.abs().max())
    # The words of the tokenizer, and the end of a turn, are those of the file that was loaded.
    again.save_pretrained(tmp_path / "again")
    assert save_gguf(tmp_path / "again", like=path, target=tmp_path / "twice.gguf").exists()
    with running_model_server(context=512, gguf=str(path)) as server:
        llm = LanguageModel(LanguageModelSettings(base_url=server.base_url))
        assert llm.model == "tuned"
        llm.check()


def test_what_cannot_be_saved(tiny: Path, tmp_path: Path) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    other = LlamaConfig(hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
    LlamaForCausalLM(other).save_pretrained(tmp_path / "other")
    with pytest.raises(SettingsError, match="not those of the file"):
        save_gguf(tmp_path / "other", like=tiny, target=tmp_path / "x.gguf")
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(tiny.read_bytes()[:100])
    for path in (broken, tmp_path / "nowhere.gguf"):
        with pytest.raises(SettingsError, match="cannot be read as a GGUF model"):
            load_gguf(path)
    assert not (tmp_path / "x.gguf").exists()
    foreign: Any = _of_architecture(tmp_path / "foreign.gguf", "gpt2")
    with pytest.raises(SettingsError, match="of the architecture 'gpt2'"):
        load_gguf(foreign)


def _of_architecture(path: Path, name: str) -> Path:
    import gguf

    writer = gguf.GGUFWriter(path, name)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
