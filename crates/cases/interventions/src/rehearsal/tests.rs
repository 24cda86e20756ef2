//! What a rehearsal's keys may sign, and all that they may not, in whose hands they ever are.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{
    terms::Nonce,
    warrant::{Chain, Evidence, NoWarrant, Pinned, Warrant, enrol_terms},
};
use identity::{
    passkey::RelyingParty,
    vouching::{NotTrusted, Vouch},
};

const NOW: Time = Time::from_micros(1_790_000_000_000_000);
const HERE: EstablishmentId = EstablishmentId::from_bytes([1; 16]);
const PROBE: AccountId = AccountId::from_bytes([5; 16]);

/// A rehearsal, and its keys in the hands of somebody who kept them.
struct House {
    pinned: Pinned,
    evidence: Evidence,
    owner: RehearsalKey,
    approver: RehearsalKey,
}

fn terms() -> InterventionTerms {
    let new = NewRehearsal {
        establishment: HERE,
        account: PROBE,
        name: "sonde-essai".into(),
        port: 2222,
        host_key: "ssh-ed25519 AAAA".into(),
        login: "sonde".into(),
        password: Secret::new("x".into()),
    };
    let technician = TechnicianTerms { account: PROBE, name: "Sonde".into(), fingerprints: vec!["SHA256:a".into()] };
    InterventionTerms {
        id: InterventionId::from_bytes([6; 16]),
        version: 1,
        establishment: HERE,
        supplier: SupplierId::from_bytes([7; 16]),
        requester: PROBE,
        equipment: EquipmentBody::from(&sheet(&new)).terms(EquipmentId::from_bytes([8; 16]), 1, HERE),
        technicians: vec![technician],
        activity: Activity::Maintenance,
        purpose: PURPOSE.to_owned(),
        ticket: None,
        rights: vec![Right::Shell, Right::Exec],
        sources: Vec::new(),
        from: NOW,
        until: NOW + WINDOW,
    }
}

fn signed(key: &RehearsalKey, kind: SignatureKind, terms: &Terms) -> SignatureRow {
    let nonce: Nonce = random().unwrap();
    SignatureRow { kind, nonce, account: PROBE, assertion: key.sign(&terms.challenge(&nonce)) }
}

impl House {
    fn new() -> Self {
        let rp = RelyingParty { id: "desk.hospital.test".into(), origin: "https://desk.hospital.test".into() };
        let draw = |role| RehearsalKey::draw(&rp, (PROBE, role, HERE)).unwrap();
        let (owner, approver) = (draw(Role::Administrator), draw(Role::Beneficiary));
        let rehearsed = Rehearsed { terms: terms(), keys: [owner.row.clone(), approver.row.clone()] };
        let first = Arc::new(identity::vouching::Pinned { keys: Vec::new(), rp });
        let pinned = Pinned { first, rehearsed: Some(Arc::new(rehearsed)) };
        let evidence = Evidence {
            state: State::Planned,
            terms: terms(),
            equipment_signature: None,
            signatures: Vec::new(),
            passkeys: Vec::new(),
        };
        let mut house = Self { pinned, evidence, owner, approver };
        house.sign();
        house
    }

    /// Both keys sign what the evidence says now.
    fn sign(&mut self) {
        let (equipment, whole) = (self.evidence.terms.equipment.clone(), self.evidence.terms.clone());
        self.evidence.equipment_signature =
            Some(signed(&self.owner, SignatureKind::Approve, &Terms::Equipment(equipment)));
        self.evidence.signatures = vec![signed(&self.approver, SignatureKind::Approve, &Terms::Approve(whole))];
    }

    fn why(&self) -> Result<(), NoWarrant> {
        Warrant::verify(&self.evidence, &self.pinned, NOW).map(drop)
    }
}

#[test]
fn they_open_what_is_rehearsed_while_it_is() {
    let mut house = House::new();
    assert_eq!(house.why(), Ok(()));
    assert_eq!(Warrant::verify(&house.evidence, &house.pinned, NOW + WINDOW).map(drop), Err(NoWarrant::TooLate));
    house.pinned.rehearsed = None;
    assert_eq!(house.why(), Err(NoWarrant::Key(NotTrusted::UnknownKey)));
}

