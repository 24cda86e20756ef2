//! Letters about accounts: what writes them, what they hold, who takes them.

use super::*;
use crate::{
    About, AccountError, Accounts, Chosen, DrawnLink, LETTER_LIFE, Letter, LinkError, NewInvitation, Outbox, Post,
    SecondCode,
    outbox::{model::LetterRow, sql},
};
use std::collections::BTreeMap;
use types::{Event, IdentityProof, Lang};

pub(super) const MAIL: &str = "ines.delmas@hopital.example";
pub(super) const OTHER: &str = "autre@ailleurs.example";
const NEW: &str = "Vingt-7 herons gris au gué";

pub(super) fn post() -> Post {
    let origins = [(Door::Desk, "https://bureau.hopital.example"), (Door::Portal, "https://portail.hopital.example")];
    Post::new(BTreeMap::from(origins.map(|(door, origin)| (door, origin.to_owned()))))
}

impl Fixture {
    /// Somebody of [`Self::at_desk`], signed in again later.
    pub(super) async fn back(&self, login: &str, secret: u8) -> SignedIn {
        self.wait();
        let desk = self.door(Door::Desk, DESK);
        let ceremony = desk.first_step(login, Secret::new(PASSWORD.into()), address(1)).await.unwrap();
        let opened = desk.second_step(&ceremony, &self.code(secret), address(1)).await.unwrap();
        desk.resume(&opened.cookie, address(1)).await.unwrap()
    }

    pub(super) fn outbox(&self) -> Outbox {
        let keys = self.master.keys_for(Holder::Mailer);
        Outbox::new(self.store.clone(), self.journal.clone(), Arc::clone(&self.policies), keys)
    }

    pub(super) fn mailing(&self) -> Accounts {
        let accounts = self.accounts();
        accounts.write_mail(post());
        accounts
    }

    fn desk(&self) -> SignInService {
        let means = super::means::means(self, Door::Desk);
        self.door(Door::Desk, DESK).with_means(means).with_mail(post())
    }

    /// What waits and was not taken yet, in the order that it was written.
    pub(super) async fn letters(&self) -> Vec<Letter> {
        let mut letters = self.outbox().take(100).await.unwrap();
        letters.sort_by_key(|letter| letter.at);
        letters
    }

    async fn abouts(&self) -> Vec<About> {
        self.letters().await.iter().map(|letter| letter.about).collect()
    }

    /// Somebody on call with an address, signed in, and no letter.
    pub(super) async fn ines(&self, admin: &SignedIn) -> SignedIn {
        let (accounts, desk) = (self.mailing(), self.desk());
        let new = NewInvitation { mail: Some(MAIL.into()), ..accounts::invitation("ines", Role::OnCall) };
        let (_, link) = accounts.invite(&admin.authenticated, new).await.unwrap();
        desk.take_link(link.secret.expose(), self.chosen(7), address(3)).await.unwrap();
        self.wait();
        let from = (address(4), "Firefox, Linux");
        let ceremony = desk.first_step("ines", Secret::new(NEW.into()), from.0).await.unwrap();
        let opened = desk.second_step_on(&ceremony, &self.code(7), from).await.unwrap();
        for letter in self.letters().await {
            self.outbox().sent(&letter).await.unwrap();
        }
        desk.resume(&opened.cookie, address(4)).await.unwrap()
    }

    /// Invites an administrator who has an address.
    async fn invites_solange(&self) -> (AccountId, DrawnLink) {
        let mail = accounts::invitation("solange", Role::Administrator);
        let new = NewInvitation { mail: Some(OTHER.into()), ..mail };
        let admin = self.back("admin", 1).await;
        self.mailing().invite(&admin.authenticated, new).await.unwrap()
    }

    async fn solange_comes(&self, solange: AccountId, link: DrawnLink) {
        let officer = self.back("garde", 2).await;
        let confirmed = self.mailing().confirm_link(&officer.authenticated, solange, link.id).await;
        let SecondCode(code) = confirmed.unwrap();
        let chosen = crate::Chosen { second: code.expose().clone(), ..self.chosen(7) };
        self.desk().take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
        for letter in self.letters().await {
            self.outbox().sent(&letter).await.unwrap();
        }
    }

    /// An administrator who has an address, with those who let her in, and no letter.
    pub(super) async fn solange(&self) -> AccountId {
        self.at_desk("admin", Role::Administrator, 1).await;
        self.at_desk("garde", Role::SecurityOfficer, 2).await;
        let (solange, link) = self.invites_solange().await;
        self.solange_comes(solange, link).await;
        solange
    }

