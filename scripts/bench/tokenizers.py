"""How fast byte-level byte-pair encoding is, ours beside its peers, on one core and with the same vocabulary.

    KILN_DATA=FOLDER python scripts/bench/tokenizers.py [--folder NEW] [--with PYTHON ...]

cuts the reviews, articles and books of KILN_DATA into documents, trains a vocabulary of 32,000 with GPT-2's split on every
other one (by `tokenizers`), and encodes the rest: once by a tokenizer just loaded (cold), then three times more, of which the
fastest counts (warm). Times are CPU seconds of the process; the peers run with one thread. Those that are not installed are
left out. Each PYTHON of --with is another interpreter whose peers are timed on the same files, for versions that exclude each
other. Ours is the criterion bench of `kiln-preprocess`, run on the same files in the same call; it fails if its ids are not
those of the first peer.
"""

import argparse
import gzip
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.pop(0)  # This folder, where `tokenizers` is this file and not the library.
os.environ.update(RAYON_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")


def documents(data):
    """Texts of some kB, English but for two books."""
    with gzip.open(data / "imdb/train12k5.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from (json.loads(line)["text"] for line in lines)
    with gzip.open(data / "wikitext2/train.txt.gz", "rt", encoding="utf-8") as lines:
        yield from re.split(r"\n(?= = [^=])", lines.read())
    for book in sorted((data / "books").glob("??-*")):
        with (gzip.open if book.suffix == ".gz" else open)(book, "rb") as file:
            text = file.read().decode("latin-1" if ".latin1" in book.name else "utf-8", errors="replace")
        text = text.replace("\r\n", "\n")
        yield from (text[at : at + 5000] for at in range(0, len(text), 5000))


def prepare(folder):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    texts = [text for text in documents(Path(os.environ["KILN_DATA"])) if text.strip()]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts[::2],
        trainers.BpeTrainer(
            vocab_size=32000,
            special_tokens=["<|endoftext|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    with open(folder / "texts.jsonl", "w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts[1::2])


def gpt2_alphabet():
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + at): byte for at, byte in enumerate(hidden)}


def peers(path):
    """Names, and how to load each: a function from text to ids."""

    def hugging_face():
        import tokenizers

        tokenizer = tokenizers.Tokenizer.from_file(path)
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids

    def tiktoken():
        import tiktoken

        alphabet = gpt2_alphabet()
        vocabulary = json.load(open(path))["model"]["vocab"]
        ranks = {bytes(alphabet[c] for c in token): id for token, id in vocabulary.items() if token != "<|endoftext|>"}
        pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
        return tiktoken.Encoding("ours", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}).encode_ordinary

    def gigatoken():
        import gigatoken

        encode = gigatoken.Tokenizer(path).encode
        return encode

    def tokie():
        import tokie

        encode = tokie.Tokenizer.from_json(path).encode
        return lambda text: encode(text, add_special_tokens=False).ids

    return {"tokenizers": hugging_face, "tiktoken": tiktoken, "gigatoken": gigatoken, "tokie": tokie}


def timed(folder):
    """Rates of what is installed here, and a hash of the ids of each, as JSON lines."""
    texts = [json.loads(line)["text"] for line in open(folder / "texts.jsonl", encoding="utf-8")]
    size = sum(len(text.encode()) for text in texts)
    for name, load in peers(str(folder / "tokenizer.json")).items():
        try:
            encode = load()
        except ImportError:
            continue
        except Exception as error:  # A peer that cannot read the file is said, not compared.
            print(json.dumps({"name": name, "problem": f"{type(error).__name__}: {error}"[:200]}), flush=True)
            continue
        rates = []
        while len(rates) < (4 if not rates or rates[0] > 5 else 2):  # Slow ones are not made to wait for.
            start = time.process_time()
            all_ids = [encode(text) for text in texts]
            rates.append(size / 1e6 / (time.process_time() - start))
        ids = [[int(one) for one in ids] for ids in all_ids]
        if not (folder / "ids.jsonl").exists():
            (folder / "ids.jsonl").write_text("".join(f"{one}\n" for one in ids))
        name = f"{name} {importlib.metadata.version(name)}"
        print(json.dumps({"name": name, "cold": rates[0], "warm": max(rates[1:]), "ids": hash(str(ids))}), flush=True)


def ours(folder):
    """Rates of the criterion bench, in MB/s by name."""
    command = "cargo bench -p kiln-preprocess --bench tokenizers"
    environment = os.environ | {"KILN_TOKENIZERS": str(folder.resolve())}
    out = subprocess.run(command.split(), env=environment, check=True, capture_output=True, text=True).stdout
    rates = re.findall(r"tokenizers/(\w+)\s+time:.*\n\s+thrpt:\s+\[\S+ \S+ (\S+) (\S+)", out)
    return {name: float(rate) * {"MB/s": 1, "GB/s": 1000}[unit] for name, rate, unit in rates}


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--folder", type=Path)
    arguments.add_argument("--with", dest="others", action="append", default=[])
    arguments.add_argument("--timed", action="store_true", help=argparse.SUPPRESS)
    arguments = arguments.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp())
    if arguments.timed:
        return timed(folder)
    folder.mkdir(exist_ok=True, parents=True)
    if not (folder / "texts.jsonl").exists():
        prepare(folder)
    found = []
    for python in [sys.executable, *arguments.others]:
        command = [python, __file__, "--timed", "--folder", str(folder)]
        out = subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, check=True, capture_output=True, text=True)
        found += [json.loads(line) for line in out.stdout.splitlines()]
    rates = ours(folder)
    print("ours: " + ", ".join(f"{name} {rate:.0f} MB/s" for name, rate in rates.items()))
    expected = next((peer["ids"] for peer in found if "ids" in peer), None)
    for peer in found:
        if "problem" in peer:
            print(f"{peer['name']}: {peer['problem']}")
            continue
        print(
            f"{peer['name']}: cold {peer['cold']:.1f} MB/s (ours {rates['cold'] / peer['cold']:.1f} times as fast), "
            f"warm {peer['warm']:.1f} (ours {rates['warm'] / peer['warm']:.1f} times), "
            f"{'same ids' if peer['ids'] == expected else 'OTHER IDS'}"
        )


main()
