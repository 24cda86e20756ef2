//! Whoever is no proxy of this door is himself, whatever he says of others (acces-web DT13, TR2).

use super::{
    Fault, Seen, at_each,
    browser::Browser,
    traces::{BETWEEN_LOOKS, LOOKS_MAX, Refusals},
    visits::Visits,
};
use dossier::{BoxFuture, Probe, ProbeInfo, ProbeOutcome};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};
use types::{ClientAddress, Door};
use wire::proxy::{Proxies, Says};

/// Whom the probe pretends to speak for (RFC 5737: nobody's).
const PRETENDED: &str = "198.51.100.77";

/// Pretends at each door to be a proxy, then reads what was traced.
pub struct ForgedProbe {
    info: &'static ProbeInfo,
    doors: Vec<Arc<Visits>>,
    proxies: BTreeMap<Door, Proxies>,
    refusals: Arc<dyn Refusals>,
}

impl ForgedProbe {
    /// Over these doors, with the proxies that each has, if any, and their node's journal.
    pub fn new(
        info: &'static ProbeInfo,
        doors: Vec<Arc<Visits>>,
        proxies: BTreeMap<Door, Proxies>,
        refusals: Arc<dyn Refusals>,
    ) -> Self {
        Self { info, doors, proxies, refusals }
    }

    async fn look(&self, door: &Visits) -> Seen {
        let proxies = self.proxies.get(&door.door());
        let Some(from) = nobodys(door.browser.target().address.ip(), proxies) else {
            return Err(Fault::unreachable("every address of this machine is trusted to speak for others"));
        };
        let target = door.browser.target();
        let browser = Browser::pretending(target, from, PRETENDED).map_err(Fault::unreachable)?;
        let began = door.now();
        let asked = browser.get("/fr/session", None).await;
        if proxies.is_some_and(|proxies| proxies.says() == Says::ProxyProtocol) {
            return match asked {
                Ok(_) => Err(Fault::broken("somebody who is no proxy is answered beside the proxies")),
                Err(_) => Ok("nobody comes in beside the proxies, which announce each connection".into()),
            };
        }
        let page = asked.map_err(Fault::unreachable)?;
        if page.status != 401 {
            return Err(Fault::unreachable(format!("a page meant to be refused answers {}", page.status)));
        }
        let ended = door.now();
        let (name, mut seen) = (door.door().to_string(), Vec::new());
        for _ in 0..LOOKS_MAX {
            let traced = self.refusals.since(began).await?;
            let ours = traced.into_iter().filter(|trace| trace.door.as_deref() == Some(&name) && trace.time <= ended);
            seen = ours.filter_map(|trace| trace.address).collect();
            if seen.iter().any(|address| *address == PRETENDED || *address == from.to_string()) {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        told(&seen, from, proxies.is_some())
    }
}

fn told(seen: &[String], from: IpAddr, has_proxies: bool) -> Seen {
    if seen.iter().any(|address| address == PRETENDED) {
        return Err(Fault::broken("somebody who is no proxy is written down as whom he pretends to speak for"));
    }
    if !seen.iter().any(|address| *address == from.to_string()) {
        return Err(Fault::unreachable("the refusal is not traced under its address"));
    }
    let rest = if has_proxies { "what the proxies say is not tried" } else { "no proxy stands before this door" };
    Err(Fault::Partly(format!("whoever is no proxy is himself, whatever he says; {rest}")))
}

impl Probe for ForgedProbe {
    fn info(&self) -> &ProbeInfo {
        self.info
    }

    fn run(&self) -> BoxFuture<'_, ProbeOutcome> {
        Box::pin(at_each(self.doors.iter().map(|door| (door.door(), self.look(door)))))
    }
}

/// An address of this machine that speaks for nobody.
fn nobodys(listening: IpAddr, proxies: Option<&Proxies>) -> Option<IpAddr> {
    let speaks = |address: &IpAddr| {
        let address = ClientAddress::new(*address);
        proxies.is_some_and(|proxies| proxies.source(address).is_none())
    };
    let own = if listening.is_ipv4() {
        (1..=254).map(|last| IpAddr::V4(Ipv4Addr::new(127, 93, 1, last))).collect()
    } else {
        vec![listening]
    };
    own.into_iter().find(|address| !speaks(address))
}
