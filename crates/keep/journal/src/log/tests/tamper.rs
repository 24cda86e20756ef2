//! Alterations of a folder, by somebody without the key: `verify` sees each of them.

use super::*;
use crate::log::{
    segment,
    tiles::{Entries, push_entry},
};
use std::path::PathBuf;

/// A closed log of `published` entries and a copy of it with `fresh` more that no checkpoint covers.
async fn image(published: u64, fresh: u64) -> tempfile::TempDir {
    let folder = super::folder();
    let small = |config: LogConfig| LogConfig { segment_bytes: 1024, ..config };
    let Opened { log, reserve, .. } = open(small(config(folder.path())));
    append(&log, 0, published).await;
    reserve.record(1, [7; 16], now(), now() + Duration::from_secs(5)).unwrap();
    drop(reserve);
    log.close().await.unwrap();
    let Opened { log, .. } = open(small(lazy(folder.path())));
    append(&log, published, published + fresh).await;
    // The spare may still be in the making.
    let copied = loop {
        let copied = super::folder();
        copy(folder.path(), copied.path());
        if check(copied.path()).ok && copied.path().join(segment::SPARE).exists() {
            break copied;
        }
    };
    assert_eq!(good(copied.path()).len() as u64, published + fresh);
    copied
}

/// Does something to one file, sees that verification fails the same in one thread and in three, and undoes it.
fn altered(folder: &Path, file: &str, bytes: &[u8], change: &[u8], what: &str) -> super::super::Bad {
    fs::write(folder.join(file), change).unwrap();
    let verdict = check(folder);
    assert_eq!(verdict, check_in(folder, 3), "{file}: {what}");
    fs::write(folder.join(file), bytes).unwrap();
    assert!(!verdict.ok, "{file}: {what} is not seen");
    verdict.bad.unwrap()
}

fn flip_all(folder: &Path, step: usize) -> usize {
    let mut flipped = 0;
    for file in files(folder) {
        let bytes = fs::read(folder.join(&file)).unwrap();
        for at in (0..bytes.len()).step_by(step) {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << (at % 8);
            let named = altered(folder, &file, &bytes, &bad, &format!("byte {at}"));
            // A changed hash may show where it is used; everything else shows in its own file.
            let elsewhere = ["checkpoint", "vkey"].contains(&named.file.as_str()) || named.file.starts_with("tile/");
            assert!(
                named.file == file || (elsewhere && (file == "vkey" || file.starts_with("tile/"))),
                "{file} {at}: {named}"
            );
            flipped += 1;
        }
    }
    assert!(check(folder).ok);
    flipped
}

#[tokio::test]
async fn any_flipped_byte_is_seen() {
    let image = image(5, 3).await;
    assert!(flip_all(image.path(), 1) > 3000);
}

#[tokio::test]
async fn any_flipped_byte_is_seen_in_full_tiles() {
    let image = image(300, 2).await;
    assert!(flip_all(image.path(), 41) > 500);
}

#[tokio::test]
async fn any_other_length_is_seen() {
    let image = image(5, 3).await;
    for file in files(image.path()) {
        let bytes = fs::read(image.path().join(&file)).unwrap();
        for cut in 0..bytes.len() {
            altered(image.path(), &file, &bytes, &bytes[..cut], &format!("a cut at {cut}"));
        }
        for more in [0, 1, b'\n'] {
            let longer = [bytes.as_slice(), &[more]].concat();
            altered(image.path(), &file, &bytes, &longer, "one byte more");
        }
    }
}

