"""Stems by NLTK's LancasterStemmer, for the tests of crates/preprocess/src/stem.

    pip install nltk==3.10.4
    python scripts/reference/lancaster.py KILN_DATA > crates/preprocess/src/stem/lancaster.tsv

One `word<TAB>stem` a line: every 40th word of Snowball's English vocabulary, then made words that reach every ending of
the table after several beginnings. With --all, every word of the vocabulary.
"""

import sys
from pathlib import Path

from nltk.stem.lancaster import LancasterStemmer

folder, everything = sys.argv[1], "--all" in sys.argv
stemmer = LancasterStemmer()
lines = Path(folder, "nlp/snowball/english.tsv").read_text(encoding="utf-8").splitlines()
words = [line.split("\t")[0] for line in lines][:: 1 if everything else 40]
endings = []
for rule in stemmer.default_rule_tuple:
    ending = rule.rstrip(">.").rstrip("abcdefghijklmnopqrstuvwxyz").rstrip("0123456789").rstrip("*")[::-1]
    if ending not in endings:
        endings.append(ending)
for number, ending in enumerate(endings):
    words += [ending] + [start + ending for start in ("a", "x", "st", "tr", "pla", "écl")[number % 2 :: 2]]
words += ["as1s", "don't", "it's", "rock'n'rolling", "co-operating", "2nd", "über", "straßen", "", "y", "MAXIMUM", "Saying"]
for word in dict.fromkeys(words):
    print(word, stemmer.stem(word), sep="\t")
