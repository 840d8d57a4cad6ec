"""The filters beside datatrove's, document by document and in time.

    KILN_PEERS=VENV/bin/python KILN_DATA=FOLDER python3 scripts/bench/filters.py [--words spacy] [--limit N] [--keep FOLDER]

builds documents from the text sets in KILN_DATA and odd small texts from a fixed seed, runs datatrove 0.10.1 (in the
interpreter that KILN_PEERS names) and `cargo run --release -p kiln-corpus --example filters` over the same file, compares
every reason, and prints the processor seconds of both. In both a word is what stands between white space, so that what is
compared is the rules; with `--words spacy` it is what both take by default, a piece of spaCy's tokenizer for English, and
datatrove needs a minute for each ten megabytes and filter. With DOLMA_GOPHER=python/dolma/taggers/gopher.py (github.com/allenai/dolma) the measures of the
dolma variant are compared too. Exit code 1 if any document is judged otherwise.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS = {kind: {"kind": kind} for kind in ("gopher-repetition", "gopher-quality", "fineweb", "c4")}
VARIANTS = {
    "c4, any end of a line": {"kind": "c4", "require_terminal_punctuation": False},
}
DOLMA = {
    "gopher-repetition, dolma": {"kind": "gopher-repetition", "variant": "dolma"},
    "gopher-quality, dolma": {"kind": "gopher-quality", "variant": "dolma"},
}


def documents(data):
    """Texts of many kinds, with an id each."""

    def lines_of(path):
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8") as file:
            yield from file

    def pieces(name, text, size):
        for at in range(0, len(text), size):
            yield f"{name}#{at}", text[at : at + size]

    for name in ("c4-sample.json.gz", "cc_en_head-0091.jsonl.gz"):
        for number, line in enumerate(lines_of(data / "messy-web/jsonl" / name)):
            yield f"{name}#{number}", json.loads(line)["text"]
    arxiv = subprocess.run(["zstd", "-dc", data / "messy-web/jsonl/arxiv-sample.jsonl.zst"], capture_output=True)
    for number, line in enumerate(arxiv.stdout.decode().splitlines() if arxiv.returncode == 0 else []):
        yield from pieces(f"arxiv#{number}", json.loads(line)["text"], 100_000)
    for number, line in enumerate(lines_of(data / "imdb/train12k5.jsonl.gz")):
        if number % 12 == 0:
            yield f"imdb#{number}", json.loads(line)["text"]
    for number, line in enumerate(lines_of(data / "code-data/human_eval.jsonl")):
        yield f"code#{number}", "".join(str(value) for value in json.loads(line).values())
    yield from pieces("wikitext2", (data / "wikitext2/valid.txt").read_text(), 8000)
    for path in sorted((data / "books").glob("*.txt*")):
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("latin-1" if "latin1" in path.name else "utf-8").replace("\r\n", "\n")
        yield from pieces(path.name, text[:800_000], 7000)
    for path in sorted((data / "rust-book-md").glob("*.md")):
        yield path.name, path.read_text()
    yield from pieces("tinystories", (data / "tinystories-sample/tinystories.txt").read_text(), 900)
    for archive in sorted((data / "nltk-pd").glob("*.zip")) + [data / "udhr/udhr2.zip"]:
        with zipfile.ZipFile(archive) as files:
            for member in sorted(files.namelist()):
                if not member.endswith("/"):
                    text = files.read(member).decode("utf-8", "replace")
                    yield from pieces(member, text, 30_000)


def odd_texts(count):
    """Small texts that are mostly borders: ends of lines, marks, repetitions, nothing."""
    draw = random.Random(20260101)
    words = ["the", "be", "to", "of", "and", "that", "have", "with", "a", "it", "runs", "Ünder", "naïve", "中文", "１", "x"]
    marks = ["#", "...", "…", "•", "-", "*", "{", "}", "[1]", "[edit]", "[]", "[१]", "--", "|", "»", "ⓐ", "Ⅷ", "½", "\u200b"]
    phrases = ["lorem ipsum", "Lorem Ipsum", "JavaScript", "java[1]script", "terms of use", "use cooKies", "Privacy Policy",
               "uses cookies", "[citation needed]", "lorem[2] ipsum", "w" * 1001, "é" * 1000]
    ends = ["\n", "\n", "\n", "\n\n", "\n\n\n", "\r\n", "\r", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1e", "\x1f"]
    spaces = [" "] * 12 + ["  ", "\t", "\xa0", "\u3000", "\x1d", "\u2003"]
    stops = [".", ".", ".", "!", "?", '"', "'", "...", "…", "。", ":", "", "", " ", "\t"]
    for number in range(count):
        lines = []
        for _ in range(draw.choice([0, 1, 2, 3, 5, 8, 13, 40])):
            if lines and draw.random() < draw.choice([0, 0.1, 0.6]):
                lines.append(draw.choice(lines))
                continue
            line = draw.choice(["", "", "", "- ", "• ", "  -", "*", "#"])
            for _ in range(draw.choice([0, 1, 2, 3, 6, 12, 30])):
                kind = draw.random()
                pool = words if kind < 0.85 else marks if kind < 0.98 else phrases
                line += draw.choice(pool) + ("" if draw.random() < 0.03 else draw.choice(spaces))
            lines.append(line.rstrip(" ") + draw.choice(stops))
        text = "".join(line + draw.choice(ends) for line in lines)
        yield f"odd#{number}", text if draw.random() < 0.5 else text.strip("\n")


PEER = """
import json, sys, time, contextlib
import datatrove.utils.word_tokenizers as tokenizers
from datatrove.data import Document
from datatrove.pipeline.filters import (C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter)

