//! Who an account's holder is, corrected by those who manage accounts (segur IE.33, IAM.91).

use super::{accounts::invitation, outbox::MAIL, *};
use crate::{About, AccountError, AccountSheet, Accounts, Attributes, NewInvitation};
use types::{AccountState, Event, IdentityProof, LifeReason};

fn named(given_name: &str, family_name: &str) -> Attributes {
    Attributes { given_name: given_name.into(), family_name: family_name.into(), ..Attributes::default() }
}

fn a_nurse(rpps: &str) -> Attributes {
    Attributes { profession: Some("Infirmière".into()), rpps: Some(rpps.into()), ..named("Inès", "Delmas") }
}

/// How an identity document was seen.
const SEEN: IdentityProof = IdentityProof::InPerson;

async fn corrects(
    accounts: &Accounts,
    by: &SignedIn,
    account: AccountId,
    to: (Attributes, IdentityProof),
) -> Result<AccountSheet, AccountError> {
    accounts.correct(&by.authenticated, account, to).await?;
    Ok(accounts.one(&by.authenticated, account).await.unwrap())
}

async fn a_corrected_name_is_shown_at_once_traced_and_told(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let ines = it.ines(&admin).await;
    let accounts = it.mailing();
    let before = accounts.one(&admin.authenticated, ines.account).await.unwrap();
    it.clock.advance(60);
    let admin = it.back("admin", 1).await;

    let sheet = corrects(&accounts, &admin, ines.account, (named(" Inès ", "Delmas-Roux"), SEEN)).await.unwrap();
    assert_eq!(sheet.seen.display_name, "Inès Delmas-Roux");
    assert_eq!((sheet.attributes, sheet.proof), (named("Inès", "Delmas-Roux"), Some(SEEN)));
    // It is the same account: since when, seen when, signed in with what, under which login.
    assert_eq!((sheet.created, sheet.reviewed, sheet.seen.state), (before.created, before.reviewed, before.seen.state));
    assert_eq!((sheet.seen.login, sheet.sessions), (before.seen.login, before.sessions));
    it.clock.advance(31);
    let now = it.comes_in("ines", "Vingt-7 herons gris au gué", 7).await.unwrap();
    assert_eq!(now.display_name, "Inès Delmas-Roux");
    let letters = it.letters().await;
    let told: Vec<_> = letters.iter().map(|one| (one.about, one.to.as_str())).collect();
    assert_eq!(told, [(About::AttributesCorrected, MAIL)]);

    // Trade and number, by an employer's word: the name stays. The same again is nothing.
    let by_word = (Attributes { family_name: "Delmas-Roux".into(), ..a_nurse("10000000001") }, IdentityProof::Employer);
    let sheet = corrects(&accounts, &admin, ines.account, by_word.clone()).await.unwrap();
    assert_eq!((&sheet.attributes, sheet.proof), (&by_word.0, Some(IdentityProof::Employer)));
    corrects(&accounts, &admin, ines.account, by_word).await.unwrap();
    let traced = it.traced(Event::AttributesCorrected);
    assert_eq!(it.told(Event::AttributesCorrected), 2, "{traced:?}");
    let traced = format!("{traced:?}");
    assert!(traced.contains("name: Inès Delmas -> Inès Delmas-Roux; identity in_person"), "{traced}");
    assert!(traced.contains("trade; national number; identity employer"), "{traced}");
    assert!(!traced.contains("10000000001") && !traced.contains("Infirmière"), "{traced}");
}
both!(a_corrected_name_is_shown_at_once_traced_and_told);

