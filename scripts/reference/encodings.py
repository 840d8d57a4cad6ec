"""True decodings of the text files in KILN_DATA/encodings, whose folders are named after their encodings.

    python3 scripts/reference/encodings.py KILN_DATA/encodings > crates/corpus/src/encoding/true_decodings.tsv

Each line: folder/file, Python's codec, length and CRC-32 of the text as UTF-8 without a byte order mark. A file that the
codec cannot decode without an error has `-` for both, and one in EUC-TW, which Python does not know, for all three. The
codec is the superset that is in use under the folder's name.
"""

import os
import re
import sys
import zlib

SUPERSETS = {
    "gb2312": "gb18030",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "tis-620": "cp874",
    "maccyrillic": "mac_cyrillic",
    "big5": "cp950",
    "iso-8859-1": "cp1252",
    "iso-8859-9": "cp1254",
    "euc-tw": None,
}

root = sys.argv[1]
for folder in sorted(os.listdir(root)):
    if not os.path.isdir(os.path.join(root, folder)):
        continue
    name = re.sub(r"-(?!sig$)[a-z]{5,}$", "", folder.lower()) if folder.count("-") > 1 or folder.startswith("windows") else folder.lower()
    codec = SUPERSETS.get(name, name)
    for file in sorted(os.listdir(os.path.join(root, folder))):
        with open(os.path.join(root, folder, file), "rb") as opened:
            data = opened.read()
        try:
            text = data.decode(codec).removeprefix("\ufeff").encode() if codec else None
        except UnicodeDecodeError:
            text = None
        size, checksum = (len(text), format(zlib.crc32(text), "08x")) if text is not None else ("-", "-")
        print(f"{folder}/{file}", codec or "-", size, checksum, sep="\t")
