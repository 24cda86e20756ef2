//! What a session must have left: who, from where, to what, which command with its digests, its end, and its screen.

use crate::probes::{Fault, Seen};
use journal::{Kind, Outcome, Trace};
use std::net::IpAddr;
use types::{AccountId, Event, InterventionId, RelayId};

/// What is known of a session.
pub struct Expected {
    /// Who worked.
    pub account: AccountId,
    /// From where.
    pub address: IpAddr,
    /// In which intervention.
    pub intervention: InterventionId,
    /// What he ran.
    pub command: String,
    /// Bytes that he gave it, and their SHA-256.
    pub sent: (usize, String),
    /// Bytes that it gave him, and their SHA-256.
    pub shown: (usize, String),
    /// What his terminal showed.
    pub greeting: String,
}

/// The session that was opened in an intervention, as its traces say.
pub fn session_of(traces: &[Trace], intervention: InterventionId) -> Option<RelayId> {
    let detail = intervention.to_string();
    let opened = traces.iter().find(|one| one.event == Event::RelayOpened && one.detail.as_ref() == Some(&detail))?;
    opened.target.as_deref()?.strip_prefix("relay:")?.parse().ok()
}

/// Whether the end of a session is traced, with what became of it.
pub fn is_closed(traces: &[Trace], relay: RelayId) -> bool {
    about(traces, relay).iter().any(|one| one.event == Event::RelayClosed && is_done(traces, one))
}

fn is_done(traces: &[Trace], intent: &Trace) -> bool {
    let ours = |one: &&Trace| one.kind == Kind::Outcome && one.trace == intent.trace;
    traces.iter().filter(ours).any(|one| one.outcome == Some(Outcome::Done))
}

impl Expected {
    /// Whether its end is there, or its beginning is not.
    pub fn is_over(&self, traces: &[Trace]) -> bool {
        let Some(relay) = session_of(traces, self.intervention) else { return false };
        let of = about(traces, relay);
        is_closed(traces, relay) && of.iter().any(|one| one.event == Event::RelayCommand)
    }

    /// Which session it was; or what its traces do not say.
    pub fn traced(&self, traces: &[Trace]) -> Result<RelayId, Fault> {
        let relay = session_of(traces, self.intervention)
            .ok_or_else(|| Fault::broken("a session leaves no trace of its opening and its intervention"))?;
        let of = about(traces, relay);
        let Some(opened) = of.iter().find(|one| one.event == Event::RelayOpened) else {
            return Err(Fault::broken("a session leaves no trace of its opening"));
        };
        self.is_his(opened, "opening")?;
        let done =
            |one: &&Trace| one.kind == Kind::Outcome && one.trace == opened.trace && one.outcome == Some(Outcome::Done);
        if !traces.iter().any(|one| done(&one)) {
            return Err(Fault::broken("the traces do not say whether the session was opened"));
        }
        let Some(command) = of.iter().find(|one| one.event == Event::RelayCommand) else {
            return Err(Fault::broken("a command leaves no trace"));
        };
        self.is_his(command, "command")?;
        self.says_all(command.detail.as_deref().unwrap_or_default())?;
        if !is_closed(traces, relay) {
            return Err(Fault::broken("the end of a session leaves no trace"));
        }
        Ok(relay)
    }

    fn is_his(&self, trace: &Trace, what: &str) -> Result<(), Fault> {
        if trace.author != format!("account:{}", self.account) {
            return Err(Fault::broken(format!("the trace of the {what} does not say who")));
        }
        if trace.address.as_deref() != Some(self.address.to_string().as_str()) {
            return Err(Fault::broken(format!("the trace of the {what} does not say from where")));
        }
        Ok(())
    }

    fn says_all(&self, detail: &str) -> Result<(), Fault> {
        let parts = [
            ("in", format!("in {} bytes sha256 {}", self.sent.0, self.sent.1)),
            ("out", format!("out {} bytes sha256 {}", self.shown.0, self.shown.1)),
            ("status", "exit 0".to_owned()),
            ("text", self.command.clone()),
        ];
        match parts.iter().find(|(_, part)| !detail.contains(part.as_str())) {
            None => Ok(()),
            Some((which, _)) => {
                Err(Fault::broken(format!("the trace of a command lacks what it ran or moved ({which})")))
            }
        }
    }

    /// The recording shows what the terminal did.
    pub fn recorded(&self, recording: Option<&str>) -> Seen {
        let Some(recording) = recording else { return Err(Fault::broken("a terminal leaves no recording")) };
        if !recording.contains(&self.greeting) {
            return Err(Fault::broken("the recording does not show what the terminal did"));
        }
        Ok("a session leaves who, from where, in which intervention, its command with digests, its end and its recording"
            .into())
    }
}

fn about(traces: &[Trace], relay: RelayId) -> Vec<&Trace> {
    let target = format!("relay:{relay}");
    traces.iter().filter(|one| one.target.as_deref() == Some(&target)).collect()
}
