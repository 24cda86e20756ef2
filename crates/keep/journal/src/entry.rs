//! What an entry is made of: a clear header, for recovery and verification, and a sealed body, for trace controllers.
//!
//! An entry is a CBOR array of two byte strings: the header's bytes and the body's. The body is sealed with the header as
//! associated data, so that neither can be moved to another entry.

use minicbor::{Decode, Encode};
use std::str::FromStr as _;
use types::{ClockState, Event, Time, TraceId};

/// Version of the entry's form. The first had no state of the clock, and an outcome on outcomes only; it is still read.
const SCHEMA: u8 = 2;

/// What most headers and bodies fit into, the tag of the seal in.
const HEADER_BYTES: usize = 144;
const BODY_BYTES: usize = 512;

/// What an entry says of its act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A database effect is about to happen; its marker will be in the commit.
    Intent,
    /// What became of an intent.
    Outcome,
    /// A reading of health data; final when written.
    Released,
    /// Something that happened, without effect of ours.
    Note,
    /// Something was refused.
    Refusal,
    /// Several refusals, counted.
    Folded,
    /// The key that seals the following entries, itself sealed to the trace readers.
    SealKey,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::Intent, Kind::Outcome, Kind::Released, Kind::Note, Kind::Refusal, Kind::Folded, Kind::SealKey];

    pub(crate) fn code(self) -> u8 {
        // The position in ALL, from 1; never reordered once shipped.
        Self::ALL.iter().position(|kind| *kind == self).map_or(0, |at| u8::try_from(at + 1).unwrap_or(0))
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code.checked_sub(1)?)).copied()
    }

    /// What an entry of this kind says by itself of what became of its act. An intent says nothing yet, and an outcome
    /// always says its own.
    pub(crate) fn outcome(self) -> Option<Outcome> {
        match self {
            Kind::Intent | Kind::Outcome => None,
            Kind::Released | Kind::Note | Kind::SealKey => Some(Outcome::Done),
            Kind::Refusal | Kind::Folded => Some(Outcome::Refused),
        }
    }

    fn admits(self, outcome: Option<Outcome>) -> bool {
        match self {
            Kind::Intent => outcome.is_none(),
            Kind::Outcome | Kind::Note => outcome.is_some(),
            Kind::Released | Kind::Refusal | Kind::Folded | Kind::SealKey => outcome == self.outcome(),
        }
    }
}

/// What became of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was decided against, by rule: a wrong password, a version that moved.
    Refused,
    /// It failed, and nothing of it remains.
    Failed,
    /// Its node stopped before it was done, and it never will be.
    Abandoned,
    /// Outside the database, nobody can tell.
    Unknown,
}

impl Outcome {
    const ALL: [Outcome; 5] = [Outcome::Done, Outcome::Refused, Outcome::Failed, Outcome::Abandoned, Outcome::Unknown];

    pub(crate) fn code(self) -> u8 {
        Self::ALL.iter().position(|outcome| *outcome == self).map_or(0, |at| u8::try_from(at + 1).unwrap_or(0))
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code.checked_sub(1)?)).copied()
    }
}

const CLOCKS: [ClockState; 3] = [ClockState::Unknown, ClockState::Synchronized, ClockState::Unsynchronized];

fn clock_code(state: ClockState) -> u8 {
    // The position, from 0; never reordered once shipped.
    CLOCKS.iter().position(|known| *known == state).map_or(0, |at| u8::try_from(at).unwrap_or(0))
}

/// The clear part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub kind: Kind,
    pub event: Event,
    pub time: Time,
    /// Whether the clock that told the time was synchronized.
    pub clock: ClockState,
    pub trace: TraceId,
    /// None on intents only.
    pub outcome: Option<Outcome>,
    /// Names the key that sealed the body.
    pub seal_key: [u8; 8],
    /// The body's number under that key: its nonce.
    pub number: u64,
    /// Makes the leaf's hash unguessable, so that what survives a purge tells nothing.
    pub salt: [u8; 16],
    /// What the journal says of its own retention: in clear, to be read when every key of the month is gone.
    pub statement: Option<Vec<u8>>,
}

/// Its texts and bytes stay where they lie: headers are read by the million.
#[derive(Encode, Decode)]
#[cbor(map)]
struct RawHeader<'b> {
    #[n(0)]
    schema: u8,
    #[n(1)]
    kind: u8,
    #[b(2)]
    event: &'b str,
    #[n(3)]
    time: i64,
    #[cbor(n(4), with = "minicbor::bytes")]
    trace: [u8; 16],
    #[n(5)]
    outcome: u8,
    #[cbor(n(6), with = "minicbor::bytes")]
    seal_key: [u8; 8],
    #[n(7)]
    number: u64,
    #[cbor(n(8), with = "minicbor::bytes")]
    salt: [u8; 16],
    #[n(9)]
    clock: Option<u8>,
    #[b(10)]
    statement: Option<&'b minicbor::bytes::ByteSlice>,
}

