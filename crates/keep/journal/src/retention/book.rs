//! What is in force, as the journal's own statements say it in their order. Nothing else decides: no row of a database.

use super::{
    Change, Month, PersonToken, ProposalId, RETENTION_MONTHS_MAX, Raised, Statement,
    due::Pair,
    raised::{Gone, KeptDecision, KeptProposal, Snapshot},
};
use crate::entry::header;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use types::{Extra, Extras, Family, Time};

const DAY: Duration = Duration::from_secs(86_400);
/// A proposal that nobody confirmed is forgotten after this long.
pub const PROPOSAL_DAYS: u32 = 30;
/// A shorter retention, and the end of a hold, count only after this long: time for a third person to see them.
pub const SHORTER_AFTER_DAYS: u32 = 30;
/// Proposals that may wait at once.
pub const PROPOSALS_MAX: usize = 32;

/// A proposal that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its name.
    pub id: ProposalId,
    /// Who asks.
    pub by: PersonToken,
    /// When.
    pub at: Time,
    /// What.
    pub change: Change,
}

/// A change that two people decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What was proposed, by whom and when.
    pub proposal: Proposal,
    /// Who confirmed.
    pub confirmed_by: PersonToken,
    /// When.
    pub at: Time,
    /// From when on it counts.
    pub counts_from: Time,
}

/// A hold in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The name of its proposal.
    pub id: ProposalId,
    /// Of one family; none: of all.
    pub family: Option<Family>,
    /// The first month.
    pub from: Month,
    /// The last one.
    pub to: Month,
    /// Since when.
    pub since: Time,
    /// Until when, where its end was decided.
    pub until: Option<Time>,
}

/// Why a statement changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCounted {
    /// Below the family's floor, or beyond a hundred years.
    #[error("a retention below the family's floor, or beyond a hundred years")]
    OutOfBounds,
    /// The first month comes after the last.
    #[error("a hold that ends before it begins")]
    Backwards,
    /// No hold in force has that name.
    #[error("no hold in force has that name")]
    NoSuchHold,
    /// Nothing that waits has that name.
    #[error("no proposal that waits has that name")]
    NoSuchProposal,
    /// It is so already.
    #[error("it is so already")]
    AsItIs,
    /// The one who asked cannot confirm.
    #[error("whoever asked cannot confirm")]
    SamePerson,
    /// The name was used already.
    #[error("the name was used already")]
    Twice,
    /// Too many wait.
    #[error("too many proposals wait")]
    TooMany,
}

/// The settings, holds and purges of a journal.
#[derive(Debug, Clone, Default)]
pub struct Book {
    waiting: BTreeMap<ProposalId, Proposal>,
    decided: Vec<Decided>,
    names: BTreeSet<ProposalId>,
    purged: BTreeMap<String, Time>,
    destroyed: BTreeSet<String>,
    /// What the journal before this one recorded beyond the minimum.
    carried: Option<Extras>,
    /// Statements that changed nothing, though they stand in the journal: an alarm.
    stray: u64,
    /// A statement could not be read: nothing may go.
    unreadable: bool,
    /// The minimum that was stated last, and the one below which everything went.
    raised: Option<Box<Raised>>,
    pruned: u64,
}

impl Book {
    /// Takes down what an entry says, if it says anything of retention.
    pub fn read_entry(&mut self, entry: &[u8]) -> Result<(), String> {
        let header = header(entry)?;
        if let Some(statement) = &header.statement {
            self.read(statement, header.time);
        }
        Ok(())
    }

    /// Takes down what an entry's header says.
    pub fn read(&mut self, statement: &[u8], at: Time) {
        match Statement::decode(statement) {
            None => self.unreadable = true,
            Some(statement) => {
                if self.apply(statement, at).is_err() {
                    self.stray += 1;
                }
            }
        }
    }

    /// Whether a proposal bore this name.
    #[cfg(test)]
    pub(crate) fn knows(&self, id: &ProposalId) -> bool {
        self.names.contains(id)
    }

