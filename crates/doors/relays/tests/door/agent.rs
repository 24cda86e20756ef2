//! A security key of software behind the protocol of `ssh-agent`, through which OpenSSH's client takes signatures as they
//! come: a test says what the key pretends of its holder.

use crate::site::Site;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use data_encoding::BASE64;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

/// What is asked of an agent, and what it answers.
const ASKED_KEYS: u8 = 11;
const KEYS: u8 = 12;
const ASKED_SIGNATURE: u8 = 13;
const SIGNATURE: u8 = 14;
const FAILURE: u8 = 5;

/// Somebody touched the key.
pub const TOUCHED: u8 = 0x01;
/// The key knew its holder by a code or a finger.
pub const VERIFIED: u8 = 0x04;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A key that lies in a file, to see that the agent itself is not what is refused.
    File,
    Ed25519,
    Ecdsa,
}

/// The agent, until dropped.
pub struct Agent {
    /// The wire form of its only key.
    pub blob: Vec<u8>,
    /// Where it listens, as an option of `ssh`.
    pub option: String,
    /// Signatures that it was asked for.
    signed: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Agent {
    /// One whose signatures are made over the first flags and say the second; its public half is written into the site's
    /// folder under its name.
    pub fn start(site: &Site, name: &str, kind: Kind, flags: (u8, u8)) -> Self {
        let key = Arc::new(Key::draw(kind, flags));
        let line = format!("{} {}\n", kind.name(), BASE64.encode(&key.blob));
        fs::write(site.path(&format!("{name}.pub")), line).unwrap();
        let socket = site.path(&format!("{name}.agent"));
        let listener = UnixListener::bind(&socket).unwrap();
        let (blob, signed) = (key.blob.clone(), Arc::new(AtomicUsize::new(0)));
        let counter = signed.clone();
        let listening = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, key.clone(), counter.clone()));
            }
        });
        Self { blob, option: format!("IdentityAgent={}", socket.display()), signed, listening }
    }

    pub fn signed(&self) -> usize {
        self.signed.load(SeqCst)
    }
}

async fn serve(mut stream: UnixStream, key: Arc<Key>, signed: Arc<AtomicUsize>) {
    while let Ok(length) = stream.read_u32().await {
        let mut asked = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut asked).await.unwrap();
        let answer = match asked[0] {
            ASKED_KEYS => [&[KEYS, 0, 0, 0, 1][..], &field(&key.blob), &field(b"")].concat(),
            ASKED_SIGNATURE => {
                signed.fetch_add(1, SeqCst);
                let (blob, rest) = read_field(&asked[1..]);
                assert_eq!(blob, key.blob);
                [&[SIGNATURE][..], &field(&key.sign(read_field(rest).0))].concat()
            }
            _ => vec![FAILURE],
        };
        stream.write_all(&field(&answer)).await.unwrap();
    }
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
}

struct Key {
    kind: Kind,
    flags: (u8, u8),
    pair: Pair,
    blob: Vec<u8>,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::File => "ssh-ed25519",
            Kind::Ed25519 => "sk-ssh-ed25519@openssh.com",
            Kind::Ecdsa => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }
}

impl Key {
    fn draw(kind: Kind, flags: (u8, u8)) -> Self {
        let name = field(kind.name().as_bytes());
        let ed25519 = Ed25519KeyPair::generate().unwrap();
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let public = field(ed25519.public_key().as_ref());
        let point = field(ecdsa.public_key().as_ref());
        let (pair, blob) = match kind {
            Kind::File => (Pair::Ed25519(ed25519), [name, public].concat()),
            Kind::Ed25519 => (Pair::Ed25519(ed25519), [name, public, field(b"ssh:")].concat()),
            Kind::Ecdsa => (Pair::Ecdsa(ecdsa), [name, field(b"nistp256"), point, field(b"ssh:")].concat()),
        };
        Self { kind, flags, pair, blob }
    }

    /// As OpenSSH's PROTOCOL.u2f says: the key signs the digests of application and message, and what it says of its
    /// holder between them.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let flags = |flags: u8| [&[flags][..], &7_u32.to_be_bytes()].concat();
        let (signed, said) = (flags(self.flags.0), flags(self.flags.1));
        let sha256 = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
        let (message, said) = match self.kind {
            Kind::File => (message.to_vec(), Vec::new()),
            Kind::Ed25519 | Kind::Ecdsa => ([sha256(b"ssh:"), signed, sha256(message)].concat(), said),
        };
        let signature = match &self.pair {
            Pair::Ed25519(pair) => pair.sign(&message).as_ref().to_vec(),
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&SystemRandom::new(), &message).unwrap();
                let (r, s) = signature.as_ref().split_at(32);
                [number(r), number(s)].concat()
            }
        };
        [field(self.kind.name().as_bytes()), field(&signature), said].concat()
    }
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [u32::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), bytes].concat()
}

fn read_field(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_first_chunk::<4>().unwrap();
    rest.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap())
}

/// A positive number as SSH writes it.
fn number(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap();
    let sign: &[u8] = if bytes[start] >= 0x80 { &[0] } else { &[] };
    field(&[sign, &bytes[start..]].concat())
}
