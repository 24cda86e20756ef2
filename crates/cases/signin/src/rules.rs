//! What an administrator decided of the sessions of a population, kept for all nodes; where nobody decided anything, what the
//! installation says holds. It counts for the sessions opened from then on.

use crate::{
    SignInService,
    model::AccountRow,
    sql::{forget_session_rules, put_session_rules, session_rules},
};
use identity::{AtOnce, BadSessionRules, Population, SessionRules};
use journal::{Applied, Effect, JournalError, WriteTx};
use minicbor::{Decode, Encode};
use policy::{Denied, Facts, Lacking, SeeAccounts, SetSessionRules};
use store::StoreError;
use types::EstablishmentId;
use vault::{Keys, Place, Purpose};

#[derive(Encode, Decode)]
#[cbor(map)]
struct RawRules {
    #[n(0)]
    idle_seconds: u64,
    #[n(1)]
    seconds: u64,
    #[n(2)]
    at_once: String,
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "session_rules", column: "sealed", row }
}

/// Why the sessions' rules were not shown or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRulesError {
    /// Not permitted, or too long after the sign-in.
    #[error("not permitted")]
    Denied,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// Nobody may set them so.
    #[error(transparent)]
    Bad(#[from] BadSessionRules),
    /// A store, a key or the journal does not answer.
    #[error("this is not possible at present")]
    Unavailable,
}

impl From<Denied> for SessionRulesError {
    fn from(denied: Denied) -> Self {
        denied.lacking().map_or(Self::Denied, Self::Lacking)
    }
}

impl From<StoreError> for SessionRulesError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the sessions' rules cannot be read");
        Self::Unavailable
    }
}

impl From<JournalError> for SessionRulesError {
    fn from(error: JournalError) -> Self {
        tracing::warn!(%error, "the sessions' rules could not be traced or stored");
        Self::Unavailable
    }
}

/// What holds for a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulesSeen {
    /// Whose sessions.
    pub population: Population,
    /// What was decided; nothing where each door's installation says it.
    pub rules: Option<SessionRules>,
}

impl SignInService {
    /// What administrators decided holds for this door's sessions. Without this call the settings alone do: so are opened the
    /// short sessions of probes.
    ///
    /// `reserved`: the login of the account that probes use, of which several nodes have sessions at once.
    pub fn with_session_rules(self, reserved: Option<String>) -> Self {
        let _ = self.parts().rules.set(reserved);
        self
    }

    /// What holds for a session that this account opens now.
    pub(crate) async fn rules_of(&self, account: &AccountRow) -> Result<SessionRules, StoreError> {
        let parts = self.parts();
        let installed = SessionRules::of_installation(parts.settings.limits);
        let Some(reserved) = parts.rules.get() else { return Ok(installed) };
        let population = Population::from(account.role);
        let mut connection = parts.store.read().await?;
        let sealed = session_rules(&mut connection, account.establishment, population).await?;
        drop(connection);
        let Some(sealed) = sealed else { return Ok(installed) };
        let Ok(rules) = opened(&parts.keys, (account.establishment, population), &sealed) else {
            // Whoever can spoil the row can delete it as well: nobody is locked out by it.
            tracing::error!(
                population = population.as_str(),
                "what was decided of sessions does not open: as installed"
            );
            return Ok(installed);
        };
        let login = account.secrets(&parts.keys)?.login.clone();
        if reserved.as_ref().is_some_and(|reserved| *reserved == login) {
            let limits = rules.limits();
            return SessionRules::new(limits.idle.as_secs(), limits.absolute.as_secs(), AtOnce::Several)
                .map_err(|_| StoreError::Malformed("session_rules.sealed"));
        }
        Ok(rules)
    }

    /// What holds for the populations that come in by this door, at its own establishment.
    pub async fn rules_in_force(&self) -> Result<Vec<(Population, SessionRules)>, StoreError> {
        let parts = self.parts();
        let installed = SessionRules::of_installation(parts.settings.limits);
        let mut connection = parts.store.read().await?;
        let mut all = Vec::new();
        for &population in Population::ALL {
            if !parts.settings.roles.iter().any(|role| Population::from(*role) == population) {
                continue;
            }
            let whose = (parts.settings.establishment, population);
            let sealed = session_rules(&mut connection, whose.0, population).await?;
            let rules = sealed.and_then(|sealed| opened(&parts.keys, whose, &sealed).ok());
            all.push((population, rules.unwrap_or(installed)));
        }
        Ok(all)
    }

