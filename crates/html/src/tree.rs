//! The tree: an arena of nodes that know their neighbours by number.

use html5ever::LocalName;

/// A node of one document. Numbers start at 0, the document itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// No node.
const NONE: u32 = u32::MAX;

/// Which vocabulary an element or attribute belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Namespace {
    /// HTML for elements, none for attributes.
    #[default]
    Html,
    /// SVG.
    Svg,
    /// MathML.
    Math,
    /// `xlink:` attributes.
    XLink,
    /// `xml:` attributes.
    Xml,
    /// `xmlns:` attributes.
    Xmlns,
}

impl Namespace {
    /// The short name: `svg`, `math`, `xlink`, …; empty for HTML.
    pub fn prefix(self) -> &'static str {
        match self {
            Namespace::Html => "",
            Namespace::Svg => "svg",
            Namespace::Math => "math",
            Namespace::XLink => "xlink",
            Namespace::Xml => "xml",
            Namespace::Xmlns => "xmlns",
        }
    }
}

/// An attribute of an element.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its vocabulary.
    pub namespace: Namespace,
    pub(crate) name: LocalName,
    /// Its value, references resolved.
    pub value: Box<str>,
}

impl Attribute {
    /// Its name without a prefix.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Data {
    Document,
    Doctype { name: Box<str>, public: Box<str>, system: Box<str> },
    Text(String),
    Comment(Box<str>),
    Element { name: LocalName, namespace: Namespace, attributes: Vec<Attribute> },
}

/// The kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The root of all.
    Document,
    /// `<!DOCTYPE …>`.
    Doctype,
    /// Text.
    Text,
    /// `<!-- … -->`.
    Comment,
    /// An element.
    Element,
}

#[derive(Debug)]
pub(crate) struct Node {
    parent: u32,
    previous: u32,
    next: u32,
    first: u32,
    last: u32,
    /// How many nodes were around it when it got its place; what moves with a parent keeps its number.
    depth: u32,
    pub(crate) data: Data,
}

/// A parsed document.
pub struct Document {
    nodes: Vec<Node>,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({} nodes)", self.nodes.len())
    }
}

fn some(id: u32) -> Option<NodeId> {
    (id != NONE).then_some(NodeId(id))
}

impl Document {
    /// The document node.
    pub const ROOT: NodeId = NodeId(0);

    pub(crate) fn new() -> Self {
        let mut document = Self { nodes: Vec::new() };
        document.add(Data::Document);
        document
    }

    pub(crate) fn add(&mut self, data: Data) -> NodeId {
        let id = u32::try_from(self.nodes.len()).expect("parsing ends far below this many nodes");
        let (parent, previous, next, first, last) = (NONE, NONE, NONE, NONE, NONE);
        self.nodes.push(Node { parent, previous, next, first, last, depth: 0, data });
        NodeId(id)
    }

    /// How many nodes there are, unlinked ones included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// A document is never empty: it has its root.
    pub fn is_empty(&self) -> bool {
        false
    }

    pub(crate) fn data(&self, id: NodeId) -> &Data {
        &self.nodes[id.0 as usize].data
    }

    pub(crate) fn data_mut(&mut self, id: NodeId) -> &mut Data {
        &mut self.nodes[id.0 as usize].data
    }

    pub(crate) fn depth(&self, id: NodeId) -> u32 {
        self.node(id).depth
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// What the node is.
    pub fn kind(&self, id: NodeId) -> Kind {
        match self.data(id) {
            Data::Document => Kind::Document,
            Data::Doctype { .. } => Kind::Doctype,
            Data::Text(_) => Kind::Text,
            Data::Comment(_) => Kind::Comment,
            Data::Element { .. } => Kind::Element,
        }
    }

    /// It is an element.
    pub fn is_element(&self, id: NodeId) -> bool {
        matches!(self.data(id), Data::Element { .. })
    }

    /// The node that contains it.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        some(self.node(id).parent)
    }

    /// The node before it.
    pub fn previous(&self, id: NodeId) -> Option<NodeId> {
        some(self.node(id).previous)
    }

    /// The node after it.
    pub fn next(&self, id: NodeId) -> Option<NodeId> {
        some(self.node(id).next)
    }

    /// Its first child.
    pub fn first_child(&self, id: NodeId) -> Option<NodeId> {
        some(self.node(id).first)
    }

