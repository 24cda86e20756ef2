//! Reminds those who manage accounts of those that are to be looked at again, until the node stops.

use signin::Accounts;
use std::time::Duration;
use tokio::time::sleep;
use types::EstablishmentId;

/// How often it is looked whether somebody must be reminded; each establishment is once a week.
const LOOK_EVERY: Duration = Duration::from_secs(6 * 3600);

/// Where mail is configured; elsewhere the desk's first page alone says it.
pub(super) async fn remind(accounts: Accounts, establishments: Vec<EstablishmentId>) {
    loop {
        for establishment in &establishments {
            match accounts.remind_reviews(*establishment).await {
                Ok(None) => {}
                Ok(Some(accounts)) => tracing::info!(accounts, "administrators were reminded of accounts to review"),
                Err(error) => tracing::warn!(%error, "nobody could be reminded of accounts to review"),
            }
        }
        sleep(LOOK_EVERY).await;
    }
}
