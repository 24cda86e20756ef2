//! The real relay before a house of the test's own, which grants what the probe asks for; with one flaw at most.

use crate::probes::{
    Fault,
    codes::{Codes, Reserved},
    relay::{
        Cuts, Keeps, Parts, Stage, Staged, Works,
        machine::{LOGIN, Machine},
        silence::Silence,
        technician::{RelayDoor, key_of},
    },
};
use dossier::BoxFuture;
use interventions::{
    ChannelSummary, EndReason, Ending, EquipmentSecret, FileAct, GateRefused, LeaseView, Offer, Protocol,
    RecorderFault, Right, WarrantedEquipment,
};
use journal::{Kind, Outcome, Trace};
use relays::{Granted, Hold, House, Relay, RelayLimits, RelaySettings, SessionRecorder, TerminalRecording};
use russh::keys::PublicKey;
use signin::SshRefused;
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use store::SystemClock;
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use types::{
    AccountId, ClientAddress, Clock as _, EquipmentId, Event, InterventionId, RelayId, Role, Secret, Time, TraceId,
};
use vault::{Holder, MasterKey};

/// What is wrong with the relays, or with what is kept of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    None,
    NeverCut,
    CutLate,
    CutForIdleness,
    NoDesk,
    KeyAlone,
    NoCodeIsRight,
    NoOpening,
    NoOutcome,
    OpeningOfNobody,
    OpeningFromNowhere,
    NoCommand,
    CommandOfNobody,
    NoDigest,
    NoCommandText,
    NoEnd,
    NoRecording,
    RecordingOfNothing,
    NeverIdle,
    IdleAtOnce,
    SlowLimit,
}

const TARGET: &str = "sonde-essai";
const ACCOUNT: AccountId = AccountId::from_bytes([5; 16]);
const INTERVENTION: InterventionId = InterventionId::from_bytes([6; 16]);
const RELAY: RelayId = RelayId::from_bytes([7; 16]);
/// What the door is set to.
pub const IDLE: Duration = Duration::from_secs(900);

#[derive(Default)]
struct State {
    machine: Option<(u16, String, String)>,
    traces: Vec<Trace>,
    recorded: String,
    staged: u32,
    sessions: u32,
}

/// The house. Clones are handles.
#[derive(Clone)]
pub struct Gate {
    flaw: Flaw,
    state: Arc<Mutex<State>>,
    lease: Arc<watch::Sender<LeaseView>>,
    fault: Arc<watch::Sender<Option<RecorderFault>>>,
}

/// The house, the relay before it, and the technician.
pub struct Open {
    pub gate: Gate,
    pub works: Arc<Works>,
    pub silence: Arc<dyn Silence>,
    _stop: DropGuard,
}

/// The relay with that flaw.
pub async fn open(flaw: Flaw) -> Open {
    let view = LeaseView::new(SystemClock.now() + Duration::from_secs(7200), None);
    let (lease, fault) = (watch::Sender::new(view), watch::Sender::new(None));
    let gate = Gate { flaw, state: Arc::default(), lease: Arc::new(lease), fault: Arc::new(fault) };
    let host_key = relays::new_host_key().unwrap();
    let line = relays::host_key_line(&host_key).unwrap();
    let limits = RelayLimits { idle_max: IDLE, ..RelayLimits::default() };
    let settings = RelaySettings { host_keys: vec![host_key], banner: None, limits, clock: Arc::new(SystemClock) };
    let relay = Relay::new(settings, gate.clone()).unwrap();
    let silence = Arc::new(Quiet(relay.silence(), flaw));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let door = RelayDoor { address, through: address, host_key: PublicKey::from_openssh(&line).unwrap() };
    let stop = CancellationToken::new();
    tokio::spawn(relay.run(listener, stop.clone(), Duration::ZERO));
    let folder = tempfile::tempdir().unwrap();
    let keys = MasterKey::create(&folder.path().join("master.key")).unwrap().keys_for(Holder::Prober);
    let parts = Parts {
        door,
        codes: Arc::new(Codes::new(Reserved::new(&keys, types::Door::Relays).unwrap(), Arc::new(SystemClock))),
        key: key_of(&keys).unwrap(),
        stage: Arc::new(gate.clone()),
        keeps: Arc::new(gate.clone()),
        cuts: (flaw != Flaw::NoDesk).then(|| -> Arc<dyn Cuts> { Arc::new(gate.clone()) }),
    };
    Open { gate, works: Arc::new(Works::new(parts)), silence, _stop: stop.drop_guard() }
}

