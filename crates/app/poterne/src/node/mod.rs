//! The composition root: stores, keys, journal, services, doors; and their end, in the reverse order.

mod directory;
mod first;
mod ground;
mod keep;
mod lending;
mod letters;
mod mailing;
mod proving;
mod pulling;
mod rehearsing;
mod reminding;
mod remotes;
mod second;
mod sightings;
mod stamping;
mod told;
mod upkeep;
mod witnessing;

pub(crate) use directory::reach as reach_directory;
pub use keep::{Begin, Keep};
pub(crate) use mailing::reach as reach_mail;
pub use proving::Proving;
pub use pulling::OtherNodes;
pub use second::{DESK_ROLES, Second, Trust};

use crate::{
    config,
    followed::Publishing,
    metrics::{Metrics, resident_bytes},
    timestamp,
    witness::{Peer, Serving},
};
use anyhow::{Context, Result};
use care::{CareService, Registrar, SightingsDesk, Sis, SisConfig};
use directory::Hospital;
use ground::Ground;
use identity::{PasswordPolicy, SessionLimits};
use interventions::Fleet;
use journal::{Journal, log::State as LogState};
use mailing::Mailing;
use policy::Policies;
use portal::PortalState;
use pulling::Pulling;
use rustls::ServerConfig;
use sightings::Finder;
use signin::{Accounts, Alarms, Defences, Enrolment, Following, Outbox, Post, SignInService};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use store::{Store, StoreConfig, SystemClock};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use types::{Cidr, Clock, Door, EstablishmentId, Role, Secret, SystemActor};
use upkeep::{
    fold, keep_interventions, keep_leases, keep_seen, purge, purge_traces, watch_journal, watch_permits, watch_sis,
    watch_store,
};
use vault::{Holder, MasterKey};
use web::{
    csrf::Origin,
    health::Health,
    limits::Limits,
    serve::{Front, Stopped, serve},
};
use wire::proxy::Proxies;

/// Who comes to the portal.
const PORTAL_ROLES: &[Role] = &[Role::Patient, Role::Relative, Role::Professional];
/// Slots of the revocation reserve of a production node.
pub const RESERVE_SLOTS: u32 = 16_384;
/// What the clean stop keeps for closing the journal, out of the deadline.
const CLOSING: Duration = Duration::from_secs(2);

/// What a node is made of.
pub struct NodeSettings {
    /// Its name, and its journal's origin.
    pub name: String,
    /// Whether a journal of which something is missing is followed by a new one, which declares it.
    pub new_origin: bool,
    /// Its data folder.
    pub data: PathBuf,
    /// Its database.
    pub store: StoreConfig,
    /// Its master key.
    pub master: MasterKey,
    /// The hospitals it serves.
    pub establishments: Vec<(EstablishmentId, String)>,
    /// The portal, and the hospital's information system behind it.
    pub portal: Option<(PageDoor, SisConfig)>,
    /// The desk.
    pub desk: Option<PageDoor>,
    /// Where the pages of doors live that other nodes run, for the desk.
    pub elsewhere: BTreeMap<Door, Origin>,
    /// The suppliers' door.
    pub suppliers: Option<PageDoor>,
    /// The relays.
    pub relays: Option<RelayDoor>,
    /// The hospital's directory, for the desk.
    pub directory: Option<config::Directory>,
    /// The hospital's mail server, if people are told by mail.
    pub mail: Option<config::Mail>,
    /// What signatures are verified against: for desk, suppliers and relays.
    pub trust: Option<Trust>,
    /// Poterne's policies, and the hospital's own.
    pub policies: Arc<policy::Policies>,
    /// The reference of the accepted risk, if doors of two zones share this node.
    pub single_zone: Option<String>,
    /// Where health is told.
    pub health: TcpListener,
    /// Who witnesses its journal.
    pub witnessing: Witnessing,
    /// Who stamps it.
    pub stamping: Option<timestamp::Settings>,
    /// The witness that it is for other nodes.
    pub witness: Option<Serving>,
    /// Its journals for other nodes, and theirs.
    pub others: OtherNodes,
    /// What is asked of administrators' passwords.
    pub administrators_passwords: PasswordPolicy,
    /// Addresses behind which many people come together.
    pub shared_addresses: Vec<Cidr>,
    /// How long after it was drawn a link gives other means to an account in use.
    pub renewal_delay: Duration,
    /// How long a clean stop may take.
    pub stop_deadline: Duration,
    /// Slots of the journal's reserve.
    pub reserve_slots: u32,
    /// Who enrols through this node.
    pub enrols_as: SystemActor,
    /// SHA-256 of the configuration file that this was read from; none where there is no file.
    pub configuration: Option<[u8; 32]>,
}

