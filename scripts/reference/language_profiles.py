"""The trigram profiles and alphabets of the built-in way to tell languages.

    python3 scripts/reference/language_profiles.py FOLDER        (the sources of the crate whatlang 0.18.0, MIT)

writes crates/corpus/src/language/profiles.tsv: a line for each language that shares its script with others, in the order in which
whatlang names a script's languages. Its columns: script (ISO 15924), language (ISO 639-3), letters of its alphabet (empty where
whatlang has none), and its trigrams from the most frequent on, one after the other, `_` for a blank.
"""

import re
import sys
import tomllib
from pathlib import Path

SOURCES = Path(sys.argv[1])
FILE = Path(__file__).resolve().parents[2] / "crates/corpus/src/language/profiles.tsv"
SCRIPTS = {"LATIN": "Latn", "CYRILLIC": "Cyrl", "ARABIC": "Arab", "DEVANAGARI": "Deva", "HEBREW": "Hebr"}


def source(name):
    return (SOURCES / "src" / name).read_text(encoding="utf-8")


def unescaped(character):
    return {"\\'": "'", "\\\\": "\\"}.get(character, character)


def profiles():
    found, language = {}, None
    for line in source("trigrams/profiles.rs").splitlines():
        if match := re.fullmatch(r"\s+Lang::(\w+),", line):
            language = found.setdefault(match[1], [])
        elif match := re.fullmatch(r"\s+Trigram\('(.+?)', '(.+?)', '(.+?)'\),", line):
            language.append("".join(map(unescaped, match.groups())))
    return found


def alphabets():
    found = {}
    for script in ["latin", "cyrillic"]:
        text = source(f"alphabets/{script}.rs")
        letters = dict(re.findall(r'const ([A-Z]{3}): &str =\s+"(.+?)";', text))
        found |= {language: letters[name] for language, name in re.findall(r"\(Lang::(\w+), ([A-Z]{3})\),", text)}
    return found


def main():
    version = tomllib.loads((SOURCES / "Cargo.toml").read_text())["package"]["version"]
    lines = [
        f"# Trigram profiles and alphabets of whatlang {version}, MIT, see profiles.LICENSE. Written by",
        "# scripts/reference/language_profiles.py, which says what the columns are.",
    ]
    trigrams, letters = profiles(), alphabets()
    mapping = source("scripts/lang_mapping.rs")
    for name, script in SCRIPTS.items():
        languages = re.search(rf"const {name}_LANGS: .*?= \[(.*?)\];", mapping, re.DOTALL)[1]
        for language in re.findall(r"Lang::(\w+)", languages):
            profile, alphabet = trigrams.pop(language), letters.pop(language, "")
            assert all(len(trigram) == 3 and "_" not in trigram for trigram in profile)
            assert len(profile) == len(set(profile)) == 300, language
            assert len(alphabet) == len(set(alphabet)), language
            lines.append("\t".join([script, language.lower(), alphabet, "".join(profile).replace(" ", "_")]))
    assert not trigrams and not letters
    FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


main()
