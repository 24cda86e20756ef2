//! Each route of the desk with whom it is for and what it is asked with: the walks take it from here, and none is left out.

use crate::{
    HERE,
    house::House,
    people::Person,
    sends::{self, Visitor},
};
use desk::{Asks, ROUTES};
use types::{Role, TokenScope};

/// What only those who follow it may read of what is made here.
pub const PURPOSE: &str = "Relever les compteurs du tube";
/// What an account is put in.
pub const TO: &str = "suspended";
/// An identifier that nothing has.
pub const NOTHING: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Whose identifier stands in a path, and in what state it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    Nobody,
    Equipment,
    Waiting,
    Planned,
    Open,
    /// An intervention under "do not interrupt".
    Held,
    /// A session that runs.
    Session,
    /// One that is over and was recorded.
    Recorded,
    /// A token.
    Token,
    /// A passkey that nobody has vouched for.
    Passkey,
    /// The node's own journal, whose traces are every controller's.
    Journal,
    /// A search that the trace controller keeps.
    Saved,
    /// A change of retention that another trace controller asked for.
    Proposal,
    /// A population, whose sessions have rules.
    Population,
    /// Somebody's account.
    Account,
    /// The account of somebody who decides over nobody: one person says where its mail goes.
    Reached,
    /// An account with a link that the administrator drew, and that a second person must confirm.
    Drawn,
    /// A break-glass account with an envelope that waits for a second person.
    Enveloped,
    /// A patient's account.
    OfPatient,
    /// A patient's account with a printed sheet that the administrator drew, and that a second person must confirm.
    Printed,
    /// A session that envelopes opened, and that nobody has looked at.
    Used,
}

/// A route of the door.
pub struct Entry {
    /// Its method, and its path as the door's own list has it.
    pub line: &'static str,
    pub names: Names,
    /// What its page or its program asks beside, in the address.
    pub query: &'static str,
    /// The roles that it is for; the first one's person does it last.
    pub roles: &'static [Role],
    /// What is sent.
    pub sends: sends::Sends,
    /// The answer to whom it is for.
    pub answer: u16,
    /// What a token must be good for.
    pub scope: Option<TokenScope>,
}

use Names::*;
use Role::*;
use sends::Sends::*;

/// Everybody of the desk.
const ALL: &[Role] = &[Beneficiary, OnCall, SecurityOfficer, Administrator, TraceController, Dpo];
const FOLLOW: &[Role] = &[Beneficiary, OnCall, SecurityOfficer, Administrator];
const STOP: &[Role] = &[Beneficiary, OnCall, SecurityOfficer];
const DECIDE: &[Role] = &[Beneficiary];
const MANAGE: &[Role] = &[Administrator];
/// Who sees accounts. In the walks the security officer confirms what the administrator asked for.
const GUARD: &[Role] = &[SecurityOfficer, Administrator];
const CONTROL: &[Role] = &[TraceController];
const CONFORM: &[Role] = &[SecurityOfficer, Administrator, Dpo];

const SEE: Option<TokenScope> = Some(TokenScope::InterventionsRead);
const ACT: Option<TokenScope> = Some(TokenScope::InterventionsWrite);
const WATCH: Option<TokenScope> = Some(TokenScope::SessionsRead);
const CUT: Option<TokenScope> = Some(TokenScope::SessionsCut);
const FLEET: Option<TokenScope> = Some(TokenScope::EquipmentRead);
const REGISTER: Option<TokenScope> = Some(TokenScope::EquipmentWrite);

const LIVES: Option<TokenScope> = Some(TokenScope::AccountsRead);

const fn page(line: &'static str, names: Names, roles: &'static [Role]) -> Entry {
    Entry { line, names, query: "", roles, sends: Nothing, answer: 200, scope: None }
}

const fn posted(line: &'static str, names: Names, roles: &'static [Role], sends: sends::Sends) -> Entry {
    Entry { line, names, query: "", roles, sends, answer: 303, scope: None }
}

const fn program(line: &'static str, names: Names, roles: &'static [Role], scope: Option<TokenScope>) -> Entry {
    Entry { line, names, query: "", roles, sends: Nothing, answer: 200, scope }
}

