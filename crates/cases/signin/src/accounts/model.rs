//! Accounts as those who manage them see them, and what is kept of a link.

use super::{
    sheets::model::SheetsSeen,
    signed::model::{LinkSigned, RightGiven},
};
use crate::{enrol::lent::RESERVED_LOGINS, means::model::label, model::AccountRow};
use mail::Address;
use minicbor::{Decode, Encode};
use policy::{Denied, Lacking};
use store::StoreError;
use types::{
    AccountId, AccountState, EstablishmentId, IdentityProof, LifeReason, LinkId, Role, Secret, SupplierId, Time,
};
use vault::{Keys, Place, Purpose, VaultError};

/// Accounts shown at once.
pub const ACCOUNTS_SHOWN_MAX: usize = 200;
/// Accounts looked at for one page of them.
pub(crate) const ACCOUNTS_READ_MAX: i64 = 5_000;
/// Characters of a login.
pub const LOGIN_CHARS_MAX: usize = 128;

/// What is known of a person beside his name (segur IE.33).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// His first names, as his identity document has them.
    pub given_name: String,
    /// His family name.
    pub family_name: String,
    /// What he is by trade, for professionals of health.
    pub profession: Option<String>,
    /// His national number, where he has one: 11 digits. Elsewhere the account's identifier is his own and nobody else's.
    pub rpps: Option<String>,
}

impl Attributes {
    /// The name shown.
    pub(crate) fn full_name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// Whether they are those of somebody of that role: whoever comes for his trade has one, whoever comes for himself or his
    /// own has none here.
    pub(crate) fn fit(&self, role: Role) -> Result<(), AccountError> {
        match role {
            Role::Professional if self.profession.is_none() => Err(AccountError::Field("profession_missing")),
            Role::Patient | Role::Relative if self.profession.is_some() => {
                Err(AccountError::Field("profession_nobodys"))
            }
            Role::Patient | Role::Relative if self.rpps.is_some() => Err(AccountError::Field("rpps_nobodys")),
            _ => Ok(()),
        }
    }

    /// The same, trimmed, if each can be taken.
    pub(crate) fn checked(self) -> Result<Self, AccountError> {
        let name = |text: &str, what| label(text).map_err(|_| AccountError::Field(what));
        let maybe = |text: Option<String>, what| match text.as_deref().map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => label(text).map(Some).map_err(|_| AccountError::Field(what)),
        };
        let rpps = maybe(self.rpps, "rpps")?;
        if rpps.as_ref().is_some_and(|rpps| rpps.len() != 11 || !rpps.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(AccountError::Field("rpps"));
        }
        Ok(Self {
            given_name: name(&self.given_name, "given_name")?,
            family_name: name(&self.family_name, "family_name")?,
            profession: maybe(self.profession, "profession")?,
            rpps,
        })
    }
}

/// An account to be created for somebody who will choose his means himself.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// What he will type.
    pub login: String,
    /// Who he is.
    pub attributes: Attributes,
    /// For what.
    pub role: Role,
    /// Whose people he is of, if a supplier's.
    pub supplier: Option<SupplierId>,
    /// How his identity was verified.
    pub proof: IdentityProof,
    /// Where his mail is to go, if it is.
    pub mail: Option<String>,
}

/// A link just drawn: its secret is shown once.
#[derive(Debug)]
pub struct DrawnLink {
    /// What names it in the traces.
    pub id: LinkId,
    /// What its address ends with.
    pub secret: Secret<String>,
    /// First moment at which it no longer serves.
    pub expires: Time,
    /// Whether it serves only once a second person has confirmed it.
    pub waits: bool,
    /// Whether it leaves by mail too.
    pub mailed: bool,
    /// First moment at which it serves, where the account is in use: until then its holder, who is warned, may stop it.
    pub opens: Option<Time>,
}

