//! `poterne serve`: production.

use crate::{
    config::{Config, LogFormat},
    node::{Node, NodeSettings, PortalDoor, RESERVE_SLOTS},
    stop,
};
use anyhow::{Context, Result};
use care::SisConfig;
use identity::SessionLimits;
use std::{path::PathBuf, process::ExitCode};
use store::StoreConfig;
use tokio::net::TcpListener;
use types::SystemActor;
use web::limits::Limits;

/// What `serve` is told.
#[derive(Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Reads the configuration, listing all its mistakes (exit 2), then serves until a signal.
pub async fn run(args: &ServeArgs) -> Result<ExitCode> {
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(mistakes) => {
            crate::told(&mistakes);
            return Ok(ExitCode::from(2));
        }
    };
    crate::logs(config.log.format == LogFormat::Json, config.log.level.into());
    let stop = stop::on_signal()?;
    let node = Node::open(settings(config).await?).await?;
    tracing::info!("serving");
    node.run(stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn settings(config: Config) -> Result<NodeSettings> {
    if config.establishments.len() > 1 {
        // Rows of one SIS do not say yet which hospital of the group they belong to.
        anyhow::bail!("this version serves one establishment for each node: name one, and start a node for each other");
    }
    let portal = config.portal.context("the portal is not configured")?;
    let sis = config.sis.context("the SIS is not configured")?;
    let bind = |address: std::net::SocketAddr| async move {
        TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))
    };
    let limits = Limits {
        connections_max: portal.connections_max,
        connections_per_source_max: portal.connections_per_source_max,
        ..Limits::default()
    };
    Ok(NodeSettings {
        name: config.node.name,
        store: StoreConfig::new(config.store.url.expose().clone()),
        data: config.node.data,
        master: config.vault.master_key,
        establishments: config.establishments.into_iter().map(|one| (one.id, one.name)).collect(),
        portal: PortalDoor {
            listener: bind(portal.listen).await?,
            tls: portal.tls,
            origin: portal.origin,
            sessions: SessionLimits { idle: portal.idle, absolute: portal.absolute },
            support_contact: Some(portal.support_contact),
            limits,
        },
        sis: SisConfig {
            url: sis.url,
            ca_pem: sis.ca_pem,
            certificate_pem: sis.certificate_pem,
            key_pem: sis.key_pem,
            wait: sis.wait,
        },
        health: bind(config.node.metrics_listen).await?,
        stop_deadline: config.node.stop_deadline,
        reserve_slots: RESERVE_SLOTS,
        enrols_as: SystemActor::Operator,
    })
}
