//! `[[policies.signers]]`: who may sign permits of the hospital's own, and whether they did, by OpenSSH's own format.
//!
//! Everybody has the tool (`ssh-keygen -Y sign`), and security keys work with it. The cryptography is that of `ssh-key`.

use super::reading::{Section, Wrong, text};
use policy::{SIGNATURES_MAX, SIGNERS_MIN, Signature, SignedFile};
use russh::keys::{
    Algorithm, HashAlg, PublicKey,
    ssh_key::{EcdsaCurve, SshSig, public::KeyData},
};

/// What a signature must have been made for: one of ours serves nowhere else, and none of elsewhere serves here.
pub(crate) const NAMESPACE: &str = "poterne-permit";
/// Signers at most.
const SIGNERS_MAX: usize = 16;
const NAME_CHARS_MAX: usize = 40;
const KEY_CHARS_MAX: usize = 2000;
const RSA_BITS: std::ops::RangeInclusive<u32> = 3072..=4096;
/// A security key says in each signature that somebody touched it.
const TOUCHED: u8 = 1;

/// Somebody who may sign.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    /// What the hospital calls him; it is in his signatures' file names.
    pub name: String,
    key: PublicKey,
}

/// A file that may be signed, with the signatures that lie beside it.
pub(crate) struct Draft {
    pub name: String,
    pub text: String,
    /// The signer's name, the file and its text.
    pub signatures: Vec<(String, String, String)>,
}

/// What each signer types to sign a file.
pub(crate) fn how_to_sign(file: &str) -> String {
    format!("ssh-keygen -Y sign -n {NAMESPACE} -f KEY < {file} > {file}.NAME.sig")
}

/// Reads them. `None` only after a mistake was noted.
pub(super) fn signers(section: &Section<'_>) -> Option<Vec<Signer>> {
    let mut read: Vec<Signer> = Vec::new();
    let mut complete = true;
    let sections = section.sections_if_any("signers");
    if sections.len() > SIGNERS_MAX {
        section.wrong("signers", "too many people may sign", format!("name at most {SIGNERS_MAX}"));
    }
    for one in sections {
        let name = one.required("name", "\"m-roussel\"", |value| {
            let name = text(value, NAME_CHARS_MAX)?;
            let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            let bad = || Wrong::new("not a name that a file can bear", "write it with a-z, 0-9 and -");
            if plain { Ok(name) } else { Err(bad()) }
        });
        let key = one.required("public_key", "\"ssh-ed25519 AAAA…\"", |value| key(&text(value, KEY_CHARS_MAX)?));
        one.finish();
        let (Some(name), Some(key)) = (name, key) else {
            complete = false;
            continue;
        };
        if read.iter().any(|other| other.name == name) {
            one.wrong("name", "another signer has the same name", "give each his own");
        }
        if read.iter().any(|other| other.key.key_data() == key.key_data()) {
            one.wrong("public_key", "another signer has the same key", "each signs with a key that is his alone");
        }
        read.push(Signer { name, key });
    }
    complete.then_some(read)
}

fn key(line: &str) -> Result<PublicKey, Wrong> {
    let remedy = "write the line of his .pub file: ssh-ed25519, sk-ssh-ed25519@openssh.com, ecdsa-sha2-…, or ssh-rsa of 3072 to \
                  4096 bits";
    let key = PublicKey::from_openssh(line).map_err(|_| Wrong::new("not a public key of OpenSSH", remedy))?;
    let taken = match key.key_data() {
        KeyData::Ed25519(_) | KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_) => true,
        KeyData::Ecdsa(key) => {
            matches!(key.curve(), EcdsaCurve::NistP256 | EcdsaCurve::NistP384 | EcdsaCurve::NistP521)
        }
        KeyData::Rsa(key) => RSA_BITS.contains(&key.key_size()),
        _ => false,
    };
    if taken { Ok(key) } else { Err(Wrong::new("a key of this kind or size does not sign permits", remedy)) }
}

/// The file with its signatures, each of them verified; or all that is wrong with them.
pub(crate) fn verified(draft: Draft, signers: &[Signer]) -> Result<SignedFile, Vec<Wrong>> {
    let (mut wrong, mut signatures) = (Vec::new(), Vec::new());
    for (name, file, text) in draft.signatures {
        let Some(signer) = signers.iter().find(|signer| signer.name == name) else {
            let remedy = "name him there with his public key, or take the file away";
            wrong.push(Wrong::new(format!("{file}: no signer is named {name} in [[policies.signers]]"), remedy));
            continue;
        };
        match holds(signer, draft.text.as_bytes(), &text, signers) {
            Ok(()) => signatures.push(Signature { signer: name, key: plain(&signer.key), name: file, text }),
            Err(why) => {
                let remedy = format!("{name} looks at {} and signs it again: {}", draft.name, how_to_sign(&draft.name));
                wrong.push(Wrong::new(format!("{file}: {why}"), remedy));
            }
        }
    }
    if signatures.len() > SIGNATURES_MAX {
        let remedy = format!("keep at most {SIGNATURES_MAX}");
        wrong.push(Wrong::new(format!("{} has too many signatures", draft.name), remedy));
    }
    if wrong.is_empty() && signatures.len() < SIGNERS_MIN {
        let names: Vec<&str> = signers.iter().map(|signer| signer.name.as_str()).collect();
        wrong.push(Wrong::new(
            format!("{}: {} of the {SIGNERS_MIN} signatures that it needs", draft.name, signatures.len()),
            format!(
                "two people of [[policies.signers]] ({}) look at it, and each signs it: {}",
                names.join(", "),
                how_to_sign(&draft.name)
            ),
        ));
    }
    if wrong.is_empty() { Ok(SignedFile { name: draft.name, text: draft.text, signatures }) } else { Err(wrong) }
}

/// Whether this is the signature of these very bytes, by this signer, for this use.
fn holds(signer: &Signer, bytes: &[u8], signature: &str, signers: &[Signer]) -> Result<(), String> {
    let unread = || "it is no signature of `ssh-keygen -Y sign`".to_owned();
    let found = SshSig::from_pem(signature).map_err(|_| unread())?;
    if found.version() != SshSig::VERSION || !found.reserved().is_empty() {
        return Err(unread());
    }
    if found.public_key() != signer.key.key_data() {
        let other = signers.iter().find(|other| other.key.key_data() == found.public_key());
        return Err(match other {
            Some(other) => format!("it was made with the key of {}, not of {}", other.name, signer.name),
            None => format!("it was not made with the key of {}", signer.name),
        });
    }
    if found.namespace() != NAMESPACE {
        return Err(format!("it was made for another use than -n {NAMESPACE}"));
    }
    if !matches!(found.hash_alg(), HashAlg::Sha256 | HashAlg::Sha512)
        || found.algorithm() == (Algorithm::Rsa { hash: None })
    {
        return Err("it was made with a hash that is not strong enough".to_owned());
    }
    if matches!(found.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256) {
        // Flags (1 byte) and a counter (4) end the signature of a security key.
        let flags = found.signature_bytes().iter().rev().nth(4).copied().unwrap_or_default();
        if flags & TOUCHED == 0 {
            return Err("nobody touched the security key for it".to_owned());
        }
    }
    let verified = signer.key.verify(NAMESPACE, bytes, &found);
    verified.map_err(|_| "the file is not the one that was signed: it was changed since, or it was another".to_owned())
}

/// The key alone, without its comment.
fn plain(key: &PublicKey) -> String {
    PublicKey::from(key.key_data().clone()).to_openssh().unwrap_or_default()
}
