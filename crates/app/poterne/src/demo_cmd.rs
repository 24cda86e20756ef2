//! `poterne demo`: a whole hospital to try, wired as in production, on loopback only.

use crate::{
    demo_second::{self, SoftSigner},
    demo_witness,
    node::{Node, NodeSettings, OtherNodes, PageDoor, RelayDoor, Witnessing},
    policy_cmd::own_policies,
    stop,
};
use anyhow::{Context, Result, bail};
use care::SisConfig;
use demo::{Authority, Hospital, LinkKind, Sis, SisFaults};
use identity::{PasswordPolicy, Population, SessionLimits, TotpSecret};
use policy::{Relation, RelationKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use signin::NewAccount;
use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};
use store::{StoreConfig, SystemClock};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trust::Trust;
use types::{AccountId, Clock as _, EstablishmentId, Ins, Secret, SystemActor};
use vault::{MasterKey, random};
use web::{csrf::Origin, limits::Limits};

/// Slots of the demonstration's revocation reserve: 64 KiB instead of 2 MiB.
const RESERVE_SLOTS: u32 = 512;

/// What `demo` is told.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Keep the data here (made if missing); without it a temporary folder is used and removed
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The portal's port; the other doors take the next free ones, the desk the one it had (0: any free port)
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    https: u16,
    /// The SSH relay's port (0: any free port; without it, 2222 or the next free one)
    #[arg(long, value_name = "PORT")]
    ssh: Option<u16>,
    /// Try a hospital's own policies: a folder of .cedar files, as `[policies] own_folder` takes it
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// Who lives in this hospital: the same seed gives the same people
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Use this FHIR R4 server instead of the demonstration's own
    #[arg(long, value_name = "URL", requires_all = ["sis_ca", "sis_cert", "sis_key"])]
    sis: Option<String>,
    /// The authority that signs its certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "sis")]
    sis_ca: Option<PathBuf>,
    /// Our certificate for it (PEM)
    #[arg(long, value_name = "FILE", requires = "sis")]
    sis_cert: Option<PathBuf>,
    /// Our key for it (PEM)
    #[arg(long, value_name = "FILE", requires = "sis")]
    sis_key: Option<PathBuf>,
}

/// What a demonstration remembers of itself between two starts.
#[derive(Serialize, Deserialize)]
struct Memory {
    seed: u64,
    establishment: String,
    accounts: Vec<Account>,
    second: demo_second::Memory,
}

#[derive(Clone, Serialize, Deserialize)]
struct Account {
    login: String,
    password: String,
    role: String,
    totp_secret: String,
}

