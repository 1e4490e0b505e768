"""Tells text that mixes scripts, such as Latin and Cyrillic letters, and so can pass for another text. It
owns which scripts go together (Unicode TS #39 §5.2, "highly restrictive"); it must not know what the text
is.
"""

import re
import unicodedata
from functools import cache

_BETWEEN_WORDS = re.compile(r"[\s\-\u2010-\u2015.,;:'\u2018\u2019\"()/&+_]+")
_ALIASES = {"CJK": "Han", "IDEOGRAPHIC": "Han", "HALFWIDTH": "Katakana"}
_NO_SCRIPT_OF_THEIR_OWN = frozenset({"Lm"})
_TOGETHER = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)


def mixed_scripts(text: str) -> frozenset[str]:
    """The scripts of the words of ``text`` that mix them within one word; empty if none does. Each word may
    have a script of its own, as in ``Анна Smith``.
    """
    return _mixed(_BETWEEN_WORDS.split(text))


def mixed_scripts_of_domain(domain: str) -> frozenset[str]:
    """As :func:`mixed_scripts`, of the labels of a domain in its Unicode form: there a hyphen joins."""
    return _mixed(domain.split("."))


def named(scripts: frozenset[str]) -> str:
    """Scripts as a sentence names them: ``Cyrillic and Latin``."""
    *first, last = sorted(scripts)
    return f"{', '.join(first)} and {last}" if first else last


def _mixed(words: list[str]) -> frozenset[str]:
    found = (_scripts(word) for word in words)
    return frozenset().union(*(scripts for scripts in found if not _go_together(scripts)))


def _scripts(word: str) -> frozenset[str]:
    if word.isascii():
        return frozenset()
    return frozenset(_script(letter) for letter in unicodedata.normalize("NFKC", word)) - {""}


def _go_together(scripts: frozenset[str]) -> bool:
    return len(scripts) < 2 or any(scripts <= allowed for allowed in _TOGETHER)


@cache
def _script(letter: str) -> str:
    """The script of a letter, by the first word of its name: the standard library knows no better, and
    letters of one script share it. Empty for what is no letter, or one that any script uses.
    """
    category = unicodedata.category(letter)
    if category[0] != "L" or category in _NO_SCRIPT_OF_THEIR_OWN:
        return ""
    first = unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]
    return _ALIASES.get(first, first.capitalize())
