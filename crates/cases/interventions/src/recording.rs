//! Recordings of terminals: asciicast v3, sealed as it is written to a key that the relays cannot open.
//!
//! What a terminal shows is buffered for a second at most, then sealed, written and synced. What can no longer be written
//! is a fault that the session's owner must heed: cut it; or, under "do not interrupt", go on and alarm, while what is
//! recorded goes to the reserve, a space set aside that nothing else fills.

mod reader;
mod reserve;
#[cfg(test)]
mod tests;

pub use reader::{RecordingReader, RecordingsReader};

use reserve::{Reserve, Spool};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    fs,
    io::AsyncWriteExt as _,
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use types::{RelayId, Time};
use vault::{Place, SealOnly, SealTo, VaultError, stream::Sealer};
use wire::asciicast::{Term, Writer};

/// The family of the pairs that recordings are sealed to.
pub(crate) const FAMILY: &str = "recordings";
/// Sealed bytes that wait for the next flush at most; more flush at once.
const BUFFER_BYTES_MAX: usize = 256 * 1024;
/// Pieces that wait for the writer at most: whoever gives more waits.
const QUEUE: usize = 64;

/// Why a recording cannot begin or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecorderFault {
    /// The disk, or the folder, refuses.
    #[error("the recording cannot be written: {0}")]
    Disk(String),
    /// The key cannot be had.
    #[error("the recording cannot be sealed: {0}")]
    Seal(String),
    /// It is as long as a recording may be.
    #[error("the recording is as long as it may be")]
    TooLong,
    /// Under "do not interrupt", the reserve is full as well.
    #[error("the reserve for recordings is full")]
    ReserveFull,
    /// The recording has ended.
    #[error("the recording has ended")]
    Ended,
}

impl From<io::Error> for RecorderFault {
    fn from(error: io::Error) -> Self {
        RecorderFault::Disk(error.to_string())
    }
}

impl From<VaultError> for RecorderFault {
    fn from(error: VaultError) -> Self {
        RecorderFault::Seal(error.to_string())
    }
}

/// Where recordings are kept.
#[derive(Debug, Clone)]
pub struct RecordingsConfig {
    /// `data/recordings`.
    pub folder: PathBuf,
    /// `data/recordings-reserve`: preallocated, apart from what a technician can fill.
    pub reserve_folder: PathBuf,
    /// Its size in all.
    pub reserve_bytes: u64,
    /// One recording at most, sealed.
    pub recording_bytes_max: u64,
    /// How much may be lost when the node stops without warning.
    pub flush_every: Duration,
}

impl RecordingsConfig {
    /// Under a data folder: 64 MiB of reserve, 1 GiB a recording, one second.
    pub fn under(data: &Path) -> Self {
        Self {
            folder: data.join("recordings"),
            reserve_folder: data.join("recordings-reserve"),
            reserve_bytes: 64 << 20,
            recording_bytes_max: 1 << 30,
            flush_every: Duration::from_secs(1),
        }
    }

    fn session(&self, relay: RelayId) -> PathBuf {
        self.folder.join(relay.to_string())
    }
}

/// The file of a channel.
fn file_of(session: &Path, channel: u32) -> PathBuf {
    session.join(format!("{channel}.cast"))
}

