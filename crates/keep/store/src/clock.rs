use std::time::{SystemTime, UNIX_EPOCH};
use types::{Clock, Time};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_micros());
        Time::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}
