//! Every page of the portal with invented people, for the tests of the pages and for the gallery.

use entrance::{FactorView, pages::*};
use identity::{Because, TotpSecret, WeakPassword};
use portal::{greeting, pages::*};
use signin::{OtherSession, OwnLink, OwnSession, PasskeySeen, PastSignIn, Puzzle, SheetSeen, SheetsSeen};
use std::time::Duration;
use types::{
    AccountId, Category, ClientAddress, Confidentiality, Event, Lang, LinkId, ObjectId, PatientId, Role, SessionId,
    Time,
};
use web::{
    i18n::Text,
    layout::{Chrome, ErrorKind, ErrorPage, LastSignIn, SignedIn, prelude::Template},
    reference::Reference,
    when::Dated,
};

/// Saturday 21 November 2026, 14:05 in Paris.
pub const NOW: Time = Time::from_micros(1_795_266_300_000_000);

fn ago(hours: u64) -> Time {
    NOW - Duration::from_secs(hours * 3600)
}

fn address(text: &str) -> ClientAddress {
    ClientAddress::new(text.parse().unwrap())
}

pub fn patient() -> PatientId {
    PatientId::from_bytes([7; 16])
}

pub fn chrome(lang: Lang, path: &str, who: Option<(&str, Role)>) -> Chrome {
    Chrome {
        lang,
        origin: "https://portail.hopital.example".to_owned(),
        path_without_lang: path.to_owned(),
        establishment_name: "Centre hospitalier de Valombre".to_owned(),
        support_contact: Some("01 99 00 12 34".to_owned()),
        signed_in: who.map(|(name, role)| SignedIn {
            display_name: name.to_owned(),
            role,
            csrf: "token".to_owned(),
            ends_at: NOW + Duration::from_secs(1800),
            absolute_end: NOW + Duration::from_secs(7200),
            last_sign_in: Some(LastSignIn { at: ago(76), address: address("192.0.2.7") }),
            keep_alive_path: format!("/{lang}/session/keep"),
            is_break_glass: false,
            here_path: None,
        }),
        more_proof: None,
        nav: Vec::new(),
        now: NOW,
    }
}

const CAMILLE: Option<(&str, Role)> = Some(("Camille Aubrelle", Role::Patient));
const NOE: Option<(&str, Role)> = Some(("Noé Aubrelle-Vannier", Role::Relative));
const INES: Option<(&str, Role)> = Some(("Dr Inès Kerouen", Role::Professional));

pub fn banner() -> PatientBanner {
    PatientBanner { patient: patient(), name: "Camille Aubrelle".to_owned(), birth_date: "1957-03-01".to_owned() }
}

fn object(text: &str) -> ObjectId {
    text.parse().unwrap()
}

fn sightings(by_others: bool) -> SightingsKnown {
    let row = |hours, event, (account, name, role): (u8, Option<&str>, Role)| SightingRow {
        at: ago(hours),
        event: Some(event),
        account: Some(AccountId::from_bytes([account; 16])),
        role: Some(role),
        name: name.map(str::to_owned),
        is_own: account == 1,
    };
    let (me, ines) = ((1, Some("Camille Aubrelle"), Role::Patient), (2, Some("Dr Inès Kerouen"), Role::Professional));
    let mut rows =
        vec![row(1, Event::RecordRead, me), row(2, Event::ResultRead, ines), row(3, Event::RecordRead, ines)];
    rows.push(row(90, Event::DocumentOpened, (3, Some("Noé Aubrelle-Vannier"), Role::Relative)));
    rows.push(row(900, Event::DocumentRead, (4, None, Role::Professional)));
    rows.retain(|row| by_others || row.is_own);
    SightingsKnown { at: NOW, rows, has_more: false, is_whole: true }
}

fn results(held: bool) -> Vec<ResultRow> {
    let row = |id: &str, title: &str, hours, kind, source: &str| ResultRow {
        id: object(id),
        title: title.to_owned(),
        date: Dated::Moment(ago(hours)),
        kind,
        source: source.to_owned(),
        confidentiality: Confidentiality::Normal,
    };
    let mut rows = vec![
        row("r1", "Numération formule sanguine", 5, ResultKind::Laboratory, "Laboratoire de biologie"),
        row("r2", "Bilan lipidique", 50, ResultKind::Laboratory, "Laboratoire de biologie"),
        row("r3", "Radiographie du thorax, face et profil", 400, ResultKind::Imaging, "Imagerie médicale"),
        row("r4", "Électrocardiogramme", 3000, ResultKind::Other, "Cardiologie"),
    ];
    if held {
        let mut row = row("r0", "Anatomopathologie, biopsie", 2, ResultKind::Other, "Anatomie pathologique");
        row.confidentiality = Confidentiality::Held;
        rows.insert(0, row);
    }
    rows
}

