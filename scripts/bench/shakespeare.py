"""Tiny Shakespeare from text to held-out loss: nanoGPT's own program for a CPU beside kiln's recipes, in turn.

    python3 scripts/bench/shakespeare.py NANOGPT INPUT --kiln PROGRAM [--recipes fast,best] [--repeat 1] [--threads 2]

NANOGPT is a clone of nanoGPT (its folder data/shakespeare_char is prepared with its own prepare.py if it is not), INPUT the text;
the Python must have torch and numpy. Wall time counts from the start of a process to its end, with reading, start-up and the last
evaluation; nanoGPT's preparation of the text is left out, kiln's is not. The loss is over the whole held-out split in windows of the
training context that do not overlap, for both: nanoGPT's own estimate comes from 20 random batches, so its last weights are scored
here after the clock has stopped. Prints each time and loss, and the ratio of nanoGPT's median time to kiln's.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The README's command for a CPU, its loss printed less often.
COMMAND = ("train.py config/train_shakespeare_char.py --device=cpu --compile=False --eval_iters=20 --log_interval=100 --block_size=64 "
           "--batch_size=12 --n_layer=4 --n_head=4 --n_embd=128 --max_iters=2000 --lr_decay_iters=2000 --dropout=0.0 "
           "--always_save_checkpoint=True")

SCORE = """
import sys
import numpy, torch
sys.path.insert(0, ".")
from model import GPT, GPTConfig
saved = torch.load(sys.argv[1] + "/ckpt.pt", map_location="cpu")
model = GPT(GPTConfig(**saved["model_args"]))
model.load_state_dict(saved["model"])
model.eval()
ids = torch.from_numpy(numpy.fromfile("data/shakespeare_char/val.bin", dtype=numpy.uint16).astype(numpy.int64))
length = saved["model_args"]["block_size"]
count = (len(ids) - 1) // length
total = 0.0
with torch.no_grad():
    for first in range(0, count, 64):
        rows = range(first, min(first + 64, count))
        x = torch.stack([ids[row * length:row * length + length] for row in rows])
        y = torch.stack([ids[row * length + 1:row * length + length + 1] for row in rows])
        total += float(model(x, y)[1]) * len(rows)
print(total / count)
"""


def timed(command, folder, threads):
    begin = time.perf_counter()
    run = subprocess.run(command, cwd=folder, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if run.returncode:
        sys.exit(f"{command}: {run.stderr[-2000:]}")
    return seconds, run.stdout


def nanogpt(asked, scratch):
    seconds, _ = timed([sys.executable, *COMMAND.split(), f"--out_dir={scratch}"], asked.nanogpt, asked.threads)
    _, said = timed([sys.executable, "-c", SCORE, scratch], asked.nanogpt, asked.threads)
    return seconds, float(said)


def kiln(asked, recipe, scratch):
    source = json.dumps([{"path": str(Path(asked.input).resolve()), "format": "text"}]).replace('": ', '"=')
    command = [asked.kiln, "run", str(ROOT / f"configs/shakespeare-char-{recipe}.toml"), "--run-dir", scratch, "--set", f"corpus.sources={source}"]
    seconds, _ = timed(command, ROOT, asked.threads)
    records = [json.loads(line) for line in open(f"{scratch}/metrics.jsonl")]
    return seconds, [record["validation_loss"] for record in records if "validation_loss" in record][-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nanogpt")
    parser.add_argument("input")
    parser.add_argument("--kiln", required=True)
    parser.add_argument("--recipes", default="fast")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    prepared = Path(asked.nanogpt, "data/shakespeare_char")
    if not (prepared / "train.bin").exists():
        (prepared / "input.txt").write_bytes(Path(asked.input).read_bytes())
        timed([sys.executable, "prepare.py"], prepared, asked.threads)
    names = ["nanoGPT", *asked.recipes.split(",")]
    results = {name: [] for name in names}
    for _ in range(asked.repeat):
        for name in names:
            with tempfile.TemporaryDirectory() as scratch:
                run = f"{scratch}/run"
                result = nanogpt(asked, run) if name == "nanoGPT" else kiln(asked, name, run)
            results[name].append(result)
            print(f"{name}: {result[0]:.1f} s, held-out loss {result[1]:.4f}", flush=True)
    medians = {name: statistics.median(seconds for seconds, _ in each) for name, each in results.items()}
    for name in names[1:]:
        print(f"nanoGPT / {name}: {medians['nanoGPT'] / medians[name]:.1f} times the wall time")


if __name__ == "__main__":
    main()
