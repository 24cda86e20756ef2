//! One honest intervention, and every way to forge it that opens nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::{
    model::{Activity, Protocol, Right},
    terms::TechnicianTerms,
    tests::passkey::SoftPasskey,
};
use identity::vouching::Vouch;
use types::{EquipmentId, SupplierId};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);
const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const HOUR: i64 = 3_600_000_000;

fn account(n: u8) -> AccountId {
    AccountId::from_bytes([n; 16])
}

fn hours(n: i64) -> Time {
    Time::from_micros(NOW.micros() + n * HOUR)
}

/// Administrators 1 (pinned) and 2 (vouched for by 1); beneficiaries 3 (vouched for by 1) and 4 (by 2).
struct House {
    keys: Vec<SoftPasskey>,
    pinned: Pinned,
    evidence: Evidence,
    nonces: u8,
}

impl House {
    fn key(&self, n: u8) -> &SoftPasskey {
        &self.keys[usize::from(n)]
    }

    fn nonce(&mut self) -> Nonce {
        self.nonces += 1;
        [self.nonces; 32]
    }

    fn row(&self, n: u8, role: Role) -> PasskeyRow {
        PasskeyRow { passkey: self.key(n).public(), account: account(n), role, establishment: HERE, vouch: None }
    }

    /// `by` vouches for the enrolment as `row` says it.
    fn vouched(&mut self, row: PasskeyRow, by: u8) -> PasskeyRow {
        let nonce = self.nonce();
        let assertion = self.key(by).sign(&enrol_terms(&row).challenge(&nonce));
        PasskeyRow { vouch: Some(Vouch { nonce, assertion }), ..row }
    }

    fn enrol(&mut self, n: u8, role: Role, by: u8) {
        let row = self.row(n, role);
        let row = self.vouched(row, by);
        self.evidence.passkeys.push(row);
    }

    fn sign(&mut self, kind: SignatureKind, by: u8) -> SignatureRow {
        let nonce = self.nonce();
        let intervention = self.evidence.terms.clone();
        let terms = match kind {
            SignatureKind::Approve => Terms::Approve(intervention),
            SignatureKind::Extend { until } => Terms::Extend { intervention, until },
            SignatureKind::Hold { until, .. } => Terms::Hold { intervention, until },
        };
        let assertion = self.key(by).sign(&terms.challenge(&nonce));
        SignatureRow { kind, nonce, account: account(by), assertion }
    }

    fn signed(&mut self, kind: SignatureKind, by: u8) {
        let row = self.sign(kind, by);
        self.evidence.signatures.push(row);
    }

    fn sign_equipment(&mut self, by: u8) {
        let nonce = self.nonce();
        let terms = Terms::Equipment(self.evidence.terms.equipment.clone());
        let assertion = self.key(by).sign(&terms.challenge(&nonce));
        let (kind, account) = (SignatureKind::Approve, account(by));
        self.evidence.equipment_signature = Some(SignatureRow { kind, nonce, account, assertion });
    }

    /// All that somebody with the database could do, tried on an honest intervention.
    fn why(&self) -> Result<Warrant, NoWarrant> {
        Warrant::verify(&self.evidence, &self.pinned, NOW)
    }

    #[track_caller]
    fn check(forge: impl FnOnce(&mut House), why: NoWarrant) {
        let mut house = house();
        assert!(house.why().is_ok());
        forge(&mut house);
        assert_eq!(house.why().unwrap_err(), why);
    }
}