fn documents() -> Vec<DocumentRow> {
    let row = |id: &str, title: &str, date: Dated, kind: &str, author: &str| DocumentRow {
        id: object(id),
        title: title.to_owned(),
        date,
        kind: kind.to_owned(),
        author: author.to_owned(),
        confidentiality: Confidentiality::Normal,
    };
    let letter = Dated::Moment(ago(30));
    vec![
        row("d1", "Lettre de liaison à la sortie", letter, "Lettre de liaison", "Dr Maël Tisserand"),
        row("d2", "Compte rendu de consultation", Dated::Day("2026-09-14".into()), "Compte rendu", "Dr Inès Kerouen"),
        row("d3", "Ordonnance", Dated::Day("2026-09-14".into()), "Ordonnance", ""),
    ]
}

fn only<Row>(rows: Vec<Row>) -> Option<Listing<Row>> {
    Some(Listing { rows, paging: Paging::ONLY })
}

fn record(results: Option<Listing<ResultRow>>, documents: Option<Listing<DocumentRow>>) -> RecordView {
    RecordView { patient: banner(), filter: None, results, documents }
}

pub fn observation(
    name: &str,
    value: &str,
    unit: &str,
    (low, high): (&str, &str),
    interpretation: Interpretation,
) -> ObservationView {
    let bound = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ObservationView {
        name: name.to_owned(),
        value: ObservedValue::Number(value.to_owned()),
        unit: unit.to_owned(),
        range: Some(RangeView { low: bound(low), high: bound(high), text: None }),
        interpretation,
        comment: String::new(),
    }
}

pub fn blood() -> ResultView {
    use Interpretation as I;
    let mut observations = vec![
        observation("Hémoglobine", "11.2", "g/dL", ("12.0", "16.0"), I::Low),
        observation("Leucocytes", "7.45", "G/L", ("4.00", "10.00"), I::Normal),
        observation("Plaquettes", "421", "G/L", ("150", "400"), I::High),
        observation("Potassium", "6.8", "mmol/L", ("3.5", "5.1"), I::VeryHigh),
        observation("Protéine C réactive", "182", "mg/L", ("", "5"), I::High),
        observation("Débit de filtration glomérulaire", "88", "mL/min/1,73 m²", ("60", ""), I::Normal),
        observation("Ferritine", "35", "µg/L", ("15", "150"), I::Unstated),
        observation("Vitamine D", "18", "ng/mL", ("30", "60"), I::Abnormal),
    ];
    observations[3].comment = "Échantillon hémolysé, à contrôler.".to_owned();
    observations.push(ObservationView {
        name: "Recherche d’agglutinines".to_owned(),
        value: ObservedValue::Words("Négative".to_owned()),
        unit: String::new(),
        range: Some(RangeView { low: None, high: None, text: Some("négative".to_owned()) }),
        interpretation: I::Normal,
        comment: String::new(),
    });
    observations.push(ObservationView {
        name: "Réticulocytes".to_owned(),
        value: ObservedValue::Absent,
        unit: String::new(),
        range: None,
        interpretation: I::Unstated,
        comment: String::new(),
    });
    ResultView {
        patient: banner(),
        id: object("r1"),
        title: "Numération formule sanguine".to_owned(),
        kind: ResultKind::Laboratory,
        date: Dated::Moment(ago(5)),
        source: "Laboratoire de biologie".to_owned(),
        status: ResultStatus::Final,
        confidentiality: Confidentiality::Normal,
        observations,
        conclusion: Some("Anémie modérée, à rapprocher du bilan martial.".to_owned()),
        pdf_path: Some(format!("/fr/records/{}/documents/r1-pdf/content", patient())),
    }
}

fn imaging(status: ResultStatus) -> ResultView {
    ResultView {
        title: "Radiographie du thorax, face et profil".to_owned(),
        kind: ResultKind::Imaging,
        source: "Imagerie médicale".to_owned(),
        status,
        confidentiality: Confidentiality::Held,
        observations: Vec::new(),
        conclusion: None,
        ..blood()
    }
}

