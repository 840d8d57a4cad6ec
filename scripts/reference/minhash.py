"""Reference values for near copies: datatrove's MinHash stages 1 to 3, with words between white space.

    python scripts/reference/minhash.py         (datatrove 0.10.1, numpy 2.4.6, xxhash 3, Python 3.11)

writes crates/corpus/tests/reference/minhash.json: documents that are made here, some of them near copies, and for each
configuration the SHA-1 of every .sig file, the pairs of the .dups files and the clusters.

    python scripts/reference/minhash.py DATA           (DATA: the folder that KILN_DATA names)

writes minhash-data.json beside it: the same over the documents of some of the data sets and near copies of them, of
which only digests are kept. crates/corpus/src/duplicates/reference.rs makes the same documents.
"""

import hashlib
import json
import random
import struct
import sys
import tempfile
from pathlib import Path

import datatrove.utils.word_tokenizers as word_tokenizers
from datatrove.data import Document

FOLDER = Path(__file__).resolve().parents[2] / "crates/corpus/tests/reference"
FILES = 2  # the documents are dealt to so many files, in order

CASES = [
    {},
    {"hash": "sha1"},
    {"n_grams": 3, "buckets": 5, "rows": 4, "seed": 42},
    {"words": "spacy"},
]


class Whitespace(word_tokenizers.WordTokenizer):
    def word_tokenize(self, text):
        return text.split()

    def sent_tokenize(self, text):
        return [text]

    def span_tokenize(self, text):
        return [(0, len(text))]


WORDS = {"whitespace": lambda language=None: Whitespace(), "spacy": word_tokenizers.load_word_tokenizer}
words = "whitespace"
word_tokenizers.load_word_tokenizer = lambda language=None: WORDS[words](language)

from datatrove.pipeline.dedup.minhash import (  # noqa: E402 (after the words were chosen)
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.utils.hashing import HashConfig  # noqa: E402


def sha1(data):
    return hashlib.sha1(data).hexdigest()


def reference(texts, case):
    global words
    words = case.get("words", "whitespace")
    config = MinhashConfig(
        n_grams=case.get("n_grams", 5),
        num_buckets=case.get("buckets", 14),
        hashes_per_bucket=case.get("rows", 8),
        seed=case.get("seed", 1),
        hash_config=HashConfig(hash_fc="sha1" if case.get("hash") == "sha1" else "xxhash"),
    )
    each = -(-len(texts) // FILES)
    with tempfile.TemporaryDirectory() as folder:
        for rank in range(FILES):
            part = texts[rank * each:(rank + 1) * each]
            documents = (Document(text=text, id=str(number)) for number, text in enumerate(part))
            MinhashDedupSignature(f"{folder}/sig", config=config).run(documents, rank, FILES)
        for bucket in range(config.num_buckets):
            MinhashDedupBuckets(f"{folder}/sig", f"{folder}/dups", config=config).run(None, bucket, config.num_buckets)
        MinhashDedupCluster(f"{folder}/dups", f"{folder}/remove", config=config, save_cluster_id=True).run(None, 0, 1)

        signatures = [
            sha1((Path(folder) / f"sig/bucket_{bucket:03d}/{rank:05d}.minhash.sig").read_bytes())
            for bucket in range(config.num_buckets) for rank in range(FILES)
        ]
        pairs = []
        for path in sorted(Path(folder, "dups").glob("*.dups")):
            for f1, d1, f2, d2 in struct.iter_unpack("<4I", path.read_bytes()):
                pairs.append((f1 * each + d1, f2 * each + d2))
        clusters = {}
        for path in sorted(Path(folder, "remove").glob("*.clusters")):
            for document, cluster in struct.iter_unpack("<2I", path.read_bytes()):
                clusters.setdefault(cluster, []).append(int(path.stem) * each + document)
        removed = sum(path.stat().st_size // 4 for path in Path(folder, "remove").glob("*.remove"))
    pairs.sort()
    clusters = sorted(sorted(members) for members in clusters.values())
    assert removed == sum(len(members) - 1 for members in clusters)
    return {
        "config": case,
        "signatures_sha1": signatures,
        "pairs": len(pairs),
        "pairs_sha1": sha1("".join(f"{a} {b}\n" for a, b in pairs).encode()),
        "clusters": len(clusters),
        "clusters_sha1": sha1("".join(" ".join(map(str, members)) + "\n" for members in clusters).encode()),
        "removed": removed,
    }


def made_documents():
    """Sixty texts of words with accents, numbers, marks and punctuation; every third is an earlier one with a few words
    changed, and some are too short for a shingle."""
    draws = random.Random(7)
    words = ("der the a of and naïve café CAFÉ 3.14 1,000,000 2024-11-23 don't l’été “quoted” (round) — ΟΔΟΣ Ελλάδα "
             "привет мир 東京 ４２ ٣٫٥ e\u0301te\u0301 x² http://a.b/c?d=1 Straße İstanbul हिन्दी 한국어 … end. \u0301 ok! "
             "river stone light under over before after seven small house garden winter letter table yellow").split(" ")
    texts = []
    for number in range(60):
        if number % 3 == 2:
            parts = texts[draws.randrange(number)].split(" ")
            for _ in range(draws.randrange(3)):
                if parts:
                    parts[draws.randrange(len(parts))] = draws.choice(words)
            texts.append(draws.choice([" ", "  ", "\n", "\u00a0"]).join(parts))
        else:
            length = draws.choice([0, 3, 4, 5, 6, 40, 60, 80])
            texts.append(" ".join(draws.choice(words) for _ in range(length)))
    return texts


def data_documents(data):
    """Paragraphs of WikiText, sentences of Multi30k in German and French, and pages of the Rust book; then a near copy of
    every seventh, without the words whose number is 11 more than a multiple of 31; then the first hundred in upper case."""
    texts = []
    for name in ["wikitext2/wiki.valid.raw", "multi30k/val.de", "multi30k/val.fr"]:
        texts += (data / name).read_bytes().decode().split("\n")
    for path in sorted((data / "rust-book-md").glob("*.md")):
        texts.append(path.read_bytes().decode())
    texts += [
        " ".join(word for place, word in enumerate(text.split()) if place % 31 != 11)
        for text in texts[::7]
    ]
    return texts + [text.upper() for text in texts[:100]]


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) > 1:
        texts, file, kept = data_documents(Path(sys.argv[1])), "minhash-data.json", {}
    else:
        texts = made_documents()
        file, kept = "minhash.json", {"texts": texts}
    result = kept | {"documents": len(texts), "cases": [reference(texts, case) for case in CASES]}
    (FOLDER / file).write_text(json.dumps(result, indent=1, ensure_ascii=True) + "\n")
    for case in result["cases"]:
        print(len(texts), case["config"], case["pairs"], "pairs,", case["clusters"], "clusters,", case["removed"], "removed")
