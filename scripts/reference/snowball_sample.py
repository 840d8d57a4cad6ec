"""Cuts the committed sample of Snowball's vocabularies, for the tests of crates/preprocess/src/stem.

    python scripts/reference/snowball_sample.py KILN_DATA > crates/preprocess/src/stem/snowball.tsv

`language<TAB>word<TAB>stem`, 60 words of each list of snowball-data (commit ba91f32b) that is under BSD-3-Clause. The
Finnish list is left out: its algorithm was changed after it was made.
"""

import sys
from pathlib import Path

LISTS = """danish dutch dutch_porter english german hungarian irish italian lovins nepali norwegian porter portuguese
romanian russian spanish turkish""".split()

for name in LISTS:
    paths = sorted(Path(sys.argv[1], "nlp/snowball").glob(f"{name}.*tsv"))
    lines = paths[0].read_text(encoding="utf-8").splitlines()
    for line in lines[len(lines) // 120 :: max(1, len(lines) // 60)][:60]:
        print(name, line, sep="\t")
