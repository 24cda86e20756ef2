//! The composition root: stores, keys, journal, services, doors; and their end, in the reverse order.

use crate::metrics::{Metrics, resident_bytes};
use anyhow::{Context, Result};
use care::{CareService, Registrar, Sis, SisConfig};
use identity::SessionLimits;
use interventions::{Fleet, FleetParts, Pinned};
use journal::{Journal, JournalConfig, log::State as LogState};
use policy::Policies;
use portal::{PortalSettings, PortalState};
use rustls::ServerConfig;
use signin::{ApiTokens, Enrolment, SignInService, SignInSettings, TokenSettings};
use std::{
    collections::BTreeMap,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use store::{Store, StoreConfig, SystemClock};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use types::{Clock, Door, EstablishmentId, Role, Secret, SystemActor};
use vault::{Holder, MasterKey, MonthKeys, Purpose};
use web::{
    csrf::{CsrfKey, Origin},
    health::{Check, Health, State},
    limits::Limits,
};

/// Slots of the revocation reserve of a production node.
pub const RESERVE_SLOTS: u32 = 16_384;
/// What the clean stop keeps for closing the journal, out of the deadline.
const CLOSING: Duration = Duration::from_secs(2);

/// What a node is made of.
pub struct NodeSettings {
    /// Its name, and its journal's origin.
    pub name: String,
    /// Its data folder.
    pub data: PathBuf,
    /// Its database.
    pub store: StoreConfig,
    /// Its master key.
    pub master: MasterKey,
    /// The hospitals it serves.
    pub establishments: Vec<(EstablishmentId, String)>,
    /// The portal.
    pub portal: PortalDoor,
    /// The hospital's information system.
    pub sis: SisConfig,
    /// Where health is told.
    pub health: TcpListener,
    /// How long a clean stop may take.
    pub stop_deadline: Duration,
    /// Slots of the journal's reserve.
    pub reserve_slots: u32,
    /// Who enrols through this node.
    pub enrols_as: SystemActor,
}

/// The portal's listener and its ways.
pub struct PortalDoor {
    /// Where it listens.
    pub listener: TcpListener,
    /// Its certificate.
    pub tls: Arc<ServerConfig>,
    /// Where its pages live.
    pub origin: Origin,
    /// How long its sessions live.
    pub sessions: SessionLimits,
    /// Whom to ask for help.
    pub support_contact: Option<String>,
    /// Its bounds.
    pub limits: Limits,
}

/// A node, ready to serve.
pub struct Node {
    store: Store,
    journal: Journal,
    signin: SignInService,
    care: CareService,
    /// Creates accounts.
    pub enrolment: Enrolment,
    /// Registers patients and relations.
    pub registrar: Registrar,
    portal: PortalDoor,
    settings: PortalSettings,
    health: TcpListener,
    stop_deadline: Duration,
}

/// What every command that acts needs: database, journal, policies, time.
pub struct Keep {
    store: Store,
    journal: Journal,
    policies: Arc<Policies>,
    clock: Arc<dyn Clock>,
}

impl Keep {
    /// Opens database and journal, and settles what a stop of this origin left open.
    pub async fn open(
        origin: &str,
        data: &Path,
        config: &StoreConfig,
        master: &MasterKey,
        reserve_slots: u32,
    ) -> Result<Self> {
        // Nobody else on this machine has anything to do in there.
        let folder = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
        folder.with_context(|| format!("{} cannot be made", data.display()))?;
        let policies = Arc::new(Policies::built_in()?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store, door) = store::open(config).await.context("the database cannot be opened")?;
        let config = JournalConfig {
            folder: data.join("journal"),
            month_keys: data.join("vault"),
            origin: origin.to_owned(),
            reserve_slots,
        };
        let journal =
            Journal::open(config, master, door, clock.clone()).await.context("the journal cannot be opened")?;
        Ok(Self { store, journal, policies, clock })
    }

    /// Who creates accounts, and who registers patients and relations.
    pub fn enrolling(&self, master: &MasterKey, actor: SystemActor) -> (Enrolment, Registrar) {
        let keys = || master.keys_for(Holder::Enrolment);
        let (store, journal, policies) = (&self.store, &self.journal, &self.policies);
        (
            Enrolment::new(store.clone(), journal.clone(), policies.clone(), keys(), actor),
            Registrar::new(store.clone(), journal.clone(), policies.clone(), keys(), actor),
        )
    }

    /// The tokens of a door.
    pub fn tokens(&self, master: &MasterKey, settings: TokenSettings) -> Result<ApiTokens> {
        let keys = master.keys_for(Holder::Door(settings.door));
        let (store, journal, policies) = (self.store.clone(), self.journal.clone(), self.policies.clone());
        Ok(ApiTokens::new(store, journal, policies, keys, settings)?)
    }

    /// Who registers suppliers and equipment.
    pub fn fleet(&self, (data, master): (&Path, &MasterKey), actor: SystemActor, pinned: Arc<Pinned>) -> Result<Fleet> {
        let opened_by = (Holder::Door(Door::Relays), Purpose::EquipmentSecrets);
        Ok(Fleet::new(FleetParts {
            store: self.store.clone(),
            journal: self.journal.clone(),
            policies: self.policies.clone(),
            keys: master.keys_for(Holder::Enrolment),
            equipment_keys: MonthKeys::of(&data.join("vault"), master, opened_by)?.seal_only(),
            pinned,
            actor,
        }))
    }

    /// Closes the journal, then the database.
    pub async fn close(self) -> Result<()> {
        self.journal.close().await.context("the journal did not close cleanly; it will recover at the next start")?;
        self.store.close().await;
        Ok(())
    }
}

impl Node {
    /// Opens everything, settles what a stop left open, and makes sure that the establishments are there.
    pub async fn open(node: NodeSettings) -> Result<Self> {
        let keep = Keep::open(&node.name, &node.data, &node.store, &node.master, node.reserve_slots).await?;
        let (enrolment, registrar) = keep.enrolling(&node.master, node.enrols_as);
        let Keep { store, journal, policies, clock } = keep;
        for (id, name) in &node.establishments {
            enrolment.establishment(*id, name).await.with_context(|| format!("{name} cannot be set up"))?;
        }
        let (first, name) = node.establishments.first().cloned().context("no establishment is named")?;
        let portal_keys = || node.master.keys_for(Holder::Door(Door::Portal));
        let signin = SignInService::new(
            store.clone(),
            journal.clone(),
            policies.clone(),
            portal_keys(),
            SignInSettings {
                door: Door::Portal,
                roles: &[Role::Patient, Role::Relative, Role::Professional],
                limits: node.portal.sessions,
                establishment: first,
            },
        )?;
        let sis = Sis::new(node.sis)?;
        let care = CareService::new(store.clone(), journal.clone(), policies, portal_keys(), sis);
        let csrf = portal_keys().bare(Purpose::Forms(Door::Portal))?;
        let settings = PortalSettings {
            origin: node.portal.origin.clone(),
            establishments: node.establishments.into_iter().collect::<BTreeMap<_, _>>(),
            name,
            support_contact: node.portal.support_contact.clone(),
            csrf: CsrfKey::new(&Secret::new(*csrf)),
            clock,
        };
        Ok(Self {
            store,
            journal,
            signin,
            care,
            enrolment,
            registrar,
            portal: node.portal,
            settings,
            health: node.health,
            stop_deadline: node.stop_deadline,
        })
    }

    fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        let journal = self.journal.clone();
        metrics.counter("poterne_journal_entries", "Entries durable in this node's journal", move || journal.entries());
        let state = self.journal.state();
        metrics.gauge("poterne_journal_ready", "Whether the journal takes entries (1) or not (0)", move || {
            u64::from(*state.borrow() == LogState::Ready)
        });
        metrics.gauge("poterne_resident_memory_bytes", "Memory held by the process", resident_bytes);
        metrics
    }

    /// Serves until `stop`, then ends cleanly within the deadline.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let health = Health::new();
        let mut upkeep = JoinSet::new();
        upkeep.spawn(watch_journal(self.journal.clone(), health.check("journal")));
        upkeep.spawn(watch_store(self.store.clone(), health.check("store")));
        upkeep.spawn(watch_sis(self.care.clone(), health.check("sis")));
        upkeep.spawn(fold(self.journal.clone()));
        upkeep.spawn(purge(self.signin.clone()));
        let metrics = self.metrics();
        let drain = self.stop_deadline.saturating_sub(CLOSING);
        let limits = self.portal.limits.clone();
        let state = PortalState::new(self.settings, self.signin, self.care);
        let router = portal::router(state, limits.clone());
        let told = web::serve::serve(
            self.health,
            None,
            health.router(metrics.render()),
            limits.clone(),
            stop.clone(),
            Duration::from_secs(1),
        );
        let served =
            web::serve::serve(self.portal.listener, Some(self.portal.tls), router, limits, stop.clone(), drain);
        let (stopped, _) = tokio::join!(served, told);
        if stopped.cut_connections > 0 {
            tracing::warn!(connections = stopped.cut_connections, "the stop's deadline came: connections were cut");
        }
        let began = Instant::now();
        upkeep.shutdown().await;
        let closed = tokio::time::timeout(CLOSING, self.journal.close()).await;
        self.store.close().await;
        tracing::info!(millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(0), "stopped");
        match closed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(error).context("the journal did not close cleanly; it will recover at the next start")
            }
            Err(_) => anyhow::bail!("the journal did not close in time; it will recover at the next start"),
        }
    }
}

