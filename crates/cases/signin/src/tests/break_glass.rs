//! Break-glass accounts: two people draw two envelopes, which open one session, once, and ring.

use super::{accounts::invitation, *};
use crate::{
    AccountError, AccountQuery, Accounts, BREAK_GLASS_MAX, BreakGlassReason, DrawnEnvelope, ENVELOPE_WAIT,
    ENVELOPES_LIFE, NewBreakGlass, Outbox, Post, RENEW_AFTER,
};
use identity::{Assurance, Authenticated, Envelope, EnvelopeCode};
use std::collections::BTreeMap;
use types::{AccountState, Event, IdentityProof, LifeReason};

const WHY: &str = "Annuaire muet, fuite sur la vanne 3";

fn typed(drawn: &DrawnEnvelope) -> EnvelopeCode {
    EnvelopeCode::typed(drawn.code.expose(), drawn.of).unwrap()
}

fn why() -> BreakGlassReason {
    BreakGlassReason::read(WHY).unwrap()
}

fn new(login: &str) -> NewBreakGlass {
    NewBreakGlass { name: "Astreinte de secours".into(), login: login.into(), role: Role::OnCall }
}

/// Somebody's code that is well written, and nobody's.
fn guess(of: Envelope) -> EnvelopeCode {
    EnvelopeCode::typed(EnvelopeCode::draw(&[7; 20]).printed(of).expose(), of).unwrap()
}

struct Two {
    it: Fixture,
    maud: SignedIn,
    paul: SignedIn,
    accounts: Accounts,
    desk: SignInService,
}

async fn two(database: &TestDatabase) -> Two {
    let it = fixture(database).await;
    let maud = it.at_desk("maud", Role::Administrator, 1).await;
    let paul = it.at_desk("paul", Role::SecurityOfficer, 2).await;
    let (accounts, desk) = (it.accounts(), it.door(Door::Desk, DESK));
    Two { it, maud, paul, accounts, desk }
}

impl Two {
    fn first(&self) -> &Authenticated {
        &self.maud.authenticated
    }

    fn second(&self) -> &Authenticated {
        &self.paul.authenticated
    }

    /// Both prove again who they are.
    async fn again(&mut self) {
        self.it.wait();
        self.maud = self.it.comes_in("maud", PASSWORD, 1).await.unwrap();
        self.paul = self.it.comes_in("paul", PASSWORD, 2).await.unwrap();
    }

    async fn ready(&self, login: &str) -> (AccountId, [DrawnEnvelope; 2]) {
        let (account, one) = self.accounts.open_break_glass(self.first(), new(login)).await.unwrap();
        let two = self.accounts.confirm_envelopes(self.second(), account, one.id).await.unwrap();
        (account, [one, two])
    }

    async fn comes_in(
        &self,
        login: &str,
        (one, two): (&EnvelopeCode, &EnvelopeCode),
        from: u8,
    ) -> Result<Opened, SecondStepError> {
        let from = address(from);
        let ceremony = self.desk.first_envelope(login, one, from).await.unwrap();
        self.desk.second_envelope(&ceremony, (two, &why()), (from, "Firefox, Linux")).await
    }

    async fn opens(&self, login: &str, both: &[DrawnEnvelope; 2], from: u8) -> Result<Opened, SecondStepError> {
        self.comes_in(login, (&typed(&both[0]), &typed(&both[1])), from).await
    }

    fn told(&self, event: Event) -> usize {
        self.it.traced(event).iter().filter(|trace| trace.outcome.is_some()).count()
    }
}

