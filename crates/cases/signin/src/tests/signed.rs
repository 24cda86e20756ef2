//! Rights that give rights, signed by two people: what is refused before a link is drawn, when it is confirmed, and by
//! the door at which it is taken, even where whoever holds the door's keys wrote what stands there.

use super::{accounts::invitation, means::means, passkeys::Device, *};
use crate::{
    AccountError, Accounts, Chosen, DrawnLink, LacksKey, Lent, LinkError, RightGiven, RightSigned, RightTerms,
    RightToSign, SecondCode,
    accounts::{
        model::LinkSecrets,
        signed::model::{LinkSigned, SignedBy},
        sql::one,
    },
    model::AccountSecrets,
};
use data_encoding::HEXLOWER;
use identity::{
    passkey::{Assertion, RelyingParty},
    signed::{Nonce, challenge},
    vouching::{PasskeyRow, Pinned, PinnedKey, Pins, Vouch},
};
use types::{AccountState, IdentityProof, LifeReason, LinkId};

const PROOF: (IdentityProof, Option<&str>) = (IdentityProof::InPerson, None);

fn rp() -> RelyingParty {
    RelyingParty { id: "localhost".into(), origin: "https://localhost:8443".into() }
}

/// A hospital where keys are pinned: an administrator whose key is, a deputy and a security officer whom he vouched
/// for, an administrator whom nobody vouched for, and a beneficiary.
struct House {
    it: Fixture,
    accounts: Accounts,
    desk: SignInService,
    pins: Pins,
    people: Vec<(SignedIn, Device)>,
}

const ADMIN: usize = 0;
const DEPUTY: usize = 1;
const OFFICER: usize = 2;
const NEWCOMER: usize = 3;
const BENEFICIARY: usize = 4;

async fn house(database: &TestDatabase) -> House {
    let it = fixture(database).await;
    let roles = [
        ("admin", Role::Administrator),
        ("adjoint", Role::Administrator),
        ("rssi", Role::SecurityOfficer),
        ("nouveau", Role::Administrator),
        ("biomed", Role::Beneficiary),
    ];
    let mut people = Vec::new();
    for (n, (login, role)) in (1..).zip(roles) {
        let who = it.at_desk(login, role, n).await;
        let device = Device::draw(0);
        it.enrolment.passkey(who.account, &device.record()).await.unwrap();
        people.push((who, device));
    }
    let first = &people[ADMIN];
    let public = first.1.record().public;
    let key = PinnedKey {
        credential: public.credential.clone(),
        public_key: public.public_key.to_cose(),
        account: first.0.account,
        role: Role::Administrator,
        establishment: HERE,
    };
    let pins = Pins::new(Pinned { keys: vec![key], rp: rp() });
    let accounts = it.accounts();
    accounts.verify_by(pins.clone());
    let desk = it.door(Door::Desk, DESK).verifying(pins.clone());
    let house = House { it, accounts, desk, pins, people };
    for n in [DEPUTY, OFFICER, BENEFICIARY] {
        house.vouch(n, ADMIN).await;
    }
    house
}

impl House {
    fn device(&self, n: usize) -> &Device {
        &self.people[n].1
    }

    fn who(&self, n: usize) -> &identity::Authenticated {
        &self.people[n].0.authenticated
    }

    fn account(&self, n: usize) -> AccountId {
        self.people[n].0.account
    }

    fn answer(&self, n: usize, challenge: &[u8; 32]) -> Assertion {
        self.device(n).answers((&rp(), challenge), 0x05, 0)
    }

    async fn vouch(&self, of: usize, by: usize) {
        let (who, device) = &self.people[of];
        let passkey = device.record().public;
        let row = PasskeyRow { passkey, account: who.account, role: who.role, establishment: HERE, vouch: None };
        let nonce = [u8::try_from(of).unwrap(); 32];
        let assertion = self.answer(by, &challenge(&row.enrol_terms().bytes(&nonce)));
        self.it.enrolment.vouch(&device.credential(), &Vouch { nonce, assertion }.to_bytes()).await.unwrap();
    }

