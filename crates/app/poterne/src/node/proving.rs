//! What the node asks of itself from outside while it serves: the probes' doors, their reserved accounts, their order.

use super::{
    Ground, Keep, Listening, PORTAL_ROLES, PageDoor, RelaysListening, lending, rehearsing::Rehearsing,
    second::DESK_ROLES,
};
use crate::probes::{
    accesses::AccessesProbe,
    accounts::{AccountsProbe, Made},
    alone::{AloneDoor, AloneProbe},
    codes::Reserved,
    each_door::EachDoor,
    faults::{self, FaultDoor, FaultsProbe},
    following::{Followed, FollowingProbe},
    forged::ForgedProbe,
    guessing,
    office::{Office, OfficeProbe, What as Managed},
    openings::{Opened, OpeningsProbe},
    over::{self, OverDoor, OverProbe},
    passwords,
    porter::Porter,
    records::{RecordsProbe, What as Records},
    relay::{
        RelayProbe, What as Relayed, Works,
        silence::{Silence, SilenceProbe},
    },
    remote::{Remote, RemoteProbe},
    restricted::{Inside, RestrictedProbe},
    roles::{ROUTES_EACH, RolesProbe},
    sealed::{Kept, SealedProbe},
    sessions,
    settings::Recording,
    strangers,
    target::{Target, leaf_of, reached},
    terms::{JournalTerms, TermsProbe},
    tls::TlsProbe,
    traces::{JournalTraces, TracesProbe},
    unaltered::{UnalteredProbe, Watched},
    visits::Visits,
};
use anyhow::{Context, Result};
use dossier::{Probe, ProbeInfo, ProofKeeper, probe_named};
use identity::{TotpSecret, vouching::Pins};
use signin::{Enrolment, NewAccount, SignInService};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinSet;
use types::{Clock, Door, EstablishmentId, PatientId, Role, Secret, SystemActor, Time};
use vault::{Holder, MonthKeys};
use web::rehearsed::Rehearsal;
use wire::proxy::{Proxies, Says};

/// How the reserved accounts are called.
const NAME: &str = "Sonde de la Poterne";
/// The end of it.
pub(super) const FAMILY_NAME: &str = "de la Poterne";

