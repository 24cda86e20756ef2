//! The PROXY protocol, versions 1 and 2, as HAProxy's authors describe it; for streams over TCP only.
//!
//! Ours rather than a crate's: those that were read take what the description refuses (signs before ports, other
//! families of addresses as "nobody") and say only once they hold too much that there was more than the header.

use super::{port, somebody};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use types::ClientAddress;

/// The longest announcement that is read: extensions have room, and one buffer holds it.
pub const ANNOUNCEMENT_BYTES_MAX: usize = 2048;

/// The shortest announcement: of nobody, by this machine to a door of its own.
pub const NOBODY: &[u8] = b"PROXY UNKNOWN\r\n";

const SHORTEST_BYTES: usize = NOBODY.len();
const TEXT_BYTES_MAX: usize = 107;
const TEXT: &[u8] = b"PROXY ";
const BINARY: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, then command, family and length.
const BINARY_BYTES: usize = 16;

/// Whom a proxy speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// Nobody, or somebody it does not know: it looks whether the door is there.
    Nobody,
    /// The client that came to it.
    Client(ClientAddress),
}

/// How far the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// At least so many bytes are still the announcement's: reading them takes nothing of what follows it.
    More(usize),
    /// It is whole.
    Whole(Announced),
}

/// These bytes begin no announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an announcement of the PROXY protocol")]
pub struct BadAnnouncement;

/// Reads what a connection began with. To be called again with the bytes that it asks for, beginning with none.
pub fn announced(bytes: &[u8]) -> Result<Reading, BadAnnouncement> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(one, other)| one == other);
    if !begins(TEXT) && !begins(BINARY) {
        return Err(BadAnnouncement);
    }
    if bytes.len() < SHORTEST_BYTES {
        return Ok(Reading::More(SHORTEST_BYTES - bytes.len()));
    }
    if begins(BINARY) { binary(bytes) } else { text(bytes) }.ok_or(BadAnnouncement)
}

/// Version 1: one line.
fn text(bytes: &[u8]) -> Option<Reading> {
    let missing = match bytes {
        [.., b'\r', b'\n'] => 0,
        [.., b'\r'] => 1,
        _ => 2,
    };
    let line = bytes.get(..(bytes.len() + missing).checked_sub(2)?)?;
    if bytes.len() + missing > TEXT_BYTES_MAX || !line.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    if missing > 0 {
        return Some(Reading::More(missing));
    }
    let mut words = str::from_utf8(line).ok()?.split(' ').skip(1);
    let address: fn(&str) -> Option<IpAddr> = match words.next()? {
        "UNKNOWN" => return Some(Reading::Whole(Announced::Nobody)),
        "TCP4" => |word| word.parse().ok().map(IpAddr::V4),
        "TCP6" => |word| word.parse().ok().map(IpAddr::V6),
        _ => return None,
    };
    let (client, _door) = (address(words.next()?)?, address(words.next()?)?);
    let (from, _to) = (port(words.next()?)?, port(words.next()?)?);
    let client = somebody(client, Some(from)).filter(|_| words.next().is_none())?;
    Some(Reading::Whole(Announced::Client(client)))
}

/// Reads the client's address and port among those of both ends.
type Addresses = fn(&[u8]) -> Option<ClientAddress>;

/// Version 2: a header of known length.
fn binary(bytes: &[u8]) -> Option<Reading> {
    let Some((head, rest)) = bytes.split_first_chunk::<BINARY_BYTES>() else {
        return Some(Reading::More(BINARY_BYTES - bytes.len()));
    };
    let [.., command, family, high, low] = *head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if BINARY_BYTES + length > ANNOUNCEMENT_BYTES_MAX || rest.len() > length {
        return None;
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return None,
    };
    // Looked at before the rest is waited for.
    let (address, address_bytes): (Addresses, usize) = match family {
        0x11 => (ipv4, 12),
        0x21 => (ipv6, 36),
        0x00 => (|_| None, 0),
        _ if is_local => (|_| None, 0),
        _ => return None,
    };
    if !is_local && length < address_bytes {
        return None;
    }
    if rest.len() < length {
        return Some(Reading::More(length - rest.len()));
    }
    if is_local || family == 0x00 {
        return Some(Reading::Whole(Announced::Nobody));
    }
    let (addresses, extensions) = rest.split_at_checked(address_bytes)?;
    let client = address(addresses).filter(|_| are_whole(extensions))?;
    Some(Reading::Whole(Announced::Client(client)))
}

fn ipv4(addresses: &[u8]) -> Option<ClientAddress> {
    let (ip, rest) = addresses.split_first_chunk::<4>()?;
    let port = rest.get(4..)?.first_chunk::<2>()?;
    somebody(Ipv4Addr::from(*ip).into(), Some(numbered(*port)?))
}

fn ipv6(addresses: &[u8]) -> Option<ClientAddress> {
    let (ip, rest) = addresses.split_first_chunk::<16>()?;
    let port = rest.get(16..)?.first_chunk::<2>()?;
    somebody(Ipv6Addr::from(*ip).into(), Some(numbered(*port)?))
}

fn numbered(port: [u8; 2]) -> Option<u16> {
    Some(u16::from_be_bytes(port)).filter(|port| *port > 0)
}

/// Whether extensions follow each other to the end: a kind, a length, so many bytes. What they say is not asked for.
fn are_whole(mut extensions: &[u8]) -> bool {
    while let Some(([_, high, low], rest)) = extensions.split_first_chunk::<3>() {
        let Some(after) = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..) else { return false };
        extensions = after;
    }
    extensions.is_empty()
}