    fn signed(&self, n: usize, right: &RightToSign) -> RightSigned {
        RightSigned { nonce: right.terms.nonce.clone(), assertion: self.answer(n, &right.terms.challenge) }
    }

    /// Somebody invited to that role, by a link that the administrator signed.
    async fn invited(&self, login: &str, role: Role) -> (AccountId, DrawnLink) {
        let right = self.accounts.invitation_terms(self.who(ADMIN), invitation(login, role)).await.unwrap().unwrap();
        let signed = self.signed(ADMIN, &right);
        self.accounts.invite_signed(self.who(ADMIN), invitation(login, role), signed).await.unwrap()
    }

    async fn confirmed(&self, account: AccountId, link: LinkId, by: usize) -> String {
        let right = self.accounts.confirm_terms(self.who(by), account, link).await.unwrap().unwrap();
        let assertion = self.answer(by, &right.terms.challenge);
        let SecondCode(code) =
            self.accounts.confirm_signed_link(self.who(by), account, link, &assertion).await.unwrap();
        code.expose().clone()
    }

    async fn takes(&self, link: &DrawnLink, code: &str, secret: u8) -> Result<(), LinkError> {
        let chosen = Chosen { second: code.to_owned(), ..self.it.chosen(secret) };
        self.desk.take_link(link.secret.expose(), chosen, address(3)).await
    }

    async fn opens(&self, link: &DrawnLink) -> Option<LinkError> {
        self.desk.link(link.secret.expose(), address(3)).await.err()
    }

    fn keys(&self) -> vault::Keys {
        self.it.master.keys_for(Holder::Door(Door::Desk))
    }

    /// The link as it stands.
    async fn kept(&self, account: AccountId) -> LinkSecrets {
        let mut connection = self.it.store.read().await.unwrap();
        let row = one(&mut connection, HERE, account).await.unwrap().unwrap();
        LinkSecrets::open(&self.keys(), &row.link.unwrap()).unwrap()
    }

    /// What whoever holds the desk's keys and the database can do to a link.
    async fn forge(&self, account: AccountId, change: impl FnOnce(&mut LinkSecrets)) {
        let mut connection = self.it.store.read().await.unwrap();
        let link = one(&mut connection, HERE, account).await.unwrap().unwrap().link.unwrap();
        drop(connection);
        let mut kept = LinkSecrets::open(&self.keys(), &link).unwrap();
        change(&mut kept);
        let sealed = kept.seal(&self.keys(), (account, &link.digest)).unwrap();
        let mut outside = sqlx::AnyPool::connect(&self.it.url).await.unwrap().acquire().await.unwrap();
        sqlx::query("UPDATE account_links SET sealed = $1 WHERE account_id = $2")
            .bind(sealed)
            .bind(account.as_bytes().to_vec())
            .execute(&mut *outside)
            .await
            .unwrap();
    }

    /// The same of an account.
    async fn reseal(&self, account: AccountId, change: impl FnOnce(&mut AccountSecrets)) {
        let mut connection = self.it.store.read().await.unwrap();
        let row = one(&mut connection, HERE, account).await.unwrap().unwrap().account;
        drop(connection);
        let mut secrets = row.secrets(&self.keys()).unwrap();
        change(&mut secrets);
        let sealed = row.bond().seal(&self.keys(), &secrets).unwrap();
        let mut outside = sqlx::AnyPool::connect(&self.it.url).await.unwrap().acquire().await.unwrap();
        sqlx::query("UPDATE accounts SET sealed = $1 WHERE id = $2")
            .bind(sealed)
            .bind(account.as_bytes().to_vec())
            .execute(&mut *outside)
            .await
            .unwrap();
    }

    /// Both signatures over these terms, made by those people's own passkeys.
    fn both(&self, nonce: Nonce, terms: &RightTerms, (first, second): (usize, usize)) -> LinkSigned {
        let by = |n: usize| SignedBy::new(self.account(n), &self.answer(n, &terms.challenge(&nonce)));
        LinkSigned { nonce, proof: terms.proof.as_str().to_owned(), first: by(first), second: Some(by(second)) }
    }

