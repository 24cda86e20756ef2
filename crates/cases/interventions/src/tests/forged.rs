//! Somebody who got into the database, and even has a door's keys, opens nothing.

use super::*;
use crate::{
    rows::{RawIntervention, RawTechnician, seal},
    sql,
};
use store::testing::both;

/// The intervention's row with another body, sealed with the stolen keys.
async fn rewritten(it: &House<'_>, id: InterventionId, change: impl FnOnce(&mut RawIntervention)) {
    let keys = it.stolen();
    let mut connection = it.node.store.read().await.unwrap();
    let row = sql::intervention(&mut connection, &keys, (HERE, id)).await.unwrap().unwrap();
    let terms = row.terms;
    let mut raw = RawIntervention {
        requester: terms.requester.into(),
        requester_name: row.requester_name,
        technicians: terms
            .technicians
            .iter()
            .map(|one| RawTechnician {
                account: one.account.into(),
                name: one.name.clone(),
                fingerprints: one.fingerprints.clone(),
            })
            .collect(),
        activity: terms.activity.to_string(),
        purpose: terms.purpose,
        ticket: terms.ticket,
        rights: terms.rights.iter().map(ToString::to_string).collect(),
        sources: terms.sources.iter().map(ToString::to_string).collect(),
        from: terms.from.micros(),
        until: terms.until.micros(),
    };
    change(&mut raw);
    let place = sql::intervention_place(&id, &HERE, &terms.supplier, &terms.equipment.id);
    let sealed = seal(&keys, "interventions", &place, &raw).unwrap();
    sqlx::query("UPDATE interventions SET sealed = $1 WHERE id = $2")
        .bind(sealed)
        .bind(id.as_bytes().to_vec())
        .execute(it.pool())
        .await
        .unwrap();
}

async fn a_forged_row_opens_nothing(database: &TestDatabase) {
    // Nobody approved; the row says so all the same.
    let it = House::new(database).await;
    let id = it.requested().await;
    it.clock.advance(600);
    it.forge("UPDATE interventions SET state = 'planned' WHERE id = $1", id).await;
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(id).await.starts_with("0 of 1 approvals were given"));
    it.forge("UPDATE interventions SET state = 'waiting' WHERE id = $1", id).await;

    // Approved; then the window, the technician's key, the rights are changed with a door's keys.
    it.approve(2, id).await.unwrap();
    rewritten(&it, id, |raw| raw.until += 3_600_000_000).await;
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(id).await.starts_with("an approval does not fit"));
    rewritten(&it, id, |raw| raw.until -= 3_600_000_000).await;
    rewritten(&it, id, |raw| raw.technicians[0].fingerprints = vec!["SHA256:6".into()]).await;
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    rewritten(&it, id, |raw| raw.technicians[0].fingerprints = vec!["SHA256:5".into()]).await;

    // The clear columns are for finding: they move no window.
    it.forge("UPDATE interventions SET until_micros = until_micros + 36000000000 WHERE id = $1", id).await;
    let opened = it.connect(5).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().ends, minutes(70));

    // A row moved to another intervention does not even open: it reads as what it is, to the desk only.
    let other = it.requested().await;
    sqlx::query("UPDATE intervention_signatures SET intervention_id = $1 WHERE intervention_id = $2")
        .bind(other.as_bytes().to_vec())
        .bind(id.as_bytes().to_vec())
        .execute(it.pool())
        .await
        .unwrap();
    it.forge("UPDATE interventions SET state = 'planned' WHERE id = $1", other).await;
    it.forge("UPDATE interventions SET state = 'closed' WHERE id = $1", id).await;
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(other).await.starts_with("an approval does not fit"));
    let seen = it.node.desk.get(&it.at_desk(2), other).await.unwrap();
    assert!(seen.approvals.is_empty(), "and counts for nothing");
}
both!(a_forged_row_opens_nothing);

async fn the_wrong_key_or_place_opens_nothing(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.requested_from("198.51.100.0/24").await;
    it.approve(2, id).await.unwrap();
    it.clock.advance(600);
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(id).await.starts_with("he comes from an address that was not approved"));
    let asked = |fingerprint: &str, target: &str| SessionAsked {
        fingerprint: fingerprint.into(),
        address: ClientAddress::new([198, 51, 100, 7].into()),
        target: target.into(),
    };
    let gate = it.node.relays.gate();
    let who = || it.who(5, Door::Relays);
    assert!(gate.open_session(who(), asked("SHA256:6", "scanner-2")).await.is_err());
    assert!(it.refused_because(id).await.starts_with("the key he came with"));
    for target in ["scanner-3", "", "%"] {
        let refused = gate.open_session(who(), asked("SHA256:5", target)).await;
        assert!(matches!(refused, Err(GateRefused::Refused)), "{target}");
    }
    // Somebody of another supplier, through another door, in another role.
    assert!(matches!(
        gate.open_session(it.who(6, Door::Relays), asked("SHA256:6", "scanner-2")).await,
        Err(GateRefused::Refused)
    ));
    assert!(gate.open_session(it.who(5, Door::Suppliers), asked("SHA256:5", "scanner-2")).await.is_err());
    assert!(gate.open_session(it.who(2, Door::Relays), asked("SHA256:5", "scanner-2")).await.is_err());
    // The address by which he was recognised counts, not the one that is said beside it.
    assert!(gate.open_session(who(), asked("SHA256:5", "scanner-2")).await.is_err());
    let other = it.requested_from("192.0.2.0/29").await;
    it.approve(2, other).await.unwrap();
    let opened = gate.open_session(who(), asked("SHA256:5", "scanner-2")).await.unwrap();
    assert_eq!(opened.warrant.intervention(), other);
}
both!(the_wrong_key_or_place_opens_nothing);

