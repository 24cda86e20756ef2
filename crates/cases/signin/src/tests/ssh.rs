//! Signing in through the relays, against both databases.

use super::{
    means::{blob, line},
    *,
};
use crate::{SshRefused, SshSeen, SshSignIn};
use identity::Assurance;
use types::InterventionId;

pub(super) const WORK: InterventionId = InterventionId::from_bytes([0x1a; 16]);
const OTHER_WORK: InterventionId = InterventionId::from_bytes([0x1b; 16]);

pub(super) fn ssh(it: &Fixture) -> SshSignIn {
    let keys = it.master.keys_for(Holder::Door(Door::Relays));
    SshSignIn::new(it.store.clone(), it.journal.clone(), Arc::clone(&it.policies), keys, (HERE, Default::default()))
        .unwrap()
}

/// A technician with key 1, and somebody of each kind who must not come in.
pub(super) async fn people(it: &Fixture) -> AccountId {
    let sacha = it.enrol_of("sacha", Role::Technician, Some(OURS), 1).await.unwrap();
    it.enrolment.ssh_key(sacha, &line(1), "").await.unwrap();
    for (login, role, supplier, n) in [
        ("mo", Role::SupplierManager, Some(OURS), 2),
        ("dominique", Role::Beneficiary, None, 3),
        ("seul", Role::Technician, None, 4),
        ("autre", Role::Technician, Some(THEIRS), 5),
    ] {
        let account = it.enrol_of(login, role, supplier, n).await.unwrap();
        it.enrolment.ssh_key(account, &line(n), "").await.unwrap();
    }
    sacha
}

async fn seen(service: &SshSignIn, from: u8) -> SshSeen {
    service.identify(" Sacha ", &blob(1), address(from)).await.unwrap()
}

async fn only_technicians_with_their_own_key_are_known(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = people(&it).await;
    let service = ssh(&it);
    let who = seen(&service, 1).await;
    assert_eq!((who.account(), who.supplier(), who.display_name()), (sacha, OURS, "Personne sacha"));
    assert!(who.fingerprint().starts_with("SHA256:"));
    for (login, key) in [
        ("sacha", blob(9)),
        ("sacha", blob(5)),
        ("personne", blob(1)),
        ("mo", blob(2)),
        ("dominique", blob(3)),
        ("seul", blob(4)),
        ("", blob(1)),
        ("sacha", vec![]),
        ("sacha", blob(1)[..50].to_vec()),
        ("sacha", vec![0; 100_000]),
    ] {
        let refused = service.identify(login, &key, address(1)).await.err();
        assert_eq!(refused, Some(SshRefused::Refused), "{login} {}", key.len());
    }
    it.outside("UPDATE accounts SET state = 'blocked'").await;
    assert!(service.identify("sacha", &blob(1), address(1)).await.is_err());
}
both!(only_technicians_with_their_own_key_are_known);

async fn a_security_keys_key_takes_a_code_like_any_other(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = people(&it).await;
    let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let key = [field(b"sk-ssh-ed25519@openssh.com"), field(&[6; 32]), field(b"ssh:")].concat();
    let line = format!("sk-ssh-ed25519@openssh.com {}", data_encoding::BASE64.encode(&key));
    it.enrolment.ssh_key(sacha, &line, "clé de sécurité").await.unwrap();
    let service = ssh(&it);
    let who = service.identify("sacha", &key, address(1)).await.unwrap();
    assert_eq!(who.account(), sacha);
    assert_eq!(service.authenticated(&who, address(1)).await.err(), Some(SshRefused::Refused));
    service.code(&who, &it.code(1), address(1)).await.unwrap();
    assert_eq!(service.authenticated(&who, address(1)).await.unwrap().assurance(), Assurance::TwoFactors);
}
both!(a_security_keys_key_takes_a_code_like_any_other);

