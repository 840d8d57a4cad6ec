"""Reference values for the recurrent trunk: PyTorch's nn.RNN, nn.GRU and nn.LSTM, with projections and in both directions.

    python scripts/reference/recurrent.py        (torch 2.11.0, safetensors)

writes crates/models/tests/reference/recurrent-*.safetensors. The files are committed; this script is run again only to add a case.
Parameters are drawn in float32; the arithmetic is done in float64 and rounded to float32 once. In every file

    parameter.NAME   a parameter by PyTorch's name: encoder.weight, rnn.weight_ih_l0, ..., decoder.bias
    input.*          inputs, targets, and the initial state or the rows' lengths
    output.hidden    what the head is given, output.logits what it gives, output.loss the SUM of the losses
    output.carry.*   the state after the last step, [layers, batch, width]
    gradient.NAME    the gradient of output.loss with respect to parameter.NAME

and the metadata key `config` holds the `[model]` section as JSON.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FOLDER = Path(__file__).resolve().parents[2] / "crates/models/tests/reference"
VOCABULARY, INPUTS, WIDTH, LAYERS = 23, 10, 12, 2
MODULES = {
    "elman-tanh": lambda **sizes: nn.RNN(nonlinearity="tanh", **sizes),
    "elman-relu": lambda **sizes: nn.RNN(nonlinearity="relu", **sizes),
    "gru": nn.GRU,
    "lstm": nn.LSTM,
}


class Language(nn.Module):
    """Predicts the next token from a state that it is handed."""

    def __init__(self, cell, projection):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, INPUTS)
        more = {"proj_size": projection} if projection else {}
        self.rnn = MODULES[cell](
            input_size=INPUTS, hidden_size=WIDTH, num_layers=LAYERS, batch_first=True, **more
        )
        self.decoder = nn.Linear(projection or WIDTH, VOCABULARY)

    def forward(self, inputs, carry):
        hidden, carry = self.rnn(self.encoder(inputs), carry)
        return hidden, self.decoder(hidden), carry


class Text(nn.Module):
    """Measures whole texts: the mean of both directions over each row's own places."""

    def __init__(self, cell, projection):
        super().__init__()
        self.encoder = nn.Embedding(VOCABULARY, INPUTS)
        more = {"proj_size": projection} if projection else {}
        self.rnn = MODULES[cell](
            input_size=INPUTS, hidden_size=WIDTH, num_layers=LAYERS, batch_first=True, bidirectional=True, **more
        )
        self.decoder = nn.Linear(2 * (projection or WIDTH), 3)

    def forward(self, inputs, lengths):
        packed = pack_padded_sequence(self.encoder(inputs), lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True)  # zero in the padding
        hidden = states.sum(dim=1) / lengths.unsqueeze(1)
        return hidden, self.decoder(hidden)


def draw(model, generator):
    """Parameters large enough that no nonlinearity is nearly linear: float32 draws, held as float64."""
    model.double()
    for parameter in model.parameters():
        values = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        parameter.data = (values * (0.1 if parameter.dim() == 1 else 0.3)).double()


def write(name, config, model, inputs, outputs):
    model.zero_grad()
    outputs["loss"].backward()
    tensors = {f"input.{key}": value for key, value in inputs.items()}
    tensors |= {f"output.{key}": value for key, value in outputs.items()}
    for key, parameter in model.named_parameters():
        tensors[f"parameter.{key}"] = parameter
        tensors[f"gradient.{key}"] = parameter.grad
    for key, value in tensors.items():
        value = value.detach()
        tensors[key] = (value.float() if value.is_floating_point() else value).contiguous().clone()
    path = FOLDER / f"recurrent-{name}.safetensors"
    save_file(tensors, path, metadata={"config": json.dumps(config)})
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes, loss {outputs['loss'].item():.6f}")


def section(cell, projection, **more):
    config = {"cell": cell, "layers": LAYERS, "width": WIDTH, "embedding_width": INPUTS} | more
    return config | ({"projection": projection} if projection else {})


def language(name, seed, cell, projection=None):
    generator = torch.Generator().manual_seed(seed)
    model = Language(cell, projection)
    draw(model, generator)
    ids = torch.randint(0, VOCABULARY, (2, 3, 7), generator=generator)
    inputs = {"inputs": ids[0], "targets": ids[1]}
    parts = [("hidden", projection or WIDTH)] + ([("cell", WIDTH)] if cell == "lstm" else [])
    for part, width in parts:
        inputs[f"carry.{part}"] = torch.randn((LAYERS, 3, width), generator=generator, dtype=torch.float32) * 0.5
    carry = tuple(inputs[f"carry.{part}"].double() for part, _ in parts)
    hidden, logits, last = model(inputs["inputs"], carry if len(carry) > 1 else carry[0])
    loss = F.cross_entropy(logits.flatten(0, 1), inputs["targets"].flatten(), reduction="sum")
    outputs = {"hidden": hidden, "logits": logits, "loss": loss}
    last = last if isinstance(last, tuple) else (last,)
    outputs |= {f"carry.{part}": value for (part, _), value in zip(parts, last)}
    write(name, section(cell, projection), model, inputs, outputs)


def text(name, seed, cell, projection=None):
    generator = torch.Generator().manual_seed(seed)
    model = Text(cell, projection)
    draw(model, generator)
    lengths = torch.tensor([4, 7, 1])
    inputs = {
        "inputs": torch.randint(0, VOCABULARY, (3, 7), generator=generator),
        "lengths": lengths,
        "values": torch.randn((3, 3), generator=generator, dtype=torch.float32),
    }
    hidden, logits = model(inputs["inputs"], lengths)
    loss = F.mse_loss(logits, inputs["values"].double(), reduction="sum")
    outputs = {"hidden": hidden, "logits": logits, "loss": loss}
    write(name, section(cell, projection, bidirectional=True, pooling="mean"), model, inputs, outputs)


if __name__ == "__main__":
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    torch.set_num_threads(1)
    for seed, cell in enumerate(MODULES, 11):
        language(cell, seed, cell)
    language("lstm-projection", 15, "lstm", projection=7)
    text("elman-both-ways", 16, "elman-tanh")
    text("gru-both-ways", 17, "gru")
    text("lstm-both-ways", 18, "lstm")
    text("lstm-projection-both-ways", 19, "lstm", projection=7)
