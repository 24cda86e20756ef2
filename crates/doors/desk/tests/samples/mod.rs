//! Every page of the desk with invented people, for the tests of the pages and for the gallery.

mod accounts;
mod rows;
mod sheets;

use desk::pages::*;
use dossier::{Behind, SavedSearch, TracePage, TraceRow};
use entrance::pages::{
    EnvelopeProblem, FirstEnvelope, FirstEnvelopeView, SecondEnvelope, SecondEnvelopeView, SignInProblem, Welcome,
    WelcomeView,
};
use interventions::{Alarm, State, Supplier};
use signin::TokenSeen;
use std::time::Duration;
use types::{
    AccountId, ClientAddress, EquipmentId, EstablishmentId, Event, Lang, Role, SearchId, SupplierId, Time, TokenId,
    TokenScope,
};
use web::{
    i18n::Text,
    layout::{Chrome, LastSignIn, SignedIn, prelude::Template},
};

pub use accounts::*;
pub use rows::*;

/// Saturday 21 November 2026, 14:05 in Paris.
pub const NOW: Time = Time::from_micros(1_795_266_300_000_000);
pub const ODILE: (&str, Role) = ("Odile Marchetti", Role::Beneficiary);
pub const SACHA: (&str, Role) = ("Sacha Lindqvist", Role::OnCall);
pub const MIREILLE: (&str, Role) = ("Mireille Oudart", Role::Administrator);
pub const AGNES: (&str, Role) = ("Agnès Kerviel", Role::SecurityOfficer);
pub const TIAGO: (&str, Role) = ("Tiago Ferrand", Role::TraceController);
pub const ME: AccountId = AccountId::from_bytes([1; 16]);

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

fn address(text: &str) -> ClientAddress {
    ClientAddress::new(text.parse().unwrap())
}

pub fn chrome(lang: Lang, path: &str, who: Option<(&str, Role)>) -> Chrome {
    let mut chrome = Chrome {
        lang,
        origin: "https://bureau.hopital.example".to_owned(),
        path_without_lang: path.to_owned(),
        establishment_name: "Centre hospitalier de Valombre".to_owned(),
        support_contact: Some("01 99 00 12 34".to_owned()),
        signed_in: who.map(|(name, role)| SignedIn {
            display_name: name.to_owned(),
            role,
            csrf: "token".to_owned(),
            ends_at: NOW + minutes(30),
            absolute_end: NOW + minutes(120),
            last_sign_in: Some(LastSignIn { at: NOW - minutes(4560), address: address("192.0.2.7") }),
            keep_alive_path: format!("/{lang}/session/keep"),
            is_break_glass: false,
            here_path: None,
        }),
        more_proof: None,
        nav: Vec::new(),
        now: NOW,
    };
    if let Some((_, role)) = who {
        chrome.navigate(nav(role, true, Text::new(lang)));
        chrome.waiting("/interventions", 2);
    }
    chrome
}

fn html(page: &impl Template) -> String {
    page.render().unwrap()
}

