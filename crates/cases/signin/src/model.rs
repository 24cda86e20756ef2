//! What this case keeps, in clear and sealed.

use crate::accounts::{break_glass::model::Envelopes, sheets::model::Sheets, signed::model::Given};
use identity::{AtOnce, Authenticated, Credentials, PasswordHash, StoredSession, TotpSecret};
use minicbor::{Decode, Encode};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, AccountState, ClientAddress, EstablishmentId, Role, SessionId, Source, SupplierId, Time};
use vault::{Keys, Place, Purpose, VaultError, random};
use zeroize::Zeroize;

/// The sealed part of an account.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct AccountSecrets {
    #[n(0)]
    pub login: String,
    #[n(1)]
    pub display_name: String,
    #[n(2)]
    pub password_phc: String,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub totp: [u8; 20],
    /// Absent in what was sealed before accounts had a life: in use since ever.
    #[n(4)]
    pub life: Option<Life>,
    /// How many times its holder's means were given anew by a link: a link is for one of them only.
    #[n(5)]
    pub renewals: Option<u32>,
    /// Since when the password is the one it is.
    #[n(6)]
    pub password_since: Option<i64>,
    /// The link that leads to it, if one does: another, put back in the database, leads nowhere.
    #[cbor(n(7), with = "minicbor::bytes")]
    pub link: Option<Vec<u8>>,
    /// Who he is in the hospital's directory, which then keeps his password.
    #[n(8)]
    pub directory: Option<String>,
    /// What was opened before this moment has ended: a technician's SSH sessions too.
    #[n(9)]
    pub ended: Option<i64>,
    /// Where his mail goes.
    #[n(10)]
    pub mail: Option<String>,
    /// The language that he reads, once he chose his means in it.
    #[n(11)]
    pub lang: Option<String>,
    /// The sealed envelopes that it signs in by: set, it is a break-glass account, and has no other means.
    #[n(12)]
    pub envelopes: Option<Envelopes>,
    /// Its printed sheets of codes, if it ever had one.
    #[n(13)]
    pub sheets: Option<Sheets>,
    /// What two people signed when its means were given, where its role decides over others.
    #[n(20)]
    pub given: Option<Given>,
}

/// A hash that no password is known to have, in the form of any other.
const NOBODYS_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where an account is in its life: what the column beside it says counts only if this agrees.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Life {
    #[n(0)]
    pub state: String,
    #[n(1)]
    pub since: i64,
    #[n(2)]
    pub reason: Option<String>,
    #[cbor(n(3), with = "minicbor::bytes")]
    pub by: Option<Vec<u8>>,
}

impl Life {
    pub(crate) fn new(state: AccountState, since: Time, by: Option<AccountId>) -> Self {
        let (state, by) = (state.as_str().to_owned(), by.map(|by| by.as_bytes().to_vec()));
        Self { state, since: since.micros(), reason: None, by }
    }
}

impl AccountSecrets {
    /// Of a new account, which has nothing yet but a password's hash, a second factor and the state it begins in.
    pub(crate) fn new(
        login: String,
        display_name: String,
        hash: &PasswordHash,
        life: Life,
    ) -> Result<Self, VaultError> {
        Ok(Self {
            login,
            display_name,
            password_phc: hash.phc().to_owned(),
            totp: random()?,
            password_since: Some(life.since),
            life: Some(life),
            renewals: Some(0),
            link: None,
            directory: None,
            ended: None,
            mail: None,
            lang: None,
            envelopes: None,
            sheets: None,
            given: None,
        })
    }

    /// Its holder changed what he signs in with: what rests on the former means is worth nothing, the right that he was given stays.
    pub(crate) fn renewed_by_holder(&mut self) {
        self.renewals = Some(self.renewals.unwrap_or(0).saturating_add(1));
        if let Some(given) = &mut self.given {
            given.own = Some(given.own.unwrap_or(0).saturating_add(1));
        }
    }

    /// Whether the node itself gives it means, for the time of a probe: the probes' own administrator, and whom he manages.
    pub(crate) fn is_lent(&self) -> bool {
        [crate::RESERVED_ADMINISTRATOR, crate::RESERVED_GUARD].contains(&self.login.as_str())
    }

    /// Whether the password is kept here, under weaker parameters than today's.
    pub(crate) fn is_outdated(&self) -> bool {
        self.directory.is_none() && PasswordHash::from_phc(self.password_phc.clone()).is_outdated()
    }