pub fn letter() -> DocumentView {
    DocumentView {
        patient: banner(),
        id: object("d1"),
        title: "Lettre de liaison à la sortie".to_owned(),
        kind: "Lettre de liaison".to_owned(),
        date: Dated::Moment(ago(30)),
        author: "Dr Maël Tisserand".to_owned(),
        source: "Médecine interne".to_owned(),
        size_bytes: Some(241_300),
        is_pdf: true,
        confidentiality: Confidentiality::Held,
    }
}

fn patients() -> Vec<PatientRow> {
    [
        ("AUBRELLE Camille", "1957-03-01", Sex::Female),
        ("DESMARAIS-OULD Théophile", "2019-11", Sex::Male),
        ("VANNIER Lou", "1988", Sex::Other),
        ("ZAMPIERI Alma", "", Sex::Unknown),
    ]
    .into_iter()
    .map(|(name, birth_date, sex)| PatientRow {
        patient: patient(),
        name: name.to_owned(),
        birth_date: birth_date.to_owned(),
        sex,
    })
    .collect()
}

fn sign_in_pages(lang: Lang, add: &mut impl FnMut(&str, &dyn Fn() -> String)) {
    let welcome = |problem| {
        let view = WelcomeView { login: "camille.aubrelle".into(), problem, ..WelcomeView::default() };
        Welcome::new(chrome(lang, "/", None), greeting(Text::new(lang)), view).render().unwrap()
    };
    add("welcome", &|| {
        Welcome::new(chrome(lang, "/", None), greeting(Text::new(lang)), WelcomeView::default()).render().unwrap()
    });
    let asked =
        || PasskeyForm { challenge: "c".repeat(43), rp: "portail.hopital.example".into(), ceremony: "x".repeat(90) };
    add("welcome-passkey", &|| {
        let view = WelcomeView { passkey: Some(asked()), ..WelcomeView::default() };
        Welcome::new(chrome(lang, "/", None), greeting(Text::new(lang)), view).render().unwrap()
    });
    for (name, by, takes) in [
        ("again", AskedFor::Any, true),
        ("again-passkey", AskedFor::Passkey, true),
        ("again-passkey-to-add", AskedFor::PasskeyToAdd, true),
        ("again-passkey-nowhere", AskedFor::PasskeyToAskFor, false),
        ("again-passkey-to-allow", AskedFor::PasskeyToAllow, true),
    ] {
        add(name, &|| {
            let passkey = takes.then(asked);
            let view = AgainView { login: "camille.aubrelle".into(), then: Then::Account, passkey, asked: by };
            Again::new(chrome(lang, "/session", CAMILLE), view).render().unwrap()
        });
    }
    for (name, problem) in [
        ("welcome-puzzle", None),
        ("welcome-puzzle-unsolved", Some(SignInProblem::Puzzle { seconds: None })),
        ("welcome-puzzle-wait", Some(SignInProblem::Puzzle { seconds: Some(40) })),
    ] {
        add(name, &|| {
            let puzzle = Some(Puzzle { sealed: "p".repeat(120) });
            let login = problem.map_or(String::new(), |_| "camille.aubrelle".into());
            let view = WelcomeView { puzzle, login, problem, ..WelcomeView::default() };
            Welcome::new(chrome(lang, "/", None), greeting(Text::new(lang)), view).render().unwrap()
        });
    }
    add("welcome-wrong", &|| welcome(Some(SignInProblem::Credentials)));
    add("welcome-wait", &|| welcome(Some(SignInProblem::Wait { seconds: 16 })));
    add("welcome-expired", &|| welcome(Some(SignInProblem::Expired)));
    for (name, problem) in [("code", None), ("code-wrong", Some(SignInProblem::Code))] {
        let view = CodeStepView { ceremony: "sealed".into(), then: None, problem };
        add(name, &|| CodeStep::new(chrome(lang, "/", None), view.clone()).taking_sheets(true).render().unwrap());
    }
    for (name, why, known) in [("session-closed", OtherWhy::Closed, true), ("session-elsewhere", OtherWhy::Open, false)]
    {
        let other = OtherSession {
            account: AccountId::from_bytes([3; 16]),
            at: ago(1),
            address: known.then(|| address("2001:db8:7::2f")),
            device: if known { "Safari, iPhone".into() } else { String::new() },
        };
        let view = OtherView { why, other, word: known.then(|| "sealed".into()) };
        add(name, &|| Other::new(chrome(lang, "/", None), view.clone()).render().unwrap());
    }
    add("disown-too-late", &|| TooLate::new(chrome(lang, "/", None)).render().unwrap());
    add("disowned", &|| Disowned::new(chrome(lang, "/", None)).render().unwrap());
    add("advice", &|| {
        Advice::new(chrome(lang, "/advice", CAMILLE), "https://portail.hopital.example".to_owned(), types::Door::Portal)
            .render()
            .unwrap()
    });
    add("signed-out", &|| SignedOut::new(chrome(lang, "/", CAMILLE)).render().unwrap());
}

