//! How much may wait between a reader and a writer.

use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    time::Duration,
};
use tokio::{sync::Notify, time::timeout};

/// How long the reader waits for room before it reads on all the same.
const PATIENCE: Duration = Duration::from_millis(250);
/// The same, once it has found that nothing moves.
const PATIENCE_WHEN_FULL: Duration = Duration::from_millis(20);

/// Bytes that one side brought and the other has not taken yet.
///
/// Both directions of a connection come through one reader. A reader that waited for room without end would also keep
/// back the news that the other direction waits for, and two full directions would wait for each other for ever. So it
/// waits a little, then says that it is full ([`Backlog::is_full`]) and reads on; whoever grants the peer its window stops
/// granting while that lasts, and that window bounds what still arrives.
#[derive(Debug)]
pub struct Backlog {
    waiting_bytes: AtomicI64,
    mark_bytes: i64,
    most_bytes: i64,
    full: AtomicBool,
    room: Notify,
}

/// The peer sent more than it was ever granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun;

impl Backlog {
    /// One whose reader waits past `mark_bytes`, for a peer that is granted `window_bytes` at once. A peer that keeps to
    /// it never has more than both waiting; one that has twice the window beyond the mark does not.
    pub fn new(mark_bytes: u32, window_bytes: u32) -> Self {
        Self {
            waiting_bytes: AtomicI64::new(0),
            mark_bytes: i64::from(mark_bytes),
            most_bytes: i64::from(mark_bytes) + 2 * i64::from(window_bytes),
            full: AtomicBool::new(false),
            room: Notify::new(),
        }
    }

    /// Bytes arrived: waits for room, a quarter of a second at most.
    pub async fn arrived(&self, bytes: usize) -> Result<(), Overrun> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let waiting = self.waiting_bytes.fetch_add(bytes, Relaxed).saturating_add(bytes);
        if waiting <= self.mark_bytes {
            return Ok(());
        }
        if waiting > self.most_bytes {
            return Err(Overrun);
        }
        let patience = if self.is_full() { PATIENCE_WHEN_FULL } else { PATIENCE };
        if timeout(patience, self.room()).await.is_err() {
            self.full.store(true, Relaxed);
        }
        Ok(())
    }

    /// Bytes were taken. (They may be, before their arrival is told.)
    pub fn taken(&self, bytes: usize) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.waiting_bytes.fetch_sub(bytes, Relaxed).saturating_sub(bytes) <= self.mark_bytes / 2 {
            self.full.store(false, Relaxed);
            self.room.notify_one();
        }
    }

    /// Whether the reader has waited in vain: more should not be asked of the peer.
    pub fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }

    async fn room(&self) {
        while self.waiting_bytes.load(Relaxed) > self.mark_bytes / 2 {
            self.room.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_for_room_but_not_for_ever() {
        let backlog = Arc::new(Backlog::new(100, 100));
        let begun = Instant::now();
        assert_eq!(backlog.arrived(100).await, Ok(()));
        assert_eq!(begun.elapsed(), Duration::ZERO, "there was room");
        assert_eq!(backlog.arrived(1).await, Ok(()));
        assert_eq!((begun.elapsed(), backlog.is_full()), (PATIENCE, true));
        assert_eq!(backlog.arrived(1).await, Ok(()));
        assert_eq!(begun.elapsed(), PATIENCE + PATIENCE_WHEN_FULL, "once full, waits are short");
        backlog.taken(50);
        assert!(backlog.is_full());
        backlog.taken(2);
        assert!(!backlog.is_full(), "half of it is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn room_wakes_the_reader() {
        let backlog = Arc::new(Backlog::new(100, 100));
        let reader = tokio::spawn({
            let backlog = backlog.clone();
            async move { backlog.arrived(150).await }
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        backlog.taken(100);
        let begun = Instant::now();
        assert!(reader.await.is_ok_and(|arrived| arrived.is_ok()));
        assert_eq!((begun.elapsed(), backlog.is_full()), (Duration::ZERO, false));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_before_it_is_told_counts_once() {
        let backlog = Backlog::new(100, 100);
        for _ in 0..1000 {
            backlog.taken(70);
            assert_eq!(backlog.arrived(70).await, Ok(()));
        }
        assert_eq!(backlog.waiting_bytes.load(Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_was_ever_granted_is_refused_at_once() {
        let backlog = Backlog::new(100, 200);
        assert_eq!(backlog.arrived(500).await, Ok(()), "the mark, and the window twice");
        let begun = Instant::now();
        assert_eq!((backlog.arrived(1).await, begun.elapsed()), (Err(Overrun), Duration::ZERO));
    }
}