/// Who witnesses a node's journal.
#[derive(Debug, Clone)]
pub struct Witnessing {
    /// The witnesses; none, and nothing is watched.
    pub peers: Vec<Peer>,
    /// How long a checkpoint may go without a cosignature before it is told.
    pub age_max: Duration,
}

/// The listener of a door with pages, and its ways.
pub struct PageDoor {
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
    /// The proxies before it.
    pub proxies: Option<Proxies>,
    /// Where the desk administers, if apart.
    pub administration: Option<Administration>,
}

/// The desk's second listener.
pub struct Administration {
    /// Where it listens.
    pub listener: TcpListener,
    /// Whom it is for.
    pub networks: Arc<[Cidr]>,
    /// The proxies before it.
    pub proxies: Option<Proxies>,
}

/// The relays' listener.
pub struct RelayDoor {
    /// Where it listens.
    pub listener: TcpListener,
    /// The key it shows, in OpenSSH's form.
    pub host_key: Secret<String>,
    /// Host and port as technicians type them.
    pub public_name: (String, u16),
    /// Connections at once.
    pub connections_max: usize,
    /// Of one source.
    pub connections_per_source_max: usize,
    /// The proxies before it, who speak the PROXY protocol.
    pub proxies: Option<Proxies>,
    /// Where the suppliers' door is, if another node runs it.
    pub suppliers: Option<Origin>,
}

/// A door with pages, ready to listen.
struct Listening {
    name: Door,
    listener: TcpListener,
    front: Front,
    limits: Limits,
    router: axum::Router,
}

impl Listening {
    /// A door, for everybody.
    fn of(name: Door, door: PageDoor, router: axum::Router) -> Self {
        let PageDoor { listener, tls, limits, proxies, .. } = door;
        Self { name, listener, front: Front { tls: Some(tls), proxies, networks: None }, limits, router }
    }
}

/// The relays, ready to listen.
struct RelaysListening {
    listener: TcpListener,
    relay: relays::Relay<relays::Wired>,
}

/// A node, ready to serve.
pub struct Node {
    store: Store,
    journal: Journal,
    /// Creates accounts.
    pub enrolment: Enrolment,
    /// Registers patients and relations.
    pub registrar: Registrar,
    /// What lies behind desk, suppliers and relays.
    pub second: Option<Second>,
    /// What the probes visit.
    pub proving: Proving,
    signins: Vec<SignInService>,
    care: Option<CareService>,
    /// Tells patients who saw their records, where traces are read.
    sightings: Option<SightingsDesk>,
    /// Follows the hospital's directory, every so often.
    following: Option<(Arc<Following>, Arc<Hospital>, Duration)>,
    /// Sends the mail that waits.
    mailing: Option<Mailing>,
    /// Keeps what its doors ring for every node's desk, and tells it by mail.
    alarms: Alarms,
    /// Whose reviews are reminded of, and where.
    reminding: Option<(Accounts, Vec<EstablishmentId>)>,
    pages: Vec<Listening>,
    relays: Option<RelaysListening>,
    health: TcpListener,
    name: String,
    data: PathBuf,
    witnessing: Option<Witnessing>,
    stamping: Option<timestamp::Settings>,
    witness: Option<Serving>,
    publishing: Option<Publishing>,
    pulling: Option<Pulling>,
    /// Those with permits of the hospital's own, whose end is watched.
    permitting: Option<(Arc<Policies>, Arc<dyn Clock>)>,
    stop_deadline: Duration,
}

