//! What the journal says in clear about its own retention: readable when every key of its month is gone.
//!
//! A statement stands in the header of its entry, beside a body sealed as any other. It names people by keyed tokens only.

use super::{Month, Raised};
use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as Malformed,
    encode::{Error as NotWritten, Write},
};
use types::{Extra, Extras, Family};

/// Names a proposal or a hold.
pub type ProposalId = [u8; 16];
/// Names a person to whoever holds the key of the tokens.
pub type PersonToken = [u8; 16];

/// Months of retention that may be asked for: a hundred years.
pub const RETENTION_MONTHS_MAX: u16 = 1200;

/// What is asked for by one trace controller and confirmed by another. What can be asked to be no longer recorded is
/// [`Extra`]: TR2's minimum cannot be asked away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Change {
    /// A family stays readable for so many months after each month's end.
    #[n(0)]
    Retention {
        /// Which family.
        #[cbor(n(0), encode_with = "put_family", decode_with = "get_family")]
        family: Family,
        /// How long.
        #[n(1)]
        months: u16,
    },
    /// These months are kept, whatever their term. The hold bears its proposal's name.
    #[n(1)]
    Hold {
        /// Of one family; none: of all.
        #[cbor(n(0), encode_with = "put_families", decode_with = "get_families")]
        family: Option<Family>,
        /// The first month.
        #[cbor(n(1), encode_with = "put_month", decode_with = "get_month")]
        from: Month,
        /// The last one.
        #[cbor(n(2), encode_with = "put_month", decode_with = "get_month")]
        to: Month,
    },
    /// A hold ends.
    #[n(2)]
    Lift {
        /// Which.
        #[cbor(n(0), with = "minicbor::bytes")]
        hold: ProposalId,
    },
    /// Something is recorded beyond the minimum, or no longer.
    #[n(3)]
    Extra {
        /// What.
        #[cbor(n(0), encode_with = "put_extra", decode_with = "get_extra")]
        extra: Extra,
        /// Whether it is.
        #[n(1)]
        recorded: bool,
    },
}

/// The entries of one journal that were sealed to a pair.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Sealed {
    /// Which journal.
    #[n(0)]
    pub origin: String,
    /// The first of them.
    #[n(1)]
    pub first: u64,
    /// The last of them.
    #[n(2)]
    pub last: u64,
    /// How many they are: others lie between.
    #[n(3)]
    pub count: u64,
}

