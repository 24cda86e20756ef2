//! The decoders of recordings, for [`crate::fuzzing`].
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{place, reserve::Header};
use std::{sync::LazyLock, time::Duration};
use vault::{
    SealTo, VaultError, hpke,
    stream::{Opener, Sealer},
};
use wire::asciicast::{Event, Term, Writer, read_event, read_header};

const RELAY: [u8; 16] = [7; 16];
const NAME: &str = "recordings-2026-09";
const CHANNEL: [u8; 4] = [0, 0, 0, 1];
/// Clear bytes that are made durable together.
const FLUSHED: usize = 100;

/// Made anew by each process: it is not in what a fuzzer keeps.
static PAIR: LazyLock<hpke::KeyPair> = LazyLock::new(|| hpke::generate().unwrap());

/// What a reader makes of a file that it is given in pieces: as far as it came, and whether that was its end.
fn opened(file: &[u8], piece: usize) -> (Vec<u8>, Result<bool, VaultError>) {
    let Some(first) = file.first_chunk::<4>() else { return (Vec::new(), Ok(false)) };
    let length = Opener::header_length(*first);
    assert!(length <= 4 + 4096);
    let Some((header, rest)) = file.split_at_checked(length) else { return (Vec::new(), Ok(false)) };
    // The name is not under the seal: it says whose key opens, and there is one key only.
    if Opener::sealed_to(header) != Some(NAME) {
        return (Vec::new(), Err(VaultError::DoesNotOpen));
    }
    let row: [&[u8]; 2] = [&RELAY, &CHANNEL];
    let mut opener = match Opener::begin_with(&PAIR.private, place(&row), header) {
        Ok(opener) => opener,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut clear = Vec::new();
    for part in rest.chunks(piece) {
        match opener.push(part) {
            Ok(more) => clear.extend(more),
            Err(error) => return (clear, Err(error)),
        }
    }
    (clear, Ok(opener.is_whole()))
}

/// A recording: changes to its file (their number, then four bytes each), and what was recorded.
pub fn recording(bytes: &[u8]) {
    let (clear, outcome) = opened(bytes, 1000);
    assert!(clear.is_empty() && !outcome.is_ok_and(|whole| whole), "a file that nobody sealed");
    let Some((number, rest)) = bytes.split_first() else { return };
    let Some((changes, recorded)) = rest.split_at_checked(usize::from(number % 8) * 4) else { return };
    let row: [&[u8]; 2] = [&RELAY, &CHANNEL];
    let to = SealTo { name: NAME.to_owned(), public: PAIR.public };
    let (mut sealer, mut file) = Sealer::begin_to(&to, place(&row)).unwrap();
    for part in recorded.chunks(FLUSHED) {
        file.extend(sealer.push(part).unwrap());
        file.extend(sealer.flush().unwrap());
    }
    file.extend(sealer.finish().unwrap());
    let genuine = file.clone();
    for change in changes.as_chunks::<4>().0 {
        let [how, high, low, with] = *change;
        let at = usize::from(u16::from_be_bytes([high, low])) % (file.len() + 1);
        match how % 4 {
            0 => file.truncate(at),
            1 => file.insert(at, with),
            2 => drop(file.drain(at..(at + usize::from(with)).min(file.len()))),
            _ => file.iter_mut().skip(at).take(1).for_each(|byte| *byte = with),
        }
    }
    for piece in [7, 64 * 1024] {
        let (clear, outcome) = opened(&file, piece);
        assert!(recorded.starts_with(&clear), "something else than was recorded");
        let whole = outcome.is_ok_and(|whole| whole);
        assert_eq!(whole, file == genuine, "what was changed is no whole recording");
        assert!(!whole || clear == recorded);
    }
}

/// The lines of a recording.
pub fn recording_text(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for line in text.lines() {
        if let Ok(header) = read_header(line) {
            let (_, again) = Writer::begin(header.term.clone(), header.timestamp, header.title.clone());
            assert_eq!(read_header(again.trim_end()), Ok(header));
        }
        let Ok(Some((since, event))) = read_event(line) else { continue };
        let (mut writer, _) = Writer::begin(Term { cols: 80, rows: 24, kind: None }, None, None);
        let at = Duration::from_millis(u64::try_from(since.as_millis() % 1_000_000).unwrap());
        let again = match &event {
            Event::Output(text) => writer.output(at, text.as_bytes()),
            Event::Marker(text) => writer.marker(at, text),
            Event::Resize { cols, rows } => writer.resize(at, *cols, *rows),
            Event::Exit(status) => writer.exit(at, *status),
        };
        if again.is_empty() {
            assert_eq!(event, Event::Output(String::new()));
            continue;
        }
        assert_eq!(read_event(again.trim_end_matches('\n')), Ok(Some((at, event))));
    }
}

/// The header of a slot of the reserve.
pub fn recording_slot(bytes: &[u8]) {
    let Some(header) = bytes.first_chunk::<64>() else { return };
    if let Some(found) = Header::parse(header) {
        let again = found.bytes();
        assert_eq!((Header::parse(&again), &again[..40]), (Some(found), &header[..40]));
    }
}

pub(crate) fn recording_seeds() -> Vec<Vec<u8>> {
    let text = text_seeds().concat();
    let changed =
        |changes: &[[u8; 4]]| [&[u8::try_from(changes.len()).unwrap()][..], &changes.concat(), &text].concat();
    vec![changed(&[]), changed(&[[0, 1, 0, 0]]), changed(&[[3, 0, 200, 9], [2, 0, 150, 116], [1, 0, 4, 4]])]
}

pub(crate) fn text_seeds() -> Vec<Vec<u8>> {
    let term = Term { cols: 80, rows: 24, kind: Some("xterm".into()) };
    let (mut writer, mut text) = Writer::begin(term, Some(1_790_000_000), Some("scanner".into()));
    let at = Duration::from_millis;
    text += &writer.output(at(1), "Bonjour, é\x1b[2J\r\n".as_bytes());
    text += &writer.resize(at(1500), 100, 30);
    text += &writer.marker(at(1600), "a \"mark\"");
    text += &writer.exit(at(2000), 3);
    vec![text.into_bytes(), b"# a remark\n[0.5, \"i\", \"typed\"]\n".to_vec()]
}

pub(crate) fn slot_seeds() -> Vec<Vec<u8>> {
    let header = Header { relay: types::RelayId::from_bytes(RELAY), channel: 1, offset: 4096, length: 700 };
    vec![header.bytes().to_vec(), vec![0; 64]]
}
