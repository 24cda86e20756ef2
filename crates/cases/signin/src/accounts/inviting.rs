//! An account is opened for somebody who chooses his means by a link.

use super::{
    AccountError, Accounts,
    effects::Insert,
    model::{DrawnLink, NewInvitation, Profile},
    numbers::is_anothers,
    signed::Signing,
};
use crate::model::{AccountBond, AccountSecrets, Life};
use identity::Authenticated;
use policy::{Facts, InviteAccount};
use types::{AccountId, AccountState};
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
        let mut connection = parts.store.read().await?;
        if is_anothers(&mut connection, &parts.keys, establishment, (account, &new.attributes)).await? {
            return Err(AccountError::Field("rpps_taken"));
        }
        drop(connection);
        let hash = parts.hasher.nobodys_password().await.ok_or(AccountError::Unavailable)?;
        let attributes = &new.attributes;
        let life = Life::new(AccountState::Invited, now, who.account());
        let mut secrets = AccountSecrets::new(new.login.clone(), new.display_name(), &hash, life)?;
        secrets.mail.clone_from(&new.mail);
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
