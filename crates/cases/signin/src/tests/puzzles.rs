//! What the password's form asks for while many guess (clausier O-5.3).

use super::*;
use crate::{Defences, PUZZLE_WAIT, Puzzle, Solved};
use identity::solve_puzzle;
use std::net::IpAddr;

fn from(host: u8) -> ClientAddress {
    ClientAddress::new(IpAddr::from([198, 51, 1, host]))
}

const LONG: Duration = Duration::from_secs(301);

impl Fixture {
    /// A door that knows the same of those who guess.
    fn beside(&self, door: Door, roles: &'static [Role], defences: &Defences) -> SignInService {
        let settings = SignInSettings { defences: defences.clone(), ..settings(door, roles) };
        let keys = self.master.keys_for(Holder::Door(door));
        SignInService::new(self.store.clone(), self.journal.clone(), self.policies.clone(), keys, settings).unwrap()
    }

    /// A door whose neighborhood was just sprayed: every address of one network.
    async fn pressed(&self, door: Door, roles: &'static [Role], defences: &Defences) -> SignInService {
        let door = self.beside(door, roles, defences);
        for n in 0..20 {
            assert_eq!(door.puzzle(from(9)).await, None, "{n}");
            let ceremony = door.first_step(&format!("personne{n}"), Secret::new("x".into()), from(100 + n)).await;
            assert!(door.second_step(&ceremony.unwrap(), "000000", from(100 + n)).await.is_err());
        }
        door
    }
}

/// What a first step asks for, if anything: which puzzle, and how long to wait.
async fn asked(
    door: &SignInService,
    login: &str,
    (sealed, answer): (&str, &str),
    address: ClientAddress,
) -> Option<(Puzzle, Option<Duration>)> {
    match door.first_step_solved(login, Secret::new(PASSWORD.into()), Solved { sealed, answer }, address).await {
        Ok(_) => None,
        Err(FirstStepError::Puzzle { puzzle, wait }) => Some((puzzle, wait)),
        Err(other) => panic!("{other}"),
    }
}

async fn an_answer_serves_once_here_now_and_for_its_own_address(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("bloquee", Role::Patient, 2).await.unwrap();
    it.outside("UPDATE accounts SET state = 'blocked' WHERE id <> (SELECT id FROM accounts ORDER BY id LIMIT 1)").await;
    let defences = Defences::default();
    let door = it.pressed(Door::Portal, &[Role::Patient], &defences).await;
    // Elsewhere nothing is asked for.
    assert_eq!(door.puzzle(address(1)).await, None);
    assert_eq!(asked(&door, "camille", ("", ""), address(1)).await, None);

    // Asked of everybody alike.
    for login in ["camille", "bloquee", "personne"] {
        let (puzzle, wait) = asked(&door, login, ("", ""), from(1)).await.expect(login);
        assert_eq!((wait, puzzle.sealed.len()), (None, door.puzzle(from(1)).await.unwrap().sealed.len()), "{login}");
    }
    let puzzle = door.puzzle(from(1)).await.unwrap().sealed;
    let answer = solve_puzzle(&puzzle);
    let wrong = (0..).map(|n| n.to_string()).find(|n| !identity::solves_puzzle(&puzzle, n)).unwrap();
    let mut altered = puzzle.clone();
    altered.replace_range(40..41, if &puzzle[40..41] == "A" { "B" } else { "A" });
    let altered_answer = solve_puzzle(&altered);
    for (given, why) in [
        ((puzzle.as_str(), wrong.as_str()), "wrong"),
        ((&altered, &altered_answer), "altered"),
        (("", ""), "nothing"),
        ((&"x".repeat(9000), "1"), "garbage"),
    ] {
        assert!(asked(&door, "camille", given, from(1)).await.is_some(), "{why}");
    }
    assert!(asked(&door, "camille", (&puzzle, &answer), from(2)).await.is_some(), "another's address");
    let desk = it.beside(Door::Desk, DESK, &defences);
    assert!(asked(&desk, "camille", (&puzzle, &answer), from(1)).await.is_some(), "another door");
    assert_eq!(asked(&door, "camille", (&puzzle, &answer), from(1)).await, None, "its own");
    assert!(asked(&door, "camille", (&puzzle, &answer), from(1)).await.is_some(), "replayed");
    let late = door.puzzle(from(1)).await.unwrap().sealed;
    let answer = solve_puzzle(&late);
    it.clock.advance(i64::try_from(LONG.as_secs()).unwrap());
    assert!(asked(&door, "camille", (&late, &answer), from(1)).await.is_some(), "expired");
    // It is over with the alarm.
    it.clock.advance(1200);
    assert_eq!((door.puzzle(from(1)).await, asked(&door, "camille", ("", ""), from(1)).await), (None, None));
}
both!(an_answer_serves_once_here_now_and_for_its_own_address);

async fn whoever_s_browser_does_not_calculate_waits_instead(database: &TestDatabase) {
    let it = fixture(database).await;
    let door = it.pressed(Door::Portal, &[Role::Patient], &Defences::default()).await;
    let wait = i64::try_from(PUZZLE_WAIT.as_secs()).unwrap();
    let puzzles: Vec<String> = {
        let mut drawn = Vec::new();
        for _ in 0..6 {
            drawn.push(door.puzzle(from(1)).await.unwrap().sealed);
        }
        drawn
    };
    it.clock.advance(wait - 1);
    let (_, told) = asked(&door, "camille", (&puzzles[0], ""), from(1)).await.unwrap();
    assert_eq!(told, Some(PUZZLE_WAIT), "too early; the page that comes with another is waited on anew");
    it.clock.advance(1);
    assert_eq!(asked(&door, "camille", (&puzzles[0], ""), from(1)).await, None);
    assert!(asked(&door, "camille", (&puzzles[0], ""), from(1)).await.is_some(), "once");
    // Who draws many at once and waits for all of them gets no further than who waits for each.
    let mut passed = 0;
    for puzzle in &puzzles[1..] {
        passed += u32::from(asked(&door, "camille", (puzzle, ""), from(1)).await.is_none());
    }
    assert_eq!(passed, 3, "four in a minute, the first among them; what served already took none of them");
}
both!(whoever_s_browser_does_not_calculate_waits_instead);

async fn who_is_at_home_is_asked_for_nothing_and_no_password_is_hashed_before(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    let defences = Defences::default();
    let calm = it.beside(Door::Portal, &[Role::Patient], &defences);
    let ceremony = calm.first_step("camille", Secret::new(PASSWORD.into()), from(1)).await.unwrap();
    calm.second_step(&ceremony, &it.code(1), from(1)).await.unwrap();
    let door = it.pressed(Door::Portal, &[Role::Patient], &defences).await;
    it.clock.advance(61);
    // No thread is free for strangers' passwords.
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(std::sync::Mutex::new(held));
    let mut busy = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let (hasher, held) = (door.parts().hasher.clone(), Arc::clone(&held));
        busy.spawn(async move { hasher.run(move || held.lock().unwrap().recv().is_ok()).await });
    }
    tokio::task::yield_now().await;
    let refused = tokio::time::timeout(Duration::from_secs(2), asked(&door, "personne", ("", ""), from(2)));
    assert!(refused.await.expect("at once").is_some());
    let ceremony = door.first_step("camille", Secret::new(PASSWORD.into()), from(1)).await.expect("at home");
    door.second_step(&ceremony, &it.code(1), from(1)).await.unwrap();
    drop(release);
    while busy.join_next().await.is_some() {}
}
both!(who_is_at_home_is_asked_for_nothing_and_no_password_is_hashed_before);
