//! One word, one icon, one color for each state, the same on every page.

use interventions::{
    Activity, ChannelKind, EndReason, FileEnd, FileVerb, Intervention, RelaySession, Right, State, StepKind,
};
use std::fmt;
use types::{AccountState, IdentityProof, Lang, LifeReason, Time};
use web::{assets::Icon, i18n::Text, when};

/// A state: word, icon, color. Its words are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    word: &'static str,
    icon: Icon,
    class: &'static str,
}

impl Badge {
    pub(crate) const fn new(word: &'static str, icon: Icon, class: &'static str) -> Self {
        Self { word, icon, class }
    }

    /// The word.
    pub fn word(&self) -> &'static str {
        self.word
    }

    /// The icon.
    pub fn icon(&self) -> Icon {
        self.icon
    }
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"tag {}\">{} {}</span>", self.class, self.icon, self.word)
    }
}

// Word, icon and class are fixed at build.
impl askama::filters::HtmlSafe for Badge {}

/// Where an intervention stands; "do not interrupt" comes before the rest.
pub(crate) fn state_of(t: Text, one: &Intervention, now: Time) -> Badge {
    if one.state == State::Open && one.hold_until.is_some_and(|until| now < until) {
        return Badge::new(t.intervention_state_hold(), Icon::Hold, "wait");
    }
    state(t, one.state)
}

/// Where an intervention stands.
pub(crate) fn state(t: Text, state: State) -> Badge {
    match state {
        State::Waiting => Badge::new(t.intervention_state_waiting(), Icon::Clock, "wait"),
        State::Planned => Badge::new(t.intervention_state_planned(), Icon::Calendar, "act"),
        State::Open => Badge::new(t.intervention_state_open(), Icon::DoorOpen, "good"),
        State::Refused => Badge::new(t.intervention_state_refused(), Icon::DoorClosed, "bad"),
        State::Withdrawn => Badge::new(t.intervention_state_withdrawn(), Icon::Back, ""),
        State::Closed => Badge::new(t.intervention_state_closed(), Icon::Closed, ""),
        State::Cut => Badge::new(t.intervention_state_cut(), Icon::Cut, "bad"),
        State::Lapsed => Badge::new(t.intervention_state_lapsed(), Icon::Lapsed, ""),
    }
}

/// Whether a session lives, and how it ended.
pub(crate) fn session(t: Text, one: &RelaySession) -> Badge {
    match (one.live, one.end) {
        (true, _) => Badge::new(t.relay_state_live(), Icon::Lantern, "good"),
        (false, Some(EndReason::Cut)) => Badge::new(t.relay_end_cut(), Icon::Cut, "bad"),
        (false, _) => Badge::new(t.relay_state_over(), Icon::Closed, ""),
    }
}

/// Why a session ended.
pub(crate) fn end(t: Text, end: EndReason) -> &'static str {
    match end {
        EndReason::Technician => t.relay_end_technician(),
        EndReason::Equipment => t.relay_end_equipment(),
        EndReason::Unreachable => t.relay_end_unreachable(),
        EndReason::HostKey => t.relay_end_host_key(),
        EndReason::Credentials => t.relay_end_credentials(),
        EndReason::Window => t.relay_end_window(),
        EndReason::Hold => t.relay_end_hold(),
        EndReason::Cut => t.relay_end_cut(),
        EndReason::Closed => t.relay_end_closed(),
        _ => t.relay_end_node(),
    }
}

/// What an intervention is for.
pub(crate) fn activity(t: Text, activity: Activity) -> &'static str {
    match activity {
        Activity::Monitoring => t.intervention_activity_monitoring(),
        Activity::Maintenance => t.intervention_activity_maintenance(),
        Activity::Assistance => t.intervention_activity_assistance(),
    }
}

/// What may be done.
pub(crate) fn right(t: Text, right: Right) -> &'static str {
    match right {
        Right::Shell => t.intervention_right_shell(),
        Right::Exec => t.intervention_right_exec(),
        Right::FilesIn => t.intervention_right_files_in(),
        Right::FilesOut => t.intervention_right_files_out(),
    }
}

/// What happened.
pub(crate) fn step(t: Text, step: StepKind) -> (Icon, &'static str) {
    match step {
        StepKind::Requested => (Icon::Document, t.intervention_step_requested()),
        StepKind::Approved => (Icon::Key, t.intervention_step_approved()),
        StepKind::Planned => (Icon::Calendar, t.intervention_step_planned()),
        StepKind::Refused => (Icon::DoorClosed, t.intervention_step_refused()),
        StepKind::Withdrawn => (Icon::Back, t.intervention_step_withdrawn()),
        StepKind::Opened => (Icon::DoorOpen, t.intervention_step_opened()),
        StepKind::Extended => (Icon::Clock, t.intervention_step_extended()),
        StepKind::Held => (Icon::Hold, t.intervention_step_held()),
        StepKind::Released => (Icon::Hold, t.intervention_step_released()),
        StepKind::Closed => (Icon::Closed, t.intervention_step_closed()),
        StepKind::Cut => (Icon::Cut, t.intervention_step_cut()),
        StepKind::Lapsed => (Icon::Lapsed, t.intervention_step_lapsed()),
        StepKind::SessionRefused => (Icon::Warning, t.intervention_step_session_refused()),
        StepKind::Alarm => (Icon::Warning, t.intervention_step_alarm()),
    }
}

