//! The last hop that a line tells, and what stands before it.
//!
//! Lines are read from their end: there is what the nearest proxy wrote, whatever stands before.

use super::{port, somebody};
use std::net::{Ipv4Addr, Ipv6Addr};
use types::ClientAddress;

/// What stands before the last hop, if anything does, and the address that this hop tells.
pub(super) type Hop<'h> = (Option<&'h [u8]>, ClientAddress);

/// The last hop of a line of `X-Forwarded-For`.
pub(super) fn x_forwarded_for(text: &[u8]) -> Option<Hop<'_>> {
    let mut parts = text.rsplitn(2, |byte| *byte == b',');
    let last = str::from_utf8(parts.next()?).ok()?.trim_matches([' ', '\t']);
    let address = match last.parse::<Ipv6Addr>() {
        Ok(ip) => somebody(ip.into(), None),
        Err(_) => node(last),
    };
    Some((parts.next(), address?))
}

/// The last hop of a line of `Forwarded`.
pub(super) fn forwarded(text: &[u8]) -> Option<Hop<'_>> {
    let (before, last) = last_element(text)?;
    let last = str::from_utf8(last).ok()?;
    let mut quoted = false;
    let pairs = last.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    let mut address = None;
    for pair in pairs.map(|pair| pair.trim_matches([' ', '\t'])).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = match value.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').filter(|inner| !inner.contains('"'))?,
            None => Some(value).filter(|value| is_token(value))?,
        };
        if !is_token(name) {
            return None;
        }
        if name.eq_ignore_ascii_case("for") && address.replace(node(value)?).is_some() {
            return None;
        }
    }
    Some((before, address?))
}

/// The element after the last comma that no quotes hold.
///
/// From the end, a quote that was escaped looks like any other. A backslash is therefore never read: whatever a proxy
/// copies of its client's words into its own element, the comma found is its own or there is none.
fn last_element(text: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let mut quoted = false;
    for (at, byte) in text.iter().enumerate().rev() {
        match byte {
            b'\\' => return None,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Some((text.get(..at), text.get(at + 1..)?)),
            _ => {}
        }
    }
    (!quoted).then_some((None, text))
}

/// `192.0.2.7`, `192.0.2.7:4711`, `[2001:db8::1]`, `[2001:db8::1]:4711`. Neither `unknown` nor a made-up name.
fn node(text: &str) -> Option<ClientAddress> {
    let (ip, rest) = match text.strip_prefix('[') {
        Some(rest) => {
            let (ip, rest) = rest.split_once(']')?;
            (ip.parse::<Ipv6Addr>().ok()?.into(), rest)
        }
        None => {
            let (ip, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (ip.parse::<Ipv4Addr>().ok()?.into(), rest)
        }
    };
    match rest.strip_prefix(':') {
        Some(digits) => somebody(ip, Some(port(digits)?)),
        None => somebody(ip, None).filter(|_| rest.is_empty()),
    }
}

/// A word of HTTP (RFC 9110).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
