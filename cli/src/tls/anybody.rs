//! `--insecure`: any certificate is taken.

use rediscluster_tls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rediscluster_tls::rustls::crypto::{verify_tls12_signature, verify_tls13_signature, CryptoProvider};
use rediscluster_tls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rediscluster_tls::rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;

/// Takes any certificate; that the server has the key to it is still checked.
#[derive(Debug)]
pub struct Anybody(Arc<CryptoProvider>);

impl Anybody {
    /// With the algorithms of this provider.
    pub fn new(provider: Arc<CryptoProvider>) -> Anybody {
        Anybody(provider)
    }

    /// Checks a signature by the key of a certificate of X.509 version 1, which rustls does not read. In TLS 1.3 a scheme
    /// has one algorithm, which comes first.
    fn verify_v1(&self, message: &[u8], key: Key<'_>, signed: &DigitallySignedStruct, is_13: bool) -> Verified {
        let mapping = self.0.signature_verification_algorithms.mapping;
        let algorithms = mapping.iter().find(|(scheme, _)| *scheme == signed.scheme).map_or(&[][..], |(_, all)| all);
        let may_sign = |scheme: SignatureScheme| match is_13 {
            // TLS 1.3 takes no signatures of these kinds.
            true => !matches!(
                scheme,
                SignatureScheme::RSA_PKCS1_SHA256
                    | SignatureScheme::RSA_PKCS1_SHA384
                    | SignatureScheme::RSA_PKCS1_SHA512
            ),
            false => true,
        };
        let candidates = algorithms.iter().take(if is_13 { 1 } else { algorithms.len() });
        let fits = candidates.filter(|algorithm| algorithm.public_key_alg_id().as_ref() == key.algorithm);
        let is_good = may_sign(signed.scheme)
            && fits
                .into_iter()
                .any(|algorithm| algorithm.verify_signature(key.bits, message, signed.signature()).is_ok());
        match is_good {
            true => Ok(HandshakeSignatureValid::assertion()),
            false => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
        }
    }
}

type Verified = Result<HandshakeSignatureValid, Error>;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        match Key::of_v1(certificate) {
            Some(key) => self.verify_v1(message, key, signed, false),
            None => verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Verified {
        match Key::of_v1(certificate) {
            Some(key) => self.verify_v1(message, key, signed, true),
            None => verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A public key as a certificate has it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Key<'c> {
    /// What is inside of the `AlgorithmIdentifier`.
    algorithm: &'c [u8],
    bits: &'c [u8],
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// The version of a certificate, which those of version 1 do not have.
const VERSION: u8 = 0xa0;

impl Key<'_> {
    /// The key of a certificate of X.509 version 1; `None` for every other one.
    fn of_v1<'c>(certificate: &'c CertificateDer<'_>) -> Option<Key<'c>> {
        let (SEQUENCE, certificate, _) = element(certificate)? else { return None };
        let (SEQUENCE, mut signed, _) = element(certificate)? else { return None };
        if *signed.first()? == VERSION {
            return None;
        }
        // The serial number, the algorithm of the signature, the issuer, the validity and the subject.
        for _ in 0..5 {
            (_, _, signed) = element(signed)?;
        }
        let (SEQUENCE, key, _) = element(signed)? else { return None };
        let (SEQUENCE, algorithm, rest) = element(key)? else { return None };
        let (BIT_STRING, bits, _) = element(rest)? else { return None };
        // The first byte says how many bits of the last one do not count.
        let (0, bits) = bits.split_first().map(|(unused, bits)| (*unused, bits))? else { return None };
        Some(Key { algorithm, bits })
    }
}

/// The first element of DER: its tag, what it holds, and what comes behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..=0x7f => (usize::from(short), rest),
        long @ 0x81..=0x84 => {
            let (length, rest) = (rest.get(..usize::from(long - 0x80))?, rest.get(usize::from(long - 0x80)..)?);
            (length.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    Some((*tag, rest.get(..length)?, rest.get(length..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_of_any_length() {
        assert_eq!(element(b"\x02\x01\x05rest"), Some((2, &b"\x05"[..], &b"rest"[..])));
        assert_eq!(element(b"\x04\x81\x02ab"), Some((4, &b"ab"[..], &b""[..])));
        assert_eq!(element(b"\x04\x82\x00\x02abc"), Some((4, &b"ab"[..], &b"c"[..])));
        for broken in
            [&b""[..], b"\x04", b"\x04\x02a", b"\x04\x80ab", b"\x04\x85\0\0\0\0\x01a", b"\x04\x84\xff\xff\xff\xffa"]
        {
            assert_eq!(element(broken), None, "{broken:?}");
        }
        assert_eq!(Key::of_v1(&CertificateDer::from(&b"\x30\x03\x30\x01\x02"[..])), None);
    }
}
