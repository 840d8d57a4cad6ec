"""Reference values for words and sentences: what datatrove gets from spaCy for English.

    python scripts/reference/spacy_words.py golden              (datatrove 0.10.1, spacy 3.8)

writes crates/corpus/src/words/spacy/golden.jsonl, which the tests read. To compare over more texts, of files (plain text,
cut at empty lines into documents of some kilobytes, or JSON lines with a `text`) or of random mixtures of what is hard:

    python scripts/reference/spacy_words.py files OUT FILE...
    python scripts/reference/spacy_words.py random OUT SEED COUNT
    cargo run --release -p kiln-corpus --example words -- OUT
"""

import bz2
import gzip
import json
import random
import sys
import zipfile
from pathlib import Path

import spacy
from datatrove.utils.word_tokenizers import load_word_tokenizer

GOLDEN = Path(__file__).resolve().parents[2] / "crates/corpus/src/words/spacy/golden.jsonl"
DOCUMENT = 4000

SENTENCES = [
    "",
    " ",
    "\n\n",
    "Hello, world!",
    "  Two  blanks   and three, and one at the end ",
    "It's nine o'clock; we'd've gone if they hadn't called. She cannot, and I won't.",
    "He said \u201cdon\u2019t you dare\u201d \u2026 and left\u2014quickly\u2014for St. Ives (in the U.K.).",
    "Mr. and Mrs. Brown-Jones met Dr. No at 10 a.m. in Washington, D.C. on Jan. 3rd.",
    "See https://example.com/a_b?c=d#e, www.example.org. Or mail jane.doe+x@mail.example.co.uk!",
    "Hosts: example.com:8080/x, http://192.0.2.7/, 10.0.0.1, 8.8.8.8:53. ftp://a.b ssh://user:pass@host.io/~me",
    "user@example.com, user@localhost, @example.com, a@b@c.de, http://x..y.com, foo-.com -foo.com f_o.com",
    "It costs US$5, C$7.50, 3\u20ac and 10%; 5km, 7kg, 100m\u00b2, 20\u00b0C. 15mph! 2TB. 3m/s, 4lb.",
    "Smile :) :-( ;-) =D XD <3 </3 ^_^ o_O (^_^) \u00af\\(\u30c4)/\u00af (\u256f\u00b0\u25a1\u00b0\uff09\u256f\ufe35\u253b\u2501\u253b :'( :))))",
    "((:)) [:-)] \":)\" :).: 8-) 8) ): )-: <space> >.< -_- -__- =) (= :D:D",
    "and/or w/o either/or 1/2 a/b/c TCP/IP x=y a<b b>c k:v key=value 1:2 he:she",
    "1-2 1+2 3*4 2^8 1--2 5-a a-5 x-y-z a--b a---b a----b well\u2013known a\u2014b a~b 2019-2020",
    "end.Start end.start End.Start U.S.A. e.g.this i.e. N.Y. Ph.D. a.k.a. vs. etc. Inc.) Co.,",
    "wait... what..no ....yes ..... a...b \u2026\u2026 \u2026\u2026\u2026 x\u2026y .. . .5 5. 5.. AB. Ab. aB. A.",
    "one,two 1,000,000 a,b A,B ,x x, ,, ,,, 3,a a,3",
    "the dogs' toys, the dog's toy, James's, it\u2019s, THE DOG'S, 'em, 'Cause, rock 'n' roll, y'all, ma'am, ol' man",
    "I'm you're he'd she'll we've they'd've what's who's let's that'll 'tis o'clock nothin' goin\u2019 doin'",
    "im Id wont cant dont its well were hell shell ill whats thats lets gonna gotta Cannot CANNOT",
    "#hashtag @user $5 $$$ #1 *bold* _under_ __init__ `code` ~/path /usr/bin C:\\dir\\file.txt --flag -x",
    "fn main() { println!(\"{}\", x[0] + y->z); } // a::b::<T>() if (a != b && !c) return;",
    "\u6f22\u5b57\u304b\u306a\u3002\u4ea4\u3058\u308a\uff0c\u53e5\u8aad\u70b9\uff01 \u0417\u0434\u0440\u0430\u0432\u0441\u0442\u0432\u0443\u0439, \u043c\u0438\u0440. 5\u043a\u043c \u0c85 \u0928\u092e\u0938\u094d\u0924\u0947\u0964 \u0645\u0631\u062d\u0628\u0627\u060c \u0639\u0627\u0644\u0645\u061f 3\u0643\u0645",
    "emoji \U0001f600\U0001f44d\U0001f3fd text\u2764\ufe0f. \u2603snow\u2603 \u00a9 2020 A\u00ae B\u2122 \U0001f1e9\U0001f1ea \u2190\u2192",
    "tab\there, line\nbreak.\n\nPara\u00a0nbsp\u2003em\u3000ideographic\u0085nel\u2028ls \u001funit\u001f.",
    "Quotes: 'single' \"double\" \u00abguillemets\u00bb \u201elow\u201d `tick` \u00b4acute\u00b4 ''two'' \"\"x\"\"",
    "Is it? Yes! No. \"Really?\" he asked. (Fine.) End... More?! Last\u2026 One",
    "A. B. C. d. e. 1. 2. 3. 4) 5] iv. (a) (b.) No.5 No. 5 p. 5 pp. 5-7 vol. ii.",
    "e.g. i.e. E.g. I.e. v.s. vs. p.m. a.m. 5p.m. 11am 5 pm. 12a.m. adm. Adm. Aug. Sept. Sep.",
    ". . . : ) : - ) < 3 ' em Mr . and / or a . m . \u2019 s",
    "(Mr.) Mr.-x Mr.'s \"Dr.\" Dr.: ,Dr. 'Dr.' Dr.. Dr.... Dr.? St.-Pierre Jan.-Feb.",
    "\u00b0c. 20\u00b0F. \u00b0K. 5\u00b0c.. x\u00b0C. \u00e4. \u00f6. \u00fc. C++ c++. \\n \\t \\\") a\\nb",
    "50%of 5%. %5 5+ +5 +x x+ 5+. \u00a75 \u00a7 =x x= =5= \u20145 5\u2014 \u2013x x\u2013 x;y x!y x?y x(y)z",
]