async fn where_the_hospital_asks_for_a_passkey_a_code_is_told_so(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.requested_from("192.0.2.0/24").await;
    let own = "@id(\"relays-by-passkey\") @because(\"Décision du 3 mars.\")
        forbid (principal is Account, action == Action::\"open_relay\", resource is Matter) unless { principal.assurance >= 3 };";
    let it = it.restarted_by(Policies::with_own(vec![("own.cedar".into(), own.into())]).unwrap()).await;
    it.clock.advance(600);
    assert!(
        matches!(it.connect(5).await, Err(GateRefused::Refused)),
        "a passkey would not open it: nobody approved it"
    );
    it.approve(2, id).await.unwrap();
    assert!(matches!(it.connect(5).await, Err(GateRefused::Passkey)));
    // To another supplier's technician the target is as absent as ever.
    assert!(matches!(it.connect(6).await, Err(GateRefused::Refused)));
    let it = it.restarted_by(Policies::built_in().unwrap()).await;
    assert!(it.connect(5).await.is_ok());
}
both!(where_the_hospital_asks_for_a_passkey_a_code_is_told_so);

impl House<'_> {
    async fn requested_from(&self, range: &str) -> InterventionId {
        let new = NewRequest { sources: vec![range.parse().unwrap()], ..self.request_of(self.scanner) };
        self.node.suppliers.request(&self.who(5, Door::Suppliers), new).await.unwrap()
    }
}

async fn an_identifier_of_nothing_registers_nothing(database: &TestDatabase) {
    let it = House::new(database).await;
    let (who, new) = (it.at_desk(1), equipment("scanner-9", 1));
    let (_, to_sign) = it.node.desk.equipment_terms(&who, None, &new).await.unwrap();
    let nothing = types::EquipmentId::from_bytes([0; 16]);
    let secret = Some(crate::EquipmentSecret::Password(types::Secret::new("essai-essai".into())));
    let refused = it.node.desk.register_equipment(&who, nothing, new, secret, it.answered(1, &to_sign)).await;
    assert!(matches!(refused, Err(crate::InterventionError::Invalid(crate::Wrong::Equipment))), "{refused:?}");
}
both!(an_identifier_of_nothing_registers_nothing);

async fn a_change_of_the_equipment_ends_its_approvals(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    let who = it.at_desk(1);
    let mut moved = equipment("scanner-2", 1);
    moved.host = "10.0.0.9".into();
    let (same, to_sign) = it.node.desk.equipment_terms(&who, Some(it.scanner), &moved).await.unwrap();
    assert_eq!(same, it.scanner);
    // Signed for one address, given with another.
    let other = equipment("scanner-2", 1);
    let bad = it.node.desk.register_equipment(&who, it.scanner, other, None, it.answered(1, &to_sign)).await;
    assert!(matches!(bad, Err(crate::InterventionError::BadSignature)));
    // What opens the machine at one address is not sent to another: it is given again.
    let same = || NewEquipment { host: "10.0.0.9".into(), ..equipment("scanner-2", 1) };
    let unsaid = it.node.desk.register_equipment(&who, it.scanner, same(), None, it.answered(1, &to_sign)).await;
    assert!(matches!(unsaid, Err(crate::InterventionError::Invalid(crate::Wrong::Secret))));
    let secret = Some(crate::EquipmentSecret::Password(types::Secret::new("another".into())));
    it.node.desk.register_equipment(&who, it.scanner, moved, secret, it.answered(1, &to_sign)).await.unwrap();
    let seen = it.node.desk.equipment_for(&who, it.scanner).await.unwrap();
    assert_eq!((seen.version, seen.host.as_str(), seen.signed), (2, "10.0.0.9", true));
    let outside = it.node.suppliers.equipment(&it.who(5, Door::Suppliers)).await.unwrap();
    assert_eq!((outside[0].name.as_str(), outside[0].host.as_str(), outside[0].port), ("scanner-2", "", 0));
    assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)));
    assert!(it.refused_because(id).await.starts_with("an approval does not fit"));
    // A beneficiary registers nothing.
    let refused = it.node.desk.equipment_terms(&it.at_desk(2), None, &equipment("autre", 1)).await;
    assert!(matches!(refused, Err(crate::InterventionError::NotFound)));
}
both!(a_change_of_the_equipment_ends_its_approvals);

