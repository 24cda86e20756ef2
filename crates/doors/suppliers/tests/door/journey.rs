//! What a technician does, page after page.

use crate::{
    house::House,
    people::key_line,
    table::{Names, OWNER},
};
use store::testing::{TestDatabase, both};
use types::Event;

const HOME: &str = "/fr/";

async fn from_the_first_key_to_the_end(database: &TestDatabase) {
    let house = House::new(database).await;
    let erwan = house.sign_in("erwan.tanguy").await;
    let scanner = house.scanner.to_string();
    let (own, other) = (house.accounts["erwan.tanguy"].to_string(), house.accounts["karim.oukaci"].to_string());
    assert!(erwan.get(HOME).await.text.contains("Il vous manque une clé SSH"));

    // A private key is neither taken nor shown again; a wrong line comes back with what is wrong.
    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\n-----END OPENSSH PRIVATE KEY-----";
    let refused = erwan.send("/fr/means/keys", &[("key", private), ("label", "x")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("C’est une clé privée") && !refused.text.contains("b3BlbnNza"));
    let refused = erwan.send("/fr/means/keys", &[("key", "ssh-ed25519 AAAA moi"), ("label", "")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("ssh-ed25519 AAAA moi</textarea>") && refused.text.contains("aria-invalid"));
    let added = erwan.send("/fr/means/keys", &[("key", &format!(" {}\n", key_line(5))), ("label", "")]).await;
    assert_eq!((added.status, added.header("location")), (303, "/fr/means?done=key-added"));
    let twice = erwan.send("/fr/means/keys", &[("key", &key_line(5)), ("label", "")]).await;
    assert!(twice.status == 422 && twice.text.contains("déjà inscrite dans votre compte"), "{}", twice.text);
    let means = erwan.get("/fr/means?done=key-added").await.text;
    assert!(means.contains("La clé est ajoutée") && means.contains("poste 5"));
    let fingerprint =
        format!("SHA256:{}", means.split("<code class=\"hash\">SHA256:").nth(1).unwrap().split('<').next().unwrap());
    assert_eq!(house.traced(Event::SshKeyAdded), 3, "two colleagues had theirs");

    // The form proposes now and oneself; what is wrong comes back at its field, with all that was typed.
    let form = erwan.get("/fr/interventions/new").await.text;
    assert!(form.contains(&format!("value=\"{own}\" checked")) && form.contains("Heure de Paris"));
    assert!(!form.contains(&other) && !form.contains("10.0.0.8"), "nothing of others");
    let mut fields = vec![
        ("equipment", scanner.as_str()),
        ("activity", "maintenance"),
        ("purpose", "Le tube <surchauffe>"),
        ("ticket", "T-1"),
        ("from", "hier"),
        ("until", "demain"),
        ("technicians", own.as_str()),
        ("rights", "shell"),
        ("rights", "files_in"),
        ("sources", ""),
    ];
    let wrong = erwan.send("/fr/interventions", &fields).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text.contains("Le tube &#60;surchauffe&#62;") && wrong.text.matches("class=\"field-wrong\"").count() == 2
    );
    assert!(wrong.text.contains("href=\"/en/interventions/new\""), "the other language leads to a page");
    let (from, until) = (house.clock.local(-5), house.clock.local(60));
    (fields[4].1, fields[5].1) = (&from, &until);
    for stranger in [other.as_str(), house.accounts["lise.maillard"].to_string().as_str()] {
        let mut named = fields.clone();
        named.push(("technicians", stranger));
        let refused = erwan.send("/fr/interventions", &named).await;
        assert!(refused.status == 422 && refused.text.contains("de votre entreprise"), "{}", refused.text);
    }
    let sent = erwan.send("/fr/interventions", &fields).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = sent.header("location").to_owned();
    let path = page.split('?').next().unwrap().to_owned();
    let id = path.rsplit('/').next().unwrap().to_owned();
    let waiting = erwan.get(&page).await.text;
    assert!(waiting.contains("Votre demande est envoyée") && waiting.contains("n’a pas encore répondu"));
    assert!(!waiting.contains("ssh erwan"));
    assert_eq!(house.traced(Event::InterventionRequested), 1);

    // Approved: the command stands on the home page.
    house.approve(&id).await;
    let command = "ssh erwan.tanguy%scanner-1@relais.hopital.example -p 2222";
    for place in [HOME, path.as_str()] {
        let page = erwan.get(place).await.text;
        assert!(page.contains(command) && page.contains("Vous pouvez vous connecter jusqu’au"), "{place}: {page}");
    }
    let open = erwan.send(&format!("{path}/open"), &[]).await;
    assert_eq!((open.status, open.header("location")), (303, path.as_str()));
    assert!(erwan.get(&path).await.text.contains("En cours"));
    let late = erwan.send(&format!("{path}/withdraw"), &[]).await;
    assert_eq!(late.status, 409);
    assert!(late.text.contains("L’intervention a changé entre-temps") && late.text.contains("En cours"));
    assert_eq!(erwan.send(&format!("{path}/close"), &[]).await.status, 303);
    let over = erwan.get(&path).await.text;
    assert!(over.contains("Terminée") && !over.contains(command) && over.contains("Demander de nouveau"));
    let again = erwan.get(&format!("/fr/interventions/new?like={id}")).await.text;
    assert!(again.contains("Le tube &#60;surchauffe&#62;</textarea>") && again.contains("value=\"files_in\" checked"));

    // The key goes: what was asked for with it would no longer open, and the page says so before anybody tries.
    let sent = erwan.send("/fr/interventions", &fields).await;
    let second = sent.header("location").split('?').next().unwrap().to_owned();
    let removed = erwan.send("/fr/means/keys/remove", &[("fingerprint", &fingerprint)]).await;
    assert_eq!((removed.status, removed.header("location")), (303, "/fr/means?done=key-removed"));
    assert!(erwan.get(&second).await.text.contains("Votre compte n’a plus de clé SSH"));
    let held = "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHAAAABHNzaDo=";
    let held = format!("sk-ssh-ed25519@openssh.com {held} clé de sécurité");
    assert_eq!(erwan.send("/fr/means/keys", &[("key", &held), ("label", "")]).await.status, 303, "a security key's");
    assert_eq!(erwan.send(&format!("{second}/withdraw"), &[]).await.status, 303);
    assert!(erwan.get("/en/interventions?state=withdrawn").await.text.contains("scanner-1"));
    assert!(erwan.get("/en/interventions?state=open").await.text.contains("No intervention here."));
}
both!(from_the_first_key_to_the_end);

async fn each_sees_his_own(database: &TestDatabase) {
    let house = House::new(database).await;
    let solene = house.sign_in("solene.lebihan").await;
    let scanner = house.scanner.to_string();
    let (from, until) = (house.clock.local(60), house.clock.local(120));
    let own = house.accounts["solene.lebihan"].to_string();
    let fields = [
        ("equipment", scanner.as_str()),
        ("activity", "monitoring"),
        ("purpose", "Relever les compteurs"),
        ("from", &from),
        ("until", &until),
        ("technicians", &own),
        ("rights", "exec"),
    ];
    let sent = solene.send("/fr/interventions", &fields).await;
    let path = sent.header("location").split('?').next().unwrap().to_owned();
    // Her manager sees it and may take it back; a technician beside her, or of another supplier, sees nothing.
    let lise = house.sign_in("lise.maillard").await;
    assert!(lise.get(HOME).await.text.contains("solene lebihan"));
    let seen = lise.get(&path).await.text;
    assert!(seen.contains("Relever les compteurs") && seen.contains("/withdraw") && !seen.contains("/close\""));
    assert_eq!(lise.send(&format!("{path}/close"), &[]).await.status, 404);
    let mut bodies = Vec::new();
    for login in ["erwan.tanguy", "karim.oukaci"] {
        let other = house.sign_in(login).await;
        assert!(!other.get(HOME).await.text.contains("scanner-1"), "{login}");
        for absent in [path.as_str(), "/fr/interventions/aaaaaaaaaaaaaaaaaaaaaaaaaa", "/fr/interventions/x"] {
            let page = other.get(absent).await;
            assert_eq!(page.status, 404, "{login} {absent}");
            let text = page.text.replace(&login.replace('.', " "), "").replace(&other.csrf, "");
            let (before, after) = text.split_once("<p class=\"reference\">").unwrap();
            bodies.push(format!("{before}{}", after.split_once("</p>").unwrap().1.len()));
        }
        for act in ["open", "close"] {
            assert_eq!(other.send(&format!("{path}/{act}"), &[]).await.status, 404, "{login} {act}");
        }
        let blind = other.get(&format!("/fr/interventions/new?like={}", path.rsplit('/').next().unwrap())).await;
        assert_eq!(blind.status, 404, "{login}");
    }
    let karim = house.sign_in("karim.oukaci").await;
    assert_eq!(karim.send(&format!("{path}/withdraw"), &[]).await.status, 404);
    bodies.dedup_by(|a, b| a.split("data-session").next() == b.split("data-session").next());
    assert_eq!(bodies.len(), 1, "absent and forbidden look alike");
    // The hospital's reason for a refusal reaches those who asked.
    house.refuse(path.rsplit('/').next().unwrap(), "Demandez demain matin.").await;
    let refused = solene.get(&path).await.text;
    assert!(refused.contains("L’hôpital a refusé") && refused.contains("Demandez demain matin."));
}
both!(each_sees_his_own);

async fn without_relays_nothing_is_promised(database: &TestDatabase) {
    let house = House::with(database, None).await;
    let solene = house.sign_in(OWNER).await;
    let closed = "SSH n’est pas ouvert à cette porte";
    let empty = solene.get(HOME).await.text;
    assert!(empty.contains(closed) && !empty.contains("la commande pour vous connecter s’affiche ici"), "{empty}");
    let path = format!("/fr/interventions/{}", house.made(Names::Planned).await);
    for page in [HOME, path.as_str()] {
        let text = solene.get(page).await.text;
        assert!(text.contains(closed) && text.contains("01 99 00 12 34"), "{page}: {text}");
        assert!(!text.contains("ssh solene") && !text.contains("ous pouvez vous connecter"), "{page}: {text}");
    }
}
both!(without_relays_nothing_is_promised);

/// What the hospital does, and what time does, is on his pages at once.
async fn each_state_says_what_comes_next(database: &TestDatabase) {
    let house = House::new(database).await;
    let solene = house.sign_in(OWNER).await;
    let command = "ssh solene.lebihan%scanner-1@relais.hopital.example -p 2222";
    let (scanner, own) = (house.scanner.to_string(), house.accounts[OWNER].to_string());
    let (from, until) = (house.clock.local(60), house.clock.local(120));
    let fields = [
        ("equipment", scanner.as_str()),
        ("activity", "maintenance"),
        ("purpose", "Changer le tube"),
        ("from", &from),
        ("until", &until),
        ("technicians", &own),
        ("rights", "shell"),
    ];
    let mut ids = Vec::new();
    for _ in 0..3 {
        let sent = solene.send("/fr/interventions", &fields).await;
        assert_eq!(sent.status, 303, "{}", sent.text);
        ids.push(sent.header("location").split('?').next().unwrap().rsplit('/').next().unwrap().to_owned());
    }
    let [planned, cut, waiting] = [&ids[0], &ids[1], &ids[2]];
    let page = async |id: &str| solene.get(&format!("/fr/interventions/{id}")).await.text;
    house.approve(planned).await;
    house.approve(cut).await;
    // Planned: the command is there beforehand, and says when.
    let early = page(planned).await;
    assert!(early.contains(command) && early.contains("Vous pourrez vous connecter à partir du"), "{early}");
    assert!(early.contains("À ce moment-là") && !early.contains("/open\""));
    let refused = solene.send(&format!("/fr/interventions/{planned}/open"), &[]).await;
    assert_eq!(refused.status, 409, "before its window");
    assert!(solene.get(HOME).await.text.contains("Approuvé, à venir"));
    house.clock.advance(60 * 60);
    let solene = house.sign_in(OWNER).await;
    let page = async |id: &str| solene.get(&format!("/fr/interventions/{id}")).await.text;
    assert!(page(planned).await.contains("Il reste 59"), "{}", page(planned).await);
    assert_eq!(solene.send(&format!("/fr/interventions/{planned}/open"), &[]).await.status, 303);
    assert_eq!(solene.send(&format!("/fr/interventions/{cut}/open"), &[]).await.status, 303);
    house.cut(cut, "Une urgence arrive au scanner.").await;
    let over = page(cut).await;
    assert!(over.contains("L’hôpital a coupé l’intervention") && over.contains("Une urgence arrive au scanner."));
    assert!(!over.contains(command) && !over.contains("/close\""));
    let home = solene.get(HOME).await.text;
    assert_eq!(home.matches(command).count(), 1, "one of them can be worked in");
    // The window is over: nothing can be typed any more, and a request without an answer has lapsed.
    house.clock.advance(60 * 60);
    let solene = house.sign_in(OWNER).await;
    for id in [planned, waiting] {
        let page = solene.get(&format!("/fr/interventions/{id}")).await.text;
        assert!(page.contains("La fenêtre est passée. Pour continuer, faites une nouvelle demande."), "{page}");
    }
    let home = solene.get("/en/").await.text;
    assert!(!home.contains(command) && home.contains("Nothing is open at the moment."), "{home}");
}
both!(each_state_says_what_comes_next);
