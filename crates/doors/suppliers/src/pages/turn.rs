//! What somebody may do with an intervention now: when it opens, by which command, whether his key still serves.

use super::words;
use interventions::{Intervention, State};
use types::{AccountId, Role, Time};
use web::{i18n::Text, layout::wait, when};

/// Less time than this is told as such.
const NEAR_SECONDS_MAX: u64 = 3 * 3600;

/// The one who looks.
#[derive(Debug, Clone)]
pub struct Reader {
    /// Whose account.
    pub account: AccountId,
    /// In what role.
    pub role: Role,
    /// What he types to sign in.
    pub login: String,
    /// The fingerprints of his keys for SSH.
    pub keys: Vec<String>,
    /// Where SSH clients reach the relays; none when this node has none.
    pub relay: Option<(String, u16)>,
    /// The fingerprint of the key that they show.
    pub relay_key: Option<String>,
}

impl Reader {
    /// Whether he asks for interventions: an auditor does not.
    pub fn asks(&self) -> bool {
        matches!(self.role, Role::Technician | Role::SupplierManager)
    }

    /// Whether he could not connect to anything: a technician without a key.
    pub fn lacks_key(&self) -> bool {
        self.role == Role::Technician && self.keys.is_empty()
    }

    /// Whether he has nowhere to connect to: no relays are known here.
    pub fn lacks_relay(&self) -> bool {
        self.asks() && self.relay.is_none()
    }

    /// What he types to reach an equipment; none when nothing that can be typed as it stands would do.
    pub fn command(&self, target: &str) -> Option<String> {
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-+@:".contains(&b));
        let (host, port) = self.relay.as_ref()?;
        let safe = plain(&self.login) && !self.login.starts_with('-') && plain(target) && plain(host);
        let port = if *port == 22 { String::new() } else { format!(" -p {port}") };
        safe.then(|| format!("ssh {}%{target}@{host}{port}", self.login))
    }
}

/// An intervention, as it concerns the reader at this moment.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Which.
    pub one: Intervention,
    /// The command that reaches it, if the reader works in it and it is not over.
    pub command: Option<String>,
    /// The keys named in it are no longer the reader's: he could not connect.
    pub has_other_key: bool,
    /// Whether the reader works in it.
    pub is_his: bool,
    /// Nobody connects from here: no relays are known.
    pub lacks_relay: bool,
    /// The fingerprint of the key that they show.
    pub relay_key: Option<String>,
    now: Time,
}

impl Turn {
    /// At `now`.
    pub fn new(one: Intervention, reader: &Reader, now: Time) -> Self {
        let own = one.technicians.iter().find(|technician| technician.account == reader.account);
        let is_his = reader.role == Role::Technician && own.is_some();
        let is_ahead = matches!(one.state, State::Waiting | State::Planned | State::Open);
        let known = own.is_some_and(|own| own.fingerprints.iter().any(|key| reader.keys.contains(key)));
        let works = is_his && matches!(one.state, State::Planned | State::Open);
        let command = works.then(|| reader.command(&one.equipment_name)).flatten();
        let has_other_key = is_his && is_ahead && !known;
        let relay_key = reader.relay_key.clone();
        Self { command, has_other_key, is_his, lacks_relay: reader.lacks_relay(), relay_key, one, now }
    }

    /// First moment past the window.
    pub fn until(&self) -> Time {
        self.one.window.until.unwrap_or(self.one.window.from)
    }

    /// Whether it can be worked in at this moment. What is held open outlasts its window.
    pub fn is_now(&self) -> bool {
        let begun = self.one.window.from <= self.now;
        let held = self.one.hold_until.is_some_and(|until| self.now < until);
        match self.one.state {
            State::Open => self.now < self.until() || held,
            State::Planned => begun && self.now < self.until(),
            _ => false,
        }
    }

    /// Whether nothing more can come of it.
    pub fn is_over(&self) -> bool {
        matches!(self.one.state, State::Refused | State::Withdrawn | State::Closed | State::Cut | State::Lapsed)
    }

