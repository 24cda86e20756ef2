//! What a trace can be found by: keyed tokens of its fields and of its words.

use crate::{Became, Kind, Outcome, Trace};
use siphasher::sip::SipHasher24;
use std::{collections::BTreeSet, hash::Hasher, net::IpAddr};
use types::ClientAddress;

/// Bits of a token that are kept. Two terms of one chunk share one with a chance of about one in a thousand million; what is
/// shown is checked against the trace itself, so that it can only make a count too high by it.
const TOKEN_BITS: u32 = 48;

/// What a term is of. The number goes into the token; it never changes once shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Field {
    Author = 1,
    Patient = 2,
    Address = 3,
    Event = 4,
    Became = 5,
    Object = 6,
    Establishment = 7,
    Word = 8,
    /// The act whose outcome came too late to be noted with its intent.
    Late = 9,
}

/// A term as the index keeps it: 48 bits.
pub(crate) type Token = u64;

/// Makes tokens under one key.
#[derive(Clone)]
pub(crate) struct Tokens(SipHasher24);

impl Tokens {
    pub fn new(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    pub fn token(&self, field: Field, value: &str) -> Token {
        self.of_bytes(field, value.as_bytes())
    }

    pub fn became(&self, became: Became) -> Token {
        self.token(Field::Became, became.as_str())
    }

    /// Of intents whose outcome was not known when their chunk was made.
    pub fn open(&self) -> Token {
        self.token(Field::Became, "")
    }

    pub fn of_bytes(&self, field: Field, value: &[u8]) -> Token {
        let mut hasher = self.0;
        hasher.write(&[field as u8]);
        hasher.write(value);
        hasher.finish() >> (u64::BITS - TOKEN_BITS)
    }
}

/// What became of an act, as a trace of this kind says it: only intents wait for an outcome.
pub(crate) fn outcome_of(kind: Kind, said: Option<Outcome>) -> Option<Outcome> {
    match kind {
        Kind::Refusal | Kind::Folded => Some(Outcome::Refused),
        Kind::Released | Kind::Note | Kind::SealKey => Some(said.unwrap_or(Outcome::Done)),
        Kind::Intent | Kind::Outcome => said,
    }
}

/// An author as it is looked for: an account by its identifier alone.
pub(crate) fn author(text: &str) -> &str {
    text.strip_prefix("account:").unwrap_or(text)
}

/// An object or a target as it is looked for: by its identifier, whatever kind of thing it is.
pub(crate) fn object(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or(text)
}

/// The addresses under which a trace from `ip` may be kept: itself, or its source where refusals were counted together.
pub(crate) fn addresses(ip: IpAddr) -> BTreeSet<String> {
    let address = ClientAddress::new(ip);
    BTreeSet::from([address.to_string(), address.source().to_string()])
}

/// Words of a text: runs of letters, digits and hyphens, in lower case. What holds a dot or a colon is found by its parts.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let word = |c: char| c.is_alphanumeric() || c == '-';
    text.split(move |c| !word(c)).map(|run| run.trim_matches('-')).filter(|run| !run.is_empty()).map(str::to_lowercase)
}

/// The texts of a trace in which words are looked for.
pub(crate) fn texts(trace: &Trace) -> impl Iterator<Item = &str> {
    let named = [&trace.role, &trace.establishment, &trace.door, &trace.address, &trace.purpose, &trace.target];
    [trace.event.as_str(), &trace.author]
        .into_iter()
        .chain(named.into_iter().chain([&trace.detail]).filter_map(|text| text.as_deref()))
        .chain(trace.patients.iter().chain(&trace.objects).map(String::as_str))
}

/// Those of whom a trace says that they acted: several where refusals were counted together.
pub(crate) fn authors(trace: &Trace) -> impl Iterator<Item = &str> {
    let folded = (trace.kind == Kind::Folded).then(|| trace.detail.as_deref().unwrap_or_default());
    // The first line of a folded entry's detail is the type, the others the authors.
    [trace.author.as_str()].into_iter().chain(folded.into_iter().flat_map(|detail| detail.lines().skip(1)))
}

/// Every token of a trace, each once. What became of it is not among them: that may come later.
pub(crate) fn tokens_of(tokens: &Tokens, trace: &Trace, into: &mut Vec<Token>) {
    into.clear();
    into.push(tokens.token(Field::Event, trace.event.as_str()));
    into.push(tokens.token(Field::Establishment, trace.establishment.as_deref().unwrap_or_default()));
    into.extend(authors(trace).map(|who| tokens.token(Field::Author, author(who))));
    into.extend(trace.patients.iter().map(|patient| tokens.token(Field::Patient, patient)));
    into.extend(trace.objects.iter().chain(&trace.target).map(|one| tokens.token(Field::Object, object(one))));
    into.extend(trace.address.iter().map(|address| tokens.token(Field::Address, address)));
    for text in texts(trace) {
        into.extend(words(text).map(|word| tokens.token(Field::Word, &word)));
    }
    into.push(tokens.token(Field::Word, &trace.trace.to_string()));
    into.sort_unstable();
    into.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_people_would_type() {
        let found = |text: &str| words(text).collect::<Vec<_>>();
        assert_eq!(found("record.document_read"), ["record", "document", "read"]);
        assert_eq!(found("account:0190-AB é/ÉTÉ"), ["account", "0190-ab", "é", "été"]);
        assert_eq!(found(" - -- "), Vec::<String>::new());
    }

    #[test]
    fn tokens_depend_on_key_field_and_value() {
        let (one, other) = (Tokens::new(&[1; 16]), Tokens::new(&[2; 16]));
        let token = one.token(Field::Author, "a");
        assert_eq!(token, one.token(Field::Author, "a"));
        assert!(token < 1 << TOKEN_BITS);
        for different in
            [other.token(Field::Author, "a"), one.token(Field::Patient, "a"), one.token(Field::Author, "b")]
        {
            assert_ne!(token, different);
        }
    }

    #[test]
    fn an_address_is_found_by_itself_and_by_its_source() {
        assert_eq!(addresses("192.0.2.7".parse().unwrap_or(IpAddr::from([0; 4]))).len(), 1);
        let six = addresses("2001:db8:1:2:3::4".parse().unwrap_or(IpAddr::from([0; 4])));
        assert_eq!(six.len(), 2);
    }
}