/// Every page by name.
pub fn all(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |path: &str, who| chrome(lang, path, Some(who));
    let mut pages = decided(lang);
    let welcome = Welcome::new(chrome(lang, "/", None), desk::greeting(Text::new(lang)), WelcomeView::default());
    pages.push(("welcome", html(&welcome)));
    let silent =
        WelcomeView { directory_silent: true, problem: Some(SignInProblem::Directory), ..WelcomeView::default() };
    let welcome = Welcome::new(chrome(lang, "/", None), desk::greeting(Text::new(lang)), silent);
    pages.push(("welcome-silent", html(&welcome)));
    let stranger = || chrome(lang, "/session/envelopes", None);
    pages.push(("envelopes", html(&FirstEnvelope::new(stranger(), FirstEnvelopeView::default()))));
    let problem = Some(EnvelopeProblem::Slip(identity::EnvelopeSlip::Group(3)));
    let view = FirstEnvelopeView { login: "secours-astreinte".into(), problem };
    pages.push(("envelopes-slip", html(&FirstEnvelope::new(stranger(), view))));
    let view = SecondEnvelopeView { ceremony: "sealed".into(), ..SecondEnvelopeView::default() };
    pages.push(("envelopes-second", html(&SecondEnvelope::new(stranger(), view))));
    let (reason, problem) = ("Fuite".into(), Some(EnvelopeProblem::Reason));
    let view = SecondEnvelopeView { ceremony: "sealed".into(), reason, problem };
    pages.push(("envelopes-second-wrong", html(&SecondEnvelope::new(stranger(), view))));
    let mut night = chrome(lang, "/", Some(("Secours astreinte technique", Role::OnCall)));
    if let Some(who) = &mut night.signed_in {
        who.is_break_glass = true;
    }
    pages.push(("home-break-glass", html(&Home::new(night, Role::OnCall, home(Role::OnCall)))));
    let outside = HomeView { elsewhere: true, ..home(Role::Administrator) };
    pages.push(("home-administered-apart", html(&Home::new(at("/", MIREILLE), MIREILLE.1, outside))));
    for (name, who) in [
        ("home-beneficiary", ODILE),
        ("home-on-call", SACHA),
        ("home-administrator", MIREILLE),
        ("home-officer", AGNES),
        ("home-traces", TIAGO),
    ] {
        pages.push((name, html(&Home::new(at("/", who), who.1, home(who.1)))));
    }
    let own = MeansView {
        stale: false,
        passkeys: vec![passkey("Téléphone", true), passkey("Clé du bureau", false)],
        tokens: vec![TokenSeen {
            id: TokenId::from_bytes([5; 16]),
            label: "Supervision".into(),
            scopes: [TokenScope::InterventionsRead, TokenScope::SessionsRead].into(),
            issued: NOW - minutes(9000),
            expires: NOW + minutes(90_000),
            sources: vec!["192.0.2.0/24".parse().unwrap()],
            last_used: Some(NOW - minutes(75)),
        }],
        enrolling: Some(Enrolling {
            challenge: "Zm9v".into(),
            rp: "bureau.hopital.example".into(),
            user: "YWE".into(),
            exclude: String::new(),
        }),
        scopes: vec![TokenScope::InterventionsRead, TokenScope::SessionsCut],
        issued: None,
        refusal: Some(Refusal::Lost),
    };
    pages.push(("means", html(&Means::new(at("/means", ODILE), own))));
    let issued = MeansView { issued: Some("pot_aaaaaaaaaaaaaaaa0123456789abcdef".into()), ..MeansView::default() };
    pages.push(("token", html(&Means::new(at("/means", ODILE), issued))));
    let rows = vec![
        enrolled("Odile Marchetti", Role::Beneficiary, 8, false),
        enrolled("Mireille Oudart", Role::Administrator, 1, false),
        enrolled("Hugo Armand", Role::Beneficiary, 9, true),
    ];
    let one = rows[0].clone();
    let view = PasskeysView { rows, me: ME, refusal: None };
    pages.push(("passkeys", html(&Passkeys::new(at("/passkeys", MIREILLE), view))));
    let view = PasskeyView { one: one.clone(), vouch: Some(challenge()) };
    pages.push(("vouch", html(&Passkey::new(at("/passkeys/x/vouch", MIREILLE), view))));
    let view = PasskeyView { one, vouch: None };
    pages.push(("revoke", html(&Passkey::new(at("/passkeys/x/revoke", MIREILLE), view))));
    pages.extend(kept(lang));
    pages.extend(accounts(lang));
    pages.extend(sheets::sheets(lang));
    for (name, refused) in [("enrol", None), ("enrol-again", Some(desk::EnrolRefused::Code))] {
        let view = EnrolView {
            token: "a".repeat(40),
            challenge: "Zm9v".into(),
            rp: "bureau.hopital.example".into(),
            user: "YWE".into(),
            totp_secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into(),
            typed: ("mireille.oudart".into(), "Mireille Oudart".into()),
            refused,
        };
        pages.push((name, html(&Enrol::new(chrome(lang, "/enrol/x", None), view))));
    }
    pages.push(("enrolled", html(&Enrolled::new(chrome(lang, "/", None)))));
    pages
}

