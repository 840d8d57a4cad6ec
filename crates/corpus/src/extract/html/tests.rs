//! Whole pages. They are written for these tests; measured against real ones in `agrees_with_the_annotated_pages`.

use std::collections::HashMap;
use std::io::Read;

use proptest::prelude::*;

use super::*;

/// A page with everything around its text.
const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en-GB"><head><title>The ferry &amp; the fog | Harbour News</title>
<meta property="og:title" content="The ferry &amp; the fog">
<meta property="article:published_time" content="2021-03-04T05:06:07Z">
<meta name="author" content="M. Tide"><meta property="og:site_name" content="Harbour News">
<meta name="description" content="Fog stopped the ferry."><link rel="canonical" href="https://example.org/ferry">
<style>p { color: red }</style><script>var a = "<p>not text</p>";</script></head>
<body class="single has-sidebar">
<header class="site-header"><nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav></header>
<div id="cookie-consent"><p>We use cookies to improve your experience, and by staying here you agree to that.</p></div>
<main><article class="post-12 post tag-ferries type-post hentry">
<h1>The ferry &amp; the fog</h1>
<p class="byline">By M. Tide, 4 March 2021</p>
<div class="share-buttons"><a href="/f">Share</a> <a href="/t">Tweet</a></div>
<div class="entry-content">
<p>The morning ferry to the island did not leave the harbour on Thursday, because the fog was so thick that the captain,
who has sailed this route for thirty years, could not see the pier.</p>
<figure><img src="fog.jpg"><figcaption>The pier in the fog. Photo: A. Gull</figcaption></figure>
<p>Passengers waited in the hall, where the kiosk gave out tea, and some of them <a href="/bus">took the bus</a> to the
northern harbour instead.</p>
<p>Read more: <a href="/other">The bridge that was never built on the northern shore</a></p>
<h2>What happens next</h2>
<ul><li>The noon ferry is planned to leave on time, weather permitting.</li><li>Tickets stay valid for a week.</li></ul>
<blockquote>&ldquo;We do not sail blind,&rdquo; said the captain, and went home for breakfast.</blockquote>
<aside class="newsletter-signup"><h3>Our newsletter</h3><p>Sign up, and get the news of the harbour every day.</p></aside>
<p>The company expects, as the forecast promises wind from the west, that the fog lifts before evening.</p>
</div>
<div class="related-posts"><h3>Related</h3><ul><li><a href="/1">A storm in spring, and what it broke</a></li></ul></div>
</article>
<section id="comments"><h3>2 comments</h3><p>I was there, and it was cold, really cold, and nobody told us anything at all.</p></section>
</main>
<div class="sidebar"><h4>Most popular</h4><p>Ten harbours, ten stories, and one long walk, told by those who took it.</p></div>
<footer><p>Copyright Harbour News, all rights reserved, printed on recycled electrons.</p></footer>
</body></html>"#;

const TEXT: &str = "\
The morning ferry to the island did not leave the harbour on Thursday, because the fog was so thick that the captain, \
who has sailed this route for thirty years, could not see the pier.

Passengers waited in the hall, where the kiosk gave out tea, and some of them took the bus to the northern harbour instead.

What happens next

- The noon ferry is planned to leave on time, weather permitting.
- Tickets stay valid for a week.

“We do not sail blind,” said the captain, and went home for breakfast.

The company expects, as the forecast promises wind from the west, that the fog lifts before evening.";

#[test]
fn a_page_without_what_is_around_it() {
    let page = main_text(PAGE, &Options::default());
    assert_eq!(page.text, TEXT);
    assert_eq!(page.title.as_deref(), Some("The ferry & the fog"));
    assert_eq!(page.language.as_deref(), Some("en-GB"));
    assert_eq!(page.published.as_deref(), Some("2021-03-04T05:06:07Z"));
    let metadata = Metadata {
        author: Some("M. Tide".into()),
        description: Some("Fog stopped the ferry.".into()),
        site: Some("Harbour News".into()),
        url: Some("https://example.org/ferry".into()),
    };
    assert_eq!(page.metadata, metadata);
}

#[test]
fn options_change_what_is_written() {
    let options = Options {
        list_markers: false,
        captions: true,
        ..Options::default()
    };
    let text = main_text(PAGE, &options).text;
    assert!(text.contains("\nTickets stay"), "{text}");
    assert!(
        text.contains("The pier in the fog. Photo: A. Gull"),
        "{text}"
    );
}

