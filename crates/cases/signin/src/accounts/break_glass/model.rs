//! What is kept of sealed envelopes and of what they opened, and what is shown of them.

use super::{ENVELOPE_WAIT, ENVELOPES_LIFE, RENEW_AFTER};
use crate::accounts::model::{AccountError, AccountSeen};
use identity::{Envelope, EnvelopeCode};
use minicbor::{Decode, Encode};
use store::StoreError;
use types::{AccountId, ClientAddress, EnvelopesId, EstablishmentId, Role, Secret, SessionId, Time};
use vault::{Keys, Place, Purpose, VaultError};

/// Characters of a reason, and of what a review found.
pub const BREAK_GLASS_WORDS_CHARS_MAX: usize = 500;
/// Fewer say nothing.
pub const BREAK_GLASS_WORDS_CHARS_MIN: usize = 10;

/// What is kept of the envelopes of a break-glass account, sealed with it. An account without any has it too: that is what makes
/// it one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Envelopes {
    /// The first one of two, until a second person drew the other.
    #[n(0)]
    pub waits: Option<Waits>,
    /// Those that serve, once.
    #[n(1)]
    pub serve: Option<Serve>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Waits {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(1)]
    pub first: Drawn,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Serve {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(1)]
    pub first: Drawn,
    #[n(2)]
    pub second: Drawn,
}

/// One envelope: a keyed digest of what it holds, and who drew it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Drawn {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub by: [u8; 16],
    #[n(2)]
    pub at: i64,
}

impl Waits {
    pub(crate) fn is_over(&self, now: Time) -> bool {
        now >= Time::from_micros(self.first.at) + ENVELOPE_WAIT
    }
}

impl Serve {
    /// First moment at which they no longer serve.
    pub(crate) fn until(&self) -> Time {
        Time::from_micros(self.second.at) + ENVELOPES_LIFE
    }
}

impl Envelopes {
    /// Those that serve at that moment.
    pub(crate) fn serving(&self, now: Time) -> Option<&Serve> {
        self.serve.as_ref().filter(|serve| now < serve.until())
    }

    pub(crate) fn seen(&self, now: Time) -> EnvelopesSeen {
        let by = |drawn: &Drawn| AccountId::from_bytes(drawn.by);
        let waits = self.waits.as_ref().filter(|waits| !waits.is_over(now)).map(|waits| EnvelopeWaits {
            id: EnvelopesId::from_bytes(waits.id),
            by: by(&waits.first),
            drawn: Time::from_micros(waits.first.at),
            expires: Time::from_micros(waits.first.at) + ENVELOPE_WAIT,
        });
        let serve = self.serving(now).map(|serve| {
            let since = Time::from_micros(serve.second.at);
            let (renew, until) = (since + RENEW_AFTER, serve.until());
            let id = EnvelopesId::from_bytes(serve.id);
            EnvelopesServe { id, by: [by(&serve.first), by(&serve.second)], since, renew, until }
        });
        EnvelopesSeen { waits, serve }
    }
}

/// What is kept of what an envelope holds: a keyed digest, bound to the account, the two envelopes and which one it is.
pub(crate) fn envelope_digest(
    keys: &Keys,
    (account, id, of): (AccountId, &[u8; 16], Envelope),
    code: &EnvelopeCode,
) -> Result<[u8; 32], VaultError> {
    let parts: [&[u8]; 5] = [b"envelope", account.as_bytes(), id, &[of.number()], code.letters().as_bytes()];
    keys.token(Purpose::LinksAndCodes, &parts)
}

/// An envelope that waits for the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeWaits {
    /// What names the two in the traces.
    pub id: EnvelopesId,
    /// Who drew it, and may not draw the other.
    pub by: AccountId,
    /// When.
    pub drawn: Time,
    /// First moment at which it can no longer be confirmed.
    pub expires: Time,
}

/// Envelopes that serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopesServe {
    /// What names the two.
    pub id: EnvelopesId,
    /// Who drew each.
    pub by: [AccountId; 2],
    /// Since when.
    pub since: Time,
    /// From when on others should be drawn.
    pub renew: Time,
    /// First moment at which they no longer serve.
    pub until: Time,
}

/// Where the envelopes of an account are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvelopesSeen {
    /// One waits for a second person.
    pub waits: Option<EnvelopeWaits>,
    /// Both serve.
    pub serve: Option<EnvelopesServe>,
}

/// A break-glass account in the list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassSeen {
    /// The account.
    pub account: AccountSeen,
    /// Its envelopes.
    pub envelopes: EnvelopesSeen,
}

/// A break-glass account to be opened.
#[derive(Debug, Clone)]
pub struct NewBreakGlass {
    /// What it is called.
    pub name: String,
    /// What is typed.
    pub login: String,
    /// For what: one of [`identity::BREAK_GLASS_ROLES`].
    pub role: Role,
}

/// An envelope just drawn: what it holds is shown once.
#[derive(Debug)]
pub struct DrawnEnvelope {
    /// What names the two in the traces.
    pub id: EnvelopesId,
    /// What the account is called.
    pub name: String,
    /// What is typed first.
    pub login: String,
    /// For what.
    pub role: Role,
    /// Which one.
    pub of: Envelope,
    /// What to print.
    pub code: Secret<String>,
    /// The moment that it was drawn at.
    pub drawn: Time,
    /// First moment at which it no longer serves: of the first one, if nobody confirms it.
    pub until: Time,
}