class Whitespace(tokenizers.WordTokenizer):
    def word_tokenize(self, text): return text.split()
    def sent_tokenize(self, text): return [line for line in text.split("\\n") if line.strip()]
    def span_tokenize(self, text): return list(tokenizers.simple_span_tokenize(text, self.sent_tokenize(text)))

if sys.argv[3] == "whitespace":
    tokenizers.load_word_tokenizer = lambda language=None: Whitespace()
documents = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
for name, peer in {
    "gopher-repetition": GopherRepetitionFilter(),
    "gopher-quality": GopherQualityFilter(),
    "fineweb": FineWebQualityFilter(),
    "c4": C4QualityFilter(),
    "c4, any end of a line": C4QualityFilter(filter_no_terminal_punct=False),
}.items():
    seconds, reasons, texts = 0.0, [], []
    for number, entry in enumerate(documents):
        document = Document(text=entry["text"], id=entry["id"])
        start = time.process_time()
        result = peer.filter(document)
        if number < int(sys.argv[2]):
            seconds += time.process_time() - start
        reasons.append(result[1] if isinstance(result, tuple) else "keep")
        texts.append(document.text if document.text != entry["text"] else None)
    print(json.dumps({"filter": name, "seconds": seconds, "reasons": reasons, "texts": texts}))
