//! Accepts connections, gives each what it is due and no more, and stops cleanly.

use crate::{
    host_key::{self, BadHostKey},
    house::House,
    live::{Registry, Silence},
    settings::{RelayLimits, RelaySettings},
    visitor::Visitor,
};
use interventions::LiveSessions;
use pipe::Cuttable;
use russh::{
    MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex,
    keys::{Algorithm, EcdsaCurve, HashAlg},
    mac, server,
};
use std::{
    borrow::Cow,
    cmp::Reverse,
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::{
    io::BufReader,
    net::{TcpListener, TcpStream},
    time::{sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use types::{Cidr, ClientAddress, Clock, Source};
use web::announced::{Unannounced, announced_client};
use wire::proxy::{Arrival, Proxies, Says};

/// What is read from a client at once.
const READ_BYTES: usize = 32 * 1024;
/// A client that answers nothing for three of these is gone.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Messages of one channel that may wait: the backlog counts their bytes.
const CHANNEL_MESSAGES_MAX: usize = 4096;
/// Messages towards a client that may wait: 32 KiB each at most.
const EVENTS_MAX: usize = 16;
/// Pauses after an accept failure that will not go away by itself, doubling up to the last.
const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(50);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Once all sessions are told to end, until they are dropped.
const LAST_MAX: Duration = Duration::from_secs(3);

/// Why the relays cannot start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// A host key cannot be used.
    #[error("host key: {0}")]
    HostKey(#[from] BadHostKey),
    /// There is none.
    #[error("no host key")]
    NoHostKey,
}

/// How the relays ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// Connections still there when the deadline came.
    pub cut_connections: usize,
}

/// What all connections share.
pub(crate) struct Door<H: House> {
    pub(crate) house: Arc<H>,
    pub(crate) limits: RelayLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) banner: Option<String>,
    pub(crate) tasks: TaskTracker,
    /// No more sessions; those that run end, unless "do not interrupt" holds them.
    pub(crate) stop: CancellationToken,
    /// Those too.
    pub(crate) drained: CancellationToken,
}

/// The relays, ready to take a listener.
pub struct Relay<H: House> {
    door: Arc<Door<H>>,
    config: Arc<server::Config>,
    behind: Option<Arc<Behind>>,
}

/// The proxies before the relays.
struct Behind {
    proxies: Proxies,
    unannounced: Unannounced,
}

impl<H: House> Relay<H> {
    /// With its keys and bounds.
    pub fn new(settings: RelaySettings, house: H) -> Result<Self, RelayError> {
        let RelaySettings { host_keys, banner, limits, clock } = settings;
        let keys = host_keys.iter().map(host_key::read).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err(RelayError::NoHostKey);
        }
        let config = Arc::new(config(keys, &limits));
        let door = Door {
            house: Arc::new(house),
            registry: Arc::new(Registry::new(clock.clone(), limits.watchers_max)),
            limits,
            clock,
            // Clients show it as it is: on lines of its own.
            banner: banner.map(|text| format!("{}\r\n", text.trim_end().replace("\r\n", "\n").replace('\n', "\r\n"))),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            drained: CancellationToken::new(),
        };
        Ok(Self { door: Arc::new(door), config, behind: None })
    }

    /// Behind these proxies, who say by the PROXY protocol whom each connection is for; nobody else comes (acces-web
    /// TR2, DT13).
    pub fn behind(self, trusted: Vec<Cidr>) -> Self {
        let proxies = Proxies::new(trusted, Says::ProxyProtocol);
        Self { behind: Some(Arc::new(Behind { proxies, unannounced: Unannounced::default() })), ..self }
    }

    /// The sessions of this node, for the desk.
    pub fn sessions(&self) -> Arc<dyn LiveSessions> {
        self.door.registry.clone()
    }

    /// The silence of this node's sessions, for a probe.
    pub fn silence(&self) -> Silence {
        Silence::new(self.door.registry.clone(), self.door.limits.idle_max)
    }

    /// Serves until `stop`. Then sessions end, each with a sentence; those that "do not interrupt" holds have `drain`.
    pub async fn run(self, listener: TcpListener, stop: CancellationToken, drain: Duration) -> Stopped {
        let door = self.door;
        let seats = Seats::new(&door.limits);
        let mut pause = ACCEPT_PAUSE_MIN;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = ACCEPT_PAUSE_MIN;
                    let (address, config) = (ClientAddress::of_peer(peer), self.config.clone());
                    // Without a place the stream is dropped here: closing is all that a flood costs.
                    let Some(place) = seats.place() else { continue };
                    match &self.behind {
                        Some(behind) if behind.lets_in(&stream, address) => {
                            let behind = behind.clone();
                            door.tasks.spawn(announced(door.clone(), config, stream, (address, behind), place));
                        }
                        Some(behind) => behind.unannounced.tell(),
                        None => {
                            let Some(seat) = place.sit(address.source()) else { continue };
                            door.tasks.spawn(connection(door.clone(), config, stream, address, seat));
                        }
                    }
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    if pause == ACCEPT_PAUSE_MIN {
                        tracing::warn!(%error, "no connection can be accepted for now");
                    }
                    tokio::select! {
                        () = sleep(pause) => pause = (pause * 2).min(ACCEPT_PAUSE_MAX),
                        () = stop.cancelled() => break,
                    }
                }
            }
        }
        drop(listener);
        finish(&door, &seats, drain).await
    }
}

