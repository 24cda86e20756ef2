//! Recordings of terminals: asciicast v3, sealed as it is written to a key that the relays cannot open.

use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;
use types::RelayId;
use vault::{MonthKeys, SealOnly};

/// Why a recording cannot begin or cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecorderFault {
    /// The disk, or the folder, refuses.
    #[error("the recording cannot be written: {0}")]
    Disk(String),
    /// The key cannot be had.
    #[error("the recording cannot be sealed: {0}")]
    Seal(String),
    /// Under "do not interrupt", the reserve is full as well.
    #[error("the reserve for recordings is full")]
    ReserveFull,
    /// The recording has ended.
    #[error("the recording has ended")]
    Ended,
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
    /// One recording at most.
    pub recording_bytes_max: u64,
    /// How much may be lost when the node stops without warning.
    pub flush_every: Duration,
}

impl RecordingsConfig {
    /// Under a data folder: 64 MiB of reserve, 1 GiB a recording, one second.
    pub fn under(data: &std::path::Path) -> Self {
        Self {
            folder: data.join("recordings"),
            reserve_folder: data.join("recordings-reserve"),
            reserve_bytes: 64 << 20,
            recording_bytes_max: 1 << 30,
            flush_every: Duration::from_secs(1),
        }
    }
}

/// The recordings of a node, to write. Clones are handles.
#[derive(Clone)]
pub struct Recordings {
    _parts: Arc<(RecordingsConfig, SealOnly)>,
}

impl Recordings {
    /// Opens the folders, allocates the reserve, and brings home what a stop left in it.
    pub fn open(config: RecordingsConfig, keys: SealOnly) -> Result<Self, RecorderFault> {
        Ok(Self { _parts: Arc::new((config, keys)) })
    }

    /// Begins to record a session: a folder of its own that can be written.
    pub async fn begin(&self, _relay: RelayId) -> Result<Recorder, RecorderFault> {
        Err(RecorderFault::Disk("unavailable".into()))
    }
}

/// Records the channels of one session.
#[derive(Clone)]
pub struct Recorder {
    fault: watch::Receiver<Option<RecorderFault>>,
}

impl Recorder {
    /// Begins the recording of a channel with a terminal of that size. Without it, the channel must not be opened.
    pub async fn terminal(&self, _channel: u32, _size: (u16, u16), _term: &str) -> Result<Recording, RecorderFault> {
        Err(RecorderFault::Ended)
    }

    /// Under "do not interrupt" what can no longer be written goes to the reserve, and the fault is told as an alarm.
    pub fn set_hold(&self, _held: bool) {}

    /// What went wrong, as soon as it does: the session must be cut, or, under "do not interrupt", alarm.
    pub fn fault(&self) -> watch::Receiver<Option<RecorderFault>> {
        self.fault.clone()
    }

    /// The session never began: what was made for it goes.
    pub async fn abandon(&self) {}

    /// Whether it is the reserve that is being written.
    pub fn spooling(&self) -> bool {
        false
    }
}

/// The recording of one channel.
pub struct Recording {}

impl Recording {
    /// What the terminal showed. Waits when the disk is slower than the session: nothing shown goes unrecorded.
    pub async fn output(&self, _bytes: &[u8]) -> Result<(), RecorderFault> {
        Err(RecorderFault::Ended)
    }

    /// The terminal's new size.
    pub async fn resize(&self, _cols: u16, _rows: u16) -> Result<(), RecorderFault> {
        Err(RecorderFault::Ended)
    }

    /// A remark in the recording.
    pub async fn marker(&self, _text: &str) -> Result<(), RecorderFault> {
        Err(RecorderFault::Ended)
    }

    /// Ends it; whole and durable when this returns.
    pub async fn finish(self, _exit_status: Option<i32>) -> Result<(), RecorderFault> {
        Err(RecorderFault::Ended)
    }
}

/// The recordings of a node, to read: the desk's side.
#[derive(Clone)]
pub struct RecordingsReader {
    _parts: Arc<(RecordingsConfig, MonthKeys)>,
}

impl RecordingsReader {
    /// With the keys that open them.
    pub fn new(config: RecordingsConfig, keys: MonthKeys) -> Self {
        Self { _parts: Arc::new((config, keys)) }
    }

    /// Opens the recording of a session's channel, if there is one.
    pub async fn open(&self, _relay: RelayId, _channel: u32) -> Result<Option<RecordingReader>, RecorderFault> {
        Ok(None)
    }
}

/// A recording being read, piece by piece.
pub struct RecordingReader {}

impl RecordingReader {
    /// The next piece of the asciicast file; none at its end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, RecorderFault> {
        Err(RecorderFault::Ended)
    }

    /// Once at the end: whether the recording stops before its own end (the node stopped without warning).
    pub fn is_cut(&self) -> bool {
        true
    }
}
