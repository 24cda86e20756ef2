//! What the relays ask of the rest of the house, and nothing more.

use interventions::{
    ChannelSummary, Ending, EquipmentSecret, FileAct, GateRefused, Lease, LeaseView, Offer, RecorderFault, Right,
    WarrantedEquipment,
};
use signin::{SshAnswer, SshAsked, SshRefused};
use std::future::Future;
use tokio::sync::watch;
use types::{ClientAddress, InterventionId, RelayId};

/// Signing in and the gate of the interventions, as the relays see them. [`crate::Wired`] is the real one.
pub trait House: Send + Sync + 'static {
    /// Somebody whose key was recognized on a connection.
    type Seen: Send + Sync + 'static;
    /// What records a session.
    type Recorder: SessionRecorder;

    /// Whose key this is, under that login. The protocol has shown that the caller holds it.
    fn identify(
        &self,
        login: &str,
        key: &[u8],
        address: ClientAddress,
    ) -> impl Future<Output = Result<Self::Seen, SshRefused>> + Send;

    /// Takes a one-time code.
    fn code(&self, seen: &Self::Seen, code: &str) -> impl Future<Output = Result<(), SshRefused>> + Send;

    /// Where he may approve, in his browser, that it is he: the page's address. Nothing where only codes are taken.
    fn approves_at(&self) -> Option<&str> {
        None
    }

    /// Asks him there; `target` is what he may reach and named. Refused, the code remains.
    fn ask_approval(
        &self,
        _seen: &Self::Seen,
        _target: Option<&str>,
    ) -> impl Future<Output = Result<SshAsked, SshRefused>> + Send {
        async { Err(SshRefused::Refused) }
    }

    /// What became of it. Approved, it has served, and he is who he says.
    fn approved(&self, _seen: &Self::Seen) -> impl Future<Output = Result<SshAnswer, SshRefused>> + Send {
        async { Ok(SshAnswer::Over) }
    }

    /// Nothing comes any more of what was asked.
    fn close_approval(&self, _seen: &Self::Seen) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// The intervention in which he may reach this target now; it proves nothing.
    fn find(&self, seen: &Self::Seen, target: &str) -> impl Future<Output = Option<InterventionId>> + Send;

    /// All that he may reach now.
    fn offers(&self, seen: &Self::Seen) -> impl Future<Output = Vec<Offer>> + Send;

    /// Whether his key is open for that intervention, so that no code is asked for.
    fn is_open(&self, seen: &Self::Seen, intervention: InterventionId) -> bool;

    /// Opens his key for that intervention, after the code or the approval.
    fn open_key(
        &self,
        seen: &Self::Seen,
        intervention: InterventionId,
    ) -> impl Future<Output = Result<(), SshRefused>> + Send;

    /// He is at work: the opened key stays open.
    fn touch(&self, seen: &Self::Seen, intervention: InterventionId);

    /// Opens a session, traced, recorded and leased; or opens nothing.
    fn open_session(
        &self,
        seen: &Self::Seen,
        target: &str,
    ) -> impl Future<Output = Result<Granted<Self::Recorder>, GateRefused>> + Send;

    /// Writes down how a session ended.
    fn close_session(&self, relay: RelayId, ending: Ending) -> impl Future<Output = ()> + Send;

    /// Something went wrong during a session.
    fn alarm(&self, relay: RelayId, text: &str) -> impl Future<Output = ()> + Send;

    /// A channel without terminal ended.
    fn command(&self, relay: RelayId, channel: &ChannelSummary) -> impl Future<Output = ()> + Send;

    /// Something was done to a file in a channel of SFTP.
    fn file(&self, relay: RelayId, channel: u32, act: &FileAct) -> impl Future<Output = ()> + Send;
}

/// A session that may begin.
pub struct Granted<R> {
    /// Which.
    pub relay: RelayId,
    /// In which intervention.
    pub intervention: InterventionId,
    /// What it lives by.
    pub hold: Hold,
    /// Where to go, as it was signed.
    pub equipment: WarrantedEquipment,
    /// What may be done there.
    pub rights: Vec<Right>,
    /// What opens it.
    pub secret: EquipmentSecret,
    /// What records it.
    pub recorder: R,
}

/// A lease, held for as long as this lives.
pub struct Hold {
    view: watch::Receiver<LeaseView>,
    _lease: Option<Lease>,
}

impl Hold {
    /// Holds a lease.
    pub fn new(lease: Lease) -> Self {
        Self { view: lease.watch(), _lease: Some(lease) }
    }

    /// For tests: a lease that nobody granted.
    pub fn of_view(view: watch::Receiver<LeaseView>) -> Self {
        Self { view, _lease: None }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<LeaseView> {
        self.view.clone()
    }
}

/// Records the channels of one session.
pub trait SessionRecorder: Send + Sync + 'static {
    /// Of one channel.
    type Recording: TerminalRecording;

    /// Begins to record a terminal. Without it, the channel is not opened.
    fn terminal(
        &self,
        channel: u32,
        size: (u16, u16),
        term: &str,
    ) -> impl Future<Output = Result<Self::Recording, RecorderFault>> + Send;

    /// "Do not interrupt" begins or ends.
    fn set_hold(&self, held: bool);

    /// What went wrong, as soon as it does.
    fn fault(&self) -> watch::Receiver<Option<RecorderFault>>;
}

/// The recording of one terminal.
pub trait TerminalRecording: Send + Sync + 'static {
    /// What it showed.
    fn output(&self, bytes: &[u8]) -> impl Future<Output = Result<(), RecorderFault>> + Send;
    /// Its new size.
    fn resize(&self, cols: u16, rows: u16) -> impl Future<Output = Result<(), RecorderFault>> + Send;
    /// A remark.
    fn marker(&self, text: &str) -> impl Future<Output = Result<(), RecorderFault>> + Send;
    /// Its end.
    fn finish(self, exit_status: Option<i32>) -> impl Future<Output = Result<(), RecorderFault>> + Send;
}
