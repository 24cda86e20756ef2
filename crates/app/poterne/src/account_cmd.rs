//! `poterne account`: what an operator needs before there are pages for it. It may run beside the node: it writes under a
//! journal origin of its own, `<node>-operator`.

use crate::{config::Config, node::Keep};
use anyhow::{Context, Result, bail};
use identity::TotpSecret;
use policy::{Relation, RelationKind};
use serde_json::json;
use signin::{EnrolError, NewAccount};
use std::{path::PathBuf, process::ExitCode};
use store::{StoreConfig, SystemClock};
use types::{Category, Clock as _, EstablishmentId, Ins, Period, Role, Secret, SystemActor};
use vault::random;

/// The operator revokes nothing.
const RESERVE_SLOTS: u32 = 16;

/// The accounts' commands
#[derive(Debug, clap::Subcommand)]
pub enum AccountCommand {
    /// Create an account; its password and the secret of its second factor are shown once
    Add(AddArgs),
}

/// What `account add` is told.
#[derive(Debug, clap::Args)]
pub struct AddArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// What the person will type to sign in
    #[arg(long)]
    login: String,
    /// The name shown
    #[arg(long)]
    name: String,
    /// patient, relative or professional
    #[arg(long, value_parser = role)]
    role: Role,
    /// The hospital (its id); needed when the configuration names several
    #[arg(long, value_name = "ID")]
    establishment: Option<EstablishmentId>,
    /// The INS of the patient: himself, the represented person, or a patient in care (several times)
    #[arg(long, value_name = "NUMBER", required = true)]
    ins: Vec<String>,
    /// What a relative's mandate covers: result, document
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = category, default_value = "result,document")]
    covers: Vec<Category>,
    /// Days until the relation ends (none: open)
    #[arg(long, value_name = "DAYS")]
    days: Option<u32>,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: crate::check::Format,
}

fn role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(role @ (Role::Patient | Role::Relative | Role::Professional)) => Ok(role),
        _ => Err("one of patient, relative, professional".to_owned()),
    }
}

fn category(text: &str) -> Result<Category, String> {
    text.parse().map_err(|()| "result or document".to_owned())
}

/// Runs a command.
pub async fn run(command: AccountCommand) -> Result<ExitCode> {
    let AccountCommand::Add(args) = command;
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(mistakes) => {
            crate::told(&mistakes);
            return Ok(ExitCode::from(2));
        }
    };
    crate::logs(false, tracing::Level::WARN);
    match add(&args, config).await {
        Err(error) if matches!(error.downcast_ref(), Some(EnrolError::Taken)) => {
            crate::told(&format!("poterne: the login {:?} is taken; choose another", args.login));
            Ok(ExitCode::FAILURE)
        }
        other => other.map(|()| ExitCode::SUCCESS),
    }
}

async fn add(args: &AddArgs, config: Config) -> Result<()> {
    let domain = config.sis.as_ref().context("the SIS is not configured")?.ins_domain;
    let numbers = args.ins.iter().map(|number| {
        Ins::new(domain, number).with_context(|| format!("--ins {number}: 13 characters and a control key of 2"))
    });
    let numbers: Vec<Ins> = numbers.collect::<Result<_>>()?;
    if args.role == Role::Patient && numbers.len() != 1 {
        bail!("a patient's account has one --ins: his own");
    }
    let establishment = match (args.establishment, config.establishments.as_slice()) {
        (Some(id), all) if all.iter().any(|one| one.id == id) => id,
        (None, [only]) => only.id,
        _ => bail!("name the hospital with --establishment; the configuration holds their ids"),
    };
    let origin = format!("{}-operator", config.node.name);
    let store = StoreConfig::new(config.store.url.expose().clone());
    let keep = Keep::open(&origin, &config.node.data, &store, &config.vault.master_key, RESERVE_SLOTS).await?;
    let done = create(args, &config, &keep, establishment, &numbers).await;
    // Also after a refusal: the journal is to be left whole.
    keep.close().await?;
    let (password, secret) = done?;
    said(args, &password, &secret);
    Ok(())
}

/// Creates the account and its relations; gives the password and the second factor's secret.
async fn create(
    args: &AddArgs,
    config: &Config,
    keep: &Keep,
    establishment: EstablishmentId,
    numbers: &[Ins],
) -> Result<(String, String)> {
    let (enrolment, registrar) = keep.enrolling(&config.vault.master_key, SystemActor::Operator);
    for one in &config.establishments {
        enrolment.establishment(one.id, &one.name).await?;
    }
    let password = crate::password()?;
    let totp = TotpSecret::from_bytes(random()?);
    let secret = data_encoding::BASE32_NOPAD.encode(totp.bytes());
    let new = NewAccount {
        login: args.login.clone(),
        display_name: args.name.clone(),
        role: args.role,
        supplier: None,
        password: Secret::new(password.clone()),
        totp,
    };
    let account = enrolment.account(establishment, new).await?;
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
    Ok((password, secret))
}

fn said(args: &AddArgs, password: &str, secret: &str) {
    let uri = format!("otpauth://totp/Poterne:{}?secret={secret}&issuer=Poterne", plain(&args.login));
    if args.format == crate::check::Format::Json {
        let answer = json!({ "login": args.login, "password": password, "totp_secret": secret, "otpauth": uri });
        return crate::said(&answer);
    }
    crate::said(&format!(
        "The account {} is created. Hand these over by a safe way; they are shown once.\n\
         password        {password}\nsecond factor   {secret}\nfor a QR code   {uri}",
        args.login
    ));
}

/// A login as a part of an address.
fn plain(login: &str) -> String {
    login.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')).collect()
}
