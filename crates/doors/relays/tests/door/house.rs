//! A house that grants what a test sets, and remembers what it was told.

use interventions::{
    ChannelSummary, EndReason, Ending, EquipmentSecret, FileAct, GateRefused, LeaseView, Offer, Protocol,
    RecorderFault, Right, WarrantedEquipment,
};
use relays::{Granted, Hold, House, SessionRecorder, TerminalRecording};
use signin::{SshAnswer, SshAsked, SshRefused};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::watch;
use types::{ClientAddress, Clock as _, EquipmentId, InterventionId, RelayId, Secret, Time};

/// The one login.
pub const LOGIN: &str = "erwan.tanguy";
/// The one target.
pub const TARGET: &str = "scanner-1";
/// The one code that is right, as often as it is given.
pub const CODE: &str = "246810";
/// The comparison code that it draws.
pub const WORDS: &str = "K7M-2QX";

/// How the equipment is opened.
#[derive(Clone)]
pub enum Opens {
    Password(String),
    Key(String),
}

/// What a test sets, and what happened.
pub struct State {
    /// The technician's public key, in wire form.
    pub key: Vec<u8>,
    pub equipment: WarrantedEquipment,
    pub opens: Opens,
    pub rights: Vec<Right>,
    /// What the gate answers instead of a session.
    pub refuses: Option<GateRefused>,
    /// What beginning a recording answers.
    pub no_recording: bool,
    /// Beginning a recording panics.
    pub panics: bool,
    /// Where those who showed a key came from.
    pub from: Vec<ClientAddress>,
    pub codes: Vec<String>,
    pub open_keys: HashSet<InterventionId>,
    /// Where sign-ins are approved in a browser.
    pub page: Option<&'static str>,
    /// Nobody may be asked there.
    pub no_asking: bool,
    /// For what somebody was asked there.
    pub asks: Vec<Option<String>>,
    /// What he answered, and how often that was looked for.
    pub answer: SshAnswer,
    pub looks: usize,
    /// Askings that came to their end.
    pub closed: usize,
    pub recordings: BTreeMap<u32, Tape>,
    pub endings: Vec<Ending>,
    pub alarms: Vec<String>,
    pub commands: Vec<ChannelSummary>,
    pub files: Vec<(u32, FileAct)>,
    /// How long a file's trace takes.
    pub slow_traces: Duration,
}

/// One recorded terminal.
#[derive(Debug, Default, Clone)]
pub struct Tape {
    pub output: Vec<u8>,
    pub sizes: Vec<(u16, u16)>,
    pub markers: Vec<String>,
    pub exit_status: Option<i32>,
    pub finished: bool,
}

/// The house. Clones are handles.
#[derive(Clone)]
pub struct TestHouse {
    state: Arc<Mutex<State>>,
    pub lease: Arc<watch::Sender<LeaseView>>,
    pub fault: Arc<watch::Sender<Option<RecorderFault>>>,
}

pub struct Seen;

pub fn intervention() -> InterventionId {
    InterventionId::from_bytes([3; 16])
}

pub fn relay() -> RelayId {
    RelayId::from_bytes([4; 16])
}

pub fn after(wait: Duration) -> Time {
    poterne_now() + wait
}

fn poterne_now() -> Time {
    Now.now()
}

/// The computer's time.
pub struct Now;

