//! What the journal records, in the reader's words.

use crate::i18n::Text;
use types::Event;

impl Text {
    /// What a type of event is called; one that nobody has named yet is shown by its word.
    pub fn event(self, event: Event) -> &'static str {
        match event {
            Event::NodeStarted => self.event_node_started(),
            Event::NodeStopped => self.event_node_stopped(),
            Event::SealKey => self.event_journal_seal_key(),
            Event::NodeConfigured => self.event_node_configured(),
            Event::PolicyInForce => self.event_policy_in_force(),
            Event::DoorStarted => self.event_door_started(),
            Event::DoorStopped => self.event_door_stopped(),
            Event::JournalWitnessed => self.event_journal_witnessed(),
            Event::JournalUnwitnessed => self.event_journal_unwitnessed(),
            Event::JournalFollowed => self.event_journal_followed(),
            Event::JournalUnfollowed => self.event_journal_unfollowed(),
            Event::JournalStamped => self.event_journal_stamped(),
            Event::JournalUnstamped => self.event_journal_unstamped(),
            Event::GapDeclared => self.event_journal_gap_declared(),
            Event::JournalKeyRenewed => self.event_journal_key_renewed(),
            Event::SignIn => self.event_session_sign_in(),
            Event::SignOut => self.event_session_sign_out(),
            Event::SessionClosed => self.event_session_closed(),
            Event::SessionRenewed => self.event_session_renewed(),
            Event::SessionsPurged => self.event_session_purged(),
            Event::MailTaken => self.event_mail_taken(),
            Event::MailSent => self.event_mail_sent(),
            Event::ReviewsReminded => self.event_reviews_reminded(),
            Event::MailGivenUp => self.event_mail_given_up(),
            Event::AddressChanged => self.event_account_address_changed(),
            Event::AttributesCorrected => self.event_account_attributes_corrected(),
            Event::Refused => self.event_access_refused(),
            Event::RefusalsFolded => self.event_access_refusals_folded(),
            Event::RequestMade => self.event_access_request_made(),
            Event::CallMade => self.event_access_call_made(),
            Event::StrayObject => self.event_anomaly_stray_object(),
            Event::SignInAlarm => self.event_anomaly_sign_in(),
            Event::AlarmKept => self.event_anomaly_kept(),
            Event::SignInDisowned => self.event_anomaly_sign_in_disowned(),
            Event::SessionsSeen => self.event_session_seen(),
            Event::SessionRulesSet => self.event_session_rules_set(),
            Event::PeopleRead => self.event_record_people_read(),
            Event::RecordRead => self.event_record_read(),
            Event::ResultRead => self.event_record_result_read(),
            Event::DocumentRead => self.event_record_document_read(),
            Event::DocumentOpened => self.event_record_document_opened(),
            Event::SightingsAsked => self.event_record_sightings_asked(),
            Event::SightingsGiven => self.event_record_sightings_given(),
            Event::SightingsRead => self.event_record_sightings_read(),
            Event::EstablishmentCreated => self.event_establishment_created(),
            Event::AccountCreated => self.event_account_created(),
            Event::LinkDrawn => self.event_account_link_drawn(),
            Event::LinkConfirmed => self.event_account_link_confirmed(),
            Event::LinkAllowed => self.event_account_link_allowed(),
            Event::LinkWithdrawn => self.event_account_link_withdrawn(),
            Event::LinkUsed => self.event_account_link_used(),
            Event::BreakGlass => self.event_anomaly_break_glass(),
            Event::BreakGlassReviewed => self.event_anomaly_break_glass_reviewed(),
            Event::BreakGlassOpened => self.event_account_break_glass_opened(),
            Event::EnvelopeDrawn => self.event_account_envelope_drawn(),
            Event::EnvelopesConfirmed => self.event_account_envelopes_confirmed(),
            Event::EnvelopesRevoked => self.event_account_envelopes_revoked(),
            Event::SheetDrawn => self.event_account_sheet_drawn(),
            Event::SheetConfirmed => self.event_account_sheet_confirmed(),
            Event::SheetWithdrawn => self.event_account_sheet_withdrawn(),
            Event::AccountStateChanged => self.event_account_state_changed(),
            Event::AccountReviewed => self.event_account_reviewed(),
            Event::PasswordChanged => self.event_account_password_changed(),
            Event::PasswordRehashed => self.event_account_password_rehashed(),
            Event::SecondFactorChanged => self.event_account_second_factor_changed(),
            Event::SpareCodesDrawn => self.event_account_spare_codes_drawn(),
            Event::PatientRegistered => self.event_patient_registered(),
            Event::RelationGranted => self.event_relation_granted(),
            Event::SupplierRegistered => self.event_supplier_registered(),
            Event::EquipmentRegistered => self.event_equipment_registered(),
            Event::SshKeyAdded => self.event_account_ssh_key_added(),
            Event::SshKeyRemoved => self.event_account_ssh_key_removed(),
            Event::PasskeyEnrolled => self.event_account_passkey_enrolled(),
            Event::PasskeyVouched => self.event_account_passkey_vouched(),
            Event::PasskeyRevoked => self.event_account_passkey_revoked(),
            Event::TokenIssued => self.event_account_token_issued(),
            Event::TokenUsed => self.event_account_token_used(),
            Event::TokenRevoked => self.event_account_token_revoked(),
            Event::InterventionRequested => self.event_intervention_requested(),
            Event::InterventionApproved => self.event_intervention_approved(),
            Event::InterventionRefused => self.event_intervention_refused(),
            Event::InterventionWithdrawn => self.event_intervention_withdrawn(),
            Event::InterventionOpened => self.event_intervention_opened(),
            Event::InterventionExtended => self.event_intervention_extended(),
            Event::InterventionHeld => self.event_intervention_held(),
            Event::InterventionReleased => self.event_intervention_released(),
            Event::InterventionClosed => self.event_intervention_closed(),
            Event::InterventionCut => self.event_intervention_cut(),
            Event::InterventionLapsed => self.event_intervention_lapsed(),
            Event::RelayOpened => self.event_relay_opened(),
            Event::RelayKeyOpened => self.event_relay_key_opened(),
            Event::RelayApprovalAsked => self.event_relay_approval_asked(),
            Event::RelayApprovalGiven => self.event_relay_approval_given(),
            Event::RelayApprovalRefused => self.event_relay_approval_refused(),
            Event::RelayApprovalExpired => self.event_relay_approval_expired(),
            Event::RelayClosed => self.event_relay_closed(),
            Event::RelayCommand => self.event_relay_command(),
            Event::RelayFile => self.event_relay_file(),
            Event::RelayCut => self.event_relay_cut(),
            Event::RelayAlarm => self.event_relay_alarm(),
            Event::RelayWatched => self.event_relay_watched(),
            Event::RecordingReplayed => self.event_relay_replayed(),
            Event::TracesSearched => self.event_traces_searched(),
            Event::TracesExported => self.event_traces_exported(),
            Event::SearchSaved => self.event_traces_search_saved(),
            Event::SearchForgotten => self.event_traces_search_forgotten(),
            Event::RetentionAsked => self.event_retention_asked(),
            Event::RetentionConfirmed => self.event_retention_confirmed(),
            Event::RetentionWithdrawn => self.event_retention_withdrawn(),
            Event::JournalPurged => self.event_journal_purged(),
            Event::KeyDestroyed => self.event_journal_key_destroyed(),
            Event::MinimumRaised => self.event_journal_minimum_raised(),
            Event::JournalPruned => self.event_journal_pruned(),
            Event::RehearsalSet => self.event_rehearsal_set(),
            Event::RehearsalCleared => self.event_rehearsal_cleared(),
            Event::ProofRecorded => self.event_proof_recorded(),
            #[allow(unreachable_patterns, reason = "a new type must not stop the pages: a test asks for its name")]
            other => other.as_str(),
        }
    }

    /// What the types are called whose words begin alike, by what they begin with.
    pub fn event_family(self, family: &str) -> Option<&'static str> {
        Some(match family {
            "node" => self.event_family_node(),
            "journal" => self.event_family_journal(),
            "session" => self.event_family_session(),
            "access" => self.event_family_access(),
            "mail" => self.event_family_mail(),
            "anomaly" => self.event_family_anomaly(),
            "door" => self.event_family_door(),
            "policy" => self.event_family_policy(),
            "record" => self.event_family_record(),
            "establishment" => self.event_family_establishment(),
            "account" => self.event_family_account(),
            "patient" => self.event_family_patient(),
            "relation" => self.event_family_relation(),
            "supplier" => self.event_family_supplier(),
            "equipment" => self.event_family_equipment(),
            "intervention" => self.event_family_intervention(),
            "relay" => self.event_family_relay(),
            "traces" => self.event_family_traces(),
            "retention" => self.event_family_retention(),
            "rehearsal" => self.event_family_rehearsal(),
            "proof" => self.event_family_proof(),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::collections::BTreeSet;
    use types::Lang;

    #[test]
    fn every_type_has_a_name_of_its_own_in_both_languages() {
        for lang in Lang::ALL {
            let t = Text::new(*lang);
            let mut names = BTreeSet::new();
            for event in Event::ALL {
                let name = t.event(*event);
                assert!(!name.contains('.') && name != event.as_str(), "locales/{lang}.toml does not name {event}");
                assert!(names.insert(name), "{lang}: {name} is said of two types");
                let family = event.as_str().split('.').next().unwrap();
                assert!(t.event_family(family).is_some(), "{lang}: {family} is not named");
            }
        }
        assert_eq!(Text::new(Lang::Fr).event_family("none"), None);
    }
}
