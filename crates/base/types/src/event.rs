//! The registry of what the journal records. The word is what is written; it never changes once shipped.

mod extra;
mod family;
mod registry;

pub use extra::{Extra, Extras};
pub use family::Family;
pub use registry::{Codes, Do, Documented, Form, Written, events_page};

use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// A type of event.
    Event {
        /// A node started (acces-web TR1).
        NodeStarted = "node.started",
        /// A node stopped cleanly.
        NodeStopped = "node.stopped",
        /// A configuration was read, and a node runs by it.
        NodeConfigured = "node.configured",
        /// The policies by which a node decides.
        PolicyInForce = "policy.in_force",
        /// A door began to listen (acces-web TR1).
        DoorStarted = "door.started",
        /// A door no longer listens.
        DoorStopped = "door.stopped",
        /// A key that seals entries was made for this origin.
        SealKey = "journal.seal_key",
        /// A witness cosigns this node's journal, for the first time or again.
        JournalWitnessed = "journal.witnessed",
        /// A witness has cosigned nothing for too long, or remembers another journal than this one.
        JournalUnwitnessed = "journal.unwitnessed",
        /// Another node's journal is followed, for the first time or again.
        JournalFollowed = "journal.followed",
        /// Another node's journal could not be followed for too long, or is not the one that was.
        JournalUnfollowed = "journal.unfollowed",
        /// An authority stamped a checkpoint of this journal (RFC 3161).
        JournalStamped = "journal.stamped",
        /// No stamp is had for a checkpoint of today.
        JournalUnstamped = "journal.unstamped",
        /// This journal follows another, of which something is missing; the entry says what was known of it.
        GapDeclared = "journal.gap_declared",
        /// The key that signs this journal gave way to another, which it named.
        JournalKeyRenewed = "journal.key_renewed",
        /// Somebody tried to sign in; the outcome says whether he did.
        SignIn = "session.sign_in",
        /// A session was ended by its holder.
        SignOut = "session.sign_out",
        /// A session was closed because of a fault it met (acces-web DT8).
        SessionClosed = "session.closed",
        /// A session's idle end was moved.
        SessionRenewed = "session.renewed",
        /// Ended sessions were deleted.
        SessionsPurged = "session.purged",
        /// Which sessions' browsers are still there was noted, where one session at a time is kept (acces-web AA8).
        SessionsSeen = "session.seen",
        /// How long sessions last, or how many one person may have, was decided (acces-web AA8, AA13, DT9).
        SessionRulesSet = "session.rules_set",
        /// A node took mail that waited, to send it.
        MailTaken = "mail.taken",
        /// A mail server took a message.
        MailSent = "mail.sent",
        /// A message could not leave, and was given up.
        MailGivenUp = "mail.given_up",
        /// Those who manage accounts were written to, that some are to be looked at again (acces-web GA4).
        ReviewsReminded = "account.reviews_reminded",
        /// Something was refused.
        Refused = "access.refused",
        /// Refusals past the bound, counted together.
        RefusalsFolded = "access.refusals_folded",
        /// Somebody signed in asked for a page or sent a form; only while trace controllers want it recorded (acces-web TR3).
        RequestMade = "access.request_made",
        /// A program made a call with a token; likewise.
        CallMade = "access.call_made",
        /// The SIS answered with an object outside the scope asked for; the page was withheld.
        StrayObject = "anomaly.stray_object",
        /// Sign-ins fail as they do when somebody guesses (acces-web AA7).
        SignInAlarm = "anomaly.sign_in",
        /// An alarm of sign-ins was kept for every node's desk, and told by mail where mail is set (acces-web AA7).
        AlarmKept = "anomaly.kept",
        /// An account's holder says that a sign-in was not his: what was open elsewhere ended (acces-web AA8).
        SignInDisowned = "anomaly.sign_in_disowned",
        /// Somebody tried to sign in by the two sealed envelopes of a break-glass account; the outcome says whether he did. Done,
        /// it is an alarm.
        BreakGlass = "anomaly.break_glass",
        /// Somebody else looked at what was done by such a sign-in, and said what he found.
        BreakGlassReviewed = "anomaly.break_glass_reviewed",
        /// The list of the people somebody may see was read.
        PeopleRead = "record.people_read",
        /// A record's lists were read.
        RecordRead = "record.read",
        /// A result was read.
        ResultRead = "record.result_read",
        /// A document's description was read.
        DocumentRead = "record.document_read",
        /// A document was opened.
        DocumentOpened = "record.document_opened",
        /// A patient asked who saw his record.
        SightingsAsked = "record.sightings_asked",
        /// A node that may read traces answered him.
        SightingsGiven = "record.sightings_given",
        /// The answer was shown to him.
        SightingsRead = "record.sightings_read",
        /// An establishment was created.
        EstablishmentCreated = "establishment.created",
        /// An account was created.
        AccountCreated = "account.created",
        /// A link was drawn by which somebody chooses what he signs in with (acces-web AA6).
        LinkDrawn = "account.link_drawn",
        /// A second person confirmed it.
        LinkConfirmed = "account.link_confirmed",
        /// The account's holder let it serve before its time.
        LinkAllowed = "account.link_allowed",
        /// It was taken back before it served.
        LinkWithdrawn = "account.link_withdrawn",
        /// Somebody used it, rightly or not.
        LinkUsed = "account.link_used",
        /// A break-glass account was opened: it has no envelopes yet.
        BreakGlassOpened = "account.break_glass_opened",
        /// The first envelope of a break-glass account was drawn; it serves nothing before a second person drew the other.
        EnvelopeDrawn = "account.envelope_drawn",
        /// A second person confirmed, and drew the second one: both serve from now on.
        EnvelopesConfirmed = "account.envelopes_confirmed",
        /// A break-glass account's envelopes serve no more.
        EnvelopesRevoked = "account.envelopes_revoked",
        /// A sheet of one-time codes was drawn for an account; it serves nothing before a second person or a link.
        SheetDrawn = "account.sheet_drawn",
        /// A second person confirmed it: it serves from now on, in place of what was the second factor.
        SheetConfirmed = "account.sheet_confirmed",
        /// A sheet of one-time codes serves no more, nor does one that waited.
        SheetWithdrawn = "account.sheet_withdrawn",
        /// An account was suspended, blocked, reopened or closed (acces-web GA4).
        AccountStateChanged = "account.state_changed",
        /// Where an account's mail goes was changed.
        AddressChanged = "account.address_changed",
        /// Who an account's holder is was corrected: names, trade, national number, how his identity was verified.
        AttributesCorrected = "account.attributes_corrected",
        /// An account was looked at again and found right (acces-web GA4).
        AccountReviewed = "account.reviewed",
        /// Somebody changed his password, or failed to.
        PasswordChanged = "account.password_changed",
        /// A password kept under weaker parameters than today's was hashed again when its holder signed in.
        PasswordRehashed = "account.password_rehashed",
        /// Somebody changed his second factor, or failed to.
        SecondFactorChanged = "account.second_factor_changed",
        /// Spare codes were drawn for an account; those before serve no more.
        SpareCodesDrawn = "account.spare_codes_drawn",
        /// A patient was registered with his identity in the SIS.
        PatientRegistered = "patient.registered",
        /// A relation (own record, mandate, care) was granted.
        RelationGranted = "relation.granted",
        /// A supplier was registered.
        SupplierRegistered = "supplier.registered",
        /// An equipment was registered or changed (interventions T10).
        EquipmentRegistered = "equipment.registered",
        /// A key for SSH was added to an account.
        SshKeyAdded = "account.ssh_key_added",
        /// A key for SSH was removed from an account.
        SshKeyRemoved = "account.ssh_key_removed",
        /// A passkey was enrolled for an account; it signs nothing before it is vouched for.
        PasskeyEnrolled = "account.passkey_enrolled",
        /// A passkey's enrolment was signed by somebody already trusted.
        PasskeyVouched = "account.passkey_vouched",
        /// A passkey was revoked.
        PasskeyRevoked = "account.passkey_revoked",
        /// A token of the interfaces was issued.
        TokenIssued = "account.token_issued",
        /// A token of the interfaces was used, the first time in an hour.
        TokenUsed = "account.token_used",
        /// A token of the interfaces was revoked.
        TokenRevoked = "account.token_revoked",
        /// An intervention was requested (interventions O8).
        InterventionRequested = "intervention.requested",
        /// An intervention was approved by a signature.
        InterventionApproved = "intervention.approved",
        /// An intervention was refused.
        InterventionRefused = "intervention.refused",
        /// An intervention was withdrawn by those who asked.
        InterventionWithdrawn = "intervention.withdrawn",
        /// An intervention was opened within its window.
        InterventionOpened = "intervention.opened",
        /// An intervention's window was extended by a signature.
        InterventionExtended = "intervention.extended",
        /// "Do not interrupt" was set by a signature.
        InterventionHeld = "intervention.held",
        /// "Do not interrupt" was lifted.
        InterventionReleased = "intervention.released",
        /// An intervention was closed by those who worked or those who follow it.
        InterventionClosed = "intervention.closed",
        /// An intervention was cut.
        InterventionCut = "intervention.cut",
        /// An intervention's window ended.
        InterventionLapsed = "intervention.lapsed",
        /// A technician tried to open a session through a relay; the outcome says whether he did.
        RelayOpened = "relay.opened",
        /// A second factor opened a key from an address for an intervention, for a while.
        RelayKeyOpened = "relay.key_opened",
        /// A sign-in by SSH waits for its holder's answer in his browser.
        RelayApprovalAsked = "relay.approval_asked",
        /// He approved it there; it comes in once, from the same address.
        RelayApprovalGiven = "relay.approval_given",
        /// He said there that it is not his.
        RelayApprovalRefused = "relay.approval_refused",
        /// It came in by nothing: its time was over, or its connection gone.
        RelayApprovalExpired = "relay.approval_expired",
        /// A session through a relay ended, with its counts.
        RelayClosed = "relay.closed",
        /// A command without terminal ran through a relay, with its counts and digests.
        RelayCommand = "relay.command",
        /// Something was done to a file through a relay, with its names, counts and digests.
        RelayFile = "relay.file",
        /// A session through a relay was cut.
        RelayCut = "relay.cut",
        /// Something went wrong while a session ran: target, recording, "do not interrupt" (interventions T11).
        RelayAlarm = "relay.alarm",
        /// A live session was watched.
        RelayWatched = "relay.watched",
        /// A recording was replayed.
        RecordingReplayed = "relay.replayed",
        /// Traces were searched.
        TracesSearched = "traces.searched",
        /// Traces left as a file.
        TracesExported = "traces.exported",
        /// A trace controller keeps a search for himself.
        SearchSaved = "traces.search_saved",
        /// A trace controller forgot a search.
        SearchForgotten = "traces.search_forgotten",
        /// A change of how long traces are kept, or of what is recorded beyond the minimum, was asked (acces-web TR3).
        RetentionAsked = "retention.asked",
        /// Somebody else confirmed it.
        RetentionConfirmed = "retention.confirmed",
        /// It was taken back.
        RetentionWithdrawn = "retention.withdrawn",
        /// The key of a family's month is about to be destroyed at its term (clausier O-6.5).
        JournalPurged = "journal.purged",
        /// It was destroyed.
        KeyDestroyed = "journal.key_destroyed",
        /// Every entry before a minimum is about to go, past the longest retention (clausier O-6.5).
        MinimumRaised = "journal.minimum_raised",
        /// They went.
        JournalPruned = "journal.pruned",
        /// A synthetic equipment with an approved intervention was set up for a probe.
        RehearsalSet = "rehearsal.set",
        /// It was taken down, with what came of it in the database.
        RehearsalCleared = "rehearsal.cleared",
        /// A probe's answer was kept.
        ProofRecorded = "proof.recorded",
    }
}
