//! What an account may do and why, and the policies that say so.

use identity::Assurance;
use policy::{Ask, Cause, MatterAct, Need, OverseeAct, PolicyText, Signed, Way};
use signin::AccountRights;
use types::{AccountState, Door, Role};
use web::{layout::prelude::*, when::Dated};

/// A permit of the establishment's own that ends sooner is to be looked at.
const SOON_DAYS: u64 = 30;

/// What an account's rights show.
#[derive(Debug, Clone)]
pub struct RightsView {
    /// Whose, and what.
    pub rights: AccountRights,
    /// Whether the reader may open the page of policies.
    pub reads_policies: bool,
}

/// `GET /{lang}/accounts/{id}/rights`.
#[derive(Debug, Template)]
#[template(path = "rights.html")]
pub struct RightsPage {
    chrome: Chrome,
    t: Text,
    view: RightsView,
}

/// A way to an act, in words; the same at several doors is told once.
struct Told {
    doors: Vec<&'static str>,
    asks: Vec<&'static str>,
    condition: Option<String>,
}

/// A group's word and title, and its acts.
type Grouped<'a> = (&'static str, &'static str, Vec<&'a (Ask, Vec<Way>)>);

/// Acts that are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Records,
    Own,
    Interventions,
    House,
}

impl Group {
    const ALL: [Group; 4] = [Group::Records, Group::Own, Group::Interventions, Group::House];

    fn of(ask: Ask) -> Self {
        match ask {
            Ask::SeePeople | Ask::SeePerson | Ask::SeeSightings | Ask::ReadObject => Group::Records,
            Ask::KeepSession | Ask::KeepMeans | Ask::AddMeans | Ask::ApproveSsh => Group::Own,
            Ask::SeeInterventions | Ask::SeeIntervention | Ask::Matter(_) => Group::Interventions,
            Ask::Oversee(_) => Group::House,
        }
    }
}

impl RightsPage {
    /// The page.
    pub fn new(chrome: Chrome, view: RightsView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    fn role(&self) -> &'static str {
        self.t.role(self.view.rights.seen.role)
    }

    fn is_active(&self) -> bool {
        self.view.rights.seen.state == AccountState::Active
    }

    fn groups(&self) -> Vec<Grouped<'_>> {
        let of = |group: Group| self.view.rights.may.iter().filter(move |(ask, _)| Group::of(*ask) == group).collect();
        let named = Group::ALL.into_iter().map(|group| -> Grouped<'_> {
            let (word, title) = match group {
                Group::Records => ("records", self.t.desk_rights_group_records()),
                Group::Own => ("own", self.t.desk_rights_group_own()),
                Group::Interventions => ("interventions", self.t.desk_rights_group_interventions()),
                Group::House => ("house", self.t.desk_rights_group_house()),
            };
            (word, title, of(group))
        });
        named.filter(|(_, _, acts)| !acts.is_empty()).collect()
    }

    fn act(&self, ask: &Ask) -> &'static str {
        act(self.t, *ask)
    }

    fn ways(&self, ways: &[Way]) -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for way in ways.iter().map(|way| self.told(way)) {
            match told.iter_mut().find(|one| one.asks == way.asks && one.condition == way.condition) {
                Some(same) => same.doors.extend(way.doors),
                None => told.push(way),
            }
        }
        told
    }

    /// Who signed a permit of the establishment's own, and until when it permits.
    fn signed(&self, signed: &Signed) -> String {
        let day = Dated::read(&signed.last_day).day(self.chrome.lang);
        self.t.desk_rights_signed(signed.by.join(", "), day)
    }

    /// By which policies, each once.
    fn causes<'a>(&self, ways: &'a [Way]) -> Vec<&'a Cause> {
        let mut all: Vec<&Cause> = Vec::new();
        for way in ways {
            // Poterne's guards are told by what they need; the establishment's own by name too.
            let own = way.explanation.forbids.iter().filter(|cause| cause.because.is_some());
            for cause in way.explanation.permits.iter().chain(own) {
                if all.iter().all(|one| one.policy != cause.policy) {
                    all.push(cause);
                }
            }
        }
        all
    }

    fn told(&self, way: &Way) -> Told {
        let t = self.t;
        let mut asks = vec![match way.assurance {
            Assurance::System | Assurance::Token | Assurance::Envelopes => t.desk_rights_token(),
            Assurance::TwoFactors => t.desk_rights_two_factors(),
            Assurance::Passkey => t.desk_rights_passkey(),
        }];
        if way.fresh {
            asks.push(t.desk_rights_fresh());
        }
        Told {
            doors: vec![door(t, way.door)],
            asks,
            condition: way.explanation.need().map(|need| t.desk_rights_where(words(t, &need))),
        }
    }

    fn roles(&self, roles: &[Role]) -> String {
        let words: Vec<&str> = roles.iter().map(|role| self.t.role(*role)).collect();
        if words.is_empty() { self.t.desk_rights_nobody().to_owned() } else { words.join(", ") }
    }

    fn path(&self, rest: &str) -> String {
        self.chrome.url(&format!("/accounts/{}{rest}", self.view.rights.seen.account))
    }
}

