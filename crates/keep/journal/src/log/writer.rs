//! The writer: one thread that makes groups of entries durable, and the handle through which entries reach it.

use super::{
    LogError, State,
    disk::write_zeros,
    note::Checkpoint,
    segment::{self, GROUP_HEADER_BYTES, HEADER_BYTES},
    shared::{Shared, Spare},
    tiles::{ENTRY_BYTES_MAX, push_entry},
};
use std::{
    fs::File,
    io,
    ops::Range,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// A group stops growing at this size.
const GROUP_BYTES_MAX: usize = 512 * 1024;
/// What the queue is counted in.
const PERMIT_BYTES: usize = 1024;

/// What one caller waits for.
struct Append {
    entries: Vec<Vec<u8>>,
    bytes: usize,
    reply: oneshot::Sender<Result<Range<u64>, LogError>>,
    /// Its share of the queue, given back with the answer.
    _permit: OwnedSemaphorePermit,
}

enum Message {
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

/// What a failed write left behind, to be mended before the next one.
#[derive(Debug, Clone, Copy)]
enum Broken {
    /// These bytes of the segment may hold part of a group.
    Bytes { from: u64, to: u64 },
    /// A segment of this first index may exist under its name or as the spare, and holds nothing acknowledged.
    Rotation { first: u64 },
    /// There was no spare segment to go on with.
    NoSpare,
}

/// The segment being written.
pub(crate) struct Active {
    pub file: File,
    pub size: u64,
    pub offset: u64,
}

/// Tells everybody that the writer has ended, even if it ended in a panic.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The writer's thread and what it owns.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    queue: Receiver<Message>,
    /// Taken from the queue but not fitting in the last group.
    carried: Option<Append>,
    /// Who waits for the end.
    closing: Option<oneshot::Sender<Result<(), LogError>>>,
    active: Active,
    next: u64,
    buffer: Vec<u8>,
}

/// Makes the handle and the writer of an opened log.
pub(crate) fn channel(shared: Arc<Shared>, active: Active, next: u64) -> (Log, Writer) {
    let (queue, receiver) = std::sync::mpsc::channel();
    let config = &shared.config;
    let room = usize::try_from(config.segment_bytes).unwrap_or(usize::MAX) - HEADER_BYTES - GROUP_HEADER_BYTES;
    let handle = Handle {
        queue,
        permits: Arc::new(Semaphore::new(config.queue_bytes_max as usize / PERMIT_BYTES)),
        state: shared.state.subscribe(),
        bytes_max: room.min(GROUP_BYTES_MAX),
        shared: Arc::clone(&shared),
    };
    let writer = Writer { shared, queue: receiver, carried: None, closing: None, active, next, buffer: Vec::new() };
    (Log(Arc::new(handle)), writer)
}

impl Writer {
    /// The thread. `others` are joined at the end, and `lock` is held until then.
    pub fn run<T>(mut self, others: Vec<JoinHandle<()>>, lock: T) {
        let ending = Ending(Arc::clone(&self.shared));
        while self.closing.is_none() {
            let Some(append) = self.carried.take().or_else(|| self.receive()) else { break };
            self.round(append);
        }
        drop(ending);
        self.refuse_waiting(&LogError::Closed);
        for thread in others {
            if thread.join().is_err() {
                tracing::error!("a thread of the journal ended in a panic");
            }
        }
        let fault = self.shared.board().fault().cloned();
        drop(lock);
        if let Some(reply) = self.closing.take() {
            let _ = reply.send(fault.map_or(Ok(()), |why| Err(LogError::Failed(why))));
        }
    }

    /// The next append; nothing at the end.
    fn receive(&mut self) -> Option<Append> {
        match self.queue.recv() {
            Ok(Message::Append(append)) => Some(append),
            Ok(Message::Close(reply)) => {
                self.closing = Some(reply);
                None
            }
            Err(_) => None,
        }
    }

    /// One group: as many appends as wait and fit, one write, one sync, then their answers.
    fn round(&mut self, first: Append) {
        if let Err(why) = self.await_publisher() {
            let _ = first.reply.send(Err(LogError::Degraded(why)));
            return;
        }
        let room = |active: &Active| {
            let left = active.size.saturating_sub(active.offset + GROUP_HEADER_BYTES as u64);
            usize::try_from(left).unwrap_or(usize::MAX).min(GROUP_BYTES_MAX)
        };
        let fresh = usize::try_from(self.shared.config.segment_bytes).unwrap_or(usize::MAX);
        let rotate = room(&self.active) < first.bytes;
        let bytes_max = if rotate {
            fresh.saturating_sub(HEADER_BYTES + GROUP_HEADER_BYTES).min(GROUP_BYTES_MAX)
        } else {
            room(&self.active)
        };
        let (mut payload, mut count, mut waiting) = (Vec::with_capacity(first.bytes), 0_u32, Vec::new());
        let mut candidate = Some(first);
        while let Some(append) = candidate.take() {
            if payload.len() + append.bytes > bytes_max {
                self.carried = Some(append);
                break;
            }
            append.entries.iter().for_each(|entry| push_entry(&mut payload, entry));
            let entries = u32::try_from(append.entries.len()).unwrap_or(u32::MAX);
            count = count.saturating_add(entries);
            waiting.push((append.reply, entries, append._permit));
            candidate = match self.queue.try_recv() {
                Ok(Message::Append(next)) => Some(next),
                Ok(Message::Close(reply)) => {
                    self.closing = Some(reply);
                    None
                }
                Err(_) => None,
            };
        }
        match self.commit(rotate, count, &payload) {
            Ok(()) => {
                let mut index = self.next - u64::from(count);
                for (reply, entries, _permit) in waiting {
                    let end = index + u64::from(entries);
                    let _ = reply.send(Ok(index..end));
                    index = end;
                }
            }
            Err((broken, why)) => {
                self.set_fault(Some(Arc::clone(&why)));
                for (reply, _, _permit) in waiting {
                    let _ = reply.send(Err(LogError::Failed(Arc::clone(&why))));
                }
                self.mend(broken);
            }
        }
    }

    /// Holds appends back while the publisher lags on a slow disk; gives up with its reason.
    fn await_publisher(&self) -> Result<(), Arc<str>> {
        let (age_max, stall_max) = (self.shared.config.checkpoint_age_max, self.shared.config.stall_max);
        let start = Instant::now();
        let mut board = self.shared.board();
        loop {
            if let Some(why) = &board.publish_fault {
                return Err(Arc::clone(why));
            }
            if board.age() <= age_max {
                return Ok(());
            }
            let patience = stall_max.saturating_sub(start.elapsed());
            let stalled = patience.is_zero().then(|| Arc::from("the disk is too slow for the checkpoint"));
            if let Some(why) = board.publish_error.clone().or(stalled) {
                board.publish_fault = Some(Arc::clone(&why));
                self.shared.tell(&board);
                return Err(why);
            }
            board = self.shared.wait(&self.shared.writer_bell, board, patience);
        }
    }

    fn commit(&mut self, rotate: bool, count: u32, payload: &[u8]) -> Result<(), (Broken, Arc<str>)> {
        let (first, signer) = (self.next, &self.shared.config.signer);
        self.buffer.clear();
        if rotate {
            let spare = self.take_spare().map_err(|why| (Broken::NoSpare, why))?;
            let size = self.shared.config.segment_bytes;
            self.buffer.extend_from_slice(&segment::header(size, first));
            segment::push_group(&mut self.buffer, signer, first, count, payload);
            let offset = self.buffer.len() as u64;
            let begun = self.begin_segment(&spare, first);
            begun.map_err(|error| (Broken::Rotation { first }, reason(&error)))?;
            self.active = Active { file: spare, size, offset };
        } else {
            let from = self.active.offset;
            segment::push_group(&mut self.buffer, signer, first, count, payload);
            let to = from + self.buffer.len() as u64;
            let disk = self.shared.disk.as_ref();
            let written = disk.write_at(&self.active.file, &self.buffer, from);
            let done = written.and_then(|()| disk.sync(&self.active.file));
            done.map_err(|error| (Broken::Bytes { from, to }, reason(&error)))?;
            self.active.offset = to;
        }
        self.next += u64::from(count);
        let mut board = self.shared.board();
        board.durable = self.next;
        if board.oldest.is_none() {
            board.oldest = Some(Instant::now());
            self.shared.publish_bell.notify_one();
        }
        Ok(())
    }

    /// The data is durable before the segment gets its name: a segment that has a name has its first group.
    fn begin_segment(&self, spare: &File, first: u64) -> io::Result<()> {
        let (disk, folder) = (self.shared.disk.as_ref(), &self.shared.config.folder);
        disk.write_at(spare, &self.buffer, 0)?;
        disk.sync(spare)?;
        disk.rename(&folder.join(segment::SPARE), &folder.join(segment::name(first)))?;
        disk.sync_folder(folder)?;
        self.want_spare();
        Ok(())
    }

    fn want_spare(&self) {
        self.shared.board().spare = Spare::Wanted;
        self.shared.spare_bell.notify_one();
    }

    /// The spare segment; waits for it when the provider is late.
    fn take_spare(&self) -> Result<File, Arc<str>> {
        let (start, mut asked) = (Instant::now(), false);
        let mut board = self.shared.board();
        loop {
            match std::mem::replace(&mut board.spare, Spare::Taken) {
                Spare::Ready(file) => return Ok(file),
                other => board.spare = other,
            }
            let patience = self.shared.config.stall_max.saturating_sub(start.elapsed());
            let stalled = patience.is_zero().then(|| Arc::from("the disk is too slow for the next segment"));
            if let Some(why) = stalled {
                return Err(why);
            }
            // An old failure says nothing of the disk as it is now: the provider is asked once more.
            if let Some(why) = board.spare_fault.take() {
                if std::mem::replace(&mut asked, true) {
                    return Err(why);
                }
                self.shared.spare_bell.notify_one();
            }
            board = self.shared.wait(&self.shared.writer_bell, board, patience);
        }
    }

    fn set_fault(&self, why: Option<Arc<str>>) {
        let mut board = self.shared.board();
        board.writer_fault = why;
        // Mended, but the publisher still fails: wait for it too, instead of taking entries and refusing them again.
        if board.publish_fault.is_none() {
            board.publish_fault = board.publish_error.clone();
        }
        self.shared.tell(&board);
    }

    /// After a failed write: refuses what waits, and tries until the segment is as it was before.
    fn mend(&mut self, mut broken: Broken) {
        loop {
            if self.closing.is_some() || !self.refuse_for(self.shared.config.retry_delay) {
                // The end: one attempt, for the folder's sake; a restart does the rest.
                if self.try_mend(&mut broken) {
                    self.set_fault(None);
                }
                return;
            }
            if self.try_mend(&mut broken) {
                self.set_fault(None);
                return;
            }
        }
    }

    fn try_mend(&self, broken: &mut Broken) -> bool {
        let (disk, folder) = (self.shared.disk.as_ref(), &self.shared.config.folder);
        match *broken {
            Broken::Bytes { from, to } => {
                let zeroed = write_zeros(disk, &self.active.file, from, to);
                zeroed.and_then(|()| disk.sync(&self.active.file)).is_ok()
            }
            Broken::Rotation { first } => {
                let gone = |name: &str| match disk.remove(&folder.join(name)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                };
                let removed = gone(&segment::name(first)).and_then(|()| gone(segment::SPARE));
                if removed.and_then(|()| disk.sync_folder(folder)).is_ok() {
                    self.want_spare();
                    *broken = Broken::NoSpare;
                }
                false
            }
            Broken::NoSpare => matches!(self.shared.board().spare, Spare::Ready(_)),
        }
    }

    /// Refuses appends for a while; false at the end of the log.
    fn refuse_for(&mut self, span: Duration) -> bool {
        let end = Instant::now() + span;
        let refusal = |this: &Self| {
            let why = this.shared.board().fault().cloned();
            LogError::Degraded(why.unwrap_or_else(|| "the disk failed".into()))
        };
        if let Some(append) = self.carried.take() {
            let _ = append.reply.send(Err(refusal(self)));
        }
        loop {
            match self.queue.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(Message::Append(append)) => {
                    let _ = append.reply.send(Err(refusal(self)));
                }
                Ok(Message::Close(reply)) => {
                    self.closing = Some(reply);
                    return false;
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Answers whatever still waits.
    fn refuse_waiting(&mut self, error: &LogError) {
        if let Some(append) = self.carried.take() {
            let _ = append.reply.send(Err(error.clone()));
        }
        while let Ok(message) = self.queue.try_recv() {
            match message {
                Message::Append(append) => drop(append.reply.send(Err(error.clone()))),
                Message::Close(reply) => drop(reply.send(Err(error.clone()))),
            }
        }
    }
}

fn reason(error: &io::Error) -> Arc<str> {
    format!("the segment cannot be written ({error})").into()
}
