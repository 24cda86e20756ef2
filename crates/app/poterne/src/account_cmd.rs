//! `poterne account`: what an operator needs without a browser. It may run beside the node: it writes under a journal origin
//! of its own, `<node>-operator`.

mod link;
mod token;

use crate::{
    config::Config,
    node::{Begin, Keep},
    operator,
};
use anyhow::{Context, Result, bail};
use care::Registrar;
use identity::vouching::Pinned;
use identity::{SshPublicKey, TotpSecret};
use interventions::{NAME_CHARS_MAX, Pins, RelyingParty};
use policy::{Relation, RelationKind};
use serde_json::json;
use signin::{AccountError, Attributes, EnrolError, Enrolment, NewAccount};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::{StoreConfig, SystemClock};
use types::{
    AccountId, Category, Clock as _, EstablishmentId, IdentityProof, Ins, Period, Role, Secret, SupplierId, SystemActor,
};
use vault::random;

/// The operator revokes nothing.
const RESERVE_SLOTS: u32 = 16;
/// A key's file is shorter.
const SSH_KEY_BYTES_MAX: usize = 16 * 1024;

/// The accounts' commands
#[derive(Debug, clap::Subcommand)]
pub enum AccountCommand {
    /// Create an account; what it opens with is shown once: a password and the secret of its second factor, or a link
    Add(AddArgs),
    /// Issue a token for the programs of an account; it is shown once
    Token(token::TokenArgs),
}

/// What `account add` is told.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// If something of the operator's journal is missing or damaged, and cannot be put back, begin a new one that declares it
    #[arg(long)]
    new_origin: bool,
    /// What the person will type to sign in
    #[arg(long)]
    login: String,
    /// The name shown; without it, the first names and the family name
    #[arg(long, required_unless_present_all = ["given_name", "family_name"])]
    name: Option<String>,
    /// The first names, as the identity document has them; with a professional
    #[arg(long, value_name = "NAMES", requires_all = ["family_name", "verified"])]
    given_name: Option<String>,
    /// The family name; with a professional
    #[arg(long, value_name = "NAME", requires_all = ["given_name", "verified"])]
    family_name: Option<String>,
    /// What he is by trade; with a professional
    #[arg(long, requires = "family_name")]
    profession: Option<String>,
    /// His national number (RPPS), 11 digits, where he has one: nobody else's
    #[arg(long, value_name = "NUMBER", requires = "family_name")]
    rpps: Option<String>,
    /// How the identity was verified: in_person (a document, face to face), known (face to face, by somebody who knows him),
    /// provider (of the substantial level), employer; with a professional
    #[arg(long, value_name = "HOW", value_parser = proof, requires_all = ["given_name", "family_name"])]
    verified: Option<IdentityProof>,
    /// What the account is for: patient, relative, professional, technician, supplier_manager, beneficiary, on_call,
    /// security_officer, administrator, trace_controller, dpo, auditor
    #[arg(long, value_parser = role)]
    role: Role,
    /// The hospital (its id); needed when the configuration names several
    #[arg(long, value_name = "ID")]
    establishment: Option<EstablishmentId>,
    /// The INS of the patient: himself, the represented person, or a patient in care (several times); for a patient, a
    /// relative or a professional
    #[arg(long, value_name = "NUMBER")]
    ins: Vec<String>,
    /// What a relative's mandate covers: result, document
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = category, default_value = "result,document")]
    covers: Vec<Category>,
    /// Days until the relation ends (none: open)
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// The supplier whose person a technician or a supplier's manager is
    #[arg(long, value_name = "NAME_OR_ID")]
    supplier: Option<String>,
    /// Register the supplier of that name, if it is new
    #[arg(long, requires = "supplier")]
    register_supplier: bool,
    /// A technician's key for SSH: its .pub file
    #[arg(long, value_name = "FILE")]
    ssh_key: Option<PathBuf>,
    /// Rather than a password, draw a link by which the person chooses his own means: it serves once
    #[arg(long, requires_all = ["given_name", "family_name", "verified"], conflicts_with_all = ["name", "ssh_key"])]
    link: bool,
    /// Where the account's mail goes; the link leaves there too
    #[arg(long, value_name = "ADDRESS", requires = "link")]
    mail: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: crate::check::Format,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|()| {
        let all: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
        format!("one of {}", all.join(", "))
    })
}