async fn finish<H: House>(door: &Door<H>, seats: &Seats, drain: Duration) -> Stopped {
    door.stop.cancel();
    door.tasks.close();
    if timeout(drain, door.tasks.wait()).await.is_ok() {
        return Stopped { cut_connections: 0 };
    }
    let cut_connections = seats.taken();
    tracing::warn!(cut_connections, "some sessions did not end in time and are cut");
    door.drained.cancel();
    let _ = timeout(LAST_MAX, door.tasks.wait()).await;
    Stopped { cut_connections }
}

/// The peer gave up between the kernel's handshake and ours.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

impl Behind {
    fn lets_in(&self, stream: &TcpStream, peer: ClientAddress) -> bool {
        let here = stream.local_addr().ok().map(ClientAddress::of_peer);
        self.proxies.arrival(peer, here) == Arrival::Announced
    }
}

/// One connection that a proxy carries: first of all, whom it is for.
async fn announced<H: House>(
    door: Arc<Door<H>>,
    config: Arc<server::Config>,
    mut stream: TcpStream,
    (peer, behind): (ClientAddress, Arc<Behind>),
    place: Place,
) {
    let client = tokio::select! {
        client = announced_client(&mut stream, &behind.proxies, peer, door.limits.announcement_max) => client,
        () = door.stop.cancelled() => return,
    };
    let Some(client) = client else { return behind.unannounced.tell() };
    if let Some(seat) = place.sit(client.source()) {
        connection(door, config, stream, client, seat).await;
    }
}

