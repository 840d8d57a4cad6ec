"""Reference values for the blocklists: what datatrove's filters say with small lists of our own.

    python scripts/reference/url_filter.py        (datatrove 0.10.1, tldextract 5.4.0)

writes crates/corpus/tests/reference/url_filter.json and bad_words.json. The files are committed; this script is run again only
to add a case. The words are harmless ones in place of those that lists have.
"""

import json
import re
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import C4BadWordsFilter, URLFilter
from datatrove.pipeline.filters.c4_filters import _BADWORDS_ALLOWLIST
from tldextract import TLDExtract

FOLDER = Path(__file__).resolve().parents[2] / "crates/corpus/tests/reference"
LISTS = {
    "domains": ["bad.com", "worse.co.uk", "evil.blogspot.com", "blogspot.org", "sub.good.com", "münchen.de", "deep.sub.fine.net"],
    "urls": ["http://fine.org/page.html", "https://fine.org/?q=1"],
    "banned_words": ["casino", "Jack-Pot", "xyzzy"],
    "soft_words": ["lotto", "poker", "bonus"],
    "banned_substrings": ["freemoney", "plugh"],
}
URLS = """http://bad.com
https://bad.com/page
http://www.bad.com/page
http://a.b.c.bad.com:8080/
http://notbad.com/
http://bad.com.example.org/
http://bad.org/
http://worse.co.uk/x
http://www.worse.co.uk/x
http://worse.uk/
http://co.uk/
http://evil.blogspot.com/2010/
http://www.evil.blogspot.com/
http://other.blogspot.com/
http://any.blogspot.org/
http://blogspot.org/
http://good.com/
http://sub.good.com/
http://www.sub.good.com/
http://deep.sub.fine.net/a
http://sub.fine.net/a
http://fine.org/page.html
http://fine.org/page.html?x=1
http://www.fine.org/page.html
https://fine.org/?q=1
https://user:secret@bad.com/path
bad.com/no/scheme
//bad.com/relative
ftp://bad.com
http://fine.org/casino
http://fine.org/casinos
http://fine.org/the-casino-night
http://casino.org/
http://fine.org/CASINO
http://fine.org/Casino/x
http://fine.org/jackpot
http://fine.org/jack-pot
http://fine.org/JackPot
http://fine.org/lotto
http://fine.org/lotto/poker
http://fine.org/lotto/lotto
http://fine.org/lotto?bonus=poker
http://fine.org/Lotto/Poker
http://fine.org/free-money
http://fine.org/FREE/money.html
http://free.money.org/
http://fine.org/fr-ee-mon-ey
http://fine.org/freedom/money
http://fine.org/xplughx
http://fine.org/p/l/u/g/h
http://localhost/casino
http://localhost/
http://192.0.2.7/
http://[2001:db8::1]/lotto_poker
http://bad.com./
http://fine.org#casino
http://fine.org/%63asino
http://example.invalidtld/
http://xn--bad.com/
https://web.archive.org/web/2010/http://bad.com/
http://münchen.de/
http://fine.github.io/poker
""".split("\n")[:-1]

WORDS = {
    "en": ["darn", "two words", "c++", "semi-colon", "naïve", "x"],
    "de": ["mist", "straße"],
    "hi": ["शब्द", "बुरा"],
    "ja": ["悪い", "グロ", "ばか"],
    "zh": ["坏话", "性"],
    "th": ["คำหยาบ"],
}
TEXTS = [
    ("en", "darn"), ("en", "Darn!"), ("en", "darning"), ("en", "a darn_ b"), ("en", "a-darn-b"), ("en", "darn1"), ("en", "1darn"), ("en", "the two words here"), ("en", "two  words"), ("en", "two\nwords"), ("en", "TWO WORDS."),
    ("en", "I write c++ and c"), ("en", "c+++"), ("en", "xc++"), ("en", "semi-colon;"), ("en", "semi-colons"), ("en", "Naïve"), ("en", "naïveté"), ("en", "é darn é"), ("en", "édarn"), ("en", "xx x xx"), ("en", "xx xx"), ("en", ""), ("en", "x"), ("en", "²x"), ("en", "x\n"), ("en", "話darn話"), ("en", "\u0301darn"),
    ("de", "So ein Mist."), ("de", "Misthaufen"), ("de", "STRASSE"), ("de", "Straße"), ("hi", "यह शब्द है"), ("hi", "शब्दों में"), ("hi", "बुरा"), ("hi", "बुराई"), ("ja", "それは悪いことだ"), ("ja", "グロテスク"), ("ja", "ばかな話"), ("ja", "よい話"), ("zh", "他说坏话了"), ("zh", "可能性"), ("th", "นี่คือคำหยาบคาย"), ("th", "สวัสดี"),
]


def reason(result):
    return None if result is True else result[1]


url_filter = URLFilter(
    extra_domains=LISTS["domains"], extra_urls=LISTS["urls"], banned_words=LISTS["banned_words"],
    soft_banned_words=LISTS["soft_words"], banned_subwords=LISTS["banned_substrings"], use_integrated_lists=False,
)
url_filter.tldextractor = TLDExtract(suffix_list_urls=())  # the list that comes with the package
cases = [[url, reason(url_filter.filter(Document(text="x", id="x", metadata={"url": url})))] for url in URLS]
(FOLDER / "url_filter.json").write_text(json.dumps({"lists": LISTS, "cases": cases}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

bad_words = C4BadWordsFilter()
for language, words in WORDS.items():  # as `_get_badwords` makes it of the file that it downloads
    words = set(words)
    for allowed in _BADWORDS_ALLOWLIST.values():
        words -= allowed
    words = "|".join(re.escape(word) for word in words)
    pattern = words if language in ("ja", "th", "zh") else rf"(?:\W|^)({words})(?:\W|$)"
    bad_words._badwords_regex[language] = re.compile(pattern)
cases = [[language, text, bad_words.filter(Document(text=text, id="x", metadata={"language": language})) is not True] for language, text in TEXTS]
(FOLDER / "bad_words.json").write_text(json.dumps({"lists": WORDS, "cases": cases}, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
