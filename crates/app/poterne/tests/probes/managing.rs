//! What is seen where accounts are managed proves its rules at a desk that keeps them, and turns at one that does not.

use crate::{
    bureau::{self, Wrong},
    hospital::{self, Flaw},
    probes::{
        office::{OfficeProbe, What},
        roles::RolesProbe,
        target::Target,
    },
};
use dossier::{Probe as _, ProbeOutcome, probe_named};
use types::Door;

const EVERY: [(What, &str); 6] = [
    (What::People, "professionals"),
    (What::Corrections, "identity-changes"),
    (What::Links, "links"),
    (What::Lives, "account-life"),
    (What::Policy, "administrators-policy"),
    (What::Passwords, "administrators-passwords"),
];

async fn outcome(what: What, wrong: Wrong) -> ProbeOutcome {
    let (desk, office) = bureau::office(wrong).await;
    let name = EVERY.iter().find(|(one, _)| *one == what).unwrap().1;
    let outcome = OfficeProbe::new(probe_named(name).unwrap(), what, Ok(office)).run().await;
    assert_eq!(desk.taken_back(), 1, "whatever was seen, the administrator's account is taken back");
    outcome
}

#[tokio::test]
async fn one_turn_of_the_administrator_serves_a_round() {
    let (desk, office) = bureau::office(Wrong::Nothing).await;
    for (what, name) in EVERY {
        let outcome = OfficeProbe::new(probe_named(name).unwrap(), what, Ok(office.clone())).run().await;
        match what {
            What::People | What::Policy => assert!(matches!(outcome, ProbeOutcome::Partial(_)), "{outcome}"),
            _ => assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}"),
        }
    }
    assert_eq!(desk.taken_back(), 1);
    // What was said once is not said again.
    let outcome = OfficeProbe::new(probe_named("links").unwrap(), What::Links, Ok(office)).run().await;
    assert!(matches!(outcome, ProbeOutcome::Proved(_)), "{outcome}");
    assert_eq!(desk.taken_back(), 2);
    let nowhere = OfficeProbe::new(probe_named("links").unwrap(), What::Links, Err("this node has no desk"));
    assert!(matches!(nowhere.run().await, ProbeOutcome::CouldNotRun(_)));
}

async fn turns(what: What, flaws: &[(Wrong, &'static str)]) {
    let outcomes = flaws.iter().copied();
    let outcomes = outcomes.map(|(wrong, told)| async move { (outcome(what, wrong).await, wrong, told) });
    for (outcome, wrong, told) in futures(outcomes).await {
        assert!(matches!(&outcome, ProbeOutcome::Failed(seen) if seen.contains(told)), "{wrong:?}: {outcome}");
    }
}

/// All at once: most of each is waiting.
async fn futures<T: Send + 'static>(all: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = all.map(tokio::spawn).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(task.await.unwrap());
    }
    done
}

#[tokio::test]
async fn the_probe_of_links_turns_on_links_that_can_be_predicted_or_outlive() {
    let flaws = [
        (Wrong::ShortLinks, "96 bits"),
        (Wrong::CountedLinks, "a part in common"),
        (Wrong::OldLinksServe, "before the last one serves"),
        (Wrong::AlteredLinksServe, "altered link serves"),
        (Wrong::WithdrawnLinksServe, "withdrawn serves"),
    ];
    turns(What::Links, &flaws).await;
}

#[tokio::test]
async fn the_probe_of_lives_turns_on_sessions_that_outlive_their_account() {
    let flaws = [
        (Wrong::SuspendedGoesOn, "suspended goes on"),
        (Wrong::SuspendedComesIn, "suspended comes in"),
        (Wrong::SessionsWakeUp, "wakes up"),
        (Wrong::BlockedGoesOn, "blocked goes on"),
        (Wrong::RolesAreOne, "what its role may not"),
    ];
    turns(What::Lives, &flaws).await;
}

#[tokio::test]
async fn the_probe_of_policies_turns_on_passwords_that_fall_short() {
    let flaws = [
        (Wrong::TakesShort, "one character short is taken"),
        (Wrong::TakesFewKinds, "one kind of characters short is taken"),
        (Wrong::RefusesWithoutReason, "without that reason"),
    ];
    turns(What::Policy, &flaws).await;
}

