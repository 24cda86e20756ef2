//! Against a real Active Directory domain: Samba's. It listens on the ports of such a domain, at an address of this machine's
//! own that nobody else uses, which only root may do: it is run when asked for (`--ignored`), as `./test` does for root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../peers/mod.rs"]
mod peers;

use directory::{Directory, DirectoryError, Person};
use peers::samba::{PASSWORD, Samba};
use types::{Secret, Time};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);

async fn members(directory: &Directory) -> Vec<Person> {
    let mut members = directory.members(NOW).await.unwrap();
    members.sort_by(|one, other| one.login.cmp(&other.login));
    members
}

async fn is_right(directory: &Directory, key: &str, password: &str) -> bool {
    directory.check(key, Secret::new(password.to_owned()), NOW).await.unwrap().is_some()
}

#[tokio::test]
#[ignore = "needs root: Active Directory's ports, at an address of its own"]
async fn people_groups_passwords_and_departures_of_active_directory() {
    let samba = Samba::start();
    samba.user("poterne", "Poterne", "Service", &[]);
    samba.user("camille", "Camille", "Essai", &[]);
    samba.user("dominique", "Dominique", "Modele", &[]);
    samba.user("sacha", "Sacha", "Exemple", &["--must-change-at-next-login"]);
    samba.user("ailleurs", "Alix", "Dehors", &[]);
    for (group, of) in [("equipe", "camille,sacha"), ("garde", "equipe"), ("bureau", "dominique,camille")] {
        samba.tool(&["group", "add", group]);
        samba.tool(&["group", "addmembers", group, of]);
    }
    // The base is the domain itself, which refers to others unless it is told not to.
    let directory = samba.directory(&["garde", "bureau"]);
    directory.reach().await.unwrap();
    let all = members(&directory).await;
    let told: Vec<_> = all.iter().map(|one| (one.login.as_str(), one.groups.as_slice(), one.is_usable)).collect();
    assert_eq!(told, [("camille", &[0, 1][..], true), ("dominique", &[1], true), ("sacha", &[0], true)]);
    let (camille, dominique, sacha) = (&all[0], &all[1], &all[2]);
    assert_eq!((camille.given_name.as_str(), camille.family_name.as_str()), ("Camille", "Essai"));
    for person in &all {
        assert_eq!(directory.person(&person.key, NOW).await.unwrap().as_ref(), Some(person));
    }
    assert!(is_right(&directory, &camille.key, PASSWORD).await);
    for wrong in ["", "une autre", "\0", "*"] {
        assert!(!is_right(&directory, &camille.key, wrong).await, "{wrong:?}");
    }
    assert!(!is_right(&directory, &sacha.key, PASSWORD).await, "it is to be changed first, there");
    for key in ["*", ")(objectClass=*", "", "zz", "00112233445566778899aabbccddeeff"] {
        assert_eq!(directory.person(key, NOW).await, Ok(None), "{key:?}");
    }
    let starts_tls = format!("ldap+starttls://{}", samba.address);
    Directory::open(samba.settings(&starts_tls, &["garde"])).reach().await.unwrap();
    let missing = samba.directory(&["garde", "absent"]).members(NOW).await;
    assert!(matches!(missing, Err(DirectoryError::NoGroup(_))), "{missing:?}");

    // Disabled, expired, moved to another group, gone.
    samba.tool(&["user", "disable", "dominique"]);
    assert!(!is_right(&directory, &dominique.key, PASSWORD).await);
    let seen = directory.person(&dominique.key, NOW).await.unwrap().unwrap();
    assert!(!seen.is_usable && seen.groups == [1]);
    samba.tool(&["group", "removemembers", "garde", "equipe"]);
    let camille = directory.check(&camille.key, Secret::new(PASSWORD.to_owned()), NOW).await.unwrap().unwrap();
    assert_eq!(camille.groups, [1]);
    samba.tool(&["user", "delete", "camille"]);
    assert_eq!(directory.person(&camille.key, NOW).await, Ok(None));
    assert!(!is_right(&directory, &camille.key, PASSWORD).await);
    let left = members(&directory).await;
    assert_eq!(left.iter().map(|one| one.login.as_str()).collect::<Vec<_>>(), ["dominique"]);
}
