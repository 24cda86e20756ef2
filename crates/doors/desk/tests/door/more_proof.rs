//! A hospital's own policies ask for a passkey, at the desk: what is shown in the place of what they withhold, and what they
//! take from nobody.

use crate::{house::House, people::PASSWORD, table::Names};
use store::testing::{TestDatabase, both};

const SCREENS: &str = "@id(\"screens-by-passkey\") @because(\"Décision du 3 mars.\")
    forbid (principal is Account, action in [Action::\"watch\", Action::\"replay\"], resource is Matter)
    when { principal.assurance < 3 };";
const MEANS: &str = "@id(\"means-by-passkey\") @because(\"Décision du 3 mars.\")
    forbid (principal is Account, action == Action::\"add_means\", resource is Session) when { principal.assurance < 3 };";

async fn screens_are_not_absent_to_whoever_lacks_a_passkey(database: &TestDatabase) {
    let house = House::with_policies(database, SCREENS).await;
    let session = house.made(Names::Recorded).await;
    let page = format!("/fr/sessions/{session}");
    let replay = format!("{page}/channels/1");
    let officer = house.sign_in("security_officer").await;
    let shown = officer.get(&page).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains(&format!("/fr/session/again?then=/sessions/{session}&#38;with=passkey")));
    assert!(!shown.text.contains(&replay), "no button that would not open");
    let answer = officer.get(&replay).await;
    let to = format!("/fr/session/again?then=/sessions/{session}/channels/1&with=passkey");
    assert_eq!((answer.status, answer.header("location")), (303, to.as_str()));
    // To whom no passkey would show it, it is not there.
    assert_eq!(house.sign_in("dpo").await.get(&replay).await.status, 404);
}
both!(screens_are_not_absent_to_whoever_lacks_a_passkey);

async fn a_policy_on_new_means_takes_nobody_his_account(database: &TestDatabase) {
    let house = House::with_policies(database, MEANS).await;
    let dpo = house.sign_in("dpo").await;
    for path in ["/fr/means", "/fr/session"] {
        assert_eq!(dpo.get(path).await.status, 200, "{path}: he has just signed in, and adds none");
    }
    let asked = dpo.get("/fr/session/again?then=/rules&with=passkey").await.text;
    assert!(asked.contains("Demandez à la personne qui vous aide") && !asked.contains("En ajouter une"));
}
both!(a_policy_on_new_means_takes_nobody_his_account);

async fn a_passkey_that_waits_is_not_asked_for_but_allowed_again(database: &TestDatabase) {
    let house = House::new(database).await;
    let beneficiary = house.sign_in("beneficiary").await;
    let again = "/fr/session/again?then=/interventions&with=passkey";
    assert!(beneficiary.get(again).await.text.contains("Votre clé d’accès est demandée"));
    let change = [("current", PASSWORD), ("password", "Trente-8 lanternes sur le quai")];
    assert_eq!(beneficiary.send("/fr/account/password", &change).await.status, 303);
    let waits = beneficiary.get(again).await.text;
    assert!(waits.contains("attend votre accord") && !waits.contains("data-passkey"));
}
both!(a_passkey_that_waits_is_not_asked_for_but_allowed_again);