    /// Takes note of a statement that its journal disproves.
    pub(crate) fn disproved(&mut self) {
        self.stray += 1;
    }

    /// What a statement would change now, without changing it: asked before it is written.
    pub fn would_take(&self, statement: &Statement, at: Time) -> Result<(), NotCounted> {
        match statement {
            Statement::Proposed { id, change, .. } => {
                if self.names.contains(id) {
                    return Err(NotCounted::Twice);
                }
                if self.proposals(at).count() >= PROPOSALS_MAX {
                    return Err(NotCounted::TooMany);
                }
                self.sound(change, at)
            }
            Statement::Confirmed { id, by } => {
                let proposal = self.proposal(id, at)?;
                if proposal.by == *by {
                    return Err(NotCounted::SamePerson);
                }
                self.sound(&proposal.change, at)
            }
            Statement::Withdrawn { id, .. } => self.proposal(id, at).map(|_| ()),
            Statement::Purged(_) | Statement::Destroyed { .. } => Ok(()),
            Statement::Raised(raised) if !raised.is_sound() => Err(NotCounted::OutOfBounds),
            Statement::Raised(raised) if raised.minimum <= self.minimum() => Err(NotCounted::AsItIs),
            Statement::Raised(_) => Ok(()),
            Statement::Pruned { minimum } => (*minimum == self.minimum()).then_some(()).ok_or(NotCounted::OutOfBounds),
            // Once, before anybody decides.
            Statement::Carried { .. } if self.carried.is_none() && self.names.is_empty() => Ok(()),
            Statement::Carried { .. } => Err(NotCounted::Twice),
        }
    }

    fn apply(&mut self, statement: Statement, at: Time) -> Result<(), NotCounted> {
        self.would_take(&statement, at)?;
        match statement {
            Statement::Proposed { id, by, change } => {
                self.names.insert(id);
                self.waiting.retain(|_, one| waits(one, at));
                self.waiting.insert(id, Proposal { id, by, at, change });
            }
            Statement::Confirmed { id, by } => {
                let Some(proposal) = self.waiting.remove(&id) else { return Err(NotCounted::NoSuchProposal) };
                // What else was asked of it, was asked of what is over.
                if let Change::Extra { extra, .. } = proposal.change {
                    self.waiting.retain(|_, one| !matches!(one.change, Change::Extra { extra: of, .. } if of == extra));
                }
                let counts_from =
                    if self.takes_away(&proposal.change, at) { at + DAY * SHORTER_AFTER_DAYS } else { at };
                self.decided.push(Decided { proposal, confirmed_by: by, at, counts_from });
            }
            Statement::Withdrawn { id, .. } => {
                self.waiting.remove(&id);
            }
            Statement::Purged(purged) => {
                self.purged.entry(purged.pair).or_insert(at);
            }
            Statement::Destroyed { pair } => {
                self.destroyed.insert(pair);
            }
            Statement::Carried { extras } => self.carried = Some(extras),
            Statement::Raised(raised) => self.raised = Some(raised),
            Statement::Pruned { minimum } => self.pruned = minimum,
        }
        Ok(())
    }

    fn sound(&self, change: &Change, at: Time) -> Result<(), NotCounted> {
        match change {
            Change::Retention { family, months } => {
                let bounds = family.retention_months_min()..=RETENTION_MONTHS_MAX;
                bounds.contains(months).then_some(()).ok_or(NotCounted::OutOfBounds)
            }
            Change::Hold { from, to, .. } => (from <= to).then_some(()).ok_or(NotCounted::Backwards),
            Change::Lift { hold } => {
                let found = self.holds(at).any(|held| held.id == *hold && held.until.is_none());
                found.then_some(()).ok_or(NotCounted::NoSuchHold)
            }
            Change::Extra { extra, recorded } => {
                (self.extras().has(*extra) != *recorded).then_some(()).ok_or(NotCounted::AsItIs)
            }
        }
    }

