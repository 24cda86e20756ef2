//! A journal is followed through growth, stops and lies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::*;
use crate::{
    Against, Verifying,
    entry::Body,
    index::{
        Query,
        testing::{Told, World, write},
    },
    log::{Log, Signer},
    verify_with,
};
use proptest::prelude::*;
use types::{Event, TraceId};

const START: i64 = 1_795_262_400_000_000;
const ROOM: u64 = 1 << 30;

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn told(number: u32, detail: &str) -> Told {
    Told {
        kind: crate::Kind::Note,
        event: Event::SignIn,
        trace: TraceId::from_bytes(u128::from(number).to_be_bytes()),
        outcome: None,
        time: Time::from_micros(START + i64::from(number) * 1_000),
        body: Body { author: format!("account:{}", number % 7), detail: Some(detail.into()), ..Body::default() },
    }
}

async fn grow(world: &World, log: &Log, numbers: std::ops::Range<u32>, detail: &str) {
    let all: Vec<Told> = numbers.map(|number| told(number, detail)).collect();
    write(world, log, &all).await;
    // Until all of it is under a checkpoint.
    while crate::log::published(&world.journals().join("dmz")).unwrap() < log.entries() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

fn vkey() -> VKey {
    Signer::from_seed("dmz", &[9; 32]).unwrap().vkey().clone()
}

fn opened(world: &World) -> Follower {
    Follower::open(&followed(world), &vkey(), &world.months, ROOM).unwrap()
}

fn followed(world: &World) -> PathBuf {
    world.folder.path().join("followed")
}

/// What the other node answers.
fn honest(world: &World) -> impl Fn(&str) -> Option<Vec<u8>> + use<> {
    let (journals, vault) = (world.journals(), world.folder.path().join("months"));
    move |path| match path.strip_prefix("pair/") {
        Some(name) => vault::pair_file(&vault, name),
        None => published(&journals, "dmz", path),
    }
}

fn look(follower: &mut Follower, answer: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<bool, FollowError> {
    let shown = answer("checkpoint").unwrap();
    if follower.wants_keys(&shown) {
        follower.take_keys(&answer("keys").unwrap_or_default());
    }
    let more = follower.shown(&shown)?;
    while let Some(tile) = follower.wanted()? {
        follower.take(&answer(&tile.path()).unwrap())?;
    }
    for name in follower.missing_pairs() {
        follower.take_pair(&name, answer(&format!("pair/{name}")).as_deref());
    }
    follower.adopt()?;
    Ok(more)
}

/// The copy, as `poterne journal verify --followed` reads it: its number of entries.
fn verified(world: &World) -> u64 {
    let folder = journals(&followed(world)).join("dmz");
    let key = vkey();
    let how = Verifying { pinned: Some(&key), published_only: true, ..Verifying::default() };
    let report = verify_with(&folder, &how, &Against::default());
    assert!(report.ok(), "{report}");
    report.verdict.entries
}

#[test]
fn what_is_published_is_copied_verified_and_found() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        std::fs::rename(world.journals(), world.folder.path().join("journal-dmz")).unwrap();
        std::os::unix::fs::symlink(world.folder.path().join("journal-dmz"), world.journals()).unwrap();
        let (mut follower, answer) = (opened(&world), honest(&world));
        assert!(look(&mut follower, &answer).unwrap(), "an empty journal has a checkpoint too");
        let mut before = 0;
        for upto in [1, 2, 255, 300, 600, 1400] {
            grow(&world, &log, before..upto, "jardin").await;
            assert!(look(&mut follower, &answer).unwrap());
            assert!(!look(&mut follower, &answer).unwrap(), "nothing more to ask for");
            assert_eq!((verified(&world), follower.size()), (log.entries(), log.entries()));
            before = upto;
        }
        drop(follower);
        let mut follower = opened(&world);
        assert_eq!((follower.size(), follower.newest()), (log.entries(), Some(told(1399, "").time)));
        grow(&world, &log, 1400..1500, "jardin").await;
        look(&mut follower, &answer).unwrap();
        assert_eq!(verified(&world), log.entries());
        // The inner node's own journals are elsewhere; its index finds what was copied, with the copies of the pairs.
        let own = world.folder.path().join("own");
        std::fs::create_dir(&own).unwrap();
        let months = std::sync::Arc::new(world.months.copied_in(&world.folder.path().join("none")));
        let index = world.folder.path().join("index-here");
        let mut index =
            crate::index::Index::new(&index, &own, months, &world.master).unwrap().following(&followed(&world));
        while !(index.catch_up(1_000_000).unwrap() && index.has_followed()) {}
        let found = index.search(&Query { words: vec!["jardin".into()], ..Query::default() }, None, 2_000).unwrap();
        assert_eq!((found.hits.len(), found.unreadable), (1500, 0));
        assert!(found.hits.iter().all(|hit| hit.origin == "dmz"));
        assert_eq!(index.extents()["dmz"], log.entries());
        log.close().await.unwrap();
    });
}

