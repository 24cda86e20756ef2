//! Every page, in both languages: strict, whole, and deaf to hostile data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod samples;

use desk::pages::*;
use interventions::State;
use samples::{
    ME, NOW, ODILE, SACHA, account, account_view, all, chrome, intervention, intervention_view, session, sheet,
};
use signin::{Attributes, BreakGlassUse, RightTerms};
use std::collections::HashSet;
use std::time::Duration;
use types::{AccountState, Lang, Role};
use web::layout::prelude::Template;

/// The values of an attribute, wherever it stands.
fn attributes<'h>(html: &'h str, name: &str) -> Vec<&'h str> {
    html.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn no_page_holds_inline_style_or_script() {
    for lang in Lang::ALL {
        for (name, html) in all(*lang) {
            let low = html.to_lowercase();
            for foreign in [" style=", "<style", "javascript:", "<iframe", "<object", "<embed", "srcdoc"] {
                assert!(!low.contains(foreign), "{lang}-{name} holds {foreign}");
            }
            for tag in low.split("<script").skip(1) {
                assert!(tag.starts_with(" type=\"module\" src=\"/assets/"), "{lang}-{name}: an inline script");
                assert!(tag.split_once('>').unwrap().1.starts_with("</script>"));
            }
            for tag in html.split('<').filter_map(|tag| tag.split('>').next()) {
                let handler = tag.split_whitespace().skip(1).find(|a| a.starts_with("on") && a.contains('='));
                assert_eq!(handler, None, "{lang}-{name}");
            }
            for path in attributes(&html, "src").into_iter().chain(attributes(&html, "href")) {
                let ours = path.starts_with('/') || path.starts_with('#') || path.starts_with("tel:");
                assert!(ours && !path.starts_with("//"), "{lang}-{name} leads to {path}");
            }
        }
    }
}

#[test]
fn every_page_is_whole_in_its_language() {
    for lang in Lang::ALL {
        for (name, html) in all(*lang) {
            assert!(html.starts_with("<!doctype html>") && html.trim_end().ends_with("</html>"), "{name}");
            assert!(html.contains(&format!("<html lang=\"{lang}\">")), "{name}");
            let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
            assert!(title.contains(" · ") && !title.contains("{{"), "{lang}-{name}: {title}");
            let visible = html.split("<template").next().unwrap();
            assert_eq!(visible.matches("<h1").count(), 1, "{lang}-{name}");
            let own = ["&#60;", "&lt;"].iter().any(|angle| visible.contains(&format!("{angle}time")));
            assert!(!own && !visible.contains("{{"), "{lang}-{name}: a page's own mark is shown as text");
            let ids = attributes(&html, "id");
            let unique: HashSet<&str> = ids.iter().copied().collect();
            assert_eq!(ids.len(), unique.len(), "{lang}-{name}: {ids:?}");
            for reference in ["for", "form", "aria-labelledby", "aria-describedby"] {
                for id in attributes(&html, reference).iter().flat_map(|ids| ids.split(' ')) {
                    assert!(unique.contains(id), "{lang}-{name}: {reference} names {id}");
                }
            }
            for anchor in attributes(&html, "href").iter().filter_map(|path| path.strip_prefix('#')) {
                assert!(unique.contains(anchor), "{lang}-{name}: nothing at #{anchor}");
            }
            // Every form that changes something carries the session's token.
            for form in html.split("<form").skip(1) {
                let form = form.split("</form>").next().unwrap();
                let posts = form.contains("method=\"post\"") && !form.contains("action=\"/fr/session\"");
                let posts = posts && !form.contains("action=\"/en/session\"");
                // The link's token stands for the session.
                let posts = posts && !form.contains(&format!("action=\"/{lang}/enrol/"));
                // Whoever holds envelopes has no session yet.
                let posts = posts && !form.contains(&format!("action=\"/{lang}/session/envelopes"));
                assert!(!posts || form.contains("name=\"csrf\" value=\"token\""), "{lang}-{name}: {form}");
            }
        }
    }
}

/// What a tag says before its end: `<input` gives the attributes of each.
fn tags<'h>(html: &'h str, name: &str) -> Vec<(usize, &'h str)> {
    let found = html.match_indices(name).map(|(at, _)| (at, &html[at + name.len()..]));
    found
        .filter(|(_, rest)| rest.starts_with([' ', '>']))
        .map(|(at, rest)| (at, rest.split('>').next().unwrap()))
        .collect()
}