    async fn rows(&self) -> Vec<LetterRow> {
        let mut connection = self.store.read().await.unwrap();
        sql::over(&mut connection, Time::from_micros(i64::MAX), 100).await.unwrap()
    }
}

async fn a_patients_first_link_that_leaves_by_mail_waits_for_somebody_at_the_desk(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let (accounts, portal, who) = (it.mailing(), &it.service, &admin.authenticated);
    let new = NewInvitation { mail: Some(MAIL.into()), ..accounts::invitation("camille", Role::Patient) };
    let (account, link) = it.enrolment.invite(&accounts, HERE, new).await.unwrap();
    assert!(link.waits && link.mailed, "whoever reads the mailbox is not enough");
    let letters = it.letters().await;
    assert_eq!(letters[0].origin.as_deref(), Some("https://portail.hopital.example"));
    assert!(letters[0].link.as_ref().unwrap().waits, "and the letter says so");
    let early = portal.take_link(link.secret.expose(), it.chosen(7), address(3)).await.err();
    assert_eq!(early, Some(LinkError::Waits));
    let SecondCode(code) = accounts.confirm_link(who, account, link.id).await.unwrap();
    let without = portal.take_link(link.secret.expose(), it.chosen(7), address(3)).await.err();
    assert_eq!(without, Some(LinkError::Second));
    let told = Chosen { second: code.expose().clone(), ..it.chosen(7) };
    portal.take_link(link.secret.expose(), told, address(3)).await.unwrap();
    // Nothing leaves for one who is invited by the same service without an address.
    let new = accounts::invitation("marcel", Role::Patient);
    let (_, link) = it.enrolment.invite(&accounts, HERE, new).await.unwrap();
    assert!(!link.waits && !link.mailed);
}
both!(a_patients_first_link_that_leaves_by_mail_waits_for_somebody_at_the_desk);

async fn a_link_leaves_by_mail_and_is_gone_as_soon_as_it_serves_no_more(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let (accounts, desk, who) = (it.mailing(), it.desk(), &admin.authenticated);
    let new = NewInvitation { mail: Some(format!(" {MAIL} ")), ..accounts::invitation("ines", Role::OnCall) };
    let (account, first) = accounts.invite(who, new).await.unwrap();
    assert!(first.mailed);
    let letters = it.letters().await;
    let [letter] = &letters[..] else { panic!("one letter") };
    let link = letter.link.as_ref().unwrap();
    assert_eq!((letter.about, letter.to.as_str(), letter.lang), (About::Link, MAIL, None));
    assert_eq!((link.secret.expose(), link.expires), (first.secret.expose(), first.expires));
    assert_eq!(letter.origin.as_deref(), Some("https://bureau.hopital.example"));
    assert!(!link.waits && !link.anew);
    assert!(it.letters().await.is_empty(), "whoever took it has his time");
    // Another in its place: the first leaves nobody's hands any more.
    let second = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    let letters = it.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].link.as_ref().unwrap().secret.expose(), second.secret.expose());
    assert_eq!(it.rows().await.len(), 1);
    accounts.withdraw_link(who, account, second.id).await.unwrap();
    assert!(it.rows().await.is_empty(), "withdrawn");
    let third = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    desk.take_link(third.secret.expose(), it.chosen(7), address(3)).await.unwrap();
    assert_eq!(it.abouts().await, [About::MeansRenewed], "used: its letter goes, and its holder is told");
    // In use, in the language that its holder chose his means in.
    let anew = accounts.draw_link(who, account, IdentityProof::Known).await.unwrap();
    let letters = it.letters().await;
    assert!(letters[0].link.as_ref().unwrap().anew && letters[0].lang == Some(Lang::Fr) && anew.mailed);
    // Nothing of it is in clear, neither in the database nor in the traces.
    let rows = it.rows().await;
    assert!(rows.iter().all(|row| !String::from_utf8_lossy(&row.sealed).contains(MAIL)));
    for event in [Event::LinkDrawn, Event::MailTaken, Event::AccountCreated] {
        let traced = it.traced(event);
        assert!(!traced.is_empty() && !format!("{traced:?}").contains("hopital.example"), "{event}");
    }
}
both!(a_link_leaves_by_mail_and_is_gone_as_soon_as_it_serves_no_more);