/// The probes of a node, before they run.
pub struct Proving {
    /// A fictitious patient who has a record in the SIS, to whom the reserved account is not related.
    pub other_record: Option<PatientId>,
    /// The relays, if this node has them.
    pub(super) relays: Option<Rehearsing>,
    /// What follows the directory, if one is configured, and how often.
    pub(super) following: Option<Followed>,
    /// Whom the node asks over TLS, and whose revocation it cannot look at.
    pub(super) remotes: (Vec<Remote>, Vec<&'static str>),
    /// By which keys rights over others are signed, where the desk is here.
    pub(super) pins: Option<Pins>,
    /// Arms the faults that the doors' guards meet.
    pub(super) faults: Option<Rehearsal>,
    keeper: ProofKeeper,
    targets: Vec<Target>,
    /// Of the doors that expect the PROXY protocol; until they carry.
    porters: Vec<Porter>,
    visited: Vec<Visited>,
    /// The proxies before each door, where it has any.
    proxies: BTreeMap<Door, Proxies>,
    /// Where the desk administers, if apart.
    inside: Option<Inside>,
    /// Where accounts are managed, or why nobody comes there.
    office: Result<Arc<Office>, &'static str>,
    refusals: Arc<JournalTraces>,
    terms: Arc<JournalTerms>,
    watched: Arc<Watched>,
    kept: Arc<Kept>,
    /// The doors that serve, and when the node began to open.
    doors: Vec<(Door, SocketAddr)>,
    since: Time,
    clock: Arc<dyn Clock>,
    enrolment: Enrolment,
    establishment: EstablishmentId,
}

/// The technician's sessions, and their silence.
type Relays = (Arc<Works>, Arc<dyn Silence>);

/// A door whose sessions are looked at.
struct Visited {
    visits: Arc<Visits>,
    /// With the account that comes in twice.
    alone: Arc<Visits>,
    role: Role,
    /// Opens sessions that are left idle, and sessions that are used until their end.
    short: [SignInService; 2],
    /// Opens sessions that break.
    broken: SignInService,
    in_force: SignInService,
}

impl Proving {
    /// Over the doors with pages.
    pub(super) fn new(
        ground: &Ground<'_>,
        (data, database): (&Path, &str),
        actor: SystemActor,
        doors: [(Door, Option<&PageDoor>); 3],
    ) -> Result<Self> {
        let Keep { journal, policies, .. } = ground.keep;
        let keys = ground.master.keys_for(Holder::Prober);
        let (mut targets, mut visited, mut porters) = (Vec::new(), Vec::new(), Vec::new());
        let mut credentials = Vec::new();
        let (mut proxies, mut inside) = (BTreeMap::new(), None);
        for (door, page) in doors {
            let Some(page) = page else { continue };
            let leaf = leaf_of(&page.tls, "door.invalid").with_context(|| format!("{door}: its certificate"))?;
            let mut target = Target::new(door, page.listener.local_addr()?, &page.origin, leaf);
            if page.proxies.as_ref().is_some_and(|proxies| proxies.says() == Says::ProxyProtocol) {
                let porter = Porter::new(target.address)?;
                target.through = porter.address()?;
                porters.push(porter);
            }
            proxies.extend(page.proxies.clone().map(|proxies| (door, proxies)));
            if let Some(apart) = &page.administration {
                let (networks, proxies) = (apart.networks.clone(), apart.proxies.clone());
                inside = Some(Inside { address: reached(apart.listener.local_addr()?), networks, proxies });
            }
            if let Some((role, roles)) = reserved_role(door) {
                credentials.extend([Reserved::new(&keys, door)?, Reserved::alone(&keys, door)?]);
                let visits = Visits::new(&target, Reserved::new(&keys, door)?, ground.clock())?;
                let alone = Visits::new(&target, Reserved::alone(&keys, door)?, ground.clock())?;
                visited.push(Visited {
                    visits: Arc::new(visits),
                    alone: Arc::new(alone),
                    role,
                    short: [ground.signin(door, roles, over::LEFT)?, ground.signin(door, roles, over::USED)?],
                    broken: ground.signin(door, roles, faults::BROKEN)?,
                    in_force: ground.signin(door, roles, page.sessions)?,
                });
            }
            targets.push(target);
        }
        let months = MonthKeys::new(&data.join("vault"), ground.master)?;
        let terms = Arc::new(JournalTerms::new(journal.clone(), months.clone()));
        let log = data.join("journal").join(journal.origin());
        let refusals = Arc::new(JournalTraces::new(&log, months));
        let kept = Arc::new(Kept {
            data: data.to_owned(),
            origin: journal.origin().to_owned(),
            database: database.strip_prefix("sqlite:").map(PathBuf::from),
            name: NAME,
            credentials,
        });
        let desk = targets.iter().find(|target| target.door == Door::Desk);
        let office = lending::office(ground, actor, (desk, inside.as_ref()), (kept.clone(), refusals.clone()))?;
        let (enrolment, _) = ground.keep.enrolling(ground.master, actor);
        let keeper = ProofKeeper::new(journal.clone(), policies.clone(), keys);
        let establishment = ground.first()?.0;
        Ok(Self {
            other_record: None,
            relays: None,
            following: None,
            remotes: Default::default(),
            pins: None,
            faults: None,
            keeper,
            targets,
            porters,
            visited,
            proxies,
            inside,
            refusals,
            terms,
            watched: Arc::new(Watched::new(log)),
            kept,
            office,
            doors: Vec::new(),
            since: ground.keep.since,
            clock: ground.clock(),
            enrolment,
            establishment,
        })
    }

    /// Only doors that serve are visited.
    pub(super) fn keep_listening(&mut self, pages: &[Listening], relays: Option<&RelaysListening>) {
        let pages = pages.iter().map(|one| (one.name, &one.listener));
        let listening = pages.chain(relays.map(|one| (Door::Relays, &one.listener)));
        self.doors = listening.filter_map(|(door, one)| Some((door, one.local_addr().ok()?))).collect();
        let ports: Vec<_> = self.doors.iter().map(|(_, address)| address.port()).collect();
        self.targets.retain(|target| ports.contains(&target.address.port()));
        self.visited.retain(|one| ports.contains(&one.visits.browser.target().address.port()));
    }

    /// Makes sure that the reserved accounts are there, then runs the probes at once and every ten minutes.
    pub(super) async fn prove(mut self) {
        let mut carrying = JoinSet::new();
        let relays = self.relays.as_mut().and_then(|relays| relays.porter.take());
        for porter in std::mem::take(&mut self.porters).into_iter().chain(relays) {
            carrying.spawn(porter.carry());
        }
        let mut made = None;
        for Visited { visits, alone, role, .. } in &self.visited {
            if let Err(error) = self.enrol(alone, *role).await {
                tracing::error!(door = %visits.door(), %error, "the probes' second account could not be made");
            }
            match self.enrol(visits, *role).await {
                Ok(when) if visits.door() == Door::Desk => made = when,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(door = %visits.door(), %error, "the probes' reserved account could not be made");
                }
            }
        }
        let relays = self.enrol_technician().await;
        let keeper = self.keeper.clone();
        keeper.keep_proving(self.probes(relays, made)).await;
    }

