//! Those who guess, from one place or from many, and the owner who comes home meanwhile (acces-web AA7).

use super::*;
use crate::{AlarmKind, Defences, Solved};
use std::net::IpAddr;

fn from(network: u8, host: u8) -> ClientAddress {
    ClientAddress::new(IpAddr::from([198, 51, network, host]))
}

impl Fixture {
    /// A door that shares what it knows of those who guess.
    fn guarded(&self, defences: &Defences) -> SignInService {
        let settings = SignInSettings { defences: defences.clone(), ..settings(Door::Portal, PORTAL) };
        let keys = self.master.keys_for(Holder::Door(Door::Portal));
        SignInService::new(self.store.clone(), self.journal.clone(), Arc::clone(&self.policies), keys, settings)
            .unwrap()
    }
}

async fn tries(
    door: &SignInService,
    (login, password, code): (&str, &str, &str),
    address: ClientAddress,
) -> Result<(), SecondStepError> {
    let given = || Secret::new(password.into());
    // Whoever guesses solves what he is asked for.
    let sealed = door.puzzle(address).await.map(|puzzle| puzzle.sealed).unwrap_or_default();
    let answer = if sealed.is_empty() { String::new() } else { identity::solve_puzzle(&sealed) };
    let solved = Solved { sealed: &sealed, answer: &answer };
    let ceremony = door.first_step_solved(login, given(), solved, address).await;
    door.second_step(&ceremony.unwrap(), code, address).await.map(drop)
}

const WRONG: (&str, &str, &str) = ("camille", "pas le bon du tout", "000000");

async fn a_flood_of_strangers_passwords_keeps_nobody_waiting_at_home(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.guarded(&Defences::default());
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.unwrap();
    it.clock.advance(31);
    // Every turn is taken, and many wait for theirs.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let mut flood = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (hasher, held) = (door.parts().hasher.clone(), Arc::clone(&held));
        flood.spawn(async move { hasher.run(move || held.lock().unwrap().recv().is_ok()).await });
    }
    tokio::task::yield_now().await;
    let began = std::time::Instant::now();
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    // Whoever she is where she never was, she waits with the others; and so does a login that nobody has.
    for login in ["camille", "personne"] {
        let elsewhere = door.first_step(login, Secret::new(PASSWORD.into()), from(9, 9));
        assert!(tokio::time::timeout(Duration::from_millis(300), elsewhere).await.is_err(), "{login}");
    }
    drop(release);
    while flood.join_next().await.is_some() {}
}
both!(a_flood_of_strangers_passwords_keeps_nobody_waiting_at_home);

async fn one_account_from_everywhere_is_slowed_and_told_but_not_at_home(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let defences = Defences::default();
    let door = it.guarded(&defences);
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.unwrap();
    it.clock.advance(31);
    // Five failures of her account are anybody's mistakes; the sixth makes whoever comes next wait, wherever he is.
    for network in 10..16 {
        assert_eq!(tries(&door, WRONG, from(network, 9)).await.err(), Some(SecondStepError::Refused), "{network}");
    }
    let seventh = tries(&door, WRONG, from(16, 9)).await.err();
    assert!(matches!(seventh, Some(SecondStepError::TooMany(_))), "{seventh:?}");
    let mut waited = 0;
    for network in 16..19 {
        it.clock.advance(64);
        waited += 1;
        assert_eq!(tries(&door, WRONG, from(network, 9)).await.err(), Some(SecondStepError::Refused), "{network}");
    }
    assert_eq!(waited, 3);
    let elsewhere = tries(&door, ("camille", PASSWORD, &it.code(1)), from(30, 9)).await.err();
    assert!(matches!(elsewhere, Some(SecondStepError::TooMany(_))), "a place that was never hers waits: {elsewhere:?}");
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.expect("at home she waits for nobody");
    let alarms: Vec<_> = defences.alarms(Time::from_micros(0)).into_iter().map(|alarm| alarm.kind).collect();
    assert_eq!(alarms, [AlarmKind::Scatter { account: Some(account) }]);
    let folder = it.folder.path();
    let months = vault::MonthKeys::new(&folder.join("vault"), &it.master).unwrap();
    let log = folder.join("journal").join(it.journal.origin());
    let traces = journal::read_traces(&log, &months, 0..it.journal.entries()).unwrap();
    let told: Vec<_> = traces.iter().filter(|trace| trace.event == types::Event::SignInAlarm).collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].detail.as_ref().unwrap().contains(&account.to_string()), "{:?}", told[0].detail);
}
both!(one_account_from_everywhere_is_slowed_and_told_but_not_at_home);

