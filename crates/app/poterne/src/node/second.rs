//! What lies behind the desk, the suppliers' door and the relays: interventions, their leases, recordings and signatures.

use super::directory::Hospital;
use super::first::{Enroller, Parts};
use super::rehearsing::Rehearsing;
use super::{Administration, Ground, Keep, Listening, PageDoor, RelayDoor, RelaysListening};
use crate::{first_admin::FirstAdministrator, metrics::Metrics};
use anyhow::{Context, Result};
use desk::{DeskServices, DeskSettings, DeskState};
use dossier::{Catalogue, Installation, ProofReader, Retention, RulesService, SavedSearches, Traces};
use identity::{passkey::RelyingParty, vouching::Pinned};
use interventions::{
    Fleet, InterventionService, InterventionsParts, PinnedKey, Pins, Recordings, RecordingsConfig, RecordingsReader,
    Signer,
};
use journal::index::Index;
use lease::{Leases, LeasesConfig};
use relays::{Relay, RelayLimits, RelaySettings, Wired};
use signin::{Accounts, ApiTokens, SignInService, SshSignIn, TokenSettings};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use suppliers::{SuppliersServices, SuppliersSettings, SuppliersState};
use types::{Door, Role, Secret, SystemActor};
use vault::{Holder, MonthKeys, Purpose};
use web::{csrf::Origin, serve::Front};

/// Who comes to the desk.
pub const DESK_ROLES: &[Role] =
    &[Role::Beneficiary, Role::OnCall, Role::SecurityOfficer, Role::Administrator, Role::TraceController, Role::Dpo];
/// Who comes to the suppliers' door.
pub const SUPPLIERS_ROLES: &[Role] = &[Role::Technician, Role::SupplierManager, Role::Auditor];

/// What signatures are verified against.
pub struct Trust {
    /// The desk's origin, where passkeys are enrolled and sign.
    pub desk_origin: Origin,
    /// The passkeys' domain: the desk's host.
    pub passkey_domain: String,
    /// Where every chain of enrolment starts.
    pub pinned: Vec<PinnedKey>,
    /// The link of the first administrator, on the desk's node.
    pub first: Option<FirstAdministrator>,
    /// The demonstration's software passkey; production has none.
    pub signer: Option<Arc<dyn Signer>>,
}

/// How it is opened.
pub(super) struct Settings<'a> {
    pub node: &'a str,
    pub data: &'a Path,
    pub enrols_as: SystemActor,
    pub single_zone: Option<String>,
    pub desk: Option<PageDoor>,
    /// Who keeps the passwords of the staff, beside those that are kept here.
    pub staff: Option<Arc<Hospital>>,
    pub origins: BTreeMap<Door, Origin>,
    pub suppliers: Option<PageDoor>,
    pub relays: Option<RelayDoor>,
}

/// The second door, opened.
pub(super) struct Opened {
    pub second: Second,
    pub pages: Vec<Listening>,
    pub signins: Vec<SignInService>,
    pub relays: Option<RelaysListening>,
    pub rehearsing: Option<Rehearsing>,
    /// The desk's accounts, whose reviews are reminded of.
    pub accounts: Option<Accounts>,
}

/// The services of the second door.
pub struct Second {
    /// Registers suppliers and equipment without pages.
    pub fleet: Fleet,
    /// The desk's tokens.
    pub desk_tokens: ApiTokens,
    /// The suppliers' tokens.
    pub suppliers_tokens: ApiTokens,
    /// Does what the node does by itself.
    pub(super) house: InterventionService,
    /// Where every chain of enrolment starts.
    pub pins: Pins,
    /// The desk's search of traces, where there is a desk.
    pub(super) traces: Option<Traces>,
    leases: Leases,
}

