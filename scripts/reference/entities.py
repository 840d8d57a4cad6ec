#!/usr/bin/env python3
"""Prints HTML's named character references, sorted by name in bytes: the name, a space, the characters in hexadecimal.

    python3 scripts/reference/entities.py > crates/corpus/src/extract/html/entities.txt

The table is Python's own (html.entities.html5, from the HTML Standard, section 13.5). A name without a semicolon is one
that the standard also accepts so.
"""

import html.entities

for name in sorted(html.entities.html5, key=lambda name: name.encode()):
    print(name, " ".join(f"{ord(character):x}" for character in html.entities.html5[name]))
