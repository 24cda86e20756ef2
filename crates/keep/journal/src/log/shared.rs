//! What the three threads of a log tell each other.

use super::{LogConfig, State, disk::Disk, note::Checkpoint};
use std::{
    fs::File,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// The next segment.
#[derive(Debug)]
pub(crate) enum Spare {
    /// To be made.
    Wanted,
    /// Made, under the name `segment-spare`, of this many bytes.
    Ready(File, u64),
    /// In the writer's hands; its name is not free yet.
    Taken,
}

/// Where the threads stand.
#[derive(Debug)]
pub(crate) struct Board {
    /// Entries that are durable.
    pub durable: u64,
    /// When the oldest entry without a checkpoint became durable, of those the publisher has not begun on.
    pub oldest: Option<Instant>,
    /// The same, of those the publisher is working on.
    pub in_hand: Option<Instant>,
    pub spare: Spare,
    /// How long the next spare is to be.
    pub spare_bytes: u64,
    /// Segments that serve no more, by first index: the provider makes spares of them again.
    pub retired: Vec<u64>,
    pub spare_fault: Option<Arc<str>>,
    pub writer_fault: Option<Arc<str>>,
    pub publish_fault: Option<Arc<str>>,
    /// What the last attempt to publish failed of; a fault once the oldest entry has waited too long.
    pub publish_error: Option<Arc<str>>,
    /// The writer has ended: publish the rest and end.
    pub stop: bool,
}

impl Board {
    /// How long the oldest acknowledged entry has been without a checkpoint.
    pub fn age(&self) -> Duration {
        self.in_hand.or(self.oldest).map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Why appends are refused, if they are.
    pub fn fault(&self) -> Option<&Arc<str>> {
        self.writer_fault.as_ref().or(self.publish_fault.as_ref())
    }
}

/// Segments kept at most to be made spares of.
const RETIRED_MAX: usize = 2;

pub(crate) struct Shared {
    pub config: LogConfig,
    pub disk: Arc<dyn Disk>,
    board: Mutex<Board>,
    /// Rung when the publisher has something to do.
    pub publish_bell: Condvar,
    /// Rung when the provider has something to do.
    pub spare_bell: Condvar,
    /// Rung when something the writer may be waiting for has moved.
    pub writer_bell: Condvar,
    pub state: watch::Sender<State>,
    pub checkpoint: watch::Sender<Checkpoint>,
}

impl Shared {
    pub fn new(config: LogConfig, disk: Arc<dyn Disk>, checkpoint: Checkpoint, durable: u64) -> Self {
        let pending = (durable > checkpoint.size).then(Instant::now);
        let config_bytes = config.segment_bytes;
        Self {
            config,
            disk,
            board: Mutex::new(Board {
                durable,
                oldest: pending,
                in_hand: None,
                spare: Spare::Wanted,
                spare_bytes: config_bytes,
                retired: Vec::new(),
                spare_fault: None,
                writer_fault: None,
                publish_fault: None,
                publish_error: None,
                stop: false,
            }),
            publish_bell: Condvar::new(),
            spare_bell: Condvar::new(),
            writer_bell: Condvar::new(),
            state: watch::Sender::new(State::Ready),
            checkpoint: watch::Sender::new(checkpoint),
        }
    }

    /// The board. No thread leaves it half changed, so a poisoned lock is still good.
    pub fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over a segment that serves no more; false when there are enough of them, or at the end.
    pub fn retire(&self, first: u64) -> bool {
        let mut board = self.board();
        let taken = !board.stop && board.retired.len() < RETIRED_MAX;
        if taken {
            board.retired.push(first);
        }
        taken
    }

    /// Waits on `bell` for at most `span`.
    pub fn wait<'a>(&self, bell: &Condvar, board: MutexGuard<'a, Board>, span: Duration) -> MutexGuard<'a, Board> {
        bell.wait_timeout(board, span).unwrap_or_else(PoisonError::into_inner).0
    }

    /// The end: no append is taken any more, and the other threads finish.
    pub fn end(&self) {
        self.state.send_replace(State::Closed);
        self.board().stop = true;
        self.publish_bell.notify_all();
        self.spare_bell.notify_all();
    }

    /// Tells the world how the log fares, after a change of the board's faults.
    pub fn tell(&self, board: &Board) {
        let new = board.fault().map_or(State::Ready, |why| State::Degraded(Arc::clone(why)));
        let changed = |old: &mut State| {
            let change = *old != State::Closed && *old != new;
            if change {
                match &new {
                    State::Degraded(why) => tracing::error!(%why, "the journal refuses entries until it can write"),
                    _ => tracing::info!("the journal takes entries again"),
                }
                old.clone_from(&new);
            }
            change
        };
        self.state.send_if_modified(changed);
    }
}
