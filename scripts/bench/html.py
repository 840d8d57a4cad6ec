"""The main text of web pages beside trafilatura's: how well and how fast, over the same pages.

    KILN_PEERS=VENV/bin/python KILN_DATA=FOLDER python3 scripts/bench/html.py [--repeat N] [--worst N]

reads article-extraction in KILN_DATA (html/*.html.gz and ground-truth.json), runs trafilatura in the interpreter that
KILN_PEERS names and `cargo run --release -p kiln-corpus --example extract_html`, and prints precision, recall, F1 and
megabytes of HTML a second, in processor time on one core, of both, and the ratios of ours to the peer's. The measure is
that of the article extraction benchmark of Scrapinghub: four words in a row as a bag, each page alone, then the means,
then F1 of the means. "odd" and "even" are the halves of the pages, in order of their names.
"""

import argparse
import collections
import gzip
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = """
import json, statistics, sys, time
import trafilatura
repeat, paths = int(sys.argv[1]), sys.argv[2:]
pages = [(path, open(path, encoding="utf-8", errors="replace").read()) for path in paths]
extract = lambda html: trafilatura.extract(html, include_comments=False, include_tables=True) or ""
for path, html in pages:
    print(json.dumps({"path": path, "text": extract(html)}))
times = []
for _ in range(repeat):
    start = time.process_time()
    for _, html in pages:
        extract(html)
    times.append(time.process_time() - start)
size = sum(len(html.encode("utf-8", "replace")) for _, html in pages)
seconds = statistics.median(times)
print(json.dumps({"bytes": size, "seconds": seconds, "megabytes_per_second": size / seconds / 1e6}), file=sys.stderr)
"""


def shingles(text):
    words = re.findall(r"\w+", text)
    grams = (tuple(words[start : start + 4]) for start in range(max(1, len(words) - 3)))
    return collections.Counter(gram for gram in grams if gram)


def scores(truth, found):
    """Precision and recall of each page that has any."""
    result = {}
    for name, page in truth.items():
        wanted, got = shingles(page.get("articleBody", "")), shingles(found.get(name, ""))
        shared = sum((wanted & got).values())
        precision = shared / sum(got.values()) if got else None
        recall = shared / sum(wanted.values()) if wanted else None
        result[name] = (precision, recall)
    return result


def summary(pages):
    precision = statistics.mean(precision for precision, _ in pages if precision is not None)
    recall = statistics.mean(recall for _, recall in pages if recall is not None)
    return precision, recall, 2 * precision * recall / (precision + recall)


def run(command, paths):
    done = subprocess.run([*command, *paths], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{done.stderr}")
    texts = {}
    for line in done.stdout.splitlines():
        page = json.loads(line)
        texts[Path(page["path"]).name.removesuffix(".html")] = page["text"]
    return texts, json.loads(done.stderr.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="passes over the pages; the median counts")
    parser.add_argument("--worst", type=int, default=0, help="name the pages with the lowest scores")
    arguments = parser.parse_args()
    data = os.environ.get("KILN_DATA") or sys.exit("set KILN_DATA to the folder that holds article-extraction")
    folder = Path(data) / "article-extraction"
    truth = json.loads((folder / "ground-truth.json").read_text(encoding="utf-8"))
    repeat = str(arguments.repeat)
    commands = {
        "kiln": [
            *"cargo run --release --quiet -p kiln-corpus --example extract_html -- --repeat".split(),
            str(max(arguments.repeat, 11)),
        ]
    }
    if peer := os.environ.get("KILN_PEERS"):
        commands["trafilatura"] = [peer, "-c", PEER, repeat]
    with tempfile.TemporaryDirectory() as pages:
        paths = []
        for name in sorted(truth):
            path = Path(pages) / f"{name}.html"
            path.write_bytes(gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()))
            paths.append(str(path))
        print(f"{len(paths)} pages")
        print(f"{'':12} {'precision':>9} {'recall':>7} {'F1':>7} {'odd':>7} {'even':>7} {'MB/s':>7}")
        measured = {}
        for name, command in commands.items():
            texts, time = run(command, paths)
            pages_scores = scores(truth, texts)
            ordered = [pages_scores[page] for page in sorted(pages_scores)]
            precision, recall, f1 = summary(ordered)
            odd, even = summary(ordered[::2])[2], summary(ordered[1::2])[2]
            speed = time["megabytes_per_second"]
            measured[name] = (precision, recall, f1, odd, even, speed)
            print(f"{name:12} {precision:9.4f} {recall:7.4f} {f1:7.4f} {odd:7.4f} {even:7.4f} {speed:7.1f}", flush=True)
            worst = sorted(pages_scores.items(), key=lambda page: (page[1][0] or 0) + (page[1][1] or 0))
            for page, (precision, recall) in worst[: arguments.worst]:
                print(f"    {page[:12]} precision {precision or 0:.3f} recall {recall or 0:.3f}")
        if len(measured) == 2:
            ours, peer = measured.values()
            *shares, speed = (one / other for one, other in zip(ours, peer))
            print(f"{'ratio':12} {' '.join(f'{share:{width}.3f}' for share, width in zip(shares, (9, 7, 7, 7, 7)))} {speed:7.1f}")


if __name__ == "__main__":
    main()
