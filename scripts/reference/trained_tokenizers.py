"""Every kind of tokenizer that kiln trains, read by Hugging Face tokenizers: are its ids the same?

    KILN_DATA=FOLDER python3 scripts/reference/trained_tokenizers.py

trains each kind on text of KILN_DATA with the example `train_tokenizer` (built before: cargo build --release -p
kiln-preprocess --example train_tokenizer), has it encode texts, loads the tokenizer.json in Python, and compares the ids of
every text and what they are decoded to. The texts are lines of files in several languages and scripts, code, and random
characters. It prints a row for each kind and fails if any text differs. Before, kiln and Hugging Face tokenizers learn 32,000
ids of byte-level byte-pair encoding from the whole training part of WikiText-2: are vocabulary and merges the same?
"""

import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import tokenizers

BPE = "kind = 'bpe'\nvocabulary_size = 2000\n"
SECTIONS = [
    BPE,
    *(BPE + f"split = '{split}'\n" for split in ("cl100k", "qwen2", "o200k")),
    BPE + "maximum_token_length = 5\nminimum_frequency = 10\n",
    BPE + "byte_fallback = true\nspecial_tokens = ['<unk>', '<s>', '</s>']\n",
    BPE + "byte_fallback = true\nalphabet_limit = 20\nsplit = 'gpt4'\n",
    "kind = 'wordpiece'\nvocabulary_size = 2000\n",
    "kind = 'wordpiece'\nvocabulary_size = 2000\nlowercase = false\nalphabet_limit = 60\n",
    "kind = 'unigram'\nvocabulary_size = 2000\n",
    "kind = 'unigram'\nvocabulary_size = 2000\nbyte_fallback = false\nalphabet_limit = 60\nsplit = 'gpt4o'\n",
    "kind = 'word'\nvocabulary_size = 2000\n",
    "kind = 'word'\nvocabulary_size = 2000\nlowercase = true\nsplit = 'spaces'\n",
    "kind = 'byte'\n",
]


def read(path, encoding="utf-8"):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding=encoding, errors="replace", newline="") as text:
        return text.read()


def texts(data):
    draw = random.Random(1)
    found = ["", " ", "\n", "<|endoftext|>", "a<|endoftext|>b</s> <unk>[UNK] ##s [SEP]", "▁ ▁▁", "<0x41>", "x" * 300]
    files = [
        data / "books/de-die-verwandlung.latin1.txt",
        data / "books/es-don-quijote.latin1.txt.gz",
        data / "rust-book-md/ch08-02-strings.md",
        data / "codetrans/valid.java-cs.txt.cs",
        data / "wikitext2/valid.txt",
    ]
    for file in files:
        lines = read(file, "latin-1" if "latin1" in file.name else "utf-8").splitlines(keepends=True)
        found += draw.sample(lines, min(400, len(lines)))
    with zipfile.ZipFile(data / "udhr/udhr2.zip") as pages:
        for name in sorted(name for name in pages.namelist() if not name.endswith("/")):
            found.append(pages.read(name).decode(errors="replace")[:500])
    for _ in range(1000):
        most = draw.choice([0x80, 0x250, 0x3000, 0x11000])
        characters = (chr(draw.randrange(most)) for _ in range(draw.randrange(40)))
        found.append("".join(character for character in characters if not 0xD800 <= ord(character) < 0xE000))
    return found


def as_the_example_cuts(text):
    """At ends of lines, after 16 KiB or a little more."""
    cut = b""
    for line in text.encode().split(b"\n"):
        if len(cut) >= 16 << 10:
            yield cut.decode()
            cut = b""
        cut += line + b"\n"
    yield cut[:-1].decode()


def merges_are_equal(kiln, text, folder):
    (folder / "section.toml").write_text("kind = 'bpe'\nvocabulary_size = 32000\n")
    (folder / "whole.txt").write_text(text, encoding="utf-8", newline="")
    names = ["section.toml", "whole.txt", "tokenizer.json"]
    subprocess.run([kiln, *(folder / name for name in names)], check=True, stdout=subprocess.DEVNULL)
    ours = json.loads((folder / "tokenizer.json").read_text())["model"]
    byte_level = tokenizers.pre_tokenizers.ByteLevel
    peer = tokenizers.Tokenizer(tokenizers.models.BPE())
    peer.pre_tokenizer = byte_level(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=32000,
        min_frequency=2,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=byte_level.alphabet(),
        show_progress=False,
    )
    peer.train_from_iterator(as_the_example_cuts(text), trainer)
    theirs = json.loads(peer.to_str())["model"]
    return [ours[part] == theirs[part] for part in ("vocab", "merges")]


def main():
    data = Path(os.environ["KILN_DATA"])
    kiln = sys.argv[1] if len(sys.argv) > 1 else "target/release/examples/train_tokenizer"
    checked = texts(data)
    different = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        equal = merges_are_equal(kiln, read(data / "wikitext2/train.txt.gz"), folder)
        print(f"32000 ids of WikiText-2: vocabulary and merges equal: {equal}", flush=True)
        different += not all(equal)
        corpus = read(data / "wikitext2/train.txt.gz")[:2_000_000] + read(data / "books/es-don-quijote.latin1.txt.gz", "latin-1")[:300_000]
        (folder / "text.txt").write_text(corpus, encoding="utf-8", newline="")
        (folder / "texts.jsonl").write_text("".join(json.dumps(text) + "\n" for text in checked))
        for section in SECTIONS:
            (folder / "section.toml").write_text(section)
            names = ["section.toml", "text.txt", "tokenizer.json", "texts.jsonl", "ids.jsonl"]
            subprocess.run([kiln, *(folder / name for name in names)], check=True, stdout=subprocess.DEVNULL)
            peer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            peer.encode_special_tokens = True
            wrong = tokens = 0
            lines = (folder / "ids.jsonl").read_text().removesuffix("\n").split("\n")
            assert len(lines) == len(checked)
            for text, line in zip(checked, lines):
                ours = json.loads(line)
                tokens += len(ours["ids"])
                encoded = peer.encode(text)
                same = encoded.ids == ours["ids"] and peer.decode(encoded.ids) == ours["text"]
                if not same and wrong < 3:
                    print(f"  {text!r}: {ours} but {encoded.ids} {peer.decode(encoded.ids)!r}")
                wrong += not same
            different += wrong
            print(f"{wrong} of {len(checked)} texts differ, {tokens} tokens, {peer.get_vocab_size()} ids: {section!r}", flush=True)
    sys.exit(different > 0)


main()
