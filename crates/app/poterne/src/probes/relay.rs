//! The relays as a technician meets them: his session leaves its traces (interventions T11, clausier O-9.9), and somebody at
//! the desk cuts it (interventions O8). One session serves both.

pub mod look;
pub mod machine;
pub mod silence;
pub mod technician;

use super::{Fault, Seen, codes::Codes, verdict};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use journal::Trace;
use look::Expected;
use machine::Machine;
use russh::keys::PrivateKey;
use std::{sync::Arc, time::Duration};
use technician::{Line, RelayDoor, Technician};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep},
};
use types::{AccountId, Door, InterventionId, RelayId, Time};
use vault::random;

/// A cut has done its work within this.
pub const CUT_MAX: Duration = Duration::from_secs(1);
/// How long the end of a session that should end is waited for.
pub const PATIENCE: Duration = Duration::from_secs(8);
/// What one probe found of a shared session does not serve another round.
const SHARED: Duration = Duration::from_secs(300);
/// Bytes given to the command.
const INPUT_BYTES: usize = 4096;
/// How long a trace is waited for.
const LOOKS_MAX: u32 = 25;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What is reached, and may be, as long as this lives.
pub trait Staged: Send + Sync {
    /// In which intervention.
    fn intervention(&self) -> InterventionId;
    /// The target's name.
    fn target(&self) -> String;
    /// Who works.
    fn account(&self) -> AccountId;
    /// Takes it all away.
    fn clear(self: Box<Self>) -> BoxFuture<'static, Result<(), Fault>>;
}

/// Sets up an approved intervention on a machine.
pub trait Stage: Send + Sync {
    /// On that one.
    fn set<'a>(&'a self, machine: &'a Machine) -> BoxFuture<'a, Result<Box<dyn Staged>, Fault>>;
}

/// What a node keeps of sessions.
pub trait Keeps: Send + Sync {
    /// The traces of the relays since a moment.
    fn traces(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>>;
    /// The recording of a session's channel, as text.
    fn recording(&self, relay: RelayId, channel: u32) -> BoxFuture<'_, Result<Option<String>, Fault>>;
}

/// Somebody who may cut.
pub trait Cuts: Send + Sync {
    /// Cuts an intervention; gives the moment when it was asked for.
    fn cut(&self, intervention: InterventionId) -> BoxFuture<'_, Result<Instant, Fault>>;
}

/// All that the probes of the relays need.
pub struct Parts {
    /// The relays.
    pub door: RelayDoor,
    /// The reserved technician.
    pub codes: Arc<Codes>,
    /// His key.
    pub key: PrivateKey,
    /// Where he is given something to reach.
    pub stage: Arc<dyn Stage>,
    /// What is kept of it.
    pub keeps: Arc<dyn Keeps>,
    /// Somebody at the desk, if it is this node's.
    pub cuts: Option<Arc<dyn Cuts>>,
}

/// The technician's sessions: one for each round, which two probes share.
pub struct Works {
    pub(in crate::probes) parts: Parts,
    last: Mutex<Option<(Instant, Found)>>,
}

/// What was seen of a session.
struct Found {
    traces: Option<Seen>,
    cut: Option<Seen>,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// The traces.
    Traces,
    /// The cut.
    Cut,
}

/// Has a technician work and be cut.
pub struct RelayProbe {
    info: &'static ProbeInfo,
    what: What,
    works: Option<Arc<Works>>,
}

impl RelayProbe {
    /// Over the node's relays, if it has them.
    pub fn new(info: &'static ProbeInfo, what: What, works: Option<Arc<Works>>) -> Self {
        Self { info, what, works }
    }
}

impl Probe for RelayProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let Some(works) = &self.works else { return no_relays() };
            verdict(vec![(Door::Relays, works.found(self.what).await)])
        })
    }
}

/// What is answered where there are none.
pub fn no_relays() -> ProbeOutcome {
    ProbeOutcome::CouldNotRun("this node has no relays".into())
}

impl Works {
    /// None has begun.
    pub fn new(parts: Parts) -> Self {
        Self { parts, last: Mutex::default() }
    }

    /// The technician's codes, each of which serves once wherever he comes in.
    pub fn codes(&self) -> Arc<Codes> {
        self.parts.codes.clone()
    }

    /// What this round's session shows, each part once; a session is begun if there is none.
    async fn found(&self, what: What) -> Seen {
        let mut last = self.last.lock().await;
        let kept = last.as_mut().filter(|(since, _)| since.elapsed() < SHARED).map(|(_, found)| found);
        let kept = kept.and_then(|found| found.take(what));
        if let Some(seen) = kept {
            return seen;
        }
        *last = None;
        let mut found = self.work().await?;
        let seen = found.take(what).unwrap_or_else(|| Err(Fault::unreachable("it was not looked at")));
        *last = Some((Instant::now(), found));
        seen
    }

    async fn work(&self) -> Result<Found, Fault> {
        let machine = Machine::serve().await?;
        let staged = self.parts.stage.set(&machine).await?;
        let found = self.session(&machine, &*staged).await;
        let cleared = staged.clear().await;
        let found = found?;
        cleared?;
        Ok(found)
    }

