//! `poterne policy`: the policies in force, a hospital's own tried before they are, and why somebody may or may not.

mod told;

use crate::{
    check::Format,
    config::{
        Config,
        policies::{ForPermits, drafts, in_folder},
        read_for_permits,
        signers::{how_to_sign, verified},
    },
};
use anyhow::{Context, Result};
use identity::Assurance;
use policy::{Ask, Explanation, Policies, PolicyText, Supposed, Target, Way};
use serde_json::json;
use signin::{Standing, standing_of, supposed};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use store::{StoreConfig, SystemClock};
use types::{AccountId, AccountState, ClientAddress, Clock as _, Door, EstablishmentId, Role};
use vault::Holder;

/// The policies' commands
#[derive(Debug, clap::Subcommand)]
pub enum PolicyCommand {
    /// List the policies in force, or show one
    List(ListArgs),
    /// Try a folder of the hospital's own policies, before a node runs by them; of permits, what to type to sign them
    Check(FolderArgs),
    /// Tell what a role, or somebody, may do; and of one act, why or why not
    Explain(ExplainArgs),
}

/// What `policy list` is told.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// The node's configuration; without it, Poterne's own policies alone
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this one, with its text
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What `policy check` is told.
#[derive(Debug, clap::Args)]
pub struct FolderArgs {
    /// The folder of the .cedar files
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// It holds permits, which two people sign: what they may say, and what nothing may let, is tried as at a start
    #[arg(long)]
    permits: bool,
    /// The node's configuration: with it the permits' signatures are verified too
    #[arg(long, value_name = "FILE", requires = "permits")]
    config: Option<PathBuf>,
}

/// What `policy explain` is told.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The act, as the policies name it: open_relay, search_traces… Without it, all that may be done
    #[arg(value_name = "ACT", value_parser = act)]
    act: Option<Ask>,
    /// Of anybody in this role: patient, technician, administrator…
    #[arg(long, value_parser = role, required_unless_present = "login", conflicts_with = "login")]
    role: Option<Role>,
    /// Of the account with this login; needs --config
    #[arg(long, requires = "config")]
    login: Option<String>,
    /// The node's configuration: its database, its key and the hospital's own policies
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Through this door; that of the role's pages if it is left out
    #[arg(long, value_parser = door)]
    door: Option<Door>,
    /// How firmly he is recognized: token, two-factors or passkey
    #[arg(long, value_parser = assurance, default_value = "two-factors")]
    assurance: Assurance,
    /// As if he had signed in more than ten minutes ago
    #[arg(long)]
    stale: bool,
    /// From this address
    #[arg(long, value_name = "IP")]
    address: Option<std::net::IpAddr>,
    /// How to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn act(word: &str) -> Result<Ask, String> {
    word.parse().map_err(|()| {
        let all: Vec<_> = Ask::all().map(Ask::as_str).collect();
        format!("one of {}", all.join(", "))
    })
}

fn role(word: &str) -> Result<Role, String> {
    let all = || Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    word.parse().map_err(|()| format!("one of {}", all()))
}

fn door(word: &str) -> Result<Door, String> {
    let all = || Door::ALL.iter().map(|door| door.as_str()).collect::<Vec<_>>().join(", ");
    word.parse().map_err(|()| format!("one of {}", all()))
}

fn assurance(word: &str) -> Result<Assurance, String> {
    match word {
        "token" => Ok(Assurance::Token),
        "two-factors" => Ok(Assurance::TwoFactors),
        "passkey" => Ok(Assurance::Passkey),
        _ => Err("one of token, two-factors, passkey".to_owned()),
    }
}

/// What was asked for cannot be: exit 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Bad(String);

