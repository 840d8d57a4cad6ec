"""Reference values for the model room: forward passes and gradients of Hugging Face's own model classes.

    python scripts/reference/huggingface.py [NAME ...]        (torch 2.11.0, transformers 5.24.0, safetensors)

writes crates/models/tests/reference/NAME.safetensors. The files are committed; this script is run again only to add a case.

Parameters are drawn in float32. The arithmetic is done in float64 and its results are rounded to float32 once. The classes
themselves ask for float32 in places, whatever the model's precision: in RMSNorm, in the rotary tables, in the softmax of
the scores and in the router. `double_precision` makes each of these requests one for float64, and `OnlyDouble` fails on any
operation that still gives another floating-point type. The same class as it is, in float32, has to agree (`agree`).

In every file

    parameter.NAME   a parameter, under its name in the class's state_dict; a tied one once, under the embedding's name
    gradient.NAME    the gradient of output.loss with respect to it
    input.*          inputs; targets stand where they are scored (already shifted) and -100 is left out
    output.hidden    what the head is given, output.logits what it gives, output.loss the SUM of the cross-entropies

and the metadata holds JSON: `config` (sizes under the project's names), `huggingface` (the class's config.json), `tied`
(names left out of the file and the names that stand for them) and, for mixtral, `names` (see `mixtral`).

`input.lengths` and `input.source_lengths` are given where rows are padded; ids in the padding are random, so that a model
that looks at them is found out. What the classes compute AT padded places is not to be compared: it is written as zeros in
output.hidden, output.logits and output.memory. Particular files:

    llama-linear, llama-yarn   no targets, loss or gradients: only rotary tables differ from llama
    bert                       output.hidden is the encoder's output, which the head transforms before it scores the words
    bert-pooled                output.hidden is the pooled first place after tanh; input.labels are classes
    t5, t5-gated               output.memory is the encoder's output, output.hidden the decoder's after its final norm; t5's
                               logits are hidden * width**-0.5 times the embedding, t5-gated's are hidden times lm_head
    original                   torch.nn.Transformer's layers in the arrangement of "Attention is all you need" (2017)
"""

import contextlib
import json
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import save_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from transformers.models.mixtral.modeling_mixtral import load_balancing_loss_func

FOLDER = Path(__file__).resolve().parents[2] / "crates/models/tests/reference"
IGNORED = -100  # the target that PyTorch's cross-entropy leaves out


@contextlib.contextmanager
def double_precision():
    """Inside, every request for float32 is one for float64."""
    single = torch.float32, torch.float, torch.Tensor.float, torch.get_default_dtype()
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = single[:3]
        torch.set_default_dtype(single[3])


