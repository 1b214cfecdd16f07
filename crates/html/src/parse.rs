//! From text to tree: html5ever's tree builder writes into our arena.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::{Attribute as Parsed, LocalName, Namespace as Uri, ParseOpts, QualName, ns};

use crate::tree::{Attribute, Data, Document, Kind, Namespace, NodeId};

/// Most nodes of a document. A page of a megabyte has about 30,000.
pub const MAX_NODES: usize = 1 << 21;
/// Most bytes of text and attributes of a document. Misnested markup repeats attributes, so they can outgrow the source.
pub const MAX_BYTES: usize = 256 << 20;
/// Elements that may contain one another: the limit of the parser that k6 uses.
pub const MAX_DEPTH: usize = 512;

/// Bytes given to the parser between two looks at the limits.
const CHUNK: usize = 4096;

/// Why text was not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// More than [`MAX_DEPTH`] elements within one another.
    TooDeep,
    /// More than [`MAX_NODES`] nodes.
    TooManyNodes,
    /// More than [`MAX_BYTES`] of text and attributes.
    TooLarge,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::TooDeep => {
                write!(f, "html: open stack of elements exceeds {MAX_DEPTH} nodes")
            }
            Error::TooManyNodes => write!(f, "the HTML has more than {MAX_NODES} nodes"),
            Error::TooLarge => {
                write!(f, "the HTML has more than {MAX_BYTES} bytes of text and attributes")
            }
        }
    }
}

impl std::error::Error for Error {}

/// Parses a document. Any text is HTML; what is missing (`<html>`, `<body>`, …) is added as browsers do.
///
/// # Errors
/// A limit was reached.
pub fn parse(text: &str) -> Result<Document, Error> {
    let sink = Sink {
        document: RefCell::new(Document::new()),
        bytes: Cell::new(0),
        failed: Cell::new(None),
    };
    let mut parser = html5ever::parse_document(sink, ParseOpts::default());
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = CHUNK.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (chunk, after) = rest.split_at(end);
        parser.process(StrTendril::from_slice(chunk));
        rest = after;
        if let Some(error) = parser.tokenizer.sink.sink.failure() {
            return Err(error);
        }
    }
    let (document, failed) = parser.finish();
    failed.map_or(Ok(document), Err)
}

struct Sink {
    document: RefCell<Document>,
    bytes: Cell<usize>,
    failed: Cell<Option<Error>>,
}

impl Sink {
    fn failure(&self) -> Option<Error> {
        self.failed.get()
    }

    fn count(&self, bytes: usize) {
        let total = self.bytes.get() + bytes;
        self.bytes.set(total);
        if total > MAX_BYTES {
            self.failed.set(Some(Error::TooLarge));
        }
    }

    fn add(&self, data: Data) -> NodeId {
        let mut document = self.document.borrow_mut();
        if document.len() >= MAX_NODES {
            self.failed.set(Some(Error::TooManyNodes));
        }
        document.add(data)
    }

    fn check_depth(&self, document: &Document, parent: NodeId) {
        if document.depth(parent) as usize >= MAX_DEPTH {
            self.failed.set(Some(Error::TooDeep));
        }
    }

    /// Text joins a text node that is already there.
    fn extend_text(&self, document: &mut Document, node: Option<NodeId>, text: &str) -> bool {
        if let Some(node) = node
            && let Data::Text(own) = document.data_mut(node)
        {
            own.push_str(text);
            return true;
        }
        false
    }
}

fn namespace(uri: &Uri) -> Namespace {
    match *uri {
        ns!(svg) => Namespace::Svg,
        ns!(mathml) => Namespace::Math,
        ns!(xlink) => Namespace::XLink,
        ns!(xml) => Namespace::Xml,
        ns!(xmlns) => Namespace::Xmlns,
        _ => Namespace::Html,
    }
}

fn uri(namespace: Namespace) -> Uri {
    match namespace {
        Namespace::Svg => ns!(svg),
        Namespace::Math => ns!(mathml),
        Namespace::XLink => ns!(xlink),
        Namespace::Xml => ns!(xml),
        Namespace::Xmlns => ns!(xmlns),
        Namespace::Html => ns!(html),
    }
}

fn attribute(parsed: Parsed) -> Attribute {
    Attribute {
        namespace: namespace(&parsed.name.ns),
        name: parsed.name.local,
        value: (&*parsed.value).into(),
    }
}

/// The name of an element, as the tree builder wants to see it.
#[derive(Debug)]
struct Name {
    uri: Uri,
    local: LocalName,
}

impl ElemName for Name {
    fn ns(&self) -> &Uri {
        &self.uri
    }

    fn local_name(&self) -> &LocalName {
        &self.local
    }
}

impl TreeSink for Sink {
    type Handle = NodeId;
    type Output = (Document, Option<Error>);
    type ElemName<'a> = Name;

    fn finish(self) -> Self::Output {
        (self.document.into_inner(), self.failed.get())
    }

    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        Document::ROOT
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Name {
        match self.document.borrow().data(*target) {
            Data::Element { name, namespace, .. } => {
                Name { uri: uri(*namespace), local: name.clone() }
            }
            _ => Name { uri: ns!(), local: LocalName::from("") },
        }
    }

