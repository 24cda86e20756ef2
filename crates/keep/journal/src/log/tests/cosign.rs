#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::super::{Checkpoint, Signer, VKey};
use super::*;
use proptest::prelude::*;

fn witness() -> WitnessSigner {
    WitnessSigner::from_seed("witness.test/w1", &[3; 32]).unwrap()
}

fn log() -> Signer {
    Signer::from_seed("example.test/log", &[7; 32]).unwrap()
}

fn at(seconds: i64) -> Time {
    Time::from_micros(seconds * 1_000_000)
}

#[test]
fn the_example_of_the_specification_is_laid_out_as_ours() {
    // C2SP tlog-cosignature's own example, whose key is not published: the layout and the time are checked.
    let line = "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
    let theirs = Note::signature(line).unwrap();
    let ours = witness().cosign(
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        at(1_679_315_147),
    );
    let ours = Note::signature(ours.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!((theirs.signature.len(), ours.signature.len()), (72, 72));
    assert_eq!(theirs.signature[..8], ours.signature[..8]);
    assert_eq!(message(1_679_315_147, "a\n1\nb\n"), "cosignature/v1\ntime 1679315147\na\n1\nb\n");
}

#[test]
fn a_cosigned_checkpoint_bears_both_signatures() {
    let (log, witness) = (log(), witness());
    let checkpoint = Checkpoint { origin: "example.test/log".into(), size: 9, root: [1; 32] };
    let signed = checkpoint.sign(&log);
    let note = Note::parse(format!("{signed}{}", witness.cosign(&checkpoint.text(), at(1_000))).as_bytes()).unwrap();
    assert_eq!(witness.key().verify(&note), Ok(1_000));
    assert_eq!(Checkpoint::of_note(&note, log.vkey()), Ok(checkpoint.clone()));
    // The log's own file bears its own signature only.
    let bytes = format!("{signed}{}", witness.cosign(&checkpoint.text(), at(1_000)));
    assert_eq!(Checkpoint::open(bytes.as_bytes(), log.vkey()), Err(NoteError::Checkpoint));
    // Of two cosignatures both must be true, and the later one counts.
    let text = checkpoint.text();
    let twice = format!("{signed}{}{}", witness.cosign(&text, at(5_000)), witness.cosign(&text, at(2_000)));
    assert_eq!(witness.key().verify(&Note::parse(twice.as_bytes()).unwrap()), Ok(5_000));
    let other = format!("{signed}{}{}", witness.cosign(&text, at(5_000)), witness.cosign("other\n", at(2_000)));
    assert_eq!(witness.key().verify(&Note::parse(other.as_bytes()).unwrap()), Err(NoteError::BadSignature));
    // Nobody signed, or somebody else did.
    assert_eq!(witness.key().verify(&Note::parse(signed.as_bytes()).unwrap()), Err(NoteError::Unsigned));
    let stranger = WitnessSigner::from_seed("witness.test/w2", &[3; 32]).unwrap();
    assert_eq!(stranger.key().verify(&note), Err(NoteError::Unsigned));
}

#[test]
fn a_logs_key_is_no_witness_and_a_witness_no_log() {
    // One seed and one name, and still nothing that one signs holds for the other.
    let log = Signer::from_seed("one.test", &[3; 32]).unwrap();
    let witness = WitnessSigner::from_seed("one.test", &[3; 32]).unwrap();
    assert!(log.vkey().to_string().parse::<WitnessKey>().is_err());
    assert!(witness.key().to_string().parse::<VKey>().is_err());
    let note = Note::parse(log.sign_note("text\n").as_bytes()).unwrap();
    assert_eq!(witness.key().verify(&note), Err(NoteError::Unsigned));
    let note = Note::parse(format!("text\n\n{}", witness.cosign("text\n", at(1))).as_bytes()).unwrap();
    assert_eq!(note.verify(log.vkey()), Err(NoteError::Unsigned));
    assert!(WitnessSigner::from_seed("a b", &[1; 32]).is_err());
}

#[test]
fn a_private_key_is_read_back_and_nothing_else() {
    let secret = WitnessSigner::secret("witness.test/w1", &[3; 32]).unwrap();
    let read = WitnessSigner::from_secret(&secret).unwrap();
    assert_eq!(read.key(), witness().key());
    let text = secret.expose().clone();
    for i in 0..text.len() {
        let mut bad = text.clone().into_bytes();
        bad[i] ^= 1;
        let bad = String::from_utf8(bad).unwrap();
        assert!(WitnessSigner::from_secret(&Secret::new(bad)).is_err(), "byte {i}");
        assert!(WitnessSigner::from_secret(&Secret::new(text[..i].to_owned())).is_err(), "cut at {i}");
    }
}

#[test]
fn every_changed_byte_of_a_cosigned_note_or_key_is_seen() {
    let (log, witness) = (log(), witness());
    let checkpoint = Checkpoint { origin: "example.test/log".into(), size: 20_852_163, root: [9; 32] };
    let line = witness.cosign(&checkpoint.text(), at(1_679_315_147));
    let note = format!("{}{line}", checkpoint.sign(&log)).into_bytes();
    let key = witness.key().to_string().into_bytes();
    let read = |bytes: &[u8]| {
        let note = Note::parse(bytes)?;
        Ok::<_, NoteError>((Checkpoint::of_note(&note, log.vkey())?, witness.key().verify(&note)?))
    };
    assert_eq!(read(&note), Ok((checkpoint, 1_679_315_147)));
    for mask in 1..=255_u8 {
        for i in 0..note.len() {
            let mut bad = note.clone();
            bad[i] ^= mask;
            assert!(read(&bad).is_err(), "byte {i} ^ {mask}");
        }
        for i in 0..key.len() {
            let mut bad = key.clone();
            bad[i] ^= mask;
            let parsed = std::str::from_utf8(&bad).ok().and_then(|text| text.parse::<WitnessKey>().ok());
            assert_eq!(parsed, None, "byte {i} ^ {mask}");
        }
    }
    for cut in 0..note.len() {
        assert!(read(&note[..cut]).is_err());
    }
}

#[test]
fn a_time_past_the_specifications_is_refused() {
    let witness = witness();
    for (seconds, good) in [(SECONDS_MAX, true), (SECONDS_MAX + 1, false), (u64::MAX, false)] {
        let signature = witness.pair.sign(message(seconds, "text\n").as_bytes());
        let signature = [seconds.to_be_bytes().as_slice(), signature.as_ref()].concat();
        assert_eq!(witness.key().time_of("text\n", &signature).is_ok(), good);
        assert!(witness.key().time_of("text\n", &signature[..71]).is_err());
    }
    assert!(witness.key().time_of("text\n", &[0; 7]).is_err());
}

proptest! {
    #[test]
    fn what_is_cosigned_is_read_back(seconds in 0_i64..4_000_000_000, seed: [u8; 32], size: u64) {
        let witness = WitnessSigner::from_seed("w.test/é", &seed).unwrap();
        prop_assert_eq!(&witness.key().to_string().parse::<WitnessKey>().unwrap(), witness.key());
        let checkpoint = Checkpoint { origin: "example.test/log".into(), size, root: seed };
        let note = format!("{}{}", checkpoint.sign(&log()), witness.cosign(&checkpoint.text(), at(seconds)));
        prop_assert_eq!(witness.key().verify(&Note::parse(note.as_bytes()).unwrap()), Ok(seconds.unsigned_abs()));
    }

    #[test]
    fn garbage_never_panics(text: String, bytes: Vec<u8>) {
        let _ = text.parse::<WitnessKey>();
        let _ = witness().key().time_of(&text, &bytes);
    }
}
