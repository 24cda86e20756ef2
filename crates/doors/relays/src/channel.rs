//! One channel of a session: what was asked for, then bytes in both directions, until one side has ended.

use crate::{
    asked::{Asked, Terminal, size},
    files::{Files, Pace, TOO_MANY},
    house::{House, SessionRecorder, TerminalRecording},
    live::Live,
    rights::{self, Start},
    target::Target,
    texts::{self, Sentence},
};
use data_encoding::HEXLOWER;
use interventions::{ChannelKind, ChannelSummary, EndReason, Right};
use pipe::{Backlog, Meter};
use russh::{
    Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client,
    server::{self, Msg},
};
use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, sleep_until, timeout},
};
use types::RelayId;

/// Bytes of a command at most: it is kept whole.
const COMMAND_BYTES_MAX: usize = 4096;
/// What a machine has to open a channel, and a client to take a last sentence.
const OPEN_MAX: Duration = Duration::from_secs(10);
const LAST_WORD_MAX: Duration = Duration::from_millis(200);
/// Once the technician has left, what the machine still has to say.
const REST_MAX: Duration = Duration::from_secs(2);
/// How long the end of a machine's output waits for the program's status.
const STATUS_MAX: Duration = Duration::from_millis(100);
/// What `ssh` itself says when a connection fails.
pub(crate) const EXIT_FAILED: u32 = 255;

/// A channel that the technician opened.
pub(crate) struct Arrival {
    /// From 1, in the session.
    pub(crate) number: u32,
    pub(crate) channel: Channel<Msg>,
    pub(crate) backlog: Arc<Backlog>,
}

/// The technician's end of a channel.
pub(crate) struct Near {
    pub(crate) number: u32,
    pub(crate) read: ChannelReadHalf,
    pub(crate) write: ChannelWriteHalf<Msg>,
    pub(crate) handle: server::Handle,
    pub(crate) backlog: Arc<Backlog>,
}

impl Near {
    pub(crate) fn new(arrival: Arrival, handle: server::Handle) -> Self {
        let (read, write) = arrival.channel.split();
        Self { number: arrival.number, read, write, handle, backlog: arrival.backlog }
    }

    /// The next message; its bytes no longer wait.
    pub(crate) async fn next(&mut self) -> Option<ChannelMsg> {
        next(&mut self.read, &self.backlog).await
    }

    /// Says a last sentence and closes.
    pub(crate) async fn farewell(&self, sentence: &Sentence, terminal: bool, exit_status: u32) {
        let words = async {
            say(&self.write, sentence, terminal).await;
            let _ = self.write.exit_status(exit_status).await;
            let _ = self.write.eof().await;
            let _ = self.write.close().await;
        };
        let _ = timeout(LAST_WORD_MAX, words).await;
    }
}

async fn next(read: &mut ChannelReadHalf, backlog: &Backlog) -> Option<ChannelMsg> {
    let message = read.wait().await?;
    if let ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } = &message {
        backlog.taken(data.len());
    }
    Some(message)
}

pub(crate) async fn say(write: &ChannelWriteHalf<Msg>, sentence: &Sentence, terminal: bool) {
    let _ = if terminal {
        write.data_bytes(sentence.on_terminal().into_bytes()).await
    } else {
        write.extended_data_bytes(1, sentence.on_stderr().into_bytes()).await
    };
}

/// What the channels of one session share.
pub(crate) struct Common<H: House> {
    pub(crate) house: Arc<H>,
    pub(crate) relay: RelayId,
    pub(crate) rights: Vec<Right>,
    pub(crate) recorder: H::Recorder,
    pub(crate) target: Target,
    pub(crate) live: Arc<Live>,
    /// Of its files.
    pub(crate) pace: Pace,
    /// Sentences for every channel.
    pub(crate) announced: broadcast::Sender<Sentence>,
    /// Set once the session ends.
    pub(crate) ending: watch::Receiver<Option<EndReason>>,
    /// "Do not interrupt" is in force.
    pub(crate) held: AtomicBool,
}

