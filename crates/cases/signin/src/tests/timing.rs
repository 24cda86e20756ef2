//! Who is unknown, who is locked out and who gives a wrong password are answered alike, and as late.

use super::*;
use std::time::Instant;
use types::{AccountState, LifeReason};

/// Of each kind.
const ROUNDS: usize = 41;
/// How far the medians may be apart: turns are taken by all in one run, so that what else the machine does slows all of them.
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
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap()
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

    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..ROUNDS {
        let from = address(u8::try_from(100 + round).unwrap());
        let unknown = format!("inconnue.{round}");
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
            times[kind].push(it.fails(login, password, from).await);
        }
    }
    let medians = times.map(median);
    let (least, most) = (medians.iter().copied().fold(f64::MAX, f64::min), medians.iter().copied().fold(0.0, f64::max));
    assert!(most / least < APART_MAX, "wrong, unknown, locked, locked with its password: {medians:?} s");
}
both!(nobody_learns_by_the_clock_whom_the_door_knows);
