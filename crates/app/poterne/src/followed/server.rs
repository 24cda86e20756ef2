//! What a node publishes of its own journals, read only, for the nodes that follow it: C2SP `tlog-tiles`, and the months' pairs.
//! Whoever does not know the secret is told of nothing: absent and forbidden are the same answer.

use super::SharedSecret;
use crate::witness::Rate;
use axum::{
    Extension, Router,
    extract::{Path as UrlPath, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rustls::ServerConfig;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;
use types::{Cidr, ClientAddress, Family};
use web::{
    limits::Limits,
    serve::{Front, Stopped, serve},
};

/// Files read at once.
const READS_MAX: usize = 4;
/// How often the log tells that somebody showed a wrong secret.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// This node's journals, ready to be served.
pub struct Publishing {
    /// Where it listens.
    pub listener: TcpListener,
    /// Its certificate; without one it serves in clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whom it is for.
    pub networks: Vec<Cidr>,
    /// What they show.
    pub secret: SharedSecret,
    /// The data folder.
    pub data: PathBuf,
}

/// What answers are made of.
struct Shelf {
    data: PathBuf,
    secret: SharedSecret,
    rate: Rate,
    reads: Semaphore,
    told: Mutex<Option<Instant>>,
}

impl Publishing {
    /// Serves until `stop`.
    pub async fn run(self, stop: CancellationToken, drain: Duration) -> Stopped {
        let front = Front { tls: self.tls, networks: Some(self.networks.into()), ..Front::default() };
        serve(self.listener, front, router(self.data, self.secret), limits(), stop, drain).await
    }
}

/// The bounds of the listener: a few nodes ask for a few files a second.
fn limits() -> Limits {
    Limits {
        connections_max: 32,
        connections_per_source_max: 8,
        form_bytes_max: 1024,
        request_max: Duration::from_secs(30),
        ..Limits::default()
    }
}

fn router(data: PathBuf, secret: SharedSecret) -> Router {
    let (rate, reads) = (Rate::new(Instant::now()), Semaphore::new(READS_MAX));
    let shelf = Arc::new(Shelf { data, secret, rate, reads, told: Mutex::default() });
    Router::new().route("/{origin}/{*path}", get(file)).with_state(shelf)
}

async fn file(
    State(shelf): State<Arc<Shelf>>,
    Extension(address): Extension<ClientAddress>,
    UrlPath((origin, path)): UrlPath<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if !shelf.rate.admits(address.source(), Instant::now()) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if !shown.is_some_and(|shown| shelf.secret.is(shown)) {
        shelf.tell(address);
        return StatusCode::NOT_FOUND.into_response();
    }
    let Ok(_turn) = shelf.reads.acquire().await else { return StatusCode::NOT_FOUND.into_response() };
    let data = shelf.data.clone();
    let read = tokio::task::spawn_blocking(move || read(&data, &origin, &path)).await;
    match read {
        Ok(Some(bytes)) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Its checkpoint, its tiles, and the pairs to which its months are sealed; no other file of the folder has a name here.
fn read(data: &Path, origin: &str, path: &str) -> Option<Vec<u8>> {
    let journals = data.join("journal");
    match path.strip_prefix("pair/") {
        None => journal::follow::published(&journals, origin, path),
        Some(name) => {
            let family = name.split_once('-')?.0.parse::<Family>();
            let known = family.is_ok() && journal::follow::published(&journals, origin, "checkpoint").is_some();
            known.then(|| vault::pair_file(&data.join("vault"), name)).flatten()
        }
    }
}

impl Shelf {
    /// In the log, once a minute at most: whoever guesses writes nothing else here.
    fn tell(&self, address: ClientAddress) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TOLD_EVERY) {
            *told = Some(Instant::now());
            tracing::warn!(%address, "somebody asked for this node's journal without the secret");
        }
    }
}