async fn two_people_draw_two_envelopes_that_open_once_and_ring(database: &TestDatabase) {
    let on = two(database).await;
    let (account, one) = on.accounts.open_break_glass(on.first(), new(" Secours-1 ")).await.unwrap();
    assert_eq!((one.login.as_str(), one.of), ("secours-1", Envelope::First));
    let seen = on.accounts.break_glass(on.first()).await.unwrap();
    assert_eq!(seen[0].account.state, AccountState::Invited);
    assert_eq!(seen[0].envelopes.waits.as_ref().map(|waits| waits.by), Some(on.maud.account));
    assert_eq!(seen[0].envelopes.serve, None);
    let alone = on.comes_in("secours-1", (&typed(&one), &guess(Envelope::Second)), 20).await.err();
    assert_eq!(alone, Some(SecondStepError::Refused), "not before");

    let two = on.accounts.confirm_envelopes(on.second(), account, one.id).await.unwrap();
    assert_ne!(one.code.expose(), two.code.expose());
    let both = [one, two];
    let opened = on.opens("secours-1", &both, 21).await.unwrap();
    let who = on.desk.resume(&opened.cookie, address(21)).await.unwrap();
    assert!(who.is_break_glass && !who.password_due && who.role == Role::OnCall);
    assert_eq!((who.authenticated.assurance(), who.authenticated.assurance().rank()), (Assurance::Envelopes, 1));
    assert_eq!(who.absolute_until - Duration::from_secs(7200), who.opened, "two hours, whatever others have");

    // It rings until somebody else looked, and both envelopes are spent.
    let uses = on.accounts.break_glass_uses(on.second()).await.unwrap();
    assert_eq!((uses.len(), uses[0].session, uses[0].account), (1, who.session, account));
    assert_eq!((uses[0].reason.as_str(), uses[0].device.as_str()), (WHY, "Firefox, Linux"));
    assert_eq!((uses[0].address, &uses[0].review), (Some(address(21)), &None));
    assert_eq!(on.opens("secours-1", &both, 22).await.err(), Some(SecondStepError::Refused), "once");
    assert_eq!(on.accounts.break_glass(on.first()).await.unwrap()[0].envelopes, Default::default());
    assert_eq!((on.told(Event::BreakGlass), on.told(Event::SignIn)), (3, 2), "one kind of its own, done or refused");
    let detail = on.it.traced(Event::BreakGlass).into_iter().filter_map(|trace| trace.detail);
    let detail: Vec<_> = detail.filter(|detail| detail.contains(WHY)).collect();
    assert_eq!(detail.len(), 1, "why is in the trace of the one that opened");
    assert!(detail[0].contains(&who.session.to_string()));

    // Whoever came in by envelopes does not say that all was well.
    let review = |by| on.accounts.review_break_glass(by, who.session, "Vanne fermée, rien d’autre n’a été touché");
    assert_eq!(review(&who.authenticated).await.err(), Some(AccountError::Denied));
    let short = on.accounts.review_break_glass(on.first(), who.session, "ok").await.err();
    assert_eq!(short, Some(AccountError::Field("words")));
    review(on.second()).await.unwrap();
    assert_eq!(review(on.first()).await.err(), Some(AccountError::Meanwhile), "once");
    let found = on.accounts.break_glass_use(on.first(), who.session).await.unwrap().review.unwrap();
    assert_eq!((found.by, found.at), (on.paul.account, on.it.clock.now()));
    let nothing = on.accounts.break_glass_use(on.first(), types::SessionId::from_bytes([9; 16])).await.err();
    assert_eq!(nothing, Some(AccountError::Absent));
    assert_eq!(on.told(Event::BreakGlassReviewed), 1);
}
both!(two_people_draw_two_envelopes_that_open_once_and_ring);

