//! Which key is for what, and who holds it.

use std::fmt;
use types::Door;

/// What a key is for. One key, one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Login, name, password hash and second factor of an account.
    AccountFields,
    /// A patient's identity in the SIS.
    PatientFields,
    /// Who may see whom.
    RelationFields,
    /// What a session page shows (last sign-in).
    SessionFields,
    /// Keys for SSH, passkeys and tokens of an account: public parts and labels.
    MeansFields,
    /// Keyed tokens of links and spare codes: what is kept of one opens nothing.
    LinksAndCodes,
    /// Sign-ins by SSH that wait for their holder's answer in his browser, and the answer.
    SshApprovals,
    /// Mail that waits to leave: to whom, what, and the link that it may hold.
    Outbox,
    /// Keyed tokens by which a login is found.
    LoginTokens,
    /// Keyed tokens by which a patient is found.
    PatientTokens,
    /// Keyed tokens by which failures are counted.
    FailureTokens,
    /// Tags of session records; one key a door.
    SessionTags(Door),
    /// A sign-in between its two pages; one key a door.
    Ceremonies(Door),
    /// Tokens of forms; one key a door.
    Forms(Door),
    /// The seed of the journal's signing key.
    JournalSigning,
    /// Wraps the private keys that open traces.
    JournalReading,
    /// The search index of traces: its terms, and what its chunks are tagged and sealed with besides the month's key.
    TraceIndex,
    /// Interventions: purposes, names, approvals, addresses, commands.
    InterventionFields,
    /// Tags of the nonces that signatures over terms carry.
    InterventionNonces,
    /// Wraps the private key that opens what opens an equipment.
    EquipmentSecrets,
    /// Wraps the private keys that open recordings.
    RecordingReading,
    /// Tags of the probes' answers: a row written by hand proves nothing.
    ProofTags,
    /// Tokens by which the journal's statements about retention name people.
    RetentionPeople,
    /// Alarms kept for all nodes: from where.
    Alarms,
    /// Searches of traces kept by trace controllers.
    SavedSearches,
    /// What a patient is told of who saw his record: sealed by a node that may read traces, opened by the portal.
    Sightings,
    /// Password and second factor of the probes' reserved accounts: derived, so kept nowhere.
    ProberCredentials,
}

impl Purpose {
    /// Every purpose there is.
    pub(crate) fn all() -> Vec<Purpose> {
        let mut all = vec![
            Purpose::AccountFields,
            Purpose::PatientFields,
            Purpose::RelationFields,
            Purpose::SessionFields,
            Purpose::MeansFields,
            Purpose::LinksAndCodes,
            Purpose::SshApprovals,
            Purpose::Outbox,
            Purpose::LoginTokens,
            Purpose::PatientTokens,
            Purpose::FailureTokens,
            Purpose::JournalSigning,
            Purpose::JournalReading,
            Purpose::TraceIndex,
            Purpose::InterventionFields,
            Purpose::InterventionNonces,
            Purpose::EquipmentSecrets,
            Purpose::RecordingReading,
            Purpose::ProofTags,
            Purpose::RetentionPeople,
            Purpose::Alarms,
            Purpose::SavedSearches,
            Purpose::Sightings,
            Purpose::ProberCredentials,
        ];
        for &door in Door::ALL {
            all.extend([Purpose::SessionTags(door), Purpose::Ceremonies(door), Purpose::Forms(door)]);
        }
        all
    }

