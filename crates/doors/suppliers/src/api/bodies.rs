//! What the API says and takes, as its description names it: the desk's words for the same things. Times are RFC 3339.

use interventions::{Activity, Equipment, Intervention, Right, State};
use serde::{Deserialize, Serialize};
use types::Time;
use utoipa::{IntoParams, ToSchema};

/// `2026-11-21T09:30:00Z`, with as many decimals as needed.
pub(crate) fn rfc3339(time: Time) -> String {
    jiff::Timestamp::from_microsecond(time.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_string()
}

/// Reads what [`rfc3339`] writes, in any offset. Strict: date, `T`, time, `Z` or an offset, nothing more.
pub(crate) fn moment(text: &str) -> Option<Time> {
    let legal = |b: u8| b.is_ascii_digit() || b"-:.TZ+".contains(&b);
    let plain = (20..=40).contains(&text.len()) && text.bytes().all(legal) && text.as_bytes().get(10) == Some(&b'T');
    let stamp: jiff::Timestamp = plain.then(|| text.parse().ok()).flatten()?;
    Some(Time::from_micros(stamp.as_microsecond()))
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident: $of:ty { $($variant:ident = $word:tt),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
        pub enum $name { $(#[serde(rename = $word)] #[doc = $word] $variant),* }
        impl From<$name> for $of {
            fn from(word: $name) -> $of { match word { $($name::$variant => <$of>::$variant),* } }
        }
        impl From<$of> for $name {
            fn from(value: $of) -> $name { match value { $(<$of>::$variant => $name::$variant),* } }
        }
    };
}

words! {
    /// Where an intervention stands.
    StateWord: State {
        Waiting = "waiting", Planned = "planned", Open = "open", Refused = "refused", Withdrawn = "withdrawn",
        Closed = "closed", Cut = "cut", Lapsed = "lapsed",
    }
}

words! {
    /// What an intervention is for.
    ActivityWord: Activity { Monitoring = "monitoring", Maintenance = "maintenance", Assistance = "assistance" }
}

words! {
    /// What may be done in a session.
    RightWord: Right { Shell = "shell", Exec = "exec", FilesIn = "files_in", FilesOut = "files_out" }
}

/// A span of time, its end excluded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Window {
    /// First moment.
    #[schema(format = DateTime)]
    pub from: String,
    /// First moment past it.
    #[schema(format = DateTime)]
    pub until: String,
}

/// Somebody who may work in an intervention.
#[derive(Debug, Serialize, ToSchema)]
pub struct TechnicianBody {
    /// Whose account.
    pub account: String,
    /// His name.
    pub name: String,
    /// The keys that he may come with, `SHA256:…`.
    pub fingerprints: Vec<String>,
}

/// An approval that was given.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalBody {
    /// Whose account.
    pub account: String,
    /// His name.
    pub name: String,
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
}

/// Something that happened to an intervention.
#[derive(Debug, Serialize, ToSchema)]
pub struct StepBody {
    /// When.
    #[schema(format = DateTime)]
    pub at: String,
    /// What, in one word.
    pub act: String,
    /// Who, by name; empty for the node itself.
    pub by: String,
    /// Anything said with it.
    pub note: String,
}

/// An intervention.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterventionBody {
    /// Its identifier.
    pub id: String,
    /// Grows when what was asked for changes.
    pub version: u64,
    /// The supplier.
    pub supplier: String,
    /// Its name.
    pub supplier_name: String,
    /// The equipment.
    pub equipment: String,
    /// Its name: what comes after `%` in `ssh technician%target@…`.
    pub equipment_name: String,
    /// Who asked, by account.
    pub requester: String,
    /// His name.
    pub requester_name: String,
    /// Who may work.
    pub technicians: Vec<TechnicianBody>,
    /// What for.
    pub activity: ActivityWord,
    /// In the asker's words.
    pub purpose: String,
    /// The hospital's ticket.
    pub ticket: Option<String>,
    /// What may be done.
    pub rights: Vec<RightWord>,
    /// Ranges of addresses; from anywhere when empty.
    pub sources: Vec<String>,
    /// When; extensions included.
    pub window: Window,
    /// Where it stands.
    pub state: StateWord,
    /// "Do not interrupt", until then.
    #[schema(format = DateTime)]
    pub hold_until: Option<String>,
    /// How many approvals it takes.
    pub quorum: u8,
    /// Those given.
    pub approvals: Vec<ApprovalBody>,
    /// What happened, oldest first; empty in lists.
    pub history: Vec<StepBody>,
}

