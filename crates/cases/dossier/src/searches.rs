//! Searches of traces that a trace controller keeps for himself, under a name.

use crate::sql;
use identity::Authenticated;
use journal::{Applied, Effect, Journal, JournalError, Refusal, WriteTx};
use minicbor::{Decode, Encode};
use policy::{Action, Authorized, Denied, Facts, ForgetSearch, Lacking, Policies, SaveSearch, SeeSearches};
use std::sync::Arc;
use store::{Store, StoreError};
use types::{AccountId, Event, SearchId};
use vault::{Keys, Place, Purpose, VaultError, random};

/// Searches that one person keeps at most.
pub const SEARCHES_MAX: usize = 20;
/// The longest name.
pub const SEARCH_NAME_CHARS_MAX: usize = 60;
/// The longest search, as an address has it.
const QUERY_BYTES_MAX: usize = 4096;

/// Why nothing was shown, kept or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum SearchesError {
    /// Absent or forbidden: the same.
    #[error("not found")]
    NotFound,
    /// The same person has to prove more firmly, or again, who he is.
    #[error("this asks for {0}")]
    Lacking(Lacking),
    /// A policy could not be evaluated.
    #[error("a policy could not be evaluated")]
    Fault,
    /// The name is missing, too long, or not a line of text.
    #[error("a name holds 1 to {SEARCH_NAME_CHARS_MAX} characters, on one line")]
    Name,
    /// There are as many as may be.
    #[error("{SEARCHES_MAX} searches are kept at most; forget one first")]
    Full,
    /// A key is missing, or a row does not open.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// Not traced, so not done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A search kept for later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// Which.
    pub id: SearchId,
    /// What its owner calls it.
    pub name: String,
    /// What it asks for, as an address has it.
    pub query: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Raw {
    #[n(0)]
    name: String,
    #[n(1)]
    query: String,
}

/// Keeps searches. Clones are handles.
#[derive(Clone)]
pub struct SavedSearches(Arc<Parts>);

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
}

impl SavedSearches {
    /// Over a database, with the keys of a holder that may open saved searches.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys) -> Self {
        Self(Arc::new(Parts { store, journal, policies, keys }))
    }

    /// One's own, by their names.
    pub async fn list(&self, who: &Authenticated) -> Result<Vec<SavedSearch>, SearchesError> {
        self.decide(who, SeeSearches {}).await?;
        self.of(who.account().ok_or(SearchesError::NotFound)?).await
    }

    /// Keeps a search, in the place of one of the same name.
    pub async fn save(&self, who: &Authenticated, name: &str, query: &str) -> Result<SearchId, SearchesError> {
        let (id, name) = (SearchId::from_bytes(random()?), name.trim());
        let authorized = self.decide(who, SaveSearch { search: id, query: query.to_owned() }).await?;
        let account = who.account().ok_or(SearchesError::NotFound)?;
        let fits = !name.is_empty() && name.chars().count() <= SEARCH_NAME_CHARS_MAX;
        if !fits || name.contains(char::is_control) || query.len() > QUERY_BYTES_MAX {
            return Err(SearchesError::Name);
        }
        let held = self.of(account).await?;
        let replaces = held.into_iter().find(|one| one.name == name).map(|one| one.id);
        let raw = minicbor::to_vec(Raw { name: name.to_owned(), query: query.to_owned() }).unwrap_or_default();
        let row: [&[u8]; 2] = [id.as_bytes(), account.as_bytes()];
        let sealed = self.0.keys.seal(Purpose::SavedSearches, place(&row), &raw)?;
        let kept = self.0.journal.perform(authorized, Keep { account, sealed, replaces }).await?;
        if kept { Ok(id) } else { Err(SearchesError::Full) }
    }

    /// Forgets one of one's own.
    pub async fn forget(&self, who: &Authenticated, search: SearchId) -> Result<(), SearchesError> {
        let authorized = self.decide(who, ForgetSearch { search }).await?;
        let account = who.account().ok_or(SearchesError::NotFound)?;
        let found = self.0.journal.perform(authorized, Forget { account }).await?;
        if found { Ok(()) } else { Err(SearchesError::NotFound) }
    }

    /// A row that does not open in its place was not made here: it is left out, as if there were none.
    async fn of(&self, account: AccountId) -> Result<Vec<SavedSearch>, SearchesError> {
        let mut connection = self.0.store.read().await?;
        let rows = sql::searches(&mut connection, account, SEARCHES_MAX).await?;
        let mut found = Vec::with_capacity(rows.len());
        for (id, sealed) in rows {
            let row: [&[u8]; 2] = [id.as_bytes(), account.as_bytes()];
            let clear = self.0.keys.open(Purpose::SavedSearches, place(&row), &sealed);
            match clear.ok().and_then(|clear| minicbor::decode::<Raw>(&clear).ok()) {
                Some(Raw { name, query }) => found.push(SavedSearch { id, name, query }),
                None => tracing::warn!(%id, "a saved search does not open; it is left out"),
            }
        }
        found.sort_by_cached_key(|one| one.name.to_lowercase());
        Ok(found)
    }

    async fn decide<A: Action>(&self, who: &Authenticated, action: A) -> Result<Authorized<A>, SearchesError> {
        let parts = &*self.0;
        match parts.policies.decide(who, action, &Facts::default(), parts.journal.now()) {
            Ok(proof) => Ok(proof),
            Err(Denied::Fault) => Err(SearchesError::Fault),
            Err(why) => {
                let refusal = Refusal { target: "traces".into(), reason: why.to_string() };
                parts.journal.refuse(who, Event::Refused, &refusal).await?;
                Err(why.lacking().map_or(SearchesError::NotFound, SearchesError::Lacking))
            }
        }
    }
}

fn place<'a>(row: &'a [&'a [u8]]) -> Place<'a> {
    Place { table: "saved_searches", column: "sealed", row }
}

struct Keep {
    account: AccountId,
    sealed: Vec<u8>,
    replaces: Option<SearchId>,
}

impl Effect<SaveSearch> for Keep {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, SaveSearch>) -> Result<Applied<bool>, StoreError> {
        let id = tx.action().search;
        if let Some(old) = self.replaces {
            sql::delete_search(tx.connection(), self.account, old).await?;
        }
        if sql::searches(tx.connection(), self.account, SEARCHES_MAX).await?.len() >= SEARCHES_MAX {
            return Ok(Applied::refused(false));
        }
        sql::insert_search(tx.connection(), self.account, id, &self.sealed).await?;
        Ok(Applied::done(true))
    }
}

struct Forget {
    account: AccountId,
}

impl Effect<ForgetSearch> for Forget {
    type Output = bool;
    async fn apply(&self, tx: &mut WriteTx<'_, ForgetSearch>) -> Result<Applied<bool>, StoreError> {
        let id = tx.action().search;
        let found = sql::delete_search(tx.connection(), self.account, id).await?;
        Ok(if found { Applied::done(true) } else { Applied::refused(false) })
    }
}
