//! What passed.

use aws_lc_rs::digest::{Context, SHA256};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::time::Instant;

/// Counts one direction and, when asked, digests it.
pub struct Meter {
    bytes: u64,
    digest: Option<Context>,
}

/// What a meter saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passed {
    /// Bytes.
    pub bytes: u64,
    /// Their SHA-256, if it was asked for.
    pub sha256: Option<[u8; 32]>,
}

impl Meter {
    /// One that counts.
    pub fn counting() -> Self {
        Self { bytes: 0, digest: None }
    }

    /// One that also computes the SHA-256.
    pub fn digesting() -> Self {
        Self { bytes: 0, digest: Some(Context::new(&SHA256)) }
    }

    /// These bytes pass.
    pub fn pass(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }

    /// What passed in all.
    pub fn finish(self) -> Passed {
        let sha256 = self.digest.map(|digest| {
            let mut out = [0; 32];
            // SHA-256 is 32 bytes long; both lengths agree by definition.
            out.iter_mut().zip(digest.finish().as_ref()).for_each(|(to, from)| *to = *from);
            out
        });
        Passed { bytes: self.bytes, sha256 }
    }
}

/// What passes in both directions of a session, as others see it while it runs.
#[derive(Debug)]
pub struct Traffic {
    begun: Instant,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// When something last passed: milliseconds since `begun`.
    last_millis: AtomicU64,
    /// How much older the silence since then was made.
    aged_millis: AtomicU64,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            last_millis: AtomicU64::new(0),
            aged_millis: AtomicU64::new(0),
        }
    }
}

impl Traffic {
    /// Bytes passed towards the inside.
    pub fn passed_in(&self, bytes: usize) {
        self.count(&self.bytes_in, bytes);
    }

    /// Bytes passed towards the outside.
    pub fn passed_out(&self, bytes: usize) {
        self.count(&self.bytes_out, bytes);
    }

    fn count(&self, which: &AtomicU64, bytes: usize) {
        which.fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Relaxed);
        let millis = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_millis.fetch_max(millis, Relaxed);
        self.aged_millis.store(0, Relaxed);
    }

    /// Makes the silence older by this much, until something passes again: for a probe, which does not wait for it.
    pub fn age(&self, by: Duration) {
        self.aged_millis.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Towards the inside, so far.
    pub fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Relaxed)
    }

    /// Towards the outside, so far.
    pub fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Relaxed)
    }

    /// How long nothing has passed.
    pub fn idle(&self) -> Duration {
        let silent = self.begun.elapsed().saturating_sub(Duration::from_millis(self.last_millis.load(Relaxed)));
        silent.saturating_add(Duration::from_millis(self.aged_millis.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_counts_and_digests() {
        let mut meter = Meter::digesting();
        for piece in [&b"a"[..], b"", b"bc"] {
            meter.pass(piece);
        }
        // FIPS 180-2, B.1: the SHA-256 of "abc".
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let passed = meter.finish();
        let hex: String = passed.sha256.into_iter().flatten().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((passed.bytes, hex.as_str()), (3, abc));
        assert_eq!(Meter::counting().finish(), Passed { bytes: 0, sha256: None });
    }

    #[tokio::test(start_paused = true)]
    async fn idleness_is_counted_from_the_last_byte() {
        let traffic = Traffic::default();
        tokio::time::sleep(Duration::from_secs(5)).await;
        traffic.passed_in(3);
        traffic.passed_out(4);
        assert_eq!((traffic.bytes_in(), traffic.bytes_out(), traffic.idle()), (3, 4, Duration::ZERO));
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!(traffic.idle(), Duration::from_secs(7));
        traffic.age(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(traffic.idle(), Duration::from_secs(68));
        traffic.passed_in(1);
        assert_eq!(traffic.idle(), Duration::ZERO, "something passed");
    }
}
