//! `__ENV`: the test's environment with the scenario's laid over it.

use std::cell::RefCell;

use crate::js::{Ctx, JsResult, Raw, Val};
use crate::module::keyed::{self, Key, Keyed};

/// Variables of the test stay in the world, shared by all VUs; a VU keeps only what differs.
#[derive(Default)]
struct Environment {
    /// Scenario variables and what the script wrote; `None` is deleted.
    over: RefCell<Vec<(String, Option<String>)>>,
}

/// `__ENV`, made when first read in a scenario.
pub(crate) fn get(cx: Ctx, _this: Raw) -> JsResult<Val> {
    let host = cx.host();
    if let Some(env) = &host.kept.borrow().env {
        return Ok(env.clone());
    }
    let environment = Environment::default();
    if let Some(activation) = &*host.activation.borrow() {
        environment.over.borrow_mut().extend(
            activation.scenario.env.iter().map(|(name, value)| (name.clone(), Some(value.clone()))),
        );
    }
    let object = keyed::object(cx, environment)?;
    host.kept.borrow_mut().env = Some(object.clone());
    Ok(object)
}

/// `__ENV = …`.
pub(crate) fn set(cx: Ctx, _this: Raw, value: Raw) -> JsResult<()> {
    let value = value.dup(cx);
    let old = cx.host().kept.borrow_mut().env.replace(value);
    drop(old);
    Ok(())
}

impl Environment {
    fn write(&self, key: &str, value: Option<String>) {
        let mut over = self.over.borrow_mut();
        match over.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => over.push((key.to_owned(), value)),
        }
    }
}

impl Keyed for Environment {
    fn get(&self, cx: Ctx, key: Key<'_>) -> JsResult<Option<Val>> {
        let number;
        let key = match key {
            Key::Name(name) => name,
            Key::Index(i) => {
                number = i.to_string();
                &number
            }
        };
        if let Some((_, value)) = self.over.borrow().iter().find(|(name, _)| name == key) {
            return value.as_ref().map(|value| cx.string(value)).transpose();
        }
        let found = cx.host().world.env.iter().rev().find(|(name, _)| name == key);
        found.map(|(_, value)| cx.string(value)).transpose()
    }

    fn keys(&self, cx: Ctx) -> Vec<String> {
        let over = self.over.borrow();
        let mut keys: Vec<String> = Vec::new();
        for (name, _) in &cx.host().world.env {
            if !over.iter().any(|(n, _)| n == name) && !keys.contains(name) {
                keys.push(name.clone());
            }
        }
        keys.extend(over.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| name.clone()));
        keys
    }

    fn set(&self, cx: Ctx, key: &str, value: Raw) -> JsResult<()> {
        let value = value.to_text(cx)?.to_string();
        self.write(key, Some(value));
        Ok(())
    }

    fn delete(&self, _cx: Ctx, key: &str) -> JsResult<()> {
        self.write(key, None);
        Ok(())
    }
}
