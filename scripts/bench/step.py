"""A training step of GPT-2's architecture: kiln beside PyTorch, the same shapes and precision, in turn.

    python3 scripts/bench/step.py NANOGPT --kiln-step PROGRAM [--sizes tiny,baby,gpt2] [--repeat 3] [--steps 40] [--threads 2]

NANOGPT is a clone of nanoGPT, whose model.py is the model in PyTorch; the Python must have torch. PROGRAM is kiln's example `step`
(cargo build --release --workspace --example step, then target/release/examples/step). PyTorch is run as nanoGPT uses it (eager,
AdamW of single tensors), and as well as it can: AdamW fused, attention of either kind, eager and compiled where a C++ compiler is
there. Each run is a process of its own; programs take turns, and the medians over all turns are printed with the ratio of
PyTorch's to kiln's: above 1 kiln is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

SIZES = {
    "tiny": {"n_layer": 4, "n_head": 4, "n_embd": 128, "block_size": 64, "batch": 12, "vocab_size": 65},
    "baby": {"n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256, "batch": 8, "vocab_size": 65},
    "gpt2": {"n_layer": 12, "n_head": 12, "n_embd": 768, "block_size": 512, "batch": 2, "vocab_size": 50304},
}
VARIANTS = ["as nanoGPT", "eager", "eager, products", "compiled", "compiled, products"]

# Run by a process of its own.
PYTORCH = """
import json, statistics, sys, time
import torch
asked = json.loads(sys.argv[1])
sys.path.insert(0, asked["nanogpt"])
torch.set_num_threads(asked["threads"])
from model import GPT, GPTConfig
size, variant = asked["size"], asked["variant"]
batch = size.pop("batch")
torch.manual_seed(1)
model = GPT(GPTConfig(dropout=0.0, bias=False, **size))
if "products" in variant:
    for block in model.transformer.h:
        length = size["block_size"]
        block.attn.flash = False
        block.attn.register_buffer("bias", torch.tril(torch.ones(length, length)).view(1, 1, length, length))
if variant == "as nanoGPT":
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
else:
    decays = [weight for weight in model.parameters() if weight.dim() > 1]
    others = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [{"params": decays, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.99), fused=True)
run = torch.compile(model) if "compiled" in variant else model
scope = torch.autocast("cpu", dtype=torch.bfloat16, enabled=asked["precision"] == "bf16")
times = []
for step in range(asked["steps"]):
    ids = torch.randint(size["vocab_size"], (2, batch, size["block_size"]))
    begin = time.perf_counter()
    with scope:
        _, loss = run(ids[0], ids[1])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if step * 10 >= asked["steps"]:
        times.append(1e3 * (time.perf_counter() - begin))
print(json.dumps(statistics.median(times)))
"""


def answer(command, threads):
    run = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": str(threads)}, capture_output=True, text=True)
    if run.returncode:
        print(f"  failed: {run.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(run.stdout.strip().splitlines()[-1])


def pytorch(asked, size, variant):
    document = {"nanogpt": asked.nanogpt, "threads": asked.threads, "size": size, "variant": variant,
                "precision": asked.precision, "steps": asked.steps}
    return answer([sys.executable, "-c", PYTORCH, json.dumps(document)], asked.threads)


def kiln(asked, size):
    keys = {"vocabulary": size["vocab_size"], "context": size["block_size"], "batch": size["batch"], "precision": asked.precision,
            "model.layers": size["n_layer"], "model.heads": size["n_head"], "model.width": size["n_embd"],
            "optimizer.weight_decay": 0.1, "optimizer.betas": "[0.9, 0.99]"}
    command = [asked.kiln_step, str(asked.steps), *(f"{key}={value}" for key, value in keys.items())]
    return answer(command, asked.threads)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nanogpt")
    parser.add_argument("--kiln-step", required=True)
    parser.add_argument("--sizes", default="tiny,baby,gpt2")
    parser.add_argument("--variants", default=";".join(VARIANTS), help="separated by semicolons")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    for name in asked.sizes.split(","):
        times = {variant: [] for variant in ["kiln", *asked.variants.split(";")]}
        parts = {}
        for _ in range(asked.repeat):
            for variant in times:
                result = kiln(asked, SIZES[name]) if variant == "kiln" else pytorch(asked, SIZES[name], variant)
                if variant == "kiln" and result:
                    parts, result = result, result["step"]
                if result:
                    times[variant].append(result)
        ours = statistics.median(times["kiln"])
        around = 100 * (parts["clip"] + parts["optimizer"]) / parts["step"]
        print(f"{name}, {asked.precision}, {asked.threads} threads: kiln {ours:.1f} ms, {around:.1f} % of it beside forward and backward")
        for variant, each in times.items():
            if variant != "kiln" and each:
                theirs = statistics.median(each)
                print(f"  PyTorch {variant}: {theirs:.1f} ms, ratio {theirs / ours:.2f}")


if __name__ == "__main__":
    main()
