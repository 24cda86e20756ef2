//! Signing in with a passkey, against both databases.

use super::{means::means, *};
use crate::{AccountError, Chosen, MeansError, PasskeyAsked, PasskeyRefused, SecondCode};
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use data_encoding::BASE64URL_NOPAD;
use identity::{
    Assurance,
    passkey::{Assertion, PasskeyKey, PasskeyPublic, PasskeyRecord, RelyingParty},
};
use policy::Lacking;
use types::{AccountState, IdentityProof, LifeReason};

/// An authenticator of software.
pub(super) struct Device {
    key: EcdsaKeyPair,
    counts_from: u32,
}

impl Device {
    pub(super) fn draw(counts_from: u32) -> Self {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).unwrap();
        Self { key, counts_from }
    }

    pub(super) fn credential(&self) -> Vec<u8> {
        digest(&SHA256, self.key.public_key().as_ref()).as_ref()[..16].to_vec()
    }

    pub(super) fn record(&self) -> PasskeyRecord {
        let point = self.key.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 32];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 32]);
        cose.extend(&point[33..65]);
        let public = PasskeyPublic {
            credential: self.credential(),
            public_key: PasskeyKey::from_cose(&cose).unwrap(),
            sign_count: self.counts_from,
            backup_eligible: false,
            backed_up: false,
        };
        PasskeyRecord { public, label: "Téléphone".into(), renewal: 0 }
    }

    fn signs(&self, asked: &PasskeyAsked, count: u32) -> Assertion {
        self.answers((&asked.rp, &asked.challenge), 0x05, count)
    }

    /// With these flags: present is 1, verified is 4.
    pub(super) fn answers(&self, (rp, challenge): (&RelyingParty, &[u8; 32]), flags: u8, count: u32) -> Assertion {
        let (challenge, origin) = (BASE64URL_NOPAD.encode(challenge), &rp.origin);
        let client =
            format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#);
        let client_data_json = client.into_bytes();
        let mut authenticator_data = digest(&SHA256, rp.id.as_bytes()).as_ref().to_vec();
        authenticator_data.push(flags);
        authenticator_data.extend(count.to_be_bytes());
        let signed = [authenticator_data.as_slice(), digest(&SHA256, &client_data_json).as_ref()].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).unwrap().as_ref().to_vec();
        Assertion { credential: self.credential(), client_data_json, authenticator_data, signature }
    }
}

impl Fixture {
    /// A door that takes passkeys.
    fn with_passkeys(&self, door: Door, roles: &'static [Role]) -> SignInService {
        self.door(door, roles).with_means(means(self, door))
    }
}

async fn comes_in(door: &SignInService, device: &Device, from: u8) -> Result<SignedIn, PasskeyRefused> {
    let asked = door.ask_passkey(address(from)).unwrap();
    let signed = device.signs(&asked, 0);
    let opened = door.passkey_sign_in(&asked.ceremony, &signed, (address(from), "Chrome, Linux")).await?;
    Ok(door.resume(&opened.cookie, address(from)).await.unwrap())
}

async fn a_passkey_opens_its_holders_account_once_for_each_question(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let (device, stranger) = (Device::draw(0), Device::draw(0));
    it.enrolment.passkey(account, &device.record()).await.unwrap();
    let door = it.with_passkeys(Door::Portal, PORTAL);
    let asked = door.ask_passkey(address(1)).unwrap();
    let signed = device.signs(&asked, 0);
    let opened = door.passkey_sign_in(&asked.ceremony, &signed, (address(1), "")).await.unwrap();
    let who = door.resume(&opened.cookie, address(1)).await.unwrap();
    assert_eq!((who.account, who.authenticated.assurance()), (account, Assurance::Passkey));
    // What was sent, sent again: by whoever saw it pass.
    let again = door.passkey_sign_in(&asked.ceremony, &signed, (address(1), "")).await.err();
    assert_eq!(again, Some(PasskeyRefused::Refused));

    // Another question's answer; another address; too late; none of ours; another door's question; a stranger's key.
    let (first, second) = (door.ask_passkey(address(1)).unwrap(), door.ask_passkey(address(1)).unwrap());
    let crossed = door.passkey_sign_in(&first.ceremony, &device.signs(&second, 0), (address(1), "")).await.err();
    assert_eq!(crossed, Some(PasskeyRefused::Refused));
    let signed = device.signs(&first, 0);
    let elsewhere = door.passkey_sign_in(&first.ceremony, &signed, (address(2), "")).await.err();
    assert_eq!(elsewhere, Some(PasskeyRefused::Lost));
    for garbage in ["", "x", &"A".repeat(3000)] {
        let none = door.passkey_sign_in(garbage, &signed, (address(1), "")).await.err();
        assert_eq!(none, Some(PasskeyRefused::Lost), "{garbage}");
    }
    let desk = it.with_passkeys(Door::Desk, DESK);
    let other_door = desk.passkey_sign_in(&first.ceremony, &signed, (address(1), "")).await.err();
    assert_eq!(other_door, Some(PasskeyRefused::Lost));
    assert_eq!(comes_in(&desk, &device, 1).await.err(), Some(PasskeyRefused::Refused), "not of that door");
    assert_eq!(comes_in(&door, &stranger, 1).await.err(), Some(PasskeyRefused::Refused));
    let forged = Assertion { signature: stranger.signs(&first, 0).signature, ..device.signs(&first, 0) };
    let forged = door.passkey_sign_in(&first.ceremony, &forged, (address(1), "")).await.err();
    assert_eq!(forged, Some(PasskeyRefused::Refused));
    it.clock.advance(600);
    let late = door.passkey_sign_in(&first.ceremony, &signed, (address(1), "")).await.err();
    assert_eq!(late, Some(PasskeyRefused::Lost));
    assert!(it.door(Door::Portal, PORTAL).ask_passkey(address(1)).is_none(), "a door without passkeys asks for none");
}
both!(a_passkey_opens_its_holders_account_once_for_each_question);

