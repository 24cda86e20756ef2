//! Invented accounts.

use super::{AGNES, ME, MIREILLE, NOW, chrome, html, minutes};
use desk::pages::*;
use identity::{AtOnce, Envelope, EnvelopeCode, Population};
use signin::{
    AccountSeen, AccountSheet, Attributes, BreakGlassReview, BreakGlassSeen, BreakGlassUse, EnvelopeWaits,
    EnvelopesSeen, EnvelopesServe, LacksKey, LinkSeen, RightGiven, RightTerms, SheetsSeen,
};
use types::{
    AccountId, AccountState, Door, EnvelopesId, IdentityProof, Lang, LifeReason, LinkId, Role, SessionId, SupplierId,
};

const OTHER: AccountId = AccountId::from_bytes([8; 16]);
const SUPPLIER: SupplierId = SupplierId::from_bytes([2; 16]);

pub fn account(name: &str, role: Role, state: AccountState) -> AccountSeen {
    AccountSeen {
        account: OTHER,
        display_name: name.into(),
        login: name.to_lowercase().replace(' ', "."),
        role,
        supplier: (role == Role::Technician).then_some(SUPPLIER),
        state,
        review_due: (state != AccountState::Closed).then_some(NOW + minutes(300_000)),
        link: None,
        is_break_glass: false,
    }
}

/// A link that `by` drew.
fn link(by: AccountId, waits: bool) -> Option<LinkSeen> {
    let (drawn, expires) = (NOW - minutes(90), NOW + minutes(10_000));
    let (id, mail) = (LinkId::from_bytes([6; 16]), None);
    Some(LinkSeen { id, by: Some(by), drawn, expires, waits, asks_second: !waits, mail, opens: None, signed: false })
}

pub fn sheet(seen: AccountSeen) -> AccountSheet {
    let may_become = AccountState::ALL.iter().copied().filter(|to| identity::may_become(seen.state, *to));
    let (given_name, family_name) = seen.display_name.split_once(' ').unwrap();
    AccountSheet {
        may_become: may_become.collect(),
        attributes: Attributes {
            given_name: given_name.into(),
            family_name: family_name.into(),
            profession: Some("Pharmacien".into()),
            rpps: Some("10001234567".into()),
        },
        proof: Some(IdentityProof::InPerson),
        since: Some(NOW - minutes(5000)),
        reason: (seen.state == AccountState::Suspended).then_some(LifeReason::Absence),
        created: Some(NOW - minutes(50_000)),
        reviewed: Some(NOW - minutes(50_000)),
        last_sign_in: (seen.state == AccountState::Active).then_some(NOW - minutes(200)),
        mail: None,
        right: None,
        sheets: identity::may_have_sheet(seen.role).then(SheetsSeen::default),
        sessions: u32::from(seen.state == AccountState::Active) * 2,
        seen,
    }
}

pub fn account_view(sheet: AccountSheet, manages: bool) -> AccountView {
    let supplier = sheet.seen.supplier.map(|_| "Radiance Imagerie".to_owned());
    let drawn_by = sheet.seen.link.as_ref().map(|_| "Mireille Oudart".to_owned());
    let sheets_by = [(ME, "Odile Marchetti".to_owned()), (OTHER, "Mireille Oudart".to_owned())].into();
    AccountView {
        sheet,
        supplier,
        drawn_by,
        signs: false,
        signers: None,
        sheets_by,
        me: ME,
        manages,
        mails: false,
        delay: signin::RENEWAL_DELAY,
        refusal: None,
    }
}

pub fn rows() -> Vec<AccountSeen> {
    let mut rows = vec![
        account("Hugo Armand", Role::Beneficiary, AccountState::Active),
        account("Inès Delcourt", Role::Technician, AccountState::Suspended),
        account("Agnès Kerviel", Role::SecurityOfficer, AccountState::Invited),
        account("Sacha Lindqvist", Role::OnCall, AccountState::Blocked),
        account("Bastien Roumanoff", Role::Technician, AccountState::Closed),
    ];
    rows[0].review_due = Some(NOW - minutes(10));
    rows[2].link = link(OTHER, true);
    rows
}