/// A session that envelopes opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassUse {
    /// Which.
    pub session: SessionId,
    /// Whose envelopes.
    pub account: AccountId,
    /// What the account is called.
    pub name: String,
    /// When it was opened.
    pub opened: Time,
    /// From where.
    pub address: Option<ClientAddress>,
    /// On what, as far as the device says it.
    pub device: String,
    /// Why, as it was typed.
    pub reason: String,
    /// What somebody else found since.
    pub review: Option<BreakGlassReview>,
}

/// What was found of such a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassReview {
    /// By whom.
    pub by: AccountId,
    /// When.
    pub at: Time,
    /// As it was typed.
    pub words: String,
}

/// What somebody writes of such a sign-in: some words, on one line.
pub(crate) fn words(text: &str) -> Result<String, AccountError> {
    let hidden =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let line: Vec<&str> = text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty()).collect();
    let line = line.join(" ");
    let length = line.chars().take(BREAK_GLASS_WORDS_CHARS_MAX + 1).count();
    let fits = (BREAK_GLASS_WORDS_CHARS_MIN..=BREAK_GLASS_WORDS_CHARS_MAX).contains(&length);
    (fits && !line.chars().any(hidden)).then_some(line).ok_or(AccountError::Field("words"))
}

/// What `break_glass_uses.sealed` holds.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct UseSecrets {
    #[n(0)]
    pub reason: String,
    #[n(1)]
    pub address: String,
    #[n(2)]
    pub device: String,
    #[n(3)]
    pub opened: i64,
}

/// What `break_glass_uses.review` holds.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct ReviewSecrets {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub by: [u8; 16],
    #[n(1)]
    pub at: i64,
    #[n(2)]
    pub words: String,
}

/// A use, as kept. What is sealed is bound to its session, its account and its hospital.
pub(crate) struct UseRow {
    pub session: SessionId,
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub sealed: Vec<u8>,
    pub review: Option<Vec<u8>>,
}

fn place<'a>(column: &'static str, row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "break_glass_uses", column, row }
}

impl UseRow {
    fn row(&self) -> [&[u8]; 3] {
        [self.session.as_bytes(), self.account.as_bytes(), self.establishment.as_bytes()]
    }

    pub(crate) fn seal(&self, keys: &Keys, secrets: &UseSecrets) -> Result<Vec<u8>, VaultError> {
        let clear = minicbor::to_vec(secrets).unwrap_or_default();
        keys.seal(Purpose::AccountFields, place("sealed", &self.row()), &clear)
    }

    pub(crate) fn seal_review(&self, keys: &Keys, review: &ReviewSecrets) -> Result<Vec<u8>, VaultError> {
        let clear = minicbor::to_vec(review).unwrap_or_default();
        keys.seal(Purpose::AccountFields, place("review", &self.row()), &clear)
    }

    /// What is said of one that does not open.
    pub(crate) fn unreadable(&self, name: String, now: Time) -> BreakGlassUse {
        let (device, reason) = (String::new(), "?".to_owned());
        BreakGlassUse {
            session: self.session,
            account: self.account,
            name,
            opened: now,
            address: None,
            device,
            reason,
            review: None,
        }
    }

    /// A review that does not open is none: the alarm stays.
    pub(crate) fn open(&self, keys: &Keys, name: String) -> Result<BreakGlassUse, StoreError> {
        let row = self.row();
        let open = |column, sealed: &[u8]| keys.open(Purpose::AccountFields, place(column, &row), sealed).ok();
        let clear = open("sealed", &self.sealed);
        let kept: Option<UseSecrets> = clear.and_then(|clear| minicbor::decode(&clear).ok());
        let kept = kept.ok_or(StoreError::Malformed("break_glass_uses.sealed"))?;
        let review = self.review.as_deref().and_then(|sealed| open("review", sealed));
        let review: Option<ReviewSecrets> = review.and_then(|clear| minicbor::decode(&clear).ok());
        Ok(BreakGlassUse {
            session: self.session,
            account: self.account,
            name,
            opened: Time::from_micros(kept.opened),
            address: kept.address.parse().ok().map(ClientAddress::new),
            device: kept.device,
            reason: kept.reason,
            review: review.map(|kept| BreakGlassReview {
                by: AccountId::from_bytes(kept.by),
                at: Time::from_micros(kept.at),
                words: kept.words,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_some_and_on_one_line() {
        assert_eq!(words("  Annuaire\r\nmuet,\tfuite  ").as_deref(), Ok("Annuaire muet, fuite"));
        let long = "a".repeat(BREAK_GLASS_WORDS_CHARS_MAX + 1);
        for bad in ["", "court", "     \n      \n    ", long.as_str(), "Annuaire \u{202e}muet ici"] {
            assert_eq!(words(bad).err(), Some(AccountError::Field("words")), "{bad:.40}");
        }
        assert!(words(long.get(1..).unwrap_or_default()).is_ok());
    }
}