async fn of_two_answers_at_once_one_opens(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let device = Device::draw(7);
    it.enrolment.passkey(account, &device.record()).await.unwrap();
    let door = it.with_passkeys(Door::Portal, PORTAL);
    let asked = door.ask_passkey(address(1)).unwrap();
    let copy = door.passkey_sign_in(&asked.ceremony, &device.signs(&asked, 7), (address(1), "")).await.err();
    assert_eq!(copy, Some(PasskeyRefused::Refused), "an authenticator that counts has counted on");
    let signed = device.signs(&asked, 8);
    let both = tokio::join!(
        door.passkey_sign_in(&asked.ceremony, &signed, (address(1), "")),
        door.passkey_sign_in(&asked.ceremony, &signed, (address(1), "")),
    );
    assert_eq!([both.0.is_ok(), both.1.is_ok()].iter().filter(|opened| **opened).count(), 1);
}
both!(of_two_answers_at_once_one_opens);

async fn guesses_of_others_keep_nobody_waiting(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let device = Device::draw(0);
    it.enrolment.passkey(account, &device.record()).await.unwrap();
    for _ in 0..3 {
        let _ = it.sign_in("camille", "pas le bon du tout", "000000", address(1)).await;
    }
    let guess = it.sign_in("camille", PASSWORD, &it.code(1), address(1)).await.err();
    assert!(matches!(guess, Some(SecondStepError::TooMany(_))));
    assert!(comes_in(&it.with_passkeys(Door::Portal, PORTAL), &device, 1).await.is_ok());
}
both!(guesses_of_others_keep_nobody_waiting);

async fn it_opens_nothing_for_whoever_is_out_nor_after_new_means(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.somebody((Door::Desk, DESK), "admin", Role::Administrator, 1).await;
    let officer = it.somebody((Door::Desk, DESK), "rssi", Role::SecurityOfficer, 2).await;
    let account = it.enrol("ines", Role::Beneficiary, 7).await.unwrap();
    let device = Device::draw(0);
    it.enrolment.passkey(account, &device.record()).await.unwrap();
    let door = it.with_passkeys(Door::Desk, DESK);
    let who = comes_in(&door, &device, 3).await.unwrap();
    let accounts = it.accounts();
    let suspended = (AccountState::Suspended, LifeReason::Suspicion);
    accounts.change_state(&admin.authenticated, account, suspended).await.unwrap();
    assert!(it.journal.is_revoked(who.session));
    assert_eq!(comes_in(&door, &device, 3).await.err(), Some(PasskeyRefused::Refused));
    it.outside("UPDATE accounts SET state = 'active' WHERE role = 'beneficiary'").await;
    assert_eq!(comes_in(&door, &device, 3).await.err(), Some(PasskeyRefused::Refused), "the column alone");
    it.outside("UPDATE accounts SET state = 'suspended' WHERE role = 'beneficiary'").await;

    // Given new means by a link, the account is not its former passkey's any more, which stays to be looked at.
    let link = accounts.draw_link(&admin.authenticated, account, IdentityProof::InPerson).await.unwrap();
    let twice = accounts.confirm_link(&admin.authenticated, account, link.id).await.err();
    assert_eq!(twice, Some(AccountError::Second));
    let SecondCode(code) = accounts.confirm_link(&officer.authenticated, account, link.id).await.unwrap();
    let chosen = Chosen {
        password: Secret::new("Vingt-7 herons gris au gué".into()),
        totp: Some(TotpSecret::from_bytes([8; 20])),
        code: it.code(8),
        second: code.expose().clone(),
        lang: Lang::Fr,
        device: String::new(),
    };
    door.take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
    assert_eq!(comes_in(&door, &device, 3).await.err(), Some(PasskeyRefused::Refused));
    it.clock.advance(31);
    let ceremony = door.first_step("ines", Secret::new("Vingt-7 herons gris au gué".into()), address(4)).await.unwrap();
    let opened = door.second_step(&ceremony, &it.code(8), address(4)).await.unwrap();
    let ines = door.resume(&opened.cookie, address(4)).await.unwrap();
    let own = door.means().unwrap().own(&ines.authenticated).await.unwrap().passkeys;
    assert_eq!(own.iter().map(|one| one.opens).collect::<Vec<_>>(), [false]);

    // Somebody else's is nothing of hers; her own she removes.
    let theirs = door.means().unwrap().remove_passkey(&officer.authenticated, &device.credential()).await;
    assert!(matches!(theirs, Err(MeansError::Absent)));
    door.means().unwrap().remove_passkey(&ines.authenticated, &device.credential()).await.unwrap();
    assert!(door.means().unwrap().own(&ines.authenticated).await.unwrap().passkeys.is_empty());
}
both!(it_opens_nothing_for_whoever_is_out_nor_after_new_means);

