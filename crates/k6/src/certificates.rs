//! Certificates that a script gives for one connection or call: `tls` of gRPC's `connect` and of `k6/http`'s parameters.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use net::tls::{ClientCert, TlsConfig};

use crate::http::{Exported, tls_options};
use crate::world::{World, lock};

/// Settings of TLS that were asked for, made once.
pub(crate) type Made = Mutex<HashMap<Tls, Result<Arc<TlsConfig>, String>>>;

/// Sets of settings that are remembered; when there are more, the memory starts anew.
const MAX_TLS: usize = 1024;

/// What `tls` says, PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Tls {
    cert: String,
    key: String,
    password: String,
    authorities: Vec<String>,
}

impl Tls {
    /// Reads a `tls` parameter.
    ///
    /// # Errors
    /// k6's texts.
    pub(crate) fn of(value: &Exported) -> Result<Self, String> {
        let shown = go_syntax(value);
        let Exported::Map(entries) = value else {
            return Err(format!(
                "invalid tls value: '{shown}', expected (optional) keys: cert, key, password, and cacerts"
            ));
        };
        let mut tls = Self::default();
        let pem = "PEM formatted string";
        for (name, value) in entries {
            let text = match value {
                Exported::Text(text) => Some(text.clone()),
                _ => None,
            };
            let refused =
                |what: &str| format!("invalid tls {name} value: '{shown}', it needs to be {what}");
            match name.as_str() {
                "cert" => tls.cert = text.ok_or_else(|| refused(&format!("a {pem}")))?,
                "key" => tls.key = text.ok_or_else(|| refused(&format!("a {pem}")))?,
                "password" => tls.password = text.ok_or_else(|| refused("a string"))?,
                "cacerts" => {
                    let list = match (text, value) {
                        (Some(text), _) => Some(vec![text]),
                        (None, Exported::List(items)) => items
                            .iter()
                            .map(|item| match item {
                                Exported::Text(text) => Some(text.clone()),
                                _ => None,
                            })
                            .collect(),
                        _ => None,
                    };
                    let wanted = format!("a string or an array of {pem}s");
                    tls.authorities = list.ok_or_else(|| refused(&wanted))?;
                }
                _ => {}
            }
        }
        Ok(tls)
    }

    /// The settings, made once for a test.
    pub(crate) fn config(&self, world: &World) -> Result<Arc<TlsConfig>, String> {
        if let Some(known) = lock(&world.tls).get(self) {
            return known.clone();
        }
        let made = self.make(world);
        let mut all = lock(&world.tls);
        if all.len() >= MAX_TLS {
            all.clear();
        }
        all.insert(self.clone(), made.clone());
        made
    }

    fn make(&self, world: &World) -> Result<Arc<TlsConfig>, String> {
        let mut options = tls_options(&world.config().options)?;
        options.client_certs.clear();
        if !self.cert.is_empty() && !self.key.is_empty() {
            let key_pem = match self.password.as_str() {
                "" => self.key.clone(),
                password => net::tls::decrypt_key(&self.key, password)?,
            };
            options.client_certs.push(ClientCert { cert_pem: self.cert.clone(), key_pem });
        }
        options.extra_roots_pem.clone_from(&self.authorities);
        TlsConfig::new(&options).map(Arc::new).map_err(|error| error.to_string())
    }
}

/// Go's `%#v`.
pub(crate) fn go_syntax(value: &Exported) -> String {
    match value {
        Exported::Nil => "<nil>".to_owned(),
        Exported::Text(text) => quoted(text),
        Exported::List(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Exported::Map(entries) => {
            let mut entries: Vec<&(String, Exported)> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            let entries: Vec<String> = entries
                .iter()
                .map(|(name, value)| format!("{}:{}", quoted(name), go_syntax(value)))
                .collect();
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        other => other.go_text().into_owned(),
    }
}

/// Text in Go's quotes.
fn quoted(text: &str) -> String {
    net::url::go_quoted(text.as_bytes())
}
