//! "This was not me": whoever finds that somebody else signed in to his account ends everything that is open there, and tells
//! those in charge (acces-web AA8).

use crate::{
    AlarmKind, OwnError, SignInService, SignedIn,
    accounts::sql,
    at_once::OtherSession,
    ending::{Ending, perform_ending},
    sql::forget_closed,
};
use data_encoding::BASE64URL_NOPAD;
use identity::door_actor;
use journal::{Applied, Effect, WriteTx};
use minicbor::{Decode, Encode};
use policy::{DatabaseAction, DisownAtDoor, DisownSignIns, Facts};
use std::time::Duration;
use store::StoreError;
use types::{AccountId, ClientAddress, SessionId, Time};
use vault::{Place, Purpose};

/// How long whoever was told of another session may say that it is not his.
const WORD_LIFE: Duration = Duration::from_secs(1800);
const PLACE: Place<'static> = Place { table: "browser", column: "disown", row: &[] };

/// What the page's button brings back: its bearer proved that the account is his.
#[derive(Encode, Decode)]
#[cbor(map)]
struct Word {
    #[cbor(n(0), with = "minicbor::bytes")]
    account: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    source: [u8; 16],
    #[n(2)]
    expires: i64,
}

impl SignInService {
    /// What the page about the other session carries, for whoever says that it is not his.
    pub fn word_about(&self, other: &OtherSession, address: ClientAddress) -> Option<String> {
        let parts = self.parts();
        let expires = (parts.journal.now() + WORD_LIFE).micros();
        let word = Word { account: *other.account.as_bytes(), source: address.source().octets(), expires };
        let clear = minicbor::to_vec(&word).unwrap_or_default();
        let sealed = parts.keys.seal(Purpose::Ceremonies(parts.settings.door), PLACE, &clear).ok()?;
        Some(BASE64URL_NOPAD.encode(&sealed))
    }

    /// Ends all that is open in the account of a word given by [`Self::word_about`]. `false`: the word is no more, or none.
    pub async fn disown_by_word(&self, word: &str, address: ClientAddress) -> Result<bool, OwnError> {
        let parts = self.parts();
        let now = parts.journal.now();
        let Some(account) = self.read_word(word, address, now) else {
            self.refused(address, "disowned by a word that is none").await;
            return Ok(false);
        };
        let mut connection = parts.store.read().await?;
        let row = crate::sql::account_by_id(&mut connection, account).await?;
        drop(connection);
        let Some(establishment) = row.map(|row| row.establishment) else { return Ok(false) };
        let who = door_actor(parts.settings.door, address, Some(establishment), now);
        let action = DisownAtDoor { establishment, account };
        let authorized = parts.policies.decide(&who, action, &Facts::default(), now)?;
        perform_ending(&parts.journal, authorized, Disown { account, but: None }).await?;
        self.ring(account);
        Ok(true)
    }

    /// Ends all that is open in one's account, but the session that says so.
    pub async fn disown(&self, who: &SignedIn) -> Result<(), OwnError> {
        let parts = self.parts();
        let action = DisownSignIns { account: who.account };
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), parts.journal.now())?;
        perform_ending(&parts.journal, authorized, Disown { account: who.account, but: Some(who.session) }).await?;
        self.ring(who.account);
        Ok(())
    }

    fn read_word(&self, text: &str, address: ClientAddress, now: Time) -> Option<AccountId> {
        let parts = self.parts();
        let sealed = BASE64URL_NOPAD.decode(text.get(..text.len().min(1024))?.as_bytes()).ok()?;
        let clear = parts.keys.open(Purpose::Ceremonies(parts.settings.door), PLACE, &sealed).ok()?;
        let word: Word = minicbor::decode(&clear).ok()?;
        let is_here = word.source == address.source().octets() && now < Time::from_micros(word.expires);
        is_here.then(|| AccountId::from_bytes(word.account))
    }

    fn ring(&self, account: AccountId) {
        tracing::warn!(alarm = "disowned", "somebody says that a sign-in was not his");
        self.defences().ring(AlarmKind::Disowned { account }, self.parts().journal.now());
    }
}

struct Disown {
    account: AccountId,
    but: Option<SessionId>,
}

impl<A: DatabaseAction> Effect<A> for Disown {
    type Output = Ending<()>;
    async fn apply(&self, tx: &mut WriteTx<'_, A>) -> Result<Applied<Ending<()>>, StoreError> {
        let mut ended = sql::end_sessions(tx.connection(), self.account, self.but).await?;
        ended.extend(sql::end_tokens(tx.connection(), self.account).await?);
        // Whoever still shows one of those learns no more, and says nothing more.
        forget_closed(tx.connection(), self.account).await?;
        Ok(Applied::done(Ending { outcome: (), ended }))
    }
}