/// One connection. Until somebody has signed in, this task watches the time; after that, the session's does.
async fn connection<H: House>(
    door: Arc<Door<H>>,
    config: Arc<server::Config>,
    stream: TcpStream,
    address: ClientAddress,
    seat: Seat,
) {
    let _ = stream.set_nodelay(true);
    let (cut, signed_in) = (CancellationToken::new(), CancellationToken::new());
    let _cut_at_the_end = cut.clone().drop_guard();
    let stream = Cuttable::new(BufReader::with_capacity(READ_BYTES, stream), &cut);
    let asked = Arc::new(OnceLock::new());
    let visitor = Visitor::new(door.clone(), address, (signed_in.clone(), asked.clone()), cut.clone());
    let greeted = async {
        let running = server::run_stream(config, stream, visitor).await?;
        running.await
    };
    tokio::pin!(greeted);
    let too_late = async {
        tokio::select! {
            () = sleep(door.limits.login_max) => {}
            () = door.stop.cancelled() => return,
        }
        if let Some(asked) = asked.get() {
            tokio::select! {
                () = sleep_until(*asked + door.limits.approval_max) => {}
                () = door.stop.cancelled() => {}
            }
        }
    };
    let ended = tokio::select! {
        ended = &mut greeted => Some(ended),
        () = signed_in.cancelled() => None,
        // The stream is cut; what runs on it ends by itself.
        () = too_late => return,
        () = seat.evicted.clone().cancelled_owned() => return,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            seat.signed_in();
            greeted.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// What technicians' clients are offered: nothing that an auditor's tool would complain of.
fn config(keys: Vec<russh::keys::PrivateKey>, limits: &RelayLimits) -> server::Config {
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    server::Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Poterne")),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: limits.refusal_takes,
        // Clients ask first what they may try.
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys,
        window_size: limits.window_bytes,
        channel_buffer_size: CHANNEL_MESSAGES_MAX,
        event_buffer_size: EVENTS_MAX,
        // The first question is not an attempt.
        max_auth_attempts: limits.attempts_max + 1,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::MLKEM768X25519_SHA256,
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::EXTENSION_SUPPORT_AS_SERVER,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
            ]),
            // The door's own are of the first kind only; the others are those of technicians' keys.
            key: Cow::Owned(vec![
                Algorithm::Ed25519,
                ecdsa(EcdsaCurve::NistP256),
                ecdsa(EcdsaCurve::NistP384),
                Algorithm::SkEd25519,
                Algorithm::SkEcdsaSha2NistP256,
                rsa(HashAlg::Sha512),
                rsa(HashAlg::Sha256),
            ]),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(&[cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::CHACHA20_POLY1305]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM]),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        ..server::Config::default()
    }
}

/// Places for connections: in all, for each source, and for those who have not signed in. Where no place is left for
/// strangers, the one that has waited longest of the source that has most gives its own to a source that still has fewer with it: a few
/// sources cannot keep everybody else out.
struct Seats(Arc<Taken>);

struct Taken {
    counts: Mutex<Counts>,
    limits: RelayLimits,
}

#[derive(Default)]
struct Counts {
    all: usize,
    strangers: usize,
    given: u64,
    by_source: HashMap<Source, Here>,
}

/// Those of one source.
#[derive(Default)]
struct Here {
    all: usize,
    /// Oldest first.
    strangers: VecDeque<(u64, CancellationToken)>,
}

impl Counts {
    /// Makes room for a stranger of a source that has `here` of them, if another has more than it will.
    fn evict(&mut self, here: usize) -> bool {
        let oldest = |one: &Here| one.strangers.front().map_or(u64::MAX, |(number, _)| *number);
        let fullest = self.by_source.values_mut().max_by_key(|one| (one.strangers.len(), Reverse(oldest(one))));
        let Some(fullest) = fullest.filter(|one| one.strangers.len() > here + 1) else { return false };
        let Some((_, evicted)) = fullest.strangers.pop_front() else { return false };
        evicted.cancel();
        self.strangers -= 1;
        true
    }

    /// One is no stranger any more, or is gone.
    fn known(&mut self, source: Source, number: u64) {
        let Some(here) = self.by_source.get_mut(&source) else { return };
        if let Some(at) = here.strangers.iter().position(|(one, _)| *one == number) {
            here.strangers.remove(at);
            self.strangers -= 1;
        }
    }
}

impl Taken {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One place among all, for a source that is perhaps not known yet; given back when dropped.
struct Place(Arc<Taken>);

/// One place of a source, given back when dropped.
struct Seat {
    place: Place,
    source: Source,
    number: u64,
    evicted: CancellationToken,
}

impl Seats {
    fn new(limits: &RelayLimits) -> Self {
        Self(Arc::new(Taken { counts: Mutex::default(), limits: limits.clone() }))
    }

    fn taken(&self) -> usize {
        self.0.counts().all
    }