const fn act(line: &'static str, names: Names, roles: &'static [Role], sends: sends::Sends) -> Entry {
    Entry { line, names, query: "", roles, sends, answer: 204, scope: ACT }
}

pub const TABLE: &[Entry] = &[
    page("GET /{lang}/", Nobody, ALL),
    Entry { answer: 404, ..page("GET /{lang}/enrol/{token}", Nobody, ALL) },
    Entry { answer: 404, ..posted("POST /{lang}/enrol/{token}", Nobody, ALL, Enrolment) },
    page("GET /{lang}/interventions", Nobody, FOLLOW),
    page("GET /{lang}/interventions/{id}", Waiting, FOLLOW),
    posted("POST /{lang}/interventions/{id}/approve", Waiting, DECIDE, Approval),
    posted("POST /{lang}/interventions/{id}/refuse", Waiting, DECIDE, Reason),
    posted("POST /{lang}/interventions/{id}/open", Planned, DECIDE, Nothing),
    posted("POST /{lang}/interventions/{id}/close", Open, DECIDE, Nothing),
    posted("POST /{lang}/interventions/{id}/release", Held, DECIDE, Nothing),
    posted("POST /{lang}/interventions/{id}/cut", Open, STOP, Reason),
    page("GET /{lang}/interventions/{id}/extend", Open, DECIDE),
    posted("POST /{lang}/interventions/{id}/extend", Open, DECIDE, Extension),
    page("GET /{lang}/interventions/{id}/hold", Open, DECIDE),
    posted("POST /{lang}/interventions/{id}/hold", Open, DECIDE, Hold),
    page("GET /{lang}/sessions", Nobody, FOLLOW),
    page("GET /{lang}/sessions/{id}", Session, FOLLOW),
    posted("POST /{lang}/sessions/{id}/cut", Session, STOP, Reason),
    page("GET /{lang}/sessions/{id}/live", Session, STOP),
    page("GET /{lang}/sessions/{id}/channels/{number}", Recorded, STOP),
    page("GET /{lang}/sessions/{id}/channels/{number}/frames", Recorded, STOP),
    page("GET /{lang}/sessions/{id}/channels/{number}/file", Recorded, STOP),
    page("GET /{lang}/equipment", Nobody, FOLLOW),
    posted("POST /{lang}/equipment", Nobody, MANAGE, SignedEquipment),
    page("GET /{lang}/equipment/change", Nobody, MANAGE),
    Entry { answer: 200, ..posted("POST /{lang}/equipment/change", Nobody, MANAGE, Machine) },
    page("GET /{lang}/equipment/{id}", Equipment, FOLLOW),
    page("GET /{lang}/suppliers", Nobody, FOLLOW),
    posted("POST /{lang}/suppliers", Nobody, MANAGE, Supplier),
    page("GET /{lang}/accounts", Nobody, GUARD),
    Entry { answer: 200, ..posted("POST /{lang}/accounts", Nobody, MANAGE, SignedInvitation) },
    page("GET /{lang}/accounts/new", Nobody, MANAGE),
    page("GET /{lang}/accounts/sessions", Nobody, GUARD),
    posted("POST /{lang}/accounts/sessions/{id}", Population, MANAGE, SessionRules),
    page("GET /{lang}/accounts/break-glass", Nobody, GUARD),
    Entry { answer: 200, ..posted("POST /{lang}/accounts/break-glass", Nobody, MANAGE, BreakGlass) },
    page("GET /{lang}/accounts/break-glass/uses/{id}", Used, GUARD),
    posted("POST /{lang}/accounts/break-glass/uses/{id}", Used, GUARD, Found),
    Entry { answer: 200, ..posted("POST /{lang}/accounts/{id}/envelopes", Enveloped, MANAGE, DrawnEnvelope) },
    Entry { answer: 200, ..posted("POST /{lang}/accounts/{id}/envelopes/confirm", Enveloped, GUARD, DrawnEnvelope) },
    posted("POST /{lang}/accounts/{id}/envelopes/revoke", Enveloped, GUARD, Nothing),
    page("GET /{lang}/accounts/{id}", Account, GUARD),
    page("GET /{lang}/accounts/{id}/rights", Account, GUARD),
    Entry { answer: 200, ..posted("POST /{lang}/accounts/{id}/link", Account, MANAGE, SignedProof) },
    Entry { answer: 200, ..posted("POST /{lang}/accounts/{id}/link/confirm", Drawn, GUARD, SignedLink) },
    posted("POST /{lang}/accounts/{id}/link/withdraw", Drawn, MANAGE, DrawnLink),
    page("GET /{lang}/accounts/{id}/state/{to}", Account, GUARD),
    posted("POST /{lang}/accounts/{id}/state/{to}", Account, GUARD, Away),
    posted("POST /{lang}/accounts/{id}/review", Account, MANAGE, Nothing),
    posted("POST /{lang}/accounts/{id}/address", Reached, MANAGE, Address),
    page("GET /{lang}/accounts/{id}/identity", Reached, MANAGE),
    posted("POST /{lang}/accounts/{id}/identity", Reached, MANAGE, Corrected),
    Entry { answer: 200, ..posted("POST /{lang}/accounts/{id}/codes", OfPatient, MANAGE, Handed) },
    posted("POST /{lang}/accounts/{id}/codes/confirm", Printed, GUARD, PrintedSheet),
    posted("POST /{lang}/accounts/{id}/codes/withdraw", Printed, GUARD, PrintedSheet),
    page("GET /{lang}/means", Nobody, ALL),
    posted("POST /{lang}/means/passkeys", Nobody, ALL, Registration),
    Entry { answer: 200, ..posted("POST /{lang}/means/tokens", Nobody, ALL, NewToken) },
    posted("POST /{lang}/means/tokens/{id}/revoke", Token, ALL, Nothing),
    page("GET /{lang}/passkeys", Nobody, MANAGE),
    page("GET /{lang}/passkeys/{id}/vouch", Passkey, MANAGE),
    posted("POST /{lang}/passkeys/{id}/vouch", Passkey, MANAGE, Vouching),
    page("GET /{lang}/passkeys/{id}/revoke", Passkey, MANAGE),
    posted("POST /{lang}/passkeys/{id}/revoke", Passkey, MANAGE, Nothing),
    Entry { query: "?go=1", ..page("GET /{lang}/traces", Nobody, CONTROL) },
    Entry { query: "?format=csv", ..page("GET /{lang}/traces/export", Nobody, CONTROL) },
    page("GET /{lang}/traces/{id}/{number}", Journal, CONTROL),
    posted("POST /{lang}/traces/saved", Nobody, CONTROL, SavedSearch),
    posted("POST /{lang}/traces/saved/{id}/forget", Saved, CONTROL, Nothing),
    page("GET /{lang}/retention", Nobody, CONTROL),
    posted("POST /{lang}/retention", Nobody, CONTROL, LegalHold),
    posted("POST /{lang}/retention/{id}/confirm", Proposal, CONTROL, Nothing),
    posted("POST /{lang}/retention/{id}/withdraw", Proposal, CONTROL, Nothing),
    page("GET /{lang}/rules", Nobody, CONFORM),
    page("GET /{lang}/policies", Nobody, CONFORM),
    page("GET /api/v1/openapi.json", Nobody, ALL),
    program("GET /api/v1/interventions", Nobody, FOLLOW, SEE),
    program("GET /api/v1/interventions/{id}", Open, FOLLOW, SEE),
    Entry { query: "?act=approve", ..program("GET /api/v1/interventions/{id}/terms", Waiting, DECIDE, ACT) },
    act("POST /api/v1/interventions/{id}/approve", Waiting, DECIDE, Json("{}")),
    act("POST /api/v1/interventions/{id}/refuse", Waiting, DECIDE, Json(sends::REASON)),
    act("POST /api/v1/interventions/{id}/extend", Open, DECIDE, Until(120)),
    act("POST /api/v1/interventions/{id}/hold", Open, DECIDE, Until(30)),
    act("POST /api/v1/interventions/{id}/release", Held, DECIDE, Nothing),
    act("POST /api/v1/interventions/{id}/open", Planned, DECIDE, Nothing),
    act("POST /api/v1/interventions/{id}/close", Open, DECIDE, Nothing),
    act("POST /api/v1/interventions/{id}/cut", Open, STOP, Json(sends::REASON)),
    program("GET /api/v1/sessions", Nobody, FOLLOW, WATCH),
    program("GET /api/v1/sessions/{id}", Session, FOLLOW, WATCH),
    Entry { scope: CUT, ..act("POST /api/v1/sessions/{id}/cut", Session, STOP, Json(sends::REASON)) },
    Entry { query: "?channel=1", ..program("GET /api/v1/sessions/{id}/recording", Recorded, STOP, WATCH) },
    program("GET /api/v1/targets", Nobody, FOLLOW, FLEET),
    Entry { answer: 201, scope: REGISTER, ..act("POST /api/v1/targets", Nobody, MANAGE, NewTarget) },
    Entry { answer: 200, scope: REGISTER, ..act("POST /api/v1/targets/terms", Nobody, MANAGE, TargetTerms) },
    program("GET /api/v1/targets/{id}", Equipment, FOLLOW, FLEET),
    program("GET /api/v1/suppliers", Nobody, FOLLOW, FLEET),
    program("GET /api/v1/accounts", Nobody, GUARD, LIVES),
    program("GET /api/v1/accounts/{id}", Account, GUARD, LIVES),
    program("GET /api/v1/traces", Nobody, CONTROL, Some(TokenScope::TracesRead)),
    program("GET /api/v1/traces/counts", Nobody, CONTROL, Some(TokenScope::TracesRead)),
    Entry {
        query: "?format=jsonl",
        ..program("GET /api/v1/traces/export", Nobody, CONTROL, Some(TokenScope::TracesRead))
    },
    program("GET /api/v1/traces/saved", Nobody, CONTROL, Some(TokenScope::TracesRead)),
    program("GET /api/v1/traces/saved/{id}", Saved, CONTROL, Some(TokenScope::TracesRead)),
    program("GET /api/v1/retention", Nobody, CONTROL, Some(TokenScope::TracesRead)),
    program("GET /api/v1/rules", Nobody, CONFORM, Some(TokenScope::RulesRead)),
];