async fn a_state_put_back_revives_nothing(database: &TestDatabase) {
    let it = House::new(database).await;
    for end in ["closed", "refused", "withdrawn"] {
        let id = it.planned().await;
        match end {
            "closed" => {
                drop(it.connect(5).await.unwrap());
                it.node.desk.close(&it.at_desk(2), id).await.unwrap();
            }
            "refused" => it.node.desk.refuse(&it.at_desk(2), id, "non").await.unwrap(),
            _ => it.node.suppliers.withdraw(&it.who(5, Door::Suppliers), id).await.unwrap(),
        }
        it.forge("UPDATE interventions SET state = 'planned' WHERE id = $1", id).await;
        assert!(matches!(it.connect(5).await, Err(GateRefused::Refused)), "{end}");
        assert_eq!(it.refused_because(id).await.split(" (").next(), Some("the intervention is cut"), "{end}");
        it.forge("UPDATE interventions SET state = 'closed' WHERE id = $1", id).await;
    }
}
both!(a_state_put_back_revives_nothing);

async fn a_lease_is_as_long_as_was_signed(database: &TestDatabase) {
    let it = House::new(database).await;
    let id = it.planned().await;
    it.clock.advance(600);
    let opened = it.connect(5).await.unwrap();
    let mut watch = crate::LeaseWatch::default();
    it.node.relays.keep_leases(&mut watch).await.unwrap();
    let ends = opened.lease.watch().borrow().ends;
    let stretched = "UPDATE leases SET ends_micros = ends_micros + 36000000000, hold_micros = ends_micros + 36000000000 \
                     WHERE intervention_id = $1";
    it.forge(stretched, id).await;
    while it.node.leases.claiming_more().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    it.node.relays.keep_leases(&mut watch).await.unwrap();
    let view = *opened.lease.watch().borrow();
    assert_eq!((view.ends, view.hold, view.cut), (ends, None, None), "not a second more");

    // What another node extended is signed for: it counts.
    it.forge(
        "UPDATE leases SET ends_micros = ends_micros - 36000000000, hold_micros = 0 WHERE intervention_id = $1",
        id,
    )
    .await;
    it.extend(2, id, minutes(90)).await.unwrap();
    it.node.leases.set_end(id, ends);
    it.node.relays.keep_leases(&mut crate::LeaseWatch::default()).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().ends, minutes(90));

    // Nobody's signature bears it any more: it ends.
    it.forge("DELETE FROM intervention_signatures WHERE intervention_id = $1", id).await;
    it.node.relays.keep_leases(&mut crate::LeaseWatch::default()).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().cut, Some(crate::EndReason::Closed));
}
both!(a_lease_is_as_long_as_was_signed);

async fn whose_key_is_taken_away_works_no_longer(database: &TestDatabase) {
    let it = House::new(database).await;
    it.planned().await;
    let opened = it.connect(5).await.unwrap();
    it.node.relays.keep_leases(&mut crate::LeaseWatch::default()).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().cut, None);
    sqlx::query("DELETE FROM ssh_keys WHERE fingerprint = 'SHA256:5'").execute(it.pool()).await.unwrap();
    it.node.relays.keep_leases(&mut crate::LeaseWatch::default()).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().cut, Some(crate::EndReason::Closed));
}
both!(whose_key_is_taken_away_works_no_longer);

async fn whose_account_is_suspended_is_out_at_the_next_look(database: &TestDatabase) {
    let it = House::new(database).await;
    it.planned().await;
    let opened = it.connect(5).await.unwrap();
    let mut watch = crate::LeaseWatch::default();
    it.node.relays.keep_leases(&mut watch).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().cut, None);
    sqlx::query("UPDATE accounts SET state = 'suspended' WHERE role = 'technician'").execute(it.pool()).await.unwrap();
    // The same watch: its signatures are not due yet, its account is looked at all the same.
    it.node.relays.keep_leases(&mut watch).await.unwrap();
    assert_eq!(opened.lease.watch().borrow().cut, Some(crate::EndReason::Closed));
}
both!(whose_account_is_suspended_is_out_at_the_next_look);

async fn whoever_disowned_a_sign_in_is_out_at_the_next_look(database: &TestDatabase) {
    let it = House::new(database).await;
    it.planned().await;
    it.clock.advance(600);
    let before = it.connect(5).await.unwrap();
    it.clock.advance(1);
    it.end_what_is_open(5).await;
    it.clock.advance(6);
    let mut watch = crate::LeaseWatch::default();
    let after = it.connect(5).await.unwrap();
    it.node.relays.keep_leases(&mut watch).await.unwrap();
    assert_eq!(before.lease.watch().borrow().cut, Some(crate::EndReason::Closed));
    assert_eq!(after.lease.watch().borrow().cut, None, "what he opens afterwards is his");
}
both!(whoever_disowned_a_sign_in_is_out_at_the_next_look);
