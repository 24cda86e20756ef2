//! What signing in and keeping a session cost: one request's session and policy, the look-up of one session among many, and
//! a sign-in while strangers' passwords pour in, each turn by turn with what it is compared to. Usage and aims: bench/README.md.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::indexing_slicing)]

use identity::{PasswordPolicy, Population, SessionLimits, TotpSecret};
use journal::{Journal, JournalConfig};
use policy::{Facts, Policies, SeeOwnMeans};
use signin::{Enrolment, NewAccount, SignInService, SignInSettings};
use sqlx::Connection as _;
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use store::{Store, StoreConfig};
use types::{ClientAddress, Clock, Door, EstablishmentId, Role, Secret, SystemActor, Time};
use vault::{Holder, MasterKey};

const USAGE: &str = "Usage: bench/sign-in-speed [--sessions N] [--rounds N] [--flood N] [--pause MILLISECONDS]";
const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const PASSWORD: &str = "une porte bien gardée";
const PORTAL: &[Role] = &[Role::Patient];
/// Sessions that open something; the others are rows of the same size that nobody has a token of.
const LIVING: usize = 100;
/// Turns of each measure, and how many callers make them at once where there are several.
const TURNS: u32 = 20_000;
const CALLERS: usize = 4;

struct Plan {
    sessions: u32,
    rounds: usize,
    flood: usize,
    /// What lies between an answer and the next request of the same stranger, in milliseconds: the network, its TLS.
    pause: u64,
}

impl Plan {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut plan = Self { sessions: 100_000, rounds: 120, flood: 64, pause: 20 };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--sessions" => plan.sessions = words.next()?.parse().ok()?,
                "--rounds" => plan.rounds = words.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
                "--flood" => plan.flood = words.next()?.parse().ok()?,
                "--pause" => plan.pause = words.next()?.parse().ok()?,
                // What `cargo bench` adds.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(plan)
    }
}

/// The machine's clock, moved on so that each sign-in has a code of its own.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Time::from_micros(i64::try_from(since.as_micros()).unwrap() + self.0.load(Ordering::SeqCst))
    }
}

struct House {
    folder: tempfile::TempDir,
    store: Store,
    policies: Arc<Policies>,
    clock: Arc<Moved>,
    door: SignInService,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::create(&folder.path().join("master.key")).unwrap();
        let clock = Arc::new(Moved(AtomicI64::new(0)));
        let config = StoreConfig {
            url: format!("sqlite:{}/poterne.db", folder.path().display()),
            readers_max: 8,
            wait: Duration::from_secs(5),
            demonstration: false,
        };
        let (store, write) = store::open(&config).await.unwrap();
        let config = JournalConfig {
            folder: folder.path().join("journal"),
            month_keys: folder.path().join("vault"),
            origin: "bench".into(),
            reserve_slots: 64,
        };
        let journal = Journal::open(config, &master, write, clock.clone()).await.unwrap();
        let policies = Arc::new(Policies::built_in().unwrap());
        let keys = master.keys_for(Holder::Enrolment);
        let enrolment = Enrolment::new(store.clone(), journal.clone(), policies.clone(), keys, SystemActor::Demo);
        enrolment.establishment(HERE, "Banc").await.unwrap();
        for n in 0..=2_u8 {
            let new = NewAccount {
                login: format!("personne.{n}"),
                display_name: format!("Personne {n}"),
                role: Role::Patient,
                supplier: None,
                password: Secret::new(PASSWORD.into()),
                totp: TotpSecret::from_bytes([n + 1; 20]),
            };
            enrolment.account(HERE, new).await.unwrap();
        }
        let settings = SignInSettings {
            door: Door::Portal,
            roles: PORTAL,
            limits: SessionLimits { idle: Duration::from_secs(7200), absolute: Duration::from_secs(43_200) },
            establishment: HERE,
            administrators_passwords: PasswordPolicy::default_for(Population::Administrators),
            defences: Default::default(),
        };
        let keys = master.keys_for(Holder::Door(Door::Portal));
        let door = SignInService::new(store.clone(), journal, policies.clone(), keys, settings).unwrap();
        let door = door.with_session_rules(None);
        Self { folder, store, policies, clock, door }
    }

    /// Signs in; gives the cookie and how long both steps took, if the door answered.
    async fn signs_in(&self, n: u8, from: ClientAddress) -> Result<(String, Duration), String> {
        self.clock.0.fetch_add(30_000_000, Ordering::SeqCst);
        let totp = totp_rs::Builder::new().with_secret([n + 1; 20]).build().unwrap();
        let began = Instant::now();
        let login = format!("personne.{n}");
        let ceremony = self.door.first_step(&login, Secret::new(PASSWORD.into()), from).await;
        let ceremony = ceremony.map_err(|error| error.to_string())?;
        let code = totp.generate(u64::try_from(self.clock.now().seconds()).unwrap()).to_string();
        let opened = self.door.second_step(&ceremony, &code, from).await.map_err(|error| error.to_string())?;
        Ok((opened.cookie, began.elapsed()))
    }

    /// Rows like those that are there, under names of their own.
    async fn fill(&self, sessions: u32) {
        let url = format!("sqlite:{}/poterne.db", self.folder.path().display());
        let mut outside = sqlx::AnyConnection::connect(&url).await.unwrap();
        let count = i64::from(sessions);
        sqlx::query(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
             INSERT INTO sessions (id, account_id, establishment_id, door, record, tag, sealed, ends_micros) \
             SELECT randomblob(16), one.account_id, one.establishment_id, one.door, one.record, one.tag, one.sealed, \
             one.ends_micros FROM n, (SELECT * FROM sessions LIMIT 1) AS one",
        )
        .bind(count)
        .execute(&mut outside)
        .await
        .unwrap();
    }

    /// One decision of the policies.
    fn decides(&self, who: &signin::SignedIn) {
        let see = SeeOwnMeans { account: who.account };
        let now = self.clock.now();
        std::hint::black_box(self.policies.decide(&who.authenticated, see, &Facts::default(), now).unwrap());
    }

    /// What a session's look-up is compared with: its row and its account's, read by name.
    async fn bare(&self, id: &[u8]) -> Duration {
        let began = Instant::now();
        let mut connection = self.store.read().await.unwrap();
        let row: (Vec<u8>, Vec<u8>) = sqlx::query_as(
            "SELECT s.record, a.sealed FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.id = $1",
        )
        .bind(id.to_vec())
        .fetch_one(&mut *connection)
        .await
        .unwrap();
        drop(connection);
        std::hint::black_box(row);
        began.elapsed()
    }
}

