"""Reference values for the convolutional trunks: networks of PyTorch's nn.Conv1d.

    python scripts/reference/convolutional.py        (torch 2.11.0, safetensors)

writes crates/models/tests/reference/convolutional-*.safetensors. The files are committed; this script is run again only to add a case.
Parameters are drawn in float32; the arithmetic is done in float64 and rounded to float32 once. In every file

    parameter.NAME   a parameter by the name it has here: encoder.weight, tcn.network.0.conv1.weight_v, ..., decoder.bias
    input.*          inputs, targets, rows' lengths
    output.hidden    what the head is given, output.logits what it gives, output.loss the SUM of the losses
    gradient.NAME    the gradient of output.loss with respect to parameter.NAME; none where it is frozen

and the metadata keys `config` and `context_length` hold the `[model]` section as JSON and the length of rows.
"""

import json
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import weight_norm

FOLDER = Path(__file__).resolve().parents[2] / "crates/models/tests/reference"
VOCABULARY = 23


def convolution(inputs, outputs, kernel, dilation=1, normalised=False):
    layer = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
    return weight_norm(layer) if normalised else layer


def causal(layer, x):  # [batch, inputs, time]
    return layer(F.pad(x, ((layer.kernel_size[0] - 1) * layer.dilation[0], 0)))


class Sentence(nn.Module):
    """Kim, 2014, with two channels: each filter is applied to both tables and its answers are added, with one bias."""

    def __init__(self, width, filters, kernels, outputs):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, width)
        self.static = nn.Embedding(VOCABULARY, width)
        self.static.weight.requires_grad_(False)
        self.convolutions = nn.ModuleList(convolution(width, filters, kernel) for kernel in kernels)
        self.decoder = nn.Linear(filters * len(kernels), outputs)

    def row(self, ids):  # a sentence cut to its length
        features = []
        for layer in self.convolutions:
            pad = layer.kernel_size[0] - 1
            one, two = (F.pad(table(ids).T, (pad, pad)) for table in (self.encoder, self.static))
            answers = layer(one[None]) + F.conv1d(two[None], layer.weight)
            features.append(F.relu(answers).amax(dim=2)[0])
        return torch.cat(features)

    def forward(self, inputs, lengths):
        hidden = torch.stack([self.row(ids[:length]) for ids, length in zip(inputs, lengths.tolist())])
        return hidden, self.decoder(hidden)


class Character(nn.Module):
    """Zhang, Zhao and LeCun, 2015."""

    def __init__(self, context_length, filters, kernels, pools, hidden, outputs):
        super().__init__()
        self.context_length, self.pools = context_length, pools
        widths = [VOCABULARY] + [filters] * len(kernels)
        self.convolutions = nn.ModuleList(
            convolution(inputs, filters, kernel) for inputs, kernel in zip(widths, kernels)
        )
        places = context_length
        for kernel, pool in zip(kernels, pools):
            places = (places - kernel + 1) // pool
        self.connected = nn.ModuleList([nn.Linear(filters * places, hidden), nn.Linear(hidden, hidden)])
        self.decoder = nn.Linear(hidden, outputs)

    def forward(self, inputs, lengths):
        x = F.one_hot(inputs, VOCABULARY).double()
        x = x * (torch.arange(inputs.shape[1])[None] < lengths[:, None]).unsqueeze(2)
        x = F.pad(x.transpose(1, 2), (0, self.context_length - inputs.shape[1]))
        for layer, pool in zip(self.convolutions, self.pools):
            x = F.max_pool1d(F.relu(layer(x)), pool)
        x = x.flatten(1)
        for layer in self.connected:
            x = F.relu(layer(x))
        return x, self.decoder(x)


class Gated(nn.Module):
    """Dauphin et al., 2017."""

    def __init__(self, layers, width, kernel_width, weight_norm, bottleneck=None, embedding_width=None):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, embedding_width or width)
        if embedding_width:
            self.input = nn.Linear(embedding_width, width, bias=False)
        narrow = bottleneck or width
        shapes = [(width, narrow, 1), (narrow, narrow, kernel_width), (narrow, width, 1)]
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                convolution(inputs, 2 * outputs, kernel, normalised=weight_norm)
                for inputs, outputs, kernel in (shapes if bottleneck else shapes[1:2])
            )
            for _ in range(layers)
        )
        self.decoder = nn.Linear(width, VOCABULARY)

    def forward(self, inputs):
        x = self.encoder(inputs)
        x = (self.input(x) if hasattr(self, "input") else x).transpose(1, 2)
        for block in self.blocks:
            branch = x
            for layer in block:
                content, gate = causal(layer, branch).chunk(2, dim=1)
                branch = content * torch.sigmoid(gate)
            x = x + branch
        hidden = x.transpose(1, 2)
        return hidden, self.decoder(hidden)


