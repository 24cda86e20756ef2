//! What every command that acts needs: database, journal, policies, time.

use super::witnessing::remembered_elsewhere;
use crate::witness::Peer;
use anyhow::{Context, Result};
use care::Registrar;
use interventions::{Fleet, FleetParts, Pins};
use journal::{Journal, JournalConfig, Opens};
use policy::Policies;
use signin::{Accounts, ApiTokens, Enrolment, TokenSettings};
use std::{os::unix::fs::DirBuilderExt as _, path::Path, sync::Arc};
use store::{Store, StoreConfig, SystemClock};
use types::{Clock, Door, SystemActor, Time};
use vault::{Holder, MasterKey, MonthKeys, Purpose};

/// What every command that acts needs: database, journal, policies, time.
pub struct Keep {
    pub(super) store: Store,
    pub(super) journal: Journal,
    pub(super) policies: Arc<Policies>,
    pub(super) clock: Arc<dyn Clock>,
    /// When it began to open.
    pub(super) since: Time,
}

/// How a journal is begun with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// As it was left; refused where something of it is missing.
    AsLeft,
    /// Where something of it is missing, another one follows it and declares that.
    Anew,
    /// As it was left; and another key signs it from now on.
    Renewed,
}

impl Begin {
    /// As `--new-origin` says.
    pub fn asked(anew: bool) -> Self {
        if anew { Self::Anew } else { Self::AsLeft }
    }
}

impl Keep {
    /// Opens database and journal, and settles what a stop of this origin left open. Whoever witnesses it is asked first: a journal that was put
    /// back together with its database has nobody else to tell it.
    pub async fn open(
        (origin, begin, witnesses): (&str, Begin, &[Peer]),
        data: &Path,
        config: &StoreConfig,
        master: &MasterKey,
        reserve_slots: u32,
        policies: Arc<Policies>,
    ) -> Result<Self> {
        // Nobody else on this machine has anything to do in there.
        let folder = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data);
        folder.with_context(|| format!("{} cannot be made", data.display()))?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let since = clock.now();
        let (store, door) = store::open(config).await.context("the database cannot be opened")?;
        let config = JournalConfig {
            folder: data.join("journal"),
            month_keys: data.join("vault"),
            origin: origin.to_owned(),
            reserve_slots,
        };
        let folder = Journal::last_folder(&config, &door).await.context("the journal's name cannot be read")?;
        let behind = remembered_elsewhere(&folder, &data.join("witnessed"), witnesses, since).await;
        let opens = Opens { anew: begin == Begin::Anew, renewed: begin == Begin::Renewed, behind };
        let opened = Journal::open_as(config, master, door, clock.clone(), opens).await;
        let journal = opened.context("the journal cannot be opened")?;
        Ok(Self { store, journal, policies, clock, since })
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

    /// What opens and changes accounts, as the desk does. It writes to nobody unless it is told to.
    pub fn accounts(&self, master: &MasterKey) -> Accounts {
        let keys = master.keys_for(Holder::Door(Door::Desk));
        Accounts::new(self.store.clone(), self.journal.clone(), self.policies.clone(), keys)
    }

    /// The tokens of a door.
    pub fn tokens(&self, master: &MasterKey, settings: TokenSettings) -> Result<ApiTokens> {
        let keys = master.keys_for(Holder::Door(settings.door));
        let (store, journal, policies) = (self.store.clone(), self.journal.clone(), self.policies.clone());
        Ok(ApiTokens::new(store, journal, policies, keys, settings)?)
    }

    /// Who registers suppliers and equipment.
    pub fn fleet(&self, (data, master): (&Path, &MasterKey), actor: SystemActor, pinned: Pins) -> Result<Fleet> {
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

    /// Which journal it is by now.
    pub fn journal_origin(&self) -> &str {
        self.journal.origin()
    }

    /// Closes the journal, then the database.
    pub async fn close(self) -> Result<()> {
        self.journal.close().await.context("the journal did not close cleanly; it will recover at the next start")?;
        self.store.close().await;
        Ok(())
    }
}