    /// Where the account is in its life.
    pub(crate) fn state(&self) -> Result<AccountState, StoreError> {
        match &self.life {
            None => Ok(AccountState::Active),
            Some(life) => life.state.parse().map_err(|()| StoreError::Malformed("accounts.sealed")),
        }
    }
}

/// What the column says for a state: it knows nobody who was invited.
pub(crate) fn state_column(state: AccountState) -> &'static str {
    match state {
        AccountState::Invited => AccountState::Suspended.as_str(),
        other => other.as_str(),
    }
}

impl Drop for AccountSecrets {
    fn drop(&mut self) {
        self.password_phc.zeroize();
        self.totp.zeroize();
    }
}

/// An account as read.
pub(crate) struct AccountRow {
    pub id: AccountId,
    pub establishment: EstablishmentId,
    pub role: Role,
    pub supplier: Option<SupplierId>,
    pub active: bool,
    pub sealed: Vec<u8>,
    pub last_step: u64,
    pub last_sign_in: Option<Vec<u8>>,
    pub version: i64,
}

/// What an account's sealed part is bound to: changed in the database, it no longer opens.
pub(crate) struct AccountBond<'a> {
    pub id: &'a AccountId,
    pub establishment: &'a EstablishmentId,
    pub role: Role,
    pub supplier: Option<&'a SupplierId>,
}

impl AccountBond<'_> {
    fn row(&self) -> Vec<&[u8]> {
        let mut row: Vec<&[u8]> =
            vec![self.id.as_bytes(), self.establishment.as_bytes(), self.role.as_str().as_bytes()];
        row.extend(self.supplier.map(|supplier| supplier.as_bytes().as_slice()));
        row
    }

    pub(crate) fn seal(&self, keys: &Keys, secrets: &AccountSecrets) -> Result<Vec<u8>, VaultError> {
        let clear = zeroize::Zeroizing::new(minicbor::to_vec(secrets).unwrap_or_default());
        let row = self.row();
        keys.seal(Purpose::AccountFields, Place { table: "accounts", column: "sealed", row: &row }, &clear)
    }

    fn open(&self, keys: &Keys, sealed: &[u8]) -> Result<AccountSecrets, StoreError> {
        let row = self.row();
        let clear = keys
            .open(Purpose::AccountFields, Place { table: "accounts", column: "sealed", row: &row }, sealed)
            .map_err(|_| StoreError::Malformed("accounts.sealed"))?;
        minicbor::decode(&clear).map_err(|_| StoreError::Malformed("accounts.sealed"))
    }
}

impl AccountRow {
    /// An account of nobody: sealed like any other, and never in the database.
    pub(crate) fn nobody(keys: &Keys, establishment: EstablishmentId) -> Result<Self, VaultError> {
        let (id, role) = (AccountId::from_bytes(random()?), Role::Patient);
        let hash = PasswordHash::from_phc(NOBODYS_HASH.to_owned());
        // As long as anybody's.
        let life = Life::new(AccountState::Blocked, Time::from_micros(1_790_000_000_000_000), Some(id));
        let secrets = AccountSecrets::new("personne.inconnue".to_owned(), "Personne inconnue".to_owned(), &hash, life)?;
        let bond = AccountBond { id: &id, establishment: &establishment, role, supplier: None };
        let sealed = bond.seal(keys, &secrets)?;
        let (supplier, active, last_step, last_sign_in, version) = (None, false, u64::MAX, None, 0);
        let mut row = Self { id, establishment, role, supplier, active, sealed, last_step, last_sign_in, version };
        // He came in once, long ago, from where nobody is: his places are looked at like anybody's, and none is his.
        let once = LastSignIn { at: Time::from_micros(0), address: ClientAddress::new([0, 0, 0, 0].into()) };
        row.last_sign_in = row.signed_in(keys, once, "").ok();
        Ok(row)
    }

