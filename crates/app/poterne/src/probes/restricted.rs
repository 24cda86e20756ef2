//! What opened a session opens no second one, and what administers is apart from what everybody reaches (clausier O-5.3).

use super::{Fault, Seen, at_each, strangers::path_of, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use entrance::Asks;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
    time::timeout,
};
use types::{Cidr, ClientAddress, Door};
use wire::proxy::{Proxies, Says};

/// Something that a listener answers, if only with an alert, unless it closes before.
const HELLO: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const WAIT: Duration = Duration::from_secs(10);

/// The listener where the desk administers.
pub struct Inside {
    /// As reached from this machine.
    pub address: SocketAddr,
    /// Whom it is for.
    pub networks: Arc<[Cidr]>,
    /// The proxies before it.
    pub proxies: Option<Proxies>,
}

/// Replays at each door, and asks the desk for what administers.
pub struct RestrictedProbe {
    info: &'static ProbeInfo,
    doors: Vec<Arc<Visits>>,
    inside: Option<Inside>,
}

impl RestrictedProbe {
    /// Over these doors; `inside` is where the desk among them administers, if apart.
    pub fn new(info: &'static ProbeInfo, doors: Vec<Arc<Visits>>, inside: Option<Inside>) -> Self {
        Self { info, doors, inside }
    }

    async fn look(&self, door: &Visits) -> Seen {
        if door.replay().await? {
            return Err(Fault::broken("what opened a session opens another one"));
        }
        // Many logins would have to fail for it, which would ring at the desk each time.
        let untried = "what opened a session opens no other; the puzzle while many guess is not tried";
        if door.door() != Door::Desk {
            return Err(Fault::Partly(untried.into()));
        }
        let apart = is_apart(door, self.inside.as_ref()).await?;
        Err(Fault::Partly(format!("{untried}; {apart}")))
    }
}

impl Probe for RestrictedProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        // The desk first: it has more to say.
        let (desk, others): (Vec<_>, Vec<_>) = self.doors.iter().partition(|door| door.door() == Door::Desk);
        Box::pin(at_each(desk.into_iter().chain(others).map(|door| (door.door(), self.look(door)))))
    }
}

/// The desk's pages and programs' routes that administer, and that nothing else stands in the place of.
fn administering() -> impl Iterator<Item = String> {
    let gets = desk::ROUTES.iter().filter(|route| route.method == "GET" && !route.path.contains("/equipment"));
    let administers =
        |path: &str| desk::ADMINISTRATION.iter().any(|(method, of)| method.is_none() && path.starts_with(of));
    gets.filter(move |route| route.asks != Asks::Nothing && administers(route.path)).map(path_of)
}

/// Where the desk administers: apart, and closed there to others; or with the rest, which is told. Asked without a session:
/// what is there asks for one, what is not is not.
async fn is_apart(desk: &Visits, inside: Option<&Inside>) -> Result<&'static str, Fault> {
    for path in administering() {
        match (desk.browser.get(&path, None).await.map_err(Fault::unreachable)?.status, inside) {
            (404, Some(_)) => {}
            (401, Some(_)) => {
                let what = format!("{path}, which administers, answers where all of the staff comes in");
                return Err(Fault::broken(what));
            }
            // The first one says it.
            (401, None) => {
                return Ok(
                    "it administers where all of the staff comes in: [desk.administration] would put that apart",
                );
            }
            (status, _) => return Err(Fault::unreachable(format!("{path} is answered {status}"))),
        }
    }
    match inside {
        Some(inside) => is_closed(inside).await,
        None => Err(Fault::unreachable("no page administers")),
    }
}

/// Whether the listener says nothing to somebody from elsewhere, while it listens.
async fn is_closed(inside: &Inside) -> Result<&'static str, Fault> {
    if inside.proxies.as_ref().is_some_and(|proxies| proxies.says() == Says::ProxyProtocol) {
        // Whoever is no proxy is closed there for that alone.
        return Ok("what administers is apart; only proxies come there, and nothing is tried through them");
    }
    let Some(from) = stranger(inside) else {
        return Ok("what administers is apart; all of this machine's addresses may come there");
    };
    let socket = if from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let asked = async {
        let socket = socket?;
        socket.bind(SocketAddr::new(from, 0))?;
        socket.connect(inside.address).await
    };
    let mut stream = timeout(WAIT, asked).await.map_err(Fault::unreachable)?.map_err(Fault::unreachable)?;
    // It may be closed before it reads.
    let _ = stream.write_all(HELLO).await;
    match timeout(WAIT, stream.read(&mut [0; 1])).await {
        Ok(Ok(0) | Err(_)) if inside.proxies.is_some() => Ok(
            "what administers is apart, and closed to whoever comes straight from elsewhere; proxies' clients are not tried",
        ),
        Ok(Ok(0) | Err(_)) => Ok("what administers is apart, and closed to whoever comes from elsewhere"),
        Ok(Ok(_)) => Err(Fault::broken("where the desk administers, somebody from elsewhere is answered")),
        Err(_) => Err(Fault::broken("where the desk administers, somebody from elsewhere is listened to")),
    }
}

/// An address of this machine that is not let in there, and speaks for nobody.
fn stranger(inside: &Inside) -> Option<IpAddr> {
    let v4 = || (1..=254).rev().map(|last| IpAddr::V4(Ipv4Addr::new(127, 93, 0, last)));
    let candidates: Vec<IpAddr> = match inside.address.ip() {
        IpAddr::V4(_) => v4().collect(),
        IpAddr::V6(_) => vec![IpAddr::V6(Ipv6Addr::LOCALHOST)],
    };
    candidates.into_iter().find(|candidate| {
        let address = ClientAddress::new(*candidate);
        let is_let_in = inside.networks.iter().any(|network| network.contains(address));
        let is_proxy = inside.proxies.as_ref().is_some_and(|proxies| proxies.source(address).is_none());
        !is_let_in && !is_proxy
    })
}
