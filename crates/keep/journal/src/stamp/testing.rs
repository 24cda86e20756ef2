//! A real authority for the tests: `openssl`, and nothing of ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// What a certificate for time stamps bears.
pub const STAMPS: &str = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature";
/// And one that makes others.
pub const ISSUES: &str = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign";
const ALWAYS: (&str, &str) = ("20200101000000Z", "20490101000000Z");
pub const ENDED: (&str, &str) = ("20200101000000Z", "20210101000000Z");

/// An authority, in a folder of its own that goes with it: `ca` vouches for `tsa`, which stamps.
pub struct Tsa(tempfile::TempDir);

impl Tsa {
    pub fn new(key: &str) -> Self {
        let tsa = Self(tempfile::tempdir().unwrap());
        tsa.write("index", "");
        tsa.write("index.attr", "unique_subject = no\n");
        tsa.write("serial", "01\n");
        tsa.write(
            "cnf",
            &format!(
                "[req]\ndistinguished_name = dn\n[dn]\n[ca]\ndefault_ca = here\n[here]\ndatabase = {0}/index\n\
                 new_certs_dir = {0}\npolicy = any\ndefault_md = sha256\nserial = {0}/serial\nunique_subject = no\n[any]\ncommonName = supplied\n\
                 [stamp]\nserial = {0}/serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4.1\n\
                 other_policies = 1.2.3.4.5\ndigests = sha256\naccuracy = secs:1\ncrypto_device = builtin\n\
                 ess_cert_id_chain = no\ness_cert_id_alg = sha256\n",
                tsa.0.path().display()
            ),
        );
        tsa.request("ca", key);
        tsa.write("ca.ext", ISSUES);
        tsa.run(&[
            "x509", "-req", "-in", "ca.csr", "-signkey", "ca.key", "-days", "3650", "-extfile", "ca.ext", "-out",
            "ca.pem",
        ]);
        tsa.issue("tsa", "ca", key, STAMPS, ALWAYS);
        tsa
    }

    /// A certificate of `by`.
    pub fn issue(&self, name: &str, by: &str, key: &str, extensions: &str, (from, to): (&str, &str)) {
        self.request(name, key);
        self.write(&format!("{name}.ext"), extensions);
        let (csr, ext, out) = (format!("{name}.csr"), format!("{name}.ext"), format!("{name}.pem"));
        let (cert, with) = (format!("{by}.pem"), format!("{by}.key"));
        let files = ["-in", &csr, "-extfile", &ext, "-out", &out, "-cert", &cert, "-keyfile", &with];
        let ways = ["ca", "-batch", "-config", "cnf", "-notext", "-rand_serial", "-startdate", from, "-enddate", to];
        self.run(&[&ways[..], &files[..]].concat());
    }

    pub fn issue_always(&self, name: &str, by: &str, extensions: &str) {
        self.issue(name, by, "ec", extensions, ALWAYS);
    }

    fn request(&self, name: &str, key: &str) {
        let kind: &[&str] = match key {
            "rsa" => &["-newkey", "rsa:2048"],
            "short" => &["-newkey", "rsa:1024"],
            "p384" => &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
            _ => &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        };
        let (to, out, subject) = (format!("{name}.key"), format!("{name}.csr"), format!("/CN=Test {name}"));
        let rest = ["-new", "-nodes", "-config", "cnf", "-keyout", &to, "-out", &out, "-subj", &subject];
        self.run(&[&["req"][..], kind, &rest[..]].concat());
    }

    /// Answers a request, as `openssl ts -reply` does.
    pub fn reply(&self, query: &[u8]) -> Vec<u8> {
        self.reply_of("tsa", "ca", query)
    }

    /// The same by another certificate, and the one above it.
    pub fn reply_of(&self, signer: &str, by: &str, query: &[u8]) -> Vec<u8> {
        fs::write(self.path("query"), query).unwrap();
        let (cert, key, chain) = (format!("{signer}.pem"), format!("{signer}.key"), format!("{by}.pem"));
        let files = ["-queryfile", "query", "-signer", &cert, "-inkey", &key, "-chain", &chain, "-out", "reply"];
        self.run(&[&["ts", "-reply", "-config", "cnf", "-section", "stamp"][..], &files[..]].concat());
        fs::read(self.path("reply")).unwrap()
    }

    /// An answer that says the same and that somebody else signed, with `openssl cms`: what `openssl ts` refuses to sign.
    pub fn signed_by(&self, signer: &str, reply: &[u8], more: &[&str]) -> Vec<u8> {
        fs::write(self.path("reply"), reply).unwrap();
        self.run(&["ts", "-reply", "-config", "cnf", "-in", "reply", "-token_out", "-out", "token"]);
        self.run(&[
            "cms",
            "-verify",
            "-noverify",
            "-nosigs",
            "-inform",
            "DER",
            "-in",
            "token",
            "-binary",
            "-out",
            "info",
        ]);
        let (cert, key) = (format!("{signer}.pem"), format!("{signer}.key"));
        let how = ["cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-outform", "DER"];
        let what = ["-econtent_type", "1.2.840.113549.1.9.16.1.4", "-in", "info", "-out", "token"];
        self.run(&[&how[..], &what[..], &["-signer", &cert, "-inkey", &key], more].concat());
        let token = fs::read(self.path("token")).unwrap();
        let mut answer = vec![0x30, 0x03, 0x02, 0x01, 0x00];
        answer.extend(token);
        let mut whole = vec![0x30, 0x82];
        whole.extend(u16::try_from(answer.len()).unwrap().to_be_bytes());
        whole.extend(answer);
        whole
    }

    /// What `openssl ts -verify` makes of a stamp.
    pub fn verify(&self, note: &Path, response: &Path) -> Output {
        Command::new("openssl")
            .current_dir(self.0.path())
            .args(["ts", "-verify", "-CAfile", "ca.pem", "-data"])
            .args([note.as_os_str(), "-in".as_ref(), response.as_os_str()])
            .output()
            .unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The certificate that is trusted.
    pub fn ca_pem(&self) -> Vec<u8> {
        fs::read(self.path("ca.pem")).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) {
        let ran = Command::new("openssl").current_dir(self.0.path()).args(arguments).output().unwrap();
        assert!(ran.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}
