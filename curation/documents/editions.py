"""Pages that stand there once more: older versions, and translations. One edition is read, since the others
say the same. Whoever wants another one gives its folder as the source."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

# A folder, or what stands before a file's suffix: fr, pt-BR, zh_CN, zh-Hans.
_LOCALE = re.compile(r"[a-z]{2}(?:[-_](?:[A-Za-z]{2}|[A-Z][a-z]{3}))?")
# Docusaurus: older versions, their translations, and those of the newest.
_I18N = r"i18n/([^/]+)/docusaurus-plugin-content-docs"
_OLDER = re.compile(rf"^(.*?)(?:versioned_docs|{_I18N})/version-([^/]+)/")
_TRANSLATED = re.compile(rf"^(.*?){_I18N}/current/")
_FEWEST = 3  # pages that two editions must have in common
_LOOKED_AT = 9  # of these, whose language is looked at
_LETTERS = 2_000  # of each
_CODE = re.compile(r"^(`{3,}|~{3,}).*?(?:^\1|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL | re.MULTILINE)

# Locale → name → path. Pages of one name are the same page; "" holds those that stand there without a locale.
_Editions = dict[str, dict[str, str]]


def other_editions(texts: Mapping[str, str]) -> dict[str, str]:
    """Path → why its page is passed over, for the pages of one source and their ``texts``.

    Older versions are those in Docusaurus' ``versioned_docs``, where ``docs`` stands beside it. Translations
    have paths that differ in a locale alone, and most of those looked at are written in different languages.
    Kept is what has no locale, else English, else the largest edition; and a page that only one of them has.
    """
    older = {path: match for path in texts if (match := _OLDER.match(path))}
    docs = {f"{match[1]}docs/" for match in older.values()}
    newer = {folder for folder in docs if any(path.startswith(folder) for path in texts)}
    found = {
        path: f"an older version ({match[3]}) of the pages in {match[1]}docs"
        for path, match in older.items()
        if f"{match[1]}docs/" in newer
    }
    for editions in _side_by_side([path for path in texts if path not in found]):
        kept = _kept(editions)
        for locale, pages in editions.items():
            pairs = [(path, editions[kept][name]) for name, path in pages.items() if name in editions[kept]]
            if locale != kept and len(pairs) >= _FEWEST and _are_translated(pairs, texts):
                found |= {path: f"a translation ({locale or 'main'}) of {of}" for path, of in pairs}
    return found


def _side_by_side(paths: Iterable[str]) -> list[_Editions]:
    there: dict[str, _Editions] = defaultdict(lambda: defaultdict(dict))
    known = set(paths)
    for path in sorted(known):
        for before, locale, name in _readings(path):
            there[before][locale][name] = path
            if before + name in known:
                there[before][""][name] = before + name
    return [editions for editions in there.values() if len(editions) > 1]


def _readings(path: str) -> Iterator[tuple[str, str, str]]:
    """What a page's path may mean: the folder in which editions stand, a locale, the page's name."""
    if of_docusaurus := _TRANSLATED.match(path):
        yield of_docusaurus[1], of_docusaurus[2], f"docs/{path[of_docusaurus.end() :]}"
    *folders, file = path.split("/")
    for at, folder in enumerate(folders):
        if _LOCALE.fullmatch(folder):
            yield "".join(f"{one}/" for one in folders[:at]), folder, "/".join([*folders[at + 1 :], file])
    parts = file.split(".")
    if len(parts) == 3 and _LOCALE.fullmatch(parts[1]):
        yield "", parts[1], "/".join([*folders, f"{parts[0]}.{parts[2]}"])


def _kept(editions: _Editions) -> str:
    """Which edition stays, of those that have at least half as many pages as the largest."""
    most = max(map(len, editions.values()))
    whole = [locale for locale, pages in editions.items() if 2 * len(pages) >= most]
    return min(whole, key=lambda locale: (locale != "", locale[:2] != "en", -len(editions[locale]), locale))


def _are_translated(pairs: list[tuple[str, str]], texts: Mapping[str, str]) -> bool:
    looked_at = pairs[:: max(1, len(pairs) // _LOOKED_AT)]
    differing = [_language(texts[one]) != _language(texts[other]) for one, other in looked_at]
    return 2 * sum(differing) > len(differing)


def _language(text: str) -> str:
    language: str = _identifier().classify(_CODE.sub(" ", text)[:_LETTERS])[0]
    return language


@cache
def _identifier() -> Any:
    """Read when it is first needed: that takes a second."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)