/// Starts the hospital, says so in one line, serves until a signal.
pub async fn run(args: DemoArgs) -> Result<ExitCode> {
    crate::logs(false, tracing::Level::WARN);
    let stop = stop::on_signal()?;
    let temporary = args.data.is_none();
    let data = match &args.data {
        Some(data) => data.clone(),
        // A name that nobody can have made before us.
        None => {
            let name = data_encoding::HEXLOWER.encode(&random::<8>()?);
            std::env::temp_dir().join(format!("poterne-demo-{name}"))
        }
    };
    let ended = open_and_serve(&args, &data, stop).await;
    if temporary {
        // Nothing of a demonstration without a name is to remain.
        let _ = fs::remove_dir_all(&data);
    }
    match ended {
        Err(error) if error.is::<NotOurs>() => {
            crate::told(&format!("poterne demo: {error}"));
            Ok(ExitCode::from(2))
        }
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

/// The folder, the seed or the desk's port is not this demonstration's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotOurs(String);

async fn open_and_serve(args: &DemoArgs, data: &Path, stop: CancellationToken) -> Result<()> {
    let memory = prepare(data, args.seed)?;
    let data = data.canonicalize()?;
    let today = jiff::Zoned::now().date();
    let hospital = Hospital::generate(args.seed, today);
    let policies = args.policies.as_deref().map_or_else(|| Ok(policy::Policies::built_in()?), own_policies)?;
    let authority = Authority::new(SystemClock.now())?;
    let ca = data.join("demo/ca.pem");
    fs::write(&ca, authority.ca_pem())?;
    let (sis, sis_serving) = sis(args, &hospital, &authority, stop.clone()).await?;
    let portal = listen(args.https).await?;
    let port = portal.local_addr()?.port();
    let suppliers = listen_after(port).await?;
    let suppliers_port = suppliers.local_addr()?.port();
    let desk = match &memory {
        Some(memory) => listen_again(memory.second.desk_port).await?,
        None => listen_after(suppliers_port).await?,
    };
    let desk_port = desk.local_addr()?.port();
    let health = listen_after(desk_port).await?;
    let health_port = health.local_addr()?.port();
    let relays = listen_ssh(args.ssh).await?;
    let ssh_port = relays.local_addr()?.port();
    let certificate = authority.issue_server(&["localhost"])?;
    let establishment = memory.as_ref().map_or_else(
        || Ok(EstablishmentId::from_bytes(random()?)),
        |memory| memory.establishment.parse().context("the demonstration's memory is damaged; remove its folder"),
    )?;
    let witness = demo_witness::Witness::prepare(&data).await?;
    let signer = Arc::new(SoftSigner::default());
    let mut node = Node::open(NodeSettings {
        name: "demo".into(),
        data: data.clone(),
        store: StoreConfig {
            demonstration: true,
            ..StoreConfig::new(format!("sqlite:{}", data.join("poterne.db").display()))
        },
        master: master_key(&data)?,
        establishments: vec![(establishment, hospital.establishment.name.clone())],
        portal: Some((page(portal, &certificate)?, sis)),
        desk: Some(page(desk, &certificate)?),
        elsewhere: BTreeMap::new(),
        suppliers: Some(page(suppliers, &certificate)?),
        relays: Some(RelayDoor {
            listener: relays,
            host_key: demo_second::relay_host_key(&data)?,
            public_name: ("localhost".into(), ssh_port),
            connections_max: 512,
            connections_per_source_max: 256,
            proxies: None,
            suppliers: None,
        }),
        trust: Some(signer.trust(Origin::https("localhost", desk_port)?)),
        single_zone: Some("demonstration".into()),
        witnessing: Witnessing { peers: vec![witness.peer.clone()], age_max: Duration::from_secs(60) },
        stamping: None,
        witness: None,
        others: OtherNodes { publishing: None, followed: Vec::new() },
        health,
        shared_addresses: Vec::new(),
        renewal_delay: signin::RENEWAL_DELAY,
        directory: None,
        mail: None,
        administrators_passwords: PasswordPolicy::default_for(Population::Administrators),
        stop_deadline: Duration::from_secs(8),
        new_origin: false,
        reserve_slots: RESERVE_SLOTS,
        policies: Arc::new(policies),
        enrols_as: SystemActor::Demo,
        configuration: None,
    })
    .await?;
    let witness_key = witness.peer.key.to_string();
    let witnessing = witness.serve(&data, stop.clone())?;
    let is_new = memory.is_none();
    let mut memory = match memory {
        Some(memory) => memory,
        None => settle_in(&node, &hospital, (establishment, args.seed), (&data, desk_port)).await?,
    };
    let second = (data.as_path(), &mut memory.second);
    if demo_second::begin((&node, &signer), establishment, second, &stop).await? || is_new {
        memory.write(&data)?;
    }
    node.proving.other_record = other_record(&node, &hospital, establishment).await?;
    let accounts = memory.accounts.clone();
    let patients: Vec<_> = demo::accounts(&hospital).into_iter().filter_map(own_number).collect();
    let targets: Vec<_> = demo::EQUIPMENT.iter().map(|one| json!({ "name": one.name, "protocol": "ssh" })).collect();
    let ready = json!({
        "ready": true,
        "portal": format!("https://localhost:{port}"),
        "suppliers": format!("https://localhost:{suppliers_port}"),
        "desk": format!("https://localhost:{desk_port}"),
        "metrics": format!("http://localhost:{health_port}"),
        "ssh": format!("localhost:{ssh_port}"), "ssh_key": demo_second::technician_key(&data),
        "ca": ca, "data": data, "accounts": accounts, "witness": witness_key,
        "tokens": memory.second.tokens, "targets": targets, "patients": patients,
    });
    crate::said(&ready);
    crate::told(&help(&ready, &accounts, &ca));
    node.run(stop).await?;
    for serving in sis_serving.into_iter().chain([witnessing]) {
        let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
    }
    Ok(())
}

/// A door with pages on loopback.
fn page(listener: TcpListener, certificate: &demo::Issued) -> Result<PageDoor> {
    let port = listener.local_addr()?.port();
    Ok(PageDoor {
        listener,
        tls: web::serve::tls_config(certificate.chain_pem.as_bytes(), certificate.key_pem.expose().as_bytes())?,
        origin: Origin::https("localhost", port)?,
        sessions: SessionLimits { idle: Duration::from_secs(900), absolute: Duration::from_secs(8 * 3600) },
        support_contact: Some("01 99 00 12 34".into()),
        // Everybody comes from one address here.
        limits: Limits { connections_per_source_max: 512, ..Limits::default() },
        proxies: None,
        administration: None,
    })
}

/// Somebody with a record, for the probes to be refused.
async fn other_record(
    node: &Node,
    hospital: &Hospital,
    establishment: EstablishmentId,
) -> Result<Option<types::PatientId>> {
    let is_own = |link: &&demo::DemoLink| matches!(link.kind, LinkKind::Own);
    let accounts = demo::accounts(hospital);
    let Some(own) = accounts.iter().find_map(|account| account.links.iter().find(is_own)) else { return Ok(None) };
    Ok(Some(node.registrar.patient(establishment, &own.ins).await?))
}

fn own_number(account: demo::DemoAccount) -> Option<serde_json::Value> {
    let own = account.links.iter().find(|link| matches!(link.kind, LinkKind::Own))?;
    Some(json!({ "login": account.login, "ins": own.ins.number() }))
}

fn help(ready: &serde_json::Value, accounts: &[Account], ca: &Path) -> String {
    let told = |key: &str| ready.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    let ssh = told("ssh");
    let (host, port) = ssh.split_once(':').unwrap_or_default();
    let mut lines = vec![
        String::new(),
        format!("The demonstration hospital is open: {}/ (patients, relatives, professionals)", told("portal")),
        format!("                                    {}/ (the hospital's staff)", told("desk")),
        format!("                                    {}/ (suppliers' people)", told("suppliers")),
        format!("A technician, once an intervention is approved:"),
        format!("  ssh -i {} -p {port} erwan.tanguy%scanner-1@{host}", told("ssh_key")),
        format!("Its certificate is signed by {} (a browser will warn unless it trusts that file).", ca.display()),
        String::new(),
        format!("{:18} {:14} {:24} {}", "login", "role", "password", "secret for an authenticator"),
    ];
    for one in accounts {
        lines.push(format!("{:18} {:14} {:24} {}", one.login, one.role, one.password, one.totp_secret));
    }
    lines.push(String::new());
    let data = ready.get("data").and_then(|data| data.as_str()).unwrap_or_default();
    lines.push(format!(
        "Its journal, against its witness:  poterne journal verify --data {data} --witness \"$(cat {data}/witness/vkey)\""
    ));
    lines.push("A code for the second step:  oathtool --totp -b SECRET".into());
    lines.push("Everybody here is invented. Ctrl-C stops.".into());
    lines.join("\n")
}

/// A folder that is new, empty, or a demonstration's; a demonstration that was cut while it settled in begins anew.
fn prepare(data: &Path, seed: u64) -> Result<Option<Memory>> {
    let folder = |path: &Path| {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("{} cannot be made", path.display()))
    };
    folder(data)?;
    let mark = data.join("demo");
    let memory = mark.join("memory.json");
    if mark.is_dir() && memory.is_file() {
        let read: Memory = serde_json::from_str(&fs::read_to_string(&memory)?)
            .context("the demonstration's memory is damaged; remove its folder")?;
        if read.seed != seed {
            let what = format!(
                "{} holds the hospital of seed {}; start it with --seed {}, or name another folder",
                data.display(),
                read.seed,
                read.seed
            );
            return Err(NotOurs(what).into());
        }
        return Ok(Some(read));
    }
    let empty = fs::read_dir(data)?.next().is_none();
    if !empty && !mark.is_dir() {
        let what = format!("{} is not empty and not a demonstration's: name another folder", data.display());
        return Err(NotOurs(what).into());
    }
    for name in [
        "journal",
        "index",
        "witness",
        "witnessed",
        "vault",
        "keys",
        "recordings",
        "recordings-reserve",
        "poterne.db",
        "poterne.db-wal",
        "poterne.db-shm",
    ] {
        let path = data.join(name);
        let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        if let Err(error) = gone
            && error.kind() != std::io::ErrorKind::NotFound
        {
            bail!("{} cannot be removed: {error}", path.display());
        }
    }
    folder(&mark)?;
    folder(&data.join("keys"))?;
    Ok(None)
}

fn master_key(data: &Path) -> Result<MasterKey> {
    let path = data.join("keys/master.key");
    Ok(if path.exists() { MasterKey::load(&path)? } else { MasterKey::create(&path)? })
}

async fn listen(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
        .await
        .with_context(|| format!("port {port} is taken; choose another with --https"))
}

/// The relays' port: the one asked for, or 2222, or the next free one.
async fn listen_ssh(port: Option<u16>) -> Result<TcpListener> {
    let Some(port) = port else { return listen_after(2221).await };
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    listener.with_context(|| format!("port {port} is taken; choose another with --ssh"))
}

/// The desk's port of the earlier start, which its signatures name.
async fn listen_again(port: u16) -> Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.map_err(|_| {
        let what = format!(
            "port {port} is taken, and the approvals of this folder were signed for a desk at that port: \
             free it, or name another folder"
        );
        NotOurs(what).into()
    })
}