#[test]
fn a_stop_at_any_moment_leaves_a_copy_that_verifies_and_goes_on() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..300, "x").await;
        look(&mut opened(&world), &honest(&world)).unwrap();
        let kept = verified(&world);
        grow(&world, &log, 300..1500, "x").await;
        let answer = honest(&world);
        for taken in 0..4 {
            let mut follower = opened(&world);
            assert!(follower.shown(&answer("checkpoint").unwrap()).unwrap());
            for _ in 0..taken {
                let Some(tile) = follower.wanted().unwrap() else { break };
                follower.take(&answer(&tile.path()).unwrap()).unwrap();
            }
            drop(follower);
            assert_eq!(verified(&world), kept);
        }
        // What had come before the stop is not asked for again; altered meanwhile, it is.
        let asked = |follower: &mut Follower| {
            let count = std::cell::Cell::new(0);
            let counted = |path: &str| {
                count.set(count.get() + u32::from(path.contains("entries")));
                answer(path)
            };
            (look(follower, &counted), count.get())
        };
        let came = followed(&world).join("incoming/dmz/tile/entries/002");
        let mut bytes = std::fs::read(&came).unwrap();
        bytes[100] ^= 1;
        std::fs::write(&came, bytes).unwrap();
        let mut follower = opened(&world);
        let first = asked(&mut follower);
        if first.0 == Err(FollowError::Again) {
            look(&mut follower, &answer).unwrap();
        }
        assert_eq!(verified(&world), log.entries());
        // A stop between the tiles and the checkpoint: the tiles go, and come again.
        let folder = journals(&followed(&world)).join("dmz");
        drop(follower);
        grow(&world, &log, 1500..1600, "x").await;
        std::fs::write(folder.join("tile/entries/099"), b"moved, and no checkpoint").unwrap();
        std::fs::write(folder.join("checkpoint.tmp"), b"half").unwrap();
        let mut follower = opened(&world);
        assert_eq!(verified(&world), follower.size());
        look(&mut follower, &answer).unwrap();
        assert_eq!(verified(&world), log.entries());
        log.close().await.unwrap();
    });
}

