//! Every act that can be asked for: what it is about, what the journal calls it, what the policies are asked, what its trace
//! names.

use super::{
    Action, DatabaseAction, Declaration, Disclosure, EndedBecause, HealthRead, MatterAct, OverseeAct, PlainRead,
    Question, sealed,
};
use types::{
    AccountId, AccountState, Door, EnvelopesId, EquipmentId, EstablishmentId, Event, InterventionId, LinkId, ObjectId,
    PatientId, RelayId, Role, SearchId, SessionId, SheetId, SshApprovalId, SupplierId, TokenId,
};

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
    /// Ask who saw one's own record.
    DatabaseAction AskSightings {
        /// Whose record.
        patient: PatientId
    } SightingsAsked, |a| Question::Sightings(a.patient), patient patient;
    /// See the answer.
    Disclosure ReadSightings {
        /// Whose record.
        patient: PatientId
    } SightingsRead, |a| Question::Sightings(a.patient), patient patient;
    /// Answer that, from the traces.
    DatabaseAction GiveSightings {
        /// Whose record.
        patient: PatientId,
        /// How many traces are told of.
        count: usize
    } SightingsGiven, |_| Question::House, patient patient, detail count;
    /// Try to open a session; the outcome says whether it was.
    DatabaseAction OpenSession {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose, if the login exists.
        account: Option<AccountId>,
        /// Through which door.
        door: Door
    } SignIn, |a| Question::SignIn(a.establishment), account account;
    /// Try to open a session by two sealed envelopes; the outcome says whether it was.
    DatabaseAction BreakGlass {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose, if it is one of these.
        account: Option<AccountId>,
        /// Which session, by which envelopes, and why; of an attempt that cannot succeed, nothing.
        detail: String
    } BreakGlass, |a| Question::SignIn(a.establishment), account account, detail detail;
    /// End one's session.
    DatabaseAction EndSession {
        /// Whose.
        account: AccountId,
        /// Which.
        session: SessionId,
        /// On whose word.
        because: EndedBecause
    } SignOut, |a| Question::OwnSession(a.account), detail because;
    /// Delete the session that an internal error closed.
    DatabaseAction CloseFaulted {
        /// Which.
        session: SessionId,
        /// Which, and why.
        detail: String
    } SessionClosed, |_| Question::House, detail detail;
    /// Move one's session's idle end.
    DatabaseAction RenewSession {
        /// Whose.
        account: AccountId,
        /// Which.
        session: SessionId
    } SessionRenewed, |a| Question::OwnSession(a.account);
    /// End everything of one's account that is open elsewhere: a sign-in was not one's own.
    DatabaseAction DisownSignIns {
        /// Whose.
        account: AccountId
    } SignInDisowned, |a| Question::OwnSession(a.account), account account;
    /// The same, on the word of whoever proved to a door that the account is his, and has no session.
    DatabaseAction DisownAtDoor {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose.
        account: AccountId
    } SignInDisowned, |a| Question::SignIn(a.establishment), account account;
    /// Decide how long a population's sessions last and how many one person may have.
    DatabaseAction SetSessionRules {
        /// Whose sessions, and what was decided.
        decision: String
    } SessionRulesSet, |_| Question::Oversee(OverseeAct::SetSessions), detail decision;
    /// Note which sessions' browsers are still there.
    DatabaseAction NoteSeen {} SessionsSeen, |_| Question::House;
    /// Delete sessions past their end.
    DatabaseAction PurgeSessions {} SessionsPurged, |_| Question::House;
    /// Take mail that waits, to send it.
    DatabaseAction TakeMail {
        /// How much, at most.
        count: usize
    } MailTaken, |_| Question::House, detail count;
    /// Note that mail left, and keep nothing of it.
    DatabaseAction NoteMailSent {
        /// Whose account it was about.
        account: AccountId,
        /// What it told, and what names it.
        mail: String
    } MailSent, |_| Question::House, account account, detail mail;
    /// Give up mail that cannot leave.
    DatabaseAction GiveMailUp {
        /// Whose account it was about.
        account: AccountId,
        /// Why.
        why: String
    } MailGivenUp, |_| Question::House, account account, detail why;
    /// Write to those who manage accounts that some are to be looked at again.
    DatabaseAction RemindReviews {
        /// How many, and how many were written to.
        what: String
    } ReviewsReminded, |_| Question::House, detail what;
    /// Keep an alarm for all nodes, and write to those who manage accounts.
    DatabaseAction KeepAlarm {
        /// Which, and how many were written to.
        what: String
    } AlarmKept, |_| Question::House, detail what;
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
    /// Create an account for somebody who will choose, by a link, what he signs in with.
    DatabaseAction InviteAccount {
        /// Its identifier.
        account: AccountId,
        /// For what.
        role: Role
    } AccountCreated, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail role;
    /// Draw a link by which an account's holder chooses what he signs in with.
    DatabaseAction DrawLink {
        /// Whose.
        account: AccountId,
        /// The link's identifier, how his identity was verified, whether a second person must confirm.
        terms: String
    } LinkDrawn, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail terms;
    /// Confirm a link that another drew.
    DatabaseAction ConfirmLink {
        /// Whose account it is for.
        account: AccountId,
        /// The link's identifier, and the passkey that signed where it takes signatures.
        terms: String
    } LinkConfirmed, |_| Question::Oversee(OverseeAct::ConfirmAccounts), account account, detail terms;
    /// Let the link to other means of one's own account serve before its time.
    DatabaseAction AllowLink {
        /// Whose.
        account: AccountId,
        /// Which.
        link: LinkId
    } LinkAllowed, |a| Question::NewMeans(a.account), account account, detail link;
    /// Take a link back.
    DatabaseAction WithdrawLink {
        /// Whose account it is for.
        account: AccountId,
        /// Which.
        link: LinkId
    } LinkWithdrawn, |_| Question::Oversee(OverseeAct::ManageAccounts), account account, detail link;
    /// Open an account that signs in by two sealed envelopes and nothing else.
    DatabaseAction OpenBreakGlass {
        /// Its identifier.
        account: AccountId,
        /// For what.
        role: Role
    } BreakGlassOpened, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail role;
    /// Draw the first of two envelopes.
    DatabaseAction DrawEnvelope {
        /// Whose.
        account: AccountId,
        /// What names the two.
        envelopes: EnvelopesId
    } EnvelopeDrawn, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail envelopes;
    /// Confirm what another drew, and draw the second.
    DatabaseAction ConfirmEnvelopes {
        /// Whose.
        account: AccountId,
        /// What names the two.
        envelopes: EnvelopesId
    } EnvelopesConfirmed, |_| Question::Oversee(OverseeAct::ConfirmAccounts), account account, detail envelopes;
    /// Say that an account's envelopes serve no more.
    DatabaseAction RevokeEnvelopes {
        /// Whose.
        account: AccountId
    } EnvelopesRevoked, |_| Question::Oversee(OverseeAct::SuspendAccounts), account account;
    /// Say what was found of a session that envelopes opened. Whoever may suspend an account that is suspected may say so.
    DatabaseAction ReviewBreakGlass {
        /// Whose.
        account: AccountId,
        /// Which session, and what was found.
        detail: String
    } BreakGlassReviewed, |_| Question::Oversee(OverseeAct::SuspendAccounts), account account, detail detail;
    /// Draw a sheet of one-time codes for an account, as its second factor once a second person confirmed it.
    DatabaseAction DrawSheet {
        /// Whose.
        account: AccountId,
        /// The sheet's identifier, and how his identity was verified.
        terms: String
    } SheetDrawn, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail terms;
    /// Confirm a sheet that another drew.
    DatabaseAction ConfirmSheet {
        /// Whose.
        account: AccountId,
        /// Which.
        sheet: SheetId
    } SheetConfirmed, |_| Question::Oversee(OverseeAct::ConfirmAccounts), account account, detail sheet;
    /// Say that a sheet serves no more. Whoever may suspend an account that is suspected may say so.
    DatabaseAction WithdrawSheet {
        /// Whose.
        account: AccountId,
        /// Which.
        sheet: SheetId
    } SheetWithdrawn, |_| Question::Oversee(OverseeAct::SuspendAccounts), account account, detail sheet;
    /// Choose, by a link, what one signs in with.
    DatabaseAction TakeLink {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose account it is for.
        account: AccountId,
        /// Which.
        link: LinkId
    } LinkUsed, |a| Question::TakeLink(a.establishment), account account, detail link;
    /// Change where an account's mail goes.
    DatabaseAction ChangeAddress {
        /// Whose.
        account: AccountId,
        /// Whether there is one from now on; never which.
        what: String
    } AddressChanged, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail what;
    /// Correct who an account's holder is.
    DatabaseAction CorrectAttributes {
        /// Whose.
        account: AccountId,
        /// What is no more as it was, and how his identity was verified.
        terms: String
    } AttributesCorrected, |_| Question::Oversee(OverseeAct::GiveAccounts), account account, detail terms;
    /// Suspend, block, reopen or close an account.
    DatabaseAction ChangeAccountState {
        /// Whose.
        account: AccountId,
        /// What it becomes.
        state: AccountState,
        /// That, and why.
        detail: String
    } AccountStateChanged, |a| Question::Oversee(match a.state {
        AccountState::Suspended => OverseeAct::SuspendAccounts,
        _ => OverseeAct::ManageAccounts,
    }), account account, detail detail;
    /// Create an account for somebody whom the hospital's directory knows. It opens nothing before its holder took a link.
    DatabaseAction FollowArrival {
        /// Where.
        establishment: EstablishmentId,
        /// Its identifier.
        account: AccountId,
        /// For what.
        role: Role
    } AccountCreated, |a| Question::Follow(a.establishment), account account, detail role;
    /// Change an account as the hospital's directory changed: its name, its role, or whether it is in use.
    DatabaseAction FollowChange {
        /// Where.
        establishment: EstablishmentId,
        /// Whose.
        account: AccountId,
        /// What it becomes.
        detail: String
    } AccountStateChanged, |a| Question::Follow(a.establishment), account account, detail detail;
    /// Say that an account was looked at again and is right.
    DatabaseAction ReviewAccount {
        /// Whose.
        account: AccountId
    } AccountReviewed, |_| Question::Oversee(OverseeAct::ManageAccounts), account account;
    /// See the establishment's accounts.
    PlainRead SeeAccounts {} Refused, |_| Question::Oversee(OverseeAct::SeeAccounts);
    /// Change one's password.
    DatabaseAction ChangePassword {
        /// Whose.
        account: AccountId
    } PasswordChanged, |a| Question::OwnMeans(a.account), account account;
    /// Change one's second factor.
    DatabaseAction ChangeSecondFactor {
        /// Whose.
        account: AccountId
    } SecondFactorChanged, |a| Question::OwnMeans(a.account), account account;
    /// Draw spare codes for oneself.
    DatabaseAction DrawSpareCodes {
        /// Whose.
        account: AccountId
    } SpareCodesDrawn, |a| Question::OwnMeans(a.account), account account;
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
    /// Register a supplier.
    DatabaseAction CreateSupplier {
        /// Where.
        establishment: EstablishmentId,
        /// Its identifier.
        supplier: SupplierId
    } SupplierRegistered, |_| Question::Oversee(OverseeAct::ManageEquipment), target supplier;
    /// Register an equipment, or change it: address, host key, secret, who answers for it.
    DatabaseAction RegisterEquipment {
        /// Where.
        establishment: EstablishmentId,
        /// Which.
        equipment: EquipmentId,
        /// What it becomes.
        version: u64
    } EquipmentRegistered, |_| Question::Oversee(OverseeAct::ManageEquipment), target equipment, detail version;
    /// Add a key for SSH to one's account.
    DatabaseAction AddSshKey {
        /// Whose.
        account: AccountId,
        /// `SHA256:…`.
        fingerprint: String
    } SshKeyAdded, |a| Question::NewMeans(a.account), account account, detail fingerprint;
    /// Remove a key for SSH from one's account.
    DatabaseAction RemoveSshKey {
        /// Whose.
        account: AccountId,
        /// `SHA256:…`.
        fingerprint: String
    } SshKeyRemoved, |a| Question::OwnMeans(a.account), account account, detail fingerprint;
    /// Enrol a passkey for one's account.
    DatabaseAction EnrolPasskey {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        credential: String
    } PasskeyEnrolled, |a| Question::NewMeans(a.account), account account, detail credential;
    /// Sign the enrolment of somebody's passkey.
    DatabaseAction VouchPasskey {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        credential: String
    } PasskeyVouched, |_| Question::Oversee(OverseeAct::ManageMeans), account account, detail credential;
    /// Remove a passkey from one's own account.
    DatabaseAction RemovePasskey {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        credential: String
    } PasskeyRevoked, |a| Question::OwnMeans(a.account), account account, detail credential;
    /// Revoke a passkey of an account.
    DatabaseAction RevokePasskey {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        credential: String
    } PasskeyRevoked, |_| Question::Oversee(OverseeAct::ManageMeans), account account, detail credential;
    /// Issue a token of the interfaces for one's account.
    DatabaseAction IssueToken {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        token: TokenId
    } TokenIssued, |a| Question::NewMeans(a.account), account account, detail token;
    /// Revoke a token of one's account.
    DatabaseAction RevokeToken {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        token: TokenId
    } TokenRevoked, |a| Question::OwnMeans(a.account), account account, detail token;
    /// Note that a token of one's account was used; at most once an hour.
    DatabaseAction TouchToken {
        /// Whose.
        account: AccountId,
        /// Its identifier.
        token: TokenId
    } TokenUsed, |a| Question::OwnSession(a.account), detail token;
    /// Ask the holder of a key for SSH, in his browser, whether it is he who shows it.
    DatabaseAction AskSshApproval {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose.
        account: AccountId,
        /// Which.
        approval: SshApprovalId
    } RelayApprovalAsked, |a| Question::SignIn(a.establishment), account account, detail approval;
    /// Approve one's own sign-in by SSH.
    DatabaseAction ApproveSsh {
        /// Whose.
        account: AccountId,
        /// Which.
        approval: SshApprovalId
    } RelayApprovalGiven, |a| Question::ApproveSsh(a.account), account account, detail approval;
    /// Say of a sign-in by SSH in one's name that it is not one's own.
    DatabaseAction RefuseSsh {
        /// Whose.
        account: AccountId,
        /// Which.
        approval: SshApprovalId
    } RelayApprovalRefused, |a| Question::OwnSession(a.account), account account, detail approval;
    /// Note that nothing comes of an approval any more.
    DatabaseAction CloseSshApproval {
        /// Where the account is held.
        establishment: EstablishmentId,
        /// Whose.
        account: AccountId,
        /// Which.
        approval: SshApprovalId
    } RelayApprovalExpired, |a| Question::SignIn(a.establishment), account account, detail approval;
    /// See the passkeys of the establishment's accounts.
    PlainRead SeePasskeys {} Refused, |_| Question::Oversee(OverseeAct::ManageMeans);
    /// See one's own means of identification.
    PlainRead SeeOwnMeans {
        /// Whose.
        account: AccountId
    } Refused, |a| Question::OwnMeans(a.account);
    /// See the interventions that one may see.
    PlainRead SeeInterventions {} Refused, |_| Question::Matters;
    /// See the establishment's equipment.
    PlainRead SeeEquipment {} Refused, |_| Question::Oversee(OverseeAct::SeeEquipment);
    /// See the rules and their proofs.
    PlainRead SeeRules {} Refused, |_| Question::Oversee(OverseeAct::SeeRules);
    /// Ask for an intervention.
    DatabaseAction RequestIntervention {
        /// Which.
        intervention: InterventionId,
        /// On what.
        equipment: EquipmentId
    } InterventionRequested, |_| Question::Matter(MatterAct::Request), target intervention, detail equipment;
    /// Take a request back.
    DatabaseAction WithdrawIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionWithdrawn, |_| Question::Matter(MatterAct::Withdraw), target intervention;
    /// Approve an intervention, by a signature over its terms.
    DatabaseAction ApproveIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionApproved, |_| Question::Matter(MatterAct::Approve), target intervention;
    /// Refuse an intervention.
    DatabaseAction RefuseIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionRefused, |_| Question::Matter(MatterAct::Refuse), target intervention;
    /// Open an approved intervention within its window.
    DatabaseAction OpenIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionOpened, |_| Question::Matter(MatterAct::Open), target intervention;
    /// Move an intervention's end, by a signature.
    DatabaseAction ExtendIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionExtended, |_| Question::Matter(MatterAct::Extend), target intervention;
    /// Set "do not interrupt", by a signature.
    DatabaseAction HoldIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionHeld, |_| Question::Matter(MatterAct::Hold), target intervention;
    /// Lift "do not interrupt".
    DatabaseAction ReleaseIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionReleased, |_| Question::Matter(MatterAct::Hold), target intervention;
    /// Close an intervention.
    DatabaseAction CloseIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionClosed, |_| Question::Matter(MatterAct::Close), target intervention;
    /// Cut an intervention and all that runs in it.
    DatabaseAction CutIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionCut, |_| Question::Matter(MatterAct::Cut), target intervention;
    /// Note that a window has ended.
    DatabaseAction LapseIntervention {
        /// Which.
        intervention: InterventionId
    } InterventionLapsed, |_| Question::House, target intervention;
    /// Open a session to an equipment through a relay.
    DatabaseAction OpenRelay {
        /// Which.
        relay: RelayId,
        /// Which.
        intervention: InterventionId,
        /// To what.
        equipment: EquipmentId
    } RelayOpened, |_| Question::Matter(MatterAct::OpenRelay), target relay, detail intervention;
    /// Write down the end of a session through a relay.
    DatabaseAction CloseRelay {
        /// Which.
        relay: RelayId
    } RelayClosed, |_| Question::House, target relay;
    /// Cut a live session.
    DatabaseAction CutRelay {
        /// Which.
        relay: RelayId
    } RelayCut, |_| Question::Matter(MatterAct::Cut), target relay;
    /// Watch a live session.
    Disclosure WatchRelay {
        /// Which.
        relay: RelayId
    } RelayWatched, |_| Question::Matter(MatterAct::Watch), target relay;
    /// Replay a recording.
    Disclosure ReplayRelay {
        /// Which.
        relay: RelayId
    } RecordingReplayed, |_| Question::Matter(MatterAct::Replay), target relay;
    /// Search raw traces.
    Disclosure SearchTraces {
        /// What was asked, in words.
        query: String
    } TracesSearched, |_| Question::Oversee(OverseeAct::SearchTraces), detail query;
    /// Take raw traces away as a file: the same right, a trace of its own.
    Disclosure ExportTraces {
        /// What was asked, in words.
        query: String
    } TracesExported, |_| Question::Oversee(OverseeAct::SearchTraces), detail query;
    /// See the searches that one keeps.
    PlainRead SeeSearches {} Refused, |_| Question::Oversee(OverseeAct::SearchTraces);
    /// Keep a search for oneself.
    DatabaseAction SaveSearch {
        /// Which.
        search: SearchId,
        /// What it asks for, as an address has it.
        query: String
    } SearchSaved, |_| Question::Oversee(OverseeAct::SearchTraces), target search, detail query;
    /// Forget a search that one keeps.
    DatabaseAction ForgetSearch {
        /// Which.
        search: SearchId
    } SearchForgotten, |_| Question::Oversee(OverseeAct::SearchTraces), target search;
    /// See how long traces are kept, and what waits for a second person.
    PlainRead SeeRetention {} Refused, |_| Question::Oversee(OverseeAct::SeeRetention);
    /// Ask for another retention, a legal hold or its end; nothing changes before somebody else confirms.
    Declaration AskRetention {
        /// Why, in words.
        reason: String,
        /// What, as the journal keeps it.
        statement: Vec<u8>
    } RetentionAsked, |_| Question::Oversee(OverseeAct::SetRetention), detail reason, statement statement;
    /// Confirm what somebody else asked.
    Declaration ConfirmRetention {
        /// What, as the journal keeps it.
        statement: Vec<u8>
    } RetentionConfirmed, |_| Question::Oversee(OverseeAct::SetRetention), statement statement;
    /// Take back what was asked.
    Declaration WithdrawRetention {
        /// What, as the journal keeps it.
        statement: Vec<u8>
    } RetentionWithdrawn, |_| Question::Oversee(OverseeAct::SetRetention), statement statement;
    /// Set up a synthetic equipment with an approved intervention, for a probe.
    DatabaseAction SetRehearsal {
        /// Which.
        intervention: InterventionId,
        /// On what.
        equipment: EquipmentId
    } RehearsalSet, |_| Question::House, target intervention, detail equipment;
    /// Take it down, with what came of it in the database.
    DatabaseAction ClearRehearsal {
        /// Which.
        intervention: InterventionId
    } RehearsalCleared, |_| Question::House, target intervention;
    /// Keep a probe's answer.
    DatabaseAction RecordProof {
        /// Which probe.
        probe: String
    } ProofRecorded, |_| Question::House, detail probe;
}
