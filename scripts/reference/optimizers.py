"""Reference values for the optimizers, in float64 over gradients that are given: torch.optim where it has the rule, else the formula
of the paper, written out here.

    python scripts/reference/optimizers.py        (torch 2.11.0)

writes crates/optim/tests/reference/optimizers.json. The file is committed; this script is run again only to add a case.

Three tensors: `matrix` and `table` with weight decay, `vector` without. Every step has its own gradients, spread over ten orders of
magnitude (with elements that are always zero, where epsilon decides), and its own learning rate, so that an optimizer which
mixes the rate into its moments is found out. Each case has the values after each tenth step, as the shortest decimals that read
back as the same float64.

torch.optim.Muon makes its matrices orthogonal in bf16, so Muon's iteration is written out here in float64; its momentum, decay and
lengths are those of torch.optim.Muon. Lion and schedule-free AdamW are not in torch.
"""

import json
from pathlib import Path

import torch

FILE = Path(__file__).resolve().parents[2] / "crates/optim/tests/reference/optimizers.json"
STEPS = 50
EVERY = 10
SHAPES = {"matrix": (6, 4), "table": (3, 5), "vector": (5,)}
LEARNING_RATES = [0.01 * min(step + 1, 5) / 5 * (1.0 - 0.015 * step) for step in range(STEPS)]

