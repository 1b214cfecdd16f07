//! A proxy and certificates of one call (`proxy` and `tls` of its parameters), which k6 has for a whole test only. Such
//! calls go out through clients of their own, so that they share no connection with calls that go another way.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use net::http::{Client, ClientConfig, Transport as _};
use net::proxy::{Proxies, Proxy};

use super::VuHttp;
use super::arguments::export;
use super::exchange::Call;
use super::exported::Exported;
use super::params::Refused;
use crate::certificates::Tls;
use crate::js::{Ctx, Raw};
use crate::world::lock;

/// Clients of a VU for such calls; the one not used for longest is given up for another.
const MAX_CLIENTS: usize = 32;
/// Configurations of a test that are remembered; when there are more, the memory starts anew.
const MAX_CONFIGS: usize = 1024;

/// Whom a call goes out as, where that is not the test's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    /// `Some(None)`: no proxy, whatever the environment says.
    proxy: Option<Option<String>>,
    tls: Option<Tls>,
}

/// What clients of such calls are made from.
pub(super) type Configs = Mutex<HashMap<Identity, Arc<ClientConfig>>>;

/// Clients of one VU, the last used at the end.
#[derive(Debug, Default)]
pub(super) struct Clients(Vec<(Identity, Rc<Client>)>);

impl Clients {
    fn find(&mut self, identity: &Identity) -> Option<Rc<Client>> {
        let at = self.0.iter().rposition(|(known, _)| known == identity)?;
        let found = self.0.remove(at);
        let client = found.1.clone();
        self.0.push(found);
        Some(client)
    }

    fn add(&mut self, identity: &Identity, client: Rc<Client>) {
        if self.0.len() >= MAX_CLIENTS {
            self.0.remove(0);
        }
        self.0.push((identity.clone(), client));
    }

    pub(super) fn close_idle(&self) {
        self.0.iter().for_each(|(_, client)| client.close_idle());
    }
}

impl Identity {
    /// Takes the parameter `proxy`: an address, or `null` for none.
    pub(super) fn set_proxy(&mut self, cx: Ctx, value: Raw) -> Result<(), Refused> {
        self.proxy = Some(match export(cx, value)? {
            Exported::Nil => None,
            Exported::Text(text) if text.is_empty() => None,
            Exported::Text(text) => Some(text),
            other => {
                let kind = other.go_type();
                return Err(Refused::Because(format!("invalid proxy: it is of type {kind}")));
            }
        });
        Ok(())
    }

    /// Takes the parameter `tls`: `cert`, `key`, `password` and `cacerts`, as of gRPC's `connect`.
    pub(super) fn set_tls(&mut self, cx: Ctx, value: Raw) -> Result<(), Refused> {
        self.tls = match export(cx, value)? {
            Exported::Nil => None,
            value => Some(Tls::of(&value)?),
        };
        Ok(())
    }
}

impl VuHttp {
    /// The client for calls of this identity.
    pub(super) fn client_of(&self, identity: &Identity) -> Result<Rc<Client>, String> {
        let known = self.clients.borrow_mut().find(identity);
        if let Some(client) = known {
            return Ok(client);
        }
        let config = self.config_of(identity)?;
        let traffic = self.client.traffic_counter().clone();
        let client = Rc::new(Client::counting(config, self.client.local_ip(), traffic));
        self.clients.borrow_mut().add(identity, client.clone());
        Ok(client)
    }

    fn config_of(&self, identity: &Identity) -> Result<Arc<ClientConfig>, String> {
        let configs = &self.settings.configs;
        if let Some(known) = lock(configs).get(identity) {
            return Ok(known.clone());
        }
        let own = &self.settings.client;
        let tls = match &identity.tls {
            Some(tls) => tls.config(&self.world)?,
            None => own.tls.clone(),
        };
        let proxies = match &identity.proxy {
            None => own.proxies.clone(),
            Some(None) => Proxies::default(),
            Some(Some(text)) => {
                let proxy = Proxy::parse(text);
                let shown = || net::url::go_quoted(text.as_bytes());
                let proxy = proxy.ok_or_else(|| format!("invalid proxy: {}", shown()))?;
                Proxies::only(Arc::new(proxy))
            }
        };
        let config = Arc::new(own.with(tls, proxies));
        let mut configs = lock(configs);
        if configs.len() >= MAX_CONFIGS {
            configs.clear();
        }
        configs.insert(identity.clone(), config.clone());
        Ok(config)
    }

    /// The client that a call goes out through.
    #[inline]
    pub(super) fn client_for<'a>(&'a self, call: &'a Call) -> &'a Client {
        call.client.as_deref().unwrap_or(&self.client)
    }
}
