//! The families of events: what is sealed to one key each month, and goes together at its term.

use super::Event;
use crate::actor::words;
use std::{fmt, str::FromStr};

words! {
    /// A family of events. Its word names the months' keys that its entries are sealed to, so it is lowercase ASCII and
    /// never changes once shipped.
    Family {
        /// The node's own life: start, stop, keys, configuration, probes, housekeeping.
        Technical = "technical",
        /// Who came, who was refused, which tokens were used.
        Access = "access",
        /// The life of establishments, accounts, rights and means of signing in.
        Accounts = "accounts",
        /// Suppliers, equipment, interventions and sessions through relays.
        Interventions = "interventions",
        /// Health data shown, and everything whose trace names what a patient has; searches of such traces with them.
        Health = "health",
    }
}

impl Family {
    /// Months for which a family's entries stay readable after their own month, unless the trace controllers decide
    /// otherwise. Only a default: the retention in force is theirs to change, by two people, never below
    /// [`Family::retention_months_min`].
    pub const fn retention_months_default(self) -> u16 {
        match self {
            Family::Technical | Family::Access => 12,
            Family::Accounts | Family::Interventions => 60,
            Family::Health => 240,
        }
    }

    /// The floor under which nobody can set the retention, in months.
    pub const fn retention_months_min(self) -> u16 {
        match self {
            Family::Technical | Family::Access => 6,
            Family::Accounts | Family::Interventions => 12,
            Family::Health => 120,
        }
    }
}

impl Event {
    /// The family whose key of the month seals the event's entries, and whose term they follow.
    pub const fn family(self) -> Family {
        match self {
            Event::NodeStarted
            | Event::NodeStopped
            | Event::NodeConfigured
            | Event::PolicyInForce
            | Event::DoorStarted
            | Event::DoorStopped
            | Event::SealKey
            | Event::JournalWitnessed
            | Event::JournalUnwitnessed
            | Event::JournalFollowed
            | Event::JournalUnfollowed
            | Event::JournalStamped
            | Event::JournalUnstamped
            | Event::GapDeclared
            | Event::JournalKeyRenewed
            | Event::JournalPurged
            | Event::KeyDestroyed
            | Event::MinimumRaised
            | Event::JournalPruned
            | Event::SessionsPurged
            | Event::MailTaken
            | Event::RehearsalSet
            | Event::RehearsalCleared
            | Event::ProofRecorded => Family::Technical,
            Event::SignIn
            | Event::SignOut
            | Event::SessionClosed
            | Event::SessionRenewed
            | Event::SessionsSeen
            | Event::SignInAlarm
            | Event::AlarmKept
            | Event::SignInDisowned
            | Event::BreakGlass
            | Event::BreakGlassReviewed
            | Event::Refused
            | Event::RefusalsFolded
            | Event::RequestMade
            | Event::CallMade
            | Event::TokenUsed => Family::Access,
            Event::EstablishmentCreated
            | Event::AccountCreated
            | Event::LinkDrawn
            | Event::LinkConfirmed
            | Event::LinkAllowed
            | Event::LinkWithdrawn
            | Event::LinkUsed
            | Event::BreakGlassOpened
            | Event::EnvelopeDrawn
            | Event::EnvelopesConfirmed
            | Event::EnvelopesRevoked
            | Event::SheetDrawn
            | Event::SheetConfirmed
            | Event::SheetWithdrawn
            | Event::AccountStateChanged
            | Event::AccountReviewed
            | Event::AddressChanged
            | Event::AttributesCorrected
            | Event::MailSent
            | Event::ReviewsReminded
            | Event::MailGivenUp
            | Event::SessionRulesSet
            | Event::PasswordChanged
            | Event::PasswordRehashed
            | Event::SecondFactorChanged
            | Event::SpareCodesDrawn
            | Event::PatientRegistered
            | Event::RelationGranted
            | Event::SshKeyAdded
            | Event::SshKeyRemoved
            | Event::PasskeyEnrolled
            | Event::PasskeyVouched
            | Event::PasskeyRevoked
            | Event::TokenIssued
            | Event::TokenRevoked => Family::Accounts,
            Event::SupplierRegistered
            | Event::EquipmentRegistered
            | Event::InterventionRequested
            | Event::InterventionApproved
            | Event::InterventionRefused
            | Event::InterventionWithdrawn
            | Event::InterventionOpened
            | Event::InterventionExtended
            | Event::InterventionHeld
            | Event::InterventionReleased
            | Event::InterventionClosed
            | Event::InterventionCut
            | Event::InterventionLapsed
            | Event::RelayOpened
            | Event::RelayKeyOpened
            | Event::RelayApprovalAsked
            | Event::RelayApprovalGiven
            | Event::RelayApprovalRefused
            | Event::RelayApprovalExpired
            | Event::RelayClosed
            | Event::RelayCommand
            | Event::RelayFile
            | Event::RelayCut
            | Event::RelayAlarm
            | Event::RelayWatched
            | Event::RecordingReplayed => Family::Interventions,
            Event::StrayObject
            | Event::PeopleRead
            | Event::RecordRead
            | Event::ResultRead
            | Event::DocumentRead
            | Event::DocumentOpened
            | Event::SightingsAsked
            | Event::SightingsGiven
            | Event::SightingsRead
            | Event::TracesSearched
            | Event::TracesExported
            | Event::SearchSaved
            | Event::SearchForgotten
            | Event::RetentionAsked
            | Event::RetentionConfirmed
            | Event::RetentionWithdrawn => Family::Health,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_has_events_a_plain_word_and_a_default_above_its_floor() {
        for family in Family::ALL {
            assert!(Event::ALL.iter().any(|event| event.family() == *family), "{family} has no event");
            assert!(family.as_str().bytes().all(|byte| byte.is_ascii_lowercase()), "{family} names no month's key");
            assert!(family.retention_months_default() >= family.retention_months_min(), "{family}");
        }
        let health = Event::ALL.iter().filter(|event| event.as_str().starts_with("record."));
        assert!(health.clone().count() > 0 && health.copied().all(|event| event.family() == Family::Health));
        assert_eq!(Event::TracesSearched.family(), Family::Health, "who read such traces is known as long as they are");
    }
}
