//! What is kept of printed sheets, and how they are seen.

use super::{SHEET_LIFE, SHEET_WAIT};
use identity::{SHEET_WINDOW, SheetCode};
use minicbor::{Decode, Encode};
use types::{AccountId, IdentityProof, Secret, SheetId, Time};
use vault::{Keys, Purpose, VaultError};

/// The printed sheets of an account, sealed with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Sheets {
    /// Drawn and handed over, waiting for a second person or a link.
    #[n(0)]
    pub waits: Option<Sheet>,
    /// Its codes are the account's second factor.
    #[n(1)]
    pub serves: Option<Sheet>,
    /// Whether sheets took the application's place: it stays so when one is lost, and nothing is the second factor then.
    #[n(2)]
    pub instead: bool,
}

/// One sheet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Sheet {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[n(1)]
    drawn: i64,
    #[cbor(n(2), with = "minicbor::bytes")]
    by: [u8; 16],
    /// How its holder's identity was verified.
    #[n(3)]
    proof: String,
}

impl Sheet {
    pub(crate) fn new(id: SheetId, (by, proof): (AccountId, IdentityProof), now: Time) -> Self {
        Self { id: *id.as_bytes(), drawn: now.micros(), by: *by.as_bytes(), proof: proof.as_str().to_owned() }
    }

    pub(crate) fn id(&self) -> SheetId {
        SheetId::from_bytes(self.id)
    }

    pub(crate) fn by(&self) -> AccountId {
        AccountId::from_bytes(self.by)
    }

    /// First moment at which one that waits is worth nothing.
    fn waits_until(&self) -> Time {
        Time::from_micros(self.drawn) + SHEET_WAIT
    }

    /// First moment at which one that serves no longer does.
    pub(crate) fn serves_until(&self) -> Time {
        Time::from_micros(self.drawn) + SHEET_LIFE
    }

    fn seen(&self, until: Time) -> SheetSeen {
        let (id, by, drawn) = (self.id(), self.by(), Time::from_micros(self.drawn));
        SheetSeen { id, by, drawn, until, proof: self.proof.parse().ok() }
    }
}

impl Sheets {
    /// The one that waits, if it is not too late.
    pub(crate) fn waiting(&self, now: Time) -> Option<&Sheet> {
        self.waits.as_ref().filter(|sheet| now < sheet.waits_until())
    }

    /// The one whose codes open sessions.
    pub(crate) fn serving(&self, now: Time) -> Option<&Sheet> {
        self.serves.as_ref().filter(|sheet| now < sheet.serves_until())
    }

    /// Those whose codes are kept.
    pub(crate) fn kept(&self) -> Vec<SheetId> {
        self.waits.iter().chain(&self.serves).map(Sheet::id).collect()
    }

    /// Once the one that waits has taken the place of what was the second factor.
    pub(crate) fn promoted(&self) -> Self {
        Self { waits: None, serves: self.waits.clone(), instead: true }
    }

    /// Once none is left.
    pub(crate) fn emptied(&self) -> Self {
        Self { waits: None, serves: None, ..self.clone() }
    }

    /// Once a link was taken with a code of that one.
    pub(crate) fn taken(&self, sheet: SheetId) -> Self {
        match &self.waits {
            Some(waits) if waits.id() == sheet => self.promoted(),
            _ => Self { waits: None, serves: self.serves.clone(), instead: true },
        }
    }

    pub(crate) fn seen(&self, now: Time, (left, next): (usize, Option<u8>)) -> SheetsSeen {
        SheetsSeen {
            waits: self.waiting(now).map(|sheet| sheet.seen(sheet.waits_until())),
            serves: self.serves.as_ref().map(|sheet| sheet.seen(sheet.serves_until())),
            instead: self.instead,
            left,
            next,
        }
    }
}

/// What is kept of a code.
pub(crate) fn sheet_digest(
    keys: &Keys,
    (account, sheet, number): (AccountId, SheetId, u8),
    code: &SheetCode,
) -> Result<[u8; 32], VaultError> {
    let parts: [&[u8]; 5] = [b"sheet", account.as_bytes(), sheet.as_bytes(), &[number], code.digits().as_bytes()];
    keys.token(Purpose::LinksAndCodes, &parts)
}

/// The number of a code among those whose turn it is. As much is computed when there are fewer, or none.
pub(crate) fn number_of(
    keys: &Keys,
    (account, sheet): (AccountId, SheetId),
    (first, code): (&[super::sql::Kept], &SheetCode),
) -> Result<Option<u8>, VaultError> {
    let mut found = None;
    for at in 0..SHEET_WINDOW {
        let held = first.get(usize::from(at));
        let number = held.map_or(at, |(number, _)| *number);
        let digest = sheet_digest(keys, (account, sheet, number), code)?;
        // Digests under a key: how they are compared tells nothing.
        if held.is_some_and(|(_, held)| *held == digest) && found.is_none() {
            found = Some(number);
        }
    }
    Ok(found)
}

/// A sheet just drawn: its codes are shown once, in their order.
#[derive(Debug)]
pub struct DrawnSheet {
    /// What names it in the traces.
    pub id: SheetId,
    /// Whose.
    pub name: String,
    /// As they are printed, from the first.
    pub codes: Vec<Secret<String>>,
    /// When it was drawn.
    pub drawn: Time,
    /// First moment at which it no longer serves.
    pub until: Time,
    /// Whether a second person confirms it; otherwise the holder's link asks for a code of it.
    pub confirms: bool,
}

/// A sheet as those who manage accounts see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetSeen {
    /// What names it in the traces.
    pub id: SheetId,
    /// Who drew it.
    pub by: AccountId,
    /// When.
    pub drawn: Time,
    /// Until when it waits, or serves.
    pub until: Time,
    /// How its holder's identity was verified.
    pub proof: Option<IdentityProof>,
}

/// What an account has of printed sheets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetsSeen {
    /// One that was handed over, and waits for a second person or a link.
    pub waits: Option<SheetSeen>,
    /// The one that serves, or did until its end.
    pub serves: Option<SheetSeen>,
    /// Whether sheets took the application's place.
    pub instead: bool,
    /// Codes left of the one that serves.
    pub left: usize,
    /// The number of the next one.
    pub next: Option<u8>,
}

impl SheetsSeen {
    /// Whether the holder should ask for another sheet: few codes are left, or little time, or none that serves.
    pub fn is_short(&self, now: Time) -> bool {
        let lasts = self.serves.as_ref().is_some_and(|sheet| now + super::SHEET_ENDS_SOON < sheet.until);
        self.instead && !(lasts && self.left > super::SHEET_FEW)
    }

    /// Whether a code of it opens a session.
    pub fn opens(&self, now: Time) -> bool {
        self.left > 0 && self.serves.as_ref().is_some_and(|sheet| now < sheet.until)
    }
}
