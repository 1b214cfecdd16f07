//! The table of kinds: their methods and where the values come from.

use std::ffi::CStr;

use super::{Kind, Method, Source, controls, links, tables};
use crate::html::ElementObject;
use crate::js::{Ctx, JsResult, Val};

const fn text(name: &'static CStr, attribute: &'static str) -> Method {
    Method { name, source: Source::Text(attribute) }
}

const fn url(name: &'static CStr, attribute: &'static str) -> Method {
    Method { name, source: Source::Url(attribute) }
}

const fn url_or_page(name: &'static CStr, attribute: &'static str) -> Method {
    Method { name, source: Source::UrlOrPage(attribute) }
}

const fn flag(name: &'static CStr, attribute: &'static str) -> Method {
    Method { name, source: Source::Flag(attribute) }
}

const fn integer(name: &'static CStr, attribute: &'static str, default: i32) -> Method {
    Method { name, source: Source::Integer(attribute, default) }
}

const fn constant(name: &'static CStr, value: &'static str) -> Method {
    Method { name, source: Source::Constant(value) }
}

const fn choice(
    name: &'static CStr,
    attribute: &'static str,
    words: &'static [&'static str],
) -> Method {
    Method { name, source: Source::Choice(attribute, words) }
}

const fn optional(
    name: &'static CStr,
    attribute: &'static str,
    words: &'static [&'static str],
) -> Method {
    Method { name, source: Source::Optional(attribute, words) }
}

const fn found(name: &'static CStr, selector: &'static str) -> Method {
    Method { name, source: Source::Found(selector) }
}

const fn count(name: &'static CStr, selector: &'static str) -> Method {
    Method { name, source: Source::Count(selector) }
}

const fn child(name: &'static CStr, selector: &'static str) -> Method {
    Method { name, source: Source::Child(selector) }
}

const fn computed(
    name: &'static CStr,
    compute: fn(Ctx, &ElementObject) -> JsResult<Val>,
) -> Method {
    Method { name, source: Source::Computed(compute) }
}