async fn a_key_is_nobody_without_a_code(database: &TestDatabase) {
    let it = fixture(database).await;
    people(&it).await;
    let service = ssh(&it);
    let who = seen(&service, 1).await;
    assert_eq!(service.authenticated(&who, address(1)).await.err(), Some(SshRefused::Refused));
    assert_eq!(service.open_key(&who, WORK, address(1)).await, Err(SshRefused::Refused));
    assert!(!service.is_open(&who, WORK, address(1)));
    service.touch(&who, WORK);
    assert_eq!(service.code(&who, "000000", address(1)).await, Err(SshRefused::Refused));
    assert_eq!(service.authenticated(&who, address(1)).await.err(), Some(SshRefused::Refused));

    it.clock.advance(30);
    let who = seen(&service, 2).await;
    assert_eq!(service.code(&who, &it.code(1), address(3)).await, Err(SshRefused::Refused), "from another address");
    service.code(&who, &format!(" {} ", it.code(1)), address(2)).await.unwrap();
    let proof = service.authenticated(&who, address(2)).await.unwrap();
    assert_eq!(
        (proof.account(), proof.role(), proof.door()),
        (Some(who.account()), Some(Role::Technician), Some(Door::Relays))
    );
    assert_eq!((proof.assurance(), proof.address()), (Assurance::TwoFactors, Some(address(2))));
    assert_eq!(proof.expires(), it.clock.now() + Duration::from_secs(60));
    assert!(service.authenticated(&who, address(3)).await.is_err());
    // The code served: neither here again, nor at any other door.
    let again = seen(&service, 4).await;
    assert_eq!(service.code(&again, &it.code(1), address(4)).await, Err(SshRefused::Refused));
    let pages = it.door(Door::Suppliers, SUPPLIERS);
    let ceremony = pages.first_step("sacha", Secret::new(PASSWORD.into()), address(5)).await.unwrap();
    assert_eq!(pages.second_step(&ceremony, &it.code(1), address(5)).await.err(), Some(SecondStepError::Refused));
}
both!(a_key_is_nobody_without_a_code);