/// What an account may do, as the policies say.
pub fn rights(seen: AccountSeen) -> signin::AccountRights {
    let policies = policy::Policies::built_in().unwrap();
    let explainer = policies.explainer().unwrap();
    let who = policy::Supposed {
        account: seen.account,
        role: seen.role,
        establishment: types::EstablishmentId::from_bytes([1; 16]),
        supplier: seen.supplier,
        door: seen.role.door(),
        assurance: identity::Assurance::TwoFactors,
        fresh: true,
        address: None,
        relations: None,
    };
    let (mut may, mut may_not) = (Vec::new(), Vec::new());
    for ask in policy::Ask::all() {
        let ways = explainer.ways(&who, seen.role.doors(), ask, NOW).unwrap();
        let because = Some("Décision du 3 mars.".to_owned());
        let own = policy::Cause { policy: "own".into(), because, signed: None, need: None };
        match ways.is_empty() {
            true => may_not.push((ask, vec![own], vec![Role::TraceController, Role::Dpo])),
            false => may.push((ask, ways)),
        }
    }
    signin::AccountRights { seen, may, may_not }
}

/// A session that envelopes opened, that somebody else looked at or not.
pub fn used(review: Option<&str>) -> BreakGlassUse {
    BreakGlassUse {
        session: SessionId::from_bytes([4; 16]),
        account: OTHER,
        name: "Secours astreinte technique".into(),
        opened: NOW - minutes(35),
        address: Some(super::address("192.0.2.7")),
        device: "Firefox, Linux".into(),
        reason: "Sacha Lindqvist et Odile Marchetti : annuaire muet depuis 2 h, fuite d'hélium à l'IRM.".into(),
        review: review.map(|words| BreakGlassReview { by: ME, at: NOW - minutes(5), words: words.into() }),
    }
}

/// The pages of break-glass accounts.
fn break_glass(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |path: &str| chrome(lang, path, Some(MIREILLE));
    let one = |name: &str, envelopes| {
        let mut account = account(name, Role::OnCall, AccountState::Active);
        account.is_break_glass = true;
        BreakGlassSeen { account, envelopes }
    };
    let serve = |days: u64| {
        let since = NOW - minutes(days * 1440);
        let (renew, until) = (since + signin::RENEW_AFTER, since + signin::ENVELOPES_LIFE);
        let id = EnvelopesId::from_bytes([5; 16]);
        Some(EnvelopesServe { id, by: [ME, OTHER], since, renew, until })
    };
    let waits = |by| {
        let (id, drawn) = (EnvelopesId::from_bytes([6; 16]), NOW - minutes(90));
        Some(EnvelopeWaits { id, by, drawn, expires: drawn + signin::ENVELOPE_WAIT })
    };
    let rows = vec![
        one("Secours astreinte technique", EnvelopesSeen { waits: None, serve: serve(30) }),
        one("Secours biomédical", EnvelopesSeen { waits: waits(OTHER), serve: serve(400) }),
        one("Secours informatique", EnvelopesSeen { waits: waits(ME), serve: None }),
    ];
    let names = [(ME, "Mireille Oudart".to_owned()), (OTHER, "Agnès Kerviel".to_owned())];
    let view = BreakGlassView {
        rows,
        uses: vec![used(None), used(Some("Vanne fermée"))],
        names: names.into(),
        me: ME,
        manages: true,
        decides: true,
        fields: BreakGlassFields { login: "secours".into(), ..BreakGlassFields::default() },
        wrong: vec!["name", "taken", "role"],
        refusal: Some(Refusal::SecondPerson),
    };
    let path = "/accounts/break-glass";
    let mut pages = vec![("break-glass", html(&BreakGlassPage::new(at(path), view.clone())))];
    let empty = BreakGlassView { rows: vec![], uses: vec![], wrong: vec![], refusal: None, manages: false, ..view };
    pages.push(("break-glass-empty", html(&BreakGlassPage::new(chrome(lang, path, Some(AGNES)), empty))));
    for (name, of) in [("envelope-first", Envelope::First), ("envelope-second", Envelope::Second)] {
        let code = EnvelopeCode::draw(&std::array::from_fn(|n| u8::try_from(n * 11).unwrap()));
        let view = EnvelopeView {
            account: OTHER,
            name: "Secours astreinte technique".into(),
            login: "secours-astreinte".into(),
            role: Role::OnCall,
            of,
            code: code.printed(of).expose().clone(),
            id: EnvelopesId::from_bytes([6; 16]),
            drawn: NOW,
            until: NOW + signin::ENVELOPES_LIFE,
        };
        pages.push((name, html(&EnvelopePage::new(at(path), view))));
    }
    let path = "/accounts/break-glass/uses/x";
    for (name, used, refusal) in [
        ("break-glass-use", used(None), Some(Refusal::Words)),
        ("break-glass-reviewed", used(Some("Vanne fermée à 3 h 10, rien d'autre n'a été touché.")), None),
    ] {
        let (reviewed_by, reviews) = (used.review.as_ref().map(|_| "Agnès Kerviel".into()), used.review.is_none());
        let stops = reviews;
        let view = BreakGlassUseView { used, reviewed_by, reviews, stops, words: "ok".into(), refusal };
        pages.push((name, html(&BreakGlassUsePage::new(at(path), view))));
    }
    let mut account = sheet(one("Secours biomédical", EnvelopesSeen::default()).account);
    account.attributes = Attributes::default();
    pages.push(("account-break-glass", html(&AccountPage::new(at("/accounts/x"), account_view(account, true)))));
    pages
}

