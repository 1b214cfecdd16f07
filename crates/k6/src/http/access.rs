//! What other protocols share with `k6/http`: the settings of the test, the VU's cookies, its count of bytes.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

use net::http::{ClientConfig, Response};
use net::stream::Traffic;
use net::url::Url;

use super::VuHttp;
use super::exchange::{SharedJar, keep_cookies};
use super::helpers::JarObject;
use crate::host::VuHost;
use crate::js::{Ctx, JsResult, Raw};

/// `k6/http`'s state of the VU, made here if its script does not import that module.
pub(crate) fn of_vu(cx: Ctx) -> JsResult<Rc<VuHttp>> {
    super::calls::ensure(cx)
}

impl VuHttp {
    /// Resolver, TLS, limits.
    pub(crate) fn config(&self) -> &Arc<ClientConfig> {
        &self.settings.client
    }

    /// The address that the VU's connections start at, if the options give it one.
    pub(crate) fn local_ip(&self, host: &VuHost) -> Option<IpAddr> {
        self.settings.local_ips.as_ref().and_then(|ips| ips.address(host.id_in_instance))
    }

    /// Counts the bytes of the VU's connections.
    pub(crate) fn traffic(&self) -> &Rc<Traffic> {
        self.client.traffic_counter()
    }

    /// The `User-Agent`; empty for none.
    pub(crate) fn user_agent(&self) -> &str {
        &self.settings.user_agent
    }

    /// Whether what fails throws.
    pub(crate) fn throws(&self) -> bool {
        self.settings.throws
    }

    /// The jar that a script named, or the VU's.
    pub(crate) fn jar_named(&self, cx: Ctx, value: Raw) -> SharedJar {
        cx.inner::<JarObject>(value).map_or_else(|| self.jar(), |jar| jar.0.clone())
    }

    /// The `Cookie` header for a URL; empty if there is none.
    pub(crate) fn cookies_for(&self, jar: &SharedJar, url: &Url) -> String {
        self.cookie_header("", &[], jar, url)
    }

    /// Takes the cookies of a response into the jar.
    pub(crate) fn keep_cookies(&self, jar: &SharedJar, url: &Url, response: &Response) {
        keep_cookies(jar, url, response);
    }
}
