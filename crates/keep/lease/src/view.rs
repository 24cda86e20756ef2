//! What a lease says at a moment. Pure.

use std::{fmt, str::FromStr, time::Duration};
use types::Time;

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        /// Why a session ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EndReason { $($(#[$doc])* $variant),* }

        impl EndReason {
            /// Every reason.
            pub const ALL: &'static [EndReason] = &[$(EndReason::$variant),*];

            /// The word that is kept and shown. It never changes once shipped.
            pub const fn as_str(self) -> &'static str {
                match self { $(EndReason::$variant => $word),* }
            }
        }

        impl FromStr for EndReason {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($word => Ok(EndReason::$variant),)* _ => Err(()) }
            }
        }
    };
}

reasons! {
    /// The technician left.
    Technician = "technician",
    /// The equipment ended it.
    Equipment = "equipment",
    /// The equipment could not be reached.
    Unreachable = "unreachable",
    /// The equipment showed another key than the pinned one.
    HostKey = "host_key",
    /// The equipment did not accept the credentials that are kept for it.
    Credentials = "credentials",
    /// The window ended.
    Window = "window",
    /// "Do not interrupt" ended, past the window.
    Hold = "hold",
    /// Somebody cut it.
    Cut = "cut",
    /// The intervention was closed.
    Closed = "closed",
    /// The store was out of reach for too long.
    StoreLost = "store_lost",
    /// It could no longer be recorded.
    Recording = "recording",
    /// Nothing passed for too long.
    Idle = "idle",
    /// Something broke inside.
    Fault = "fault",
    /// The node stopped.
    Node = "node",
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The end is near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// Five minutes at most.
    FiveMinutes,
    /// One minute at most.
    OneMinute,
}

/// A lease at a moment. Each change is told to whoever watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseView {
    /// First moment past the window.
    pub ends: Time,
    /// "Do not interrupt", until then.
    pub hold: Option<Time>,
    /// Told once for each nearness.
    pub warning: Option<Warning>,
    /// The window is over, and "do not interrupt" keeps the session: an alarm.
    pub overrun: bool,
    /// The store is out of reach, and "do not interrupt" keeps the session: an alarm.
    pub store_lost: bool,
    /// It is over.
    pub cut: Option<EndReason>,
}

impl LeaseView {
    /// A lease just granted.
    pub fn new(ends: Time, hold: Option<Time>) -> Self {
        Self { ends, hold, warning: None, overrun: false, store_lost: false, cut: None }
    }

    /// Whether "do not interrupt" is in force.
    pub fn is_held(&self, now: Time) -> bool {
        self.hold.is_some_and(|hold| now < hold)
    }

    /// When it ends if nothing is changed.
    pub fn end(&self) -> Time {
        self.hold.map_or(self.ends, |hold| hold.max(self.ends))
    }

    /// What it says at `now`. What is cut stays cut.
    pub(crate) fn at(self, now: Time, store_lost: bool) -> Self {
        if self.cut.is_some() {
            return self;
        }
        let held = self.is_held(now);
        let over = now >= self.ends;
        let cut = match (over, store_lost) {
            _ if held => None,
            (true, _) if self.hold.is_some_and(|hold| hold > self.ends) => Some(EndReason::Hold),
            (true, _) => Some(EndReason::Window),
            (false, true) => Some(EndReason::StoreLost),
            (false, false) => None,
        };
        let left = self.end().since(now);
        let warning = match left {
            left if left <= Duration::from_secs(60) => Some(Warning::OneMinute),
            left if left <= Duration::from_secs(300) => Some(Warning::FiveMinutes),
            _ => None,
        };
        Self { warning, overrun: over && held, store_lost: store_lost && held, cut, ..self }
    }
}
