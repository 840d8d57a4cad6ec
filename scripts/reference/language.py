"""Reference values for languages told by fastText's model lid.176.ftz.

    python scripts/reference/language.py lid.176.ftz        (fasttext-predict 0.9.2.4, the C++ tool's own code)

reads crates/corpus/src/pii/cases.tsv, short texts of our own in many languages, and writes
crates/corpus/tests/reference/lid176.tsv: label and score of each, in their order. The model is not part of the project: 938,013
bytes, made by the authors of fastText under CC BY-SA 3.0.
"""

import re
import sys
from pathlib import Path

import fasttext

FOLDER = Path(__file__).resolve().parents[2] / "crates/corpus"
model = fasttext.load_model(sys.argv[1])
lines = []
for line in (FOLDER / "src/pii/cases.tsv").read_text(encoding="utf-8").splitlines():
    text = line.split("\t", 1)[1].replace("~~", "").replace("\\n", " ")
    text = re.sub(r"\{\{[a-z0-9]+\|(.*?)\}\}", r"\1", text)
    labels, scores = model.predict(text)
    lines.append(f"{labels[0]}\t{scores[0]:.6f}\n")
(FOLDER / "tests/reference/lid176.tsv").write_text("".join(lines))
