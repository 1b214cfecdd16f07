//! Sets of nodes, and the steps from one to another: goquery's operations.
//!
//! A selection keeps its document alive and remembers the one it was made from ([`Selection::end`]). Nodes are in the
//! order they were found, each once.

use std::rc::Rc;

use crate::selector::Selector;
use crate::tree::{Document, NodeId};

/// A list of nodes of one document.
#[derive(Debug)]
pub struct Selection {
    document: Rc<Document>,
    nodes: Vec<NodeId>,
    made_from: Option<Rc<Selection>>,
}

/// Where a walk over neighbours or parents ends, not including it.
#[derive(Debug, Clone, Copy)]
pub enum Stop<'a> {
    /// At what matches; a selector that is none matches nothing.
    At(Option<&'a Selector>),
    /// At any of these.
    Nodes(&'a [NodeId]),
}

impl Stop<'_> {
    fn stops(self, document: &Document, id: NodeId) -> bool {
        match self {
            Stop::At(selector) => selector.is_some_and(|s| s.matches(document, id)),
            Stop::Nodes(nodes) => nodes.contains(&id),
        }
    }
}

/// Nodes in the order they came, each once.
#[derive(Default)]
struct Unique {
    nodes: Vec<NodeId>,
    /// One bit a node, once there are too many to look through.
    seen: Vec<u64>,
}

/// Up to so many, looking through the list is quicker.
const FEW: usize = 32;

impl Unique {
    fn push(&mut self, document: &Document, id: NodeId) {
        if self.seen.is_empty() {
            if self.nodes.contains(&id) {
                return;
            }
            if self.nodes.len() >= FEW {
                self.seen = vec![0; document.len() / 64 + 1];
                for i in 0..self.nodes.len() {
                    self.mark(self.nodes[i]);
                }
            }
        }
        if self.seen.is_empty() || self.mark(id) {
            self.nodes.push(id);
        }
    }

    /// Whether it is new.
    fn mark(&mut self, id: NodeId) -> bool {
        let (word, bit) = (id.0 as usize / 64, 1 << (id.0 % 64));
        let is_new = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        is_new
    }
}

impl Drop for Selection {
    /// A script may make each selection from the last one; their chain is taken apart without recursion.
    fn drop(&mut self) {
        let mut next = self.made_from.take();
        while let Some(selection) = next {
            next = Rc::into_inner(selection).and_then(|mut last| last.made_from.take());
        }
    }
}

impl Selection {
    /// The document's root.
    pub fn root(document: Document) -> Rc<Self> {
        let document = Rc::new(document);
        Rc::new(Self { document, nodes: vec![Document::ROOT], made_from: None })
    }

    /// Whose nodes these are.
    pub fn document(&self) -> &Rc<Document> {
        &self.document
    }

    /// The nodes.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// The first node.
    pub fn first_node(&self) -> Option<NodeId> {
        self.nodes.first().copied()
    }