impl Entry {
    pub fn asks(&self) -> Asks {
        let route = ROUTES.iter().find(|route| format!("{} {}", route.method, route.path) == self.line);
        route.unwrap_or_else(|| panic!("{} is no route of the door", self.line)).asks
    }

    pub fn is_read(&self) -> bool {
        self.line.starts_with("GET ")
    }

    /// With this identifier, without what is asked beside.
    pub fn bare(&self, id: &str) -> String {
        self.line
            .replace("{lang}", "fr")
            .replace("{id}", id)
            .replace("{number}", "1")
            .replace("{to}", TO)
            .replace("{token}", NOTHING)
    }

    /// With this identifier.
    pub fn line(&self, id: &str) -> String {
        self.bare(id) + self.query
    }

    /// Who does it in the walks: the person of its first role.
    pub fn owner(&self) -> &'static str {
        self.roles[0].as_str()
    }

    /// Whether it is for this person, what it names being this hospital's and its beneficiary's.
    pub fn is_for(&self, person: &Person) -> bool {
        let answers =
            person.login != "beneficiary.other" || matches!(self.names, Nobody | Equipment | Token | Proposal);
        self.roles.contains(&person.role)
            && (person.place == HERE || matches!(self.names, Nobody | Token | Journal | Proposal))
            && answers
    }

    /// Something new for it to name, and what its owner sends about it, good for once.
    pub async fn made(&self, house: &House, owner: &Visitor) -> (String, String) {
        let id = house.made(self.names).await;
        let body = self.sends.body(house, owner, &id).await;
        (id, body)
    }
}

#[test]
fn the_table_names_every_route_of_the_door() {
    let mut listed: Vec<String> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let mut walked: Vec<String> = TABLE.iter().map(|entry| entry.line.to_owned()).collect();
    listed.sort();
    walked.sort();
    assert_eq!(walked, listed, "what is not here is not walked");
    for entry in TABLE {
        assert_eq!(entry.scope.is_some(), entry.asks() == Asks::Token, "{}", entry.line);
        assert_eq!(entry.names == Names::Nobody, !entry.line.contains("{id}"), "{}", entry.line);
    }
}
