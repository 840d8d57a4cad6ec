"""Reference values for the losses: torch.nn.functional in float64 over a linear head.

    python scripts/reference/losses.py        (torch 2.11.0)

writes crates/optim/tests/reference/losses.json. The file is committed; this script is run again only to add a case.

Each case has the hidden states of 7 rows of 5, a head of 5 inputs, and targets. `loss` is the SUM over the targets; `hidden`,
`weight` and `bias` are the gradients of it. Inputs are rounded to float32 before they are used, results are not rounded.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F

FILE = Path(__file__).resolve().parents[2] / "crates/optim/tests/reference/losses.json"
ROWS, WIDTH, CLASSES, VALUES = 7, 5, 6, 2
IGNORED = -100

torch.manual_seed(11)


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float32).double()


HIDDEN = numbers(ROWS, WIDTH)
HEADS = {count: (numbers(count, WIDTH), numbers(count)) for count in (CLASSES, VALUES)}
TARGETS = [0, 5, IGNORED, 3, 3, IGNORED, 1]
LABELS = [2, 0, 5, 5, 1, 3, 4]
LABEL_SET = (torch.rand(ROWS, CLASSES) < 0.4).double()
NUMBERS = numbers(ROWS, VALUES) * torch.tensor([3.0, 200.0]) + torch.tensor([1.0, -50.0])
NUMBERS = NUMBERS.float().double()
SCALES = [{"mean": 0.5, "standard_deviation": 2.5}, {"mean": -40.0, "standard_deviation": 150.0}]
WEIGHTS = [0.5, 2.0, 1.0, 0.25, 3.0, 1.5]


def cross_entropy(targets, label_smoothing=0.0, z_loss=0.0, class_weights=None):
    targets = torch.tensor(targets)
    weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float64)

    def loss(logits):
        total = F.cross_entropy(
            logits, targets, weight=weights, ignore_index=IGNORED, label_smoothing=label_smoothing, reduction="sum"
        )
        scored = (targets != IGNORED).double()
        return total + z_loss * (logits.logsumexp(-1).square() * scored).sum()

    return loss


def binary(positive_weights=None):
    weights = None if positive_weights is None else torch.tensor(positive_weights, dtype=torch.float64)
    return lambda logits: F.binary_cross_entropy_with_logits(logits, LABEL_SET, pos_weight=weights, reduction="sum")


def standardised():
    mean = torch.tensor([scale["mean"] for scale in SCALES], dtype=torch.float64)
    spread = torch.tensor([scale["standard_deviation"] for scale in SCALES], dtype=torch.float64)
    return (NUMBERS - mean) / spread


def cases():
    for scored, targets in (("tokens", TARGETS), ("classes", LABELS)):
        options = [{}, {"label_smoothing": 0.1}, {"z_loss": 0.05}, {"label_smoothing": 0.2, "z_loss": 0.01}]
        if scored == "classes":
            options += [{"class_weights": WEIGHTS}, {"class_weights": WEIGHTS, "label_smoothing": 0.1, "z_loss": 0.05}]
        for chosen in options:
            yield scored, chosen, CLASSES, cross_entropy(targets, **chosen)
    yield "label-sets", {}, CLASSES, binary()
    yield "label-sets", {"positive_weights": WEIGHTS}, CLASSES, binary(WEIGHTS)
    yield "values", {}, VALUES, lambda out: F.mse_loss(out, standardised(), reduction="sum")
    for delta in (0.3, 1.0):
        chosen = {"kind": "huber", "delta": delta}
        yield "values", chosen, VALUES, lambda out, delta=delta: F.huber_loss(out, standardised(), reduction="sum", delta=delta)


def run(count, loss):
    leaves = [HIDDEN.clone(), *(part.clone() for part in HEADS[count])]
    for leaf in leaves:
        leaf.requires_grad_(True)
    hidden, weight, bias = leaves
    total = loss(F.linear(hidden, weight, bias))
    total.backward()
    return {
        "loss": total.item(),
        **{name: leaf.grad.flatten().tolist() for name, leaf in zip(("hidden", "weight", "bias"), leaves)},
    }


def main():
    document = {
        "hidden": HIDDEN.flatten().tolist(),
        "heads": {
            str(count): {"weight": weight.flatten().tolist(), "bias": bias.tolist()}
            for count, (weight, bias) in HEADS.items()
        },
        "targets": TARGETS,
        "labels": LABELS,
        "label_set": LABEL_SET.flatten().tolist(),
        "values": NUMBERS.flatten().tolist(),
        "scales": SCALES,
        "cases": [
            {"scored": scored, "config": chosen, "outputs": count, **run(count, loss)}
            for scored, chosen, count, loss in cases()
        ],
    }
    FILE.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
