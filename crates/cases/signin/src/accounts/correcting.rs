//! Who an account's holder is, corrected (segur IE.33, IAM.91): a name that was misspelt or changed, a trade, a national number.
//! The account stays whose it is: nothing that its holder signs in with changes, and nobody becomes somebody else by it.

use super::{
    AccountError, Accounts, done,
    effects::{PutAttributes, Resealed, Reviewed},
    model::{Attributes, Profile},
    numbers::is_anothers,
    sql::Whole,
};
use crate::{
    model::AccountSecrets,
    outbox::{
        News,
        model::{About, Whose},
    },
};
use identity::{Authenticated, decides_over_others};
use policy::{CorrectAttributes, Facts};
use types::{AccountId, AccountState, IdentityProof};

impl Accounts {
    /// Corrects who somebody is, as it was verified. The name of an account that two people signed for, or whose name the
    /// directory says, is not corrected here; that of one in use asks for the proof that other means would.
    pub async fn correct(
        &self,
        who: &Authenticated,
        account: AccountId,
        (to, proof): (Attributes, IdentityProof),
    ) -> Result<(), AccountError> {
        let parts = &self.0;
        let now = parts.journal.now();
        let row = self.row_for(who, account).await?;
        let action = |terms: String| CorrectAttributes { account, terms };
        drop(parts.policies.decide(who, action(String::new()), &Facts::default(), now)?);
        if who.account() == Some(account) {
            return Err(AccountError::Oneself);
        }
        let to = to.checked()?;
        let mut secrets = row.account.secrets(&parts.keys)?;
        let is_renamed = to.full_name() != secrets.display_name;
        Self::corrects(&row, &secrets, (&to, is_renamed), proof)?;
        let mut connection = parts.store.read().await?;
        if is_anothers(&mut connection, &parts.keys, row.account.establishment, (account, &to)).await? {
            return Err(AccountError::Field("rpps_taken"));
        }
        drop(connection);
        // One of whom nothing was kept is as old as its state, and nobody looked at it since.
        let since = secrets.life.as_ref().map_or(now.micros(), |life| life.since);
        let unknown = || Profile { created: since, reviewed: since, ..Profile::default() };
        let former = self.profile(&row)?.unwrap_or_else(unknown);
        let Some(terms) = terms(&secrets.display_name, (&former, &to), proof) else { return Ok(()) };
        let authorized = parts.policies.decide(who, action(terms), &Facts::default(), now)?;
        let whose = Whose { row: &row.account, secrets: &secrets };
        let news = (About::AttributesCorrected, News::default());
        let letter = parts.writes.letter((&parts.store, &parts.keys), whose, news, now).await?;
        let Profile { created, reviewed, .. } = former;
        let new = Profile { created, reviewed, ..Profile::new(&to, proof, now) };
        let sealed = new.seal(&parts.keys, (account, row.account.establishment))?;
        let profile = Reviewed { former: row.profile, sealed };
        secrets.display_name = to.full_name();
        let (state, sealed) = (secrets.state()?, row.account.bond().seal(&parts.keys, &secrets)?);
        let account = Resealed { row: row.account, state, sealed };
        done(parts.journal.perform(authorized, PutAttributes { account, profile, letter }).await?)
    }

    /// Whether this may be corrected, of this account and by that proof.
    fn corrects(
        row: &Whole,
        secrets: &AccountSecrets,
        (to, is_renamed): (&Attributes, bool),
        proof: IdentityProof,
    ) -> Result<(), AccountError> {
        Self::by_envelopes(secrets)?;
        let (role, state) = (row.account.role, secrets.state()?);
        if state == AccountState::Closed {
            return Err(AccountError::Life);
        }
        if is_renamed && secrets.directory.is_some() {
            return Err(AccountError::NameOfDirectory);
        }
        if is_renamed && decides_over_others(role) {
            return Err(AccountError::NameSigned);
        }
        if is_renamed && state != AccountState::Invited && !proof.is_substantial() {
            return Err(AccountError::Proof);
        }
        to.fit(role)
    }
}

/// What the trace says: whose name it was and is, since what was done before was done under it; of the rest, what changed.
/// Nothing, if nothing did.
fn terms(name: &str, (former, to): (&Profile, &Attributes), proof: IdentityProof) -> Option<String> {
    let was = former.attributes();
    let mut terms = Vec::new();
    if to.full_name() != name {
        terms.push(format!("name: {name} -> {}", to.full_name()));
    } else if (&was.given_name, &was.family_name) != (&to.given_name, &to.family_name) {
        terms.push("which names are first names".to_owned());
    }
    for (what, has_changed) in [("trade", was.profession != to.profession), ("national number", was.rpps != to.rpps)] {
        if has_changed {
            terms.push(what.to_owned());
        }
    }
    let is_same = terms.is_empty() && former.proof == proof.as_str();
    terms.push(format!("identity {proof}"));
    (!is_same).then(|| terms.join("; "))
}
