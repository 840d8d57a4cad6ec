"""Reference values for the model room: forward passes and gradients of PyTorch's own modules.

    python scripts/reference/spines.py        (torch 2.11.0, safetensors)

writes crates/models/tests/reference/*.safetensors. The files are committed; this script is run again only to add a case.

Parameters are drawn in float32. The arithmetic is done in float64 and its results are rounded to float32 once, so that what
a test measures against them is the error of the code under test alone. In every file

    parameter.NAME   a parameter of the model
    input.*          inputs, targets and initial state
    output.hidden    what the head is given, output.logits what it gives, output.loss the SUM of the losses
    gradient.NAME    the gradient of output.loss with respect to parameter.NAME

and the metadata key `config` holds the sizes as JSON.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

FOLDER = Path(__file__).resolve().parents[2] / "crates/models/tests/reference"
IGNORED = -100  # the target that PyTorch's cross-entropy leaves out


class Attention(nn.Module):
    def __init__(self, width, heads, bias):
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)

    def forward(self, x):  # [batch, time, width]
        batch, time, width = x.shape
        query, key, value = (
            part.view(batch, time, self.heads, width // self.heads).transpose(1, 2)
            for part in self.query_key_value(x).split(width, dim=2)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(mixed.transpose(1, 2).reshape(batch, time, width))


class FeedForward(nn.Module):
    def __init__(self, width, bias):
        super().__init__()
        self.up = nn.Linear(width, 4 * width, bias=bias)
        self.down = nn.Linear(4 * width, width, bias=bias)

    def forward(self, x):
        return self.down(F.gelu(self.up(x)))


class Block(nn.Module):
    def __init__(self, width, heads, bias):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, bias=bias)
        self.attention = Attention(width, heads, bias)
        self.feed_forward_norm = nn.LayerNorm(width, bias=bias)
        self.feed_forward = FeedForward(width, bias)

    def forward(self, x):
        x = x + self.attention(self.attention_norm(x))
        return x + self.feed_forward(self.feed_forward_norm(x))


class Transformer(nn.Module):
    """GPT-2's: LayerNorm before each part, exact GELU, learned positions, the head's weight is the embedding's."""

    def __init__(self, vocabulary_size, context_length, layers, heads, width, bias):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.position = nn.Embedding(context_length, width)
        self.blocks = nn.ModuleList(Block(width, heads, bias) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=bias)

    def forward(self, inputs):
        x = self.embedding(inputs) + self.position(torch.arange(inputs.shape[1]))
        for block in self.blocks:
            x = block(x)
        hidden = self.norm(x)
        return hidden, hidden @ self.embedding.weight.T


class Lstm(nn.Module):
    """A stack of LSTM layers with the state handed in and out; the head has its own weight and a bias."""

    def __init__(self, vocabulary_size, layers, width):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.stack = nn.LSTM(width, width, num_layers=layers, batch_first=True)
        self.head = nn.Linear(width, vocabulary_size)

    def forward(self, inputs, carry):
        hidden, carry = self.stack(self.embedding(inputs), carry)
        return hidden, self.head(hidden), carry


class SentenceCnn(nn.Module):
    """Kim's (2014) without dropout; convolutions are wide, so that a sentence shorter than a filter has outputs too."""

    def __init__(self, vocabulary_size, width, filters, kernel_sizes, outputs):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, filters, size, padding=size - 1) for size in kernel_sizes
        )
        self.head = nn.Linear(len(kernel_sizes) * filters, outputs)

    def forward(self, inputs, lengths):
        # One sentence at a time, cut to its length: what stands in the padding cannot matter.
        rows = [
            self.sentence(ids[:length]) for ids, length in zip(inputs, lengths.tolist())
        ]
        hidden = torch.stack(rows)
        return hidden, self.head(hidden)

    def sentence(self, ids):
        x = self.embedding(ids).T.unsqueeze(0)  # [1, width, length]
        return torch.cat([F.relu(c(x)).amax(dim=2)[0] for c in self.convolutions])


def draw(model, generator):
    """Parameters large enough that no nonlinearity is nearly linear: float32 draws, held as float64."""
    model.double()
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        values *= 0.1 if parameter.dim() == 1 else 0.3
        if "norm" in name and name.endswith("weight"):
            values += 1.0
        parameter.data = values.double()