/// Both directions of one channel, while it lasts.
struct Carried<R> {
    recording: Option<R>,
    bytes_in: Meter,
    bytes_out: Meter,
    exit_status: Option<u32>,
    /// The machine refused what was asked.
    refused: bool,
    /// What passes of files.
    files: Option<Files>,
}

/// Carries a channel from its first byte to its last.
pub(crate) async fn carry<H: House>(common: Arc<Common<H>>, mut near: Near, asked: Asked) -> ChannelSummary {
    let mut summary = summary(near.number, &asked);
    if !rights::allows(&common.rights, &asked.start) {
        near.farewell(&texts::not_approved(), asked.terminal.is_some(), 1).await;
        common.house.command(common.relay, &summary).await;
        return summary;
    }
    if let Some(sentence) = unseen(&asked) {
        near.farewell(&sentence, false, EXIT_FAILED).await;
        common.house.command(common.relay, &summary).await;
        return summary;
    }
    let meter = || if asked.terminal.is_some() { Meter::counting() } else { Meter::digesting() };
    let files = (asked.start == Start::Sftp).then(Files::default);
    let mut carried =
        Carried { recording: None, bytes_in: meter(), bytes_out: meter(), exit_status: None, refused: false, files };
    if let Some(terminal) = &asked.terminal {
        // Nothing is shown that is not recorded; the session's owner hears of the fault from the recorder itself.
        match common.recorder.terminal(near.number, terminal.size(), &terminal.term).await {
            Ok(recording) => carried.recording = Some(recording),
            Err(error) => {
                tracing::warn!(%error, "a terminal cannot be recorded");
                near.farewell(&texts::ended(EndReason::Recording), true, EXIT_FAILED).await;
                return summary;
            }
        }
        common.live.open_terminal(near.number, terminal.size());
    }
    let ended = until_over(common.ending.clone(), exchange(&common, &mut near, &asked, &mut carried)).await;
    close(&common, &near, &asked, ended, &carried).await;
    if let Some(files) = carried.files.take() {
        if let Some(lost) = files.lost() {
            common.house.alarm(common.relay, &format!("a file transfer was stopped: {lost}")).await;
        }
        let acts = files.finish(&common, near.number).await;
        (summary.files, summary.files_more) = (acts.kept, acts.more);
    }
    let (exit_status, recording) =
        (carried.exit_status.and_then(|status| i32::try_from(status).ok()), carried.recording);
    let (bytes_in, bytes_out) = (carried.bytes_in.finish(), carried.bytes_out.finish());
    (summary.bytes_in, summary.bytes_out) = (bytes_in.bytes, bytes_out.bytes);
    summary.sha256_in = bytes_in.sha256.map(|sum| HEXLOWER.encode(&sum));
    summary.sha256_out = bytes_out.sha256.map(|sum| HEXLOWER.encode(&sum));
    summary.exit_status = exit_status;
    summary.recording = recording.is_some();
    match recording {
        Some(recording) => {
            common.live.close_terminal(near.number);
            if let Err(error) = recording.finish(exit_status).await {
                tracing::warn!(%error, "a recording could not be ended");
            }
        }
        None => common.house.command(common.relay, &summary).await,
    }
    summary
}

/// Why nobody could see afterwards what was done: typed without a terminal, or more than is kept of a command.
fn unseen(asked: &Asked) -> Option<texts::Sentence> {
    match &asked.start {
        Start::Shell if asked.terminal.is_none() => Some(texts::needs_terminal()),
        Start::Command(command) if command.len() > COMMAND_BYTES_MAX => Some(texts::command_too_long()),
        _ => None,
    }
}

fn summary(number: u32, asked: &Asked) -> ChannelSummary {
    let command = match &asked.start {
        Start::Command(command) => Some(wire::visible(&String::from_utf8_lossy(command), COMMAND_BYTES_MAX)),
        Start::Shell | Start::Sftp | Start::Unknown => None,
    };
    let kind = match (&asked.start, &asked.terminal) {
        (Start::Sftp, _) => ChannelKind::Sftp,
        (_, Some(_)) => ChannelKind::Terminal,
        (_, None) => ChannelKind::Command,
    };
    ChannelSummary {
        number,
        kind,
        command,
        bytes_in: 0,
        bytes_out: 0,
        sha256_in: None,
        sha256_out: None,
        exit_status: None,
        recording: false,
        files: Vec::new(),
        files_more: 0,
    }
}

