//! What can be asked for. An action carries its target; the effect reads it back from the proof.

use types::{AccountId, Door, EstablishmentId, Event, ObjectId, PatientId, Role, SessionId};

/// Why a session ends before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBecause {
    /// Its holder signed out.
    Asked,
    /// It met an internal fault (acces-web DT8).
    Fault,
}

impl std::fmt::Display for EndedBecause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            EndedBecause::Asked => "asked",
            EndedBecause::Fault => "fault",
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
    /// A session of the account.
    OwnSession(AccountId),
    /// Signing somebody in at an establishment.
    SignIn(EstablishmentId),
    /// Creating accounts, patients and relations.
    Enrol(EstablishmentId),
    /// A node's own upkeep.
    House,
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

    /// Anything else that the trace says.
    fn detail(&self) -> Option<String> {
        None
    }
}

/// An action whose effect is in the database: intent, marker in the commit, outcome.
pub trait DatabaseAction: Action {}

/// A reading of health data: one entry, final when written.
pub trait HealthRead: Action {}

macro_rules! actions {
    ($($(#[$doc:meta])* $kind:ident $name:ident { $($(#[$fdoc:meta])* $field:ident: $type:ty),* } $event:ident,
        $question:expr $(, patient $patient:ident)? $(, account $account:ident)? $(, detail $detail:ident)?;)*) => {$(
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

            $(fn detail(&self) -> Option<String> {
                Some(self.$detail.to_string())
            })?
        }

        impl $kind for $name {}
    )*};
}

actions! {
    /// See the people that one may see: oneself, the represented, one's patients.
    HealthRead SeePeople {} PeopleRead, |_| Question::People;
    /// See the lists of a record.
    HealthRead ReadRecord {
        /// Whose.
        patient: PatientId
    } RecordRead, |a| Question::Record(a.patient), patient patient;
    /// Read a result.
    HealthRead ReadResult {
        /// Whose.
        patient: PatientId,
        /// Which.
        id: ObjectId
    } ResultRead, |a| Question::Record(a.patient), patient patient;
    /// Read a document's description.
    HealthRead ReadDocument {
        /// Whose.
        patient: PatientId,
        /// Which.
        id: ObjectId
    } DocumentRead, |a| Question::Record(a.patient), patient patient;
    /// Open a document, or a result's printed sheet.
    HealthRead OpenDocument {
        /// Whose.
        patient: PatientId,
        /// A document or a result.
        category: types::Category,
        /// Which.
        id: ObjectId
    } DocumentOpened, |a| Question::Record(a.patient), patient patient;
    /// Try to open a session; the outcome says whether it was.
    DatabaseAction OpenSession {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose, if the login exists.
        account: Option<AccountId>,
        /// Through which door.
        door: Door
    } SignIn, |a| Question::SignIn(a.establishment), account account;
    /// End one's session.
    DatabaseAction EndSession {
        /// Whose.
        account: AccountId,
        /// Which.
        session: SessionId,
        /// On whose word.
        because: EndedBecause
    } SignOut, |a| Question::OwnSession(a.account), detail because;
    /// Move one's session's idle end.
    DatabaseAction RenewSession {
        /// Whose.
        account: AccountId,
        /// Which.
        session: SessionId
    } SessionRenewed, |a| Question::OwnSession(a.account);
    /// Delete sessions past their end.
    DatabaseAction PurgeSessions {} SessionsPurged, |_| Question::House;
    /// Create an establishment.
    DatabaseAction CreateEstablishment {
        /// Its identifier.
        establishment: EstablishmentId
    } EstablishmentCreated, |a| Question::Enrol(a.establishment);
    /// Create an account.
    DatabaseAction CreateAccount {
        /// Where.
        establishment: EstablishmentId,
        /// Its identifier.
        account: AccountId,
        /// For what.
        role: Role
    } AccountCreated, |a| Question::Enrol(a.establishment), account account, detail role;
    /// Register a patient of the SIS.
    DatabaseAction RegisterPatient {
        /// Where.
        establishment: EstablishmentId,
        /// Poterne's own identifier for him.
        patient: PatientId
    } PatientRegistered, |a| Question::Enrol(a.establishment), patient patient;
    /// Relate an account to a patient.
    DatabaseAction GrantRelation {
        /// Where.
        establishment: EstablishmentId,
        /// Who may see.
        account: AccountId,
        /// Whose record.
        patient: PatientId
    } RelationGranted, |a| Question::Enrol(a.establishment), patient patient, account account;
}
