"""Lemmas of a CoNLL-U file by simplemma and lemminflect, and by ours, in one run.

    pip install simplemma==2.0.0 lemminflect==0.2.3
    cargo build --release -p kiln-cli --no-default-features
    python scripts/bench/lemmas.py en en_ewt-dev.conllu target/release/kiln [MODEL]

Words with whole ids; PUNCT, NUM, SYM and X left out; compared in lowercase without `_`. simplemma is given no tags,
lemminflect the right ones. Speeds are wall time of one thread, ours with tags of its own and reading included.
"""

import subprocess
import sys
import time

LEFT_OUT = {"PUNCT", "NUM", "SYM", "X"}
CONTENT = {"NOUN", "VERB", "ADJ", "ADV"}


def words(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 10 and fields[0].isdigit():
                yield fields[1], fields[2], fields[3]


def folded(lemma):
    return lemma.replace("_", "").lower()


def report(name, gold, lemmas, seconds):
    right = {True: 0, False: 0}
    count = {True: 0, False: 0}
    for (_, lemma, upos), found in zip(gold, lemmas, strict=True):
        if upos not in LEFT_OUT:
            count[upos in CONTENT] += 1
            right[upos in CONTENT] += folded(lemma) == folded(found)
    everything = 100 * sum(right.values()) / sum(count.values())
    content = 100 * right[True] / count[True]
    print(f"{name}: all {everything:.2f} %, content {content:.2f} %, {len(gold) / seconds:,.0f} words/s")


def timed(name, gold, lemma):
    start = time.perf_counter()
    lemmas = [lemma(form, upos) for form, _, upos in gold]
    report(name, gold, lemmas, time.perf_counter() - start)


def main():
    language, path, *ours = sys.argv[1:]
    gold = list(words(path))
    import simplemma

    simplemma.lemmatize("warm", lang=language)
    timed("simplemma, no tags", gold, lambda form, _: simplemma.lemmatize(form, lang=language))
    if language == "en":
        import lemminflect

        lemminflect.getLemma("warm", upos="ADJ")
        known = {"NOUN", "VERB", "ADJ", "ADV", "PROPN", "AUX"}

        def inflected(form, upos):
            return (lemminflect.getLemma(form, upos=upos) or (form,))[0] if upos in known else form

        timed("lemminflect, right tags", gold, inflected)
    if ours:
        program, *model = ours
        which = ["--model", *model] if model else ["--language", language]
        for tags in [], ["--gold-tags"]:
            command = [program, "lemmatizer", "score", *which, path, *tags]
            print(" ".join(command), flush=True)
            subprocess.run(command, check=True)
        start = time.perf_counter()
        with open(path, "rb") as read:
            command = [program, "lemmatize", *which, "--conllu"]
            subprocess.run(command, stdin=read, stdout=subprocess.DEVNULL, check=True)
        print(f"ours: {len(gold) / (time.perf_counter() - start):,.0f} words/s, start of the program included")


main()
