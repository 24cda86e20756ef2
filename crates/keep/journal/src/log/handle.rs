//! The handle through which entries reach the writer.

use super::{LogError, State, note::Checkpoint, shared::Shared, tiles::ENTRY_BYTES_MAX};
use std::{
    ops::Range,
    sync::{
        Arc,
        mpsc::{Receiver, Sender},
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// What the queue is counted in.
const PERMIT_BYTES: usize = 1024;

/// What one caller waits for.
pub(crate) struct Append {
    pub entries: Vec<Vec<u8>>,
    pub bytes: usize,
    pub reply: oneshot::Sender<Result<Range<u64>, LogError>>,
    /// Its share of the queue, given back with the answer.
    pub _permit: OwnedSemaphorePermit,
}

pub(crate) enum Message {
    Append(Append),
    Close(oneshot::Sender<Result<(), LogError>>),
}

struct Handle {
    queue: Sender<Message>,
    permits: Arc<Semaphore>,
    state: watch::Receiver<State>,
    shared: Arc<Shared>,
    bytes_max: usize,
}

/// An open log. Clones are handles to the same log; when the last one is dropped, the log closes by itself.
#[derive(Clone)]
pub struct Log(Arc<Handle>);

impl Log {
    /// Appends one entry; returns its index once it is durable. An entry that has begun to wait in the queue is written
    /// even if the future is dropped.
    pub fn append(&self, entry: Vec<u8>) -> impl Future<Output = Result<u64, LogError>> + Send + use<> {
        let all = self.append_all(vec![entry]);
        async move { Ok(all.await?.start) }
    }

    /// Appends entries that follow one another, all or none of them; returns their indices once they are durable.
    pub fn append_all(
        &self,
        entries: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Range<u64>, LogError>> + Send + use<> {
        let handle = Arc::clone(&self.0);
        async move {
            let bytes = handle.measure(&entries)?;
            handle.check_state()?;
            let permits = u32::try_from(bytes.div_ceil(PERMIT_BYTES)).unwrap_or(u32::MAX);
            let permit = Arc::clone(&handle.permits).acquire_many_owned(permits).await;
            let _permit = permit.map_err(|_| LogError::Closed)?;
            // The wait may have been long.
            handle.check_state()?;
            let (reply, answer) = oneshot::channel();
            let append = Append { entries, bytes, reply, _permit };
            handle.queue.send(Message::Append(append)).map_err(|_| LogError::Closed)?;
            answer.await.unwrap_or(Err(LogError::Closed))
        }
    }

    /// How the log fares, now and from now on.
    pub fn state(&self) -> watch::Receiver<State> {
        self.0.state.clone()
    }

    /// The last published checkpoint, now and from now on.
    pub fn checkpoint(&self) -> watch::Receiver<Checkpoint> {
        self.0.shared.checkpoint.subscribe()
    }

    /// How many entries are durable.
    pub fn entries(&self) -> u64 {
        self.0.shared.board().durable
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Closes the log: what is queued is written and answered, then a last checkpoint is published. The folder is free
    /// once the [`super::Reserve`] is dropped too. An error says that the last checkpoint could not be written: nothing
    /// is lost, the next start publishes it. A disk that hangs makes this hang: give it a deadline.
    pub async fn close(self) -> Result<(), LogError> {
        let (reply, answer) = oneshot::channel();
        self.0.queue.send(Message::Close(reply)).map_err(|_| LogError::Closed)?;
        answer.await.unwrap_or(Err(LogError::Closed))
    }
}

impl Handle {
    fn measure(&self, entries: &[Vec<u8>]) -> Result<usize, LogError> {
        let mut bytes = 0;
        for entry in entries {
            if entry.is_empty() {
                return Err(LogError::Empty);
            }
            if entry.len() > ENTRY_BYTES_MAX {
                return Err(LogError::TooLarge { bytes: entry.len(), bytes_max: ENTRY_BYTES_MAX });
            }
            bytes += 2 + entry.len();
        }
        match bytes {
            0 => Err(LogError::Empty),
            _ if bytes > self.bytes_max => Err(LogError::TooLarge { bytes, bytes_max: self.bytes_max }),
            _ => Ok(bytes),
        }
    }

    fn check_state(&self) -> Result<(), LogError> {
        match &*self.state.borrow() {
            State::Ready => Ok(()),
            State::Degraded(why) => Err(LogError::Degraded(Arc::clone(why))),
            State::Closed => Err(LogError::Closed),
        }
    }
}

/// A handle whose appends carry at most `bytes_max`, and where they come out.
pub(crate) fn queue(shared: Arc<Shared>, bytes_max: usize) -> (Log, Receiver<Message>) {
    let (queue, receiver) = std::sync::mpsc::channel();
    let handle = Handle {
        queue,
        permits: Arc::new(Semaphore::new(shared.config.queue_bytes_max as usize / PERMIT_BYTES)),
        state: shared.state.subscribe(),
        bytes_max,
        shared,
    };
    (Log(Arc::new(handle)), receiver)
}