fn door(t: Text, door: Door) -> &'static str {
    match door {
        Door::Portal => t.desk_rights_door_portal(),
        Door::Suppliers => t.desk_rights_door_suppliers(),
        Door::Desk => t.desk_rights_door_desk(),
        Door::Relays => t.desk_rights_door_relays(),
        Door::Publish => t.desk_rights_door_publish(),
        Door::Psc => t.desk_rights_door_psc(),
    }
}

fn act(t: Text, ask: Ask) -> &'static str {
    match ask {
        Ask::SeePeople => t.desk_rights_act_of_see_people(),
        Ask::SeePerson => t.desk_rights_act_of_see_person(),
        Ask::SeeSightings => t.desk_rights_act_of_see_sightings(),
        Ask::ReadObject => t.desk_rights_act_of_read_object(),
        Ask::KeepSession => t.desk_rights_act_of_keep_session(),
        Ask::KeepMeans => t.desk_rights_act_of_keep_means(),
        Ask::AddMeans => t.desk_rights_act_of_add_means(),
        Ask::ApproveSsh => t.desk_rights_act_of_approve_ssh(),
        Ask::SeeInterventions => t.desk_rights_act_of_see_interventions(),
        Ask::SeeIntervention => t.desk_rights_act_of_see_intervention(),
        Ask::Matter(act) => matter(t, act),
        Ask::Oversee(act) => oversee(t, act),
    }
}

fn matter(t: Text, act: MatterAct) -> &'static str {
    match act {
        MatterAct::Request => t.desk_rights_act_of_request(),
        MatterAct::Withdraw => t.desk_rights_act_of_withdraw(),
        MatterAct::Approve => t.desk_rights_act_of_approve(),
        MatterAct::Refuse => t.desk_rights_act_of_refuse(),
        MatterAct::Open => t.desk_rights_act_of_open(),
        MatterAct::Extend => t.desk_rights_act_of_extend(),
        MatterAct::Hold => t.desk_rights_act_of_hold(),
        MatterAct::Close => t.desk_rights_act_of_close(),
        MatterAct::Cut => t.desk_rights_act_of_cut(),
        MatterAct::OpenRelay => t.desk_rights_act_of_open_relay(),
        MatterAct::Watch => t.desk_rights_act_of_watch(),
        MatterAct::Replay => t.desk_rights_act_of_replay(),
    }
}

fn oversee(t: Text, act: OverseeAct) -> &'static str {
    match act {
        OverseeAct::SeeEquipment => t.desk_rights_act_of_see_equipment(),
        OverseeAct::ManageEquipment => t.desk_rights_act_of_manage_equipment(),
        OverseeAct::ManageMeans => t.desk_rights_act_of_manage_means(),
        OverseeAct::SeeAccounts => t.desk_rights_act_of_see_accounts(),
        OverseeAct::ManageAccounts => t.desk_rights_act_of_manage_accounts(),
        OverseeAct::GiveAccounts => t.desk_rights_act_of_give_accounts(),
        OverseeAct::SuspendAccounts => t.desk_rights_act_of_suspend_accounts(),
        OverseeAct::ConfirmAccounts => t.desk_rights_act_of_confirm_accounts(),
        OverseeAct::SetSessions => t.desk_rights_act_of_set_sessions(),
        OverseeAct::SearchTraces => t.desk_rights_act_of_search_traces(),
        OverseeAct::SeeRetention => t.desk_rights_act_of_see_retention(),
        OverseeAct::SetRetention => t.desk_rights_act_of_set_retention(),
        OverseeAct::SeeRules => t.desk_rights_act_of_see_rules(),
    }
}