    /// The nodes of the same document in `other`; none if it is of another.
    fn of_same<'a>(&self, other: &'a Selection) -> &'a [NodeId] {
        if Rc::ptr_eq(&self.document, &other.document) { &other.nodes } else { &[] }
    }

    /// Nodes of the same document without a history.
    pub fn of(&self, nodes: Vec<NodeId>) -> Rc<Self> {
        Rc::new(Self { document: self.document.clone(), nodes, made_from: None })
    }

    /// Nodes made from these.
    pub fn with(self: &Rc<Self>, nodes: Vec<NodeId>) -> Rc<Self> {
        Rc::new(Self { document: self.document.clone(), nodes, made_from: Some(self.clone()) })
    }

    /// What this one was made from; empty at the start.
    pub fn end(&self) -> Rc<Self> {
        self.made_from.clone().unwrap_or_else(|| self.of(Vec::new()))
    }

    fn mapped<I: IntoIterator<Item = NodeId>>(&self, f: impl Fn(NodeId) -> I) -> Vec<NodeId> {
        let mut unique = Unique::default();
        for id in &self.nodes {
            for found in f(*id) {
                unique.push(&self.document, found);
            }
        }
        unique.nodes
    }

    /// Of `nodes` those that match; without a selector all of them, with an invalid one none.
    fn filtered(&self, nodes: Vec<NodeId>, filter: Filter<'_>) -> Vec<NodeId> {
        match filter {
            None => nodes,
            Some(None) => Vec::new(),
            Some(Some(selector)) => {
                nodes.into_iter().filter(|id| selector.matches(&self.document, *id)).collect()
            }
        }
    }

    /// Everything below these nodes that matches.
    pub fn find(self: &Rc<Self>, selector: Option<&Selector>) -> Rc<Self> {
        let Some(selector) = selector else { return self.with(Vec::new()) };
        let document = &*self.document;
        self.with(self.mapped(|id| {
            let children = document.children(id).filter(|child| document.is_element(*child));
            let below = children.flat_map(|child| document.subtree(child));
            below.filter(|node| selector.matches(document, *node))
        }))
    }

    /// The first node below that matches.
    pub fn find_first(self: &Rc<Self>, selector: Option<&Selector>) -> Rc<Self> {
        let document = &*self.document;
        let found = selector.and_then(|selector| {
            self.nodes.iter().find_map(|id| {
                let children = document.children(*id).filter(|child| document.is_element(*child));
                let mut below = children.flat_map(|child| document.subtree(child));
                below.find(|node| selector.matches(document, *node))
            })
        });
        self.with(found.into_iter().collect())
    }

    /// Of `others` those that lie below these nodes.
    pub fn find_nodes(self: &Rc<Self>, others: &Selection) -> Rc<Self> {
        let others = self.of_same(others);
        let mut unique = Unique::default();
        for id in others.iter().filter(|id| self.contains(**id)) {
            unique.push(&self.document, *id);
        }
        self.with(unique.nodes)
    }

    /// One of these nodes contains `id`.
    pub fn contains(&self, id: NodeId) -> bool {
        self.document.ancestors(id).any(|ancestor| self.nodes.contains(&ancestor))
    }

    /// For each node the nearest of itself and its ancestors that matches.
    pub fn closest(self: &Rc<Self>, stop: Stop<'_>) -> Rc<Self> {
        let document = &*self.document;
        self.with(self.mapped(|id| {
            let mut line = std::iter::once(id).chain(document.ancestors(id));
            line.find(|node| stop.stops(document, *node))
        }))
    }

    /// The nodes themselves and these.
    pub fn add(self: &Rc<Self>, others: &[NodeId]) -> Rc<Self> {
        let mut unique = Unique::default();
        for id in self.nodes.iter().chain(others) {
            unique.push(&self.document, *id);
        }
        self.with(unique.nodes)
    }

    /// The nodes of `other`, if it is of the same document.
    pub fn shared<'a>(&self, other: &'a Selection) -> &'a [NodeId] {
        self.of_same(other)
    }

    /// All nodes of the document that match.
    pub fn everywhere(&self, selector: Option<&Selector>) -> Vec<NodeId> {
        let root = self.of(vec![Document::ROOT]);
        root.find(selector).nodes.clone()
    }

    /// Those that contain one of `inner`.
    pub fn has(self: &Rc<Self>, inner: &[NodeId]) -> Rc<Self> {
        let document = &*self.document;
        let has = |id: &NodeId| inner.iter().any(|i| document.ancestors(*i).any(|a| a == *id));
        self.with(self.nodes.iter().copied().filter(has).collect())
    }

    /// Those for which `keep` is true.
    pub fn retain(self: &Rc<Self>, keep: impl Fn(NodeId) -> bool) -> Rc<Self> {
        self.with(self.nodes.iter().copied().filter(|id| keep(*id)).collect())
    }

    /// Those that match.
    pub fn filter(self: &Rc<Self>, selector: Option<&Selector>) -> Rc<Self> {
        self.retain(|id| selector.is_some_and(|s| s.matches(&self.document, id)))
    }

    /// Some node matches.
    pub fn is(&self, selector: Option<&Selector>) -> bool {
        selector.is_some_and(|s| self.nodes.iter().any(|id| s.matches(&self.document, *id)))
    }

    /// The child elements.
    pub fn children(self: &Rc<Self>, filter: Filter<'_>) -> Rc<Self> {
        let document = &*self.document;
        let nodes = self.mapped(|id| document.children(id).filter(|c| document.is_element(*c)));
        self.with(self.filtered(nodes, filter))
    }

    /// The children of any kind.
    pub fn contents(self: &Rc<Self>) -> Rc<Self> {
        self.with(self.mapped(|id| self.document.children(id)))
    }

    /// The parent elements.
    pub fn parent(self: &Rc<Self>, filter: Filter<'_>) -> Rc<Self> {
        let document = &*self.document;
        let nodes = self.mapped(|id| document.parent(id).filter(|p| document.is_element(*p)));
        self.with(self.filtered(nodes, filter))
    }

    /// The elements around, from the inside out, up to `stop`.
    pub fn parents(self: &Rc<Self>, stop: Stop<'_>, filter: Filter<'_>) -> Rc<Self> {
        let document = &*self.document;
        let nodes = self.mapped(|id| {
            let line = document.ancestors(id).take_while(|node| !stop.stops(document, *node));
            line.filter(|node| document.is_element(*node))
        });
        self.with(self.filtered(nodes, filter))
    }

    /// The other elements of the same parents.
    pub fn siblings(self: &Rc<Self>, filter: Filter<'_>) -> Rc<Self> {
        let document = &*self.document;
        let nodes = self.mapped(|id| {
            let all = document.parent(id).into_iter().flat_map(|p| document.children(p));
            all.filter(move |node| *node != id && document.is_element(*node))
        });
        self.with(self.filtered(nodes, filter))
    }

    fn run<'a>(
        document: &'a Document,
        id: NodeId,
        back: bool,
    ) -> impl Iterator<Item = NodeId> + 'a {
        let step = move |at: &NodeId| {
            if back { document.previous(*at) } else { document.next(*at) }
        };
        std::iter::successors(step(&id), step).filter(|node| document.is_element(*node))
    }

    /// The element next to each, before it with `back`.
    pub fn neighbour(self: &Rc<Self>, back: bool, filter: Filter<'_>) -> Rc<Self> {
        let nodes = self.mapped(|id| Self::run(&self.document, id, back).next());
        self.with(self.filtered(nodes, filter))
    }

    /// All elements after each, before it with `back`, up to `stop`.
    pub fn neighbours(self: &Rc<Self>, back: bool, stop: Stop<'_>, filter: Filter<'_>) -> Rc<Self> {
        let document = &*self.document;
        let nodes = self.mapped(|id| {
            Self::run(document, id, back).take_while(|node| !stop.stops(document, *node))
        });
        self.with(self.filtered(nodes, filter))
    }

    /// The node at a place; a negative one counts from the end. Empty beyond.
    pub fn eq(self: &Rc<Self>, index: i64) -> Rc<Self> {
        let at = if index < 0 { index.saturating_add(self.nodes.len() as i64) } else { index };
        match usize::try_from(at).ok().and_then(|at| self.nodes.get(at)) {
            Some(id) => self.with(vec![*id]),
            None => self.of(Vec::new()),
        }
    }

    /// The nodes from `start` to before `end`; both must lie within.
    pub fn slice(self: &Rc<Self>, start: usize, end: usize) -> Option<Rc<Self>> {
        self.nodes.get(start..end).map(|nodes| self.with(nodes.to_vec()))
    }

    /// The place of a node.
    pub fn index_of(&self, id: NodeId) -> Option<usize> {
        self.nodes.iter().position(|own| *own == id)
    }

    /// The value of an attribute of the first node.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.first_node().and_then(|id| self.document.attribute(id, name))
    }

    /// The text of all nodes.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for id in &self.nodes {
            self.document.text_into(*id, &mut out);
        }
        out
    }

    /// What is in the first node; empty without one.
    pub fn inner_html(&self) -> String {
        self.first_node().map(|id| self.document.inner_html(id)).unwrap_or_default()
    }

    /// The name of the first node: of an element its own, else `#text` and the like.
    pub fn node_name(&self) -> &str {
        use crate::Kind;
        let Some(id) = self.first_node() else { return "" };
        match self.document.kind(id) {
            Kind::Element | Kind::Doctype => self.document.name(id),
            Kind::Text => "#text",
            Kind::Comment => "#comment",
            Kind::Document => "#document",
        }
    }
}

