//! TLS, as the options and the configuration file ask for it.

mod anybody;

use anybody::Anybody;
use rediscluster_tls::rustls::crypto::{ring, CryptoProvider};
use rediscluster_tls::rustls::pki_types::{pem, pem::PemObject, CertificateDer, PrivateKeyDer};
use rediscluster_tls::rustls::{client::WantsClientCert, ConfigBuilder};
use rediscluster_tls::rustls::{ClientConfig, RootCertStore, WantsVerifier};
use rediscluster_tls::Tls;
use std::path::PathBuf;
use std::sync::Arc;

/// What was said of TLS.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Wanted {
    pub tls: bool,
    pub insecure: bool,
    pub cacert: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub sni: Option<String>,
}

impl Wanted {
    /// This, and the other where it says nothing.
    pub fn or(self, other: Wanted) -> Wanted {
        // A certificate and its key come from one place.
        let (cert, key) =
            if self.cert.is_some() || self.key.is_some() { (self.cert, self.key) } else { (other.cert, other.key) };
        Wanted {
            tls: self.tls || other.tls,
            insecure: self.insecure || other.insecure,
            cacert: self.cacert.or(other.cacert),
            cert,
            key,
            sni: self.sni.or(other.sni),
        }
    }

    /// What makes the connections; `None` for plain TCP. `rediss` says that some address is a rediss:// URL.
    ///
    /// # Errors
    /// What is missing, or which file does not hold what it should.
    pub fn connector(&self, rediss: bool) -> Result<Option<Tls>, String> {
        if !self.tls && !rediss {
            let given = [
                ("--insecure", self.insecure),
                ("--cacert", self.cacert.is_some()),
                ("--cert", self.cert.is_some()),
                ("--key", self.key.is_some()),
                ("--sni", self.sni.is_some()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((option, _)) => Err(format!("{option} is for TLS: add --tls, or use rediss:// URLs")),
                None => Ok(None),
            };
        }
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let builder = self.trust(builder, provider)?;
        let config = match (&self.cert, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                let certificates = certificates(cert)?;
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable(key, &error))?;
                let own = builder.with_client_auth_cert(certificates, key);
                own.map_err(|error| format!("{}: {error}", cert.display()))?
            }
            _ => return Err("--cert and --key are given together".into()),
        };
        let tls = Tls::new(config);
        match &self.sni {
            Some(name) => tls.server_name(name).map(Some).map_err(|_| format!("--sni {name:?} is no name of a host")),
            None => Ok(Some(tls)),
        }
    }

    fn trust(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsVerifier>,
        provider: Arc<CryptoProvider>,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, String> {
        if self.insecure {
            return Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody::new(provider))));
        }
        let Some(file) = &self.cacert else {
            let roots =
                rediscluster_tls::roots_of_the_system().map_err(|error| format!("{error}; use --cacert FILE"))?;
            return Ok(builder.with_root_certificates(roots));
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(file)? {
            roots.add(certificate).map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(builder.with_root_certificates(roots))
    }
}

fn certificates(file: &PathBuf) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, pem::Error> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(format!("{} holds no certificate", file.display())),
        read => read.map_err(|error| unreadable(file, &error)),
    }
}

fn unreadable(file: &std::path::Path, error: &pem::Error) -> String {
    match error {
        pem::Error::Io(error) => format!("{}: {error}", file.display()),
        // The error may show a line of a key.
        _ => format!("{} does not hold PEM of the kind that is needed", file.display()),
    }
}