/// What is said before a month's key is destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Purged {
    /// The pair: `<family>-<yyyy-mm>`.
    #[n(0)]
    pub pair: String,
    /// The entries that become unreadable, as far as they are known here.
    #[n(1)]
    pub sealed: Vec<Sealed>,
    /// Entries under the checkpoint at that moment.
    #[n(2)]
    pub size: u64,
    /// Its root.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// The months of retention that were in force.
    #[n(4)]
    pub months: u16,
    /// The term that was reached, in microseconds since 1970.
    #[n(5)]
    pub term_micros: i64,
    /// On what ground.
    #[n(6)]
    pub basis: String,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Statement {
    /// One asks.
    #[n(0)]
    Proposed {
        /// Its name.
        #[cbor(n(0), with = "minicbor::bytes")]
        id: ProposalId,
        /// Who.
        #[cbor(n(1), with = "minicbor::bytes")]
        by: PersonToken,
        /// What.
        #[n(2)]
        change: Change,
    },
    /// Another one confirms.
    #[n(1)]
    Confirmed {
        /// Which.
        #[cbor(n(0), with = "minicbor::bytes")]
        id: ProposalId,
        /// Who.
        #[cbor(n(1), with = "minicbor::bytes")]
        by: PersonToken,
    },
    /// One of them takes it back: nothing changes, so one is enough.
    #[n(2)]
    Withdrawn {
        /// Which.
        #[cbor(n(0), with = "minicbor::bytes")]
        id: ProposalId,
        /// Who.
        #[cbor(n(1), with = "minicbor::bytes")]
        by: PersonToken,
    },
    /// A month's key is about to be destroyed.
    #[n(3)]
    Purged(#[n(0)] Purged),
    /// It was.
    #[n(4)]
    Destroyed {
        /// The pair.
        #[n(0)]
        pair: String,
    },
    /// This journal goes on in the place of another, which recorded this beyond the minimum: it goes on.
    #[n(5)]
    Carried {
        /// What.
        #[cbor(n(0), encode_with = "put_extras", decode_with = "get_extras")]
        extras: Extras,
    },
    /// The minimum is about to be raised: the entries before it go.
    #[n(6)]
    Raised(#[n(0)] Box<Raised>),
    /// They went.
    #[n(7)]
    Pruned {
        /// The minimum.
        #[n(0)]
        minimum: u64,
    },
}

impl Statement {
    /// As it stands in an entry.
    pub fn encode(&self) -> Vec<u8> {
        // Writing to a Vec cannot fail.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// From an entry; none for anything else, or more.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let statement = decoder.decode().ok()?;
        (decoder.position() == bytes.len()).then_some(statement)
    }
}

pub(super) fn put_family<C, W: Write>(
    family: &Family,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), NotWritten<W::Error>> {
    e.str(family.as_str())?.ok()
}

pub(super) fn get_family<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Family, Malformed> {
    d.str()?.parse().map_err(|()| Malformed::message("no such family"))
}

fn put_extra<C, W: Write>(extra: &Extra, e: &mut Encoder<W>, _: &mut C) -> Result<(), NotWritten<W::Error>> {
    e.str(extra.as_str())?.ok()
}

fn get_extra<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Extra, Malformed> {
    d.str()?.parse().map_err(|()| Malformed::message("no such extra"))
}

pub(super) fn put_extras<C, W: Write>(
    extras: &Extras,
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), NotWritten<W::Error>> {
    let words: Vec<_> = Extra::ALL.iter().filter(|extra| extras.has(**extra)).map(|extra| extra.as_str()).collect();
    e.encode(words)?.ok()
}

pub(super) fn get_extras<'b, C>(d: &mut Decoder<'b>, _: &mut C) -> Result<Extras, Malformed> {
    let words: Vec<&'b str> = d.decode()?;
    let extras = words.into_iter().map(|word| word.parse().map_err(|()| Malformed::message("no such extra")));
    extras.collect::<Result<Vec<Extra>, _>>().map(|extras| extras.into_iter().collect())
}

fn put_families<C, W: Write>(all: &Option<Family>, e: &mut Encoder<W>, _: &mut C) -> Result<(), NotWritten<W::Error>> {
    e.str(all.map_or("", Family::as_str))?.ok()
}

fn get_families<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Option<Family>, Malformed> {
    match d.str()? {
        "" => Ok(None),
        word => word.parse().map(Some).map_err(|()| Malformed::message("no such family")),
    }
}

pub(super) fn put_month<C, W: Write>(month: &Month, e: &mut Encoder<W>, _: &mut C) -> Result<(), NotWritten<W::Error>> {
    e.u32(month.number())?.ok()
}

pub(super) fn get_month<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Month, Malformed> {
    Month::from_number(d.u32()?).ok_or_else(|| Malformed::message("no such month"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::raised::{Gone, KeptDecision, KeptProposal, Snapshot},
        *,
    };
    use proptest::prelude::*;

    #[test]
    fn statements_come_back_as_they_were() {
        let month = |text: &str| text.parse().unwrap();
        let (id, by) = ([1; 16], [2; 16]);
        let hold = Change::Hold { family: None, from: month("2026-01"), to: month("2026-03") };
        let sealed = vec![Sealed { origin: "node".into(), first: 3, last: 9, count: 5 }];
        let purged = Purged {
            pair: "access-2026-01".into(),
            sealed,
            size: 10,
            root: [7; 32],
            months: 12,
            term_micros: 5,
            basis: "term".into(),
        };
        for statement in [
            Statement::Proposed { id, by, change: Change::Retention { family: Family::Health, months: 240 } },
            Statement::Proposed { id, by, change: hold },
            Statement::Proposed { id, by, change: Change::Lift { hold: id } },
            Statement::Proposed { id, by, change: Change::Extra { extra: Extra::Port, recorded: true } },
            Statement::Confirmed { id, by },
            Statement::Withdrawn { id, by },
            Statement::Purged(purged),
            Statement::Destroyed { pair: "access-2026-01".into() },
            Statement::Carried { extras: [Extra::Port, Extra::Calls].into_iter().collect() },
            Statement::Carried { extras: Extras::default() },
            Statement::Raised(Box::new(raised())),
            Statement::Raised(Box::new(Raised { standing: Snapshot::default(), ..raised() })),
            Statement::Pruned { minimum: 512 },
        ] {
            let mut bytes = statement.encode();
            assert_eq!(Statement::decode(&bytes), Some(statement));
            bytes.push(0);
            assert_eq!(Statement::decode(&bytes), None, "more than a statement");
        }
    }

    fn raised() -> Raised {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let change = Change::Retention { family: Family::Health, months: 250 };
        let proposal = KeptProposal { id: [1; 16], by: [2; 16], at_micros: 7, change };
        let standing = Snapshot {
            newest_micros: 5,
            stray: 1,
            carried: Some([Extra::Port].into_iter().collect()),
            decided: vec![KeptDecision {
                proposal: proposal.clone(),
                confirmed_by: [3; 16],
                at_micros: 8,
                counts_from_micros: 9,
            }],
            waiting: vec![proposal],
            announced: vec!["access-2026-01".into()],
            destroyed: vec![Gone { family: Family::Access, months: vec![24_312, 24_313] }],
        };
        let (from, through) = (month("2026-01"), month("2026-03"));
        Raised { minimum: 512, root: [7; 32], from, through, months: 240, basis: "term".into(), standing }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Statement::decode(&bytes);
        }
    }
}