pub(crate) async fn ended(ending: &mut watch::Receiver<Option<EndReason>>) -> EndReason {
    match ending.wait_for(Option::is_some).await {
        Ok(reason) => reason.unwrap_or(EndReason::Fault),
        Err(_) => EndReason::Fault,
    }
}

/// Carries until the channel ends, or its session: then with the reason. What ends a session closes the machine's side too,
/// and where that is seen first, it is still the session's end.
async fn until_over(
    mut ending: watch::Receiver<Option<EndReason>>,
    exchange: impl Future<Output = ()>,
) -> Option<EndReason> {
    let seen = ending.clone();
    tokio::select! {
        biased;
        reason = ended(&mut ending) => Some(reason),
        () = exchange => *seen.borrow(),
    }
}

async fn close<H: House>(
    common: &Common<H>,
    near: &Near,
    asked: &Asked,
    ended: Option<EndReason>,
    carried: &Carried<<H::Recorder as SessionRecorder>::Recording>,
) {
    let terminal = asked.terminal.is_some();
    match ended {
        Some(reason) => {
            let sentence = texts::ended(reason);
            if let Some(recording) = &carried.recording {
                let _ = timeout(LAST_WORD_MAX, recording.marker(sentence.english())).await;
            }
            near.farewell(&sentence, terminal, EXIT_FAILED).await;
        }
        None if let Some(lost) = carried.files.as_ref().and_then(Files::lost) => {
            let sentence = if lost == TOO_MANY { texts::too_many_files() } else { texts::not_followed() };
            near.farewell(&sentence, terminal, EXIT_FAILED).await;
        }
        None if carried.refused => near.farewell(&texts::refused_by_equipment(), terminal, EXIT_FAILED).await,
        None if common.target.lost.is_cancelled() && carried.exit_status.is_none() => {
            near.farewell(&texts::ended(EndReason::Equipment), terminal, EXIT_FAILED).await;
        }
        None => {
            let _ = timeout(LAST_WORD_MAX, near.write.close()).await;
        }
    }
}

/// Asks the machine for the channel, then carries both directions until both have ended.
async fn exchange<H: House>(
    common: &Common<H>,
    near: &mut Near,
    asked: &Asked,
    carried: &mut Carried<<H::Recorder as SessionRecorder>::Recording>,
) {
    let opened = timeout(OPEN_MAX, open(common, asked)).await;
    let Ok(Ok((channel, waits))) = opened else {
        carried.refused = !common.target.lost.is_cancelled();
        return;
    };
    let (mut far_read, far_write) = channel.split();
    let Near { read, write, handle, backlog, number } = near;
    let Carried { recording, bytes_in, bytes_out, exit_status, refused, files } = carried;
    let (recording, files) = (recording.as_ref(), files.as_ref());
    let (typed, input_ended) = (asked.typed.clone(), AtomicBool::new(false));
    let inwards = Inwards {
        common,
        number: *number,
        read,
        backlog,
        typed,
        input_ended: &input_ended,
        far: &far_write,
        meter: bytes_in,
        recording,
        files,
    };
    let outwards = Outwards {
        common,
        number: *number,
        near: write,
        handle,
        terminal: asked.terminal.is_some(),
        waits,
        input_ended: &input_ended,
        output_ended: None,
        meter: bytes_out,
        recording,
        files,
        exit_status,
        refused,
    };
    let outwards = outwards.run(&mut far_read);
    tokio::pin!(outwards);
    tokio::select! {
        () = &mut outwards => {}
        () = inwards.run() => {
            // The technician closed it: the machine is told, and may still say how it ended.
            let _ = timeout(REST_MAX, far_write.close()).await;
            let _ = timeout(REST_MAX, &mut outwards).await;
        }
    }
    let _ = timeout(LAST_WORD_MAX, far_write.close()).await;
}

/// What the machine has still to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    Terminal,
    Start,
}