/// The next free port after one.
async fn listen_after(port: u16) -> Result<TcpListener> {
    for next in port.saturating_add(1)..=port.saturating_add(200) {
        if let Ok(listener) = TcpListener::bind(("127.0.0.1", next)).await {
            return Ok(listener);
        }
    }
    listen(0).await
}

type Serving = tokio::task::JoinHandle<()>;

fn trust(authorities_pem: &[u8], lists_pem: Option<&[u8]>) -> Result<Arc<Trust>> {
    Ok(Arc::new(Trust::new(web::serve::provider(), authorities_pem, lists_pem)?))
}

/// The SIS that was named, or our own.
async fn sis(
    args: &DemoArgs,
    hospital: &Hospital,
    authority: &Authority,
    stop: CancellationToken,
) -> Result<(SisConfig, Option<Serving>)> {
    if let (Some(url), Some(ca), Some(cert), Some(key)) = (&args.sis, &args.sis_ca, &args.sis_cert, &args.sis_key) {
        let read = |path: &PathBuf| fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
        let config = SisConfig {
            url: url.clone(),
            trust: trust(&read(ca)?, None)?,
            certificate_pem: read(cert)?,
            key_pem: Secret::new(read(key)?),
            wait: SisConfig::WAIT_MAX,
        };
        return Ok((config, None));
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let server = authority.issue_server(&["localhost"])?;
    let client = authority.issue_client("Poterne demo portal")?;
    let sis = Sis::new(hospital, &server, &authority.ca_pem(), SisFaults::new())?;
    let serving = tokio::spawn(async move {
        if let Err(error) = sis.serve(listener, stop).await {
            tracing::error!(%error, "the demonstration's records stopped");
        }
    });
    let config = SisConfig {
        url: format!("https://localhost:{port}/fhir"),
        trust: trust(authority.ca_pem().as_bytes(), Some(authority.list_pem()?.as_bytes()))?,
        certificate_pem: client.chain_pem.into_bytes(),
        key_pem: Secret::new(client.key_pem.expose().clone().into_bytes()),
        wait: SisConfig::WAIT_MAX,
    };
    Ok((config, Some(serving)))
}

/// Creates the accounts and their relations.
async fn settle_in(
    node: &Node,
    hospital: &Hospital,
    (establishment, seed): (EstablishmentId, u64),
    (data, desk_port): (&Path, u16),
) -> Result<Memory> {
    let mut accounts = Vec::new();
    for one in demo::accounts(hospital) {
        let password = crate::password()?;
        let totp = TotpSecret::from_bytes(random()?);
        let known = Account {
            login: one.login.to_owned(),
            password: password.clone(),
            role: one.role.to_string(),
            totp_secret: data_encoding::BASE32_NOPAD.encode(totp.bytes()),
        };
        let new = NewAccount {
            login: one.login.to_owned(),
            display_name: one.display_name.to_owned(),
            role: one.role,
            supplier: None,
            password: Secret::new(password),
            totp,
        };
        let account = node.enrolment.account(establishment, new).await?;
        for link in &one.links {
            relate(node, establishment, account, &link.ins, &link.kind).await?;
        }
        accounts.push(known);
    }
    let (staff, second) = demo_second::settle(node, establishment, (data, desk_port)).await?;
    accounts.extend(staff.into_iter().map(|one| Account {
        login: one.login,
        password: one.password,
        role: one.role,
        totp_secret: one.totp_secret,
    }));
    Ok(Memory { seed, establishment: establishment.to_string(), accounts, second })
}

impl Memory {
    /// Written last at the first start, so that a cut one begins anew; whole or not at all.
    fn write(&self, data: &Path) -> Result<()> {
        let (path, new) = (data.join("demo/memory.json"), data.join("demo/memory.json.new"));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        Ok(fs::rename(&new, &path)?)
    }
}

async fn relate(
    node: &Node,
    establishment: EstablishmentId,
    account: AccountId,
    ins: &Ins,
    link: &LinkKind,
) -> Result<()> {
    let patient = node.registrar.patient(establishment, ins).await?;
    let kind = match link {
        LinkKind::Own => RelationKind::Own,
        LinkKind::Mandate { covers, .. } => RelationKind::Mandate { covers: covers.iter().copied().collect() },
        LinkKind::Care { .. } => RelationKind::Care,
    };
    let period = link.period(SystemClock.now());
    node.registrar.relate(account, &Relation { patient, establishment, kind, period }).await?;
    Ok(())
}