/// Whatever the other node answers, what was kept stays, verifies, and goes on once it is honest again.
#[test]
fn no_lie_is_kept() {
    let (world, other) = (World::new(), World::new());
    run(async {
        let (log, forked) = (world.log("dmz"), other.log("dmz"));
        grow(&world, &log, 0..300, "vrai").await;
        let old = honest(&world)("checkpoint").unwrap();
        grow(&world, &log, 300..600, "vrai").await;
        let mut follower = opened(&world);
        look(&mut follower, &honest(&world)).unwrap();
        let kept = verified(&world);
        grow(&world, &log, 600..900, "vrai").await;
        grow(&other, &forked, 0..1200, "faux").await;
        let (truth, lie) = (honest(&world), honest(&other));
        let checkpoint = truth("checkpoint").unwrap();
        let stranger = Signer::from_seed("dmz", &[8; 32]).unwrap();
        let head = Checkpoint::open(&checkpoint, &vkey()).unwrap();
        let same = Signer::from_seed("dmz", &[9; 32]).unwrap();
        let signed = |size: u64, root: [u8; 32], signer: &Signer| {
            Checkpoint { origin: "dmz".into(), size, root }.sign(signer).into_bytes()
        };
        let bundle = |change: &dyn Fn(&mut Vec<u8>)| {
            let truth = honest(&world);
            let changed = truth("tile/entries/002").map(|mut bytes| {
                change(&mut bytes);
                bytes
            });
            move |path: &str| if path == "tile/entries/002" { changed.clone() } else { truth(path) }
        };
        let with = |checkpoint: Vec<u8>| {
            let truth = honest(&world);
            move |path: &str| if path == "checkpoint" { Some(checkpoint.clone()) } else { truth(path) }
        };
        type Lie = Box<dyn Fn(&str) -> Option<Vec<u8>>>;
        let lies: Vec<(&str, Lie)> = vec![
            ("not signed by the pinned key", Box::new(with(signed(head.size, head.root, &stranger)))),
            ("not signed by the pinned key", Box::new(with(b"nothing".to_vec()))),
            ("an older copy", Box::new(with(old))),
            ("written anew", Box::new(with(signed(kept, [7; 32], &same)))),
            ("written anew", Box::new(with(signed(head.size, [7; 32], &same)))),
            ("first entries are not those", Box::new(lie)),
            ("written anew", Box::new(bundle(&|bytes| *bytes.last_mut().unwrap() ^= 1))),
            ("not a bundle", Box::new(bundle(&|bytes| bytes.truncate(bytes.len() - 1)))),
            ("not a bundle", Box::new(bundle(&|bytes| bytes.extend(b"\0\x01x")))),
            ("longer than any", Box::new(bundle(&|bytes| bytes.resize(20_000_000, 0)))),
            ("first entries are not those", Box::new(bundle(&|bytes| bytes[10] ^= 1))),
        ];
        for (said, lie) in &lies {
            let error = look(&mut follower, lie.as_ref()).unwrap_err();
            assert!(error.to_string().contains(said) && error.is_alarm(), "{said}: {error}");
            assert_eq!((verified(&world), follower.size()), (kept, kept));
        }
        // What it signed and is not so is kept: it convicts whoever signed it.
        let shown = std::fs::read(followed(&world).join("shown/dmz")).unwrap();
        assert!(Checkpoint::open(&shown, &vkey()).is_ok());
        // A size that no disk could hold is not even begun.
        let huge = signed(u64::MAX / 2, [7; 32], &same);
        assert_eq!(follower.shown(&huge), Err(FollowError::Full(ROOM)));
        look(&mut follower, &truth).unwrap();
        assert_eq!(verified(&world), log.entries());
        log.close().await.unwrap();
        forked.close().await.unwrap();
    });
}

/// What was signed and contradicts the copy is an alarm until somebody looked at it; what anybody could show again, or spoil on
/// its way, is one until the truth is shown.
#[test]
fn a_contradiction_stays_until_it_is_settled() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..300, "x").await;
        let old = honest(&world)("checkpoint").unwrap();
        grow(&world, &log, 300..600, "x").await;
        let mut follower = opened(&world);
        let truth = honest(&world);
        look(&mut follower, &truth).unwrap();
        let kept = follower.size();
        assert!(matches!(follower.shown(&old), Err(FollowError::RolledBack { .. })) && follower.is_contradicted());
        look(&mut follower, &truth).unwrap();
        assert!(!follower.is_contradicted(), "an older one of its own");

        grow(&world, &log, 600..900, "x").await;
        let spoilt = |path: &str| {
            let last = if path == "tile/entries/002" { 1 } else { 0 };
            truth(path).map(|mut bytes| {
                *bytes.last_mut().unwrap() ^= last;
                bytes
            })
        };
        assert!(matches!(look(&mut follower, &spoilt), Err(FollowError::Forked { .. })) && follower.is_contradicted());
        look(&mut follower, &truth).unwrap();
        assert!(!follower.is_contradicted() && follower.size() > kept, "spoilt on its way");

        let signer = Signer::from_seed("dmz", &[9; 32]).unwrap();
        for size in [kept - 5, kept, follower.size()] {
            let forked = Checkpoint { origin: "dmz".into(), size, root: [7; 32] }.sign(&signer).into_bytes();
            // The older one that is shown before takes no place from it.
            assert!(matches!(follower.shown(&old), Err(FollowError::RolledBack { .. })));
            assert!(matches!(follower.shown(&forked), Err(FollowError::Forked { .. })), "{size}");
            look(&mut follower, &truth).unwrap();
            assert!(follower.is_contradicted(), "{size}");
            drop(follower);
            follower = opened(&world);
            assert!(follower.is_contradicted(), "after a restart");
            let proof = followed(&world).join("shown/dmz");
            assert_eq!(std::fs::read(&proof).unwrap(), forked);
            std::fs::remove_file(proof).unwrap();
            look(&mut follower, &truth).unwrap();
            assert!(!follower.is_contradicted(), "moved away");
        }
        log.close().await.unwrap();
    });
}

