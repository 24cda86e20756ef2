//! "This was not me": whoever finds that somebody else signed in to his account ends everything that is open there, and tells
//! those in charge (acces-web AA8).

use crate::{
    AlarmKind, OwnError, SignInService, SignedIn,
    accounts::{
        sheets::{model::Sheets, sql::keep_only},
        sql as accounts,
    },
    at_once::OtherSession,
    ending::{Ending, Instead, NotRecorded, Reserve, perform_ending, perform_or_act},
    model::{AccountRow, state_column},
    outbox::{
        News,
        model::{About, LetterRow, Whose},
        put, told_or_logged,
    },
    passkeys::challenge_digest,
    sql::{self, account_by_id},
};
use data_encoding::BASE64URL_NOPAD;
use identity::door_actor;
use journal::{Applied, Effect, WriteTx};
use minicbor::{Decode, Encode};
use policy::{DisownAtDoor, DisownSignIns, Facts};
use sqlx::AnyConnection;
use std::time::Duration;
use store::StoreError;
use types::{AccountId, AccountState, ClientAddress, SessionId, Time};
use vault::{Place, Purpose, random};

/// How long whoever was told of another session may say that it is not his.
const WORD_LIFE: Duration = Duration::from_secs(1800);
const PLACE: Place<'static> = Place { table: "browser", column: "disown", row: &[] };

/// What the page's button brings back: its bearer proved that the account is his.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Word {
    #[cbor(n(0), with = "minicbor::bytes")]
    account: [u8; 16],
    /// Of the account as it was: once its means changed, or somebody said it before, nothing more comes of it.
    #[n(1)]
    version: i64,
    #[n(2)]
    expires: i64,
    /// Its own: it serves once.
    #[cbor(n(3), with = "minicbor::bytes")]
    nonce: [u8; 32],
}

impl SignInService {
    /// What the page about the other session carries, for whoever says that it is not his. Nothing if it cannot be said.
    pub async fn word_about(&self, other: &OtherSession) -> Option<String> {
        let parts = self.parts();
        let mut connection = parts.store.read().await.ok()?;
        let version = account_by_id(&mut connection, other.account).await.ok()??.version;
        drop(connection);
        let expires = (parts.journal.now() + WORD_LIFE).micros();
        let word = Word { account: *other.account.as_bytes(), version, expires, nonce: random().ok()? };
        let clear = minicbor::to_vec(&word).unwrap_or_default();
        let sealed = parts.keys.seal(Purpose::Ceremonies(parts.settings.door), PLACE, &clear).ok()?;
        Some(BASE64URL_NOPAD.encode(&sealed))
    }

    /// Ends all that is open in the account of a word given by [`Self::word_about`], which serves once. `false`: it is no
    /// more, or none.
    pub async fn disown_by_word(&self, word: &str, address: ClientAddress) -> Result<bool, OwnError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let Some(word) = self.read_word(word, now) else {
            self.refused(address, "disowned by a word that is none").await;
            return Ok(false);
        };
        let account = AccountId::from_bytes(word.account);
        let mut connection = parts.store.read().await?;
        let row = account_by_id(&mut connection, account).await?;
        drop(connection);
        let Some(row) = row else { return Ok(false) };
        let (establishment, letter) = (row.establishment, self.disowned(&row, None, now).await);
        let who = door_actor(parts.settings.door, address, Some(establishment), now);
        let action = DisownAtDoor { establishment, account };
        let authorized = parts.policies.decide(&who, action, &Facts::default(), now)?;
        let disown = Disown { service: self.clone(), account, but: None, word: Some(word), letter };
        // Its word may not be spent, and it may be none of today's: nothing ends without the database.
        let done = perform_ending(&parts.journal, authorized, disown, Reserve::Taken).await?;
        if done {
            self.ring(account);
        }
        Ok(done)
    }

    /// Ends all that is open in one's account, but the session that says so. Where that cannot be recorded, the sessions of this node
    /// end all the same and those in charge are told; the error says that the rest is still to be done.
    pub async fn disown(&self, who: &SignedIn) -> Result<(), OwnError> {
        let parts = self.parts();
        let action = DisownSignIns { account: who.account };
        let now = parts.journal.now();
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now)?;
        let mut connection = parts.store.read().await?;
        let row = account_by_id(&mut connection, who.account).await?;
        drop(connection);
        let letter = match &row {
            Some(row) => self.disowned(row, Some(who.session), now).await,
            None => None,
        };
        let (service, but) = (self.clone(), Some(who.session));
        let disown = Disown { service, account: who.account, but, word: None, letter };
        let places = (&parts.journal, &parts.store);
        let done = perform_or_act(places, authorized, disown, Instead::Ended(who.account, but)).await;
        if let Err(NotRecorded::Refused(error)) = done {
            return Err(error.into());
        }
        self.ring(who.account);
        done.map(|_| ()).map_err(|_| OwnError::Unavailable)
    }

    /// The letter about it. An account that does not open keeps nothing from ending.
    async fn disowned(&self, row: &AccountRow, session: Option<SessionId>, now: Time) -> Option<LetterRow> {
        let parts = self.parts();
        let secrets = row.secrets(&parts.keys).ok()?;
        let (news, whose) = (News { session, ..News::default() }, Whose { row, secrets: &secrets });
        let letter = parts.writes.letter((&parts.store, &parts.keys), whose, (About::Disowned, news), now).await;
        told_or_logged(letter)
    }

    fn read_word(&self, text: &str, now: Time) -> Option<Word> {
        let parts = self.parts();
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(1024))?.as_bytes()).ok()?;
        let clear = parts.keys.open(Purpose::Ceremonies(parts.settings.door), PLACE, &sealed).ok()?;
        let word: Word = minicbor::decode(&clear).ok()?;
        (now < Time::from_micros(word.expires)).then_some(word)
    }

    pub(crate) fn ring(&self, account: AccountId) {
        tracing::warn!(alarm = "disowned", "somebody says that a sign-in was not his");
        self.defences().ring(AlarmKind::Disowned { account }, self.parts().journal.now());
    }
}