/// What a recording is bound to: moved to another session or channel, it does not open.
fn place<'a>(row: &'a [&'a [u8]; 2]) -> Place<'a> {
    Place { table: "recordings", column: "cast", row }
}

fn month_of(now: Time) -> String {
    let moment = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("{:04}-{:02}", date.year(), date.month())
}

struct Home {
    config: RecordingsConfig,
    keys: SealOnly,
    reserve: Reserve,
}

/// The recordings of a node, to write. Clones are handles.
#[derive(Clone)]
pub struct Recordings(Arc<Home>);

impl Recordings {
    /// Opens the folders, allocates the reserve, and brings home what a stop left in it. Blocks; for a start.
    pub fn open(config: RecordingsConfig, keys: SealOnly) -> Result<Self, RecorderFault> {
        for folder in [&config.folder, &config.reserve_folder] {
            use std::os::unix::fs::DirBuilderExt as _;
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let reserve = Reserve::open(&config.reserve_folder, config.reserve_bytes)?;
        reserve.bring_home(&config.folder);
        Ok(Self(Arc::new(Home { config, keys, reserve })))
    }

    /// Begins to record a session that opens at `now`: the month's key, and a folder of its own that can be written.
    pub async fn begin(&self, relay: RelayId, now: Time) -> Result<Recorder, RecorderFault> {
        let home = Arc::clone(&self.0);
        let folder = home.config.session(relay);
        let made = folder.clone();
        let to = tokio::task::spawn_blocking(move || {
            use std::os::unix::fs::DirBuilderExt as _;
            let to = home.keys.seal_to(FAMILY, &month_of(now))?;
            std::fs::DirBuilder::new().mode(0o700).create(&made)?;
            // A disk that is full says so here, not in the middle of the session.
            let probe = made.join("probe");
            let tried = std::fs::write(&probe, [0x5a; 4096]).and_then(|()| std::fs::File::open(&probe)?.sync_all());
            let tried = tried.and_then(|()| std::fs::remove_file(&probe));
            if tried.is_err() {
                let _ = std::fs::remove_dir_all(&made);
            }
            tried?;
            Ok::<SealTo, RecorderFault>(to)
        });
        let to = to.await.map_err(|_| RecorderFault::Disk("the task stopped".into()))??;
        let (fault, _) = watch::channel(None);
        let (held, spooling) = (AtomicBool::new(false), AtomicBool::new(false));
        let session = Session { home: Arc::clone(&self.0), relay, now, folder, to, fault, held, spooling };
        Ok(Recorder(Arc::new(session)))
    }

    /// Removes the recordings of a session that a probe made.
    pub(crate) async fn forget(&self, relay: RelayId) {
        if let Err(error) = fs::remove_dir_all(self.0.config.session(relay)).await
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%relay, %error, "a probe's recordings could not be removed");
        }
    }

    /// How much of the reserve is in use, in parts of one.
    pub fn reserve_used(&self) -> f64 {
        self.0.reserve.used()
    }
}

struct Session {
    home: Arc<Home>,
    relay: RelayId,
    now: Time,
    folder: PathBuf,
    to: SealTo,
    fault: watch::Sender<Option<RecorderFault>>,
    held: AtomicBool,
    spooling: AtomicBool,
}

/// Records the channels of one session.
#[derive(Clone)]
pub struct Recorder(Arc<Session>);

impl Recorder {
    /// Begins the recording of a channel with a terminal of that size (columns, rows). Without it, the channel must not be
    /// opened: its header is durable when this returns.
    pub async fn terminal(&self, channel: u32, size: (u16, u16), term: &str) -> Result<Recording, RecorderFault> {
        let session = &self.0;
        let number = channel.to_be_bytes();
        let row: [&[u8]; 2] = [session.relay.as_bytes(), &number];
        let (sealer, header) = Sealer::begin_to(&session.to, place(&row))?;
        let path = file_of(&session.folder, channel);
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&path).await?;
        let kind: String = term.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        let term = Term { cols: size.0, rows: size.1, kind: (!kind.is_empty()).then_some(kind) };
        let (cast, line) = Writer::begin(term, Some(session.now.seconds()), None);
        let mut tape = Tape {
            session: Arc::clone(session),
            channel,
            sealer: Some(sealer),
            cast,
            start: Instant::now(),
            file,
            synced: 0,
            pending: header,
            spool: None,
        };
        tape.seal(&line)?;
        tape.sync().await?;
        if let Ok(folder) = fs::File::open(&session.folder).await {
            folder.sync_all().await?;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(tape.run(receiver));
        Ok(Recording { sender, session: Arc::clone(session) })
    }

