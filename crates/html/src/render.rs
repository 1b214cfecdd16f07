//! From tree to text, as Go's `html.Render` writes it.

use crate::tree::{Data, Document, Kind, Namespace, NodeId};

/// Elements without an end tag.
const VOID: [&str; 15] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "keygen", "link", "meta", "param",
    "source", "track", "wbr",
];

/// Elements whose text is written as it is.
const LITERAL: [&str; 8] =
    ["iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp"];

impl Document {
    /// The markup of what a node contains.
    pub fn inner_html(&self, id: NodeId) -> String {
        let mut out = String::new();
        for child in self.children(id) {
            self.write(child, &mut out);
        }
        out
    }

    fn write(&self, top: NodeId, out: &mut String) {
        let mut at = top;
        loop {
            self.open(at, out);
            if let Some(child) = self.first_child(at) {
                at = child;
                continue;
            }
            self.close(at, out);
            // Up until something follows.
            loop {
                if at == top {
                    return;
                }
                if let Some(next) = self.next(at) {
                    at = next;
                    break;
                }
                let Some(parent) = self.parent(at) else { return };
                at = parent;
                self.close(at, out);
            }
        }
    }

    fn open(&self, id: NodeId, out: &mut String) {
        match self.data(id) {
            Data::Document => {}
            Data::Text(text) => {
                if self.parent(id).is_some_and(|parent| self.is_literal(parent)) {
                    out.push_str(text);
                } else {
                    escape(text, out);
                }
            }
            Data::Comment(text) => {
                out.push_str("<!--");
                escape_comment(text, out);
                out.push_str("-->");
            }
            Data::Doctype { name, public, system } => doctype(name, public, system, out),
            Data::Element { name, attributes, .. } => {
                out.push('<');
                out.push_str(name);
                for attribute in attributes {
                    out.push(' ');
                    if attribute.namespace != Namespace::Html {
                        out.push_str(attribute.namespace.prefix());
                        out.push(':');
                    }
                    out.push_str(attribute.name());
                    out.push_str("=\"");
                    escape(&attribute.value, out);
                    out.push('"');
                }
                if VOID.contains(&&**name) {
                    out.push_str("/>");
                    return;
                }
                out.push('>');
                // The parser drops one line end here.
                if matches!(&**name, "pre" | "listing" | "textarea")
                    && let Some(first) = self.first_child(id)
                    && self.kind(first) == Kind::Text
                    && self.own_text(first).starts_with('\n')
                {
                    out.push('\n');
                }
            }
        }
    }

    fn close(&self, id: NodeId, out: &mut String) {
        if let Data::Element { name, .. } = self.data(id)
            && !VOID.contains(&&**name)
        {
            out.push_str("</");
            out.push_str(name);
            out.push('>');
        }
    }

    fn is_literal(&self, id: NodeId) -> bool {
        self.namespace(id) == Namespace::Html && LITERAL.contains(&self.name(id))
    }
}

fn doctype(name: &str, public: &str, system: &str, out: &mut String) {
    out.push_str("<!DOCTYPE ");
    escape(name, out);
    let quoted = |text: &str, out: &mut String| {
        let quote = if text.contains('"') { '\'' } else { '"' };
        out.push(quote);
        out.push_str(&text.replace('>', "&gt;"));
        out.push(quote);
    };
    if !public.is_empty() {
        out.push_str(" PUBLIC ");
        quoted(public, out);
        if !system.is_empty() {
            out.push(' ');
            quoted(system, out);
        }
    } else if !system.is_empty() {
        out.push_str(" SYSTEM ");
        quoted(system, out);
    }
    out.push('>');
}

fn escape(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '\'', '<', '>', '"', '\r']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'\'' => "&#39;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&#34;",
            _ => "&#13;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// Only what could end the comment is escaped.
fn escape_comment(text: &str, out: &mut String) {
    let mut before = None;
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '>' if matches!(before, None | Some('!' | '-')) => out.push_str("&gt;"),
            c => out.push(c),
        }
        before = Some(c);
    }
}

#[cfg(test)]
mod tests {
    use crate::{Document, parse};

    #[test]
    fn markup_is_written_as_go_writes_it() {
        for (text, expect) in [
            (
                "<p title=\"a&amp;'b'\">1 &lt; 2 \"q\"</p>",
                "<p title=\"a&amp;&#39;b&#39;\">1 &lt; 2 &#34;q&#34;</p>",
            ),
            ("<br><img src=x>", "<br/><img src=\"x\"/>"),
            ("<p></p><script>a < b && c</script>", "<p></p><script>a < b && c</script>"),
            ("<p></p><!--a>b-->", "<p></p><!--a>b-->"),
            ("<pre>\n\nx</pre>", "<pre>\n\nx</pre>"),
            ("<svg><a xlink:href=\"#x\"></a></svg>", "<svg><a xlink:href=\"#x\"></a></svg>"),
        ] {
            let document = parse(text).unwrap();
            let html = document.inner_html(Document::ROOT);
            let body = html.split_once("<body>").unwrap().1;
            assert_eq!(body.strip_suffix("</body></html>").unwrap(), expect, "{text}");
        }
    }
}
