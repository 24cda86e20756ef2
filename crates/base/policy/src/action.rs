//! What can be asked for. An action carries its target; the effect reads it back from the proof.

use types::{AccountId, EstablishmentId, Event, PatientId};

/// Why a session ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBecause {
    /// Its holder signed out.
    Asked,
    /// It met an internal fault (acces-web DT8).
    Fault,
    /// Its holder ended it from another session.
    Elsewhere,
}

impl std::fmt::Display for EndedBecause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EndedBecause::Asked => "asked",
            EndedBecause::Fault => "fault",
            EndedBecause::Elsewhere => "elsewhere",
        })
    }
}

/// What a decision is about, in the policies' vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The people that the actor may see.
    People,
    /// One patient's record, or an object in it.
    Record(PatientId),
    /// Who saw a patient's record.
    Sightings(PatientId),
    /// A session of the account.
    OwnSession(AccountId),
    /// Signing somebody in at an establishment.
    SignIn(EstablishmentId),
    /// Creating accounts, patients and relations.
    Enrol(EstablishmentId),
    /// Choosing what one signs in with, by a link.
    TakeLink(EstablishmentId),
    /// Following what the hospital's directory says of its people.
    Follow(EstablishmentId),
    /// A node's own upkeep.
    House,
    /// One's own means of identification.
    OwnMeans(AccountId),
    /// To add to one's own means of identification.
    NewMeans(AccountId),
    /// To approve, in one's browser, one's own sign-in by SSH.
    ApproveSsh(AccountId),
    /// The interventions that one may see.
    Matters,
    /// An act on one intervention, or on what comes of it; the facts say whose it is.
    Matter(MatterAct),
    /// An act on the establishment's own affairs.
    Oversee(OverseeAct),
}

macro_rules! acts {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every value.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// The action's name in the policies.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }
    };
}

acts! {
    /// What may be done with one intervention.
    MatterAct {
        /// Ask for it.
        Request = "request",
        /// Take the request back.
        Withdraw = "withdraw",
        /// Approve it, by a signature.
        Approve = "approve",
        /// Refuse it.
        Refuse = "refuse",
        /// Open it within its window.
        Open = "open",
        /// Move its end, by a signature.
        Extend = "extend",
        /// Set or lift "do not interrupt".
        Hold = "hold",
        /// Close it.
        Close = "close",
        /// Cut it and what runs in it.
        Cut = "cut",
        /// Reach the equipment.
        OpenRelay = "open_relay",
        /// See a live session.
        Watch = "watch",
        /// See a recording.
        Replay = "replay",
    }
}

acts! {
    /// What may be done with an establishment's affairs.
    OverseeAct {
        /// See its equipment.
        SeeEquipment = "see_equipment",
        /// Register suppliers and equipment, and say who answers for it.
        ManageEquipment = "manage_equipment",
        /// Vouch for passkeys, revoke means and tokens of others.
        ManageMeans = "manage_means",
        /// See the accounts and where each is in its life.
        SeeAccounts = "see_accounts",
        /// Create accounts, draw links, block, reopen, close, review.
        ManageAccounts = "manage_accounts",
        /// Create accounts, and give links to them.
        GiveAccounts = "give_accounts",
        /// Suspend an account.
        SuspendAccounts = "suspend_accounts",
        /// Confirm what another asked for an account that decides over others.
        ConfirmAccounts = "confirm_accounts",
        /// Decide how long sessions last and how many one person may have.
        SetSessions = "set_sessions",
        /// Search raw traces.
        SearchTraces = "search_traces",
        /// See how long traces are kept, and what waits for a second person.
        SeeRetention = "see_retention",
        /// Ask for a change of that, confirm another's, take one back.
        SetRetention = "set_retention",
        /// See the rules and their proofs.
        SeeRules = "see_rules",
    }
}

mod sealed {
    pub trait Sealed {}
}

/// Something that can be asked for. Sealed: a new action is a line here, a policy and a row in the policy matrix.
pub trait Action: sealed::Sealed + Send + Sync + 'static {
    /// What the journal calls it.
    const EVENT: Event;

    /// What the policies are asked.
    #[doc(hidden)]
    fn question(&self) -> Question;

    /// The patients that the trace names.
    fn patients(&self) -> Vec<PatientId> {
        Vec::new()
    }

    /// The account that the trace names as the target, if it is not the author.
    fn target_account(&self) -> Option<AccountId> {
        None
    }

    /// What else the trace names as the target: `intervention:…`.
    fn target(&self) -> Option<String> {
        None
    }

    /// Anything else that the trace says.
    fn detail(&self) -> Option<String> {
        None
    }

    /// What the trace says in clear, of the journal's own retention.
    fn statement(&self) -> Option<&[u8]> {
        None
    }
}

/// An action whose effect is in the database: intent, marker in the commit, outcome.
pub trait DatabaseAction: Action {}

/// A reading of health data: one entry, final when written.
pub trait HealthRead: Action {}

/// A look at what is not health data but must leave a trace: live sessions, recordings, traces. One entry, final when
/// written, before anything is shown.
pub trait Disclosure: Action {}

/// A reading within a scope that leaves no trace of its own: lists of interventions, equipment, rules.
pub trait PlainRead: Action {}

/// An act whose effect is its own entry: a statement about the journal's retention, in force once it is written.
pub trait Declaration: Action {}

macro_rules! actions {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* } $event:ident,
        $question:expr $(, patient $patient:ident)? $(, account $account:ident)? $(, target $target:ident)?
        $(, detail $detail:ident)? $(, statement $statement:ident)?;)*) => {
        /// Every action's name, in order.
        pub const ACTIONS: &[&str] = &[$(stringify!($name)),*];

        $(
        $(#[$doc])*
        #[derive(Debug, PartialEq, Eq)]
        pub struct $name { $($(#[$fdoc])* pub $field: $type),* }

        impl sealed::Sealed for $name {}

        impl Action for $name {
            const EVENT: Event = Event::$event;

            fn question(&self) -> Question {
                let ask: fn(&$name) -> Question = $question;
                ask(self)
            }

            $(fn patients(&self) -> Vec<PatientId> {
                vec![self.$patient]
            })?

            $(fn target_account(&self) -> Option<AccountId> {
                self.$account.into()
            })?

            $(fn target(&self) -> Option<String> {
                Some(format!("{}:{}", stringify!($target), self.$target))
            })?

            $(fn detail(&self) -> Option<String> {
                Some(self.$detail.to_string())
            })?

            $(fn statement(&self) -> Option<&[u8]> {
                Some(&self.$statement)
            })?
        }

        impl $kind for $name {}
    )*};
}

// After the macro, which it is written with.
mod list;
pub use list::*;