    /// Under "do not interrupt" what can no longer be written goes to the reserve, and the fault is told as an alarm.
    pub fn set_hold(&self, held: bool) {
        self.0.held.store(held, Ordering::SeqCst);
    }

    /// What went wrong, as soon as it does: the session must be cut, or, under "do not interrupt", alarm. Once
    /// [`RecorderFault::ReserveFull`] is told, nothing more is recorded.
    pub fn fault(&self) -> watch::Receiver<Option<RecorderFault>> {
        self.0.fault.subscribe()
    }

    /// Whether it is the reserve that is being written.
    pub fn spooling(&self) -> bool {
        self.0.spooling.load(Ordering::SeqCst)
    }

    /// The session never began: what was made for it goes.
    pub async fn abandon(&self) {
        let _ = fs::remove_dir_all(&self.0.folder).await;
    }
}

enum Piece {
    Output(Vec<u8>),
    Resize(u16, u16),
    Marker(String),
    End(Option<i32>, oneshot::Sender<Result<(), RecorderFault>>),
}

/// The recording of one channel. Dropped, it ends as it stands.
pub struct Recording {
    sender: mpsc::Sender<Piece>,
    session: Arc<Session>,
}

impl Recording {
    async fn give(&self, piece: Piece) -> Result<(), RecorderFault> {
        let fault = || self.session.fault.borrow().clone().unwrap_or(RecorderFault::Ended);
        self.sender.send(piece).await.map_err(|_| fault())
    }

    /// What the terminal showed. Waits when the disk is slower than the session: nothing shown goes unrecorded.
    pub async fn output(&self, bytes: &[u8]) -> Result<(), RecorderFault> {
        self.give(Piece::Output(bytes.to_vec())).await
    }

    /// The terminal's new size.
    pub async fn resize(&self, cols: u16, rows: u16) -> Result<(), RecorderFault> {
        self.give(Piece::Resize(cols, rows)).await
    }

    /// A remark in the recording.
    pub async fn marker(&self, text: &str) -> Result<(), RecorderFault> {
        self.give(Piece::Marker(text.chars().take(500).collect())).await
    }

    /// Ends it; whole and durable when this returns.
    pub async fn finish(self, exit_status: Option<i32>) -> Result<(), RecorderFault> {
        let (told, ended) = oneshot::channel();
        self.give(Piece::End(exit_status, told)).await?;
        ended.await.unwrap_or_else(|_| Err(self.session.fault.borrow().clone().unwrap_or(RecorderFault::Ended)))
    }
}

/// The writer of one recording, in a task of its own.
struct Tape {
    session: Arc<Session>,
    channel: u32,
    /// None once it has ended.
    sealer: Option<Sealer>,
    cast: Writer,
    start: Instant,
    file: fs::File,
    /// Bytes of the file that are durable.
    synced: u64,
    /// Sealed bytes that are not.
    pending: Vec<u8>,
    /// Where they go once the file takes no more.
    spool: Option<Spool>,
}

