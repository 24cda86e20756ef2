//! How far accounts are from what the directory says.

use super::{FollowError, Followed, Following, Step};
use std::collections::BTreeSet;
use types::{AccountId, AccountState};

/// How far accounts are from what the directory says; nothing is changed by looking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behind {
    /// Accounts in use that keep what the directory takes away: of who left it, is disabled, or comes in as something else.
    pub keep: BTreeSet<AccountId>,
    /// People of the directory who come in somewhere here and have no account yet, by what never changes of them.
    pub missing: BTreeSet<String>,
    /// Accounts of the directory in use.
    pub in_use: usize,
    /// Accounts whose rows do not open.
    pub unreadable: usize,
}

impl Following {
    /// Looks at the directory and at the accounts, and changes nothing.
    pub async fn behind(&self) -> Result<Behind, FollowError> {
        let members = self.staff.members(self.journal.now()).await?;
        let mut missing = self.coming_in(&members);
        let mut read = Followed::default();
        let accounts = self.accounts(&mut read).await?;
        let mut behind = Behind { unreadable: read.held.values().sum(), ..Behind::default() };
        for account in &accounts {
            let member = account.secrets.directory.as_deref().and_then(|key| missing.remove(key));
            let is_used = account.state == AccountState::Active;
            behind.in_use += usize::from(is_used);
            match account.step(member) {
                Step::Becomes(becoming) if is_used && account.ends(becoming) => {
                    behind.keep.insert(account.row.account.id);
                }
                Step::Becomes(_) | Step::Held(_) | Step::Stays => {}
            }
        }
        behind.missing = missing.into_keys().map(str::to_owned).collect();
        Ok(behind)
    }
}
