//! Every page, in both languages: strict, whole, deaf to hostile data, and of use without script.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod samples;

use interventions::State;
use samples::{KEY, all, chrome, form, intervention, means, reader, request, turn};
use std::collections::{HashMap, HashSet};
use suppliers::pages::*;
use types::{Lang, Role};
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
            // The one script of the frame, which only warns before a session ends: nothing here needs it.
            assert_eq!(low.matches("<script").count(), 1, "{lang}-{name}");
            assert!(low.contains("<script type=\"module\" src=\"/assets/session."), "{lang}-{name}");
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
            assert!(title.ends_with(" · Centre hospitalier de Valombre") && title.len() > 34, "{title}");
            assert!(!title.contains("Tanguy"), "{name}: a title stays in the browser's history; it names nobody");
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
            // What sends something carries the session's token.
            for form in visible.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")) {
                let form = form.split("</form>").next().unwrap();
                assert!(form.contains("name=\"csrf\"") || name == "welcome", "{lang}-{name}: {form}");
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
    let mut one = intervention(1, State::Open, -30, 60);
    (one.equipment_name, one.purpose, one.ticket) = (evil.into(), evil.into(), Some(evil.into()));
    (one.requester_name, one.supplier_name) = (evil.into(), evil.into());
    for technician in &mut one.technicians {
        (technician.name, technician.fingerprints) = (evil.into(), vec![evil.into()]);
    }
    for step in &mut one.history {
        (step.by, step.note) = (evil.into(), evil.into());
    }
    for approval in &mut one.approvals {
        approval.name = evil.into();
    }
    let frame = || chrome(Lang::Fr, "/", Some((evil, Role::SupplierManager)));
    let mut reader = reader(Role::Technician, &[KEY]);
    reader.login = evil.into();
    let turn = Turn::new(one, &reader, samples::NOW);
    let home = HomeView {
        reader: Reader { role: Role::SupplierManager, ..reader.clone() },
        now: vec![turn.clone()],
        planned: vec![turn.clone()],
        waiting: vec![turn.clone()],
        ended: vec![turn.clone()],
    };
    let item = InterventionView { reader, turn: turn.clone(), is_sent: true, has_changed: true };
    let list = ListView { rows: vec![turn], state: None, is_further: true, next: Some(evil.into()) };
    let mut asked = request(form(), vec![(Field::Whole, evil.into()), (Field::Purpose, evil.into())]);
    let typed = &mut asked.form;
    for text in [&mut typed.purpose, &mut typed.ticket, &mut typed.from, &mut typed.until, &mut typed.sources] {
        *text = evil.into();
    }
    asked.equipment[0].name = evil.into();
    asked.equipment[0].location = evil.into();
    asked.technicians[0].name = evil.into();
    let mut own = means();
    own.keys[0].label = evil.into();
    own.keys[0].fingerprint = evil.into();
    own.tokens[0].label = evil.into();
    (own.key_line, own.key_label) = (evil.into(), evil.into());
    own.token = TokenForm { label: evil.into(), scopes: vec![evil.into()], days: evil.into(), sources: evil.into() };
    own.issued = Some(IssuedToken { label: evil.into(), text: evil.into() });
    own.wrong = Some(MeansWrong::Whole(evil.into()));
    for html in [
        Home::new(frame(), home).render().unwrap(),
        InterventionPage::new(frame(), item).render().unwrap(),
        List::new(frame(), list).render().unwrap(),
        Request::new(frame(), asked).render().unwrap(),
        MeansPage::new(frame(), own).render().unwrap(),
    ] {
        assert!(!html.contains("<script>") && !html.contains("<img") && html.contains("alert(1)"));
        assert!(!html.contains("\"'>"), "an attribute is left");
        assert!(!html.contains("ssh <") && !html.contains("ssh &"), "a command that would run something else");
    }
}

#[test]
fn the_next_thing_to_do_comes_first() {
    let pages: HashMap<_, _> = all(Lang::Fr).into_iter().collect();
    let command = "ssh erwan.tanguy%scanner-1@relais.hopital.example -p 2222";
    for name in ["home", "one-open", "one-planned-now", "one-planned"] {
        assert!(pages[name].contains(command), "{name}");
    }
    for name in ["home-manager", "home-auditor", "one-sent", "one-cut", "one-refused", "one-lapsed", "one-withdrawn"] {
        assert!(!pages[name].contains("ssh erwan"), "{name}");
    }
    let place = |name: &str, words: &str| pages[name].find(words).unwrap_or_else(|| panic!("{name}: {words}"));
    assert!(place("home", command) < place("home", "Demander une intervention</a>"));
    assert!(place("home-no-key", "Il vous manque une clé SSH") < place("home-no-key", "Demander une intervention</a>"));
    assert!(pages["home-no-key"].contains("href=\"/fr/means\""));
    assert!(pages["home-empty"].contains("Vous n’avez encore aucune intervention."));
    assert!(pages["home-auditor"].contains("ne vous a rien ouvert") && !pages["home-auditor"].contains("/new"));
    assert!(pages["home-key-gone"].contains("n’est plus dans votre compte"));
    assert!(pages["one-open"].contains("Il reste 85 minutes"));
    assert!(pages["one-held"].contains("ne pas interrompre le travail") && pages["one-held"].contains("ssh erwan"));
    assert!(pages["one-refused"].contains("Demander de nouveau") && pages["one-cut"].contains("Une urgence arrive"));
    assert!(pages["one-open"].contains("4\u{a0}h\u{a0}30"), "a later end is a date");
}

