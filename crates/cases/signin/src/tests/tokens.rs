//! Tokens of the interfaces, against both databases.

use super::*;
use crate::{ApiTokens, MeansError, NewToken, TOKENS_MAX, TokenSettings};
use identity::Assurance;
use types::{TokenId, TokenScope};

pub(super) fn tokens(it: &Fixture, door: Door, roles: &'static [Role]) -> ApiTokens {
    let keys = it.master.keys_for(Holder::Door(door));
    let settings = TokenSettings {
        door,
        roles,
        establishment: HERE,
        administrators_passwords: identity::PasswordPolicy::default_for(identity::Population::Administrators),
    };
    ApiTokens::new(it.store.clone(), it.journal.clone(), Arc::clone(&it.policies), keys, settings).unwrap()
}

pub(super) fn new_token(it: &Fixture, seconds: u64) -> NewToken {
    NewToken {
        label: "Supervision".into(),
        scopes: [TokenScope::SessionsRead].into(),
        expires: it.clock.now() + Duration::from_secs(seconds),
        sources: vec!["192.0.2.0/28".parse().unwrap()],
    }
}

async fn a_token_serves_its_holder_where_and_while_it_may(database: &TestDatabase) {
    let it = fixture(database).await;
    let sacha = it.somebody((Door::Suppliers, SUPPLIERS), "sacha", Role::Technician, 1).await;
    let tokens = tokens(&it, Door::Suppliers, SUPPLIERS);
    let (id, text) = tokens.issue(&sacha.authenticated, new_token(&it, 7200)).await.unwrap();
    let text = text.expose().clone();
    assert!(text.starts_with("pot_") && text.len() == 94, "{text}");
    let holder = tokens.resume(&text, address(7)).await.unwrap();
    assert_eq!(
        (holder.token, holder.account, holder.role, holder.supplier),
        (id, sacha.account, Role::Technician, Some(OURS))
    );
    assert_eq!(
        (holder.authenticated.assurance(), holder.authenticated.door()),
        (Assurance::Token, Some(Door::Suppliers))
    );
    assert_eq!(holder.scopes, [TokenScope::SessionsRead].into());

    let refused = |tried: Result<_, SessionFault>| matches!(tried, Err(SessionFault::SignedOut));
    assert!(refused(tokens.resume(&text, address(99)).await.map(drop)), "from elsewhere");
    let desk = super::tokens::tokens(&it, Door::Desk, DESK);
    assert!(refused(desk.resume(&text, address(7)).await.map(drop)), "at another door");
    let mut wrong = text.clone();
    wrong.replace_range(93..94, if text.ends_with('0') { "1" } else { "0" });
    for bad in [wrong.as_str(), "", "pot_", &text[4..], &text[..93], "Bearer"] {
        assert!(refused(tokens.resume(bad, address(7)).await.map(drop)), "{bad}");
    }
    // Its use is noted, once an hour.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let used = tokens.list(&sacha.authenticated).await.unwrap()[0].last_used;
    assert_eq!(used, Some(it.clock.now()));
    let before = it.journal.entries();
    it.clock.advance(59);
    tokens.resume(&text, address(7)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(it.journal.entries(), before, "no second note within the hour");
    it.clock.advance(3600);
    tokens.resume(&text, address(7)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(it.journal.entries(), before + 2);
    it.clock.advance(7200);
    assert!(refused(tokens.resume(&text, address(7)).await.map(drop)), "past its end");
}
both!(a_token_serves_its_holder_where_and_while_it_may);

async fn a_token_gives_no_other_means(database: &TestDatabase) {
    let it = fixture(database).await;
    let alix = it.somebody((Door::Desk, DESK), "alix", Role::Administrator, 1).await;
    let (tokens, means) = (tokens(&it, Door::Desk, DESK), super::means::means(&it, Door::Desk));
    let (id, text) = tokens.issue(&alix.authenticated, new_token(&it, 600)).await.unwrap();
    let program = tokens.resume(text.expose(), address(7)).await.unwrap().authenticated;
    assert!(matches!(tokens.issue(&program, new_token(&it, 600)).await, Err(MeansError::Denied)));
    assert!(matches!(tokens.revoke(&program, id).await, Err(MeansError::Denied)));
    assert!(matches!(tokens.list(&program).await, Err(MeansError::Denied)));
    assert!(matches!(means.own(&program).await, Err(MeansError::Denied)));
    assert!(matches!(means.add_ssh_key(&program, &super::means::line(1), "").await, Err(MeansError::Denied)));
    assert!(matches!(means.begin_passkey(&program).await, Err(MeansError::Denied)));
    assert!(matches!(means.passkeys(&program).await, Err(MeansError::Denied)));
    assert!(matches!(means.vouch(&program, &[1], b"x").await, Err(MeansError::Denied)));
}
both!(a_token_gives_no_other_means);

async fn a_revoked_token_is_refused_at_once(database: &TestDatabase) {
    let it = fixture(database).await;
    let alix = it.somebody((Door::Desk, DESK), "alix", Role::Administrator, 1).await;
    let other = it.somebody((Door::Desk, DESK), "claude", Role::OnCall, 2).await;
    let tokens = tokens(&it, Door::Desk, DESK);
    let (id, text) = tokens.issue(&alix.authenticated, new_token(&it, 600)).await.unwrap();
    assert!(matches!(tokens.revoke(&other.authenticated, id).await, Err(MeansError::Absent)), "another's");
    assert!(matches!(tokens.revoke(&alix.authenticated, TokenId::from_bytes([9; 16])).await, Err(MeansError::Absent)));
    let under_way = tokens.resume(text.expose(), address(7)).await.unwrap();
    tokens.revoke(&alix.authenticated, id).await.unwrap();
    assert!(tokens.resume(text.expose(), address(7)).await.is_err());
    assert!(it.journal.is_revoked(under_way.authenticated.session().unwrap()), "requests under way end too");
    assert_eq!(tokens.list(&alix.authenticated).await.unwrap().len(), 0);
    assert!(matches!(tokens.revoke(&alix.authenticated, id).await, Err(MeansError::Absent)));
}
both!(a_revoked_token_is_refused_at_once);

async fn tokens_are_bounded(database: &TestDatabase) {
    let it = fixture(database).await;
    let alix = it.somebody((Door::Desk, DESK), "alix", Role::Administrator, 1).await;
    let tokens = tokens(&it, Door::Desk, DESK);
    let year = 366 * 86_400;
    let bad = [
        NewToken { scopes: [].into(), ..new_token(&it, 60) },
        NewToken { expires: it.clock.now(), ..new_token(&it, 60) },
        new_token(&it, year + 1),
        NewToken { sources: vec!["192.0.2.7".parse().unwrap(); 17], ..new_token(&it, 60) },
    ];
    for new in bad {
        assert!(matches!(tokens.issue(&alix.authenticated, new.clone()).await, Err(MeansError::Token(_))), "{new:?}");
    }
    let unnamed = NewToken { label: "  ".into(), ..new_token(&it, 60) };
    assert!(matches!(tokens.issue(&alix.authenticated, unnamed).await, Err(MeansError::Label(_))));
    for n in 0..TOKENS_MAX {
        let seconds = if n == 0 { 10 } else { year };
        tokens.issue(&alix.authenticated, new_token(&it, seconds)).await.unwrap();
    }
    assert!(matches!(tokens.issue(&alix.authenticated, new_token(&it, 60)).await, Err(MeansError::Full)));
    it.clock.advance(11);
    tokens.issue(&alix.authenticated, new_token(&it, 60)).await.unwrap();
    assert!(matches!(tokens.issue(&alix.authenticated, new_token(&it, 60)).await, Err(MeansError::Full)));
}
both!(tokens_are_bounded);

async fn rows_changed_in_the_database_make_no_token(database: &TestDatabase) {
    let it = fixture(database).await;
    let alix = it.somebody((Door::Desk, DESK), "alix", Role::Administrator, 1).await;
    it.somebody((Door::Desk, DESK), "claude", Role::OnCall, 2).await;
    let tokens = tokens(&it, Door::Desk, DESK);
    let (_, text) = tokens.issue(&alix.authenticated, new_token(&it, 600)).await.unwrap();
    it.outside("UPDATE accounts SET state = 'blocked'").await;
    assert!(tokens.resume(text.expose(), address(7)).await.is_err(), "a blocked account's token");
    it.outside("UPDATE accounts SET state = 'active'").await;
    assert!(tokens.resume(text.expose(), address(7)).await.is_ok());
    it.outside("UPDATE accounts SET role = 'on_call'").await;
    assert!(tokens.resume(text.expose(), address(7)).await.is_err(), "another role");
    it.outside("UPDATE tokens SET account_id = (SELECT id FROM accounts WHERE id <> tokens.account_id LIMIT 1)").await;
    assert!(tokens.resume(text.expose(), address(7)).await.is_err(), "another's");
}
both!(rows_changed_in_the_database_make_no_token);

async fn the_demonstration_hands_out_tokens(database: &TestDatabase) {
    let it = fixture(database).await;
    let account = it.enrol("dominique", Role::Beneficiary, 1).await.unwrap();
    let patient = it.enrol("camille", Role::Patient, 2).await.unwrap();
    let tokens = tokens(&it, Door::Desk, DESK);
    let (_, text) = tokens.issue_as(SystemActor::Demo, account, new_token(&it, 600)).await.unwrap();
    assert_eq!(tokens.resume(text.expose(), address(7)).await.unwrap().account, account);
    assert!(matches!(tokens.issue_as(SystemActor::Demo, patient, new_token(&it, 600)).await, Err(MeansError::Denied)));
    assert!(matches!(tokens.issue_as(SystemActor::Node, account, new_token(&it, 600)).await, Err(MeansError::Denied)));
}
both!(the_demonstration_hands_out_tokens);

async fn tokens_long_past_are_deleted(database: &TestDatabase) {
    let it = fixture(database).await;
    it.enrol("dominique", Role::Beneficiary, 1).await.unwrap();
    let (service, tokens) = (it.door(Door::Desk, DESK), tokens(&it, Door::Desk, DESK));
    let sign_in = async |from: u8| {
        let ceremony = service.first_step("dominique", Secret::new(PASSWORD.into()), address(from)).await.unwrap();
        let opened = service.second_step(&ceremony, &it.code(1), address(from)).await.unwrap();
        service.resume(&opened.cookie, address(from)).await.unwrap().authenticated
    };
    let who = sign_in(1).await;
    tokens.issue(&who, new_token(&it, 60)).await.unwrap();
    tokens.issue(&who, new_token(&it, 40 * 86_400)).await.unwrap();
    for (days, left) in [(29, 2), (2, 1)] {
        it.clock.advance(days * 86_400);
        it.service.purge().await.unwrap();
        assert_eq!(tokens.list(&sign_in(2).await).await.unwrap().len(), left);
    }
}
both!(tokens_long_past_are_deleted);
