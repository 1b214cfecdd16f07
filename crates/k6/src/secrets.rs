//! Where `k6/secrets` finds secrets, and who is told when one is given to a script.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::world::lock;

/// A place where secrets are kept.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret called `key`. May take its time: it is asked on a side thread.
    ///
    /// # Errors
    /// The text that scripts see.
    fn get(&self, key: &str) -> Result<String, String>;
}

/// The secrets that the command line gives, as `key=value`.
impl SecretSource for HashMap<String, String> {
    fn get(&self, key: &str) -> Result<String, String> {
        HashMap::get(self, key).cloned().ok_or_else(|| "no value".to_owned())
    }
}

/// A source and its name.
pub type NamedSource = (String, Arc<dyn SecretSource>);

/// Secrets that scripts were given, by the place of their source and their key.
type Given = HashMap<(usize, String), String>;

/// Hears a secret before a script has it.
type Listener = Box<dyn Fn(&str) + Send + Sync>;

/// All sources of a test.
#[derive(Default)]
pub struct Secrets {
    sources: Vec<NamedSource>,
    default: Option<usize>,
    given: Mutex<Given>,
    on_given: Option<Listener>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} sources)", self.sources.len())
    }
}

impl Secrets {
    /// Of named sources and the place of the default one among them. `on_given` hears each secret before the script
    /// has it: nothing that is logged later may show it.
    pub fn new(
        sources: Vec<NamedSource>,
        default: Option<usize>,
        on_given: impl Fn(&str) + Send + Sync + 'static,
    ) -> Secrets {
        let default = default.filter(|i| *i < sources.len());
        Secrets { sources, default, given: Mutex::default(), on_given: Some(Box::new(on_given)) }
    }

    /// The secret called `key` of the source called `source`.
    pub(crate) fn get(&self, source: &str, key: &str) -> Result<String, String> {
        if self.sources.is_empty() {
            return Err("no secret sources are configured".to_owned());
        }
        let i = match source {
            "default" => self.default,
            _ => self.sources.iter().position(|(name, _)| name == source),
        };
        let i = i.ok_or_else(|| format!("no secret source with name {source:?} is configured"))?;
        let place = (i, key.to_owned());
        if let Some(secret) = lock(&self.given).get(&place) {
            return Ok(secret.clone());
        }
        let secret = self.sources[i].1.get(key)?;
        if let Some(on_given) = &self.on_given
            && !secret.trim().is_empty()
        {
            on_given(&secret);
        }
        lock(&self.given).insert(place, secret.clone());
        Ok(secret)
    }
}
