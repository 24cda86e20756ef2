//! The real house: signing in, and the gate of the interventions.

use crate::house::{Granted, Hold, House, SessionRecorder, TerminalRecording};
use interventions::{
    AtGate, ChannelSummary, Ending, FileAct, Gate, GateRefused, Offer, Recorder, RecorderFault, Recording, SessionAsked,
};
use signin::{SshAnswer, SshAsked, SshRefused, SshSeen, SshSignIn};
use tokio::sync::watch;
use types::{ClientAddress, InterventionId, RelayId};

/// Signing in and the gate, together.
#[derive(Clone)]
pub struct Wired {
    sign_in: SshSignIn,
    gate: Gate,
    approves_at: Option<String>,
}

impl Wired {
    /// Both must be of the door of the relays.
    pub fn new(sign_in: SshSignIn, gate: Gate) -> Self {
        Self { sign_in, gate, approves_at: None }
    }

    /// Technicians may approve their sign-ins in their browser, on this page of the suppliers' door.
    pub fn approves_at(self, page: String) -> Self {
        Self { approves_at: Some(page), ..self }
    }
}

fn at_gate(seen: &SshSeen) -> AtGate {
    AtGate { account: seen.account(), supplier: Some(seen.supplier()) }
}

impl House for Wired {
    type Seen = SshSeen;
    type Recorder = Recorder;

    async fn identify(&self, login: &str, key: &[u8], address: ClientAddress) -> Result<SshSeen, SshRefused> {
        self.sign_in.identify(login, key, address).await
    }

    async fn code(&self, seen: &SshSeen, code: &str) -> Result<(), SshRefused> {
        self.sign_in.code(seen, code, seen.address()).await
    }

    fn approves_at(&self) -> Option<&str> {
        self.approves_at.as_deref()
    }

    async fn ask_approval(&self, seen: &SshSeen, target: Option<&str>) -> Result<SshAsked, SshRefused> {
        self.sign_in.ask_approval(seen, target, seen.address()).await
    }

    async fn approved(&self, seen: &SshSeen) -> Result<SshAnswer, SshRefused> {
        self.sign_in.approved(seen, seen.address()).await
    }

    async fn close_approval(&self, seen: &SshSeen) {
        self.sign_in.close_approval(seen).await;
    }

    async fn find(&self, seen: &SshSeen, target: &str) -> Option<InterventionId> {
        self.gate.find(&at_gate(seen), target).await
    }

    async fn offers(&self, seen: &SshSeen) -> Vec<Offer> {
        self.gate.offers(&at_gate(seen)).await
    }

    fn is_open(&self, seen: &SshSeen, intervention: InterventionId) -> bool {
        self.sign_in.is_open(seen, intervention, seen.address())
    }

    async fn open_key(&self, seen: &SshSeen, intervention: InterventionId) -> Result<(), SshRefused> {
        self.sign_in.open_key(seen, intervention, seen.address()).await
    }

    fn touch(&self, seen: &SshSeen, intervention: InterventionId) {
        self.sign_in.touch(seen, intervention);
    }

    async fn open_session(&self, seen: &SshSeen, target: &str) -> Result<Granted<Recorder>, GateRefused> {
        let who = self.sign_in.authenticated(seen, seen.address()).await.map_err(|refused| match refused {
            SshRefused::Unavailable => GateRefused::Unavailable,
            SshRefused::Refused | SshRefused::TooMany(_) => GateRefused::Refused,
        })?;
        let (fingerprint, address) = (seen.fingerprint().to_owned(), seen.address());
        let asked = SessionAsked { fingerprint, address, target: target.to_owned() };
        let opened = match self.gate.open_session(who, asked).await {
            Ok(opened) => opened,
            Err(refused) => {
                // What was given is not enough: the next connection is asked again, and can approve.
                if refused == GateRefused::Passkey
                    && let Some(intervention) = self.gate.find(&at_gate(seen), target).await
                {
                    self.sign_in.close_key(seen, intervention);
                }
                return Err(refused);
            }
        };
        Ok(Granted {
            relay: opened.relay,
            intervention: opened.warrant.intervention(),
            hold: Hold::new(opened.lease),
            equipment: opened.warrant.equipment().clone(),
            rights: opened.warrant.rights().to_vec(),
            secret: opened.secret,
            recorder: opened.recorder,
        })
    }

    async fn close_session(&self, relay: RelayId, ending: Ending) {
        self.gate.close_session(relay, ending).await;
    }

    async fn alarm(&self, relay: RelayId, text: &str) {
        self.gate.alarm(relay, text).await;
    }

    async fn command(&self, relay: RelayId, channel: &ChannelSummary) {
        self.gate.command(relay, channel).await;
    }

    async fn file(&self, relay: RelayId, channel: u32, act: &FileAct) {
        self.gate.file(relay, channel, act).await;
    }
}

impl SessionRecorder for Recorder {
    type Recording = Recording;

    async fn terminal(&self, channel: u32, size: (u16, u16), term: &str) -> Result<Recording, RecorderFault> {
        Recorder::terminal(self, channel, size, term).await
    }

    fn set_hold(&self, held: bool) {
        Recorder::set_hold(self, held);
    }

    fn fault(&self) -> watch::Receiver<Option<RecorderFault>> {
        Recorder::fault(self)
    }
}

impl TerminalRecording for Recording {
    async fn output(&self, bytes: &[u8]) -> Result<(), RecorderFault> {
        Recording::output(self, bytes).await
    }

    async fn resize(&self, cols: u16, rows: u16) -> Result<(), RecorderFault> {
        Recording::resize(self, cols, rows).await
    }

    async fn marker(&self, text: &str) -> Result<(), RecorderFault> {
        Recording::marker(self, text).await
    }

    async fn finish(self, exit_status: Option<i32>) -> Result<(), RecorderFault> {
        Recording::finish(self, exit_status).await
    }
}