fn house() -> House {
    let keys: Vec<SoftPasskey> = (0..20).map(|_| SoftPasskey::draw()).collect();
    let root = keys[1].public();
    let first = vouching::Pinned {
        keys: vec![PinnedKey {
            credential: root.credential.clone(),
            public_key: root.public_key.to_cose(),
            account: account(1),
            role: Role::Administrator,
            establishment: HERE,
        }],
        rp: SoftPasskey::rp(),
    };
    let pinned = Pinned { first: Arc::new(first), rehearsed: None };
    let equipment = EquipmentTerms {
        id: EquipmentId::from_bytes([40; 16]),
        version: 2,
        establishment: HERE,
        name: "scanner-2".into(),
        protocol: Protocol::Ssh,
        host: "10.0.0.8".into(),
        port: 22,
        host_key: "ssh-ed25519 AAAA".into(),
        account: "service".into(),
        beneficiaries: vec![account(3), account(4)],
        quorum: 1,
    };
    let technicians =
        vec![TechnicianTerms { account: account(9), name: "Nour".into(), fingerprints: vec!["SHA256:a".into()] }];
    let terms = InterventionTerms {
        id: InterventionId::from_bytes([50; 16]),
        version: 1,
        establishment: HERE,
        supplier: SupplierId::from_bytes([60; 16]),
        requester: account(9),
        equipment,
        technicians,
        activity: Activity::Maintenance,
        purpose: "Mise à jour".into(),
        ticket: None,
        rights: vec![Right::Shell],
        sources: vec!["192.0.2.0/24".parse().unwrap()],
        from: hours(-1),
        until: hours(1),
    };
    let evidence = Evidence {
        state: State::Planned,
        terms,
        equipment_signature: None,
        signatures: Vec::new(),
        passkeys: Vec::new(),
    };
    let mut house = House { keys, pinned, evidence, nonces: 0 };
    let root = house.row(1, Role::Administrator);
    house.evidence.passkeys.push(root);
    house.enrol(2, Role::Administrator, 1);
    house.enrol(3, Role::Beneficiary, 1);
    house.enrol(4, Role::Beneficiary, 2);
    house.sign_equipment(2);
    house.signed(SignatureKind::Approve, 3);
    house
}

#[test]
fn an_honest_intervention_has_its_warrant() {
    let warrant = house().why().unwrap();
    assert_eq!((warrant.window_end(), warrant.hold_until()), (hours(1), None));
    assert!(warrant.allows(Right::Shell) && !warrant.allows(Right::FilesOut));
    assert!(warrant.admits(account(9), "SHA256:a"));
    assert!(!warrant.admits(account(9), "SHA256:b") && !warrant.admits(account(8), "SHA256:a"));
    let from = |text: &str| warrant.admits_source(ClientAddress::new(text.parse().unwrap()));
    assert!(from("192.0.2.9") && !from("198.51.100.1"));
    assert_eq!(warrant.equipment().host_key, "ssh-ed25519 AAAA");
}

#[test]
fn outside_its_state_or_window_there_is_none() {
    for &state in State::ALL {
        if !matches!(state, State::Planned | State::Open) {
            House::check(|it| it.evidence.state = state, NoWarrant::State(state));
        }
    }
    let house = house();
    let at = |now| Warrant::verify(&house.evidence, &house.pinned, now).map(drop);
    assert_eq!(at(Time::from_micros(hours(-1).micros() - 1)), Err(NoWarrant::TooEarly));
    assert_eq!(at(hours(-1)), Ok(()));
    assert_eq!(at(Time::from_micros(hours(1).micros() - 1)), Ok(()));
    assert_eq!(at(hours(1)), Err(NoWarrant::TooLate));
}

#[test]
fn without_a_genuine_approval_there_is_none() {
    House::check(|it| it.evidence.signatures.clear(), NoWarrant::Quorum { given: 0, needed: 1 });
    House::check(|it| it.evidence.signatures[0].assertion.signature[10] ^= 1, NoWarrant::ApprovalForged);
    // Somebody writes his own key's approval under a beneficiary's name.
    House::check(
        |it| {
            let mut row = it.sign(SignatureKind::Approve, 8);
            row.account = account(3);
            it.evidence.signatures = vec![row];
        },
        NoWarrant::Key(NotTrusted::UnknownKey),
    );
    // Another beneficiary's genuine approval is given out as this one's.
    House::check(
        |it| {
            let mut row = it.sign(SignatureKind::Approve, 4);
            row.account = account(3);
            it.evidence.signatures = vec![row];
        },
        NoWarrant::OthersKey,
    );
    // A genuine signature for something else.
    House::check(
        |it| {
            let hold = it.sign(SignatureKind::Hold { until: hours(1), released: false }, 3);
            it.evidence.signatures = vec![SignatureRow { kind: SignatureKind::Approve, ..hold }];
        },
        NoWarrant::ApprovalForged,
    );
    // An administrator approves: he does not answer for the equipment.
    House::check(|it| it.signed(SignatureKind::Approve, 2), NoWarrant::NotBeneficiary);
}