/// A selector that narrows a result: none given, one that is invalid, or one.
type Filter<'a> = Option<Option<&'a Selector>>;

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Rc<Selection> {
        let text = "<ul><li id=a>1<li id=b class=x>2<li id=c>3</ul><p id=d><b id=e>4</b>tail</p>";
        Selection::root(crate::parse(text).unwrap())
    }

    fn ids(selection: &Selection) -> String {
        let document = selection.document();
        let ids = selection.nodes().iter().map(|id| document.attribute(*id, "id").unwrap_or("-"));
        ids.collect::<Vec<_>>().join("")
    }

    #[test]
    fn steps_lead_where_goquery_leads() {
        let s = |text: &str| Selector::parse(text).ok();
        let page = page();
        let li = page.find(s("li").as_ref());
        let find = |text: &str| page.find(s(text).as_ref());
        assert_eq!(ids(&li), "abc");
        assert_eq!(ids(&find("[")), "");
        assert_eq!(ids(&page.find_first(s("li").as_ref())), "a");
        assert_eq!(ids(&li.filter(s(".x").as_ref())), "b");
        assert_eq!(ids(&li.siblings(None)), "bca");
        assert_eq!(ids(&li.eq(-1)), "c");
        assert_eq!(ids(&li.eq(3)), "");
        assert_eq!(ids(&li.eq(1).end()), "abc");
        assert_eq!(ids(&find("#a").neighbours(false, Stop::At(s("#c").as_ref()), None)), "b");
        assert_eq!(ids(&find("#c").neighbours(true, Stop::At(None), None)), "ba");
        assert_eq!(ids(&find("#b").neighbour(true, None)), "a");
        assert_eq!(ids(&find("#e").parents(Stop::At(None), None)), "d--");
        assert_eq!(ids(&find("#e").parents(Stop::At(s("body").as_ref()), None)), "d");
        assert_eq!(ids(&find("#e").closest(Stop::At(s("p").as_ref()))), "d");
        assert_eq!(ids(&find("p").contents()), "e-");
        assert_eq!(ids(&find("p, ul").children(Some(s(".x").as_ref()))), "b");
        assert_eq!(ids(&find("p").has(find("b").nodes())), "d");
        assert_eq!(ids(&li.add(find("b").nodes())), "abce");
        assert_eq!(li.text(), "123");
        assert_eq!(find("p").inner_html(), "<b id=\"e\">4</b>tail");
    }

    #[test]
    fn a_long_chain_is_dropped_without_recursion() {
        let mut at = page();
        for _ in 0..300_000 {
            at = at.eq(0);
        }
        drop(at);
    }

    #[test]
    fn many_nodes_stay_unique() {
        let page = Selection::root(crate::parse(&"<i><b>x</b></i>".repeat(500)).unwrap());
        let bold = page.find(Selector::parse("b").ok().as_ref());
        assert_eq!(bold.nodes().len(), 500);
        assert_eq!(bold.add(bold.nodes()).nodes().len(), 500);
    }
}