/// A link that has not served yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkSeen {
    /// What names it in the traces.
    pub id: LinkId,
    /// Who drew it; nobody when the operator's command did.
    pub by: Option<AccountId>,
    /// When.
    pub drawn: Time,
    /// Until when it serves.
    pub expires: Time,
    /// Whether it waits for a second person.
    pub waits: bool,
    /// Whether its page asks for what the person who confirmed it tells the holder.
    pub asks_second: bool,
    /// Where the account's mail goes once it served, if that changes.
    pub mail: Option<String>,
    /// First moment at which it serves, where that is not at once.
    pub opens: Option<Time>,
    /// Whether whoever drew it signed it.
    pub signed: bool,
}

/// What a second person tells the holder of a link that he confirmed: his page asks for it, and it is shown once.
#[derive(Debug)]
pub struct SecondCode(pub Secret<String>);

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSeen {
    /// Whose.
    pub account: AccountId,
    /// The name shown.
    pub display_name: String,
    /// What he types.
    pub login: String,
    /// For what.
    pub role: Role,
    /// Whose people he is of.
    pub supplier: Option<SupplierId>,
    /// Where it is in its life.
    pub state: AccountState,
    /// When it is to be looked at again; `None` for what is over.
    pub review_due: Option<Time>,
    /// A link that has not served yet.
    pub link: Option<LinkSeen>,
    /// Whether it signs in by sealed envelopes, and by nothing else.
    pub is_break_glass: bool,
}

/// One account, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountSheet {
    /// As in the list.
    pub seen: AccountSeen,
    /// Who he is.
    pub attributes: Attributes,
    /// How his identity was verified, where that was kept.
    pub proof: Option<IdentityProof>,
    /// Since when the account is in its state, where that was kept.
    pub since: Option<Time>,
    /// Why.
    pub reason: Option<LifeReason>,
    /// Since when the account is there, where that was kept.
    pub created: Option<Time>,
    /// When it was last looked at.
    pub reviewed: Option<Time>,
    /// When its holder last signed in.
    pub last_sign_in: Option<Time>,
    /// Sessions open now.
    pub sessions: u32,
    /// Where its mail goes, if it does.
    pub mail: Option<String>,
    /// Its printed sheets of codes, where it may have any.
    pub sheets: Option<SheetsSeen>,
    /// By whose signatures its means were given, where its role decides over others.
    pub right: Option<RightGiven>,
    /// What it may become.
    pub may_become: Vec<AccountState>,
}

/// Which accounts are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountQuery {
    /// Of this role.
    pub role: Option<Role>,
    /// In this state.
    pub state: Option<AccountState>,
    /// To be looked at again now.
    pub due: bool,
    /// With a link that has not served: of many accounts these few alone are read.
    pub linked: bool,
    /// With all these words in their name or login.
    pub words: String,
    /// After this one.
    pub after: Option<AccountId>,
}

/// A page of accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountPage {
    /// By name.
    pub accounts: Vec<AccountSeen>,
    /// There are more: ask again after this one.
    pub more: Option<AccountId>,
}

/// Why something was not done with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Not permitted.
    #[error("not permitted")]
    Denied,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// No such account or link here.
    #[error("nothing like that is there")]
    Absent,
    /// The login is taken.
    #[error("this login is taken")]
    Taken,
    /// The words say which part is wrong.
    #[error("{0} is missing or is not taken")]
    Field(&'static str),
    /// That is not enough to give an account that is in use other means.
    #[error("other means ask for an identity document, somebody who knows him, or a provider of the substantial level")]
    Proof,
    /// Not from that state, or not for that reason.
    #[error("an account in this state does not become that")]
    Life,
    /// It is given back by a link that a second person confirms.
    #[error("this account is given back by a link that a second person confirms")]
    ByLink,
    /// It signs in by sealed envelopes and by nothing else.
    #[error("this account signs in by sealed envelopes and by nothing else")]
    ByEnvelopes,
    /// Accounts of this role have no printed sheets.
    #[error("accounts of this role have no printed sheets")]
    NoSheet,
    /// It serves once its holder took the link, which asks for a code of it.
    #[error("this sheet serves once its holder took the link")]
    SheetByLink,
    /// There are as many as there may be.
    #[error("there are too many of these")]
    Full,
    /// Where its mail goes is changed by a link that a second person confirms.
    #[error("where its mail goes is changed by a link that a second person confirms")]
    AddressByLink,
    /// Two people signed for the account under its name.
    #[error("two people signed for this account under its name")]
    NameSigned,
    /// The hospital's directory says its holder's name.
    #[error("the hospital's directory says the name of this account's holder")]
    NameOfDirectory,
    /// One does not do that to oneself.
    #[error("somebody else must do that")]
    Oneself,
    /// It takes signatures, and there are none, or they are of before.
    #[error("this takes two people's signatures")]
    Unsigned,
    /// A signature does not fit the terms, the person or the moment, or its passkey does not count.
    #[error("the signature does not fit")]
    Signature,
    /// It takes another person than the one who asked.
    #[error("a second person must confirm")]
    Second,
    /// Nobody would be left to manage accounts.
    #[error("this is the last administrator")]
    LastAdministrator,
    /// Somebody else changed it meanwhile.
    #[error("somebody changed it meanwhile: look again")]
    Meanwhile,
    /// It could not be recorded: nobody comes in by the account on this node for a day, and what it had open here ended.
    #[error("the account is locked on this node for a day; that could not be recorded")]
    LockedHere,
    /// A store, a key or the journal does not answer.
    #[error("this is not possible at present")]
    Unavailable,
}