    fn create_element(&self, name: QualName, attrs: Vec<Parsed>, _: ElementFlags) -> NodeId {
        self.count(attrs.iter().map(|a| a.value.len() + size_of::<Attribute>()).sum());
        let attributes = attrs.into_iter().map(attribute).collect();
        self.add(Data::Element { name: name.local, namespace: namespace(&name.ns), attributes })
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.count(text.len());
        self.add(Data::Comment((&*text).into()))
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.count(target.len() + data.len());
        self.add(Data::Comment(format!("?{target} {data}").into()))
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        let mut document = self.document.borrow_mut();
        match child {
            NodeOrText::AppendNode(child) => {
                self.check_depth(&document, *parent);
                document.append(*parent, child);
            }
            NodeOrText::AppendText(text) => {
                self.count(text.len());
                let last = document.last_child(*parent);
                if !self.extend_text(&mut document, last, &text) {
                    drop(document);
                    let node = self.add(Data::Text(String::from(&*text)));
                    self.document.borrow_mut().append(*parent, node);
                }
            }
        }
    }

    fn append_based_on_parent_node(
        &self,
        element: &NodeId,
        prev_element: &NodeId,
        child: NodeOrText<NodeId>,
    ) {
        if self.document.borrow().parent(*element).is_some() {
            self.append_before_sibling(element, child);
        } else {
            self.append(prev_element, child);
        }
    }

    fn append_doctype_to_document(
        &self,
        name: StrTendril,
        public_id: StrTendril,
        system_id: StrTendril,
    ) {
        self.count(name.len() + public_id.len() + system_id.len());
        let (name, public, system) = ((&*name).into(), (&*public_id).into(), (&*system_id).into());
        let node = self.add(Data::Doctype { name, public, system });
        self.document.borrow_mut().append(Document::ROOT, node);
    }

    /// What a template contains is kept in it, as k6's parser does.
    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        *target
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &NodeId, new_node: NodeOrText<NodeId>) {
        let mut document = self.document.borrow_mut();
        match new_node {
            NodeOrText::AppendNode(child) => {
                document.detach(child);
                document.insert_before(*sibling, child);
            }
            NodeOrText::AppendText(text) => {
                self.count(text.len());
                let previous = document.previous(*sibling);
                if !self.extend_text(&mut document, previous, &text) {
                    drop(document);
                    let node = self.add(Data::Text(String::from(&*text)));
                    self.document.borrow_mut().insert_before(*sibling, node);
                }
            }
        }
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attrs: Vec<Parsed>) {
        let mut document = self.document.borrow_mut();
        if let Data::Element { attributes, .. } = document.data_mut(*target) {
            for parsed in attrs {
                if attributes.iter().all(|have| have.name != parsed.name.local) {
                    self.count(parsed.value.len() + size_of::<Attribute>());
                    attributes.push(attribute(parsed));
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.document.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        let mut document = self.document.borrow_mut();
        while let Some(child) = document.first_child(*node) {
            document.detach(child);
            document.append(*new_parent, child);
        }
    }

    fn is_mathml_annotation_xml_integration_point(&self, handle: &NodeId) -> bool {
        let document = self.document.borrow();
        document.kind(*handle) == Kind::Element
            && document.name(*handle) == "annotation-xml"
            && document.attribute(*handle, "encoding").is_some_and(|encoding| {
                encoding.eq_ignore_ascii_case("text/html")
                    || encoding.eq_ignore_ascii_case("application/xhtml+xml")
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(text: &str) -> String {
        parse(text).unwrap().inner_html(Document::ROOT)
    }

    #[test]
    fn any_text_becomes_a_whole_document() {
        for (text, expect) in [
            ("", "<html><head></head><body></body></html>"),
            ("a<b>c", "<html><head></head><body>a<b>c</b></body></html>"),
            (
                "<!DOCTYPE html><p>1<p>2",
                "<!DOCTYPE html><html><head></head><body><p>1</p><p>2</p></body></html>",
            ),
            (
                "<table>x<tr><td>1",
                "<html><head></head><body>x<table><tbody><tr><td>1</td></tr></tbody></table></body></html>",
            ),
            ("<b>1<p>2</b>3", "<html><head></head><body><b>1</b><p><b>2</b>3</p></body></html>"),
            (
                "<template><i>x</i></template>",
                "<html><head><template><i>x</i></template></head><body></body></html>",
            ),
        ] {
            assert_eq!(html(text), expect, "{text}");
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = |n: usize| "<div>".repeat(n);
        assert!(parse(&deep(MAX_DEPTH - 10)).is_ok());
        assert_eq!(parse(&deep(MAX_DEPTH + 1)).err(), Some(Error::TooDeep));
        assert_eq!(parse(&deep(1_000_000)).err(), Some(Error::TooDeep));
    }

    #[test]
    fn markup_that_multiplies_ends_at_the_limit() {
        let mut text = "<p>".to_owned();
        for i in 0..400 {
            text.push_str(&format!("<b x{i}>"));
        }
        text.push_str(&"<p>x".repeat(20_000));
        assert_eq!(parse(&text).err(), Some(Error::TooManyNodes));
    }
}
