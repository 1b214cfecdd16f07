//! The published schema, held against plans: as much of JSON Schema as it uses, and no more.

use regex_lite::Regex;
use serde_json::Value;

/// What of a plan is not as the schema has it.
pub(crate) fn errors(plan: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(suite::SCHEMA).unwrap();
    let mut errors = Vec::new();
    check(plan, &schema, &schema, "plan", &mut errors);
    errors
}

const KNOWN: &[&str] = &[
    "$schema",
    "title",
    "description",
    "$defs",
    "$ref",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "minItems",
    "minProperties",
    "maxProperties",
    "anyOf",
    "oneOf",
];

fn check(value: &Value, schema: &Value, root: &Value, at: &str, errors: &mut Vec<String>) {
    for keyword in schema.as_object().unwrap().keys() {
        assert!(KNOWN.contains(&keyword.as_str()), "{keyword} is not understood here");
    }
    if let Some(name) = schema["$ref"].as_str() {
        let target = &root["$defs"][name.strip_prefix("#/$defs/").unwrap()];
        assert!(target.is_object(), "{name} leads nowhere");
        check(value, target, root, at, errors);
    }
    if !schema["type"].is_null() {
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            many => many.as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect(),
        };
        if !types.iter().any(|wanted| is(value, wanted)) {
            return errors.push(format!("{at}: {value} is no {types:?}"));
        }
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        errors.push(format!("{at}: {value} is none of {words:?}"));
    }
    object(value, schema, root, at, errors);
    if let (Some(items), Value::Array(list)) = (schema.get("items"), value) {
        list.iter()
            .enumerate()
            .for_each(|(n, v)| check(v, items, root, &format!("{at}[{n}]"), errors));
    }
    limits(value, schema, at, errors);
    for (keyword, most) in [("anyOf", usize::MAX), ("oneOf", 1)] {
        let Some(choices) = schema[keyword].as_array() else { continue };
        let fits = |choice: &&Value| {
            let mut inner = Vec::new();
            check(value, choice, root, at, &mut inner);
            inner.is_empty()
        };
        let n = choices.iter().filter(fits).count();
        if n == 0 || n > most {
            errors.push(format!("{at}: {n} of {keyword} fit"));
        }
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("type {other}"),
    }
}

fn object(value: &Value, schema: &Value, root: &Value, at: &str, errors: &mut Vec<String>) {
    let Value::Object(map) = value else { return };
    for name in schema["required"].as_array().into_iter().flatten() {
        if !map.contains_key(name.as_str().unwrap()) {
            errors.push(format!("{at}: no {name}"));
        }
    }
    for (key, inner) in map {
        let at = format!("{at}.{key}");
        match (schema["properties"].get(key), &schema["additionalProperties"]) {
            (Some(known), _) => check(inner, known, root, &at, errors),
            (None, Value::Bool(false)) => errors.push(format!("{at}: unknown")),
            (None, rest @ Value::Object(_)) => check(inner, rest, root, &at, errors),
            (None, _) => {}
        }
    }
}

fn limits(value: &Value, schema: &Value, at: &str, errors: &mut Vec<String>) {
    let number = |keyword: &str| schema[keyword].as_f64();
    let mut need = |fits: bool, what: &str| {
        if !fits {
            errors.push(format!("{at}: {value} is against {what}"));
        }
    };
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as f64;
        need(number("minLength").is_none_or(|least| length >= least), "minLength");
        need(number("maxLength").is_none_or(|most| length <= most), "maxLength");
        let pattern = schema["pattern"].as_str().map(|pattern| Regex::new(pattern).unwrap());
        need(pattern.is_none_or(|pattern| pattern.is_match(text)), "pattern");
    }
    if let Some(n) = value.as_f64() {
        need(number("minimum").is_none_or(|least| n >= least), "minimum");
        need(number("maximum").is_none_or(|most| n <= most), "maximum");
        need(number("exclusiveMinimum").is_none_or(|least| n > least), "exclusiveMinimum");
    }
    let n = value.as_array().map(Vec::len);
    need(n.is_none_or(|n| number("minItems").is_none_or(|least| n as f64 >= least)), "minItems");
    let n = value.as_object().map(serde_json::Map::len);
    need(n.is_none_or(|n| number("minProperties").is_none_or(|l| n as f64 >= l)), "minProperties");
    need(n.is_none_or(|n| number("maxProperties").is_none_or(|m| n as f64 <= m)), "maxProperties");
}

#[test]
fn the_schema_is_one_and_all_of_it_is_explained() {
    let schema: Value = serde_json::from_str(suite::SCHEMA).unwrap();
    for (name, property) in schema["properties"].as_object().unwrap() {
        let is_told = property["description"].is_string() || property["$ref"].is_string();
        assert!(is_told, "{name} has no description");
    }
    assert!(
        errors(&serde_json::json!({"suite": "s", "scenarios": [{"name": "a", "k6": "t.js"}]}))
            .is_empty()
    );
}
