//! The methods that every element has.

use std::rc::Rc;

use html::{Kind, Namespace, NodeId, Selection, Selector};

use super::{
    ElementObject, SelectionObject, element_at, element_of, elements_of, strings, text_argument,
    text_or_undefined,
};
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func};
use crate::native;

static METHODS: List<41> = List([
    func(c"attributes", 0, native!(attributes)),
    func(c"childElementCount", 0, native!(child_element_count)),
    func(c"childNodes", 0, native!(child_nodes)),
    func(c"children", 0, native!(children)),
    func(c"classList", 0, native!(class_list)),
    func(c"className", 0, native!(class_name)),
    func(c"contains", 1, native!(contains)),
    func(c"firstChild", 0, native!(first_child)),
    func(c"firstElementChild", 0, native!(first_element_child)),
    func(c"getAttribute", 1, native!(get_attribute)),
    func(c"getAttributeNode", 1, native!(get_attribute_node)),
    func(c"getElementsByClassName", 1, native!(get_elements_by_class_name)),
    func(c"getElementsByTagName", 1, native!(query_selector_all)),
    func(c"hasAttribute", 1, native!(has_attribute)),
    func(c"hasAttributes", 0, native!(has_attributes)),
    func(c"hasChildNodes", 0, native!(has_child_nodes)),
    func(c"id", 0, native!(id)),
    func(c"innerHTML", 0, native!(inner_html)),
    func(c"isDefaultNamespace", 0, native!(is_default_namespace)),
    func(c"isEqualNode", 1, native!(is_equal_node)),
    func(c"isSameNode", 1, native!(is_same_node)),
    func(c"lang", 0, native!(lang)),
    func(c"lastChild", 0, native!(last_child)),
    func(c"lastElementChild", 0, native!(last_element_child)),
    func(c"matches", 1, native!(matches)),
    func(c"namespaceURI", 0, native!(namespace_uri)),
    func(c"nextElementSibling", 0, native!(next_element_sibling)),
    func(c"nextSibling", 0, native!(next_sibling)),
    func(c"nodeName", 0, native!(node_name)),
    func(c"nodeType", 0, native!(node_type)),
    func(c"nodeValue", 0, native!(node_value)),
    func(c"ownerDocument", 0, native!(owner_document)),
    func(c"parentElement", 0, native!(parent_element)),
    func(c"parentNode", 0, native!(parent_node)),
    func(c"previousElementSibling", 0, native!(previous_element_sibling)),
    func(c"previousSibling", 0, native!(previous_sibling)),
    func(c"querySelector", 1, native!(query_selector)),
    func(c"querySelectorAll", 1, native!(query_selector_all)),
    func(c"selection", 0, native!(selection)),
    func(c"textContent", 0, native!(text_content)),
    func(c"toString", 0, native!(to_string)),
]);

/// What `attributes()` and `getAttributeNode()` give.
struct AttributeObject {
    name: Box<str>,
    namespace: Namespace,
}

impl Class for AttributeObject {
    const ID: u32 = FIRST_CLASS_ID + 82;
    const NAME: &'static std::ffi::CStr = c"Attribute";
}

static ATTRIBUTE_METHODS: List<3> = List([
    func(c"localName", 0, native!(attribute_local_name)),
    func(c"namespaceURI", 0, native!(attribute_namespace_uri)),
    func(c"prefix", 0, native!(attribute_prefix)),
]);

/// Registers the classes; the result is the prototype of elements.
pub(super) fn register(cx: Ctx) -> JsResult<Val> {
    cx.register_class::<AttributeObject, 3>(&ATTRIBUTE_METHODS)?;
    cx.register_class::<ElementObject, 41>(&METHODS)
}

pub(super) fn this_element<'a>(cx: Ctx, this: Raw) -> JsResult<&'a ElementObject> {
    cx.inner_of::<ElementObject>(this)
}

impl ElementObject {
    /// The node; elements are made of one.
    pub(super) fn node(&self) -> NodeId {
        self.selection.first_node().unwrap_or(html::Document::ROOT)
    }

