//! What the probes of the relays act on: the reserved technician, something for him to reach, what is kept of it, and
//! somebody at the desk who cuts.

use super::{Ground, RelayDoor};
use crate::probes::{
    Fault,
    codes::{Codes, Reserved},
    porter::Porter,
    relay::{
        Cuts, Keeps, Parts, Stage, Staged, Works,
        machine::{LOGIN, Machine},
        silence::Silence,
        technician::{self, key_of, line_of},
    },
    target::reached,
    traces::JournalTraces,
    visits::Visits,
};
use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use dossier::BoxFuture;
use identity::TotpSecret;
use interventions::{Fleet, InterventionService, NewRehearsal, RecordingsReader, Rehearsal};
use journal::Trace;
use russh::keys::{PrivateKey, PublicKey};
use signin::{Enrolment, MeansError, NewAccount};
use std::sync::Arc;
use tokio::time::Instant;
use types::{AccountId, Clock, Door, EstablishmentId, Event, InterventionId, RelayId, Role, Secret, Time};
use vault::Holder;

/// Whose technician the reserved one is, and what he is called: whoever sees him knows what he is.
const NAME: &str = "Sonde de la Poterne";
/// A recording is read up to this.
const RECORDING_BYTES_MAX: usize = 256 * 1024;

/// The probes' side of the relays, before anybody is enrolled.
pub struct Rehearsing {
    house: InterventionService,
    fleet: Fleet,
    reader: RecordingsReader,
    silence: relays::Silence,
    door: technician::RelayDoor,
    /// Theirs, where they expect the PROXY protocol; until it carries.
    pub(super) porter: Option<Porter>,
    reserved: Reserved,
    key: PrivateKey,
    clock: Arc<dyn Clock>,
    name: String,
}

impl Rehearsing {
    pub(super) fn new(
        ground: &Ground<'_>,
        (node, door): (&str, &RelayDoor),
        (house, fleet): (InterventionService, Fleet),
        (reader, silence): (RecordingsReader, relays::Silence),
    ) -> Result<Self> {
        let keys = ground.master.keys_for(Holder::Prober);
        let line = relays::host_key_line(&door.host_key)?;
        let host_key = PublicKey::from_openssh(&line).context("the relays' host key")?;
        let address = reached(door.listener.local_addr()?);
        let porter = door.proxies.as_ref().map(|_| Porter::new(address)).transpose()?;
        let through = porter.as_ref().map_or(Ok(address), Porter::address)?;
        let hash = HEXLOWER.encode(digest(&SHA256, node.as_bytes()).as_ref());
        Ok(Self {
            house,
            fleet,
            reader,
            silence,
            door: technician::RelayDoor { address, through, host_key },
            porter,
            reserved: Reserved::new(&keys, Door::Relays)?,
            key: key_of(&keys)?,
            clock: ground.clock(),
            name: format!("sonde-{}", hash.get(..8).unwrap_or_default()),
        })
    }

    /// Makes sure that the technician is there; then what the probes need.
    pub(super) async fn works(
        self,
        (enrolment, establishment): (&Enrolment, EstablishmentId),
        journal: Arc<JournalTraces>,
        desk: Option<Arc<Visits>>,
    ) -> Result<(Arc<Works>, Arc<dyn Silence>)> {
        let account = self.enrol(enrolment, establishment).await?;
        let stage = HouseStage { house: self.house, establishment, account, name: self.name };
        let parts = Parts {
            door: self.door,
            codes: Arc::new(Codes::new(self.reserved, self.clock)),
            key: self.key,
            stage: Arc::new(stage),
            keeps: Arc::new(NodeKeeps { journal, reader: self.reader }),
            cuts: desk.map(|visits| -> Arc<dyn Cuts> { Arc::new(AtDesk(visits)) }),
        };
        Ok((Arc::new(Works::new(parts)), Arc::new(self.silence)))
    }

