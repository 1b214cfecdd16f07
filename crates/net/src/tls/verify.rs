//! Judging a server's certificate, in the order Go does.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::roots;
use super::settings::Verify;

thread_local! {
    /// What was stapled to the certificate judged last. A verifier is asked within a session's turn on its thread, and
    /// has no other way to tell the session.
    static STAPLED: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
}

/// Takes what was stapled to the certificate that the session has judged just now.
pub(super) fn take_stapled() -> Option<Box<[u8]>> {
    STAPLED.take()
}

/// The verifier of one configuration. The authorities are loaded when they are first needed.
#[derive(Debug)]
pub(super) struct Verifier {
    mode: Verify,
    extra: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
    webpki: OnceLock<Arc<WebPkiServerVerifier>>,
}

impl Verifier {
    pub(super) fn new(
        mode: Verify,
        extra: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Verifier {
        Verifier { mode, extra, provider, webpki: OnceLock::new() }
    }

    /// Loads the authorities on a side thread, if that has not been done.
    pub(super) async fn prepare(self: &Arc<Self>) {
        if self.mode == Verify::Skip || self.webpki.get().is_some() {
            return;
        }
        let this = self.clone();
        rt::blocking(move || {
            this.webpki();
        })
        .await;
    }

    fn webpki(&self) -> &Arc<WebPkiServerVerifier> {
        self.webpki.get_or_init(|| roots::verifier(&self.extra, self.provider.clone()))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        STAPLED.set((!ocsp_response.is_empty()).then(|| ocsp_response.into()));
        if self.mode == Verify::Skip {
            return Ok(ServerCertVerified::assertion());
        }
        let verdict = self.webpki().verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verdict {
            Err(Error::InvalidCertificate(reason)) if is_chain_problem(&reason) => {
                // Go looks at the name before the chain, and has one word for a chain that does
                // not lead to an authority, self-signed certificates included.
                let parsed = ParsedCertificate::try_from(end_entity)?;
                verify_server_name(&parsed, server_name)?;
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer))
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn is_chain_problem(reason: &CertificateError) -> bool {
    match reason {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => true,
        // A certificate authority's own certificate used for a server: typical of self-signed ones.
        CertificateError::Other(OtherError(other)) => {
            format!("{other:?}").contains("CaUsedAsEndEntity")
        }
        _ => false,
    }
}