    /// Whether a change lets anything go earlier than what is in force, or than what was decided and counts later.
    fn takes_away(&self, change: &Change, at: Time) -> bool {
        match change {
            Change::Retention { family, months } => *months < self.retention_months(*family, at),
            // What was recorded stays, whatever is recorded from now on.
            Change::Hold { .. } | Change::Extra { .. } => false,
            Change::Lift { .. } => true,
        }
    }

    fn proposal(&self, id: &ProposalId, at: Time) -> Result<&Proposal, NotCounted> {
        self.waiting.get(id).filter(|one| waits(one, at)).ok_or(NotCounted::NoSuchProposal)
    }

    /// Those that wait for a second person.
    pub fn proposals(&self, at: Time) -> impl Iterator<Item = &Proposal> {
        self.waiting.values().filter(move |one| waits(one, at))
    }

    /// The months of retention of a family at a moment.
    pub fn retention_months(&self, family: Family, at: Time) -> u16 {
        let of = |one: &Decided| match one.proposal.change {
            Change::Retention { family: of, months } if of == family => Some(months),
            _ => None,
        };
        let counting = self.decided.iter().filter(|one| one.counts_from <= at);
        let months = counting.rev().find_map(of).unwrap_or(family.retention_months_default());
        // The fold refuses less; and so does whoever reads.
        months.max(family.retention_months_min())
    }

    /// The retention that was decided and counts later, with the moment from when on.
    pub fn retention_to_come(&self, family: Family, at: Time) -> Option<(u16, Time)> {
        let last = self.decided.iter().rev().find_map(|one| match one.proposal.change {
            Change::Retention { family: of, months } if of == family => Some((months, one.counts_from)),
            _ => None,
        });
        last.filter(|(_, from)| *from > at)
    }

    /// What is recorded beyond the minimum.
    pub fn extras(&self) -> Extras {
        let decided = |extra: Extra| {
            self.decided.iter().rev().find_map(|one| match one.proposal.change {
                Change::Extra { extra: of, recorded } if of == extra => Some(recorded),
                _ => None,
            })
        };
        let carried = self.carried.unwrap_or_default();
        Extra::ALL.iter().copied().filter(|extra| decided(*extra).unwrap_or(carried.has(*extra))).collect()
    }

    /// The holds in force.
    pub fn holds(&self, at: Time) -> impl Iterator<Item = Hold> {
        self.decided.iter().filter_map(move |one| {
            let Change::Hold { family, from, to } = one.proposal.change else { return None };
            let id = one.proposal.id;
            let lifted = |other: &&Decided| other.proposal.change == Change::Lift { hold: id };
            let until = self.decided.iter().find(lifted).map(|lift| lift.counts_from);
            let hold = Hold { id, family, from, to, since: one.at, until };
            hold.until.is_none_or(|until| until > at).then_some(hold)
        })
    }

    /// What was decided, in order.
    pub fn decided(&self) -> &[Decided] {
        &self.decided
    }

    /// The pairs whose purge the journal announced, with the moment.
    pub fn purged(&self) -> &BTreeMap<String, Time> {
        &self.purged
    }

    /// Whether the journal says that a pair's key is gone.
    pub fn is_destroyed(&self, pair: &str) -> bool {
        self.destroyed.contains(pair)
    }

    /// Statements that stand in the journal and changed nothing. None is ever written so: somebody else wrote them.
    pub fn stray(&self) -> u64 {
        self.stray
    }

    /// The minimum that was stated last; zero if none was.
    pub fn minimum(&self) -> u64 {
        self.raised.as_ref().map_or(0, |raised| raised.minimum)
    }

    /// What was stated of it.
    pub fn raised(&self) -> Option<&Raised> {
        self.raised.as_deref()
    }

    /// Whether the journal says that everything below its minimum went.
    pub fn is_pruned(&self) -> bool {
        self.pruned == self.minimum()
    }