async fn whoever_holds_an_account_is_told_of_each_change_of_its_means(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let ines = it.ines(&admin).await;
    let (desk, means) = (it.desk(), super::means::means(&it, Door::Desk));
    means.write_mail(post());
    let tokens = super::tokens::tokens(&it, Door::Desk, DESK);
    tokens.write_mail(post());
    let given = |text: &str| Secret::new(text.to_owned());
    let wrong = desk.draw_spare_codes(&ines, given("pas le bon")).await.err();
    assert_eq!(wrong, Some(crate::OwnError::Wrong));
    assert!(it.letters().await.is_empty(), "what was not done is not told");
    it.clock.advance(31);
    desk.draw_spare_codes(&ines, given(NEW)).await.unwrap();
    let fingerprint = means.add_ssh_key(&ines.authenticated, &super::means::line(1), "").await.unwrap();
    means.remove_ssh_key(&ines.authenticated, &fingerprint).await.unwrap();
    assert!(means.remove_ssh_key(&ines.authenticated, &fingerprint).await.is_err());
    let options = means.begin_passkey(&ines.authenticated).await.unwrap();
    let credential =
        means.finish_passkey(&ines.authenticated, &super::means::answer(&options, 1), "Clé").await.unwrap();
    means.allow_passkey(&ines.authenticated, &credential).await.unwrap();
    means.remove_passkey(&ines.authenticated, &credential).await.unwrap();
    let (token, _) = tokens.issue(&ines.authenticated, super::tokens::new_token(&it, 7200)).await.unwrap();
    tokens.revoke(&ines.authenticated, token).await.unwrap();
    desk.change_second_factor(&ines, given(NEW), (TotpSecret::from_bytes([9; 20]), &it.code(9))).await.unwrap();
    desk.change_password(&ines, given(NEW), given("Trente-8 lanternes sur le quai")).await.unwrap();
    desk.disown(&ines).await.unwrap();
    let letters = it.letters().await;
    let mut told: Vec<&str> = letters.iter().map(|letter| letter.about.as_str()).collect();
    told.sort_unstable();
    let mut expected = [
        About::SpareCodesDrawn,
        About::SshKeyAdded,
        About::SshKeyRemoved,
        About::PasskeyAdded,
        About::PasskeyAdded,
        About::PasskeyRemoved,
        About::TokenIssued,
        About::TokenRevoked,
        About::SecondFactorChanged,
        About::PasswordChanged,
        About::Disowned,
    ]
    .map(About::as_str);
    expected.sort_unstable();
    assert_eq!(told, expected);
    for letter in &letters {
        assert_eq!((letter.to.as_str(), letter.device.as_str()), (MAIL, "Firefox, Linux"), "{:?}", letter.about);
        assert!(letter.link.is_none());
    }
    // Whoever has no address is told nothing, and a node without mail writes none.
    let other = it.at_desk("autre", Role::Administrator, 3).await;
    desk.draw_spare_codes(&other, given(PASSWORD)).await.unwrap();
    it.clock.advance(31);
    let ines = it.comes_in("ines", "Trente-8 lanternes sur le quai", 9).await.unwrap();
    it.door(Door::Desk, DESK).draw_spare_codes(&ines, given("Trente-8 lanternes sur le quai")).await.unwrap();
    assert!(it.letters().await.is_empty());
}
both!(whoever_holds_an_account_is_told_of_each_change_of_its_means);