/// The pages of accounts.
pub fn accounts(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |path: &str| chrome(lang, path, Some(MIREILLE));
    let suppliers = || vec![(SUPPLIER, "Radiance Imagerie".to_owned())];
    let mut pages = Vec::new();
    let view = AccountsView {
        rows: rows(),
        suppliers: suppliers().into_iter().collect(),
        fields: AccountsFields { role: "technician".into(), q: "a".into(), ..AccountsFields::default() },
        more: Some(OTHER),
        is_further: true,
        manages: true,
        readiness: Readiness::Nobody,
    };
    pages.push(("accounts", html(&AccountsList::new(at("/accounts"), view))));
    pages.push(("accounts-empty", html(&AccountsList::new(at("/accounts"), AccountsView::default()))));
    let view = AccountNewView { suppliers: suppliers(), ..AccountNewView::default() };
    pages.push(("account-new", html(&AccountNew::new(at("/accounts/new"), view))));
    let fields = AccountFields {
        given_name: "Camille".into(),
        role: "technician".into(),
        login: "camille.durand".into(),
        proof: "known".into(),
        ..AccountFields::default()
    };
    let all = ["given_name", "family_name", "taken", "role", "supplier", "profession", "rpps", "mail", "proof"];
    let view = AccountNewView { fields, suppliers: suppliers(), wrong: all.to_vec(), mails: true };
    pages.push(("account-new-wrong", html(&AccountNew::new(at("/accounts/new"), view))));
    for (name, unknown, waits) in [("account-link", None, true), ("account-link-path", Some(Door::Portal), false)] {
        let origin = if unknown.is_some() { "" } else { "https://bureau.hopital.example" };
        let view = AccountLinkView {
            account: OTHER,
            name: "Agnès Kerviel".into(),
            login: "agnes.kerviel".into(),
            role: Role::SecurityOfficer,
            address: format!("{origin}/{lang}/link/{}", "a".repeat(43)),
            unknown,
            expires: NOW + minutes(10_000),
            waits,
            mailed: waits,
            opens: waits.then(|| NOW + minutes(1400)),
        };
        pages.push((name, html(&AccountLink::new(at("/accounts/new"), view))));
    }
    for (name, n, reads_policies) in [("rights", 0, true), ("rights-inactive", 1, false)] {
        let view = RightsView { rights: rights(rows().swap_remove(n)), reads_policies };
        pages.push((name, html(&RightsPage::new(at("/accounts"), view))));
    }
    let rules = |idle, longest, mode| identity::SessionRules::new(idle, longest, mode).ok();
    let mut rows: Vec<_> = Population::ALL.iter().map(|one| RuleFields::in_force(*one, None)).collect();
    rows[1] = RuleFields::in_force(Population::Professionals, rules(900, 14_400, AtOnce::Newest));
    let view = SessionRulesView { rows: rows.clone(), decides: true, done: true };
    pages.push(("session-rules", html(&SessionRulesPage::new(at("/accounts/sessions"), view))));
    (rows[0].idle, rows[0].longest, rows[0].wrong) = ("600".into(), "x".into(), Some(WrongRule::Idle));
    (rows[2].idle, rows[2].longest, rows[2].wrong) = ("20".into(), "10".into(), Some(WrongRule::Longest));
    let view = SessionRulesView { rows: rows.clone(), decides: true, done: false };
    pages.push(("session-rules-wrong", html(&SessionRulesPage::new(at("/accounts/sessions"), view))));
    let view = SessionRulesView { rows, decides: false, done: false };
    pages.push(("session-rules-read", html(&SessionRulesPage::new(at("/accounts/sessions"), view))));
    pages.extend(break_glass(lang));
    let view = AccountCodeView { account: OTHER, name: "Agnès Kerviel".into(), code: "7k2m9-qxt0a".into() };
    pages.push(("account-code", html(&AccountCode::new(at("/accounts/x"), view))));
    let active = sheet(account("Hugo Armand", Role::Beneficiary, AccountState::Active));
    let suspended = sheet(account("Inès Delcourt", Role::Technician, AccountState::Suspended));
    let closed = sheet(account("Bastien Roumanoff", Role::Technician, AccountState::Closed));
    let mut own = active.clone();
    own.seen.account = ME;
    let views =
        [("account", active), ("account-suspended", suspended), ("account-closed", closed), ("account-own", own)];
    for (name, sheet) in views {
        let view = AccountView { refusal: Some(Refusal::LastAdministrator), ..account_view(sheet, true) };
        pages.push((name, html(&AccountPage::new(at("/accounts/x"), view))));
    }
    let mut bare = sheet(account("Odile Marchetti", Role::Beneficiary, AccountState::Active));
    bare = AccountSheet { attributes: Attributes::default(), proof: None, since: None, created: None, ..bare };
    bare = AccountSheet { reviewed: None, last_sign_in: None, ..bare };
    bare.seen.review_due = Some(NOW - minutes(10));
    pages.push(("account-bare", html(&AccountPage::new(at("/accounts/x"), account_view(bare, true)))));
    // The form that corrects who somebody is: as it comes, with all that can be wrong, where two people signed the name.
    let of = |role| sheet(account("Inès Delcourt", role, AccountState::Active));
    let wrong = vec!["given_name", "name_of_directory", "profession_missing", "rpps_taken", "firm_proof"];
    for (name, role, wrong) in [
        ("account-identity", Role::OnCall, Vec::new()),
        ("account-identity-wrong", Role::Professional, wrong),
        ("account-identity-signed", Role::Administrator, vec!["name_signed"]),
        ("account-identity-patient", Role::Patient, vec!["proof"]),
    ] {
        let sheet = of(role);
        let fields = CorrectedFields { proof: "employer".into(), ..CorrectedFields::of(&sheet) };
        let view = CorrectingView { sheet, fields, wrong, mails: true };
        pages.push((name, html(&CorrectingPage::new(at("/accounts/x/identity"), view))));
    }
    // Where mail is sent: an address that one person changes, and one that a link changes.
    let mut technician = sheet(account("Inès Delcourt", Role::Technician, AccountState::Active));
    technician.mail = Some("ines.delcourt@radiance.example".into());
    let mut officer = sheet(account("Agnès Kerviel", Role::SecurityOfficer, AccountState::Active));
    officer.seen.link = link(OTHER, true).map(|link| {
        let mail = Some("agnes.kerviel@hopital-de-valombre.example".into());
        LinkSeen { mail, opens: Some(NOW + minutes(1300)), ..link }
    });
    for (name, sheet) in [("account-mail", technician), ("account-mail-waits", officer)] {
        let view = AccountView { mails: true, ..account_view(sheet, true) };
        pages.push((name, html(&AccountPage::new(at("/accounts/x"), view))));
    }
    for (name, by, who, manages) in [("account-drawn", ME, MIREILLE, true), ("account-waits", OTHER, AGNES, false)] {
        let mut seen = account("Agnès Kerviel", Role::SecurityOfficer, AccountState::Invited);
        seen.link = link(by, true);
        let view = account_view(sheet(seen), manages);
        pages.push((name, html(&AccountPage::new(chrome(lang, "/accounts/x", Some(who)), view))));
    }
    pages.extend(signed(lang));
    for (name, from, to) in [
        ("account-state", AccountState::Active, AccountState::Suspended),
        ("account-state-closed", AccountState::Active, AccountState::Closed),
        ("account-state-blocked", AccountState::Active, AccountState::Blocked),
        ("account-state-active", AccountState::Suspended, AccountState::Active),
    ] {
        let view = AccountStateView { seen: account("Hugo Armand", Role::Beneficiary, from), to };
        pages.push((name, html(&AccountStatePage::new(at("/accounts/x/state/suspended"), view))));
    }
    pages
}

