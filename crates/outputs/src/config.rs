//! Settings of one output from their three sources: configuration file < environment < argument.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::context::Context;
use crate::wanted::OutputError;

/// Reads an output's settings by the key of the configuration file and the name of the variable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers<'a> {
    context: &'a Context,
    section: Option<&'a Map<String, Value>>,
}

impl<'a> Layers<'a> {
    /// The settings of the output of this type.
    pub(crate) fn of(kind: &str, context: &'a Context) -> Self {
        let section = context.collectors.get(kind).and_then(Value::as_object);
        Self { context, section }
    }

    /// A variable; an empty one counts as unset, as for k6.
    pub(crate) fn variable(&self, name: &str) -> Option<&'a str> {
        self.context.environment.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A value of the configuration file; letter case of keys does not matter, as in Go.
    pub(crate) fn value(&self, key: &str) -> Option<&'a Value> {
        let found = self.section?.iter().find(|(name, _)| name.eq_ignore_ascii_case(key))?.1;
        (!found.is_null()).then_some(found)
    }

    /// A text.
    pub(crate) fn text(&self, key: &str, variable: &str) -> Result<Option<String>, OutputError> {
        if let Some(text) = self.variable(variable) {
            return Ok(Some(text.to_owned()));
        }
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(wrong(key, "a string", other)),
        }
    }

    /// A switch.
    pub(crate) fn switch(&self, key: &str, variable: &str) -> Result<Option<bool>, OutputError> {
        if let Some(text) = self.variable(variable) {
            return parse_bool(text)
                .map(Some)
                .ok_or_else(|| invalid(variable, text, "true or false"));
        }
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(on)) => Ok(Some(*on)),
            Some(other) => Err(wrong(key, "true or false", other)),
        }
    }

    /// A whole number.
    pub(crate) fn int(&self, key: &str, variable: &str) -> Result<Option<i64>, OutputError> {
        if let Some(text) = self.variable(variable) {
            return text.parse().map(Some).map_err(|_| invalid(variable, text, "a whole number"));
        }
        match self.value(key) {
            None => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| wrong(key, "a number", value)),
        }
    }

    /// A duration: `1s`, or milliseconds.
    pub(crate) fn duration(
        &self,
        key: &str,
        variable: &str,
    ) -> Result<Option<Duration>, OutputError> {
        if let Some(text) = self.variable(variable) {
            return parse_duration(text).map(Some);
        }
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) => parse_duration(text).map(Some),
            Some(Value::Number(n)) => parse_duration(&n.to_string()).map(Some),
            Some(other) => Err(wrong(key, "a duration", other)),
        }
    }

    /// A list: separated by commas in the variable.
    pub(crate) fn list(
        &self,
        key: &str,
        variable: &str,
    ) -> Result<Option<Vec<String>>, OutputError> {
        if let Some(text) = self.variable(variable) {
            return Ok(Some(text.split(',').map(str::to_owned).collect()));
        }
        match self.value(key) {
            None => Ok(None),
            Some(value @ Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .map(Some)
                .ok_or_else(|| wrong(key, "a list of strings", value)),
            Some(other) => Err(wrong(key, "a list of strings", other)),
        }
    }
}

/// A duration as k6's options have it, above zero.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, OutputError> {
    let span =
        plan::duration::parse_k6(text).map_err(|error| OutputError::Start(error.to_string()))?;
    Ok(span.as_duration())
}

/// Go's `strconv.ParseBool`.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn invalid(variable: &str, text: &str, wanted: &str) -> OutputError {
    OutputError::Start(format!("invalid value '{text}' of {variable}: it must be {wanted}"))
}

fn wrong(key: &str, wanted: &str, value: &Value) -> OutputError {
    OutputError::Start(format!(
        "invalid value {value} of '{key}' in the configuration file: it must be {wanted}"
    ))
}