fn address(n: u32) -> ClientAddress {
    ClientAddress::new(std::net::Ipv4Addr::from(n).into())
}

/// Processor time of this process, in hundredths of a second.
fn ticks() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let after = text.rsplit_once(')').unwrap().1;
    let fields: Vec<u64> = after.split_whitespace().skip(11).take(2).map(|word| word.parse().unwrap()).collect();
    fields[0] + fields[1]
}

fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn told(name: &str, mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let (p50, p99) = (at(&times, 50), at(&times, 99));
    println!("  {name:42} p50 {p50:>10.2?}   p99 {p99:>10.2?}   ({} times)", times.len());
    (p50, p99)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let Some(plan) = Plan::read(std::env::args().skip(1)) else {
        println!("{USAGE}");
        std::process::exit(2);
    };
    let house = Arc::new(House::new().await);
    let home = address(0xc000_0201);
    let mut cookies = Vec::new();
    for n in 0..LIVING {
        // From many places: one alone may not sign in so often.
        let from = address(0xc612_0000 + u32::try_from(n).unwrap() * 256);
        cookies.push(house.signs_in(0, from).await.unwrap().0);
    }
    println!("one among {} sessions, SQLite", LIVING);
    as_a_door_does(&house, &cookies, home).await;
    house.fill(plan.sessions).await;
    println!("one among {} sessions, SQLite", plan.sessions as usize + LIVING);
    as_a_door_does(&house, &cookies, home).await;
    flood(&house, &plan, home).await;
}

/// In a task of its own, as each connection of a door is: the runtime's threads then wake nobody they need not.
async fn as_a_door_does(house: &Arc<House>, cookies: &[String], from: ClientAddress) {
    let (house, cookies) = (Arc::clone(house), cookies.to_vec());
    tokio::spawn(async move { sessions(&house, &cookies, from).await }).await.unwrap();
}

async fn sessions(house: &Arc<House>, cookies: &[String], from: ClientAddress) {
    let (mut resumed, mut bare) = (Vec::new(), Vec::new());
    let ids: Vec<Vec<u8>> = cookies
        .iter()
        .map(|cookie| {
            let id: types::SessionId = cookie[..26].parse().unwrap();
            id.as_bytes().to_vec()
        })
        .collect();
    for n in 0..TURNS as usize {
        let of = (n * 7919) % cookies.len();
        let began = Instant::now();
        let who = house.door.resume(&cookies[of], from).await.unwrap();
        resumed.push(began.elapsed());
        std::hint::black_box(&who);
        bare.push(house.bare(&ids[of]).await);
    }
    let (p50, _) = told("a session honored", resumed);
    let (raw, _) = told("its rows read by name, and nothing else", bare);
    println!("  ratio of the medians {:.1}", p50.as_secs_f64() / raw.as_secs_f64());
    for callers in [1, CALLERS] {
        processor_time(house, cookies, &ids, from, callers).await;
    }
}

