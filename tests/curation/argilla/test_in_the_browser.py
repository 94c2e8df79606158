"""What an annotator sees: the text as it is, whatever is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import argilla as rg
import pytest

from curation.argilla.api import Api
from curation.argilla.conversations import log_turns
from curation.argilla.push import push_to_argilla
from curation.documents.corpus import Corpus
from curation.records.decision import DatasetName
from curation.settings import ArgillaSettings
from serving import Embedder
from tests.browser import chromium_page
from tests.curation.argilla.sample import dataset_of, history, make_chunk, make_triplet, make_turn
from tests.curation.documents.stand_ins import StandInSite
from tests.xss import XSS

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

pytestmark = [pytest.mark.argilla, pytest.mark.browser]


def test_hostile_text_is_shown_and_does_nothing(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder, argilla_lite: ArgillaServer
) -> None:
    elsewhere = StandInSite()
    with elsewhere.running():
        picture = f"{elsewhere.url}/seen.png"
        tag = f"<img src={picture} onerror=\"document.title='ran'\">"
        nasty = f"Look: {tag} <b>bold</b> &lt; ![p]({picture})"
        worse = "\n\n".join([nasty, *(one.replace("alert(1)", "document.title='ran'") for one in XSS)])
        chunk = make_chunk("a.md", nasty, worse)
        push_to_argilla(client, settings, Corpus([], [chunk]), [make_triplet(chunk, nasty, worse)], embedder)
        log_turns(
            client,
            settings,
            [make_turn(worse, worse, turn=1, history=history(worse, worse), cited=(chunk.id,))],
            embedder,
        )
        seen: dict[DatasetName, tuple[str, str]] = {}
        with chromium_page() as page:
            page.goto(argilla_lite.url)
            page.locator("input").first.fill(argilla_lite.username)
            page.locator("input[type=password]").fill(argilla_lite.password)
            page.keyboard.press("Enter")
            page.get_by_text(settings.chunks, exact=True).first.wait_for()
            for kind in ("chunks", "triplets", "conversations"):
                dataset = dataset_of(api, settings, kind)
                page.goto(f"{argilla_lite.url}/dataset/{dataset.id}/annotation-mode?page=1&status=pending")
                fields = page.locator(".text_field_component .content-area")
                fields.last.wait_for()
                page.wait_for_timeout(500)  # a picture would be asked for by now
                assert fields.locator("img, script, iframe, embed, [onerror], [ontoggle]").count() == 0, kind
                seen[kind] = ("\n".join(fields.all_inner_texts()), page.title())
            chat = page.get_by_text("What was said before").locator("xpath=ancestor::*[3]")
            assert chat.locator("img, script, iframe, embed, [onerror], [ontoggle]").count() == 0
            assert chat.inner_text().count(nasty) >= 2, "what both said before"
    assert elsewhere.asked == []
    for text, title in seen.values():
        assert nasty in text
        assert title != "ran"
