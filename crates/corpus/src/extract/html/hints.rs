//! What an element's class and id say about it, read word by word.

use super::tags::key;
use super::tree::{Name, Tree};

/// Reader comments.
pub(super) const COMMENTS: u32 = 1;
/// Links to other pages: related, recommended, popular, next.
pub(super) const RELATED: u32 = 2;
/// Buttons to share and follow.
pub(super) const SHARE: u32 = 4;
/// Sign-up boxes, advertisements, promotions, notices about cookies.
pub(super) const PROMOTION: u32 = 8;
/// Menus, breadcrumbs, page numbers, toolbars.
pub(super) const NAVIGATION: u32 = 16;
/// Columns beside the text, and what stands above and below it on every page.
pub(super) const MARGIN: u32 = 32;
/// Who wrote it and when, tags, categories.
pub(super) const BYLINE: u32 = 64;
/// Words under a picture, picture credits, players.
pub(super) const CAPTION: u32 = 128;
/// Shown only to machines, on paper or on demand.
pub(super) const CONCEALED: u32 = 256;
/// Names that often stand on the text of the page.
pub(super) const CONTENT: u32 = 512;
/// Names that almost always stand on the text of the page.
pub(super) const BODY: u32 = 1024;
/// A part of the page that was put together from parts.
pub(super) const WIDGET: u32 = 2048;

/// All that is not the text of the page.
pub(super) const BOILERPLATE: u32 = COMMENTS
    | RELATED
    | SHARE
    | PROMOTION
    | NAVIGATION
    | MARGIN
    | WIDGET
    | BYLINE
    | CAPTION
    | CONCEALED;

macro_rules! words {
    ($($hint:expr => $($word:literal)*;)*) => {
        fn word(sought: u64) -> u32 {
            match sought {
                $($(x if x == const { key($word) } => $hint,)*)*
                _ => 0,
            }
        }
    };
}

// Words are compared by their first ten letters. Each stands alone between hyphens, underscores or capitals.
words! {
    COMMENTS => b"comment" b"comments" b"commentlist" b"commenting" b"disqus" b"respond" b"replies" b"livefyre" b"discussion"
        b"kommentar" b"kommentare" b"commentaires" b"comentarios" b"komentarze";
    RELATED => b"related" b"recommended" b"recommend" b"recirc" b"recirculation" b"outbrain" b"taboola" b"popular" b"trending"
        b"readmore" b"zergnet" b"suggested" b"suggestions" b"carousel" b"teaser" b"teasers" b"upnext" b"relatedposts"
        b"mostread" b"revcontent" b"yarpp" b"jp-relatedposts";
    SHARE => b"share" b"shares" b"sharing" b"social" b"sharedaddy" b"addthis" b"addtoany" b"sharethis" b"follow" b"sharebar"
        b"socialmedia" b"shareaholic" b"teilen"
        b"partager";
    PROMOTION => b"newsletter" b"newsletters" b"subscribe" b"subscription" b"signup" b"promo" b"promos" b"promotion" b"advert"
        b"advertisement" b"advertising" b"ad" b"ads" b"adsense" b"adunit" b"sponsor" b"sponsored" b"sponsors" b"cookie" b"cookies"
        b"consent" b"gdpr" b"banner" b"popup" b"modal" b"overlay" b"lightbox" b"paywall" b"cta" b"donate" b"optin" b"affiliate"
        b"dfp" b"adslot" b"mailchimp" b"lightbox" b"interstitial" b"disclaimer" b"disclosure" b"poll" b"quiz"
        b"werbung" b"anzeige" b"publicidad" b"publicite";
    NAVIGATION => b"nav" b"navbar" b"navigation" b"menu" b"menus" b"breadcrumb" b"breadcrumbs" b"pagination" b"pager" b"toolbar"
        b"toc" b"search" b"login" b"paging" b"pagenav" b"dropdown" b"subnav" b"topnav";
    MARGIN => b"sidebar" b"aside" b"rail" b"footer" b"masthead" b"copyright" b"foot" b"colophon"
        b"siteheader" b"sitefooter" b"supplemental";
    WIDGET => b"widget" b"widgets";
    BYLINE => b"byline" b"bylines" b"dateline" b"timestamp" b"author" b"authors" b"tags" b"tag" b"meta" b"metadata" b"postmeta"
        b"pubdate" b"posted" b"taxonomy" b"rating" b"ratings" b"contributor" b"contributors" b"bio" b"biography" b"keywords";
    CAPTION => b"caption" b"captions" b"credit" b"credits" b"gallery" b"slideshow" b"player" b"video" b"wp-caption"
        b"mediacredit" b"infobox" b"vcard" b"attribution";
    CONCEALED => b"printonly" b"tooltip" b"sronly" b"offscreen" b"visuallyhidden";
    CONTENT => b"article" b"body" b"content" b"entry" b"main" b"page" b"post" b"text" b"blog" b"story" b"column" b"hentry"
        b"blogpost" b"prose" b"single";
    BODY => b"articlebody" b"articletext" b"storybody" b"storytext" b"postbody" b"postcontent" b"entrytext" b"bodytext"
        b"bodycopy" b"maintext" b"fulltext";
}