/// Where the doors' pages live, for letters.
pub(crate) fn post(origins: &BTreeMap<Door, Origin>, desk: Option<&Origin>) -> Post {
    let others = origins.iter().map(|(door, origin)| (*door, origin.as_str().to_owned()));
    let desk = desk.map(|origin| (Door::Desk, origin.as_str().to_owned()));
    Post::new(others.chain(desk).collect())
}

impl Node {
    /// Opens everything, settles what a stop left open, and makes sure that the establishments are there.
    pub async fn open(node: NodeSettings) -> Result<Self> {
        let remotes = remotes::of(&node, &SystemClock)?;
        let origin = (node.name.as_str(), Begin::asked(node.new_origin), &node.witnessing.peers[..]);
        let keep = Keep::open(origin, &node.data, &node.store, &node.master, node.reserve_slots, node.policies).await?;
        let (enrolment, registrar) = keep.enrolling(&node.master, node.enrols_as);
        told::told_at_start(&keep.journal, &keep.policies, node.configuration).await?;
        for (id, name) in &node.establishments {
            enrolment.establishment(*id, name).await.with_context(|| format!("{name} cannot be set up"))?;
        }
        let mut origins = node.elsewhere;
        let here = [
            (Door::Portal, node.portal.as_ref().map(|(door, _)| &door.origin)),
            (Door::Suppliers, node.suppliers.as_ref().map(|door| &door.origin)),
        ];
        origins.extend(here.into_iter().filter_map(|(door, origin)| Some((door, origin?.clone()))));
        let desk_origin = node.desk.as_ref().map(|door| &door.origin);
        let (rehearsal, rehearsed) = web::rehearsed::rehearsal();
        let ground = Ground {
            rehearsed,
            post: node.mail.as_ref().map(|_| post(&origins, desk_origin)),
            renewal_delay: node.renewal_delay,
            keep: &keep,
            master: &node.master,
            establishments: &node.establishments,
            administrators_passwords: node.administrators_passwords,
            defences: Defences::new(node.shared_addresses),
        };
        let mut proving = Proving::new(
            &ground,
            (&node.data, &node.store.url),
            node.enrols_as,
            [
                (Door::Portal, node.portal.as_ref().map(|(door, _)| door)),
                (Door::Desk, node.desk.as_ref()),
                (Door::Suppliers, node.suppliers.as_ref()),
            ],
        )?;
        proving.faults = Some(rehearsal);
        let (mut pages, mut signins, mut care, mut relays) = (Vec::new(), Vec::new(), None, None);
        if let Some((door, sis)) = node.portal {
            let signin = ground.served(Door::Portal, PORTAL_ROLES, door.sessions)?;
            let signin = match ground.means(Door::Portal, &door.origin) {
                Some(means) => signin.with_means(means),
                None => signin,
            };
            let keys = node.master.keys_for(Holder::Door(Door::Portal));
            let service =
                CareService::new(keep.store.clone(), keep.journal.clone(), keep.policies.clone(), keys, Sis::new(sis)?);
            let state = PortalState::new(ground.entrance(Door::Portal, &door)?, signin.clone(), service.clone());
            let router = portal::router(state, door.limits.clone());
            pages.push(Listening::of(Door::Portal, door, router));
            signins.push(signin);
            care = Some(service);
        }
        let hospital = node.directory.as_ref().map(|config| Arc::new(Hospital::new(config)));
        let following = node.directory.as_ref().zip(hospital.clone()).map(|(config, hospital)| {
            let establishments = node.establishments.iter().map(|(id, _)| *id).collect();
            let keys = node.master.keys_for(Holder::Door(Door::Desk));
            let (keeps, bounds) =
                ((keep.store.clone(), keep.journal.clone()), (establishments, config.leaving_percent_max));
            let following = Following::new(keeps, keep.policies.clone(), keys, hospital.clone(), bounds);
            (Arc::new(following), hospital, config.every)
        });
        let followed = following.as_ref().map(|(following, _, every)| (following.clone(), *every));
        (proving.remotes, proving.following) = (remotes, followed);
        let mut reminding = None;
        let second = match node.trust {
            Some(trust) => {
                let settings = second::Settings {
                    node: &node.name,
                    data: &node.data,
                    enrols_as: node.enrols_as,
                    single_zone: node.single_zone,
                    desk: node.desk,
                    staff: hospital,
                    origins,
                    suppliers: node.suppliers,
                    relays: node.relays,
                };
                let opened = Second::open(&ground, settings, trust).await?;
                pages.extend(opened.pages);
                signins.extend(opened.signins);
                relays = opened.relays;
                proving.pins = Some(opened.second.pins.first().clone());
                proving.relays = opened.rehearsing;
                reminding =
                    opened.accounts.map(|accounts| (accounts, node.establishments.iter().map(|(id, _)| *id).collect()));
                Some(opened.second)
            }
            None => None,
        };
        let sightings = match second.as_ref().and_then(|second| second.traces.clone()) {
            Some(traces) => {
                let (desk, place) = (node.master.keys_for(Holder::Door(Door::Desk)), ground.first()?.0);
                let keeps = (keep.store.clone(), keep.journal.clone());
                Some(SightingsDesk::new(keeps, keep.policies.clone(), desk, place, Arc::new(Finder(traces))))
            }
            None => None,
        };
        let mailing = node.mail.map(|config| Mailing {
            outbox: Outbox::new(
                keep.store.clone(),
                keep.journal.clone(),
                keep.policies.clone(),
                node.master.keys_for(Holder::Mailer),
            ),
            config,
            establishments: node.establishments.iter().cloned().collect(),
        });
        let alarms = ground.alarms();
        proving.keep_listening(&pages, relays.as_ref());
        let Keep { store, journal, .. } = keep;
        let (health, stop_deadline) = (node.health, node.stop_deadline);
        let witnessing = (!node.witnessing.peers.is_empty()).then_some(node.witnessing);
        let pulling = Pulling::new(node.others.followed, (&journal, &node.data, &node.master), second.as_ref())?;
        let permitting = (!keep.policies.permits().is_empty()).then(|| (keep.policies.clone(), keep.clock.clone()));
        Ok(Self {
            store,
            journal,
            enrolment,
            registrar,
            second,
            proving,
            signins,
            care,
            sightings,
            following,
            mailing,
            alarms,
            reminding,
            pages,
            relays,
            health,
            name: node.name,
            data: node.data,
            witnessing,
            stamping: node.stamping,
            witness: node.witness,
            publishing: node.others.publishing,
            pulling,
            permitting,
            stop_deadline,
        })
    }

