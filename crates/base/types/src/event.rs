//! The registry of what the journal records. The word is what is written; it never changes once shipped.

use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// A type of event.
    Event {
        /// A node started (acces-web TR1).
        NodeStarted = "node.started",
        /// A node stopped cleanly.
        NodeStopped = "node.stopped",
        /// A key that seals entries was made for this origin.
        SealKey = "journal.seal_key",
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
        /// Something was refused.
        Refused = "access.refused",
        /// Refusals past the bound, counted together.
        RefusalsFolded = "access.refusals_folded",
        /// The SIS answered with an object outside the scope asked for; the page was withheld.
        StrayObject = "anomaly.stray_object",
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
        /// An establishment was created.
        EstablishmentCreated = "establishment.created",
        /// An account was created.
        AccountCreated = "account.created",
        /// A patient was registered with his identity in the SIS.
        PatientRegistered = "patient.registered",
        /// A relation (own record, mandate, care) was granted.
        RelationGranted = "relation.granted",
    }
}