/// Processor time of honoring and one decision, of the decision alone, and of the bare reading. One caller leaves the machine
/// idle between two steps of one request, and waking an idle processor counts as time of whoever wakes it; with several it
/// has something to do.
async fn processor_time(house: &Arc<House>, cookies: &[String], ids: &[Vec<u8>], from: ClientAddress, callers: usize) {
    let page = per_turn(callers, |n| {
        let (house, cookie) = (Arc::clone(house), cookies[(n * 7919) % cookies.len()].clone());
        async move { house.decides(&house.door.resume(&cookie, from).await.unwrap()) }
    })
    .await;
    let who = Arc::new(house.door.resume(&cookies[0], from).await.unwrap());
    let decision = per_turn(callers, |_| {
        let (house, who) = (Arc::clone(house), Arc::clone(&who));
        async move { house.decides(&who) }
    })
    .await;
    let bare = per_turn(callers, |n| {
        let (house, id) = (Arc::clone(house), ids[(n * 7919) % ids.len()].clone());
        async move {
            house.bare(&id).await;
        }
    })
    .await;
    println!(
        "  processor time, callers at once: {callers}: session and policy {page:.1?}, the decision alone {decision:.1?}, \
         the bare reading {bare:.1?}"
    );
}

/// Processor time of one turn, of many that so many callers make at once, each in a task of its own as a door's connections are.
async fn per_turn<F>(callers: usize, turn: impl Fn(usize) -> F) -> Duration
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut turns = [const { Vec::new() }; CALLERS];
    for n in 0..TURNS as usize {
        turns[n % callers].push(turn(n));
    }
    let began = ticks();
    let mut at_once = tokio::task::JoinSet::new();
    for turns in turns {
        at_once.spawn(async move {
            for turn in turns {
                turn.await;
            }
        });
    }
    while let Some(ended) = at_once.join_next().await {
        ended.unwrap();
    }
    Duration::from_millis((ticks() - began) * 10) / TURNS
}

/// An owner who comes from where he came from lately, and one who never came from there, quiet and under a flood, in turns.
async fn flood(house: &Arc<House>, plan: &Plan, home: ClientAddress) {
    let (pours, ends) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (next, tried) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU64::new(0)));
    let (under_way, turned_away) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let pause = Duration::from_millis(plan.pause);
    let mut strangers = tokio::task::JoinSet::new();
    for _ in 0..plan.flood {
        let (house, pours, ends) = (Arc::clone(house), Arc::clone(&pours), Arc::clone(&ends));
        let (next, tried, under_way) = (Arc::clone(&next), Arc::clone(&tried), Arc::clone(&under_way));
        let turned_away = Arc::clone(&turned_away);
        strangers.spawn(async move {
            while !ends.load(Ordering::Relaxed) {
                if !pours.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
                under_way.fetch_add(1, Ordering::Relaxed);
                // Each time from another address, of another network, with another login.
                let n = next.fetch_add(1, Ordering::Relaxed);
                let from = address(0x0a00_0000 | (n.wrapping_mul(0x9e37) & 0x00ff_ffff));
                let wrong = Secret::new("pas le bon du tout".to_owned());
                if let Ok(ceremony) = house.door.first_step(&format!("personne.{}", n % 1000), wrong, from).await {
                    let _ = house.door.second_step(&ceremony, "000000", from).await;
                    tried.fetch_add(1, Ordering::Relaxed);
                } else {
                    turned_away.fetch_add(1, Ordering::Relaxed);
                }
                under_way.fetch_sub(1, Ordering::Relaxed);
                tokio::time::sleep(pause).await;
            }
        });
    }
    house.signs_in(1, home).await.unwrap();
    let mut times = [const { Vec::new() }; 4];
    let mut refused = [0_usize; 4];
    let mut poured = Duration::ZERO;
    for round in 0..plan.rounds {
        for under in [false, true] {
            pours.store(under, Ordering::Relaxed);
            let began = Instant::now();
            tokio::time::sleep(Duration::from_millis(300)).await;
            // Quiet is when the last of the flood has its answer.
            while !under && under_way.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            for at_home in [true, false] {
                let place = usize::from(under) * 2 + usize::from(!at_home);
                let elsewhere = address(0xc0a8_0000 + u32::try_from(round * 2 + usize::from(under)).unwrap() * 256);
                let (n, from) = if at_home { (1, home) } else { (2, elsewhere) };
                match house.signs_in(n, from).await {
                    Ok((_, took)) => times[place].push(took),
                    Err(_) => refused[place] += 1,
                }
            }
            if under {
                poured += began.elapsed();
            }
        }
    }
    ends.store(true, Ordering::Relaxed);
    while strangers.join_next().await.is_some() {}
    let a_second = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / poured.as_secs_f64();
    let (rate, away) = (a_second(&tried), a_second(&turned_away));
    println!(
        "a sign-in, {} strangers at once from everywhere, {} ms between an answer and the next request ({rate:.0} failures and \
         {away:.0} turned away a second)",
        plan.flood, plan.pause
    );
    let names = ["quiet, at home", "quiet, elsewhere", "flood, at home", "flood, elsewhere"];
    let mut p99 = [Duration::ZERO; 4];
    for (place, name) in names.iter().enumerate() {
        if !times[place].is_empty() {
            p99[place] = told(name, std::mem::take(&mut times[place])).1;
        }
        if refused[place] > 0 {
            println!("    {} refused for want of a turn, made to wait or asked for a puzzle", refused[place]);
        }
    }
    if refused[2] == 0 {
        println!("  p99 under flood, of quiet: at home {:.1}", p99[2].as_secs_f64() / p99[0].as_secs_f64());
    }
}