#[tokio::test]
async fn missing_and_unknown_names_are_seen() {
    let image = image(300, 2).await;
    let folder = image.path();
    let mut places: Vec<PathBuf> = vec![folder.to_owned()];
    for file in files(folder) {
        let path = folder.join(&file);
        places.push(path.parent().unwrap().to_owned());
        if file == segment::SPARE {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!check(folder).ok, "{file} is missing");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(!check(folder).ok, "{file} is a link");
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    places.dedup();
    for place in places {
        for name in ["x", "000", "7", "001.p", ".hidden", "checkpoint.tmp", "segment-7", "é"] {
            let path = place.join(name);
            if path.exists() {
                continue;
            }
            fs::write(&path, b"").unwrap();
            assert!(!check(folder).ok, "{} is unknown", path.display());
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
            assert!(!check(folder).ok, "{} is an unknown folder", path.display());
            fs::remove_dir(&path).unwrap();
        }
    }
    assert!(check(folder).ok);
}

#[tokio::test]
async fn what_a_slow_disk_has_under_way_beside_a_node_is_not_bad() {
    let image = image(300, 0).await;
    let folder = image.path();
    let at_work = fs::File::open(folder).unwrap();
    at_work.lock().unwrap();
    for name in ["tile/0/001.p/50", "tile/0/001.p/77.tmp", "tile/entries/001.p/77", "checkpoint.tmp"] {
        let path = folder.join(name);
        fs::write(&path, b"under way").unwrap();
        assert!(check(folder).ok, "{name} beside a node");
        fs::remove_file(&path).unwrap();
    }
    for name in ["x.tmp", "tile/0/x", "tile/0/001.p/77.tmp.tmp", "vkey2"] {
        let path = folder.join(name);
        fs::write(&path, b"").unwrap();
        assert!(!check(folder).ok, "{name} is unknown to a node too");
        fs::remove_file(&path).unwrap();
    }
    fs::write(folder.join("tile/0/001.p/50"), b"under way").unwrap();
    drop(at_work);
    assert!(!check(folder).ok, "nothing is under way in a log that stands still");
}

#[tokio::test]
async fn the_first_bad_entry_is_named() {
    let image = image(300, 0).await;
    let file = "tile/entries/000";
    let bytes = fs::read(image.path().join(file)).unwrap();
    let entries: Vec<Vec<u8>> = Entries::new(&bytes).map(|e| e.unwrap().to_vec()).collect();
    let bundle = |entries: &[Vec<u8>]| {
        let mut out = Vec::new();
        entries.iter().for_each(|entry| push_entry(&mut out, entry));
        out
    };
    let mut attacks: Vec<(&str, u64, Vec<Vec<u8>>)> = Vec::new();
    let mut change = |what, first, edit: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut changed = entries.clone();
        edit(&mut changed);
        attacks.push((what, first, changed));
    };
    change("edited", 100, &|e| e[100] = b"something else".to_vec());
    change("removed", 17, &|e| drop(e.remove(17)));
    change("inserted", 18, &|e| e.insert(18, b"new".to_vec()));
    change("reordered", 20, &|e| e.swap(20, 30));
    change("truncated", 255, &|e| drop(e.pop()));
    change("lengthened", 256, &|e| e.push(b"more".to_vec()));
    for (what, first, changed) in attacks {
        let bad = altered(image.path(), file, &bytes, &bundle(&changed), what);
        assert_eq!((bad.file.as_str(), bad.index), (file, Some(first)), "{what}: {bad}");
        assert!(bad.what.starts_with("byte "), "{what}: {bad}");
    }
    // The hash is blamed when it is the hash that was changed.
    let bytes = fs::read(image.path().join("tile/0/000")).unwrap();
    let mut changed = bytes.clone();
    changed[32 * 9 + 3] ^= 1;
    let bad = altered(image.path(), "tile/0/000", &bytes, &changed, "hash");
    assert_eq!((bad.file.as_str(), bad.index), ("tile/0/000", Some(9)));
}

#[tokio::test]
async fn a_tail_cut_under_the_checkpoint_is_seen_and_refused() {
    let image = image(9, 0).await;
    let file = files(image.path()).into_iter().rfind(|f| f.starts_with("segment-0")).unwrap();
    let bytes = fs::read(image.path().join(&file)).unwrap();
    let first = segment::parse_name(&file).unwrap();
    let scan = segment::scan(&bytes, first, signer().vkey()).unwrap();
    for group in &scan.groups {
        let mut cut = bytes.clone();
        cut[group.offset..].fill(0);
        let bad = altered(image.path(), &file, &bytes, &cut, "a cut tail");
        assert_eq!((bad.file.as_str(), bad.index), (file.as_str(), Some(group.first)));
        fs::write(image.path().join(&file), &cut).unwrap();
        let opened = Log::open(config(image.path()), now());
        assert!(matches!(opened, Err(LogError::Refused(bad)) if bad.file == file), "cut at {}", group.offset);
        fs::write(image.path().join(&file), &bytes).unwrap();
    }
}