class OnlyDouble(TorchDispatchMode):
    """Fails on an operation that gives a floating-point tensor other than float64."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
                assert tensor.dtype == torch.float64, (function, tensor.dtype)
        return result


def draw(model, generator):
    """Parameters large enough that no nonlinearity is nearly linear: float32 draws, held as float64."""
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        values *= 0.1 if parameter.dim() == 1 else 0.3
        if parameter.dim() == 1 and name.endswith("weight"):  # a norm's gain
            values += 1.0
        parameter.data = values.double()


class Run:
    """One model in float64: `captured` is what the module at the path `head` was given."""

    def __init__(self, build, generator, head, agreeing=True):
        with double_precision():
            self.model = build().eval()
        assert all(b.dtype == torch.float64 for b in self.model.buffers() if b.is_floating_point())  # rotary frequencies
        draw(self.model, generator)
        self.build, self.head, self.agreeing = build, head, agreeing

    def __call__(self, **inputs):
        with double_precision(), OnlyDouble():
            result, hidden = self.forward(self.model, inputs)
        if self.agreeing:
            self.agree(inputs, result.logits, hidden)
        return result, hidden

    def forward(self, model, inputs):
        given = []
        hook = model.get_submodule(self.head).register_forward_pre_hook(lambda _, args: given.append(args[0]))
        result = model(**inputs)
        hook.remove()
        return result, given[0]

    def agree(self, inputs, logits, hidden):
        """The class as it is, in float32, gives the same."""
        model = self.build().eval()
        assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
        for (name, single), (same, double) in zip(model.named_parameters(), self.model.named_parameters()):
            assert name == same
            single.data = double.data.float()
        with torch.no_grad():
            result, single = self.forward(model, inputs)
        for exact, rounded in ((logits, result.logits), (hidden, single)):
            error = (exact - rounded).abs().max().item() / exact.abs().max().item()
            assert error < 1e-5, error


def cross_entropy(logits, targets):
    return F.cross_entropy(logits.flatten(0, -2), targets.flatten(), reduction="sum")


def ids(generator, high, *shape, low=0):
    return torch.randint(low, high, shape, generator=generator)


def lengths_mask(lengths, time):
    return (torch.arange(time)[None] < lengths[:, None]).long()


def write(name, model, inputs, outputs, config, metadata):
    tensors = {f"input.{key}": value for key, value in inputs.items()}
    tensors |= {f"output.{key}": value for key, value in outputs.items()}
    parameters = dict(model.named_parameters())
    if "loss" in outputs:
        model.zero_grad()
        with OnlyDouble():
            outputs["loss"].backward()
        tensors |= {f"gradient.{key}": parameter.grad for key, parameter in parameters.items()}
    tensors |= {f"parameter.{key}": parameter for key, parameter in parameters.items()}
    for key, value in tensors.items():
        value = value.detach()
        if value.is_floating_point():
            assert value.dtype == torch.float64 and value.isfinite().all(), key
            value = value.float()
        tensors[key] = value.contiguous().clone()
    everything = dict(model.named_parameters(remove_duplicate=False))
    first = {id(parameter): key for key, parameter in parameters.items()}
    tied = {key: first[id(parameter)] for key, parameter in everything.items() if key not in parameters}
    metadata = {"config": config, "tied": tied} | metadata
    path = FOLDER / f"{name}.safetensors"
    save_file(tensors, path, metadata={key: json.dumps(value) for key, value in metadata.items()})
    sort_metadata(path)
    loss = f"loss {outputs['loss'].item():.6f}" if "loss" in outputs else "no loss"
    print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes, {loss}")


def sort_metadata(path):
    """safetensors writes the metadata's keys in an order of chance: the same run is to give the same bytes."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    header = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[end:])


def of_class(kind, **sizes):
    """A function that builds the class, and the class's config.json."""
    settings = getattr(transformers, kind.replace("LMHeadModel", "").split("For")[0] + "Config")(**sizes)
    settings.architectures = [kind]
    described = json.loads(settings.to_json_string())

    def build():
        config = type(settings)(**sizes)
        config._attn_implementation = "eager"
        if hasattr(config, "num_local_experts"):
            config._experts_implementation = "eager"
        return getattr(transformers, kind)(config)

    return build, described


def causal_rows(generator, vocabulary_size, time):
    inputs = {"inputs": ids(generator, vocabulary_size, 3, time), "targets": ids(generator, vocabulary_size, 3, time)}
    inputs["targets"][0, 9:] = IGNORED
    inputs["targets"][2, 4] = IGNORED
    return inputs


# RMSNorm, rotary positions, gated SiLU.


def llama_family(name, seed, kind, style, layers=2, heads=4, key_value_heads=2, head_width=8, width=24,
                 feed_forward_width=40, tied=False, base=10000.0, epsilon=1e-5, context_length=16, rotary=None,
                 scored=True, more=None, **sizes):
    generator = torch.Generator().manual_seed(seed)
    build, described = of_class(
        kind, vocab_size=37, hidden_size=width, intermediate_size=feed_forward_width, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=key_value_heads, head_dim=head_width, tie_word_embeddings=tied,
        max_position_embeddings=context_length, rms_norm_eps=epsilon, pad_token_id=None, bos_token_id=None,
        eos_token_id=None, use_cache=False,
        rope_parameters={"rope_type": "default", "rope_theta": base} | (rotary or {}), **sizes,
    )
    run = Run(build, generator, "lm_head")
    inputs = causal_rows(generator, 37, 13)
    config = {
        "kind": "transformer", "style": style, "layers": layers, "heads": heads, "key_value_heads": key_value_heads,
        "head_width": head_width, "width": width, "feed_forward_width": feed_forward_width, "vocabulary_size": 37,
        "context_length": context_length, "tied_head": tied, "norm_epsilon": epsilon, "rotary_base": base,
    }
    if rotary:
        config["rotary_scaling"] = rotary
    config |= more or {}
    asked = {"output_router_logits": True} if "experts" in config else {}
    result, hidden = run(input_ids=inputs["inputs"], **asked)
    outputs = {"hidden": hidden, "logits": result.logits}
    metadata = {"huggingface": described}
    if scored:
        outputs["loss"] = cross_entropy(result.logits, inputs["targets"])
    else:
        del inputs["targets"]
    if asked:
        with double_precision():
            outputs["router_loss"] = load_balancing_loss_func(
                result.router_logits, config["experts"], config["experts_per_token"])
        for logits in result.router_logits:  # no choice of experts hangs on rounding
            ordered = logits.softmax(-1).sort(-1, descending=True).values
            assert (ordered[:, config["experts_per_token"] - 1] - ordered[:, config["experts_per_token"]]).min() > 1e-4
        metadata["names"] = classic_names(layers, config["experts"])
    write(name, run.model, inputs, outputs, config, metadata)


