//! Tokens of the JSON interfaces: issued to somebody signed in with two factors, shown by his programs, revoked at once.

use crate::{
    SessionFault,
    ending::is_in_use,
    means::{
        MeansError, account_of,
        effects::{DeleteToken, InsertToken, NoteUse},
        model::{TokenSecrets, label},
        sql,
    },
    model::AccountRow,
    outbox::{
        News, Writes,
        model::{About, LetterRow, Post, Whose},
        told_or_logged,
    },
    service::policy_of,
    sql::account_by_id,
};
use identity::{
    ApiToken, Authenticated, DoorKey, NotHonored, PasswordPolicy, TokenTerms, door_actor, honor_token, issue_token,
    system_actor,
};
use journal::{Journal, Refusal};
use policy::{Facts, IssueToken, Policies, RevokeToken, SeeOwnMeans, TouchToken};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use store::{Store, StoreError};
use types::{
    AccountId, Cidr, ClientAddress, Door, EstablishmentId, Event, Extra, Role, Secret, SessionId, SupplierId,
    SystemActor, Time, TokenId, TokenScope,
};
use vault::{Keys, Purpose, VaultError, random};

/// A token lasts a year and a day at most.
pub const TOKEN_SECONDS_MAX: u64 = 366 * 86_400;
/// Ranges of addresses that a token may be bound to.
pub const TOKEN_SOURCES_MAX: usize = 16;
/// Uses are written down once in this time.
const TOUCH_EVERY: Duration = Duration::from_secs(3600);
/// Tokens whose last noted use is remembered.
const TOUCHED_MAX: usize = 10_000;
/// A revocation is kept in the reserve for this long: the record is deleted long before.
const REVOKED_FOR: Duration = Duration::from_secs(86_400);

/// What a door's tokens need to know.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// Which door; its tokens are honored at no other.
    pub door: Door,
    /// Whose tokens it honors.
    pub roles: &'static [Role],
    /// The establishment that refusals of unknown tokens are counted for.
    pub establishment: EstablishmentId,
    /// What the hospital asks of its administrators' passwords: a token waits with its holder for the one that is due.
    pub administrators_passwords: PasswordPolicy,
}

/// A token to be issued.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What its holder calls it.
    pub label: String,
    /// For what, at most; one at least.
    pub scopes: BTreeSet<TokenScope>,
    /// First moment at which it is refused; a year and a day ahead at most.
    pub expires: Time,
    /// Where it may be shown from; empty: from anywhere. Sixteen at most.
    pub sources: Vec<Cidr>,
}

/// A token, as its holder sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSeen {
    /// Which.
    pub id: TokenId,
    /// What its holder calls it.
    pub label: String,
    /// For what.
    pub scopes: BTreeSet<TokenScope>,
    /// Since when.
    pub issued: Time,
    /// Until when.
    pub expires: Time,
    /// Where from.
    pub sources: Vec<Cidr>,
    /// When it was last noted as used; noted once an hour.
    pub last_used: Option<Time>,
}

/// Somebody's program, for this request.
#[derive(Debug)]
pub struct TokenHolder {
    /// The proof, with [`identity::Assurance::Token`]; its session is the token's identifier.
    pub authenticated: Authenticated,
    /// Which token.
    pub token: TokenId,
    /// Whose.
    pub account: AccountId,
    /// In what role.
    pub role: Role,
    /// Whose people he is of, if he is a supplier's.
    pub supplier: Option<SupplierId>,
    /// For what, at most.
    pub scopes: BTreeSet<TokenScope>,
    /// Until when.
    pub expires: Time,
}

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
    door_key: DoorKey,
    settings: TokenSettings,
    touched: Mutex<HashMap<TokenId, Time>>,
    writes: Writes,
}

/// The tokens of one door. Clones are handles.
#[derive(Clone)]
pub struct ApiTokens(Arc<Parts>);

impl ApiTokens {
    /// For one door, with that door's keys.
    pub fn new(
        store: Store,
        journal: Journal,
        policies: Arc<Policies>,
        keys: Keys,
        settings: TokenSettings,
    ) -> Result<Self, VaultError> {
        let door_key = DoorKey::new(settings.door, &*keys.bare(Purpose::SessionTags(settings.door))?);
        let touched = Mutex::default();
        Ok(Self(Arc::new(Parts {
            store,
            journal,
            policies,
            keys,
            door_key,
            settings,
            touched,
            writes: Writes::default(),
        })))
    }

    /// Tells people by mail of their tokens. Told once.
    pub fn write_mail(&self, post: Post) {
        self.0.writes.begin(post);
    }

    async fn letter(
        &self,
        row: &AccountRow,
        (about, session): (About, Option<SessionId>),
    ) -> Result<Option<LetterRow>, StoreError> {
        let parts = &self.0;
        if !parts.writes.is_on() {
            return Ok(None);
        }
        let secrets = row.secrets(&parts.keys)?;
        let (news, whose) = (News { session, ..News::default() }, Whose { row, secrets: &secrets });
        let now = parts.journal.now();
        parts.writes.letter((&parts.store, &parts.keys), whose, (about, news), now).await
    }

