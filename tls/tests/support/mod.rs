//! Servers with TLS, and certificates that are made for one test.

// Each test binary compiles this file for itself and uses a part of it.
#![allow(dead_code)]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rediscluster_testing::{free_port, server_with_tls, Server};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Somebody who signs certificates, in a directory of its own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    dir: PathBuf,
}

impl Authority {
    /// Its own certificate is in `ca.pem`.
    pub fn new() -> Authority {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("rediscluster-tls-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("authority {number}"));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        std::fs::write(dir.join("ca.pem"), issuer.pem()).unwrap();
        Authority { issuer, dir }
    }

    /// The file with its certificate.
    pub fn file(&self) -> String {
        self.path("ca.pem")
    }

    /// Its certificate.
    pub fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// A certificate for these names and its key, as files.
    pub fn sign(&self, names: &[&str]) -> [String; 2] {
        let params = CertificateParams::new(names.iter().map(|name| name.to_string()).collect::<Vec<_>>()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = [format!("{}.pem", names[0]), format!("{}.key", names[0])].map(|name| self.path(&name));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }

    /// A server with a certificate for `localhost` and `127.0.0.1`, which also listens without TLS, for the test
    /// itself. `None` when no server here has TLS.
    pub fn start(&self, test: &str, args: &[&str]) -> Option<TlsServer> {
        let program = server_with_tls(test)?;
        let [certificate, key] = self.sign(&["localhost", "127.0.0.1"]);
        Some(self.start_with(program, &certificate, &key, args))
    }

    fn start_with(&self, program: &Path, certificate: &str, key: &str, args: &[&str]) -> TlsServer {
        let port = free_port();
        let ca = self.file();
        let server = Server::builder()
            .binary(program)
            .args(&["--tls-port", &port.to_string(), "--tls-cert-file", certificate, "--tls-key-file", key])
            .args(&["--tls-ca-cert-file", &ca, "--tls-auth-clients", "no"])
            .args(args)
            .start();
        TlsServer { server, port }
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A server that listens with TLS, and without on its other port.
pub struct TlsServer {
    pub server: Server,
    pub port: u16,
}

impl TlsServer {
    /// Where it listens with TLS.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
