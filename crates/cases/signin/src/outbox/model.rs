//! A letter: what happened to an account, told to whoever holds it, at the address that is kept of him.

use crate::model::{AccountRow, AccountSecrets};
use data_encoding::HEXLOWER;
use mail::Address;
use minicbor::{Decode, Encode};
use std::{collections::BTreeMap, sync::Arc};
use store::StoreError;
use types::{AccountId, Door, EstablishmentId, Lang, Secret, Time};
use vault::{Keys, Place, Purpose};
use zeroize::{Zeroize, Zeroizing};

macro_rules! abouts {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What a letter tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum About { $($(#[$doc])* $name,)* }

        impl About {
            /// Every one.
            pub const ALL: &'static [About] = &[$(About::$name,)*];

            /// Its word, in traces.
            pub const fn as_str(self) -> &'static str {
                match self { $(About::$name => $word,)* }
            }

            fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|about| about.as_str() == word)
            }
        }
    };
}

abouts! {
    /// A link by which its holder chooses what he signs in with; the letter holds it.
    Link = "link",
    /// Such a link was drawn, and went elsewhere.
    LinkDrawn = "link_drawn",
    /// Its holder let it serve before its time.
    LinkAllowed = "link_allowed",
    /// It was used: password and second factor are others.
    MeansRenewed = "means_renewed",
    /// The password was changed.
    PasswordChanged = "password_changed",
    /// The second factor was changed.
    SecondFactorChanged = "second_factor_changed",
    /// Spare codes were drawn; those of before serve no more.
    SpareCodesDrawn = "spare_codes_drawn",
    /// A passkey was added, or allowed again.
    PasskeyAdded = "passkey_added",
    /// A passkey was taken away.
    PasskeyRemoved = "passkey_removed",
    /// A key for SSH was added.
    SshKeyAdded = "ssh_key_added",
    /// A key for SSH was taken away.
    SshKeyRemoved = "ssh_key_removed",
    /// A token of the interfaces was issued.
    TokenIssued = "token_issued",
    /// A token of the interfaces was revoked.
    TokenRevoked = "token_revoked",
    /// Letters go to another address from now on; this one tells the former.
    AddressChanged = "address_changed",
    /// Who its holder is was corrected.
    AttributesCorrected = "attributes_corrected",
    /// Somebody said that a sign-in was not his: what was open has ended.
    Disowned = "disowned",
    /// Somebody signed in from where the account did not lately.
    SignedInElsewhere = "signed_in_elsewhere",
    /// A printed sheet of codes is the second factor from now on.
    SheetServes = "sheet_serves",
    /// Such a sheet serves no more.
    SheetWithdrawn = "sheet_withdrawn",
    /// Somebody came in by the sealed envelopes of a break-glass account: told to those who manage accounts.
    BreakGlass = "break_glass",
    /// Accounts are to be looked at again: told to those who manage them.
    Reviews = "reviews",
    /// Sign-ins fail as when somebody guesses, or somebody says that one was not his: told to those who manage accounts.
    Alarm = "alarm",
}

/// Where the doors' pages live, for what letters name. Given to services that write letters; without it they write none.
#[derive(Debug, Clone, Default)]
pub struct Post(Arc<BTreeMap<Door, String>>);

impl Post {
    /// With the origins that are known here, without a slash at the end.
    pub fn new(origins: BTreeMap<Door, String>) -> Self {
        Self(Arc::new(origins))
    }

    pub(crate) fn origin(&self, door: Door) -> Option<&String> {
        self.0.get(&door)
    }
}

/// The link that a letter holds.
pub struct LinkTold {
    /// What its address ends with.
    pub secret: Secret<String>,
    /// First moment at which it no longer serves.
    pub expires: Time,
    /// Whether it serves only once a second person has confirmed it.
    pub waits: bool,
    /// Whether the account was in use before.
    pub anew: bool,
    /// First moment at which it serves, where that is not at once.
    pub opens: Option<Time>,
}

