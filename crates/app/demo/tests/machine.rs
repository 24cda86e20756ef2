//! The demonstration's machine, reached by OpenSSH's own clients.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use demo::Machine;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, process::Command};
use tokio_util::sync::CancellationToken;

struct Site {
    folder: tempfile::TempDir,
    port: u16,
    stop: CancellationToken,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Site {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::new("scanner-1", folder.path(), "maintenance", "mot de passe".into()).unwrap();
        let again = Machine::new("scanner-1", folder.path(), "maintenance", "mot de passe".into()).unwrap();
        assert_eq!(machine.host_key(), again.host_key(), "the key is kept");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        fs::write(folder.path().join("known"), format!("[127.0.0.1]:{port} {}\n", machine.host_key())).unwrap();
        script(&folder.path().join("askpass"), "#!/bin/sh\necho \"$PASSWORD\"\n");
        let stop = CancellationToken::new();
        tokio::spawn(machine.serve(listener, stop.clone()));
        Self { folder, port, stop }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, program: &str, port_flag: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        let known = format!("UserKnownHostsFile={}", self.path("known").display());
        command.args([
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            &known,
            "-o",
            "NumberOfPasswordPrompts=1",
        ]);
        command.args([port_flag, &self.port.to_string()]);
        command.env("SSH_ASKPASS", self.path("askpass")).env("SSH_ASKPASS_REQUIRE", "force").env("PASSWORD", password);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Exit status and what was said.
    async fn run(&self, command: &str, input: &[u8]) -> (i32, Vec<u8>) {
        let mut ssh = self.command("ssh", "-p", "mot de passe");
        finish(ssh.args(["maintenance@127.0.0.1", command]), input).await
    }
}

fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

async fn finish(command: &mut Command, input: &[u8]) -> (i32, Vec<u8>) {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = tokio::spawn(async move {
        let _ = stdin.write_all(&input).await;
        drop(stdin);
    });
    let limit = std::time::Duration::from_secs(60);
    let out = tokio::time::timeout(limit, child.wait_with_output()).await.unwrap().unwrap();
    writing.await.unwrap();
    (out.status.code().unwrap_or(-1), out.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_answer_with_their_status() {
    let site = Site::open().await;
    assert_eq!(site.run("echo bonjour", b"").await, (0, b"bonjour\n".to_vec()));
    assert_eq!(site.run("false", b"").await.0, 1);
    assert_eq!(site.run("exit 7", b"").await.0, 7);
    assert_eq!(site.run("rm -rf /", b"").await.0, 1);
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    assert_eq!(site.run("cat > essai", &bytes).await.0, 0);
    let (status, back) = site.run("cat essai", b"").await;
    assert!(status == 0 && back == bytes);
    let (status, back) = site.run("cat", &bytes).await;
    assert!(status == 0 && back == bytes, "{} bytes", back.len());
    let wrong = finish(site.command("ssh", "-p", "autre").args(["maintenance@127.0.0.1", "true"]), b"").await;
    assert_eq!(wrong.0, 255);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_is_typed_on() {
    let site = Site::open().await;
    let mut ssh = site.command("ssh", "-p", "mot de passe");
    let (status, said) = finish(ssh.args(["-tt", "maintenance@127.0.0.1"]), b"etat\rexit 4\r").await;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert_eq!(status, 4, "{said}");
    assert!(said.contains("console de maintenance") && said.contains("en service"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_travel_by_scp_and_sftp() {
    let site = Site::open().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    fs::write(site.path("from"), &bytes).unwrap();
    let mut scp = site.command("scp", "-P", "mot de passe");
    let (status, _) = finish(scp.arg(site.path("from")).arg("maintenance@127.0.0.1:/dossier/image.bin"), b"").await;
    assert_eq!(status, 0);
    let mut sftp = site.command("sftp", "-P", "mot de passe");
    let batch = format!("ls -l\nget image.bin {}\nrm image.bin\n", site.path("to").display());
    let (status, said) =
        finish(sftp.args(["-o", "BatchMode=no", "-b", "-", "maintenance@127.0.0.1"]), batch.as_bytes()).await;
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(status == 0 && said.contains("image.bin") && said.contains("LISEZMOI.txt"), "{said}");
    assert!(fs::read(site.path("to")).unwrap() == bytes);
}