/// Runs a command.
pub async fn run(command: PolicyCommand) -> Result<ExitCode> {
    crate::logs(false, tracing::Level::WARN);
    let answered = match &command {
        PolicyCommand::List(args) => list(args),
        PolicyCommand::Check(args) if args.permits => tried_permits(args),
        PolicyCommand::Check(args) => tried(&args.folder),
        PolicyCommand::Explain(args) => explained(args).await,
    };
    match answered {
        Ok(text) => {
            crate::said(&text);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if error.is::<Bad>() => {
            crate::told(&format!("poterne policy: {error}"));
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error),
    }
}

fn configured(path: Option<&Path>) -> Result<(Arc<Policies>, Option<Config>)> {
    let Some(path) = path else { return Ok((Arc::new(Policies::built_in()?), None)) };
    let config = Config::read(path).map_err(|mistakes| Bad(format!("the configuration has mistakes\n{mistakes}")))?;
    Ok((config.policies.clone(), Some(config)))
}

fn list(args: &ListArgs) -> Result<String> {
    let (policies, _) = configured(args.config.as_deref())?;
    let mut all = policies.read(SystemClock.now());
    if let Some(id) = &args.id {
        all.retain(|one| one.id == *id);
        if all.is_empty() {
            return Err(Bad(format!("no policy in force is named {id:?}; `poterne policy list` names them")).into());
        }
    }
    Ok(match (args.format, &args.id, all.as_slice()) {
        (Format::Json, ..) => serde_json::to_string(&all)?,
        (Format::Text, Some(_), [one]) => told::policy(one),
        (Format::Text, ..) => all.iter().map(told::line).collect::<Vec<_>>().join("\n"),
    })
}

/// Poterne's policies with those of a folder.
pub(crate) fn own_policies(folder: &Path) -> Result<Policies> {
    let files = in_folder(folder).map_err(|wrong| Bad(wrong.to_string()))?;
    Ok(Policies::with_own(files).map_err(|bad| Bad(bad.to_string()))?)
}

fn tried(folder: &Path) -> Result<String> {
    let count = in_folder(folder).map_err(|wrong| Bad(wrong.to_string()))?.len();
    let policies = own_policies(folder)?;
    let all = policies.read(SystemClock.now());
    let own: Vec<PolicyText> = all.into_iter().filter(|one| one.because.is_some()).collect();
    let lines: Vec<String> = own.iter().map(told::line).collect();
    Ok(format!("{} policies in {count} files can be used:\n{}", own.len(), lines.join("\n")))
}

/// Permits: what they say and what they would let, and then who signed them, if it is known who may.
fn tried_permits(args: &FolderArgs) -> Result<String> {
    let now = SystemClock.now();
    let drafts = drafts(&args.folder).map_err(|wrong| Bad(wrong.to_string()))?;
    let configured = args.config.as_deref().map(read_for_permits).transpose();
    let configured = configured.map_err(|mistakes| Bad(format!("the configuration has mistakes\n{mistakes}")))?;
    let files: Vec<(&str, &str)> = drafts.iter().map(|draft| (draft.name.as_str(), draft.text.as_str())).collect();
    let of = configured.as_ref().map(|one| one.establishments.as_slice());
    let built_in = Policies::built_in()?;
    let beside = configured.as_ref().map_or(&built_in, |one| &one.policies);
    let permits = beside.tried_unsigned(&files, of, now).map_err(|bad| Bad(bad.to_string()))?;
    let mut lines =
        vec![format!("{} permits in {} files can be used once they are signed:", permits.len(), files.len())];
    lines.extend(permits.iter().map(|permit| {
        let ended = if permit.ended(now) { ", which is over: it permits nothing" } else { "" };
        format!("permits  {}  until {}{ended}", permit.id, permit.last_day)
    }));
    let Some(ForPermits { policies, signers, establishments }) = configured else {
        lines.push("two people sign each file, and each types in this folder, with his key and his name:".to_owned());
        lines.extend(files.iter().map(|(name, _)| format!("  {}", how_to_sign(name))));
        lines.push("with --config FILE their signatures are verified".to_owned());
        return Ok(lines.join("\n"));
    };
    let (mut signed, mut wrong) = (Vec::new(), Vec::new());
    for draft in drafts {
        match verified(draft, &signers) {
            Ok(file) => signed.push(file),
            Err(told) => wrong.extend(told.iter().map(ToString::to_string)),
        }
    }
    if !wrong.is_empty() {
        return Err(Bad(format!("what they say can be used; their signatures cannot:\n{}", wrong.join("\n"))).into());
    }
    let policies = policies.permitting(signed, &establishments, now).map_err(|bad| Bad(bad.to_string()))?;
    let all = policies.read(now);
    let lines: Vec<String> = all.iter().filter(|one| one.signed.is_some()).map(told::line).collect();
    Ok(format!("{} permits can be used:\n{}", lines.len(), lines.join("\n")))
}

async fn explained(args: &ExplainArgs) -> Result<String> {
    let (policies, config) = configured(args.config.as_deref())?;
    let explainer = policies.explainer()?;
    let standing = standing(args, config.as_ref()).await?;
    let who = Supposed {
        door: args.door.unwrap_or(standing.role.door()),
        assurance: args.assurance,
        fresh: !args.stale,
        address: args.address.map(ClientAddress::new),
        ..supposed(&standing)
    };
    let now = SystemClock.now();
    let doors = args.door.map_or(who.role.doors().to_vec(), |door| vec![door]);
    let Some(ask) = args.act else {
        let mut may: Vec<(Ask, Vec<Way>)> = Vec::new();
        for ask in Ask::all() {
            may.push((ask, explainer.ways(&who, &doors, ask, now)?));
        }
        return Ok(match args.format {
            Format::Json => {
                let ways = |(ask, ways): &(Ask, Vec<Way>)| json!({ "action": ask, "ways": ways });
                json!({ "role": standing.role.as_str(), "state": standing.state.as_str(),
                        "may": may.iter().map(ways).collect::<Vec<_>>() })
                .to_string()
            }
            Format::Text => told::all(&standing, &may),
        });
    };
    let answer: Explanation = explainer.explain(&who, ask, &Target::Any, now)?;
    let anywhere = Supposed { address: None, ..who.clone() };
    let ways = explainer.ways(&anywhere, standing.role.doors(), ask, now)?;
    let roles = explainer.roles(&who, ask, now)?;
    Ok(match args.format {
        Format::Json => json!({
            "role": standing.role.as_str(), "state": standing.state.as_str(), "door": who.door.as_str(),
            "answer": answer, "ways": ways,
            "roles": roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        })
        .to_string(),
        Format::Text => told::one(&standing, &who, &answer, (&ways, &roles)),
    })
}

/// Somebody of the role, or the account of the login.
async fn standing(args: &ExplainArgs, config: Option<&Config>) -> Result<Standing> {
    let (Some(login), Some(config)) = (&args.login, config) else {
        let establishment = EstablishmentId::from_bytes([0; 16]);
        let account = AccountId::from_bytes([0; 16]);
        let role = args.role.context("a role or a login is missing")?;
        return Ok(Standing { account, establishment, role, supplier: None, state: AccountState::Active });
    };
    let store = StoreConfig::new(config.store.url.expose().clone());
    let store = store::open_reader(&store).await.context("the database cannot be opened")?;
    let found = standing_of(&store, &config.vault.master_key.keys_for(Holder::Enrolment), login).await;
    store.close().await;
    let found = found.context("the account cannot be read")?;
    Ok(found.ok_or_else(|| Bad(format!("nobody has the login {login:?}")))?)
}

#[cfg(test)]
mod tests;