    /// Issues a token for one's own account. The text is given once.
    pub async fn issue(&self, who: &Authenticated, new: NewToken) -> Result<(TokenId, Secret<String>), MeansError> {
        let account = who.account().ok_or(MeansError::Denied)?;
        let row = account_of(&self.0.store, account).await?;
        self.issue_to(who, &row, new).await
    }

    /// Issues a token for an account, as the operator or the demonstration.
    pub async fn issue_as(
        &self,
        actor: SystemActor,
        account: AccountId,
        new: NewToken,
    ) -> Result<(TokenId, Secret<String>), MeansError> {
        let row = account_of(&self.0.store, account).await?;
        let who = system_actor(actor, Some(row.establishment), self.0.journal.now());
        self.issue_to(&who, &row, new).await
    }

    async fn issue_to(
        &self,
        who: &Authenticated,
        row: &AccountRow,
        new: NewToken,
    ) -> Result<(TokenId, Secret<String>), MeansError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let label = label(&new.label)?;
        check(&new, now)?;
        if !is_in_use(&parts.journal, row) || !parts.settings.roles.contains(&row.role) {
            return Err(MeansError::Denied);
        }
        let (account, establishment) = (row.id, row.establishment);
        let id = TokenId::from_bytes(random()?);
        let (expires, scopes, mut sources) = (new.expires, new.scopes, new.sources);
        sources.sort_unstable();
        sources.dedup();
        let terms = TokenTerms { account, establishment, role: row.role, scopes, expires, sources };
        let (stored, token) = issue_token(&terms, &parts.door_key, (id, random()?), now);
        let (record, tag) = stored.parts();
        let insert = sql::TokenInsert {
            id,
            account,
            establishment,
            door: parts.settings.door,
            record: record.to_vec(),
            tag: tag.to_vec(),
            sealed: TokenSecrets { label }.seal(&parts.keys, id, account)?,
            expires,
        };
        let action = IssueToken { account, token: id };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let letter = self.letter(row, (About::TokenIssued, who.session())).await?;
        let insert = InsertToken { token: insert, asking: who.session(), letter };
        Result::from(parts.journal.perform(authorized, insert).await?)?;
        Ok((id, token.to_text()))
    }

    /// One's own tokens of this door, the next to end first.
    pub async fn list(&self, who: &Authenticated) -> Result<Vec<TokenSeen>, MeansError> {
        let parts = &self.0;
        let account = who.account().ok_or(MeansError::Denied)?;
        parts.policies.decide(who, SeeOwnMeans { account }, &Facts::default(), parts.journal.now())?;
        let mut connection = parts.store.read().await?;
        let rows = sql::tokens_of(&mut connection, account, parts.settings.door).await?;
        let mut shown = Vec::new();
        for row in rows {
            // What is not authentic opens nothing and is not shown; `resume` traces it.
            let Ok((terms, issued)) = row.stored.terms(&parts.door_key) else { continue };
            let label = TokenSecrets::open(&parts.keys, row.id, account, &row.sealed)?.label;
            let TokenTerms { scopes, expires, sources, .. } = terms;
            shown.push(TokenSeen { id: row.id, label, scopes, issued, expires, sources, last_used: row.used });
        }
        Ok(shown)
    }

    /// Revokes one of one's tokens: in force here at once, then deleted.
    pub async fn revoke(&self, who: &Authenticated, token: TokenId) -> Result<(), MeansError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let account = who.account().ok_or(MeansError::Denied)?;
        let action = RevokeToken { account, token };
        let authorized = parts.policies.decide(who, action, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let row = sql::token_by_id(&mut connection, token, parts.settings.door).await?;
        drop(connection);
        row.filter(|row| row.account == account).ok_or(MeansError::Absent)?;
        if let Err(error) = parts.journal.revoke(session_of(token), now + REVOKED_FOR).await {
            tracing::error!(%error, "a revocation is in force but could not be written to the reserve");
        }
        let letter = match account_of(&parts.store, account).await {
            Ok(row) => told_or_logged(self.letter(&row, (About::TokenRevoked, who.session())).await),
            Err(_) => None,
        };
        parts.journal.perform(authorized, DeleteToken(letter)).await?.into()
    }

    /// Honors a token for one request. What is forged, or shown from elsewhere, is traced; what is over is not.
    pub async fn resume(&self, text: &str, address: ClientAddress) -> Result<TokenHolder, SessionFault> {
        let parts = &self.0;
        let now = parts.journal.now();
        let Ok(token) = text.parse::<ApiToken>() else {
            self.refused(address, "malformed token").await;
            return Err(SessionFault::SignedOut);
        };
        // Before the store is asked: a revocation holds whatever the store says.
        if parts.journal.is_revoked(session_of(token.id())) {
            return Err(SessionFault::SignedOut);
        }
        let read = self.read(token.id()).await.map_err(|error| {
            tracing::warn!(%error, "tokens cannot be read");
            SessionFault::Unavailable
        })?;
        let Some((row, account)) = read else {
            self.refused(address, "unknown token").await;
            return Err(SessionFault::SignedOut);
        };
        let (authenticated, terms) = match honor_token(&row.stored, &token, &parts.door_key, address, now) {
            Ok(honored) => honored,
            Err(NotHonored::Ended) => return Err(SessionFault::SignedOut),
            Err(why) => {
                self.refused(address, &why.to_string()).await;
                return Err(SessionFault::SignedOut);
            }
        };
        if !is_in_use(&parts.journal, &account) || !parts.settings.roles.contains(&account.role) {
            return Err(SessionFault::SignedOut);
        }
        // The record says whose it is; the rows must agree, and the account's own seal must hold.
        let agree = terms.account == account.id
            && row.account == account.id
            && terms.role == account.role
            && terms.establishment == account.establishment;
        let secrets = account.secrets(&parts.keys).ok().filter(|_| agree);
        let Some(since) = secrets.map(|secrets| secrets.password_since.map(Time::from_micros)) else {
            self.refused(address, "the token and its account disagree").await;
            return Err(SessionFault::SignedOut);
        };
        if policy_of(account.role, parts.settings.administrators_passwords).is_due(since, now) {
            self.refused(address, "its holder's password is older than it may be").await;
            return Err(SessionFault::SignedOut);
        }
        self.touch(&authenticated, &row, now);
        Ok(TokenHolder {
            authenticated,
            token: row.id,
            account: account.id,
            role: account.role,
            supplier: account.supplier,
            scopes: terms.scopes,
            expires: terms.expires,
        })
    }

    async fn read(&self, token: TokenId) -> Result<Option<(sql::TokenRow, AccountRow)>, StoreError> {
        let mut connection = self.0.store.read().await?;
        let Some(row) = sql::token_by_id(&mut connection, token, self.0.settings.door).await? else { return Ok(None) };
        let account = account_by_id(&mut connection, row.account).await?;
        Ok(account.map(|account| (row, account)))
    }

    /// Notes a use, once an hour, in a task of its own: a request does not wait for it.
    fn touch(&self, who: &Authenticated, row: &sql::TokenRow, now: Time) {
        let parts = &self.0;
        {
            let mut touched = parts.touched.lock().unwrap_or_else(PoisonError::into_inner);
            let last = touched.get(&row.id).copied().or(row.used);
            if last.is_some_and(|last| now.since(last) < TOUCH_EVERY) {
                return;
            }
            if touched.len() >= TOUCHED_MAX {
                touched.clear();
            }
            touched.insert(row.id, now);
        }
        let action = TouchToken { account: row.account, token: row.id };
        let Ok(authorized) = parts.policies.decide(who, action, &Facts::default(), now) else { return };
        let journal = parts.journal.clone();
        tokio::spawn(async move {
            if let Err(error) = journal.perform(authorized, NoteUse).await {
                tracing::warn!(%error, "a token's use could not be noted");
            }
        });
    }

    /// A program makes a call: recorded if trace controllers want it so, before it is answered. Where it cannot be, what
    /// needs a trace of its own is refused for that; cuts are not.
    pub async fn note_call(&self, holder: &TokenHolder, method: &str, path: &str) {
        let noted = self.0.journal.note_extra(&holder.authenticated, Extra::Calls, &format!("{method} {path}")).await;
        if let Err(error) = noted {
            tracing::warn!(%error, "a call could not be recorded");
        }
    }

    async fn refused(&self, address: ClientAddress, reason: &str) {
        let settings = &self.0.settings;
        let who = door_actor(settings.door, address, Some(settings.establishment), self.0.journal.now());
        let refusal = Refusal { target: "token".into(), reason: reason.to_owned() };
        if let Err(error) = self.0.journal.refuse(&who, Event::Refused, &refusal).await {
            tracing::warn!(%error, "a refusal could not be traced");
        }
    }
}

/// A token's identifier is its proof's session: its revocation is that of a session.
fn session_of(token: TokenId) -> SessionId {
    SessionId::from_bytes(*token.as_bytes())
}

fn check(new: &NewToken, now: Time) -> Result<(), MeansError> {
    if new.scopes.is_empty() {
        return Err(MeansError::Token("a token needs one scope at least"));
    }
    if new.sources.len() > TOKEN_SOURCES_MAX {
        return Err(MeansError::Token("a token is bound to 16 ranges of addresses at most"));
    }
    if new.expires <= now {
        return Err(MeansError::Token("a token's end must lie ahead"));
    }
    if new.expires > now + Duration::from_secs(TOKEN_SECONDS_MAX) {
        return Err(MeansError::Token("a token lasts a year at most"));
    }
    Ok(())
}