/// A letter, opened to be sent.
pub struct Letter {
    pub(crate) row: [u8; 16],
    pub(crate) account: AccountId,
    /// Where the account is held.
    pub establishment: EstablishmentId,
    /// To whom.
    pub to: Address,
    /// What it tells.
    pub about: About,
    /// When that happened.
    pub at: Time,
    /// What the device calls itself that it was done on; empty when it does not, or when it is not its holder's.
    pub device: String,
    /// In which language its holder reads, as far as it is known.
    pub lang: Option<Lang>,
    /// Where the pages of the account's door live, if it is known.
    pub origin: Option<String>,
    /// The link that it holds.
    pub link: Option<LinkTold>,
    /// How many accounts it is about, where that is not one.
    pub count: u32,
    /// The alarm that it tells, as the kind's own word.
    pub alarm: Option<String>,
}

impl Letter {
    /// What names it wherever it goes: the same however often it is sent.
    pub fn id(&self) -> String {
        HEXLOWER.encode(&self.row)
    }
}

/// What `outbox.sealed` holds.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct LetterSecrets {
    #[n(0)]
    pub to: String,
    #[n(1)]
    pub about: String,
    #[n(2)]
    pub at: i64,
    #[n(3)]
    pub device: String,
    #[n(4)]
    pub lang: Option<String>,
    #[n(5)]
    pub origin: Option<String>,
    #[n(6)]
    pub secret: Option<String>,
    #[n(7)]
    pub expires: i64,
    #[n(8)]
    pub waits: bool,
    #[n(9)]
    pub anew: bool,
    #[n(10)]
    pub count: Option<u32>,
    #[n(11)]
    pub opens: Option<i64>,
    #[n(12)]
    pub alarm: Option<String>,
}

impl Drop for LetterSecrets {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// A letter's row. Its place is its own and its account's: moved, it does not open.
#[derive(Clone)]
pub(crate) struct LetterRow {
    pub id: [u8; 16],
    pub account: AccountId,
    pub establishment: EstablishmentId,
    pub holds_link: bool,
    pub sealed: Vec<u8>,
    pub written: Time,
    pub expires: Time,
    pub tried: i64,
    pub next: Time,
}

impl LetterRow {
    pub(crate) fn seal(&mut self, keys: &Keys, secrets: &LetterSecrets) -> Result<(), StoreError> {
        let clear = Zeroizing::new(minicbor::to_vec(secrets).unwrap_or_default());
        let row: [&[u8]; 3] = [&self.id, self.account.as_bytes(), self.establishment.as_bytes()];
        let sealed = keys.seal(Purpose::Outbox, place(&row), &clear);
        self.sealed = sealed.map_err(|error| StoreError::Other(error.to_string()))?;
        Ok(())
    }

    pub(crate) fn open(&self, keys: &Keys) -> Option<Letter> {
        let row: [&[u8]; 3] = [&self.id, self.account.as_bytes(), self.establishment.as_bytes()];
        let clear = keys.open(Purpose::Outbox, place(&row), &self.sealed).ok()?;
        let mut kept: LetterSecrets = minicbor::decode(&clear).ok()?;
        let secret = kept.secret.take().map(Secret::new);
        let (expires, waits, anew) = (Time::from_micros(kept.expires), kept.waits, kept.anew);
        let opens = kept.opens.map(Time::from_micros);
        Some(Letter {
            row: self.id,
            account: self.account,
            establishment: self.establishment,
            to: kept.to.parse().ok()?,
            about: About::from_word(&kept.about)?,
            at: Time::from_micros(kept.at),
            device: kept.device.clone(),
            lang: kept.lang.as_deref().and_then(|lang| lang.parse().ok()),
            origin: kept.origin.clone(),
            link: secret.map(|secret| LinkTold { secret, expires, waits, anew, opens }),
            count: kept.count.unwrap_or(1),
            alarm: kept.alarm.clone(),
        })
    }
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "outbox", column: "sealed", row }
}

/// Whose account a letter is about.
#[derive(Clone, Copy)]
pub(crate) struct Whose<'a> {
    pub row: &'a AccountRow,
    pub secrets: &'a AccountSecrets,
}