async fn open<H: House>(
    common: &Common<H>,
    asked: &Asked,
) -> Result<(Channel<client::Msg>, VecDeque<Waits>), russh::Error> {
    let channel = common.target.handle.channel_open_session().await?;
    let mut waits = VecDeque::new();
    for (name, value) in &asked.env {
        channel.set_env(false, name.as_str(), value.as_str()).await?;
    }
    if let Some(Terminal { term, cols, rows, pixels, modes }) = &asked.terminal {
        channel.request_pty(true, term, *cols, *rows, pixels.0, pixels.1, modes).await?;
        waits.push_back(Waits::Terminal);
    }
    match &asked.start {
        Start::Shell => channel.request_shell(true).await?,
        Start::Command(command) => channel.exec(true, command.clone()).await?,
        Start::Sftp => channel.request_subsystem(true, "sftp").await?,
        Start::Unknown => return Err(russh::Error::Inconsistent),
    }
    waits.push_back(Waits::Start);
    Ok((channel, waits))
}

/// From the technician to the machine.
struct Inwards<'a, H: House> {
    common: &'a Common<H>,
    number: u32,
    read: &'a mut ChannelReadHalf,
    backlog: &'a Backlog,
    typed: Vec<u8>,
    input_ended: &'a AtomicBool,
    far: &'a ChannelWriteHalf<client::Msg>,
    meter: &'a mut Meter,
    recording: Option<&'a <H::Recorder as SessionRecorder>::Recording>,
    files: Option<&'a Files>,
}

impl<H: House> Inwards<'_, H> {
    /// Until the technician closes. Bytes go as they came, from the first one.
    async fn run(self) {
        let Self { common, number, read, backlog, typed, input_ended, far, meter, recording, files } = self;
        let mut first = (!typed.is_empty()).then(|| ChannelMsg::Data { data: typed.into() });
        loop {
            let message = match first.take() {
                Some(message) => message,
                None => match next(read, backlog).await {
                    Some(message) => message,
                    None => return,
                },
            };
            let sent = match message {
                ChannelMsg::Data { data } => {
                    if files.is_some_and(|files| !files.inwards(&data)) {
                        return;
                    }
                    meter.pass(&data);
                    common.live.traffic.passed_in(data.len());
                    far.data_bytes(data).await
                }
                ChannelMsg::Eof => {
                    input_ended.store(true, Relaxed);
                    far.eof().await
                }
                ChannelMsg::Close => return,
                ChannelMsg::Signal { signal } => far.signal(signal).await,
                ChannelMsg::WindowChange { col_width, row_height, pix_width, pix_height } => {
                    if let Some(recording) = recording {
                        let size = size(col_width, row_height);
                        let _ = recording.resize(size.0, size.1).await;
                        common.live.resize(number, size);
                    }
                    far.window_change(col_width, row_height, pix_width, pix_height).await
                }
                // Nothing else changes a channel that has begun.
                _ => Ok(()),
            };
            if sent.is_err() {
                // The machine's side is gone; the other direction tells the rest.
                return std::future::pending().await;
            }
        }
    }
}

/// From the machine to the technician.
struct Outwards<'a, H: House> {
    common: &'a Common<H>,
    number: u32,
    near: &'a ChannelWriteHalf<Msg>,
    handle: &'a server::Handle,
    terminal: bool,
    waits: VecDeque<Waits>,
    input_ended: &'a AtomicBool,
    /// The machine's output has ended, and the technician has not been told: not before this moment.
    output_ended: Option<Instant>,
    meter: &'a mut Meter,
    recording: Option<&'a <H::Recorder as SessionRecorder>::Recording>,
    files: Option<&'a Files>,
    exit_status: &'a mut Option<u32>,
    refused: &'a mut bool,
}