#[test]
fn everything_has_a_name_and_a_place() {
    for lang in Lang::ALL {
        for (name, html) in all(*lang) {
            let place = format!("{lang}-{name}");
            let visible = html.split("<template").next().unwrap();
            assert_eq!(visible.matches("<main id=\"main\" tabindex=\"-1\">").count(), 1, "{place}");
            let main = visible.split("<main ").nth(1).unwrap().split("</main>").next().unwrap();
            assert!(main.contains("<h1") && visible.contains("<a class=\"skip\" href=\"#main\">"), "{place}");
            let labels = attributes(visible, "for");
            for tag in ["<input", "<textarea", "<select"] {
                for (at, said) in tags(visible, tag) {
                    let id = attributes(said, "id").first().copied().unwrap_or_default();
                    let before = &visible[..at];
                    let enclosed = before.rfind("<label").is_some_and(|open| !before[open..].contains("</label>"));
                    let named = said.contains("type=\"hidden\"") || labels.contains(&id) || enclosed;
                    assert!(named, "{place}: nothing says what {tag}{said} is");
                }
            }
            for (at, said) in tags(visible, "<fieldset") {
                let inside = visible[at..].split("</fieldset>").next().unwrap();
                assert!(inside.contains("<legend>") && !inside.contains("<legend></legend>"), "{place}:{said}");
            }
            for (tag, end) in
                [("<button", "</button>"), ("<a", "</a>"), ("<summary", "</summary>"), ("<label", "</label>")]
            {
                for (at, said) in tags(visible, tag) {
                    let inside = visible[at..].split(end).next().unwrap();
                    let words = inside.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text.trim());
                    assert!(words.collect::<String>().len() > 1, "{place}: {tag}{said} says nothing");
                }
            }
            for (_, said) in tags(visible, "<nav").into_iter().chain(tags(visible, "<section")) {
                assert!(said.contains("aria-label"), "{place}: a part without a name: {said}");
            }
            for (_, said) in tags(visible, "<svg") {
                assert!(said.contains("aria-hidden=\"true\""), "{place}: an icon is read aloud: {said}");
            }
            for (_, said) in tags(visible, "<th") {
                assert!(said.contains("scope=\""), "{place}: {said}");
            }
        }
    }
}

#[test]
fn the_two_languages_differ() {
    for ((name, french), (_, english)) in all(Lang::Fr).into_iter().zip(all(Lang::En)) {
        assert_ne!(french, english.replace("lang=\"en\"", "lang=\"fr\""), "{name}");
    }
}

