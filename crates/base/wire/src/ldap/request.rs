//! What a client asks.

use super::ber::{BOOLEAN, ENUMERATED, INTEGER, OCTETS, SEQUENCE, element, group, number};

const BIND: u8 = 0x60;
const UNBIND: u8 = 0x42;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
const CONTROLS: u8 = 0xa0;
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";
/// Results by pages (RFC 2696).
pub(super) const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";
/// Asks Active Directory not to speak of other servers.
const DOMAIN_SCOPE: &[u8] = b"1.2.840.113556.1.4.1339";

/// What entries must be like. A value is bytes, whatever they are: there is nothing to escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// One of these at least.
    Any(Vec<Filter>),
    /// The attribute has this value.
    Equals(&'static str, Vec<u8>),
    /// The attribute has any value.
    Present(&'static str),
    /// The attribute has this value by a rule of the server's own.
    ByRule {
        /// The rule's object identifier.
        rule: &'static str,
        /// The attribute.
        attribute: &'static str,
        /// The value.
        value: Vec<u8>,
    },
}

impl Filter {
    fn encoded(&self) -> Vec<u8> {
        let several = |tag, filters: &[Filter]| group(tag, &filters.iter().map(Filter::encoded).collect::<Vec<_>>());
        match self {
            Filter::All(filters) => several(0xa0, filters),
            Filter::Any(filters) => several(0xa1, filters),
            Filter::Equals(attribute, value) => {
                group(0xa3, &[element(OCTETS, attribute.as_bytes()), element(OCTETS, value)])
            }
            Filter::Present(attribute) => element(0x87, attribute.as_bytes()),
            Filter::ByRule { rule, attribute, value } => {
                let (rule, attribute) = (element(0x81, rule.as_bytes()), element(0x82, attribute.as_bytes()));
                group(0xa9, &[rule, attribute, element(0x83, value)])
            }
        }
    }
}

/// How far below its base a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The base itself.
    Base,
    /// The base and all below it.
    Subtree,
}

/// Which page is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Paged<'a> {
    /// Entries in it.
    pub entries: u32,
    /// What the page before ended with; empty for the first.
    pub cookie: &'a [u8],
}

/// A search. Aliases are not followed.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// Where it begins.
    pub base: &'a str,
    /// How far it goes.
    pub scope: Scope,
    /// What is looked for.
    pub filter: &'a Filter,
    /// What is wanted of each entry.
    pub attributes: &'a [&'a str],
    /// Entries at most; 0 leaves it to the server.
    pub entries_max: u32,
    /// How long the server looks, in seconds.
    pub seconds_max: u32,
    /// By pages.
    pub page: Option<Paged<'a>>,
    /// Whether the server is told to keep to its own domain, as only Active Directory understands.
    pub own_domain: bool,
}

fn message(id: u32, operation: Vec<u8>, controls: &[Vec<u8>]) -> Vec<u8> {
    let mut parts = vec![number(INTEGER, id), operation];
    if !controls.is_empty() {
        parts.push(group(CONTROLS, controls));
    }
    group(SEQUENCE, &parts)
}

/// Signs in as an entry, by its password.
pub fn bind(id: u32, dn: &str, password: &[u8]) -> Vec<u8> {
    let parts = [number(INTEGER, 3), element(OCTETS, dn.as_bytes()), element(0x80, password)];
    message(id, group(BIND, &parts), &[])
}

/// Says goodbye.
pub fn unbind(id: u32) -> Vec<u8> {
    message(id, element(UNBIND, &[]), &[])
}

/// Asks for TLS on a connection in clear.
pub fn start_tls(id: u32) -> Vec<u8> {
    message(id, group(EXTENDED, &[element(0x80, START_TLS)]), &[])
}

/// Searches.
pub fn search(id: u32, search: &Search<'_>) -> Vec<u8> {
    let scope = match search.scope {
        Scope::Base => 0,
        Scope::Subtree => 2,
    };
    let attributes: Vec<_> = search.attributes.iter().map(|name| element(OCTETS, name.as_bytes())).collect();
    let operation = group(
        SEARCH,
        &[
            element(OCTETS, search.base.as_bytes()),
            number(ENUMERATED, scope),
            number(ENUMERATED, 0),
            number(INTEGER, search.entries_max),
            number(INTEGER, search.seconds_max),
            element(BOOLEAN, &[0]),
            search.filter.encoded(),
            group(SEQUENCE, &attributes),
        ],
    );
    let mut controls = Vec::new();
    if let Some(Paged { entries, cookie }) = search.page {
        let asked = group(SEQUENCE, &[number(INTEGER, entries), element(OCTETS, cookie)]);
        // Critical: a server that does not know pages must not answer with a part of them.
        let control = [element(OCTETS, PAGED_RESULTS), element(BOOLEAN, &[0xff]), element(OCTETS, &asked)];
        controls.push(group(SEQUENCE, &control));
    }
    if search.own_domain {
        controls.push(group(SEQUENCE, &[element(OCTETS, DOMAIN_SCOPE)]));
    }
    message(id, operation, &controls)
}
