//! Whom a connection or a request comes from, where proxies stand before a door (acces-web TR2, DT13).
//!
//! One argument carries it: a trusted proxy tells the truth about its own peer, and passes on what that peer said. So
//! what is said is read from the door outwards, one proxy after the other, and no further than the first that is not
//! trusted: nothing that he wrote himself is ever looked at. Whatever cannot be read leaves the last address that is
//! sure, never one that stands beyond.
//!
//! - [`Proxies::client`]: `X-Forwarded-For` and `Forwarded` (RFC 7239), for each request.
//! - [`announced`]: the PROXY protocol, versions 1 and 2, before a connection's first byte.

mod announced;
mod chain;

pub use announced::{ANNOUNCEMENT_BYTES_MAX, Announced, BadAnnouncement, NOBODY, Reading, announced};

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use types::{Cidr, ClientAddress, Source};

/// Proxies that one request may have passed; what stands beyond is not read.
pub const HOPS_MAX: usize = 16;

/// How the proxies before a door say whom they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// In each request's `X-Forwarded-For`, at its end.
    XForwardedFor,
    /// In each request's `Forwarded` (RFC 7239), at its end.
    Forwarded,
    /// By the PROXY protocol, version 1 or 2, at the beginning of each connection.
    ProxyProtocol,
}

/// The proxies that a door trusts to say whom they speak for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxies {
    trusted: Vec<Cidr>,
    says: Says,
}

/// What is to be made of a connection before its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// It comes from its peer, who speaks for himself.
    Direct,
    /// From a proxy, whose requests each say whom they are for.
    EachRequest,
    /// It begins with an announcement, or is closed.
    Announced,
    /// It is closed: only proxies come here.
    Refused,
}

impl Proxies {
    /// Proxies in these ranges, which all say it in the same way.
    pub fn new(trusted: Vec<Cidr>, says: Says) -> Self {
        Self { trusted, says }
    }

    /// Where they are.
    pub fn trusted(&self) -> &[Cidr] {
        &self.trusted
    }

    /// How they say it.
    pub fn says(&self) -> Says {
        self.says
    }

    /// Whether a proxy is there.
    pub fn trusts(&self, address: ClientAddress) -> bool {
        self.trusted.iter().any(|range| range.contains(address))
    }

    /// The header that tells it for each request, if one does.
    pub fn header(&self) -> Option<&'static str> {
        match self.says {
            Says::XForwardedFor => Some("x-forwarded-for"),
            Says::Forwarded => Some("forwarded"),
            Says::ProxyProtocol => None,
        }
    }

    /// What is to be made of a connection from `peer` to our own end `here`.
    ///
    /// Where announcements are expected, this machine may come as well: as itself, and for nobody else
    /// ([`Proxies::announced_by`]).
    pub fn arrival(&self, peer: ClientAddress, here: Option<ClientAddress>) -> Arrival {
        match (self.says, self.trusts(peer)) {
            (Says::ProxyProtocol, true) => Arrival::Announced,
            (Says::ProxyProtocol, false) if here == Some(peer) => Arrival::Announced,
            (Says::ProxyProtocol, false) => Arrival::Refused,
            (Says::XForwardedFor | Says::Forwarded, true) => Arrival::EachRequest,
            (Says::XForwardedFor | Says::Forwarded, false) => Arrival::Direct,
        }
    }

    /// Whom a connection from `peer` comes from, after what it announced. Nobody, if it may not say so: it is closed.
    pub fn announced_by(&self, peer: ClientAddress, said: Announced) -> Option<ClientAddress> {
        match said {
            Announced::Nobody => Some(peer),
            Announced::Client(client) => self.trusts(peer).then_some(client),
        }
    }

    /// Whom a request from `peer` comes from. `lines` are all the lines of [`Proxies::header`], in their order.
    pub fn client<'h>(&self, peer: ClientAddress, lines: impl DoubleEndedIterator<Item = &'h [u8]>) -> ClientAddress {
        let mut sure = peer;
        let mut hops = 0;
        for line in lines.rev() {
            let mut rest = Some(line);
            while let Some(text) = rest {
                // No bound on a line's length: a client that could make its own too long would choose to be taken for
                // the proxy. What is read is bounded instead.
                if hops == HOPS_MAX || !self.trusts(sure) {
                    return sure;
                }
                hops += 1;
                let told = match self.says {
                    Says::XForwardedFor => chain::x_forwarded_for(text),
                    Says::Forwarded => chain::forwarded(text),
                    Says::ProxyProtocol => None,
                };
                let Some((before, address)) = told else { return sure };
                sure = address;
                rest = before;
            }
        }
        sure
    }

    /// The source that an address counts for: none for the proxies, which carry many.
    pub fn source(&self, address: ClientAddress) -> Option<Source> {
        (!self.trusts(address)).then(|| address.source())
    }
}

/// An address that somebody may have, with its port if it was told.
fn somebody(ip: IpAddr, port: Option<u16>) -> Option<ClientAddress> {
    let ip = ip.to_canonical();
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return None;
    }
    Some(port.map_or(ClientAddress::new(ip), |port| ClientAddress::of_peer(SocketAddr::new(ip, port))))
}

/// A port as it is usually written: 1 to 65535, without sign or zeros before it.
fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests;
