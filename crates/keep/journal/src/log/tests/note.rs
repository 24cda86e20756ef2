#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use proptest::prelude::*;

fn signer() -> Signer {
    Signer::from_seed("example.test/log", &[7; 32]).unwrap()
}

#[test]
fn reads_a_key_made_elsewhere() {
    // The example key of the Go package golang.org/x/mod/sumdb/note: its hash must come out the same.
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: VKey = text.parse().unwrap();
    assert_eq!((key.to_string().as_str(), key.id()), (text, [0xc7, 0x4f, 0x20, 0xa3]));
}

#[test]
fn a_note_may_carry_the_signatures_of_others() {
    let (ours, other) = (signer(), Signer::from_seed("witness.test/w", &[8; 32]).unwrap());
    let text = "example.test/log\n\nsome text\n";
    let signed = ours.sign_note(text);
    let line = other.sign_note(text).lines().last().unwrap().to_owned();
    let note = Note::parse(format!("{signed}{line}\n").as_bytes()).unwrap();
    assert_eq!((note.text.as_str(), note.signatures.len()), (text, 2));
    assert_eq!((note.verify(ours.vkey()), note.verify(other.vkey())), (Ok(()), Ok(())));
    let stranger = Signer::from_seed("stranger.test/s", &[8; 32]).unwrap();
    assert_eq!(note.verify(stranger.vkey()), Err(NoteError::Unsigned));
    let altered = Note { text: text.replace("some", "other"), ..note };
    assert_eq!(altered.verify(ours.vkey()), Err(NoteError::BadSignature));
}

#[test]
fn a_signature_has_one_spelling() {
    let checkpoint = Checkpoint { origin: "example.test/log".into(), size: 7, root: [9; 32] };
    let note = checkpoint.sign(&signer());
    let (before, blob) = note.trim_end().rsplit_once(' ').unwrap();
    let bytes = BASE64.decode(blob.as_bytes()).unwrap();
    // Two texts put together, the first with its padding: the decoder reads the same bytes.
    for at in (1..bytes.len()).filter(|at| at % 3 != 0) {
        let other = BASE64.encode(&bytes[..at]) + &BASE64.encode(&bytes[at..]);
        assert_eq!(BASE64.decode(other.as_bytes()).as_ref(), Ok(&bytes));
        let note = format!("{before} {other}\n");
        assert_eq!(Note::parse(note.as_bytes()), Err(NoteError::Note), "{note}");
        assert_eq!(Checkpoint::open(note.as_bytes(), signer().vkey()), Err(NoteError::Note));
    }
}

#[test]
fn every_changed_byte_of_a_checkpoint_or_key_is_seen() {
    let signer = signer();
    let checkpoint = Checkpoint { origin: "example.test/log".into(), size: 20_852_163, root: [9; 32] };
    let note = checkpoint.sign(&signer).into_bytes();
    assert_eq!(Checkpoint::open(&note, signer.vkey()), Ok(checkpoint));
    let key = signer.vkey().to_string().into_bytes();
    for mask in 1..=255_u8 {
        for i in 0..note.len() {
            let mut bad = note.clone();
            bad[i] ^= mask;
            assert!(Checkpoint::open(&bad, signer.vkey()).is_err(), "byte {i} ^ {mask}");
        }
        for i in 0..key.len() {
            let mut bad = key.clone();
            bad[i] ^= mask;
            let parsed = std::str::from_utf8(&bad).ok().and_then(|t| t.parse::<VKey>().ok());
            assert_eq!(parsed, None, "byte {i} ^ {mask}");
        }
    }
    for cut in 0..note.len() {
        assert!(Checkpoint::open(&note[..cut], signer.vkey()).is_err());
    }
}

#[test]
fn loose_writing_is_refused() {
    let root = BASE64.encode(&[1; 32]);
    assert!(Checkpoint::parse(&format!("a\n1\n{root}\n")).is_ok());
    for bad in [
        format!("a\n01\n{root}\n"),
        format!("a\n+1\n{root}\n"),
        format!("a\n1\n{root}"),
        format!("a\n1\n{root}\nmore\n"),
        format!("a\n1 \n{root}\n"),
        format!("a\n1\n{}\n", root.trim_end_matches('=')),
        format!("a\n18446744073709551616\n{root}\n"),
        String::new(),
    ] {
        assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", &"a".repeat(201)] {
        assert_eq!(Signer::from_seed(name, &[1; 32]).unwrap_err(), NoteError::Name, "{name:?}");
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes: Vec<u8>, text: String) {
        let _ = Note::parse(&bytes);
        let _ = Note::parse(text.as_bytes());
        let _ = Checkpoint::parse(&text);
        let _ = text.parse::<VKey>();
    }

    #[test]
    fn what_is_signed_is_read_back(size: u64, root: [u8; 32], seed: [u8; 32]) {
        let signer = Signer::from_seed("a.test/é", &seed).unwrap();
        let checkpoint = Checkpoint { origin: "a.test/é".into(), size, root };
        prop_assert_eq!(Checkpoint::open(checkpoint.sign(&signer).as_bytes(), signer.vkey()), Ok(checkpoint));
        prop_assert_eq!(signer.vkey().to_string().parse::<VKey>().unwrap(), signer.vkey().clone());
    }
}
