//! What every door of a node is made of.

use super::{Keep, PageDoor};
use crate::probes::codes::Reserved;
use anyhow::{Context, Result};
use entrance::EntranceSettings;
use identity::{PasswordPolicy, SessionLimits, passkey::RelyingParty};
use signin::{Alarms, Defences, Means, Post, SignInService, SignInSettings};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use types::{Clock, Door, EstablishmentId, Role, Secret};
use vault::{Holder, MasterKey, Purpose};
use web::{
    csrf::{CsrfKey, Origin},
    rehearsed::Rehearsed,
};

/// What every door of a node is made of.
pub(super) struct Ground<'a> {
    pub keep: &'a Keep,
    pub master: &'a MasterKey,
    pub establishments: &'a [(EstablishmentId, String)],
    pub administrators_passwords: PasswordPolicy,
    /// Meets, at every door, the faults that a probe arms.
    pub rehearsed: Rehearsed,
    /// What its doors know together of those who guess.
    pub defences: Defences,
    /// Where the doors' pages live, if people are told by mail.
    pub post: Option<Post>,
    /// How long after it was drawn a link gives other means to an account in use.
    pub renewal_delay: Duration,
}

impl Ground<'_> {
    /// Where refusals of unknown people are counted, and the name shown to strangers.
    pub fn first(&self) -> Result<&(EstablishmentId, String)> {
        self.establishments.first().context("no establishment is named")
    }

    /// A door's sign-in.
    pub fn signin(&self, door: Door, roles: &'static [Role], limits: SessionLimits) -> Result<SignInService> {
        let Keep { store, journal, policies, .. } = self.keep;
        let (establishment, administrators_passwords) = (self.first()?.0, self.administrators_passwords);
        let defences = self.defences.clone();
        let settings = SignInSettings { door, roles, limits, establishment, administrators_passwords, defences };
        let keys = self.master.keys_for(Holder::Door(door));
        Ok(SignInService::new(store.clone(), journal.clone(), policies.clone(), keys, settings)?)
    }

    /// The same, for a door that people come in by: what administrators decided of sessions holds there.
    pub fn served(&self, door: Door, roles: &'static [Role], limits: SessionLimits) -> Result<SignInService> {
        let reserved = Reserved::new(&self.master.keys_for(Holder::Prober), door)?;
        let signin = self.signin(door, roles, limits)?.with_session_rules(Some(reserved.login));
        Ok(match &self.post {
            Some(post) => signin.with_mail(post.clone()),
            None => signin,
        })
    }

    /// The means of identification beside passwords of a door whose pages are a domain's.
    pub fn means(&self, door: Door, origin: &Origin) -> Option<Means> {
        let rp = RelyingParty { id: origin.domain()?.to_owned(), origin: origin.as_str().to_owned() };
        Some(self.means_of(door, rp))
    }

    /// The same, with the domain that is told.
    pub fn means_of(&self, door: Door, rp: RelyingParty) -> Means {
        let Keep { store, journal, policies, .. } = self.keep;
        let keys = self.master.keys_for(Holder::Door(door));
        let means = Means::new(store.clone(), journal.clone(), policies.clone(), keys, rp);
        if let Some(post) = &self.post {
            means.write_mail(post.clone());
        }
        means
    }

    /// What a door's pages say of themselves.
    pub fn entrance(&self, door: Door, page: &PageDoor) -> Result<EntranceSettings> {
        let forms = self.master.keys_for(Holder::Door(door)).bare(Purpose::Forms(door))?;
        Ok(EntranceSettings {
            origin: page.origin.clone(),
            establishments: self.establishments.iter().cloned().collect::<BTreeMap<_, _>>(),
            name: self.first()?.1.clone(),
            support_contact: page.support_contact.clone(),
            csrf: CsrfKey::new(&Secret::new(*forms)),
            clock: self.clock(),
            rehearsed: Some(self.rehearsed.clone()),
        })
    }

    /// What keeps the alarms of the doors, for the desks of every node.
    pub fn alarms(&self) -> Alarms {
        let Keep { store, journal, policies, .. } = self.keep;
        let keys = self.master.keys_for(Holder::Door(Door::Desk));
        let establishments = self.establishments.iter().map(|(id, _)| *id).collect();
        let of = (self.defences.clone(), establishments);
        let alarms = Alarms::new((store.clone(), journal.clone(), policies.clone()), keys, of);
        if let Some(post) = &self.post {
            alarms.write_mail(post.clone());
        }
        alarms
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        self.keep.clock.clone()
    }
}