    fn refusals(&self) -> Vec<String> {
        let months = vault::MonthKeys::new(&self.it.folder.path().join("vault"), &self.it.master).unwrap();
        let origin = std::fs::read_dir(self.it.folder.path().join("journal")).unwrap().next().unwrap().unwrap().path();
        let traces = journal::read_traces(&origin, &months, 0..self.it.journal.entries()).unwrap();
        traces.iter().map(|trace| format!("{trace:?}")).collect()
    }
}

async fn two_people_sign_and_the_door_verifies(database: &TestDatabase) {
    let it = house(database).await;
    let new = || invitation("ines", Role::Administrator);
    let plain = it.accounts.invite(it.who(ADMIN), new()).await.err();
    assert_eq!(plain, Some(AccountError::Unsigned), "no account is opened without");
    let (account, link) = it.invited("ines", Role::Administrator).await;
    assert!(link.waits);
    assert_eq!(it.opens(&link).await, Some(LinkError::Waits));
    let plain = it.accounts.confirm_link(it.who(OFFICER), account, link.id).await.err();
    assert_eq!(plain, Some(AccountError::Unsigned), "nor confirmed without");

    let right = it.accounts.confirm_terms(it.who(OFFICER), account, link.id).await.unwrap().unwrap();
    assert_eq!((right.first, right.lacks), (Some(it.account(ADMIN)), None));
    assert_eq!(
        (right.right.login.as_str(), right.right.role, right.right.link, right.right.renewal),
        ("ines", Role::Administrator, link.id, 0)
    );
    let code = it.confirmed(account, link.id, OFFICER).await;
    assert_eq!(it.opens(&link).await, None);
    it.takes(&link, &code, 7).await.unwrap();
    it.it.wait();
    let ines = it.it.comes_in("ines", "Vingt-7 herons gris au gué", 7).await.unwrap();
    let (first, second) = (it.account(ADMIN), it.account(OFFICER));
    let right = async || it.accounts.one(it.who(ADMIN), account).await.unwrap().right;
    assert_eq!(right().await, Some(RightGiven::Signed { first, second, holds: true }));
    let [former, own] = ["Vingt-7 herons gris au gué", "Trente-8 lanternes sur le quai"];
    it.desk.change_password(&ines, Secret::new(former.into()), Secret::new(own.into())).await.unwrap();
    assert_eq!(right().await, Some(RightGiven::Signed { first, second, holds: true }), "the right is the same");
    let told = it.refusals().join("\n");
    for n in [ADMIN, OFFICER] {
        let passkey = data_encoding::BASE64URL_NOPAD.encode(&it.device(n).credential());
        assert!(told.contains(&format!("signed with passkey {passkey}")), "who, and by which passkey");
    }
    // A passkey that is taken away verifies nothing any more, and the page says so.
    let door = means(&it.it, Door::Desk);
    door.revoke_passkey(it.who(ADMIN), &it.device(OFFICER).credential()).await.unwrap();
    assert_eq!(right().await, Some(RightGiven::Signed { first, second, holds: false }));
    // Who came by the operator's command is not shown as if two people had signed.
    let own = it.accounts.one(it.who(ADMIN), it.account(DEPUTY)).await.unwrap().right;
    assert_eq!(own, Some(RightGiven::Unsigned));
}
both!(two_people_sign_and_the_door_verifies);