struct Quiet(relays::Silence, Flaw);

impl Silence for Quiet {
    fn limit(&self) -> Duration {
        match self.1 {
            Flaw::SlowLimit => Duration::from_secs(7201),
            // The door is set to less than it says.
            Flaw::IdleAtOnce => IDLE * 2,
            _ => self.0.limit(),
        }
    }

    fn deepen(&self, relay: RelayId, by: Duration) {
        Silence::deepen(&self.0, relay, by);
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Rehearsals that were set up and not cleared.
    pub fn staged(&self) -> u32 {
        self.state().staged
    }

    /// Sessions that were granted.
    pub fn sessions(&self) -> u32 {
        self.state().sessions
    }

    fn trace(&self, event: Event, kind: Kind, change: impl FnOnce(&mut Trace)) {
        let mut trace = Trace {
            index: 0,
            kind,
            event,
            time: SystemClock.now(),
            clock: SystemClock.state(),
            trace: TraceId::from_bytes([event as u8; 16]),
            outcome: None,
            author: format!("account:{ACCOUNT}"),
            role: Some(Role::Technician.to_string()),
            establishment: None,
            door: Some("relays".into()),
            address: Some("127.0.0.1".into()),
            port: None,
            purpose: None,
            patients: Vec::new(),
            objects: Vec::new(),
            target: Some(format!("relay:{RELAY}")),
            detail: None,
            count: None,
        };
        change(&mut trace);
        self.state().traces.push(trace);
    }

    fn opened(&self) {
        if self.flaw == Flaw::NoOpening {
            return;
        }
        self.trace(Event::RelayOpened, Kind::Intent, |trace| {
            trace.detail = Some(INTERVENTION.to_string());
            match self.flaw {
                Flaw::OpeningOfNobody => trace.author = "system.door".into(),
                Flaw::OpeningFromNowhere => trace.address = None,
                _ => {}
            }
        });
        if self.flaw != Flaw::NoOutcome {
            self.trace(Event::RelayOpened, Kind::Outcome, |trace| {
                (trace.target, trace.outcome) = (None, Some(Outcome::Done));
            });
        }
    }
}

impl House for Gate {
    type Seen = ();
    type Recorder = Tapes;

    async fn identify(&self, login: &str, _: &[u8], _: ClientAddress) -> Result<(), SshRefused> {
        if login == "sonde.poterne.relays" { Ok(()) } else { Err(SshRefused::Refused) }
    }

    async fn code(&self, (): &(), code: &str) -> Result<(), SshRefused> {
        if code.len() == 6 && self.flaw != Flaw::NoCodeIsRight { Ok(()) } else { Err(SshRefused::Refused) }
    }

    async fn find(&self, (): &(), target: &str) -> Option<InterventionId> {
        (target == TARGET).then_some(INTERVENTION)
    }

    async fn offers(&self, (): &()) -> Vec<Offer> {
        Vec::new()
    }

    fn is_open(&self, (): &(), _: InterventionId) -> bool {
        self.flaw == Flaw::KeyAlone
    }

    async fn open_key(&self, (): &(), _: InterventionId) -> Result<(), SshRefused> {
        Ok(())
    }

    fn touch(&self, (): &(), _: InterventionId) {}

    async fn open_session(&self, (): &(), _: &str) -> Result<Granted<Tapes>, GateRefused> {
        self.opened();
        let now = SystemClock.now();
        let hold = (self.flaw == Flaw::NeverIdle).then(|| now + Duration::from_secs(3600));
        self.lease.send_replace(LeaseView::new(now + Duration::from_secs(7200), hold));
        self.state().sessions += 1;
        let (port, host_key, password) = self.state().machine.clone().ok_or(GateRefused::Refused)?;
        let equipment = WarrantedEquipment {
            id: EquipmentId::from_bytes([8; 16]),
            version: 1,
            name: TARGET.into(),
            protocol: Protocol::Ssh,
            host: "127.0.0.1".into(),
            port,
            host_key,
            account: LOGIN.into(),
        };
        Ok(Granted {
            relay: RELAY,
            intervention: INTERVENTION,
            hold: Hold::of_view(self.lease.subscribe()),
            equipment,
            rights: vec![Right::Shell, Right::Exec],
            secret: EquipmentSecret::Password(Secret::new(password)),
            recorder: Tapes(self.clone()),
        })
    }

    async fn close_session(&self, _: RelayId, _: Ending) {
        if self.flaw != Flaw::NoEnd {
            self.trace(Event::RelayClosed, Kind::Intent, |_| {});
            self.trace(Event::RelayClosed, Kind::Outcome, |trace| {
                (trace.target, trace.outcome) = (None, Some(Outcome::Done));
            });
        }
    }

