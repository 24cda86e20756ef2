//! Against a real OpenLDAP: who is found, whose password is right, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../peers/mod.rs"]
mod peers;

use directory::{Directory, DirectoryError, Person};
use peers::{Authority, OpenLdap, directory, free_port, group, group_dn, person, person_dn, settings};
use std::{
    net::{Ipv4Addr, TcpListener},
    time::{Duration, Instant},
};
use types::{Secret, Time};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);

/// Four people: the first in a group within a group, the second in one directly, the third in both, the fourth in none.
/// Two groups hold each other.
fn hospital() -> OpenLdap {
    let entries = [
        person("camille", "Camille", "Essai"),
        person("dominique", "Dominique", "Modele"),
        person("sacha", "Sacha", "Exemple"),
        person("ailleurs", "Alix", "Dehors"),
        group("equipe", &[person_dn("camille"), group_dn("garde")]),
        group("garde", &[group_dn("equipe"), person_dn("sacha"), person_dn("parti")]),
        group("bureau", &[person_dn("dominique"), person_dn("sacha")]),
    ];
    OpenLdap::start(&entries.concat())
}

fn groups() -> [String; 2] {
    [group_dn("garde"), group_dn("bureau")]
}

fn opened(server: &OpenLdap) -> Directory {
    let groups = groups();
    directory(server, &[&groups[0], &groups[1]])
}

