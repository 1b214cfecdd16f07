//! What elements have besides what all have: one row for each property, with the attribute behind it and the elements
//! that have it.
//!
//! The rows stand as chapter 2.6 of the HTML standard sorts reflecting attributes: texts, addresses, booleans, numbers,
//! enumerated words; then what is counted and computed. Names and defaults are those that k6's documentation gives and
//! that `conformance/scripts/html_elements.js` was recorded showing.

use std::ffi::CStr;

use super::{Property, Source, controls, links, tables};
use crate::html::ElementObject;
use crate::js::{Ctx, JsResult, Val};

type Elements = &'static str;

const fn row(name: &'static CStr, source: Source, elements: Elements) -> Property {
    Property { name, source, elements }
}

const fn text(name: &'static CStr, attribute: &'static str, elements: Elements) -> Property {
    row(name, Source::Text(attribute), elements)
}

const fn url(name: &'static CStr, attribute: &'static str, elements: Elements) -> Property {
    row(name, Source::Url(attribute), elements)
}

const fn flag(name: &'static CStr, attribute: &'static str, elements: Elements) -> Property {
    row(name, Source::Flag(attribute), elements)
}

const fn number(
    name: &'static CStr,
    attribute: &'static str,
    default: i32,
    elements: Elements,
) -> Property {
    row(name, Source::Integer(attribute, default), elements)
}

/// The first word is the default.
const fn word(
    name: &'static CStr,
    attribute: &'static str,
    words: &'static [&'static str],
    elements: Elements,
) -> Property {
    row(name, Source::Choice(attribute, words), elements)
}

const fn found(name: &'static CStr, selector: &'static str, elements: Elements) -> Property {
    row(name, Source::Found(selector), elements)
}

const fn computed(
    name: &'static CStr,
    compute: fn(Ctx, &ElementObject) -> JsResult<Val>,
    elements: Elements,
) -> Property {
    row(name, Source::Computed(compute), elements)
}

/// Keywords of the enumerated attributes that several rows share.
const AUTOFILL: &[&str] = &["on", "off"];
const CORS: &[&str] = &["anonymous", "use-credentials"];
const ENCODINGS: &[&str] =
    &["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const REFERRER: &[&str] = &[
    "",
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "unsafe-url",
];
const MARKERS: &[&str] = &["1", "a", "A", "i", "I"];
const ITEM_MARKERS: &[&str] = &["", "1", "a", "A", "i", "I", "disc", "square", "circle"];
const INPUTS: &[&str] = &[
    "text",
    "hidden",
    "search",
    "tel",
    "url",
    "email",
    "password",
    "date",
    "month",
    "week",
    "time",
    "datetime-local",
    "number",
    "range",
    "color",
    "checkbox",
    "radio",
    "file",
    "submit",
    "image",
    "reset",
    "button",
];

