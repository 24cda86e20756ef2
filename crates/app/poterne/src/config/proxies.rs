//! The keys of a door that stands behind proxies: who is trusted, and how they say whom they speak for.

use super::reading::{Section, Wrong, texts, word};
use toml_edit::Value;
use types::{Cidr, Door};
use wire::proxy::{Proxies, Says};

const RANGES_MAX: usize = 32;
/// A wider range is no network of one's own: strangers would be believed. Of IPv6, whole operators have one /32.
const PREFIX_BITS_MIN: u8 = 8;
const PUBLIC_V6_BITS_MIN: u8 = 32;
const SAYS: [(&str, Says); 3] =
    [("x_forwarded_for", Says::XForwardedFor), ("forwarded", Says::Forwarded), ("proxy_protocol", Says::ProxyProtocol)];

/// Reads both keys, which go together.
pub(super) fn proxies(section: &Section<'_>, door: Door) -> Option<Proxies> {
    let trusted = section
        .optional("trusted_proxies", |value| ranges(value, ("the proxies'", "strangers from there would be believed")));
    let says = section.optional("proxies_say", |value| says(value, door));
    match (section.has("trusted_proxies"), section.has("proxies_say")) {
        (true, false) => {
            let example = if door == Door::Relays { "proxy_protocol" } else { "x_forwarded_for" };
            let what = "nothing tells how these proxies say whom they speak for";
            section.wrong("trusted_proxies", what, format!("add proxies_say = \"{example}\", as they do"));
        }
        (false, true) => {
            let remedy = "add trusted_proxies = [\"10.0.0.10\"], with their own addresses, or remove this key";
            section.wrong("proxies_say", "no proxy is trusted to say it", remedy);
        }
        _ => {}
    }
    Some(Proxies::new(trusted?, says?))
}

/// Ranges of addresses: whose they are, and what would come of one that holds too many.
pub(super) fn ranges(value: &Value, (whose, too_wide): (&str, &str)) -> Result<Vec<Cidr>, Wrong> {
    let given = texts(value, RANGES_MAX)?;
    let (read, wrong): (Vec<_>, Vec<_>) = given.iter().map(|text| range(text, too_wide)).partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() {
        Ok(read.into_iter().flatten().collect())
    } else {
        let remedy = format!("write {whose} own addresses or networks, such as [\"10.0.0.10\", \"10.0.1.0/24\"]");
        Err(Wrong::new(wrong.join(", "), remedy))
    }
}

fn range(text: &str, too_wide: &str) -> Result<Cidr, String> {
    let Ok(range) = text.parse::<Cidr>() else {
        return Err(format!("\"{text}\" is no address, nor a network with nothing set beyond its prefix"));
    };
    let least = if range.is_public_v6() { PUBLIC_V6_BITS_MIN } else { PREFIX_BITS_MIN };
    if range.prefix_bits() < least {
        return Err(format!("\"{text}\" is wider than /{least}: {too_wide}"));
    }
    Ok(range)
}

fn says(value: &Value, door: Door) -> Result<Says, Wrong> {
    match word(value, &SAYS)? {
        Says::XForwardedFor | Says::Forwarded if door == Door::Relays => {
            Err(Wrong::new("SSH has no headers that could say it", "write \"proxy_protocol\""))
        }
        says => Ok(says),
    }
}
