//! The desk's pages beyond its entrance's: plain data in, HTML out. Nothing here reads a clock, a file or a service.
//!
//! Each page is made by `Page::new(chrome, view)`; the views are plain data that the handlers fill. Everything shown is
//! escaped by the templates.

mod account;
mod account_sign;
mod accounts;
mod break_glass;
mod correcting;
mod enrol;
mod equipment;
mod home;
mod interventions;
mod means;
mod oversight;
mod retention;
mod rights;
mod session_rules;
mod sessions;
mod sheets;
mod trace;
mod trace_charts;
mod trace_fields;
mod traces;
mod words;

pub use account::{AccountPage, AccountStatePage, AccountStateView, AccountView};
pub use account_sign::{AccountSign, AccountSignView, AccountSigning};
pub use accounts::{
    AccountCode, AccountCodeView, AccountFields, AccountLink, AccountLinkView, AccountNew, AccountNewView,
    AccountsFields, AccountsList, AccountsView, INVITED_ROLES,
};
pub use break_glass::{
    BreakGlassFields, BreakGlassPage, BreakGlassUsePage, BreakGlassUseView, BreakGlassView, EnvelopePage, EnvelopeView,
    Readiness,
};
pub use correcting::{CorrectedFields, CorrectingPage, CorrectingView};
pub use enrol::{Enrol, EnrolView, Enrolled};
pub use equipment::{
    EquipmentFields, EquipmentForm, EquipmentFormView, EquipmentList, EquipmentListView, EquipmentSheet, EquipmentSign,
    EquipmentSignView, EquipmentView, Suppliers, SuppliersView,
};
pub use home::{AccountsWaiting, Home, HomeView, Vouching};
pub use interventions::{
    Acts, Cutting, InterventionPage, InterventionView, InterventionsList, InterventionsView, Sign, SignView, Signing,
};
pub use means::{Enrolling, Means, MeansView, Passkey, PasskeyView, Passkeys, PasskeysView};
pub use oversight::{Rules, RulesView};
pub use retention::{Retention, RetentionView};
pub use rights::{PoliciesPage, PoliciesView, RightsPage, RightsView};
pub use session_rules::{RuleFields, SessionRulesPage, SessionRulesView, WrongRule};
pub use sessions::{Replay, ReplayView, SessionPage, SessionView, SessionsList, SessionsView};
pub use sheets::{CodesSheet, CodesSheetView};
pub use trace::{TraceSheet, TraceSheetView};
pub use trace_fields::{TraceFields, Wrong};
pub use traces::{Counted, NotSearched, Traces, TracesView};
pub use words::Badge;

use types::Role;
use web::{assets::Icon, i18n::Text, layout::NavItem};

/// Why something was not done, told on the page that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It changed meanwhile.
    Conflict,
    /// The signature does not fit.
    Signature,
    /// Something that was sent does not fit.
    Invalid,
    /// There is one already.
    Taken,
    /// There are as many as may be.
    Full,
    /// It took too long.
    Lost,
    /// Not a name.
    Label,
    /// Somebody else has to.
    SamePerson,
    /// A retention below its family's floor, or beyond what there is.
    Floor,
    /// Months that are none, or in the wrong order.
    Months,
    /// No reason, or too long a one.
    Reason,
    /// What was asked is decided, withdrawn or forgotten.
    Decided,
    /// Too much waits.
    Waiting,
    /// It is so already.
    AsItIs,
    /// An account does not become that, or not for that reason.
    AccountState,
    /// It takes a link that a second person confirms.
    ByLink,
    /// Its mail address is changed by a link that a second person confirms.
    AddressByLink,
    /// It signs in by sealed envelopes only.
    ByEnvelopes,
    /// Words that say nothing, or too many.
    Words,
    /// Not one address.
    Address,
    /// One does not do that to oneself.
    Oneself,
    /// Whoever drew a link does not confirm it.
    SecondPerson,
    /// Nobody would be left to manage accounts.
    LastAdministrator,
    /// Somebody else changed the account.
    Meanwhile,
    /// No link is outstanding.
    NoLink,
    /// How the identity was verified is not told, or was not face to face where it must be.
    Proof,
    /// That is not enough for an account that is in use.
    FirmProof,
    /// Nobody of this role has printed sheets.
    NoSheet,
    /// The sheet serves by the link.
    SheetByLink,
    /// Whoever drew a sheet does not confirm it.
    SheetSecond,
    /// It takes signatures, and the link bears none.
    Unsigned,
    /// The account is locked, without a record of it.
    LockedHere,
}

impl Refusal {
    /// Every one.
    pub const ALL: [Refusal; 32] = [
        Self::Conflict,
        Self::Signature,
        Self::Invalid,
        Self::Taken,
        Self::Full,
        Self::Lost,
        Self::Label,
        Self::SamePerson,
        Self::Floor,
        Self::Months,
        Self::Reason,
        Self::Decided,
        Self::Waiting,
        Self::AsItIs,
        Self::AccountState,
        Self::ByLink,
        Self::AddressByLink,
        Self::ByEnvelopes,
        Self::Words,
        Self::Address,
        Self::Oneself,
        Self::SecondPerson,
        Self::LastAdministrator,
        Self::Meanwhile,
        Self::NoLink,
        Self::Proof,
        Self::FirmProof,
        Self::NoSheet,
        Self::SheetByLink,
        Self::SheetSecond,
        Self::Unsigned,
        Self::LockedHere,
    ];