    /// The technician, signed in and connected to the machine.
    pub(in crate::probes) async fn sign_in(&self, target: &str) -> Result<Technician, Fault> {
        let Parts { door, codes, key, .. } = &self.parts;
        let who = (codes.reserved(), key, target);
        let (technician, _) = codes.sign_in(|code| Technician::sign_in(door, who, code)).await?;
        Ok(technician)
    }

    async fn session(&self, machine: &Machine, staged: &dyn Staged) -> Result<Found, Fault> {
        let began = self.parts.codes.now();
        let technician = self.sign_in(&staged.target()).await?;
        let expected = self.at_work(&technician, machine, staged).await?;
        let terminal = technician.terminal(&machine.greeting).await?;
        let cut = match &self.parts.cuts {
            Some(cuts) => cut(&**cuts, (&technician, terminal), machine, staged.intervention()).await,
            None => Err(Fault::unreachable("this node has no desk to cut from")),
        };
        drop(technician);
        let traces = self.look(&expected, began).await;
        Ok(Found { traces: Some(traces), cut: Some(cut) })
    }

    /// A command with input and output, of which all is known.
    async fn at_work(
        &self,
        technician: &Technician,
        machine: &Machine,
        staged: &dyn Staged,
    ) -> Result<Expected, Fault> {
        let mark: [u8; 16] = random().map_err(Fault::unreachable)?;
        let command = format!("sonde {}", HEXLOWER.encode(&mark));
        let input: [u8; INPUT_BYTES] = random().map_err(Fault::unreachable)?;
        let line = technician.command(&command, &input).await?;
        let output = [format!("{command}\n").as_bytes(), &input].concat();
        if line.shown != output || line.status != Some(0) {
            return Err(Fault::unreachable("what passes through the relay does not arrive as it was sent"));
        }
        let sum = |bytes: &[u8]| HEXLOWER.encode(digest(&SHA256, bytes).as_ref());
        Ok(Expected {
            account: staged.account(),
            address: self.parts.door.address.ip(),
            intervention: staged.intervention(),
            command,
            sent: (input.len(), sum(&input)),
            shown: (output.len(), sum(&output)),
            greeting: machine.greeting.clone(),
        })
    }

    async fn look(&self, expected: &Expected, began: Time) -> Seen {
        let keeps = &self.parts.keeps;
        let mut traces = Vec::new();
        for _ in 0..LOOKS_MAX {
            traces = keeps.traces(began).await?;
            if expected.is_over(&traces) {
                break;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        let relay = expected.traced(&traces)?;
        // The command came first: the terminal is the second channel.
        let recording = keeps.recording(relay, 2).await?;
        expected.recorded(recording.as_deref())
    }

    /// The session that an intervention has, once its opening is traced.
    pub(in crate::probes) async fn session_of(
        &self,
        intervention: InterventionId,
        began: Time,
    ) -> Result<RelayId, Fault> {
        for _ in 0..LOOKS_MAX {
            if let Some(relay) = look::session_of(&self.parts.keeps.traces(began).await?, intervention) {
                return Ok(relay);
            }
            sleep(BETWEEN_LOOKS).await;
        }
        Err(Fault::broken("a session leaves no trace of its opening"))
    }

    /// Waits until the end of a session is written down: what it worked in may be taken away then.
    pub(in crate::probes) async fn closed(&self, relay: RelayId, began: Time) -> Result<(), Fault> {
        for _ in 0..LOOKS_MAX {
            if look::is_closed(&self.parts.keeps.traces(began).await?, relay) {
                break;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }
}

impl Found {
    fn take(&mut self, what: What) -> Option<Seen> {
        match what {
            What::Traces => self.traces.take(),
            What::Cut => self.cut.take(),
        }
    }
}

/// Cuts a live session, and measures until nothing of it is left on either side.
async fn cut(
    cuts: &dyn Cuts,
    (technician, terminal): (&Technician, Line),
    machine: &Machine,
    intervention: InterventionId,
) -> Seen {
    if !technician.is_there() || machine.connected() == 0 {
        return Err(Fault::unreachable("the session ended before it was cut"));
    }
    let (asked, gone) = tokio::join!(cuts.cut(intervention), async {
        let gone = technician.gone(PATIENCE).await;
        let left = tokio::time::timeout(PATIENCE, machine.left()).await.map(|()| Instant::now());
        Some(gone?.max(left.ok()?))
    });
    let asked = asked?;
    let Some(gone) = gone else {
        return Err(Fault::broken("a session that was cut goes on"));
    };
    let took = gone.saturating_duration_since(asked);
    if took > CUT_MAX {
        return Err(Fault::broken(format!("a session that was cut goes on for {} ms", took.as_millis())));
    }
    if gone < asked {
        return Err(Fault::unreachable("the session ended before it was cut"));
    }
    if !terminal.rest().await.contains("The hospital has cut this session.") {
        return Err(Fault::Partly("the session ends, but the technician is not told that it was cut".into()));
    }
    let millis = took.as_millis();
    Ok(format!("a live session, cut at the desk, ended on both sides within {millis} ms; the technician was told why"))
}