#[tokio::test]
async fn the_probe_of_administrators_passwords_turns_on_what_is_not_changed_or_kept_openly() {
    let flaws = [
        (Wrong::NeverChanges, "cannot change"),
        (Wrong::FormerOpens, "former password opens"),
        (Wrong::KeepsWeakly, "no hash, or a weaker one"),
        (Wrong::WritesPasswords, "an administrator's password stands in clear in words"),
        (Wrong::WritesHashes, "the hash of a password stands in clear in words"),
    ];
    turns(What::Passwords, &flaws).await;
}

#[tokio::test]
async fn the_probe_of_professionals_turns_on_accounts_of_nobody_known() {
    let flaws = [
        (Wrong::TakesNameless, "without first name is opened"),
        (Wrong::TakesAnyLogin, "with a login that another has is opened"),
        (Wrong::TakesAnyNumber, "of ten digits is opened"),
        (Wrong::TakesAnothersNumber, "that another has is opened"),
        (Wrong::NamesNoField, "the field is not named"),
        (Wrong::SameIdentifier, "no identifier of its own"),
    ];
    turns(What::People, &flaws).await;
}

#[tokio::test]
async fn the_probe_of_identity_changes_turns_on_names_given_freely_or_lost() {
    let flaws = [
        (Wrong::RenamesWithoutProof, "is renamed without the proof"),
        (Wrong::RenamesToNobody, "is renamed to nobody's name"),
        (Wrong::NeverRenames, "cannot be corrected"),
        (Wrong::ShowsFormerName, "is not shown"),
        (Wrong::TracesNoRenaming, "leaves no trace"),
        (Wrong::TracesNoNames, "does not keep the name of before"),
        (Wrong::TracesAnother, "does not say who"),
    ];
    turns(What::Corrections, &flaws).await;
    let (_, office) = bureau::office(Wrong::NobodyChooses).await;
    let probe = OfficeProbe::new(probe_named("identity-changes").unwrap(), What::Corrections, Ok(office));
    let outcome = probe.run().await;
    assert!(matches!(&outcome, ProbeOutcome::CouldNotRun(why) if why.contains("into use")), "{outcome}");
}

#[tokio::test]
async fn where_the_administrator_does_not_come_in_nothing_is_said() {
    for (what, _) in EVERY {
        let outcome = outcome(what, Wrong::NobodyIn).await;
        assert!(matches!(outcome, ProbeOutcome::CouldNotRun(_)), "{outcome}");
    }
}

#[tokio::test]
async fn the_probe_of_roles_turns_on_doors_that_open_to_others_or_tell_them() {
    let outcome = async |flaw, other| {
        let door = hospital::open(flaw).await.visits;
        let other = hospital::open(other).await.visits.browser.target().clone();
        // Another door than the first, whichever that is.
        let elsewhere = match door.door() {
            Door::Portal => Door::Suppliers,
            _ => Door::Portal,
        };
        let targets = vec![door.browser.target().clone(), Target { door: elsewhere, ..other }];
        // All at once, whatever the time of day.
        RolesProbe::new(probe_named("roles").unwrap(), (vec![door], targets), 1000).run().await
    };
    let kept = outcome(Flaw::Desk, Flaw::None).await;
    assert!(matches!(kept, ProbeOutcome::Proved(_)), "{kept}");
    let kept = outcome(Flaw::Portal, Flaw::None).await;
    assert!(matches!(kept, ProbeOutcome::Partial(_)), "no page there is another role's: {kept}");
    for (flaw, other, told) in [
        (Flaw::OpensToAnyRole, Flaw::None, "is answered 200 to somebody of another role"),
        (Flaw::ChangesForAnyRole, Flaw::None, "is answered 303 to somebody of another role"),
        (Flaw::TellsOtherRoles, Flaw::None, "is answered 403, what is not there 404"),
        (Flaw::Portal, Flaw::AnyDoorsSession, "a session of this door opens one at suppliers"),
        (Flaw::TokensOpenAll, Flaw::None, "is answered 200 to somebody of another role"),
        (Flaw::Desk, Flaw::OpensToAnyRole, "a token of the desk opens something at portal"),
        (Flaw::ClosedToItsRole, Flaw::None, "which the role may open"),
    ] {
        let outcome = outcome(flaw, other).await;
        assert!(matches!(&outcome, ProbeOutcome::Failed(seen) if seen.contains(told)), "{flaw:?}: {outcome}");
    }
    let nobody = outcome(Flaw::NobodyIn, Flaw::None).await;
    assert!(matches!(nobody, ProbeOutcome::CouldNotRun(_)), "{nobody}");
}
