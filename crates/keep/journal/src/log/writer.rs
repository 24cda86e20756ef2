//! The writer: one thread that makes groups of entries durable.

use super::{
    LogError,
    disk::write_zeros,
    handle::{self, Append, Log, Message},
    segment::{self, GROUP_HEADER_BYTES, HEADER_BYTES},
    shared::{Shared, Spare},
    tiles::push_entry,
};
use std::{
    fs::File,
    io,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// A group stops growing at this size.
const GROUP_BYTES_MAX: usize = 512 * 1024;
/// A segment that fills faster than this is followed by a longer one, up to the longest: each change of segment costs
/// appends the time of a rename.
const FILLED_FAST: Duration = Duration::from_secs(2);
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
    /// When it began to fill.
    since: Instant,
    next: u64,
    /// The entries of a group, and the group as it is written; kept for their room.
    payload: Vec<u8>,
    buffer: Vec<u8>,
}

/// Makes the handle and the writer of an opened log.
pub(crate) fn channel(shared: Arc<Shared>, active: Active, next: u64) -> (Log, Writer) {
    let room = usize::try_from(shared.config.segment_bytes).unwrap_or(usize::MAX) - HEADER_BYTES - GROUP_HEADER_BYTES;
    let (log, queue) = handle::queue(Arc::clone(&shared), room.min(GROUP_BYTES_MAX));
    let writer = Writer {
        shared,
        queue,
        carried: None,
        closing: None,
        active,
        since: Instant::now(),
        next,
        payload: Vec::new(),
        buffer: Vec::new(),
    };
    (log, writer)
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
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        let (mut count, mut waiting) = (0_u32, Vec::new());
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
        let done = self.commit(rotate, count, &payload);
        self.payload = payload;
        match done {
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
            let (spare, size) = self.take_spare().map_err(|why| (Broken::NoSpare, why))?;
            self.buffer.extend_from_slice(&segment::header(size, first));
            segment::push_group(&mut self.buffer, signer, first, count, payload);
            let offset = self.buffer.len() as u64;
            let begun = self.begin_segment(&spare, first);
            begun.map_err(|error| (Broken::Rotation { first }, reason(&error)))?;
            self.active = Active { file: spare, size, offset };
            self.since = Instant::now();
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
        let config = &self.shared.config;
        let fast = self.since.elapsed() < FILLED_FAST;
        let longer = self.active.size.saturating_mul(2).min(config.segment_bytes_max).max(config.segment_bytes);
        let mut board = self.shared.board();
        board.spare_bytes = if fast { longer } else { config.segment_bytes };
        board.spare = Spare::Wanted;
        drop(board);
        self.shared.spare_bell.notify_one();
    }

    /// The spare segment; waits for it when the provider is late.
    fn take_spare(&self) -> Result<(File, u64), Arc<str>> {
        let (start, mut asked) = (Instant::now(), false);
        let mut board = self.shared.board();
        loop {
            match std::mem::replace(&mut board.spare, Spare::Taken) {
                Spare::Ready(file, size) => return Ok((file, size)),
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
            Broken::NoSpare => matches!(self.shared.board().spare, Spare::Ready(..)),
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