async fn nobody_draws_both_and_nobody_who_came_in_by_them_draws_any(database: &TestDatabase) {
    let mut on = two(database).await;
    let (account, one) = on.accounts.open_break_glass(on.first(), new("secours")).await.unwrap();
    let confirm = |by, id| on.accounts.confirm_envelopes(by, account, id);
    assert_eq!(confirm(on.first(), one.id).await.err(), Some(AccountError::Second), "the same person twice");
    let watch = on.it.at_desk("garde", Role::OnCall, 3).await;
    for by in [&watch.authenticated] {
        assert_eq!(confirm(by, one.id).await.err(), Some(AccountError::Denied));
        assert_eq!(on.accounts.draw_envelope(by, account).await.err(), Some(AccountError::Denied));
        assert_eq!(on.accounts.break_glass(by).await.err(), Some(AccountError::Denied));
        assert_eq!(on.accounts.break_glass_uses(by).await.err(), Some(AccountError::Denied));
        assert_eq!(on.accounts.revoke_envelopes(by, account).await.err(), Some(AccountError::Denied));
    }
    let denied = on.accounts.draw_envelope(on.second(), account).await.err();
    assert_eq!(denied, Some(AccountError::Denied), "an officer confirms, and begins nothing");
    // Another was drawn since the page was shown: it is not confirmed blindly.
    let other = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    assert_eq!(confirm(on.second(), one.id).await.err(), Some(AccountError::Meanwhile));
    let both = [other, confirm(on.second(), on.waiting(account).await).await.unwrap()];
    assert_eq!(confirm(on.second(), both[0].id).await.err(), Some(AccountError::Absent), "once");
    let mixed = on.comes_in("secours", (&typed(&one), &typed(&both[1])), 20).await.err();
    assert_eq!(mixed, Some(SecondStepError::Refused), "one of before");

    let opened = on.opens("secours", &both, 21).await.unwrap();
    let who = on.desk.resume(&opened.cookie, address(21)).await.unwrap();
    // As a security officer too, it gives nobody anything and suspends nobody.
    on.again().await;
    let officer = NewBreakGlass { role: Role::SecurityOfficer, ..new("secours-rssi") };
    let (second, one) = on.accounts.open_break_glass(on.first(), officer).await.unwrap();
    let both = [one, on.accounts.confirm_envelopes(on.second(), second, on.waiting(second).await).await.unwrap()];
    let opened = on.opens("secours-rssi", &both, 22).await.unwrap();
    let night = on.desk.resume(&opened.cookie, address(22)).await.unwrap();
    let third = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    let by = &night.authenticated;
    assert_eq!(on.accounts.confirm_envelopes(by, account, third.id).await.err(), Some(AccountError::Denied));
    assert_eq!(on.accounts.revoke_envelopes(by, account).await.err(), Some(AccountError::Denied));
    assert_eq!(on.accounts.review_break_glass(by, who.session, WHY).await.err(), Some(AccountError::Denied));
    let suspended = (AccountState::Suspended, LifeReason::Suspicion);
    assert_eq!(on.accounts.change_state(by, on.maud.account, suspended).await.err(), Some(AccountError::Denied));
    assert!(on.accounts.break_glass_uses(by).await.is_ok(), "it sees what its role sees");
    // What its page of rights says is what it may, not what its role may with other means.
    let rights = on.accounts.rights(on.second(), second).await.unwrap();
    let may = |ask| rights.may.iter().any(|(one, _)| *one == ask);
    use policy::{Ask, MatterAct, OverseeAct};
    assert!(may(Ask::Matter(MatterAct::Cut)) && may(Ask::Oversee(OverseeAct::SeeAccounts)));
    for no in [OverseeAct::SuspendAccounts, OverseeAct::ConfirmAccounts] {
        assert!(!may(Ask::Oversee(no)) && rights.may_not.iter().any(|(one, ..)| *one == Ask::Oversee(no)), "{no:?}");
    }
}
both!(nobody_draws_both_and_nobody_who_came_in_by_them_draws_any);

impl Two {
    async fn waiting(&self, account: AccountId) -> types::EnvelopesId {
        let all = self.accounts.break_glass(self.first()).await.unwrap();
        let one = all.into_iter().find(|one| one.account.account == account).unwrap();
        one.envelopes.waits.unwrap().id
    }
}

