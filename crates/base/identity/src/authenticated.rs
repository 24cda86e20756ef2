//! The first of the three proofs.

use std::time::Duration;
use types::{AccountId, Actor, ClientAddress, Door, EstablishmentId, Role, SessionId, SystemActor, Time};

/// How firmly somebody was recognised; higher is firmer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assurance {
    /// A part of the system, not a person.
    System = 0,
    /// A token of the interfaces: what a program holds.
    Token = 1,
    /// Two sealed envelopes of a break-glass account: they say that two people agreed, not who came. To the policies it ranks
    /// as a token does: enough to watch and to cut, not to give anybody anything, nor to suspend anybody.
    Envelopes = 4,
    /// A password and a one-time code, or a key and a one-time code.
    TwoFactors = 2,
    /// A passkey, which verified its user: nothing that could be told to a false page (acces-web AA4).
    Passkey = 3,
}

impl Assurance {
    /// As records keep it; a part of the system has none.
    pub fn from_kept(kept: u8) -> Option<Self> {
        match kept {
            1 => Some(Assurance::Token),
            2 => Some(Assurance::TwoFactors),
            3 => Some(Assurance::Passkey),
            4 => Some(Assurance::Envelopes),
            _ => None,
        }
    }

    /// As records keep it.
    pub fn kept(self) -> u8 {
        self as u8
    }

    /// The rank that policies compare.
    pub fn rank(self) -> u8 {
        match self {
            Assurance::System => 0,
            Assurance::Token | Assurance::Envelopes => 1,
            Assurance::TwoFactors => 2,
            Assurance::Passkey => 3,
        }
    }
}

/// Proof that somebody was recognised for this request. Only this crate makes one; it is not `Clone`, cannot be
/// deserialised, and is refused past [`Authenticated::expires`].
#[derive(Debug)]
pub struct Authenticated {
    actor: Actor,
    establishment: Option<EstablishmentId>,
    role: Option<Role>,
    door: Option<Door>,
    session: Option<SessionId>,
    address: Option<ClientAddress>,
    assurance: Assurance,
    since: Option<Time>,
    expires: Time,
}

/// What an authentic session record says of its holder.
pub(crate) struct Person {
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub role: Role,
    pub door: Door,
    pub session: SessionId,
    pub address: ClientAddress,
    pub assurance: Assurance,
    pub since: Option<Time>,
    pub session_ends: Time,
}

/// Whoever proved who he is so recently may add means of identification: a session left open gives nobody others.
pub const FRESH: Duration = Duration::from_secs(600);

/// How long one request may live on its proof.
const REQUEST_SECONDS: u64 = 60;

impl Authenticated {
    pub(crate) fn person(person: Person, now: Time) -> Self {
        Self {
            actor: Actor::Account(person.account),
            establishment: Some(person.establishment),
            role: Some(person.role),
            door: Some(person.door),
            session: Some(person.session),
            address: Some(person.address),
            assurance: person.assurance,
            since: person.since,
            expires: person.session_ends.min(now + Duration::from_secs(REQUEST_SECONDS)),
        }
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// The person's account, unless a part of the system acts.
    pub fn account(&self) -> Option<AccountId> {
        match self.actor {
            Actor::Account(id) => Some(id),
            Actor::System(_) => None,
        }
    }

    /// Where the rights are held; a system actor may stand above establishments.
    pub fn establishment(&self) -> Option<EstablishmentId> {
        self.establishment
    }

    /// The person's role.
    pub fn role(&self) -> Option<Role> {
        self.role
    }

    /// The door gone through.
    pub fn door(&self) -> Option<Door> {
        self.door
    }

    /// The session.
    pub fn session(&self) -> Option<SessionId> {
        self.session
    }

    /// The terminal's address.
    pub fn address(&self) -> Option<ClientAddress> {
        self.address
    }

    /// How firmly.
    pub fn assurance(&self) -> Assurance {
        self.assurance
    }

    /// Whether a person proved who he is less than ten minutes ago.
    pub fn is_fresh(&self, now: Time) -> bool {
        self.since.is_some_and(|since| now.since(since) < FRESH)
    }

    /// First moment at which the proof is refused.
    pub fn expires(&self) -> Time {
        self.expires
    }
}

/// A named part of the system acting on its own account: starts, recovery, seeding. Loud on purpose; every call is
/// listed in ARCHITECTURE.md.
pub fn system_actor(actor: SystemActor, establishment: Option<EstablishmentId>, now: Time) -> Authenticated {
    Authenticated {
        actor: Actor::System(actor),
        establishment,
        role: None,
        door: None,
        session: None,
        address: None,
        assurance: Assurance::System,
        since: None,
        expires: now + Duration::from_secs(REQUEST_SECONDS),
    }
}

/// The door itself, answering somebody not yet known at `address`.
pub fn door_actor(
    door: Door,
    address: ClientAddress,
    establishment: Option<EstablishmentId>,
    now: Time,
) -> Authenticated {
    Authenticated { door: Some(door), address: Some(address), ..system_actor(SystemActor::Door, establishment, now) }
}
