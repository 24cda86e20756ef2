//! The writer of one recording: what a channel shows is sealed, buffered for a second at most, written and synced.

use super::{RecorderFault, Session, reserve::Spool};
use std::sync::{Arc, atomic::Ordering};
use tokio::{
    fs,
    io::AsyncWriteExt as _,
    sync::{mpsc, oneshot},
    time::Instant,
};
use vault::stream::Sealer;
use wire::asciicast::Writer;

/// Sealed bytes that wait for the next flush at most; more flush at once.
const BUFFER_BYTES_MAX: usize = 256 * 1024;

/// What the writer is given.
pub(super) enum Piece {
    Output(Vec<u8>),
    Resize(u16, u16),
    Marker(String),
    End(Option<i32>, oneshot::Sender<Result<(), RecorderFault>>),
}

/// The writer of one recording, in a task of its own.
pub(super) struct Tape {
    pub(super) session: Arc<Session>,
    pub(super) channel: u32,
    /// None once it has ended.
    pub(super) sealer: Option<Sealer>,
    pub(super) cast: Writer,
    pub(super) start: Instant,
    pub(super) file: fs::File,
    /// Bytes of the file that are durable.
    pub(super) synced: u64,
    /// Sealed bytes that are not.
    pub(super) pending: Vec<u8>,
    /// Where they go once the file takes no more.
    pub(super) spool: Option<Spool>,
}

impl Tape {
    pub(super) async fn run(mut self, mut pieces: mpsc::Receiver<Piece>) {
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
    pub(super) async fn tick(&mut self) -> Result<(), RecorderFault> {
        self.sync().await.inspect_err(|fault| self.fail(fault.clone()))
    }

    /// Seals what waits for a whole chunk, and makes it durable.
    pub(super) async fn sync(&mut self) -> Result<(), RecorderFault> {
        let sealed = self.sealer.as_mut().ok_or(RecorderFault::Ended)?.flush()?;
        self.pending.extend(sealed);
        self.flush().await
    }

    fn fail(&self, fault: RecorderFault) {
        tracing::error!(relay = %self.session.relay, %fault, "a recording cannot go on");
        self.session.fault.send_replace(Some(fault));
    }

    pub(super) fn seal(&mut self, text: &str) -> Result<(), RecorderFault> {
        let sealed = self.sealer.as_mut().ok_or(RecorderFault::Ended)?.push(text.as_bytes())?;
        self.pending.extend(sealed);
        Ok(())
    }

    pub(super) async fn end(mut self, status: Option<i32>) -> Result<(), RecorderFault> {
        let line = status.map(|status| self.cast.exit(self.start.elapsed(), status));
        let ended = self.last(line).await.inspect_err(|fault| self.fail(fault.clone()));
        if self.spool.take().is_some() {
            let home = Arc::clone(&self.session.home);
            let _ = tokio::task::spawn_blocking(move || home.reserve.bring_home(&home.config)).await;
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
        let more = self.pending.len() as u64;
        let length = self.synced + more;
        let (session, config) = (Arc::clone(&self.session), &self.session.home.config);
        let held = session.held.load(Ordering::SeqCst);
        if length > config.recording_bytes_max && !held {
            return Err(RecorderFault::TooLong);
        }
        // Held or not: beyond these the reserve is there, and nothing else.
        session.home.has_room(more).await?;
        session.taken.take(more, config.session_bytes_max)?;
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
                session.taken.give_back(more);
                // What was written of it is not known to be there: it will be written again, elsewhere.
                let _ = self.file.set_len(self.synced).await;
                Err(error.into())
            }
        }
    }
}
