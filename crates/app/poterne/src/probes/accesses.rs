//! Who came, who was refused, what was read and what is open: each leaves its trace (acces-web TR1, clausier O-6.1 and
//! O-6.2).

use super::{
    Fault, Seen, at_each,
    traces::{BETWEEN_LOOKS, Journaled, LOOKS_MAX},
    visits::{Visit, Visits},
};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::{Kind, Outcome, Trace};
use std::sync::Arc;
use types::{Door, Event, PatientId, Time};
use vault::random;

/// Signs in, fails to, reads, is refused; then reads what was traced of it.
pub struct AccessesProbe {
    info: &'static ProbeInfo,
    doors: Vec<Arc<Visits>>,
    journal: Arc<dyn Journaled>,
}

impl AccessesProbe {
    /// At these doors, with their node's journal.
    pub fn new(info: &'static ProbeInfo, doors: Vec<Arc<Visits>>, journal: Arc<dyn Journaled>) -> Self {
        Self { info, doors, journal }
    }

    async fn look(&self, door: &Visits) -> Seen {
        let Visit { cookie, signed_in, .. } = door.visit().await?;
        let began = door.now();
        let reads = reads(door.door());
        if let Some((path, _)) = reads {
            let page = door.browser.get(path, Some(&cookie)).await.map_err(Fault::unreachable)?;
            if page.status != 200 {
                return Err(Fault::unreachable(format!("the page to be read answers {}", page.status)));
            }
        }
        let page = door.browser.get(&refused(door.door())?, Some(&cookie)).await.map_err(Fault::unreachable)?;
        if page.status < 400 {
            return Err(Fault::broken("a page that the account has no right to is shown"));
        }
        door.fail().await?;
        let acts = Acts {
            door: door.door(),
            address: door.browser.target().address.ip().to_string(),
            signed_in,
            acted: (began, door.now()),
            reads: reads.map(|(_, event)| event),
        };
        let wanted = |event| matches!(event, Event::SignIn | Event::Refused | Event::PeopleRead);
        let mut seen = Err(Fault::broken("nothing is traced"));
        for _ in 0..LOOKS_MAX {
            let traces = self.journal.between(signed_in.0, acts.acted.1, wanted).await?;
            seen = acts.traced(&traces);
            if seen.is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        seen
    }
}

impl Probe for AccessesProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.door(), self.look(door)))))
    }
}

/// The page of personal data that the reserved account may read at a door, and the event of it.
fn reads(door: Door) -> Option<(&'static str, Event)> {
    (door == Door::Portal).then_some(("/fr/", Event::PeopleRead))
}

/// A page that the reserved account has no right to.
fn refused(door: Door) -> Result<String, Fault> {
    match door {
        Door::Portal => Ok(format!("/fr/records/{}", PatientId::from_bytes(random().map_err(Fault::unreachable)?))),
        _ => Ok("/fr/traces".to_owned()),
    }
}

/// What was done at a door.
struct Acts {
    door: Door,
    address: String,
    signed_in: (Time, Time),
    acted: (Time, Time),
    reads: Option<Event>,
}

impl Acts {
    fn traced(&self, traces: &[Trace]) -> Seen {
        let account = signed_in(traces, self.door, self.signed_in)
            .and_then(|trace| self.whence(trace, "sign-in").map(|()| trace.target.clone().unwrap_or_default()))?;
        let failed = sign_ins(traces, self.door, self.acted, Outcome::Refused)
            .find(|trace| trace.target.as_deref() == Some(&account))
            .ok_or_else(|| Fault::broken("a failed sign-in leaves no trace on the account that was tried"))?;
        self.whence(failed, "failed sign-in")?;
        let door = self.door.to_string();
        let by_it = |event| {
            let mut ours = traces.iter().filter(|trace| within(trace, self.acted) && trace.event == event);
            ours.find(|trace| trace.author == account && trace.door.as_deref() == Some(&door))
        };
        let refused = by_it(Event::Refused);
        let refused = refused.ok_or_else(|| Fault::broken("a page refused to an account leaves no trace"))?;
        self.whence(refused, "refusal")?;
        if refused.target.is_none() {
            return Err(Fault::broken("the trace of a refusal does not say what was asked for"));
        }
        let Some(event) = self.reads else {
            return Ok("sign-in, failed sign-in and refusal each leave author, moment, door and address".into());
        };
        let read = by_it(event).filter(|trace| trace.kind == Kind::Released);
        let read = read.ok_or_else(|| Fault::broken("reading personal data leaves no trace"))?;
        self.whence(read, "reading")?;
        if !read.patients.is_empty() {
            return Err(Fault::broken("the trace of a reading names people who were not shown"));
        }
        Ok("sign-in, failed sign-in, refusal and reading each leave author, moment, door and address".into())
    }

    fn whence(&self, trace: &Trace, what: &str) -> Result<(), Fault> {
        if trace.address.as_deref() != Some(&self.address) {
            return Err(Fault::broken(format!("the trace of a {what} does not say from where")));
        }
        Ok(())
    }
}

fn within(trace: &Trace, (from, until): (Time, Time)) -> bool {
    trace.time >= from && trace.time <= until
}

/// The sign-ins through a door that became this.
fn sign_ins(
    traces: &[Trace],
    door: Door,
    moments: (Time, Time),
    became: Outcome,
) -> impl Iterator<Item = &Trace> + use<'_> {
    let intents = traces.iter().filter(move |trace| {
        trace.event == Event::SignIn
            && trace.kind == Kind::Intent
            && within(trace, moments)
            && trace.door.as_deref() == Some(&door.to_string())
    });
    intents.filter(move |intent| outcome(traces, intent) == Some(became))
}

/// What became of an act, as a later entry says.
pub(super) fn outcome(traces: &[Trace], intent: &Trace) -> Option<Outcome> {
    let ended = traces.iter().find(|trace| trace.kind == Kind::Outcome && trace.trace == intent.trace);
    ended.and_then(|trace| trace.outcome)
}

/// The sign-in of an account, which its trace names.
pub(super) fn signed_in(traces: &[Trace], door: Door, moments: (Time, Time)) -> Result<&Trace, Fault> {
    let found = sign_ins(traces, door, moments, Outcome::Done).last();
    let found = found.ok_or_else(|| Fault::broken("a sign-in leaves no trace"))?;
    match &found.target {
        Some(target) if target.starts_with("account:") => Ok(found),
        _ => Err(Fault::broken("the trace of a sign-in does not say whose it is")),
    }
}
