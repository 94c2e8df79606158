"""The Gradio page over the served release."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import ValidationError

from curation import SettingsError
from serving.bot.chat import MOST_COMMENT, ChatService
from serving.bot.conversations import Thumb
from serving.bot.gradio_import import writing_nothing
from serving.bot.opened import SCRIPT, marked
from serving.bot.options import MOST_PASSAGES, Options
from serving.bot.page_history import last_turn, read_history
from serving.settings import BotSettings

with writing_nothing():
    import gradio as gr

_WELCOME = "Answers come from the documentation and name their sources."
_KEPT = " Conversations are kept, so that people can make the answers better."
_AT_ONCE = 8
_FONT = ["system-ui", "sans-serif"]
_MONO = ["ui-monospace", "monospace"]
_THUMBS: dict[bool | str, Thumb] = {True: "up", False: "down", "": "none"}  # what Gradio calls them
_THANKS = "Thank you. The maintainers will see your comment."
_TOO_OLD = "This answer can't be rated: it is too old, was rated very often, or is none to a question."
_KEPT_AS = "clayloop"
_IF_RELOADED = "saved => [performance.getEntriesByType('navigation')[0].type === 'reload' ? saved : []]"
_CSS = """mark { background: #fde68a80; color: inherit; border-radius: 3px; padding: 1px 0; }
.message.user { max-height: 40vh; overflow-y: auto; }  /* what answers a long text stays in sight */
#conversation .placeholder { padding: 0 16px; text-align: center; }
.message table { display: block; max-width: 100%; overflow-x: auto; }
@media (max-width: 640px) {  /* a phone: what is typed stands below the answer, without scrolling */
    .gradio-container > main { padding: 8px !important; }
    h1 { font-size: 1.2rem !important; margin: 0 !important; }
    #conversation { height: 55vh !important; }
}"""
# The best passage stands first, so the question goes to the top, where Gradio would show an answer's end. The
# page may take a while to draw the answer; who scrolls meanwhile is left alone.
_SHOW_FROM_THE_TOP = """() => {
    let moved = false;
    for (const act of ['wheel', 'touchmove', 'pointerdown', 'keydown'])
        addEventListener(act, () => { moved = true; }, {once: true});
    for (const wait of [150, 500, 1000]) setTimeout(() => {
        const asked = document.querySelectorAll('.message.user');
        if (asked.length && !moved) asked[asked.length - 1].scrollIntoView({block: 'start'});
    }, wait);
}"""


def mount_page(app: FastAPI, service: ChatService, examples: Sequence[str]) -> FastAPI:
    """``app`` with the page at /. Nothing is uploaded, shared or watched by anybody."""
    mounted: FastAPI = gr.mount_gradio_app(
        app,
        _page(service, examples),
        path="/",
        # Gradio's default look with the machine's own fonts: nothing is fetched from elsewhere.
        theme=gr.themes.Default(font=_FONT, font_mono=_MONO),
        css=_CSS,
        head=SCRIPT,
        footer_links=[],
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        max_file_size=0,
    )
    return mounted


def _page(service: ChatService, examples: Sequence[str]) -> gr.Blocks:
    """The page. Its API endpoint is ``/chat`` (gradio_client: ``predict(message, api_name="/chat")``)."""
    settings = service.settings

    def chat(message: str, history: list[dict[str, Any]], *chosen: Any) -> Iterator[dict[str, Any]]:
        before = last_turn(history)
        for reply, turn in service.reply(message, read_history(history), before, _options(chosen)):
            is_drafted = any(hit.drafted_by for hit in reply.hits)
            content = marked(reply.page, turn) if is_drafted else reply.page
            yield {"role": "assistant", "content": content, "metadata": {"id": turn}}

    chatbot = _chatbot(settings)
    textbox = gr.Textbox(
        placeholder="Ask about the documentation",
        show_label=False,
        scale=7,
        autofocus=True,
        submit_btn=True,
        stop_btn=True,
    )
    # A program may send null, of which Gradio's own code makes an error.
    setattr(textbox, "preprocess", lambda payload: str(payload or ""))  # noqa: B010 - it is a method
    # One Blocks: a second around it makes Gradio build its whole app three more times, for half a second.
    page = gr.ChatInterface(
        chat,
        api_name="chat",
        title=html.escape(settings.title),
        examples=[[question] for question in examples] or None,
        cache_examples=False,
        analytics_enabled=False,
        flagging_mode="never",
        save_history=True,
        editable=True,
        concurrency_limit=_AT_ONCE,
        fill_height=True,
        additional_inputs=_advanced(service) if settings.advanced_options else None,
        additional_inputs_accordion=gr.Accordion("Advanced options", open=False, render=False),
        textbox=textbox,
        chatbot=chatbot,
    )
    page.title = settings.title
    # Where and how the browser keeps conversations; Gradio's own are others after a start of the bot. Every
    # browser is told this secret, whatever it is, so it keeps nothing from anybody.
    page.saved_conversations.storage_key = page.saved_conversations.secret = _KEPT_AS
    with page:
        _reopen(page)
        chatbot.change(None, js=_SHOW_FROM_THE_TOP, api_visibility="private")
        _add_feedback(service, chatbot)
    # Gradio closes the page's stream of events as soon as none is queued, and one that is queued at that very
    # moment is never heard of again: a click on a thumb, or what lets the visitor type once more. So answers
    # alone are queued; of everything else the response to its own request tells.
    for event in page.fns.values():
        event.queue = event.types_generator
    page.api_open = False  # nobody passes the queue by
    return page


def _reopen(page: gr.ChatInterface) -> None:
    """After a reload the newest conversation is open again; the others stand beside it."""

    def newest(saved: list[Any]) -> tuple[Any, Any]:
        return (0, gr.Chatbot(value=saved[0])) if saved else (gr.skip(), gr.skip())

    opened = page.load(
        newest,
        [page.saved_conversations],
        [page.conversation_id, page.chatbot],
        js=_IF_RELOADED,
        api_visibility="private",
        show_progress="hidden",
    )
    opened.then(lambda messages: messages, [page.chatbot], [page.chatbot_state], api_visibility="private")


def _chatbot(settings: BotSettings) -> gr.Chatbot:
    return gr.Chatbot(
        elem_id="conversation",
        height="70vh",
        sanitize_html=True,
        show_label=False,
        buttons=["copy"],
        feedback_options=("Like", "Dislike"),
        autoscroll=False,
        avatar_images=(None, _logo(settings.logo)) if settings.logo else None,
        allow_file_downloads=False,
        latex_delimiters=[],
        placeholder=_WELCOME + (_KEPT if settings.log_conversations else ""),
    )


def _logo(path: str) -> str:
    if not Path(path).is_file():
        raise SettingsError(
            f"There is no file {path}.", "Set serving.bot.logo to an image, or leave it empty."
        )
    return path


def _advanced(service: ChatService) -> list[gr.components.Component]:
    """Number of passages; and where a model writes, its temperature and system message."""
    top_k = min(service.live.retriever.top_k, MOST_PASSAGES)
    found: list[gr.components.Component] = [
        gr.Slider(1, MOST_PASSAGES, value=top_k, step=1, label="Number of passages", render=False)
    ]
    if service.model_writes:
        found += [
            gr.Slider(0, 2, value=0.1, step=0.1, label="Temperature", render=False),
            gr.Textbox(
                value="",  # with None every client of the API would have to give one
                label="System message",
                placeholder="The bot's own",
                lines=3,
                max_length=8_000,
                render=False,
            ),
        ]
    return found


def _options(chosen: Sequence[Any]) -> Options | None:
    """What a visitor chose, in the order of ``_advanced``; nothing where it makes no sense."""
    names = ("passages", "temperature", "system")
    given = {name: value for name, value in zip(names, chosen, strict=False) if value is not None}
    try:
        return Options(**given) if given else None
    except ValidationError:
        return None


def _add_feedback(service: ChatService, chatbot: gr.Chatbot) -> None:
    """Thumbs under every answer, and room for a comment once one was given."""
    rated = gr.State("")
    with gr.Row(visible=False) as row:
        comment = gr.Textbox(
            placeholder="What was good, or what was missing? (optional)",
            show_label=False,
            container=False,
            max_length=MOST_COMMENT,
            scale=7,
        )
        send = gr.Button("Send comment", scale=1)
    told = gr.Markdown(visible=False)

    def tell(text: str) -> gr.Markdown:
        return gr.Markdown(text, visible=bool(text))

    def rate(history: list[dict[str, Any]], liked: gr.LikeData) -> tuple[str, gr.Row, gr.Markdown]:
        index = liked.index[0] if isinstance(liked.index, (tuple, list)) else liked.index
        turn = last_turn(history[: index + 1]) or ""
        thumb = _THUMBS.get(liked.liked)
        if thumb is None or not service.rate(turn, thumb):
            return "", gr.Row(visible=False), tell(_TOO_OLD)
        return turn, gr.Row(visible=thumb != "none"), tell("")

    def say(turn: str, text: str) -> tuple[str, gr.Row, gr.Markdown]:
        is_kept = bool(text.strip()) and service.rate(turn, comment=text)
        return "", gr.Row(visible=False), tell(_THANKS if is_kept else "")

    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    # A second click, made before the first is answered, counts too.
    chatbot.like(rate, [chatbot], [rated, row, told], trigger_mode="multiple", **quiet)
    for event in (send.click, comment.submit):
        event(say, [rated, comment], [comment, row, told], **quiet)