#[test]
fn hostile_data_stays_text() {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";
    let mut view = intervention_view(State::Open, ODILE);
    view.one.purpose = evil.into();
    view.one.supplier_name = evil.into();
    view.one.equipment_name = evil.into();
    view.one.ticket = Some(evil.into());
    view.one.technicians[0].name = evil.into();
    view.one.history[0].note = evil.into();
    view.one.history[0].by = evil.into();
    let mut over = session(false);
    over.technician_name = evil.into();
    over.note = evil.into();
    over.channels[1].command = Some(evil.into());
    let over = SessionView { one: over, cuts: true, watches: true, replays: true, held: false };
    let mut seen = sheet(account("Agnès Kerviel", Role::Beneficiary, AccountState::Active));
    (seen.seen.display_name, seen.seen.login) = (evil.into(), evil.into());
    seen.attributes = Attributes {
        given_name: evil.into(),
        family_name: evil.into(),
        profession: Some(evil.into()),
        rpps: Some(evil.into()),
    };
    let accounts = AccountsView {
        rows: vec![seen.seen.clone()],
        fields: AccountsFields { q: evil.into(), role: evil.into(), state: evil.into(), waits: evil.into() },
        more: Some(ME),
        ..AccountsView::default()
    };
    let fields = AccountFields { given_name: evil.into(), login: evil.into(), rpps: evil.into(), ..Default::default() };
    let new = AccountNewView { fields, ..AccountNewView::default() };
    let fields = CorrectedFields { given_name: evil.into(), rpps: evil.into(), ..CorrectedFields::of(&seen) };
    let corrected = CorrectingView { sheet: seen.clone(), fields, wrong: vec!["rpps"], mails: true };
    let link = AccountLinkView {
        opens: None,
        account: ME,
        name: evil.into(),
        login: evil.into(),
        role: Role::Dpo,
        address: evil.into(),
        unknown: None,
        expires: NOW,
        waits: true,
        mailed: true,
    };
    let change = AccountStateView { seen: seen.seen.clone(), to: AccountState::Closed };
    let reviewed = samples::used(Some(evil));
    let used = BreakGlassUse { name: evil.into(), device: evil.into(), reason: evil.into(), ..reviewed };
    let opened = BreakGlassUseView {
        reviewed_by: Some(evil.into()),
        reviews: false,
        stops: true,
        words: evil.into(),
        refusal: None,
        used: used.clone(),
    };
    let envelope = EnvelopeView {
        account: ME,
        name: evil.into(),
        login: evil.into(),
        role: Role::OnCall,
        of: identity::Envelope::First,
        code: evil.into(),
        id: types::EnvelopesId::from_bytes([6; 16]),
        drawn: NOW,
        until: NOW,
    };
    let home = HomeView { ringing: vec![used], ..HomeView::default() };
    let list = InterventionsView { query: evil.into(), next: Some(evil.into()), ..InterventionsView::default() };
    let signing = AccountSigning::Open(AccountFields { family_name: evil.into(), ..AccountFields::default() });
    let right = RightTerms { login: evil.into(), name: evil.into(), mail: Some(evil.into()), ..samples::right() };
    let challenge = Challenge { terms: evil.into(), ..Challenge::default() };
    let to_sign = AccountSignView { right, challenge, lacks: None, signing };
    let at = || chrome(Lang::Fr, "/", Some(ODILE));
    for html in [
        InterventionPage::new(at(), view).render().unwrap(),
        SessionPage::new(at(), over).render().unwrap(),
        InterventionsList::new(at(), list).render().unwrap(),
        AccountsList::new(at(), accounts).render().unwrap(),
        AccountNew::new(at(), new).render().unwrap(),
        CorrectingPage::new(at(), corrected).render().unwrap(),
        AccountLink::new(at(), link).render().unwrap(),
        AccountPage::new(at(), account_view(seen, true)).render().unwrap(),
        AccountSign::new(at(), to_sign).render().unwrap(),
        AccountStatePage::new(at(), change).render().unwrap(),
        BreakGlassUsePage::new(at(), opened).render().unwrap(),
        EnvelopePage::new(at(), envelope).render().unwrap(),
        Home::new(at(), Role::Administrator, home).render().unwrap(),
    ] {
        assert!(!html.contains("<script>") && !html.contains("<img") && html.contains("alert"));
        assert!(!html.contains("\"'>"), "an attribute is left");
    }
}

#[test]
fn what_cannot_be_seen_in_a_command_is_shown() {
    let view = SessionView { one: session(false), cuts: false, watches: false, replays: true, held: false };
    let html = SessionPage::new(chrome(Lang::Fr, "/", Some(SACHA)), view).render().unwrap();
    assert!(html.contains("\\u{202e}gpj.module") && !html.contains('\u{202e}'));
}

#[test]
fn the_cut_comes_before_everything_else() {
    for (name, html) in all(Lang::Fr) {
        if name == "session-live" {
            let main = html.split("<main").nth(1).unwrap();
            let cut = main.find("/cut\"").unwrap();
            assert!(cut < main.find("<h1").unwrap() && cut < main.find("data-screen").unwrap());
            assert!(cut < main.find("<dl").unwrap());
        }
    }
    let html = SessionPage::new(
        chrome(Lang::Fr, "/", Some(SACHA)),
        SessionView { one: session(true), cuts: false, watches: false, replays: false, held: false },
    );
    let html = html.render().unwrap();
    assert!(!html.contains("/cut\"") && !html.contains("data-screen"), "buttons only for who may");
}

