//! What is likely to be wrong when no connection with TLS comes about.

use rustls::{Error, InvalidMessage};
use std::io::{self, ErrorKind};

/// The same error with the likely cause, where there is one. `first` is what the server sent first.
pub(crate) fn explained(error: io::Error, first: &[u8]) -> io::Error {
    match cause(&error, first) {
        // What has no words of its own is told by its kind.
        Some(cause) if error.get_ref().is_none() => io::Error::new(error.kind(), cause),
        Some(cause) => io::Error::new(error.kind(), format!("{error}: {cause}")),
        None => error,
    }
}

fn cause(error: &io::Error, first: &[u8]) -> Option<&'static str> {
    if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::UnexpectedEof) {
        let nothing = "not a word came in answer to the beginning of TLS; if the port is one without TLS, use redis://";
        return first.is_empty().then_some(nothing);
    }
    let error = error.get_ref()?.downcast_ref::<Error>()?;
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) if first.starts_with(b"HTTP/") => {
            Some("the server speaks HTTP, and neither TLS nor RESP")
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some("the server does not speak TLS on this port; for a plain one use redis://")
        }
        // The error of webpki is not one that rustls has a word for.
        Error::InvalidCertificate(reason) if format!("{reason:?}").contains("UnsupportedCertVersion") => Some(
            "the server's certificate is of X.509 version 1, which cannot say for which hosts it is: it needs one of version \
             3 with a subjectAltName",
        ),
        _ => None,
    }
}
