"""The character classes that the words of a text are cut and judged by, as ranges of code points.

    python scripts/reference/character_classes.py        (Python 3.11, datatrove 0.10.1, spacy 3.8)

writes crates/corpus/src/words/classes.txt. Every code point is put to the pattern or predicate that the library itself
uses, so the table holds what these do and not what their documentation says.
"""

import re
import sys
import unicodedata
from importlib.metadata import version
from pathlib import Path

from datatrove.utils.text import PUNCTUATION, PUNCTUATION_SET, TERMINAL_PUNCTUATION
from spacy.lang import char_classes as c
from spacy.lang.punctuation import TOKENIZER_PREFIXES, TOKENIZER_SUFFIXES
from spacy.pipeline import Sentencizer

FILE = Path(__file__).resolve().parents[2] / "crates/corpus/src/words/classes.txt"


def of(characters):
    """Whether a character matches a bracketed class."""
    matches = re.compile(f"[{characters}]").fullmatch
    return lambda character: matches(character) is not None


def singles(rules):
    """Whether a character is the whole of what an unconditional rule takes off."""
    patterns = [rule for rule in rules if rule.strip() and "(?" not in rule and rule != r"\.\.+"]
    matches = re.compile("|".join(patterns)).fullmatch
    return lambda character: matches(character) is not None


# What stands before the full stop that a suffix rule takes off: the class of spaCy's own rule, not a copy of it.
(BEFORE_STOP,) = [rule for rule in TOKENIZER_SUFFIXES if rule.startswith("(?<=[0-9") and rule.endswith(r"])\.")]
CLASSES = {
    # Python
    "letter": str.isalpha,
    "punct": lambda character: unicodedata.category(character).startswith("P"),
    "word": of(r"\w"),
    "decimal": of(r"\d"),
    # datatrove
    "simplified": set(PUNCTUATION).__contains__,
    "punctuation": PUNCTUATION_SET.__contains__,
    "terminal": TERMINAL_PUNCTUATION.__contains__,
    # spaCy
    "alpha": of(c.ALPHA),
    "lower": of(c.ALPHA_LOWER),
    "upper": of(c.ALPHA_UPPER),
    "quote": of(c.CONCAT_QUOTES),
    "prefix": singles(TOKENIZER_PREFIXES),
    "suffix": singles(TOKENIZER_SUFFIXES),
    "infix": singles(c.LIST_ELLIPSES + c.LIST_ICONS),
    "before_stop": of(BEFORE_STOP[len("(?<=[") : -len(r"])\.")]),
    "sentence_end": set(Sentencizer.default_punct_chars).__contains__,
}


def ranges(predicate):
    found = []
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000 or not predicate(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return " ".join(f"{first:X}" if first == last else f"{first:X}-{last:X}" for first, last in found)


def main():
    python = ".".join(map(str, sys.version_info[:2]))
    lines = [
        f"# Ranges of code points by class, written by scripts/reference/character_classes.py with Python {python}, Unicode {unicodedata.unidata_version}",
        f"# (letter, punct, word, decimal), datatrove {version('datatrove')}, Apache-2.0 (simplified, punctuation, terminal) and spaCy",
        f"# {version('spacy')}, MIT, (c) 2016-2024 ExplosionAI GmbH, 2016 spaCy GmbH, 2015 Matthew Honnibal (the rest).",
    ]
    lines += [f"{name} {ranges(predicate)}" for name, predicate in CLASSES.items()]
    FILE.write_text("\n".join(lines) + "\n")


main()
