//! What the doors of a node know together of those who guess: which addresses many people share, and what looks like passwords
//! sprayed over many accounts, or one account tried from many places (acces-web AA7).

use identity::Authenticated;
use journal::Journal;
use std::{
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;
use types::{AccountId, Cidr, ClientAddress, Event, Time};

/// What is looked at together.
const WINDOW: Duration = Duration::from_secs(600);
/// Logins that fail from one network within that time: more than people who mistype there.
pub const SPRAY_LOGINS: usize = 20;
/// Logins that fail from anywhere within that time.
pub const WIDE_SPRAY_LOGINS: usize = 200;
/// A spray that goes on is seen again in the next window at the latest: until that one's end it stands.
const SPRAY_STANDS: Duration = Duration::from_secs(1200);
/// Networks from which one login fails within that time.
pub const SCATTER_NETWORKS: usize = 8;
/// Networks and logins watched at once; what comes past the bound is not watched until those before are forgotten.
const WATCHED_MAX: usize = 8192;
/// Alarms remembered.
const ALARMS_MAX: usize = 50;

/// What an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlarmKind {
    /// One network tries many logins.
    Spray {
        /// The network's first address.
        network: IpAddr,
    },
    /// Many logins are tried together.
    WideSpray,
    /// One login is tried from many networks.
    Scatter {
        /// Whose, if the login exists.
        account: Option<AccountId>,
    },
    /// An account's holder says that a sign-in was not his.
    Disowned {
        /// Whose.
        account: AccountId,
    },
}

impl AlarmKind {
    /// Their words.
    pub(crate) const WORDS: [&'static str; 5] = ["spray", "wide_spray", "scatter", "scatter_nobody", "disowned"];

    /// One word, that names nobody.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Spray { .. } => "spray",
            Self::WideSpray => "wide_spray",
            Self::Scatter { account: Some(_) } => "scatter",
            Self::Scatter { account: None } => "scatter_nobody",
            Self::Disowned { .. } => "disowned",
        }
    }

    /// The account that it is about, if it is about one.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Spray { .. } | Self::WideSpray => None,
            Self::Scatter { account } => *account,
            Self::Disowned { account } => Some(*account),
        }
    }

    /// As it was kept.
    pub(crate) fn read(word: &str, account: Option<AccountId>, network: Option<IpAddr>) -> Option<Self> {
        match word {
            "spray" => Some(Self::Spray { network: network? }),
            "wide_spray" => Some(Self::WideSpray),
            "scatter" => Some(Self::Scatter { account: Some(account?) }),
            "scatter_nobody" => Some(Self::Scatter { account: None }),
            "disowned" => Some(Self::Disowned { account: account? }),
            _ => None,
        }
    }
}

impl fmt::Display for AlarmKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spray { network } => {
                write!(f, "{SPRAY_LOGINS} logins failed from the network of {network} in ten minutes")
            }
            Self::WideSpray => write!(f, "{WIDE_SPRAY_LOGINS} logins failed in ten minutes"),
            Self::Scatter { account: Some(account) } => {
                write!(f, "account {account} was tried from {SCATTER_NETWORKS} networks in ten minutes")
            }
            Self::Scatter { account: None } => {
                write!(f, "a login that nobody has was tried from {SCATTER_NETWORKS} networks in ten minutes")
            }
            Self::Disowned { account } => write!(f, "the holder of account {account} says that a sign-in was not his"),
        }
    }
}

/// What somebody in charge should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    /// Since when.
    pub at: Time,
    /// What.
    pub kind: AlarmKind,
}

#[derive(Default)]
struct Watch {
    began: Option<Time>,
    /// When it was last sure that many logins fail from many networks.
    sprayed: Option<Time>,
    /// The same of one network.
    sprayed_from: HashMap<IpAddr, Time>,
    by_network: HashMap<IpAddr, HashSet<[u8; 32]>>,
    by_login: HashMap<[u8; 32], HashSet<IpAddr>>,
    logins: HashSet<[u8; 32]>,
    /// Those among them that count for a spray: of no network more than a few, none from behind a declared shared address.
    spread: HashSet<[u8; 32]>,
}

/// Adds to a bounded set of a bounded map; says whether the set has just reached `mark`.
fn reaches<K, V>(map: &mut HashMap<K, HashSet<V>>, key: K, value: V, mark: usize) -> bool
where
    K: Eq + std::hash::Hash,
    V: Eq + std::hash::Hash,
{
    if map.len() >= WATCHED_MAX && !map.contains_key(&key) {
        return false;
    }
    let set = map.entry(key).or_default();
    set.len() < mark && set.insert(value) && set.len() == mark
}

/// Never for longer because the clock was set back.
fn stands(since: Time, now: Time) -> bool {
    now >= since && now.since(since) < SPRAY_STANDS
}