async fn a_changed_address_is_told_to_the_former_one(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let ines = it.ines(&admin).await;
    let (accounts, who) = (it.mailing(), &admin.authenticated);
    for bad in ["a", "a@b", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example"] {
        let refused = accounts.change_address(who, ines.account, bad).await.err();
        assert_eq!(refused, Some(AccountError::Field("mail")), "{bad:?}");
        let new = NewInvitation { mail: Some(bad.into()), ..accounts::invitation("autre", Role::OnCall) };
        assert_eq!(accounts.invite(who, new).await.err(), Some(AccountError::Field("mail")), "{bad:?}");
    }
    // A link on its way to the former address stays here.
    let link = accounts.draw_link(who, ines.account, IdentityProof::Known).await.unwrap();
    let desk = it.door(Door::Desk, DESK);
    assert!(desk.link(link.secret.expose(), address(3)).await.is_ok());
    accounts.change_address(who, ines.account, OTHER).await.unwrap();
    assert!(desk.link(link.secret.expose(), address(3)).await.is_err(), "and opens nothing, wherever it went");
    let letters = it.letters().await;
    assert_eq!(
        letters.iter().map(|one| (one.about, one.to.as_str())).collect::<Vec<_>>(),
        [(About::AddressChanged, MAIL)]
    );
    assert_eq!(accounts.one(who, ines.account).await.unwrap().mail.as_deref(), Some(OTHER));
    accounts.change_address(who, ines.account, OTHER).await.unwrap();
    assert!(it.letters().await.is_empty(), "the same");
    accounts.change_address(who, ines.account, "").await.unwrap();
    assert_eq!(it.letters().await[0].to.as_str(), OTHER);
    let traced = it.traced(Event::AddressChanged);
    assert!(it.told(Event::AddressChanged) == 2 && !format!("{traced:?}").contains("example"), "{traced:?}");
    // Not by whoever it is of, nor without mail, nor with a proof of long ago.
    let own = accounts.change_address(who, admin.account, MAIL).await.err();
    assert_eq!(own, Some(AccountError::Oneself));
    assert_eq!(it.accounts().change_address(who, ines.account, MAIL).await.err(), Some(AccountError::Absent));
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let denied = accounts.change_address(&officer.authenticated, ines.account, MAIL).await.err();
    assert_eq!(denied, Some(AccountError::Denied));
}
both!(a_changed_address_is_told_to_the_former_one);

async fn one_person_alone_sends_nobodys_mail_elsewhere_who_decides_over_others(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let officer = it.at_desk("rssi", Role::SecurityOfficer, 2).await;
    let (accounts, desk, who) = (it.mailing(), it.desk(), &admin.authenticated);
    let new = NewInvitation { mail: Some(MAIL.into()), ..accounts::invitation("ines", Role::Administrator) };
    let (account, link) = accounts.invite(who, new).await.unwrap();
    assert!(it.letters().await[0].link.as_ref().unwrap().waits);
    let confirm = async |link| {
        let SecondCode(code) = accounts.confirm_link(&officer.authenticated, account, link).await.unwrap();
        code.expose().clone()
    };
    let second = confirm(link.id).await;
    desk.take_link(link.secret.expose(), crate::Chosen { second, ..it.chosen(7) }, address(3)).await.unwrap();
    assert_eq!(it.abouts().await, [About::MeansRenewed]);
    assert_eq!(accounts.change_address(who, account, OTHER).await.err(), Some(AccountError::AddressByLink));
    // With a link: the new address gets it, the former one is told, and it holds once two people have seen it.
    let anew = accounts.draw_link_to(who, account, (IdentityProof::Known, Some(OTHER))).await.unwrap();
    let mut letters = it.letters().await;
    letters.sort_by_key(|letter| letter.link.is_none());
    let told: Vec<_> = letters.iter().map(|one| (one.about, one.to.as_str(), one.link.is_some())).collect();
    assert_eq!(told, [(About::Link, OTHER, true), (About::LinkDrawn, MAIL, false)]);
    let sheet = accounts.one(&officer.authenticated, account).await.unwrap();
    assert_eq!((sheet.mail.as_deref(), sheet.seen.link.unwrap().mail.as_deref()), (Some(MAIL), Some(OTHER)));
    let second = confirm(anew.id).await;
    assert_eq!(accounts.one(who, account).await.unwrap().mail.as_deref(), Some(MAIL), "not yet");
    it.wait();
    desk.take_link(anew.secret.expose(), crate::Chosen { second, ..it.chosen(8) }, address(3)).await.unwrap();
    assert_eq!(accounts.one(who, account).await.unwrap().mail.as_deref(), Some(OTHER));
    let mut told: Vec<_> =
        it.letters().await.into_iter().map(|one| (one.about.as_str(), one.to.as_str().to_owned())).collect();
    told.sort_unstable();
    assert_eq!(told, [("address_changed", MAIL.to_owned()), ("means_renewed", MAIL.to_owned())]);
    // Others' mail goes elsewhere by one person, not with a link.
    let (on_call, _) = accounts.invite(who, accounts::invitation("garde", Role::OnCall)).await.unwrap();
    let refused = accounts.draw_link_to(who, on_call, (IdentityProof::Known, Some(OTHER))).await.err();
    assert_eq!(refused, Some(AccountError::Field("mail")));
}
both!(one_person_alone_sends_nobodys_mail_elsewhere_who_decides_over_others);