async fn whatever_is_wrong_the_answer_is_one_and_the_same_waits_hold(database: &TestDatabase) {
    let on = two(database).await;
    let (_, both) = on.ready("secours").await;
    let (one, two) = (typed(&both[0]), typed(&both[1]));
    let none = (guess(Envelope::First), guess(Envelope::Second));
    let wrong = [
        ("secours", &none.0, &two),
        ("secours", &one, &none.1),
        ("secours", &two, &one),
        ("personne", &one, &two),
        // Somebody who has other means.
        ("maud", &one, &two),
    ];
    for (n, (login, one, two)) in (30..).zip(wrong) {
        assert_eq!(on.comes_in(login, (one, two), n).await.err(), Some(SecondStepError::Refused), "{n}");
    }
    let size = |ceremony: String| ceremony.len();
    let known = on.desk.first_envelope("secours", &one, address(1)).await.unwrap();
    let unknown = on.desk.first_envelope("personne", &none.0, address(1)).await.unwrap();
    assert_eq!(size(known), size(unknown), "what travels tells nothing");

    // A failure makes the next guess wait, whichever is wrong, and many at once are one guess.
    let wait = |tried: Result<Opened, SecondStepError>| matches!(tried, Err(SecondStepError::TooMany(_)));
    assert!(wait(on.comes_in("secours", (&one, &none.1), 30).await));
    assert!(wait(on.comes_in("secours", (&none.0, &two), 30).await));
    let mut at_once = tokio::task::JoinSet::new();
    let ceremony = on.desk.first_envelope("secours", &one, address(60)).await.unwrap();
    for _ in 0..10 {
        let (desk, ceremony) = (on.desk.clone(), ceremony.clone());
        at_once.spawn(async move {
            let tried = (&guess(Envelope::Second), &why());
            desk.second_envelope(&ceremony, tried, (address(60), "")).await.err()
        });
    }
    let answers = at_once.join_all().await;
    assert_eq!(answers.iter().filter(|one| **one == Some(SecondStepError::Refused)).count(), 1, "{answers:?}");
    // What another sign-in began is not taken up here, nor the other way round; nor elsewhere, nor later.
    let ordinary = on.desk.first_step("secours", Secret::new(PASSWORD.into()), address(2)).await.unwrap();
    let lost = async |ceremony: &str, from| {
        on.desk.second_envelope(ceremony, (&two, &why()), (from, "")).await.err() == Some(SecondStepError::Lost)
    };
    let ours = on.desk.first_envelope("secours", &one, address(2)).await.unwrap();
    assert!(lost(&ordinary, address(2)).await && lost(&ours, address(3)).await && lost("x", address(2)).await);
    assert_eq!(on.desk.second_step(&ours, "000000", address(2)).await.err(), Some(SecondStepError::Lost));
    let refused = on.desk.second_step(&ordinary, &on.it.code(1), address(2)).await.err();
    assert_eq!(refused, Some(SecondStepError::Refused), "no password is its own");
    on.it.clock.advance(301);
    assert!(lost(&ours, address(2)).await);
    // Whoever has both is kept out by nobody's failures, his own neither, nor by who takes every first step there is.
    assert_eq!(on.comes_in("secours", (&one, &none.1), 70).await.err(), Some(SecondStepError::Refused));
    assert!(wait(on.comes_in("secours", (&one, &none.1), 70).await));
    let mut paced = 0;
    for n in 0..60 {
        let step = on.desk.first_step(&format!("personne{n}"), Secret::new("x".into()), address(70)).await;
        paced += u32::from(matches!(step, Err(FirstStepError::TooMany(_))));
    }
    assert!(paced > 0, "no first step is left there");
    assert!(on.opens("secours", &both, 70).await.is_ok());
}
both!(whatever_is_wrong_the_answer_is_one_and_the_same_waits_hold);