#[tokio::test]
async fn nobody_without_the_key_adds_an_entry() {
    let image = image(4, 2).await;
    let file = files(image.path()).into_iter().rfind(|f| f.starts_with("segment-0")).unwrap();
    let bytes = fs::read(image.path().join(&file)).unwrap();
    let first = segment::parse_name(&file).unwrap();
    let end = segment::scan(&bytes, first, signer().vkey()).unwrap().end;
    let (mut payload, mut group) = (Vec::new(), Vec::new());
    push_entry(&mut payload, b"forged");
    let forger = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
    segment::push_group(&mut group, &forger, 6, 1, &payload);
    let mut forged = bytes.clone();
    forged[end..end + group.len()].copy_from_slice(&group);
    let bad = altered(image.path(), &file, &bytes, &forged, "a forged entry");
    assert_eq!(bad.index, Some(6));
    // A start takes it for a write cut short: it is never signed.
    fs::write(image.path().join(&file), &forged).unwrap();
    let Opened { log, entries, .. } = open(config(image.path()));
    assert_eq!(entries, 6);
    log.close().await.unwrap();
    assert_eq!(good(image.path()).len(), 6);
}

#[tokio::test]
async fn another_key_is_not_ours() {
    let image = image(4, 0).await;
    let stranger = Signer::from_seed(ORIGIN, &[1; 32]).unwrap();
    let verdict = verify(image.path(), Some(stranger.vkey()), &mut |_, _| Ok(()));
    assert_eq!((verdict.ok, verdict.pinned, verdict.bad.unwrap().file), (false, true, "vkey".to_owned()));
    let verdict = check(image.path());
    assert!(verdict.ok && verdict.pinned);
    assert_eq!((verdict.origin.as_str(), verdict.entries), (ORIGIN, 4));
    assert_eq!(verdict.vkey, signer().vkey().to_string());
    let nowhere = check(&image.path().join("nothing"));
    assert!(!nowhere.ok && nowhere.bad.is_some());
}

#[tokio::test]
async fn an_objection_of_the_caller_is_named() {
    for (index, folder) in [(2, image(4, 2).await), (5, image(4, 2).await)] {
        let verdict =
            verify(folder.path(), None, &mut |at, _| if at == index { Err("not an event".into()) } else { Ok(()) });
        let bad = verdict.bad.unwrap();
        assert_eq!((verdict.ok, bad.index, bad.what.as_str()), (false, Some(index), "not an event"));
    }
}

#[tokio::test]
async fn a_damaged_folder_is_not_taken_up() {
    let image = image(300, 6).await;
    let refused = |file: &str, at: usize| {
        let path = image.path().join(file);
        let bytes = fs::read(&path).unwrap();
        let mut bad = bytes.clone();
        bad[at] ^= 4;
        fs::write(&path, &bad).unwrap();
        let opened = Log::open(config(image.path()), now()).map(|_| ());
        fs::write(&path, bytes).unwrap();
        assert!(matches!(opened, Err(LogError::Refused(_))), "{file}, byte {at}: {opened:?}");
    };
    refused("checkpoint", 3);
    refused("vkey", 3);
    refused("tile/0/001.p/44", 100);
    refused("tile/entries/001.p/44", 100);
    refused("tile/1/000.p/1", 5);
    refused("revocations", 130);
    for file in files(image.path()).iter().filter(|file| file.starts_with("segment-0")) {
        refused(file, 20);
        refused(file, segment::HEADER_BYTES + 40);
    }
    for file in ["checkpoint", "vkey", "revocations", "tile/0/001.p/44"] {
        let path = image.path().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(matches!(Log::open(config(image.path()), now()), Err(LogError::Refused(_))), "{file} is missing");
        fs::write(path, bytes).unwrap();
    }
    open(config(image.path())).log.close().await.unwrap();
    assert_eq!(good(image.path()).len(), 306);
}