/// Pairs of neighbouring words that say more than their parts.
fn pair(first: u64, second: u64) -> u32 {
    const BODIES: [(u64, u64); 20] = [
        (key(b"article"), key(b"body")),
        (key(b"article"), key(b"text")),
        (key(b"article"), key(b"content")),
        (key(b"entry"), key(b"content")),
        (key(b"entry"), key(b"body")),
        (key(b"entry"), key(b"text")),
        (key(b"post"), key(b"content")),
        (key(b"post"), key(b"body")),
        (key(b"post"), key(b"text")),
        (key(b"post"), key(b"entry")),
        (key(b"story"), key(b"body")),
        (key(b"story"), key(b"content")),
        (key(b"story"), key(b"text")),
        (key(b"body"), key(b"text")),
        (key(b"body"), key(b"copy")),
        (key(b"body"), key(b"content")),
        (key(b"content"), key(b"body")),
        (key(b"blog"), key(b"content")),
        (key(b"page"), key(b"content")),
        (key(b"rich"), key(b"text")),
    ];
    const LINKS: [(u64, u64); 13] = [
        (key(b"read"), key(b"more")),
        (key(b"read"), key(b"next")),
        (key(b"read"), key(b"also")),
        (key(b"more"), key(b"stories")),
        (key(b"more"), key(b"from")),
        (key(b"more"), key(b"news")),
        (key(b"more"), key(b"posts")),
        (key(b"more"), key(b"articles")),
        (key(b"more"), key(b"on")),
        (key(b"also"), key(b"like")),
        (key(b"most"), key(b"viewed")),
        (key(b"most"), key(b"read")),
        (key(b"see"), key(b"also")),
    ];
    const UNSEEN: [(u64, u64); 5] = [
        (key(b"sr"), key(b"only")),
        (key(b"screen"), key(b"reader")),
        (key(b"visually"), key(b"hidden")),
        (key(b"element"), key(b"invisible")),
        (key(b"print"), key(b"only")),
    ];
    if UNSEEN.contains(&(first, second)) {
        CONCEALED
    } else if BODIES.contains(&(first, second)) {
        BODY
    } else if LINKS.contains(&(first, second)) {
        RELATED
    } else {
        0
    }
}

/// What the class and the id of an element say, as a union of the constants above.
pub(super) fn of(tree: &Tree<'_>, node: usize) -> u32 {
    let mut hints = 0;
    for (name, value) in tree.attributes(node) {
        if matches!(name, Name::Class | Name::Id) {
            hints |= of_names(value);
        }
    }
    hints
}

/// Words that begin names of state and kind: `has-sidebar`, `tag-video`, `type-post` say nothing of the element's role.
fn begins_state(word: u64) -> bool {
    const STATES: [u64; 14] = [
        key(b"has"),
        key(b"with"),
        key(b"no"),
        key(b"is"),
        key(b"tag"),
        key(b"category"),
        key(b"type"),
        key(b"format"),
        key(b"status"),
        key(b"show"),
        key(b"elementor"),
        key(b"theia"),
        key(b"js"),
        key(b"col"),
    ];
    STATES.contains(&word)
}

/// What a list of names says. A list longer than 400 bytes is read so far.
fn of_names(names: &str) -> u32 {
    let bytes = names.as_bytes();
    let bytes = &bytes[..bytes.len().min(400)];
    let mut hints = 0;
    for name in bytes.split(u8::is_ascii_whitespace) {
        hints |= of_name(name);
    }
    hints
}

fn of_name(name: &[u8]) -> u32 {
    // In `section--ads` what follows the two hyphens is a variant of the section (the BEM convention).
    let end = name
        .windows(2)
        .skip(1)
        .position(|pair| pair == b"--")
        .map_or(name.len(), |end| end + 1);
    let name = &name[..end];
    let mut hints = 0;
    let mut last = 0;
    let mut at = 0;
    while at < name.len() {
        if !name[at].is_ascii_alphabetic() {
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        let starts_upper = name[start].is_ascii_uppercase();
        while at < name.len() && name[at].is_ascii_alphabetic() {
            // `articleBody` is two words, `ARTICLE` one.
            if name[at].is_ascii_uppercase() && !(starts_upper && name[at - 1].is_ascii_uppercase())
            {
                break;
            }
            at += 1;
        }
        let this = key(&name[start..at]);
        if last == 0 && at < name.len() && begins_state(this) {
            return 0;
        }
        hints |= word(this) | pair(last, this);
        last = this;
    }
    hints
}