HARD = (
    "a I it's can't won't Mr. Dr. U.S. e.g. p.m. 10a.m. and/or w/o :) :-) <3 ^_^ (-: ... .. \u2026 \u2026\u2026 , . ! ? ; : - -- --- \u2014 \u2013 ~ ' \" \u2019 \u2018 \u201c \u201d"
    " ( ) [ ] { } < > / \\ | * & # @ $ % ^ + = _ ` US$ C$ \u20ac \u00a3 \u20bf km kg m\u00b2 GB % \u00b0 \u00b0C F K c 0 1 5 10 127 172.16 192.168 255 1990s"
    " http:// https:// www. ftp:// mailto: example.com example co.uk .com .org host.io user@ :80 :8080 :123456 /path ?q=1 #frag a_b x-y"
    " A B AB Ab aB the The word Word WORD \u00e9 \u00c9 \u00df \u0441\u043b\u043e\u0432\u043e \u0421 \u043a\u043c \u6f22 \u304b\u3002 \u0643\u0645 \u0967 \u0663 \u200d \u200b \ufeff \u0301 \U0001f600 \u2603 \u2764\ufe0f \u00a9 \u00ae \u2122 \u02da"
    " 's 'S \u2019s n't 'll 've 'd 'm 're 'em 'Cause ol' \u3001 \uff01 \uff08 \uff09 \u300c \u300d \u00ab \u00bb \u00bf \u00a1 \u0964 \u061f \u2026. ;) =D XD o_O \u0ca0_\u0ca0 ><(((*> -_- \\n \\\") <space> C++"
    " i.e Ph.D. Jan. Inc. Co vs vs. ma'am y'all cannot dont Id wed \u30fc \u2460 \u00bd \u2167 \U0001d7d9 \uff15 \uff21 \uff41"
).split(" ")
SPACES = ["", "", "", "", " ", " ", "  ", "\n", "\n\n", "\t", "\u00a0", "\u2003", "\u3000", "\u001f", " \n", "\u0085"]


def mixture(draw):
    """Up to forty hard pieces, mostly without white space between them; one in four takes any character."""
    pieces = []
    for _ in range(draw.choice([2, 3, 4, 6, 8, 12, 20, 40])):
        if draw.random() < 0.06:
            code = draw.choice([draw.randrange(0x21, 0x7F), draw.randrange(0x80, 0x3000), draw.randrange(0x20, 0xD800), draw.randrange(0x1D000, 0x1FB00)])
            pieces.append(chr(code))
        else:
            pieces.append(draw.choice(HARD))
        if draw.random() < 0.5:
            pieces.append(draw.choice(SPACES))
    return "".join(pieces)


def exceptions(draw):
    """A special case with one or two hard pieces beside it."""
    rules = sorted(spacy.blank("en").tokenizer.rules)
    for _ in iter(int, 1):
        yield draw.choice(HARD + SPACES) + draw.choice(rules) + draw.choice(HARD + SPACES) + draw.choice([""] * 3 + HARD + rules)


def documents(path):
    """The texts of a file."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield from cut(archive.read(name).decode("utf-8", "replace"))
        return
    reader = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with reader(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        if {".json", ".jsonl"} & set(path.suffixes):
            for line in file:
                yield json.loads(line)["text"]
        else:
            yield from cut(file.read())


def cut(text):
    held = ""
    for paragraph in text.split("\n\n"):
        held += paragraph + "\n\n"
        if len(held) > DOCUMENT:
            yield held
            held = ""
    if held.strip():
        yield held


def write(path, texts):
    tokenizer = load_word_tokenizer("en")
    with open(path, "w") as file:
        for text in texts:
            if "IS_ALPHA" in text:
                continue
            entry = {"text": text, "words": tokenizer.word_tokenize(text), "sentences": len(tokenizer.sent_tokenize(text))}
            file.write(json.dumps(entry) + "\n")


def main():
    match sys.argv[1:]:
        case ["golden"]:
            draw = random.Random(1)
            special = exceptions(draw)
            mixtures = [mixture(draw) for _ in range(120)] + [next(special) for _ in range(120)]
            write(GOLDEN, SENTENCES + mixtures)
        case ["files", out, *paths]:
            write(out, (text for path in paths for text in documents(Path(path))))
        case ["random", out, seed, count]:
            draw = random.Random(int(seed))
            special = exceptions(draw)
            write(out, (mixture(draw) if draw.random() < 0.7 else next(special) for _ in range(int(count))))
        case _:
            sys.exit(__doc__)


main()