fn proof(text: &str) -> Result<IdentityProof, String> {
    text.parse().map_err(|()| {
        let all: Vec<_> = IdentityProof::ALL.iter().map(|proof| proof.as_str()).collect();
        format!("one of {}", all.join(", "))
    })
}

impl AddArgs {
    /// Who he is and how that was verified, if it is told.
    fn person(&self) -> Option<(Attributes, IdentityProof)> {
        let (given_name, family_name) = self.given_name.clone().zip(self.family_name.clone())?;
        let (profession, rpps) = (self.profession.clone(), self.rpps.clone());
        Some((Attributes { given_name, family_name, profession, rpps }, self.verified?))
    }

    /// The name shown.
    fn shown(&self) -> String {
        let names = [&self.given_name, &self.family_name].map(|name| name.as_deref().unwrap_or_default().trim());
        self.name.clone().unwrap_or_else(|| names.join(" "))
    }
}

/// Whether an account of this role is about patients.
fn has_patients(role: Role) -> bool {
    matches!(role, Role::Patient | Role::Relative | Role::Professional)
}

/// Whether an account of this role is a supplier's.
fn has_supplier(role: Role) -> bool {
    matches!(role, Role::Technician | Role::SupplierManager)
}

fn category(text: &str) -> Result<Category, String> {
    text.parse().map_err(|()| "result or document".to_owned())
}

/// Runs a command.
pub async fn run(command: AccountCommand) -> Result<ExitCode> {
    let path = match &command {
        AccountCommand::Add(args) => &args.config,
        AccountCommand::Token(args) => &args.config,
    };
    let config = match Config::read(path) {
        Ok(config) => config,
        Err(mistakes) => {
            crate::told(&mistakes);
            return Ok(ExitCode::from(2));
        }
    };
    crate::logs(false, tracing::Level::WARN);
    let args = match command {
        AccountCommand::Add(args) => args,
        AccountCommand::Token(args) => return token::run(&args, config).await.map(|()| ExitCode::SUCCESS),
    };
    match add(&args, config).await {
        Err(error) if is_taken(&error) => {
            crate::told(&format!("poterne: the login {:?} is taken; choose another", args.login));
            Ok(ExitCode::FAILURE)
        }
        Err(ref error) if let Some(which) = attribute(error) => {
            crate::told(&format!("poterne: {}; nothing was created", wrong(which)));
            Ok(ExitCode::FAILURE)
        }
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(EnrolError::Taken)) || matches!(error.downcast_ref(), Some(AccountError::Taken))
}

/// Which part of what was told cannot be taken.
fn attribute(error: &anyhow::Error) -> Option<&'static str> {
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(EnrolError::Attribute(which)), _) | (_, Some(AccountError::Field(which))) => Some(which),
        _ => None,
    }
}

/// What is wrong with what was told of a person.
fn wrong(attribute: &str) -> &'static str {
    match attribute {
        "rpps" => "--rpps: a national number has 11 digits, without spaces",
        "rpps_taken" => "--rpps: this number is that of somebody of another name here; compare both before going on",
        "profession" => "--profession: 80 characters at most, on one line",
        "profession_missing" => "--profession is missing: what a professional is by trade",
        "profession_nobodys" => "--profession: a patient or a relative comes for himself or his own, and has none here",
        "rpps_nobodys" => "--rpps: a patient or a relative comes for himself or his own, and has none here",
        "login" => "--login: 1 to 128 letters, digits and . - _ @ +, and not what this node's own probes begin with",
        "mail" => "--mail: one address, such as somebody@example.org",
        "given_name" => "--given-name: 1 to 80 characters, on one line",
        _ => "--family-name: 1 to 80 characters, on one line",
    }
}

/// Opens database and journal as the operator.
async fn open(config: &Config, new_origin: bool) -> Result<Keep> {
    let origin = operator::origin(&config.node.name);
    let store = StoreConfig::new(config.store.url.expose().clone());
    let (data, master) = (&config.node.data, &config.vault.master_key);
    Keep::open(
        (&origin, Begin::asked(new_origin), &config.journal.witnesses),
        data,
        &store,
        master,
        RESERVE_SLOTS,
        config.policies.clone(),
    )
    .await
}