async fn a_letter_is_taken_by_one_node_at_a_time_and_given_up_in_the_end(database: &TestDatabase) {
    let it = fixture(database).await;
    let other = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let accounts = it.mailing();
    for n in 0..8 {
        let mail = Some(format!("p{n}@hopital.example"));
        let new = NewInvitation { mail, ..accounts::invitation(&format!("p{n}"), Role::OnCall) };
        accounts.invite(&admin.authenticated, new).await.unwrap();
    }
    // The other node has this one's keys, and a journal of its own.
    let keys = it.master.keys_for(Holder::Mailer);
    let second = Outbox::new(other.store.clone(), other.journal.clone(), Arc::clone(&other.policies), keys);
    let first = it.outbox();
    let mut taken = Vec::new();
    for _ in 0..8 {
        let (one, two) = tokio::join!(first.take(3), second.take(3));
        taken.extend(one.unwrap_or_default().into_iter().chain(two.unwrap_or_default()).map(|letter| letter.id()));
    }
    let count = taken.len();
    taken.sort_unstable();
    taken.dedup();
    assert_eq!((count, taken.len()), (8, 8), "each by one of the two");
    // The end of a turn, which grows.
    it.clock.advance(121);
    let again = first.take(100).await.unwrap();
    assert_eq!(again.len(), 8);
    it.clock.advance(121);
    assert!(first.take(100).await.unwrap().is_empty());
    it.clock.advance(120);
    assert_eq!(first.take(100).await.unwrap().len(), 8);
    first.sent(&again[0]).await.unwrap();
    assert_eq!(it.rows().await.len(), 7, "nothing is kept of what left");
    assert_eq!(first.give_up_old().await.unwrap(), 0);
    assert!(first.waiting().await.unwrap().unwrap() > Duration::from_secs(300));
    it.clock.advance(i64::try_from(LETTER_LIFE.as_secs()).unwrap());
    assert!(first.take(100).await.unwrap().is_empty(), "too late");
    assert_eq!(first.give_up_old().await.unwrap(), 7);
    assert!(it.rows().await.is_empty() && first.waiting().await.unwrap().is_none());
    assert_eq!((it.told(Event::MailSent), it.told(Event::MailGivenUp)), (1, 7));
    let sent = it.traced(Event::MailSent).remove(0);
    assert!(sent.detail.as_deref().is_some_and(|detail| detail.starts_with("link ")), "{sent:?}");
    assert!(!format!("{:?}", it.traced(Event::MailGivenUp)).contains("example"));
}
both!(a_letter_is_taken_by_one_node_at_a_time_and_given_up_in_the_end);

async fn a_letter_that_was_touched_is_never_sent_and_a_flood_is_bounded(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    let ines = it.ines(&admin).await;
    let means = super::means::means(&it, Door::Desk);
    means.write_mail(post());
    let fingerprint = means.add_ssh_key(&ines.authenticated, &super::means::line(1), "").await.unwrap();
    // Somebody with the database puts another's account in its place.
    it.outside(
        "UPDATE outbox SET account_id = (SELECT id FROM accounts WHERE id <> outbox.account_id ORDER BY id LIMIT 1)",
    )
    .await;
    assert!(it.letters().await.is_empty() && it.rows().await.is_empty());
    assert_eq!(it.told(Event::MailGivenUp), 1);
    for n in 0..20 {
        means.remove_ssh_key(&ines.authenticated, &fingerprint).await.unwrap();
        means.add_ssh_key(&ines.authenticated, &super::means::line(1), "").await.unwrap_or_else(|e| panic!("{n}: {e}"));
    }
    assert_eq!(it.rows().await.len(), 32, "and the acts went on");
}
both!(a_letter_that_was_touched_is_never_sent_and_a_flood_is_bounded);

