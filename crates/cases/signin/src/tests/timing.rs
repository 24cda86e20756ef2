//! Who is unknown, who is locked out and who gives a wrong password are answered alike, and as late.

use super::*;
use std::time::Instant;
use types::{AccountState, LifeReason};

/// Of each kind, in one series.
const ROUNDS: usize = 41;
/// Series in which they must differ: what a kind costs more, it costs each time; what else the machine does slows one kind in one
/// series and another in the next.
const SERIES: usize = 3;
/// How far the first quartiles may be apart. Whatever else runs only adds to a time, so that the quick ones tell what a kind
/// costs: to whoever guesses from outside too.
const APART_MAX: f64 = 1.15;

impl Fixture {
    /// A whole sign-in that fails, half an hour after the one before: how long it took.
    async fn fails(&self, login: &str, password: &str, from: ClientAddress) -> f64 {
        self.clock.advance(1800);
        let began = Instant::now();
        let ceremony = self.service.first_step(login, Secret::new(password.into()), from).await.unwrap();
        let told = self.service.second_step(&ceremony, "000000", from).await.err();
        let took = began.elapsed().as_secs_f64();
        assert_eq!(told, Some(SecondStepError::Refused), "{login}");
        took
    }

    /// Each kind in its turn: what it costs.
    async fn series(&self, series: usize) -> [f64; 4] {
        let mut times: [Vec<f64>; 4] = Default::default();
        for round in 0..ROUNDS {
            let from = address(u8::try_from(100 + round).unwrap());
            let unknown = format!("inconnue.{series}.{round}");
            let kinds = [
                ("camille", "a wrong password"),
                (unknown.as_str(), "a wrong password"),
                ("yann", "a wrong password"),
                // Even who has it learns nothing of the account.
                ("yann", PASSWORD),
            ];
            // Nobody is always first.
            for place in 0..kinds.len() {
                let kind = (place + round) % kinds.len();
                let (login, password) = kinds[kind];
                times[kind].push(self.fails(login, password, from).await);
            }
        }
        times.map(quartile)
    }
}

fn quartile(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 4).copied().unwrap()
}

/// Whether one kind can be told from another by these.
fn are_apart(quartiles: &[f64; 4]) -> bool {
    let (least, most) =
        (quartiles.iter().copied().fold(f64::MAX, f64::min), quartiles.iter().copied().fold(0.0, f64::max));
    most / least >= APART_MAX
}

#[test]
fn what_costs_a_fifth_more_is_seen_under_a_load_that_doubles_half_of_the_times() {
    let series = |more: f64| {
        let times = |cost: f64| (0..ROUNDS).map(|round| if round % 2 == 0 { cost } else { cost * 2.0 }).collect();
        [0.06, 0.06, 0.06, 0.06 * more].map(|cost| quartile(times(cost)))
    };
    assert!(!are_apart(&series(1.0)) && are_apart(&series(1.2)));
}

async fn nobody_learns_by_the_clock_whom_the_door_knows(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("camille", Role::Patient, 1).await.unwrap();
    it.enrol("yann", Role::Patient, 2).await.unwrap();
    let yann = it.sign_in("yann", PASSWORD, &it.code(2), address(1)).await.unwrap();
    let yann = it.service.resume(&yann.cookie, address(1)).await.unwrap().account;
    let admin = it.at_desk("admin", Role::Administrator, 3).await;
    let locked = (AccountState::Suspended, LifeReason::Suspicion);
    it.accounts().change_state(&admin.authenticated, yann, locked).await.unwrap();

    let mut seen = Vec::new();
    for series in 0..SERIES {
        let quartiles = it.series(series).await;
        if !are_apart(&quartiles) {
            return;
        }
        seen.push(quartiles);
    }
    panic!("wrong, unknown, locked, locked with its password: {seen:?} s");
}
both!(nobody_learns_by_the_clock_whom_the_door_knows);
