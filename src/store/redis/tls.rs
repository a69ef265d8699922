//! TLS towards the server, by rustls.

use super::address::Invalid;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How the server is trusted and how we show who we are; certificates and keys are PEM text, or the path of a file.
#[derive(Clone)]
pub struct Options {
    /// The authorities to trust instead of the system's.
    pub ca: Option<String>,
    /// Our certificate (chain), for servers that ask for one.
    pub cert: Option<String>,
    /// Its private key.
    pub key: Option<String>,
    /// The name that the server's certificate must hold, where it is not the host's.
    pub servername: Option<String>,
    /// Whether a server that is not trusted is refused.
    pub reject_unauthorized: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { ca: None, cert: None, key: None, servername: None, reject_unauthorized: true }
    }
}

/// A checked TLS configuration.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    servername: Option<ServerName<'static>>,
}

impl Tls {
    pub fn new(options: &Options) -> Result<Self, Invalid> {
        let Options { ca, cert, key, servername, reject_unauthorized } = options;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|_| invalid("tls", "a TLS version"))?;
        let builder = if *reject_unauthorized {
            builder.with_root_certificates(roots(ca.as_deref())?)
        } else {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnyone(provider)))
        };
        let config = match (cert, key) {
            (Some(cert), Some(key)) => {
                let key = PrivateKeyDer::from_pem_slice(&pem("tls.key", key)?)
                    .map_err(|_| invalid("tls.key", "a private key in PEM"))?;
                let builder = builder.with_client_auth_cert(certificates("tls.cert", cert)?, key);
                builder.map_err(|_| invalid("tls.key", "the private key of tls.cert"))?
            }
            (None, None) => builder.with_no_client_auth(),
            (Some(_), None) => return Err(invalid("tls.key", "the private key of tls.cert")),
            (None, Some(_)) => return Err(invalid("tls.cert", "the certificate of tls.key")),
        };
        let servername = servername.clone().map(ServerName::try_from).transpose();
        let servername = servername.map_err(|_| invalid("tls.servername", "a host name"))?;
        Ok(Self { config: Arc::new(config), servername })
    }

    /// Shakes hands over `stream` with the server that is reached as `host`.
    pub async fn connect<S>(&self, host: &str, stream: S) -> std::io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name = match &self.servername {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?,
        };
        TlsConnector::from(self.config.clone()).connect(name, stream).await
    }
}

fn invalid(option: &'static str, accepted: &str) -> Invalid {
    Invalid { option, accepted: accepted.into() }
}

/// PEM text, given as such or as the path of a file.
fn pem(option: &'static str, given: &str) -> Result<Vec<u8>, Invalid> {
    if given.contains("-----BEGIN") {
        return Ok(given.as_bytes().to_vec());
    }
    std::fs::read(given).map_err(|error| {
        invalid(option, &format!("PEM text, or the path of a file that can be read ({})", error.kind()))
    })
}

fn certificates(option: &'static str, given: &str) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem(option, given)?).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| invalid(option, "certificates in PEM"))
}

fn roots(ca: Option<&str>) -> Result<RootCertStore, Invalid> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(ca) => {
            for certificate in certificates("tls.ca", ca)? {
                roots.add(certificate).map_err(|_| invalid("tls.ca", "certificates in PEM"))?;
            }
        }
        // The system's own; those that cannot be read are as good as not there.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    Ok(roots)
}

/// `rejectUnauthorized: false`: encrypted, but with whomever. The signature must still be the certificate's.
#[derive(Debug)]
struct TrustAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnyone {
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
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