def llama():
    llama_family("llama", 11, "LlamaForCausalLM", "llama", head_width=6)


# Lengths of context at which every branch of the two formulas is taken by one of the four frequencies.


def llama_scaled():
    rotary = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 64}
    llama_family("llama-scaled", 12, "LlamaForCausalLM", "llama", width=32, tied=True, base=500.0, context_length=512,
                 rotary=rotary)


def llama_linear():
    llama_family("llama-linear", 13, "LlamaForCausalLM", "llama", layers=1, width=32, base=500.0, context_length=64,
                 rotary={"rope_type": "linear", "factor": 4.0}, scored=False)


def llama_yarn():
    rotary = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
    llama_family("llama-yarn", 14, "LlamaForCausalLM", "llama", layers=1, width=32, base=500.0, context_length=256,
                 rotary=rotary, scored=False)


def qwen3():
    llama_family("qwen3", 15, "Qwen3ForCausalLM", "qwen3", tied=True, base=1000000.0, epsilon=1e-6,
                 more={"query_key_norm": True})


def mistral():
    llama_family("mistral", 16, "MistralForCausalLM", "mistral", head_width=6, sliding_window=4, more={"window": 4})


def classic_names(layers, experts):
    """The names that Mixtral's published files have, and where the same values stand in the class's parameters."""
    names = {}
    for layer in range(layers):
        old, new = f"model.layers.{layer}.block_sparse_moe", f"model.layers.{layer}.mlp"
        names[f"{old}.gate.weight"] = f"{new}.gate.weight"
        for expert in range(experts):
            names[f"{old}.experts.{expert}.w1.weight"] = f"{new}.experts.gate_up_proj[{expert}, :feed_forward_width]"
            names[f"{old}.experts.{expert}.w3.weight"] = f"{new}.experts.gate_up_proj[{expert}, feed_forward_width:]"
            names[f"{old}.experts.{expert}.w2.weight"] = f"{new}.experts.down_proj[{expert}]"
    return names


def mixtral():
    """The class holds all of a layer's experts in two tensors; `names` in the metadata says how published files call them.

    output.router_loss is the balancing loss without its coefficient; it is no part of output.loss and its gradient.
    """
    llama_family("mixtral", 17, "MixtralForCausalLM", "mixtral", head_width=6, feed_forward_width=32, base=1000000.0,
                 num_local_experts=4, num_experts_per_tok=2, sliding_window=None,
                 more={"experts": 4, "experts_per_token": 2})


# LayerNorm and learned positions.


def gpt2():
    generator = torch.Generator().manual_seed(18)
    build, described = of_class(
        "GPT2LMHeadModel", vocab_size=37, n_positions=16, n_embd=24, n_layer=2, n_head=4, resid_pdrop=0.0,
        embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=None, eos_token_id=None, use_cache=False)
    run = Run(build, generator, "lm_head")
    inputs = causal_rows(generator, 37, 13)
    result, hidden = run(input_ids=inputs["inputs"])
    outputs = {"hidden": hidden, "logits": result.logits, "loss": cross_entropy(result.logits, inputs["targets"])}
    config = {
        "kind": "transformer", "style": "gpt2", "layers": 2, "heads": 4, "key_value_heads": 4, "head_width": 6,
        "width": 24, "feed_forward_width": 96, "vocabulary_size": 37, "context_length": 16, "tied_head": True,
        "norm_epsilon": 1e-5, "activation": "gelu_new",
    }
    write("gpt2", run.model, inputs, outputs, config, {"huggingface": described})


