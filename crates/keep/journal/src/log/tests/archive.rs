//! A log in an archive: the same verdict as its folder, and no byte that can change unseen.

use super::*;
use crate::log::{Archive, ArchiveWriter, export};
use std::num::NonZeroUsize;

async fn image() -> tempfile::TempDir {
    let folder = super::folder();
    let Opened { log, .. } = open(config(folder.path()));
    append(&log, 0, 300).await;
    log.close().await.unwrap();
    folder
}

fn archive(folder: &Path) -> Vec<u8> {
    let mut out = ArchiveWriter::new(Vec::new());
    export(folder, "journal/node1", &mut out).unwrap();
    out.write("witnessed/node1", "latest-00", b"a note\n").unwrap();
    out.finish().unwrap()
}

fn check_archive(at: &Path) -> Verdict {
    let pinned = signer();
    let opened = match Archive::open(at) {
        Ok(opened) => opened,
        Err(bad) => return Verdict { bad: Some(bad), ..Verdict::default() },
    };
    let threads = NonZeroUsize::new(2).unwrap();
    let how = Verifying { pinned: Some(pinned.vkey()), threads, ..Verifying::default() };
    match opened.log("node1") {
        Some(log) => verify_with(&log, &how, &|_| (), &mut |_, ()| Ok(())),
        None => Verdict::default(),
    }
}

#[tokio::test]
async fn an_archive_verifies_as_its_folder_does() {
    let image = image().await;
    let at = super::folder();
    let file = at.path().join("a.tar");
    fs::write(&file, archive(image.path())).unwrap();
    assert_eq!(check_archive(&file), check(image.path()));
    let opened = Archive::open(&file).unwrap();
    assert_eq!(opened.origins().collect::<Vec<_>>(), ["node1"]);
    assert_eq!(opened.kept("node1").unwrap(), [("witnessed/node1/latest-00".to_owned(), b"a note\n".to_vec())]);
    // And any tar unpacks it into a folder that verifies.
    let unpacked = std::process::Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(at.path()).status().unwrap();
    assert!(unpacked.success());
    assert_eq!(good(&at.path().join("journal/node1")).len(), 300);
}

#[tokio::test]
async fn any_flipped_byte_and_any_other_length_of_an_archive_is_seen() {
    let image = image().await;
    let at = super::folder();
    let file = at.path().join("a.tar");
    let bytes = archive(image.path());
    // What is kept of witnesses is judged by itself: its header counts here, its bytes do not.
    let note = bytes.windows(7).rposition(|window| window == b"a note\n").unwrap();
    let mut flipped = 0;
    for place in (0..bytes.len()).step_by(97).chain(0..1024).chain(bytes.len() - 1600..bytes.len()) {
        if (note..note + 7).contains(&place) {
            continue;
        }
        let mut bad = bytes.clone();
        bad[place] ^= 1 << (place % 8);
        fs::write(&file, &bad).unwrap();
        assert!(!check_archive(&file).ok, "byte {place}");
        flipped += 1;
    }
    assert!(flipped > 2500);
    for cut in (0..bytes.len()).step_by(499) {
        fs::write(&file, &bytes[..cut]).unwrap();
        assert!(!check_archive(&file).ok, "cut at {cut}");
    }
    fs::write(&file, [bytes.as_slice(), &[0; 512]].concat()).unwrap();
    assert!(!check_archive(&file).ok, "lengthened");
}

#[test]
fn names_that_no_log_has_are_refused() {
    let at = super::folder();
    let file = at.path().join("a.tar");
    for (folder, name) in [
        ("journal/node1", "key"),
        ("journal/node1", "../checkpoint"),
        ("journal/../etc", "vkey"),
        ("journal/..", "vkey"),
        ("journal/a/b", "vkey"),
        ("journal/", "vkey"),
        ("vault", "vkey"),
        ("", "vkey"),
        ("journal/node1", "tile/0/1"),
        ("witnessed/node1", "../x"),
        ("witnessed/node1", "a/b"),
    ] {
        let mut out = ArchiveWriter::new(Vec::new());
        out.write(folder, name, b"x").unwrap();
        fs::write(&file, out.finish().unwrap()).unwrap();
        let refused = Archive::open(&file).unwrap_err();
        assert!(refused.what.starts_with("byte 0: "), "{folder}/{name}: {refused}");
    }
    let mut twice = ArchiveWriter::new(Vec::new());
    twice.write("journal/node1", "vkey", b"x").unwrap();
    twice.write("journal/node1", "vkey", b"y").unwrap();
    fs::write(&file, twice.finish().unwrap()).unwrap();
    assert!(Archive::open(&file).unwrap_err().what.ends_with("comes twice"));
}

#[tokio::test]
async fn a_log_is_exported_while_it_is_written() {
    let folder = super::folder();
    let Opened { log, .. } = open(config(folder.path()));
    let at = super::folder();
    let file = at.path().join("a.tar");
    let mut written = 0;
    for _ in 0..5 {
        append(&log, written, written + 70).await;
        written += 70;
        let path = folder.path().to_owned();
        let taken = tokio::task::spawn_blocking(move || archive(&path));
        append(&log, written, written + 200).await;
        written += 200;
        fs::write(&file, taken.await.unwrap()).unwrap();
        let verdict = check_archive(&file);
        assert!(verdict.ok && verdict.entries >= written - 200, "{verdict:?}");
    }
    log.close().await.unwrap();
}
