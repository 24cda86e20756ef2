//! A password kept under weaker parameters than today's is hashed again when its holder signs in with it: nobody chooses
//! another one for that. It is the same password: what else the account has stays as it is, and a change of any of it wins.
//!
//! The password travels with the sealed ceremony until the code is right too, as one of the directory's does: nothing is
//! hashed for whoever only guesses, and no time tells that a password was right.

use crate::{SignInService, model::AccountRow, staff::read_held};
use identity::{BadPassword, hash_again, is_own_password};
use journal::Journal;
use std::time::Duration;
use types::{AccountId, Event};
use vault::random;

/// How long its holder waits for it. It is done another time.
const LONGEST: Duration = Duration::from_secs(1);

impl SignInService {
    /// What is sealed of the account, with its password under today's parameters. Nothing where it is already, where the
    /// directory keeps it, or where it cannot be done now: that refuses nobody.
    pub(crate) async fn hashed_again(&self, row: &AccountRow, held: &[u8]) -> Option<Vec<u8>> {
        let parts = self.parts();
        let mut secrets = row.secrets(&parts.keys).ok()?;
        if !secrets.is_outdated() {
            return None;
        }
        let (password, salt) = (read_held(held)?, random().ok()?);
        // What came with the ceremony is that very password, or nothing is kept in its place.
        let kept = row.credentials(&parts.keys).ok()?;
        let hashing = parts.home_hasher.run(move || {
            if is_own_password(&password, &kept) { hash_again(&password, &salt) } else { Err(BadPassword::Refused) }
        });
        match tokio::time::timeout(LONGEST, hashing).await {
            Ok(Ok(Ok(hash))) => secrets.password_phc = hash.phc().to_owned(),
            _ => {
                tracing::info!("a password will be hashed with today's parameters another time");
                return None;
            }
        }
        row.bond().seal(&parts.keys, &secrets).ok()
    }
}

/// Says that it was.
pub(crate) async fn note(journal: &Journal, who: &identity::Authenticated, account: AccountId) {
    let detail = Some(format!("account {account}"));
    if let Err(error) = journal.note(who, Event::PasswordRehashed, detail).await {
        tracing::warn!(%error, "a password was hashed with today's parameters; the trace could not be written");
    }
}