async fn add(args: &AddArgs, config: Config) -> Result<()> {
    check_fits(args)?;
    let numbers = numbers(args, &config)?;
    let ssh_key = args.ssh_key.as_deref().map(ssh_key).transpose()?;
    let establishment = match (args.establishment, config.establishments.as_slice()) {
        (Some(id), all) if all.iter().any(|one| one.id == id) => id,
        (None, [only]) => only.id,
        _ => bail!("name the hospital with --establishment; the configuration holds their ids"),
    };
    let keep = open(&config, args.new_origin).await?;
    let done = create(args, &config, &keep, establishment, (&numbers, ssh_key.as_deref())).await;
    // Also after a refusal: the journal is to be left whole.
    keep.close().await?;
    match done? {
        Handed::Secrets(created) => said(args, &created),
        Handed::Link(drawn) => drawn.said(args),
    }
    Ok(())
}

/// Whether what is told goes with the role.
fn check_fits(args: &AddArgs) -> Result<()> {
    let role = args.role;
    match (has_patients(role), args.ins.len()) {
        (true, 0) => bail!("--ins is missing: whose records an account of this role is for"),
        (true, 2..) if role == Role::Patient => bail!("a patient's account has one --ins: his own"),
        (false, 1..) => bail!("an account of role {role} has no --ins: it opens no record"),
        _ => {}
    }
    match (has_supplier(role), &args.supplier) {
        (true, None) => bail!("--supplier is missing: whose person a {role} is"),
        (false, Some(_)) => bail!("an account of role {role} is no supplier's: leave --supplier out"),
        _ => {}
    }
    if role == Role::Professional && (args.person().is_none() || args.profession.is_none()) {
        bail!(
            "--given-name, --family-name, --profession and --verified are missing: an account of a professional says who he is, \
             and how that was verified; --rpps too where he has a national number"
        );
    }
    if args.ssh_key.is_some() && role != Role::Technician {
        bail!("--ssh-key is for technicians: nobody else passes the relays");
    }
    Ok(())
}

fn numbers(args: &AddArgs, config: &Config) -> Result<Vec<Ins>> {
    if args.ins.is_empty() {
        return Ok(Vec::new());
    }
    let sis = config.sis.as_ref().context("this node has no [sis]: create this account on the portal's node")?;
    let read = |number: &String| {
        Ins::new(sis.ins_domain, number)
            .with_context(|| format!("--ins {number}: 13 characters and a control key of 2"))
    };
    args.ins.iter().map(read).collect()
}

/// The line of a key's `.pub` file, which was looked at.
fn ssh_key(path: &Path) -> Result<String> {
    let text = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let text = String::from_utf8(text).ok().filter(|text| text.len() <= SSH_KEY_BYTES_MAX);
    let line = text.as_deref().unwrap_or_default().trim();
    SshPublicKey::from_line(line).with_context(|| format!("{}", path.display()))?;
    Ok(line.to_owned())
}

/// What is handed over, once.
enum Handed {
    Secrets(Created),
    Link(link::Drawn),
}

/// What somebody who has a password signs in with.
struct Created {
    password: String,
    totp_secret: String,
    ssh_fingerprint: Option<String>,
}

/// Creates the account with its relations and its key for SSH.
async fn create(
    args: &AddArgs,
    config: &Config,
    keep: &Keep,
    establishment: EstablishmentId,
    (numbers, ssh_key): (&[Ins], Option<&str>),
) -> Result<Handed> {
    // What would be missing at the end is told before anything is there.
    let by_link = args.link.then(|| link::Way::new(args, config)).transpose()?;
    let (enrolment, registrar) = keep.enrolling(&config.vault.master_key, SystemActor::Operator);
    for one in &config.establishments {
        enrolment.establishment(one.id, &one.name).await?;
    }
    let supplier = match &args.supplier {
        Some(name) => Some(supplier((name.trim(), args.register_supplier), config, keep, establishment).await?),
        None => None,
    };
    let (account, handed) = match by_link {
        Some(way) => {
            let (account, drawn) = way.invite(args, (config, keep, &enrolment), (establishment, supplier)).await?;
            (account, Handed::Link(drawn))
        }
        None => {
            let (account, created) = with_password(args, &enrolment, (establishment, supplier)).await?;
            (account, Handed::Secrets(created))
        }
    };
    relate(args, &registrar, (establishment, account), numbers).await?;
    match (handed, ssh_key) {
        (Handed::Secrets(created), Some(line)) => {
            // Its label is the file's comment, if there is one.
            let label = if line.split_whitespace().nth(2).is_some() { "" } else { "SSH" };
            let key =
                enrolment.ssh_key(account, line, label).await.context("the account is created, but not its key")?;
            Ok(Handed::Secrets(Created { ssh_fingerprint: Some(key), ..created }))
        }
        (handed, _) => Ok(handed),
    }
}