impl Watch {
    fn failed(
        &mut self,
        (network, shared): (IpAddr, bool),
        (login, account): ([u8; 32], Option<AccountId>),
        now: Time,
    ) -> Vec<AlarmKind> {
        let began = *self.began.get_or_insert(now);
        if now.since(began) >= WINDOW || now < began {
            let (sprayed, mut sprayed_from) = (self.sprayed, std::mem::take(&mut self.sprayed_from));
            sprayed_from.retain(|_, since| stands(*since, now));
            *self = Self { began: Some(now), sprayed, sprayed_from, ..Self::default() };
        }
        let mut rung = Vec::new();
        if reaches(&mut self.by_network, network, login, SPRAY_LOGINS) {
            self.sprayed_from.insert(network, now);
            rung.push(AlarmKind::Spray { network });
        }
        if reaches(&mut self.by_login, login, network, SCATTER_NETWORKS) {
            rung.push(AlarmKind::Scatter { account });
        }
        let few = self.logins.len() < WIDE_SPRAY_LOGINS;
        if few && self.logins.insert(login) && self.logins.len() == WIDE_SPRAY_LOGINS {
            rung.push(AlarmKind::WideSpray);
        }
        // One network, or one laptop behind a shared address, makes nobody else wait: it rings by itself. Of each network
        // those logins count that its own alarm needs.
        let counts = !shared && self.by_network.get(&network).is_some_and(|logins| logins.contains(&login));
        let few = self.spread.len() < WIDE_SPRAY_LOGINS;
        if counts && few && self.spread.insert(login) && self.spread.len() == WIDE_SPRAY_LOGINS {
            self.sprayed = Some(now);
        }
        rung
    }

    fn is_sprayed(&self, now: Time) -> bool {
        self.sprayed.is_some_and(|since| stands(since, now))
    }
}

#[derive(Default)]
struct Parts {
    shared: Vec<Cidr>,
    watch: Mutex<Watch>,
    alarms: Mutex<VecDeque<Alarm>>,
    /// Those that are in no store yet.
    unkept: Mutex<VecDeque<Alarm>>,
    rings: Notify,
}

/// A node's, for all its doors. Clones are handles.
#[derive(Clone, Default)]
pub struct Defences(Arc<Parts>);

impl fmt::Debug for Defences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defences").field("shared", &self.0.shared).finish_non_exhaustive()
    }
}

impl Defences {
    /// `shared`: addresses behind which a hospital's or an operator's people come together.
    pub fn new(shared: Vec<Cidr>) -> Self {
        Self(Arc::new(Parts { shared, ..Parts::default() }))
    }

    pub(crate) fn is_shared(&self, address: ClientAddress) -> bool {
        self.0.shared.iter().any(|range| range.contains(address))
    }

