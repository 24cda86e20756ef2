//! Where a request comes from.

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// The terminal's address, as seen by the door or told by a trusted proxy (acces-web TR2, DT13).
/// Two are equal if the address is: the port is another with each connection.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress {
    ip: IpAddr,
    port: Option<u16>,
}

impl ClientAddress {
    /// An IPv4 address mapped into IPv6 counts as IPv4.
    pub fn new(address: IpAddr) -> Self {
        Self { ip: address.to_canonical(), port: None }
    }

    /// The other end of a connection.
    pub fn of_peer(peer: SocketAddr) -> Self {
        Self { port: Some(peer.port()), ..Self::new(peer.ip()) }
    }

    /// The address.
    pub fn ip(self) -> IpAddr {
        self.ip
    }

    /// The port at that end, where the connection is at hand.
    pub fn port(self) -> Option<u16> {
        self.port
    }

    /// The address by which refusals and failures are counted.
    pub fn source(self) -> Source {
        Source(match self.ip {
            IpAddr::V4(_) => self.ip,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        })
    }
}

impl PartialEq for ClientAddress {
    fn eq(&self, other: &Self) -> bool {
        self.ip == other.ip
    }
}

impl Eq for ClientAddress {}

impl Hash for ClientAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.ip.hash(state);
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)
    }
}

/// A source of traffic: an IPv4 address, or an IPv6 /64 (one subscriber holds a whole /64).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(IpAddr);

impl Source {
    /// The address, or the subscriber's first one.
    pub fn ip(self) -> IpAddr {
        self.0
    }

    /// Bytes that identify the source, 16 of them (IPv4 mapped).
    pub fn octets(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is said of a range that is not one. It does not repeat the text: it may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a range of addresses (192.0.2.0/24, 2001:db8::/48, or one address)")]
pub struct BadCidr;

/// A range of addresses: `192.0.2.0/24`, `2001:db8::/48`; one address stands for itself. Nothing beyond the prefix may be
/// set, so that a range has one way to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u8,
}

impl Cidr {
    /// How much of an address is the range's: 0 to 32 bits, or to 128. The fewer, the wider.
    pub fn prefix_bits(&self) -> u8 {
        self.prefix_bits
    }

    /// Whether it holds IPv6 addresses that the Internet routes.
    pub fn is_public_v6(&self) -> bool {
        matches!(self.network, IpAddr::V6(v6) if v6.octets()[0] & 0xfe != 0xfc)
    }

    /// Whether all of the other range lies in this one.
    pub fn covers(&self, other: &Cidr) -> bool {
        self.prefix_bits <= other.prefix_bits && self.contains(ClientAddress::new(other.network))
    }

    /// Whether the address lies in the range.
    pub fn contains(&self, address: ClientAddress) -> bool {
        matches!((self.network, address.ip()), (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)))
            && cleared(address.ip(), self.prefix_bits) == self.network
    }
}

/// The address without what lies beyond the prefix.
fn cleared(address: IpAddr, prefix_bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix_bits.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix_bits.min(128))).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for Cidr {
    type Err = BadCidr;
    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| BadCidr)?;
        // A mapped address would never match: addresses are compared in their own family.
        if network.to_canonical() != network {
            return Err(BadCidr);
        }
        let bits_max = if network.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            None => bits_max,
            Some(digits) => {
                let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
                digits.parse().ok().filter(|bits| plain && *bits <= bits_max).ok_or(BadCidr)?
            }
        };
        (cleared(network, prefix_bits) == network).then_some(Self { network, prefix_bits }).ok_or(BadCidr)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_ipv6_subscriber_is_one_source() {
        let at = |text: &str| text.parse().map(|ip| ClientAddress::new(ip).source());
        assert_eq!(at("2001:db8:1:2:3::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.7"), at("192.0.2.7"));
    }

    #[test]
    fn one_terminal_is_the_same_whatever_its_port() {
        let peer = |port| ClientAddress::of_peer(SocketAddr::new([192, 0, 2, 7].into(), port));
        assert_eq!((peer(4), peer(4).port()), (peer(5), Some(4)));
        assert_eq!((peer(4).to_string(), ClientAddress::new([192, 0, 2, 7].into()).port()), ("192.0.2.7".into(), None));
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_other() {
        let at = |text: &str| ClientAddress::new(text.parse().unwrap_or_else(|_| unreachable!("{text}")));
        for (range, inside, outside) in [
            ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
            ("192.0.2.0/24", "::ffff:192.0.2.9", "2001:db8::1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("2001:db8::1/128", "2001:db8::1", "2001:db8::2"),
        ] {
            let Ok(cidr) = range.parse::<Cidr>() else { unreachable!("{range}") };
            assert!(cidr.contains(at(inside)), "{range} {inside}");
            assert!(!cidr.contains(at(outside)), "{range} {outside}");
            assert_eq!(cidr.to_string().parse(), Ok(cidr));
        }
        for bad in [
            "",
            "/",
            "192.0.2.0/",
            "192.0.2.0/33",
            "192.0.2.1/24",
            "192.0.2.0/024",
            "192.0.2.0/+8",
            "192.0.2/24",
            "2001:db8::/129",
            "2001:db8::1/64",
            "::ffff:192.0.2.0/120",
            "192.0.2.0/24/8",
            " 192.0.2.0/24",
            "host/8",
        ] {
            assert_eq!(bad.parse::<Cidr>(), Err(BadCidr), "{bad}");
        }
    }
}
