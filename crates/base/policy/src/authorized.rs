//! The second of the three proofs.

use crate::{Action, Scope};
use identity::Authenticated;
use types::{Actor, ClientAddress, Door, EstablishmentId, Purpose, Role, SessionId, Time};

/// Who was authorized, as the journal will name him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub actor: Actor,
    /// In what role.
    pub role: Option<Role>,
    /// Where the right is held.
    pub establishment: Option<EstablishmentId>,
    /// Through which door.
    pub door: Option<Door>,
    /// In which session.
    pub session: Option<SessionId>,
    /// From where.
    pub address: Option<ClientAddress>,
}

impl Subject {
    /// The subject that a recognised actor makes.
    pub fn of(who: &Authenticated) -> Self {
        Self {
            actor: who.actor(),
            role: who.role(),
            establishment: who.establishment(),
            door: who.door(),
            session: who.session(),
            address: who.address(),
        }
    }
}

/// Proof that the policies allow action `A` on its target, for a purpose, until a moment. Only this crate makes one; it
/// is neither `Clone` nor deserialisable, and the journal refuses it past its expiry.
#[derive(Debug)]
pub struct Authorized<A: Action> {
    action: A,
    subject: Subject,
    purpose: Purpose,
    scope: Scope,
    expires: Time,
}

impl<A: Action> Authorized<A> {
    pub(crate) fn mint(action: A, subject: Subject, purpose: Purpose, scope: Scope, expires: Time) -> Self {
        Self { action, subject, purpose, scope, expires }
    }

    /// The action with its target.
    pub fn action(&self) -> &A {
        &self.action
    }

    /// Who.
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Why.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// How far.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// First moment at which the proof is refused.
    pub fn expires(&self) -> Time {
        self.expires
    }

    /// Trades the proof for its parts: what the journal does when it opens the trace. The proof is gone.
    pub fn into_parts(self) -> (A, Subject, Purpose, Time) {
        (self.action, self.subject, self.purpose, self.expires)
    }
}