#[test]
fn structured_data_gives_what_the_head_does_not() {
    let page = main_text(
        r#"<title>Window</title><script type="application/ld+json">
        {"@graph": [{"@type": "NewsArticle", "headline": "A &amp; B", "datePublished": "2020-01-02", "author": [{"name": "C"}]}]}
        </script>"#,
        &Options::default(),
    );
    assert_eq!(page.title.as_deref(), Some("A & B"));
    assert_eq!(page.published.as_deref(), Some("2020-01-02"));
    assert_eq!(page.metadata.author.as_deref(), Some("C"));
}

/// Two paragraphs that are prose by any measure.
const PROSE: &str = "<p>Once the tide had gone out, the children walked over the sand, looking for shells, stones, and whatever \
    else the sea had left behind for them to find.</p><p>Their mother sat on the wall, reading, and looked up now and then, \
    counting heads, until the wind turned the pages faster than she could read them.</p>";

#[track_caller]
fn leaves_out(page: &str, unwanted: &str) {
    let text = main_text(&page.replace("PROSE", PROSE), &Options::default()).text;
    assert!(
        text.contains("Once the tide") && text.contains("counting heads"),
        "{text}"
    );
    assert!(!text.contains(unwanted), "{text}");
}

#[track_caller]
fn keeps(page: &str, wanted: &str) {
    let text = main_text(&page.replace("PROSE", PROSE), &Options::default()).text;
    assert!(
        text.contains("Once the tide") && text.contains(wanted),
        "{text}"
    );
}

#[test]
fn what_is_left_out() {
    leaves_out(
        "<div>PROSE</div><div class=cookieBanner><p>We use cookies, as all do, to know you better than you do.</div>",
        "cookies",
    );
    leaves_out(
        "<div>PROSE<ul class=tags><li><a href=/a>Tag one</a></ul></div>",
        "Tag one",
    );
    leaves_out(
        "<div>PROSE<ul><li><a href=/a>Another page</a><li><a href=/b>And another</a></ul></div>",
        "nother",
    );
    leaves_out(
        "<div>PROSE<p><a href=/a>A HEADLINE OF ANOTHER STORY</a></p></div>",
        "HEADLINE",
    );
    leaves_out(
        "<div>PROSE<p>Lesen Sie auch: <a href=/a>Etwas ganz anderes</a></p></div>",
        "Lesen",
    );
    leaves_out(
        "<div>PROSE<h3>More stories</h3><div><a href=/a>Short</a> <a href=/b>Links</a> here</div></div>",
        "Links",
    );
    leaves_out("<div>PROSE<h2>You may also like</h2></div>", "also like");
    leaves_out("<div>PROSE<h2>Comments</h2></div>", "Comments");
    leaves_out(
        "<div>PROSE<p style='display: none'>Hidden text, of which nobody will ever read a word.</p></div>",
        "Hidden",
    );
    leaves_out(
        "<div>PROSE<p hidden>Hidden text, of which nobody will ever read a word.</p></div>",
        "Hidden",
    );
    leaves_out(
        "<div>PROSE<form><label>Name</label><select><option>Choose one</select></form></div>",
        "Choose",
    );
    leaves_out(
        "<div>PROSE<span class='screen-reader-text'>For screen readers</span></div>",
        "screen",
    );
}

#[test]
fn what_is_kept() {
    // Names of state and of the page are no names of parts.
    keeps(
        "<article class='post tag-video has-sidebar comments-open'>PROSE<p>A last word.</p></article>",
        "A last word",
    );
    keeps(
        "<div class='section section--ads'>PROSE<p>A last word.</p></div>",
        "A last word",
    );
    keeps(
        "<body class='sidebar comments'><div>PROSE<p>A last word.</p></div>",
        "A last word",
    );
    // So does a name on the whole text.
    keeps(
        "<form class=widget>PROSE<p>A last word.</p></form>",
        "A last word",
    );
    keeps(
        "<header><button>Menu<div>PROSE<p>A last word.</p></div>",
        "A last word",
    );
    // Text in columns, and its first lines in a header.
    keeps(
        "<div class=row><div class=a><p>The first column begins here, with a sentence of its own, and ends here.</p></div>\
         <div class=b>PROSE</div></div>",
        "The first column",
    );
    keeps(
        "<div>PROSE<p>See <a href=/a>this page</a> for more, and <a href=/b>that one</a>.</p></div>",
        "See this page",
    );
    keeps(
        "<div>PROSE<h2>A heading</h2><p>And what it heads, short.</p></div>",
        "A heading\n\nAnd what",
    );
    keeps("<div>PROSE<pre>  a\n    b</pre></div>", "  a\n    b");
    keeps(
        "<div>PROSE<table><tr><th>a<th>b<tr><td>1<td>2</table></div>",
        "a | b\n1 | 2",
    );
}

