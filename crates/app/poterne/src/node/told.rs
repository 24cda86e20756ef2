//! What a node tells the journal of itself: by what it runs, and which doors are open.

use anyhow::{Context, Result};
use aws_lc_rs::digest::{Context as Hash, SHA256};
use data_encoding::HEXLOWER;
use journal::Journal;
use policy::Policies;
use std::fmt::Display;
use tokio::net::TcpListener;
use types::Event;
use web::serve::Stopped;

/// By which configuration and policies the node runs. A node that cannot say so does not start.
pub(super) async fn told_at_start(
    journal: &Journal,
    policies: &Policies,
    configuration: Option<[u8; 32]>,
) -> Result<()> {
    let from = configuration.map_or("no file".to_owned(), |digest| format!("sha256:{}", HEXLOWER.encode(&digest)));
    let policies = format!("sha256:{}", HEXLOWER.encode(&policies_digest(policies)));
    for (event, detail) in [(Event::NodeConfigured, from), (Event::PolicyInForce, policies)] {
        let noted = journal.note_node(event, Some(detail)).await;
        noted.context("the journal does not take what the node runs by")?;
    }
    Ok(())
}

/// Each text with its name and their lengths, so that nothing can move from one to another unseen.
fn policies_digest(policies: &Policies) -> [u8; 32] {
    let mut hash = Hash::new(&SHA256);
    for part in policies.texts().flat_map(|(name, text)| [name, text]) {
        hash.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.finish().as_ref());
    digest
}

/// A door opens once the journal holds that it does.
pub(super) async fn started(journal: &Journal, door: impl Display, listener: &TcpListener) -> Result<()> {
    let at = listener.local_addr().with_context(|| format!("the door {door} does not listen"))?;
    let noted = journal.note_node(Event::DoorStarted, Some(format!("{door} {at}"))).await;
    noted.with_context(|| format!("the journal does not take that the door {door} opens"))
}

/// It is closed whatever the journal says.
pub(super) async fn stopped(journal: &Journal, door: impl Display, stopped: Stopped) -> Stopped {
    let detail = format!("{door}, {} cut", stopped.cut_connections);
    if let Err(error) = journal.note_node(Event::DoorStopped, Some(detail)).await {
        tracing::warn!(%door, %error, "the end of a door could not be written");
    }
    stopped
}
