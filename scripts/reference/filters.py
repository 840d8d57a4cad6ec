"""Reference verdicts for the quality filters: datatrove's, over texts that are invented here.

    python scripts/reference/filters.py            (datatrove 0.10.1, numpy; no word model is needed)

writes crates/corpus/tests/reference/filters.json. The file is committed; this script is run again only to add a case.

A word is what stands between white space, so that what is compared is the rules. Every reason that the four filters give
is there at least once: for most of them texts are drawn from a fixed seed until one is judged so. A text is a list of
[piece, times].
"""

import json
import random
from pathlib import Path

import datatrove.utils.word_tokenizers as tokenizers
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

FILE = Path(__file__).resolve().parents[2] / "crates/corpus/tests/reference/filters.json"


class Whitespace(tokenizers.WordTokenizer):
    def word_tokenize(self, text):
        return text.split()

    def sent_tokenize(self, text):
        return [line for line in text.split("\n") if line.strip()]

    def span_tokenize(self, text):
        return list(tokenizers.simple_span_tokenize(text, self.sent_tokenize(text)))


tokenizers.load_word_tokenizer = lambda language=None: Whitespace()

PEERS = {
    "gopher-quality": GopherQualityFilter(),
    "gopher-repetition": GopherRepetitionFilter(),
    "fineweb": FineWebQualityFilter(),
    "c4": C4QualityFilter(),
    "c4, any end of a line": C4QualityFilter(filter_no_terminal_punct=False),
}
REASONS = {
    "gopher-quality": [
        "gopher_short_doc", "gopher_long_doc", "gopher_below_avg_threshold", "gopher_above_avg_threshold",
        "gopher_too_many_hashes", "gopher_too_many_ellipsis", "gopher_too_many_bullets",
        "gopher_too_many_end_ellipsis", "gopher_below_alpha_threshold", "gopher_enough_stop_words", "keep",
    ],
    "gopher-repetition": [
        "empty", "dup_para_frac", "dup_para_char_frac", "dup_line_frac", "dup_line_char_frac",
        *[f"top_{n}_gram" for n in (2, 3, 4)], *[f"duplicated_{n}_n_grams" for n in range(5, 11)], "keep",
    ],
    "fineweb": ["empty", "line_punct_ratio", "short_line_ratio", "char_dup_ratio", "list_ratio", "keep"],
    "c4": ["lorem_ipsum", "curly_bracket", "too_few_sentences", "keep"],
    "c4, any end of a line": ["lorem_ipsum", "curly_bracket", "too_few_sentences", "keep"],
}
SYLLABLES = "ba ko ri ten mol su fe dra nis po ul gar wi en tho".split()
STOP_WORDS = "the be to of and that have with".split()


def words(draw, count, syllables=(1, 4)):
    pool = ["".join(draw.choices(SYLLABLES, k=draw.randint(*syllables))) for _ in range(count)]
    return [draw.choice(STOP_WORDS) if draw.random() < 0.15 else word for word in pool]


def lines(draw, text_words, length, ends, stops=(".",), starts=("",)):
    text, at = "", 0
    while at < len(text_words):
        take = draw.randint(*length)
        text += draw.choice(starts) + " ".join(text_words[at : at + take]) + draw.choice(stops) + draw.choice(ends)
        at += take
    return text


def quality_text(draw):
    kind = draw.randrange(10)
    text_words = words(draw, draw.randint(45, 90), [(1, 1), (1, 4), (5, 8)][draw.choice([0, 1, 1, 1, 2])])
    if kind == 0:
        text_words = [word for word in text_words if word not in STOP_WORDS] or ["ko"]
    if kind == 1:
        text_words = [draw.choice([word, word, word, "--", "12", "3.5"]) for word in text_words]
    if kind == 2:
        text_words = [word + draw.choice(["", "", "", "#", "...", "…"]) for word in text_words]
    if kind == 3:
        return lines(draw, text_words, (4, 9), ["\n", "\r\n", "\u2028"], starts=["- ", "• ", "  • ", "-"])
    if kind == 4:
        return lines(draw, text_words, (12, 20), ["\n", "\x0b", "\x85"], stops=["...", "…", ".", "… "])
    return lines(draw, text_words, (4, 15), ["\n", "\n\n"])


def repetitive_text(draw):
    ends = draw.choice([["\n"], ["\n\n"], ["\n", "\n\n", "\n\n\n"], [" "]])
    block = words(draw, draw.choice([2, 2, 3, 4, draw.randint(5, 24)]), (1, 3))
    times = draw.randint(2, 10)
    parts = [block] * times
    parts += [words(draw, draw.randint(1, 60), (1, 4)) for _ in range(times + draw.randint(0, 2))]
    draw.shuffle(parts)
    glue = draw.choice(ends)
    return draw.choice(["", "\n"]) + glue.join(" ".join(part) for part in parts) + draw.choice(["", glue])


def line_text(draw):
    text_words = words(draw, draw.randint(10, 60))
    length = draw.choice([(1, 3), (2, 6), (8, 14)])
    stops = draw.choice([["."], ["", "", "?", "。"], ["", ""], [".\"", "!", "...", "'"]])
    text = lines(draw, text_words, length, draw.choice([["\n"], ["\n", "\n\n\n"], ["\r\n"], ["\x85\n", "\n \n"]]), stops)
    return text + draw.choice(["", "", text.split("\n")[0]])


