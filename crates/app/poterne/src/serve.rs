//! `poterne serve`: production.

use crate::{
    config::{Config, LogFormat, PublishHere, WitnessHere},
    followed::Publishing,
    lists::{self, Lists},
    node::{Administration, Node, NodeSettings, OtherNodes, PageDoor, RESERVE_SLOTS, RelayDoor, Trust, Witnessing},
    stop,
    witness::Serving,
};
use anyhow::{Context, Result};
use care::SisConfig;
use identity::SessionLimits;
use std::{net::SocketAddr, path::PathBuf, process::ExitCode};
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
    /// If something of this node's journal is missing or damaged, and cannot be put back, begin a new one that declares it
    #[arg(long)]
    new_origin: bool,
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
    let lists = lists_of(&config);
    let settings = NodeSettings { new_origin: args.new_origin, ..settings(config).await? };
    let node = Node::open(settings).await?;
    tracing::info!("serving");
    let renewing = tokio::spawn(lists::follow(lists, stop.clone()));
    let ran = node.run(stop).await;
    renewing.abort();
    ran?;
    Ok(ExitCode::SUCCESS)
}

/// The revocation lists of all that this node asks over TLS.
fn lists_of(config: &Config) -> Vec<Lists> {
    let (sis, directory) = (config.sis.as_ref(), config.directory.as_ref());
    let named = sis.map(|sis| &sis.trusted).into_iter().chain(directory.map(|directory| &directory.trusted));
    let witnesses = config.journal.witnesses.iter().filter_map(|peer| peer.trusted.as_ref());
    let stamps = config.journal.timestamp.iter().filter_map(|stamps| stamps.trusted.as_ref());
    let followed = config.journal.follow.iter().filter_map(|one| one.trusted.as_ref());
    Lists::of(named.chain(witnesses).chain(stamps).chain(followed))
}

async fn settings(config: Config) -> Result<NodeSettings> {
    if config.establishments.len() > 1 {
        // Rows of one SIS do not say yet which hospital of the group they belong to.
        anyhow::bail!("this version serves one establishment for each node: name one, and start a node for each other");
    }
    let portal = match (config.portal, config.sis) {
        (Some(portal), Some(sis)) => {
            let sis = SisConfig {
                url: sis.url,
                trust: sis.trusted.trust,
                certificate_pem: sis.certificate_pem,
                key_pem: sis.key_pem,
                wait: sis.wait,
            };
            Some((page(portal).await?, sis))
        }
        _ => None,
    };
    let elsewhere = config.desk.as_ref().map(|desk| desk.elsewhere.clone()).unwrap_or_default();
    let desk = match config.desk {
        Some(desk) => Some(page(desk).await?),
        None => None,
    };
    let suppliers = match config.suppliers {
        Some(suppliers) => Some(page(suppliers).await?),
        None => None,
    };
    let relays = match config.relays {
        Some(relays) => Some(RelayDoor {
            listener: bind(relays.listen).await?,
            host_key: openssh(&relays.host_key)?,
            public_name: (relays.public_name.host, relays.public_name.port),
            connections_max: relays.connections_max,
            connections_per_source_max: relays.connections_per_source_max,
            proxies: relays.proxies,
            suppliers: relays.suppliers,
        }),
        None => None,
    };
    let trust = config.approvals.map(|approvals| Trust {
        passkey_domain: approvals.passkey_domain().to_owned(),
        desk_origin: approvals.desk_origin,
        pinned: approvals.pinned,
        first: approvals.first_administrator,
        // A software passkey exists in the demonstration only.
        signer: None,
    });
    let witness = match config.journal.witness {
        Some(WitnessHere { listen, tls, here }) => {
            Some(Serving::open(&here, &config.node.data.join("witness"), bind(listen).await?, tls)?)
        }
        None => None,
    };
    let publishing = match config.journal.publish {
        Some(PublishHere { listen, tls, networks, secret }) => {
            let data = config.node.data.clone();
            Some(Publishing { listener: bind(listen).await?, tls, networks, secret, data })
        }
        None => None,
    };
    Ok(NodeSettings {
        name: config.node.name,
        store: StoreConfig::new(config.store.url.expose().clone()),
        data: config.node.data,
        master: config.vault.master_key,
        establishments: config.establishments.into_iter().map(|one| (one.id, one.name)).collect(),
        portal,
        desk,
        elsewhere,
        suppliers,
        relays,
        directory: config.directory,
        mail: config.mail,
        trust,
        single_zone: config.node.accept_single_zone,
        witnessing: Witnessing { peers: config.journal.witnesses, age_max: config.journal.witness_age_max },
        stamping: config.journal.timestamp,
        witness,
        others: OtherNodes { publishing, followed: config.journal.follow },
        health: bind(config.node.metrics_listen).await?,
        administrators_passwords: config.administrators_passwords,
        shared_addresses: config.shared_addresses,
        renewal_delay: config.renewal_delay,
        stop_deadline: config.node.stop_deadline,
        new_origin: false,
        reserve_slots: RESERVE_SLOTS,
        policies: config.policies,
        enrols_as: SystemActor::Operator,
        configuration: Some(config.digest),
    })
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{address} cannot be listened on"))
}

async fn page(door: crate::config::PageDoor) -> Result<PageDoor> {
    let administration = match door.administration {
        Some(inside) => {
            let listener = bind(inside.listen).await?;
            Some(Administration { listener, networks: inside.networks.into(), proxies: inside.proxies })
        }
        None => None,
    };
    Ok(PageDoor {
        listener: bind(door.listen).await?,
        tls: door.tls,
        origin: door.origin,
        sessions: SessionLimits { idle: door.idle, absolute: door.absolute },
        support_contact: Some(door.support_contact),
        limits: Limits {
            connections_max: door.connections_max,
            connections_per_source_max: door.connections_per_source_max,
            ..Limits::default()
        },
        proxies: door.proxies,
        administration,
    })
}

/// A host key as the relays take it.
fn openssh(key: &russh::keys::PrivateKey) -> Result<types::Secret<String>> {
    let text = key.to_openssh(russh::keys::ssh_key::LineEnding::LF).context("the relays' host key cannot be used")?;
    Ok(types::Secret::new(text.to_string()))
}
