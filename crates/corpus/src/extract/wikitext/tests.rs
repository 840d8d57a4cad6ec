use proptest::prelude::*;

use super::text;

#[test]
fn each_kind_of_mark() {
    let cases = [
        ("", ""),
        ("Plain text.", "Plain text."),
        (
            "'''Bold''' and ''italic'' and '''''both'''''.",
            "Bold and italic and both.",
        ),
        ("It's l''''idée''''.", "It's l'idée'."),
        ("[[A]], [[b|c]], [[d|e|f]], [[x]]s", "A, c, e|f, xs"),
        (
            "[[:Category:Tea]] and [[wikt:tea|tea]]",
            "Category:Tea and tea",
        ),
        (
            "[[File:a.jpg|thumb|A [[cup]] of {{lang|fr|thé}}]]Text",
            "Text",
        ),
        ("x [[Category:Tea]]\n[[de:Tee]]\n[[zh-min-nan:Te]]", "x"),
        ("[[Help:Contents (basic)|]]", "Contents"),
        ("[[#History|below]]", "below"),
        (
            "[http://a.b c d] [http://a.b] [https://x 'y'] [not a link]",
            "c d 'y' [not a link]",
        ),
        ("see [http://a [[b]] c]]", "see b c]"),
        ("[[File:a|x [http://a b]]]c", "c"),
        ("a{{cite|x={{y|z}}}}b", "ab"),
        ("a {{citation needed}}, b {{cn}}.", "a, b."),
        ("So, ... he said . {{x}}", "So, ... he said ."),
        (
            "Foo ({{IPA|x}}; born 1900) and ({{IPA|y}}).",
            "Foo (born 1900) and.",
        ),
        ("{{{1|default}}}x {{{{{1}}}|y}}z", "x z"),
        ("{|\n! a\n|-\n| b || c\n|}\nText", "Text"),
        ("{|\n| {{x|\n{|\n|a\n|}}}\n|}\nText", "Text"),
        (":{| class=x\n|a\n|}\nText", "Text"),
        ("{{x\n|a=1\n|}}\nText", "Text"),
        (
            "a<ref>b</ref>c<ref name=x />d<ref name=\"x\">{{cite}}</ref>.",
            "acd.",
        ),
        ("a<!-- b -->c", "ac"),
        ("a<!-- never", "a"),
        (
            "== A ==\ntext\n=== B ===\n{{x}}\n== C ==\nmore",
            "A\ntext\n\nC\nmore",
        ),
        ("== A == <!-- x -->\ntext", "A\ntext"),
        ("* a\n** b\n# c\n; d : e\n: f", "a\nb\nc\nd : e\nf"),
        ("a\n\n\n\nb\nc", "a\n\nb\nc"),
        ("a\n{{x}}\nb", "a\nb"),
        ("<nowiki>[[a]] ''b''</nowiki>", "[[a]] ''b''"),
        ("<math>\\frac{a}{b^{2}}</math>", "$\\frac{a}{b^{2} }$"),
        (
            "x\n<syntaxhighlight lang=c>\n#include <a.h>\n  * b\n</syntaxhighlight>\ny",
            "x\n#include <a.h>\n  * b\ny",
        ),
        (
            "a<br>b <span style='x'>c</span> d < e <unknown>",
            "a\nb c d < e <unknown>",
        ),
        (
            "a&nbsp;b &amp; c &#8212; d &nosuch; e",
            "a b & c — d &nosuch; e",
        ),
        ("__NOTOC__a __TOC__ b__c __init__", "a b__c __init__"),
        (
            "-{zh-hans:计算机; zh-hant:電腦}- -{x}- -{T|title}-",
            "计算机 x",
        ),
        (
            "{{lang|fr|mot}} {{Lang-de|Wort}} {{nowrap|a [[b|c]]}} {{lang|fr|2=mot}}",
            "mot Wort a c mot",
        ),
        (
            "{{convert|5|km|mi}}, {{convert|5|to|10|km2}}, {{convert|3|x|4|m}}",
            "5 km, 5 to 10 km², 3 × 4 m",
        ),
        (
            "{{frac|1|2}} {{frac|3|1|2}} {{val|1.5|e=6|u=km}}",
            "1/2 3 1/2 1.5 × 10^6 km",
        ),
        ("a{{nbsp}}b{{snd}}c{{ndash}}d{{'}}", "a b – c–d'"),
        (
            "{{birth date|1879|3|14}}; {{circa|1900}}; {{as of|2010|5}}",
            "14 March 1879; c. 1900; As of May 2010",
        ),
        (
            "{{quote|One.\n\nTwo.|author}}\nThree",
            "One.\n\nTwo.\nThree",
        ),
        ("{{formatnum:1234}} {{#if:x|y}}z", "1234 z"),
        ("{{nihongo|Tea|茶|cha}}", "Tea (茶, cha)"),
        ("<table><tr><td>a</td></tr></table>b", "b"),
        ("<blockquote>a</blockquote>b", "a\nb"),
    ];
    for (page, expected) in cases {
        assert_eq!(text(page), expected, "{page}");
    }
}