"""


def dolma(texts):
    """Reasons of the dolma variant: the measures of dolma's tagger, the thresholds of Dolma 1.6."""
    source = Path(os.environ["DOLMA_GOPHER"]).read_text()
    # What it imports of its own package is not needed to measure a text.
    source = source[source.index("REQUIRED_ENGLISH_WORDS") : source.index("@TaggerRegistry")]
    prelude = "import logging, re\nfrom collections import Counter\nfrom dataclasses import dataclass\nfrom statistics import median\nfrom typing import Counter as CounterType, List, Tuple, Union\nSpan = object\n"
    module = {"__name__": "gopher"}
    exec(compile(prelude + source, "gopher.py", "exec"), module)
    quality, repetition = [], []
    for text in texts:
        at = module["get_attributes"](text)
        top = dict(at.fraction_of_characters_in_most_common_ngram)
        duplicate = dict(at.fraction_of_characters_in_duplicate_ngrams)
        rules = [
            ("gopher_short_doc", at.word_count < 50),
            ("gopher_long_doc", at.word_count > 100000),
            ("gopher_below_avg_threshold", at.median_word_length < 3),
            ("gopher_above_avg_threshold", at.median_word_length > 10),
            ("gopher_too_many_symbols", at.symbol_to_word_ratio > 0.1),
            ("gopher_too_many_bullets", at.fraction_of_lines_starting_with_bullet_point > 0.9),
            ("gopher_too_many_end_ellipsis", at.fraction_of_lines_ending_with_ellipsis > 0.3),
            ("gopher_below_alpha_threshold", at.fraction_of_words_with_alpha_character < 0.8),
            ("gopher_enough_stop_words", at.required_word_count < 2),
        ]
        quality.append(next((name for name, fails in rules if fails), "keep"))
        rules = [
            ("empty", not text),
            ("dup_line_frac", at.fraction_of_duplicate_lines > 0.3),
            ("dup_line_char_frac", at.fraction_of_characters_in_duplicate_lines > 0.3),
        ]
        rules += [(f"top_{n}_gram", top.get(n, 0) > most) for n, most in ((2, 0.2), (3, 0.18), (4, 0.16))]
        rules += [(f"duplicated_{n}_n_grams", duplicate.get(n, 0) > (20 - n) / 100) for n in range(5, 11)]
        repetition.append(next((name for name, fails in rules if fails), "keep"))
    return {"gopher-quality, dolma": quality, "gopher-repetition, dolma": repetition}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--limit", type=int, help="so many documents of the text sets, from all of them")
    arguments.add_argument("--odd", type=int, default=3000, help="so many odd small texts")
    arguments.add_argument("--words", choices=["whitespace", "spacy"], default="whitespace", help="what a word is")
    arguments.add_argument("--keep", type=Path, help="where the files are left")
    arguments.add_argument("--rounds", type=int, default=3, help="rounds of ours, of which the best counts")
    arguments = arguments.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)

    real = list(documents(Path(os.environ["KILN_DATA"])))
    if arguments.limit and arguments.limit < len(real):
        real = [real[number * len(real) // arguments.limit] for number in range(arguments.limit)]
    both = real + list(odd_texts(arguments.odd))
    for name, entries in (("documents", both), ("real", real)):
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for identity, text in entries:
                file.write(json.dumps({"id": identity, "text": text}, ensure_ascii=False) + "\n")
    size = sum(len(text.encode()) for _, text in real)
    print(f"{len(real)} documents of {size / 1e6:.1f} MB and {len(both) - len(real)} odd texts")

    def ours(filters, entries, rounds):
        path = folder / "filters.json"
        path.write_text(json.dumps(filters))
        command = ["cargo", "run", "--quiet", "--release", "-p", "kiln-corpus", "--example", "filters", "--"]
        command += [str(folder / f"{entries}.jsonl"), str(path), str(rounds)]
        output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return {line["filter"]: line for line in map(json.loads, output.splitlines())}

    def theirs():
        command = [os.environ["KILN_PEERS"], "-c", PEER, str(folder / "documents.jsonl"), str(len(real)), arguments.words]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return {line["filter"]: line for line in map(json.loads, output.splitlines())}

    peers = theirs()
    expected = {name: line["reasons"] for name, line in peers.items()}
    if "DOLMA_GOPHER" in os.environ:
        expected |= dolma([text for _, text in both])
    kinds = {name: filter | {"words": arguments.words} for name, filter in KINDS.items()}
    variants = {name: filter | {"words": arguments.words} for name, filter in VARIANTS.items()}
    found = ours(kinds | variants | DOLMA, "documents", 1)
    differ = 0
    for name, reasons in expected.items():
        wrong = [at for at, reason in enumerate(reasons) if found[name]["reasons"][at] != reason]
        differ += len(wrong)
        print(f"{name}: {len(reasons) - len(wrong)} of {len(reasons)} documents judged alike, {len(set(reasons))} verdicts")
        for at in wrong[:5]:
            print(f"    {both[at][0]}: expected {reasons[at]}, found {found[name]['reasons'][at]}")

    for name, line in peers.items():
        texts = list(zip(found[name]["texts"], line["texts"]))
        wrong = [at for at, (ours_, theirs_) in enumerate(texts) if ours_ != theirs_]
        differ += len(wrong)
        print(f"{name}: {sum(theirs_ is not None for _, theirs_ in texts)} rewritten, {len(wrong)} of all texts differ")

    times = ours(kinds, "real", arguments.rounds)
    print(f"{'MB/s on one core':24}{'ours':>8}{'datatrove':>12}{'ratio':>8}")
    together = sum(peers[name]["seconds"] for name in KINDS)
    for name, line in times.items():
        peer = peers[name]["seconds"] if name in KINDS else together
        print(f"{name:24}{size / 1e6 / line['seconds']:8.1f}{size / 1e6 / peer:12.2f}{peer / line['seconds']:8.0f}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