#[test]
fn what_was_approved_cannot_be_changed() {
    let terms = |change: fn(&mut InterventionTerms)| {
        House::check(|it| change(&mut it.evidence.terms), NoWarrant::ApprovalForged);
    };
    terms(|it| it.until = hours(5));
    terms(|it| it.from = hours(-9));
    terms(|it| it.technicians[0].fingerprints = vec!["SHA256:b".into()]);
    terms(|it| it.technicians[0].fingerprints.push("SHA256:b".into()));
    terms(|it| it.technicians[0].account = account(10));
    terms(|it| it.rights.push(Right::FilesOut));
    terms(|it| it.sources.clear());
    terms(|it| it.purpose = "Autre chose".into());
    terms(|it| it.version = 2);
    terms(|it| it.supplier = SupplierId::from_bytes([61; 16]));
    terms(|it| it.id = InterventionId::from_bytes([51; 16]));
}

#[test]
fn an_approval_serves_its_own_intervention_only() {
    let other = house();
    House::check(
        |it| {
            it.evidence.terms.id = InterventionId::from_bytes([51; 16]);
            it.evidence.signatures = other.evidence.signatures.clone();
            it.evidence.passkeys = other.evidence.passkeys.clone();
            it.evidence.equipment_signature = other.evidence.equipment_signature.clone();
            it.pinned = other.pinned.clone();
        },
        NoWarrant::ApprovalForged,
    );
    // What was asked for changed to a second version: the approval of the first serves no more, and the other way round.
    House::check(
        |it| {
            it.evidence.terms.version = 2;
            it.evidence.signatures.clear();
            it.signed(SignatureKind::Approve, 3);
            it.evidence.terms.version = 1;
        },
        NoWarrant::ApprovalForged,
    );
}

#[test]
fn what_an_equipment_is_cannot_be_changed() {
    let equipment = |change: fn(&mut EquipmentTerms)| {
        House::check(|it| change(&mut it.evidence.terms.equipment), NoWarrant::EquipmentForged);
    };
    equipment(|it| it.host_key = "ssh-ed25519 BBBB".into());
    equipment(|it| it.host = "10.6.6.6".into());
    equipment(|it| it.port = 2222);
    equipment(|it| it.account = "root".into());
    equipment(|it| it.beneficiaries.push(account(8)));
    equipment(|it| it.quorum = 0);
    equipment(|it| it.version = 1);
    equipment(|it| it.name = "scanner-3".into());
    House::check(|it| it.evidence.equipment_signature = None, NoWarrant::EquipmentUnsigned);
    // A beneficiary signs for it himself.
    House::check(|it| it.sign_equipment(3), NoWarrant::EquipmentSigner);
    House::check(
        |it| {
            it.evidence.terms.equipment.beneficiaries.push(account(8));
            it.sign_equipment(8);
        },
        NoWarrant::Key(NotTrusted::UnknownKey),
    );
}

#[test]
fn a_beneficiary_added_by_hand_approves_nothing() {
    // With a genuine enrolment, but nobody signed that he answers for the equipment.
    House::check(
        |it| {
            it.enrol(5, Role::Beneficiary, 1);
            it.evidence.signatures.clear();
            it.signed(SignatureKind::Approve, 5);
        },
        NoWarrant::NotBeneficiary,
    );
}