def bert_family(name, seed, kind, head, pooled, **sizes):
    generator = torch.Generator().manual_seed(seed)
    build, described = of_class(
        kind, vocab_size=41, hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, max_position_embeddings=16, type_vocab_size=2,
        pad_token_id=None, use_cache=False, **sizes)
    run = Run(build, generator, head)
    lengths = torch.tensor([11, 7, 9])
    mask = lengths_mask(lengths, 11)
    inputs = {"inputs": ids(generator, 41, 3, 11), "segments": ids(generator, 2, 3, 11), "lengths": lengths}
    result, hidden = run(
        input_ids=inputs["inputs"], token_type_ids=inputs["segments"], attention_mask=mask)
    logits = result.logits
    if pooled:
        inputs["labels"] = torch.tensor([2, 0, 1])
        loss = cross_entropy(logits, inputs["labels"])
    else:
        masked = (torch.rand((3, 11), generator=generator) < 0.4) & mask.bool()
        inputs["targets"] = torch.where(masked, ids(generator, 41, 3, 11), IGNORED)
        loss = cross_entropy(logits, inputs["targets"])
        hidden, logits = hidden * mask[..., None], logits * mask[..., None]
    config = {
        "kind": "transformer", "style": "bert", "layers": 2, "heads": 4, "key_value_heads": 4, "head_width": 6,
        "width": 24, "feed_forward_width": 40, "vocabulary_size": 41, "context_length": 16, "tied_head": not pooled,
        "norm_epsilon": 1e-12, "activation": "gelu", "type_vocabulary_size": 2,
    }
    if pooled:
        config |= {"pooled": True, "classes": 3}
    outputs = {"hidden": hidden, "logits": logits, "loss": loss}
    write(name, run.model, inputs, outputs, config, {"huggingface": described})


def bert():
    bert_family("bert", 19, "BertForMaskedLM", "cls", pooled=False)


def bert_pooled():
    bert_family("bert-pooled", 20, "BertForSequenceClassification", "classifier", pooled=True, num_labels=3)


# An encoder and a decoder.


def pairs(generator, vocabulary_size):
    inputs = {
        "source": ids(generator, vocabulary_size, 3, 12, low=1), "source_lengths": torch.tensor([12, 5, 9]),
        "inputs": ids(generator, vocabulary_size, 3, 11, low=1), "targets": ids(generator, vocabulary_size, 3, 11, low=1),
    }
    inputs["inputs"][:, 0] = 0
    inputs["inputs"][:, 1:] = inputs["targets"][:, :-1]
    inputs["targets"][0, 8:] = IGNORED
    inputs["targets"][2, 4] = IGNORED
    return inputs, lengths_mask(inputs["source_lengths"], 12)


def t5_family(name, seed, gated):
    generator = torch.Generator().manual_seed(seed)
    build_tied, described = of_class(
        "T5ForConditionalGeneration", vocab_size=37, d_model=24, d_kv=8, d_ff=32, num_layers=2, num_decoder_layers=2,
        num_heads=4, relative_attention_num_buckets=8, relative_attention_max_distance=20, dropout_rate=0.0,
        layer_norm_epsilon=1e-6, feed_forward_proj="gated-gelu" if gated else "relu", tie_word_embeddings=not gated,
        use_cache=False)
    described["tie_word_embeddings"] = not gated  # the class writes true whatever it was told

    def build():
        model = build_tied()
        if gated:  # loading a published file unties the head; a new model is tied whatever its configuration says
            model.lm_head.weight = nn.Parameter(model.lm_head.weight.detach().clone())
        assert model.config.scale_decoder_outputs == (not gated)
        return model

    run = Run(build, generator, "lm_head")
    inputs, mask = pairs(generator, 37)
    result, hidden = run(
        input_ids=inputs["source"], attention_mask=mask, decoder_input_ids=inputs["inputs"],
        decoder_attention_mask=torch.ones_like(inputs["inputs"]))
    if not gated:
        hidden = hidden * math.sqrt(24)  # before the scale, which belongs to the head
    config = {
        "kind": "transformer", "style": "t5", "layers": 2, "decoder_layers": 2, "heads": 4, "key_value_heads": 4,
        "head_width": 8, "width": 24, "feed_forward_width": 32, "vocabulary_size": 37, "context_length": 16,
        "tied_head": not gated, "scaled_head": not gated, "norm_epsilon": 1e-6, "relative_buckets": 8,
        "relative_distance": 20, "gated": gated, "activation": "gelu_new" if gated else "relu",
    }
    memory = result.encoder_last_hidden_state * mask[..., None]
    outputs = {"memory": memory, "hidden": hidden, "logits": result.logits,
               "loss": cross_entropy(result.logits, inputs["targets"])}
    write(name, run.model, inputs, outputs, config, {"huggingface": described})