async fn a_spray_is_slowed_and_told_and_those_at_home_behind_the_same_address_come_in(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let defences = Defences::default();
    let door = it.guarded(&defences);
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.unwrap();
    it.clock.advance(31);
    let (mut guessed, mut slowed) = (0, 0);
    for n in 0..39_u32 {
        let login = format!("personne{n}");
        match tries(&door, (&login, "pas le bon du tout", "000000"), from(1, 1)).await {
            Err(SecondStepError::Refused) => guessed += 1,
            Err(SecondStepError::TooMany(_)) => slowed += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((guessed, slowed), (31, 8), "thirty of anybody's mistakes, then it waits");
    let network = IpAddr::from([198, 51, 1, 0]);
    assert_eq!(defences.alarms(Time::from_micros(0))[0].kind, AlarmKind::Spray { network });
    it.clock.advance(61);
    for n in 0..6 {
        let login = format!("autre{n}");
        let _ = tries(&door, (&login, "pas le bon du tout", "000000"), from(1, 1)).await;
        it.clock.advance(1);
    }
    let stranger = tries(&door, ("yann", PASSWORD, &it.code(2)), from(1, 1)).await.err();
    assert!(matches!(stranger, Some(SecondStepError::TooMany(_))), "who was never there waits: {stranger:?}");
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.expect("at home, behind the same address");
}
both!(a_spray_is_slowed_and_told_and_those_at_home_behind_the_same_address_come_in);

async fn an_address_that_the_hospital_says_is_shared_does_not_wait_for_others(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let defences = Defences::new(vec!["198.51.1.0/24".parse().unwrap()]);
    let door = it.guarded(&defences);
    for n in 0..39_u32 {
        let login = format!("personne{n}");
        let tried = tries(&door, (&login, "pas le bon du tout", "000000"), from(1, 1)).await;
        assert_eq!(tried.err(), Some(SecondStepError::Refused), "{n}");
    }
    assert_eq!(defences.alarms(Time::from_micros(0)).len(), 1, "told all the same");
    it.clock.advance(61);
    tries(&door, ("yann", PASSWORD, &it.code(2)), from(1, 1)).await.unwrap();
}
both!(an_address_that_the_hospital_says_is_shared_does_not_wait_for_others);

async fn many_addresses_below_what_each_may_mistype_are_slowed_while_many_fail_together(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let defences = Defences::new(vec!["198.51.77.0/24".parse().unwrap()]);
    let door = it.guarded(&defences);
    let wrong = |n: u32| (format!("personne{n}"), from(u8::try_from(n % 50).unwrap(), 9));
    for n in 0..200 {
        let (login, place) = wrong(n);
        let tried = tries(&door, (&login, "pas le bon du tout", "000000"), place).await.err();
        assert_eq!(tried, Some(SecondStepError::Refused), "{n}");
    }
    assert_eq!(defences.alarms(Time::from_micros(0))[0].kind, AlarmKind::WideSpray);
    // Four of each failed; two more do, then each waits, twice as long each time.
    let mut waits = Vec::new();
    for n in 200..350 {
        let (login, place) = wrong(n);
        match tries(&door, (&login, "pas le bon du tout", "000000"), place).await.err() {
            Some(SecondStepError::TooMany(wait)) => waits.push(wait.as_secs()),
            other => assert_eq!(other, Some(SecondStepError::Refused)),
        }
    }
    assert_eq!(waits, [2; 50]);
    it.clock.advance(2);
    assert_eq!(
        tries(&door, ("autre", "pas le bon du tout", "000000"), from(3, 9)).await,
        Err(SecondStepError::Refused)
    );
    let next = tries(&door, ("encore", "pas le bon du tout", "000000"), from(3, 9)).await;
    assert_eq!(next, Err(SecondStepError::TooMany(Duration::from_secs(4))));
    // Where the hospital says that many share an address, nobody waits for the others there; nor from anywhere else.
    for n in 0..20 {
        let login = format!("ailleurs{n}");
        let shared = tries(&door, (&login, "pas le bon du tout", "000000"), from(77, 1)).await;
        assert_eq!(shared, Err(SecondStepError::Refused));
    }
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(90, 1)).await.expect("from a place of her own");
    // Once it is over, what people mistype is free again.
    it.clock.advance(1300);
    for n in 0..20 {
        let login = format!("plus.tard{n}");
        let tried = tries(&door, (&login, "pas le bon du tout", "000000"), from(60, 9)).await;
        assert_eq!(tried, Err(SecondStepError::Refused), "{n}");
    }
}
both!(many_addresses_below_what_each_may_mistype_are_slowed_while_many_fail_together);

async fn who_takes_all_steps_of_an_address_keeps_nobody_out_who_lives_there(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let door = it.guarded(&Defences::default());
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.unwrap();
    it.clock.advance(61);
    let step = async |login: &str| door.first_step(login, Secret::new("x".into()), from(1, 1)).await;
    for n in 0..40 {
        assert!(step("personne").await.is_ok(), "{n}");
    }
    for stranger in ["personne", "yann"] {
        assert!(matches!(step(stranger).await, Err(FirstStepError::TooMany(_))), "{stranger}");
    }
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.expect("at home");
    // Hers are counted too: ten in a minute, then as everybody.
    for n in 0..9 {
        assert!(step("camille").await.is_ok(), "{n}");
    }
    assert!(matches!(step("camille").await, Err(FirstStepError::TooMany(_))));
    it.clock.advance(61);
    assert!(step("camille").await.is_ok() && step("yann").await.is_ok());
}
both!(who_takes_all_steps_of_an_address_keeps_nobody_out_who_lives_there);

async fn places_are_forgotten_in_time(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let door = it.guarded(&Defences::default());
    // Six places: the first one is not among the five that are kept.
    for host in 1..=6 {
        tries(&door, ("camille", PASSWORD, &it.code(1)), from(host, 1)).await.unwrap();
        it.clock.advance(31);
    }
    for network in 40..47 {
        let _ = tries(&door, WRONG, from(network, 9)).await;
    }
    let first = tries(&door, ("camille", PASSWORD, &it.code(1)), from(1, 1)).await.err();
    assert!(matches!(first, Some(SecondStepError::TooMany(_))), "{first:?}");
    tries(&door, ("camille", PASSWORD, &it.code(1)), from(2, 1)).await.expect("one of the five");
    it.clock.advance(91 * 86_400);
    for network in 40..47 {
        let _ = tries(&door, WRONG, from(network, 9)).await;
    }
    let late = tries(&door, ("camille", PASSWORD, &it.code(1)), from(2, 1)).await.err();
    assert!(matches!(late, Some(SecondStepError::TooMany(_))), "three months later it is a place like another");
}
both!(places_are_forgotten_in_time);
