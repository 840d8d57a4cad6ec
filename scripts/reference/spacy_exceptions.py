"""The special cases of spaCy's English tokenizer.

    python scripts/reference/spacy_exceptions.py        (spacy 3.8)

writes crates/corpus/src/words/spacy/exceptions.txt: one case a line, its pieces with a blank between them. The four cases
that are white space alone are left out, as no word comes of them.
"""

from importlib.metadata import version
from pathlib import Path

import spacy
from spacy.symbols import ORTH

FILE = Path(__file__).resolve().parents[2] / "crates/corpus/src/words/spacy/exceptions.txt"


def main():
    lines = [
        "# Special cases of the English tokenizer of spaCy, cut into their pieces. Written by",
        f"# scripts/reference/spacy_exceptions.py with spaCy {version('spacy')}, MIT,",
        "# (c) 2016-2024 ExplosionAI GmbH, 2016 spaCy GmbH, 2015 Matthew Honnibal.",
    ]
    rules = spacy.blank("en").tokenizer.rules
    cases = [[piece[ORTH] for piece in pieces] for text, pieces in sorted(rules.items()) if text.strip()]
    assert all(len(piece.split()) == 1 and not piece.startswith("# ") for pieces in cases for piece in pieces)
    lines += [" ".join(pieces) for pieces in cases]
    FILE.write_text("\n".join(lines) + "\n")


main()