    /// Its last child.
    pub fn last_child(&self, id: NodeId) -> Option<NodeId> {
        some(self.node(id).last)
    }

    /// Its children in order.
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.first_child(id), |child| self.next(*child))
    }

    /// Its parent, that one's parent, and so on.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.parent(id), |parent| self.parent(*parent))
    }

    /// The node after `id` in the order of the source, within the tree below `top`.
    pub(crate) fn following(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        if let Some(child) = self.first_child(id) {
            return Some(child);
        }
        self.following_after(id, top)
    }

    /// The same, without what `id` contains.
    pub(crate) fn following_after(&self, id: NodeId, top: NodeId) -> Option<NodeId> {
        let mut at = id;
        while at != top {
            if let Some(next) = self.next(at) {
                return Some(next);
            }
            at = self.parent(at)?;
        }
        None
    }

    /// `top` and everything it contains, in the order of the source.
    pub fn subtree(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(Some(top), move |id| self.following(*id, top))
    }

    /// The element's name in lower case (SVG keeps its own), the doctype's name, or empty.
    pub fn name(&self, id: NodeId) -> &str {
        match self.data(id) {
            Data::Element { name, .. } => name,
            Data::Doctype { name, .. } => name,
            _ => "",
        }
    }

    /// The element's vocabulary.
    pub fn namespace(&self, id: NodeId) -> Namespace {
        match self.data(id) {
            Data::Element { namespace, .. } => *namespace,
            _ => Namespace::Html,
        }
    }

    /// The element's attributes; none for other nodes.
    pub fn attributes(&self, id: NodeId) -> &[Attribute] {
        match self.data(id) {
            Data::Element { attributes, .. } => attributes,
            _ => &[],
        }
    }

    /// The value of an attribute, by its name without a prefix.
    pub fn attribute(&self, id: NodeId, name: &str) -> Option<&str> {
        self.attributes(id).iter().find(|a| &*a.name == name).map(|a| &*a.value)
    }

    /// The text of a text node or comment.
    pub fn own_text(&self, id: NodeId) -> &str {
        match self.data(id) {
            Data::Text(text) => text,
            Data::Comment(text) => text,
            _ => "",
        }
    }

    /// All text at and below a node.
    pub fn text(&self, id: NodeId) -> String {
        let mut out = String::new();
        self.text_into(id, &mut out);
        out
    }

    pub(crate) fn text_into(&self, id: NodeId, out: &mut String) {
        for node in self.subtree(id) {
            if let Data::Text(text) = self.data(node) {
                out.push_str(text);
            }
        }
    }

    /// Puts an unlinked node at the end of `parent`.
    pub(crate) fn append(&mut self, parent: NodeId, child: NodeId) {
        let last = self.node(parent).last;
        self.link(parent, last, NONE, child);
    }

    /// Puts an unlinked node before `sibling`, which has a parent.
    pub(crate) fn insert_before(&mut self, sibling: NodeId, child: NodeId) {
        let Some(parent) = self.parent(sibling) else { return };
        let previous = self.node(sibling).previous;
        self.link(parent, previous, sibling.0, child);
    }

    fn link(&mut self, parent: NodeId, previous: u32, next: u32, child: NodeId) {
        let depth = self.depth(parent) + 1;
        let node = self.node_mut(child);
        (node.parent, node.previous, node.next) = (parent.0, previous, next);
        node.depth = depth;
        match some(previous) {
            Some(previous) => self.node_mut(previous).next = child.0,
            None => self.node_mut(parent).first = child.0,
        }
        match some(next) {
            Some(next) => self.node_mut(next).previous = child.0,
            None => self.node_mut(parent).last = child.0,
        }
    }

    /// Takes a node out of its parent.
    pub(crate) fn detach(&mut self, id: NodeId) {
        let Node { parent, previous, next, .. } = *self.node(id);
        let Some(parent) = some(parent) else { return };
        match some(previous) {
            Some(previous) => self.node_mut(previous).next = next,
            None => self.node_mut(parent).first = next,
        }
        match some(next) {
            Some(next) => self.node_mut(next).previous = previous,
            None => self.node_mut(parent).last = previous,
        }
        let node = self.node_mut(id);
        (node.parent, node.previous, node.next) = (NONE, NONE, NONE);
    }
}
