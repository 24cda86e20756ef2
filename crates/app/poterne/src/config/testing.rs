//! A node's folder for tests: what `init` writes, with the files an operator supplies.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use vault::MasterKey;

/// A good configuration; tests spoil it.
pub(crate) const GOOD: &str = r#"[node]
name = "portal-1"
doors = ["portal"]
data = "data"

[[establishments]]
id = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
name = "Centre hospitalier"

[store]
url = "sqlite:poterne.db"

[vault]
master_key_file = "keys/master.key"

[portal]
listen = "0.0.0.0:8443"
origin = "https://portail.hopital.example"
certificate_file = "keys/portal.crt"
key_file = "keys/portal.key"
support_contact = "01 99 00 00 00"

[sis]
url = "https://sis.hopital.example/fhir"
ca_file = "keys/sis-ca.crt"
certificate_file = "keys/sis-client.crt"
key_file = "keys/sis-client.key"

[log]
format = "json"
"#;

/// A good configuration of the second door, all in one node; tests spoil it.
pub(crate) const GOOD_SECOND: &str = r#"[node]
name = "desk-1"
doors = ["suppliers", "desk", "relays"]
data = "data"

[[establishments]]
id = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
name = "Centre hospitalier"

[vault]
master_key_file = "keys/master.key"

[desk]
listen = "0.0.0.0:8445"
origin = "https://bureau.hopital.example"
certificate_file = "keys/desk.crt"
key_file = "keys/desk.key"
support_contact = "01 99 00 00 00"

[suppliers]
listen = "0.0.0.0:8444"
origin = "https://fournisseurs.hopital.example"
certificate_file = "keys/suppliers.crt"
key_file = "keys/suppliers.key"
support_contact = "01 99 00 00 00"

[relays]
listen = "0.0.0.0:2222"
host_key_file = "keys/ssh_host_ed25519_key"
public_name = "relais.hopital.example"

[approvals]
pinned_file = "keys/pinned.json"
"#;

/// A pinned file with one key, which opens nothing.
pub(crate) const PINNED: &str = r#"[{"credential": "BwcHBwcHBwcHBwcHBwcHBw", "public_key":
  "pAEBAycgBiFYIAkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJ",
  "account": "aaaaaaaaaaaaaaaaaaaaaaaaaa", "role": "administrator",
  "establishment": "aaaaaaaaaaaaaaaaaaaaaaaaaa"}]"#;

/// A folder with all that a configuration names.
pub(crate) struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn good() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).unwrap();
        mode(&keys, 0o700);
        MasterKey::create(&keys.join("master.key")).unwrap();
        write_certificates(&keys, |_| {});
        let site = Self { folder };
        site.write(GOOD);
        site
    }

    /// A site of the second door, its first administrator enrolled.
    pub(crate) fn second() -> Self {
        let site = Self::good();
        let key = site.path().join("keys/ssh_host_ed25519_key");
        crate::init::draw_host_key(&key).unwrap();
        site.pin(PINNED);
        site.write(GOOD_SECOND);
        site
    }

    pub(crate) fn pin(&self, text: &str) {
        let pinned = self.path().join("keys/pinned.json");
        fs::write(&pinned, text).unwrap();
        mode(&pinned, 0o644);
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.path().join("poterne.toml")
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(self.file(), text).unwrap();
        mode(&self.file(), 0o644);
    }

    pub(crate) fn change(&self, from: &str, to: &str) {
        let text = fs::read_to_string(self.file()).unwrap();
        assert!(text.contains(from), "{from} is not in the good configuration");
        self.write(&text.replacen(from, to, 1));
    }

    pub(crate) fn portal_certificate(&self, tweak: impl FnOnce(&mut CertificateParams)) {
        write_certificates(&self.path().join("keys"), tweak);
    }
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The files an operator supplies, under the names that `init` gives them.
pub(crate) fn write_certificates(keys: &Path, tweak: impl FnOnce(&mut CertificateParams)) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    fs::write(keys.join("sis-ca.crt"), ca_certificate.pem()).unwrap();
    let issuer = Issuer::new(ca, ca_key);

    let named = |name: &str| CertificateParams::new([name.to_owned()]).unwrap();
    let mut portal = named("portail.hopital.example");
    tweak(&mut portal);
    for (name, params) in [
        ("portal", portal),
        ("desk", named("bureau.hopital.example")),
        ("suppliers", named("fournisseurs.hopital.example")),
        ("sis-client", CertificateParams::new([]).unwrap()),
    ] {
        let key = KeyPair::generate().unwrap();
        fs::write(keys.join(format!("{name}.crt")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        let file = keys.join(format!("{name}.key"));
        fs::write(&file, key.serialize_pem()).unwrap();
        mode(&file, 0o600);
    }
}