async fn whoever_signs_in_from_a_new_place_is_written_to(database: &TestDatabase) {
    let it = fixture(database).await;
    let admin = it.at_desk("admin", Role::Administrator, 1).await;
    it.ines(&admin).await;
    let elsewhere = ClientAddress::new("203.0.113.9".parse().unwrap());
    let comes = async |from: ClientAddress, device: &str| {
        it.wait();
        let desk = it.desk();
        let ceremony = desk.first_step("ines", Secret::new(NEW.into()), from).await.unwrap();
        desk.second_step_on(&ceremony, &it.code(7), (from, device)).await.unwrap();
        it.letters().await
    };
    // Another machine of the same network is no new place; a guess from elsewhere is no sign-in.
    assert!(comes(address(9), "Chrome, Windows").await.is_empty());
    it.wait();
    let ceremony = it.desk().first_step("ines", Secret::new("x".into()), elsewhere).await.unwrap();
    assert!(it.desk().second_step_on(&ceremony, "000000", (elsewhere, "curl")).await.is_err());
    assert!(it.letters().await.is_empty());
    let letters = comes(elsewhere, "Firefox, Linux").await;
    let [letter] = &letters[..] else { panic!("one letter, not {}", letters.len()) };
    assert_eq!((letter.about, letter.to.as_str()), (About::SignedInElsewhere, MAIL));
    assert_eq!((letter.device.as_str(), letter.at), ("Firefox, Linux", it.clock.now()));
    assert!(letter.link.is_none());
    // Once for a place.
    assert!(comes(elsewhere, "Firefox, Linux").await.is_empty());
}
both!(whoever_signs_in_from_a_new_place_is_written_to);

async fn telephones_roam_and_the_first_sign_in_is_ones_own(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("camille", Role::Patient, 1).await.unwrap();
    let portal = it.door(Door::Portal, &[Role::Patient]);
    let row = async || {
        let mut connection = it.store.read().await.unwrap();
        crate::sql::account_by_id(&mut connection, account).await.unwrap().unwrap()
    };
    let now = it.clock.now();
    let elsewhere = ClientAddress::new("203.0.113.9".parse().unwrap());
    assert!(!portal.is_new(&row().await, (elsewhere, "Firefox, Android"), now), "nothing to compare it with");
    let ceremony = portal.first_step("camille", Secret::new(PASSWORD.into()), address(1)).await.unwrap();
    portal.second_step_on(&ceremony, &it.code(1), (address(1), "Firefox, Android")).await.unwrap();
    let row = row().await;
    assert!(!portal.is_new(&row, (elsewhere, "Firefox, Android"), now), "the same telephone, elsewhere");
    assert!(portal.is_new(&row, (elsewhere, "Chrome, Windows"), now));
    assert!(!portal.is_new(&row, (address(200), "Chrome, Windows"), now), "at home");
}
both!(telephones_roam_and_the_first_sign_in_is_ones_own);

async fn those_who_manage_accounts_are_reminded_of_reviews_once_a_week(database: &TestDatabase) {
    let it = fixture(database).await;
    it.at_desk("admin", Role::Administrator, 1).await;
    it.at_desk("garde", Role::SecurityOfficer, 2).await;
    let (accounts, twin) = (it.mailing(), it.mailing());
    let both = async || {
        let (one, other) = tokio::join!(accounts.remind_reviews(HERE), twin.remind_reviews(HERE));
        let mut told = [one.unwrap(), other.unwrap()];
        told.sort_unstable();
        told
    };
    it.clock.advance(370 * 86_400);
    assert_eq!(both().await, [None, None], "no administrator has an address");
    // One has, from now on; the two others were due already.
    let (solange, link) = it.invites_solange().await;
    assert_eq!(both().await, [None, None], "an administrator who never came is nobody yet");
    it.solange_comes(solange, link).await;
    let officer = it.back("garde", 2).await;
    assert_eq!(both().await, [None, Some(2)], "of two nodes one writes; her own account is new");
    let letters = it.letters().await;
    let [letter] = &letters[..] else { panic!("{} letters", letters.len()) };
    assert_eq!((letter.about, letter.to.as_str(), letter.count), (About::Reviews, OTHER, 2));
    assert!(letter.link.is_none());
    it.clock.advance(7 * 86_400 - 1);
    assert_eq!(both().await, [None, None]);
    // One is looked at meanwhile.
    accounts.review(&it.back("admin", 1).await.authenticated, officer.account).await.unwrap();
    it.clock.advance(1);
    assert_eq!(both().await, [None, Some(1)], "a week later, as long as one waits");
    assert_eq!(it.told(Event::ReviewsReminded), 2);
    // A node that writes no mail reminds nobody.
    it.clock.advance(8 * 86_400);
    assert_eq!(it.accounts().remind_reviews(HERE).await, Ok(None));
    // What will be due within the week is counted, for the next reminder would come too late: her account, not that which was
    // looked at a week later.
    it.clock.advance(343 * 86_400);
    assert_eq!(both().await, [None, Some(2)]);
}
both!(those_who_manage_accounts_are_reminded_of_reviews_once_a_week);