async fn watch_journal(journal: Journal, check: Check) {
    let mut state = journal.state();
    loop {
        let now = match &*state.borrow_and_update() {
            LogState::Ready => State::Ready,
            LogState::Degraded(reason) => State::Down(format!("takes no entries: {reason}")),
            LogState::Closed => State::Down("closed".into()),
        };
        if let State::Down(reason) = &now {
            tracing::error!(reason, "the journal takes no entries: nothing is opened until it does");
        }
        check.set(now);
        if state.changed().await.is_err() {
            return;
        }
    }
}

async fn watch_store(store: Store, check: Check) {
    loop {
        check.set(match store.ping().await {
            Ok(()) => State::Ready,
            Err(error) => State::Down(error.to_string()),
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

/// A SIS that does not answer is the hospital's trouble, not the node's: degraded, never down.
async fn watch_sis(care: CareService, check: Check) {
    loop {
        check.set(match care.reach().await {
            Ok(()) => State::Ready,
            Err(error) => State::Degraded(error.to_string()),
        });
        tokio::time::sleep(Duration::from_secs(15)).await;
    }
}

async fn fold(journal: Journal) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Err(error) = journal.fold(false).await {
            tracing::warn!(%error, "counted refusals could not be written");
        }
    }
}

async fn purge(signin: SignInService) {
    loop {
        if let Err(error) = signin.purge().await {
            tracing::warn!(%error, "ended sessions could not be deleted");
        }
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
}
