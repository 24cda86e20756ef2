//! An equipment: OpenSSH's own server, one process for each connection.

use std::{
    fs,
    net::TcpListener,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

/// It, until dropped.
pub struct Machine {
    pub port: u16,
    pub host_key: String,
    /// The login that may come in: whoever runs the tests.
    pub account: String,
    /// What it waits before it answers a connection, in milliseconds.
    pub slow_millis: Arc<AtomicU64>,
    children: Arc<Mutex<Vec<Child>>>,
    stop: Arc<AtomicBool>,
}

/// Draws a key pair with OpenSSH's own tool; the public half lies beside it.
pub fn draw_key(path: &Path, kind: &str) {
    let done =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", "", "-f"]).arg(path).status().unwrap();
    assert!(done.success(), "ssh-keygen");
}

/// The public half: type and base64.
pub fn public_line(path: &Path) -> String {
    let text = fs::read_to_string(path.with_extension("pub")).unwrap();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

impl Machine {
    /// One that takes the key `machine-key` of the folder, drawn here.
    pub fn start(folder: &Path, host_key_kind: &str) -> Self {
        let (host_key, login_key) = (folder.join("machine-host-key"), folder.join("machine-key"));
        draw_key(&host_key, host_key_kind);
        draw_key(&login_key, "ed25519");
        fs::write(folder.join("authorized"), format!("{}\n", public_line(&login_key))).unwrap();
        let config = folder.join("sshd_config");
        let at = folder.display();
        fs::write(
            &config,
            format!(
                "HostKey {at}/machine-host-key\nAuthorizedKeysFile {at}/authorized\nStrictModes no\nUsePAM no\n\
                 PermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPrintMotd no\n\
                 PrintLastLog no\nRekeyLimit 5M\nAcceptEnv LC_* LANG HIDDEN\nSubsystem sftp internal-sftp\nPidFile none\n"
            ),
        )
        .unwrap();
        // OpenSSH's server, as root, wants this empty folder to exist.
        let _ = fs::create_dir_all("/run/sshd");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (slow_millis, stop, children) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default(), Arc::default());
        let machine = Self {
            port,
            host_key: public_line(&host_key),
            account: account(),
            slow_millis: Arc::clone(&slow_millis),
            children: Arc::clone(&children),
            stop: Arc::clone(&stop),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(SeqCst) {
                    return;
                }
                let slow = slow_millis.load(SeqCst);
                let (stream, config, children) = (stream.unwrap(), config.clone(), Arc::clone(&children));
                std::thread::spawn(move || {
                    std::thread::sleep(Duration::from_millis(slow));
                    let twin = stream.try_clone().unwrap();
                    let child = Command::new("/usr/sbin/sshd")
                        .args(["-i", "-e", "-f"])
                        .arg(config)
                        .stdin(Stdio::from(OwnedFd::from(stream)))
                        .stdout(Stdio::from(OwnedFd::from(twin)))
                        .stderr(Stdio::null())
                        .spawn();
                    let mut children: std::sync::MutexGuard<'_, Vec<Child>> = children.lock().unwrap();
                    children.push(child.unwrap());
                });
            }
        });
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        let _ = std::net::TcpStream::connect(("127.0.0.1", self.port));
        for child in self.children.lock().unwrap().iter_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn account() -> String {
    let out = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}