struct Disown {
    service: SignInService,
    account: AccountId,
    but: Option<SessionId>,
    /// On whose strength, where nobody has a session.
    word: Option<Word>,
    letter: Option<LetterRow>,
}

macro_rules! disowns {
    ($($action:ident),*) => {$(
        impl Effect<$action> for Disown {
            type Output = Ending<bool>;
            async fn apply(&self, tx: &mut WriteTx<'_, $action>) -> Result<Applied<Ending<bool>>, StoreError> {
                let now = tx.now();
                self.end(tx.connection(), now).await
            }
        }
    )*};
}

disowns!(DisownSignIns, DisownAtDoor);

impl Disown {
    async fn end(&self, connection: &mut AnyConnection, now: Time) -> Result<Applied<Ending<bool>>, StoreError> {
        let Some(row) = account_by_id(&mut *connection, self.account).await? else {
            return Ok(Applied::refused(Ending::nothing(false)));
        };
        let mut ended = match &self.word {
            Some(word) if !self.is_good(&mut *connection, word, &row).await? => {
                return Ok(Applied::refused(Ending::nothing(false)));
            }
            Some(_) => accounts::end_sessions(&mut *connection, self.account, None).await?,
            // Whoever sits in the account may be the thief: those whose session he closed are still told so.
            None => accounts::delete_sessions(&mut *connection, self.account, self.but).await?,
        };
        ended.extend(accounts::end_tokens(&mut *connection, self.account).await?);
        // Nor does a link to other means lead on: whoever needs one asks for another.
        accounts::drop_link(&mut *connection, self.account).await?;
        // A printed sheet may have been seen, or lost: its holder is given another.
        keep_only(&mut *connection, self.account, &[]).await?;
        put(&mut *connection, &self.letter).await?;
        self.mark(connection, &row, now).await?;
        Ok(Applied::done(Ending { outcome: true, ended }))
    }

    /// Whether the word had not served, and the account is as it was when it was given.
    async fn is_good(&self, connection: &mut AnyConnection, word: &Word, row: &AccountRow) -> Result<bool, StoreError> {
        let digest = challenge_digest(&self.service.parts().keys, &word.nonce)?;
        let unspent = sql::spend_challenge(connection, &digest, Time::from_micros(word.expires)).await?;
        Ok(unspent && row.version == word.version)
    }

    /// A technician's SSH sessions end at the relays' next look, and a sign-in under way comes too late. An account that does
    /// not open keeps nothing from ending.
    async fn mark(&self, connection: &mut AnyConnection, row: &AccountRow, now: Time) -> Result<(), StoreError> {
        let keys = &self.service.parts().keys;
        let mut secrets = match row.secrets(keys) {
            Ok(secrets) if row.active => secrets,
            Ok(_) => return Ok(()),
            Err(error) => {
                tracing::error!(%error, "an account whose sign-ins were disowned does not open");
                return Ok(());
            }
        };
        secrets.ended = Some(now.micros());
        secrets.link = None;
        if secrets.sheets.as_ref().is_some_and(|sheets| sheets.instead) {
            // Its holder has nothing left but his password: nothing that somebody added or drew meanwhile stays worth more.
            secrets.renewals = Some(secrets.renewals.unwrap_or(0).saturating_add(1));
            accounts::set_codes(&mut *connection, row.id, &[]).await?;
        }
        secrets.sheets = secrets.sheets.as_ref().map(Sheets::emptied);
        let sealed = row.bond().seal(keys, &secrets).map_err(|error| StoreError::Other(error.to_string()))?;
        let (read, state) = ((row.id, row.version), state_column(AccountState::Active));
        sql::reseal_account(connection, read, sealed, state).await?;
        Ok(())
    }
}