#[test]
fn a_node_without_relays_says_so_and_whom_to_ask() {
    for (lang, closed, call, ask, connect) in [
        (
            Lang::Fr,
            "SSH n’est pas ouvert à cette porte",
            "Demandez à l’hôpital par où vous connecter\u{202f}: <a href=\"tel:0199001234\">01 99 00 12 34</a>",
            "Demandez à votre correspondant à l’hôpital par où vous connecter.",
            "ous pouvez vous connecter",
        ),
        (
            Lang::En,
            "SSH is not open at this door",
            "Ask the hospital where to connect: <a href=\"tel:0199001234\">01 99 00 12 34</a>",
            "Ask your contact at the hospital where to connect.",
            "ou can connect",
        ),
    ] {
        for (name, html) in all(lang) {
            let told = html.matches(closed).count();
            assert_eq!(told, usize::from(name.contains("no-relay")), "{lang}-{name}");
            if told == 1 {
                assert!(html.contains(call) && !html.contains(ask), "{lang}-{name}");
                assert!(!html.contains("ssh erwan") && !html.contains(connect), "{lang}-{name}: connect to what?");
            }
        }
        // Without a number to call, somebody is named all the same.
        let mut frame = chrome(lang, "/", Some(("x", Role::SupplierManager)));
        frame.support_contact = None;
        let reader = Reader { relay: None, ..reader(Role::SupplierManager, &[]) };
        let turn = Turn::new(intervention(1, State::Planned, 10, 60), &reader, samples::NOW);
        let view = InterventionView { reader, turn, is_sent: false, has_changed: false };
        let html = InterventionPage::new(frame, view).render().unwrap();
        assert!(html.contains(closed) && html.contains(ask) && !html.contains(connect), "{lang}");
    }
    // To somebody who does not connect, and about what is over, nothing is said of it.
    for (role, state) in [(Role::Auditor, State::Planned), (Role::Technician, State::Cut)] {
        let reader = Reader { relay: None, ..reader(role, &[KEY]) };
        let turn = Turn::new(intervention(1, state, -10, 60), &reader, samples::NOW);
        let view = InterventionView { reader, turn, is_sent: false, has_changed: false };
        let html = InterventionPage::new(chrome(Lang::Fr, "/", Some(("x", role))), view).render().unwrap();
        assert!(!html.contains("SSH n’est pas ouvert"), "{role} {state}");
    }
}

#[test]
fn what_may_be_done_is_offered_and_nothing_else() {
    let acts = |state, from, until, role, keys: &[&str]| {
        let turn = turn(role, keys, intervention(1, state, from, until));
        let view = InterventionView { reader: reader(role, keys), turn, is_sent: false, has_changed: false };
        let html = InterventionPage::new(chrome(Lang::Fr, "/interventions/x", Some(("x", role))), view);
        let html = html.render().unwrap();
        let acts = ["withdraw", "open", "close"];
        acts.into_iter().filter(|act| html.contains(&format!("/{act}\""))).collect::<Vec<_>>()
    };
    let technician = |state, from, until| acts(state, from, until, Role::Technician, &[KEY]);
    assert_eq!(technician(State::Waiting, 10, 60), ["withdraw"]);
    assert_eq!(technician(State::Planned, 10, 60), ["withdraw"]);
    assert_eq!(technician(State::Planned, -10, 60), ["withdraw", "open"]);
    assert_eq!(technician(State::Open, -10, 60), ["close"]);
    for over in [State::Refused, State::Withdrawn, State::Closed, State::Cut, State::Lapsed] {
        assert!(technician(over, -10, 60).is_empty(), "{over}");
    }
    assert_eq!(acts(State::Planned, -10, 60, Role::SupplierManager, &[]), ["withdraw"]);
    assert!(acts(State::Open, -10, 60, Role::SupplierManager, &[]).is_empty());
}

#[test]
fn a_form_that_comes_back_has_lost_nothing() {
    let mut typed = form();
    (typed.purpose, typed.sources) = ("Deux lignes\nde motif".into(), "192.0.2.0/24, x".into());
    typed.rights = vec!["exec".into()];
    let view = request(typed, vec![(Field::Sources, "À revoir".into())]);
    let html = Request::new(chrome(Lang::Fr, "/interventions/new", Some(("x", Role::Technician))), view);
    let html = html.render().unwrap();
    for kept in [
        "Deux lignes\nde motif</textarea>",
        "value=\"192.0.2.0/24, x\"",
        "value=\"exec\" checked",
        "value=\"GMAO-48213\"",
        "value=\"2026-11-21T05:05\"",
        "aria-invalid=\"true\" aria-describedby=\"sources-hint sources-wrong\"",
        "href=\"#sources\"",
        "role=\"alert\"",
        "value=\"maintenance\" required checked",
    ] {
        assert!(html.contains(kept), "{kept}");
    }
    assert_eq!(html.matches(" selected").count(), 1);
    let none = html.matches("value=\"shell\"").count();
    assert!(none == 1 && !html.contains("value=\"shell\" checked"));
}
