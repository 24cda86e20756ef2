//! Accepts connections, gives each what it is due and no more, and stops cleanly.
//!
//! One task accepts and owns one task per connection; nothing else is spawned but HTTP/2's own streams. A stranger who
//! sends garbage, nothing, or too slowly costs one task until a limit of [`Limits`] ends it.

use crate::{
    announced::{Strangers, Unannounced, announced_client},
    lent::lend,
    limits::Limits,
    stall::Stall,
};
use axum::{Router, body::Body, response::IntoResponse};
use hyper::{
    Request, Response, StatusCode, Version,
    body::{Bytes, Frame, Incoming, SizeHint},
    header::{CONNECTION, HeaderMap, HeaderValue},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::graceful::GracefulConnection,
};
use rustls::ServerConfig;
use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use types::{Cidr, ClientAddress, Source};
use wire::proxy::{Arrival, Proxies};

pub use crate::tls::{TlsError, provider, tls_config};

/// Pauses after an accept failure that will not go away by itself (no file descriptor left), doubling up to the last.
const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(50);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// An HTTP/2 peer that answers no ping for this long is gone.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_WAIT_MAX: Duration = Duration::from_secs(10);
/// Once told to close, a peer with nothing in flight has this long to do so.
const LINGER_MAX: Duration = Duration::from_secs(2);

/// How a listener meets whoever comes. By default in clear, with nobody before it, for everybody.
#[derive(Clone, Default)]
pub struct Front {
    /// TLS; without it pages are served in clear (the health listener only).
    pub tls: Option<Arc<ServerConfig>>,
    /// The proxies before it: each request bears the [`ClientAddress`] that those who are trusted tell, and its peer's
    /// where nobody is (acces-web TR2, DT13). What they tell of schemes and hosts counts for nothing.
    pub proxies: Option<Proxies>,
    /// Whom it is for, if not for everybody (clausier O-5.3): others' connections are closed before a word is said, and
    /// where a proxy carries them too, all that they ask for is absent.
    pub networks: Option<Arc<[Cidr]>>,
}

/// How a listener ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections still busy when the drain's deadline came, and cut.
    pub cut_connections: usize,
}

/// Serves `router` on `listener` until `shutdown`, as `front` says.
///
/// Each request bears its [`ClientAddress`] in its extensions. At `shutdown` the listener closes at once, idle
/// connections too; requests in flight have `drain` to finish, then they are cut. The router is to be wrapped by
/// [`crate::guard::guard`] with the same limits.
pub async fn serve(
    listener: TcpListener,
    front: Front,
    router: Router,
    limits: Limits,
    shutdown: CancellationToken,
    drain: Duration,
) -> Stopped {
    let seats = Seats::new(&limits);
    let Front { tls, proxies, networks } = front;
    let door = Arc::new(Listening {
        tls: tls.map(TlsAcceptor::from),
        router,
        limits,
        proxies,
        networks,
        unannounced: Unannounced::default(),
        strangers: Strangers::default(),
        shutdown: shutdown.clone(),
    });
    let mut connections = JoinSet::new();
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => {
                note_end(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE_MIN;
                let peer = ClientAddress::of_peer(peer);
                // Not let in, or without a seat, the stream is dropped here: closing is all that a flood costs.
                if let Some(arrival) = door.arrival(&stream, peer)
                    && let Some(seat) = seats.take(door.source(peer))
                {
                    connections.spawn(connection(door.clone(), stream, (peer, arrival), seat));
                }
            }
            Err(error) if is_about_one_connection(&error) => {}
            Err(error) => {
                if pause == ACCEPT_PAUSE_MIN {
                    tracing::warn!(%error, "no connection can be accepted for now");
                }
                tokio::select! {
                    () = sleep(pause) => pause = (pause * 2).min(ACCEPT_PAUSE_MAX),
                    () = shutdown.cancelled() => break,
                }
            }
        }
    }
    drop(listener);
    finish(connections, drain).await
}

async fn finish(mut connections: JoinSet<()>, drain: Duration) -> Stopped {
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            note_end(ended);
        }
    };
    if timeout(drain, all_ended).await.is_ok() {
        return Stopped { cut_connections: 0 };
    }
    let cut_connections = connections.len();
    tracing::warn!(cut_connections, "some connections did not finish in time and are cut");
    connections.shutdown().await;
    Stopped { cut_connections }
}

fn note_end(ended: Result<(), tokio::task::JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a connection ended in a panic; it is closed");
    }
}

/// The peer gave up between the kernel's handshake and ours.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// What all connections of one listener share.
struct Listening {
    tls: Option<TlsAcceptor>,
    router: Router,
    limits: Limits,
    proxies: Option<Proxies>,
    networks: Option<Arc<[Cidr]>>,
    unannounced: Unannounced,
    strangers: Strangers,
    shutdown: CancellationToken,
}