    /// Registers suppliers and equipment.
    pub fn fleet(&self) -> Result<&Fleet> {
        Ok(&self.second.as_ref().context("this node has no door for interventions")?.fleet)
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
        if let Some(second) = &self.second {
            second.metrics(&mut metrics);
        }
        metrics
    }

    fn keep_up(&mut self, health: &Health) -> JoinSet<()> {
        let mut upkeep = JoinSet::new();
        upkeep.spawn(watch_journal(self.journal.clone(), health.check("journal")));
        upkeep.spawn(watch_store(self.store.clone(), health.check("store")));
        if let Some(care) = &self.care {
            upkeep.spawn(watch_sis(care.clone(), health.check("sis")));
        }
        upkeep.spawn(fold(self.journal.clone()));
        if let Some(settings) = self.witnessing.take() {
            let (journal, data, name) = (self.journal.clone(), self.data.clone(), self.name.clone());
            let check = health.check("witness");
            upkeep.spawn(async move { witnessing::feed(journal, &data, &name, settings, check).await });
        }
        if let Some(settings) = self.stamping.take() {
            let (journal, data, check) = (self.journal.clone(), self.data.clone(), health.check("timestamp"));
            upkeep.spawn(async move { stamping::stamp(journal, &data, settings, check).await });
        }
        if let Some(pulling) = self.pulling.take() {
            upkeep.spawn(pulling::follow(pulling, health.check("followed")));
        }
        if let Some((following, hospital, every)) = self.following.take() {
            upkeep.spawn(directory::follow(following, hospital, every, health.check("directory")));
        }
        if let Some(mailing) = self.mailing.take() {
            upkeep.spawn(mailing.send(health.check("mail")));
        }
        let alarms = self.alarms.clone();
        upkeep.spawn(async move { alarms.keep_ringing().await });
        if let Some((accounts, establishments)) = self.reminding.take() {
            upkeep.spawn(reminding::remind(accounts, establishments));
        }
        if let Some((policies, clock)) = self.permitting.take() {
            upkeep.spawn(watch_permits(policies, clock, health.check("permits")));
        }
        upkeep.spawn(purge_traces(self.journal.clone()));
        for signin in &self.signins {
            upkeep.spawn(purge(signin.clone()));
            upkeep.spawn(keep_seen(signin.clone()));
        }
        if let Some(second) = &self.second {
            upkeep.spawn(keep_interventions(second.house.clone()));
            upkeep.spawn(keep_leases(second.house.clone()));
            if let Some(traces) = second.traces.clone() {
                upkeep.spawn(traces.keep_index());
            }
            if let Some(sightings) = self.sightings.take() {
                upkeep.spawn(sightings.keep_answering());
            }
        }
        upkeep
    }