async fn what_does_not_fit_draws_nothing(database: &TestDatabase) {
    let it = house(database).await;
    let (accounts, who) = (&it.accounts, it.who(ADMIN));
    let officer = it.account(OFFICER);
    let right = async || accounts.draw_terms(who, officer, PROOF).await.unwrap().unwrap();
    let draw = async |signed| accounts.draw_signed_link(who, officer, PROOF, signed).await.map(drop);
    let refused = Err(AccountError::Signature);

    let shown = right().await;
    assert_eq!((shown.lacks, shown.terms.credentials.clone()), (None, vec![it.device(ADMIN).credential()]));
    assert_eq!(draw(it.signed(DEPUTY, &shown)).await, refused, "somebody else's passkey");
    let stranger = Device::draw(0).answers((&rp(), &shown.terms.challenge), 0x05, 0);
    let signed = RightSigned { assertion: stranger, ..it.signed(ADMIN, &shown) };
    assert_eq!(draw(signed).await, refused, "a passkey that nobody has");
    let untouched = it.device(ADMIN).answers((&rp(), &shown.terms.challenge), 0x01, 0);
    let signed = RightSigned { assertion: untouched, ..it.signed(ADMIN, &shown) };
    assert_eq!(draw(signed).await, refused, "nobody was verified");
    let other = right().await;
    let crossed = RightSigned { nonce: shown.terms.nonce.clone(), ..it.signed(ADMIN, &other) };
    assert_eq!(draw(crossed).await, refused, "another drawing's signature");
    let garbage = RightSigned { nonce: HEXLOWER.encode(&[7; 32]), ..it.signed(ADMIN, &shown) };
    assert_eq!(draw(garbage).await, refused, "a nonce that was not drawn here");

    // Signed for one account, proof or address, sent for another.
    let signed = || it.signed(ADMIN, &shown);
    let elsewhere = accounts.draw_signed_link(who, it.account(BENEFICIARY), PROOF, signed()).await.err();
    assert_eq!(elsewhere, Some(AccountError::Signature));
    let known = (IdentityProof::Known, None);
    assert_eq!(accounts.draw_signed_link(who, officer, known, signed()).await.err(), Some(AccountError::Signature));
    let mailed = (IdentityProof::InPerson, Some("autre@hopital.example"));
    assert_eq!(accounts.draw_signed_link(who, officer, mailed, signed()).await.err(), Some(AccountError::Signature));
    let deputy = accounts.draw_signed_link(it.who(DEPUTY), officer, PROOF, signed()).await.err();
    assert_eq!(deputy, Some(AccountError::Signature), "in another's name");

    // Whoever has no passkey that counts is told what he lacks, and draws nothing.
    let newcomer = it.who(NEWCOMER);
    let own = accounts.draw_terms(newcomer, officer, PROOF).await.unwrap().unwrap();
    assert_eq!((own.lacks, own.terms.credentials.len()), (Some(LacksKey::Vouch), 0));
    let tried = accounts.draw_signed_link(newcomer, officer, PROOF, it.signed(NEWCOMER, &own)).await.err();
    assert_eq!(tried, Some(AccountError::Signature));
    it.vouch(NEWCOMER, OFFICER).await;
    let tried = accounts.draw_signed_link(newcomer, officer, PROOF, it.signed(NEWCOMER, &own)).await.err();
    assert_eq!(tried, Some(AccountError::Signature), "vouched for by somebody who is no administrator");
    let himself = accounts.draw_terms(it.who(ADMIN), it.account(ADMIN), PROOF).await.err();
    assert_eq!(himself, Some(AccountError::Oneself));
    assert!(accounts.one(who, officer).await.unwrap().seen.link.is_none(), "nothing was drawn");

    // What fits draws once.
    assert_eq!(draw(signed()).await, Ok(()));
    assert_eq!(draw(signed()).await, Err(AccountError::Meanwhile), "sent again");
    let late = right().await;
    it.it.clock.advance(600);
    assert_eq!(draw(it.signed(ADMIN, &late)).await, refused, "too late");
}
both!(what_does_not_fit_draws_nothing);