    /// What was decided for each population.
    pub async fn session_rules(&self, who: &identity::Authenticated) -> Result<Vec<RulesSeen>, SessionRulesError> {
        let parts = self.parts();
        parts.policies.decide(who, SeeAccounts {}, &Facts::default(), parts.journal.now())?;
        let establishment = who.establishment().ok_or(SessionRulesError::Denied)?;
        let mut connection = parts.store.read().await?;
        let mut all = Vec::new();
        for &population in Population::ALL {
            let sealed = session_rules(&mut connection, establishment, population).await?;
            // One that does not open decides nothing; whoever decides anew mends it.
            let rules = sealed.and_then(|sealed| opened(&parts.keys, (establishment, population), &sealed).ok());
            all.push(RulesSeen { population, rules });
        }
        Ok(all)
    }

    /// Decides for a population; nothing gives the decision up, and each door's installation says it again.
    pub async fn set_session_rules(
        &self,
        who: &identity::Authenticated,
        population: Population,
        rules: Option<SessionRules>,
    ) -> Result<(), SessionRulesError> {
        let parts = self.parts();
        let establishment = who.establishment().ok_or(SessionRulesError::Denied)?;
        let decided = rules.map_or_else(|| "as installed".to_owned(), |rules| rules.to_string());
        let decision = format!("{}: {decided}", population.as_str());
        let action = SetSessionRules { decision };
        let authorized = parts.policies.decide(who, action, &Facts::default(), parts.journal.now())?;
        let sealed = rules.map(|rules| sealed(&parts.keys, (establishment, population), rules)).transpose()?;
        Ok(parts.journal.perform(authorized, Put { establishment, population, sealed }).await?)
    }
}

fn sealed(
    keys: &Keys,
    (establishment, population): (EstablishmentId, Population),
    rules: SessionRules,
) -> Result<Vec<u8>, StoreError> {
    let limits = rules.limits();
    let (idle_seconds, seconds) = (limits.idle.as_secs(), limits.absolute.as_secs());
    let raw = RawRules { idle_seconds, seconds, at_once: rules.at_once().as_str().to_owned() };
    let row: [&[u8]; 2] = [establishment.as_bytes(), population.as_str().as_bytes()];
    let clear = minicbor::to_vec(&raw).unwrap_or_default();
    keys.seal(Purpose::SessionFields, place(&row), &clear).map_err(|error| StoreError::Other(error.to_string()))
}

fn opened(
    keys: &Keys,
    (establishment, population): (EstablishmentId, Population),
    sealed: &[u8],
) -> Result<SessionRules, StoreError> {
    let bad = || StoreError::Malformed("session_rules.sealed");
    let row: [&[u8]; 2] = [establishment.as_bytes(), population.as_str().as_bytes()];
    let clear = keys.open(Purpose::SessionFields, place(&row), sealed).map_err(|_| bad())?;
    let raw: RawRules = minicbor::decode(&clear).map_err(|_| bad())?;
    let at_once = raw.at_once.parse().map_err(|()| bad())?;
    SessionRules::new(raw.idle_seconds, raw.seconds, at_once).map_err(|_| bad())
}

struct Put {
    establishment: EstablishmentId,
    population: Population,
    sealed: Option<Vec<u8>>,
}

impl Effect<SetSessionRules> for Put {
    type Output = ();
    async fn apply(&self, tx: &mut WriteTx<'_, SetSessionRules>) -> Result<Applied<()>, StoreError> {
        let whose = (self.establishment, self.population);
        match &self.sealed {
            Some(sealed) => put_session_rules(tx.connection(), whose, sealed.clone()).await?,
            None => forget_session_rules(tx.connection(), whose).await?,
        }
        Ok(Applied::done(()))
    }
}