    async fn enrol(&self, enrolment: &Enrolment, establishment: EstablishmentId) -> Result<AccountId> {
        let known = enrolment.account_named(&self.reserved.login).await?;
        let account = match known {
            Some((account, ..)) => account,
            None => {
                let new = NewAccount {
                    login: self.reserved.login.clone(),
                    display_name: NAME.into(),
                    role: Role::Technician,
                    supplier: Some(self.fleet.supplier(establishment, NAME).await?),
                    password: Secret::new(self.reserved.password.expose().clone()),
                    totp: TotpSecret::from_bytes(*self.reserved.totp.expose()),
                };
                enrolment.account(establishment, new).await?
            }
        };
        match enrolment.ssh_key(account, &line_of(&self.key)?, "sonde").await {
            Ok(_) | Err(MeansError::Taken) => Ok(account),
            Err(error) => Err(error.into()),
        }
    }
}

/// Sets up rehearsals in the node's own house.
struct HouseStage {
    house: InterventionService,
    establishment: EstablishmentId,
    account: AccountId,
    name: String,
}

struct HouseStaged {
    rehearsal: Rehearsal,
    account: AccountId,
    name: String,
}

impl Stage for HouseStage {
    fn set<'a>(&'a self, machine: &'a Machine) -> BoxFuture<'a, Result<Box<dyn Staged>, Fault>> {
        Box::pin(async move {
            let new = NewRehearsal {
                establishment: self.establishment,
                account: self.account,
                name: self.name.clone(),
                port: machine.port,
                host_key: machine.host_key.clone(),
                login: LOGIN.to_owned(),
                password: Secret::new(machine.password.expose().clone()),
            };
            let rehearsal = self.house.rehearse(new).await.map_err(Fault::unreachable)?;
            Ok(Box::new(HouseStaged { rehearsal, account: self.account, name: self.name.clone() }) as Box<dyn Staged>)
        })
    }
}

impl Staged for HouseStaged {
    fn intervention(&self) -> InterventionId {
        self.rehearsal.intervention()
    }

    fn target(&self) -> String {
        self.name.clone()
    }

    fn account(&self) -> AccountId {
        self.account
    }

    fn clear(self: Box<Self>) -> BoxFuture<'static, Result<(), Fault>> {
        Box::pin(async move { self.rehearsal.clear().await.map_err(Fault::unreachable) })
    }
}

/// The node's journal and recordings.
struct NodeKeeps {
    journal: Arc<JournalTraces>,
    reader: RecordingsReader,
}

impl Keeps for NodeKeeps {
    fn traces(&self, from: Time) -> BoxFuture<'_, Result<Vec<Trace>, Fault>> {
        let wanted = |event| matches!(event, Event::RelayOpened | Event::RelayCommand | Event::RelayClosed);
        self.journal.read(from, wanted)
    }

    fn recording(&self, relay: RelayId, channel: u32) -> BoxFuture<'_, Result<Option<String>, Fault>> {
        Box::pin(async move {
            let reader = self.reader.open(relay, channel).await.map_err(Fault::unreachable)?;
            let Some(mut reader) = reader else { return Ok(None) };
            let mut clear = Vec::new();
            while let Some(piece) = reader.next().await.map_err(Fault::unreachable)? {
                clear.extend(piece);
                if clear.len() > RECORDING_BYTES_MAX {
                    break;
                }
            }
            Ok(Some(String::from_utf8_lossy(&clear).into_owned()))
        })
    }
}

/// The reserved security officer, before the desk's page.
struct AtDesk(Arc<Visits>);

impl Cuts for AtDesk {
    fn cut(&self, intervention: InterventionId) -> BoxFuture<'_, Result<Instant, Fault>> {
        Box::pin(async move {
            let cookie = self.0.visit().await?.cookie;
            let path = format!("/fr/interventions/{intervention}");
            let page = self.0.browser.get(&path, Some(&cookie)).await.map_err(Fault::unreachable)?;
            let form = page.form("reason").filter(|form| form.action == format!("{path}/cut"));
            let form = form.ok_or_else(|| Fault::broken(format!("the desk offers no cut ({})", page.status)))?;
            let asked = Instant::now();
            let page = self.0.browser.submit(&form, &[], Some(&cookie)).await.map_err(Fault::unreachable)?;
            if page.status >= 400 {
                return Err(Fault::broken(format!("the desk answers {} to a cut", page.status)));
            }
            Ok(asked)
        })
    }
}
