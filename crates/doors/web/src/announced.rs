//! The first bytes of a connection that a proxy carries: whom it is for (acces-web TR2, DT13).

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};
use types::ClientAddress;
use wire::proxy::{ANNOUNCEMENT_BYTES_MAX, Announced, Proxies, Reading, announced};

/// Tells the log, once, that a connection came without its announcement: what a wrong setting looks like, a stranger can
/// make happen as often as he likes.
#[derive(Debug, Default)]
pub struct Unannounced(AtomicBool);

impl Unannounced {
    /// Tells it, if it was not yet.
    pub fn tell(&self) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!("a connection was closed: only trusted proxies come to this door, by the PROXY protocol");
        }
    }
}

/// Tells the log, once a minute at most, how often somebody came to a listener that is not for his network.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<(u64, Option<Instant>)>);

impl Strangers {
    /// One more came.
    pub fn came(&self) {
        const EVERY: Duration = Duration::from_secs(60);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, told) = &mut *seen;
        *times += 1;
        if told.is_none_or(|told| told.elapsed() >= EVERY) {
            tracing::warn!(times, "somebody came to a listener from outside its networks, and was not let in");
            *seen = (0, Some(Instant::now()));
        }
    }
}

/// Whom a connection from `peer` is for, by the PROXY protocol. Nobody, if it does not say so within `wait_max`, says
/// it wrongly, or may not: it is to be closed. Nothing is read of what follows the announcement.
pub async fn announced_client(
    stream: &mut (impl AsyncRead + Unpin),
    proxies: &Proxies,
    peer: ClientAddress,
    wait_max: Duration,
) -> Option<ClientAddress> {
    let said = timeout(wait_max, read(stream)).await.ok()??;
    proxies.announced_by(peer, said)
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Announced> {
    let mut held = [0; ANNOUNCEMENT_BYTES_MAX];
    let mut count = 0;
    loop {
        match announced(held.get(..count)?).ok()? {
            Reading::Whole(said) => return Some(said),
            Reading::More(bytes) => {
                stream.read_exact(held.get_mut(count..count + bytes)?).await.ok()?;
                count += bytes;
            }
        }
    }
}