/// The pages of interventions and sessions.
fn decided(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |path: &str, who| chrome(lang, path, Some(who));
    let mut pages = Vec::new();
    let view = InterventionsView {
        rows: State::ALL.iter().map(|state| intervention(*state)).collect(),
        state: None,
        query: "scanner".into(),
        next: Some("1-a".into()),
        is_further: true,
    };
    pages.push(("interventions", html(&InterventionsList::new(at("/interventions", ODILE), view))));
    for (name, state, who) in [
        ("intervention-waiting", State::Waiting, ODILE),
        ("intervention-open", State::Open, ODILE),
        ("intervention-on-call", State::Open, SACHA),
    ] {
        let view = intervention_view(state, who);
        pages.push((name, html(&InterventionPage::new(at("/interventions/x", who), view))));
    }
    let mut held = intervention_view(State::Open, ODILE);
    held.one.hold_until = Some(NOW + minutes(85));
    held.acts = Acts::of(&held.one, (Role::Beneficiary, ME), NOW);
    held.refusal = Some(Refusal::Conflict);
    pages.push(("intervention-held", html(&InterventionPage::new(at("/interventions/x", ODILE), held))));
    let mut bare = intervention_view(State::Waiting, ODILE);
    bare.approval = Some(Challenge::default());
    pages.push(("intervention-no-passkey", html(&InterventionPage::new(at("/interventions/x", ODILE), bare))));
    for (name, signing) in [("extend", Signing::Extend), ("hold", Signing::Hold)] {
        let view =
            SignView { one: intervention(State::Open), signing, until: NOW + minutes(145), challenge: challenge() };
        pages.push((name, html(&Sign::new(at("/interventions/x/extend", ODILE), view))));
    }
    let cutting = Cutting::new(at("/", SACHA), "scanner-2, Radiance".into(), "/fr/a/cut".into(), "/fr/a".into());
    pages.push(("cut", html(&cutting)));
    let rows = vec![session(true), session(false)];
    let view = SessionsView { rows, live: false, next: None, is_further: false };
    pages.push(("sessions", html(&SessionsList::new(at("/sessions", SACHA), view))));
    for (name, live) in [("session-live", true), ("session-over", false)] {
        let mut one = session(live);
        if live {
            one.overrun = true;
            one.alarms = vec![Alarm { at: NOW - minutes(1), text: "the recording spools to the reserve".into() }];
        }
        let view = SessionView { one, cuts: true, watches: true, replays: true, held: live };
        pages.push((name, html(&SessionPage::new(at("/sessions/x", SACHA), view))));
    }
    let view = ReplayView { one: session(false), channel: 1 };
    pages.push(("replay", html(&Replay::new(at("/sessions/x/channels/1", SACHA), view))));
    pages
}

