"""Unpack part of some wheels, keeping their paths: unpack.py WHEEL_FOLDER TARGET_FOLDER PATTERN_FILE...

A pattern file holds one glob a line, in which `*` also matches `/`. A pattern that matches nothing is an error, so that a
wheel with another layout is noticed here and not when a library is missing. Python 3.9 or newer, nothing else.
"""

import fnmatch
import pathlib
import sys
import zipfile


def main(wheel_folder, target, *pattern_files):
    patterns = [line for file in pattern_files for line in pathlib.Path(file).read_text().splitlines() if line]
    unmatched = set(patterns)
    for wheel in sorted(pathlib.Path(wheel_folder).glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                matching = [pattern for pattern in patterns if fnmatch.fnmatchcase(name, pattern)]
                unmatched.difference_update(matching)
                if matching and not name.endswith("/"):
                    archive.extract(name, target)  # checks the CRC; refuses to leave the folder
    if unmatched:
        sys.exit("error: no wheel holds " + ", ".join(sorted(unmatched)))


main(*sys.argv[1:])