impl From<Denied> for AccountError {
    fn from(denied: Denied) -> Self {
        denied.lacking().map_or(Self::Denied, Self::Lacking)
    }
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "accounts cannot be read");
        AccountError::Unavailable
    }
}

impl From<VaultError> for AccountError {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "accounts cannot be sealed or opened");
        AccountError::Unavailable
    }
}

impl From<journal::JournalError> for AccountError {
    fn from(error: journal::JournalError) -> Self {
        match error {
            journal::JournalError::Store(StoreError::Conflict) => AccountError::Taken,
            error => {
                tracing::warn!(%error, "a change of an account could not be traced or stored");
                AccountError::Unavailable
            }
        }
    }
}

/// One address for mail, or none.
pub(crate) fn address(text: &str) -> Result<Option<String>, AccountError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse::<Address>().map(|_| Some(text.to_owned())).map_err(|_| AccountError::Field("mail")),
    }
}

impl NewInvitation {
    /// The name shown.
    pub(crate) fn display_name(&self) -> String {
        self.attributes.full_name()
    }

    /// The same, trimmed, if everything can be taken. Whose record he may see is not known here: whoever registers patients
    /// creates their accounts ([`Self::registered`]).
    pub(crate) fn checked(self) -> Result<Self, AccountError> {
        if matches!(self.role, Role::Patient | Role::Relative | Role::Professional) {
            return Err(AccountError::Field("role"));
        }
        self.registered()
    }

    /// The same, whatever the role.
    pub(crate) fn registered(self) -> Result<Self, AccountError> {
        let login = crate::enrol::normal_login(&self.login);
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+');
        // Only the node opens accounts for its own probes, and it does not come by here.
        if login.starts_with(RESERVED_LOGINS)
            || login.is_empty()
            || login.chars().count() > LOGIN_CHARS_MAX
            || !login.chars().all(plain)
        {
            return Err(AccountError::Field("login"));
        }
        let of_supplier = matches!(self.role, Role::Technician | Role::SupplierManager);
        if of_supplier != self.supplier.is_some() {
            return Err(AccountError::Field("supplier"));
        }
        let attributes = self.attributes.checked()?;
        attributes.fit(self.role)?;
        let mail = self.mail.as_deref().map(address).transpose()?.flatten();
        Ok(Self { login, attributes, mail, ..self })
    }
}

/// What `accounts.profile` holds.
#[derive(Debug, Clone, Default, Encode, Decode)]
#[cbor(map)]
pub(crate) struct Profile {
    #[n(0)]
    pub created: i64,
    #[n(1)]
    pub reviewed: i64,
    #[n(2)]
    pub proof: String,
    #[n(3)]
    pub given_name: String,
    #[n(4)]
    pub family_name: String,
    #[n(5)]
    pub profession: Option<String>,
    #[n(6)]
    pub rpps: Option<String>,
}

