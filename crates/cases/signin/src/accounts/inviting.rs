//! An account is opened for somebody who chooses his means by a link.

use super::{
    AccountError, Accounts,
    effects::Insert,
    model::{DrawnLink, NewInvitation, Profile},
    signed::Signing,
};
use crate::model::{AccountBond, AccountSecrets, Life};
use data_encoding::BASE64URL_NOPAD;
use identity::{Authenticated, hash_password};
use policy::{Facts, InviteAccount};
use types::{AccountId, AccountState, Secret};
use vault::{Purpose, random};

impl Accounts {
    /// Creates an account for somebody, and draws the link by which he chooses his means. The account cannot be used
    /// before.
    pub async fn invite(
        &self,
        who: &Authenticated,
        new: NewInvitation,
    ) -> Result<(AccountId, DrawnLink), AccountError> {
        let new = new.checked()?;
        if self.takes_signatures(who, new.role) {
            return Err(AccountError::Unsigned);
        }
        self.invite_as(who, (AccountId::from_bytes(random()?), new), None).await
    }

    pub(crate) async fn invite_as(
        &self,
        who: &Authenticated,
        (account, new): (AccountId, NewInvitation),
        signing: Option<Signing>,
    ) -> Result<(AccountId, DrawnLink), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let establishment = who.establishment().ok_or(AccountError::Denied)?;
        let authorized =
            parts.policies.decide(who, InviteAccount { account, role: new.role }, &Facts::default(), now)?;
        // A password that nobody was told, and a second factor that nobody holds: whatever is asked of the account
        // meanwhile, it costs and answers like any other.
        let (salt, nobodys) = (random()?, Secret::new(BASE64URL_NOPAD.encode(&random::<32>()?)));
        let hash = parts.hasher.run(move || hash_password(&nobodys, &salt)).await;
        let hash = hash.ok().and_then(Result::ok).ok_or(AccountError::Unavailable)?;
        let attributes = &new.attributes;
        let secrets = AccountSecrets {
            login: new.login.clone(),
            display_name: new.display_name(),
            password_phc: hash.phc().to_owned(),
            totp: random()?,
            life: Some(Life::new(AccountState::Invited, now, who.account())),
            renewals: Some(0),
            password_since: Some(now.micros()),
            link: None,
            directory: None,
            ended: None,
            mail: new.mail.clone(),
            lang: None,
            envelopes: None,
            sheets: None,
            given: None,
        };
        let supplier = new.supplier;
        let bond =
            AccountBond { id: &account, establishment: &establishment, role: new.role, supplier: supplier.as_ref() };
        let insert = Insert {
            establishment,
            supplier,
            login_token: parts.keys.token(Purpose::LoginTokens, &[new.login.as_bytes()])?,
            sealed: bond.seal(&parts.keys, &secrets)?,
            profile: Profile::new(attributes, new.proof, now).seal(&parts.keys, (account, establishment))?,
        };
        parts.journal.perform(authorized, insert).await?;
        let link = self.draw_link_as(who, account, (new.proof, None), signing).await?;
        Ok((account, link))
    }
}
