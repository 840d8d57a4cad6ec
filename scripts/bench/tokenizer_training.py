"""Training of byte-pair encoding: kiln beside its peers, on one thread.

    KILN_DATA=FOLDER python3 scripts/bench/tokenizer_training.py [--bytes 10e6] [--vocabulary-size 32000] [--repeat 3]

cuts so many bytes of text out of KILN_DATA (articles, books, Markdown, Java and C#), trains on them with each of kiln's
example `train_tokenizer` (built before: cargo build --release -p kiln-preprocess --example train_tokenizer), rustbpe,
sentencepiece and Hugging Face tokenizers, every training in a process of its own, and prints seconds of the processor from
text in memory to merges (medians), MB/s, how many times as fast kiln is, and the largest memory of the process. `--kinds`
trains kiln's other kinds instead, beside the peer that has the same.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TEXT_BYTES = 16 << 10

# A peer has the name of a script beside this one.
sys.path = [folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).resolve().parent]


def read(path, encoding="utf-8"):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding=encoding, errors="replace") as text:
        return text.read()


def corpus(data, size):
    """Some of each, in turn, so that a shorter text is of the same kinds."""
    sources = [
        read(data / "wikitext2/train.txt.gz"),
        "".join(read(book) for book in sorted((data / "books").glob("en-*"))),
        "".join(read(page) for page in sorted((data / "rust-book-md").glob("*.md"))),
        "".join(read(code) for code in sorted((data / "codetrans").glob("train.*.gz"))),
    ]
    blocks = []
    for step in range(100):
        for source in sources:
            blocks.append(source[step * len(source) // 100 : (step + 1) * len(source) // 100])
    text = "".join(blocks)
    if len(text.encode()) < size:
        raise SystemExit(f"only {len(text.encode())} bytes of text in {data}")
    return text.encode()[: int(size)].decode(errors="ignore")


def texts(path):
    with open(path, encoding="utf-8", newline="\n") as lines:
        cut, length = [], 0
        for line in lines:
            if length >= TEXT_BYTES:
                yield "".join(cut)
                cut, length = [], 0
            cut.append(line)
            length += len(line.encode())
        yield "".join(cut)


def train_rustbpe(texts, size):
    import rustbpe

    rustbpe.Tokenizer().train_from_iterator(iter(texts), size)


def train_sentencepiece(kind):
    def run(texts, size):
        import sentencepiece

        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(line for text in texts for line in text.split("\n")),
            model_prefix=tempfile.mkdtemp() + "/model",
            model_type=kind,
            vocab_size=size,
            byte_fallback=True,
            num_threads=1,
            max_sentence_length=1 << 24,
            minloglevel=2,
        )

    return run


def train_tokenizers(kind):
    def run(texts, size):
        import tokenizers
        from tokenizers import models, normalizers, pre_tokenizers, trainers

        if kind == "bpe":
            tokenizer = tokenizers.Tokenizer(models.BPE())
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            trainer = trainers.BpeTrainer(
                vocab_size=size,
                min_frequency=2,
                special_tokens=["<|endoftext|>"],
                initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False,
            )
        elif kind == "wordpiece":
            tokenizer = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
            tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
            tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            trainer = trainers.WordPieceTrainer(
                vocab_size=size, min_frequency=2, special_tokens=["[UNK]"], limit_alphabet=1000, show_progress=False
            )
        elif kind == "unigram":
            tokenizer = tokenizers.Tokenizer(models.Unigram())
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            trainer = trainers.UnigramTrainer(
                vocab_size=size, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
            )
        else:
            tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token="<unk>"))
            tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
            trainer = trainers.WordLevelTrainer(
                vocab_size=size, min_frequency=2, special_tokens=["<unk>"], show_progress=False
            )
        tokenizer.train_from_iterator(texts, trainer)

    return run


PEERS = {
    "rustbpe": train_rustbpe,
    "sentencepiece bpe": train_sentencepiece("bpe"),
    "sentencepiece unigram": train_sentencepiece("unigram"),
    "tokenizers bpe": train_tokenizers("bpe"),
    "tokenizers wordpiece": train_tokenizers("wordpiece"),
    "tokenizers unigram": train_tokenizers("unigram"),
    "tokenizers word": train_tokenizers("word"),
}

# Section of kiln's recipe, vocabulary size if not the one asked for, and peers.
BPE = [("kind = 'bpe'", None, ["rustbpe", "sentencepiece bpe", "tokenizers bpe"])]
KINDS = [
    ("kind = 'bpe'\nbyte_fallback = true", None, ["sentencepiece bpe"]),
    ("kind = 'wordpiece'", None, ["tokenizers wordpiece"]),
    ("kind = 'unigram'", 8000, ["sentencepiece unigram", "tokenizers unigram"]),
    ("kind = 'word'", None, ["tokenizers word"]),
]


def processor_seconds():
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def run_peer(name, path, size):
    """In a process of its own: what the parent reads is the last line."""
    read_texts = list(texts(path))
    before = processor_seconds()
    PEERS[name](read_texts, size)
    seconds = processor_seconds() - before
    status = Path("/proc/self/status").read_text()
    memory = int(status.split("VmHWM:")[1].split()[0]) << 10
    print(json.dumps({"seconds": seconds, "memory": memory}))


def measure(command, repeat):
    environment = os.environ | {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    runs = []
    for _ in range(repeat):
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
    return statistics.median(run["seconds"] for run in runs), max(run["memory"] for run in runs)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--bytes", type=float, default=10e6)
    arguments.add_argument("--vocabulary-size", type=int, default=32000)
    arguments.add_argument("--repeat", type=int, default=3)
    arguments.add_argument("--kinds", action="store_true")
    arguments.add_argument("--kiln", default="target/release/examples/train_tokenizer")
    arguments.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    arguments = arguments.parse_args()
    if arguments.peer:
        name, path, size = arguments.peer
        return run_peer(name, path, int(size))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        path.write_text(corpus(Path(os.environ["KILN_DATA"]), arguments.bytes), encoding="utf-8", newline="")
        size = path.stat().st_size
        for section, vocabulary_size, peers in KINDS if arguments.kinds else BPE:
            vocabulary_size = vocabulary_size or arguments.vocabulary_size
            recipe = Path(folder) / "section.toml"
            recipe.write_text(f"{section}\nvocabulary_size = {vocabulary_size}\n")
            command = [arguments.kiln, recipe, path, Path(folder) / "tokenizer.json"]
            ours, memory = measure(command, arguments.repeat)
            label = section.replace("\n", ", ")
            print(f"{size} bytes, {vocabulary_size} ids, {label}")
            print(f"  {'kiln':24}{ours:8.2f} s {size / ours / 1e6:8.2f} MB/s {'':10} {memory / 1e6:6.0f} MB")
            for name in peers:
                command = [sys.executable, __file__, "--peer", name, path, str(vocabulary_size)]
                seconds, memory = measure(command, arguments.repeat)
                speed = size / seconds / 1e6
                print(f"  {name:24}{seconds:8.2f} s {speed:8.2f} MB/s {seconds / ours:8.1f} x {memory / 1e6:6.0f} MB", flush=True)


main()