    /// The word that an address says it by.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Signature => "signature",
            Self::Invalid => "invalid",
            Self::Taken => "taken",
            Self::Full => "full",
            Self::Lost => "lost",
            Self::Label => "label",
            Self::SamePerson => "same-person",
            Self::Floor => "floor",
            Self::Months => "months",
            Self::Reason => "reason",
            Self::Decided => "decided",
            Self::Waiting => "waiting",
            Self::AsItIs => "as-it-is",
            Self::AccountState => "state",
            Self::ByLink => "by-link",
            Self::AddressByLink => "address-by-link",
            Self::ByEnvelopes => "by-envelopes",
            Self::Words => "words",
            Self::Address => "address",
            Self::Oneself => "oneself",
            Self::SecondPerson => "second-person",
            Self::LastAdministrator => "last-administrator",
            Self::Meanwhile => "meanwhile",
            Self::NoLink => "no-link",
            Self::Proof => "proof",
            Self::FirmProof => "firm-proof",
            Self::NoSheet => "no-sheet",
            Self::SheetByLink => "sheet-by-link",
            Self::SheetSecond => "sheet-second",
            Self::Unsigned => "unsigned",
            Self::LockedHere => "locked-here",
        }
    }

    /// What to tell.
    pub fn sentence(self, t: Text) -> &'static str {
        match self {
            Self::Conflict => t.desk_problem_conflict(),
            Self::Signature => t.desk_problem_signature(),
            Self::Invalid => t.desk_problem_invalid(),
            Self::Taken => t.desk_problem_taken(),
            Self::Full => t.desk_problem_full(),
            Self::Lost => t.desk_problem_lost(),
            Self::Label => t.desk_problem_label(),
            Self::SamePerson => t.desk_problem_same_person(),
            Self::Floor => t.desk_problem_floor(),
            Self::Months => t.desk_problem_months(),
            Self::Reason => t.desk_problem_reason(),
            Self::Decided => t.desk_problem_decided(),
            Self::Waiting => t.desk_problem_waiting(),
            Self::AsItIs => t.desk_problem_as_it_is(),
            Self::AccountState => t.desk_accounts_problem_state(),
            Self::ByLink => t.desk_accounts_problem_by_link(),
            Self::AddressByLink => t.desk_accounts_problem_address_by_link(),
            Self::ByEnvelopes => t.desk_accounts_problem_by_envelopes(),
            Self::Words => t.desk_accounts_problem_words(),
            Self::Address => t.desk_accounts_problem_address(),
            Self::Oneself => t.desk_accounts_problem_oneself(),
            Self::SecondPerson => t.desk_accounts_problem_second(),
            Self::LastAdministrator => t.desk_accounts_problem_last(),
            Self::Meanwhile => t.desk_accounts_problem_meanwhile(),
            Self::NoLink => t.desk_accounts_problem_no_link(),
            Self::Proof => t.desk_accounts_problem_proof(),
            Self::FirmProof => t.desk_accounts_problem_firm_proof(),
            Self::NoSheet => t.desk_accounts_codes_problem_none(),
            Self::SheetByLink => t.desk_accounts_codes_problem_by_link(),
            Self::SheetSecond => t.desk_accounts_codes_problem_second(),
            Self::Unsigned => t.desk_accounts_problem_unsigned(),
            Self::LockedHere => t.desk_accounts_problem_locked_here(),
        }
    }
}

/// Something to be signed by a passkey, as the page holds it for the browser.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Challenge {
    /// What the passkey signs, in base64url.
    pub challenge: String,
    /// The passkeys that may sign, in base64url, separated by commas.
    pub credentials: String,
    /// To be sent back with the signature.
    pub nonce: String,
    /// The terms themselves, as text.
    pub terms: String,
}

impl Challenge {
    /// Whether anybody could sign.
    pub fn is_possible(&self) -> bool {
        !self.credentials.is_empty()
    }
}

/// Whether a role follows interventions.
pub fn follows(role: Role) -> bool {
    matches!(role, Role::Beneficiary | Role::OnCall | Role::SecurityOfficer | Role::Administrator)
}

/// Whether a role sees the establishment's accounts.
pub fn sees_accounts(role: Role) -> bool {
    matches!(role, Role::SecurityOfficer | Role::Administrator)
}

/// Whether a role sees the rules, their proofs, and the policies in force.
pub fn sees_rules(role: Role) -> bool {
    matches!(role, Role::SecurityOfficer | Role::Administrator | Role::Dpo)
}

/// Where somebody may go from any page, by his role. What he may not see is not named, nor, where the desk is reached
/// without its administration, what is not there.
pub fn nav(role: Role, administers: bool, t: Text) -> Vec<NavItem> {
    let mut places = vec![NavItem::new("/", t.desk_nav_home(), Icon::DoorOpen)];
    if follows(role) {
        places.push(NavItem::new("/interventions", t.desk_nav_interventions(), Icon::Calendar));
        places.push(NavItem::new("/sessions", t.desk_nav_sessions(), Icon::Lantern));
        places.push(NavItem::new("/equipment", t.desk_nav_equipment(), Icon::Equipment));
    }
    if administers && sees_accounts(role) {
        places.push(NavItem::new("/accounts", t.desk_nav_accounts(), Icon::People));
    }
    if administers && role == Role::Administrator {
        places.push(NavItem::new("/suppliers", t.desk_nav_suppliers(), Icon::Supplier));
        places.push(NavItem::new("/passkeys", t.desk_nav_passkeys(), Icon::Key));
    }
    if role == Role::TraceController {
        places.push(NavItem::new("/traces", t.desk_nav_traces(), Icon::Search));
    }
    if administers && role == Role::TraceController {
        places.push(NavItem::new("/retention", t.desk_nav_retention(), Icon::Clock));
    }
    if sees_rules(role) {
        places.push(NavItem::new("/rules", t.desk_nav_rules(), Icon::Rules));
    }
    places.push(NavItem::new("/means", t.desk_nav_means(), Icon::Person));
    places
}

/// A value within a query.
pub(crate) fn encoded(value: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