impl Profile {
    pub(crate) fn new(attributes: &Attributes, proof: IdentityProof, now: Time) -> Self {
        let Attributes { given_name, family_name, profession, rpps } = attributes.clone();
        let (created, proof) = (now.micros(), proof.as_str().to_owned());
        Self { created, reviewed: created, proof, given_name, family_name, profession, rpps }
    }

    pub(crate) fn attributes(&self) -> Attributes {
        let Profile { given_name, family_name, profession, rpps, .. } = self.clone();
        Attributes { given_name, family_name, profession, rpps }
    }

    pub(crate) fn seal(&self, keys: &Keys, whose: (AccountId, EstablishmentId)) -> Result<Vec<u8>, VaultError> {
        let row: [&[u8]; 2] = [whose.0.as_bytes(), whose.1.as_bytes()];
        keys.seal(Purpose::AccountFields, profile_place(&row), &minicbor::to_vec(self).unwrap_or_default())
    }

    pub(crate) fn open(keys: &Keys, account: &AccountRow, sealed: &[u8]) -> Result<Self, StoreError> {
        let row: [&[u8]; 2] = [account.id.as_bytes(), account.establishment.as_bytes()];
        let clear = keys.open(Purpose::AccountFields, profile_place(&row), sealed).ok();
        clear.and_then(|clear| minicbor::decode(&clear).ok()).ok_or(StoreError::Malformed("accounts.profile"))
    }
}

fn profile_place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "accounts", column: "profile", row }
}

/// What `account_links.sealed` holds. Nothing beside it is believed.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(crate) struct LinkSecrets {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    #[n(1)]
    pub drawn: i64,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub by: Option<Vec<u8>>,
    #[n(3)]
    pub expires: i64,
    #[n(4)]
    pub waits: bool,
    /// Which renewal of the account's means it is for: one that served serves no more, put back or not.
    #[n(5)]
    pub renewals: u32,
    /// The keyed digest of what the second person tells the holder: neither who drew the link nor who confirmed it can take
    /// it alone.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub second: Option<Vec<u8>>,
    /// Where the account's mail goes once it served, if that changes.
    #[n(7)]
    pub mail: Option<String>,
    /// First moment at which it serves: that of an account in use leaves its holder the time to stop it.
    #[n(9)]
    pub opens: Option<i64>,
    /// The signatures under it, where it takes any.
    #[n(16)]
    pub signed: Option<LinkSigned>,
}

impl LinkSecrets {
    pub(crate) fn seal(&self, keys: &Keys, (account, digest): (AccountId, &[u8; 32])) -> Result<Vec<u8>, VaultError> {
        let row: [&[u8]; 2] = [account.as_bytes(), digest];
        keys.seal(Purpose::AccountFields, link_place(&row), &minicbor::to_vec(self).unwrap_or_default())
    }

    pub(crate) fn open(keys: &Keys, row: &LinkRow) -> Result<Self, StoreError> {
        let place: [&[u8]; 2] = [row.account.as_bytes(), &row.digest];
        let clear = keys.open(Purpose::AccountFields, link_place(&place), &row.sealed).ok();
        clear.and_then(|clear| minicbor::decode(&clear).ok()).ok_or(StoreError::Malformed("account_links.sealed"))
    }

    pub(crate) fn id(&self) -> LinkId {
        LinkId::from_bytes(self.id)
    }

    pub(crate) fn by(&self) -> Option<AccountId> {
        self.by.as_deref().and_then(|by| AccountId::try_from(by).ok())
    }

    pub(crate) fn opens(&self) -> Option<Time> {
        self.opens.map(Time::from_micros)
    }

    pub(crate) fn seen(&self) -> LinkSeen {
        let (drawn, expires) = (Time::from_micros(self.drawn), Time::from_micros(self.expires));
        let (waits, asks_second, mail) = (self.waits, self.second.is_some(), self.mail.clone());
        let (signed, opens) = (self.signed.is_some(), self.opens());
        LinkSeen { id: self.id(), by: self.by(), drawn, expires, waits, asks_second, mail, opens, signed }
    }
}

fn link_place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "account_links", column: "sealed", row }
}

/// A link's row.
#[derive(Clone)]
pub(crate) struct LinkRow {
    pub account: AccountId,
    pub digest: [u8; 32],
    pub sealed: Vec<u8>,
}
