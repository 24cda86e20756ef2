//! Creating establishments and accounts. For the operator's commands and the demonstration; pages come later.

mod invited;
pub(crate) mod lent;

use crate::{
    accounts::{
        model::{AccountError, Attributes, Profile},
        numbers::is_anothers,
    },
    hasher::Hasher,
    means::{self, MeansError, account_of, effects::InsertSshKey},
    model::{AccountBond, AccountSecrets, Life, state_column},
    sql,
};
use identity::{Authenticated, BadPassword, TotpSecret, hash_password, passkey::PasskeyRecord, system_actor};
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use policy::{AddSshKey, CreateAccount, CreateEstablishment, Denied, Facts, Policies};
use std::sync::Arc;
use store::{Store, StoreError};
use types::{AccountId, AccountState, EstablishmentId, IdentityProof, Role, Secret, SupplierId, SystemActor};
use vault::{Keys, Purpose, VaultError, random};

/// Why somebody was not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The login is taken (or the establishment's name).
    #[error("this login or name is taken")]
    Taken,
    /// Only suppliers' people belong to a supplier.
    #[error("an account of this role belongs to no supplier")]
    NotASuppliers,
    /// That is not what this attribute of a person can be; `rpps_taken`: the national number is somebody else's.
    #[error("{0} cannot be taken")]
    Attribute(&'static str),
    /// The password cannot be taken.
    #[error(transparent)]
    Password(#[from] BadPassword),
    /// The policies say no.
    #[error("not permitted: {0}")]
    Denied(#[from] Denied),
    /// Not traced, so not done.
    #[error(transparent)]
    Journal(JournalError),
    /// A key is missing.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<JournalError> for EnrolError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Store(StoreError::Conflict) => EnrolError::Taken,
            other => EnrolError::Journal(other),
        }
    }
}

/// An account to be created.
pub struct NewAccount {
    /// What the person types; compared without regard to case and surrounding spaces.
    pub login: String,
    /// The name shown.
    pub display_name: String,
    /// For what.
    pub role: Role,
    /// Whose people he is of: for technicians and suppliers' managers only.
    pub supplier: Option<SupplierId>,
    /// The first password.
    pub password: Secret<String>,
    /// The second factor, which the caller drew and hands over once.
    pub totp: TotpSecret,
}

/// An account that has only to be created.
pub struct Prepared {
    action: CreateAccount,
    insert: InsertAccount,
}

impl Prepared {
    /// The account that it will be.
    pub fn account(&self) -> AccountId {
        self.action.account
    }
}

/// Enrols, as a named system actor.
pub struct Enrolment {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    actor: SystemActor,
    hasher: Hasher,
}

/// Logins are compared in lower case, without surrounding spaces.
pub(crate) fn normal_login(login: &str) -> String {
    login.trim().to_lowercase()
}

struct InsertEstablishment(String);

impl Effect<CreateEstablishment> for InsertEstablishment {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CreateEstablishment>) -> Result<Applied<()>, StoreError> {
        let id = tx.action().establishment;
        sql::insert_establishment(tx.connection(), id, &self.0).await?;
        Ok(Applied::done(()))
    }
}

struct InsertAccount {
    supplier: Option<SupplierId>,
    login_token: [u8; 32],
    sealed: Vec<u8>,
    profile: Option<Vec<u8>>,
}

impl Effect<CreateAccount> for InsertAccount {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, CreateAccount>) -> Result<Applied<()>, StoreError> {
        let (id, establishment, role) = (tx.action().account, tx.action().establishment, tx.action().role);
        let (supplier, login_token, sealed) = (self.supplier, self.login_token, self.sealed.clone());
        let account = sql::AccountInsert {
            id,
            establishment,
            role,
            supplier,
            login_token,
            sealed,
            state: state_column(AccountState::Active),
            profile: self.profile.clone(),
        };
        sql::insert_account(tx.connection(), account).await?;
        Ok(Applied::done(()))
    }
}