impl Second {
    pub(super) async fn open(ground: &Ground<'_>, settings: Settings<'_>, trust: Trust) -> Result<Opened> {
        let Keep { store, journal, policies, .. } = ground.keep;
        let keys = |door| ground.master.keys_for(Holder::Door(door));
        let vault = settings.data.join("vault");
        let pairs = |holder, purpose| MonthKeys::of(&vault, ground.master, (holder, purpose));
        let secrets = pairs(Holder::Door(Door::Relays), Purpose::EquipmentSecrets)?;
        let recording = pairs(Holder::Door(Door::Desk), Purpose::RecordingReading)?;
        let rp = RelyingParty { id: trust.passkey_domain, origin: trust.desk_origin.as_str().to_owned() };
        let pins = Pins::new(Pinned { keys: trust.pinned, rp: rp.clone() });
        let config = LeasesConfig::new(settings.node);
        let leases = Leases::start(journal.clone(), store.clone(), policies.clone(), config);
        let recordings = RecordingsConfig::under(settings.data);
        let parts = |door| InterventionsParts {
            store: store.clone(),
            journal: journal.clone(),
            policies: policies.clone(),
            keys: keys(door),
            equipment_keys: secrets.seal_only(),
            leases: leases.clone(),
            pinned: pins.clone(),
            door,
        };
        let house = InterventionService::builder(parts(Door::Relays))
            .recordings(
                Recordings::open(recordings.clone(), recording.seal_only()).context("recordings cannot be kept")?,
            )
            .secrets(secrets.clone())
            .build();
        house.recover().await.context("what a stop left open in interventions could not be settled")?;
        let reader = RecordingsReader::new(recordings, recording);
        let desk = InterventionService::builder(parts(Door::Desk)).reader(reader.clone());
        let desk = match trust.signer {
            Some(signer) => desk.with_signer(signer),
            None => desk,
        };
        let establishment = ground.first()?.0;
        let (mut listening, mut rehearsing, mut searched, mut managed) = (None, None, None, None);
        let (mut relay_name, mut relay_key) = (None, None);
        let mut desk = desk;
        if let Some(door) = settings.relays {
            relay_name = Some(door.public_name.clone());
            relay_key = Some(relays::host_key_fingerprint(&door.host_key)?);
            let (store, journal, policies) = (store.clone(), journal.clone(), policies.clone());
            let sign_in =
                SshSignIn::new(store, journal, policies, keys(Door::Relays), (establishment, ground.defences.clone()))?;
            let host_key = Secret::new(door.host_key.expose().clone());
            let relay_settings = RelaySettings {
                host_keys: vec![host_key],
                banner: None,
                limits: RelayLimits {
                    connections_max: door.connections_max,
                    connections_per_source_max: door.connections_per_source_max,
                    ..RelayLimits::default()
                },
                clock: ground.clock(),
            };
            let own = settings.suppliers.as_ref().map(|suppliers| &suppliers.origin);
            let wired = Wired::new(sign_in, house.gate());
            let wired = match own.or(door.suppliers.as_ref()) {
                Some(origin) => wired.approves_at(format!("{}/ssh", origin.as_str())),
                None => wired,
            };
            let relay = Relay::new(relay_settings, wired)?;
            let relay = match &door.proxies {
                Some(proxies) => relay.behind(proxies.trusted().to_vec()),
                None => relay,
            };
            desk = desk.live(relay.sessions());
            let fleet = ground.keep.fleet((settings.data, ground.master), settings.enrols_as, pins.clone())?;
            let seen = (reader, relay.silence());
            rehearsing = Some(Rehearsing::new(ground, (settings.node, &door), (house.clone(), fleet), seen)?);
            listening = Some(RelaysListening { listener: door.listener, relay });
        }
        let administrators_passwords = ground.administrators_passwords;
        let tokens = |door, roles| {
            let settings = TokenSettings { door, roles, establishment, administrators_passwords };
            let tokens = ground.keep.tokens(ground.master, settings)?;
            if let Some(post) = &ground.post {
                tokens.write_mail(post.clone());
            }
            Ok::<_, anyhow::Error>(tokens)
        };
        let fleet = ground.keep.fleet((settings.data, ground.master), settings.enrols_as, pins.clone())?;
        let desk_means = ground.means_of(Door::Desk, rp.clone());
        let desk_tokens = tokens(Door::Desk, DESK_ROLES)?;
        let suppliers_tokens = tokens(Door::Suppliers, SUPPLIERS_ROLES)?;
        let (mut pages, mut signins) = (Vec::new(), Vec::new());
        if let Some(door) = settings.desk {
            let signin = ground.served(Door::Desk, DESK_ROLES, door.sessions)?.with_means(desk_means.clone());
            let mut signin = signin.verifying(pins.first().clone());
            if let Some(staff) = settings.staff {
                signin = signin.with_staff(staff);
            }
            signins.push(signin.clone());
            let first_administrator = trust.first.map(|link| -> Arc<dyn desk::FirstAdministrator> {
                Arc::new(Enroller::new(Parts {
                    link,
                    enrolment: ground.keep.enrolling(ground.master, settings.enrols_as).0,
                    signin: signin.clone(),
                    pins: pins.clone(),
                    rp: rp.clone(),
                    establishment,
                    clock: ground.clock(),
                }))
            });
            let proofs = ProofReader::new(store.clone(), keys(Door::Desk));
            let installation = Installation { single_zone: settings.single_zone.clone() };
            let catalogue = Catalogue::built_in()?;
            let rules = RulesService::new(catalogue, proofs, journal.clone(), policies.clone(), installation);
            let months = Arc::new(MonthKeys::new(&vault, ground.master)?);
            let (index, journals) = (settings.data.join("index"), settings.data.join("journal"));
            let index = Index::new(&index, &journals, months, ground.master)?;
            let index = index.following(&super::pulling::followed(settings.data));
            let traces = Traces::new(index, journal.clone(), policies.clone());
            searched = Some(traces.clone());
            let accounts = ground.keep.accounts(ground.master);
            accounts.verify_by(pins.first().clone());
            if let Some(post) = &ground.post {
                accounts.write_mail(post.clone());
            }
            accounts.delay_renewals(ground.renewal_delay);
            managed = Some(accounts.clone());
            let services = DeskServices {
                signin,
                tokens: desk_tokens.clone(),
                means: desk_means,
                accounts,
                interventions: desk.build(),
                traces,
                searches: SavedSearches::new(store.clone(), journal.clone(), policies.clone(), keys(Door::Desk)),
                retention: Retention::new(journal.clone(), policies.clone(), keys(Door::Desk)),
                rules,
                first_administrator,
            };
            let entrance = ground.entrance(Door::Desk, &door)?;
            let state = DeskState::new(DeskSettings { entrance, origins: settings.origins }, services);
            pages.extend(desk_listens(door, &state));
        }
        if let Some(door) = settings.suppliers {
            let signin =
                ground.served(Door::Suppliers, SUPPLIERS_ROLES, door.sessions)?.verifying(pins.first().clone());
            let means = ground.means(Door::Suppliers, &door.origin);
            let signin = means.iter().fold(signin, |signin, means| signin.with_means(means.clone()));
            signins.push(signin.clone());
            let services = SuppliersServices {
                signin,
                tokens: suppliers_tokens.clone(),
                means: means.unwrap_or_else(|| ground.means_of(Door::Suppliers, rp)),
                interventions: InterventionService::builder(parts(Door::Suppliers)).build(),
            };
            let entrance = ground.entrance(Door::Suppliers, &door)?;
            let state = SuppliersState::new(SuppliersSettings { entrance, relay: relay_name, relay_key }, services);
            let router = suppliers::router(state, door.limits.clone());
            pages.push(Listening::of(Door::Suppliers, door, router));
        }
        let second = Self { fleet, desk_tokens, suppliers_tokens, house, pins, traces: searched, leases };
        Ok(Opened { second, pages, signins, relays: listening, rehearsing, accounts: managed })
    }

    pub(super) fn metrics(&self, metrics: &mut Metrics) {
        let leases = self.leases.clone();
        metrics.gauge("poterne_relay_sessions", "Sessions of technicians under way", move || leases.count() as u64);
        let leases = self.leases.clone();
        metrics.gauge("poterne_relay_sessions_held", "Sessions held open by \"do not interrupt\"", move || {
            leases.held() as u64
        });
    }
}

/// The desk's listeners: one with all its pages or, where it administers apart, one without and one with.
fn desk_listens(mut door: PageDoor, state: &DeskState) -> Vec<Listening> {
    let whole = desk::router(state.clone(), door.limits.clone());
    let Some(Administration { listener, networks, proxies }) = door.administration.take() else {
        return vec![Listening::of(Door::Desk, door, whole)];
    };
    let front = Front { tls: Some(door.tls.clone()), proxies, networks: Some(networks) };
    let inside = Listening { name: Door::Desk, listener, front, limits: door.limits.clone(), router: whole };
    let others = desk::router(state.without_administration(), door.limits.clone());
    vec![Listening::of(Door::Desk, door, others), inside]
}
