"""Reference values for the optimizers: torch.optim's AdamW and SGD in float64 over gradients that are given.

    python scripts/reference/adamw.py        (torch 2.11.0)

writes crates/optim/tests/reference/optimizers.json. The file is committed; this script is run again only to add a case.

Two tensors: `matrix` with weight decay, `vector` without. Every step has its own gradients, spread over ten orders of
magnitude (with elements that are always zero, where epsilon decides), and its own learning rate, so that an optimizer which
mixes the rate into its moments is found out. Each number is the shortest decimal that reads back as the same float64.
"""

import json
from pathlib import Path

import torch

FILE = Path(__file__).resolve().parents[2] / "crates/optim/tests/reference/optimizers.json"
STEPS = 20
SHAPES = {"matrix": (3, 4), "vector": (5,)}
LEARNING_RATES = [0.01 * min(step + 1, 5) / 5 * (1.0 - 0.04 * step) for step in range(STEPS)]

CASES = [
    {"name": "adamw", "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.1},
    {"name": "adamw", "betas": [0.9, 0.95], "epsilon": 1e-5, "weight_decay": 0.0},
    {"name": "sgd", "momentum": 0.0, "nesterov": False, "weight_decay": 0.1},
    {"name": "sgd", "momentum": 0.9, "nesterov": False, "weight_decay": 0.1},
    {"name": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
]


def build(case, groups):
    if case["name"] == "adamw":
        return torch.optim.AdamW(groups, betas=case["betas"], eps=case["epsilon"])
    return torch.optim.SGD(groups, momentum=case["momentum"], nesterov=case["nesterov"])


def run(case, initial, gradients):
    """The values of both tensors after each step."""
    tensors = {name: value.clone().requires_grad_() for name, value in initial.items()}
    optimizer = build(case, [
        {"params": [tensors["matrix"]], "weight_decay": case["weight_decay"]},
        {"params": [tensors["vector"]], "weight_decay": 0.0},
    ])
    after = []
    for learning_rate, step in zip(LEARNING_RATES, gradients):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        for name, tensor in tensors.items():
            tensor.grad = step[name].clone()
        optimizer.step()
        after.append(listed(tensors))
    return after


def listed(tensors):
    return {name: tensor.detach().flatten().tolist() for name, tensor in tensors.items()}


def draw(generator):
    """Gradients of one step: element i has the size 10**-(i mod 11 - 1), the last element of each tensor is always zero."""
    step = {}
    for name, shape in SHAPES.items():
        flat = torch.randn(torch.Size(shape).numel(), generator=generator, dtype=torch.float64)
        flat *= 10.0 ** -(torch.arange(flat.numel()) % 11 - 1).double()
        flat[-1] = 0.0
        step[name] = flat.view(shape)
    return step


if __name__ == "__main__":
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    generator = torch.Generator().manual_seed(7)
    initial = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in SHAPES.items()}
    gradients = [draw(generator) for _ in range(STEPS)]
    document = {
        "command": "python scripts/reference/adamw.py",
        "shapes": SHAPES,
        "initial": listed(initial),
        "learning_rates": LEARNING_RATES,
        "gradients": [listed(step) for step in gradients],
        "cases": [case | {"values": run(case, initial, gradients)} for case in CASES],
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(document) + "\n")
    print(f"{FILE.name}: {len(CASES)} cases of {STEPS} steps, {FILE.stat().st_size} bytes")
