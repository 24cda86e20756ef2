//! What opens and closes leaves its trace: the node, its doors, sessions (acces-web TR1).

use super::{
    Fault, Seen,
    accesses::{outcome, signed_in},
    traces::{BETWEEN_LOOKS, Journaled, LOOKS_MAX},
    verdict,
    visits::Visits,
};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::{Kind, Outcome, Trace};
use std::{net::SocketAddr, sync::Arc};
use types::{Door, Event, Time};

/// What a node opened when it started.
#[derive(Clone)]
pub struct Opened {
    /// The doors, and where they listen.
    pub doors: Vec<(Door, SocketAddr)>,
    /// Between which moments.
    pub between: (Time, Time),
}

/// Looks for the openings of services, for those of the run before, and for the end of a session.
pub struct OpeningsProbe {
    info: &'static ProbeInfo,
    opened: Opened,
    visited: Vec<Arc<Visits>>,
    journal: Arc<dyn Journaled>,
}

impl OpeningsProbe {
    /// Over what a node opened, the doors where sessions are had, and the node's journal.
    pub fn new(
        info: &'static ProbeInfo,
        opened: Opened,
        visited: Vec<Arc<Visits>>,
        journal: Arc<dyn Journaled>,
    ) -> Self {
        Self { info, opened, visited, journal }
    }

    async fn services(&self) -> Result<&'static str, Fault> {
        let wanted = |event| {
            matches!(event, Event::NodeStarted | Event::NodeConfigured | Event::PolicyInForce | Event::DoorStarted)
        };
        let (from, until) = self.opened.between;
        let started = self.journal.between(from, until, wanted).await?;
        opened(&self.opened.doors, &started)?;
        let wanted =
            |event| matches!(event, Event::NodeStarted | Event::NodeStopped | Event::DoorStarted | Event::DoorStopped);
        closed(&self.journal.last_before(from, wanted).await?)
    }

    async fn session(&self, door: &Visits) -> Result<(), Fault> {
        let left = door.leave().await?;
        let left_now = left.as_ref().ok_or_else(|| Fault::unreachable("the sign-out was lost"))?;
        let (signed, ended) = (left_now.signed_in, left_now.signed_out);
        drop(left);
        let wanted = |event| matches!(event, Event::SignIn | Event::SignOut);
        let mut seen = Ok(());
        for _ in 0..LOOKS_MAX {
            // What follows a sign-out is written by a task of its own, a little later.
            let traces = self.journal.between(signed.0, door.now(), wanted).await?;
            seen = left_traced(door, &traces, signed, ended);
            if seen.is_ok() {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        seen
    }

    async fn look(&self) -> Vec<(Door, Seen)> {
        let Some((first, _)) = self.opened.doors.first() else { return Vec::new() };
        let before = match self.services().await {
            Ok(before) => before,
            Err(fault) => return vec![(*first, Err(fault))],
        };
        let mut seen = Vec::new();
        for (door, _) in &self.opened.doors {
            let visits = self.visited.iter().find(|one| one.door() == *door);
            let ended = match visits {
                Some(visits) => self.session(visits).await,
                None => Ok(()),
            };
            let held = format!("the start of the node, of its doors and the end of sessions are traced; {before}");
            seen.push((*door, ended.map(|()| held)));
        }
        seen
    }
}

impl Probe for OpeningsProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async { verdict(self.look().await) })
    }
}

/// Whether the node's start and every door's are told, with what the node runs by.
fn opened(doors: &[(Door, SocketAddr)], traces: &[Trace]) -> Result<(), Fault> {
    let holds = |event| traces.iter().any(|trace| trace.event == event && trace.author == "system.node");
    if !holds(Event::NodeStarted) {
        return Err(Fault::broken("the start of the node leaves no trace"));
    }
    for (door, address) in doors {
        let told = format!("{door} {address}");
        let mut starts = traces.iter().filter(|trace| trace.event == Event::DoorStarted);
        if !starts.any(|trace| trace.detail.as_deref() == Some(&told)) {
            return Err(Fault::broken(format!("the opening of the door {door} leaves no trace")));
        }
    }
    if !holds(Event::NodeConfigured) || !holds(Event::PolicyInForce) {
        return Err(Fault::Partly("services leave traces, but not by which configuration or policies they run".into()));
    }
    Ok(())
}

/// Whether the run before told the end of each of its doors, if it was stopped: a crash tells nothing.
fn closed(traces: &[Trace]) -> Result<&'static str, Fault> {
    let of_node = |trace: &&Trace| matches!(trace.event, Event::NodeStarted | Event::NodeStopped);
    let stop = match traces.iter().rev().find(of_node) {
        None => return Ok("no run before this one to look at"),
        Some(trace) if trace.event == Event::NodeStarted => return Ok("the run before this one was not stopped"),
        Some(stop) => stop,
    };
    let run = traces.iter().filter(|trace| trace.index < stop.index);
    let begun = run.clone().filter(|trace| trace.event == Event::NodeStarted).map(|trace| trace.index).max();
    let of_run = |event| {
        let run = run.clone().filter(move |trace| trace.event == event && Some(trace.index) > begun);
        run.filter_map(|trace| trace.detail.as_deref()).filter_map(|told| told.split([' ', ',']).next())
    };
    let times = |event, door: &str| of_run(event).filter(|other| *other == door).count();
    // A desk that administers apart opens twice.
    let unended = |door: &&str| times(Event::DoorStopped, door) < times(Event::DoorStarted, door);
    match of_run(Event::DoorStarted).find(unended) {
        Some(door) => {
            Err(Fault::broken(format!("the run before was stopped; that its door {door} closed is not told")))
        }
        None => Ok("so is the stop of the run before"),
    }
}

fn left_traced(door: &Visits, traces: &[Trace], signed: (Time, Time), ended: (Time, Time)) -> Result<(), Fault> {
    let account = signed_in(traces, door.door(), signed)?.target.as_deref().unwrap_or_default();
    let (name, address) = (door.door().to_string(), door.browser.target().address.ip().to_string());
    let ours = traces.iter().find(|trace| {
        trace.event == Event::SignOut
            && trace.kind == Kind::Intent
            && trace.author == account
            && trace.door.as_deref() == Some(&name)
            && trace.time >= ended.0
    });
    let ours = ours.ok_or_else(|| Fault::broken("the end of a session leaves no trace"))?;
    if ours.address.as_deref() != Some(&address) {
        return Err(Fault::broken("the trace of a session's end does not say from where"));
    }
    if outcome(traces, ours) != Some(Outcome::Done) {
        return Err(Fault::broken("the trace of a session's end does not say that it was done"));
    }
    Ok(())
}