async fn what_does_not_fit_opens_no_account(database: &TestDatabase) {
    let it = house(database).await;
    let (accounts, who) = (&it.accounts, it.who(ADMIN));
    let new = |login: &str, role| invitation(login, role);
    let right = accounts.invitation_terms(who, new("ines", Role::Beneficiary)).await.unwrap().unwrap();
    let signed = || it.signed(ADMIN, &right);
    for (other, what) in [
        (new("autre", Role::Beneficiary), "another login"),
        (new("ines", Role::Administrator), "another role"),
        (crate::NewInvitation { proof: IdentityProof::Known, ..new("ines", Role::Beneficiary) }, "another proof"),
        (crate::NewInvitation { mail: Some("a@b.example".into()), ..new("ines", Role::Beneficiary) }, "an address"),
    ] {
        let tried = accounts.invite_signed(who, other, signed()).await.map(drop);
        assert_eq!(tried, Err(AccountError::Signature), "{what}");
    }
    assert!(
        accounts
            .list(who, &crate::AccountQuery { linked: true, ..Default::default() })
            .await
            .unwrap()
            .accounts
            .is_empty()
    );
    let taken = accounts.invitation_terms(who, new("ADMIN", Role::Beneficiary)).await.err();
    assert_eq!(taken, Some(AccountError::Taken), "before anything is signed");
    assert!(accounts.invitation_terms(who, new("nuit", Role::OnCall)).await.unwrap().is_none(), "decides over nobody");
    accounts.invite_signed(who, new("ines", Role::Beneficiary), signed()).await.unwrap();
    let again = accounts.invite_signed(who, new("ines", Role::Beneficiary), signed()).await.err();
    assert_eq!(again, Some(AccountError::Taken));
}
both!(what_does_not_fit_opens_no_account);

async fn the_second_is_another_who_signs_the_same(database: &TestDatabase) {
    let it = house(database).await;
    let accounts = &it.accounts;
    let (account, link) = it.invited("ines", Role::Administrator).await;
    let (other, others) = it.invited("yann", Role::Administrator).await;
    let confirm = async |n: usize, assertion: &Assertion| {
        accounts.confirm_signed_link(it.who(n), account, link.id, assertion).await.map(drop)
    };
    let right = accounts.confirm_terms(it.who(DEPUTY), account, link.id).await.unwrap().unwrap();
    let challenge = right.terms.challenge;
    assert_eq!(confirm(ADMIN, &it.answer(ADMIN, &challenge)).await, Err(AccountError::Second), "the same person");
    assert_eq!(accounts.confirm_terms(it.who(ADMIN), account, link.id).await.err(), Some(AccountError::Second));
    let refused = Err(AccountError::Signature);
    assert_eq!(confirm(DEPUTY, &it.answer(ADMIN, &challenge)).await, refused, "the first one's passkey");
    assert_eq!(confirm(DEPUTY, &it.answer(OFFICER, &challenge)).await, refused, "somebody else's");
    assert_eq!(confirm(NEWCOMER, &it.answer(NEWCOMER, &challenge)).await, refused, "not vouched for");
    let elsewhere = accounts.confirm_terms(it.who(DEPUTY), other, others.id).await.unwrap().unwrap();
    assert_eq!(confirm(DEPUTY, &it.answer(DEPUTY, &elsewhere.terms.challenge)).await, refused, "another link's");
    let unverified = it.device(DEPUTY).answers((&rp(), &challenge), 0x01, 0);
    assert_eq!(confirm(DEPUTY, &unverified).await, refused, "nobody was verified");
    let beneficiary = confirm(BENEFICIARY, &it.answer(BENEFICIARY, &challenge)).await;
    assert_eq!(beneficiary, Err(AccountError::Denied), "whose role confirms nothing");

    // Whoever signed first is not in charge any more: nobody puts his name beside.
    let to = (AccountState::Suspended, LifeReason::Suspicion);
    accounts.change_state(it.who(OFFICER), it.account(ADMIN), to).await.unwrap();
    assert_eq!(accounts.confirm_terms(it.who(DEPUTY), account, link.id).await.err(), Some(AccountError::Signature));
    assert_eq!(confirm(DEPUTY, &it.answer(DEPUTY, &challenge)).await, refused);
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent));
}
both!(the_second_is_another_who_signs_the_same);