/// A condition of Poterne's policies in the reader's words; one of the hospital's own stays as it is written.
fn phrase(t: Text, text: &str) -> Option<&'static str> {
    Some(match text {
        "resource.establishment == principal.establishment"
        | "resource.patient.establishment == principal.establishment" => t.desk_rights_condition_here(),
        "principal.own.contains(resource)" | "principal.own.contains(resource.patient)" => {
            t.desk_rights_condition_own_record()
        }
        "principal.mandated_results.contains(resource)" | "principal.mandated_results.contains(resource.patient)" => {
            t.desk_rights_condition_mandate_results()
        }
        "principal.mandated_documents.contains(resource)"
        | "principal.mandated_documents.contains(resource.patient)" => t.desk_rights_condition_mandate_documents(),
        "principal.in_care.contains(resource)" | "principal.in_care.contains(resource.patient)" => {
            t.desk_rights_condition_in_care()
        }
        "resource.held" => t.desk_rights_condition_held(),
        "resource.category == \"document\"" => t.desk_rights_condition_is_document(),
        "resource.category == \"result\"" => t.desk_rights_condition_is_result(),
        "resource.supplier == principal.supplier" => t.desk_rights_condition_own_supplier(),
        "resource.technicians.contains(principal)" => t.desk_rights_condition_technician(),
        "resource.beneficiaries.contains(principal)" => t.desk_rights_condition_beneficiary(),
        _ => return None,
    })
}

/// A need as a sentence's part; said twice, it is told once.
fn words(t: Text, need: &Need) -> String {
    let joined = |all: &[Need], both: &dyn Fn(String, String) -> String, inner: fn(&Need) -> bool| {
        let mut told: Vec<String> = Vec::new();
        for one in all {
            let text = if inner(one) { format!("({})", words(t, one)) } else { words(t, one) };
            if !told.contains(&text) {
                told.push(text);
            }
        }
        told.into_iter().reduce(both).unwrap_or_default()
    };
    let told = |text: &String| phrase(t, text).map_or_else(|| format!("« {text} »"), str::to_owned);
    match need {
        Need::All(all) => joined(all, &|left, right| t.desk_rights_and(left, right), |one| matches!(one, Need::Any(_))),
        Need::Any(any) => joined(any, &|left, right| t.desk_rights_or(left, right), |one| matches!(one, Need::All(_))),
        Need::Is(text) => told(text),
        Need::Not(text) if text == "resource.held" => t.desk_rights_condition_not_held().to_owned(),
        Need::Not(text) => t.desk_rights_not(told(text)),
    }
}

/// What the page of policies shows.
#[derive(Debug, Clone, Default)]
pub struct PoliciesView {
    /// All of them, the establishment's own first.
    pub policies: Vec<PolicyText>,
}

/// `GET /{lang}/policies`.
#[derive(Debug, Template)]
#[template(path = "policies.html")]
pub struct PoliciesPage {
    chrome: Chrome,
    t: Text,
    view: PoliciesView,
}

impl PoliciesPage {
    /// The page.
    pub fn new(chrome: Chrome, view: PoliciesView) -> Self {
        Self { t: chrome.text(), chrome, view }
    }

    /// The establishment's own, then Poterne's.
    fn parts(&self) -> [(&'static str, &'static str, Vec<&PolicyText>); 2] {
        let (own, ours) = self.view.policies.iter().partition(|one| one.because.is_some());
        [("own", self.t.desk_policies_own(), own), ("ours", self.t.desk_policies_ours(), ours)]
    }

    /// Until when a permit of the establishment's own permits, or did.
    fn until(&self, signed: &Signed) -> String {
        let day = Dated::read(&signed.last_day).day(self.chrome.lang);
        match signed.days_left {
            Some(_) => self.t.desk_policies_until(day),
            None => self.t.desk_policies_ended(day),
        }
    }

    fn ends_soon(&self, signed: &Signed) -> bool {
        signed.days_left.is_none_or(|days| days < SOON_DAYS)
    }

    /// What there is to do about its end.
    fn left(&self, signed: &Signed) -> String {
        match signed.days_left {
            Some(days) => self.t.desk_policies_days_left(days),
            None => self.t.desk_policies_over().to_owned(),
        }
    }

    fn count(&self, policies: &[&PolicyText]) -> String {
        self.t.desk_policies_count(u64::try_from(policies.len()).unwrap_or(u64::MAX))
    }
}
