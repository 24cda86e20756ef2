//! `poterne`: the guarded door through which outsiders enter a hospital's information system.

mod account_cmd;
mod check;
mod config;
mod demo_cmd;
mod demo_second;
mod demo_witness;
mod first_admin;
mod followed;
mod init;
mod journal_cmd;
mod journal_purge;
mod lists;
mod metrics;
mod node;
mod operator;
mod outgoing;
mod policy_cmd;
mod probes;
mod rules_cmd;
mod serve;
mod stop;
mod timestamp;
mod witness;

use clap::{Parser, Subcommand};
use std::{fmt::Display, io::Write as _, process::ExitCode};

/// The guarded door through which outsiders enter a hospital's information system
#[derive(Parser)]
#[command(name = "poterne", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a whole hospital to try: records, accounts, the portal
    Demo(demo_cmd::DemoArgs),
    /// Write a commented configuration and new keys
    Init(init::InitArgs),
    /// Serve, in production
    Serve(serve::ServeArgs),
    /// List every mistake of a configuration, then reach each peer
    Check(check::CheckArgs),
    /// Create accounts without a browser
    #[command(subcommand)]
    Account(account_cmd::AccountCommand),
    /// Verify the journal
    #[command(subcommand)]
    Journal(journal_cmd::JournalCommand),
    /// List the policies, try a hospital's own, tell why somebody may or may not
    #[command(subcommand)]
    Policy(policy_cmd::PolicyCommand),
    /// Show the rules with their states and proofs
    Rules(rules_cmd::RulesArgs),
}

/// Threads for blocking work.
const BLOCKING_THREADS_MAX: usize = 32;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Blocking work is short (a revocation's sync, a name's look-up) but for two password hashings at once: enough that a
    // slow name server holds up nobody else, few enough to bound what is kept for them.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(BLOCKING_THREADS_MAX).build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            told(&format!("the runtime cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Demo(args) => demo_cmd::run(args).await,
            Command::Init(args) => Ok(init::run(&args)),
            Command::Serve(args) => serve::run(&args).await,
            Command::Check(args) => Ok(check::run(&args, check_peers).await),
            Command::Account(command) => account_cmd::run(command).await,
            Command::Journal(command) => journal_cmd::run(command).await,
            Command::Policy(command) => policy_cmd::run(command).await,
            Command::Rules(args) => rules_cmd::run(&args).await,
        }
    });
    // What blocks (a hashing, a file) must not hold the end back.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    done.unwrap_or_else(|error| {
        told(&format!("poterne: {error:#}"));
        ExitCode::FAILURE
    })
}

/// What `check` reaches, besides reading the configuration.
fn check_peers(config: &config::Config) -> Vec<Box<dyn check::Peer>> {
    let mut peers = vec![{
        let url = config.store.url.expose().clone();
        check::peer("database", move || reach_store(url.clone()))
    }];
    if let Some(sis) = &config.sis {
        let client = care::Sis::new(care::SisConfig {
            url: sis.url.clone(),
            trust: sis.trusted.trust.clone(),
            certificate_pem: sis.certificate_pem.clone(),
            key_pem: types::Secret::new(sis.key_pem.expose().clone()),
            wait: sis.wait,
        });
        let client = std::sync::Arc::new(client.map_err(|error| error.to_string()));
        peers.push(check::peer("sis", move || reach_sis(client.clone())));
    }
    if let Some(config) = &config.directory {
        let directory = config.directory.clone();
        let reach = move || node::reach_directory(directory.clone(), types::Clock::now(&store::SystemClock));
        peers.push(check::peer("directory", reach));
    }
    if let Some(mail) = config.mail.clone() {
        peers.push(check::peer("mail", move || node::reach_mail(mail.clone())));
    }
    for witness in &config.journal.witnesses {
        let witness = witness.clone();
        let name = format!("witness {}", witness.key.name());
        peers.push(check::peer(&name, move || witness::reach(witness.clone())));
    }
    for followed in config.journal.follow.clone() {
        let name = format!("followed journal {}", followed.vkey.name());
        peers.push(check::peer(&name, move || followed::reach(followed.clone())));
    }
    if let Some(authority) = config.journal.timestamp.clone() {
        peers.push(check::peer("time stamps", move || timestamp::reach(authority.clone())));
    }
    peers
}

async fn reach_sis(client: std::sync::Arc<Result<care::Sis, String>>) -> Result<String, String> {
    let sis = client.as_ref().as_ref().map_err(String::clone)?;
    sis.reach().await.map(|()| "answers over mutual TLS".to_owned()).map_err(|error| error.to_string())
}

async fn reach_store(url: String) -> Result<String, String> {
    let config = store::StoreConfig::new(url);
    if matches!(config.engine(), Ok(store::Engine::Sqlite)) {
        let path = config.url.trim_start_matches("sqlite:").to_owned();
        if !std::path::Path::new(&path).exists() {
            return Ok("will be made at the first start".to_owned());
        }
    }
    let store = store::open_reader(&config).await.map_err(|error| error.to_string())?;
    store.ping().await.map(|()| "answers".to_owned()).map_err(|error| error.to_string())
}

/// Says something to people, on the standard error.
pub(crate) fn told(text: &impl Display) {
    // Nobody may be reading; that is no reason to fail.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Says something to programs (or to people who asked for it), on the standard output.
pub(crate) fn said(text: &impl Display) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Structured logs on the standard error: sentences and named fields, without personal data.
pub(crate) fn logs(json: bool, level: tracing::Level) {
    web::guard::keep_panics_quiet();
    let builder = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    if json {
        builder.json().init();
    } else {
        builder.with_ansi(false).init();
    }
}

/// Four groups of four letters that the eye tells apart: 75 bits.
pub(crate) fn password() -> anyhow::Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let drawn: [u8; 16] = vault::random()?;
    let mut text = String::new();
    for (place, byte) in drawn.iter().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push('-');
        }
        text.push(LETTERS.get(usize::from(byte & 31)).map_or('a', |letter| char::from(*letter)));
    }
    Ok(text)
}