def web_text(draw):
    insets = ["", "", "", " lorem ipsum", " Lorem Ipsum", " JavaScript", " {", " cookie policy", " use coo\u212aies", " [12]",
              " [edit]", " [citation needed]", " java[1]script", " terms of use {", " lorem ipsum {", " javascript {"]
    text = ""
    for _ in range(draw.randint(3, 12)):
        line = words(draw, draw.randint(1, 8))
        text += " ".join(line) + draw.choice(insets) + draw.choice([".", ".", ".", "?", "!", '"', "'", "...", "", ". [3]"])
        text += draw.choice(["\n", "\n", "\r", "\u2029", "\n\n"])
    return text


GENERATORS = {
    "gopher-quality": quality_text,
    "gopher-repetition": repetitive_text,
    "fineweb": line_text,
    "c4": web_text,
    "c4, any end of a line": web_text,
}

# Borders: texts of which a rule says something that is easily got wrong.
SENTENCE = "The old mill of the town stands with its wheel to the river."
BORDERS = {
    "nothing": [["", 1]],
    "white space": [[" \n\t\u3000\x1c\n", 1]],
    "a line feed": [["\n", 1]],
    "one word": [["word", 1]],
    "marks alone": [["-- … ... ", 20]],
    "marks alone, many": [["-- ", 60]],
    "just 50 words": [["the end ", 25]],
    "49 words and a mark": [["the ", 48], ["end -", 1]],
    "words of three letters": [["and the one ", 20]],
    "hashes in a tenth of the words": [["that have with #and the be to of and one ", 10]],
    "four dots are one ellipsis": [["that have with and the be.... to of and one ", 10]],
    "six dots are two": [["that have with and the be...... to of and one ", 10]],
    "stop words in capitals": [["The Be To Of And That Have With ", 10]],
    "other letters": [["ⓐ Ⅷ ² ½ ", 15], ["the be naïve 中文 ", 20]],
    "lines of every end": [["- the be to of\n- and\r\n• that\x0b- have\x0c- with\x1c• it\x85• is\u2028- so\u2029", 6]],
    "unit separators are spaces": [["the\x1fbe\x1fto\x1fof\x1f", 15]],
    "no break spaces are spaces": [["the\xa0be\u2003to\u3000of\u205f", 15]],
    "no spaces": [["the\u200bbe\ufeffto ", 30]],
    "same letters, other words": [["ab cd ef gh ij kl mn op qr st uv wx yz. a bc de fg hi jk lm no pq rs tu vw xyz.", 1]],
    "repeated characters": [["é é é é é é é é é é é é ", 3]],
    "paragraphs after spaces": [["\n\n", 1], [SENTENCE + "\n\n", 3], ["\n", 2]],
    "carriage returns are no paragraphs": [[SENTENCE + "\r\n\r\n", 3]],
    "a text without an end": [[SENTENCE + " ", 3], ["Nothing here ends", 1]],
    "quotes end a line of C4 alone": [['The town has said "so it be to the end"\n', 6]],
    "thirty characters": [["The line has thirty characters.\n"[1:], 3], ["The line has thirty-one letters.\n", 2]],
    "thirty wide characters": [["é" * 30 + "\n", 3], ["é" * 31 + ".\n", 1]],
    "five sentences": [["We go to the mill.\n", 5]],
    "four sentences": [["We go to the mill.\n", 4]],
    "a line of three references": [["[1] [2] [3]\n", 5]],
    "spaces before a reference at the end": [["We go to the mill. [1]\n", 6]],
    "words are counted with references": [["Mill town.[1] [2]\n", 6]],
    "a word of 1000 characters": [["We go to the mill.\n", 5], ["a", 1000], [" b c {.", 1]],
    "a word of 1001 characters": [["We go to the mill.\n", 5], ["a", 1001], [" b c {.", 1]],
    "a word of 1000 wide characters": [["We go to the mill.\n", 5], ["é", 1000], [" b c {.", 1]],
    "javascript hides a bracket": [["We go to the mill.\n", 5], ["Enable JavaScript { now.", 1]],
    "lorem ipsum before javascript": [["We go to the mill.\n", 5], ["Lorem ipsum javascript.", 1]],
    "a bracket before a policy": [["We go to the mill.\n", 5], ["Our privacy policy { here.", 1]],
    "a bracket, then lorem ipsum": [["We go to the mill.\nThis is { here.\nThis is lorem ipsum.\n", 3]],
    "lorem ipsum and a bracket in a line": [["We go to the mill {lorem ipsum}.\n", 1]],
    "a bracket in a line without an end": [["We go to the mill.\n", 5], ["This is { here", 1]],
    "digits of other scripts": [["We go[१२] to the mill[²].\n", 6]],
    "many words": [["the be to of and end ", 16667]],
}


def verdicts(text):
    found = {}
    for name, peer in PEERS.items():
        document = Document(text=text, id="")
        result = peer.filter(document)
        found[name] = result[1] if isinstance(result, tuple) else "keep"
        if found[name] == "keep" and document.text != text:
            found[f"{name}: text"] = document.text
    return found


def main():
    cases = []

    def add(name, pieces):
        cases.append({"name": name, "text": pieces, **verdicts("".join(piece * times for piece, times in pieces))})

    for name, pieces in BORDERS.items():
        add(name, pieces)
    for peer, reasons in REASONS.items():
        for reason in reasons:
            known = [case for case in cases if case[peer] == reason]
            draw = random.Random(f"{peer} {reason}")
            drawn = reason not in ("empty", "gopher_long_doc")  # which stand above
            for _ in range(20_000 if drawn and len(known) < 2 else 0):
                text = GENERATORS[peer](draw)
                if verdicts(text)[peer] == reason:
                    add(f"{peer}: {reason}", [[text, 1]])
                    known.append(None)
                    if len(known) >= 2:
                        break
            assert known, f"no text for {reason} of {peer}"
    FILE.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    FILE.write_text(f"[\n{rows}\n]\n")
    print(f"{len(cases)} texts, {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