    /// What still counts, for whoever reads from here on. `newest` is the newest moment that the journal knows here.
    pub(crate) fn snapshot(&self, newest: Time) -> Snapshot {
        let counts = |place: usize, one: &Decided| match one.proposal.change {
            Change::Retention { family, .. } => {
                let later = self.decided.iter().skip(place + 1);
                let superseded = |other: &Decided| {
                    let same = matches!(other.proposal.change, Change::Retention { family: of, .. } if of == family);
                    same && other.counts_from <= newest
                };
                !later.into_iter().any(superseded)
            }
            Change::Hold { .. } => self.holds(newest).any(|hold| hold.id == one.proposal.id),
            Change::Lift { hold } => self.holds(newest).any(|held| held.id == hold),
            Change::Extra { extra, .. } => {
                let same =
                    |other: &Decided| matches!(other.proposal.change, Change::Extra { extra: of, .. } if of == extra);
                !self.decided.iter().skip(place + 1).any(same)
            }
        };
        let decided = self.decided.iter().enumerate().filter(|(place, one)| counts(*place, one));
        let decided = decided.map(|(_, one)| KeptDecision {
            proposal: kept(&one.proposal),
            confirmed_by: one.confirmed_by,
            at_micros: one.at.micros(),
            counts_from_micros: one.counts_from.micros(),
        });
        let mut destroyed: Vec<Gone> = Vec::new();
        let pairs = self.destroyed.iter().filter_map(|name| Pair::named(name));
        for Pair { family, month, .. } in pairs {
            match destroyed.iter_mut().find(|gone| gone.family == family) {
                Some(gone) => gone.months.push(month.number()),
                None => destroyed.push(Gone { family, months: vec![month.number()] }),
            }
        }
        Snapshot {
            newest_micros: newest.micros(),
            stray: self.stray,
            carried: self.carried,
            decided: decided.collect(),
            waiting: self.waiting.values().map(kept).collect(),
            announced: self.purged.keys().filter(|name| !self.destroyed.contains(*name)).cloned().collect(),
            destroyed,
        }
    }

    /// As it was where a snapshot was made.
    pub(crate) fn of_snapshot(snapshot: &Snapshot) -> Self {
        let newest = Time::from_micros(snapshot.newest_micros);
        let pairs = snapshot.destroyed.iter().flat_map(|gone| {
            let months = gone.months.iter().filter_map(|number| Month::from_number(*number));
            months.map(|month| format!("{}-{month}", gone.family))
        });
        let destroyed: BTreeSet<String> = pairs.collect();
        let waiting: BTreeMap<_, _> = snapshot.waiting.iter().map(|one| (one.id, proposal(one))).collect();
        let decided = snapshot.decided.iter().map(|one| Decided {
            proposal: proposal(&one.proposal),
            confirmed_by: one.confirmed_by,
            at: Time::from_micros(one.at_micros),
            counts_from: Time::from_micros(one.counts_from_micros),
        });
        let decided: Vec<_> = decided.collect();
        Self {
            names: waiting.keys().copied().chain(decided.iter().map(|one| one.proposal.id)).collect(),
            purged: destroyed.iter().chain(&snapshot.announced).map(|name| (name.clone(), newest)).collect(),
            waiting,
            decided,
            destroyed,
            carried: snapshot.carried,
            stray: snapshot.stray,
            ..Self::default()
        }
    }

    /// Whether anything here could keep what another book lets go.
    pub(crate) fn decides(&self) -> bool {
        self.unreadable || !self.decided.is_empty()
    }

    /// Whether every statement could be read.
    pub fn is_whole(&self) -> bool {
        !self.unreadable
    }
}

fn kept(one: &Proposal) -> KeptProposal {
    KeptProposal { id: one.id, by: one.by, at_micros: one.at.micros(), change: one.change }
}

fn proposal(kept: &KeptProposal) -> Proposal {
    Proposal { id: kept.id, by: kept.by, at: Time::from_micros(kept.at_micros), change: kept.change }
}

fn waits(one: &Proposal, at: Time) -> bool {
    at < one.at + DAY * PROPOSAL_DAYS
}
