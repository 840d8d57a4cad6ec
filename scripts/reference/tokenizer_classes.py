"""The character classes that byte-level vocabularies split texts by, as ranges of code points.

    python scripts/reference/tokenizer_classes.py        (tokenizers 0.23.2)

writes crates/preprocess/src/tokenizer/words/classes.txt. Every code point is put to the regular expressions of the
library itself (Oniguruma), so that the table is of its version of Unicode.
"""

from importlib.metadata import version
from pathlib import Path

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

FILE = Path(__file__).resolve().parents[2] / "crates/preprocess/src/tokenizer/words/classes.txt"
CLASSES = {
    "upper": r"[\p{Lu}\p{Lt}]",
    "lower": r"\p{Ll}",
    "letter": r"[\p{Lm}\p{Lo}]",
    "mark": r"\p{M}",
    "number": r"\p{N}",
    "space": r"\s",
}


def main():
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    lines = [f"# By scripts/reference/tokenizer_classes.py, tokenizers {version('tokenizers')}: class, first, last."]
    for name, pattern in CLASSES.items():
        runs = Split(Regex(f"{pattern}+"), "removed", invert=True).pre_tokenize_str("".join(characters))
        for run, _ in runs:
            first = last = ord(run[0])
            for character in [*run[1:], None]:
                if character is not None and ord(character) == last + 1:
                    last += 1
                    continue
                lines.append(f"{name} {first:X} {last:X}")
                if character is not None:
                    first = last = ord(character)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text("\n".join(lines) + "\n")


main()
