//! People for the tests, recognised by the real ceremony: there is no other way to get an `Authenticated`.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use identity::{
    Authenticated, Credentials, DoorKey, PasswordHash, SessionLimits, SignIn, TokenTerms, TotpSecret, honor_token,
    issue_token, resume,
};
use policy::{Facts, Matter, Relation, RelationKind};
use std::{collections::BTreeSet, time::Duration};
use types::{
    AccountId, Category, ClientAddress, Door, EstablishmentId, PatientId, Period, Role, Secret, SessionId, SupplierId,
    Time, TokenId, TokenScope,
};

pub const NOW: Time = Time::from_micros(59_000_000);
pub const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
pub const ELSEWHERE: EstablishmentId = EstablishmentId::from_bytes([2; 16]);
pub const ACCOUNT: AccountId = AccountId::from_bytes([3; 16]);

/// A hash of "un mot de passe", cheap to check: the cost is not what these tests look at.
const CHEAP: &str = "$argon2id$v=19$m=8,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$6QcZHylZ88XvsSNpZ8u8LDBEwtjlte7QKgtVtebbTGI";

pub fn patient(n: u8) -> PatientId {
    PatientId::from_bytes([n; 16])
}

pub fn credentials() -> Credentials {
    Credentials {
        password: PasswordHash::from_phc(CHEAP.to_owned()),
        totp: TotpSecret::from_bytes(*b"12345678901234567890"),
        last_step: 0,
    }
}

pub fn somebody(role: Role, door: Door) -> Authenticated {
    seen_at(role, door, NOW)
}

/// The same person later, in the session that he opened at [`NOW`].
pub fn seen_at(role: Role, door: Door, now: Time) -> Authenticated {
    opened(role, door, (NOW, "287082"), now)
}

/// With the code that his second factor shows then.
pub fn somebody_at(role: Role, door: Door, now: Time, code: &str) -> Authenticated {
    opened(role, door, (now, code), now)
}

fn opened(role: Role, door: Door, (began, code): (Time, &str), now: Time) -> Authenticated {
    let address = ClientAddress::new([192, 0, 2, 7].into());
    let key = DoorKey::new(door, &[7; 32]);
    let held = credentials();
    let verified = SignIn::start(address, began)
        .password(&Secret::new("un mot de passe".into()), Some((ACCOUNT, &held)))
        .code(code, Some(&held), began)
        .unwrap();
    let limits = SessionLimits { idle: Duration::from_secs(1800), absolute: Duration::from_secs(28_800) };
    let session = verified.open((HERE, role), &key, limits, (SessionId::from_bytes([4; 16]), [5; 32]), began);
    resume(&session.stored, &session.token, &key, address, now).unwrap().authenticated
}

pub fn always() -> Period {
    Period { from: Time::from_micros(0), until: None }
}

pub fn relation(patient: PatientId, kind: RelationKind) -> Relation {
    Relation { patient, establishment: HERE, kind, period: always() }
}

pub fn mandate(covers: &[Category]) -> RelationKind {
    RelationKind::Mandate { covers: covers.iter().copied().collect::<BTreeSet<_>>() }
}

/// An intervention here, of a supplier, on an equipment that some answer for, where some may work.
pub fn matter(supplier: SupplierId, beneficiaries: &[AccountId], technicians: &[AccountId]) -> Matter {
    Matter { establishment: HERE, supplier, beneficiaries: beneficiaries.to_vec(), technicians: technicians.to_vec() }
}

pub fn facts(relations: Vec<Relation>) -> Facts {
    Facts { relations, ..Facts::default() }
}

/// A program's proof: a token of the interfaces.
pub fn program(role: Role, door: Door) -> Authenticated {
    let key = DoorKey::new(door, &[7; 32]);
    let terms = TokenTerms {
        account: ACCOUNT,
        establishment: HERE,
        role,
        scopes: TokenScope::ALL.iter().copied().collect(),
        expires: NOW + Duration::from_secs(600),
        sources: vec![],
    };
    let (stored, token) = issue_token(&terms, &key, (TokenId::from_bytes([6; 16]), [5; 32]), NOW);
    let address = ClientAddress::new([192, 0, 2, 7].into());
    honor_token(&stored, &token, &key, address, NOW).unwrap().0
}
