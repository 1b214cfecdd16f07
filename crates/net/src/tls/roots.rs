//! Certificate authorities: the system's, or Mozilla's where it has none. Read once a process, when
//! the first connection needs them, off the core: it takes milliseconds.

use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;

static SYSTEM: OnceLock<Arc<RootCertStore>> = OnceLock::new();

fn system() -> Arc<RootCertStore> {
    SYSTEM
        .get_or_init(|| {
            let mut store = RootCertStore::empty();
            // Certificates that can't be read are skipped, as everywhere.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            Arc::new(store)
        })
        .clone()
}

/// A verifier that trusts the system's authorities and `extra` ones. May read files.
pub(super) fn verifier(
    extra: &[CertificateDer<'static>],
    provider: Arc<CryptoProvider>,
) -> Arc<WebPkiServerVerifier> {
    let mut roots = system();
    if !extra.is_empty() {
        let mut store = (*roots).clone();
        store.add_parsable_certificates(extra.iter().cloned());
        roots = Arc::new(store);
    }
    WebPkiServerVerifier::builder_with_provider(roots, provider)
        .build()
        .expect("the store of authorities is not empty and there are no revocation lists")
}