#[test]
fn each_role_has_its_own_acts() {
    let words = |acts: Acts| {
        let all = [
            (acts.approve, "approve"),
            (acts.refuse, "refuse"),
            (acts.open, "open"),
            (acts.close, "close"),
            (acts.extend, "extend"),
            (acts.hold, "hold"),
            (acts.release, "release"),
            (acts.cut, "cut"),
        ];
        all.into_iter().filter_map(|(may, word)| may.then_some(word)).collect::<Vec<_>>().join(" ")
    };
    let acts = |state, role| words(Acts::of(&intervention(state), (role, ME), NOW));
    assert_eq!(acts(State::Waiting, Role::Beneficiary), "approve refuse");
    assert_eq!(acts(State::Planned, Role::Beneficiary), "refuse extend cut");
    assert_eq!(acts(State::Open, Role::Beneficiary), "close extend hold cut");
    for role in [Role::OnCall, Role::SecurityOfficer] {
        assert_eq!(acts(State::Waiting, role), "");
        assert_eq!(acts(State::Open, role), "cut");
    }
    for state in State::ALL {
        assert_eq!(acts(*state, Role::Administrator), "");
    }
    for state in [State::Refused, State::Withdrawn, State::Closed, State::Cut, State::Lapsed] {
        assert_eq!(acts(state, Role::Beneficiary), "", "{state}");
    }
    let mut held = intervention(State::Open);
    held.hold_until = Some(NOW + Duration::from_secs(60));
    let acts = Acts::of(&held, (Role::Beneficiary, ME), NOW);
    assert_eq!((words(acts).as_str(), acts.held), ("close extend release cut", true));
    let mut again = intervention(State::Waiting);
    again.approvals = intervention(State::Open).approvals;
    let acts = Acts::of(&again, (Role::Beneficiary, ME), NOW);
    assert!(acts.approved && !acts.approve);
}

/// Every template that is a page of its own is among the samples, by its name.
#[test]
fn every_page_has_a_sample() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let samples: HashSet<String> = all(Lang::Fr).into_iter().map(|(name, _)| name.to_owned()).collect();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !std::fs::read_to_string(&path).unwrap().contains("{% extends") {
            continue;
        }
        let name = path.file_stem().unwrap().to_str().unwrap().replace('_', "-");
        let named = |sample: &String| *sample == name || sample.starts_with(&format!("{name}-"));
        let other = match name.as_str() {
            "passkey" => "vouch",
            "sign" => "extend",
            _ => "",
        };
        assert!(samples.iter().any(named) || samples.contains(other), "no sample of {name}");
    }
}

/// Nobody is offered what he may not do, nor anything on himself.
#[test]
fn an_account_offers_what_its_reader_may_do() {
    let acts = |name: &str| {
        let (_, html) = all(Lang::Fr).into_iter().find(|(one, _)| *one == name).unwrap();
        let words = ["/link/confirm\"", "/link/withdraw\"", "/link\"", "/review\"", "/state/"];
        words.into_iter().filter(|word| html.contains(word)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(acts("account"), "/link\" /review\" /state/");
    assert_eq!(acts("account-own"), "");
    assert_eq!(acts("account-suspended"), "/review\" /state/");
    assert_eq!(acts("account-closed"), "");
    assert_eq!(acts("account-drawn"), "/link/withdraw\" /link\" /review\" /state/", "he drew it: another confirms");
    assert_eq!(acts("account-waits"), "/link/confirm\"", "an officer confirms");
    assert_eq!(acts("account-signed-once"), "/link/confirm\"", "and signs");
    assert_eq!(acts("account-not-signed"), "", "what nobody signed is not confirmed");
}

/// Nothing that depends on what is asked about is told in code: each open condition of Poterne's policies has words.
#[test]
fn what_rights_depend_on_is_told_in_words() {
    let mut conditions = 0;
    for lang in [Lang::Fr, Lang::En] {
        for &role in Role::ALL {
            let seen = account("Inès Delcourt", role, AccountState::Active);
            let view = RightsView { rights: samples::rights(seen), reads_policies: true };
            let page = RightsPage::new(chrome(lang, "/accounts", Some(samples::MIREILLE)), view).render().unwrap();
            assert!(!page.contains("principal") && !page.contains("resource."), "{role}");
            conditions += page.matches(if lang == Lang::Fr { ", si " } else { ", if " }).count();
        }
    }
    assert!(conditions > 40, "{conditions}");
}
