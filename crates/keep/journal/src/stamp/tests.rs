//! Stamps made by a real authority, good and spoilt.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Asked, Authority, KeptStamps, StampError, StampFiles, judge, missing,
    testing::{ENDED, ISSUES, STAMPS, Tsa},
};
use crate::witness::day_of;
use std::{fs, path::Path};
use types::Time;

const NOTE: &[u8] = b"node1\n7\nroot\n\n\xe2\x80\x94 node1 signature\n";

fn now() -> Time {
    Time::from_micros(jiff::Timestamp::now().as_microsecond())
}

fn asked(note: &[u8]) -> Asked {
    Asked::new(note, None, vault::random().unwrap()).unwrap()
}

fn trusted(tsa: &Tsa) -> Authority {
    Authority::from_pem(&tsa.ca_pem()).unwrap()
}

#[test]
fn what_an_authority_stamped_is_accepted_whatever_its_key() {
    for key in ["ec", "p384", "rsa"] {
        let tsa = Tsa::new(key);
        let asked = asked(NOTE);
        let response = tsa.reply(&asked.body);
        let stamped = trusted(&tsa).accept(&asked, &response, now()).unwrap();
        assert!(stamped.seconds.abs_diff(now().micros() as u64 / 1_000_000) < 60, "{key}");
        assert_eq!(trusted(&tsa).check(NOTE, &response), Ok(stamped));
    }
}

#[test]
fn an_authority_between_vouches_and_a_policy_holds() {
    let tsa = Tsa::new("ec");
    tsa.issue_always("between", "ca", ISSUES);
    tsa.issue_always("below", "between", STAMPS);
    let question = asked(NOTE);
    let response = tsa.reply_of("below", "between", &question.body);
    trusted(&tsa).accept(&question, &response, now()).unwrap();
    let policy = "1.2.3.4.5".parse().unwrap();
    let question = Asked::new(NOTE, Some(&policy), [7; 16]).unwrap();
    let response = tsa.reply(&question.body);
    let with = trusted(&tsa).with_policy(Some(policy));
    with.accept(&question, &response, now()).unwrap();
    let other = trusted(&tsa).with_policy(Some("1.2.3.4.1".parse().unwrap()));
    assert_eq!(other.check(NOTE, &response), Err(StampError::Policy("1.2.3.4.5".to_owned())));
    assert!("1.2.x".parse::<super::Policy>().is_err());
}

#[test]
fn another_nonce_imprint_moment_or_authority_is_refused() {
    let tsa = Tsa::new("ec");
    let question = asked(NOTE);
    let response = tsa.reply(&question.body);
    let trusted = trusted(&tsa);
    assert_eq!(trusted.accept(&asked(NOTE), &response, now()), Err(StampError::Nonce));
    // The nonce right, the rest for another checkpoint.
    let other = Asked::new(b"another", None, question.nonce).unwrap();
    assert_eq!(trusted.accept(&other, &response, now()), Err(StampError::Imprint));
    assert_eq!(trusted.check(b"another", &response), Err(StampError::Imprint));
    for minutes in [-6, 6] {
        let at = Time::from_micros(now().micros() + minutes * 60_000_000);
        assert!(matches!(trusted.accept(&question, &response, at), Err(StampError::Clock(_))));
    }
    let chain = |found| matches!(found, Err(StampError::Chain(_)));
    let stranger = Authority::from_pem(&Tsa::new("ec").ca_pem()).unwrap();
    assert!(chain(stranger.accept(&question, &response, now())));
    assert!(matches!(Authority::from_pem(b"nothing"), Err(StampError::Trust(_))));
    // What an authority refuses, it says.
    let refused = tsa.reply(&Asked::new(NOTE, Some(&"1.2.9".parse().unwrap()), [1; 16]).unwrap().body);
    let told = trusted.accept(&question, &refused, now());
    assert!(matches!(told, Err(StampError::Refused { status: 2, .. })), "{told:?}");
}

