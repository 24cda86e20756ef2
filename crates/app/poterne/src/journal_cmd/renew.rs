//! `poterne journal renew-key`: another key signs the journal from now on; the one that did names it.

use super::Format;
use crate::{
    config::Config,
    node::{Begin, Keep, RESERVE_SLOTS},
    operator,
};
use anyhow::{Context, Result};
use journal::log::{Renewal, keys_of};
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};
use store::StoreConfig;

/// What `journal renew-key` is told.
#[derive(Debug, clap::Args)]
pub struct RenewArgs {
    /// The configuration file of the node, which is stopped
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Renew the key of the operator's journal, that of `poterne account`, in place of the node's
    #[arg(long)]
    operator: bool,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub(super) async fn run(args: &RenewArgs) -> Result<ExitCode> {
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(mistakes) => {
            crate::told(&mistakes);
            return Ok(ExitCode::from(2));
        }
    };
    crate::logs(false, tracing::Level::WARN);
    let name = if args.operator { operator::origin(&config.node.name) } else { config.node.name.clone() };
    let store = StoreConfig::new(config.store.url.expose().clone());
    let (data, master) = (&config.node.data, &config.vault.master_key);
    let origin = (name.as_str(), Begin::Renewed, &config.journal.witnesses[..]);
    let keep = Keep::open(origin, data, &store, master, RESERVE_SLOTS, config.policies.clone()).await?;
    let origin = keep.journal_origin().to_owned();
    keep.close().await?;
    let keys = keys_of(&data.join("journal").join(&origin)).map_err(|bad| anyhow::anyhow!("{bad}"))?;
    let renewal = keys.renewals().last().context("the journal's key was not renewed")?;
    match args.format {
        Format::Json => crate::said(&in_json(&origin, renewal)),
        Format::Text => crate::said(&in_words(&origin, renewal)),
    }
    Ok(ExitCode::SUCCESS)
}

fn in_json(origin: &str, renewal: &Renewal) -> serde_json::Value {
    let Renewal { before, size, after, .. } = renewal;
    json!({ "origin": origin, "before": before.to_string(), "key": after.to_string(), "size": size })
}

fn in_words(origin: &str, renewal: &Renewal) -> String {
    format!(
        "Another key signs the journal {origin} from entry {} on; the one before named it, and signs nothing more.\n\
         Give its line to each witness of this journal, beside the one before; until then they cosign nothing of it:\n\
         {}\n\
         Whoever verifies with the key before, or follows the journal by it, is led to this one; let them keep the new line \
         from now on, which the key before cannot replace.",
        renewal.size, renewal.after
    )
}
