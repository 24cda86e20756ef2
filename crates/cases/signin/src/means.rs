//! One's own means of identification beside the password, and what administrators do with the means of others: keys for
//! SSH, passkeys and who vouches for them.

pub(crate) mod effects;
pub(crate) mod model;
pub(crate) mod sql;

use crate::{
    ending::{Reserve, perform_ending},
    model::AccountRow,
    outbox::{
        News, Writes,
        model::{About, LetterRow, Post, Whose},
        told_or_logged,
    },
    sql::account_by_id,
};
use data_encoding::BASE64URL_NOPAD;
use effects::{DeletePasskey, DeleteSshKey, InsertPasskey, InsertSshKey, KeepVouch, Kept, ResealPasskey};
use identity::{
    Authenticated, BadSshKey, SshPublicKey,
    passkey::{BadRegistration, PasskeyRecord, RelyingParty, verify_registration},
};
use journal::{Journal, JournalError};
use model::{BadLabel, EnrolledPasskey, OwnMeans, PasskeyBond, SshKeySecrets, SshKeySeen, label, open_passkey};
use policy::{
    AddSshKey, Denied, EnrolPasskey, Facts, Lacking, Policies, RemovePasskey, RemoveSshKey, RevokePasskey, SeeOwnMeans,
    SeePasskeys, VouchPasskey,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::{Store, StoreError};
use types::{AccountId, EstablishmentId, SessionId, Time};
use vault::{Keys, VaultError, random};

/// A passkey's enrolment must be finished within this time.
const CEREMONY: Duration = Duration::from_secs(300);
/// Enrolments under way at once.
const CEREMONIES_MAX: usize = 1024;
/// Passkeys shown to those who vouch.
const PASSKEYS_SHOWN_MAX: i64 = 500;
/// The evidence of a vouching, at most.
pub const EVIDENCE_BYTES_MAX: usize = 64 * 1024;

/// Why a means was not added, changed or shown.
#[derive(Debug, thiserror::Error)]
pub enum MeansError {
    /// Not permitted; a token manages no means.
    #[error("not permitted")]
    Denied,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// Nothing like that is there.
    #[error("nothing like that is there")]
    Absent,
    /// It is there already.
    #[error("this one is there already")]
    Taken,
    /// As many as an account may have.
    #[error("there are as many as an account may have: remove one first")]
    Full,
    /// Not a label.
    #[error(transparent)]
    Label(#[from] BadLabel),
    /// Not a key for SSH that is taken.
    #[error(transparent)]
    SshKey(#[from] BadSshKey),
    /// Not a passkey that is taken.
    #[error(transparent)]
    Passkey(#[from] BadRegistration),
    /// The enrolment was not begun, was finished, or took too long.
    #[error("this enrolment took too long, or was not begun here: begin again")]
    Lost,
    /// A token cannot be made so; the words say which part is wrong.
    #[error("{0}")]
    Token(&'static str),
    /// The evidence is too long.
    #[error("the evidence is too long")]
    Evidence,
    /// A store, a key or the journal does not answer.
    #[error("this is not possible at present")]
    Unavailable,
}

impl From<Denied> for MeansError {
    fn from(denied: Denied) -> Self {
        denied.lacking().map_or(Self::Denied, Self::Lacking)
    }
}

impl From<StoreError> for MeansError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "means of identification cannot be read");
        MeansError::Unavailable
    }
}

impl From<VaultError> for MeansError {
    fn from(error: VaultError) -> Self {
        tracing::warn!(%error, "means of identification cannot be sealed or opened");
        MeansError::Unavailable
    }
}

impl From<JournalError> for MeansError {
    fn from(error: JournalError) -> Self {
        match error {
            // Two at once: the other was first.
            JournalError::Store(StoreError::Conflict) => MeansError::Taken,
            error => {
                tracing::warn!(%error, "a change of means could not be traced or stored");
                MeansError::Unavailable
            }
        }
    }
}

impl From<Kept> for Result<(), MeansError> {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Done => Ok(()),
            Kept::Full => Err(MeansError::Full),
            Kept::Taken => Err(MeansError::Taken),
            Kept::Absent => Err(MeansError::Absent),
        }
    }
}