    /// An attribute, empty where there is none.
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.selection.attribute(name).unwrap_or_default()
    }

    /// What a selector finds below.
    pub(super) fn find(&self, selector: &str) -> Rc<Selection> {
        self.selection.find(Selector::parse(selector).ok().as_ref())
    }

    pub(super) fn first_of(&self, cx: Ctx, found: &Rc<Selection>) -> JsResult<Val> {
        element_of(cx, found, &self.url)
    }

    pub(super) fn all_of(&self, cx: Ctx, found: &Rc<Selection>) -> JsResult<Val> {
        elements_of(cx, found, &self.url)
    }

    fn at(&self, cx: Ctx, node: Option<NodeId>) -> JsResult<Val> {
        match node {
            Some(node) => element_at(cx, &self.selection, node, &self.url),
            None => Ok(Val::undefined(cx)),
        }
    }
}

fn namespace_uri_of(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Svg => "http://www.w3.org/2000/svg",
        Namespace::Math => "http://www.w3.org/1998/Math/MathML",
        _ => "http://www.w3.org/1999/xhtml",
    }
}

/// The object of an attribute.
fn attribute_object(cx: Ctx, owner: Raw, attribute: &html::Attribute) -> JsResult<Val> {
    let inner = AttributeObject { name: attribute.name().into(), namespace: attribute.namespace };
    let object = cx.wrap(inner)?;
    object.set_str(cx, c"owner_element", owner.dup(cx))?;
    object.set_str(cx, c"name", cx.string(attribute.name())?)?;
    object.set_str(cx, c"value", cx.string(&attribute.value)?)?;
    Ok(object)
}

fn attribute_local_name(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(&cx.inner_of::<AttributeObject>(this)?.name)
}

fn attribute_namespace_uri(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(namespace_uri_of(cx.inner_of::<AttributeObject>(this)?.namespace))
}

fn attribute_prefix(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(cx.inner_of::<AttributeObject>(this)?.namespace.prefix())
}

fn attributes(cx: Ctx, raw: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, raw)?;
    let object = cx.object()?;
    for attribute in this.selection.document().attributes(this.node()) {
        object.set_key(cx, attribute.name(), attribute_object(cx, raw, attribute)?)?;
    }
    Ok(object)
}

fn get_attribute(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    text_or_undefined(
        cx,
        this_element(cx, this)?.selection.attribute(&text_argument(cx, args.get(0))?),
    )
}

fn get_attribute_node(cx: Ctx, raw: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, raw)?;
    let name = text_argument(cx, args.get(0))?;
    let mut all = this.selection.document().attributes(this.node()).iter();
    match all.find(|attribute| attribute.name() == name) {
        Some(attribute) => attribute_object(cx, raw, attribute),
        None => Ok(Val::undefined(cx)),
    }
}

fn has_attribute(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    Ok(cx.boolean(this.selection.attribute(&text_argument(cx, args.get(0))?).is_some()))
}

fn has_attributes(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    Ok(cx.boolean(!this.selection.document().attributes(this.node()).is_empty()))
}

fn to_string(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    match this.selection.document().is_element(this.node()) {
        true => cx.string("[object html.Node]"),
        false => cx.string(&format!("[object {}]", this.selection.node_name())),
    }
}

fn has_child_nodes(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    Ok(cx.boolean(this.selection.document().first_child(this.node()).is_some()))
}

fn text_content(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(&this_element(cx, this)?.selection.text())
}

fn id(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(this_element(cx, this)?.attribute("id"))
}

fn is_equal_node(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    let other = cx.inner::<ElementObject>(args.get(0)).filter(|other| other.kind.is_none());
    Ok(cx.boolean(other.is_some_and(|o| o.selection.inner_html() == this.selection.inner_html())))
}

