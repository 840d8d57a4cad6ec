"""A large corpus with copies in it, for timing and for memory.

    KILN_DATA=FOLDER python3 scripts/bench/corpus.py --bytes 5e9 corpus.jsonl.zst

writes documents of 2 to 12 paragraphs drawn from the reviews, articles and books in KILN_DATA, as JSON Lines through `zstd`,
until their texts have so many bytes. One document in ten is an earlier one again, and one in ten an earlier one with a word
in fifty replaced. The same bytes for the same arguments: document i depends on the seed and on i alone.
"""

import argparse
import gzip
import json
import os
import random
import re
import subprocess
from pathlib import Path


def paragraphs(data):
    with gzip.open(data / "imdb/train12k5.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield from json.loads(line)["text"].replace("<br />", "\n").split("\n\n")
    with gzip.open(data / "wikitext2/train.txt.gz", "rt", encoding="utf-8") as lines:
        yield from lines
    for book in sorted((data / "books").glob("en-*")):
        opened = gzip.open if book.suffix == ".gz" else open
        with opened(book, "rt", encoding="utf-8", errors="replace") as text:
            yield from re.split(r"\n\s*\n", text.read())


class Documents:
    def __init__(self, pieces, seed):
        self.pieces, self.seed = pieces, seed

    def __getitem__(self, number):
        draw = random.Random(f"{self.seed}/{number}")
        kind = draw.random()
        if number > 10 and kind < 0.2:
            text = self[draw.randrange(number)]
            if kind < 0.1:
                return text
            words = text.split(" ")
            for _ in range(len(words) // 50 + 1):
                words[draw.randrange(len(words))] = "kiln"
            return " ".join(words)
        return "\n\n".join(draw.choices(self.pieces, k=draw.randint(2, 12)))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--bytes", type=float, default=2e8)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("path")
    arguments = arguments.parse_args()
    stripped = (piece.strip() for piece in paragraphs(Path(os.environ["KILN_DATA"])))
    documents = Documents([piece for piece in stripped if len(piece) > 40], arguments.seed)
    with open(arguments.path, "wb") as out:
        zstd = subprocess.Popen(["zstd", "-q", "-c", "-3"], stdin=subprocess.PIPE, stdout=out)
        written = number = 0
        while written < arguments.bytes:
            text = documents[number]
            line = json.dumps({"id": f"g{number}", "text": text}, ensure_ascii=False)
            zstd.stdin.write(line.encode() + b"\n")
            written += len(text.encode())
            number += 1
        zstd.stdin.close()
        if zstd.wait() != 0:
            raise SystemExit("zstd failed")
    print(f"{number} documents, {written} bytes of text")


main()
