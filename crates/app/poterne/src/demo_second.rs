//! The demonstration's second door: staff, suppliers, equipment that answers, and a software passkey that signs in the
//! place of people for the interfaces.

use crate::node::{Node, Trust};
use anyhow::{Context, Result};
use demo::{EQUIPMENT, Machine, STAFF, SUPPLIERS, SoftPasskey};
use identity::{
    TotpSecret,
    passkey::{Assertion, PasskeyPublic, PasskeyRecord, RelyingParty, verify_registration},
};
use interventions::{EquipmentSecret, NewEquipment, PinnedKey, Protocol, Signer};
use serde::{Deserialize, Serialize};
use signin::{NewAccount, NewToken};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use store::SystemClock;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use types::{AccountId, Clock as _, EstablishmentId, Role, Secret, SystemActor, TokenScope};
use vault::random;
use web::csrf::Origin;

/// How long the demonstration's tokens serve.
const TOKEN_DAYS: u64 = 365;
/// What the suppliers' door has interfaces for.
const SUPPLIERS_SCOPES: &[TokenScope] =
    &[TokenScope::InterventionsRead, TokenScope::InterventionsWrite, TokenScope::EquipmentRead];
/// The login on the demonstration's machines: never typed by anybody.
const MACHINE_ACCOUNT: &str = "maintenance";

/// What the demonstration remembers of its second door between two starts.
#[derive(Serialize, Deserialize)]
pub struct Memory {
    /// The machines' password.
    machine_password: String,
    /// The ports of the machines, as the equipment's sheets say.
    ports: Vec<u16>,
    /// The desk's port: signatures made at one origin do not hold at another.
    pub desk_port: u16,
    /// A token for each role.
    pub tokens: BTreeMap<String, String>,
}

/// The software passkeys of those who sign.
#[derive(Default)]
pub struct SoftSigner {
    keys: RwLock<HashMap<AccountId, SoftPasskey>>,
    rp: RwLock<Option<RelyingParty>>,
}

impl Signer for SoftSigner {
    fn sign(&self, account: AccountId, challenge: &[u8; 32]) -> Option<Assertion> {
        let rp = self.rp.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let made = keys.get(&account)?.assert(&rp.id, &rp.origin, challenge).ok()?;
        Some(Assertion {
            credential: made.credential,
            client_data_json: made.client_data_json,
            authenticator_data: made.authenticator_data,
            signature: made.signature,
        })
    }
}

impl SoftSigner {
    /// What the node trusts, before its people are known.
    pub fn trust(self: &Arc<Self>, desk_origin: Origin) -> Trust {
        let rp = RelyingParty { id: "localhost".into(), origin: desk_origin.as_str().to_owned() };
        *self.rp.write().unwrap_or_else(PoisonError::into_inner) = Some(rp);
        Trust {
            desk_origin,
            passkey_domain: "localhost".into(),
            pinned: Vec::new(),
            first: None,
            signer: Some(self.clone()),
        }
    }

    /// The passkey of somebody, kept in `folder`; drawn the first time. Its public part.
    fn passkey(&self, folder: &Path, login: &str, account: AccountId) -> Result<PasskeyPublic> {
        let path = folder.join(format!("{login}.passkey"));
        let soft = if path.exists() {
            SoftPasskey::load(&Secret::new(fs::read(&path)?)).ok().context("a software passkey cannot be read")?
        } else {
            let (soft, kept) = SoftPasskey::draw().ok().context("no software passkey can be drawn")?;
            private(&path, kept.expose())?;
            soft
        };
        let rp = self.rp.read().unwrap_or_else(PoisonError::into_inner).clone().context("no desk")?;
        let challenge: [u8; 32] = random()?;
        let made = soft.register(&rp.id, &rp.origin, &challenge);
        let public = verify_registration(&rp, &challenge, &made.client_data_json, &made.attestation_object)?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(account, soft);
        Ok(public)
    }
}