impl types::Clock for Now {
    fn now(&self) -> Time {
        let since = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

impl TestHouse {
    pub fn new(key: Vec<u8>, equipment: WarrantedEquipment, opens: Opens) -> Self {
        let state = State {
            key,
            equipment,
            opens,
            rights: Right::ALL.to_vec(),
            refuses: None,
            no_recording: false,
            panics: false,
            from: Vec::new(),
            codes: Vec::new(),
            open_keys: HashSet::new(),
            page: None,
            no_asking: false,
            asks: Vec::new(),
            answer: SshAnswer::Waits,
            looks: 0,
            closed: 0,
            recordings: BTreeMap::new(),
            endings: Vec::new(),
            alarms: Vec::new(),
            files: Vec::new(),
            slow_traces: Duration::ZERO,
            commands: Vec::new(),
        };
        let view = LeaseView::new(after(Duration::from_secs(7200)), None);
        Self {
            state: Arc::new(Mutex::new(state)),
            lease: Arc::new(watch::Sender::new(view)),
            fault: Arc::new(watch::Sender::new(None)),
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn cut(&self, reason: EndReason) {
        self.lease.send_modify(|view| view.cut = Some(reason));
    }

    /// Waits for the session's end to be written down.
    pub async fn ending(&self) -> Ending {
        for _ in 0..1000 {
            if let Some(ending) = self.state().endings.pop() {
                return ending;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no session's end was written down");
    }

    fn tape(&self, channel: u32, change: impl FnOnce(&mut Tape)) {
        change(self.state().recordings.entry(channel).or_default());
    }
}

pub fn equipment(port: u16, host_key: &str, account: &str) -> WarrantedEquipment {
    WarrantedEquipment {
        id: EquipmentId::from_bytes([5; 16]),
        version: 1,
        name: TARGET.into(),
        protocol: Protocol::Ssh,
        host: "127.0.0.1".into(),
        port,
        host_key: host_key.into(),
        account: account.into(),
    }
}

impl House for TestHouse {
    type Seen = Seen;
    type Recorder = Tapes;

    async fn identify(&self, login: &str, key: &[u8], from: ClientAddress) -> Result<Seen, SshRefused> {
        self.state().from.push(from);
        if login == LOGIN && key == self.state().key { Ok(Seen) } else { Err(SshRefused::Refused) }
    }

    async fn code(&self, _: &Seen, code: &str) -> Result<(), SshRefused> {
        self.state().codes.push(code.to_owned());
        if code == CODE { Ok(()) } else { Err(SshRefused::Refused) }
    }

    fn approves_at(&self) -> Option<&str> {
        self.state().page
    }

    async fn ask_approval(&self, _: &Seen, target: Option<&str>) -> Result<SshAsked, SshRefused> {
        let mut state = self.state();
        state.asks.push(target.map(str::to_owned));
        if state.no_asking {
            return Err(SshRefused::Refused);
        }
        Ok(SshAsked { words: WORDS.into(), ends: after(Duration::from_secs(120)) })
    }

    async fn approved(&self, _: &Seen) -> Result<SshAnswer, SshRefused> {
        let mut state = self.state();
        state.looks += 1;
        Ok(state.answer)
    }

    async fn close_approval(&self, _: &Seen) {
        self.state().closed += 1;
    }

    async fn find(&self, _: &Seen, target: &str) -> Option<InterventionId> {
        (target == TARGET).then(intervention)
    }

    async fn offers(&self, _: &Seen) -> Vec<Offer> {
        let until = after(Duration::from_secs(3600));
        vec![Offer { target: TARGET.into(), intervention: intervention(), until }]
    }

    fn is_open(&self, _: &Seen, intervention: InterventionId) -> bool {
        self.state().open_keys.contains(&intervention)
    }

    async fn open_key(&self, _: &Seen, intervention: InterventionId) -> Result<(), SshRefused> {
        self.state().open_keys.insert(intervention);
        Ok(())
    }

    fn touch(&self, _: &Seen, _: InterventionId) {}

    async fn open_session(&self, _: &Seen, target: &str) -> Result<Granted<Tapes>, GateRefused> {
        let state = self.state();
        if let Some(why) = state.refuses {
            return Err(why);
        }
        if target != TARGET {
            return Err(GateRefused::Refused);
        }
        let secret = match &state.opens {
            Opens::Password(password) => EquipmentSecret::Password(Secret::new(password.clone())),
            Opens::Key(pem) => EquipmentSecret::PrivateKey(Secret::new(pem.clone())),
        };
        Ok(Granted {
            relay: relay(),
            intervention: intervention(),
            hold: Hold::of_view(self.lease.subscribe()),
            equipment: state.equipment.clone(),
            rights: state.rights.clone(),
            secret,
            recorder: Tapes(self.clone()),
        })
    }

    async fn close_session(&self, _: RelayId, ending: Ending) {
        self.state().endings.push(ending);
    }

    async fn alarm(&self, _: RelayId, text: &str) {
        self.state().alarms.push(text.to_owned());
    }

    async fn command(&self, _: RelayId, channel: &ChannelSummary) {
        self.state().commands.push(channel.clone());
    }

    async fn file(&self, _: RelayId, channel: u32, act: &FileAct) {
        let slow = self.state().slow_traces;
        tokio::time::sleep(slow).await;
        self.state().files.push((channel, act.clone()));
    }
}

/// Records into memory.
pub struct Tapes(TestHouse);

pub struct OneTape {
    house: TestHouse,
    channel: u32,
}

impl SessionRecorder for Tapes {
    type Recording = OneTape;

    async fn terminal(&self, channel: u32, size: (u16, u16), _: &str) -> Result<OneTape, RecorderFault> {
        let state = self.0.state();
        let (panics, no_recording) = (state.panics, state.no_recording);
        drop(state);
        assert!(!panics, "a test asked for it");
        if no_recording {
            return Err(RecorderFault::Disk("full".into()));
        }
        self.0.tape(channel, |tape| tape.sizes.push(size));
        Ok(OneTape { house: self.0.clone(), channel })
    }

    fn set_hold(&self, _: bool) {}

    fn fault(&self) -> watch::Receiver<Option<RecorderFault>> {
        self.0.fault.subscribe()
    }
}

impl TerminalRecording for OneTape {
    async fn output(&self, bytes: &[u8]) -> Result<(), RecorderFault> {
        self.house.tape(self.channel, |tape| tape.output.extend_from_slice(bytes));
        Ok(())
    }

    async fn resize(&self, cols: u16, rows: u16) -> Result<(), RecorderFault> {
        self.house.tape(self.channel, |tape| tape.sizes.push((cols, rows)));
        Ok(())
    }

    async fn marker(&self, text: &str) -> Result<(), RecorderFault> {
        self.house.tape(self.channel, |tape| tape.markers.push(text.to_owned()));
        Ok(())
    }

    async fn finish(self, exit_status: Option<i32>) -> Result<(), RecorderFault> {
        self.house.tape(self.channel, |tape| (tape.exit_status, tape.finished) = (exit_status, true));
        Ok(())
    }
}