class TemporalBlock(nn.Module):
    def __init__(self, inputs, width, kernel, dilation, normalised):
        super().__init__()
        self.conv1 = convolution(inputs, width, kernel, dilation, normalised)
        self.conv2 = convolution(width, width, kernel, dilation, normalised)
        self.downsample = nn.Conv1d(inputs, width, 1) if inputs != width else nn.Identity()

    def forward(self, x):
        branch = F.relu(causal(self.conv2, F.relu(causal(self.conv1, x))))
        return F.relu(branch + self.downsample(x))


class Dilated(nn.Module):
    """Bai, Kolter and Koltun, 2018."""

    def __init__(self, layers, width, kernel_width, weight_norm, embedding_width=None):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, embedding_width or width)
        self.tcn = nn.Module()
        self.tcn.network = nn.Sequential(
            *(
                TemporalBlock((embedding_width or width) if i == 0 else width, width, kernel_width, 2**i, weight_norm)
                for i in range(layers)
            )
        )
        self.decoder = nn.Linear(width, VOCABULARY)

    def forward(self, inputs):
        hidden = self.tcn.network(self.encoder(inputs).transpose(1, 2)).transpose(1, 2)
        return hidden, self.decoder(hidden)


def draw(model, generator):
    """Parameters large enough that no nonlinearity is nearly linear: float32 draws, held as float64."""
    model.double()
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        values *= 0.1 if parameter.dim() == 1 else 0.3
        if name.endswith("weight_g"):
            values += 1.0
        parameter.data = values.double()


def write(name, config, context_length, model, inputs, outputs):
    model.zero_grad()
    outputs["loss"].backward()
    tensors = {f"input.{key}": value for key, value in inputs.items()}
    tensors |= {f"output.{key}": value for key, value in outputs.items()}
    for key, parameter in model.named_parameters():
        tensors[f"parameter.{key}"] = parameter
        if parameter.requires_grad:
            tensors[f"gradient.{key}"] = parameter.grad
    for key, value in tensors.items():
        value = value.detach()
        tensors[key] = (value.float() if value.is_floating_point() else value).contiguous().clone()
    path = FOLDER / f"convolutional-{name}.safetensors"
    save_file(tensors, path, metadata={"config": json.dumps(config), "context_length": str(context_length)})
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes, loss {outputs['loss'].item():.6f}")


def texts(name, seed, model, config, lengths, time, context_length):
    generator = torch.Generator().manual_seed(seed)
    draw(model, generator)
    inputs = {
        "inputs": torch.randint(0, VOCABULARY, (len(lengths), time), generator=generator),
        "lengths": torch.tensor(lengths),
        "labels": torch.randint(0, 3, (len(lengths),), generator=generator),
    }
    hidden, logits = model(inputs["inputs"], inputs["lengths"])
    loss = F.cross_entropy(logits, inputs["labels"], reduction="sum")
    write(name, config, context_length, model, inputs, {"hidden": hidden, "logits": logits, "loss": loss})


def language(name, seed, style, build, **config):
    generator = torch.Generator().manual_seed(seed)
    model = build(**config)
    draw(model, generator)
    ids = torch.randint(0, VOCABULARY, (2, 3, 13), generator=generator)
    inputs = {"inputs": ids[0], "targets": ids[1]}
    hidden, logits = model(inputs["inputs"])
    loss = F.cross_entropy(logits.flatten(0, 1), inputs["targets"].flatten(), reduction="sum")
    write(name, {"style": style} | config, 13, model, inputs, {"hidden": hidden, "logits": logits, "loss": loss})


if __name__ == "__main__":
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=FutureWarning)  # weight_norm's old form, whose names most files have
    texts(
        "multichannel", 21, Sentence(6, 5, [2, 3], 3),
        {"kernel_widths": [2, 3], "filters": 5, "embedding_width": 6, "embeddings": "multichannel"},
        [7, 1, 3], 7, 7,
    )
    kernels, pools = [4, 3, 2], [3, 1, 2]
    texts(
        "character", 22, Character(30, 6, kernels, pools, 9, 3),
        {"style": "zhang", "filters": 6, "kernel_widths": kernels, "pools": pools, "hidden_width": 9},
        [26, 11, 1], 26, 30,
    )
    language("gated", 23, "gated", Gated, layers=2, width=8, kernel_width=3, weight_norm=True, embedding_width=5)
    language("gated-bottleneck", 24, "gated", Gated, layers=2, width=8, kernel_width=4, weight_norm=False, bottleneck=5)
    language("dilated", 25, "dilated", Dilated, layers=3, width=8, kernel_width=3, weight_norm=True, embedding_width=5)
    language("dilated-plain", 26, "dilated", Dilated, layers=2, width=8, kernel_width=2, weight_norm=False)
