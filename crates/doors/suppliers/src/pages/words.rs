//! One word, one icon, one color for each state: the desk's, for the same things.

use interventions::{Activity, Intervention, Right, State, StepKind};
use std::fmt;
use types::{Time, TokenScope};
use web::{assets::Icon, i18n::Text, when};

/// A state: word, icon, color. Its words are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Badge {
    word: &'static str,
    icon: Icon,
    class: &'static str,
}

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<span class=\"tag {}\">{} {}</span>", self.class, self.icon, self.word)
    }
}

// Word, icon and class are fixed at build.
impl askama::filters::HtmlSafe for Badge {}

impl Badge {
    /// The word.
    pub fn word(&self) -> &'static str {
        self.word
    }

    /// The icon.
    pub fn icon(&self) -> Icon {
        self.icon
    }
}

/// Where an intervention stands; "do not interrupt" comes before the rest.
pub(crate) fn state_of(t: Text, one: &Intervention, now: Time) -> Badge {
    if one.state == State::Open && one.hold_until.is_some_and(|until| now < until) {
        return Badge { word: t.intervention_state_hold(), icon: Icon::Hold, class: "wait" };
    }
    state(t, one.state)
}

/// Where an intervention stands.
pub(crate) fn state(t: Text, state: State) -> Badge {
    let (word, icon, class) = match state {
        State::Waiting => (t.intervention_state_waiting(), Icon::Clock, "wait"),
        State::Planned => (t.intervention_state_planned(), Icon::Calendar, "act"),
        State::Open => (t.intervention_state_open(), Icon::DoorOpen, "good"),
        State::Refused => (t.intervention_state_refused(), Icon::DoorClosed, "bad"),
        State::Withdrawn => (t.intervention_state_withdrawn(), Icon::Back, ""),
        State::Closed => (t.intervention_state_closed(), Icon::Closed, ""),
        State::Cut => (t.intervention_state_cut(), Icon::Cut, "bad"),
        State::Lapsed => (t.intervention_state_lapsed(), Icon::Lapsed, ""),
    };
    Badge { word, icon, class }
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

/// What a token may do.
pub(crate) fn scope(t: Text, scope: TokenScope) -> &'static str {
    match scope {
        TokenScope::InterventionsRead => t.means_scope_interventions_read(),
        TokenScope::InterventionsWrite => t.means_scope_interventions_write(),
        TokenScope::EquipmentRead => t.means_scope_equipment_read(),
        other => other.as_str(),
    }
}

/// A window: the day is said once when both ends are on it.
pub(crate) fn window(t: Text, from: Time, until: Time) -> String {
    let lang = t.lang();
    let (day, last) = (when::short(from, lang), when::short(until, lang));
    let (begins, ends) = (when::clock(from, lang), when::clock(until, lang));
    if day == last { format!("{day}, {begins} – {ends}") } else { format!("{day}, {begins} – {last}, {ends}") }
}
