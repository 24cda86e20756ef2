//! What the desk's handlers share: its entrance and the services behind it.

use crate::{
    FirstAdministrator,
    pages::nav,
    places::{Place, Places},
    streams::Stands,
};
use dossier::{Retention, RulesService, SavedSearches, Traces};
use entrance::{Door, Entrance, EntranceSettings, Greeting};
use identity::Authenticated;
use interventions::InterventionService;
use signin::{Accounts, ApiTokens, Means, SignInService, SignedIn};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use types::{AccountId, Time};
use web::{assets::Icon, csrf::Origin, i18n::Text, layout::NavItem};

/// What the desk needs to know.
pub struct DeskSettings {
    /// Its entrance's.
    pub entrance: EntranceSettings,
    /// Where the pages of other doors live, as far as it is known here: accounts that are opened at the desk serve there.
    pub origins: BTreeMap<types::Door, Origin>,
}

/// What stands behind the desk; all of it is that same door's.
pub struct DeskServices {
    /// Signing in and out.
    pub signin: SignInService,
    /// The tokens of its API.
    pub tokens: ApiTokens,
    /// Passkeys, one's own and those to vouch for.
    pub means: Means,
    /// Everybody's accounts, for those who manage them.
    pub accounts: Accounts,
    /// Interventions, equipment, sessions.
    pub interventions: InterventionService,
    /// The search of traces.
    pub traces: Traces,
    /// The searches that people keep.
    pub searches: SavedSearches,
    /// How long traces are kept.
    pub retention: Retention,
    /// The rules as they stand.
    pub rules: RulesService,
    /// The first administrator's link, where one may be outstanding.
    pub first_administrator: Option<Arc<dyn FirstAdministrator>>,
}

/// Live views held open at once, whoever watches.
const WATCHERS_MAX: usize = 128;
/// Recordings read at once, and by one account.
const READERS_MAX: usize = 8;
const READERS_EACH_MAX: usize = 2;
/// Exports of traces at once, and by one account.
const EXPORTERS_MAX: usize = 4;
const EXPORTERS_EACH_MAX: usize = 1;

struct Parts {
    entrance: Entrance,
    origins: BTreeMap<types::Door, Origin>,
    services: DeskServices,
    watchers: Arc<Semaphore>,
    readers: Places,
    exporters: Places,
}

/// The desk's state. Clones are handles.
#[derive(Clone)]
pub struct DeskState {
    parts: Arc<Parts>,
    administers: bool,
}

impl DeskState {
    /// Over its services.
    pub fn new(settings: DeskSettings, services: DeskServices) -> Self {
        let DeskSettings { entrance, origins } = settings;
        let entrance = Entrance::new(types::Door::Desk, greeting, entrance, services.signin.clone());
        let entrance = entrance.with_api(services.tokens.clone());
        let watchers = Arc::new(Semaphore::new(WATCHERS_MAX));
        let readers = Places::new(READERS_MAX, READERS_EACH_MAX);
        let exporters = Places::new(EXPORTERS_MAX, EXPORTERS_EACH_MAX);
        let parts = Arc::new(Parts { entrance, origins, services, watchers, readers, exporters });
        Self { parts, administers: true }
    }

    /// The same desk as it is reached where nothing is administered: those pages are absent there (clausier O-5.3).
    pub fn without_administration(&self) -> Self {
        Self { parts: self.parts.clone(), administers: false }
    }

    /// Whether accounts, suppliers, equipment and retention are administered where this is reached.
    pub(crate) fn administers(&self) -> bool {
        self.administers
    }

    pub(crate) fn interventions(&self) -> &InterventionService {
        &self.parts.services.interventions
    }

    pub(crate) fn means(&self) -> &Means {
        &self.parts.services.means
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.parts.services.accounts
    }

    /// Where the pages of a door live, if it is known here.
    pub(crate) fn origin_of(&self, door: types::Door) -> Option<&Origin> {
        if door == types::Door::Desk { Some(self.parts.entrance.origin()) } else { self.parts.origins.get(&door) }
    }

    pub(crate) fn tokens(&self) -> &ApiTokens {
        &self.parts.services.tokens
    }

    pub(crate) fn traces(&self) -> &Traces {
        &self.parts.services.traces
    }

    pub(crate) fn searches(&self) -> &SavedSearches {
        &self.parts.services.searches
    }

    pub(crate) fn retention(&self) -> &Retention {
        &self.parts.services.retention
    }

    pub(crate) fn rules(&self) -> &RulesService {
        &self.parts.services.rules
    }

    pub(crate) fn first_administrator(&self) -> Option<&dyn FirstAdministrator> {
        self.parts.services.first_administrator.as_deref()
    }

    pub(crate) fn now(&self) -> Time {
        self.parts.entrance.now()
    }

    /// Whether an answer to this session or token, which ends by itself at `until`, may go on.
    pub(crate) fn standing(&self, who: &Authenticated, until: Time) -> Stands {
        let (state, session) = (self.clone(), who.session());
        Arc::new(move || state.now() < until && session.is_some_and(|one| !state.interventions().is_revoked(one)))
    }

    /// A place among those who watch; none when all are taken.
    pub(crate) fn watcher_place(&self) -> Option<OwnedSemaphorePermit> {
        self.parts.watchers.clone().try_acquire_owned().ok()
    }

    /// A place among the exports of traces; none when all are taken, or all of this account.
    pub(crate) fn exporter_place(&self, account: AccountId) -> Option<Place> {
        self.parts.exporters.take(account)
    }

    /// A place among the recordings being read; none when all are taken, or all of this account.
    pub(crate) fn reader_place(&self, account: AccountId) -> Option<Place> {
        self.parts.readers.take(account)
    }
}

impl Door for DeskState {
    fn entrance(&self) -> &Entrance {
        &self.parts.entrance
    }

    fn navigation(&self, who: &SignedIn, t: Text) -> Vec<NavItem> {
        let mut places = nav(who.role, self.administers, t);
        // Nobody's means are shown to whoever came in by envelopes.
        places.retain(|place| !who.is_break_glass || place.path != "/means");
        places
    }
}

/// What the desk says to a stranger.
pub fn greeting(t: Text) -> Greeting {
    Greeting {
        title: t.desk_welcome_title(),
        lead: t.desk_welcome_lead(),
        for_whom: vec![
            (Icon::Person, t.desk_welcome_who_beneficiary()),
            (Icon::Lantern, t.desk_welcome_who_watch()),
            (Icon::Search, t.desk_welcome_who_control()),
        ],
        closing: t.desk_welcome_own_account(),
        envelopes: true,
    }
}
