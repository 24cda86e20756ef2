//! What somebody may do, and why: the policies explained for one account (acces-web AA1, AA2).

use crate::{
    accounts::model::{AccountError, AccountSeen},
    accounts::{Accounts, Standing},
    enrol::normal_login,
    sql,
};
use identity::{Assurance, Authenticated};
use policy::{Ask, Cause, Denied, Explainer, Supposed, Target, Unread, Way};
use store::Store;
use types::{AccountId, Role, Time};
use vault::{Keys, Purpose};

/// What an account may do at its doors.
#[derive(Debug, Clone)]
pub struct AccountRights {
    /// Whose.
    pub seen: AccountSeen,
    /// Each act that it may do somewhere, with the ways to it.
    pub may: Vec<(Ask, Vec<Way>)>,
    /// Each that it may not, with what forbids it to whom it would be permitted, and the roles that may.
    pub may_not: Vec<(Ask, Vec<Cause>, Vec<Role>)>,
}

/// Somebody of this account, of whom nothing is known but the account.
pub fn supposed(standing: &Standing) -> Supposed {
    Supposed {
        account: standing.account,
        role: standing.role,
        establishment: standing.establishment,
        supplier: standing.supplier,
        door: standing.role.door(),
        assurance: Assurance::TwoFactors,
        fresh: true,
        address: None,
        relations: None,
    }
}

/// The account of a login as the policies know it, for whoever holds the node's files. `None` if nobody has it.
pub async fn standing_of(store: &Store, keys: &Keys, login: &str) -> Result<Option<Standing>, AccountError> {
    let token = keys.token(Purpose::LoginTokens, &[normal_login(login).as_bytes()])?;
    let mut connection = store.read().await?;
    let Some(row) = sql::account_by_login(&mut connection, &token).await? else { return Ok(None) };
    let state = row.secrets(keys)?.state()?;
    let (account, establishment, role, supplier) = (row.id, row.establishment, row.role, row.supplier);
    Ok(Some(Standing { account, establishment, role, supplier, state }))
}

impl Accounts {
    /// What an account may do, for those who see accounts. One whose state is not active may do nothing at all meanwhile.
    pub async fn rights(&self, who: &Authenticated, account: AccountId) -> Result<AccountRights, AccountError> {
        let (seen, standing) = self.standing(who, account).await?;
        let (policies, now) = (self.policies(), self.now());
        let mut supposed = supposed(&standing);
        if seen.is_break_glass {
            supposed.assurance = Assurance::Envelopes;
        }
        // Some hundred questions to Cedar, away from other requests, and one account at a time.
        let turn = self.explaining().await?;
        let asked = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let explainer = policies.explainer().map_err(Unexplained::from)?;
            each(&explainer, &supposed, now).map_err(Unexplained::from)
        });
        let (may, may_not) = asked.await.map_err(|_| AccountError::Unavailable)??;
        Ok(AccountRights { seen, may, may_not })
    }
}

type Each = (Vec<(Ask, Vec<Way>)>, Vec<(Ask, Vec<Cause>, Vec<Role>)>);

fn each(explainer: &Explainer<'_>, who: &Supposed, now: Time) -> Result<Each, Denied> {
    let (mut may, mut may_not) = (Vec::new(), Vec::new());
    for ask in Ask::all() {
        let mut ways = explainer.ways(who, who.role.doors(), ask, now)?;
        if who.assurance == Assurance::Envelopes {
            ways.retain(|way| way.assurance.rank() <= Assurance::Envelopes.rank());
        }
        if ways.is_empty() {
            let forbids = explainer.explain(who, ask, &Target::Any, now)?.forbids;
            may_not.push((ask, forbids, explainer.roles(who, ask, now)?));
        } else {
            may.push((ask, ways));
        }
    }
    Ok((may, may_not))
}

/// The policies cannot be explained; they decide all the same.
#[derive(Debug, thiserror::Error)]
enum Unexplained {
    #[error(transparent)]
    Unread(#[from] Unread),
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl From<Unexplained> for AccountError {
    fn from(error: Unexplained) -> Self {
        tracing::warn!(%error, "the policies cannot be explained");
        AccountError::Unavailable
    }
}
