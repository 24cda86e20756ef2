//! The third of the three proofs.

use crate::{Folded, entry::Body};
use policy::{Action, Subject};
use types::{ClientAddress, Extra, Extras, Purpose, SessionId, SystemActor, Time, TraceId};

/// Proof that a durable trace of action `A` was opened. Only this crate makes one; it is neither `Clone` nor
/// deserialisable, is consumed by the write transaction that it opens, and is refused past its expiry.
#[derive(Debug)]
pub struct Traced<A: Action> {
    pub(crate) action: A,
    pub(crate) trace: TraceId,
    pub(crate) body: Body,
    pub(crate) expires: Time,
    /// The session that must not be revoked meanwhile; none for the act that ends it.
    pub(crate) session: Option<SessionId>,
}

impl<A: Action> Traced<A> {
    /// The action with its target.
    pub fn action(&self) -> &A {
        &self.action
    }

    /// The trace; outside the database it is the idempotency key.
    pub fn trace_id(&self) -> TraceId {
        self.trace
    }

    /// First moment at which the proof is refused.
    pub fn expires(&self) -> Time {
        self.expires
    }
}

/// The target as a trace names it.
pub(crate) fn target_of<A: Action>(action: &A) -> Option<String> {
    action.target_account().map(|account| format!("account:{account}")).or_else(|| action.target())
}

/// A subject as a trace names it.
pub(crate) fn body_of(subject: &Subject, purpose: Option<Purpose>, extras: Extras) -> Body {
    Body {
        author: subject.actor.to_string(),
        role: subject.role.map(|role| role.to_string()),
        establishment: subject.establishment.map(|id| id.to_string()),
        door: subject.door.map(|door| door.to_string()),
        session: subject.session.map(|id| id.to_string()),
        address: subject.address.map(|address| address.to_string()),
        port: subject.address.and_then(ClientAddress::port).filter(|_| extras.has(Extra::Port)),
        purpose: purpose.map(|purpose| purpose.to_string()),
        ..Body::default()
    }
}

/// Refusals counted together, as a trace names them.
pub(crate) fn folded_body(folded: Folded) -> Body {
    Body {
        author: SystemActor::Node.to_string(),
        address: folded.source.map(|source| source.to_string()),
        target: Some(folded.targets.into_iter().collect::<Vec<_>>().join("\n")),
        detail: Some(format!("{}\n{}", folded.event, folded.authors.into_iter().collect::<Vec<_>>().join("\n"))),
        count: Some(folded.count),
        ..Body::default()
    }
}
