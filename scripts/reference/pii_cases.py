"""The cases that the search for personal data is measured on.

    python scripts/reference/pii_cases.py        (no packages)

writes crates/corpus/src/pii/cases.tsv: a language, a tab, a text in which what is to be found stands as {{kind|text}}. Lines
without a mark hold near misses, where nothing is to be found. What a pattern says about a number (country lengths, check digits,
prefixes) is worked out here anew from the standards, and nothing here calls the code that is tested.

All data are invented or set aside: domains of RFC 2606, numbers that telephone authorities keep for films (North America 555-01xx,
Ofcom, Bundesnetzagentur, Arcep), card numbers that payment firms publish for tests, example accounts of the IBAN registry, the
example keys of vendors' manuals, and the addresses of public name servers. `~~` cuts keys in two so that no scanner takes this
file for a leak; whoever reads it takes the marks out.
"""

import random
import string
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "crates/corpus/src/pii/cases.tsv"
COUNT = 500
draw = random.Random(20240607)
cases = []


def add(language, text):
    cases.append((language, text))


def digits(count):
    return "".join(draw.choice(string.digits) for _ in range(count))


def letters(count, alphabet=string.ascii_letters + string.digits):
    return "".join(draw.choice(alphabet) for _ in range(count))


# ---------------------------------------------------------------------------------------------------------------- e-mail
EMAILS = [
    "jane.doe@example.com", "j@example.org", "info@shop.example", "a.b.c.d@mail.example.co.uk", "first_last@example.net",
    "sales+spring2024@example.com", "o'brien@example.ie", "user%tag@example.com", "x-y-z@sub-domain.example.org",
    "1234567890@example.com", "KONTAKT@EXAMPLE.DE", "maria.garcia@correo.example.es", "anna-lena@example.berlin",
    "webmaster@xn--mller-kva.example", "support@example.travel", "me@mail.example.io", "postmaster@example.museum", "r2d2@example.tech",
]
EMAIL_FRAMES = [
    ("en", "Please write to {} before Friday."), ("en", "Contact: {}"), ("en", "({})"), ("en", "Jane <{}> wrote:"),
    ("en", "mailto:{}?subject=Hello"), ("de", "Fragen? Schreiben Sie an {}."), ("fr", "Adresse e-mail : {}, merci."),
    ("es", "Envíe su currículum a {}; gracias."), ("it", "Scrivimi a {}!"), ("ru", "Пишите на {} в любое время."),
    ("ja", "お問い合わせは{}まで。"), ("zh", "请发邮件至{}。"), ("en", "\"{}\""), ("pl", "Kontakt z redakcją: {}"),
    ("en", "Author: A. Writer, {}, 2019"), ("ar", "البريد الإلكتروني: {}"), ("en", "email={}&next=1"), ("en", "**{}**"),
]
for index, address in enumerate(EMAILS * 2):
    language, frame = EMAIL_FRAMES[(index * 7 + index // len(EMAILS)) % len(EMAIL_FRAMES)]
    add(language, frame.format("{{email|" + address + "}}"))
add("en", "Write to {{email|amy@example.com}} or {{email|bob@example.org}}, not to both.")
add("en", "{{email|amy@example.com}},{{email|bob@example.org}};{{email|cyd@example.net}}")
add("en", "His old address was {{email|amy@example.com}}.Then he moved.")

EMAIL_MISSES = [
    ("en", "Follow @janedoe and @example on the network."), ("en", "We met @ the pub at 8."), ("en", "git clone git@host:team/project"),
    ("en", "user@localhost is not reachable from outside."), ("en", "Decorate it with @app.route and @property."),
    ("en", "3 apples @ 1.50 each makes 4.50"), ("en", "The import is written @angular/core here."), ("en", "Use foo@2.0.1 or bar@latest."),
    ("en", "jane (at) example (dot) com"), ("en", "an @ sign alone, a dot. nothing else"), ("en", "npm install lodash@4.17.21 react@18.2.0"),
    ("de", "Das Zeichen @ heißt Klammeraffe."), ("en", "retina images end in icon@2x.png and icon@3x.png"), ("en", "he said @example.com is a domain"),
    ("fr", "L'arobase @ est partout."), ("en", "Match x@y where x > 0."), ("en", "@@ -12,7 +12,9 @@ fn main()"), ("en", "a@b"),
]
for language, text in EMAIL_MISSES:
    add(language, text)

# ------------------------------------------------------------------------------------------------------------------ IPv4
PUBLIC4 = ["8.8.8.8", "8.8.4.4", "1.1.1.1", "9.9.9.9", "208.67.222.222", "149.112.112.112", "94.140.14.14", "76.76.2.0", "185.228.168.9",
           "64.6.64.6", "84.200.69.80", "195.46.39.39", "77.88.8.8", "156.154.70.1", "216.146.35.35", "199.85.126.10"]
FRAMES4 = [
    ("en", "The server at {} did not answer."), ("en", "{} - - [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/1.0\" 200"), ("en", "ping {}"),
    ("en", "User 17 logged in from {}:443"), ("de", "Die IP-Adresse {} wurde gesperrt."), ("fr", "Connexion depuis {} refusée."),
    ("es", "Dirección IP: {}"), ("en", "http://{}/index.html"), ("en", "Vandalism by {}, reverted."), ("ru", "Адрес {} заблокирован."),
    ("en", "Block {}/24 at the gate."), ("en", "Received: from mail ({}) by mx"), ("en", "nameserver {}"), ("it", "l'indirizzo {}, bloccato"),
    ("en", "— {} (talk) 12:01, 3 March 2007 (UTC)"), ("ja", "IPアドレスは{}です。"), ("en", "[{}]"),
]
for index, address in enumerate(PUBLIC4 * 2 + PUBLIC4[:6]):
    language, frame = FRAMES4[(index * 5) % len(FRAMES4)]
    add(language, frame.format("{{ipv4|" + address + "}}"))
add("en", "Resolvers: {{ipv4|8.8.8.8}}, {{ipv4|1.1.1.1}} and 192.168.1.1.")

MISSES4 = [
    ("en", "Upgrade to version 1.2.3.4 today."), ("en", "v1.2.3.4 is out."), ("en", "Chrome/91.0.4472.124 Safari/537.36"), ("en", "see section 3.1.4.1 below"),
    ("en", "My router is 192.168.0.1 as always."), ("en", "localhost is 127.0.0.1"), ("en", "mask 255.255.255.0 and 255.255.255.255"),
    ("en", "Documentation uses 192.0.2.17, 198.51.100.4 and 203.0.113.99."), ("en", "inside the plant 10.0.0.138 answers"),
    ("en", "The address 300.1.2.3 cannot be."), ("en", "1.3.6.1.4.1.311 is an object identifier"), ("en", "Release 10.15.7.2 fixes bugs."),
    ("de", "Version 4.12.0.9 steht bereit."), ("fr", "la version 2.0.0.1 du logiciel"), ("en", "Firefox 3.6.12.1 (build 77)"),
    ("en", "link-local 169.254.10.20 only"), ("en", "multicast 224.0.0.251"), ("en", "bind to 0.0.0.0"), ("en", "See § 2.4.1.3 of the law."),
    ("en", "Chapter 5.2.1.7. The Tools"), ("en", "AssemblyVersion(\"1.0.0.0\")"), ("en", "12.1.2.3.4.5 of the tree"), ("en", "carrier-grade 100.64.12.1"),
    ("es", "la versión 8.1.2.3 corrige errores"), ("en", "openssl 1.0.2.7 -> 1.1.0.3"), ("en", "172.16.254.1 and 172.31.0.9 are private"), ("en", "ver. 6.2.9200.16384"),
    ("en", "driver 30.0.15.1179 installed"), ("en", "mylib-2.3.4.5.tar.gz"), ("en", "figures 1.234.567.890 in German style"),
]
for language, text in MISSES4:
    add(language, text)

# ------------------------------------------------------------------------------------------------------------------ IPv6
PUBLIC6 = ["2001:4860:4860::8888", "2001:4860:4860:0:0:0:0:8844", "2606:4700:4700::1111", "2620:fe::fe", "2620:119:35::35", "2a10:50c0::ad1:ff",
           "2606:4700:4700:0000:0000:0000:0000:1001", "2A02:6B8::FEED:0FF", "2001:67c:28a4::", "2a01:4f8:c2c:123f::1"]
FRAMES6 = [("en", "AAAA record {} found"), ("en", "ping6 {}"), ("de", "Adresse {}, gesperrt"), ("en", "http://[{}]:8080/"), ("en", "Edited by {} yesterday."),
           ("fr", "L'adresse {} ne répond pas."), ("en", "{}/64"), ("ru", "узел {} недоступен"), ("en", "nameserver {}"), ("en", "({})")]
for index, address in enumerate(PUBLIC6 * 3):
    language, frame = FRAMES6[(index * 3 + index // len(PUBLIC6)) % len(FRAMES6)]
    add(language, frame.format("{{ipv6|" + address + "}}"))
MISSES6 = [
    ("en", "The train leaves at 12:30:45 sharp."), ("en", "MAC 00:1A:2B:3C:4D:5E of the card"), ("en", "use std::collections::HashMap;"), ("en", "Foo::bar::baz()"),
    ("en", "link-local fe80::1ff:fe23:4567:890a"), ("en", "loopback ::1"), ("en", "2001:db8:85a3::8a2e:370:7334 is for documentation"),
    ("en", "ratio 1:2:3:4"), ("en", "Genesis 1:1, John 3:16"), ("en", "unique local fd12:3456:789a:1::1"), ("en", "12:34:56:78:9a:bc:de:f0 WWN"),
    ("en", "a::b::c"), ("en", "SHA256:9f:86:d0:81:88:4c:7d:65:9a:2f:ea:a0"), ("en", "abc::def is a path in Perl"), ("en", "Dead::Beef->new"), ("en", "01:02:03:04:05:06:07"),
]
for language, text in MISSES6:
    add(language, text)

# ----------------------------------------------------------------------------------------------------------------- phone
PHONES = [
    ("en", "Call {} today.", "+1 202 555 0143"), ("en", "Call us: {}", "(202) 555-0176"), ("en", "tel {}", "202-555-0191"), ("en", "fax {}.", "202.555.0128"),
    ("en", "Phone {} ext. 12", "1-800-555-0199"), ("en", "my cell is {}", "(415)555-0132"), ("en", "text {} now", "+12025550143"), ("en", "{} (office)", "312 555 0187"),
    ("en", "London office {}", "+44 20 7946 0018"), ("en", "Tel: {}", "020 7946 0958"), ("en", "mobile {}", "07700 900123"), ("en", "ring {}", "+44 (0)20 7946 0321"),
    ("en", "Bristol: tel. {}", "0117 496 0456"), ("en", "Phone: {}", "(020) 7946 0123"), ("en", "whatsapp {}", "+447700900456"),
    ("de", "Telefon: {}", "030 23125 123"), ("de", "Tel. {}", "030/23125-456"), ("de", "Rufen Sie an: {}", "+49 30 23125 789"), ("de", "Handy {}", "0171 3920012"),
    ("de", "Fax: {}", "+49 (0) 89 99998-123"), ("de", "Tel.: {}", "(0221) 4710 123"), ("de", "erreichbar unter {}", "+49 40 66969 321"),
    ("fr", "Tél. : {}", "01 99 00 12 34"), ("fr", "Appelez le {}", "06 39 98 45 67"), ("fr", "tél {}", "02.61.91.23.45"), ("fr", "au {} dès demain", "+33 1 99 00 98 76"),
    ("fr", "Portable : {}", "+33 (0)6 39 98 11 22"), ("fr", "Fax {}", "04-65-71-12-34"), ("es", "Teléfono: {}", "912 345 678"), ("es", "Llámame al {}", "+34 612 345 678"),
    ("es", "Tel. {}", "93 123 45 67"), ("it", "Tel. {}", "06 1234 5678"), ("it", "Cellulare: {}", "347 123 4567"), ("it", "chiamare {}", "+39 06 1234 5678"),
    ("nl", "Telefoon: {}", "020-123 4567"), ("nl", "bel {}", "+31 6 12345678"), ("pl", "tel. {}", "22 123 45 67"), ("pl", "zadzwoń {}", "+48 22 123 45 67"),
    ("sv", "Telefon: {}", "08-465 004 12"), ("sv", "ring {}", "+46 8 465 004 56"), ("ru", "Телефон: {}", "+7 495 123-45-67"), ("ru", "звоните {}", "8 (495) 123-45-67"),
    ("pt", "Telefone: {}", "+351 21 123 4567"), ("pt", "ligue {}", "+55 11 91234-5678"), ("ja", "電話: {}", "+81 3-1234-5678"), ("ja", "電話番号は{}です", "03-1234-5678"),
    ("en", "Sydney {}", "+61 2 5550 1234"), ("en", "India: {}", "+91 98765 43210"), ("tr", "Telefon: {}", "+90 212 555 01 23"), ("zh", "电话：{}", "+86 10 5555 0123"),
    ("en", "dial {} from abroad", "0049 30 23125 111"), ("en", "Israel {}", "+972-2-555-0123"), ("cs", "volejte {}", "+420 601 123 456"), ("el", "Τηλ. {}", "+30 21 0123 4567"),
    ("en", "For bookings ring {}; ask for Sue.", "(303) 555-0112"), ("en", "<a href=\"tel:{}\">", "+13035550145"),
]
for language, frame, number in PHONES:
    add(language, frame.format("{{phone|" + number + "}}"))
add("en", "Tel: {{phone|202-555-0110}} or {{phone|202-555-0111}}; mail {{email|desk@example.com}}.")
MISSES_PHONE = [
    ("en", "ISBN 978-0-306-40615-7"), ("en", "ISSN 2049-3630 and ISBN 0-306-40615-2"), ("en", "On 2024-03-15 the shop closed."), ("en", "15.03.2024, 03/15/2024, 15-03-2024"),
    ("en", "Order no. 4005 1234 99 shipped."), ("en", "The years 1914-1918 and 1939-1945."), ("en", "pi is 3.14159265358979"), ("en", "It costs 1,234,567,890 dollars."),
    ("en", "52.5200, 13.4050 is Berlin"), ("en", "population 3 769 495 in 2019"), ("en", "UPC 012345678905"), ("en", "invoice 2023-000123456"), ("en", "10.1000/182 and 10.1038/nphys1170"),
    ("en", "arXiv:2406.17557 and arXiv:1910.10683"), ("en", "call extension 4471"), ("en", "scores 3-2, 4-1, 0-0, 21-14"), ("en", "pages 100-200, 555-1234 only locally"), ("de", "IBAN folgt, BLZ 370 400 44"),
    ("en", "1 2 3 4 5 6 7 8 9 10 11 12"), ("en", "serial 0123456789"), ("en", "+5 points, +100 xp, +1 from me"), ("en", "f(x) = +12345 - 678"), ("en", "ZIP 20500-0003"), ("en", "SSN-like 078-05-1120"),
    ("en", "timestamp 1700000000 and 1700000000123"), ("fr", "Code postal 75008, année 2 024"), ("de", "Aktenzeichen 4 U 123/20 vom 12.11.2020"), ("en", "2021-06-01T12:30:45+02:00"), ("en", "lat +40.712776 lon -74.005974"),
    ("en", "GPS 40.7127 -74.0059 10.5"), ("en", "PMID 12345678; PMC1234567"), ("en", "10 000 000 000 stars"), ("en", "CAS 7732-18-5 is water"), ("en", "tracking 1Z 999 AA1 01 2345 6784"), ("en", "0.0254 0.3048 0.9144 1609.344"),
    ("en", "202 555 people came"), ("en", "(2020) 12-34, pp. 55-60"), ("en", "model 800-555-XXXX"), ("en", "rows: 212 334 1200 455 671 9021"), ("fr", "les 12 13 14 15 et 16 mai"), ("en", "EAN 4006381333931"),
    ("en", "2.718281828459045 2.302585092994046"), ("en", "bug #1234567890"), ("en", "ORCID 0000-0002-1825-0097"),
]
for language, text in MISSES_PHONE:
    add(language, text)


# ------------------------------------------------------------------------------------------------------------------ cards
def luhn(body):
    total = 0
    for index, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


PUBLISHED = ["4111111111111111", "4012888888881881", "5555555555554444", "5105105105105100", "378282246310005", "371449635398431", "6011111111111117",
             "6011000990139424", "3530111333300000", "3566002020360505", "30569309025904", "4242424242424242", "2223003122003222", "4000056655665556"]
MADE = [luhn(prefix + digits(length - 1 - len(prefix))) for prefix, length in
        [("4", 16), ("51", 16), ("55", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16), ("3528", 16), ("36", 14), ("4", 16), ("53", 16), ("38", 14), ("62", 16)]]


def spaced(number, mark):
    if len(number) == 15:
        return mark.join([number[:4], number[4:10], number[10:]])
    if len(number) == 14:
        return mark.join([number[:4], number[4:10], number[10:]])
    return mark.join(number[i:i + 4] for i in range(0, len(number), 4))


CARD_FRAMES = [("en", "Card number {}, valid until 12/27"), ("en", "Visa {}"), ("de", "Kreditkarte: {}"), ("fr", "carte bancaire {} (exp. 04/26)"), ("en", "paid with {}."), ("es", "tarjeta {}"), ("en", "{}"), ("ru", "карта {}, пожалуйста"), ("en", "cc={}&cvv=123")]
for index, number in enumerate(PUBLISHED + MADE + PUBLISHED[:6]):
    language, frame = CARD_FRAMES[index % len(CARD_FRAMES)]
    mark = ["", " ", "-"][(index + index // 14) % 3]
    add(language, frame.format("{{card|" + spaced(number, mark) + "}}"))
add("en", "Two cards: {{card|4111 1111 1111 1111}} and {{card|5555-5555-5555-4444}}.")
for index in range(10):
    number = luhn(draw.choice(["4", "5", "6"]) + digits(14))
    wrong = number[:-1] + str((int(number[-1]) + draw.randint(1, 9)) % 10)
    add("en", draw.choice(["Order {} was shipped.", "reference {}", "id={}", "Serial no. {}"]).format(spaced(wrong, ["", " ", "-"][index % 3])))
MISSES_CARD = [
    ("en", "ISBN 9780306406157"), ("en", "1234 5678 9012 3456 is a placeholder"), ("en", "0000 0000 0000 0000"), ("en", "id 79927398713 passes Luhn"), ("en", "tracking 9400 1000 0000 0000 0000 00"), ("en", "IMEI 490154203237518"),
    ("en", "0.4111111111111111 is 37/90"), ("en", "sha 4111111111111111abcdef0123456789"), ("en", "digits 14159265358979323846264338327950288"), ("en", "uuid 41111111-1111-4111-8111-111111111111"), ("en", "years 2010 2011 2012 2013"), ("en", "1990 1994 1998 2002"), ("en", "4.111.111.111.111.111 euros"),
    ("en", "nanoseconds 1700000000000000000"),
]
for language, text in MISSES_CARD:
    add(language, text)


# ------------------------------------------------------------------------------------------------------------------- IBAN
def iban(country, account):
    number = "".join(str(int(c, 36)) for c in account + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{account}"


REGISTRY = ["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606", "NL91ABNA0417164300", "CH9300762011623852957", "BE68539007547034", "NO9386011117947",
            "IT60X0542811101000000123456", "ES9121000418450200051332", "PL61109010140000071219812874", "AT611904300234573201", "SE4550000000058398257466", "DK5000400440116243", "FI2112345600000785",
            "PT50000201231234567890154", "IE29AIBK93115212345678", "MT84MALT011000012345MTLCAST001S", "TR330006100519786457841326", "SA0380000000608010167519", "CZ6508000000192000145399"]
MADE_IBAN = [iban("DE", digits(18)), iban("FR", digits(23)), iban("NL", "INGB" + digits(10)), iban("GB", "BARC" + digits(14)), iban("HU", digits(24)), iban("GR", digits(23)), iban("LU", digits(16)), iban("RO", "AAAA" + digits(16)), iban("HR", digits(17)), iban("EE", digits(16))]
IBAN_FRAMES = [("de", "IBAN: {}"), ("en", "Please pay to {} by Monday."), ("fr", "RIB {}, merci"), ("nl", "rekening {} t.n.v. J. Jansen"), ("it", "IBAN {}"), ("es", "cuenta {}."), ("en", "({})"), ("de", "Konto {} bei der Musterbank"), ("pl", "konto: {}")]
for index, number in enumerate(REGISTRY + MADE_IBAN):
    language, frame = IBAN_FRAMES[index % len(IBAN_FRAMES)]
    add(language, frame.format("{{iban|" + (number if index % 2 else spaced(number + " ", " ").strip()) + "}}"))
for language, text in [
    ("de", "IBAN DE89370400440532013001 hat eine falsche Prüfziffer"), ("en", "GB29 NWBK 6016 1331 9268 18 is mistyped"), ("de", "USt-IdNr. DE123456789"), ("en", "XX89370400440532013000"), ("en", "DE8937040044053201300 is too short"),
    ("en", "SWIFT code DEUTDEFF500"), ("en", "FR14 of the model line"), ("en", "part no. NL91ABNA041716430"), ("en", "BASE64 QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"), ("en", "ES6 and ES2015 and ES91"), ("en", "GB82 TEST 1234 5698 7654 32"), ("fr", "SIRET 732 829 320 00074"),
    ("en", "VAT GB999999973"), ("en", "AT611904300234573201X99"),
]:
    add(language, text)

# ---------------------------------------------------------------------------------------------------------------- secrets
B64 = string.ascii_letters + string.digits
UP = string.ascii_uppercase + "234567"


def cut(key):
    return key[:3] + "~~" + key[3:]


SECRETS = ["AKIAIOSFODNN7EXAMPLE", "ASIA" + letters(16, UP), "AKIA" + letters(16, UP), "ghp_" + letters(36), "gho_" + letters(36), "ghs_" + letters(36), "github_pat_" + letters(22) + "_" + letters(59),
           "glpat-" + letters(20), "xoxb-" + digits(12) + "-" + digits(12) + "-" + letters(24), "xoxp-" + digits(11) + "-" + digits(11) + "-" + digits(11) + "-" + letters(32, "0123456789abcdef"),
           "sk_live_" + letters(24), "rk_live_" + letters(24), "sk_live_" + letters(99), "sk_test_" + letters(24), "AIza" + letters(35, B64 + "-_"), "AIza" + letters(35, B64 + "-_"), "npm_" + letters(36), "hf_" + letters(34, string.ascii_letters),
           "SG." + letters(22) + "." + letters(43), "sk-ant-api03-" + letters(93) + "AA", "sk-proj-" + letters(48), "sk-" + letters(20) + "T3BlbkFJ" + letters(20), "dop_v1_" + letters(64, "0123456789abcdef"), "pypi-AgEIcHlwaS5vcmc" + letters(60),
           "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
           "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJleGFtcGxlIiwiZXhwIjoxNzAwMDAwMDAwfQ." + letters(86, B64 + "-_")]
SECRET_FRAMES = [("en", "export TOKEN={}"), ("en", "Authorization: Bearer {}"), ("en", "the key is {}, keep it"), ("de", "Schlüssel: {}"), ("en", "api_key = \"{}\""), ("en", "'{}'"), ("fr", "clé d'accès {}."), ("en", "curl -H 'X-Key: {}' https://api.example.com"), ("ja", "トークンは{}です")]
for index, key in enumerate(SECRETS + [SECRETS[i] for i in (0, 3, 8, 10, 14, 24)]):
    language, frame = SECRET_FRAMES[(index * 4) % len(SECRET_FRAMES)]
    add(language, frame.format("{{secret|" + cut(key) + "}}"))
BODY = "\\n".join(letters(64) for _ in range(3))
for name in ["RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]:
    add("en", "the file:\\n{{secret|" + "-----BEG~~IN " + name + "-----\\n" + BODY + "\\n-----END " + name + "-----}}\\nkeep it safe")
add("en", "{{secret|-----BEG~~IN PGP PRIVATE KEY BLOCK-----\\nVersion: 1\\n\\n" + BODY + "\\n-----END PGP PRIVATE KEY BLOCK-----}}")
add("en", "id {{secret|" + cut("AKIAIOSFODNN7EXAMPLE") + "}} of {{email|ops@example.com}} at {{ipv4|9.9.9.9}}")
for language, text in [
    ("en", "commit 356a192b7913b04c54574d18c28d46e6395428ab"), ("en", "uuid 123e4567-e89b-12d3-a456-426614174000"), ("en", "tokens begin with ghp_ or gho_"), ("en", "set sk_live_... in the dashboard"), ("en", "xoxb-your-token-here"),
    ("en", "AKIA is the prefix of access keys"), ("en", "AIza is how it starts"), ("en", "-----BEG~~IN PUBLIC KEY-----\\n" + letters(64) + "\\n-----END PUBLIC KEY-----"), ("en", "-----BEG~~IN CERTIFICATE-----\\n" + letters(64) + "\\n-----END CERTIFICATE-----"),
    ("en", "eyJ is base64 for {\""), ("en", "md5 d41d8cd98f00b204e9800998ecf8427e"), ("en", "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"), ("en", "class sk-spinner sk-circle-fade sk-chase-dot-before"), ("en", "pk_live_" + letters(24)),
    ("en", "hf_hub_download and hf_transfer_enabled_by_default_here"), ("en", "npm_config_registry_and_other_environment_names"), ("en", "BAKIAIOSFODNN7EXAMPLEX in a longer word"), ("en", "ghp_" + "xxxxxxxxxx"), ("en", "sha512-" + letters(86) + "=="),
    ("en", "the SG.1 and SG.2 groups met"), ("en", "risk-" + letters(8) + " task-force disk-usage"), ("en", "glpat-short"), ("en", "AKIA" + letters(10, UP)),
]:
    add(language, text)

# --------------------------------------------------------------------------------------- plain text, and several at once
PLAIN = [
    ("en", "The quick brown fox jumps over the lazy dog, 42 times in 3.14 days."), ("de", "Am 3. Oktober 1990 um 0:00 Uhr begann ein neuer Tag; 16 Länder, 357.022 km²."), ("fr", "En 2019, 67 063 703 habitants ; soit 0,9 % de la population mondiale."),
    ("es", "El 14 de julio de 2021 a las 15:30, sala 3.2, planta 4."), ("it", "Il 25 aprile 1945, ore 8:00; art. 1, comma 2, legge 241/1990."), ("ru", "В 1961 году, 12 апреля в 9:07 по московскому времени."), ("ja", "2011年3月11日14時46分、震度7。"), ("zh", "1949年10月1日，北京，3000人。"),
    ("ar", "في عام 1969 هبط الإنسان على القمر."), ("hi", "15 अगस्त 1947 को भारत स्वतंत्र हुआ।"), ("ko", "1945년 8월 15일에 광복을 맞았다."), ("en", "E = mc^2; c = 299792458 m/s; h = 6.62607015e-34 J s"), ("en", "| 1 | 2 | 3 |\\n| 10.5 | 20.25 | 30.125 |"), ("en", "for (int i = 0; i < 1000; i++) { a[i] = 0x7fffffff; }"),
    ("en", "10:30-11:45 Room 204-B; 12:00-13:00 lunch"), ("en", "GET /api/v2/items/1234567?page=2&size=50 HTTP/1.1"), ("pt", "Lei n.º 13.709, de 14 de agosto de 2018."), ("nl", "Op 5 december 2022 om 18.30 uur, zaal 12."), ("en", "RFC 2606, RFC 5737 and RFC 3849 set names aside."), ("en", "Shakespeare, Hamlet, 3.1.56-88"),
]
for language, text in PLAIN:
    add(language, text)
MIXED = [
    ("en", "Jane Doe, {{phone|(202) 555-0143}}, {{email|jane@example.com}}, IBAN {{iban|GB29 NWBK 6016 1331 9268 19}}"), ("de", "Max Muster, Tel. {{phone|030 23125 100}}, {{email|max@example.de}}, {{iban|DE89 3704 0044 0532 0130 00}}"),
    ("en", "{{ipv4|8.8.8.8}} and {{ipv6|2001:4860:4860::8888}} are one service, version 1.2.3.4."), ("fr", "Appelez {{phone|+33 1 99 00 11 22}} ou écrivez à {{email|bonjour@example.fr}}."), ("en", "card {{card|4242 4242 4242 4242}}, order 1234-5678"),
]
for language, text in MIXED:
    add(language, text)

while len(cases) < COUNT:  # the rest: generated addresses, cards and accounts in sentences that others have used
    turn = len(cases) % 4
    if turn == 0:
        language, frame = draw.choice(EMAIL_FRAMES)
        add(language, frame.format("{{email|" + letters(draw.randint(2, 9), string.ascii_lowercase) + draw.choice(["", ".", "_", "-"]) + letters(4, string.ascii_lowercase) + "@" + draw.choice(["example.com", "mail.example.org", "firma.example"]) + "}}"))
    elif turn == 1:
        language, frame = draw.choice(CARD_FRAMES)
        add(language, frame.format("{{card|" + spaced(luhn("4" + digits(14)), draw.choice(["", " ", "-"])) + "}}"))
    elif turn == 2:
        language, frame = draw.choice(IBAN_FRAMES)
        add(language, frame.format("{{iban|" + iban("DE", digits(18)) + "}}"))
    else:
        add("en", draw.choice(["Call +1 {}", "phone: {}", "reach me at {}"]).replace("+1 {}", "{}").format("{{phone|(" + draw.choice(["212", "312", "415", "617"]) + ") 555-01" + digits(2) + "}}"))

assert len(cases) >= COUNT, len(cases)
print(len(cases), "cases,", sum("{{" in text for _, text in cases), "with something to find,", sum(text.count("{{") for _, text in cases), "marks")
FILE.write_text("".join(f"{language}\t{text}\n" for language, text in cases), encoding="utf-8")