impl<H: House> Outwards<'_, H> {
    /// Until the machine closes.
    async fn run(mut self, far: &mut ChannelReadHalf) {
        let mut announced = self.common.announced.subscribe();
        loop {
            let message = tokio::select! {
                message = far.wait() => message,
                Ok(sentence) = announced.recv() => {
                    self.announce(&sentence).await;
                    continue;
                }
                () = self.end_may_be_told() => {
                    self.tell_end().await;
                    continue;
                }
            };
            let goes_on = match message {
                Some(message) => self.pass(message).await,
                None => false,
            };
            if !goes_on {
                self.tell_end().await;
                return;
            }
        }
    }

    /// A client whose input has ended closes the channel as soon as the output ends, and a status that comes after that is
    /// lost. So the end waits for the status: always when the input has ended, else a moment, since a program may wait for
    /// the end of its input before it ends itself.
    async fn end_may_be_told(&self) {
        if let Some(moment) = self.output_ended {
            sleep_until(moment).await;
            if !self.input_ended.load(Relaxed) {
                return;
            }
        }
        std::future::pending().await
    }

    async fn tell_end(&mut self) {
        if self.output_ended.take().is_some() {
            let _ = self.near.eof().await;
        }
    }

    async fn announce(&self, sentence: &Sentence) {
        if let Some(recording) = self.recording {
            let _ = recording.marker(sentence.english()).await;
        }
        say(self.near, sentence, self.terminal).await;
    }

    /// Whether the channel goes on.
    async fn pass(&mut self, message: ChannelMsg) -> bool {
        match message {
            ChannelMsg::Data { data } => {
                self.follow(&data).await && self.record(&data).await && self.near.data_bytes(data).await.is_ok()
            }
            ChannelMsg::ExtendedData { data, ext } => {
                self.record(&data).await && self.near.extended_data_bytes(ext, data).await.is_ok()
            }
            ChannelMsg::Eof => {
                self.output_ended = Some(Instant::now() + STATUS_MAX);
                if self.exit_status.is_some() {
                    self.tell_end().await;
                }
                true
            }
            ChannelMsg::ExitStatus { exit_status } => {
                *self.exit_status = Some(exit_status);
                let told = self.near.exit_status(exit_status).await.is_ok();
                self.tell_end().await;
                told
            }
            ChannelMsg::ExitSignal { signal_name, core_dumped, error_message, lang_tag } => {
                // What shells say of a program ended by a signal, for the summary.
                *self.exit_status = self.exit_status.or(Some(128));
                let id = self.near.id();
                let told = self.handle.exit_signal_request(id, signal_name, core_dumped, error_message, lang_tag).await;
                self.tell_end().await;
                told.is_ok()
            }
            ChannelMsg::Success => {
                self.waits.pop_front();
                true
            }
            ChannelMsg::Failure => {
                // A machine may do without a terminal; without the rest there is nothing.
                *self.refused = self.waits.pop_front() == Some(Waits::Start);
                !*self.refused
            }
            ChannelMsg::Close => false,
            _ => true,
        }
    }

    /// Follows the files in it. Whether the technician may have it.
    async fn follow(&self, bytes: &[u8]) -> bool {
        match self.files {
            Some(files) => files.outwards(self.common, self.number, bytes).await,
            None => true,
        }
    }

    /// Records, counts and shows beside, before the technician sees it. Whether he may.
    async fn record(&mut self, bytes: &[u8]) -> bool {
        if let Some(recording) = self.recording {
            if recording.output(bytes).await.is_err() && !self.goes_on_unrecorded() {
                // The owner cuts, or has cut.
                return std::future::pending().await;
            }
            self.common.live.output(self.number, bytes);
        }
        self.meter.pass(bytes);
        self.common.live.traffic.passed_out(bytes.len());
        true
    }

    /// Under "do not interrupt", with the reserve full, only before somebody's eyes.
    fn goes_on_unrecorded(&self) -> bool {
        self.common.held.load(Relaxed) && self.common.live.watchers() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_session_s_end_is_told_even_where_the_machine_s_is_seen_first() {
        let (sender, ending) = watch::channel(None);
        // Cut by another thread, and seen at the machine's side, after this one has looked at the session.
        let exchange = async {
            sender.send_replace(Some(EndReason::Cut));
        };
        assert_eq!(until_over(ending.clone(), exchange).await, Some(EndReason::Cut));
        assert_eq!(until_over(ending, std::future::pending()).await, Some(EndReason::Cut));
        let (_sender, ending) = watch::channel(None);
        assert_eq!(until_over(ending, async {}).await, None, "the machine closed it");
    }
}
