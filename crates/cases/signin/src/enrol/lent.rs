//! An account of the node's own probes that manages accounts: blocked but while a probe runs, and opened by nothing that
//! anybody keeps. A link is drawn for it, what is chosen by it is dropped with the probe, and the account is blocked again.

use super::{EnrolError, Enrolment};
use crate::{
    accounts::{
        Accounts,
        model::{AccountError, Attributes, DrawnLink, NewInvitation},
    },
    means::account_of,
};
use identity::PasswordHash;
use std::time::Duration;
use types::{AccountId, AccountState, EstablishmentId, IdentityProof, LifeReason, Role, Time};
use vault::random;

/// Its login. It administers for nobody: it never counts among those who are left to manage accounts.
pub const RESERVED_ADMINISTRATOR: &str = "sonde.poterne.desk.administre";

/// What logins begin with that only the node gives.
pub(crate) const RESERVED_LOGINS: &str = "sonde.poterne.desk";
/// The login of the person on call whose account that administrator manages.
pub const RESERVED_GUARD: &str = "sonde.poterne.desk.garde";
/// Her national number, which is nobody's: it shows whether another may be given the same.
pub const NOBODYS_NUMBER: &str = "00000000000";
/// The login of an account for which he draws links, and which nobody ever takes into use.
pub const RESERVED_INVITED: &str = "sonde.poterne.desk.invite";

/// What came of asking for the account.
pub enum Lent {
    /// The link by which its means are chosen.
    Link(AccountId, DrawnLink),
    /// Another node has it.
    InUse,
}

impl Enrolment {
    /// A link that gives that account its means anew; it is made, of that name, if it is not there. While it has been in use
    /// for less than `patience`, somebody has it; longer, whoever had it stopped in between.
    pub async fn lend(
        &self,
        accounts: &Accounts,
        establishment: EstablishmentId,
        (name, patience): ((&str, &str), Duration),
    ) -> Result<Lent, AccountError> {
        let now = self.journal.now();
        let who = self.acting(establishment);
        let known = self.account_named(RESERVED_ADMINISTRATOR).await.map_err(unavailable)?;
        let Some((account, its, role)) = known else {
            // Nobody signs it: the account opens for a probe, and signs nothing.
            let new =
                (AccountId::from_bytes(random()?), invitation((RESERVED_ADMINISTRATOR, Role::Administrator), name));
            let (account, link) = accounts.invite_as(&who, new, None).await?;
            return Ok(Lent::Link(account, link));
        };
        // One that somebody made of that login for something else is his.
        if its != establishment || role != Role::Administrator {
            return Err(AccountError::Taken);
        }
        let row = account_of(&self.store, account).await.map_err(|_| AccountError::Unavailable)?;
        let secrets = row.secrets(&self.keys)?;
        let since = secrets.life.as_ref().map_or(0, |life| life.since);
        if secrets.state()? == AccountState::Active && now < Time::from_micros(since) + patience {
            return Ok(Lent::InUse);
        }
        let link = accounts.draw_link(&who, account, IdentityProof::Known).await?;
        Ok(Lent::Link(account, link))
    }

    /// A link to the account of whom the administrator manages ([`RESERVED_GUARD`], [`RESERVED_INVITED`]); it is made if it is not
    /// there, and given back if it was blocked.
    pub async fn lend_managed(
        &self,
        accounts: &Accounts,
        establishment: EstablishmentId,
        (login, (given_name, family_name)): (&str, (&str, &str)),
    ) -> Result<DrawnLink, AccountError> {
        if ![RESERVED_GUARD, RESERVED_INVITED].contains(&login) {
            return Err(AccountError::Absent);
        }
        let who = self.acting(establishment);
        let Some((account, its, role)) = self.account_named(login).await.map_err(unavailable)? else {
            let mut new = invitation((login, Role::OnCall), (given_name, family_name));
            new.attributes.rpps = (login == RESERVED_GUARD).then(|| NOBODYS_NUMBER.to_owned());
            let made = (AccountId::from_bytes(random()?), new);
            return accounts.invite_as(&who, made, None).await.map(|(_, link)| link);
        };
        // One that somebody made of that login for something else is his.
        if its != establishment || role != Role::OnCall {
            return Err(AccountError::Taken);
        }
        let row = account_of(&self.store, account).await.map_err(|_| AccountError::Unavailable)?;
        let state = row.secrets(&self.keys)?.state()?;
        // Taken into use, it is somebody's: it is not given back to him.
        if login == RESERVED_INVITED && state != AccountState::Invited {
            return Err(AccountError::Taken);
        }
        if matches!(state, AccountState::Suspended | AccountState::Blocked) {
            accounts.change_state(&who, account, (AccountState::Active, LifeReason::Back)).await?;
        }
        accounts.draw_link(&who, account, IdentityProof::Known).await
    }

    /// Blocks that account, and no other: what it has open ends, and nothing opens it.
    pub async fn take_back(
        &self,
        accounts: &Accounts,
        establishment: EstablishmentId,
        account: AccountId,
    ) -> Result<(), AccountError> {
        let row = account_of(&self.store, account).await.map_err(|_| AccountError::Unavailable)?;
        if row.secrets(&self.keys)?.login != RESERVED_ADMINISTRATOR {
            return Err(AccountError::Absent);
        }
        let (who, blocked) = (self.acting(establishment), (AccountState::Blocked, LifeReason::Asked));
        match accounts.change_state(&who, account, blocked).await {
            // It is blocked.
            Err(AccountError::Life) => Ok(()),
            done => done,
        }
    }

    /// Whether what is kept of an account's password is a hash as strong as those of today.
    pub async fn keeps_hashed(&self, account: AccountId) -> Result<bool, AccountError> {
        let row = account_of(&self.store, account).await.map_err(|_| AccountError::Unavailable)?;
        let secrets = row.secrets(&self.keys)?;
        Ok(PasswordHash::from_phc(secrets.password_phc.clone()).is_as_asked())
    }
}

fn invitation((login, role): (&str, Role), (given_name, family_name): (&str, &str)) -> NewInvitation {
    let (given_name, family_name) = (given_name.to_owned(), family_name.to_owned());
    NewInvitation {
        login: login.to_owned(),
        attributes: Attributes { given_name, family_name, profession: None, rpps: None },
        role,
        supplier: None,
        proof: IdentityProof::Known,
        mail: None,
    }
}

fn unavailable(error: EnrolError) -> AccountError {
    tracing::warn!(%error, "the probes' account cannot be looked for");
    AccountError::Unavailable
}