const REFERRER: &[&str] = &[
    "",
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "unsafe-url",
];
const ON_OFF: &[&str] = &["on", "off"];
const ENCTYPE: &[&str] =
    &["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
const CROSS_ORIGIN: &[&str] = &["anonymous", "use-credentials"];

const HREF: &[Method] = &[
    text(c"accessKey", "accesskey"),
    text(c"download", "download"),
    computed(c"hash", links::hash),
    computed(c"host", links::host),
    computed(c"hostname", links::hostname),
    url(c"href", "href"),
    text(c"hrefLang", "hreflang"),
    computed(c"origin", links::origin),
    computed(c"password", links::password),
    computed(c"pathname", links::pathname),
    computed(c"port", links::port),
    computed(c"protocol", links::protocol),
    choice(c"referrerPolicy", "referrerpolicy", REFERRER),
    text(c"rel", "rel"),
    computed(c"relList", links::rel_list),
    computed(c"search", links::search),
    text(c"target", "target"),
    computed(c"text", controls::text),
    url(c"toString", "href"),
    text(c"type", "type"),
    computed(c"username", links::username),
];

const MEDIA: &[Method] = &[
    flag(c"autoplay", "autoplay"),
    flag(c"controls", "controls"),
    optional(c"crossOrigin", "crossorigin", CROSS_ORIGIN),
    text(c"currentSrc", "src"),
    flag(c"defaultMuted", "muted"),
    flag(c"loop", "loop"),
    text(c"mediaGroup", "mediagroup"),
    flag(c"muted", "muted"),
    choice(c"preload", "preload", &["auto", "metadata", "none"]),
    url(c"src", "src"),
    found(c"textTracks", "track"),
];

const FORM_FIELD: &[Method] = &[
    computed(c"form", controls::form),
    computed(c"formAction", controls::form_action),
    computed(c"formEnctype", controls::form_enctype),
    computed(c"formMethod", controls::form_method),
    computed(c"formNoValidate", controls::form_no_validate),
    computed(c"formTarget", controls::form_target),
    computed(c"labels", controls::labels),
    text(c"name", "name"),
];

const MOD: &[Method] = &[text(c"cite", "cite"), text(c"datetime", "datetime")];

const TABLE_SECTION: &[Method] = &[found(c"rows", "tr")];

const TABLE_CELL: &[Method] = &[
    computed(c"cellIndex", tables::cell_index),
    integer(c"colSpan", "colspan", 1),
    text(c"headers", "headers"),
    integer(c"rowSpan", "rowspan", 1),
];

/// Every kind that has methods of its own.
pub(in crate::html) const KINDS: &[Kind] = &[
    Kind { tag: "a", type_name: "AnchorElement", methods: &[HREF] },
    Kind { tag: "area", type_name: "AreaElement", methods: &[HREF] },
    Kind { tag: "audio", type_name: "AudioElement", methods: &[MEDIA] },
    Kind {
        tag: "base",
        type_name: "BaseElement",
        methods: &[&[url_or_page(c"href", "href"), text(c"target", "target")]],
    },
    Kind {
        tag: "button",
        type_name: "ButtonElement",
        methods: &[
            FORM_FIELD,
            &[
                text(c"accessKey", "accesskey"),
                flag(c"autofocus", "autofocus"),
                flag(c"disabled", "disabled"),
                integer(c"tabIndex", "tabindex", 0),
                choice(c"type", "type", &["submit", "button", "menu", "reset"]),
                computed(c"value", controls::value),
            ],
        ],
    },
    Kind {
        tag: "canvas",
        type_name: "CanvasElement",
        methods: &[&[integer(c"height", "height", 150), integer(c"width", "width", 150)]],
    },
    Kind { tag: "data", type_name: "DataElement", methods: &[&[text(c"value", "value")]] },
    Kind {
        tag: "datalist",
        type_name: "DataListElement",
        methods: &[&[found(c"options", "option")]],
    },
    Kind { tag: "del", type_name: "DelElement", methods: &[MOD] },
    Kind {
        tag: "embed",
        type_name: "EmbedElement",
        methods: &[&[
            text(c"height", "height"),
            text(c"src", "src"),
            text(c"type", "type"),
            text(c"width", "width"),
        ]],
    },
    Kind {
        tag: "fieldset",
        type_name: "FieldSetElement",
        methods: &[&[
            flag(c"disabled", "disabled"),
            found(c"elements", "input,select,button,textarea"),
            computed(c"form", controls::form),
            text(c"name", "name"),
            constant(c"type", "fieldset"),
            computed(c"validity", controls::nothing),
        ]],
    },
    Kind {
        tag: "form",
        type_name: "FormElement",
        methods: &[&[
            text(c"acceptCharset", "accept-charset"),
            url(c"action", "action"),
            choice(c"autocomplete", "autocomplete", ON_OFF),
            found(c"elements", "input,select,button,textarea,fieldset"),
            choice(c"encoding", "enctype", ENCTYPE),
            choice(c"enctype", "enctype", ENCTYPE),
            count(c"length", "input,select,button,textarea,fieldset"),
            computed(c"method", controls::form_method),
            text(c"name", "name"),
            flag(c"noValidate", "novalidate"),
            text(c"target", "target"),
        ]],
    },
    Kind {
        tag: "iframe",
        type_name: "IFrameElement",
        methods: &[&[
            flag(c"allowfullscreen", "allowfullscreen"),
            text(c"height", "height"),
            text(c"name", "name"),
            choice(c"referrerPolicy", "referrerpolicy", REFERRER),
            url(c"src", "src"),
            text(c"width", "width"),
        ]],
    },
    Kind {
        tag: "img",
        type_name: "ImageElement",
        methods: &[&[
            text(c"alt", "alt"),
            optional(c"crossOrigin", "crossorigin", CROSS_ORIGIN),
            url(c"currentSrc", "src"),
            integer(c"height", "height", 0),
            flag(c"isMap", "ismap"),
            text(c"name", "name"),
            choice(c"referrerPolicy", "referrerpolicy", REFERRER),
            text(c"sizes", "sizes"),
            url(c"src", "src"),
            text(c"srcset", "srcset"),
            text(c"useMap", "usemap"),
            integer(c"width", "width", 0),
        ]],
    },
    Kind {
        tag: "input",
        type_name: "InputElement",
        methods: &[
            FORM_FIELD,
            &[
                text(c"accept", "accept"),
                text(c"accessKey", "accesskey"),
                text(c"alt", "alt"),
                choice(c"autocomplete", "autocomplete", ON_OFF),
                flag(c"autofocus", "autofocus"),
                flag(c"checked", "checked"),
                flag(c"defaultChecked", "checked"),
                text(c"defaultValue", "value"),
                text(c"dirName", "dirname"),
                flag(c"disabled", "disabled"),
                text(c"height", "height"),
                computed(c"list", controls::list),
                text(c"max", "max"),
                integer(c"maxLength", "maxlength", -1),
                text(c"min", "min"),
                flag(c"multiple", "multiple"),
                text(c"pattern", "pattern"),
                text(c"placeholder", "placeholder"),
                flag(c"readonly", "readonly"),
                flag(c"required", "required"),
                integer(c"size", "size", 0),
                url(c"src", "src"),
                text(c"step", "step"),
                integer(c"tabIndex", "tabindex", 0),
                choice(
                    c"type",
                    "type",
                    &[
                        "text",
                        "button",
                        "checkbox",
                        "color",
                        "date",
                        "datetime-local",
                        "email",
                        "file",
                        "hidden",
                        "image",
                        "month",
                        "number",
                        "password",
                        "radio",
                        "range",
                        "reset",
                        "search",
                        "submit",
                        "tel",
                        "time",
                        "url",
                        "week",
                    ],
                ),
                text(c"value", "value"),
                text(c"width", "width"),
            ],
        ],
    },
    Kind { tag: "ins", type_name: "InsElement", methods: &[MOD] },
    Kind {
        tag: "keygen",
        type_name: "KeygenElement",
        methods: &[&[
            flag(c"autofocus", "autofocus"),
            text(c"challenge", "challenge"),
            flag(c"disabled", "disabled"),
            computed(c"form", controls::form),
            choice(c"keytype", "keytype", &["RSA", "DSA", "EC"]),
            computed(c"labels", controls::labels),
            text(c"name", "name"),
            constant(c"type", "keygen"),
        ]],
    },
    Kind {
        tag: "label",
        type_name: "LabelElement",
        methods: &[&[
            computed(c"control", controls::control),
            computed(c"form", controls::form),
            text(c"htmlFor", "for"),
        ]],
    },
    Kind {
        tag: "legend",
        type_name: "LegendElement",
        methods: &[&[text(c"accessKey", "accesskey"), computed(c"form", controls::form)]],
    },
    Kind {
        tag: "li",
        type_name: "LiElement",
        methods: &[&[
            choice(c"type", "type", &["", "1", "a", "A", "i", "I", "disc", "square", "circle"]),
            integer(c"value", "value", 0),
        ]],
    },
    Kind {
        tag: "link",
        type_name: "LinkElement",
        methods: &[&[
            optional(c"crossOrigin", "crossorigin", CROSS_ORIGIN),
            url(c"href", "href"),
            text(c"hreflang", "hreflang"),
            text(c"media", "media"),
            choice(c"referrerPolicy", "referrerpolicy", REFERRER),
            text(c"rel", "rel"),
            computed(c"relList", links::rel_list),
            text(c"target", "target"),
            text(c"type", "type"),
        ]],
    },
    Kind {
        tag: "map",
        type_name: "MapElement",
        methods: &[&[
            found(c"areas", "area"),
            computed(c"images", controls::images),
            text(c"name", "name"),
        ]],
    },
    Kind {
        tag: "meta",
        type_name: "MetaElement",
        methods: &[&[
            text(c"content", "content"),
            choice(c"httpEquiv", "http-equiv", &["content-type", "default-style", "refresh"]),
            text(c"name", "name"),
        ]],
    },
    Kind {
        tag: "meter",
        type_name: "MeterElement",
        methods: &[&[
            integer(c"high", "high", 0),
            computed(c"labels", controls::labels),
            integer(c"low", "low", 0),
            integer(c"max", "max", 0),
            integer(c"min", "min", 0),
            integer(c"optimum", "optimum", 0),
        ]],
    },
    Kind {
        tag: "object",
        type_name: "ObjectElement",
        methods: &[&[
            url(c"data", "data"),
            computed(c"form", controls::form),
            text(c"height", "height"),
            text(c"name", "name"),
            integer(c"tabIndex", "tabindex", 0),
            text(c"type", "type"),
            flag(c"typeMustMatch", "typemustmatch"),
            text(c"useMap", "usemap"),
            text(c"width", "width"),
        ]],
    },
    Kind {
        tag: "ol",
        type_name: "OListElement",
        methods: &[&[
            flag(c"reversed", "reversed"),
            integer(c"start", "start", 0),
            choice(c"type", "type", &["1", "a", "A", "i", "I"]),
        ]],
    },
    Kind {
        tag: "optgroup",
        type_name: "OptGroupElement",
        methods: &[&[flag(c"disabled", "disabled"), text(c"label", "label")]],
    },
    Kind {
        tag: "option",
        type_name: "OptionElement",
        methods: &[&[
            flag(c"defaultSelected", "selected"),
            computed(c"disabled", controls::option_disabled),
            computed(c"form", controls::option_form),
            computed(c"index", controls::option_index),
            computed(c"label", controls::option_label),
            flag(c"selected", "selected"),
            computed(c"text", controls::text),
            computed(c"value", controls::value),
        ]],
    },
    Kind {
        tag: "output",
        type_name: "OutputElement",
        methods: &[&[
            computed(c"defaultValue", controls::text),
            computed(c"form", controls::form),
            text(c"htmlFor", "for"),
            computed(c"labels", controls::labels),
            text(c"name", "name"),
            constant(c"type", "output"),
            computed(c"value", controls::text),
        ]],
    },
    Kind {
        tag: "param",
        type_name: "ParamElement",
        methods: &[&[text(c"name", "name"), text(c"value", "value")]],
    },
    Kind {
        tag: "pre",
        type_name: "PreElement",
        methods: &[&[text(c"name", "name"), text(c"value", "value")]],
    },
    Kind {
        tag: "progress",
        type_name: "ProgressElement",
        methods: &[&[
            computed(c"labels", controls::labels),
            computed(c"max", controls::progress_max),
            computed(c"position", controls::progress_position),
            computed(c"value", controls::progress_value),
        ]],
    },
    Kind { tag: "quote", type_name: "QuoteElement", methods: &[&[text(c"cite", "cite")]] },
    Kind {
        tag: "script",
        type_name: "ScriptElement",
        methods: &[&[
            flag(c"async", "async"),
            text(c"charset", "charset"),
            text(c"crossOrigin", "crossorigin"),
            flag(c"defer", "defer"),
            flag(c"noModule", "nomodule"),
            url(c"src", "src"),
            computed(c"text", controls::text),
            text(c"type", "type"),
        ]],
    },
    Kind {
        tag: "select",
        type_name: "SelectElement",
        methods: &[&[
            flag(c"autofocus", "autofocus"),
            flag(c"disabled", "disabled"),
            computed(c"form", controls::form),
            computed(c"labels", controls::labels),
            count(c"length", "option"),
            flag(c"multiple", "multiple"),
            text(c"name", "name"),
            found(c"options", "option"),
            flag(c"required", "required"),
            computed(c"selectedIndex", controls::selected_index),
            found(c"selectedOptions", "option[selected]"),
            computed(c"size", controls::select_size),
            integer(c"tabIndex", "tabindex", 0),
            computed(c"type", controls::select_type),
            computed(c"value", controls::select_value),
        ]],
    },
    Kind {
        tag: "source",
        type_name: "SourceElement",
        methods: &[&[
            text(c"keySystem", "keysystem"),
            text(c"media", "media"),
            text(c"sizes", "sizes"),
            url(c"src", "src"),
            text(c"srcset", "srcset"),
            text(c"type", "type"),
        ]],
    },
    Kind {
        tag: "style",
        type_name: "StyleElement",
        methods: &[&[text(c"media", "media"), computed(c"type", controls::style_type)]],
    },
    Kind {
        tag: "table",
        type_name: "TableElement",
        methods: &[&[
            child(c"caption", "caption"),
            found(c"rows", "tr"),
            flag(c"sortable", "sortable"),
            found(c"tBodies", "tbody"),
            child(c"tFoot", "tfoot"),
            child(c"tHead", "thead"),
        ]],
    },
    Kind { tag: "thead", type_name: "TableHeadElement", methods: &[TABLE_SECTION] },
    Kind { tag: "tfoot", type_name: "TableFootElement", methods: &[TABLE_SECTION] },
    Kind { tag: "tbody", type_name: "TableBodyElement", methods: &[TABLE_SECTION] },
    Kind {
        tag: "tr",
        type_name: "TableRowElement",
        methods: &[&[
            found(c"cells", "th,td"),
            computed(c"rowIndex", tables::row_index),
            computed(c"sectionRowIndex", tables::section_row_index),
        ]],
    },
    Kind {
        tag: "col",
        type_name: "TableColElement",
        methods: &[&[computed(c"span", tables::span)]],
    },
    Kind { tag: "td", type_name: "TableDataCellElement", methods: &[TABLE_CELL] },
    Kind {
        tag: "th",
        type_name: "TableHeaderCellElement",
        methods: &[
            TABLE_CELL,
            &[
                text(c"abbr", "abbr"),
                choice(c"scope", "scope", &["", "row", "col", "colgroup", "rowgroup"]),
                flag(c"sorted", "sorted"),
            ],
        ],
    },
    Kind {
        tag: "textarea",
        type_name: "TextAreaElement",
        methods: &[&[
            text(c"accessKey", "accesskey"),
            choice(
                c"autocapitalize",
                "autocapitalize",
                &["sentences", "none", "off", "characters", "words"],
            ),
            choice(c"autocomplete", "autocomplete", ON_OFF),
            integer(c"cols", "cols", 0),
            text(c"defaultValue", "value"),
            computed(c"form", controls::form),
            computed(c"labels", controls::labels),
            computed(c"length", controls::textarea_length),
            integer(c"maxLength", "maxlength", 0),
            text(c"placeholder", "placeholder"),
            flag(c"readOnly", "readonly"),
            flag(c"required", "required"),
            integer(c"rows", "rows", 0),
            integer(c"tabIndex", "tabindex", 0),
            constant(c"type", "textarea"),
            text(c"value", "value"),
            choice(c"wrap", "wrap", &["soft", "hard", "off"]),
        ]],
    },
    Kind { tag: "time", type_name: "TimeElement", methods: &[&[text(c"datetime", "datetime")]] },
    Kind {
        tag: "title",
        type_name: "TitleElement",
        methods: &[&[computed(c"text", controls::text)]],
    },
    Kind {
        tag: "track",
        type_name: "TrackElement",
        methods: &[&[
            flag(c"default", "default"),
            choice(
                c"kind",
                "kind",
                &["subtitle", "captions", "descriptions", "chapters", "metadata"],
            ),
            text(c"label", "label"),
            url(c"src", "src"),
            text(c"srclang", "srclang"),
        ]],
    },
    Kind { tag: "ul", type_name: "UListElement", methods: &[&[text(c"type", "type")]] },
    Kind { tag: "video", type_name: "VideoElement", methods: &[MEDIA] },
];