    pub(crate) fn bond(&self) -> AccountBond<'_> {
        let (id, establishment, supplier) = (&self.id, &self.establishment, self.supplier.as_ref());
        AccountBond { id, establishment, role: self.role, supplier }
    }

    /// What is sealed of the account, if the column beside it says the same of its state: whoever writes the table reopens
    /// nothing.
    pub(crate) fn secrets(&self, keys: &Keys) -> Result<AccountSecrets, StoreError> {
        let secrets = self.bond().open(keys, &self.sealed)?;
        if self.active != (secrets.state()? == AccountState::Active) {
            return Err(StoreError::Malformed("accounts.state"));
        }
        Ok(secrets)
    }

    /// The account's last sign-in, with the places that it came from lately.
    fn sign_ins(&self, keys: &Keys) -> Option<RawSignIn> {
        let own: [&[u8]; 1] = [self.id.as_bytes()];
        RawSignIn::open(keys, last_sign_in_place(&own), self.last_sign_in.as_deref()?).ok()
    }

    /// The account's last sign-ins, the newest first.
    pub(crate) fn recent(&self, keys: &Keys) -> Vec<PastSignIn> {
        let kept = self.sign_ins(keys).and_then(|kept| kept.recent).unwrap_or_default();
        let read = |one: &RawVisit| {
            let address = ClientAddress::new(one.address.parse().ok()?);
            Some(PastSignIn { at: Time::from_micros(one.at), address, device: one.device.clone() })
        };
        kept.iter().rev().filter_map(read).collect()
    }

    /// Whether the account lately signed in from this very source.
    pub(crate) fn is_home(&self, keys: &Keys, source: Source, now: Time) -> bool {
        let lately = |place: &RawPlace| now.since(Time::from_micros(place.at)) < PLACES_KEPT;
        let places = self.sign_ins(keys).map(RawSignIn::places).unwrap_or_default();
        places.iter().any(|place| place.source == source.octets() && lately(place))
    }

    /// What is kept of this account's sign-ins once this one is among them.
    pub(crate) fn signed_in(&self, keys: &Keys, this: LastSignIn, device: &str) -> Result<Vec<u8>, StoreError> {
        let source = this.address.source().octets();
        let kept = self.sign_ins(keys);
        let mut recent = kept.as_ref().and_then(|kept| kept.recent.clone()).unwrap_or_default();
        recent.push(RawVisit { at: this.at.micros(), address: this.address.to_string(), device: device.to_owned() });
        let extra = recent.len().saturating_sub(RECENT_MAX);
        recent.drain(..extra);
        let mut places = kept.map(RawSignIn::places).unwrap_or_default();
        places.retain(|place| place.source != source);
        places.push(RawPlace { source, at: this.at.micros() });
        let extra = places.len().saturating_sub(PLACES_MAX);
        places.drain(..extra);
        let raw = RawSignIn { places: Some(places), recent: Some(recent), ..this.raw() };
        let own: [&[u8]; 1] = [self.id.as_bytes()];
        let clear = minicbor::to_vec(raw).unwrap_or_default();
        keys.seal(Purpose::SessionFields, last_sign_in_place(&own), &clear)
            .map_err(|error| StoreError::Other(error.to_string()))
    }

    pub(crate) fn credentials(&self, keys: &Keys) -> Result<Credentials, StoreError> {
        let secrets = self.secrets(keys)?;
        Ok(Credentials {
            password: PasswordHash::from_phc(secrets.password_phc.clone()),
            totp: TotpSecret::from_bytes(secrets.totp),
            last_step: self.last_step,
        })
    }
}

/// A sign-in that happened, shown to its holder (acces-web AA9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSignIn {
    /// When.
    pub at: Time,
    /// From where.
    pub address: ClientAddress,
}

/// One of an account's last sign-ins, as its holder is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSignIn {
    /// When.
    pub at: Time,
    /// From where.
    pub address: ClientAddress,
    /// What the device calls itself; empty when it does not.
    pub device: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct RawSignIn {
    #[n(0)]
    at: i64,
    #[n(1)]
    address: String,
    /// Of an account's: where it came from lately, the newest last.
    #[n(2)]
    places: Option<Vec<RawPlace>>,
    /// Of an account's: its last sign-ins, the newest last.
    #[n(3)]
    recent: Option<Vec<RawVisit>>,
}

/// One of an account's last sign-ins.
#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct RawVisit {
    #[n(0)]
    at: i64,
    #[n(1)]
    address: String,
    #[n(2)]
    device: String,
}

/// Sign-ins of an account that its holder is shown.
const RECENT_MAX: usize = 10;
/// Places remembered of an account.
const PLACES_MAX: usize = 5;
/// A place is forgotten after this long.
const PLACES_KEPT: Duration = Duration::from_secs(90 * 86_400);

#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct RawPlace {
    #[cbor(n(0), with = "minicbor::bytes")]
    source: [u8; 16],
    #[n(1)]
    at: i64,
}

impl RawSignIn {
    fn open(keys: &Keys, place: Place<'_>, sealed: &[u8]) -> Result<Self, StoreError> {
        let clear = keys.open(Purpose::SessionFields, place, sealed).ok();
        clear.and_then(|clear| minicbor::decode(&clear).ok()).ok_or(StoreError::Malformed("a sealed sign-in"))
    }