/// Creates the account with a password and a second factor, drawn here.
async fn with_password(
    args: &AddArgs,
    enrolment: &Enrolment,
    (establishment, supplier): (EstablishmentId, Option<SupplierId>),
) -> Result<(AccountId, Created)> {
    let password = crate::password()?;
    let totp = TotpSecret::from_bytes(random()?);
    let secret = data_encoding::BASE32_NOPAD.encode(totp.bytes());
    let new = NewAccount {
        login: args.login.clone(),
        display_name: args.shown(),
        role: args.role,
        supplier,
        password: Secret::new(password.clone()),
        totp,
    };
    let mut prepared = enrolment.prepare(establishment, new).await?;
    if let Some((attributes, proof)) = args.person() {
        enrolment.describe(&mut prepared, attributes, proof).await?;
    }
    let account = enrolment.create(prepared).await?;
    Ok((account, Created { password, totp_secret: secret, ssh_fingerprint: None }))
}

/// Relates the account to the patients that it is about.
async fn relate(
    args: &AddArgs,
    registrar: &Registrar,
    (establishment, account): (EstablishmentId, AccountId),
    numbers: &[Ins],
) -> Result<()> {
    let from = SystemClock.now();
    let until = args.days.map(|days| from + std::time::Duration::from_secs(u64::from(days) * 86_400));
    for ins in numbers {
        let patient = registrar.patient(establishment, ins).await?;
        let kind = match args.role {
            Role::Relative => RelationKind::Mandate { covers: args.covers.iter().copied().collect() },
            Role::Professional => RelationKind::Care,
            _ => RelationKind::Own,
        };
        let relation = Relation { patient, establishment, kind, period: Period { from, until } };
        registrar.relate(account, &relation).await?;
    }
    Ok(())
}

/// The supplier of a name or an identifier; a new name is registered only if that was asked for.
async fn supplier(
    (name, register): (&str, bool),
    config: &Config,
    keep: &Keep,
    establishment: EstablishmentId,
) -> Result<SupplierId> {
    let approvals = config.approvals.as_ref();
    let approvals = approvals.context("this node has no [approvals]: create this account on the desk's node")?;
    let rp =
        RelyingParty { id: approvals.passkey_domain().to_owned(), origin: approvals.desk_origin.as_str().to_owned() };
    let pinned = Pins::new(Pinned { keys: approvals.pinned.clone(), rp });
    let fleet = keep.fleet((&config.node.data, &config.vault.master_key), SystemActor::Operator, pinned)?;
    let known = fleet.suppliers(establishment).await?;
    let found = known.iter().find(|one| one.name == name);
    let found = found.or_else(|| name.parse().ok().and_then(|id| known.iter().find(|one| one.id == id)));
    if let Some(found) = found {
        return Ok(found.id);
    }
    if !register {
        let names: Vec<_> = known.iter().map(|one| one.name.as_str()).collect();
        bail!("no supplier is named {name:?} (known: {}); add --register-supplier if it is new", names.join(", "));
    }
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        bail!("--supplier: a name has 1 to {NAME_CHARS_MAX} characters, on one line");
    }
    Ok(fleet.supplier(establishment, name).await?)
}

fn said(args: &AddArgs, Created { password, totp_secret, ssh_fingerprint }: &Created) {
    let uri = format!("otpauth://totp/Poterne:{}?secret={totp_secret}&issuer=Poterne", plain(&args.login));
    if args.format == crate::check::Format::Json {
        return crate::said(&json!({
            "login": args.login, "password": password, "totp_secret": totp_secret, "otpauth": uri,
            "ssh_fingerprint": ssh_fingerprint,
        }));
    }
    let key = ssh_fingerprint.as_ref().map(|key| format!("\nkey for SSH     {key}")).unwrap_or_default();
    crate::said(&format!(
        "The account {} is created. Hand these over by a safe way; they are shown once.\n\
         password        {password}\nsecond factor   {totp_secret}\nfor a QR code   {uri}{key}",
        args.login
    ));
}

/// A login as a part of an address.
fn plain(login: &str) -> String {
    login.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect()
}