impl From<Intervention> for InterventionBody {
    fn from(one: Intervention) -> Self {
        let until = one.window.until.unwrap_or(one.window.from);
        let technicians = one.technicians.into_iter().map(|technician| TechnicianBody {
            account: technician.account.to_string(),
            name: technician.name,
            fingerprints: technician.fingerprints,
        });
        let approvals = one.approvals.into_iter().map(|approval| ApprovalBody {
            account: approval.account.to_string(),
            name: approval.name,
            at: rfc3339(approval.at),
        });
        let history = one.history.into_iter().map(|step| StepBody {
            at: rfc3339(step.at),
            act: step.act.to_string(),
            by: step.by,
            note: step.note,
        });
        Self {
            id: one.id.to_string(),
            version: one.version,
            supplier: one.supplier.to_string(),
            supplier_name: one.supplier_name,
            equipment: one.equipment.to_string(),
            equipment_name: one.equipment_name,
            requester: one.requester.to_string(),
            requester_name: one.requester_name,
            technicians: technicians.collect(),
            activity: one.activity.into(),
            purpose: one.purpose,
            ticket: one.ticket,
            rights: one.rights.into_iter().map(Into::into).collect(),
            sources: one.sources.iter().map(ToString::to_string).collect(),
            window: Window { from: rfc3339(one.window.from), until: rfc3339(until) },
            state: one.state.into(),
            hold_until: one.hold_until.map(rfc3339),
            quorum: one.quorum,
            approvals: approvals.collect(),
            history: history.collect(),
        }
    }
}

/// Part of a list of interventions.
#[derive(Debug, Serialize, ToSchema)]
pub struct InterventionList {
    /// Newest first, 100 at most.
    pub rows: Vec<InterventionBody>,
    /// To be sent as `cursor` for what follows; none at the end.
    pub next: Option<String>,
}

/// Narrows a list of interventions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InterventionsAsked {
    /// In this state only.
    #[param(inline)]
    pub state: Option<StateWord>,
    /// With this text in the names of supplier or equipment.
    #[param(max_length = 100)]
    pub q: Option<String>,
    /// The `next` of the part before.
    #[param(max_length = 100)]
    pub cursor: Option<String>,
}

/// An intervention to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterventionWanted {
    /// On what: the equipment's name, or its identifier.
    #[schema(min_length = 1, max_length = 120)]
    pub equipment: String,
    /// What for.
    pub activity: ActivityWord,
    /// In your own words, on several lines if need be.
    #[schema(min_length = 1, max_length = 500)]
    pub purpose: String,
    /// The hospital's ticket.
    #[schema(max_length = 120)]
    pub ticket: Option<String>,
    /// First moment, to the second; 90 days ahead at most.
    #[schema(format = DateTime)]
    pub from: String,
    /// First moment past it, to the second; 31 days later at most.
    #[schema(format = DateTime)]
    pub until: String,
    /// Who will work: accounts of technicians of your supplier who have a key for SSH. Without it, the token's holder.
    #[schema(max_items = 20)]
    pub technicians: Option<Vec<String>>,
    /// What is asked for; all four when nothing is said. The approval names them.
    #[schema(max_items = 4)]
    pub rights: Option<Vec<RightWord>>,
    /// From which addresses: `192.0.2.0/24`. Without it, from anywhere.
    #[schema(max_items = 20)]
    pub sources: Option<Vec<String>>,
}

/// An equipment that an intervention may be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetBody {
    /// Its identifier.
    pub id: String,
    /// The name in `ssh technician%target@…`.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// `ssh`.
    pub protocol: String,
    /// How many of those who answer for it must approve.
    pub quorum: u8,
}

impl From<Equipment> for TargetBody {
    fn from(one: Equipment) -> Self {
        let (id, protocol) = (one.id.to_string(), one.protocol.to_string());
        Self { id, name: one.name, location: one.location, protocol, quorum: one.quorum }
    }
}

/// All the equipment.
#[derive(Debug, Serialize, ToSchema)]
pub struct TargetList {
    /// By name.
    pub rows: Vec<TargetBody>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_strict() {
        let noon = moment("2026-11-21T12:00:00Z");
        assert_eq!(noon.map(rfc3339).as_deref(), Some("2026-11-21T12:00:00Z"));
        assert_eq!(moment("2026-11-21T13:00:00+01:00"), noon);
        for bad in ["", "2026-11-21", "2026-11-21 12:00:00Z", "2026-11-21T12:00:00", "2026-13-21T12:00:00Z", "now"] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }
}
