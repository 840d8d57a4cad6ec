//! The elements the extractor knows, and what each does to parsing and to the text. One table; unknown names are inline.

/// Up to ten characters of a name as one number, lower-cased: six bits each. Names that differ only later share a key.
///
/// Matching a number lets the compiler build a search tree over the whole table.
pub(super) const fn key(name: &[u8]) -> u64 {
    let mut key = 0;
    let mut i = 0;
    while i < name.len() && i < 10 {
        let code = match name[i] {
            letter @ b'a'..=b'z' => letter - b'a' + 1,
            letter @ b'A'..=b'Z' => letter - b'A' + 1,
            digit @ b'0'..=b'9' => digit - b'0' + 27,
            b'-' => 37,
            _ => 38,
        };
        key = key << 6 | code as u64;
        i += 1;
    }
    key
}

/// Never has an end tag or content.
pub(super) const VOID: u16 = 1;
/// Its content is text up to its own end tag.
pub(super) const RAW: u16 = 2;
/// Starts on a line of its own.
pub(super) const BLOCK: u16 = 4;
/// Nothing in it is ever shown.
pub(super) const UNSEEN: u16 = 8;
/// Its start closes an open `<p>`.
pub(super) const CLOSES_P: u16 = 16;
/// An end tag outside does not reach elements through it (the standard's "scope").
pub(super) const SCOPE: u16 = 32;
/// A control of the page, not its text.
pub(super) const CONTROL: u16 = 64;
/// Separated from its neighbours by an empty line.
pub(super) const PARAGRAPH: u16 = 128;
/// A heading.
pub(super) const HEADING: u16 = 256;

macro_rules! tags {
    ($($variant:ident $name:literal $flags:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Tag { Document, Text, Other, $($variant),* }

        const FLAGS: &[u16] = &[BLOCK | SCOPE, 0, 0, $($flags),*];

        /// How many tags there are.
        pub(super) const COUNT: usize = FLAGS.len();

        impl Tag {
            /// The tag called `name`, in either case.
            pub(super) fn of(name: &[u8]) -> Tag {
                if name.len() > 10 {
                    return Tag::Other;
                }
                match key(name) {
                    $(x if x == const { key($name) } => Tag::$variant,)*
                    _ => Tag::Other,
                }
            }
        }
    };
}

const B: u16 = BLOCK | CLOSES_P;
const P: u16 = BLOCK | CLOSES_P | PARAGRAPH;
const H: u16 = BLOCK | CLOSES_P | PARAGRAPH | HEADING;

tags! {
    A b"a" 0;
    Abbr b"abbr" 0;
    Address b"address" B;
    Area b"area" VOID;
    Article b"article" B;
    Aside b"aside" B;
    Audio b"audio" UNSEEN;
    Bold b"b" 0;
    Base b"base" VOID;
    Blockquote b"blockquote" P;
    Body b"body" BLOCK;
    Br b"br" VOID;
    Button b"button" SCOPE | CONTROL;
    Canvas b"canvas" UNSEEN;
    Caption b"caption" BLOCK | SCOPE;
    Center b"center" B;
    Code b"code" 0;
    Col b"col" VOID;
    Colgroup b"colgroup" 0;
    Dialog b"dialog" B | CONTROL;
    Datalist b"datalist" UNSEEN;
    Dd b"dd" B;
    Details b"details" B;
    Div b"div" B;
    Dl b"dl" P;
    Dt b"dt" B;
    Em b"em" 0;
    Embed b"embed" VOID;
    Fieldset b"fieldset" B;
    Figcaption b"figcaption" B;
    Figure b"figure" P;
    Font b"font" 0;
    Footer b"footer" B;
    Form b"form" B;
    Frame b"frame" VOID;
    H1 b"h1" H;
    H2 b"h2" H;
    H3 b"h3" H;
    H4 b"h4" H;
    H5 b"h5" H;
    H6 b"h6" H;
    Head b"head" BLOCK;
    Header b"header" B;
    Hgroup b"hgroup" B;
    Hr b"hr" VOID | P;
    Html b"html" BLOCK | SCOPE;
    Italic b"i" 0;
    Iframe b"iframe" RAW | UNSEEN;
    Img b"img" VOID;
    Input b"input" VOID;
    Label b"label" 0;
    Legend b"legend" BLOCK;
    Li b"li" B;
    Link b"link" VOID;
    Main b"main" B;
    Menu b"menu" B;
    Meta b"meta" VOID;
    Nav b"nav" B;
    Noembed b"noembed" RAW | UNSEEN;
    Noframes b"noframes" RAW | UNSEEN;
    Noscript b"noscript" RAW | UNSEEN;
    Object b"object" SCOPE | UNSEEN;
    Ol b"ol" P;
    Optgroup b"optgroup" BLOCK;
    OptionItem b"option" BLOCK;
    Paragraph b"p" P;
    Param b"param" VOID;
    Picture b"picture" 0;
    Pre b"pre" P;
    Rp b"rp" UNSEEN;
    Script b"script" RAW | UNSEEN;
    Search b"search" B | CONTROL;
    Section b"section" B;
    Select b"select" CONTROL;
    Source b"source" VOID;
    Span b"span" 0;
    Strike b"strike" 0;
    Strong b"strong" 0;
    Style b"style" RAW | UNSEEN;
    Sub b"sub" 0;
    Summary b"summary" B;
    Sup b"sup" 0;
    Svg b"svg" UNSEEN;
    Table b"table" P | SCOPE;
    Tbody b"tbody" BLOCK;
    Td b"td" SCOPE;
    Template b"template" UNSEEN | SCOPE;
    Textarea b"textarea" RAW | CONTROL;
    Tfoot b"tfoot" BLOCK;
    Th b"th" SCOPE;
    Thead b"thead" BLOCK;
    Time b"time" 0;
    Title b"title" RAW | UNSEEN;
    Tr b"tr" BLOCK;
    Track b"track" VOID;
    Underline b"u" 0;
    Ul b"ul" P;
    Video b"video" UNSEEN;
    Wbr b"wbr" VOID;
    Xmp b"xmp" RAW | PARAGRAPH | BLOCK;
    Amp b"amp-ad" UNSEEN;
    Math b"math" 0;
    Annotation b"annotation" UNSEEN;
}

impl Tag {
    /// Whether the table gives this tag one of `flags`.
    pub(super) fn is(self, flags: u16) -> bool {
        FLAGS[self as usize] & flags != 0
    }
}
