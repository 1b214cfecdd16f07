//! Settings of TLS: read and checked once, shared by all clients of a test.

use std::fmt;
use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption as RustlsResumption};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion};

use super::verify::Verifier;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// 1.0, which cannot be spoken.
    Tls10,
    /// 1.1, which cannot be spoken.
    Tls11,
    /// 1.2
    Tls12,
    /// 1.3
    Tls13,
}

impl TlsVersion {
    /// The version of k6's name for it: `tls1.2`.
    pub fn parse(name: &str) -> Option<TlsVersion> {
        Some(match name {
            "tls1.0" => TlsVersion::Tls10,
            "tls1.1" => TlsVersion::Tls11,
            "tls1.2" => TlsVersion::Tls12,
            "tls1.3" => TlsVersion::Tls13,
            _ => return None,
        })
    }

    /// k6's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            TlsVersion::Tls10 => "tls1.0",
            TlsVersion::Tls11 => "tls1.1",
            TlsVersion::Tls12 => "tls1.2",
            TlsVersion::Tls13 => "tls1.3",
        }
    }
}

/// Whether servers must prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// Against the system's authorities.
    Full,
    /// Anyone will do (k6's `insecureSkipTLSVerify`).
    Skip,
}

/// Whether a new connection continues an earlier session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resumption {
    /// Each connection makes a full handshake, as k6's do: what a new visitor costs the server.
    Off,
    /// Sessions are kept in one cache for all clients of the configuration.
    Shared,
}

/// A certificate to show to servers that ask (an entry of k6's `tlsAuth`).
#[derive(Clone, PartialEq, Eq)]
pub struct ClientCert {
    /// The chain, PEM.
    pub cert_pem: String,
    /// The private key, PEM: PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub key_pem: String,
}

impl fmt::Debug for ClientCert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCert(…)")
    }
}

/// What can be set.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Whether servers must prove who they are.
    pub verify: Verify,
    /// The lowest version; `None` is the lowest there is.
    pub min_version: Option<TlsVersion>,
    /// The highest version; `None` is the highest there is.
    pub max_version: Option<TlsVersion>,
    /// Go's names of the suites allowed for TLS 1.2; `None` is all. Go does not let those of
    /// TLS 1.3 be chosen: they are always allowed.
    pub cipher_suites: Option<Vec<String>>,
    /// Certificates to show to servers that ask: the first that fits is taken.
    pub client_certs: Vec<ClientCert>,
    /// Certificates of authorities trusted besides the system's, PEM.
    pub extra_roots_pem: Vec<String>,
    /// Whether sessions are continued.
    pub resumption: Resumption,
}

impl TlsOptions {
    /// k6's defaults.
    pub fn new() -> TlsOptions {
        TlsOptions {
            verify: Verify::Full,
            min_version: None,
            max_version: None,
            cipher_suites: None,
            client_certs: Vec::new(),
            extra_roots_pem: Vec::new(),
            resumption: Resumption::Off,
        }
    }
}

impl Default for TlsOptions {
    fn default() -> Self {
        TlsOptions::new()
    }
}

/// Settings that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsConfigError {
    /// Only versions that are not there.
    #[error(
        "TLS version {} is not supported: Squall speaks tls1.2 and tls1.3 only",
        .0.as_str()
    )]
    OldVersion(TlsVersion),
    /// The lowest exceeds the highest.
    #[error("TLS versions: the minimum {} is above the maximum {}", .0.as_str(), .1.as_str())]
    EmptyRange(TlsVersion, TlsVersion),
    /// A name that is not a suite's.
    #[error("unknown cipher suite '{0}'")]
    UnknownSuite(String),
    /// A suite that `rustls` does not have.
    #[error(
        "cipher suite '{0}' is not supported: only suites with ECDHE and AES-GCM or \
         ChaCha20-Poly1305 are"
    )]
    UnsupportedSuite(String),
    /// A client certificate that cannot be used.
    #[error("client certificate {index}: {reason}")]
    ClientCert {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// An authority's certificate that cannot be read.
    #[error("authority certificate: {0}")]
    Root(String),
}

/// Checked settings.
#[derive(Debug)]
pub struct TlsConfig {
    pub(super) client: Arc<ClientConfig>,
    pub(super) verifier: Arc<Verifier>,
    warnings: Vec<String>,
}