/// What the page that enrols a passkey needs for `navigator.credentials.create`; with it: user verification required,
/// algorithms -7 and -8, no attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyOptions {
    /// To be signed, once.
    pub challenge: [u8; 32],
    /// Whom the passkey is for.
    pub rp: RelyingParty,
    /// The user's handle: tells nothing of him.
    pub user: AccountId,
    /// The passkeys that he has already.
    pub exclude: Vec<Vec<u8>>,
}

/// What the browser gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The browser's part.
    pub client_data_json: Vec<u8>,
    /// The authenticator's part.
    pub attestation_object: Vec<u8>,
}

struct Pending {
    challenge: [u8; 32],
    expires: Time,
}

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    rp: RelyingParty,
    /// Challenges not yet answered, by account; a node keeps its own.
    pending: Mutex<HashMap<AccountId, Pending>>,
    writes: Writes,
}

/// Means of identification, for one door. Clones are handles.
#[derive(Clone)]
pub struct Means(Arc<Parts>);

impl Means {
    /// For one door, with that door's keys; `rp` is whom its passkeys are for.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys, rp: RelyingParty) -> Self {
        Self(Arc::new(Parts {
            store,
            journal,
            policies,
            keys,
            rp,
            pending: Mutex::default(),
            writes: Writes::default(),
        }))
    }

    /// Tells people by mail what becomes of their means. Told once.
    pub fn write_mail(&self, post: Post) {
        self.0.writes.begin(post);
    }

    /// The letter about somebody's means, changed in this session of his own, if it is his.
    async fn letter(
        &self,
        account: AccountId,
        (about, session): (About, Option<SessionId>),
    ) -> Result<Option<LetterRow>, StoreError> {
        let parts = &self.0;
        if !parts.writes.is_on() {
            return Ok(None);
        }
        let row = account_of(&parts.store, account).await.map_err(|error| StoreError::Other(error.to_string()))?;
        let secrets = row.secrets(&parts.keys)?;
        let (news, whose) = (News { session, ..News::default() }, Whose { row: &row, secrets: &secrets });
        let now = parts.journal.now();
        parts.writes.letter((&parts.store, &parts.keys), whose, (about, news), now).await
    }

    /// One's own keys and passkeys.
    pub async fn own(&self, who: &Authenticated) -> Result<OwnMeans, MeansError> {
        let parts = &self.0;
        let account = who.account().ok_or(MeansError::Denied)?;
        parts.policies.decide(who, SeeOwnMeans { account }, &Facts::default(), parts.journal.now())?;
        let mut connection = parts.store.read().await?;
        let mut ssh_keys = Vec::new();
        for row in sql::ssh_keys(&mut connection, account).await? {
            let kept = SshKeySecrets::open(&parts.keys, account, &row)?;
            let key = SshPublicKey::from_blob(&kept.blob).map_err(|_| StoreError::Malformed("ssh_keys.sealed"))?;
            let (fingerprint, added) = (row.fingerprint, row.added);
            ssh_keys.push(SshKeySeen { fingerprint, algorithm: key.algorithm(), label: kept.label, added });
        }
        let rows = sql::passkeys_of(&mut connection, account).await?;
        let holder = account_by_id(&mut connection, account).await?.ok_or(MeansError::Denied)?;
        let renewals = holder.secrets(&parts.keys)?.renewals.unwrap_or(0);
        let passkeys = rows.iter().map(|row| open_passkey(&parts.keys, row, renewals)).collect::<Result<_, _>>()?;
        Ok(OwnMeans { ssh_keys, passkeys })
    }

    /// Adds a key for SSH to one's account, from the line of its `.pub` file; without a label its comment is taken. Gives
    /// its fingerprint.
    pub async fn add_ssh_key(&self, who: &Authenticated, line: &str, name: &str) -> Result<String, MeansError> {
        let parts = &self.0;
        let account = who.account().ok_or(MeansError::Denied)?;
        let (key, sealed) = ssh_key(&parts.keys, account, line, name)?;
        let action = AddSshKey { account, fingerprint: key.fingerprint() };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let letter = self.letter(account, (About::SshKeyAdded, who.session())).await?;
        let insert = InsertSshKey { sealed, asking: who.session(), letter };
        Result::from(parts.journal.perform(authorized, insert).await?)?;
        Ok(key.fingerprint())
    }

    /// Removes a key for SSH from one's account.
    pub async fn remove_ssh_key(&self, who: &Authenticated, fingerprint: &str) -> Result<(), MeansError> {
        let parts = &self.0;
        let account = who.account().ok_or(MeansError::Denied)?;
        if fingerprint.len() > 64 {
            return Err(MeansError::Absent);
        }
        let action = RemoveSshKey { account, fingerprint: fingerprint.to_owned() };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let letter = told_or_logged(self.letter(account, (About::SshKeyRemoved, who.session())).await);
        parts.journal.perform(authorized, DeleteSshKey(letter)).await?.into()
    }

    /// Begins the enrolment of a passkey for one's account. A new beginning replaces the one before.
    pub async fn begin_passkey(&self, who: &Authenticated) -> Result<PasskeyOptions, MeansError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let account = who.account().ok_or(MeansError::Denied)?;
        // What will be asked at the end is asked at once: no ceremony for nothing.
        let action = EnrolPasskey { account, credential: String::new() };
        parts.policies.decide(who, action, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let rows = sql::passkeys_of(&mut connection, account).await?;
        drop(connection);
        if rows.len() >= model::PASSKEYS_MAX {
            return Err(MeansError::Full);
        }
        let challenge = random()?;
        let mut pending = parts.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|_, pending| now < pending.expires);
        if pending.len() >= CEREMONIES_MAX && !pending.contains_key(&account) {
            return Err(MeansError::Unavailable);
        }
        pending.insert(account, Pending { challenge, expires: now + CEREMONY });
        let exclude = rows.into_iter().map(|row| row.credential).collect();
        Ok(PasskeyOptions { challenge, rp: parts.rp.clone(), user: account, exclude })
    }

    /// Finishes it: the passkey is kept, and signs nothing of weight before somebody vouches for it. Gives its identifier.
    pub async fn finish_passkey(
        &self,
        who: &Authenticated,
        registration: &Registration,
        name: &str,
    ) -> Result<Vec<u8>, MeansError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let (account, establishment) = who.account().zip(who.establishment()).ok_or(MeansError::Denied)?;
        let pending = {
            let mut all = parts.pending.lock().unwrap_or_else(PoisonError::into_inner);
            // Whatever comes of it, the challenge served.
            all.remove(&account)
        };
        let pending = pending.filter(|pending| now < pending.expires).ok_or(MeansError::Lost)?;
        let label = label(name)?;
        let (client, object) = (&registration.client_data_json, &registration.attestation_object);
        let public = verify_registration(&parts.rp, &pending.challenge, client, object)?;
        let renewal = account_of(&parts.store, account).await?.secrets(&parts.keys)?.renewals.unwrap_or(0);
        let record = PasskeyRecord { public, label, renewal };
        let (action, effect) = enrolment(&parts.keys, (account, establishment), &record)?;
        let letter = self.letter(account, (About::PasskeyAdded, who.session())).await?;
        let effect = InsertPasskey { asking: who.session(), letter, ..effect };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        Result::from(parts.journal.perform(authorized, effect).await?)?;
        Ok(record.public.credential)
    }

    /// Lets a passkey of one's own open sessions again, after one's means were changed: whoever looks at the list leaves out what
    /// is not his.
    pub async fn allow_passkey(&self, who: &Authenticated, credential: &[u8]) -> Result<(), MeansError> {
        let parts = &self.0;
        let (account, establishment) = who.account().zip(who.establishment()).ok_or(MeansError::Denied)?;
        let action = EnrolPasskey { account, credential: BASE64URL_NOPAD.encode(credential) };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let holder = account_of(&parts.store, account).await?;
        let renewal = holder.secrets(&parts.keys)?.renewals.unwrap_or(0);
        let mut connection = parts.store.read().await?;
        let row = sql::passkey_by_credential(&mut connection, credential).await?;
        drop(connection);
        let row = row.filter(|row| row.account == account).ok_or(MeansError::Absent)?;
        let kept = open_passkey(&parts.keys, &row, renewal)?;
        let record = PasskeyRecord { public: kept.public, label: kept.label, renewal };
        let bond = PasskeyBond { credential: &row.credential, account, establishment };
        let sealed = bond.seal(&parts.keys, "sealed", &record.to_bytes())?;
        let letter = self.letter(account, (About::PasskeyAdded, who.session())).await?;
        parts.journal.perform(authorized, ResealPasskey { former: row, sealed, letter }).await?.into()
    }

    /// Removes a passkey from one's own account; what it signed no longer counts. One's other sessions end: it may have opened
    /// them.
    pub async fn remove_passkey(&self, who: &Authenticated, credential: &[u8]) -> Result<(), MeansError> {
        let parts = &self.0;
        let account = who.account().ok_or(MeansError::Denied)?;
        let action = RemovePasskey { account, credential: BASE64URL_NOPAD.encode(credential) };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let mut connection = parts.store.read().await?;
        let row = sql::passkey_by_credential(&mut connection, credential).await?;
        drop(connection);
        let row = row.filter(|row| row.account == account).ok_or(MeansError::Absent)?;
        let letter = told_or_logged(self.letter(account, (About::PasskeyRemoved, who.session())).await);
        let delete = DeletePasskey { credential: row.credential, but: who.session(), letter };
        perform_ending(&parts.journal, authorized, delete, Reserve::Taken).await?.into()
    }

    /// Whom these passkeys are for.
    pub(crate) fn rp(&self) -> &RelyingParty {
        &self.0.rp
    }

    /// The passkeys of the establishment's accounts, those that wait for somebody to vouch first; at most 500.
    pub async fn passkeys(&self, who: &Authenticated) -> Result<Vec<EnrolledPasskey>, MeansError> {
        let parts = &self.0;
        let establishment = who.establishment().ok_or(MeansError::Denied)?;
        parts.policies.decide(who, SeePasskeys {}, &Facts::default(), parts.journal.now())?;
        let mut connection = parts.store.read().await?;
        let rows = sql::passkeys_at(&mut connection, establishment, PASSKEYS_SHOWN_MAX).await?;
        let mut shown = Vec::new();
        for row in rows {
            let holder = account_by_id(&mut connection, row.account).await?;
            // A row whose account is of another establishment is nobody's.
            let Some(holder) = holder.filter(|holder| holder.establishment == establishment) else { continue };
            let secrets = holder.secrets(&parts.keys)?;
            let passkey = open_passkey(&parts.keys, &row, secrets.renewals.unwrap_or(0))?;
            let (account, role, display_name) = (row.account, holder.role, secrets.display_name.clone());
            shown.push(EnrolledPasskey { account, display_name, role, passkey });
        }
        Ok(shown)
    }

    /// Keeps the evidence that somebody vouched for another's passkey: the terms that were signed, with the signature, as
    /// the case that verifies chains of enrolment wrote them. It is verified each time that the passkey counts.
    pub async fn vouch(&self, who: &Authenticated, credential: &[u8], evidence: &[u8]) -> Result<(), MeansError> {
        let parts = &self.0;
        let row = self.passkey_here(who, credential).await?;
        if who.account() == Some(row.account) {
            return Err(MeansError::Denied);
        }
        let (action, effect) = vouching(&parts.keys, &row, evidence)?;
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        parts.journal.perform(authorized, effect).await?.into()
    }

    /// Revokes a passkey of the establishment: what it signed no longer counts, and its holder's sessions end.
    pub async fn revoke_passkey(&self, who: &Authenticated, credential: &[u8]) -> Result<(), MeansError> {
        let parts = &self.0;
        let row = self.passkey_here(who, credential).await?;
        let action = RevokePasskey { account: row.account, credential: BASE64URL_NOPAD.encode(credential) };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let letter = told_or_logged(self.letter(row.account, (About::PasskeyRemoved, None)).await);
        let delete = DeletePasskey { credential: row.credential, but: None, letter };
        perform_ending(&parts.journal, authorized, delete, Reserve::Taken).await?.into()
    }

    /// A passkey of the establishment of `who`, for those who may see them.
    async fn passkey_here(&self, who: &Authenticated, credential: &[u8]) -> Result<sql::PasskeyRow, MeansError> {
        let parts = &self.0;
        parts.policies.decide(who, SeePasskeys {}, &Facts::default(), parts.journal.now())?;
        let mut connection = parts.store.read().await?;
        let row = sql::passkey_by_credential(&mut connection, credential).await?;
        row.filter(|row| Some(row.establishment) == who.establishment()).ok_or(MeansError::Absent)
    }
}