/// What is left of a printed sheet of codes; gone without days.
fn sheet(left: usize, days: u64) -> SheetsSeen {
    let serves = (days > 0).then(|| SheetSeen {
        id: types::SheetId::from_bytes([6; 16]),
        by: AccountId::from_bytes([3; 16]),
        drawn: NOW,
        until: NOW + Duration::from_secs(days * 86_400),
        proof: None,
    });
    let next = u8::try_from(31 - left).ok().filter(|_| left > 0);
    SheetsSeen { waits: None, serves, instead: true, left, next }
}

fn account_pages(lang: Lang, add: &mut impl FnMut(&str, &dyn Fn() -> String)) {
    let (since, from) = (ago(1), address("2001:db8:7::2f"));
    let alone = SessionView {
        since,
        address: from,
        others: Vec::new(),
        recent: Vec::new(),
        spare_codes: 0,
        sheet: None,
        link: None,
        passkeys: None,
        done: None,
        problem: None,
    };
    let other = |device: &str, hours| OwnSession {
        id: SessionId::from_bytes([9; 16]),
        is_this: false,
        opened: ago(hours),
        address: Some(address("192.0.2.7")),
        device: device.into(),
        idle_until: NOW,
    };
    let others = vec![other("Firefox, Android", 2), other("", 5)];
    let (done, problem) = (Some(AccountChanged::Password), Some(AccountProblem::Current));
    let signed_in =
        |device: &str, hours, from| PastSignIn { at: ago(hours), address: address(from), device: device.into() };
    let recent = vec![
        signed_in("Firefox, Android", 2, "192.0.2.7"),
        signed_in("", 5, "2001:db8:7::2f"),
        signed_in("SSH", 30, "198.51.100.4"),
    ];
    let several = SessionView { others, recent, spare_codes: 9, done, ..alone.clone() };
    let session = |view: &SessionView| Session::new(chrome(lang, "/session", CAMILLE), view.clone()).render().unwrap();
    add("session", &|| session(&alone));
    add("session-several", &|| session(&several));
    let key = |label: &str, opens| PasskeySeen {
        public: passkey_public(),
        label: label.into(),
        enrolled: ago(700),
        opens,
        vouched: false,
    };
    let enrolling = PasskeyEnrolling {
        challenge: "c".repeat(43),
        rp: "portail.hopital.example".into(),
        user: "u".repeat(22),
        exclude: "AQID".into(),
    };
    let list = vec![key("Mon téléphone", true), key("Ancien ordinateur", false)];
    let with = |stale, enrolling| Some(OwnPasskeys { list: list.clone(), enrolling, stale });
    let passkeys = with(false, Some(enrolling));
    for (name, left, days) in [("session-sheet", 17, 200), ("session-sheet-few", 3, 200), ("session-sheet-gone", 0, 0)]
    {
        let sheet = Some(sheet(left, days));
        add(name, &|| session(&SessionView { sheet: sheet.clone(), recent: several.recent.clone(), ..alone.clone() }));
    }
    add("session-passkeys", &|| session(&SessionView { passkeys: passkeys.clone(), ..alone.clone() }));
    add("session-stale", &|| session(&SessionView { passkeys: with(true, None), ..alone.clone() }));
    let own = |opens| Some(OwnLink { id: LinkId::from_bytes([6; 16]), drawn: ago(3), opens });
    for (name, opens) in [("session-link-drawn", None), ("session-link-early", Some(NOW + Duration::from_secs(75_600)))]
    {
        add(name, &|| session(&SessionView { link: own(opens), ..several.clone() }));
    }
    add("session-wrong", &|| session(&SessionView { problem, ..alone.clone() }));
    let factor = || FactorView::new(&TotpSecret::from_bytes([7; 20]), "Centre hospitalier", "camille.aubrelle");
    for (name, problem) in [("second-factor", None), ("second-factor-wrong", Some(AccountProblem::Code))] {
        let view = SecondFactorView { factor: factor(), problem };
        let path = "/account/second-factor";
        add(name, &|| SecondFactor::new(chrome(lang, path, CAMILLE), view.clone()).render().unwrap());
    }
    let codes = || (0..10).map(|n| format!("7k2m{n}-qxt0a")).collect();
    add("spare-codes", &|| Codes::new(chrome(lang, "/session", CAMILLE), codes()).render().unwrap());
    let guessed = LinkProblem::Password(WeakPassword::Guessable { because: Because::Name });
    let turn = Some(LinkProblem::Code);
    for (name, anew, (problem, by_sheet)) in [
        ("link", false, (None, false)),
        ("link-anew", true, (Some(guessed), false)),
        ("link-sheet", false, (None, true)),
        ("link-sheet-anew", true, (turn, true)),
    ] {
        let view = LinkView {
            token: "s".repeat(43),
            display_name: "Camille Aubrelle".into(),
            login: "camille.aubrelle".into(),
            role: Role::Patient,
            expires: NOW + Duration::from_secs(86_400),
            anew,
            asks_second: anew,
            factor: (!by_sheet).then(factor),
            problem,
        };
        add(name, &|| Link::new(chrome(lang, "/link/s", None), view.clone()).render().unwrap());
    }
    add("link-done", &|| LinkDone::new(chrome(lang, "/", None)).render().unwrap());
    let opens = NOW + Duration::from_secs(75_600);
    add("link-early", &|| LinkEarly::new(chrome(lang, "/", None), opens).render().unwrap());
    add("link-waits", &|| LinkWaits::new(chrome(lang, "/", None)).render().unwrap());
}