async fn of_two_nodes_that_are_shown_the_same_envelopes_one_opens(database: &TestDatabase) {
    let on = two(database).await;
    let (_, both) = on.ready("secours").await;
    let other = on.it.door(Door::Desk, DESK);
    let mut tries = Vec::new();
    for (n, desk) in (80..).zip([&on.desk, &other, &on.desk, &other]) {
        let ceremony = desk.first_envelope("secours", &typed(&both[0]), address(n)).await.unwrap();
        tries.push((desk.clone(), ceremony, n));
    }
    let mut at_once = tokio::task::JoinSet::new();
    for (desk, ceremony, n) in tries {
        let two = typed(&both[1]);
        at_once.spawn(async move { desk.second_envelope(&ceremony, (&two, &why()), (address(n), "")).await.is_ok() });
    }
    assert_eq!(at_once.join_all().await.into_iter().filter(|opened| *opened).count(), 1);
    assert_eq!(on.accounts.break_glass_uses(on.first()).await.unwrap().len(), 1);
}
both!(of_two_nodes_that_are_shown_the_same_envelopes_one_opens);

async fn envelopes_age_are_renewed_and_revoked(database: &TestDatabase) {
    let mut on = two(database).await;
    let (account, of_before) = on.ready("secours").await;
    // Others are drawn while those of before serve; the first one waits a week at most.
    let one = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    on.it.clock.advance(i64::try_from(ENVELOPE_WAIT.as_secs()).unwrap());
    on.again().await;
    let late = on.accounts.confirm_envelopes(on.second(), account, one.id).await.err();
    assert_eq!(late, Some(AccountError::Absent), "over");
    let one = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    let seen = on.accounts.break_glass(on.first()).await.unwrap().remove(0).envelopes;
    assert!(seen.waits.is_some() && seen.serve.is_some());
    let two = on.accounts.confirm_envelopes(on.second(), account, one.id).await.unwrap();
    assert_eq!(on.opens("secours", &of_before, 20).await.err(), Some(SecondStepError::Refused), "replaced");
    let both = [one, two];

    // After a year others are asked for; half a year later these serve no more.
    let serve = async |on: &Two| on.accounts.break_glass(on.first()).await.unwrap().remove(0).envelopes.serve;
    on.it.clock.advance(i64::try_from(RENEW_AFTER.as_secs()).unwrap());
    on.again().await;
    assert!(serve(&on).await.is_some_and(|serve| serve.renew <= on.it.clock.now()));
    on.it.clock.advance(i64::try_from((ENVELOPES_LIFE - RENEW_AFTER).as_secs()).unwrap());
    on.again().await;
    assert_eq!(serve(&on).await, None);
    assert_eq!(on.opens("secours", &both, 21).await.err(), Some(SecondStepError::Refused), "too old");

    // Revoked, they open nothing, and what they opened ends at once.
    let one = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    let both = [on.accounts.confirm_envelopes(on.second(), account, one.id).await.unwrap(), one];
    let both = {
        let [two, one] = both;
        [one, two]
    };
    let opened = on.opens("secours", &both, 22).await.unwrap();
    on.it.outside("CREATE TABLE former AS SELECT id, sealed FROM accounts").await;
    on.accounts.revoke_envelopes(on.second(), account).await.unwrap();
    let gone = on.desk.resume(&opened.cookie, address(22)).await;
    assert!(matches!(gone, Err(SessionFault::SignedOut)));
    assert_eq!(on.opens("secours", &both, 23).await.err(), Some(SecondStepError::Refused));
    assert_eq!(on.told(Event::EnvelopesRevoked), 1);
}
both!(envelopes_age_are_renewed_and_revoked);

