//! A national number is one person's (segur IE.33).

use super::{
    model::{ACCOUNTS_READ_MAX, Attributes, Profile},
    sql,
};
use sqlx::AnyConnection;
use store::StoreError;
use types::{AccountId, AccountState, EstablishmentId, Role};
use vault::Keys;

/// Whether the number of these attributes is already that of somebody of other names, in another account of the establishment that
/// is not closed. One person may have several accounts; patients and their relatives have no such number. Two accounts opened at the
/// same moment do not see each other.
pub(crate) async fn is_anothers(
    connection: &mut AnyConnection,
    keys: &Keys,
    establishment: EstablishmentId,
    (own, attributes): (AccountId, &Attributes),
) -> Result<bool, StoreError> {
    if attributes.rpps.is_none() {
        return Ok(false);
    }
    for role in Role::ALL.iter().filter(|role| !matches!(role, Role::Patient | Role::Relative)) {
        let mut after = None;
        loop {
            let place = (establishment, Some(*role), false);
            let rows = sql::accounts(&mut *connection, place, after, ACCOUNTS_READ_MAX).await?;
            for row in &rows {
                let Some(sealed) = &row.profile else { continue };
                let has = Profile::open(keys, &row.account, sealed)?.attributes();
                if row.account.id != own
                    && has.rpps == attributes.rpps
                    && names(&has) != names(attributes)
                    && row.account.secrets(keys)?.state()? != AccountState::Closed
                {
                    return Ok(true);
                }
            }
            let is_full = i64::try_from(rows.len()).is_ok_and(|read| read == ACCOUNTS_READ_MAX);
            after = rows.last().filter(|_| is_full).map(|row| row.account.id);
            if after.is_none() {
                break;
            }
        }
    }
    Ok(false)
}

/// As they are compared: written in capitals or not.
fn names(attributes: &Attributes) -> (String, String) {
    (attributes.given_name.to_lowercase(), attributes.family_name.to_lowercase())
}