impl Listening {
    /// What is to be made of a connection; nothing, and it is closed.
    fn arrival(&self, stream: &TcpStream, peer: ClientAddress) -> Option<Arrival> {
        // A proxy comes for others: they are looked at once it says who they are.
        if self.source(peer).is_some() && !self.admits(peer) {
            return None;
        }
        let Some(proxies) = &self.proxies else { return Some(Arrival::Direct) };
        let here = stream.local_addr().ok().map(ClientAddress::of_peer);
        let arrival = proxies.arrival(peer, here);
        if arrival == Arrival::Refused {
            self.unannounced.tell();
            return None;
        }
        Some(arrival)
    }

    /// Whether this listener is for somebody who comes from there. It is for no proxy: one that does not say whom it
    /// speaks for may speak for anybody.
    fn admits(&self, client: ClientAddress) -> bool {
        let is_somebody = self.source(client).is_some();
        let is_for = |networks: &Arc<[Cidr]>| is_somebody && networks.iter().any(|network| network.contains(client));
        let admitted = self.networks.as_ref().is_none_or(is_for);
        if !admitted {
            self.strangers.came();
        }
        admitted
    }

    /// The source that a connection or a client counts for: none, if it is a proxy.
    fn source(&self, address: ClientAddress) -> Option<Source> {
        self.proxies.as_ref().map_or(Some(address.source()), |proxies| proxies.source(address))
    }

    /// Whom a request is for, where each says it.
    fn client(&self, peer: ClientAddress, headers: &HeaderMap) -> ClientAddress {
        let Some((proxies, name)) = self.proxies.as_ref().and_then(|proxies| Some((proxies, proxies.header()?))) else {
            return peer;
        };
        proxies.client(peer, headers.get_all(name).iter().map(HeaderValue::as_bytes))
    }
}

async fn connection(
    door: Arc<Listening>,
    mut stream: TcpStream,
    (peer, arrival): (ClientAddress, Arrival),
    mut seat: Seat,
) {
    // Without it small answers wait for the peer's acknowledgement; a socket that refuses is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let address = match &door.proxies {
        Some(proxies) if arrival == Arrival::Announced => {
            let client = tokio::select! {
                client = announced_client(&mut stream, proxies, peer, door.limits.announcement_max) => client,
                () = door.shutdown.cancelled() => return,
            };
            let Some(client) = client else { return door.unannounced.tell() };
            if !door.admits(client) || !seat.count_for(door.source(client)) {
                return;
            }
            client
        }
        _ => peer,
    };
    let stream = Stall::new(stream, door.limits.write_stall_max);
    let Some(acceptor) = &door.tls else {
        return speak_http1(&door, stream, address).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(door.limits.handshake_max, acceptor.accept(stream)) => shaken,
        () = door.shutdown.cancelled() => return,
    };
    // A failed handshake is the Internet's everyday noise: not worth a line each.
    let Ok(Ok(stream)) = shaken else { return };
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if is_http2 { speak_http2(&door, stream, address).await } else { speak_http1(&door, stream, address).await }
}

async fn speak_http1<S>(door: &Arc<Listening>, stream: S, address: ClientAddress)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &door.limits;
    let busy = Busy::default();
    let service = service_fn({
        let (door, busy) = (door.clone(), busy.clone());
        move |request| answer(door.clone(), address, request, busy.one())
    });
    // The guard answers 431 with a page just past the limit; hyper answers it bare further on, before it holds more.
    let bytes_held_max = (limits.header_bytes_max * 2).max(16 * 1024);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_max)
        .max_header_size(bytes_held_max)
        .max_buf_size(bytes_held_max)
        .serve_connection(TokioIo::new(stream), service);
    converse(door, connection, busy).await;
}

async fn speak_http2<S>(door: &Arc<Listening>, stream: S, address: ClientAddress)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limits = &door.limits;
    let busy = Busy::default();
    let service = service_fn({
        let (door, busy) = (door.clone(), busy.clone());
        move |request| answer(door.clone(), address, request, busy.one())
    });
    let header_bytes_max = u32::try_from(limits.header_bytes_max * 2).unwrap_or(u32::MAX);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(header_bytes_max)
        // Streams opened and reset at once (CVE-2023-44487) and streams made to fail: a handful, then the end.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64)
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_send_buf_size(64 * 1024)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WAIT_MAX)
        .serve_connection(TokioIo::new(stream), service);
    converse(door, connection, busy).await;
}