#[test]
fn a_copy_grows_no_further_than_it_may_and_says_nothing_that_is_not_understood() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..600, "x").await;
        let mut follower = Follower::open(&followed(&world), &vkey(), &world.months, 60_000).unwrap();
        assert_eq!(look(&mut follower, &honest(&world)), Err(FollowError::Full(60_000)));
        assert_eq!(follower.size(), 0);
        drop(follower);
        // Signed, and of no form that a node writes.
        log.append_all(vec![b"nothing that is an entry".to_vec()]).await.unwrap();
        grow(&world, &log, 600..601, "x").await;
        let mut follower = opened(&world);
        let error = look(&mut follower, &honest(&world)).unwrap_err();
        assert!(matches!(error, FollowError::Unreadable(_)), "{error}");
        assert_eq!(follower.size(), 0);
        log.close().await.unwrap();
    });
}

#[test]
fn a_journal_has_a_folder_of_its_own_and_of_one_key() {
    let world = World::new();
    for name in ["..", ".", "a/b", "A", "a\\b", ""] {
        assert!(!is_folder_name(name), "{name}");
        assert!(published(&world.journals(), name, "checkpoint").is_none());
    }
    drop(opened(&world));
    let other = Signer::from_seed("dmz", &[8; 32]).unwrap();
    // It may be a key that this one gave way to: only what is shown tells.
    let mut strange = Follower::open(&followed(&world), other.vkey(), &world.months, ROOM).unwrap();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..3, "x").await;
        let shown = honest(&world)("checkpoint").unwrap();
        let refused = strange.shown(&shown).unwrap_err();
        assert!(refused.to_string().contains("another key than the pinned one"), "{refused}");
        let head = log.checkpoint().borrow().clone();
        let refused = strange.shown(head.sign(&other).as_bytes()).unwrap_err();
        assert!(matches!(refused, FollowError::Forged(_)), "{refused}");
        assert_eq!((strange.size(), strange.wanted().unwrap()), (0, None));
        log.close().await.unwrap();
    });
    let up = Signer::from_seed("..", &[8; 32]).unwrap();
    assert!(Follower::open(&followed(&world), up.vkey(), &world.months, ROOM).is_err());
}

#[test]
fn only_the_checkpoint_and_tiles_of_a_journal_are_served_and_as_narrow_as_asked() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..600, "x").await;
        let answer = honest(&world);
        assert_eq!(log.entries(), 601);
        let (wide, narrow) = (answer("tile/entries/002.p/89").unwrap(), answer("tile/entries/002.p/4").unwrap());
        assert!(wide.starts_with(&narrow) && Entries::new(&narrow).count() == 4);
        assert_eq!(answer("tile/0/001.p/3").unwrap().len(), 96);
        for path in [
            "vkey",
            "revocations",
            "segment-00000000000000000000",
            "",
            "tile",
            "../dmz/checkpoint",
            "tile/entries/002",
            "tile/entries/002.p/90",
            "tile/entries/003.p/1",
            "tile/9/000",
            "pair/access",
            "pair/../master",
        ] {
            assert!(answer(path).is_none(), "{path}");
        }
        log.close().await.unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_answer_is_borne(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), size in 1_u64..100_000) {
        let world = World::new();
        let mut follower = opened(&world);
        let same = Signer::from_seed("dmz", &[9; 32]).unwrap();
        let signed = Checkpoint { origin: "dmz".into(), size, root: [3; 32] }.sign(&same);
        prop_assert!(follower.shown(&bytes).is_err());
        prop_assert_eq!(follower.shown(signed.as_bytes()), Ok(true));
        prop_assert!(follower.take(&bytes).is_err());
        follower.take_pair("access-2026-11", Some(&bytes));
        prop_assert!(follower.adopt().is_err());
        prop_assert_eq!(follower.size(), 0);
    }
}

