//! What a witness is sent and what it answers, for [`crate::fuzzing`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{Answer, Kept, REQUEST_BYTES_MAX, Request, Watched, Witness, request::write};
use crate::log::{
    Keys,
    disk::Disk,
    fuzzing::{CHECKPOINT, Leaves, NOW, ORIGIN, cosigned, signed, signer, witness},
    note::Note,
    proof::{LINES_MAX, consistency},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// Takes everything, and keeps nothing.
struct Nothing;

impl Disk for Nothing {
    fn create(&self, _: &Path) -> io::Result<File> {
        File::options().write(true).open("/dev/null")
    }
    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn remove(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
    fn make_folder(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }
    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

/// A witness that remembers the first entries of the log.
fn watching(seen: u64) -> Witness {
    let last = Mutex::new((seen > 0).then(|| Leaves::new(seen).checkpoint()));
    let watched = Watched { keys: vec![signer().vkey().clone()], last, stem: "stem".to_owned() };
    Witness {
        folder: PathBuf::from("/dev/null/none"),
        signer: witness().clone(),
        logs: BTreeMap::from([(ORIGIN.to_owned(), watched)]),
        disk: Arc::new(Nothing),
        _lock: File::open("/dev/null").unwrap(),
    }
}

/// A request to cosign.
pub fn witness_request(bytes: &[u8]) {
    let request = Request::parse(bytes);
    if let Some(request) = &request {
        assert!(bytes.len() <= REQUEST_BYTES_MAX && request.proof.len() <= LINES_MAX);
        assert_eq!(write(request.old, &request.proof, &request.signed).as_bytes(), bytes);
    }
    for seen in [0, 200, 300] {
        match watching(seen).add_checkpoint(bytes, NOW) {
            Answer::Cosigned(line) => {
                let request = request.as_ref().expect("what is cosigned was read");
                assert_eq!((&request.checkpoint, request.old), (&*CHECKPOINT, seen), "it was never signed so");
                let note = Note::parse(format!("{}\n{line}", request.note.text).as_bytes()).expect("a note");
                assert_eq!(witness().key().verify(&note), Ok(1_790_000_000));
            }
            Answer::Malformed => {}
            Answer::Failed => panic!("nothing can fail here"),
            Answer::Conflict { size, forked } => assert!(size == seen && !forked, "the log signed one history"),
            Answer::Untrusted | Answer::Unknown | Answer::Inconsistent => assert!(request.is_some()),
        }
    }
}

/// What a witness answers.
pub fn witness_reply(bytes: &[u8]) {
    let Ok(lines) = std::str::from_utf8(bytes) else { return };
    let kept = Kept::new(Path::new(""), Keys::only(signer().vkey().clone()), witness().key().clone());
    let Some((cosigned, seconds)) = kept.cosigned(&signed(), lines) else { return };
    assert_eq!(seconds, 1_790_000_000, "another moment than was signed");
    assert_eq!(kept.open(cosigned.as_bytes()), Some((CHECKPOINT.clone(), seconds)));
}

pub(crate) fn request_seeds() -> Vec<Vec<u8>> {
    let proof = |old| consistency(&mut Leaves::new(300), old, 300).unwrap().unwrap();
    let from = |old| write(old, &proof(old), &signed()).into_bytes();
    vec![from(0), from(200), from(300), write(200, &proof(200), &cosigned()).into_bytes()]
}

pub(crate) fn reply_seeds() -> Vec<Vec<u8>> {
    let line = witness().cosign(&CHECKPOINT.text(), NOW);
    vec![line.clone().into_bytes(), format!("\u{2014} other AAAAAAA=\n{line}").into_bytes()]
}
