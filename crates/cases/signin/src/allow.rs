//! "It was I who asked": whoever just proved that an account is his lets the link to its other means serve at once.

use crate::{
    OwnError, SignInService, SignedIn,
    accounts::{
        model::{LinkRow, LinkSecrets},
        sql, standing_link,
    },
    outbox::{
        News,
        model::{About, LetterRow, Whose},
        put,
    },
};
use journal::{Applied, Effect, WriteTx};
use policy::{AllowLink, Facts};
use store::StoreError;
use types::{AccountState, LinkId};

impl SignInService {
    /// The link that `seen` names serves from now on; whom else it waits for, it waits for. What he was not shown is refused.
    pub async fn allow_link(&self, who: &SignedIn, seen: LinkId) -> Result<(), OwnError> {
        let parts = self.parts();
        let (account, now) = (who.account, parts.journal.now());
        let action = AllowLink { account, link: seen };
        let authorized = parts.policies.decide(&who.authenticated, action, &Facts::default(), now)?;
        let establishment = who.authenticated.establishment().ok_or(OwnError::Denied)?;
        let mut connection = parts.store.read().await?;
        let whole = sql::one(&mut connection, establishment, account).await?.ok_or(OwnError::Denied)?;
        drop(connection);
        let secrets = whole.account.secrets(&parts.keys)?;
        let standing = standing_link(&parts.keys, &whole, &secrets, now)?;
        let is_it = standing.is_some_and(|link| link.id == seen) && secrets.state()? == AccountState::Active;
        let link = whole.link.clone().filter(|_| is_it).ok_or(OwnError::Meanwhile)?;
        let kept = LinkSecrets { opens: None, ..LinkSecrets::open(&parts.keys, &link)? };
        let sealed = kept.seal(&parts.keys, (account, &link.digest))?;
        let news = (About::LinkAllowed, News { session: Some(who.session), ..News::default() });
        let whose = Whose { row: &whole.account, secrets: &secrets };
        let letter = parts.writes.letter((&parts.store, &parts.keys), whose, news, now).await?;
        match parts.journal.perform(authorized, Allow { link, sealed, letter }).await? {
            true => Ok(()),
            false => Err(OwnError::Meanwhile),
        }
    }
}

struct Allow {
    link: LinkRow,
    sealed: Vec<u8>,
    letter: Option<LetterRow>,
}

impl Effect<AllowLink> for Allow {
    type Output = bool;

    async fn apply(&self, tx: &mut WriteTx<'_, AllowLink>) -> Result<Applied<bool>, StoreError> {
        // Withdrawn, confirmed or replaced meanwhile: he looks again.
        if !sql::reseal_link(tx.connection(), &self.link, self.sealed.clone()).await? {
            return Ok(Applied::refused(false));
        }
        put(tx.connection(), &self.letter).await?;
        Ok(Applied::done(true))
    }
}