fn home_pages(lang: Lang, add: &mut impl FnMut(&str, &dyn Fn() -> String)) {
    let home = |who, view| Home::new(chrome(lang, "/", who), view).render().unwrap();
    let card = PatientCard { patient: patient(), name: "Camille Aubrelle".into(), birth_date: "1957-03-01".into() };
    add("home-patient", &|| home(CAMILLE, HomeView::Own(Some(card.clone()))));
    for (name, left, days) in [("home-patient-few", 3, 200), ("home-patient-gone", 0, 0)] {
        let sheet = Some(sheet(left, days));
        let view = HomeView::Own(Some(card.clone()));
        add(name, &|| Home::new(chrome(lang, "/", CAMILLE), view.clone()).with_sheet(sheet.clone()).render().unwrap());
    }
    add("home-patient-empty", &|| {
        let mut first = chrome(lang, "/", CAMILLE);
        first.signed_in.as_mut().unwrap().last_sign_in = None;
        Home::new(first, HomeView::Own(None)).render().unwrap()
    });
    let represented = |name: &str, birth: &str, covers: &[Category], until| RepresentedView {
        patient: patient(),
        name: name.into(),
        birth_date: birth.into(),
        covers: covers.to_vec(),
        until,
    };
    let people = vec![
        represented("Camille Aubrelle", "1957-03-01", Category::ALL, Some(NOW + Duration::from_secs(90 * 86_400))),
        represented("Théophile Desmarais-Ould", "2019-11-30", &[Category::Document], None),
    ];
    add("home-relative", &|| home(NOE, HomeView::Represented(people.clone())));
    add("home-relative-empty", &|| home(NOE, HomeView::Represented(Vec::new())));
    let list = |rows, query: &str, paging| HomeView::Patients(PatientListView { rows, query: query.into(), paging });
    add("home-professional", &|| home(INES, list(patients(), "", Paging { page: 1, has_more: true })));
    add("home-professional-none", &|| home(INES, list(Vec::new(), "dubois", Paging::ONLY)));
    add("home-professional-empty", &|| home(INES, list(Vec::new(), "", Paging::ONLY)));
}

