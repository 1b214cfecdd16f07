//! The two kinds of values that messages become: JavaScript's, and `serde_json`'s where there is no VU.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::decode::{Failed, Model};
use super::schema::{Field, Schema};
use crate::js::{Atom, Ctx, JsResult, Thrown, Val};

/// A message's property names, interned in one VU.
pub(super) struct FieldNames {
    /// JSON names, by field.
    pub json: Box<[Atom]>,
    /// The names of the file, by field.
    pub plain: Box<[Atom]>,
}

impl FieldNames {
    fn new(cx: Ctx, schema: &Schema, message: u32) -> Self {
        let fields = &schema.message(message).fields;
        Self {
            json: fields.iter().map(|field| cx.atom(&field.json_name)).collect(),
            plain: fields.iter().map(|field| cx.atom(&field.name)).collect(),
        }
    }

    /// The field that `name` means, looked for from `from` on: objects name their fields in order.
    #[inline]
    pub(super) fn find(&self, name: Atom, from: usize) -> Option<usize> {
        let n = self.json.len();
        let from = if from < n { from } else { 0 };
        let at = |i: usize| self.json.get(i) == Some(&name);
        (from..n)
            .chain(0..from)
            .find(|i| at(*i))
            .or_else(|| self.plain.iter().position(|plain| *plain == name))
    }
}

/// The names of the messages that a client has met.
#[derive(Default)]
pub(super) struct NameCache(RefCell<FxHashMap<(usize, u32), Rc<FieldNames>>>);

impl NameCache {
    pub(super) fn of(&self, cx: Ctx, schema: &Arc<Schema>, message: u32) -> Rc<FieldNames> {
        let key = (Arc::as_ptr(schema) as usize, message);
        if let Some(names) = self.0.borrow().get(&key) {
            return names.clone();
        }
        let names = Rc::new(FieldNames::new(cx, schema, message));
        self.0.borrow_mut().insert(key, names.clone());
        names
    }

    /// Forgets names of schemas that are gone: their addresses may come again.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// Makes JavaScript values.
pub(super) struct JsModel<'a> {
    pub cx: Ctx,
    pub names: &'a NameCache,
}

fn made<T>(result: JsResult<T>) -> Result<T, Failed> {
    result.map_err(|Thrown| Failed::Model)
}

impl Model for JsModel<'_> {
    type Value = Val;
    type Names = Rc<FieldNames>;

    fn null(&mut self) -> Val {
        Val::null(self.cx)
    }

    fn boolean(&mut self, value: bool) -> Val {
        self.cx.boolean(value)
    }

    fn number(&mut self, value: f64) -> Val {
        self.cx.number(value)
    }

    fn string(&mut self, value: &str) -> Result<Val, Failed> {
        made(self.cx.string(value))
    }

    fn object(&mut self) -> Result<Val, Failed> {
        made(self.cx.object())
    }

    fn array(&mut self) -> Result<Val, Failed> {
        made(self.cx.array())
    }

    fn names(&mut self, schema: &Arc<Schema>, message: u32) -> Rc<FieldNames> {
        self.names.of(self.cx, schema, message)
    }

    fn set_field(
        &mut self,
        object: &mut Val,
        names: &Rc<FieldNames>,
        (field, index): (&Field, usize),
        value: Val,
    ) -> Result<(), Failed> {
        match names.json.get(index) {
            Some(name) => made(object.set(self.cx, *name, value)),
            None => made(object.set_key(self.cx, &field.json_name, value)),
        }
    }

    fn set(&mut self, object: &mut Val, key: &str, value: Val) -> Result<(), Failed> {
        made(object.set_key(self.cx, key, value))
    }

    fn push(&mut self, array: &mut Val, at: u32, value: Val) -> Result<(), Failed> {
        made(array.set_idx(self.cx, at, value))
    }
}

/// Makes `serde_json`'s values, for the log; tests and fuzzing need no VU.
#[derive(Debug, Default)]
pub(super) struct JsonModel;

impl Model for JsonModel {
    type Value = serde_json::Value;
    type Names = ();

    fn null(&mut self) -> Self::Value {
        serde_json::Value::Null
    }

    fn boolean(&mut self, value: bool) -> Self::Value {
        value.into()
    }

    fn number(&mut self, value: f64) -> Self::Value {
        if value.trunc() == value && value.abs() < 1e15 {
            return (value as i64).into();
        }
        value.into()
    }

    fn string(&mut self, value: &str) -> Result<Self::Value, Failed> {
        Ok(value.into())
    }

    fn object(&mut self) -> Result<Self::Value, Failed> {
        Ok(serde_json::Map::new().into())
    }

    fn array(&mut self) -> Result<Self::Value, Failed> {
        Ok(serde_json::Value::Array(Vec::new()))
    }

    fn names(&mut self, _schema: &Arc<Schema>, _message: u32) {}

    fn set_field(
        &mut self,
        object: &mut Self::Value,
        _names: &(),
        (field, _): (&Field, usize),
        value: Self::Value,
    ) -> Result<(), Failed> {
        self.set(object, &field.json_name, value)
    }

    fn set(
        &mut self,
        object: &mut Self::Value,
        key: &str,
        value: Self::Value,
    ) -> Result<(), Failed> {
        if let Some(object) = object.as_object_mut() {
            object.insert(key.to_owned(), value);
        }
        Ok(())
    }

    fn push(
        &mut self,
        array: &mut Self::Value,
        _at: u32,
        value: Self::Value,
    ) -> Result<(), Failed> {
        if let Some(array) = array.as_array_mut() {
            array.push(value);
        }
        Ok(())
    }
}
