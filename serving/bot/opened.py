"""How the page tells which passage of an interleaved answer a visitor opened: its link, or what is folded."""

from __future__ import annotations

_MARK = "turn-"
# A passage's link comes after its number (a person's answer has a dash, and nobody's vote), which begins a
# paragraph, or stands in the list of sources.
SCRIPT = """<script>
document.addEventListener('click', event => {
    const opened = event.target.closest('a[href], summary');
    const message = opened && opened.closest('.message');
    const turn = message && message.querySelector('[id^="turn-"]');
    if (!turn) return;
    const item = opened.closest('li'), list = item && item.parentElement;
    const before = list && list.previousElementSibling;
    const numbers = [...message.querySelectorAll('p > strong:first-child')].filter(one =>
        /^(\\d+\\.|–)$/.test(one.textContent) &&
        one.compareDocumentPosition(opened) & Node.DOCUMENT_POSITION_FOLLOWING);
    const number = before && before.textContent.trim() === 'Sources'
        ? [...list.children].indexOf(item) + 1
        : numbers.length && parseInt(numbers[numbers.length - 1].textContent);
    if (number) navigator.sendBeacon(new URL('feedback', document.baseURI), new Blob(
        [JSON.stringify({id: turn.id.slice(5), opened: number})], {type: 'application/json'}));
}, true);
</script>"""


def marked(page: str, turn: str) -> str:
    """An answer for the page that tells its turn's name to the script."""
    return f'<span id="{_MARK}{turn}"></span>\n\n{page}'
