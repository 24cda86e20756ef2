//! A log whose key is renewed: whoever trusts any of its keys follows it to the present one; a stop at any step ends well; and
//! what nobody signed is seen.

use super::{disks::FaultyDisk, *};
use crate::log::{
    Checkpoint, KEYS, Keys, NoteError, Renewal, VKey,
    disk::RealDisk,
    keys_of,
    minimum::{MINIMUM, Minimum},
    note::Note,
    prune::raise,
    renew::{renew, renew_on},
    root_at,
};

fn key(number: u8) -> Signer {
    Signer::from_seed(ORIGIN, &[42 + number; 32]).unwrap()
}

fn of(folder: &Path, number: u8) -> LogConfig {
    LogConfig { segment_bytes: 8192, signer: key(number), ..config(folder) }
}

/// Appends up to a size with the key of that number, and closes.
async fn grow(folder: &Path, number: u8, to: u64) {
    let opened = open(of(folder, number));
    append(&opened.log, opened.entries, to).await;
    drop(opened.reserve);
    opened.log.close().await.unwrap();
}

fn renewed(folder: &Path, number: u8) -> Renewal {
    renew(&of(folder, number), &key(number + 1)).unwrap()
}

fn trusting(folder: &Path, pinned: Option<&VKey>) -> Verdict {
    verify(folder, pinned, &mut |_, _| Ok(()))
}

/// Two renewals: over 300 entries, and over 700 of 1,000.
async fn thrice() -> tempfile::TempDir {
    let folder = super::folder();
    grow(folder.path(), 0, 300).await;
    renewed(folder.path(), 0);
    grow(folder.path(), 1, 700).await;
    renewed(folder.path(), 1);
    grow(folder.path(), 2, 1000).await;
    folder
}

#[tokio::test]
async fn whoever_trusts_any_of_the_keys_follows_them_to_the_present_one() {
    let folder = super::folder();
    grow(folder.path(), 0, 300).await;
    let opened = open(of(folder.path(), 0));
    for subject in 1..4 {
        opened.reserve.record(1, [subject; 16], now(), Time::from_micros(1 << 50)).unwrap();
    }
    opened.reserve.lift(1, [2; 16]).unwrap();
    drop(opened.reserve);
    opened.log.close().await.unwrap();
    let first = fs::read(folder.path().join("checkpoint")).unwrap();

    let renewal = renewed(folder.path(), 0);
    assert_eq!((renewal.size, &renewal.before, &renewal.after), (300, key(0).vkey(), key(1).vkey()));
    assert!(
        matches!(Log::open(of(folder.path(), 0), now()), Err(LogError::Refused(_))),
        "the key before signs no more"
    );
    let opened = open(of(folder.path(), 1));
    let revoked: Vec<u8> = opened.revocations.iter().map(|one| one.subject[0]).collect();
    assert_eq!((opened.entries, revoked), (300, vec![1, 3]), "cuts stay in force");
    append(&opened.log, 300, 700).await;
    drop(opened.reserve);
    opened.log.close().await.unwrap();
    renewed(folder.path(), 1);
    grow(folder.path(), 2, 1000).await;

    for number in 0..3 {
        let verdict = trusting(folder.path(), Some(key(number).vkey()));
        assert_eq!((verdict.bad, verdict.entries, verdict.pinned), (None, 1000, true), "pinned {number}");
        assert_eq!(verdict.vkey, key(2).vkey().to_string());
    }
    assert_eq!(good(folder.path()), (0..1000).map(entry).collect::<Vec<_>>());
    let other = trusting(folder.path(), Some(key(3).vkey()));
    assert_eq!(other.bad.unwrap().what, "is not the pinned key, nor one that it vouches for");

    let keys = keys_of(folder.path()).unwrap();
    assert_eq!(keys.renewals().iter().map(|one| one.size).collect::<Vec<_>>(), [300, 700]);
    assert_eq!(keys.open(&first).map(|head| head.size), Ok(300), "what the first key signed while it served");
    let root = root_at(folder.path(), 301).unwrap().unwrap();
    let late = Checkpoint { origin: ORIGIN.into(), size: 301, root }.sign(&key(0));
    assert_eq!(keys.open(late.as_bytes()), Err(NoteError::Superseded), "and no longer");
}