async fn a_session_left_open_gives_nobody_other_means(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = it.somebody((Door::Suppliers, SUPPLIERS), "sacha", Role::Technician, 1).await;
    let means = means(&it, Door::Suppliers);
    assert!(sacha.authenticated.is_fresh(it.clock.now()));
    means.begin_passkey(&sacha.authenticated).await.unwrap();
    // Kept alive for eleven minutes, as an open page does.
    let door = it.door(Door::Suppliers, SUPPLIERS);
    let ceremony = door.first_step("sacha", Secret::new(PASSWORD.into()), address(9)).await.unwrap();
    it.clock.advance(31);
    let opened = door.second_step(&ceremony, &it.code(1), address(9)).await.unwrap();
    for _ in 0..11 {
        it.clock.advance(60);
        door.resume(&opened.cookie, address(9)).await.unwrap();
    }
    let stale = door.resume(&opened.cookie, address(9)).await.unwrap();
    assert!(!stale.authenticated.is_fresh(it.clock.now()));
    assert!(matches!(means.begin_passkey(&stale.authenticated).await, Err(MeansError::Lacking(Lacking::Fresh))));
    let line = super::means::line(3);
    assert!(matches!(
        means.add_ssh_key(&stale.authenticated, &line, "").await,
        Err(MeansError::Lacking(Lacking::Fresh))
    ));
    let tokens = super::tokens::tokens(&it, Door::Suppliers, SUPPLIERS);
    let issued = tokens.issue(&stale.authenticated, super::tokens::new_token(&it, 3600)).await.err();
    assert!(matches!(issued, Some(MeansError::Lacking(Lacking::Fresh))));
    assert!(matches!(
        means.allow_passkey(&stale.authenticated, &[1; 16]).await,
        Err(MeansError::Lacking(Lacking::Fresh))
    ));
    assert!(means.own(&stale.authenticated).await.is_ok(), "he sees what he has, and takes away");
}
both!(a_session_left_open_gives_nobody_other_means);

async fn after_a_change_of_password_a_passkey_waits_for_its_holder(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let (hers, left_behind) = (Device::draw(0), Device::draw(0));
    for device in [&hers, &left_behind] {
        it.enrolment.passkey(account, &device.record()).await.unwrap();
    }
    let door = it.with_passkeys(Door::Portal, PORTAL);
    let thief = comes_in(&door, &left_behind, 9).await.unwrap();
    let camille = comes_in(&door, &hers, 1).await.unwrap();
    let (current, new) = (Secret::new(PASSWORD.into()), Secret::new("Vingt-7 herons gris au gué".into()));
    door.change_password(&camille, current, new).await.unwrap();
    assert!(it.journal.is_revoked(thief.session));
    for device in [&hers, &left_behind] {
        assert_eq!(comes_in(&door, device, 9).await.err(), Some(PasskeyRefused::Refused));
    }
    let means = door.means().unwrap();
    means.allow_passkey(&camille.authenticated, &hers.credential()).await.unwrap();
    assert!(comes_in(&door, &hers, 1).await.is_ok());
    assert_eq!(comes_in(&door, &left_behind, 9).await.err(), Some(PasskeyRefused::Refused));
    // Removed, the sessions that it may have opened end.
    let elsewhere = comes_in(&door, &hers, 3).await.unwrap();
    means.remove_passkey(&camille.authenticated, &hers.credential()).await.unwrap();
    assert!(it.journal.is_revoked(elsewhere.session) && !it.journal.is_revoked(camille.session));
    let theirs = means.allow_passkey(&camille.authenticated, &hers.credential()).await;
    assert!(matches!(theirs, Err(MeansError::Absent)));
}
both!(after_a_change_of_password_a_passkey_waits_for_its_holder);
