//! Messages as their senders write them. Of HTML only text and its looks are kept, so that whoever shows it shows
//! nothing else: no script, no picture that tells its server who reads, no style, no form.

use std::{collections::HashSet, sync::LazyLock};

use ammonia::{Builder, UrlRelative};
use fulmar_domain::{
    conversation::{Format, Html, InvalidMessageText},
    id::ClientMessageId,
};
use fulmar_store::Said;

/// The elements that are kept. Links lead to the web and to mail, and nowhere else.
const KEPT: [&str; 20] = [
    "a",
    "b",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "i",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "span",
    "strong",
    "sub",
    "sup",
    "u",
    "ul",
];
/// The most tags that are looked at: what is left open is opened again in every paragraph that follows, so that the work
/// grows with the square of them.
const MAX_TAGS: usize = 512;
/// Those after which a line of text ends.
const LINES: [&str; 6] = ["br", "/blockquote", "/div", "/li", "/p", "/pre"];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .tags(HashSet::from(KEPT))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        // Relative to what? `\\host\share` is one, and leads whoever clicks it to say who they are.
        .url_relative(UrlRelative::Deny);
    builder
});

/// Something said under that name, in that format.
///
/// # Errors
/// [`InvalidMessageText`] when it says nothing, or too much.
pub fn said(client_id: ClientMessageId, format: Format, words: &str) -> Result<Said, InvalidMessageText> {
    match format {
        Format::Plain => Ok(Said { client_id, text: words.parse()?, html: None }),
        Format::Html => {
            if words.matches('<').count() > MAX_TAGS {
                return Err(InvalidMessageText::TooManyTags);
            }
            let html = CLEANER.clean(words).to_string();
            let text = text_of(&html);
            let html: Html = html.parse()?;
            Ok(Said { client_id, text: text.trim().parse()?, html: Some(html) })
        }
    }
}

/// The text of what was cleaned, which is well-formed: `<` begins a tag, and there are five entities.
fn text_of(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = if rest.starts_with('<') { end_of_tag(rest) } else { rest.find(';') };
        let Some(end) = end else { break };
        let (one, after) = rest.split_at(end + 1);
        match one {
            "&amp;" => text.push('&'),
            "&lt;" => text.push('<'),
            "&gt;" => text.push('>'),
            "&quot;" => text.push('"'),
            "&nbsp;" => text.push('\u{a0}'),
            tag => {
                let name = tag.trim_matches(['<', '>']).split(' ').next().unwrap_or_default();
                if LINES.contains(&name) {
                    text.push('\n');
                }
            }
        }
        rest = after;
    }
    text + rest
}

/// Where a tag ends: `>` within the quotes of an attribute does not end it.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quoted = false;
    tag.find(|character| {
        quoted ^= character == '"';
        character == '>' && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(words: &str) -> (String, String) {
        let said = said("m".parse().unwrap(), Format::Html, words).unwrap();
        (said.html.unwrap().reveal().to_owned(), said.text.reveal().to_owned())
    }

    fn refused(words: &str) -> InvalidMessageText {
        said("m".parse().unwrap(), Format::Html, words).unwrap_err()
    }

    #[test]
    fn looks_are_kept_and_everything_else_goes() {
        let written = r#"<p style="color:red" onclick="x()"><b>Bold</b> &amp; <i>brave</i></p><script>alert(1)</script>"#;
        assert_eq!(html(written), ("<p><b>Bold</b> &amp; <i>brave</i></p>".into(), "Bold & brave".into()));
        let tracked = r#"See <img src="https://elsewhere.test/me.png">this<iframe src="x"></iframe>"#;
        assert_eq!(html(tracked), ("See this".into(), "See this".into()));
    }

    #[test]
    fn links_lead_to_the_web_and_nowhere_else() {
        let (kept, text) =
            html(r#"<a href="https://a.test/?a>b">here</a> <a href="javascript:x()">there</a>"#);
        assert!(kept.contains("https://a.test/"), "{kept}");
        assert!(!kept.contains("javascript"), "{kept}");
        assert_eq!(text, "here there");
    }

    #[test]
    fn relative_links_lead_nowhere() {
        for href in [r"\\host\share", "//host/", "/path", "page.html", "?query", "#here"] {
            let (kept, _) = html(&format!(r#"<a href="{href}">here</a>"#));
            assert!(!kept.contains("href"), "{kept}");
        }
    }

    #[test]
    fn lines_stay_lines_and_entities_are_characters() {
        assert_eq!(html("<div>one</div><div>two<br>three &lt;3</div>").1, "one\ntwo\nthree <3");
        assert_eq!(html("a < b & c").1, "a < b & c");
    }

    #[test]
    fn what_says_nothing_or_too_much_is_refused() {
        for nothing in ["", "<p> </p>", "<script>x</script>", r#"<img src="x">"#] {
            assert_eq!(refused(nothing), InvalidMessageText::Empty, "{nothing}");
        }
        assert!(matches!(refused(&"x".repeat(8193)), InvalidMessageText::TooLong(_)));
        assert!(matches!(refused(&format!("<b>{}</b>", "x".repeat(8186))), InvalidMessageText::TooLong(_)));
        // Each open element would be opened again in each paragraph.
        let open: String = (0..5000).map(|number| format!("<b a{number}>")).collect();
        assert_eq!(refused(&format!("<p>{open}{}", "<p>x".repeat(1000))), InvalidMessageText::TooManyTags);
    }
}
