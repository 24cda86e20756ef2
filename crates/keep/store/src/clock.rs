use rtime_clock::adjtime::{Timex, adjtimex};
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};
use types::{Clock, ClockState, Time};

/// The machine's clock. Its state is the kernel's, asked at most once a second.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// What the kernel answers when nothing has kept its clock on time for a while (`TIME_ERROR`).
const TIME_ERROR: i32 = 5;
/// The second that was last asked in, times four, plus the answer: one machine, one answer.
static ASKED: AtomicI64 = AtomicI64::new(i64::MIN);

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let micros = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_micros());
        Time::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    fn state(&self) -> ClockState {
        let second = self.now().micros() / 1_000_000;
        let asked = ASKED.load(Ordering::Relaxed);
        if asked >> 2 == second {
            return from_code(asked & 3);
        }
        let state = kernel_state();
        ASKED.store((second << 2) | code(state), Ordering::Relaxed);
        state
    }
}

/// Asks without setting anything: a question with no modes needs no right. Where it is refused all the same (a container
/// that hides the clock), nobody can tell.
fn kernel_state() -> ClockState {
    match adjtimex(&mut Timex::new()) {
        Ok(TIME_ERROR) => ClockState::Unsynchronized,
        Ok(0..TIME_ERROR) => ClockState::Synchronized,
        _ => ClockState::Unknown,
    }
}

fn code(state: ClockState) -> i64 {
    match state {
        ClockState::Unknown => 0,
        ClockState::Synchronized => 1,
        ClockState::Unsynchronized => 2,
    }
}

fn from_code(code: i64) -> ClockState {
    match code {
        1 => ClockState::Synchronized,
        2 => ClockState::Unsynchronized,
        _ => ClockState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_the_kernels_and_is_kept_for_a_second() {
        for state in ClockState::ALL {
            assert_eq!(from_code(code(*state)), *state);
        }
        let told = SystemClock.state();
        assert_eq!(told, kernel_state(), "two questions in a row");
        // Whoever is asked again within the second hears what was kept.
        let other = if told == ClockState::Unknown { ClockState::Synchronized } else { ClockState::Unknown };
        let second = SystemClock.now().micros() / 1_000_000;
        ASKED.store(((second + 1) << 2) | code(other), Ordering::Relaxed);
        while SystemClock.now().micros() / 1_000_000 == second {
            std::thread::yield_now();
        }
        assert_eq!(SystemClock.state(), other);
        ASKED.store(((second - 60) << 2) | code(other), Ordering::Relaxed);
        assert_eq!(SystemClock.state(), told, "an old answer is asked again");
    }
}
