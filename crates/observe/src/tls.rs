//! TLS of probes, and what URLs of servers say.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::probe::ProbeError;

/// A client's configuration: the system's authorities and Mozilla's; or, if `insecure`, any certificate.
///
/// # Errors
/// rustls refuses its own provider.
pub(crate) fn config(insecure: bool) -> Result<Arc<ClientConfig>, ProbeError> {
    config_with(insecure, None)
}

/// As [`config`], with authorities of this PEM file besides.
///
/// # Errors
/// The file can't be read, or holds no certificate.
pub(crate) fn config_with(
    insecure: bool,
    authorities: Option<&str>,
) -> Result<Arc<ClientConfig>, ProbeError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(ProbeError::new)?;
    if insecure {
        let verifier = Arc::new(TakeAny(provider));
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        return Ok(Arc::new(builder.with_no_client_auth()));
    }
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = authorities {
        use rustls::pki_types::pem::PemObject as _;
        let failed = |why: &dyn std::fmt::Display| ProbeError::new(format!("{path}: {why}"));
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?;
        let mut n = 0;
        for certificate in certificates {
            roots.add(certificate.map_err(|e| failed(&e))?).map_err(|error| failed(&error))?;
            n += 1;
        }
        if n == 0 {
            return Err(failed(&"holds no certificate"));
        }
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// A host as certificates name it.
///
/// # Errors
/// It is no name.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, ProbeError> {
    ServerName::try_from(host.to_owned())
        .map_err(|error| ProbeError::new(format!("`{host}`: {error}")))
}

/// Takes any certificate, but not any signature of its key.
#[derive(Debug)]
struct TakeAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakeAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A part of a URL without its percent signs; what is no UTF-8 then is replaced.
pub(crate) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_taken_out() {
        for (text, plain) in
            [("p%40ss", "p@ss"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("ü%C3%BC", "üü")]
        {
            assert_eq!(decoded(text), plain);
        }
    }
}