/// Whoever holds the keys of the desk writes what he likes, and signs for nobody.
async fn the_door_believes_signatures_only(database: &TestDatabase) {
    let it = house(database).await;
    let (account, link) = it.invited("ines", Role::Administrator).await;
    let right = it.accounts.confirm_terms(it.who(OFFICER), account, link.id).await.unwrap().unwrap().right;
    let code = it.confirmed(account, link.id, OFFICER).await;
    assert_eq!(it.opens(&link).await, None);
    let genuine = it.kept(account).await;
    let (nonce, signed) = (genuine.signed.as_ref().unwrap().nonce, genuine.signed.clone());
    let gone = Some(LinkError::Absent);
    let with = async |signed: Option<LinkSigned>| {
        it.forge(account, |kept| kept.signed = signed).await;
        it.opens(&link).await
    };

    // None at all, as it was before signatures; and in the operator's name.
    assert_eq!(with(None).await, Some(LinkError::Waits));
    it.forge(account, |kept| kept.by = None).await;
    assert_eq!(it.opens(&link).await, Some(LinkError::Waits), "nobody's link opens no such account");
    it.forge(account, |kept| kept.by = genuine.by.clone()).await;
    // One signature only; one twice; in another's name; over nothing.
    let genuinely = signed.clone().unwrap();
    assert_eq!(with(Some(LinkSigned { second: None, ..genuinely.clone() })).await, gone);
    assert_eq!(with(Some(LinkSigned { second: Some(genuinely.first.clone()), ..genuinely.clone() })).await, gone);
    let renamed = SignedBy { account: *it.account(DEPUTY).as_bytes(), ..genuinely.first.clone() };
    assert_eq!(with(Some(LinkSigned { second: Some(renamed), ..genuinely.clone() })).await, gone);
    assert_eq!(with(Some(LinkSigned { nonce: [1; 32], ..genuinely.clone() })).await, gone);
    assert_eq!(with(Some(LinkSigned { proof: "known".into(), ..genuinely.clone() })).await, gone);
    // By people of whom one may not sign: not vouched for; a role that gives nothing; the second in the first's place.
    assert_eq!(with(Some(it.both(nonce, &right, (ADMIN, NEWCOMER)))).await, gone);
    assert_eq!(with(Some(it.both(nonce, &right, (ADMIN, BENEFICIARY)))).await, gone);
    assert_eq!(with(Some(it.both(nonce, &right, (OFFICER, ADMIN)))).await, gone);
    assert_eq!(with(Some(it.both(nonce, &right, (ADMIN, DEPUTY)))).await, None, "and two who may do");

    // Genuine signatures over anything else than this.
    let other = |change: fn(&mut RightTerms)| {
        let mut terms = right.clone();
        change(&mut terms);
        Some(it.both(nonce, &terms, (ADMIN, OFFICER)))
    };
    let changes: [fn(&mut RightTerms); 10] = [
        |it| it.establishment = EstablishmentId::from_bytes([2; 16]),
        |it| it.account = AccountId::from_bytes([2; 16]),
        |it| it.login = "autre".into(),
        |it| it.name = "Autre Personne".into(),
        |it| it.role = Role::Beneficiary,
        |it| it.link = LinkId::from_bytes([2; 16]),
        |it| it.renewal = 1,
        |it| it.mail = Some("autre@hopital.example".into()),
        |it| it.expires = it.expires + Duration::from_secs(1),
        |it| it.proof = IdentityProof::Employer,
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let mut signed = other(change).unwrap();
        signed.proof = right.proof.as_str().to_owned();
        assert_eq!(with(Some(signed)).await, gone, "change {n}");
    }
    // Or the same signatures over what is changed since.
    assert_eq!(with(signed).await, None);
    let original = genuine.expires;
    it.forge(account, |kept| kept.expires += 1).await;
    assert_eq!(it.opens(&link).await, gone, "more time");
    it.forge(account, |kept| (kept.expires, kept.mail) = (original, Some("autre@hopital.example".into()))).await;
    assert_eq!(it.opens(&link).await, gone, "mail elsewhere");
    it.forge(account, |kept| kept.mail = None).await;
    it.takes(&link, &code, 7).await.unwrap();
}
both!(the_door_believes_signatures_only);

