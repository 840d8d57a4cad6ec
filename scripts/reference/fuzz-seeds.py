#!/usr/bin/env python3
"""Seeds for the fuzz targets, out of the folder with the data sets (KILN_DATA), into fuzz/corpus/ or the folder given.

    pip install pyarrow
    KILN_DATA=... python3 scripts/reference/fuzz-seeds.py [FOLDER]
"""
import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.feather
import pyarrow.ipc

LARGEST = 64 << 10
DATA = Path(os.environ["KILN_DATA"])
INTO = Path(sys.argv[1] if len(sys.argv) > 1 else "fuzz/corpus")


def put(target, name, data):
    folder = INTO / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def files(target, pattern, prefix=b"", limit=LARGEST):
    for number, path in enumerate(sorted(DATA.glob(pattern))):
        if path.is_file() and path.stat().st_size <= limit:
            put(target, f"{number}-{path.name}", prefix + path.read_bytes())


def unpacked(path):
    return (bz2.open if path.name.endswith("bz2") else open)(path, "rb").read()


def pdf():
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>",
        b"<< /Length 33 >>\nstream\nBT /F 12 Tf 72 720 Td (Hi) Tj ET  \nendstream",
        b"<< /Length 46 >>\nstream\n1 beginbfchar\n<48> <0041>\nendbfchar\nendcmap   \nendstream",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 7\n0000000000 65535 f \n" + table + end


def epub():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("META-INF/container.xml", "<container><rootfile full-path='a.opf'/></container>")
        item = "<item id='a' href='a.xhtml' media-type='application/xhtml+xml'/>"
        book.writestr("a.opf", f"<package><title>T</title><manifest>{item}</manifest><spine><itemref idref='a'/></spine></package>")
        book.writestr("a.xhtml", "<html><p>One <b>two</b> &amp; three</p></html>")
    return out.getvalue()


def main():
    text = b"One line.\nAnother, with \xc3\xa9.\n" * 20
    put("gzip", "text", gzip.compress(text) + gzip.compress(text))
    put("bzip2", "text", bz2.compress(text) + bz2.compress(text))
    put("xz", "text", lzma.compress(text) + lzma.compress(text))
    put("zstd", "text", subprocess.run(["zstd", "-c"], input=text, capture_output=True, check=True).stdout)
    files("parquet", "parquet/parquet-testing/*.parquet")
    words = pyarrow.array(["a", "b", "a", None]).dictionary_encode()
    rows = pyarrow.table({"text": ["One", "", "é", None], "word": words, "class": [1, 2, 3, None], "score": [0.5, 1, 2, None]})
    for name, compression in [("plain", None), ("lz4", "lz4"), ("zstd", "zstd")]:
        options = pyarrow.ipc.IpcWriteOptions(compression=compression)
        for kind, new in [("file", pyarrow.ipc.new_file), ("stream", pyarrow.ipc.new_stream)]:
            out = io.BytesIO()
            with new(out, rows.schema, options=options) as writer:
                writer.write_table(rows)
            put("arrow", f"{kind}-{name}", out.getvalue())
    put("epub", "book", epub())
    put("pdf", "page", pdf())
    files("warc", "messy-web/warc/**/*arc*")
    files("encodings", "encodings/*/*", prefix=b"\0", limit=8 << 10)
    for path in sorted(DATA.glob("article-extraction/html/*.html.gz")):
        page = gzip.decompress(path.read_bytes())
        if len(page) <= LARGEST:
            put("html", path.stem[:8], page)
    files("csv", "messy-csv/**/*.csv", limit=16 << 10)
    for number, path in enumerate(sorted(DATA.glob("wikipedia-xml/*bz2"))):
        start = unpacked(path)[: LARGEST]
        put("wikipedia_xml", str(number), start)
        for part, page in enumerate(start.decode(errors="replace").split("</page>")[:9]):
            put("wikitext", f"{number}-{part}", page.encode())
            put("markup", f"{number}-{part}", page.encode())


main()