#[derive(Encode, Decode)]
struct RawEntry {
    #[cbor(n(0), with = "minicbor::bytes")]
    header: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    body: Vec<u8>,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let raw = RawHeader {
            schema: SCHEMA,
            kind: self.kind.code(),
            event: self.event.as_str(),
            time: self.time.micros(),
            trace: *self.trace.as_bytes(),
            outcome: self.outcome.map_or(0, Outcome::code),
            seal_key: self.seal_key,
            number: self.number,
            salt: self.salt,
            clock: Some(clock_code(self.clock)),
            statement: self.statement.as_deref().map(Into::into),
        };
        encoded(&raw, HEADER_BYTES + self.statement.as_ref().map_or(0, Vec::len))
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let raw: RawHeader<'_> = decode_whole(bytes)?;
        let kind = Kind::from_code(raw.kind).ok_or_else(|| format!("entry of an unknown kind ({})", raw.kind))?;
        let event = Event::from_str(raw.event).map_err(|()| "entry of an unknown type of event".to_owned())?;
        let outcome = match raw.outcome {
            0 => None,
            code => Some(Outcome::from_code(code).ok_or_else(|| format!("unknown outcome ({code})"))?),
        };
        let (outcome, clock) = match (raw.schema, raw.clock) {
            (1, None) if outcome.is_some() == (kind == Kind::Outcome) => {
                (outcome.or(kind.outcome()), ClockState::Unknown)
            }
            (SCHEMA, Some(code)) if kind.admits(outcome) => {
                let state = CLOCKS.get(usize::from(code)).copied();
                (outcome, state.ok_or_else(|| format!("unknown state of the clock ({code})"))?)
            }
            (1, None) | (SCHEMA, Some(_)) => return Err("an outcome that an entry of its kind cannot have".to_owned()),
            (1 | SCHEMA, _) => return Err("a state of the clock where its version has none, or none".to_owned()),
            (other, _) => return Err(format!("entry of an unknown version ({other})")),
        };
        if raw.statement.is_some() && (raw.schema != SCHEMA || kind != Kind::Note) {
            return Err("a statement where an entry of its kind or version has none".to_owned());
        }
        Ok(Self {
            kind,
            event,
            time: Time::from_micros(raw.time),
            clock,
            trace: TraceId::from_bytes(raw.trace),
            outcome,
            seal_key: raw.seal_key,
            number: raw.number,
            salt: raw.salt,
            statement: raw.statement.map(|bytes| bytes.to_vec()),
        })
    }
}

fn decode_whole<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<T, String> {
    let mut decoder = minicbor::Decoder::new(bytes);
    let value = decoder.decode().map_err(|_| "not an entry of this journal".to_owned())?;
    if decoder.position() == bytes.len() { Ok(value) } else { Err("bytes after the entry's end".to_owned()) }
}

/// An entry's parts, as stored.
pub(crate) struct Parts {
    pub header: Header,
    pub header_bytes: Vec<u8>,
    pub body: Vec<u8>,
}

pub(crate) fn join(header_bytes: Vec<u8>, body: Vec<u8>) -> Vec<u8> {
    let bytes = header_bytes.len() + body.len() + 16;
    encoded(&RawEntry { header: header_bytes, body }, bytes)
}

/// Encodes what takes about so many bytes: grown once instead of byte by byte.
fn encoded(value: &impl Encode<()>, bytes: usize) -> Vec<u8> {
    let mut written = Vec::with_capacity(bytes);
    // Writing to a Vec cannot fail.
    let done = minicbor::encode(value, &mut written);
    if done.is_ok() { written } else { Vec::new() }
}

pub(crate) fn split(entry: &[u8]) -> Result<Parts, String> {
    let raw: RawEntry = decode_whole(entry)?;
    Ok(Parts { header: Header::decode(&raw.header)?, header_bytes: raw.header, body: raw.body })
}

/// The same, where an entry's bytes lie.
#[derive(Decode)]
struct RawSlices<'b> {
    #[cbor(b(0), with = "minicbor::bytes")]
    header: &'b [u8],
    #[cbor(b(1), with = "minicbor::bytes")]
    _body: &'b [u8],
}

/// An entry's clear part alone.
pub(crate) fn header(entry: &[u8]) -> Result<Header, String> {
    let raw: RawSlices<'_> = decode_whole(entry)?;
    Header::decode(raw.header)
}