async fn answer(
    door: Arc<Listening>,
    address: ClientAddress,
    request: Request<Incoming>,
    one: One,
) -> Result<Response<Tracked>, Infallible> {
    // HTTP/2 has no need of it: a body that is left costs its stream, not its connection.
    let one_by_one = request.version() <= Version::HTTP_11;
    let (mut request, rest) = lend(request);
    // One connection of a proxy carries the requests of many.
    let client = door.client(address, request.headers());
    request.extensions_mut().insert(client);
    let mut response = match door.admits(client) {
        true => door.router.clone().oneshot(request).await?,
        false => StatusCode::NOT_FOUND.into_response(),
    };
    let bytes_max = door.limits.form_bytes_max.max(door.limits.api_bytes_max);
    if one_by_one && !rest.read(bytes_max, LINGER_MAX).await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Tracked { body, _one: one }))
}

/// Runs one connection to its end: its own, or the first of shutdown, idleness and age, after which what is in flight
/// may finish.
async fn converse<C>(door: &Listening, connection: C, busy: Busy)
where
    C: GracefulConnection,
{
    let limits = &door.limits;
    let mut connection = pin!(connection);
    let mut old = pin!(sleep(limits.connection_max));
    let mut idle = pin!(busy.idle(limits.idle_max));
    // These two are looked at, and the first one counts, once closing.
    let mut lingering = pin!(busy.idle(LINGER_MAX));
    let mut cut = pin!(sleep(limits.connection_max));
    let mut closing = false;
    loop {
        tokio::select! {
            // An error here is a peer that broke the protocol, stalled or left: its loss.
            _ = connection.as_mut() => return,
            () = &mut lingering, if closing => return,
            () = &mut cut, if closing => return,
            () = door.shutdown.cancelled(), if !closing => {}
            () = &mut old, if !closing => {}
            () = &mut idle, if !closing => {}
        }
        closing = true;
        connection.as_mut().graceful_shutdown();
        cut.as_mut().reset(Instant::now() + limits.request_max + limits.write_stall_max);
    }
}

/// Counts the requests in flight on one connection, the sending of their answers included.
#[derive(Clone)]
struct Busy(watch::Sender<usize>);

/// One request in flight.
struct One(watch::Sender<usize>);

impl Default for Busy {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Busy {
    fn one(&self) -> One {
        self.0.send_modify(|count| *count += 1);
        One(self.0.clone())
    }

    /// Returns once nothing has been in flight for `idle_max`.
    async fn idle(&self, idle_max: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // The sender lives in `self`: neither wait can fail.
            if count.wait_for(|count| *count == 0).await.is_err() || timeout(idle_max, count.changed()).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// A body that keeps its request counted until it is sent or given up.
struct Tracked {
    body: Body,
    _one: One,
}

impl hyper::body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The connections held, in all and by source.
struct Seats(Arc<Taken>);

struct Taken {
    counts: Mutex<Counts>,
    all_max: usize,
    per_source_max: usize,
}

#[derive(Default)]
struct Counts {
    all: usize,
    by_source: HashMap<Source, usize>,
}

/// One connection's place; dropping it frees it.
struct Seat {
    taken: Arc<Taken>,
    /// None for a proxy, which carries many.
    source: Option<Source>,
}

impl Taken {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// One more of a source, if it may have one.
    fn add(&mut self, source: Source, per_source_max: usize) -> bool {
        let here = self.by_source.get(&source).copied().unwrap_or(0);
        if here >= per_source_max {
            return false;
        }
        self.by_source.insert(source, here + 1);
        true
    }
}

impl Seats {
    fn new(limits: &Limits) -> Self {
        Self(Arc::new(Taken {
            counts: Mutex::default(),
            all_max: limits.connections_max,
            per_source_max: limits.connections_per_source_max,
        }))
    }

    fn take(&self, source: Option<Source>) -> Option<Seat> {
        let mut counts = self.0.counts();
        if counts.all >= self.0.all_max || source.is_some_and(|source| !counts.add(source, self.0.per_source_max)) {
            return None;
        }
        counts.all += 1;
        Some(Seat { taken: self.0.clone(), source })
    }
}

impl Seat {
    /// Counts for a source that is known only now, too; not if that one has all that it may.
    fn count_for(&mut self, source: Option<Source>) -> bool {
        let Some(source) = source.filter(|_| self.source.is_none()) else { return true };
        let is_counted = self.taken.counts().add(source, self.taken.per_source_max);
        self.source = Some(source).filter(|_| is_counted);
        is_counted
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.taken.counts();
        counts.all = counts.all.saturating_sub(1);
        let Some(source) = self.source else { return };
        if let Some(here) = counts.by_source.get_mut(&source) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                counts.by_source.remove(&source);
            }
        }
    }
}