async fn named(directory: &Directory, login: &str) -> Person {
    let members = directory.members(NOW).await.unwrap();
    members.into_iter().find(|person| person.login == login).unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn people_are_found_in_groups_within_groups_and_known_by_their_password() {
    let server = hospital();
    let directory = opened(&server);
    directory.reach().await.unwrap();
    let mut members = directory.members(NOW).await.unwrap();
    members.sort_by(|one, other| one.login.cmp(&other.login));
    let told: Vec<_> = members.iter().map(|one| (one.login.as_str(), one.groups.as_slice(), one.is_usable)).collect();
    assert_eq!(told, [("camille", &[0][..], true), ("dominique", &[1], true), ("sacha", &[0, 1], true)]);
    let camille = &members[0];
    assert_eq!((camille.given_name.as_str(), camille.family_name.as_str()), ("Camille", "Essai"));
    // Up from the person as down from the group.
    for member in &members {
        assert_eq!(directory.person(&member.key, NOW).await.unwrap().as_ref(), Some(member));
        let right = directory.check(&member.key, secret(&format!("clef {}", member.login)), NOW).await.unwrap();
        assert_eq!(right.as_ref(), Some(member));
    }
    for wrong in ["clef", "", "clef sacha", "\0", "clef camille\0", "CLEF CAMILLE"] {
        assert_eq!(directory.check(&camille.key, secret(wrong), NOW).await, Ok(None), "{wrong:?}");
    }
}

#[tokio::test]
async fn nothing_that_is_asked_for_is_read_as_a_part_of_the_question() {
    let server = hospital();
    let directory = opened(&server);
    let long = "a".repeat(10_000);
    for key in ["*", ")(uid=*", "", "\0", &long, "(|(uid=*))", "00000000-0000-0000-0000-00000000000*"] {
        assert_eq!(directory.person(key, NOW).await, Ok(None), "{key:?}");
        assert_eq!(directory.check(key, secret("clef camille"), NOW).await, Ok(None), "{key:?}");
    }
    // Nor is anything of what the directory holds.
    server.change(
        "dn: uid=\\2a)(uid=\\2a,ou=personnes,dc=essai\nchangetype: add\nobjectClass: inetOrgPerson\nuid: *)(uid=*\ncn: *\n\
         sn: *)(objectClass=*\nuserPassword: clef etoile\n\n\
         dn: cn=garde,ou=groupes,dc=essai\nchangetype: modify\nadd: member\nmember: uid=\\2a)(uid=\\2a,ou=personnes,dc=essai\n",
    );
    let star = named(&directory, "*)(uid=*").await;
    assert_eq!(directory.person(&star.key, NOW).await.unwrap().unwrap().groups, [0]);
    assert_eq!(directory.check(&star.key, secret("clef camille"), NOW).await, Ok(None));
    assert!(directory.check(&star.key, secret("clef etoile"), NOW).await.unwrap().is_some());
}

#[tokio::test]
async fn a_name_that_changes_is_the_same_person_and_one_who_is_gone_is_gone() {
    let server = hospital();
    let directory = opened(&server);
    let before = named(&directory, "dominique").await;
    server.change(
        "dn: uid=dominique,ou=personnes,dc=essai\nchangetype: modrdn\nnewrdn: uid=dominique.nouveau\ndeleteoldrdn: 1\n\n\
         dn: cn=bureau,ou=groupes,dc=essai\nchangetype: modify\nreplace: member\n\
         member: uid=dominique.nouveau,ou=personnes,dc=essai\n",
    );
    let after = directory.check(&before.key, secret("clef dominique"), NOW).await.unwrap().unwrap();
    assert_eq!((after.login.as_str(), &after.groups), ("dominique.nouveau", &before.groups));
    let sacha = directory.members(NOW).await.unwrap().into_iter().find(|one| one.login == "sacha").unwrap();
    assert_eq!(sacha.groups, [0], "no longer in the other");
    server.change("dn: uid=dominique.nouveau,ou=personnes,dc=essai\nchangetype: delete\n");
    assert_eq!(directory.person(&before.key, NOW).await, Ok(None));
    assert_eq!(directory.check(&before.key, secret("clef dominique"), NOW).await, Ok(None));
}

#[tokio::test]
async fn who_is_disabled_or_expired_does_not_come_in_and_is_told_apart() {
    let server = hospital();
    let directory = opened(&server);
    for (login, change) in [
        ("camille", "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z"),
        ("sacha", "add: shadowExpire\nshadowExpire: 1"),
    ] {
        let person = named(&directory, login).await;
        let password = format!("clef {login}");
        assert!(directory.check(&person.key, secret(&password), NOW).await.unwrap().is_some());
        server.change(&format!("dn: {}\nchangetype: modify\n{change}\n", person_dn(login)));
        assert_eq!(directory.check(&person.key, secret(&password), NOW).await, Ok(None));
        let seen = directory.person(&person.key, NOW).await.unwrap().unwrap();
        assert!(!seen.is_usable && seen.groups == person.groups, "{seen:?}");
    }
}

#[tokio::test]
async fn a_referral_is_an_error_and_nobody_else_is_asked() {
    let server = hospital();
    let elsewhere = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let port = elsewhere.local_addr().unwrap().port();
    let directory = opened(&server);
    let camille = named(&directory, "camille").await;
    server.change(&format!(
        "dn: cn=renvoi,ou=personnes,dc=essai\nchangetype: add\nobjectClass: referral\nobjectClass: extensibleObject\n\
         cn: renvoi\nref: ldap://127.0.0.1:{port}/dc=essai\n"
    ));
    assert_eq!(directory.person(&camille.key, NOW).await, Err(DirectoryError::Referral));
    assert_eq!(directory.check(&camille.key, secret("clef camille"), NOW).await, Err(DirectoryError::Referral));
    // As a base of a search, and as a member of a group.
    server.change(
        "dn: cn=garde,ou=groupes,dc=essai\nchangetype: modify\nadd: member\nmember: cn=renvoi,ou=personnes,dc=essai\n",
    );
    assert_eq!(directory.members(NOW).await, Err(DirectoryError::Referral));
    assert!(elsewhere.accept().is_err(), "somebody followed it");
}

#[tokio::test]
async fn a_server_is_believed_by_its_authority_only_whichever_way_tls_begins() {
    let server = hospital();
    let (group, stranger) = (group_dn("garde"), Authority::default().pem());
    let own = server.authority.pem();
    let url = |scheme: &str, host: &str, port: u16| format!("{scheme}://{host}:{port}");
    for (scheme, port) in [("ldaps", server.ldaps), ("ldap+starttls", server.ldap)] {
        let open =
            |authority: &str, host: &str| Directory::open(settings(authority, &[&url(scheme, host, port)], &[&group]));
        for host in ["127.0.0.1", "localhost"] {
            open(&own, host).reach().await.unwrap();
            let refused = open(&stranger, host).reach().await;
            assert!(matches!(refused, Err(DirectoryError::Tls(_))), "{scheme}: {refused:?}");
        }
        // Another name than the certificate's, at the same address.
        let refused = open(&own, "localhost.localdomain").reach().await;
        assert!(matches!(refused, Err(DirectoryError::Tls(_) | DirectoryError::Unreachable(_))), "{refused:?}");
        let person = named(&open(&own, "localhost"), "camille").await;
        let right = open(&own, "localhost").check(&person.key, secret("clef camille"), NOW).await;
        assert!(right.unwrap().is_some());
    }
    // In clear where TLS is expected.
    let clear = Directory::open(settings(&own, &[&url("ldaps", "localhost", server.ldap)], &[&group]));
    assert!(clear.reach().await.is_err());
}

#[tokio::test]
async fn a_server_that_is_down_or_silent_costs_a_bounded_time_and_the_next_is_asked() {
    let mut server = hospital();
    let group = group_dn("garde");
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let [down, mute] =
        [free_port(), silent.local_addr().unwrap().port()].map(|port| format!("ldaps://127.0.0.1:{port}"));
    let up = format!("ldaps://127.0.0.1:{}", server.ldaps);
    let of = |servers: &[&str]| Directory::open(settings(&server.authority.pem(), servers, &[&group]));
    of(&[&down, &up]).reach().await.unwrap();
    let both = of(&[&mute, &up]);
    both.reach().await.unwrap();
    // It remembers who answered.
    let began = Instant::now();
    both.reach().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let began = Instant::now();
    assert_eq!(of(&[&mute]).reach().await, Err(DirectoryError::Late));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(matches!(of(&[&down]).reach().await, Err(DirectoryError::Unreachable(_))));
    server.stop();
    assert!(matches!(both.reach().await, Err(DirectoryError::Unreachable(_) | DirectoryError::Late)));
    server.resume();
    both.reach().await.unwrap();
}

#[tokio::test]
async fn what_is_not_whole_is_an_error() {
    let server = hospital();
    let garde = group_dn("garde");
    let missing = group_dn("absent");
    let refused = directory(&server, &[&garde, &missing]).members(NOW).await;
    assert_eq!(refused, Err(DirectoryError::NoGroup(missing)));
    let mut settings = server.settings(&[&garde]);
    settings.service_password = secret("une autre");
    let refused = Directory::open(settings).members(NOW).await;
    assert!(matches!(refused, Err(DirectoryError::ServiceAccount { code: 49, .. })), "{refused:?}");
    let mut settings = server.settings(&[&garde]);
    settings.people_base = "ou=ailleurs,dc=essai".to_owned();
    let nobody = Directory::open(settings).person("00000000-0000-0000-0000-000000000000", NOW).await;
    assert!(matches!(nobody, Err(DirectoryError::NoGroup(_))), "a base that is not there is not an empty one");
}

#[tokio::test]
async fn more_people_than_a_server_gives_at_once_are_all_read() {
    let people: Vec<_> = (0..250).map(|n| format!("p{n:03}")).collect();
    let members: Vec<_> = people.iter().map(|login| person_dn(login)).collect();
    let entries: String = people.iter().map(|login| person(login, "Prénom", "Nom")).collect();
    let server = OpenLdap::start(&format!("{entries}{}", group("tous", &members)));
    let directory = directory(&server, &[&group_dn("tous")]);
    assert_eq!(directory.members(NOW).await.unwrap().len(), 250);
}
