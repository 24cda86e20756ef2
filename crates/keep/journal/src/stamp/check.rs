//! Judges an authority's answer: what it stamps, who signed it, and whether that one may stamp.

use super::{
    CLOCKS_APART_MAX, StampError, Stamped,
    asn1::{Certificate, Sid, SignerInfo, Token},
    request::{Asked, Policy},
};
use crate::log::tree::{Hash, sha256};
use aws_lc_rs::digest::{self, digest};
use der::{AnyRef, Decode, Encode, Tag, asn1::ObjectIdentifier};
use pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime, pem::PemObject as _};
use std::{fmt, time::Duration};
use types::Time;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs as algorithms};

pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
/// As some write the signature's algorithm: RSA, the hash being that of the content.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
/// The bits digitalSignature and nonRepudiation of a key's use.
const SIGNS: u8 = 0b1100_0000;
/// Certificates in a trusted file at most.
const TRUSTED_MAX: usize = 64;

/// An authority that is trusted to stamp.
#[derive(Clone)]
pub struct Authority {
    anchors: Vec<TrustAnchor<'static>>,
    policy: Option<Policy>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({} certificates, policy {:?})", self.anchors.len(), self.policy)
    }
}

impl Authority {
    /// Trusts the certificates of a PEM text, and nobody else: whatever one of them vouches for may stamp.
    pub fn from_pem(pem: &[u8]) -> Result<Self, StampError> {
        let trust = |what: String| StampError::Trust(what);
        let mut anchors = Vec::new();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| trust(error.to_string()))?;
            let anchor = anchor_from_trusted_cert(&certificate).map_err(|error| trust(error.to_string()))?;
            anchors.push(anchor.to_owned());
        }
        match anchors.len() {
            0 => Err(trust("there is none in PEM".to_owned())),
            1..=TRUSTED_MAX => Ok(Self { anchors, policy: None }),
            _ => Err(trust(format!("there are more than {TRUSTED_MAX}"))),
        }
    }

    /// Believes what is stamped under this policy only.
    pub fn with_policy(self, policy: Option<Policy>) -> Self {
        Self { policy, ..self }
    }

    /// The policy.
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// Judges the answer to a request, just received.
    pub fn accept(&self, asked: &Asked, response: &[u8], now: Time) -> Result<Stamped, StampError> {
        let token = Token::parse(response)?;
        if token.info.nonce != Some(&asked.nonce) {
            return Err(StampError::Nonce);
        }
        let stamped = self.judge(&token, &asked.imprint)?;
        let ours = u64::try_from(now.micros() / 1_000_000).unwrap_or(0);
        let apart = ours.abs_diff(stamped.seconds);
        if apart > CLOCKS_APART_MAX.as_secs() { Err(StampError::Clock(apart)) } else { Ok(stamped) }
    }

    /// Judges an answer that was kept: it stamps these bytes.
    pub fn check(&self, note: &[u8], response: &[u8]) -> Result<Stamped, StampError> {
        self.judge(&Token::parse(response)?, &sha256(note))
    }

    fn judge(&self, token: &Token<'_>, imprint: &Hash) -> Result<Stamped, StampError> {
        let stamped = covers(token, imprint)?;
        if self.policy.is_some_and(|policy| policy.0 != token.info.policy) {
            return Err(StampError::Policy(token.info.policy.to_string()));
        }
        let signer = signer(token)?;
        let leaf = CertificateDer::from(signer);
        let leaf = EndEntityCert::try_from(&leaf).map_err(|error| StampError::Chain(error.to_string()))?;
        signed(token, &leaf)?;
        self.vouched(token, &leaf)?;
        may_stamp(signer)?;
        Ok(stamped)
    }

    /// A chain from the signer to what is trusted, as it was when it signed. Authorities between them may be for every use,
    /// or for time stamps among others; what the signer itself may do is held stricter by [`may_stamp`].
    fn vouched(&self, token: &Token<'_>, leaf: &EndEntityCert<'_>) -> Result<(), StampError> {
        let between: Vec<CertificateDer<'_>> =
            token.certificates.iter().map(|one| CertificateDer::from(*one)).collect();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(token.info.seconds));
        let usage = KeyUsage::required_if_present(TIME_STAMPING.as_bytes());
        let chain = leaf.verify_for_usage(ALL_VERIFICATION_ALGS, &self.anchors, &between, time, usage, None, None);
        chain.map(drop).map_err(|error| StampError::Chain(error.to_string()))
    }
}

