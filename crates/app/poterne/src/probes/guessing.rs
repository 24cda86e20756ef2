//! Whoever guesses waits, also for a login that nobody has, and the reserved account comes in meanwhile (acces-web AA7).

use super::{Fault, Seen, visits::Visits};
use data_encoding::HEXLOWER;
use dossier::BoxFuture;

/// The least that a failure costs.
const WAIT_SECONDS_MIN: u64 = 1;

/// Guesses twice at a door.
pub fn look(door: &Visits) -> BoxFuture<'_, Seen> {
    Box::pin(looked(door))
}

async fn looked(door: &Visits) -> Seen {
    let drawn: [u8; 8] = vault::random().map_err(Fault::unreachable)?;
    // Nobody's: what somebody waits for here is nobody's failure.
    let login = format!("sonde.poterne.personne.{}", HEXLOWER.encode(&drawn));
    match door.guess(&login).await? {
        (422, _) => {}
        // Others guess from this machine too, and it waits for them.
        (429, _) => return Err(Fault::unreachable("this machine's address waits for other failures")),
        (200..=399, _) => return Err(Fault::broken("a login that nobody has opens something")),
        (status, _) => return Err(Fault::unreachable(format!("a wrong password is answered {status}"))),
    }
    match door.guess(&login).await? {
        (429, Some(seconds)) if seconds >= WAIT_SECONDS_MIN => {}
        (429, _) => return Err(Fault::broken("whoever guesses is not told how long he waits")),
        (422, _) => return Err(Fault::broken("a second guess follows the first without any wait")),
        (status, _) => return Err(Fault::unreachable(format!("a second wrong password is answered {status}"))),
    }
    // From the same address, at the same time.
    door.visit().await?;
    // Many logins would have to fail for it, which would ring at the desk each time.
    Err(Fault::Partly("a guess makes its author wait, and nobody else at his address; the alarm is not tried".into()))
}