async fn failures_count_at_every_door_together(database: &TestDatabase) {
    let it = fixture(database).await;
    people(&it).await;
    let (service, pages) = (ssh(&it), it.door(Door::Suppliers, SUPPLIERS));
    let who = seen(&service, 1).await;
    assert_eq!(service.code(&who, "000000", address(1)).await, Err(SshRefused::Refused));
    let wait = Duration::from_secs(2);
    assert_eq!(service.code(&who, &it.code(1), address(1)).await, Err(SshRefused::TooMany(wait)));
    assert_eq!(service.identify("sacha", &blob(1), address(1)).await.err(), Some(SshRefused::TooMany(wait)));
    let unknown = service.identify("sacha", &blob(9), address(1)).await.err();
    assert_eq!(unknown, Some(SshRefused::TooMany(wait)), "whatever the key");
    let ceremony = pages.first_step("sacha", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let waits = pages.second_step(&ceremony, &it.code(1), address(1)).await.err();
    assert_eq!(waits, Some(SecondStepError::TooMany(wait)));
    // And the other way round.
    it.clock.advance(30);
    let ceremony = pages.first_step("sacha", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    assert_eq!(pages.second_step(&ceremony, "000000", address(1)).await.err(), Some(SecondStepError::Refused));
    let waits = service.identify("sacha", &blob(1), address(1)).await.err();
    assert_eq!(waits, Some(SshRefused::TooMany(Duration::from_secs(4))));
    // Its owner elsewhere is not slowed.
    let who = seen(&service, 2).await;
    service.code(&who, &it.code(1), address(2)).await.unwrap();
}
both!(failures_count_at_every_door_together);

async fn guesses_at_once_are_one_guess(database: &TestDatabase) {
    let it = fixture(database).await;
    people(&it).await;
    let service = ssh(&it);
    let who = Arc::new(seen(&service, 1).await);
    let mut guesses = tokio::task::JoinSet::new();
    for n in 0..20 {
        let (service, who) = (service.clone(), Arc::clone(&who));
        guesses.spawn(async move { service.code(&who, &format!("{n:06}"), address(1)).await });
    }
    let mut looked_at = 0;
    while let Some(answer) = guesses.join_next().await {
        match answer.unwrap() {
            Err(SshRefused::Refused) => looked_at += 1,
            Err(SshRefused::TooMany(_) | SshRefused::Unavailable) => {}
            Ok(()) => panic!("a guess came in"),
        }
    }
    assert_eq!(looked_at, 1);
}
both!(guesses_at_once_are_one_guess);

async fn an_opened_key_serves_here_for_this_for_a_while(database: &TestDatabase) {
    let it = fixture(database).await;
    people(&it).await;
    let service = ssh(&it);
    let first = seen(&service, 1).await;
    service.code(&first, &it.code(1), address(1)).await.unwrap();
    let before = it.journal.entries();
    it.clock.advance(599);
    service.open_key(&first, WORK, address(1)).await.unwrap();
    it.clock.advance(599);
    assert_eq!(it.journal.entries(), before + 2, "traced, after the key of its family");

    let again = seen(&service, 1).await;
    assert!(service.authenticated(&again, address(1)).await.is_err(), "not before it is asked for");
    assert!(!service.is_open(&again, OTHER_WORK, address(1)), "another intervention");
    assert!(!service.is_open(&again, WORK, address(2)), "another address");
    assert!(service.is_open(&again, WORK, address(1)));
    assert!(service.authenticated(&again, address(1)).await.is_ok());
    let elsewhere = seen(&service, 2).await;
    assert!(!service.is_open(&elsewhere, WORK, address(2)));
    assert!(!service.is_open(&elsewhere, WORK, address(1)));

    // Activity renews it; nothing else does.
    service.touch(&again, WORK);
    for _ in 0..5 {
        it.clock.advance(599);
        service.touch(&again, WORK);
    }
    it.clock.advance(599);
    let late = seen(&service, 1).await;
    assert!(service.is_open(&late, WORK, address(1)));
    it.clock.advance(1);
    let too_late = seen(&service, 1).await;
    assert!(!service.is_open(&too_late, WORK, address(1)));
    service.touch(&again, WORK);
    assert!(!service.is_open(&too_late, WORK, address(1)), "what is over is not renewed");
    assert!(service.authenticated(&again, address(1)).await.is_err(), "on no connection");
}
both!(an_opened_key_serves_here_for_this_for_a_while);

async fn what_is_taken_away_is_gone_at_once(database: &TestDatabase) {
    for statement in [
        "UPDATE accounts SET state = 'blocked'",
        "DELETE FROM ssh_keys",
        "UPDATE accounts SET supplier_id = NULL",
        "UPDATE accounts SET supplier_id = (SELECT a.supplier_id FROM accounts a WHERE a.supplier_id <> accounts.supplier_id LIMIT 1)",
        "UPDATE accounts SET role = 'supplier_manager'",
        // What a change of means does: the code that was given is of the former ones.
        "UPDATE accounts SET version = version + 1",
    ] {
        // One database for all: the rows of the turn before are in its way.
        let it = fixture(database).await;
        it.outside("DELETE FROM ssh_keys").await;
        it.outside("DELETE FROM accounts").await;
        people(&it).await;
        let service = ssh(&it);
        let who = seen(&service, 1).await;
        service.code(&who, &it.code(1), address(1)).await.unwrap();
        service.open_key(&who, WORK, address(1)).await.unwrap();
        assert!(service.authenticated(&who, address(1)).await.is_ok());
        it.outside(statement).await;
        assert!(service.authenticated(&who, address(1)).await.is_err(), "{statement}");
        let again = service.identify("sacha", &blob(1), address(1)).await;
        assert!(again.is_err() || !service.is_open(&again.unwrap(), WORK, address(1)), "{statement}");
    }
}
both!(what_is_taken_away_is_gone_at_once);

async fn offers_are_paced(database: &TestDatabase) {
    let it = fixture(database).await;
    people(&it).await;
    let service = ssh(&it);
    for _ in 0..240 {
        assert_eq!(service.identify("sacha", &[], address(1)).await.err(), Some(SshRefused::Refused));
    }
    assert!(matches!(service.identify("sacha", &blob(1), address(1)).await.err(), Some(SshRefused::TooMany(_))));
    assert!(service.identify("sacha", &blob(1), address(2)).await.is_ok());
}
both!(offers_are_paced);