impl TlsConfig {
    /// Checks the settings. Reads no files: authorities are loaded with the first connection.
    ///
    /// # Errors
    /// [`TlsConfigError`] names the setting that cannot be.
    pub fn new(options: &TlsOptions) -> Result<TlsConfig, TlsConfigError> {
        let mut warnings = Vec::new();
        let versions = versions(options, &mut warnings)?;
        let mut provider = ring::default_provider();
        if let Some(names) = &options.cipher_suites {
            provider.cipher_suites = suites(&provider, names)?;
        }
        let provider = Arc::new(provider);
        let mut extra = Vec::new();
        for pem in &options.extra_roots_pem {
            extra.extend(certificates(pem).map_err(TlsConfigError::Root)?);
        }
        let verifier = Arc::new(Verifier::new(options.verify, extra, provider.clone()));
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            // Only suites of TLS 1.2 were asked for, and the versions exclude it.
            .map_err(|error| TlsConfigError::UnsupportedSuite(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone());
        let certs = ClientCerts::new(&options.client_certs, &provider)?;
        let mut client = if certs.0.is_empty() {
            builder.with_no_client_auth()
        } else {
            builder.with_client_cert_resolver(Arc::new(certs))
        };
        client.resumption = match options.resumption {
            Resumption::Off => RustlsResumption::disabled(),
            Resumption::Shared => RustlsResumption::in_memory_sessions(SESSIONS),
        };
        Ok(TlsConfig { client: Arc::new(client), verifier, warnings })
    }

    /// Settings that were bent: a range of versions that begins below what can be spoken.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Servers whose sessions are kept.
const SESSIONS: usize = 1_024;

fn versions(
    options: &TlsOptions,
    warnings: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsConfigError> {
    let max = options.max_version.unwrap_or(TlsVersion::Tls13);
    let mut min = options.min_version.unwrap_or(TlsVersion::Tls12);
    if min > max && options.max_version.is_some() && options.min_version.is_some() {
        return Err(TlsConfigError::EmptyRange(min, max));
    }
    if max < TlsVersion::Tls12 {
        return Err(TlsConfigError::OldVersion(max));
    }
    if min < TlsVersion::Tls12 {
        warnings.push(format!(
            "TLS versions below tls1.2 are not supported: the minimum {} was raised to tls1.2",
            min.as_str()
        ));
        min = TlsVersion::Tls12;
    }
    let mut versions = Vec::new();
    if max >= TlsVersion::Tls13 {
        versions.push(&rustls::version::TLS13);
    }
    if min <= TlsVersion::Tls12 {
        versions.push(&rustls::version::TLS12);
    }
    Ok(versions)
}

/// Go's suites that `rustls` leaves out for their weakness.
const REFUSED_SUITES: [&str; 15] = [
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

fn suites(
    provider: &CryptoProvider,
    names: &[String],
) -> Result<Vec<SupportedCipherSuite>, TlsConfigError> {
    let mut chosen: Vec<SupportedCipherSuite> =
        provider.cipher_suites.iter().copied().filter(|s| s.tls13().is_some()).collect();
    for name in names {
        // Go has two names for these.
        let full = match name.as_str() {
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => {
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
            }
            name => name,
        };
        match provider.cipher_suites.iter().find(|s| go_name(s) == full) {
            Some(suite) if suite.tls13().is_some() => {}
            Some(suite) => chosen.push(*suite),
            None if REFUSED_SUITES.contains(&full)
                || full == "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" =>
            {
                return Err(TlsConfigError::UnsupportedSuite(name.clone()));
            }
            None => return Err(TlsConfigError::UnknownSuite(name.clone())),
        }
    }
    Ok(chosen)
}

/// The suite's name in Go.
pub(super) fn go_name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1)
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certs: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certs {
        Ok(certs) if certs.is_empty() => Err("no certificate in the PEM text".into()),
        Ok(certs) => Ok(certs),
        Err(error) => Err(error.to_string()),
    }
}

/// The certificates that can be shown.
#[derive(Debug)]
struct ClientCerts(Vec<Arc<CertifiedKey>>);

impl ClientCerts {
    fn new(certs: &[ClientCert], provider: &CryptoProvider) -> Result<ClientCerts, TlsConfigError> {
        let parse = |(index, cert): (usize, &ClientCert)| {
            certified_key(cert, provider)
                .map(Arc::new)
                .map_err(|reason| TlsConfigError::ClientCert { index, reason })
        };
        certs.iter().enumerate().map(parse).collect::<Result<_, _>>().map(ClientCerts)
    }
}

fn certified_key(cert: &ClientCert, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let chain = certificates(&cert.cert_pem)?;
    if cert.key_pem.contains("ENCRYPTED") {
        return Err("encrypted private keys are not supported: decrypt it first".into());
    }
    let key = PrivateKeyDer::from_pem_slice(cert.key_pem.as_bytes())
        .map_err(|error| format!("private key: {error}"))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| error.to_string())
}

impl ResolvesClientCert for ClientCerts {
    fn resolve(
        &self,
        _authorities: &[&[u8]],
        schemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        self.0.iter().find(|key| key.key.choose_scheme(schemes).is_some()).cloned()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
