//! The statement that raises a journal's minimum: every entry before it goes. It carries what the entries that go had
//! decided, so that whoever reads from the minimum on comes to the same as whoever had read all.

use super::{
    Change, Month, PersonToken, ProposalId,
    statement::{get_extras, get_family, get_month, put_extras, put_family, put_month},
};
use minicbor::{
    Decode, Decoder, Encode, Encoder,
    decode::Error as Malformed,
    encode::{Error as NotWritten, Write},
};
use std::time::Duration;
use types::{Extras, Family, Time};

/// Entries of a bundle: a minimum is a multiple of it.
pub(crate) const BUNDLE: u64 = 256;

/// The minimum is raised.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Raised {
    /// The first entry that stays.
    #[n(0)]
    pub minimum: u64,
    /// The root of the tree of the entries before it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// The month of the first entry that goes.
    #[cbor(n(2), encode_with = "put_month", decode_with = "get_month")]
    pub from: Month,
    /// The last month of anything that goes, and of the first entry that stays.
    #[cbor(n(3), encode_with = "put_month", decode_with = "get_month")]
    pub through: Month,
    /// The longest retention that was in force, in months, of any family.
    #[n(4)]
    pub months: u16,
    /// On what ground.
    #[n(5)]
    pub basis: String,
    /// What was in force at the minimum.
    #[n(6)]
    pub standing: Snapshot,
}

impl Raised {
    /// The first moment at which what it covers may go.
    pub fn term(&self) -> Time {
        self.through.plus(1).plus(self.months).start()
    }

    /// How much time must have been seen since the last month's end.
    pub(crate) fn wanted(&self) -> Duration {
        self.term().since(self.through.end())
    }

    /// Whether it could be true at all: nothing below any family's floor, nothing but whole bundles.
    pub(crate) fn is_sound(&self) -> bool {
        let floor = Family::ALL.iter().map(|family| family.retention_months_min()).max();
        let whole = self.minimum > 0 && self.minimum.is_multiple_of(BUNDLE);
        let newest = Month::of(Time::from_micros(self.standing.newest_micros));
        whole && Some(self.months) >= floor && self.from <= self.through && newest <= self.through
    }
}

/// What the entries before a place in the journal had said, as far as it still counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Snapshot {
    /// The newest moment that the journal knew there.
    #[n(0)]
    pub newest_micros: i64,
    /// Statements that had changed nothing.
    #[n(1)]
    pub stray: u64,
    /// What a journal before this one recorded beyond the minimum.
    #[cbor(n(2), encode_with = "put_carried", decode_with = "get_carried")]
    pub carried: Option<Extras>,
    /// What two people had decided, in their order.
    #[n(3)]
    pub decided: Vec<KeptDecision>,
    /// What waited for a second person.
    #[n(4)]
    pub waiting: Vec<KeptProposal>,
    /// Pairs that were announced and not yet destroyed there.
    #[n(5)]
    pub announced: Vec<String>,
    /// Pairs that were destroyed.
    #[n(6)]
    pub destroyed: Vec<Gone>,
}

/// A proposal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeptProposal {
    /// Its name.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: ProposalId,
    /// Who asked.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub by: PersonToken,
    /// When, in microseconds since 1970.
    #[n(2)]
    pub at_micros: i64,
    /// What.
    #[n(3)]
    pub change: Change,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeptDecision {
    /// What was proposed.
    #[n(0)]
    pub proposal: KeptProposal,
    /// Who confirmed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub confirmed_by: PersonToken,
    /// When.
    #[n(2)]
    pub at_micros: i64,
    /// From when on it counts.
    #[n(3)]
    pub counts_from_micros: i64,
}

/// The months of a family whose keys were destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Gone {
    /// Which family.
    #[cbor(n(0), encode_with = "put_family", decode_with = "get_family")]
    pub family: Family,
    /// Which months, by their numbers.
    #[n(1)]
    pub months: Vec<u32>,
}

fn put_carried<C, W: Write>(
    carried: &Option<Extras>,
    e: &mut Encoder<W>,
    c: &mut C,
) -> Result<(), NotWritten<W::Error>> {
    match carried {
        Some(extras) => put_extras(extras, e, c),
        None => e.null()?.ok(),
    }
}

fn get_carried<C>(d: &mut Decoder<'_>, c: &mut C) -> Result<Option<Extras>, Malformed> {
    if d.datatype()? == minicbor::data::Type::Null {
        d.null()?;
        return Ok(None);
    }
    get_extras(d, c).map(Some)
}
