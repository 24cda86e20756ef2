//! Every page, in both languages: strict, whole, and deaf to hostile data.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod samples;

use entrance::pages::*;
use portal::pages::*;
use samples::{all, banner, blood, chrome, letter, observation, patient};
use std::collections::HashSet;
use types::{Category, Confidentiality, Lang, Role};
use web::{layout::prelude::Template, when::Dated};

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
                // One's own telephone, to call with or to keep a second factor on.
                let telephone = path.starts_with("tel:") || path.starts_with("otpauth://totp/");
                let ours = path.starts_with('/') || path.starts_with('#') || telephone;
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
            assert!(html.contains(&format!("hreflang=\"{}\"", lang.other())), "{name}");
            let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
            assert!(title.ends_with(" · Centre hospitalier de Valombre") && title.len() > 36, "{title}");
            assert!(!title.contains("Aubrelle"), "{name}: a title stays in the browser's history; it names nobody");
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
    let who = Some((evil, Role::Patient));
    let mut result = blood();
    result.title = evil.into();
    result.source = evil.into();
    result.conclusion = Some(evil.into());
    result.date = Dated::Day(evil.into());
    result.patient.name = evil.into();
    result.patient.birth_date = evil.into();
    let mut line = observation(evil, evil, evil, (evil, evil), Interpretation::Normal);
    line.comment = evil.into();
    result.observations = vec![line];
    let mut document = letter();
    (document.title, document.author, document.kind, document.source) =
        (evil.into(), evil.into(), evil.into(), evil.into());
    let mut frame = chrome(Lang::Fr, "/", who);
    (frame.establishment_name, frame.support_contact) = (evil.into(), Some(evil.into()));
    let welcome = WelcomeView { login: evil.into(), ..WelcomeView::default() };
    let home = HomeView::Patients(PatientListView { rows: Vec::new(), query: evil.into(), paging: Paging::ONLY });
    for html in [
        ResultDetail::new(frame.clone(), result).render().unwrap(),
        DocumentDetail::new(frame.clone(), document).render().unwrap(),
        Home::new(frame.clone(), home).render().unwrap(),
        Welcome::new(frame, portal::greeting(web::i18n::Text::new(Lang::Fr)), welcome).render().unwrap(),
    ] {
        assert!(!html.contains("<script>") && !html.contains("<img") && html.contains("alert(1)"));
        assert!(!html.contains("\"'>"), "an attribute is left");
    }
}

#[test]
fn silence_is_never_normal() {
    let mut view = blood();
    view.observations = vec![observation("Ferritine", "35", "µg/L", ("15", "150"), Interpretation::Unstated)];
    let html = ResultDetail::new(chrome(Lang::Fr, "/", Some(("x", Role::Patient))), view).render().unwrap();
    assert!(html.contains("sans interprétation"));
    assert!(!html.contains("icon-normal") && !html.contains(" normal</span>") && !html.contains("mark normal"));
}

#[test]
fn only_a_professional_is_told_that_an_object_is_held() {
    let mut view = blood();
    view.confidentiality = Confidentiality::Held;
    for (role, told) in [(Role::Professional, true), (Role::Patient, false), (Role::Relative, false)] {
        let html = ResultDetail::new(chrome(Lang::Fr, "/", Some(("x", role))), view.clone()).render().unwrap();
        assert_eq!(html.contains("Non annoncé au patient"), told, "{role}");
    }
}

#[test]
fn forms_carry_what_they_must() {
    let pages: std::collections::HashMap<_, _> = all(Lang::Fr).into_iter().collect();
    let welcome = &pages["welcome-wrong"];
    for expected in [
        "method=\"post\" action=\"/fr/session\"",
        "autocomplete=\"username\"",
        "autocomplete=\"current-password\"",
        "role=\"alert\"",
        "value=\"camille.aubrelle\"",
    ] {
        assert!(welcome.contains(expected), "{expected}");
    }
    let passkey = &pages["welcome-passkey"];
    for expected in ["action=\"/fr/session/passkey\"", "name=\"ceremony\" value=\"xxx", "data-challenge=\"ccc"] {
        assert!(passkey.contains(expected), "{expected}");
    }
    let code = &pages["code"];
    for expected in [
        "name=\"ceremony\" value=\"sealed\"",
        "action=\"/fr/session/code\"",
        "autocomplete=\"one-time-code\"",
        "inputmode=\"numeric\"",
    ] {
        assert!(code.contains(expected), "{expected}");
    }
    assert!(pages["home-patient"].contains("action=\"/fr/session/end\""));
    assert!(pages["home-patient"].contains("name=\"csrf\" value=\"token\""));
    assert!(pages["welcome-wait"].contains("Attendez 16 secondes"));
}

#[test]
fn lists_link_where_the_router_listens() {
    let view = RecordView { patient: banner(), filter: Some(Category::Result), results: None, documents: None };
    let html = Record::new(chrome(Lang::Fr, "/", Some(("x", Role::Relative))), view).render().unwrap();
    assert!(html.contains(&format!("href=\"/fr/records/{}?kind=document\"", patient())));
    assert!(html.contains("Votre mandat ne couvre pas"));
    assert!(!html.contains("documents-title"));
}
