"""Small tokenizers of the shapes that models come with, with the ids and places that the library gives.

    python scripts/reference/tokenizer_files.py        (tokenizers 0.23.2)

writes crates/preprocess/src/tokenizer/real_shapes/: for each shape a `tokenizer.json`, and in `expected.json` for each text its
ids, the part of the text of each token in bytes, and what the ids decode to. Texts are read as they come, without special
tokens and without reading their names.
"""

import json
from pathlib import Path

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

FOLDER = Path(__file__).resolve().parents[2] / "crates/preprocess/src/tokenizer/real_shapes"
CORPUS = [
    "The kiln was lit before dawn, and by noon the bricks were red; nobody spoke of 1912 or of the 350 pots that it's said they'd lost.",
    "We'll see whether the glaze holds. I'm sure it won't; you're sure it will. They've fired 12345 tiles at 1,250 °C.",
    "def fire(kiln, degrees):\n    for pot in kiln:\n        if pot.dry:\n            pot.heat(degrees)\n\n    return kiln\n",
    "Der Ofen brennt, naïve Gäste trinken Café – „gut“, sagt Jürgen. Печь горит, горит. 窯に火を入れる。窯の火。",
] * 3
TEXTS = [
    "",
    " ",
    "The kiln was lit.",
    "  two  spaces\n\nand lines\r\n\tend ",
    "We'LL see, they've 12345 tiles",
    "Печь горит 窯の火 🙂 e\u0301 naïve",
    "<|endoftext|></s>[SEP] kiln<s>",
    "HTTPServer fired 1,250 °C\u00a0at\u3000noon\u0000",
]
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())


def gpt2():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, trainers.BpeTrainer(vocab_size=350, initial_alphabet=ALPHABET, special_tokens=["<|endoftext|>"])


def llama3():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer, trainers.BpeTrainer(vocab_size=350, initial_alphabet=ALPHABET)


def llama2():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    # Short tokens: the model has no split into words, and would learn lines by heart.
    return tokenizer, trainers.BpeTrainer(vocab_size=400, special_tokens=specials, limit_alphabet=50, max_token_length=6)


def bert():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return tokenizer, trainers.WordPieceTrainer(vocab_size=200, special_tokens=specials)


def t5():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    specials = ["<pad>", "</s>", "<unk>"]
    return tokenizer, trainers.UnigramTrainer(vocab_size=150, special_tokens=specials, unk_token="<unk>")


def finished(name, tokenizer):
    """What files of the shape have besides the trained model."""
    if name == "llama3":
        tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    if name == "t5":
        tokenizer.add_special_tokens([f"<extra_id_{number}>" for number in range(3)])
    if name == "llama2":
        # In the model the bytes are tokens like others; only the first three are special.
        written = json.loads(tokenizer.to_str())
        written["added_tokens"] = written["added_tokens"][:3]
        tokenizer = Tokenizer.from_str(json.dumps(written))
    return tokenizer


def main():
    FOLDER.mkdir(exist_ok=True)
    expected = {}
    for make in (gpt2, llama3, llama2, bert, t5):
        name = make.__name__
        tokenizer, trainer = make()
        trainer.show_progress = False
        tokenizer.train_from_iterator(CORPUS, trainer)
        tokenizer = finished(name, tokenizer)
        tokenizer.save(str(FOLDER / f"{name}.json"), pretty=False)
        tokenizer.encode_special_tokens = True
        rows = []
        for text in TEXTS:
            encoding = tokenizer.encode(text, add_special_tokens=False)
            ends = [0]
            for character in text:
                ends.append(ends[-1] + len(character.encode()))
            offsets = [[ends[start], ends[end]] for start, end in encoding.offsets]
            rows.append({"text": text, "ids": encoding.ids, "offsets": offsets, "decoded": tokenizer.decode(encoding.ids)})
        expected[name] = rows
    (FOLDER / "expected.json").write_text(json.dumps(expected, ensure_ascii=True, separators=(",", ":")) + "\n")


main()