#[tokio::test]
async fn a_minimum_is_signed_anew_and_keys_over_what_went_stand() {
    let folder = super::folder();
    grow(folder.path(), 0, 300).await;
    renewed(folder.path(), 0);
    grow(folder.path(), 1, 1000).await;
    let root = root_at(folder.path(), 512).unwrap().unwrap();
    raise(&RealDisk, folder.path(), &key(1), &Minimum { size: 512, root, stated_at: 900 }).unwrap();
    crate::log::prune::sweep(&RealDisk, folder.path(), 512).unwrap();
    renewed(folder.path(), 1);
    grow(folder.path(), 2, 1100).await;
    for number in 0..3 {
        let verdict = trusting(folder.path(), Some(key(number).vkey()));
        assert_eq!((verdict.bad, verdict.minimum.unwrap().size), (None, 512), "pinned {number}");
    }
    let minimum = fs::read(folder.path().join(MINIMUM)).unwrap();
    assert!(Minimum::open(&minimum, key(2).vkey()).is_some());
}

#[tokio::test]
async fn a_renewal_cut_short_anywhere_is_finished_by_the_next_start() {
    let image = super::folder();
    grow(image.path(), 0, 600).await;
    let root = root_at(image.path(), 256).unwrap().unwrap();
    raise(&RealDisk, image.path(), &key(0), &Minimum { size: 256, root, stated_at: 590 }).unwrap();
    crate::log::prune::sweep(&RealDisk, image.path(), 256).unwrap();
    let mut stopped = [0, 0];
    for last in 0.. {
        let folder = super::folder();
        copy(image.path(), folder.path());
        let disk = FaultyDisk::failing(last..u64::MAX);
        let done = renew_on(&disk, &of(folder.path(), 0), &key(1)).is_ok();
        // The file of the keys alone says which key serves.
        let number = u8::from(folder.path().join(KEYS).exists());
        grow(folder.path(), number, 620).await;
        let verdict = trusting(folder.path(), Some(key(0).vkey()));
        assert_eq!((verdict.bad, verdict.entries), (None, 620), "stopped at operation {last}");
        assert_eq!(verdict.vkey, key(number).vkey().to_string());
        stopped[usize::from(number)] += 1;
        if done {
            break;
        }
    }
    assert!(stopped[0] > 2 && stopped[1] > 16, "{stopped:?}");
}

#[tokio::test]
async fn a_disk_too_full_for_a_renewal_leaves_the_key_that_was() {
    let folder = super::folder();
    grow(folder.path(), 0, 300).await;
    let disk = FaultyDisk::new();
    disk.full.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(renew_on(&disk, &of(folder.path(), 0), &key(1)).is_err());
    grow(folder.path(), 0, 310).await;
    assert_eq!(trusting(folder.path(), Some(key(0).vkey())).bad, None);
}

#[tokio::test]
async fn every_changed_byte_of_the_keys_is_seen() {
    let folder = thrice().await;
    let path = folder.path().join(KEYS);
    let good = fs::read(&path).unwrap();
    let pinned = [None, Some(key(0)), Some(key(1)), Some(key(2))];
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 7);
        assert!(Renewal::parse_all(&bad).is_err(), "byte {at}");
    }
    // Cut, put together otherwise, or gone.
    let blocks: Vec<String> =
        keys_of(folder.path()).unwrap().renewals().iter().map(|renewal| renewal.block.clone()).collect();
    let [a, b] = [&blocks[0], &blocks[1]];
    assert_eq!(format!("{a}{b}").as_bytes(), good);
    let all = [String::new(), a.clone(), b.clone(), format!("{b}{a}"), format!("{a}{a}"), format!("{a}{b}\n")];
    for bytes in &all {
        fs::write(&path, bytes).unwrap();
        for pinned in &pinned {
            let verdict = trusting(folder.path(), pinned.as_ref().map(Signer::vkey));
            // The second alone leads from the second key to the third: nothing is missing for who trusts either.
            let enough = bytes == b && pinned.as_ref().is_none_or(|pinned| pinned.vkey() != key(0).vkey());
            assert_eq!(verdict.ok, enough, "{bytes} for {:?}", pinned.as_ref().map(Signer::vkey));
        }
    }
    fs::remove_file(&path).unwrap();
    assert!(!trusting(folder.path(), Some(key(0).vkey())).ok && !trusting(folder.path(), Some(key(1).vkey())).ok);
}

