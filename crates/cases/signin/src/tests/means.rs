//! Keys for SSH and passkeys of an account, against both databases.

use super::*;
use crate::{Means, MeansError, PASSKEYS_MAX, PasskeyOptions, Registration, SSH_KEYS_MAX};
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use identity::{
    BadSshKey,
    passkey::{BadRegistration, Elsewhere, PasskeyKey, PasskeyPublic, PasskeyRecord, RelyingParty},
};

pub(super) fn means(it: &Fixture, door: Door) -> Means {
    let keys = it.master.keys_for(Holder::Door(door));
    let rp = RelyingParty { id: "localhost".into(), origin: "https://localhost:8443".into() };
    Means::new(it.store.clone(), it.journal.clone(), Arc::clone(&it.policies), keys, rp)
}

/// A key's wire form.
pub(super) fn blob(fill: u8) -> Vec<u8> {
    [b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20".as_slice(), &[fill; 32]].concat()
}

/// A key's line.
pub(super) fn line(fill: u8) -> String {
    format!("ssh-ed25519 {} poste {fill}", BASE64.encode(&blob(fill)))
}

/// What a browser would answer, with an authenticator that has this credential.
pub(super) fn answer(options: &PasskeyOptions, credential: u8) -> Registration {
    let challenge = BASE64URL_NOPAD.encode(&options.challenge);
    let origin = &options.rp.origin;
    let client =
        format!(r#"{{"type":"webauthn.create","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#);
    let mut data = digest(&SHA256, options.rp.id.as_bytes()).as_ref().to_vec();
    data.extend([0x45, 0, 0, 0, 0]);
    data.extend([0; 16]);
    data.extend([0, 20]);
    data.extend([credential; 20]);
    data.extend(b"\xa4\x01\x01\x03\x27\x20\x06\x21\x58\x20");
    data.extend([9; 32]);
    let mut attestation_object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
    attestation_object.push(u8::try_from(data.len()).unwrap());
    attestation_object.extend(data);
    Registration { client_data_json: client.into_bytes(), attestation_object }
}

async fn keys_for_ssh_are_ones_own(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = it.somebody((Door::Suppliers, SUPPLIERS), "sacha", Role::Technician, 1).await;
    let mo = it.somebody((Door::Suppliers, SUPPLIERS), "mo", Role::Technician, 2).await;
    let means = means(&it, Door::Suppliers);
    let fingerprint = means.add_ssh_key(&sacha.authenticated, &line(1), "").await.unwrap();
    let named = means.add_ssh_key(&sacha.authenticated, &line(2), " Portable ").await.unwrap();
    let own = means.own(&sacha.authenticated).await.unwrap();
    let labels: Vec<_> = own.ssh_keys.iter().map(|key| (key.label.as_str(), key.algorithm)).collect();
    assert!(
        labels.contains(&("poste 1", "ssh-ed25519")) && labels.contains(&("Portable", "ssh-ed25519")),
        "{labels:?}"
    );
    // The same key may be another's too: nobody learns that it is.
    assert_eq!(means.add_ssh_key(&mo.authenticated, &line(1), "").await.unwrap(), fingerprint);
    let twice = means.add_ssh_key(&sacha.authenticated, &line(1), "encore").await;
    assert!(matches!(twice, Err(MeansError::Taken)));
    assert!(matches!(means.remove_ssh_key(&mo.authenticated, &named).await, Err(MeansError::Absent)));
    means.remove_ssh_key(&sacha.authenticated, &named).await.unwrap();
    assert!(matches!(means.remove_ssh_key(&sacha.authenticated, &named).await, Err(MeansError::Absent)));
    assert_eq!(means.own(&sacha.authenticated).await.unwrap().ssh_keys.len(), 1);
    assert_eq!(means.own(&mo.authenticated).await.unwrap().ssh_keys.len(), 1);

    let private = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----";
    let refused = means.add_ssh_key(&sacha.authenticated, private, "x").await;
    assert!(matches!(refused, Err(MeansError::SshKey(BadSshKey::Private))));
    for label in ["x".repeat(81), "a\u{202e}b".into(), "a\nb".into()] {
        assert!(matches!(means.add_ssh_key(&sacha.authenticated, &line(9), &label).await, Err(MeansError::Label(_))));
    }
    for n in 1..SSH_KEYS_MAX {
        means.add_ssh_key(&sacha.authenticated, &line(100 + u8::try_from(n).unwrap()), "").await.unwrap();
    }
    assert!(matches!(means.add_ssh_key(&sacha.authenticated, &line(99), "").await, Err(MeansError::Full)));
    // A row moved to another account in the database is nobody's.
    it.outside("UPDATE ssh_keys SET account_id = (SELECT account_id FROM sessions WHERE account_id <> ssh_keys.account_id LIMIT 1) WHERE fingerprint NOT IN (SELECT fingerprint FROM ssh_keys GROUP BY fingerprint HAVING COUNT(*) > 1)").await;
    assert!(matches!(means.own(&mo.authenticated).await, Err(MeansError::Unavailable)));
}
both!(keys_for_ssh_are_ones_own);

async fn many_at_once_do_not_pass_the_bound(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = Arc::new(it.somebody((Door::Suppliers, SUPPLIERS), "sacha", Role::Technician, 1).await);
    let means = means(&it, Door::Suppliers);
    let mut adding = tokio::task::JoinSet::new();
    for n in 0..20 {
        let (means, sacha) = (means.clone(), Arc::clone(&sacha));
        adding.spawn(async move { means.add_ssh_key(&sacha.authenticated, &line(n), "").await.is_ok() });
    }
    let mut added = 0;
    while let Some(one) = adding.join_next().await {
        added += usize::from(one.unwrap());
    }
    assert!(added <= SSH_KEYS_MAX, "{added}");
    assert_eq!(means.own(&sacha.authenticated).await.unwrap().ssh_keys.len(), added);
}
both!(many_at_once_do_not_pass_the_bound);

async fn a_passkey_is_enrolled_once_in_time_by_who_began(database: &TestDatabase) {
    let it = fixture(database).await;
    let dominique = it.somebody((Door::Desk, DESK), "dominique", Role::Beneficiary, 1).await;
    let other = it.somebody((Door::Desk, DESK), "claude", Role::Beneficiary, 2).await;
    let means = means(&it, Door::Desk);
    let nothing = Registration { client_data_json: vec![], attestation_object: vec![] };
    let lost = means.finish_passkey(&dominique.authenticated, &nothing, "Clé").await;
    assert!(matches!(lost, Err(MeansError::Lost)), "nothing was begun");

    let options = means.begin_passkey(&dominique.authenticated).await.unwrap();
    assert_eq!((options.user, options.exclude.len()), (dominique.account, 0));
    let good = answer(&options, 1);
    assert!(matches!(means.finish_passkey(&other.authenticated, &good, "Clé").await, Err(MeansError::Lost)));
    let credential = means.finish_passkey(&dominique.authenticated, &good, "Clé").await.unwrap();
    assert_eq!(credential, [1; 20]);
    assert!(matches!(means.finish_passkey(&dominique.authenticated, &good, "Clé").await, Err(MeansError::Lost)));

    // A new beginning replaces the one before; a wrong answer uses the challenge up.
    let first = means.begin_passkey(&dominique.authenticated).await.unwrap();
    assert_eq!(first.exclude, [vec![1; 20]]);
    let second = means.begin_passkey(&dominique.authenticated).await.unwrap();
    assert_ne!(first.challenge, second.challenge);
    let wrong = means.finish_passkey(&dominique.authenticated, &answer(&first, 2), "Clé").await;
    let challenge = BadRegistration::Elsewhere(Elsewhere::Challenge);
    assert!(matches!(wrong, Err(MeansError::Passkey(why)) if why == challenge));
    assert!(matches!(
        means.finish_passkey(&dominique.authenticated, &answer(&second, 2), "Clé").await,
        Err(MeansError::Lost)
    ));

    let options = means.begin_passkey(&other.authenticated).await.unwrap();
    let taken = means.finish_passkey(&other.authenticated, &answer(&options, 1), "La sienne").await;
    assert!(matches!(taken, Err(MeansError::Taken)), "a credential is of one account");
    let options = means.begin_passkey(&other.authenticated).await.unwrap();
    it.clock.advance(59);
    assert!(means.finish_passkey(&other.authenticated, &answer(&options, 3), "La mienne").await.is_ok());
    let seen = means.own(&other.authenticated).await.unwrap().passkeys;
    assert_eq!((seen.len(), seen[0].label.as_str(), seen[0].vouched), (1, "La mienne", false));
}
both!(a_passkey_is_enrolled_once_in_time_by_who_began);

async fn an_enrolment_left_for_too_long_is_lost(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("dominique", Role::Beneficiary, 1).await.unwrap();
    let (service, means) = (it.door(Door::Desk, DESK), means(&it, Door::Desk));
    let ceremony = service.first_step("dominique", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    let opened = service.second_step(&ceremony, &it.code(1), address(1)).await.unwrap();
    for (wait, works) in [(299, true), (300, false)] {
        let who = service.resume(&opened.cookie, address(1)).await.unwrap();
        let options = means.begin_passkey(&who.authenticated).await.unwrap();
        it.clock.advance(wait);
        let who = service.resume(&opened.cookie, address(1)).await.unwrap();
        let finished = means.finish_passkey(&who.authenticated, &answer(&options, 7), "Clé").await;
        assert_eq!(finished.is_ok(), works, "{wait} s: {finished:?}");
        assert!(works || matches!(finished, Err(MeansError::Lost)));
    }
}
both!(an_enrolment_left_for_too_long_is_lost);

async fn whose_session_ended_meanwhile_adds_nothing(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = it.somebody((Door::Suppliers, SUPPLIERS), "sacha", Role::Technician, 1).await;
    let means = means(&it, Door::Suppliers);
    let options = means.begin_passkey(&sacha.authenticated).await.unwrap();
    // As another node ends it: this one has not heard of it, and the proof is still good.
    it.outside("DELETE FROM sessions").await;
    assert!(matches!(means.add_ssh_key(&sacha.authenticated, &line(1), "").await, Err(MeansError::Absent)));
    let finished = means.finish_passkey(&sacha.authenticated, &answer(&options, 1), "Clé").await;
    assert!(matches!(finished, Err(MeansError::Absent)));
    let tokens = super::tokens::tokens(&it, Door::Suppliers, SUPPLIERS);
    let issued = tokens.issue(&sacha.authenticated, super::tokens::new_token(&it, 3600)).await.err();
    assert!(matches!(issued, Some(MeansError::Absent)));
    let own = means.own(&sacha.authenticated).await.unwrap();
    assert!(own.ssh_keys.is_empty() && own.passkeys.is_empty());
}
both!(whose_session_ended_meanwhile_adds_nothing);

async fn administrators_vouch_for_others_and_revoke(database: &TestDatabase) {
    let it = fixture(database).await;
    let dominique = it.somebody((Door::Desk, DESK), "dominique", Role::Beneficiary, 1).await;
    let alix = it.somebody((Door::Desk, DESK), "alix", Role::Administrator, 2).await;
    let means = means(&it, Door::Desk);
    let mut credentials = Vec::new();
    for (who, n) in [(&dominique, 1), (&alix, 2)] {
        let options = means.begin_passkey(&who.authenticated).await.unwrap();
        credentials.push(means.finish_passkey(&who.authenticated, &answer(&options, n), "Clé").await.unwrap());
    }
    let [theirs, own] = [&credentials[0], &credentials[1]];
    let evidence = b"terms and signature".as_slice();
    let admin = &alix.authenticated;
    assert!(matches!(means.passkeys(&dominique.authenticated).await, Err(MeansError::Denied)));
    assert!(matches!(means.vouch(&dominique.authenticated, theirs, evidence).await, Err(MeansError::Denied)));
    assert!(matches!(means.revoke_passkey(&dominique.authenticated, theirs).await, Err(MeansError::Denied)));
    assert!(matches!(means.vouch(admin, own, evidence).await, Err(MeansError::Denied)), "nobody vouches for himself");
    assert!(matches!(means.vouch(admin, &[9; 20], evidence).await, Err(MeansError::Absent)));
    assert!(matches!(means.vouch(admin, theirs, &[]).await, Err(MeansError::Evidence)));
    assert!(matches!(means.vouch(admin, theirs, &vec![0; 65_537]).await, Err(MeansError::Evidence)));
    means.vouch(admin, theirs, evidence).await.unwrap();
    let all = means.passkeys(admin).await.unwrap();
    let shown: Vec<_> = all.iter().map(|one| (one.display_name.as_str(), one.role, one.passkey.vouched)).collect();
    let expected = [("Personne alix", Role::Administrator, false), ("Personne dominique", Role::Beneficiary, true)];
    assert_eq!(shown, expected, "who waits comes first");
    // What the case that verifies chains will read.
    let (row, keys) = (all[1].account, it.master.keys_for(Holder::Door(Door::Relays)));
    let mut connection = it.store.read().await.unwrap();
    let (sealed, vouch): (Vec<u8>, Vec<u8>) =
        sqlx::query_as("SELECT sealed, vouch FROM passkeys WHERE vouch IS NOT NULL")
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    let place: [&[u8]; 3] = [theirs, row.as_bytes(), HERE.as_bytes()];
    let open =
        |column, sealed| keys.open(Purpose::MeansFields, Place { table: "passkeys", column, row: &place }, sealed);
    assert_eq!(open("vouch", &vouch).unwrap().as_slice(), evidence);
    let record = PasskeyRecord::from_bytes(&open("sealed", &sealed).unwrap()).unwrap();
    assert_eq!(record.public, all[1].passkey.public);
    drop(connection);

    // Another establishment's administrator sees nothing of it.
    let elsewhere = EstablishmentId::from_bytes([2; 16]);
    it.enrolment.establishment(elsewhere, "Autre hôpital").await.unwrap();
    it.outside("UPDATE passkeys SET establishment_id = (SELECT id FROM establishments WHERE name = 'Autre hôpital')")
        .await;
    assert!(matches!(means.vouch(admin, theirs, evidence).await, Err(MeansError::Absent)));
    assert!(matches!(means.revoke_passkey(admin, theirs).await, Err(MeansError::Absent)));
    assert_eq!(means.passkeys(admin).await.unwrap().len(), 0);
    it.outside("UPDATE passkeys SET establishment_id = (SELECT id FROM establishments WHERE name <> 'Autre hôpital')")
        .await;
    means.revoke_passkey(admin, theirs).await.unwrap();
    assert!(matches!(means.revoke_passkey(admin, theirs).await, Err(MeansError::Absent)));
    assert_eq!(means.own(&dominique.authenticated).await.unwrap().passkeys.len(), 0);
}
both!(administrators_vouch_for_others_and_revoke);

async fn the_demonstration_enrols_means_with_its_accounts(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("dominique", Role::Beneficiary, 1).await.unwrap();
    let record = |n: u8| PasskeyRecord {
        renewal: 0,
        public: PasskeyPublic {
            credential: vec![n; 16],
            public_key: PasskeyKey::Ed25519([9; 32]),
            sign_count: 0,
            backup_eligible: false,
            backed_up: false,
        },
        label: "Clé".into(),
    };
    it.enrolment.passkey(account, &record(1)).await.unwrap();
    assert!(matches!(it.enrolment.passkey(account, &record(1)).await, Err(MeansError::Taken)));
    it.enrolment.vouch(&[1; 16], b"evidence").await.unwrap();
    assert!(matches!(it.enrolment.vouch(&[2; 16], b"evidence").await, Err(MeansError::Absent)));
    assert!(it.enrolment.ssh_key(account, &line(1), "").await.is_ok());
    assert!(matches!(
        it.enrolment.ssh_key(AccountId::from_bytes([9; 16]), &line(1), "").await,
        Err(MeansError::Absent)
    ));
    for n in 2..=u8::try_from(PASSKEYS_MAX).unwrap() {
        it.enrolment.passkey(account, &record(n)).await.unwrap();
    }
    assert!(matches!(it.enrolment.passkey(account, &record(99)).await, Err(MeansError::Full)));
}
both!(the_demonstration_enrols_means_with_its_accounts);