CASES = [
    {"kind": "adamw", "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.1},
    {"kind": "adamw", "betas": [0.9, 0.95], "epsilon": 1e-5, "weight_decay": 0.0},
    {"kind": "adam", "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.1},
    {"kind": "sgd", "momentum": 0.0, "nesterov": False, "weight_decay": 0.1},
    {"kind": "sgd", "momentum": 0.9, "nesterov": False, "weight_decay": 0.1},
    {"kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    {"kind": "rms-prop", "smoothing": 0.99, "epsilon": 1e-8, "momentum": 0.0, "centered": False, "weight_decay": 0.1},
    {"kind": "rms-prop", "smoothing": 0.9, "epsilon": 1e-6, "momentum": 0.9, "centered": True, "weight_decay": 0.0},
    {"kind": "adagrad", "epsilon": 1e-10, "weight_decay": 0.1},
    {"kind": "adafactor", "decay_exponent": -0.8, "least_size": 1e-3, "clip": 1.0, "weight_decay": 0.1},
    {"kind": "lion", "betas": [0.9, 0.99], "weight_decay": 0.1},
    {"kind": "schedule-free-adamw", "betas": [0.9, 0.999], "epsilon": 1e-8, "weight_decay": 0.1},
    {"kind": "schedule-free-adamw", "betas": [0.95, 0.99], "epsilon": 1e-8, "weight_decay": 0.0},
    {"kind": "muon", "momentum": 0.95, "nesterov": True, "polynomial": "jordan", "iterations": 5, "scale": "shape", "weight_decay": 0.1},
    {"kind": "muon", "momentum": 0.9, "nesterov": False, "polynomial": "polar-express", "iterations": 4, "scale": "adamw", "weight_decay": 0.0},
]

# Jordan (2024), and Amsel et al. (2025) with their factor of safety on all polynomials but the last.
JORDAN = (3.4445, -4.7750, 2.0315)
POLAR_EXPRESS = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
]
SAFETY = 1.01


class Lion(torch.optim.Optimizer):
    """Chen et al. (2023), algorithm 2."""

    def __init__(self, groups, betas):
        super().__init__(groups, {"betas": betas})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for weight in group["params"]:
                average = self.state[weight].setdefault("average", torch.zeros_like(weight))
                direction = torch.sign(beta1 * average + (1 - beta1) * weight.grad)
                weight -= group["lr"] * (direction + group["weight_decay"] * weight)
                average.mul_(beta2).add_((1 - beta2) * weight.grad)


class ScheduleFreeAdamw(torch.optim.Optimizer):
    """Defazio et al. (2024), algorithm 1, with x, y and z kept apart as they stand there: y is where gradients are taken, z what is
    stepped, x the average. Steps weigh as the square of the highest rate so far; the decay is at y."""

    def __init__(self, groups, betas, epsilon):
        super().__init__(groups, {"betas": betas, "epsilon": epsilon})
        self.steps, self.weights, self.highest = 0, 0.0, 0.0

    @torch.no_grad()
    def step(self):
        self.steps += 1
        rate = self.param_groups[0]["lr"]
        self.highest = max(self.highest, rate)
        self.weights += self.highest**2
        share = self.highest**2 / self.weights
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for weight in group["params"]:
                state = self.state[weight]
                if not state:
                    state |= {"x": weight.clone(), "z": weight.clone(), "square": torch.zeros_like(weight)}
                y = (1 - beta1) * state["z"] + beta1 * state["x"]
                assert torch.allclose(y, weight, rtol=1e-12)
                state["square"].mul_(beta2).add_((1 - beta2) * weight.grad**2)
                unbiased = state["square"] / (1 - beta2**self.steps)
                direction = weight.grad / (unbiased.sqrt() + group["epsilon"]) + group["weight_decay"] * y
                state["z"] -= rate * direction
                state["x"] = (1 - share) * state["x"] + share * state["z"]
                weight.copy_((1 - beta1) * state["z"] + beta1 * state["x"])


class Muon(torch.optim.Optimizer):
    def __init__(self, groups, case):
        super().__init__(groups, {})
        self.case = case

    @torch.no_grad()
    def step(self):
        momentum = self.case["momentum"]
        for group in self.param_groups:
            for weight in group["params"]:
                buffer = self.state[weight].setdefault("momentum", torch.zeros_like(weight))
                buffer.lerp_(weight.grad, 1 - momentum)
                direction = weight.grad.lerp(buffer, momentum) if self.case["nesterov"] else buffer
                rows, columns = weight.shape
                length = max(1, rows / columns) ** 0.5 if self.case["scale"] == "shape" else 0.2 * max(rows, columns) ** 0.5
                weight.mul_(1 - group["lr"] * group["weight_decay"])
                weight -= group["lr"] * length * self.orthogonal(direction)

    def orthogonal(self, matrix):
        jordan = self.case["polynomial"] == "jordan"
        iterations = self.case["iterations"]
        x = matrix / (matrix.norm() * (1 if jordan else SAFETY) + 1e-7)
        if x.shape[0] > x.shape[1]:
            return self.iterate(x.T, jordan, iterations).T
        return self.iterate(x, jordan, iterations)

    @staticmethod
    def iterate(x, jordan, iterations):
        for iteration in range(iterations):
            a, b, c = JORDAN if jordan else POLAR_EXPRESS[iteration]
            if not jordan and iteration + 1 < iterations:
                a, b, c = a / SAFETY, b / SAFETY**3, c / SAFETY**5
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x


def build(case, groups):
    match case["kind"]:
        case "adamw":
            return [torch.optim.AdamW(groups, betas=case["betas"], eps=case["epsilon"])]
        case "adam":
            return [torch.optim.Adam(groups, betas=case["betas"], eps=case["epsilon"])]
        case "sgd":
            return [torch.optim.SGD(groups, momentum=case["momentum"], nesterov=case["nesterov"])]
        case "rms-prop":
            return [torch.optim.RMSprop(groups, alpha=case["smoothing"], eps=case["epsilon"], momentum=case["momentum"], centered=case["centered"])]
        case "adagrad":
            return [torch.optim.Adagrad(groups, eps=case["epsilon"])]
        case "adafactor":
            return [torch.optim.Adafactor(groups, beta2_decay=case["decay_exponent"], eps=(None, case["least_size"]), d=case["clip"])]
        case "lion":
            return [Lion(groups, case["betas"])]
        case "schedule-free-adamw":
            return [ScheduleFreeAdamw(groups, case["betas"], case["epsilon"])]
        case "muon":
            return [Muon(groups[:1], case), torch.optim.AdamW(groups[1:], betas=[0.9, 0.999], eps=1e-10)]


def run(case, initial, gradients):
    """The values of all tensors after each tenth step, and of schedule-free AdamW's averages at the end."""
    tensors = {name: value.clone().requires_grad_() for name, value in initial.items()}
    # AdamW beside Muon has no decay here.
    table = 0.0 if case["kind"] == "muon" else case["weight_decay"]
    optimizers = build(case, [
        {"params": [tensors["matrix"]], "weight_decay": case["weight_decay"]},
        {"params": [tensors["table"]], "weight_decay": table},
        {"params": [tensors["vector"]], "weight_decay": 0.0},
    ])
    after = []
    for number, (learning_rate, step) in enumerate(zip(LEARNING_RATES, gradients)):
        for name, tensor in tensors.items():
            tensor.grad = step[name].clone()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
        if (number + 1) % EVERY == 0:
            after.append(listed(tensors))
    result = {"values": after}
    if case["kind"] == "schedule-free-adamw":
        result["average"] = listed({name: optimizers[0].state[tensor]["x"] for name, tensor in tensors.items()})
    return result


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
        "command": "python scripts/reference/optimizers.py",
        "every": EVERY,
        "initial": listed(initial),
        "learning_rates": LEARNING_RATES,
        "gradients": [listed(step) for step in gradients],
        "cases": [{"config": case | {"learning_rate": 1.0}, **run(case, initial, gradients)} for case in CASES],
    }
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(json.dumps(document) + "\n")
    print(f"{FILE.name}: {len(CASES)} cases of {STEPS} steps, {FILE.stat().st_size} bytes")
