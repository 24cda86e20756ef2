//! Mail that waits to leave. A letter is written in the commit of the act that it tells of, sealed, and goes as soon as a mail
//! server took it, or after two days. Nodes that send take one until a moment that grows with each time: no two of them
//! send the same, and a failure needs nothing written.

pub(crate) mod model;
pub(crate) mod sql;

use crate::{
    accounts::sql as accounts,
    model::{SessionSecrets, session_place},
};
use identity::system_actor;
use journal::{Applied, Effect, Journal, JournalError, WriteTx};
use model::{About, Letter, LetterRow, LetterSecrets, Post, Whose};
use policy::{DatabaseAction, Facts, GiveMailUp, NoteMailSent, Policies, TakeMail};
use sqlx::AnyConnection;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use store::{Store, StoreError};
use types::{EstablishmentId, Role, SessionId, SystemActor, Time};
use vault::{Keys, random};

/// Letters that wait, in all and of one account.
const LETTERS_MAX: i64 = 10_000;
const LETTERS_EACH_MAX: i64 = 32;
/// A letter that could not leave for this long is given up.
pub const LETTER_LIFE: Duration = Duration::from_secs(2 * 86_400);
/// Whoever takes a letter has this long to send it before another may: longer than any conversation with a server. It
/// doubles each time, up to the longest.
const TAKEN_FOR: Duration = Duration::from_secs(120);
const TAKEN_FOR_MAX: Duration = Duration::from_secs(1800);
/// Letters given up in one round.
const OVER_MAX: i64 = 64;

/// What is new, for a letter.
#[derive(Default)]
pub(crate) struct News<'a> {
    /// Where to, if not to the address that is kept.
    pub to: Option<&'a str>,
    /// The session of its holder that it is done in: it knows its device.
    pub session: Option<SessionId>,
    /// The device, where there is no session.
    pub device: &'a str,
    /// The link that the letter holds.
    pub link: Option<NewLink<'a>>,
    /// How many accounts it is about, where that is not one.
    pub count: Option<u32>,
    /// Which alarm it tells.
    pub alarm: Option<&'static str>,
}

/// A link as it was just drawn.
#[derive(Clone, Copy)]
pub(crate) struct NewLink<'a> {
    pub secret: &'a str,
    pub expires: Time,
    /// Whether a second person must confirm it.
    pub waits: bool,
    /// Whether the account was in use.
    pub anew: bool,
    pub opens: Option<Time>,
}

/// What a service writes letters with; one that was given nothing writes none.
#[derive(Default)]
pub(crate) struct Writes(OnceLock<Post>);

impl Writes {
    /// From now on it does. Told once.
    pub(crate) fn begin(&self, post: Post) {
        let _ = self.0.set(post);
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.get().is_some()
    }

    /// Whether the pages of a role's door are known, which a link leads to.
    pub(crate) fn leads_to(&self, role: Role) -> bool {
        self.0.get().is_some_and(|post| post.origin(role.door()).is_some())
    }

