//! Recordings of terminals: asciicast v3, sealed as it is written to a key that the relays cannot open.
//!
//! What a terminal shows is buffered for a second at most, then sealed, written and synced. What can no longer be written
//! is a fault that the session's owner must heed: cut it; or, under "do not interrupt", go on and alarm, while what is
//! recorded goes to the reserve, a space set aside that nothing else fills.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod reader;
mod reserve;
mod space;
mod tape;
#[cfg(test)]
mod tests;

pub use reader::{RecordingReader, RecordingsReader};
pub use space::FreeSpace;

use reserve::Reserve;
use space::Taken;
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
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use types::{RelayId, Time};
use vault::{Place, SealOnly, SealTo, VaultError, stream::Sealer};
use wire::asciicast::{Term, Writer};

use tape::{Piece, Tape};

/// The family of the pairs that recordings are sealed to.
pub(crate) const FAMILY: &str = "recordings";
/// Pieces that wait for the writer at most: whoever gives more waits.
const QUEUE: usize = 64;
/// A session begins only where so much of it could be recorded: one that is cut at once helps nobody.
const ROOM_TO_BEGIN: u64 = 1 << 20;

/// Why a recording cannot begin or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecorderFault {
    /// The disk, or the folder, refuses.
    #[error("the recording cannot be written: {0}")]
    Disk(String),
    /// The key cannot be had.
    #[error("the recording cannot be sealed: {0}")]
    Seal(String),
    /// It is as long as a recording may be, or as all those of one session may be together.
    #[error("the recording is as long as it may be")]
    TooLong,
    /// What is left of the disk is not for recordings.
    #[error("the disk is too full for recordings: what is left of it is kept for the journal and the database")]
    TooFull,
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
    /// All recordings of one session together at most, sealed; under "do not interrupt" too.
    pub session_bytes_max: u64,
    /// What recordings leave of the disk: below it none grows, and no session begins.
    pub free: FreeSpace,
    /// How much may be lost when the node stops without warning.
    pub flush_every: Duration,
}

impl RecordingsConfig {
    /// Under a data folder: 64 MiB of reserve, 1 GiB a recording, 2 GiB a session, 512 MiB or 5 % of the disk left free,
    /// one second.
    pub fn under(data: &Path) -> Self {
        Self {
            folder: data.join("recordings"),
            reserve_folder: data.join("recordings-reserve"),
            reserve_bytes: 64 << 20,
            recording_bytes_max: 1 << 30,
            session_bytes_max: 2 << 30,
            free: FreeSpace::DEFAULT,
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

impl Home {
    /// Whether the disk has room for so many bytes more.
    async fn has_room(self: &Arc<Self>, more: u64) -> Result<(), RecorderFault> {
        let home = Arc::clone(self);
        let checked = tokio::task::spawn_blocking(move || home.config.free.check(&home.config.folder, more));
        checked.await.map_err(|_| RecorderFault::Disk("the task stopped".into()))?
    }
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
        reserve.bring_home(&config);
        Ok(Self(Arc::new(Home { config, keys, reserve })))
    }

    /// Begins to record a session that opens at `now`: the month's key, and a folder of its own that can be written.
    pub async fn begin(&self, relay: RelayId, now: Time) -> Result<Recorder, RecorderFault> {
        let home = Arc::clone(&self.0);
        let folder = home.config.session(relay);
        let made = folder.clone();
        let to = tokio::task::spawn_blocking(move || {
            use std::os::unix::fs::DirBuilderExt as _;
            home.config.free.check(&home.config.folder, ROOM_TO_BEGIN)?;
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
        let (home, taken) = (Arc::clone(&self.0), Taken::default());
        let session = Session { home, relay, now, folder, to, fault, held, spooling, taken };
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
    taken: Taken,
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
