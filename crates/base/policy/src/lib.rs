//! Policies and facts in, decision out. The only mint of [`Authorized`].
//!
//! The policies are the Cedar files of `policies/`, validated at build and again at start. Cedar decides once per
//! request and its answers become a typed [`Scope`], which every read takes and every row must pass.
//! Pure: no clock, no database; the case that asks loads the [`Facts`].

mod action;
mod ask;
mod asking;
mod authorized;
mod check;
mod condition;
mod engine;
mod explain;
mod facts;
mod isolation;
mod lacking;
mod narrow;
mod own;
mod permit;
mod scope;

pub use action::{
    ACTIONS, Action, AddSshKey, AllowLink, ApproveIntervention, ApproveSsh, AskRetention, AskSightings, AskSshApproval,
    BreakGlass, ChangeAccountState, ChangeAddress, ChangePassword, ChangeSecondFactor, ClearRehearsal, CloseFaulted,
    CloseIntervention, CloseRelay, CloseSshApproval, ConfirmEnvelopes, ConfirmLink, ConfirmRetention, ConfirmSheet,
    CorrectAttributes, CreateAccount, CreateEstablishment, CreateSupplier, CutIntervention, CutRelay, DatabaseAction,
    Declaration, Disclosure, DisownAtDoor, DisownSignIns, DrawEnvelope, DrawLink, DrawSheet, DrawSpareCodes,
    EndSession, EndedBecause, EnrolPasskey, ExportTraces, ExtendIntervention, FollowArrival, FollowChange,
    ForgetSearch, GiveMailUp, GiveSightings, GrantRelation, HealthRead, HoldIntervention, InviteAccount, IssueToken,
    KeepAlarm, LapseIntervention, MatterAct, NoteMailSent, NoteSeen, OpenBreakGlass, OpenDocument, OpenIntervention,
    OpenRelay, OpenSession, OverseeAct, PlainRead, PurgeSessions, ReadDocument, ReadRecord, ReadResult, ReadSightings,
    RecordProof, RefuseIntervention, RefuseSsh, RegisterEquipment, RegisterPatient, ReleaseIntervention, RemindReviews,
    RemovePasskey, RemoveSshKey, RenewSession, ReplayRelay, RequestIntervention, ReviewAccount, ReviewBreakGlass,
    RevokeEnvelopes, RevokePasskey, RevokeToken, SaveSearch, SearchTraces, SeeAccounts, SeeEquipment, SeeInterventions,
    SeeOwnMeans, SeePasskeys, SeePeople, SeeRetention, SeeRules, SeeSearches, SetRehearsal, SetSessionRules, TakeLink,
    TakeMail, TouchToken, VouchPasskey, WatchRelay, WithdrawIntervention, WithdrawLink, WithdrawRetention,
    WithdrawSheet,
};
pub use ask::Ask;
pub use authorized::{Authorized, Subject};
pub use condition::{Need, Unread};
pub use engine::{BadPolicies, Denied, Policies};
pub use explain::{Cause, Explainer, Explanation, PolicyText, Signed, Supposed, Target, Verdict, Way};
pub use facts::{Facts, Matter, Relation, RelationKind};
pub use isolation::{Breach, Isolated, QUESTIONS_MAX};
pub use lacking::Lacking;
pub use own::{NEVER_FORBIDDEN, OWN_FILE_BYTES_MAX, OWN_FILES_MAX, OWN_POLICIES_MAX};
pub use permit::{
    MAY_BE_PERMITTED, NEVER_PERMITTED, PERMIT_DAYS_MAX, PERMIT_FILES_MAX, PERMITS_MAX, Permit, SIGNATURES_MAX,
    SIGNERS_MIN, Signature, SignedFile,
};
pub use scope::{MatterReach, Reach, Scope};
