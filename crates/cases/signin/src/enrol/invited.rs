//! An account that the operator's command creates without knowing what opens it: its holder chooses that, by a link.

use super::Enrolment;
use crate::accounts::{
    Accounts,
    model::{AccountError, DrawnLink, NewInvitation},
};
use types::{AccountId, EstablishmentId};
use vault::random;

impl Enrolment {
    /// Creates an account for somebody of any role, and draws the link by which he chooses his means (acces-web AA6). The
    /// account cannot be used before. It takes no signature, and no second person unless the link leaves by mail too:
    /// whoever runs the command holds the keys themselves.
    pub async fn invite(
        &self,
        accounts: &Accounts,
        establishment: EstablishmentId,
        new: NewInvitation,
    ) -> Result<(AccountId, DrawnLink), AccountError> {
        let new = (AccountId::from_bytes(random()?), new.registered()?);
        accounts.invite_as(&self.acting(establishment), new, None).await
    }
}