impl Tape {
    async fn run(mut self, mut pieces: mpsc::Receiver<Piece>) {
        let every = self.session.home.config.flush_every;
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let told = loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece,
                _ = ticks.tick() => {
                    if self.tick().await.is_err() { return }
                    continue;
                }
            };
            let line = match piece {
                Some(Piece::Output(bytes)) => self.cast.output(self.start.elapsed(), &bytes),
                Some(Piece::Resize(cols, rows)) => self.cast.resize(self.start.elapsed(), cols, rows),
                Some(Piece::Marker(text)) => self.cast.marker(self.start.elapsed(), &text),
                Some(Piece::End(status, told)) => break Some((status, told)),
                None => break None,
            };
            let written = match self.seal(&line) {
                Ok(()) if self.pending.len() >= BUFFER_BYTES_MAX => self.flush().await,
                other => other,
            };
            if let Err(fault) = written {
                self.fail(fault);
                return;
            }
        };
        let (status, told) = told.unzip();
        let ended = self.end(status.flatten()).await;
        if let Some(told) = told {
            let _ = told.send(ended);
        }
    }

    /// The flush of each second.
    async fn tick(&mut self) -> Result<(), RecorderFault> {
        self.sync().await.inspect_err(|fault| self.fail(fault.clone()))
    }

    /// Seals what waits for a whole chunk, and makes it durable.
    async fn sync(&mut self) -> Result<(), RecorderFault> {
        let sealed = self.sealer.as_mut().ok_or(RecorderFault::Ended)?.flush()?;
        self.pending.extend(sealed);
        self.flush().await
    }

    fn fail(&self, fault: RecorderFault) {
        tracing::error!(relay = %self.session.relay, %fault, "a recording cannot go on");
        self.session.fault.send_replace(Some(fault));
    }

    fn seal(&mut self, text: &str) -> Result<(), RecorderFault> {
        let sealed = self.sealer.as_mut().ok_or(RecorderFault::Ended)?.push(text.as_bytes())?;
        self.pending.extend(sealed);
        Ok(())
    }

    async fn end(mut self, status: Option<i32>) -> Result<(), RecorderFault> {
        let line = status.map(|status| self.cast.exit(self.start.elapsed(), status));
        let ended = self.last(line).await.inspect_err(|fault| self.fail(fault.clone()));
        if self.spool.take().is_some() {
            let home = Arc::clone(&self.session.home);
            let _ = tokio::task::spawn_blocking(move || home.reserve.bring_home(&home.config.folder)).await;
        }
        ended
    }

    async fn last(&mut self, line: Option<String>) -> Result<(), RecorderFault> {
        if let Some(line) = line {
            self.seal(&line)?;
        }
        let last = self.sealer.take().ok_or(RecorderFault::Ended)?.finish()?;
        self.pending.extend(last);
        self.flush().await
    }

    /// Writes what is pending and makes it durable: to the file, or, once that failed under "do not interrupt", to the
    /// reserve.
    async fn flush(&mut self) -> Result<(), RecorderFault> {
        if self.pending.is_empty() {
            return Ok(());
        }
        if self.spool.is_none() {
            match self.write_file().await {
                Ok(()) => return Ok(()),
                Err(fault) if !self.session.held.load(Ordering::SeqCst) => return Err(fault),
                Err(fault) => {
                    // Held: the session goes on, somebody must know.
                    self.fail(fault);
                    self.session.spooling.store(true, Ordering::SeqCst);
                    self.spool = Some(Spool::new(self.session.relay, self.channel, self.synced));
                }
            }
        }
        let pending = std::mem::take(&mut self.pending);
        let Some(mut spool) = self.spool.take() else { return Err(RecorderFault::Ended) };
        let home = Arc::clone(&self.session.home);
        let spooled = tokio::task::spawn_blocking(move || {
            let done = home.reserve.append(&mut spool, &pending);
            (spool, done)
        });
        let (spool, done) = spooled.await.map_err(|_| RecorderFault::Disk("the task stopped".into()))?;
        self.spool = Some(spool);
        done
    }

    async fn write_file(&mut self) -> Result<(), RecorderFault> {
        let length = self.synced + self.pending.len() as u64;
        let held = self.session.held.load(Ordering::SeqCst);
        if length > self.session.home.config.recording_bytes_max && !held {
            return Err(RecorderFault::TooLong);
        }
        let written = async {
            self.file.write_all(&self.pending).await?;
            self.file.flush().await?;
            self.file.sync_data().await
        };
        match written.await {
            Ok(()) => {
                self.synced = length;
                self.pending.clear();
                Ok(())
            }
            Err(error) => {
                // What was written of it is not known to be there: it will be written again, elsewhere.
                let _ = self.file.set_len(self.synced).await;
                Err(error.into())
            }
        }
    }
}