async fn who_signed_is_in_charge_still_when_the_link_serves(database: &TestDatabase) {
    let it = house(database).await;
    let (account, link) = it.invited("ines", Role::SecurityOfficer).await;
    let code = it.confirmed(account, link.id, DEPUTY).await;
    assert_eq!(it.opens(&link).await, None);
    let to = |state, reason| it.accounts.change_state(it.who(ADMIN), it.account(DEPUTY), (state, reason));
    to(AccountState::Suspended, LifeReason::Absence).await.unwrap();
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent), "whoever confirmed is suspended");
    assert_eq!(it.takes(&link, &code, 7).await, Err(LinkError::Absent));
    let told = it.refusals().join("\n");
    assert!(told.contains("a link's signatures: somebody who signed is not in charge any more"), "the trace says why");

    // One whose passkey was taken away signed nothing that counts; nor one whom he vouched for who is not trusted now.
    let (account, link) = it.invited("yann", Role::SecurityOfficer).await;
    it.confirmed(account, link.id, OFFICER).await;
    assert_eq!(it.opens(&link).await, None);
    let credential = it.device(OFFICER).credential();
    means(&it.it, Door::Desk).revoke_passkey(it.who(ADMIN), &credential).await.unwrap();
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent), "revoked");
    // Enrolled again by somebody with the database, and vouched for by nobody.
    it.it.enrolment.passkey(it.account(OFFICER), &it.device(OFFICER).record()).await.unwrap();
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent), "not vouched for");
    it.vouch(OFFICER, ADMIN).await;
    assert_eq!(it.opens(&link).await, None);
}
both!(who_signed_is_in_charge_still_when_the_link_serves);

/// Whoever may sign for others' rights does not sign for his own.
async fn nobody_signs_for_himself(database: &TestDatabase) {
    let it = house(database).await;
    let deputy = it.account(DEPUTY);
    let right = it.accounts.draw_terms(it.who(ADMIN), deputy, PROOF).await.unwrap().unwrap();
    let signed = it.signed(ADMIN, &right);
    let link = it.accounts.draw_signed_link(it.who(ADMIN), deputy, PROOF, signed).await.unwrap();
    assert_eq!(it.accounts.confirm_terms(it.who(DEPUTY), deputy, link.id).await.err(), Some(AccountError::Second));
    it.confirmed(deputy, link.id, OFFICER).await;
    assert_eq!(it.opens(&link).await, None);
    let nonce = it.kept(deputy).await.signed.unwrap().nonce;
    let both = it.both(nonce, &right.right, (ADMIN, DEPUTY));
    it.forge(deputy, |kept| kept.signed = Some(both)).await;
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent));
}
both!(nobody_signs_for_himself);

/// Signatures of a link that served, of one that was withdrawn, or of an account's former means serve nothing again.
async fn what_was_signed_serves_once(database: &TestDatabase) {
    let it = house(database).await;
    let (account, link) = it.invited("ines", Role::Administrator).await;
    let code = it.confirmed(account, link.id, OFFICER).await;
    it.it.outside("CREATE TABLE signed_link AS SELECT * FROM account_links").await;
    it.takes(&link, &code, 7).await.unwrap();
    it.it.outside("INSERT INTO account_links SELECT * FROM signed_link").await;
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent));
    // With the desk's keys too: the link leads to the account again, of its means of today.
    it.reseal(account, |secrets| secrets.link = Some(link.id.as_bytes().to_vec())).await;
    it.forge(account, |kept| kept.renewals = 1).await;
    assert_eq!(it.opens(&link).await, Some(LinkError::Absent), "signed for the means of before");

    // Nor do they stand for means that were given since without any.
    let right = async || it.accounts.one(it.who(ADMIN), account).await.unwrap().right;
    assert!(matches!(right().await, Some(RightGiven::Signed { holds: true, .. })));
    it.reseal(account, |secrets| secrets.renewals = Some(2)).await;
    assert_eq!(right().await, Some(RightGiven::Unsigned));
    it.reseal(account, |secrets| secrets.renewals = Some(1)).await;

    // New means are signed anew.
    let anew = it.accounts.draw_terms(it.who(DEPUTY), account, PROOF).await.unwrap().unwrap();
    assert_eq!(anew.right.renewal, 1);
    let signed = it.signed(DEPUTY, &anew);
    let anew = it.accounts.draw_signed_link(it.who(DEPUTY), account, PROOF, signed).await.unwrap();
    let code = it.confirmed(account, anew.id, ADMIN).await;
    it.takes(&anew, &code, 8).await.unwrap();
    let (first, second) = (it.account(DEPUTY), it.account(ADMIN));
    assert_eq!(right().await, Some(RightGiven::Signed { first, second, holds: true }));
}
both!(what_was_signed_serves_once);