    /// The label of the key's derivation. Never changes once shipped.
    pub fn label(self) -> String {
        match self {
            Purpose::AccountFields => "account-fields".into(),
            Purpose::PatientFields => "patient-fields".into(),
            Purpose::RelationFields => "relation-fields".into(),
            Purpose::SessionFields => "session-fields".into(),
            Purpose::MeansFields => "means-fields".into(),
            Purpose::LinksAndCodes => "links-and-codes".into(),
            Purpose::SshApprovals => "ssh-approvals".into(),
            Purpose::Outbox => "outbox".into(),
            Purpose::LoginTokens => "login-tokens".into(),
            Purpose::PatientTokens => "patient-tokens".into(),
            Purpose::FailureTokens => "failure-tokens".into(),
            Purpose::SessionTags(door) => format!("session-tags/{door}"),
            Purpose::Ceremonies(door) => format!("ceremonies/{door}"),
            Purpose::Forms(door) => format!("forms/{door}"),
            Purpose::JournalSigning => "journal-signing".into(),
            Purpose::JournalReading => "journal-reading".into(),
            Purpose::TraceIndex => "trace-index".into(),
            Purpose::InterventionFields => "intervention-fields".into(),
            Purpose::InterventionNonces => "intervention-nonces".into(),
            Purpose::EquipmentSecrets => "equipment-secrets".into(),
            Purpose::RecordingReading => "recording-reading".into(),
            Purpose::ProofTags => "proof-tags".into(),
            Purpose::RetentionPeople => "retention-people".into(),
            Purpose::Alarms => "alarms".into(),
            Purpose::SavedSearches => "saved-searches".into(),
            Purpose::Sightings => "sightings".into(),
            Purpose::ProberCredentials => "prober-credentials".into(),
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

/// Who holds keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A door's own services.
    Door(Door),
    /// The journal's writer.
    Journal,
    /// Whoever reads traces with the right to (a later door), and the operator's commands.
    TraceReader,
    /// Whoever creates accounts: the operator's commands, the demonstration.
    Enrolment,
    /// Whoever sends the mail that waits.
    Mailer,
    /// Whoever runs probes and keeps their answers.
    Prober,
    /// Whoever reads the probes' answers outside a door: `poterne rules`.
    ProofReader,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Door(door) => write!(f, "door {door}"),
            Holder::Journal => f.write_str("the journal"),
            Holder::TraceReader => f.write_str("the trace reader"),
            Holder::Enrolment => f.write_str("enrolment"),
            Holder::Mailer => f.write_str("the mailer"),
            Holder::Prober => f.write_str("the prober"),
            Holder::ProofReader => f.write_str("the reader of proofs"),
        }
    }
}

/// What a holder may do with a purpose's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: the key is not there.
    None,
    /// Seal and open, or compute tokens.
    Full,
}

/// The seal/open matrix.
pub fn access(holder: Holder, purpose: Purpose) -> Access {
    let allowed = match (holder, purpose) {
        (Holder::Door(door), Purpose::SessionTags(of) | Purpose::Ceremonies(of) | Purpose::Forms(of)) => door == of,
        (
            Holder::Door(Door::Portal),
            Purpose::AccountFields
            | Purpose::PatientFields
            | Purpose::RelationFields
            | Purpose::SessionFields
            | Purpose::MeansFields
            | Purpose::LinksAndCodes
            | Purpose::LoginTokens
            | Purpose::FailureTokens,
        ) => true,
        (
            Holder::Door(Door::Desk | Door::Suppliers | Door::Relays),
            Purpose::AccountFields
            | Purpose::SessionFields
            | Purpose::MeansFields
            | Purpose::LinksAndCodes
            | Purpose::LoginTokens
            | Purpose::FailureTokens,
        ) => true,
        (Holder::Door(Door::Suppliers | Door::Relays), Purpose::SshApprovals) => true,
        (Holder::Door(Door::Portal | Door::Desk | Door::Suppliers) | Holder::Mailer, Purpose::Outbox) => true,
        (Holder::Journal, Purpose::JournalSigning) => true,
        (Holder::TraceReader, Purpose::JournalReading | Purpose::TraceIndex) => true,
        (
            Holder::Door(Door::Desk | Door::Suppliers | Door::Relays) | Holder::Enrolment,
            Purpose::InterventionFields,
        ) => true,
        (
            Holder::Door(Door::Desk),
            Purpose::InterventionNonces
            | Purpose::RecordingReading
            | Purpose::RetentionPeople
            | Purpose::Alarms
            | Purpose::SavedSearches,
        ) => true,
        (Holder::Door(Door::Portal | Door::Desk), Purpose::Sightings) => true,
        (Holder::Door(Door::Relays), Purpose::EquipmentSecrets) => true,
        (Holder::Door(Door::Desk) | Holder::Prober | Holder::ProofReader, Purpose::ProofTags) => true,
        (Holder::Prober, Purpose::ProberCredentials) => true,
        (
            Holder::Enrolment,
            Purpose::AccountFields
            | Purpose::PatientFields
            | Purpose::RelationFields
            | Purpose::MeansFields
            | Purpose::LinksAndCodes
            | Purpose::LoginTokens
            | Purpose::PatientTokens,
        ) => true,
        _ => false,
    };
    if allowed { Access::Full } else { Access::None }
}