/// Every property, each name at most once for an element.
pub(super) const PROPERTIES: &[Property] = &[
    // Texts.
    text(c"abbr", "abbr", "th"),
    text(c"accept", "accept", "input"),
    text(c"acceptCharset", "accept-charset", "form"),
    text(c"accessKey", "accesskey", "a area button input legend textarea"),
    text(c"alt", "alt", "img input"),
    text(c"challenge", "challenge", "keygen"),
    text(c"charset", "charset", "script"),
    text(c"cite", "cite", "del ins quote"),
    text(c"content", "content", "meta"),
    text(c"crossOrigin", "crossorigin", "script"),
    text(c"currentSrc", "src", "audio video"),
    text(c"datetime", "datetime", "del ins time"),
    text(c"defaultValue", "value", "input textarea"),
    text(c"dirName", "dirname", "input"),
    text(c"download", "download", "a area"),
    text(c"headers", "headers", "td th"),
    text(c"height", "height", "embed iframe input object"),
    text(c"hrefLang", "hreflang", "a area"),
    text(c"hreflang", "hreflang", "link"),
    text(c"htmlFor", "for", "label output"),
    text(c"keySystem", "keysystem", "source"),
    text(c"label", "label", "optgroup track"),
    text(c"max", "max", "input"),
    text(c"media", "media", "link source style"),
    text(c"mediaGroup", "mediagroup", "audio video"),
    text(c"min", "min", "input"),
    text(
        c"name",
        "name",
        "button fieldset form iframe img input keygen map meta object output param pre select",
    ),
    text(c"pattern", "pattern", "input"),
    text(c"placeholder", "placeholder", "input textarea"),
    text(c"rel", "rel", "a area link"),
    text(c"sizes", "sizes", "img source"),
    text(c"src", "src", "embed"),
    text(c"srclang", "srclang", "track"),
    text(c"srcset", "srcset", "img source"),
    text(c"step", "step", "input"),
    text(c"target", "target", "a area base form link"),
    text(c"type", "type", "a area embed link object script source ul"),
    text(c"useMap", "usemap", "img object"),
    text(c"value", "value", "data input param pre textarea"),
    text(c"width", "width", "embed iframe input object"),
    // Addresses, as seen from the page.
    url(c"action", "action", "form"),
    url(c"currentSrc", "src", "img"),
    url(c"data", "data", "object"),
    url(c"href", "href", "a area link"),
    row(c"href", Source::UrlOrPage("href"), "base"),
    url(c"src", "src", "audio iframe img input script source track video"),
    url(c"toString", "href", "a area"),
    // Boolean attributes.
    flag(c"allowfullscreen", "allowfullscreen", "iframe"),
    flag(c"async", "async", "script"),
    flag(c"autofocus", "autofocus", "button input keygen select"),
    flag(c"autoplay", "autoplay", "audio video"),
    flag(c"checked", "checked", "input"),
    flag(c"controls", "controls", "audio video"),
    flag(c"default", "default", "track"),
    flag(c"defaultChecked", "checked", "input"),
    flag(c"defaultMuted", "muted", "audio video"),
    flag(c"defaultSelected", "selected", "option"),
    flag(c"defer", "defer", "script"),
    flag(c"disabled", "disabled", "button fieldset input keygen optgroup select"),
    flag(c"isMap", "ismap", "img"),
    flag(c"loop", "loop", "audio video"),
    flag(c"multiple", "multiple", "input select"),
    flag(c"muted", "muted", "audio video"),
    flag(c"noModule", "nomodule", "script"),
    flag(c"noValidate", "novalidate", "form"),
    flag(c"readOnly", "readonly", "textarea"),
    flag(c"readonly", "readonly", "input"),
    flag(c"required", "required", "input select textarea"),
    flag(c"reversed", "reversed", "ol"),
    flag(c"selected", "selected", "option"),
    flag(c"sortable", "sortable", "table"),
    flag(c"sorted", "sorted", "th"),
    flag(c"typeMustMatch", "typemustmatch", "object"),
    // Whole numbers.
    number(c"colSpan", "colspan", 1, "td th"),
    number(c"cols", "cols", 0, "textarea"),
    number(c"height", "height", 0, "img"),
    number(c"height", "height", 150, "canvas"),
    number(c"high", "high", 0, "meter"),
    number(c"low", "low", 0, "meter"),
    number(c"max", "max", 0, "meter"),
    number(c"maxLength", "maxlength", -1, "input"),
    number(c"maxLength", "maxlength", 0, "textarea"),
    number(c"min", "min", 0, "meter"),
    number(c"optimum", "optimum", 0, "meter"),
    number(c"rowSpan", "rowspan", 1, "td th"),
    number(c"rows", "rows", 0, "textarea"),
    number(c"size", "size", 0, "input"),
    number(c"start", "start", 0, "ol"),
    number(c"tabIndex", "tabindex", 0, "button input object select textarea"),
    number(c"value", "value", 0, "li"),
    number(c"width", "width", 0, "img"),
    number(c"width", "width", 150, "canvas"),
    // Enumerated attributes.
    word(
        c"autocapitalize",
        "autocapitalize",
        &["sentences", "off", "none", "words", "characters"],
        "textarea",
    ),
    word(c"autocomplete", "autocomplete", AUTOFILL, "form input textarea"),
    row(c"crossOrigin", Source::Optional("crossorigin", CORS), "audio img link video"),
    word(c"encoding", "enctype", ENCODINGS, "form"),
    word(c"enctype", "enctype", ENCODINGS, "form"),
    word(c"httpEquiv", "http-equiv", &["content-type", "default-style", "refresh"], "meta"),
    word(c"keytype", "keytype", &["RSA", "DSA", "EC"], "keygen"),
    word(
        c"kind",
        "kind",
        &["subtitles", "captions", "descriptions", "chapters", "metadata"],
        "track",
    ),
    word(c"preload", "preload", &["auto", "none", "metadata"], "audio video"),
    word(c"referrerPolicy", "referrerpolicy", REFERRER, "a area iframe img link"),
    word(c"scope", "scope", &["", "row", "col", "rowgroup", "colgroup"], "th"),
    word(c"type", "type", &["submit", "reset", "button", "menu"], "button"),
    word(c"type", "type", INPUTS, "input"),
    word(c"type", "type", ITEM_MARKERS, "li"),
    word(c"type", "type", MARKERS, "ol"),
    word(c"wrap", "wrap", &["soft", "hard", "off"], "textarea"),
    // What controls are called that have no such attribute.
    row(c"type", Source::Constant("fieldset"), "fieldset"),
    row(c"type", Source::Constant("keygen"), "keygen"),
    row(c"type", Source::Constant("output"), "output"),
    row(c"type", Source::Constant("textarea"), "textarea"),
    computed(c"type", controls::select_type, "select"),
    computed(c"type", controls::style_type, "style"),
    // Parts of a link's address.
    computed(c"hash", links::hash, "a area"),
    computed(c"host", links::host, "a area"),
    computed(c"hostname", links::hostname, "a area"),
    computed(c"origin", links::origin, "a area"),
    computed(c"password", links::password, "a area"),
    computed(c"pathname", links::pathname, "a area"),
    computed(c"port", links::port, "a area"),
    computed(c"protocol", links::protocol, "a area"),
    computed(c"relList", links::rel_list, "a area link"),
    computed(c"search", links::search, "a area"),
    computed(c"username", links::username, "a area"),
    // Elements below.
    found(c"areas", "area", "map"),
    found(c"cells", "th,td", "tr"),
    found(c"elements", "input,select,button,textarea,fieldset", "form"),
    found(c"elements", "input,select,button,textarea", "fieldset"),
    found(c"options", "option", "datalist select"),
    found(c"rows", "tr", "table tbody tfoot thead"),
    found(c"selectedOptions", "option[selected]", "select"),
    found(c"tBodies", "tbody", "table"),
    found(c"textTracks", "track", "audio video"),
    row(c"caption", Source::Child("caption"), "table"),
    row(c"tFoot", Source::Child("tfoot"), "table"),
    row(c"tHead", Source::Child("thead"), "table"),
    row(c"length", Source::Count("input,select,button,textarea,fieldset"), "form"),
    row(c"length", Source::Count("option"), "select"),
    // Places in a table.
    computed(c"cellIndex", tables::cell_index, "td th"),
    computed(c"rowIndex", tables::row_index, "tr"),
    computed(c"sectionRowIndex", tables::section_row_index, "tr"),
    computed(c"span", tables::span, "col"),
    // A control and its form.
    computed(
        c"form",
        controls::form,
        "button fieldset input keygen label legend object output select textarea",
    ),
    computed(c"form", controls::option_form, "option"),
    computed(c"formAction", controls::form_action, "button input"),
    computed(c"formEnctype", controls::form_enctype, "button input"),
    computed(c"formMethod", controls::form_method, "button input"),
    computed(c"formNoValidate", controls::form_no_validate, "button input"),
    computed(c"formTarget", controls::form_target, "button input"),
    computed(c"method", controls::form_method, "form"),
    // A control and its label.
    computed(c"control", controls::control, "label"),
    computed(
        c"labels",
        controls::labels,
        "button input keygen meter output progress select textarea",
    ),
    // What a control holds.
    computed(c"defaultValue", controls::text, "output"),
    computed(c"disabled", controls::option_disabled, "option"),
    computed(c"index", controls::option_index, "option"),
    computed(c"label", controls::option_label, "option"),
    computed(c"length", controls::textarea_length, "textarea"),
    computed(c"list", controls::list, "input"),
    computed(c"max", controls::progress_max, "progress"),
    computed(c"position", controls::progress_position, "progress"),
    computed(c"selectedIndex", controls::selected_index, "select"),
    computed(c"size", controls::select_size, "select"),
    computed(c"validity", controls::nothing, "fieldset"),
    computed(c"value", controls::progress_value, "progress"),
    computed(c"value", controls::select_value, "select"),
    computed(c"value", controls::text, "output"),
    computed(c"value", controls::value, "button option"),
    // The rest.
    computed(c"images", controls::images, "map"),
    computed(c"text", controls::text, "a area option script title"),
];