#[test]
fn structured_text_trims_what_is_around_it() {
    let body = "word ".repeat(3) + &(0..80).map(|word| format!("w{word} ")).collect::<String>();
    let html = format!(
        "<div><p>A first line that is not in the article, with a comma.</p><p>{body}, x</p><p>A last line, not in it either, \
         with commas.</p></div><script type=application/ld+json>{{\"articleBody\": \"{body}\"}}</script>"
    );
    let text = main_text(&html, &Options::default()).text;
    assert!(
        text.starts_with("word word word w0") && text.ends_with("w79 , x"),
        "{text}"
    );
    // That of another article says nothing.
    let other = (0..80).map(|word| format!("v{word} ")).collect::<String>();
    let wrong = html.replace(&format!("\"{body}\""), &format!("\"{other}\""));
    assert!(
        main_text(&wrong, &Options::default())
            .text
            .contains("first line")
    );
}

#[track_caller]
fn check_all(html: &str, expected: &str) {
    assert_eq!(all_text(html, &Options::default()), expected, "{html}");
}

#[test]
fn white_space_and_blocks() {
    check_all("a  b\n\tc", "a b c");
    check_all("a<b>b</b> <i>c</i>d", "ab cd");
    check_all("<span> a </span><span>b </span>", "a b");
    check_all("<div>a</div>b<div>c</div>", "a\nb\nc");
    check_all("<p>a</p><p>b<br>c</p>", "a\n\nb\nc");
    check_all("<p>a<br><br>b</p>", "a\nb");
    check_all("a&nbsp;&nbsp;b&shy;c&#8203;d&#65279;", "a bcd");
    check_all("&lt;p&gt; &amp;amp;", "<p> &amp;");
    check_all("a\0b", "ab");
    check_all("<ul><li>a<li><p>b</p><li></ul>c", "- a\n- b\n\nc");
    check_all("<ol><li>a<ul><li>b</ul></ol>", "- a\n- b");
    check_all(
        "<table><tr><td>a</td> <td>b<td></tr><tr><td>c</table>",
        "a | b\nc",
    );
    check_all("<dl><dt>a<dd>b</dl>", "a\nb");
    check_all("<pre>a\n  b &lt;\n</pre>c", "a\n  b <\n\n\nc");
    check_all("<p>日本語<b>の</b>文</p>", "日本語の文");
    check_all(
        "<head><title>t</title></head><body>a<script>b</script><template>c</template><svg><text>d</text></svg>e",
        "ae",
    );
    check_all(
        "a<noscript>b</noscript><iframe>c</iframe><textarea>d\n e</textarea>",
        "ad\n e",
    );
    check_all("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢kan");
    check_all("", "");
}

#[test]
fn pages_without_prose() {
    for html in [
        "",
        "<",
        "<html>",
        "<p>",
        "<a href=x>only a link</a>",
        "<ul><li><a href=/a>a</a></ul>",
        "\0",
        "&#0;",
    ] {
        let _ = main_text(html, &Options::default());
    }
    assert_eq!(
        main_text(
            "<div><p>Only one short sentence, and no more than that.</p></div>",
            &Options::default()
        )
        .text,
        "Only one short sentence, and no more than that."
    );
}