/// Where no administrator's key is pinned nobody can sign: two people confirm, and the account says so.
async fn without_a_pinned_key_two_people_confirm(database: &TestDatabase) {
    let it = house(database).await;
    let accounts = it.it.accounts();
    accounts.verify_by(Pins::new(Pinned { keys: Vec::new(), rp: rp() }));
    let new = || invitation("ines", Role::Administrator);
    assert!(accounts.invitation_terms(it.who(ADMIN), new()).await.unwrap().is_none());
    let (account, link) = accounts.invite(it.who(ADMIN), new()).await.unwrap();
    let SecondCode(code) = accounts.confirm_link(it.who(OFFICER), account, link.id).await.unwrap();
    let right = accounts.one(it.who(ADMIN), account).await.unwrap().right;
    assert_eq!(right, Some(RightGiven::Confirmed));
    // A door that verifies by a pinned key takes no such link, nor one without keys what was signed.
    assert_eq!(it.opens(&link).await, Some(LinkError::Waits));
    let bare = it.it.door(Door::Desk, DESK);
    assert!(bare.link(link.secret.expose(), address(3)).await.is_ok());
    let (other, signed) = it.invited("yann", Role::Administrator).await;
    it.confirmed(other, signed.id, OFFICER).await;
    assert_eq!(bare.link(signed.secret.expose(), address(3)).await.err(), Some(LinkError::Absent));
    let chosen = Chosen { second: code.expose().clone(), ..it.it.chosen(7) };
    bare.take_link(link.secret.expose(), chosen, address(3)).await.unwrap();
    // Once a key is pinned, what was given before is shown for what it is.
    let right = it.accounts.one(it.who(ADMIN), account).await.unwrap().right;
    assert_eq!(right, Some(RightGiven::Unsigned));
}
both!(without_a_pinned_key_two_people_confirm);

async fn the_probes_own_administrator_is_lent_unsigned_and_nobody_else_is(database: &TestDatabase) {
    let house = house(database).await;
    let (accounts, patience) = (house.it.delaying_accounts(), Duration::from_secs(60));
    accounts.verify_by(house.pins.clone());
    let turn = async || {
        let lent = house.it.enrolment.lend(&accounts, HERE, (("Sonde", "Bureau"), patience)).await;
        let Ok(Lent::Link(account, link)) = lent else { panic!("no link") };
        house.it.wait();
        house.desk.take_link(link.secret.expose(), house.it.chosen(9), address(3)).await.unwrap();
        house.it.enrolment.take_back(&accounts, HERE, account).await.unwrap();
        account
    };
    let lent = turn().await;
    // Of that login, but drawn by somebody: signed like any other.
    let drawn = accounts.draw_link(house.who(ADMIN), lent, IdentityProof::InPerson).await.err();
    assert_eq!(drawn, Some(AccountError::Unsigned));
    // Of another login, drawn by the node itself: likewise.
    let node = identity::system_actor(SystemActor::Demo, Some(HERE), house.it.clock.now());
    let other = accounts.draw_link(&node, house.account(DEPUTY), IdentityProof::InPerson).await.err();
    assert_eq!(other, Some(AccountError::Unsigned));
    assert_eq!(turn().await, lent, "and again");
}
both!(the_probes_own_administrator_is_lent_unsigned_and_nobody_else_is);
