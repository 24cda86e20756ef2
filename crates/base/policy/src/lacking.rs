//! What firmer proof of who somebody is would change: a service that asks for more than he showed says so, rather than that
//! there is nothing.

use crate::{asking::Asker, scope::Grant};
use identity::Assurance;
use std::{collections::BTreeMap, fmt};
use types::{Actor, Door, PatientId};

/// What the same person lacks: with it, the same policies say yes. Each says what he has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacking {
    /// Having proved in the last ten minutes who he is, by the means that he came in with.
    Fresh,
    /// Having proved it by a passkey.
    Passkey,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh => "to prove again who one is",
            Self::Passkey => "a passkey",
        })
    }
}

impl Asker {
    /// The same person on the same door, having proved more; what asks least of him first. Nobody but a person can prove more:
    /// not a program with a token, not whoever came in by envelopes. On the relays nobody is ever just signed in, and a passkey
    /// is that of whoever approves in his browser.
    pub(crate) fn firmer(&self) -> impl Iterator<Item = (Lacking, Self)> {
        let person = matches!(self.actor, Actor::Account(_))
            && matches!(self.assurance, Assurance::TwoFactors | Assurance::Passkey);
        let page = person && matches!(self.door, Some(Door::Portal | Door::Suppliers | Door::Desk));
        let can = page || (person && self.door == Some(Door::Relays));
        let fresh = (page && !self.fresh).then(|| (Lacking::Fresh, Self { fresh: true, ..self.clone() }));
        let passkey = (can && self.assurance != Assurance::Passkey)
            .then(|| (Lacking::Passkey, Self { fresh: page, assurance: Assurance::Passkey, ..self.clone() }));
        fresh.into_iter().chain(passkey)
    }
}

/// Whether one answer lets something through that the other does not.
pub(crate) fn lets_more(these: &BTreeMap<PatientId, Grant>, than: &BTreeMap<PatientId, Grant>) -> bool {
    these.iter().any(|(patient, grant)| than.get(patient).is_none_or(|other| !grant.is_within(other)))
}