    /// Whether many logins fail together now, from many networks.
    pub(crate) fn is_sprayed(&self, now: Time) -> bool {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).is_sprayed(now)
    }

    /// Whether many logins fail now from this network.
    pub(crate) fn is_sprayed_from(&self, network: IpAddr, now: Time) -> bool {
        let watch = self.0.watch.lock().unwrap_or_else(PoisonError::into_inner);
        watch.sprayed_from.get(&network).is_some_and(|since| stands(*since, now))
    }

    /// A sign-in failed: what it makes sure of, once in ten minutes for each.
    pub(crate) fn failed(
        &self,
        from: (IpAddr, bool),
        whose: ([u8; 32], Option<AccountId>),
        now: Time,
    ) -> Vec<AlarmKind> {
        let rung = self.0.watch.lock().unwrap_or_else(PoisonError::into_inner).failed(from, whose, now);
        for kind in &rung {
            self.ring(kind.clone(), now);
        }
        rung
    }

    /// Tells those in charge.
    pub(crate) fn ring(&self, kind: AlarmKind, now: Time) {
        let mut alarms = self.0.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        // Who says it again is told of once: nobody drowns the others.
        alarms.retain(|alarm| alarm.kind != kind || !matches!(kind, AlarmKind::Disowned { .. }));
        let alarm = Alarm { at: now, kind };
        alarms.push_back(alarm.clone());
        let extra = alarms.len().saturating_sub(ALARMS_MAX);
        alarms.drain(..extra);
        drop(alarms);
        let mut unkept = self.unkept_now();
        // Of one kind, half of the places at most: a flood of it loses none of the others.
        let alike = unkept.iter().filter(|one| one.kind.word() == alarm.kind.word()).count();
        if alike < ALARMS_MAX / 2 && unkept.len() < ALARMS_MAX * 2 {
            unkept.push_back(alarm);
        }
        drop(unkept);
        self.0.rings.notify_one();
    }

    fn unkept_now(&self) -> MutexGuard<'_, VecDeque<Alarm>> {
        self.0.unkept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until one rings.
    pub(crate) async fn rings(&self) {
        self.0.rings.notified().await;
    }

    /// Those that no store keeps yet, the oldest first.
    pub(crate) fn unkept(&self) -> Vec<Alarm> {
        self.unkept_now().iter().cloned().collect()
    }

    pub(crate) fn oldest_unkept(&self) -> Option<Alarm> {
        self.unkept_now().front().cloned()
    }

    pub(crate) fn was_kept(&self, alarm: &Alarm) {
        let mut unkept = self.unkept_now();
        if unkept.front() == Some(alarm) {
            unkept.pop_front();
        }
    }

    /// The same, traced and told: an alarm that nobody could write down still stands.
    pub(crate) async fn watch(
        &self,
        journal: &Journal,
        who: &Authenticated,
        (from, login, account): ((IpAddr, bool), [u8; 32], Option<AccountId>),
    ) {
        for kind in self.failed(from, (login, account), journal.now()) {
            tracing::warn!(alarm = kind.word(), "sign-ins fail as they do when somebody guesses");
            if let Err(error) = journal.note(who, Event::SignInAlarm, Some(kind.to_string())).await {
                tracing::warn!(%error, "an alarm could not be traced");
            }
        }
    }

    /// The alarms of this node since `since`, the newest first.
    pub fn alarms(&self, since: Time) -> Vec<Alarm> {
        let alarms = self.0.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.iter().rev().filter(|alarm| alarm.at >= since).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    fn login(n: u16) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        bytes
    }

    fn network(n: u8) -> IpAddr {
        IpAddr::from([192, 0, n, 0])
    }

    #[test]
    fn what_people_mistype_rings_nothing_and_a_spray_rings_once() {
        let defences = Defences::default();
        for again in 0..50 {
            for n in 0..19 {
                assert!(defences.failed((network(1), false), (login(n), None), NOW).is_empty(), "{again}");
            }
        }
        assert_eq!(
            defences.failed((network(1), false), (login(19), None), NOW),
            [AlarmKind::Spray { network: network(1) }]
        );
        for n in 20..100 {
            assert!(defences.failed((network(1), false), (login(n), None), NOW).is_empty(), "once in ten minutes");
        }
        assert_eq!(defences.alarms(NOW).len(), 1);
        let later = NOW + WINDOW;
        for n in 0..19 {
            assert!(defences.failed((network(1), false), (login(n), None), later).is_empty());
        }
        assert_eq!(defences.failed((network(1), false), (login(19), None), later).len(), 1, "and again after");
        assert_eq!(defences.alarms(later).len(), 1);
    }

    #[test]
    fn a_spray_from_everywhere_and_one_account_from_everywhere_ring() {
        let defences = Defences::default();
        let mut rung = Vec::new();
        for n in 0..300 {
            let from = network(u8::try_from(n % 250).unwrap_or(0));
            rung.extend(defences.failed((from, false), (login(n), None), NOW));
        }
        assert_eq!(rung, [AlarmKind::WideSpray]);
        let later = |seconds| NOW + Duration::from_secs(seconds);
        assert!(defences.is_sprayed(NOW) && defences.is_sprayed(later(1199)) && !defences.is_sprayed(later(1200)));
        let account = Some(AccountId::from_bytes([7; 16]));
        let tried = (0..20).flat_map(|n| defences.failed((network(n), false), (login(999), account), NOW));
        assert_eq!(tried.collect::<Vec<_>>(), [AlarmKind::Scatter { account }]);
    }

    #[test]
    fn a_few_networks_or_a_shared_address_make_nobody_else_wait() {
        let defences = Defences::default();
        // Two hundred logins and more from nine networks, and as many from behind a shared address: rung, and no spray.
        let mut rung = Vec::new();
        for n in 0..900 {
            let from = network(u8::try_from(n % 9).unwrap_or(0));
            rung.extend(defences.failed((from, false), (login(n), None), NOW));
        }
        for n in 0..400_u16 {
            let from = network(u8::try_from(n % 250).unwrap_or(0));
            rung.extend(defences.failed((from, true), (login(1000 + n), None), NOW));
        }
        assert!(rung.contains(&AlarmKind::WideSpray) && !defences.is_sprayed(NOW));
        // The tenth and eleventh network make it one.
        for n in 0..40 {
            let from = network(u8::try_from(9 + n % 2).unwrap_or(0));
            defences.failed((from, false), (login(2000 + n), None), NOW);
        }
        assert!(defences.is_sprayed(NOW));
    }

    #[test]
    fn memory_is_bounded() {
        let mut watch = Watch::default();
        for n in 0..20_000_u32 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&n.to_be_bytes());
            watch.failed((IpAddr::from(n.to_be_bytes()), false), (key, None), NOW);
        }
        assert!(watch.by_network.len() <= WATCHED_MAX && watch.by_login.len() <= WATCHED_MAX);
        assert!(watch.logins.len() <= WIDE_SPRAY_LOGINS && watch.spread.len() <= WIDE_SPRAY_LOGINS);
    }
}