/// What an answer says that it stamps, and when; nobody vouches for it yet.
pub(super) fn covers(token: &Token<'_>, imprint: &Hash) -> Result<Stamped, StampError> {
    if token.info.imprint != (SHA_256, imprint.as_slice()) {
        return Err(StampError::Imprint);
    }
    Ok(Stamped { seconds: token.info.seconds })
}

/// The certificate of the signer, whole: the one that both the signer's name and the signed hash mean.
fn signer<'a>(token: &Token<'a>) -> Result<&'a [u8], StampError> {
    let SignerInfo { sid, certificate_hash: (hash, expected), .. } = &token.signer;
    let wrong = StampError::Signature;
    let found = token
        .certificates
        .iter()
        .find(|bytes| hashed(hash.unwrap_or(SHA_256), bytes).is_some_and(|found| found.as_ref() == *expected));
    let found = found.copied().ok_or(wrong("the certificate that it names is not there"))?;
    let named = Certificate::parse(found).is_ok_and(|certificate| match sid {
        Sid::Issued(issuer, serial) => certificate.issuer == *issuer && certificate.serial == *serial,
        Sid::Key(key) => certificate.key == Some(key),
    });
    if named { Ok(found) } else { Err(wrong("it names two certificates")) }
}

/// The signature over the attributes, and through them over the content.
fn signed(token: &Token<'_>, leaf: &EndEntityCert<'_>) -> Result<(), StampError> {
    let SignerInfo { digest, attributes, algorithm, signature, content_digest, .. } = &token.signer;
    let content = hashed(*digest, token.content);
    if content.is_none_or(|content| content.as_ref() != *content_digest) {
        return Err(StampError::Signature("what was signed is not what it says"));
    }
    // Under the signature they are a SET, not what marks them in the message (RFC 5652 §5.4).
    let message = AnyRef::new(Tag::Set, attributes).and_then(|set| set.to_der());
    let message = message.map_err(|error| StampError::Malformed(error.to_string()))?;
    let holds = |way: &dyn SignatureVerificationAlgorithm| leaf.verify_signature(way, &message, signature).is_ok();
    if ways(*digest, algorithm).into_iter().any(holds) {
        Ok(())
    } else {
        Err(StampError::Signature("the certificate's key did not make it, or not in a way that is accepted"))
    }
}

/// The ways in which a signature of this algorithm may be verified: none with SHA-1 or a short RSA key.
fn ways(digest: ObjectIdentifier, algorithm: &[u8]) -> Vec<&'static dyn SignatureVerificationAlgorithm> {
    let rsa = ObjectIdentifier::from_der_partial(algorithm).is_ok_and(|(name, _)| name == RSA);
    if rsa {
        return match digest {
            SHA_256 => vec![algorithms::RSA_PKCS1_2048_8192_SHA256],
            SHA_384 => vec![algorithms::RSA_PKCS1_2048_8192_SHA384],
            SHA_512 => vec![algorithms::RSA_PKCS1_2048_8192_SHA512],
            _ => Vec::new(),
        };
    }
    let all = ALL_VERIFICATION_ALGS.iter().copied();
    all.filter(|way| way.signature_alg_id().as_ref() == algorithm).collect()
}

fn hashed(algorithm: ObjectIdentifier, bytes: &[u8]) -> Option<digest::Digest> {
    let algorithm = match algorithm {
        SHA_256 => &digest::SHA256,
        SHA_384 => &digest::SHA384,
        SHA_512 => &digest::SHA512,
        _ => return None,
    };
    Some(digest(algorithm, bytes))
}

/// RFC 3161 §2.3: for time stamps alone, and marked so that nobody overlooks it.
fn may_stamp(certificate: &[u8]) -> Result<(), StampError> {
    let certificate =
        Certificate::parse(certificate).map_err(|_| StampError::Usage("its certificate cannot be read"))?;
    match certificate.uses {
        None => return Err(StampError::Usage("its certificate does not say that it is for time stamps")),
        Some((_, uses)) if uses != [TIME_STAMPING] => {
            return Err(StampError::Usage("its certificate is not for time stamps alone"));
        }
        Some((false, _)) => return Err(StampError::Usage("its certificate's use is not marked as critical")),
        Some((true, _)) => {}
    }
    match certificate.key_uses {
        Some(bits) if bits & SIGNS == 0 => Err(StampError::Usage("its certificate's key is not for signing")),
        _ => Ok(()),
    }
}