/// What two people sign.
pub fn right() -> RightTerms {
    RightTerms {
        establishment: types::EstablishmentId::from_bytes([1; 16]),
        account: OTHER,
        login: "agnes.kerviel".into(),
        name: "Agnès Kerviel".into(),
        role: Role::SecurityOfficer,
        link: LinkId::from_bytes([6; 16]),
        renewal: 1,
        proof: IdentityProof::InPerson,
        mail: Some("agnes.kerviel@hopital-de-valombre.example".into()),
        expires: NOW + minutes(10_000),
    }
}

fn to_sign(right: RightTerms, signing: AccountSigning) -> AccountSignView {
    AccountSignView { right, challenge: super::challenge(), lacks: None, signing }
}

/// A right that gives rights, before each signature, for whoever cannot sign, and on the account's page.
fn signed(lang: Lang) -> Vec<(&'static str, String)> {
    let at = |path| chrome(lang, path, Some(MIREILLE));
    let account_of = OTHER;
    let open = AccountSigning::Open(AccountFields { login: "agnes.kerviel".into(), ..AccountFields::default() });
    let first = RightTerms { renewal: 0, mail: None, ..right() };
    let draw = AccountSigning::Draw { account: account_of, proof: IdentityProof::InPerson, mail: String::new() };
    let link_id = LinkId::from_bytes([6; 16]);
    let confirm = || AccountSigning::Confirm { account: account_of, link: link_id, first: "Mireille Oudart".into() };
    let lacking = |lacks| AccountSignView { lacks: Some(lacks), ..to_sign(right(), confirm()) };
    let views = [
        ("account-sign", to_sign(first, open)),
        ("account-sign-again", to_sign(right(), draw)),
        ("account-sign-second", to_sign(right(), confirm())),
        ("account-sign-none", lacking(LacksKey::None)),
        ("account-sign-unvouched", lacking(LacksKey::Vouch)),
    ];
    let page = |view| html(&AccountSign::new(at("/accounts/x"), view));
    let mut pages: Vec<_> = views.into_iter().map(|(name, view)| (name, page(view))).collect();
    // The account's page: signed once, not signed, and by whose signatures its means were given.
    for (name, by, is_signed) in [("account-signed-once", OTHER, true), ("account-not-signed", OTHER, false)] {
        let mut seen = account("Agnès Kerviel", Role::SecurityOfficer, AccountState::Invited);
        seen.link = link(by, true).map(|link| LinkSeen { signed: is_signed, ..link });
        let view = AccountView { signs: true, ..account_view(sheet(seen), false) };
        let chrome = chrome(lang, "/accounts/x", Some(AGNES));
        pages.push((name, html(&AccountPage::new(chrome, view))));
    }
    let given = |holds| RightGiven::Signed { first: ME, second: OTHER, holds };
    for (name, right) in [
        ("account-right-signed", given(true)),
        ("account-right-broken", given(false)),
        ("account-right-unsigned", RightGiven::Unsigned),
        ("account-right-confirmed", RightGiven::Confirmed),
    ] {
        let mut sheet = sheet(account("Agnès Kerviel", Role::SecurityOfficer, AccountState::Active));
        sheet.right = Some(right);
        let signers = Some(("Mireille Oudart".to_owned(), "Odile Marchetti".to_owned()));
        let signs = right != RightGiven::Confirmed;
        let view = AccountView { signs, signers, ..account_view(sheet, true) };
        pages.push((name, html(&AccountPage::new(at("/accounts/x"), view))));
    }
    pages
}
