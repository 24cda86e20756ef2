//! `poterne account token`: a token of the JSON interfaces, for the programs of an account.

use crate::config::Config;
use anyhow::{Context, Result, bail};
use serde_json::json;
use signin::{NewToken, TokenSettings};
use std::{path::PathBuf, time::Duration};
use store::SystemClock;
use types::{Cidr, Clock as _, Door, Role, SystemActor, TokenScope};

/// What `account token` is told.
#[derive(Debug, clap::Args)]
pub struct TokenArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// If something of the operator's journal is missing or damaged, and cannot be put back, begin a new one that declares it
    #[arg(long)]
    new_origin: bool,
    /// Whose: the login of an account
    #[arg(long)]
    login: String,
    /// What its holder will know it by
    #[arg(long)]
    label: String,
    /// For what, at most: interventions:read, interventions:write, sessions:read…
    #[arg(long, value_name = "SCOPE,…", value_delimiter = ',', required = true, value_parser = scope)]
    scopes: Vec<TokenScope>,
    /// Days until it ends (1 to 366)
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=366))]
    days: u16,
    /// Where it may be shown from: addresses or ranges (none: anywhere)
    #[arg(long, value_name = "CIDR,…", value_delimiter = ',', value_parser = range)]
    sources: Vec<Cidr>,
    /// How to answer
    #[arg(long, value_enum, default_value = "text")]
    format: crate::check::Format,
}

fn scope(text: &str) -> Result<TokenScope, String> {
    text.parse().map_err(|()| {
        let all: Vec<_> = TokenScope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("one of {}", all.join(", "))
    })
}

fn range(text: &str) -> Result<Cidr, String> {
    text.parse().map_err(|_| "an address or a range, such as 192.0.2.0/24".to_owned())
}

/// The door whose interface an account's programs use, and the roles it knows.
fn door_of(role: Role) -> Option<(Door, &'static [Role])> {
    const DESK: &[Role] = &[
        Role::Beneficiary,
        Role::OnCall,
        Role::SecurityOfficer,
        Role::Administrator,
        Role::TraceController,
        Role::Dpo,
    ];
    const SUPPLIERS: &[Role] = &[Role::Technician, Role::SupplierManager, Role::Auditor];
    [(Door::Desk, DESK), (Door::Suppliers, SUPPLIERS)].into_iter().find(|(_, roles)| roles.contains(&role))
}

/// Issues the token and shows it.
pub(super) async fn run(args: &TokenArgs, config: Config) -> Result<()> {
    let keep = super::open(&config, args.new_origin).await?;
    let issued = issue(args, &config, &keep).await;
    // Also after a refusal: the journal is to be left whole.
    keep.close().await?;
    let (id, door, token) = issued?;
    let expires = i64::from(args.days);
    if args.format == crate::check::Format::Json {
        crate::said(&json!({ "id": id, "door": door.as_str(), "token": token, "days": expires }));
    } else {
        crate::said(&format!(
            "Token {id} for the door \"{door}\", for {expires} days. Hand it over by a safe way; it is shown once.\n{token}"
        ));
    }
    Ok(())
}

async fn issue(args: &TokenArgs, config: &Config, keep: &crate::node::Keep) -> Result<(String, Door, String)> {
    let master = &config.vault.master_key;
    let (enrolment, _) = keep.enrolling(master, SystemActor::Operator);
    let found = enrolment.account_named(&args.login).await?;
    let (account, establishment, role) = found.with_context(|| format!("nobody has the login {:?}", args.login))?;
    let Some((door, roles)) = door_of(role) else {
        bail!("an account of role {role} has no interface for programs in this version");
    };
    let administrators_passwords = config.administrators_passwords;
    let settings = TokenSettings { door, roles, establishment, administrators_passwords };
    let tokens = keep.tokens(master, settings)?;
    let new = NewToken {
        label: args.label.clone(),
        scopes: args.scopes.iter().copied().collect(),
        expires: SystemClock.now() + Duration::from_secs(u64::from(args.days) * 86_400),
        sources: args.sources.clone(),
    };
    let (id, token) = tokens.issue_as(SystemActor::Operator, account, new).await?;
    Ok((id.to_string(), door, token.expose().clone()))
}