def project_names(name):
    """The project's name of one of PyTorch's parameters; only nn.LSTM's own names differ."""
    for kind, ours in (("weight_ih_l", "input.weight"), ("weight_hh_l", "hidden.weight"),
                       ("bias_ih_l", "input.bias"), ("bias_hh_l", "hidden.bias")):
        if name.startswith("stack." + kind):
            return f"layers.{name.removeprefix('stack.' + kind)}.{ours}"
    return name


def write(name, config, model, inputs, outputs):
    model.zero_grad()
    outputs["loss"].backward()
    tensors = {f"input.{key}": value for key, value in inputs.items()}
    tensors |= {f"output.{key}": value for key, value in outputs.items()}
    for key, parameter in model.named_parameters():
        tensors[f"parameter.{project_names(key)}"] = parameter
        tensors[f"gradient.{project_names(key)}"] = parameter.grad
    for key, value in tensors.items():
        value = value.detach()
        tensors[key] = (value.float() if value.is_floating_point() else value).contiguous().clone()
    path = FOLDER / f"{name}.safetensors"
    save_file(tensors, path, metadata={"config": json.dumps(config)})
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes, loss {outputs['loss'].item():.6f}")


def ids(generator, high, *shape):
    return torch.randint(0, high, shape, generator=generator)


def transformer(name, seed, bias):
    generator = torch.Generator().manual_seed(seed)
    sizes = dict(vocabulary_size=37, context_length=16, layers=2, heads=3, width=24, bias=bias)
    model = Transformer(**sizes)
    draw(model, generator)
    inputs = {"inputs": ids(generator, 37, 3, 13), "targets": ids(generator, 37, 3, 13)}
    inputs["targets"][0, 9:] = IGNORED
    inputs["targets"][2, 4] = IGNORED
    hidden, logits = model(inputs["inputs"])
    loss = F.cross_entropy(logits.flatten(0, 1), inputs["targets"].flatten(), reduction="sum")
    config = {"kind": "transformer", "style": "gpt2", "tied_head": True} | sizes
    write(name, config, model, inputs, {"hidden": hidden, "logits": logits, "loss": loss})


def lstm(name, seed):
    generator = torch.Generator().manual_seed(seed)
    sizes = dict(vocabulary_size=37, layers=2, width=24)
    model = Lstm(**sizes)
    draw(model, generator)
    inputs = {"inputs": ids(generator, 37, 3, 11), "targets": ids(generator, 37, 3, 11)}
    inputs["targets"][1, :2] = IGNORED
    for part in ("carry.hidden", "carry.cell"):  # [layers, batch, width]
        inputs[part] = torch.randn((2, 3, 24), generator=generator, dtype=torch.float32) * 0.5
    carry = (inputs["carry.hidden"].double(), inputs["carry.cell"].double())
    hidden, logits, (last_hidden, last_cell) = model(inputs["inputs"], carry)
    loss = F.cross_entropy(logits.flatten(0, 1), inputs["targets"].flatten(), reduction="sum")
    outputs = {"hidden": hidden, "logits": logits, "loss": loss}
    outputs |= {"carry.hidden": last_hidden, "carry.cell": last_cell}
    write(name, {"kind": "rnn", "cell": "lstm", "tied_head": False} | sizes, model, inputs, outputs)


def cnn(name, seed, regression):
    generator = torch.Generator().manual_seed(seed)
    sizes = dict(vocabulary_size=41, width=12, filters=7, kernel_sizes=[3, 4, 5], outputs=2 if regression else 3)
    model = SentenceCnn(**sizes)
    draw(model, generator)
    lengths = torch.tensor([9, 2, 1, 12])  # two of them shorter than every filter
    inputs = {"inputs": ids(generator, 41, 4, 12), "lengths": lengths}
    hidden, logits = model(inputs["inputs"], lengths)
    if regression:
        inputs["values"] = torch.randn((4, 2), generator=generator, dtype=torch.float32) * 2.0
        loss = F.mse_loss(logits, inputs["values"].double(), reduction="sum")
    else:
        inputs["labels"] = torch.tensor([2, 0, 1, 0])
        loss = F.cross_entropy(logits, inputs["labels"], reduction="sum")
    write(name, {"kind": "cnn"} | sizes, model, inputs, {"hidden": hidden, "logits": logits, "loss": loss})


if __name__ == "__main__":
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    transformer("transformer", seed=1, bias=True)
    transformer("transformer-no-bias", seed=2, bias=False)
    lstm("lstm", seed=3)
    cnn("cnn-classifier", seed=4, regression=False)
    cnn("cnn-regressor", seed=5, regression=True)