#[test]
fn they_sign_no_other_terms() {
    type Change = fn(&mut InterventionTerms);
    let changes: [Change; 12] = [
        |it| it.id = InterventionId::from_bytes([9; 16]),
        |it| it.equipment.id = EquipmentId::from_bytes([9; 16]),
        |it| it.equipment.host = "10.0.0.8".into(),
        |it| it.equipment.port = 22,
        |it| it.equipment.host_key = "ssh-ed25519 BBBB".into(),
        |it| it.equipment.account = "root".into(),
        |it| it.equipment.version = 2,
        |it| it.technicians[0].account = AccountId::from_bytes([9; 16]),
        |it| it.technicians[0].fingerprints.push("SHA256:b".into()),
        |it| it.rights.push(Right::FilesOut),
        |it| it.until = it.until + WINDOW,
        |it| it.supplier = SupplierId::from_bytes([9; 16]),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut house = House::new();
        change(&mut house.evidence.terms);
        assert!(house.why().is_err(), "{at}: changed after it was signed");
        // And signed anew, by somebody who has both keys.
        house.sign();
        assert_eq!(house.why(), Err(NoWarrant::Key(NotTrusted::UnknownKey)), "{at}: changed before");
    }
}

#[test]
fn they_prolong_nothing_and_hold_nothing() {
    let until = NOW + Duration::from_secs(3600);
    let extend = Terms::Extend { intervention: terms(), until };
    let hold = Terms::Hold { intervention: terms(), until };
    for (kind, what) in
        [(SignatureKind::Extend { until }, extend), (SignatureKind::Hold { until, released: false }, hold)]
    {
        let mut house = House::new();
        let row = signed(&house.approver, kind, &what);
        assert_eq!(house.evidence.admits(&house.pinned, &row), Err(NoWarrant::Key(NotTrusted::UnknownKey)));
        house.evidence.signatures.push(row);
        assert_eq!(house.why(), Err(NoWarrant::Key(NotTrusted::UnknownKey)));
    }
}

#[test]
fn each_signs_its_own_part_only() {
    let mut house = House::new();
    std::mem::swap(&mut house.owner, &mut house.approver);
    house.sign();
    assert_eq!(house.why(), Err(NoWarrant::EquipmentSigner));
    let mut house = House::new();
    let whole = Terms::Approve(terms());
    house.evidence.signatures = vec![signed(&house.owner, SignatureKind::Approve, &whole)];
    assert_eq!(house.why(), Err(NoWarrant::NotBeneficiary));
}

/// Somebody writes the rehearsal's administrator's signature under the enrolment of a passkey of his own.
#[test]
fn they_vouch_for_nobody() {
    let house = House::new();
    let mine = RehearsalKey::draw(&house.pinned.first.rp, (PROBE, Role::Beneficiary, HERE)).unwrap().row;
    let nonce: Nonce = random().unwrap();
    let assertion = house.owner.sign(&enrol_terms(&mine).challenge(&nonce));
    let rows = [PasskeyRow { vouch: Some(Vouch { nonce, assertion }), ..mine.clone() }];
    for chain in [Chain::new(&house.pinned, HERE, &rows), Chain::of_equipment(&house.pinned, &terms().equipment, &rows)]
    {
        let trusted = chain.trusted(&mine.passkey.credential);
        assert_eq!(trusted.map(drop), Err(NoWarrant::Key(NotTrusted::UnknownKey)));
    }
    // Even with the rehearsal's own public halves written into the table of passkeys.
    let rows = [rows[0].clone(), house.owner.row.clone(), house.approver.row.clone()];
    let chain = Chain::new(&house.pinned, HERE, &rows);
    for credential in [&mine, &house.owner.row, &house.approver.row].map(|row| row.passkey.credential.clone()) {
        assert_eq!(chain.trusted(&credential).map(drop), Err(NoWarrant::Key(NotTrusted::NotVouched)));
    }
}