#[test]
fn who_may_not_stamp_is_refused_though_the_authority_vouches_for_him() {
    let tsa = Tsa::new("ec");
    let question = asked(NOTE);
    let honest = tsa.reply(&question.body);
    let trusted = trusted(&tsa);
    let judged = |signer: &str, more: &[&str]| trusted.accept(&question, &tsa.signed_by(signer, &honest, more), now());
    // Signed again in the same way by who may: the ways of this test make good answers.
    judged("tsa", &["-cades", "-md", "sha256"]).unwrap();
    judged("tsa", &["-cades", "-md", "sha512"]).unwrap();
    judged("tsa", &["-cades", "-md", "sha256", "-keyid"]).unwrap();
    for (name, extensions) in [
        ("plain", "keyUsage=critical,digitalSignature"),
        ("lax", "extendedKeyUsage=timeStamping"),
        ("server", "extendedKeyUsage=critical,serverAuth"),
        ("both", "extendedKeyUsage=critical,timeStamping,serverAuth"),
        ("enciphers", "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,keyEncipherment"),
    ] {
        tsa.issue_always(name, "ca", extensions);
        let told = judged(name, &["-cades", "-md", "sha256"]);
        assert!(matches!(told, Err(StampError::Usage(_) | StampError::Chain(_))), "{name}: {told:?}");
    }
    // An authority that may vouch for servers only.
    tsa.issue_always("narrow", "ca", &format!("{ISSUES}\nextendedKeyUsage=serverAuth"));
    tsa.issue_always("under", "narrow", STAMPS);
    let narrow = judged("under", &["-cades", "-md", "sha256", "-certfile", "narrow.pem"]);
    assert!(matches!(narrow, Err(StampError::Chain(_))), "{narrow:?}");
    tsa.issue("ended", "ca", "ec", STAMPS, ENDED);
    let ended = judged("ended", &["-cades", "-md", "sha256"]);
    assert!(matches!(&ended, Err(StampError::Chain(why)) if why.contains("xpired")), "{ended:?}");
    // Without the signed hash of its certificate, with SHA-1, with a short key.
    assert!(judged("tsa", &["-md", "sha256"]).is_err());
    assert!(judged("tsa", &["-cades", "-md", "sha1"]).is_err());
    tsa.issue("short", "ca", "short", STAMPS, ("20200101000000Z", "20490101000000Z"));
    assert!(judged("short", &["-cades", "-md", "sha256"]).is_err());
}

#[test]
fn no_byte_of_a_token_can_change_what_it_says() {
    let tsa = Tsa::new("ec");
    let question = asked(NOTE);
    let response = tsa.reply(&question.body);
    let trusted = trusted(&tsa);
    let good = trusted.check(NOTE, &response).unwrap();
    for at in 0..response.len() {
        for flip in [0x01, 0x80] {
            let mut bytes = response.clone();
            bytes[at] ^= flip;
            // Some bytes say nothing that counts; none makes it say another moment.
            let judged = trusted.check(NOTE, &bytes);
            assert!(judged.is_err() || judged == Ok(good), "byte {at}: {judged:?}");
        }
        assert!(trusted.check(NOTE, &response[..at]).is_err(), "cut at {at}");
    }
    let mut longer = response.clone();
    longer.push(0);
    assert!(trusted.check(NOTE, &longer).is_err());
    let huge = trusted.check(NOTE, &vec![0x30; 70_000]);
    assert!(matches!(huge, Err(StampError::Malformed(why)) if why.contains("longer")));
    // Nested as deep as there is room.
    assert!(trusted.check(NOTE, &[0x30, 0x80].repeat(30_000)).is_err());
}