/// A key's line, checked and sealed.
pub(crate) fn ssh_key(
    keys: &Keys,
    account: AccountId,
    line: &str,
    name: &str,
) -> Result<(SshPublicKey, Vec<u8>), MeansError> {
    let (key, comment) = SshPublicKey::from_line(line)?;
    let label = label(if name.trim().is_empty() { &comment } else { name })?;
    let kept = SshKeySecrets { blob: key.blob().to_vec(), label };
    let sealed = kept.seal(keys, account, &key.fingerprint())?;
    Ok((key, sealed))
}

/// A passkey, sealed, and what is asked to keep it.
pub(crate) fn enrolment(
    keys: &Keys,
    (account, establishment): (AccountId, EstablishmentId),
    record: &PasskeyRecord,
) -> Result<(EnrolPasskey, InsertPasskey), MeansError> {
    let credential = record.public.credential.clone();
    let bond = PasskeyBond { credential: &credential, account, establishment };
    let sealed = bond.seal(keys, "sealed", &record.to_bytes())?;
    let action = EnrolPasskey { account, credential: BASE64URL_NOPAD.encode(&credential) };
    Ok((action, InsertPasskey { credential, establishment, sealed, asking: None, letter: None }))
}

/// Evidence, sealed, and what is asked to keep it.
pub(crate) fn vouching(
    keys: &Keys,
    row: &sql::PasskeyRow,
    evidence: &[u8],
) -> Result<(VouchPasskey, KeepVouch), MeansError> {
    if evidence.is_empty() || evidence.len() > EVIDENCE_BYTES_MAX {
        return Err(MeansError::Evidence);
    }
    let (credential, account) = (row.credential.clone(), row.account);
    let bond = PasskeyBond { credential: &credential, account, establishment: row.establishment };
    let sealed = bond.seal(keys, "vouch", evidence)?;
    let action = VouchPasskey { account, credential: BASE64URL_NOPAD.encode(&credential) };
    Ok((action, KeepVouch { credential, sealed }))
}

/// The account's establishment and role, if it is there.
pub(crate) async fn account_of(store: &Store, account: AccountId) -> Result<AccountRow, MeansError> {
    let mut connection = store.read().await?;
    account_by_id(&mut connection, account).await?.ok_or(MeansError::Absent)
}