    async fn enrol_technician(&mut self) -> Option<Relays> {
        let relays = self.relays.take()?;
        let desk = self.visited.iter().find(|one| one.visits.door() == Door::Desk).map(|one| one.visits.clone());
        let works = relays.works((&self.enrolment, self.establishment), self.refusals.clone(), desk).await;
        works.inspect_err(|error| tracing::error!(%error, "the probes' technician could not be made")).ok()
    }

    /// Says when it was made, if it was not there.
    async fn enrol(&self, visits: &Visits, role: Role) -> Result<Made> {
        let reserved = visits.reserved();
        if self.enrolment.account_named(&reserved.login).await?.is_some() {
            return Ok(None);
        }
        let began = self.clock.now();
        let new = NewAccount {
            login: reserved.login.clone(),
            display_name: NAME.into(),
            role,
            supplier: None,
            password: Secret::new(reserved.password.expose().clone()),
            totp: TotpSecret::from_bytes(*reserved.totp.expose()),
        };
        self.enrolment.account(self.establishment, new).await?;
        Ok(Some((began, self.clock.now())))
    }

    /// In an order in which one sign-in serves a round: the idle one first, so that the next has one before it; the one
    /// that ends the visit last.
    fn probes(self, relays: Option<Relays>, made: Made) -> Vec<Arc<dyn Probe>> {
        let doors: Vec<_> = self.visited.iter().map(|one| one.visits.clone()).collect();
        let portal = doors.iter().find(|one| one.door() == Door::Portal).cloned();
        let over = |which| -> Vec<OverDoor> {
            let of = |one: &Visited| {
                let [left, used] = one.short.clone();
                let opens = Arc::new(if which == over::Which::Idle { left } else { used });
                OverDoor { visits: one.visits.clone(), opens, in_force: Arc::new(one.in_force.clone()) }
            };
            self.visited.iter().map(of).collect()
        };
        let (idle, ends) = (over(over::Which::Idle), over(over::Which::Used));
        let alone = self.visited.iter().map(|one| AloneDoor {
            visits: one.alone.clone(),
            role: one.role,
            in_force: Arc::new(one.in_force.clone()),
        });
        let alone: Vec<_> = alone.collect();
        let broken = self
            .visited
            .iter()
            .map(|one| FaultDoor { visits: one.visits.clone(), opens: Arc::new(one.broken.clone()) });
        let (broken, rehearsal): (Vec<_>, _) = (broken.collect(), self.faults);
        let (targets, refusals, terms, other) = (self.targets, self.refusals, self.terms, self.other_record);
        let each_door = |look| {
            let doors = doors.clone();
            move |info| -> Arc<dyn Probe> { Arc::new(EachDoor::new(info, look, doors)) }
        };
        let records = |what| {
            let portal = portal.clone();
            move |info| -> Arc<dyn Probe> { Arc::new(RecordsProbe::new(info, what, portal, other)) }
        };
        let (forged, seen) = ((doors.clone(), self.proxies), refusals.clone());
        let (traced, journal) = (doors.clone(), refusals.clone());
        let accesses = (doors.clone(), refusals.clone());
        let desk = doors.iter().find(|one| one.door() == Door::Desk).cloned();
        let means = (desk.clone(), refusals.clone());
        let (watched, kept) = (self.watched, self.kept);
        let recording = Recording::new(terms.clone(), refusals.clone());
        let (looked, read) = (doors.first().cloned(), refusals.clone());
        let opened = Opened { doors: self.doors, between: (self.since, self.clock.now()) };
        let left = doors.clone();
        let roles = (of_roles(&doors, &targets, relays.as_ref()), targets.clone());
        let (following, clock) = (self.following, self.clock.clone());
        let ((remotes, unlisted), now) = (self.remotes, self.clock.clone());
        let rights = self.pins.map(|pins| (pins, self.establishment));
        let relayed = |what| {
            let works = relays.as_ref().map(|(works, _)| works.clone());
            move |info| -> Arc<dyn Probe> { Arc::new(RelayProbe::new(info, what, works)) }
        };
        [
            named("tls", |info| Arc::new(TlsProbe::new(info, targets))),
            named("directory", |info| Arc::new(FollowingProbe::new(info, following, clock))),
            named("remote-certificates", |info| Arc::new(RemoteProbe::new(info, remotes, unlisted, now))),
            named("idle-session", |info| Arc::new(OverProbe::new(info, over::Which::Idle, idle))),
            named("last-sign-in", each_door(sessions::last_sign_in)),
            named("trace-content", |info| Arc::new(TracesProbe::new(info, traced, refusals))),
            named("forged-address", |info| Arc::new(ForgedProbe::new(info, forged.0, forged.1, seen))),
            named("trace-terms", |info| Arc::new(TermsProbe::new(info, terms))),
            // Before those that are refused so many pages that refusals fold.
            named("accesses", |info| Arc::new(AccessesProbe::new(info, accesses.0, accesses.1))),
            named("unaltered", |info| Arc::new(UnalteredProbe::new(info, watched, desk, recording))),
            named("sealed", |info| Arc::new(SealedProbe::new(info, kept, looked, read, other))),
            named("accounts", |info| Arc::new(AccountsProbe::new(info, means.0, made, means.1).telling(rights))),
            named("passwords", each_door(passwords::look)),
            named("discretion", each_door(strangers::discretion)),
            named("residue", each_door(strangers::residue)),
            named("strangers", each_door(strangers::kept_out)),
            named("guessing", each_door(guessing::look)),
            named("others-records", records(Records::Others)),
            named("explored-addresses", records(Records::Explored)),
            named("relay-traces", relayed(Relayed::Traces)),
            named("relay-cut", relayed(Relayed::Cut)),
            named("relay-idle", |info| Arc::new(SilenceProbe::new(info, relays.clone()))),
            named("roles", |info| Arc::new(RolesProbe::new(info, roles, ROUTES_EACH))),
            named("one-session", |info| Arc::new(AloneProbe::new(info, alone))),
            rehearsal.and_then(|half| named("faults", |info| Arc::new(FaultsProbe::new(info, broken, half)))),
            named("token-life", each_door(sessions::token_life)),
            named("session-tokens", each_door(sessions::tokens)),
            named("openings", |info| Arc::new(OpeningsProbe::new(info, opened, left, journal))),
            named("restricted", |info| Arc::new(RestrictedProbe::new(info, doors.clone(), self.inside))),
        ]
        .into_iter()
        .chain(of_office(&self.office))
        .chain([
            named("sign-out", each_door(sessions::sign_out)),
            // It takes a code of its own, which may have to be waited for.
            named("session-end", |info| Arc::new(OverProbe::new(info, over::Which::Used, ends))),
        ])
        .flatten()
        .collect()
    }
}