    /// The letter, to be written in the act's commit; nothing where nobody is to be told.
    pub(crate) async fn letter(
        &self,
        (store, keys): (&Store, &Keys),
        whose: Whose<'_>,
        (about, news): (About, News<'_>),
        now: Time,
    ) -> Result<Option<LetterRow>, StoreError> {
        let Some((post, to)) = self.0.get().zip(news.to.or(whose.secrets.mail.as_deref())) else { return Ok(None) };
        let mut connection = store.read().await?;
        let (all, own) = sql::waiting(&mut connection, whose.row.id, LETTERS_MAX).await?;
        if all >= LETTERS_MAX || own >= LETTERS_EACH_MAX {
            // The act goes on: mail that does not leave must keep nobody from changing a password that was seen.
            tracing::error!(all, "ALARM: too much mail waits; a letter was not written");
            return Ok(None);
        }
        let device = match news.session {
            Some(session) => device(&mut connection, keys, (session, whose)).await?,
            None => news.device.to_owned(),
        };
        let end = now + LETTER_LIFE;
        let id = random().map_err(|error| StoreError::Other(error.to_string()))?;
        let mut row = LetterRow {
            id,
            account: whose.row.id,
            establishment: whose.row.establishment,
            holds_link: news.link.is_some(),
            sealed: Vec::new(),
            written: now,
            expires: news.link.map_or(end, |link| link.expires.min(end)),
            tried: 0,
            next: now,
        };
        let secrets = LetterSecrets {
            to: to.to_owned(),
            about: about.as_str().to_owned(),
            at: now.micros(),
            device,
            lang: whose.secrets.lang.clone(),
            origin: post.origin(whose.row.role.door()).cloned(),
            secret: news.link.map(|link| link.secret.to_owned()),
            expires: news.link.map_or(0, |link| link.expires.micros()),
            waits: news.link.is_some_and(|link| link.waits),
            anew: news.link.is_some_and(|link| link.anew),
            count: news.count,
            opens: news.link.and_then(|link| link.opens).map(Time::micros),
            alarm: news.alarm.map(str::to_owned),
        };
        row.seal(keys, &secrets)?;
        Ok(Some(row))
    }
}

/// Those who manage accounts, who are told of what happens to others'.
const TOLD_ROLE: Role = Role::Administrator;
/// How many of them, at most.
const TOLD_MAX: usize = 32;
/// Accounts of that role that are read for it: those that are closed, or have no address, are passed over.
const READ_MAX: i64 = 1024;

impl Writes {
    /// The same letter to each of those who manage an establishment's accounts and are in use; one that cannot be written keeps
    /// the others from nothing.
    pub(crate) async fn to_administrators<'a>(
        &self,
        (store, keys): (&Store, &Keys),
        establishment: EstablishmentId,
        (about, news): (About, impl Fn() -> News<'a>),
        now: Time,
    ) -> Result<Vec<LetterRow>, StoreError> {
        let mut connection = store.read().await?;
        let administrators =
            accounts::accounts(&mut connection, (establishment, Some(TOLD_ROLE), false), None, READ_MAX).await?;
        drop(connection);
        let mut letters = Vec::new();
        for row in administrators.iter().map(|whole| &whole.account).filter(|row| row.active) {
            let Ok(secrets) = row.secrets(keys) else { continue };
            let letter = self.letter((store, keys), Whose { row, secrets: &secrets }, (about, news()), now).await;
            letters.extend(told_or_logged(letter));
            if letters.len() >= TOLD_MAX {
                break;
            }
        }
        Ok(letters)
    }
}

/// What must not wait for a letter is done without: a means that is taken away, a sign-in that is disowned.
pub(crate) fn told_or_logged(letter: Result<Option<LetterRow>, StoreError>) -> Option<LetterRow> {
    letter.unwrap_or_else(|error| {
        tracing::warn!(%error, "a letter could not be written");
        None
    })
}

/// What a session's device calls itself.
async fn device(
    connection: &mut AnyConnection,
    keys: &Keys,
    (session, whose): (SessionId, Whose<'_>),
) -> Result<String, StoreError> {
    let Some(sealed) = sql::session(connection, session).await? else { return Ok(String::new()) };
    let place: [&[u8]; 2] = [session.as_bytes(), whose.row.id.as_bytes()];
    Ok(SessionSecrets::open(keys, session_place(&place), &sealed).map(|kept| kept.device).unwrap_or_default())
}

/// Writes letters, in the act's own commit.
pub(crate) async fn put<'a>(
    connection: &mut AnyConnection,
    letters: impl IntoIterator<Item = &'a LetterRow>,
) -> Result<(), StoreError> {
    for letter in letters {
        sql::insert(&mut *connection, letter).await?;
    }
    Ok(())
}

struct Parts {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    keys: Keys,
}

/// The mail that waits, for a node that sends it. Clones are handles.
#[derive(Clone)]
pub struct Outbox(Arc<Parts>);

impl Outbox {
    /// With the keys of whoever sends.
    pub fn new(store: Store, journal: Journal, policies: Arc<Policies>, keys: Keys) -> Self {
        Self(Arc::new(Parts { store, journal, policies, keys }))
    }