/// What a channel carried.
pub(crate) fn channel(t: Text, kind: ChannelKind) -> (Icon, &'static str) {
    match kind {
        ChannelKind::Terminal => (Icon::Terminal, t.relay_channel_terminal()),
        ChannelKind::Command => (Icon::Play, t.relay_channel_command()),
        ChannelKind::Sftp => (Icon::Document, t.relay_channel_sftp()),
    }
}

/// What was done to a file.
pub(crate) fn file(t: Text, verb: FileVerb) -> &'static str {
    match verb {
        FileVerb::Read => t.relay_file_read(),
        FileVerb::Written => t.relay_file_written(),
        FileVerb::Listed => t.relay_file_listed(),
        FileVerb::Removed => t.relay_file_removed(),
        FileVerb::Renamed => t.relay_file_renamed(),
        FileVerb::FolderMade => t.relay_file_folder_made(),
        FileVerb::FolderRemoved => t.relay_file_folder_removed(),
        FileVerb::Linked => t.relay_file_linked(),
        FileVerb::Changed => t.relay_file_changed(),
        FileVerb::Copied => t.relay_file_copied(),
        FileVerb::Other => t.relay_file_extension(),
    }
}

/// How that ended, where not as it was asked.
pub(crate) fn file_end(t: Text, end: FileEnd) -> Option<&'static str> {
    match end {
        FileEnd::Done => None,
        FileEnd::Refused => Some(t.relay_file_refused()),
        FileEnd::Unfinished => Some(t.relay_file_unfinished()),
    }
}

/// A size, in the reader's units.
pub(crate) fn size(t: Text, bytes: u64) -> String {
    let tenths = |unit: u64| {
        let tenths = bytes.saturating_mul(10) / unit;
        let mark = if t.lang() == Lang::Fr { ',' } else { '.' };
        format!("{}{mark}{}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_000 => t.desk_session_size_bytes(bytes),
        1_000..1_000_000 => t.desk_session_size_kilo(tenths(1_000)),
        _ => t.desk_session_size_mega(tenths(1_000_000)),
    }
}

/// A span of minutes.
pub(crate) fn span(t: Text, minutes: u64) -> String {
    if minutes >= 60 && minutes.is_multiple_of(60) {
        t.desk_intervention_hours(minutes / 60)
    } else {
        t.desk_intervention_minutes(minutes)
    }
}

/// A window: the day is said once when both ends are on it.
pub(crate) fn window(t: Text, from: Time, until: Time) -> String {
    let lang = t.lang();
    let (day, last) = (when::short(from, lang), when::short(until, lang));
    let (begins, ends) = (when::clock(from, lang), when::clock(until, lang));
    if day == last { format!("{day}, {begins} – {ends}") } else { format!("{day}, {begins} – {last}, {ends}") }
}

/// Where an account is in its life.
pub(crate) fn account(t: Text, state: AccountState) -> Badge {
    match state {
        AccountState::Invited => Badge::new(t.desk_accounts_state_of_invited(), Icon::Clock, "wait"),
        AccountState::Active => Badge::new(t.desk_accounts_state_of_active(), Icon::DoorOpen, "good"),
        AccountState::Suspended => Badge::new(t.desk_accounts_state_of_suspended(), Icon::Hold, "wait"),
        AccountState::Blocked => Badge::new(t.desk_accounts_state_of_blocked(), Icon::DoorClosed, "bad"),
        AccountState::Closed => Badge::new(t.desk_accounts_state_of_closed(), Icon::Closed, ""),
    }
}

/// Why an account is in its state.
pub(crate) fn life_reason(t: Text, reason: LifeReason) -> &'static str {
    match reason {
        LifeReason::Absence => t.desk_accounts_reason_absence(),
        LifeReason::Suspicion => t.desk_accounts_reason_suspicion(),
        LifeReason::Departure => t.desk_accounts_reason_departure(),
        LifeReason::Death => t.desk_accounts_reason_death(),
        LifeReason::ContractEnd => t.desk_accounts_reason_contract_end(),
        LifeReason::Asked => t.desk_accounts_reason_asked(),
        LifeReason::Needless => t.desk_accounts_reason_needless(),
        LifeReason::Back => t.desk_accounts_reason_back(),
        LifeReason::Directory => t.desk_accounts_reason_directory(),
    }
}

/// How an identity was verified, and what that asks of whoever says so.
pub(crate) fn proof(t: Text, proof: IdentityProof) -> (&'static str, &'static str) {
    match proof {
        IdentityProof::InPerson => (t.desk_accounts_proof_in_person(), t.desk_accounts_proof_in_person_hint()),
        IdentityProof::Known => (t.desk_accounts_proof_known(), t.desk_accounts_proof_known_hint()),
        IdentityProof::Provider => (t.desk_accounts_proof_provider(), t.desk_accounts_proof_provider_hint()),
        IdentityProof::Employer => (t.desk_accounts_proof_employer(), t.desk_accounts_proof_employer_hint()),
    }
}

/// Each way, with its words.
pub(crate) fn proofs(t: Text) -> Vec<(IdentityProof, &'static str, &'static str)> {
    let told = |one: &IdentityProof| (*one, proof(t, *one).0, proof(t, *one).1);
    IdentityProof::ALL.iter().map(told).collect()
}
