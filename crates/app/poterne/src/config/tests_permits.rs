//! `[policies] permits_folder`: signed by OpenSSH's own tool, with keys of files and of a security key of software.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use super::{
    Config,
    signers::NAMESPACE,
    testing::{GOOD, Site, mode},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A day that a permit may name: some months ahead of whenever this runs.
fn last_day() -> String {
    jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date()
        .saturating_add(jiff::Span::new().days(100))
        .to_string()
}

fn permit() -> String {
    format!(
        "// Décision du 3 mars.
@id(\"dpo-follows\") @because(\"Le délégué suit les interventions.\") @until(\"{}\")
permit (principal is Account, action == Action::\"see_interventions\", resource is Establishment)
when {{
  principal.establishment == Establishment::\"aaaaaaaaaaaaaaaaaaaaaaaaaa\" && principal.role == \"dpo\" &&
  context.door == \"desk\" && principal.assurance >= 2
}};
",
        last_day()
    )
}

/// The security key of software that OpenSSH loads: it lies beside this test.
fn provider() -> PathBuf {
    let place = std::env::current_exe().unwrap().with_file_name("libsecurity_key.so");
    assert!(place.is_file(), "{} is not built", place.display());
    place
}

fn ssh_keygen() -> Command {
    let mut command = Command::new("ssh-keygen");
    command.env("SSH_SK_PROVIDER", provider()).stderr(Stdio::null());
    command
}

/// A node whose permits these people may sign, each with a key of this kind.
struct Signed {
    site: Site,
}

impl Signed {
    fn open(signers: &[(&str, &[&str])]) -> Self {
        let site = Site::good();
        let folder = site.path().join("permits");
        fs::create_dir(&folder).unwrap();
        mode(&folder, 0o755);
        let mut text = format!("{GOOD}\n[policies]\npermits_folder = \"permits\"\n");
        for (name, kind) in signers {
            let key = site.path().join(name);
            let made = ssh_keygen().args(["-q", "-N", "", "-C", "poste"]).args(*kind).arg("-f").arg(&key).status();
            assert!(made.unwrap().success(), "{kind:?}");
            let public = fs::read_to_string(key.with_extension("pub")).unwrap();
            text.push_str(&format!("[[policies.signers]]\nname = \"{name}\"\npublic_key = \"{}\"\n", public.trim()));
        }
        site.write(&text);
        let one = Self { site };
        one.put("dpo.cedar", &permit());
        one
    }

    /// Two people with keys of files.
    fn two() -> Self {
        Self::open(&[("m-roussel", &["-t", "ed25519"]), ("j-petit", &["-t", "ecdsa", "-b", "384"])])
    }

    fn place(&self, name: &str) -> PathBuf {
        self.site.path().join("permits").join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.place(name), text).unwrap();
        mode(&self.place(name), 0o644);
    }

    /// As docs/policies.md says, with the key of `by`, for this use, of this file, named after `name`.
    fn sign(&self, by: &str, namespace: &str, file: &Path, name: &str) {
        let mut command = ssh_keygen();
        command.args(["-Y", "sign", "-n", namespace, "-f"]).arg(self.site.path().join(by));
        let output = command.stdin(fs::File::open(file).unwrap()).output().unwrap();
        assert!(output.status.success(), "{by}");
        self.put(&format!("dpo.cedar.{name}.sig"), std::str::from_utf8(&output.stdout).unwrap());
    }

    fn signs(&self, by: &str) {
        self.sign(by, NAMESPACE, &self.place("dpo.cedar"), by);
    }

    fn mistakes(&self) -> Vec<String> {
        let mistakes = Config::read(&self.site.file()).err().expect("it is wrong");
        mistakes.iter().map(|one| format!("{}: {}; {}", one.key, one.what, one.remedy)).collect()
    }

    fn wrong(&self, said: &str) {
        let told = self.mistakes();
        assert!(told.iter().any(|line| line.contains(said)), "{said}: {told:#?}");
    }
}

#[test]
fn what_two_people_signed_by_openssh_is_in_force() {
    let kinds: [(&str, &[&str]); 5] = [
        ("m-roussel", &["-t", "ed25519"]),
        ("j-petit", &["-t", "rsa", "-b", "3072"]),
        ("a-morel", &["-t", "ecdsa", "-b", "521"]),
        ("touched", &["-t", "ed25519-sk"]),
        ("touched-too", &["-t", "ecdsa-sk"]),
    ];
    let node = Signed::open(&kinds);
    for pair in kinds.windows(2) {
        for (name, _) in kinds {
            let _ = fs::remove_file(node.place(&format!("dpo.cedar.{name}.sig")));
        }
        pair.iter().for_each(|(name, _)| node.signs(name));
        let config = Config::read(&node.site.file()).unwrap_or_else(|wrong| panic!("{pair:?}: {wrong}"));
        let held = &config.policies.permits()[0];
        assert_eq!((held.id.as_str(), held.last_day.as_str()), ("dpo-follows", last_day().as_str()));
        assert_eq!(held.signed_by.len(), 2);
        for (name, _) in pair {
            assert!(held.signed_by.contains(&(*name).to_owned()));
            // The digest of what is in force covers text, signatures and keys.
            let sig = fs::read_to_string(node.place(&format!("dpo.cedar.{name}.sig"))).unwrap();
            assert!(config.policies.texts().any(|(file, text)| file.contains(name) && text == sig));
            assert!(config.policies.texts().any(|(signer, key)| signer == *name && key.contains(" AAAA")));
        }
    }
}

#[test]
fn one_signature_none_or_one_that_is_not_his_are_not_enough() {
    let node = Signed::two();
    node.wrong(
        "dpo.cedar: 0 of the 2 signatures that it needs; two people of [[policies.signers]] (m-roussel, j-petit)",
    );
    node.signs("m-roussel");
    node.wrong("1 of the 2 signatures");
    node.wrong("ssh-keygen -Y sign -n poterne-permit -f KEY < dpo.cedar > dpo.cedar.NAME.sig");
    let file = node.place("dpo.cedar");

    // The same person twice, under another's name.
    node.sign("m-roussel", NAMESPACE, &file, "j-petit");
    node.wrong("dpo.cedar.j-petit.sig: it was made with the key of m-roussel, not of j-petit");
    // For another use: a commit, a mail.
    node.sign("j-petit", "git", &file, "j-petit");
    node.wrong("it was made for another use than -n poterne-permit");
    // Of another file.
    node.put("other.cedar", &permit().replace("dpo-follows", "other"));
    node.sign("j-petit", NAMESPACE, &node.place("other.cedar"), "j-petit");
    node.wrong("dpo.cedar.j-petit.sig: the file is not the one that was signed");
    fs::remove_file(node.place("other.cedar")).unwrap();
    node.put("dpo.cedar.j-petit.sig", "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n");
    node.wrong("it is no signature of `ssh-keygen -Y sign`");
    node.put("dpo.cedar.j-petit.sig", &"x".repeat(10_000));
    node.wrong("too long for a signature");

    node.signs("j-petit");
    assert!(Config::read(&node.site.file()).is_ok());
    // One byte more, then one signature by somebody who is not named.
    node.put("dpo.cedar", &format!("{} ", permit()));
    assert_eq!(node.mistakes().iter().filter(|one| one.contains("the file is not the one that was signed")).count(), 2);
    node.put("dpo.cedar", &permit());
    fs::copy(node.place("dpo.cedar.j-petit.sig"), node.place("dpo.cedar.personne.sig")).unwrap();
    node.wrong("no signer is named personne");
}

#[test]
fn a_security_key_that_nobody_touched_signs_nothing() {
    let kind = ["-t", "ed25519-sk", "-O", "no-touch-required"];
    let node = Signed::open(&[("m-roussel", &["-t", "ed25519"]), ("j-petit", &kind)]);
    node.signs("m-roussel");
    node.signs("j-petit");
    node.wrong("dpo.cedar.j-petit.sig: nobody touched the security key for it");
}

#[test]
fn keys_are_strong_and_each_is_somebody_s_own() {
    for kind in [&["-t", "rsa", "-b", "2048"][..], &["-t", "rsa", "-b", "5120"]] {
        Signed::open(&[("m-roussel", kind)]).wrong("a key of this kind or size does not sign permits");
    }
    let node = Signed::two();
    let text = fs::read_to_string(node.site.file()).unwrap();
    let key = fs::read_to_string(node.site.path().join("m-roussel.pub")).unwrap();
    let with = |name: &str, key: &str| {
        node.site.write(&format!("{text}[[policies.signers]]\nname = \"{name}\"\npublic_key = \"{}\"\n", key.trim()));
    };
    with("autre", &key.replace("poste", "un autre commentaire"));
    node.wrong("policies.signers[3].public_key: another signer has the same key");
    with("j-petit", &key);
    node.wrong("policies.signers[3].name: another signer has the same name");
    with("Marie Durand", &key);
    node.wrong("not a name that a file can bear");
    with("autre", "ssh-dss AAAAB3NzaC1kc3M=");
    node.wrong("not a public key of OpenSSH");
    node.site.write(&text.replace("permits_folder = \"permits\"\n", "own_folder = \"permits\"\n"));
    node.wrong("people may sign permits, and there is no folder of permits");
}

#[test]
fn what_is_signed_is_read_as_strictly_and_passes_the_suite() {
    for (text, said) in [
        (permit().replace("\"dpo\"", "\"trace_controller\""), "the traces' controller controls nothing else"),
        (permit().replace("aaaaaaaaaaaaaaaaaaaaaaaaaa", "caaaaaaaaaaaaaaaaaaaaaaaaa"), "for another establishment"),
        (
            permit().replace("see_interventions", "search_traces"),
            "dpo.cedar, line 2: policy dpo-follows: search_traces",
        ),
        (permit().replace("dpo-follows", "patient-sees-himself"), "the name is taken"),
    ] {
        let node = Signed::two();
        node.put("dpo.cedar", &text);
        ["m-roussel", "j-petit"].iter().for_each(|name| node.signs(name));
        node.wrong(said);
    }
    let node = Signed::two();
    ["m-roussel", "j-petit"].iter().for_each(|name| node.signs(name));
    node.put("lisez-moi.txt", "");
    node.wrong("lisez-moi.txt, which is no .cedar file nor a signature of one");
    fs::remove_file(node.place("lisez-moi.txt")).unwrap();
    node.put("nuit.cedar.m-roussel.sig", "");
    node.wrong("the signature of no .cedar file there");
    fs::remove_file(node.place("nuit.cedar.m-roussel.sig")).unwrap();
    mode(&node.place("dpo.cedar.m-roussel.sig"), 0o666);
    node.wrong("others than its owner may write");
    mode(&node.place("dpo.cedar.m-roussel.sig"), 0o644);
    mode(&node.site.path().join("permits"), 0o777);
    node.wrong("others than its owner may write");
    mode(&node.site.path().join("permits"), 0o755);
    fs::rename(node.place("dpo.cedar"), node.site.path().join("away")).unwrap();
    std::os::unix::fs::symlink(node.site.path().join("away"), node.place("dpo.cedar")).unwrap();
    node.wrong("which is no plain file");
}