#[test]
fn what_never_closes_keeps_its_text() {
    let cases = [
        ("a {{b c", "a b c"),
        ("a }} b ]] c", "a b c"),
        ("a [[b c\n\nd", "a b c\n\nd"),
        ("[[a\nb]] c", "a\nb c"),
        ("a <ref>b c", "a b c"),
        ("a</ref>b", "ab"),
        ("{| x\n|a\n! b\ntext\n|-\n== H ==\n! c", "text\n\nH\n! c"),
        ("{{x\n== H ==\ntext {{y}} }}", "x\n\nH\ntext"),
        ("[http://a b\nc", "[http://a b\nc"),
        ("|}\ntext\n| a", "text"),
        ("<span a {{x", "<span a x"),
    ];
    for (page, expected) in cases {
        assert_eq!(text(page), expected, "{page}");
    }
}

#[test]
fn deep_nesting_and_hostile_repetition_take_linear_time() {
    // What the page opens again and again, what closes it as often, what stands at the end, and how often.
    let cases = [
        ("{{lang|fr|", "}}", "", 4_000),
        ("[[a|", "]]", "", 4_000),
        ("{|\n|", "\n|}", "", 4_000),
        ("{{", "", "", 20_000),
        ("[[", "", "", 20_000),
        ("<ref>", "", "", 10_000),
        ("<!--", "", "", 10_000),
        ("<", "", "", 40_000),
        ("<a ", "", "", 10_000),
        ("[http://a ", "", "", 4_000),
        ("= ", "", "", 20_000),
        ("=\n", "", "", 20_000),
        ("&", "", "", 40_000),
        ("_", "", "", 40_000),
        ("   {|", "", "", 8_000),
        ("-{", "", "", 20_000),
        ("'", "", "", 40_000),
        ("{{a|", "|", "", 10_000),
        ("<math>", "", "</math>", 7_000),
    ];
    for (open, close, end, count) in cases {
        let page = |count: usize| format!("{}x{}{end}", open.repeat(count), close.repeat(count));
        crate::growth::check_linear(open, count, page, |page| drop(text(page)));
    }
}

proptest! {
    #[test]
    fn any_text_ends(
        page in "(\\{\\{|\\}\\}|\\[\\[|\\]\\]|\\{\\||\\|\\}|\\||\n|=|==|'|<ref>|</ref>|<!--|-->|[a-z é:;*#&_<>{}\\[\\]-]|http://|lang\\||convert\\||quote\\||-\\{|\\}-|<nowiki>|</nowiki>|<math>|</math>){0,60}"
    ) {
        let text = text(&page);
        prop_assert!(!text.contains("\n\n\n"), "{:?}", text);
    }

    #[test]
    fn text_without_marks_stays_as_it_is(page in "[A-Za-zé0-9(]([A-Za-zé0-9.,()\"!?/%$+-]{1,9} ?){0,9}[a-z](\n\n?[A-Z]([a-zé]{1,9} ?){0,9}[a-z.])?") {
        prop_assert_eq!(text(&page), page);
    }
}