/// Another element, if it is a plain one of the same document: k6 sees no other in arguments.
fn other<'a>(cx: Ctx, this: &ElementObject, args: Args<'_>) -> Option<&'a ElementObject> {
    let other = cx.inner::<ElementObject>(args.get(0))?;
    let is_same = Rc::ptr_eq(other.selection.document(), this.selection.document());
    (is_same && other.kind.is_none()).then_some(other)
}

fn is_same_node(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    Ok(cx.boolean(other(cx, this, args).is_some_and(|other| other.node() == this.node())))
}

fn contains(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    let other = other(cx, this, args);
    Ok(cx.boolean(other.is_some_and(|other| this.selection.contains(other.node()))))
}

fn selection(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    cx.wrap(SelectionObject {
        selection: this.selection.clone(),
        url: this.url.clone(),
        bare: false,
    })
}

fn get_elements_by_class_name(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.all_of(cx, &this.find(&format!(".{}", text_argument(cx, args.get(0))?)))
}

fn query_selector(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.first_of(cx, &this.find(&text_argument(cx, args.get(0))?))
}

fn query_selector_all(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.all_of(cx, &this.find(&text_argument(cx, args.get(0))?))
}

fn matches(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    let selector = Selector::parse(&text_argument(cx, args.get(0))?).ok();
    Ok(cx.boolean(this.selection.is(selector.as_ref())))
}

fn node_name(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(this_element(cx, this)?.selection.node_name())
}

fn first_child(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.at(cx, this.selection.document().first_child(this.node()))
}

fn last_child(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.at(cx, this.selection.document().last_child(this.node()))
}

fn previous_sibling(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.at(cx, this.selection.document().previous(this.node()))
}

fn next_sibling(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.at(cx, this.selection.document().next(this.node()))
}

fn parent_node(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.at(cx, this.selection.document().parent(this.node()))
}

fn owner_document(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    this_element(cx, this)?.at(cx, Some(html::Document::ROOT))
}

fn first_element_child(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.first_of(cx, &this.selection.children(None))
}

fn last_element_child(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.first_of(cx, &this.selection.children(None).eq(-1))
}

fn previous_element_sibling(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.first_of(cx, &this.selection.neighbour(true, None))
}

fn next_element_sibling(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.first_of(cx, &this.selection.neighbour(false, None))
}

fn parent_element(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.first_of(cx, &this.selection.parent(None))
}

fn child_nodes(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.all_of(cx, &this.selection.contents())
}

fn children(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    this.all_of(cx, &this.selection.children(None))
}

fn child_element_count(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    Ok(cx.number(this.selection.children(None).nodes().len() as f64))
}

fn class_list(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    strings(cx, this_element(cx, this)?.attribute("class").split_whitespace())
}

fn class_name(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    text_or_undefined(cx, this_element(cx, this)?.selection.attribute("class"))
}

fn lang(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    let attributes = this.selection.document().attributes(this.node());
    let first = attributes.iter().find(|attribute| attribute.name() == "lang");
    let own = first.filter(|attribute| attribute.namespace == Namespace::Html);
    text_or_undefined(cx, own.map(|attribute| &*attribute.value))
}

fn namespace_uri(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    cx.string(namespace_uri_of(this.selection.document().namespace(this.node())))
}

fn is_default_namespace(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    let namespace = this.selection.document().namespace(this.node());
    Ok(cx.boolean(namespace == Namespace::Html))
}

fn inner_html(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.string(&this_element(cx, this)?.selection.inner_html())
}

fn node_type(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    // The numbers of the DOM standard.
    Ok(cx.number(match this.selection.document().kind(this.node()) {
        Kind::Element => 1.0,
        Kind::Text => 3.0,
        Kind::Comment => 8.0,
        Kind::Document => 9.0,
        Kind::Doctype => 10.0,
    }))
}

fn node_value(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let this = this_element(cx, this)?;
    match this.selection.document().kind(this.node()) {
        // Of a comment too k6 gives the text nodes below, of which there are none.
        Kind::Text | Kind::Comment => cx.string(&this.selection.text()),
        _ => Ok(Val::undefined(cx)),
    }
}
