//! What opened a session opens no second one, and what administers is apart from what everybody reaches (clausier O-5.3).

use super::{Fault, Seen, verdict, visits::Visits};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
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
use wire::proxy::Proxies;

/// A page of those that administer, which the desk's reserved account may see where they are.
const ADMINISTERS: &str = "/fr/accounts";
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
        if door.door() == Door::Desk {
            is_apart(door, self.inside.as_ref()).await?;
        }
        // Many logins would have to fail for it, which would ring at the desk each time.
        Err(Fault::Partly("what opened a session opens no other; the puzzle while many guess is not tried".into()))
    }
}

impl Probe for RestrictedProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(async {
            let mut seen = Vec::new();
            for door in &self.doors {
                seen.push((door.door(), self.look(door).await));
            }
            verdict(seen)
        })
    }
}

async fn is_apart(desk: &Visits, inside: Option<&Inside>) -> Result<(), Fault> {
    let cookie = desk.visit().await?.cookie;
    let page = desk.browser.get(ADMINISTERS, Some(&cookie)).await.map_err(Fault::unreachable)?;
    match (page.status, inside) {
        (200, None) => Err(Fault::Partly(
            "what opened a session opens no other; accounts are administered where all of the staff comes in \
             ([desk.administration] says where else)"
                .into(),
        )),
        (200, Some(_)) => Err(Fault::broken("pages that administer answer where all of the staff comes in")),
        (404, Some(inside)) => is_closed(inside).await,
        (status, _) => Err(Fault::unreachable(format!("the page of accounts is answered {status}"))),
    }
}

/// Whether the listener says nothing to somebody from elsewhere, while it listens.
async fn is_closed(inside: &Inside) -> Result<(), Fault> {
    let Some(from) = stranger(inside) else {
        return Err(Fault::Partly("what administers is apart; all of this machine's addresses may come there".into()));
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
        Ok(Ok(0) | Err(_)) => Ok(()),
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
