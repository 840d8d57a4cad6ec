#!/usr/bin/env python3
"""Whether pyarrow reads what kiln's ParquetWriter writes: the same documents, types and nulls.

    pip install pyarrow
    python3 scripts/reference/parquet_written.py

Makes documents with every kind of field, has the example `write_parquet` store them, and compares. pyarrow 26.0.1 was used.
"""
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet

TYPES = {
    "id": "string", "text": "string", "source_path": "string", "source_offset": "uint64", "source_url": "string",
    "source_licence": "string", "language": "string", "metadata": "string",
}


def documents(count):
    draw = random.Random(0)
    for number in range(count):
        letters = "aé🙂 \n\t\"\\" + chr(draw.choice([0x300, 0x4E2D, 0x10FFFF, 0x7F]))
        text = "".join(draw.choice(letters) for _ in range(draw.choice([0, 1, 30, 3000])))
        source = {"path": f"{number}.txt", "offset": draw.choice([0, 1, 2**63, 2**64 - 1])}
        if number % 3 == 0:
            source |= {"url": f"http://a/{number}", "licence": "CC0-1.0"}
        document = {"id": f"a#{number}", "text": text, "source": source}
        if number % 2 == 0:
            document["metadata"] = {"label": "x", "value": number / 7, "nested": {"list": [1, None, "é"]}}
        if number % 5 == 0:
            document["language"] = "en"
        yield document


def main():
    written = list(documents(2000))
    with tempfile.TemporaryDirectory() as folder:
        lines, table = Path(folder, "documents.jsonl"), Path(folder, "documents.parquet")
        lines.write_text("".join(json.dumps(document) + "\n" for document in written))
        command = ["cargo", "run", "-q", "-p", "kiln-corpus", "--features", "columnar", "--example", "write_parquet", "--"]
        subprocess.run([*command, lines, table], check=True)
        file = pyarrow.parquet.ParquetFile(table)
        types = {field.name: str(field.type) for field in file.schema_arrow}
        assert types == TYPES, types
        read = file.read().to_pylist()
    assert len(read) == len(written)
    for row, document in zip(read, written):
        source = document["source"]
        expected = {
            "id": document["id"], "text": document["text"], "source_path": source["path"], "source_offset": source["offset"],
            "source_url": source.get("url"), "source_licence": source.get("licence"), "language": document.get("language"),
        }
        metadata = row.pop("metadata")
        assert row == expected, (row, expected)
        assert (json.loads(metadata) if metadata else None) == document.get("metadata"), (metadata, document)
    groups = file.metadata.num_row_groups
    print(f"pyarrow {pyarrow.__version__}: {len(read)} documents in {groups} row groups are the same")
    return 0


if __name__ == "__main__":
    sys.exit(main())
