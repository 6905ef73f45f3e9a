//! TLS for [`rediscluster`], by [`rustls`].
//!
//! ```no_run
//! use rediscluster::prelude::*;
//! use rediscluster_tls::Tls;
//!
//! let cluster = Cluster::builder()
//!     .node("node_1", "rediss://redis-1.example:6379")
//!     .node("node_2", "rediss://redis-2.example:6379")
//!     .connector(Tls::with_roots_of_the_system()?)
//!     .connect()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A server must show a certificate for the host of its address. With [`Tls::new`] everything else is what a
//! [`ClientConfig`] says: whose certificates are trusted, and with which one the client itself is known.
//!
//! The certificate has to be one of X.509 version 3 with a `subjectAltName`. One of version 1, as `openssl x509 -req` makes
//! it without extensions, cannot say for which hosts it is, and is refused with these words. As a root such a
//! certificate is taken.
//!
//! Replicas that are found by asking the masters are spoken to with TLS as well, at the address that the master lists;
//! that is the one for TLS where replication uses it, too (`tls-replication yes`).

#![deny(missing_docs)]

mod causes;
mod stream;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

use rediscluster::{connect_tcp, Address, Connect, Socket};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use stream::TlsStream;

pub use rustls;

/// The example of the README is built as those here are.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// Makes connections with TLS. It is cheap to clone; clones share the sessions that servers let them resume.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
}

impl Tls {
    /// With a configuration of rustls.
    pub fn new(config: impl Into<Arc<ClientConfig>>) -> Tls {
        Tls { config: config.into(), server_name: None }
    }

    /// Trusts whom the system trusts, and shows no certificate of its own.
    ///
    /// # Errors
    /// Those of [`roots_of_the_system`].
    pub fn with_roots_of_the_system() -> io::Result<Tls> {
        roots_of_the_system().map(Tls::trusting)
    }

    /// Trusts these certificates and those that are signed with them, and shows no certificate of its own.
    pub fn trusting(roots: impl Into<Arc<RootCertStore>>) -> Tls {
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
        let versions = builder.with_safe_default_protocol_versions();
        let config = versions.expect("ring has the ciphers of both versions");
        Tls::new(config.with_root_certificates(roots).with_no_client_auth())
    }

    /// The name that every server must have in its certificate, and is told when the connection begins (SNI), instead of
    /// the host of its address.
    ///
    /// # Errors
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) when it is no name of a host.
    pub fn server_name(mut self, name: impl Into<String>) -> io::Result<Tls> {
        self.server_name = Some(name_of(name.into())?);
        Ok(self)
    }
}

/// The certificates that the system trusts.
///
/// # Errors
/// When they cannot be read, or there are none.
pub fn roots_of_the_system() -> io::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or("there are none".to_owned(), ToString::to_string);
        let message = format!("no certificates to trust on this system: {why}");
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    Ok(roots)
}

fn name_of(host: String) -> io::Result<ServerName<'static>> {
    ServerName::try_from(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

impl Connect for Tls {
    fn connect(&self, address: &Address, timeout: Option<Duration>) -> io::Result<Socket> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => name_of(address.host().to_owned())?,
        };
        let session = ClientConnection::new(Arc::clone(&self.config), name).map_err(io::Error::other)?;
        TlsStream::begin(connect_tcp(address, timeout)?, session, end).map(Socket::new)
    }

    fn encrypts(&self) -> bool {
        true
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}