    async fn alarm(&self, _: RelayId, _: &str) {}

    async fn file(&self, _: RelayId, _: u32, _: &FileAct) {}

    async fn command(&self, _: RelayId, channel: &ChannelSummary) {
        let sum = |sum: &Option<String>| sum.clone().unwrap_or_default();
        let out = if self.flaw == Flaw::NoDigest { "-".into() } else { sum(&channel.sha256_out) };
        let text = channel.command.clone().filter(|_| self.flaw != Flaw::NoCommandText).unwrap_or_default();
        let detail = format!(
            "command 1: in {} bytes sha256 {}; out {} bytes sha256 {out}; exit 0; {text}",
            channel.bytes_in,
            sum(&channel.sha256_in),
            channel.bytes_out,
        );
        if self.flaw != Flaw::NoCommand {
            self.trace(Event::RelayCommand, Kind::Note, |trace| {
                trace.detail = Some(detail);
                if self.flaw == Flaw::CommandOfNobody {
                    trace.author = "system.node".into();
                }
            });
        }
    }
}

pub struct Tapes(Gate);
pub struct Tape(Gate);

impl SessionRecorder for Tapes {
    type Recording = Tape;

    async fn terminal(&self, _: u32, _: (u16, u16), _: &str) -> Result<Tape, RecorderFault> {
        Ok(Tape(self.0.clone()))
    }

    fn set_hold(&self, _: bool) {}

    fn fault(&self) -> watch::Receiver<Option<RecorderFault>> {
        self.0.fault.subscribe()
    }
}

impl TerminalRecording for Tape {
    async fn output(&self, bytes: &[u8]) -> Result<(), RecorderFault> {
        if self.0.flaw != Flaw::RecordingOfNothing {
            self.0.state().recorded.push_str(&String::from_utf8_lossy(bytes));
        }
        Ok(())
    }

    async fn resize(&self, _: u16, _: u16) -> Result<(), RecorderFault> {
        Ok(())
    }

    async fn marker(&self, _: &str) -> Result<(), RecorderFault> {
        Ok(())
    }

    async fn finish(self, _: Option<i32>) -> Result<(), RecorderFault> {
        Ok(())
    }
}

struct Set(Gate);

impl Stage for Gate {
    fn set<'a>(&'a self, machine: &'a Machine) -> BoxFuture<'a, Result<Box<dyn Staged>, Fault>> {
        let password = machine.password.expose().clone();
        let mut state = self.state();
        state.machine = Some((machine.port, machine.host_key.clone(), password));
        state.staged += 1;
        Box::pin(async { Ok(Box::new(Set(self.clone())) as Box<dyn Staged>) })
    }
}

impl Staged for Set {
    fn intervention(&self) -> InterventionId {
        INTERVENTION
    }

    fn target(&self) -> String {
        TARGET.into()
    }

    fn account(&self) -> AccountId {
        ACCOUNT
    }

    fn clear(self: Box<Self>) -> BoxFuture<'static, Result<(), Fault>> {
        self.0.state().staged -= 1;
        Box::pin(async { Ok(()) })
    }
}

impl Keeps for Gate {
    fn traces(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let kept: Vec<_> = self.state().traces.iter().filter(|trace| trace.time >= from).cloned().collect();
        Box::pin(async { Ok(kept) })
    }

    fn recording(&self, relay: RelayId, channel: u32) -> BoxFuture<'_, Result<Option<String>, Fault>> {
        let there = self.flaw != Flaw::NoRecording && (relay, channel) == (RELAY, 2);
        let recorded = there.then(|| self.state().recorded.clone());
        Box::pin(async { Ok(recorded) })
    }
}

impl Cuts for Gate {
    fn cut(&self, intervention: InterventionId) -> BoxFuture<'_, Result<Instant, Fault>> {
        assert_eq!(intervention, INTERVENTION);
        let asked = Instant::now();
        let (lease, flaw) = (self.lease.clone(), self.flaw);
        Box::pin(async move {
            if flaw == Flaw::CutLate {
                tokio::time::sleep(Duration::from_millis(1200)).await;
            }
            let reason = if flaw == Flaw::CutForIdleness { EndReason::Idle } else { EndReason::Cut };
            if flaw != Flaw::NeverCut {
                lease.send_modify(|view| view.cut = Some(reason));
            }
            Ok(asked)
        })
    }
}