impl Enrolment {
    /// With the keys of enrolment, acting as `actor`.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys, actor: SystemActor) -> Self {
        Self { store, journal, policies, keys, actor, hasher: Hasher::default() }
    }

    /// The establishments, by name.
    pub async fn establishments(&self) -> Result<Vec<(EstablishmentId, String)>, EnrolError> {
        let mut connection = self.store.read().await?;
        Ok(sql::establishment(&mut connection).await?)
    }

    /// Creates an establishment, unless one of that identifier is there.
    pub async fn establishment(&self, establishment: EstablishmentId, name: &str) -> Result<(), EnrolError> {
        if self.establishments().await?.iter().any(|(id, _)| *id == establishment) {
            return Ok(());
        }
        let now = self.journal.now();
        let who = system_actor(self.actor, Some(establishment), now);
        let action = CreateEstablishment { establishment };
        let authorized = self.policies.decide(&who, action, &Facts::default(), now)?;
        self.journal.perform(authorized, InsertEstablishment(name.to_owned())).await?;
        Ok(())
    }

    /// Creates an account.
    pub async fn account(&self, establishment: EstablishmentId, new: NewAccount) -> Result<AccountId, EnrolError> {
        let prepared = self.prepare(establishment, new).await?;
        self.create(prepared).await
    }

    /// All of an account but its creation: what cannot be taken is told here, and its identifier is known before it is.
    pub async fn prepare(&self, establishment: EstablishmentId, new: NewAccount) -> Result<Prepared, EnrolError> {
        let account = AccountId::from_bytes(random()?);
        let totp = *new.totp.bytes();
        let login = normal_login(&new.login);
        let login_token = self.keys.token(Purpose::LoginTokens, &[login.as_bytes()])?;
        let (role, supplier) = (new.role, new.supplier);
        if supplier.is_some() && !matches!(role, Role::Technician | Role::SupplierManager) {
            return Err(EnrolError::NotASuppliers);
        }
        let (salt, password) = (random()?, new.password);
        let hash = self.hasher.run(move || hash_password(&password, &salt)).await;
        let hash = hash.map_err(|_| BadPassword::Refused)??;
        let life = Life::new(AccountState::Active, self.journal.now(), None);
        let mut secrets = AccountSecrets::new(login, new.display_name, &hash, life)?;
        secrets.totp = totp;
        let bond = AccountBond { id: &account, establishment: &establishment, role, supplier: supplier.as_ref() };
        let sealed = bond.seal(&self.keys, &secrets)?;
        let action = CreateAccount { establishment, account, role };
        Ok(Prepared { action, insert: InsertAccount { supplier, login_token, sealed, profile: None } })
    }

    /// Says who the holder of an account to be created is, and how his identity was verified.
    pub async fn describe(
        &self,
        prepared: &mut Prepared,
        attributes: Attributes,
        proof: IdentityProof,
    ) -> Result<(), EnrolError> {
        let attributes = attributes.checked().map_err(|error| match error {
            AccountError::Field(field) => EnrolError::Attribute(field),
            _ => EnrolError::Attribute("attributes"),
        })?;
        let CreateAccount { establishment, account, .. } = prepared.action;
        let mut connection = self.store.read().await?;
        if is_anothers(&mut connection, &self.keys, establishment, (account, &attributes)).await? {
            return Err(EnrolError::Attribute("rpps_taken"));
        }
        let profile = Profile::new(&attributes, proof, self.journal.now());
        prepared.insert.profile = Some(profile.seal(&self.keys, (account, establishment))?);
        Ok(())
    }

    /// Creates an account that was prepared.
    pub async fn create(&self, prepared: Prepared) -> Result<AccountId, EnrolError> {
        let now = self.journal.now();
        let Prepared { action, insert } = prepared;
        let account = action.account;
        let who = system_actor(self.actor, Some(action.establishment), now);
        let authorized = self.policies.decide(&who, action, &Facts::default(), now)?;
        self.journal.perform(authorized, insert).await?;
        Ok(account)
    }

    /// The account of a login, with its establishment and its role.
    pub async fn account_named(&self, login: &str) -> Result<Option<(AccountId, EstablishmentId, Role)>, EnrolError> {
        let token = self.keys.token(Purpose::LoginTokens, &[normal_login(login).as_bytes()])?;
        let mut connection = self.store.read().await?;
        let row = sql::account_by_login(&mut connection, &token).await?;
        Ok(row.map(|row| (row.id, row.establishment, row.role)))
    }

    /// Adds a key for SSH to an account, from the line of its `.pub` file. Gives its fingerprint.
    pub async fn ssh_key(&self, account: AccountId, line: &str, label: &str) -> Result<String, MeansError> {
        let who = self.acting_for(account).await?;
        let (key, sealed) = means::ssh_key(&self.keys, account, line, label)?;
        let action = AddSshKey { account, fingerprint: key.fingerprint() };
        let authorized = self.policies.decide(&who, action, &Facts::default(), self.journal.now())?;
        Result::from(self.journal.perform(authorized, InsertSshKey { sealed, asking: None, letter: None }).await?)?;
        Ok(key.fingerprint())
    }

    /// Enrols a passkey that the caller verified for an account; it signs nothing of weight before it is vouched for.
    pub async fn passkey(&self, account: AccountId, record: &PasskeyRecord) -> Result<(), MeansError> {
        let who = self.acting_for(account).await?;
        let establishment = who.establishment().ok_or(MeansError::Denied)?;
        let (action, effect) = means::enrolment(&self.keys, (account, establishment), record)?;
        let authorized = self.policies.decide(&who, action, &Facts::default(), self.journal.now())?;
        self.journal.perform(authorized, effect).await?.into()
    }

    /// Keeps the evidence that somebody vouched for a passkey; see [`crate::Means::vouch`].
    pub async fn vouch(&self, credential: &[u8], evidence: &[u8]) -> Result<(), MeansError> {
        let mut connection = self.store.read().await?;
        let row = means::sql::passkey_by_credential(&mut connection, credential).await?.ok_or(MeansError::Absent)?;
        drop(connection);
        let who = system_actor(self.actor, Some(row.establishment), self.journal.now());
        let (action, effect) = means::vouching(&self.keys, &row, evidence)?;
        let authorized = self.policies.decide(&who, action, &Facts::default(), self.journal.now())?;
        self.journal.perform(authorized, effect).await?.into()
    }

    async fn acting_for(&self, account: AccountId) -> Result<Authenticated, MeansError> {
        let row = account_of(&self.store, account).await?;
        Ok(self.acting(row.establishment))
    }

    fn acting(&self, establishment: EstablishmentId) -> Authenticated {
        system_actor(self.actor, Some(establishment), self.journal.now())
    }
}
