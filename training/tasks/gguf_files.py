"""Language models as GGUF files, which llama.cpp runs: loaded to be trained, and saved when they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from curation import SettingsError, first_line, replace_atomically
from training.tasks.frameworks.arguments import loading

_ARCHITECTURE = "llama"
_BLOCK = 32  # numbers that Q8_0 scales together
# What belongs to the file that was read, not to the one that is written.
_OWN = ("GGUF.", "general.architecture", "general.name", "general.file_type", "general.quantization_version")


def load_gguf(path: str | Path) -> tuple[Any, Any]:
    """A model that transformers can train, and its tokenizer: ``model=`` and ``tokenizer=`` of a trainer.

    Raises SettingsError for a file that cannot be read, or a model that ``save_gguf`` could not save.
    """
    file = Path(path).expanduser().resolve()
    _read(file)
    import transformers

    folder, options = str(file.parent), {"gguf_file": file.name}
    with loading(str(file)):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
        plain = transformers.GgufConfig(dequantize=True)
        read = transformers.AutoModelForCausalLM.from_pretrained(folder, quantization_config=plain, **options)
        # As a model like any other: transformers saves none that was read from a GGUF file.
        config = read.config
        vars(config).pop("quantization_config", None)
        model = type(read)(config)
        model.load_state_dict(read.state_dict())
        return model, tokenizer


def save_gguf(model: str | Path, like: str | Path, target: str | Path) -> Path:
    """Write the trained ``model`` (a folder) to the file ``target`` and return its path. ``like`` is the file
    that it was loaded from: all but the weights is taken from it. Matrices are stored with 8 bits a number.

    Raises SettingsError where the model did not come from ``like``, StateError on a full disk.
    """
    import gguf
    import transformers

    origin, made = _read(Path(like).expanduser()), Path(target).expanduser()
    with loading(str(model)):
        trained = transformers.AutoModelForCausalLM.from_pretrained(str(model), use_safetensors=True)
    tensors = _tensors(trained, origin)
    with replace_atomically(made) as temporary:
        writer = gguf.GGUFWriter(temporary, _ARCHITECTURE)
        writer.add_name(made.stem)
        writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
        writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
        for field in origin.fields.values():
            if not field.name.startswith(_OWN):
                part = field.types[-1] if len(field.types) > 1 else None
                writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=part)
        for name, values in tensors.items():
            is_matrix = values.ndim == 2 and values.shape[-1] % _BLOCK == 0
            kind = gguf.GGMLQuantizationType.Q8_0 if is_matrix else gguf.GGMLQuantizationType.F32
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    return made


def _read(file: Path) -> Any:
    """The open file. Raises SettingsError."""
    try:
        import gguf
    except ImportError as error:
        raise SettingsError("The package gguf is not installed.", "pip install 'clayloop[trl]'") from error
    try:
        found = gguf.GGUFReader(file)
        architecture = found.fields["general.architecture"].contents()
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise SettingsError(
            f"{file} cannot be read as a GGUF model: {first_line(error)}", "Is it a whole GGUF file?"
        ) from error
    if architecture != _ARCHITECTURE:
        raise SettingsError(
            f"{file} holds a model of the architecture {architecture!r}.",
            f"Only {_ARCHITECTURE!r} can be saved again (Llama, SmolLM, Mistral). Train others from "
            "their own folder, and serve them with vLLM or another endpoint.",
        )
    return found


def _tensors(model: Any, origin: Any) -> dict[str, Any]:
    """The weights by their names in a GGUF file. Raises SettingsError where they are not those of
    ``origin``."""
    import gguf

    config = model.config
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    wanted = {one.name: tuple(int(size) for size in reversed(one.shape)) for one in origin.tensors}
    found: dict[str, Any] = {}
    for own, tensor in model.state_dict().items():
        name = names.get_name(own, try_suffixes=(".weight", ".bias")) or own
        values = tensor.float().numpy()
        if ".attn_q." in name:
            values = _interleaved(values, config.num_attention_heads)
        elif ".attn_k." in name:
            values = _interleaved(values, config.num_key_value_heads)
        if name in wanted or name != "output.weight":  # which is left out where it is token_embd.weight
            found[name] = values
    if {name: values.shape for name, values in found.items()} != wanted:
        raise SettingsError(
            "The model's weights are not those of the file that it is said to come from.",
            "Give as `like` the file that load_gguf read, and a model whose adapters are merged.",
        )
    return found


def _interleaved(values: Any, heads: int) -> Any:
    """The rows of a query or key matrix in llama.cpp's order: transformers keeps the two halves of what is
    rotated apart, llama.cpp has them in turn."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)
