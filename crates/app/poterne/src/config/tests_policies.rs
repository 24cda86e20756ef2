//! `[policies]`: what is read, and what is wrong with it, with its place and remedy.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Config,
    testing::{GOOD, Site, mode},
};
use std::fs;

const OWN: &str = "@id(\"no-replay\") @because(\"Décision du 3 mars.\")
forbid (principal is Account, action == Action::\"replay\", resource);";

fn site(files: &[(&str, &str)]) -> Site {
    let site = Site::good();
    let folder = site.path().join("policies");
    fs::create_dir(&folder).unwrap();
    mode(&folder, 0o755);
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
        mode(&folder.join(name), 0o644);
    }
    site.write(&format!("{GOOD}\n[policies]\nown_folder = \"policies\"\n"));
    site
}

fn mistakes(site: &Site) -> Vec<(String, String)> {
    let mistakes = Config::read(&site.file()).err().expect("it is wrong");
    mistakes.iter().map(|one| (one.key.clone(), format!("{}; {}", one.what, one.remedy))).collect()
}

#[test]
fn a_hospitals_own_are_read_and_are_not_needed() {
    let config = Config::read(&site(&[("a.cedar", OWN), ("b.cedar", "")]).file()).unwrap();
    assert_eq!(config.policies.read(types::Time::from_micros(0))[0].id, "no-replay");
    assert!(config.policies.texts().any(|(name, _)| name == "a.cedar"));
    let site = Site::good();
    site.write(GOOD);
    assert!(Config::read(&site.file()).unwrap().policies.read(types::Time::from_micros(0))[0].because.is_none());
}

#[test]
fn what_would_not_be_read_or_could_be_another_s_is_refused() {
    for (files, said) in [
        (&[][..], "holds no .cedar file"),
        (&[("a.cedar", OWN), ("b.ceder", OWN)], "b.ceder, which is no .cedar file and would not be read"),
        (
            &[("a.cedar", "permit (principal is Account, action == Action::\"replay\", resource);")],
            "a.cedar: a policy needs an @id",
        ),
        (&[("a.cedar", OWN), ("b.cedar", OWN)], "no-replay"),
    ] {
        let told = mistakes(&site(files));
        assert!(told.iter().any(|(key, what)| key == "policies.own_folder" && what.contains(said)), "{said}: {told:?}");
    }
    let open = site(&[("a.cedar", OWN)]);
    mode(&open.path().join("policies/a.cedar"), 0o666);
    assert!(mistakes(&open)[0].1.contains("others than its owner may write"), "{:?}", mistakes(&open));
    let missing = Site::good();
    missing.write(&format!("{GOOD}\n[policies]\nown_folder = \"nowhere\"\n"));
    assert!(mistakes(&missing)[0].1.contains("cannot be read"));
    missing.write(&format!("{GOOD}\n[policies]\n"));
    assert!(mistakes(&missing)[0].1.contains("missing"));
}