    /// Takes some that may be sent now: nobody else takes them meanwhile, nor this node again before their next turn.
    pub async fn take(&self, most: u32) -> Result<Vec<Letter>, JournalError> {
        let parts = &self.0;
        let mut connection = parts.store.read().await?;
        let due = sql::due(&mut connection, parts.journal.now(), i64::from(most)).await?;
        drop(connection);
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.perform(TakeMail { count: due.len() }, None, Take(due)).await?;
        let mut letters = Vec::new();
        for row in rows {
            match row.open(&parts.keys) {
                Some(letter) => letters.push(letter),
                None => self.give_up(&row, "it does not open").await?,
            }
        }
        Ok(letters)
    }

    /// The mail server took it: nothing is kept of it.
    pub async fn sent(&self, letter: &Letter) -> Result<(), JournalError> {
        let mail = format!("{} {}", letter.about.as_str(), letter.id());
        let action = NoteMailSent { account: letter.account, mail };
        self.perform(action, Some(letter.establishment), Delete(letter.row)).await
    }

    /// Gives up what could not leave in time; says how many.
    pub async fn give_up_old(&self) -> Result<usize, JournalError> {
        let mut connection = self.0.store.read().await?;
        let over = sql::over(&mut connection, self.0.journal.now(), OVER_MAX).await?;
        drop(connection);
        for row in &over {
            self.give_up(row, "it could not leave in time").await?;
        }
        Ok(over.len())
    }

    /// How long the oldest has been waiting.
    pub async fn waiting(&self) -> Result<Option<Duration>, StoreError> {
        let mut connection = self.0.store.read().await?;
        Ok(sql::oldest(&mut connection).await?.map(|since| self.0.journal.now().since(since)))
    }

    async fn give_up(&self, row: &LetterRow, why: &str) -> Result<(), JournalError> {
        let action = GiveMailUp { account: row.account, why: format!("{why}, tried {} times", row.tried) };
        self.perform(action, Some(row.establishment), Delete(row.id)).await
    }

    async fn perform<A, E>(
        &self,
        action: A,
        establishment: Option<EstablishmentId>,
        effect: E,
    ) -> Result<E::Output, JournalError>
    where
        A: DatabaseAction,
        E: Effect<A>,
    {
        let parts = &self.0;
        let now = parts.journal.now();
        let who = system_actor(SystemActor::Node, establishment, now);
        let authorized = parts.policies.decide(&who, action, &Facts::default(), now);
        let authorized = authorized.map_err(|error| JournalError::Malformed(error.to_string()))?;
        parts.journal.perform(authorized, effect).await
    }
}

struct Take(Vec<LetterRow>);

impl Effect<TakeMail> for Take {
    type Output = Vec<LetterRow>;
    async fn apply(&self, tx: &mut WriteTx<'_, TakeMail>) -> Result<Applied<Vec<LetterRow>>, StoreError> {
        let now = tx.now();
        let mut taken = Vec::new();
        for row in &self.0 {
            let doubled = TAKEN_FOR.saturating_mul(1 << row.tried.clamp(0, 8));
            if sql::take(tx.connection(), row, now + doubled.min(TAKEN_FOR_MAX)).await? {
                taken.push(row.clone());
            }
        }
        Ok(if taken.is_empty() { Applied::refused(taken) } else { Applied::done(taken) })
    }
}

struct Delete([u8; 16]);

macro_rules! deletes {
    ($($action:ident),*) => {$(
        impl Effect<$action> for Delete {
            type Output = ();
            async fn apply(&self, tx: &mut WriteTx<'_, $action>) -> Result<Applied<()>, StoreError> {
                // A link that served meanwhile took its letter with it: the mail left all the same.
                sql::delete(tx.connection(), &self.0).await?;
                Ok(Applied::done(()))
            }
        }
    )*};
}

deletes!(NoteMailSent, GiveMailUp);