async fn it_has_no_other_means_and_is_given_back_by_two_only(database: &TestDatabase) {
    let mut on = two(database).await;
    let (account, both) = on.ready("secours").await;
    let who = on.first();
    let link = on.accounts.draw_link(who, account, IdentityProof::Known).await.err();
    assert_eq!(link, Some(AccountError::ByEnvelopes));
    on.accounts.write_mail(Post::default());
    let mail = on.accounts.change_address(who, account, "quelquun@hopital.test").await.err();
    assert_eq!(mail, Some(AccountError::ByEnvelopes));
    for (field, bad) in [
        ("login", NewBreakGlass { login: "a b".into(), ..new("x") }),
        ("name", NewBreakGlass { name: String::new(), ..new("x") }),
        ("role", NewBreakGlass { role: Role::Administrator, ..new("x") }),
        ("role", NewBreakGlass { role: Role::Technician, ..new("x") }),
    ] {
        assert_eq!(on.accounts.open_break_glass(who, bad).await.err(), Some(AccountError::Field(field)));
    }
    assert_eq!(on.accounts.open_break_glass(who, new("maud")).await.err(), Some(AccountError::Taken));
    // What is an ordinary account's is none of these.
    let (ines, _) = on.accounts.invite(who, invitation("ines", Role::OnCall)).await.unwrap();
    assert_eq!(on.accounts.draw_envelope(who, ines).await.err(), Some(AccountError::Absent));
    assert_eq!(on.accounts.revoke_envelopes(who, ines).await.err(), Some(AccountError::Absent));

    // Its session adds no means, and sees none.
    let opened = on.opens("secours", &both, 20).await.unwrap();
    let night = on.desk.resume(&opened.cookie, address(20)).await.unwrap();
    let own = on.desk.change_password(&night, Secret::new("x".into()), Secret::new("Dix 7 hérons".into())).await;
    assert!(own.is_err());
    let seen = on.accounts.list(who, &AccountQuery::default()).await.unwrap().accounts;
    assert_eq!(seen.iter().filter(|one| one.is_break_glass).count(), 1);

    // Suspended, it keeps no envelope, and nobody alone gives it back.
    on.again().await;
    let one = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    on.accounts.change_state(on.second(), account, (AccountState::Suspended, LifeReason::Suspicion)).await.unwrap();
    assert!(on.desk.resume(&opened.cookie, address(20)).await.is_err());
    let confirmed = on.accounts.confirm_envelopes(on.second(), account, one.id).await.err();
    assert_eq!(confirmed, Some(AccountError::Absent));
    let sheet = on.accounts.one(on.first(), account).await.unwrap();
    assert!(!sheet.may_become.contains(&AccountState::Active));
    let back = on.accounts.change_state(on.first(), account, (AccountState::Active, LifeReason::Back)).await.err();
    assert_eq!(back, Some(AccountError::ByEnvelopes));
    let one = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    let both = {
        let two = on.accounts.confirm_envelopes(on.second(), account, one.id).await.unwrap();
        [one, two]
    };
    assert!(on.opens("secours", &both, 21).await.is_ok(), "given back by two");
    on.accounts.change_state(on.first(), account, (AccountState::Closed, LifeReason::Needless)).await.unwrap();
    assert_eq!(on.accounts.draw_envelope(on.first(), account).await.err(), Some(AccountError::Life));
    // One that is closed takes nobody's place.
    for n in 0..BREAK_GLASS_MAX {
        on.accounts.open_break_glass(on.first(), new(&format!("secours-{n}"))).await.unwrap();
    }
    assert_eq!(on.accounts.open_break_glass(on.first(), new("trop")).await.err(), Some(AccountError::Full));
    let listed = on.accounts.break_glass(on.first()).await.unwrap();
    let open = listed.iter().filter(|one| one.account.state != AccountState::Closed).count();
    assert_eq!((open, listed.len()), (BREAK_GLASS_MAX, BREAK_GLASS_MAX), "all that may serve are shown");
}
both!(it_has_no_other_means_and_is_given_back_by_two_only);