/// A file that nobody else may read.
fn private(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

/// The relays' host key, kept in the data folder.
pub fn relay_host_key(data: &Path) -> Result<Secret<String>> {
    let path = data.join("keys/relays.key");
    if !path.exists() {
        private(&path, relays::new_host_key()?.expose().as_bytes())?;
    }
    Ok(Secret::new(fs::read_to_string(&path)?))
}

/// Where the technician's key for SSH is.
pub fn technician_key(data: &Path) -> PathBuf {
    data.join("demo/erwan.tanguy.key")
}

/// Somebody of the staff, created.
pub struct Settled {
    pub login: String,
    pub password: String,
    pub role: String,
    pub totp_secret: String,
}

/// The first start: suppliers, accounts, the technician's key, tokens.
pub async fn settle(
    node: &Node,
    establishment: EstablishmentId,
    (data, desk_port): (&Path, u16),
) -> Result<(Vec<Settled>, Memory)> {
    let fleet = node.fleet()?;
    let mut suppliers = Vec::new();
    for name in SUPPLIERS {
        suppliers.push(fleet.supplier(establishment, name).await?);
    }
    let (mut settled, mut tokens) = (Vec::new(), BTreeMap::new());
    for one in STAFF {
        let (password, totp) = (crate::password()?, TotpSecret::from_bytes(random()?));
        settled.push(Settled {
            login: one.login.to_owned(),
            password: password.clone(),
            role: one.role.to_string(),
            totp_secret: data_encoding::BASE32_NOPAD.encode(totp.bytes()),
        });
        let supplier = one.supplier.and_then(|at| suppliers.get(at).copied());
        let new = NewAccount {
            login: one.login.to_owned(),
            display_name: one.display_name.to_owned(),
            role: one.role,
            supplier,
            password: Secret::new(password),
            totp,
        };
        let account = node.enrolment.account(establishment, new).await?;
        if let std::collections::btree_map::Entry::Vacant(place) = tokens.entry(one.role.to_string()) {
            place.insert(token(node, one.role, account).await?);
        }
        if one.login == "erwan.tanguy" {
            let key = relays::new_host_key()?;
            let line = relays::host_key_line(&key)?;
            private(&technician_key(data), key.expose().as_bytes())?;
            node.enrolment.ssh_key(account, &line, "poste de maintenance").await?;
        }
    }
    let memory = Memory { machine_password: crate::password()?, ports: Vec::new(), desk_port, tokens };
    Ok((settled, memory))
}

async fn token(node: &Node, role: Role, account: AccountId) -> Result<String> {
    let second = node.second.as_ref().context("no second door")?;
    let outside = matches!(role, Role::Technician | Role::SupplierManager | Role::Auditor);
    let (tokens, scopes) =
        if outside { (&second.suppliers_tokens, SUPPLIERS_SCOPES) } else { (&second.desk_tokens, TokenScope::ALL) };
    let new = NewToken {
        label: "démonstration".into(),
        scopes: scopes.iter().copied().collect(),
        expires: SystemClock.now() + Duration::from_secs(TOKEN_DAYS * 86_400),
        sources: Vec::new(),
    };
    let (_, text) = tokens.issue_as(SystemActor::Demo, account, new).await?;
    Ok(text.expose().clone())
}

/// Each start: the passkeys sign, the machines answer, and the equipment's sheets say where. True if the memory changed.
pub async fn begin(
    (node, signer): (&Node, &SoftSigner),
    establishment: EstablishmentId,
    (data, memory): (&Path, &mut Memory),
    stop: &CancellationToken,
) -> Result<bool> {
    let folder = data.join("demo");
    let administrator = passkeys(node, signer, establishment, &folder).await?;
    let mut ports = Vec::new();
    for (at, equipment) in EQUIPMENT.iter().enumerate() {
        let wanted = memory.ports.get(at).copied().unwrap_or(0);
        let listener = match TcpListener::bind(("127.0.0.1", wanted)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind(("127.0.0.1", 0)).await?,
        };
        let port = listener.local_addr()?.port();
        let machine = Machine::new(equipment.name, &folder, MACHINE_ACCOUNT, memory.machine_password.clone())?;
        if port != wanted {
            let mut beneficiaries = Vec::new();
            for login in equipment.beneficiaries {
                beneficiaries.push(account(node, login).await?);
            }
            let new = NewEquipment {
                name: equipment.name.to_owned(),
                location: equipment.location.to_owned(),
                protocol: Protocol::Ssh,
                host: "127.0.0.1".into(),
                port,
                host_key: machine.host_key(),
                account: MACHINE_ACCOUNT.into(),
                quorum: 1,
                beneficiaries,
            };
            let secret = EquipmentSecret::Password(Secret::new(memory.machine_password.clone()));
            node.fleet()?.equipment(establishment, (&new, &secret), (administrator, signer)).await?;
        }
        ports.push(port);
        tokio::spawn(machine.serve(listener, stop.clone()));
    }
    let changed = ports != memory.ports;
    memory.ports = ports;
    Ok(changed)
}

async fn account(node: &Node, login: &str) -> Result<AccountId> {
    let found = node.enrolment.account_named(login).await?;
    Ok(found.with_context(|| format!("{login} has no account"))?.0)
}

/// The administrator's passkey is pinned; he vouches for those of the beneficiaries. Gives the administrator.
async fn passkeys(
    node: &Node,
    signer: &SoftSigner,
    establishment: EstablishmentId,
    folder: &Path,
) -> Result<AccountId> {
    let second = node.second.as_ref().context("no second door")?;
    let of = |role| STAFF.iter().filter(move |one| one.role == role);
    let first = of(Role::Administrator).next().context("nobody administers")?;
    let administrator = account(node, first.login).await?;
    let enrolled = folder.join(format!("{}.passkey", first.login)).exists();
    let public = signer.passkey(folder, first.login, administrator)?;
    second.pins.add(PinnedKey {
        credential: public.credential.clone(),
        public_key: public.public_key.to_cose(),
        account: administrator,
        role: first.role,
        establishment,
    });
    if !enrolled {
        let label = "passe logicielle de la démonstration".to_owned();
        node.enrolment.passkey(administrator, &PasskeyRecord { public, label, renewal: 0 }).await?;
    }
    for one in of(Role::Beneficiary).chain(of(Role::OnCall)) {
        let id = account(node, one.login).await?;
        let enrolled = folder.join(format!("{}.passkey", one.login)).exists();
        let public = signer.passkey(folder, one.login, id)?;
        if !enrolled {
            let credential = public.credential.clone();
            let label = "passe logicielle de la démonstration".to_owned();
            node.enrolment.passkey(id, &PasskeyRecord { public, label, renewal: 0 }).await?;
            let (_, evidence) = node.fleet()?.vouch(&credential, (administrator, signer)).await?;
            node.enrolment.vouch(&credential, &evidence).await?;
        }
    }
    Ok(administrator)
}
