//! Where a server listens.

use super::host::is_name;
use super::text::{cut, digits};
use crate::error::{Error, Result};
use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;

/// The address of a server: host and port, where the host is a name, an IPv4 or an IPv6 address; or the path of a
/// Unix socket.
#[derive(Clone, PartialEq, Eq, Hash)]
#[doc(alias = "ConnectionAddr")]
#[doc(alias = "ConnectionInfo")]
pub struct Address(Arc<Place>);

/// Addresses are kept at many places, so they share this.
#[derive(PartialEq, Eq, Hash)]
struct Place {
    /// 0 for a Unix socket and for nothing else.
    port: u16,
    /// The host, or the path of a Unix socket.
    text: Box<str>,
}

impl Address {
    /// The port that a server listens on when none is given.
    pub const DEFAULT_PORT: u16 = 6379;

    /// An address from its parts. An IPv6 host is given without brackets.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) when the host is empty, holds white space or control characters, or
    /// the port is 0.
    pub fn new(host: &str, port: u16) -> Result<Address> {
        // No message repeats what was given: written badly, it may hold a password at any place.
        if cut(host, b'@').1.is_some() {
            return Err(Error::config("a host with an @; credentials belong into a redis:// URL"));
        }
        if host.len() > 255 || !(is_name(host) || host.parse::<Ipv6Addr>().is_ok()) {
            return Err(Error::config("not a host: a name, an IPv4 address, or an IPv6 address"));
        }
        if port == 0 {
            return Err(Error::config("0 is not a port that a server can listen on"));
        }
        Ok(Address::at(host, port))
    }

    #[inline(never)]
    fn at(text: &str, port: u16) -> Address {
        Address(Arc::new(Place { port, text: text.into() }))
    }

    /// The address of a Unix socket on this machine, from its path.
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) when the path is not absolute or holds control characters, and on systems
    /// that have no Unix sockets.
    ///
    /// ```
    /// use rediscluster::Address;
    ///
    /// # if cfg!(unix) {
    /// let address = Address::unix("/run/redis.sock")?;
    /// assert_eq!(address.to_string(), "unix:///run/redis.sock");
    /// # }
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn unix(path: &str) -> Result<Address> {
        if !cfg!(unix) {
            return Err(Error::config("there are no Unix sockets on this system"));
        }
        if !path.starts_with('/') || path.chars().any(char::is_control) {
            // It may be a password that was taken for a path.
            return Err(Error::config("the path of a Unix socket is absolute and holds no control characters"));
        }
        Ok(Address::at(path, 0))
    }

    /// An address from `host:port`, `host`, `[v6]:port` or a bare IPv6 address; the port is 6379 unless given. For the
    /// path of a Unix socket there is [`unix`](Address::unix).
    ///
    /// # Errors
    /// [`Config`](crate::ErrorKind::Config) when the text is none of these.
    ///
    /// ```
    /// use rediscluster::Address;
    ///
    /// let address = Address::parse("[::1]:63791")?;
    /// assert_eq!((address.host(), address.port()), ("::1", 63791));
    /// assert_eq!("[::1]:63791".parse::<Address>()?, address);
    /// # Ok::<(), rediscluster::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Address> {
        let (host, port) = match text.strip_prefix('[') {
            Some(v6) => match cut(v6, b']') {
                (host, Some(rest)) if cut(host, b':').1.is_some() => match rest.strip_prefix(':') {
                    _ if rest.is_empty() => (host, None),
                    port => (host, Some(port.unwrap_or("?"))),
                },
                _ => return Err(Error::config("brackets in an address that hold no IPv6 address")),
            },
            None => match cut(text, b':') {
                (host, Some(port)) if cut(port, b':').1.is_none() => (host, Some(port)),
                _ => (text, None),
            },
        };
        let number = port.map_or(Some(u64::from(Address::DEFAULT_PORT)), digits);
        let Some(port) = number.and_then(|number| u16::try_from(number).ok()) else {
            return Err(Error::config("what follows the colon is not a port: 1 to 65535"));
        };
        Address::new(host, port)
    }

    /// The host: a name, an IPv4 or an IPv6 address without brackets. Empty for a Unix socket.
    pub fn host(&self) -> &str {
        match self.0.port {
            0 => "",
            _ => &self.0.text,
        }
    }

    /// The port; 0 for a Unix socket and for nothing else.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The path of a Unix socket, `None` for a host and port.
    pub fn unix_path(&self) -> Option<&Path> {
        match self.0.port {
            0 => Some(Path::new(&*self.0.text)),
            _ => None,
        }
    }
}

impl Ord for Address {
    /// By host and port; Unix sockets come after all hosts.
    fn cmp(&self, other: &Address) -> Ordering {
        fn key(Address(place): &Address) -> (bool, &str, u16) {
            (place.port == 0, &place.text, place.port)
        }
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Address {
    fn partial_cmp(&self, other: &Address) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::str::FromStr for Address {
    type Err = Error;

    /// As [`Address::parse`].
    fn from_str(text: &str) -> Result<Address> {
        Address::parse(text)
    }
}

impl fmt::Display for Address {
    /// `host:port`, `[v6]:port`, or the URL of a Unix socket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, port) = (&*self.0.text, self.0.port);
        if port != 0 {
            return match cut(place, b':').1.is_some() {
                true => write!(f, "[{place}]:{port}"),
                false => write!(f, "{place}:{port}"),
            };
        }
        f.write_str("unix://")?;
        for c in place.chars() {
            match c {
                // These would end the path, or begin an escape.
                ' ' => f.write_str("%20")?,
                '#' => f.write_str("%23")?,
                '%' => f.write_str("%25")?,
                '?' => f.write_str("%3F")?,
                '@' => f.write_str("%40")?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, host, port) in [
            ("127.0.0.1:63791", "127.0.0.1", 63791),
            ("example.org", "example.org", 6379),
            ("[::1]:7000", "::1", 7000),
            ("[::1]", "::1", 6379),
            ("::1", "::1", 6379),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.host(), address.port()), (host, port), "{text}");
        }
        for bad in [
            "",
            ":6379",
            "a:",
            "a:0",
            "a:65536",
            "a:b",
            "[::1",
            "[::1]x",
            "a b:1",
            "a\n:1",
            "user:pw@h:1",
            "x:y:z",
            "h/0:1",
        ] {
            assert!(Address::parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Address::parse("[::1]:7000").unwrap().to_string(), "[::1]:7000");
    }
}