/// Whoever has a key that served once can name whom he likes after it: seen by all who trust a later one, or hold a checkpoint.
#[tokio::test]
async fn a_key_that_was_replaced_names_nobody_for_those_who_trust_the_next() {
    let folder = thrice().await;
    let kept = fs::read(folder.path().join("checkpoint")).unwrap();
    let forged = super::folder();
    grow(forged.path(), 0, 300).await;
    let mallory = Signer::from_seed(ORIGIN, &[99; 32]).unwrap();
    renew(&of(forged.path(), 0), &mallory).unwrap();
    let with = LogConfig { signer: mallory.clone(), ..of(forged.path(), 0) };
    let opened = open(with);
    opened.log.append(b"another history".to_vec()).await.unwrap();
    drop(opened.reserve);
    opened.log.close().await.unwrap();
    assert!(trusting(forged.path(), Some(key(0).vkey())).ok, "the first key vouches for it");
    for number in [1, 2] {
        assert!(!trusting(forged.path(), Some(key(number).vkey())).ok);
    }
    let note = Note::parse(&kept).unwrap();
    assert_eq!(keys_of(forged.path()).unwrap().head_of(&note), Err(NoteError::Unsigned), "nor for what was kept");
}

#[tokio::test]
async fn keys_renewed_over_other_entries_are_seen() {
    let folder = super::folder();
    grow(folder.path(), 0, 300).await;
    renewed(folder.path(), 0);
    grow(folder.path(), 1, 400).await;
    for (size, root) in [(300, [7; 32]), (299, root_at(folder.path(), 300).unwrap().unwrap()), (4000, [7; 32])] {
        let false_one = Renewal::signed(&key(0), Checkpoint { origin: ORIGIN.into(), size, root }, key(1).vkey());
        fs::write(folder.path().join(KEYS), &false_one.block).unwrap();
        let bad = trusting(folder.path(), Some(key(0).vkey())).bad.unwrap();
        assert_eq!((bad.file.as_str(), bad.index), (KEYS, Some(size)), "{bad}");
    }
}

#[test]
fn keys_lead_on_only_from_the_present_one() {
    let head = |size| Checkpoint { origin: ORIGIN.into(), size, root: [1; 32] };
    let to = |number: u8, size| Renewal::signed(&key(number), head(size), key(number + 1).vkey());
    let at = |number: u8, renewals| Keys::of(key(number).vkey().clone(), renewals).unwrap();
    let (zero, one) = (at(0, vec![]), at(1, vec![to(0, 10)]));
    assert_eq!(zero.led_on(vec![to(0, 10), to(1, 20)]), Some(at(2, vec![to(0, 10), to(1, 20)])));
    assert_eq!(one.led_on(vec![to(0, 10), to(1, 20)]), Some(at(2, vec![to(0, 10), to(1, 20)])));
    // One who began later knows the later ones only.
    assert_eq!(at(1, vec![]).led_on(vec![to(0, 10), to(1, 20)]), Some(at(2, vec![to(1, 20)])));
    assert_eq!(one.led_on(vec![to(0, 10)]), None);
    assert_eq!(one.led_on(vec![to(1, 9)]), None, "over fewer entries than the one before");
    assert_eq!(one.led_on(vec![]), None);
}