    fn place(&self) -> Option<Place> {
        let mut counts = self.0.counts();
        if counts.all >= self.0.limits.connections_max {
            return None;
        }
        counts.all += 1;
        Some(Place(self.0.clone()))
    }
}

impl Taken {
    /// The number of a new stranger of this source, and what tells him to leave.
    fn sit(&self, source: Source) -> Option<(u64, CancellationToken)> {
        let (mut counts, limits) = (self.counts(), &self.limits);
        let here = counts.by_source.get(&source);
        let (here, strangers_here) = here.map_or((0, 0), |here| (here.all, here.strangers.len()));
        let free = here < limits.connections_per_source_max
            && strangers_here < limits.strangers_per_source_max
            && (counts.strangers < limits.strangers_max || counts.evict(strangers_here));
        if !free {
            return None;
        }
        counts.strangers += 1;
        counts.given += 1;
        let (number, evicted) = (counts.given, CancellationToken::new());
        let here = counts.by_source.entry(source).or_default();
        here.all += 1;
        here.strangers.push_back((number, evicted.clone()));
        Some((number, evicted))
    }
}

impl Place {
    /// Gives it to a source, if that one may have one more.
    fn sit(self, source: Source) -> Option<Seat> {
        let (number, evicted) = self.0.sit(source)?;
        Some(Seat { place: self, source, number, evicted })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.counts().all -= 1;
    }
}

impl Seat {
    /// He is no stranger any more.
    fn signed_in(&self) {
        self.place.0.counts().known(self.source, self.number);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.signed_in();
        let mut counts = self.place.0.counts();
        if let Some(here) = counts.by_source.get_mut(&self.source) {
            here.all -= 1;
            if here.all == 0 {
                counts.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn take(seats: &Seats, source: Source) -> Option<Seat> {
        seats.place()?.sit(source)
    }

    #[test]
    fn seats_are_bounded_and_given_back() {
        let limits = RelayLimits {
            connections_max: 4,
            connections_per_source_max: 2,
            strangers_max: 3,
            strangers_per_source_max: 2,
            ..RelayLimits::default()
        };
        let seats = Seats::new(&limits);
        let from = |n: u8| ClientAddress::new([192, 0, 2, n].into()).source();
        let first = take(&seats, from(1)).unwrap();
        let second = take(&seats, from(1)).unwrap();
        assert!(take(&seats, from(1)).is_none(), "of one source");
        let _third = take(&seats, from(2)).unwrap();
        assert!(take(&seats, from(2)).is_none(), "strangers: nobody has more");
        second.signed_in();
        second.signed_in();
        let _fourth = take(&seats, from(3)).unwrap();
        assert!(take(&seats, from(4)).is_none(), "in all");
        assert!(!first.evicted.is_cancelled());
        drop((first, second));
        assert!(take(&seats, from(1)).is_some());
        assert_eq!(seats.0.counts().by_source.len(), 2);
    }

    #[test]
    fn a_few_sources_do_not_keep_others_out() {
        let limits = RelayLimits { strangers_max: 6, strangers_per_source_max: 4, ..RelayLimits::default() };
        let seats = Seats::new(&limits);
        let from = |n: u8| ClientAddress::new([192, 0, 2, n].into()).source();
        let four: Vec<Seat> = (0..4).map(|_| take(&seats, from(1)).unwrap()).collect();
        let two: Vec<Seat> = (0..2).map(|_| take(&seats, from(2)).unwrap()).collect();
        four.first().unwrap().signed_in();
        let _room = take(&seats, from(2)).unwrap();
        let newcomer = take(&seats, from(3)).unwrap();
        let evicted = |seats: &[Seat]| seats.iter().map(|seat| seat.evicted.is_cancelled()).collect::<Vec<_>>();
        assert_eq!(
            evicted(&four),
            [false, true, false, false],
            "the oldest stranger of the first of those who have most"
        );
        assert_eq!((evicted(&two), newcomer.evicted.is_cancelled()), (vec![false, false], false));
        assert_eq!(seats.0.counts().strangers, 6, "never more");
        drop((four, two));
        assert_eq!(seats.0.counts().strangers, 2);
    }
}