/// The sealed part: who, from where, on whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Body {
    #[n(0)]
    pub author: String,
    #[n(1)]
    pub role: Option<String>,
    #[n(2)]
    pub establishment: Option<String>,
    #[n(3)]
    pub door: Option<String>,
    #[n(4)]
    pub session: Option<String>,
    #[n(5)]
    pub address: Option<String>,
    #[n(6)]
    pub purpose: Option<String>,
    #[n(7)]
    pub patients: Vec<String>,
    #[n(8)]
    pub objects: Vec<String>,
    #[n(9)]
    pub target: Option<String>,
    #[n(10)]
    pub detail: Option<String>,
    #[n(11)]
    pub count: Option<u64>,
    /// Only while trace controllers want it recorded.
    #[n(12)]
    pub port: Option<u16>,
}

impl Body {
    pub(crate) fn encode(&self) -> Vec<u8> {
        encoded(self, BODY_BYTES)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        decode_whole(bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use minicbor::bytes::ByteSlice;
    use proptest::prelude::*;

    fn header() -> Header {
        Header {
            kind: Kind::Outcome,
            event: Event::SignIn,
            time: Time::from_micros(1_790_000_000_000_000),
            clock: ClockState::Synchronized,
            trace: TraceId::from_bytes([1; 16]),
            outcome: Some(Outcome::Refused),
            seal_key: [2; 8],
            number: 77,
            salt: [3; 16],
            statement: None,
        }
    }

    #[test]
    fn entries_come_back_as_they_were() {
        let entry = join(header().encode(), b"body".to_vec());
        let parts = split(&entry).unwrap();
        assert_eq!(parts.header, header());
        assert_eq!(parts.body, b"body");
        let stating =
            Header { kind: Kind::Note, outcome: Some(Outcome::Done), statement: Some(vec![7, 8]), ..header() };
        assert_eq!(split(&join(stating.encode(), vec![])).unwrap().header, stating);
        let mut longer = entry;
        longer.push(0);
        assert!(split(&longer).is_err(), "bytes after the end");
    }

    #[test]
    fn an_entry_says_what_became_of_it_and_an_intent_does_not() {
        let admitted = |kind, outcome| split(&join(Header { kind, outcome, ..header() }.encode(), vec![])).is_ok();
        for kind in Kind::ALL {
            assert_eq!(admitted(kind, None), kind == Kind::Intent, "{kind:?}");
            assert_eq!(admitted(kind, Some(Outcome::Failed)), matches!(kind, Kind::Outcome | Kind::Note), "{kind:?}");
            assert_eq!(admitted(kind, kind.outcome()), kind != Kind::Outcome, "{kind:?}");
        }
    }

    /// An entry of the first form, made by hand.
    fn first_form_stating(kind: u8, outcome: u8, clock: Option<u8>, statement: Option<&ByteSlice>) -> Vec<u8> {
        let raw = RawHeader {
            schema: 1,
            kind,
            event: "session.sign_in",
            time: 7,
            trace: [1; 16],
            outcome,
            seal_key: [2; 8],
            number: 77,
            salt: [3; 16],
            clock,
            statement,
        };
        join(minicbor::to_vec(&raw).unwrap(), b"body".to_vec())
    }

    fn first_form(kind: u8, outcome: u8, clock: Option<u8>) -> Vec<u8> {
        first_form_stating(kind, outcome, clock, None)
    }

    #[test]
    fn only_a_note_of_this_form_states_anything_about_retention() {
        let stating = |kind: Kind, outcome| {
            split(&join(Header { kind, outcome, statement: Some(vec![7]), ..header() }.encode(), vec![])).is_ok()
        };
        for kind in Kind::ALL {
            let outcome = kind.outcome().or((kind == Kind::Outcome).then_some(Outcome::Done));
            assert_eq!(stating(kind, outcome), kind == Kind::Note, "{kind:?}");
        }
        assert!(split(&first_form(4, 0, None)).is_ok());
        assert!(split(&first_form_stating(4, 0, None, Some([7].as_slice().into()))).is_err());
    }

    #[test]
    fn the_first_form_is_still_read_its_clock_unknown() {
        let note = split(&first_form(4, 0, None)).unwrap().header;
        assert_eq!((note.kind, note.outcome, note.clock), (Kind::Note, Some(Outcome::Done), ClockState::Unknown));
        let refused = split(&first_form(2, 2, None)).unwrap().header;
        assert_eq!((refused.kind, refused.outcome), (Kind::Outcome, Some(Outcome::Refused)));
        for (kind, outcome, clock) in [(4, 1, None), (2, 0, None), (4, 0, Some(1))] {
            assert!(split(&first_form(kind, outcome, clock)).is_err(), "{kind} {outcome} {clock:?}");
        }
        // What the first form wrote had no key 9 at all.
        assert_eq!(split(&first_form(1, 0, None)).unwrap().header_bytes.first(), Some(&0xa9));
    }

    #[test]
    fn the_state_of_the_clock_comes_back() {
        for state in ClockState::ALL {
            let entry = join(Header { clock: *state, ..header() }.encode(), vec![]);
            assert_eq!(split(&entry).unwrap().header.clock, *state);
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = split(&bytes);
            let _ = Body::decode(&bytes);
        }
    }
}