fn record_pages(lang: Lang, add: &mut impl FnMut(&str, &dyn Fn() -> String)) {
    let path = format!("/records/{}", patient());
    let show = |who, view| Record::new(chrome(lang, &path, who), view).render().unwrap();
    add("record", &|| show(CAMILLE, record(only(results(false)), only(documents()))));
    add("record-professional", &|| show(INES, record(only(results(true)), only(documents()))));
    add("record-empty", &|| show(CAMILLE, record(only(Vec::new()), only(Vec::new()))));
    add("record-more-proof", &|| {
        let more_proof = Some(format!("/{lang}/session/again?then={path}&with=passkey"));
        let chrome = Chrome { more_proof, ..chrome(lang, &path, CAMILLE) };
        Record::new(chrome, record(only(results(false)), None)).render().unwrap()
    });
    add("record-relative", &|| show(NOE, record(None, only(documents()))));
    add("record-results", &|| {
        let list = Listing { rows: results(false), paging: Paging { page: 2, has_more: true } };
        let view = RecordView { filter: Some(Category::Result), ..record(Some(list), None) };
        show(CAMILLE, view)
    });
    let seen = |with_own, known| {
        let view = SightingsView { patient: patient(), with_own, known };
        SightingsPage::new(chrome(lang, &format!("{path}/seen"), CAMILLE), view).render().unwrap()
    };
    add("seen", &|| seen(false, Some(sightings(true))));
    add("seen-with-own", &|| seen(true, Some(SightingsKnown { has_more: true, is_whole: false, ..sightings(true) })));
    add("seen-empty", &|| seen(false, Some(sightings(false))));
    add("seen-unanswered", &|| seen(false, None));
    let result =
        |who, view| ResultDetail::new(chrome(lang, &format!("{path}/results/r1"), who), view).render().unwrap();
    add("result", &|| result(CAMILLE, blood()));
    add("result-professional", &|| result(INES, imaging(ResultStatus::Preliminary)));
    add("result-cancelled", &|| result(CAMILLE, imaging(ResultStatus::Cancelled)));
    add("result-corrected", &|| result(CAMILLE, imaging(ResultStatus::Corrected)));
    let document = |who| {
        let chrome = chrome(lang, &format!("{path}/documents/d1"), who);
        DocumentDetail::new(chrome, letter()).render().unwrap()
    };
    add("document", &|| document(CAMILLE));
    add("document-professional", &|| document(INES));
}

fn other_pages(lang: Lang, add: &mut impl FnMut(&str, &dyn Fn() -> String)) {
    for kind in ErrorKind::ALL {
        let word = format!("{kind:?}");
        let word = word.split(' ').next().unwrap_or_default().to_lowercase();
        let who = (!matches!(kind, ErrorKind::SessionExpired)).then_some(("Camille Aubrelle", Role::Patient));
        add(&format!("error-{word}"), &|| {
            ErrorPage::new(chrome(lang, "/session", who), kind, Some(Reference::draw())).render().unwrap()
        });
    }
    for (name, left, left_max) in [("ending", 100, 7200), ("ending-last", 100, 100), ("ended", 0, 0)] {
        add(name, &|| {
            let mut chrome = chrome(lang, "/records/x", CAMILLE);
            let who = chrome.signed_in.as_mut().unwrap();
            (who.ends_at, who.absolute_end) = (NOW + Duration::from_secs(left), NOW + Duration::from_secs(left_max));
            Record::new(chrome, record(only(results(false)), only(documents()))).render().unwrap()
        });
    }
}

/// Each page's name and HTML.
pub fn all(lang: Lang) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let mut add = |name: &str, render: &dyn Fn() -> String| pages.push((name.to_owned(), render()));
    account_pages(lang, &mut add);
    sign_in_pages(lang, &mut add);
    home_pages(lang, &mut add);
    record_pages(lang, &mut add);
    other_pages(lang, &mut add);
    pages
}

fn passkey_public() -> identity::passkey::PasskeyPublic {
    // A point on P-256, as authenticators write it: the curve's own base point.
    let x = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
    let y = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
    let bytes = |hex: &str| {
        let digits = hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16));
        digits.collect::<Result<Vec<u8>, _>>().unwrap()
    };
    let mut cose = vec![0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
    cose.extend(bytes(x));
    cose.extend([0x22, 0x58, 0x20]);
    cose.extend(bytes(y));
    let public_key = identity::passkey::PasskeyKey::from_cose(&cose).unwrap();
    let (credential, sign_count) = (vec![1, 2, 3], 0);
    identity::passkey::PasskeyPublic { credential, public_key, sign_count, backup_eligible: true, backed_up: true }
}