async fn what_is_written_in_the_database_opens_nothing_and_silences_nothing(database: &TestDatabase) {
    let on = two(database).await;
    let (_, both) = on.ready("secours").await;
    // An account that the table beside names is none of these for that.
    on.it
        .outside("INSERT INTO break_glass SELECT id, establishment_id FROM accounts WHERE role = 'administrator'")
        .await;
    assert_eq!(on.accounts.break_glass(on.first()).await.unwrap().len(), 1);
    on.opens("secours", &both, 20).await.unwrap();
    on.it.outside("UPDATE break_glass_uses SET review = sealed").await;
    let uses = on.accounts.break_glass_uses(on.first()).await.unwrap();
    assert_eq!(uses[0].review, None, "a review that does not open is none");
    on.accounts.review_break_glass(on.first(), uses[0].session, WHY).await.unwrap();
    assert!(on.accounts.break_glass_uses(on.first()).await.unwrap()[0].review.is_some());
}
both!(what_is_written_in_the_database_opens_nothing_and_silences_nothing);

async fn those_who_manage_accounts_are_told_by_mail(database: &TestDatabase) {
    let it = fixture(database).await;
    let maud = it.at_desk("maud", Role::Administrator, 1).await;
    let paul = it.at_desk("paul", Role::SecurityOfficer, 2).await;
    let accounts = it.accounts();
    let post = Post::new(BTreeMap::from([(Door::Desk, "https://guichet.hopital.test".to_owned())]));
    accounts.write_mail(post.clone());
    let invited =
        crate::NewInvitation { mail: Some("ines@hopital.test".into()), ..invitation("ines", Role::Administrator) };
    let (ines, link) = accounts.invite(&maud.authenticated, invited).await.unwrap();
    let code = accounts.confirm_link(&paul.authenticated, ines, link.id).await.unwrap().0;
    let chosen = crate::Chosen { second: code.expose().clone(), ..it.chosen(7) };
    let desk = it.door(Door::Desk, DESK).with_mail(post);
    desk.take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
    let outbox =
        Outbox::new(it.store.clone(), it.journal.clone(), Arc::clone(&it.policies), it.master.keys_for(Holder::Mailer));
    let of_before = outbox.take(32).await.unwrap().len();
    assert!(of_before > 0);
    let on = Two { maud, paul, accounts, desk, it };
    let (_, both) = on.ready("secours").await;
    on.opens("secours", &both, 20).await.unwrap();
    let letters = outbox.take(32).await.unwrap();
    let told: Vec<_> = letters.iter().map(|letter| (letter.to.clone(), letter.about, letter.account)).collect();
    assert_eq!(
        told,
        [("ines@hopital.test".parse().unwrap(), crate::About::BreakGlass, ines)],
        "whoever has an address"
    );
    assert_eq!(letters[0].device, "Firefox, Linux");
}
both!(those_who_manage_accounts_are_told_by_mail);

async fn what_somebody_drew_who_is_gone_since_is_not_confirmed(database: &TestDatabase) {
    let mut on = two(database).await;
    let nora = on.it.at_desk("nora", Role::Administrator, 3).await;
    let (account, _) = on.accounts.open_break_glass(on.first(), new("secours")).await.unwrap();
    on.accounts.draw_envelope(&nora.authenticated, account).await.unwrap();
    let away = (AccountState::Suspended, LifeReason::Suspicion);
    on.accounts.change_state(on.first(), nora.account, away).await.unwrap();
    let seen = on.waiting(account).await;
    let refused = on.accounts.confirm_envelopes(on.second(), account, seen).await.err();
    assert_eq!(refused, Some(AccountError::Meanwhile));
    on.again().await;
    let one = on.accounts.draw_envelope(on.first(), account).await.unwrap();
    assert!(on.accounts.confirm_envelopes(on.second(), account, one.id).await.is_ok());
}
both!(what_somebody_drew_who_is_gone_since_is_not_confirmed);