/// As whom a door is visited, among those who come through it.
fn reserved_role(door: Door) -> Option<(Role, &'static [Role])> {
    match door {
        Door::Portal => Some((Role::Patient, PORTAL_ROLES)),
        Door::Desk => Some((Role::SecurityOfficer, DESK_ROLES)),
        // Suppliers' people belong to a supplier; none is made up for a probe.
        _ => None,
    }
}

/// One turn of the reserved administrator serves these.
fn of_office(office: &Result<Arc<Office>, &'static str>) -> [Option<Arc<dyn Probe>>; 6] {
    let managed = |what| {
        let office = office.clone();
        move |info| -> Arc<dyn Probe> { Arc::new(OfficeProbe::new(info, what, office)) }
    };
    [
        named("professionals", managed(Managed::People)),
        named("identity-changes", managed(Managed::Corrections)),
        named("links", managed(Managed::Links)),
        named("account-life", managed(Managed::Lives)),
        named("administrators-policy", managed(Managed::Policy)),
        named("administrators-passwords", managed(Managed::Passwords)),
    ]
}

/// Who comes in by each door: where the relays' technician comes in by his supplier's too, he.
fn of_roles(doors: &[Arc<Visits>], targets: &[Target], relays: Option<&Relays>) -> Vec<Arc<Visits>> {
    let suppliers = targets.iter().find(|target| target.door == Door::Suppliers);
    let technician = suppliers.zip(relays).and_then(|(target, (works, _))| Visits::sharing(target, works.codes()).ok());
    doors.iter().cloned().chain(technician.map(Arc::new)).collect()
}

fn named(name: &str, make: impl FnOnce(&'static ProbeInfo) -> Arc<dyn Probe>) -> Option<Arc<dyn Probe>> {
    let info = probe_named(name);
    if info.is_none() {
        tracing::error!(probe = name, "the registry does not know a probe");
    }
    info.map(make)
}