    /// Whether the reader may take it back.
    pub fn may_withdraw(&self) -> bool {
        matches!(self.one.state, State::Waiting | State::Planned)
    }

    /// Whether the reader may open it without connecting.
    pub fn may_open(&self) -> bool {
        self.is_his && self.one.state == State::Planned && self.is_now()
    }

    /// Whether the reader may close it.
    pub fn may_close(&self) -> bool {
        self.is_his && self.one.state == State::Open
    }

    /// Its window, in few words.
    pub fn window(&self, t: Text) -> String {
        words::window(t, self.one.window.from, self.until())
    }

    /// Its window, in full.
    pub fn window_full(&self, t: Text) -> String {
        let full = |time| when::full(time, t.lang());
        t.suppliers_item_window(full(self.one.window.from), full(self.until()))
    }

    /// Until when "do not interrupt" holds, while it does.
    pub fn held(&self, t: Text) -> Option<String> {
        let until = self.one.hold_until.filter(|until| self.now < *until)?;
        Some(t.suppliers_item_held(when::full(until, t.lang())))
    }

    /// Its state.
    pub fn badge(&self, t: Text) -> words::Badge {
        words::state_of(t, &self.one, self.now)
    }

    /// What stands now, and what comes next.
    pub fn next(&self, t: Text) -> String {
        let lang = t.lang();
        let (from, until) = (when::full(self.one.window.from, lang), when::full(self.until(), lang));
        match self.one.state {
            State::Waiting if self.until() <= self.now => t.suppliers_next_lapsed().to_owned(),
            State::Waiting => t.suppliers_next_waiting(self.one.approvals.len(), self.one.quorum),
            State::Planned | State::Open if self.lacks_relay && self.now < self.until() => {
                t.suppliers_next_approved(from, until)
            }
            State::Planned | State::Open if self.is_now() => {
                let left = self.until().since(self.now).as_secs();
                match left {
                    0 => t.suppliers_next_held().to_owned(),
                    1..NEAR_SECONDS_MAX => t.suppliers_next_now_near(until, wait(left, t)),
                    _ => t.suppliers_next_now(until),
                }
            }
            State::Planned if self.now < self.one.window.from => {
                let left = self.one.window.from.since(self.now).as_secs();
                if left < NEAR_SECONDS_MAX {
                    t.suppliers_next_planned_near(from, wait(left, t))
                } else {
                    t.suppliers_next_planned(from)
                }
            }
            State::Planned | State::Open | State::Lapsed => t.suppliers_next_lapsed().to_owned(),
            State::Refused => t.suppliers_next_refused().to_owned(),
            State::Withdrawn => t.suppliers_next_withdrawn().to_owned(),
            State::Closed => t.suppliers_next_closed().to_owned(),
            State::Cut => t.suppliers_next_cut().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_command_that_can_be_typed_is_given() {
        let reader = |login: &str, relay: Option<(&str, u16)>| Reader {
            account: AccountId::from_bytes([1; 16]),
            role: Role::Technician,
            login: login.to_owned(),
            keys: Vec::new(),
            relay: relay.map(|(host, port)| (host.to_owned(), port)),
            relay_key: None,
        };
        let relay = Some(("relais.hopital.example", 2222));
        let told = |login, relay| reader(login, relay).command("scanner-1");
        let full = "ssh erwan.tanguy%scanner-1@relais.hopital.example -p 2222";
        assert_eq!(told("erwan.tanguy", relay).as_deref(), Some(full));
        let plain = told("erwan.tanguy", Some(("relais.hopital.example", 22)));
        assert_eq!(plain.as_deref(), Some("ssh erwan.tanguy%scanner-1@relais.hopital.example"));
        assert_eq!(told("erwan.tanguy", None), None);
        for login in ["", "-oProxyCommand=x", "a b", "a;reboot", "a$(x)", "é", "a\nb", "a'b"] {
            assert_eq!(told(login, relay), None, "{login}");
        }
        assert_eq!(reader("a", Some(("h;x", 22))).command("scanner-1"), None);
        assert_eq!(reader("a", relay).command("x y"), None);
    }
}