    /// Serves until `stop`, then ends cleanly within the deadline.
    pub async fn run(mut self, stop: CancellationToken) -> Result<()> {
        let health = Health::new();
        let mut upkeep = self.keep_up(&health);
        let metrics = self.metrics().render();
        let drain = self.stop_deadline.saturating_sub(CLOSING);
        let mut serving = JoinSet::new();
        for Listening { name, listener, front, limits, router } in std::mem::take(&mut self.pages) {
            told::started(&self.journal, name, &listener).await?;
            let (journal, stop) = (self.journal.clone(), stop.clone());
            serving.spawn(async move {
                let stopped = serve(listener, front, router, limits, stop, drain).await;
                told::stopped(&journal, name, stopped).await
            });
        }
        if let Some(RelaysListening { listener, relay }) = self.relays.take() {
            told::started(&self.journal, Door::Relays, &listener).await?;
            let (journal, stop) = (self.journal.clone(), stop.clone());
            serving.spawn(async move {
                let stopped = relay.run(listener, stop, drain).await;
                told::stopped(&journal, Door::Relays, Stopped { cut_connections: stopped.cut_connections }).await
            });
        }
        if let Some(witness) = self.witness.take() {
            told::started(&self.journal, "witness", &witness.listener).await?;
            tracing::info!(vkey = %witness.witness.signer().key(), "this node witnesses other journals");
            let (journal, stop) = (self.journal.clone(), stop.clone());
            serving.spawn(async move { told::stopped(&journal, "witness", witness.run(stop, drain).await).await });
        }
        if let Some(publishing) = self.publishing.take() {
            told::started(&self.journal, "publish", &publishing.listener).await?;
            let (journal, stop) = (self.journal.clone(), stop.clone());
            serving.spawn(async move { told::stopped(&journal, "publish", publishing.run(stop, drain).await).await });
        }
        let (router, soon) = (health.router(metrics), Duration::from_secs(1));
        serving.spawn(serve(self.health, Front::default(), router, Limits::default(), stop.clone(), soon));
        upkeep.spawn(self.proving.prove());
        let cut: usize = serving.join_all().await.into_iter().map(|Stopped { cut_connections }| cut_connections).sum();
        if cut > 0 {
            tracing::warn!(connections = cut, "the stop's deadline came: connections were cut");
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