#[test]
fn what_comes_entry_by_entry_is_counted_as_what_comes_at_once() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        let (mut follower, answer) = (opened(&world), honest(&world));
        for number in 0..50 {
            grow(&world, &log, number..number + 1, "jardin").await;
            look(&mut follower, &answer).unwrap();
        }
        let counted = follower.bytes;
        drop(follower);
        assert_eq!(counted, opened(&world).bytes);
        log.close().await.unwrap();
    });
}

/// The other node's log with the key of that number.
fn log_of(world: &World, number: u8) -> Log {
    let signer = Signer::from_seed("dmz", &[9 + number; 32]).unwrap();
    let config = crate::log::LogConfig::new(world.journals().join("dmz"), signer);
    Log::open(config, Time::from_micros(0)).unwrap().log
}

/// Its key gives way to the next one.
fn renew(world: &World, number: u8) {
    let signer = |number: u8| Signer::from_seed("dmz", &[9 + number; 32]).unwrap();
    let config = crate::log::LogConfig::new(world.journals().join("dmz"), signer(number));
    crate::log::renew(&config, &signer(number + 1)).unwrap();
}

fn pinning(world: &World, number: u8) -> Follower {
    let key = Signer::from_seed("dmz", &[9 + number; 32]).unwrap().vkey().clone();
    Follower::open(&followed(world), &key, &world.months, ROOM).unwrap()
}

fn verified_by(world: &World, number: u8) -> u64 {
    let key = Signer::from_seed("dmz", &[9 + number; 32]).unwrap().vkey().clone();
    let how = Verifying { pinned: Some(&key), published_only: true, ..Verifying::default() };
    let report = verify_with(&journals(&followed(world)).join("dmz"), &how, &Against::default());
    assert!(report.ok(), "{report}");
    report.verdict.entries
}

#[test]
fn a_key_that_was_renewed_is_followed_whichever_is_pinned() {
    for (behind, pinned) in [(false, 0), (true, 0), (false, 2), (true, 2)] {
        let world = World::new();
        run(async {
            let log = world.log("dmz");
            grow(&world, &log, 0..300, "jardin").await;
            let (mut follower, answer) = (opened(&world), honest(&world));
            look(&mut follower, &answer).unwrap();
            log.close().await.unwrap();
            renew(&world, 0);
            let log = log_of(&world, 1);
            if !behind {
                assert!(look(&mut follower, &answer).unwrap(), "nothing but the key is new");
                assert!(!look(&mut follower, &answer).unwrap());
            }
            grow(&world, &log, 300..700, "jardin").await;
            log.close().await.unwrap();
            renew(&world, 1);
            let log = log_of(&world, 2);
            grow(&world, &log, 700..800, "jardin").await;
            // Whoever renewed the pin by hand meanwhile is led on just the same.
            drop(follower);
            let mut follower = pinning(&world, pinned);
            assert!(look(&mut follower, &answer).unwrap());
            for number in 0..3 {
                assert_eq!(verified_by(&world, number), log.entries(), "{behind} {pinned} {number}");
            }
            drop(follower);
            let mut follower = pinning(&world, pinned);
            assert!(!look(&mut follower, &answer).unwrap(), "all of it is here");
            // A stop between the keys and the key.
            let copy = journals(&followed(&world)).join("dmz");
            let before = crate::log::keys_of(&copy).unwrap().renewals()[1].before.clone();
            drop(follower);
            std::fs::write(copy.join("vkey"), format!("{before}\n")).unwrap();
            drop(pinning(&world, pinned));
            assert_eq!(verified_by(&world, 0), log.entries());
            log.close().await.unwrap();
        });
    }
}