    /// What was kept before places were counts as one.
    fn places(self) -> Vec<RawPlace> {
        let last = self.read().map(|last| RawPlace { source: last.address.source().octets(), at: last.at.micros() });
        self.places.unwrap_or_else(|| last.into_iter().collect())
    }

    fn read(&self) -> Option<LastSignIn> {
        let address = ClientAddress::new(self.address.parse().ok()?);
        Some(LastSignIn { at: Time::from_micros(self.at), address })
    }
}

impl LastSignIn {
    fn raw(&self) -> RawSignIn {
        RawSignIn { at: self.at.micros(), address: self.address.to_string(), places: None, recent: None }
    }

    pub(crate) fn open(keys: &Keys, place: Place<'_>, sealed: &[u8]) -> Result<Self, StoreError> {
        let raw = RawSignIn::open(keys, place, sealed)?;
        raw.read().ok_or(StoreError::Malformed("a sealed sign-in"))
    }
}

/// What `sessions.sealed` holds.
#[derive(Encode, Decode)]
#[cbor(map)]
pub(crate) struct SessionSecrets {
    #[n(0)]
    previous: Option<RawSignIn>,
    #[n(1)]
    own: RawSignIn,
    /// What the device calls itself.
    #[n(2)]
    pub device: String,
    /// How many its account may have, by the rules that it was opened under.
    #[n(3)]
    at_once: Option<String>,
}

impl SessionSecrets {
    pub(crate) fn new((previous, own): (Option<LastSignIn>, LastSignIn), device: String, at_once: AtOnce) -> Self {
        let at_once = Some(at_once.as_str().to_owned());
        Self { previous: previous.map(|previous| previous.raw()), own: own.raw(), device, at_once }
    }

    /// How many its account may have, by the rules that it was opened under.
    pub(crate) fn at_once(&self) -> AtOnce {
        self.at_once.as_deref().and_then(|word| word.parse().ok()).unwrap_or_default()
    }

    /// The sign-in before the session's own.
    pub(crate) fn previous(&self) -> Option<LastSignIn> {
        self.previous.as_ref().and_then(RawSignIn::read)
    }

    /// The session's own.
    pub(crate) fn own(&self) -> Option<LastSignIn> {
        self.own.read()
    }

    pub(crate) fn seal(&self, keys: &Keys, place: Place<'_>) -> Result<Vec<u8>, StoreError> {
        let clear = minicbor::to_vec(self).unwrap_or_default();
        keys.seal(Purpose::SessionFields, place, &clear).map_err(|error| StoreError::Other(error.to_string()))
    }

    pub(crate) fn open(keys: &Keys, place: Place<'_>, sealed: &[u8]) -> Result<Self, StoreError> {
        let clear = keys.open(Purpose::SessionFields, place, sealed).ok();
        clear.and_then(|clear| minicbor::decode(&clear).ok()).ok_or(StoreError::Malformed("sessions.sealed"))
    }
}

pub(crate) fn last_sign_in_place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "accounts", column: "last_sign_in", row }
}

pub(crate) fn session_place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "sessions", column: "sealed", row }
}

/// A session with its account, as read.
pub(crate) struct SessionRow {
    pub stored: StoredSession,
    pub sealed: Vec<u8>,
    pub account: AccountRow,
}

/// Somebody signed in, for this request.
#[derive(Debug)]
pub struct SignedIn {
    /// The proof.
    pub authenticated: Authenticated,
    /// Which session.
    pub session: SessionId,
    /// Whose account.
    pub account: AccountId,
    /// What he types to sign in, here and with an SSH client.
    pub login: String,
    /// The name shown.
    pub display_name: String,
    /// In what role.
    pub role: Role,
    /// Whose people he is of, if he is a supplier's.
    pub supplier: Option<SupplierId>,
    /// Since when.
    pub opened: Time,
    /// Until when, if nothing more is done.
    pub idle_until: Time,
    /// Until when in any case.
    pub absolute_until: Time,
    /// How many sessions he may have, by the rules that this one was opened under (acces-web AA8).
    pub at_once: AtOnce,
    /// The sign-in before this one.
    pub previous: Option<LastSignIn>,
    /// Whether sealed envelopes opened it: nobody is known by them, and every page says so.
    pub is_break_glass: bool,
    /// Whether his password is older than it may be: until he changes it he is shown nothing else (segur IAM.92).
    pub password_due: bool,
}