/// The pages of equipment, traces and rules.
fn kept(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |path: &str, who| chrome(lang, path, Some(who));
    let mut pages = Vec::new();
    let view = EquipmentListView { rows: vec![equipment(true), equipment(false)], registers: true };
    pages.push(("equipment", html(&EquipmentList::new(at("/equipment", MIREILLE), view))));
    let view = EquipmentView { one: equipment(false), beneficiaries: vec!["Odile Marchetti".into()], registers: true };
    pages.push(("equipment-sheet", html(&EquipmentSheet::new(at("/equipment/x", MIREILLE), view))));
    let people = vec![(ME, "Odile Marchetti".to_owned()), (AccountId::from_bytes([9; 16]), "Hugo Armand".to_owned())];
    let id = Some(EquipmentId::from_bytes([3; 16]));
    let view = EquipmentFormView { id, fields: fields(), people, refusal: Some(Refusal::Invalid) };
    pages.push(("equipment-form", html(&EquipmentForm::new(at("/equipment/change", MIREILLE), view))));
    let view = EquipmentSignView {
        id: EquipmentId::from_bytes([3; 16]),
        fields: fields(),
        beneficiaries: vec!["Odile Marchetti".into()],
        keeps_secret: true,
        challenge: challenge(),
    };
    pages.push(("equipment-sign", html(&EquipmentSign::new(at("/equipment/change", MIREILLE), view))));
    let supplier = Supplier {
        id: SupplierId::from_bytes([2; 16]),
        establishment: EstablishmentId::from_bytes([1; 16]),
        name: "Radiance Imagerie".into(),
    };
    let view = SuppliersView { rows: vec![supplier], registers: true, refusal: None };
    pages.push(("suppliers", html(&Suppliers::new(at("/suppliers", MIREILLE), view))));
    pages.extend(searched(lang));
    pages.push(("retention", html(&Retention::new(at("/retention", TIAGO), retention()))));
    pages.push(("rules", html(&Rules::new(at("/rules", MIREILLE), rules(lang)))));
    let own = "@id(\"pas-de-relecture-la-nuit\") @because(\"Décision du 3 mars.\")
        forbid (principal is Account, action == Action::\"replay\", resource);";
    for (name, files) in [("policies", vec![]), ("policies-own", vec![("own.cedar".to_owned(), own.to_owned())])] {
        let policies = policy::Policies::with_own(files).expect("they can be used").read(NOW);
        pages.push((name, html(&PoliciesPage::new(at("/policies", MIREILLE), PoliciesView { policies }))));
    }
    let policies = permitting().read(NOW);
    pages.push(("policies-permits", html(&PoliciesPage::new(at("/policies", MIREILLE), PoliciesView { policies }))));
    pages
}

/// Permits of the establishment's own: one that lasts, one that ends soon, one that has ended.
fn permitting() -> policy::Policies {
    let here = EstablishmentId::from_bytes([1; 16]);
    let permit = |id: &str, until: &str| {
        format!(
            "@id(\"{id}\") @because(\"Décision du 3 mars.\") @until(\"{until}\")
             permit (principal is Account, action == Action::\"see_interventions\", resource is Establishment)
             when {{ principal.establishment == Establishment::\"{here}\" && principal.role == \"dpo\" &&
                     context.door == \"desk\" && principal.assurance >= 2 }};"
        )
    };
    let text = [("dpd-suit", "2027-06-30"), ("dpd-bientot", "2026-12-01"), ("dpd-avant", "2026-11-20")]
        .map(|(id, until)| permit(id, until))
        .concat();
    let signature = |signer: &str| policy::Signature {
        signer: signer.into(),
        key: format!("ssh-ed25519 {signer}"),
        name: format!("dpd.cedar.{signer}.sig"),
        text: String::new(),
    };
    let signatures = vec![signature("m-roussel"), signature("j-petit")];
    let file = policy::SignedFile { name: "dpd.cedar".into(), text, signatures };
    let policies = policy::Policies::built_in().and_then(|all| all.permitting(vec![file], &[here], NOW));
    policies.expect("they can be used")
}

/// The pages of the search of traces.
fn searched(lang: Lang) -> Vec<(&'static str, String)> {
    use journal::{Kind, Outcome};
    let at = |path: &str| chrome(lang, path, Some(TIAGO));
    let mut pages = vec![("traces-form", html(&Traces::new(at("/traces"), TracesView::default())))];
    let read = TraceRow {
        patients: vec!["cccccccccccccccccccccccccc".into()],
        objects: vec!["document/dddddddddddddddddddddddddd".into()],
        target: None,
        detail: Some("visionneuse \u{202e}gpj".into()),
        purpose: Some("care".into()),
        ..trace(5, Event::DocumentOpened, Some(Outcome::Done), Kind::Released)
    };
    let found = TracePage {
        rows: vec![
            trace(1, Event::InterventionApproved, Some(Outcome::Done), Kind::Intent),
            trace(2, Event::Refused, Some(Outcome::Refused), Kind::Refusal),
            trace(3, Event::SignIn, Some(Outcome::Refused), Kind::Intent),
            trace(4, Event::NodeStarted, Some(Outcome::Done), Kind::Note),
            read.clone(),
        ],
        next: Some(read.cursor()),
        cut_short: true,
        unreadable: 2,
        behind: vec![
            Behind {
                origin: "portail-dmz".into(),
                until: Some(Time::from_micros(1_795_262_400_000_000)),
                alarm: false,
            },
            Behind { origin: "relais-dmz".into(), until: None, alarm: true },
        ],
    };
    let fields = TraceFields {
        event: "record".into(),
        period: "30d".into(),
        outcome: "shown".into(),
        q: "<b>".into(),
        ..TraceFields::default()
    };
    let before = Some(trace(0, Event::SignIn, None, Kind::Note).cursor());
    let own = Some(EstablishmentId::from_bytes([1; 16]));
    let saved = |n: u8, name: &str| SavedSearch {
        id: SearchId::from_bytes([n; 16]),
        name: name.into(),
        query: "go=1&type=access&period=month".into(),
    };
    let saved = vec![saved(1, "Refus du mois"), saved(2, "<i>Nuit</i>")];
    let view = TracesView {
        fields,
        own,
        found: Some(found),
        counts: Some(counted()),
        before,
        saved,
        refusal: Some(Refusal::Full),
        ..TracesView::default()
    };
    pages.push(("traces", html(&Traces::new(at("/traces?go=1"), view))));
    let view = TracesView { found: Some(TracePage::default()), ..TracesView::default() };
    pages.push(("traces-empty", html(&Traces::new(at("/traces?go=1"), view))));
    let fields = TraceFields { patient: "Durand".into(), since: "2026-11-21T10:00".into(), ..TraceFields::default() };
    let wrong = vec![Wrong::Patient, Wrong::Order];
    let view = TracesView { fields, wrong, ..TracesView::default() };
    pages.push(("traces-unclear", html(&Traces::new(at("/traces?go=1"), view))));
    let view = TracesView { not_searched: Some(NotSearched::Busy), ..TracesView::default() };
    pages.push(("traces-busy", html(&Traces::new(at("/traces?go=1"), view))));
    let view = TracesView { not_searched: Some(NotSearched::Preparing(42)), ..TracesView::default() };
    pages.push(("traces-preparing", html(&Traces::new(at("/traces?go=1"), view))));
    pages.push(("trace", html(&TraceSheet::new(at("/traces/node/5"), TraceSheetView { row: read }))));
    pages
}

/// A year of traces, a proposal of one's own, another's, a hold.
fn retention() -> RetentionView {
    use journal::retention::{
        Book, Change, FamilyMonth, Keeping, KeptBy, Month, Prospect, Sealed, Standing, Statement,
    };
    let (day, me, other) = (Duration::from_secs(86_400), [1; 16], [2; 16]);
    let first: Month = "2025-11".parse().unwrap();
    let mut book = Book::default();
    let hold = Change::Hold { family: Some(types::Family::Health), from: first, to: first.plus(2) };
    let shorter = Change::Retention { family: types::Family::Interventions, months: 36 };
    let longer = Change::Retention { family: types::Family::Access, months: 24 };
    for (id, by, change) in
        [(1, me, hold), (2, me, shorter), (3, me, longer), (4, other, Change::Lift { hold: [1; 16] })]
    {
        book.read(&Statement::Proposed { id: [id; 16], by, change }.encode(), NOW - day * 2);
        if id < 3 {
            book.read(&Statement::Confirmed { id: [id; 16], by: other }.encode(), NOW - day);
        }
    }
    book.read(&Statement::Proposed { id: [4; 16], by: other, change: Change::Lift { hold: [1; 16] } }.encode(), NOW);
    let month = |family: types::Family, n: u16| FamilyMonth {
        pair: format!("{family}-{}", first.plus(n)),
        family,
        month: first.plus(n),
        sealed: vec![Sealed { origin: "node".into(), first: 0, last: 9, count: 10 }],
        months: 12,
        term: first.plus(n + 13).start(),
        standing: [Standing::Destroyed, Standing::Held, Standing::Unproven, Standing::Due, Standing::Kept]
            [usize::from(n.min(4))],
    };
    let all = types::Family::ALL.iter().skip(1);
    let months = all.flat_map(|family| (0..12).map(move |n| month(*family, n))).collect();
    let reasons = [(1, "Enquête en cours"), (3, "Audit annuel"), (4, "L’enquête est close")];
    let reasons = reasons.into_iter().map(|(id, reason)| ([id; 16], reason.to_owned())).collect();
    let extras = [types::Extra::Calls].into_iter().collect();
    let minimum = Prospect { present: 51_200, since: Some(first), next: 51_200, kept_by: KeptBy::Hold(first) };
    let keeping = Keeping { at: NOW, book, extras, months, minimum, clock_moved: true, unread: true, reasons };
    RetentionView { keeping, me, refusal: Some(Refusal::SamePerson) }
}