async fn what_may_not_be_corrected_stays_as_it_is(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let ines = it.ines(&admin).await;
    let accounts = it.mailing();
    let refused = async |by: &SignedIn, account, to| corrects(&accounts, by, account, to).await.err();
    let name = named("Autre", "Personne");
    // Another name of an account in use, on somebody's word only.
    let by_word = (name.clone(), IdentityProof::Employer);
    assert_eq!(refused(&admin, ines.account, by_word).await, Some(AccountError::Proof));
    // One's own; that of somebody for whom two people signed; by somebody who does not manage accounts.
    assert_eq!(refused(&admin, admin.account, (name.clone(), SEEN)).await, Some(AccountError::Oneself));
    assert_eq!(refused(&admin, officer.account, (name.clone(), SEEN)).await, Some(AccountError::NameSigned));
    assert_eq!(refused(&officer, ines.account, (name.clone(), SEEN)).await, Some(AccountError::Denied));
    assert_eq!(refused(&ines, ines.account, (name.clone(), SEEN)).await, Some(AccountError::Denied));
    let nobody = AccountId::from_bytes([9; 16]);
    assert_eq!(refused(&admin, nobody, (name.clone(), SEEN)).await, Some(AccountError::Absent));
    // What cannot be read, and the number of somebody else.
    let new = NewInvitation { attributes: a_nurse("10000000001"), ..invitation("soin", Role::OnCall) };
    accounts.invite(&admin.authenticated, NewInvitation { mail: None, ..new }).await.unwrap();
    let other = Attributes { family_name: "Autre".into(), ..a_nurse("10000000001") };
    for (to, field) in [
        (named("", "Delmas"), "given_name"),
        (named("Inès", "a\nb"), "family_name"),
        (a_nurse("123"), "rpps"),
        (other, "rpps_taken"),
    ] {
        assert_eq!(refused(&admin, ines.account, (to, SEEN)).await, Some(AccountError::Field(field)));
    }
    // One person may have two accounts with his number.
    corrects(&accounts, &admin, ines.account, (a_nurse("10000000001"), SEEN)).await.unwrap();
    // His trade may be said of somebody for whom two people signed, under the name that they signed.
    let display_name = accounts.one(&admin.authenticated, officer.account).await.unwrap().seen.display_name;
    let (given_name, family_name) = display_name.split_once(' ').unwrap();
    let trade = Attributes { profession: Some("Ingénieur".into()), ..named(given_name, family_name) };
    let sheet = corrects(&accounts, &admin, officer.account, (trade.clone(), SEEN)).await.unwrap();
    assert_eq!((sheet.seen.display_name, sheet.attributes), (display_name, trade));

    // What is over is not rewritten.
    let closes = (AccountState::Closed, LifeReason::Departure);
    accounts.change_state(&admin.authenticated, ines.account, closes).await.unwrap();
    let sheet = accounts.one(&admin.authenticated, ines.account).await.unwrap();
    assert_eq!(refused(&admin, ines.account, (name, SEEN)).await, Some(AccountError::Life));
    assert_eq!(accounts.one(&admin.authenticated, ines.account).await.unwrap(), sheet);
    assert_eq!(it.told(Event::AttributesCorrected), 2);
}
both!(what_may_not_be_corrected_stays_as_it_is);

async fn patients_and_professionals_of_health_keep_what_is_theirs(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let accounts = it.accounts();
    let refused = async |account, to| corrects(&accounts, &admin, account, (to, SEEN)).await.err();
    it.enrol("camille", Role::Patient, 3).await.unwrap();
    let (camille, ..) = it.enrolment.account_named("camille").await.unwrap().unwrap();
    for (to, field) in [
        (Attributes { rpps: None, ..a_nurse("") }, "profession_nobodys"),
        (Attributes { profession: None, ..a_nurse("10000000001") }, "rpps_nobodys"),
    ] {
        assert_eq!(refused(camille, to).await, Some(AccountError::Field(field)));
    }
    // Nothing was kept of her but a name: what is said now is, and she was not looked at by it.
    let sheet = corrects(&accounts, &admin, camille, (named("Camille", "Durand"), SEEN)).await.unwrap();
    assert_eq!((sheet.seen.display_name.as_str(), sheet.proof), ("Camille Durand", Some(SEEN)));
    assert_eq!(sheet.reviewed, sheet.since);
    it.enrol("soin", Role::Professional, 4).await.unwrap();
    let (soin, ..) = it.enrolment.account_named("soin").await.unwrap().unwrap();
    assert_eq!(refused(soin, named("Inès", "Delmas")).await, Some(AccountError::Field("profession_missing")));
    let sheet = corrects(&accounts, &admin, soin, (a_nurse("10000000001"), SEEN)).await.unwrap();
    assert_eq!(sheet.attributes, a_nurse("10000000001"));
}
both!(patients_and_professionals_of_health_keep_what_is_theirs);
