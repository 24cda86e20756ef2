//! A hospital's year of events, made up: nobody and nothing in it exists.

use journal::{Kind, Outcome, Trace};
use types::{ClockState, Event, Time, TraceId};

/// 2026-01-01, at midnight in universal time.
pub const BEGINS: i64 = 1_767_225_600_000_000;
/// A year, in microseconds.
pub const YEAR: i64 = 365 * 86_400_000_000;

/// How often each type comes, of a thousand: what patients and professionals read, what is refused, what technicians do.
const MIX: [(Event, Kind, u32); 11] = [
    (Event::SignIn, Kind::Intent, 100),
    (Event::SignOut, Kind::Intent, 40),
    (Event::RecordRead, Kind::Released, 270),
    (Event::ResultRead, Kind::Released, 260),
    (Event::DocumentRead, Kind::Released, 90),
    (Event::DocumentOpened, Kind::Released, 120),
    (Event::Refused, Kind::Refusal, 30),
    (Event::RelayCommand, Kind::Note, 60),
    (Event::RelayAlarm, Kind::Note, 5),
    (Event::TracesSearched, Kind::Released, 5),
    (Event::JournalWitnessed, Kind::Note, 20),
];

const ACCOUNTS: u64 = 20_000;
const PATIENTS: u64 = 200_000;

/// A name of 26 letters and digits, as identifiers are.
pub fn name(what: u64, number: u64) -> String {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&what.to_be_bytes());
    bytes[8..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    TraceId::from_bytes(bytes).to_string()
}

pub fn account(number: u64) -> String {
    name(1, number)
}

pub fn patient(number: u64) -> String {
    name(2, number)
}

pub fn establishment() -> String {
    name(3, 1)
}

/// Events one after the other, evenly over a year, the same ones for the same seed.
pub struct Events {
    random: fastrand::Rng,
    count: u64,
    next: u64,
    /// The outcome of the intent before, said next.
    owed: Option<Trace>,
}

impl Events {
    pub fn new(count: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(20_261_121), count, next: 0, owed: None }
    }

    fn kind(&mut self) -> (Event, Kind) {
        let mut draw = self.random.u32(..1000);
        for (event, kind, weight) in MIX {
            if draw < weight {
                return (event, kind);
            }
            draw -= weight;
        }
        (Event::RecordRead, Kind::Released)
    }

    /// Few are seen often: the square of an even draw.
    fn one_of(&mut self, all: u64) -> u64 {
        let draw = self.random.f64();
        ((draw * draw * all as f64) as u64).min(all - 1)
    }

    fn trace(&mut self) -> Trace {
        let (event, kind) = self.kind();
        let who = self.one_of(ACCOUNTS);
        let time = BEGINS + (YEAR as i128 * i128::from(self.next) / i128::from(self.count)) as i64;
        let about = kind == Kind::Released && event != Event::TracesSearched;
        let patients = if about { vec![patient(self.one_of(PATIENTS))] } else { Vec::new() };
        let object = |it: &mut Self| format!("result/{}", name(4, it.random.u64(..)));
        let opened = matches!(event, Event::ResultRead | Event::DocumentOpened);
        let objects = if opened { vec![object(self)] } else { Vec::new() };
        let address = [198, 51, 100, 0].map(|part: u8| part | self.random.u8(..16));
        let detail = match event {
            Event::RelayCommand => Some("systemctl status modality-worklist".to_owned()),
            Event::RelayAlarm => Some("the target closed the connection".to_owned()),
            Event::Refused => Some("no such relation between this person and this patient".to_owned()),
            _ => None,
        };
        Trace {
            index: 0,
            kind,
            event,
            time: Time::from_micros(time),
            clock: ClockState::Synchronized,
            trace: TraceId::from_bytes(self.random.u128(..).to_be_bytes()),
            outcome: None,
            author: format!("account:{}", account(who)),
            role: Some("patient".to_owned()),
            establishment: Some(establishment()),
            door: Some("portal".to_owned()),
            address: Some(std::net::Ipv4Addr::from(address).to_string()),
            port: None,
            purpose: about.then(|| "care".to_owned()),
            patients,
            objects,
            target: None,
            detail,
            count: None,
        }
    }
}

impl Iterator for Events {
    type Item = Trace;

    fn next(&mut self) -> Option<Trace> {
        if self.next >= self.count {
            return None;
        }
        self.next += 1;
        if let Some(owed) = self.owed.take() {
            return Some(owed);
        }
        let trace = self.trace();
        if trace.kind == Kind::Intent {
            let outcome = if self.random.u8(..20) == 0 { Outcome::Refused } else { Outcome::Done };
            let said = Trace { kind: Kind::Outcome, outcome: Some(outcome), detail: None, ..trace.clone() };
            self.owed = Some(said);
        }
        Some(trace)
    }
}