def t5():
    t5_family("t5", 21, gated=False)


def t5_gated():
    t5_family("t5-gated", 22, gated=True)


class Original(nn.Module):
    """"Attention is all you need": norms after the sums, and none after the last layer; no dropout."""

    def __init__(self, vocabulary_size, layers, heads, width, feed_forward_width):
        super().__init__()
        sizes = dict(d_model=width, nhead=heads, dim_feedforward=feed_forward_width, dropout=0.0, activation="relu",
                     batch_first=True, norm_first=False)
        self.embedding = nn.Embedding(vocabulary_size, width)
        encoder_layer, decoder_layer = nn.TransformerEncoderLayer(**sizes), nn.TransformerDecoderLayer(**sizes)
        self.encoder = nn.TransformerEncoder(encoder_layer, layers, norm=None, enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder_layer, layers, norm=None)

    def embed(self, sequence):
        """Section 3.4's scale and section 3.5's positions: sine at even places of the width, cosine at odd ones."""
        width = self.embedding.embedding_dim
        position = torch.arange(sequence.shape[1], dtype=torch.float64)[:, None]
        angle = position / 10000.0 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
        return self.embedding(sequence) * math.sqrt(width) + torch.stack((angle.sin(), angle.cos()), dim=2).flatten(1)

    def forward(self, source, source_padding, inputs):
        time = inputs.shape[1]
        later = torch.ones((time, time), dtype=torch.bool).triu(1)  # true: not to be looked at
        memory = self.encoder(self.embed(source), src_key_padding_mask=source_padding)
        hidden = self.decoder(self.embed(inputs), memory, tgt_mask=later, memory_key_padding_mask=source_padding)
        return memory, hidden, hidden @ self.embedding.weight.T


def original():
    generator = torch.Generator().manual_seed(23)
    sizes = dict(vocabulary_size=37, layers=2, heads=4, width=24, feed_forward_width=40)
    model = Original(**sizes).double().eval()
    draw(model, generator)
    inputs, mask = pairs(generator, 37)
    with double_precision(), OnlyDouble():
        memory, hidden, logits = model(inputs["source"], mask == 0, inputs["inputs"])
    loss = cross_entropy(logits, inputs["targets"])
    config = {"kind": "transformer", "style": "original", "decoder_layers": 2, "key_value_heads": 4, "head_width": 6,
              "context_length": 16, "tied_head": True, "norm_epsilon": 1e-5, "activation": "relu"} | sizes
    outputs = {"memory": memory * mask[..., None], "hidden": hidden, "logits": logits, "loss": loss}
    write("original", model, inputs, outputs, config, {})


FILES = {
    "llama": llama, "llama-scaled": llama_scaled, "llama-linear": llama_linear, "llama-yarn": llama_yarn,
    "qwen3": qwen3, "mistral": mistral, "gpt2": gpt2, "bert": bert, "bert-pooled": bert_pooled, "t5": t5,
    "t5-gated": t5_gated, "mixtral": mixtral, "original": original,
}

if __name__ == "__main__":
    assert torch.__version__.split("+")[0] == "2.11.0", torch.__version__
    assert transformers.__version__ == "5.24.0", transformers.__version__
    torch.set_num_threads(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or FILES:
        FILES[name]()
