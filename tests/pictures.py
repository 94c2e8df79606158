"""Takes the pictures of docs/annotators.md again: `make pictures`, or `python -m tests.pictures`.

A real Argilla with the datasets of a small corpus (this project's own documentation), the real bot, and a
real browser in which somebody annotates. It takes some minutes.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from PIL import Image

from tests.argilla_lite.server import ArgillaLite, running_argilla_lite
from tests.browser import chromium_page

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
FOR_USERS = ("annotators.md", "dashboard.md", "maintainers.md", "operators.md")
SIZE = (1280, 800)
MOST_BYTES = 150_000
_COLOURS = 128
_BY_WORTH = "annotation-mode?page=1&status=pending&sort=metadata.priority.desc"
# Asked of the bot one after the other, about this project.
QUESTIONS = (
    "How do I give somebody a login so that they can annotate?",
    "Where does my data go, is anything sent to the internet?",
    "How can I go back to the release of yesterday?",
    "Can it read our PDF manuals?",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--docs", type=Path, help="the documentation (default: this project's for its users)")
    options = parser.parse_args()
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home, docs = Path(folder) / "home", Path(folder) / "docs"
        docs.mkdir()
        for name in FOR_USERS:
            shutil.copy(ROOT / "docs" / name, docs)
        for words in (
            ["ingest", str(options.docs or docs)],
            ["bootstrap"],
            ["synthesize", "--headings-only"],
        ):
            clayloop(home, *words)
        with running_argilla_lite(home / "argilla") as argilla:
            clayloop(home, "push")
            said = clayloop(home, "annotators", "add", "ida")
            password = next(line for line in said.splitlines() if line.startswith("password: ")).split()[1]
            with running_bot(home) as bot:
                for question in QUESTIONS:
                    ask(bot, question)
                wait_for_turns(argilla)
            with chromium_page(*SIZE) as page:
                page.goto(argilla.url)
                page.locator("input").first.fill("ida")
                page.locator("input[type=password]").fill(password)
                page.keyboard.press("Enter")
                page.get_by_text("clayloop-triplets", exact=True).first.wait_for()
                take_all(page, argilla)


def take_all(page: Page, argilla: ArgillaLite) -> None:
    """Both pictures, as ida sees the datasets before anybody has answered."""
    open_dataset(page, argilla, "triplets")
    take(page, "triplet")
    open_dataset(page, argilla, "conversations")
    for key in "121":  # the first source answers the question that stands first: yes, no, source 1
        page.keyboard.press(key)
        page.wait_for_timeout(700)
    take(page, "conversation")


def open_dataset(page: Page, argilla: ArgillaLite, kind: str) -> None:
    """The dataset's first record, as the queue has it."""
    page.goto(f"{argilla.url}/dataset/{datasets(argilla)[f'clayloop-{kind}']}/{_BY_WORTH}")
    page.locator(".text_field_component .content-area").last.wait_for()


def take(page: Page, name: str) -> None:
    """Writes what the page shows as a small picture."""
    page.wait_for_timeout(1000)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    target = PICTURES / f"annotators-{name}.png"
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(target, optimize=True)
    if target.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{target} has {target.stat().st_size:,} bytes, more than {MOST_BYTES:,}")
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size:,} bytes")


def datasets(argilla: ArgillaLite) -> dict[str, str]:
    """The id of each dataset, by name."""
    return {item["name"]: item["id"] for item in api(argilla, "me/datasets")["items"]}


def api(argilla: ArgillaLite, path: str) -> dict[str, list[dict[str, str]]]:
    headers = {"X-Argilla-Api-Key": argilla.api_key}
    answer = httpx.get(f"{argilla.url}/api/v1/{path}", headers=headers, timeout=60)
    found: dict[str, list[dict[str, str]]] = answer.raise_for_status().json()
    return found


def clayloop(home: Path, *words: str) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "clayloop", "--home", str(home), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    print(f"clayloop {words[0]}: done", flush=True)
    return done.stdout


@contextmanager
def running_bot(home: Path) -> Iterator[str]:
    """The bot's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    bot = subprocess.Popen(
        [sys.executable, "-m", "clayloop", "--home", str(home), "serve"],
        env={**os.environ, "CLAYLOOP_SERVING__BOT__PORT": str(port)},
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: httpx.get(f"{url}/healthz", timeout=10).is_success)
        yield url
    finally:
        bot.terminate()
        bot.wait(60)


def ask(bot: str, question: str) -> None:
    body = {"model": "clayloop", "messages": [{"role": "user", "content": question}]}
    httpx.post(f"{bot}/v1/chat/completions", json=body, timeout=120).raise_for_status()


def wait_for_turns(argilla: ArgillaLite) -> None:
    path = f"datasets/{datasets(argilla)['clayloop-conversations']}/records"
    wait_until(lambda: len(api(argilla, path)["items"]) == len(QUESTIONS))


def wait_until(holds: Callable[[], bool], seconds: float = 180) -> None:
    """Asks again until something is so. Ends the program when it does not come about."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (httpx.HTTPError, json.JSONDecodeError):
            pass
        time.sleep(0.5)
    raise SystemExit("it did not come about")


if __name__ == "__main__":
    main()