#[test]
fn garbage_is_refused_and_never_panics() {
    let tsa = Tsa::new("ec");
    let response = tsa.reply(&asked(NOTE).body);
    let trusted = trusted(&tsa);
    let good = trusted.check(NOTE, &response).unwrap();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..5_000 {
        let mut bytes = response.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(0..bytes.len());
            let end = (at + random.usize(0..40)).min(bytes.len());
            match random.u8(0..4) {
                0 => bytes[at] = random.u8(..),
                1 => drop(bytes.drain(at..end)),
                2 => bytes.extend_from_within(at..end),
                _ => bytes[at..end].fill(random.u8(..)),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let judged = trusted.check(NOTE, &bytes);
        assert!(judged.is_err() || judged == Ok(good), "{judged:?}");
        let _ = judge(&KeptStamps::read("x", [("2026-01-01.tsr".to_owned(), bytes)]), None);
    }
}

fn files(folder: &Path) -> KeptStamps {
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|item| item.unwrap())
        .map(|item| (item.file_name().into_string().unwrap(), fs::read(item.path()).unwrap()))
        .collect();
    found.sort();
    KeptStamps::read("stamped/node1", found)
}

#[test]
fn kept_stamps_stand_under_their_day_and_beside_what_they_stamp() {
    let tsa = Tsa::new("ec");
    let at = tempfile::tempdir().unwrap();
    let kept = StampFiles::new(&at.path().join("stamped"), "node1");
    let question = asked(NOTE);
    let response = tsa.reply(&question.body);
    let authority = trusted(&tsa);
    let stamped = authority.accept(&question, &response, now()).unwrap();
    let moment = Time::from_micros(stamped.seconds as i64 * 1_000_000);
    assert!(!kept.has(moment));
    assert!(kept.keep(&stamped, NOTE, &response).unwrap());
    assert!(kept.has(moment));
    assert!(!kept.keep(&stamped, b"another", &response).unwrap(), "the first of a day stays");
    let folder = at.path().join("stamped/node1");
    let (note, tsr) =
        (folder.join(format!("{}.checkpoint", day_of(moment))), folder.join(format!("{}.tsr", day_of(moment))));
    let elsewhere = tsa.verify(&note, &tsr);
    assert!(elsewhere.status.success(), "{}", String::from_utf8_lossy(&elsewhere.stderr));

    let told = |authority: Option<&Authority>| {
        let judged = judge(&files(&folder), authority);
        assert_eq!(judged.len(), 1, "{judged:?}");
        judged[0].clone()
    };
    let good = told(Some(&authority));
    assert_eq!((good.vouched, good.seconds, good.what), (true, Some(stamped.seconds), None));
    let unread = told(None);
    assert_eq!((unread.vouched, unread.what), (false, None), "nobody is trusted");
    assert_eq!(missing(&[moment], &files(&folder)), Vec::<String>::new());
    let before = Time::from_micros(moment.micros() - 86_400_000_000);
    assert_eq!(missing(&[before, moment], &files(&folder)).len(), 1);

    // Another day's stamp in the place of this one's.
    let other = folder.join("2020-02-02.tsr");
    fs::rename(&tsr, &other).unwrap();
    fs::rename(&note, folder.join("2020-02-02.checkpoint")).unwrap();
    assert!(told(Some(&authority)).what.unwrap().contains("another day's stamp stands here"));
    assert!(told(None).what.unwrap().contains("another day's stamp stands here"));
    fs::remove_file(folder.join("2020-02-02.checkpoint")).unwrap();
    assert!(told(None).what.unwrap().contains("is missing"));
    fs::write(folder.join("2020-02-02.checkpoint"), b"altered").unwrap();
    assert!(told(None).what.unwrap().contains("something else"));
    fs::remove_file(&other).unwrap();
    fs::write(folder.join("readme"), b"?").unwrap();
    assert_eq!(told(None).what.unwrap(), "is no part of the stamps");
    // A checkpoint alone is what a crash leaves: no stamp, and nothing false.
    fs::remove_file(folder.join("readme")).unwrap();
    assert!(judge(&files(&folder), Some(&authority)).is_empty());
    assert_eq!(missing(&[moment], &files(&folder)).len(), 1);
}
