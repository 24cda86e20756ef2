#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use std::fs;

fn args(words: &str) -> ExplainArgs {
    #[derive(clap::Parser)]
    struct Only {
        #[command(flatten)]
        args: ExplainArgs,
    }
    let all = ["explain"].into_iter().chain(words.split_whitespace());
    <Only as clap::Parser>::try_parse_from(all).unwrap_or_else(|error| panic!("{error}")).args
}

async fn told(words: &str) -> String {
    explained(&args(words)).await.unwrap()
}

#[tokio::test]
async fn it_says_yes_no_and_what_it_depends_on() {
    let yes = told("--role administrator set_sessions").await;
    assert_eq!(
        yes,
        "set_sessions by administrator at desk, with two factors, just signed in: yes\n  permitted by \
         administrators-manage-accounts"
    );
    let stale = told("--role administrator set_sessions --stale").await;
    assert!(stale.contains(": no\n"), "{stale}");
    assert!(stale.contains("forbidden by guard-new-means-just-after-signing-in"), "{stale}");
    assert!(stale.contains("he may at desk, with two factors, signed in less than ten minutes ago"), "{stale}");
    let open = told("--role technician open_relay --door relays").await;
    assert!(open.contains("yes, where what follows holds"), "{open}");
    assert!(open.contains("resource.technicians.contains(principal)"), "{open}");
    let wrong_door = told("--role technician open_relay").await;
    assert!(wrong_door.contains(": no\n") && wrong_door.contains("he may at relays, with two factors"), "{wrong_door}");
    let never = told("--role beneficiary search_traces").await;
    assert!(never.contains("in that role never; the roles that may: trace_controller"), "{never}");
    assert!(never.contains("not permitted by trace-controllers-search-traces, which needs"), "{never}");
}

#[tokio::test]
async fn of_a_role_it_says_all_and_programs_read_json() {
    let all = told("--role trace_controller").await;
    assert!(all.lines().any(|line| line.starts_with("search_traces") && line.contains("desk")), "{all}");
    assert!(all.lines().last().unwrap().starts_with("never: see_people"), "{all}");
    let json: serde_json::Value =
        serde_json::from_str(&told("--role patient read_object --format json").await).unwrap();
    assert_eq!(json["answer"]["verdict"], "where");
    assert_eq!(json["answer"]["permits"][0]["policy"], "patient-reads-his-record");
    assert_eq!(json["roles"], serde_json::json!(["patient", "relative", "professional"]));
    let json: serde_json::Value = serde_json::from_str(&told("--role patient --format json").await).unwrap();
    let may = json["may"].as_array().unwrap();
    assert_eq!(may.len(), Ask::all().count());
    assert_eq!(may[0]["ways"][0]["door"], "portal");
}

#[test]
fn policies_are_listed_and_one_is_shown_whole() {
    let list = |id: Option<&str>, format| {
        super::list(&ListArgs { config: None, id: id.map(str::to_owned), format }).map_err(|error| error.to_string())
    };
    let all = list(None, Format::Text).unwrap();
    assert!(all.lines().count() > 30 && all.contains("forbids  guard-two-factors  acces-web:AA4"), "{all}");
    assert!(list(Some("guard-two-factors"), Format::Text).unwrap().contains("forbid"));
    assert!(list(Some("guard-three-factors"), Format::Text).unwrap_err().contains("no policy in force is named"));
    let json: serde_json::Value = serde_json::from_str(&list(None, Format::Json).unwrap()).unwrap();
    assert_eq!(json.as_array().unwrap().len(), all.lines().count());
}

#[test]
fn a_folder_is_tried_before_a_node_runs_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let told = |folder: &Path| tried(folder).map_err(|error| error.to_string());
    assert!(told(folder.path()).unwrap_err().contains("holds no .cedar file"));
    let file = folder.path().join("own.cedar");
    let rest = "forbid (principal is Account, action == Action::\"replay\", resource);";
    fs::write(&file, format!("@id(\"no-replay\") @because(\"Décision du 3 mars.\")\n{rest}")).unwrap();
    let good = told(folder.path()).unwrap();
    assert!(good.starts_with("1 policies in 1 files can be used:\nforbids  no-replay"), "{good}");
    fs::write(&file, rest).unwrap();
    assert!(told(folder.path()).unwrap_err().contains("own.cedar: a policy needs an @id"));
}