#[test]
fn an_enrolment_added_by_hand_signs_nothing() {
    let alone = |it: &mut House| {
        it.evidence.signatures.clear();
        it.evidence.terms.equipment.beneficiaries = vec![account(3), account(5)];
        it.sign_equipment(1);
        it.signed(SignatureKind::Approve, 5);
    };
    let row = |it: &House| it.row(5, Role::Beneficiary);
    House::check(|it| (it.evidence.passkeys.push(row(it)), alone(it)).1, NoWarrant::Key(NotTrusted::NotVouched));
    // It vouches for itself.
    House::check(
        |it| {
            let row = it.row(5, Role::Administrator);
            let row = it.vouched(row, 5);
            it.evidence.passkeys.push(row);
            alone(it);
        },
        NoWarrant::Key(NotTrusted::Circle),
    );
    // Two that vouch for each other.
    House::check(
        |it| {
            let (five, six) = (it.row(5, Role::Beneficiary), it.row(6, Role::Administrator));
            let (five, six) = (it.vouched(five, 6), it.vouched(six, 5));
            it.evidence.passkeys.extend([five, six]);
            alone(it);
        },
        NoWarrant::Key(NotTrusted::Circle),
    );
    // A beneficiary vouches.
    House::check(
        |it| {
            it.enrol(5, Role::Beneficiary, 4);
            alone(it);
        },
        NoWarrant::Key(NotTrusted::NotAdministrator),
    );
    // Vouched for in one role, kept in another; of one account, kept for another; of one key, kept with another.
    House::check(
        |it| {
            it.enrol(5, Role::Technician, 1);
            it.evidence.passkeys.last_mut().unwrap().role = Role::Beneficiary;
            alone(it);
        },
        NoWarrant::Key(NotTrusted::EnrolmentForged),
    );
    House::check(
        |it| {
            it.enrol(5, Role::Beneficiary, 1);
            alone(it);
            it.evidence.passkeys.last_mut().unwrap().account = account(3);
            it.evidence.signatures[0].account = account(3);
        },
        NoWarrant::Key(NotTrusted::EnrolmentForged),
    );
    House::check(
        |it| {
            it.enrol(5, Role::Beneficiary, 1);
            alone(it);
            let mut swapped = it.key(6).public();
            swapped.credential = it.key(5).public().credential;
            it.evidence.passkeys.last_mut().unwrap().passkey = swapped;
        },
        NoWarrant::Key(NotTrusted::EnrolmentForged),
    );
    // Of another hospital.
    House::check(
        |it| {
            it.enrol(5, Role::Beneficiary, 1);
            it.evidence.passkeys.last_mut().unwrap().establishment = EstablishmentId::from_bytes([2; 16]);
            alone(it);
        },
        NoWarrant::Key(NotTrusted::UnknownKey),
    );
    // The pinned key replaced by another under its name, or given to somebody else.
    House::check(
        |it| {
            let mut swapped = it.key(6).public();
            swapped.credential = it.key(1).public().credential;
            it.evidence.passkeys[0].passkey = swapped;
        },
        NoWarrant::Key(NotTrusted::PinnedChanged),
    );
    House::check(|it| it.evidence.passkeys[0].account = account(8), NoWarrant::Key(NotTrusted::PinnedChanged));
    // A revoked one.
    House::check(|it| drop(it.evidence.passkeys.remove(2)), NoWarrant::Key(NotTrusted::UnknownKey));
    // Two rows for one passkey: which one is meant cannot be known.
    House::check(
        |it| it.evidence.passkeys.push(it.evidence.passkeys[2].clone()),
        NoWarrant::Key(NotTrusted::UnknownKey),
    );
}

#[test]
fn chains_have_an_end() {
    let chain = |length: u8| {
        let mut it = house();
        it.evidence.signatures.clear();
        it.evidence.passkeys.truncate(2);
        for n in 5..5 + length {
            it.enrol(n, Role::Administrator, if n == 5 { 1 } else { n - 1 });
        }
        let last = 5 + length;
        it.enrol(last, Role::Beneficiary, last - 1);
        it.evidence.terms.equipment.beneficiaries = vec![account(last)];
        it.sign_equipment(1);
        it.signed(SignatureKind::Approve, last);
        it.why().map(drop)
    };
    assert_eq!(chain(6), Ok(()), "eight, the pinned one included");
    assert_eq!(chain(7), Err(NoWarrant::Key(NotTrusted::ChainTooLong)));
}