/// Time grows with the length of the page, whatever its form: each of these takes minutes if any step is quadratic.
#[test]
fn hostile_pages_take_linear_time() {
    let many = 100_000;
    for piece in [
        "<div>",
        "</div>",
        "<p>",
        "<a href=x>",
        "<b><p>",
        "<table>",
        "<td>",
        "<li>",
        "<ul><li>",
        "<!--",
        "<",
        "<a ",
        "&",
        "&#",
        "<script>",
        "</script",
        "<svg>",
        "<button><p>",
        "<h1>",
        "a ",
        "a,",
        "<x y=",
        "<dl><dt>",
        "<option>",
        "<pre>",
        "<h2>x</h2>",
        "<div class=comment>a, b",
        "--",
        "-->",
        "<br>",
        "<p>Read more: <a href=x>y</a>",
    ] {
        let html = piece.repeat(many);
        let _ = main_text(&html, &Options::default());
        let _ = all_text(&html, &Options::default());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Pieces of the page cut out, doubled and put elsewhere: never a panic, and never text out of a script.
    #[test]
    fn mutated_pages(cuts in prop::collection::vec((0..PAGE.len(), 0..200_usize, 0..PAGE.len()), 1..12)) {
        let mut html = PAGE.to_owned();
        for (from, length, to) in cuts {
            let boundary = |mut at: usize| { at = at.min(html.len()); while !html.is_char_boundary(at) { at -= 1; } at };
            let (from, to) = (boundary(from), boundary(to));
            let end = boundary(from + length);
            let piece = html[from..end].to_owned();
            if length % 2 == 0 {
                html.insert_str(to, &piece);
            } else {
                html.replace_range(from..end, "");
            }
        }
        let page = main_text(&html, &Options::default());
        let all = all_text(&html, &Options::default());
        prop_assert!(page.text.len() <= html.len() * 3 + 16 && all.len() <= html.len() * 3 + 16);
        prop_assert_eq!(&main_text(&html, &Options::default()), &page);
    }

    /// Any text of the characters that matter to the parser.
    #[test]
    fn any_text(html in "[<>/!?&;#=\"' \\-a-dpéx0\0]{0,200}") {
        let _ = main_text(&html, &Options::default());
        let _ = all_text(&html, &Options::default());
    }

    /// Text without markup comes back, but for its white space.
    #[test]
    fn plain_text_comes_back(text in "[a-zéß漢0-9 \n.,]{0,200}") {
        let expected = text.split_whitespace().collect::<Vec<_>>().join(" ");
        prop_assert_eq!(all_text(&text, &Options::default()), expected);
    }
}

/// Precision, recall and F1 as the article extraction benchmark of Scrapinghub has them: four words in a row as a bag, each
/// page alone, then the means, then F1 of the means.
#[test]
#[ignore = "needs data sets: set KILN_DATA"]
fn agrees_with_the_annotated_pages() {
    let folder = std::path::PathBuf::from(std::env::var_os("KILN_DATA").expect("KILN_DATA is set"))
        .join("article-extraction");
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("ground-truth.json")).unwrap()).unwrap();
    let (mut precisions, mut recalls) = (Vec::new(), Vec::new());
    for (name, page) in truth.as_object().unwrap() {
        let file =
            std::fs::File::open(folder.join("html").join(format!("{name}.html.gz"))).unwrap();
        let mut bytes = Vec::new();
        flate2::read::MultiGzDecoder::new(file)
            .read_to_end(&mut bytes)
            .unwrap();
        let text = main_text(&String::from_utf8_lossy(&bytes), &Options::default()).text;
        let found = shingles(&text);
        let wanted = shingles(page["articleBody"].as_str().unwrap_or_default());
        let shared: usize = wanted
            .iter()
            .map(|(shingle, count)| (*count).min(found.get(shingle).copied().unwrap_or(0)))
            .sum();
        let (found, wanted): (usize, usize) = (found.values().sum(), wanted.values().sum());
        if found > 0 {
            precisions.push(shared as f64 / found as f64);
        }
        if wanted > 0 {
            recalls.push(shared as f64 / wanted as f64);
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (precision, recall) = (mean(&precisions), mean(&recalls));
    let f1 = 2.0 * precision * recall / (precision + recall);
    let report = format!(
        "{} pages: precision {precision:.4}, recall {recall:.4}, F1 {f1:.4}",
        recalls.len()
    );
    assert!(f1 >= 0.96, "{report}");
    // The harness shows it with --nocapture.
    std::io::Write::write_all(&mut std::io::stderr(), format!("{report}\n").as_bytes()).unwrap();
}

fn shingles(text: &str) -> HashMap<Vec<&str>, usize> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    let words: Vec<&str> = text
        .split(|character| !is_word(character))
        .filter(|word| !word.is_empty())
        .collect();
    let mut bag = HashMap::new();
    if !words.is_empty() {
        for start in 0..(words.len() + 1).saturating_sub(4).max(1) {
            *bag.entry(words[start..words.len().min(start + 4)].to_vec())
                .or_insert(0) += 1;
        }
    }
    bag
}

#[test]
fn deep_nesting_takes_linear_time() {
    let options = Options::default();
    for (open, close) in [
        ("<div>", "</div>"),
        ("<div>", ""),
        ("<b>", ""),
        ("<a href=x>y", ""),
        ("<ul><li>", ""),
        ("<table><tr><td>", ""),
        ("<p><b>", ""),
        ("</div>", ""),
        ("<p>x", ""),
        ("<!--", ""),
        ("<", ""),
        ("&amp", ""),
    ] {
        let page = |count: usize| format!("{}text{}", open.repeat(count), close.repeat(count));
        crate::growth::check_linear(open, 4_000, page, |page| drop(main_text(page, &options)));
        crate::growth::check_linear(open, 4_000, page, |page| drop(all_text(page, &options)));
    }
}