/// Elements with properties of their own and what k6 calls them, in the order of the standard's chapter 4.
pub(in crate::html) const KINDS: &[(&str, &str)] = &[
    ("title", "TitleElement"),
    ("base", "BaseElement"),
    ("link", "LinkElement"),
    ("meta", "MetaElement"),
    ("style", "StyleElement"),
    ("pre", "PreElement"),
    ("quote", "QuoteElement"),
    ("ol", "OListElement"),
    ("ul", "UListElement"),
    ("li", "LiElement"),
    ("a", "AnchorElement"),
    ("data", "DataElement"),
    ("time", "TimeElement"),
    ("ins", "InsElement"),
    ("del", "DelElement"),
    ("source", "SourceElement"),
    ("img", "ImageElement"),
    ("iframe", "IFrameElement"),
    ("embed", "EmbedElement"),
    ("object", "ObjectElement"),
    ("param", "ParamElement"),
    ("video", "VideoElement"),
    ("audio", "AudioElement"),
    ("track", "TrackElement"),
    ("map", "MapElement"),
    ("area", "AreaElement"),
    ("table", "TableElement"),
    ("col", "TableColElement"),
    ("tbody", "TableBodyElement"),
    ("thead", "TableHeadElement"),
    ("tfoot", "TableFootElement"),
    ("tr", "TableRowElement"),
    ("td", "TableDataCellElement"),
    ("th", "TableHeaderCellElement"),
    ("form", "FormElement"),
    ("label", "LabelElement"),
    ("input", "InputElement"),
    ("button", "ButtonElement"),
    ("select", "SelectElement"),
    ("datalist", "DataListElement"),
    ("optgroup", "OptGroupElement"),
    ("option", "OptionElement"),
    ("textarea", "TextAreaElement"),
    ("keygen", "KeygenElement"),
    ("output", "OutputElement"),
    ("progress", "ProgressElement"),
    ("meter", "MeterElement"),
    ("fieldset", "FieldSetElement"),
    ("legend", "LegendElement"),
    ("script", "ScriptElement"),
    ("canvas", "CanvasElement"),
];