#[test]
fn a_quorum_is_of_people() {
    let two = |signers: &[u8]| {
        let mut it = house();
        it.evidence.terms.equipment.quorum = 2;
        it.sign_equipment(1);
        it.evidence.signatures.clear();
        for signer in signers {
            it.signed(SignatureKind::Approve, *signer);
        }
        it.why().map(drop)
    };
    assert_eq!(two(&[3]), Err(NoWarrant::Quorum { given: 1, needed: 2 }));
    assert_eq!(two(&[3, 3]), Err(NoWarrant::Quorum { given: 1, needed: 2 }));
    assert_eq!(two(&[3, 4]), Ok(()));
}

/// Approved by both of the two that it takes.
fn of_two() -> House {
    let mut it = house();
    it.evidence.terms.equipment.quorum = 2;
    it.sign_equipment(1);
    it.evidence.signatures.clear();
    it.signed(SignatureKind::Approve, 3);
    it.signed(SignatureKind::Approve, 4);
    it
}

#[test]
fn the_end_moves_by_as_many_as_approved() {
    let mut it = of_two();
    let end = |it: &House| it.why().unwrap().window_end();
    it.signed(SignatureKind::Extend { until: hours(5) }, 3);
    it.signed(SignatureKind::Extend { until: hours(6) }, 3);
    assert_eq!(end(&it), hours(1), "one of two");
    it.signed(SignatureKind::Extend { until: hours(3) }, 4);
    assert_eq!(end(&it), hours(3), "both agree to three hours");
    it.evidence.signatures.last_mut().unwrap().kind = SignatureKind::Extend { until: hours(9) };
    assert_eq!(it.why().unwrap_err(), NoWarrant::ExtensionForged);
}

#[test]
fn do_not_interrupt_outlasts_the_window_until_it_is_lifted() {
    let mut it = house();
    it.signed(SignatureKind::Hold { until: hours(4), released: false }, 3);
    let at = |it: &House, now| Warrant::verify(&it.evidence, &it.pinned, now).map(|warrant| warrant.hold_until());
    assert_eq!(at(&it, hours(2)), Ok(Some(hours(4))), "whoever lost his connection comes back");
    assert_eq!(at(&it, hours(4)), Err(NoWarrant::TooLate));
    let mut forged = it.evidence.clone();
    forged.signatures[1].kind = SignatureKind::Hold { until: hours(40), released: false };
    assert_eq!(Warrant::verify(&forged, &it.pinned, NOW).unwrap_err(), NoWarrant::HoldForged);
    it.evidence.signatures[1].kind = SignatureKind::Hold { until: hours(4), released: true };
    assert_eq!(at(&it, NOW), Ok(None));
    assert_eq!(at(&it, hours(2)), Err(NoWarrant::TooLate));
}

#[test]
fn one_of_two_keeps_what_runs_and_lets_nobody_in_after_the_window() {
    let mut it = of_two();
    it.signed(SignatureKind::Hold { until: hours(4), released: false }, 3);
    let at = |it: &House, now| Warrant::verify(&it.evidence, &it.pinned, now).map(|warrant| warrant.hold_until());
    assert_eq!(at(&it, NOW), Ok(Some(hours(4))), "what runs is held");
    assert_eq!(at(&it, hours(2)), Err(NoWarrant::TooLate));
    it.signed(SignatureKind::Hold { until: hours(3), released: false }, 4);
    assert_eq!(at(&it, hours(2)), Ok(Some(hours(4))), "both agree to three hours");
    assert_eq!(at(&it, hours(3)), Err(NoWarrant::TooLate));
}