#[test]
fn keys_that_lead_elsewhere_are_not_followed() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..300, "jardin").await;
        let (mut follower, answer) = (opened(&world), honest(&world));
        look(&mut follower, &answer).unwrap();
        log.close().await.unwrap();
        let signer = |number: u8| Signer::from_seed("dmz", &[9 + number; 32]).unwrap();
        let head = |size, root| Checkpoint { origin: "dmz".into(), size, root };
        let size = follower.size();
        let root = follower.tree.root();
        let keys = |over: Checkpoint| Renewal::signed(&signer(0), over, signer(1).vkey()).block.into_bytes();
        let mut show = |keys: &[u8], shown: Checkpoint, by: u8| {
            let shown = shown.sign(&signer(by)).into_bytes();
            assert!(follower.wants_keys(&shown));
            follower.take_keys(keys);
            follower.shown(&shown).unwrap_err()
        };
        for (over, what) in [
            (head(size, [1; 32]), "of the same size"),
            (head(size - 5, root), "smaller"),
            (head(9_999, root), "larger"),
        ] {
            let refused = show(&keys(over), head(size, root), 1);
            assert!(matches!(refused, FollowError::Tampered(_)) && refused.is_alarm(), "{what}: {refused}");
        }
        let forged = |refused: FollowError| assert!(matches!(refused, FollowError::Forged(_)), "{refused}");
        forged(show(b"", head(size, root), 1));
        forged(show(&keys(head(size, root)), head(size, root), 2));
        // A former key's signature over more than it signed while it served.
        let good = keys(head(size, root));
        let shown = head(size, root).sign(&signer(1)).into_bytes();
        follower.take_keys(&good);
        assert!(follower.shown(&shown).unwrap());
        while let Some(tile) = follower.wanted().unwrap() {
            follower.take(&answer(&tile.path()).unwrap()).unwrap();
        }
        follower.adopt().unwrap();
        let late = head(size + 1, [3; 32]).sign(&signer(0)).into_bytes();
        assert!(matches!(follower.shown(&late), Err(FollowError::Forged(_))));
        // A pinned key that none of these leads to.
        drop(follower);
        let mut follower = pinning(&world, 7);
        let refused = follower.shown(&shown).unwrap_err();
        assert!(refused.to_string().contains("another key than the pinned one"), "{refused}");
    });
}

/// Entries that come between are held against what the key was renewed over.
#[test]
fn a_key_renewed_over_entries_to_come_is_held_against_them() {
    let world = World::new();
    run(async {
        let log = world.log("dmz");
        grow(&world, &log, 0..300, "jardin").await;
        let (mut follower, answer) = (opened(&world), honest(&world));
        look(&mut follower, &answer).unwrap();
        grow(&world, &log, 300..700, "jardin").await;
        log.close().await.unwrap();
        let signer = |number: u8| Signer::from_seed("dmz", &[9 + number; 32]).unwrap();
        let root = crate::log::root_at(&world.journals().join("dmz"), 400).unwrap().unwrap();
        let all = crate::log::load_checkpoint(world.journals().join("dmz").as_path(), signer(0).vkey()).unwrap();
        let shown = all.sign(&signer(1)).into_bytes();
        for (over, good) in [([7; 32], false), (root, true)] {
            let over = Checkpoint { origin: "dmz".into(), size: 400, root: over };
            follower.take_keys(Renewal::signed(&signer(0), over, signer(1).vkey()).block.as_bytes());
            assert!(follower.shown(&shown).unwrap());
            let mut came = Ok(());
            while let (Ok(()), Some(tile)) = (&came, follower.wanted().unwrap()) {
                came = follower.take(&answer(&tile.path()).unwrap());
            }
            assert_eq!(came.is_ok(), good, "{came:?}");
        }
        follower.adopt().unwrap();
        assert_eq!(verified_by(&world, 0), all.size);
    });
}
