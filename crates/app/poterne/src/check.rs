//! `poterne check`: every mistake of a configuration at once; if there is none, what it names is reached.

use crate::config::{Config, Mistake, PageDoor, remains_valid};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    future::Future,
    io::{self, Write},
    path::PathBuf,
    pin::Pin,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use store::SystemClock;
use tokio::{task::JoinSet, time::timeout};
use types::{Clock as _, Time};
use wire::proxy::{Proxies, Says};

/// A peer is given up after this long.
const REACH_MAX: Duration = Duration::from_secs(10);
/// What a peer says is cut to this.
const SAID_CHARS_MAX: usize = 300;
/// A certificate that ends sooner is to be renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 86_400);

/// How a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What `poterne check` takes.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The configuration to check.
    #[arg(long, value_name = "FILE", default_value = "poterne.toml")]
    pub config: PathBuf,
    /// How to answer.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// The end of trying to reach a peer: what it said, or what failed, in plain words.
pub type Reaching = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// Something outside the node that it cannot do without.
pub trait Peer: Send {
    /// What people call it: "database", "SIS".
    fn name(&self) -> String;
    /// Reaches it as the node would.
    fn reach(&self) -> Reaching;
}

/// A peer made of a name and a closure.
pub fn peer<F, R>(name: &str, reach: F) -> Box<dyn Peer>
where
    F: Fn() -> R + Send + 'static,
    R: Future<Output = Result<String, String>> + Send + 'static,
{
    struct Named<F>(String, F);
    impl<F, R> Peer for Named<F>
    where
        F: Fn() -> R + Send,
        R: Future<Output = Result<String, String>> + Send + 'static,
    {
        fn name(&self) -> String {
            self.0.clone()
        }
        fn reach(&self) -> Reaching {
            Box::pin((self.1)())
        }
    }
    Box::new(Named(name.to_owned(), reach))
}

/// Runs the command: exit 0 if all is well, 1 if something is not reached or has expired, 2 for mistakes.
pub async fn run(args: &CheckArgs, peers: impl FnOnce(&Config) -> Vec<Box<dyn Peer>>) -> ExitCode {
    let report = report(args, peers).await;
    let written = match args.format {
        Format::Json => write_json(&report, &mut io::stdout().lock()),
        Format::Text => write_text(&report, &mut io::stdout().lock(), &mut io::stderr().lock()),
    };
    // Nobody reads us any more: that is a failure too.
    if written.is_err() { ExitCode::FAILURE } else { ExitCode::from(report.code()) }
}

/// What became of one thing outside the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Line {
    name: String,
    ok: bool,
    /// All is well, and somebody has something to do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    warning: bool,
    said: String,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    ok: bool,
    mistakes: Vec<Mistake>,
    peers: Vec<Line>,
}

impl Report {
    fn code(&self) -> u8 {
        if !self.mistakes.is_empty() { 2 } else { u8::from(!self.ok) }
    }
}

async fn report(args: &CheckArgs, peers: impl FnOnce(&Config) -> Vec<Box<dyn Peer>>) -> Report {
    let config = match Config::read(&args.config) {
        Ok(config) => config,
        Err(mistakes) => return Report { ok: false, mistakes: mistakes.iter().cloned().collect(), peers: Vec::new() },
    };
    let mut lines = certificates(&config);
    lines.extend(proxies(&config));
    lines.extend(administration(&config));
    lines.extend(published(&config));
    lines.extend(first_administrator(&config, SystemClock.now()));
    lines.extend(rights_over_others(&config));
    lines.extend(permits(&config, SystemClock.now()));
    lines.extend(reach_all(peers(&config)).await);
    Report { ok: lines.iter().all(|line| line.ok), mistakes: Vec::new(), peers: lines }
}

fn certificates(config: &Config) -> Vec<Line> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let doors = [
        ("certificate of the portal", &config.portal),
        ("certificate of the desk", &config.desk),
        ("certificate of the suppliers' door", &config.suppliers),
    ];
    let doors = doors.into_iter().filter_map(|(name, door)| Some((name, &door.as_ref()?.certificate_pem)));
    let sis = config.sis.iter().flat_map(|sis| {
        [("certificate shown to the SIS", &sis.certificate_pem), ("authority of the SIS", &sis.trusted.ca_pem)]
    });
    let line = |(name, pem): (&str, &Vec<u8>)| {
        let (ok, warning, said) = match remains_valid(pem, now) {
            Ok(left) => {
                let days = left.as_secs() / 86_400;
                let advice = if left < RENEW_BEFORE { ": renew it now" } else { "" };
                (true, left < RENEW_BEFORE, format!("valid for {days} more days{advice}"))
            }
            Err(why) => (false, false, why.to_owned()),
        };
        Line { name: name.to_owned(), ok, warning, said }
    };
    doors.chain(sis).map(line).collect()
}

/// Whom each door believes about its clients' addresses: whoever installs must know it.
fn proxies(config: &Config) -> Vec<Line> {
    let page = |door: &Option<PageDoor>| door.as_ref().and_then(|door| door.proxies.clone());
    let doors = [
        ("proxies of the portal", page(&config.portal)),
        ("proxies of the desk", page(&config.desk)),
        (
            "proxies of the desk's administration",
            config.desk.as_ref().and_then(|desk| desk.administration.as_ref()?.proxies.clone()),
        ),
        ("proxies of the suppliers' door", page(&config.suppliers)),
        ("proxies of the relays", config.relays.as_ref().and_then(|relays| relays.proxies.clone())),
    ];
    let line = |(name, proxies): (&str, Option<Proxies>)| {
        let proxies = proxies?;
        let how = match proxies.says() {
            Says::XForwardedFor => "say in X-Forwarded-For whom each request is for",
            Says::Forwarded => "say in Forwarded whom each request is for",
            Says::ProxyProtocol => "say by the PROXY protocol whom each connection is for; nobody else comes in",
        };
        let ranges: Vec<String> = proxies.trusted().iter().map(ToString::to_string).collect();
        Some(Line { name: name.to_owned(), ok: true, warning: false, said: format!("{} {how}", ranges.join(", ")) })
    };
    doors.into_iter().filter_map(line).collect()
}

/// Where the desk administers: whoever installs must know it (clausier O-5.3).
fn administration(config: &Config) -> Option<Line> {
    let desk = config.desk.as_ref()?;
    let (warning, said) = match &desk.administration {
        Some(apart) => {
            let networks: Vec<String> = apart.networks.iter().map(ToString::to_string).collect();
            (false, format!("apart, on {}, for {} only", apart.listen, networks.join(", ")))
        }
        None => (true, "where all of the staff comes in; [desk.administration] puts it apart".to_owned()),
    };
    Some(Line { name: "administration of the desk".to_owned(), ok: true, warning, said })
}

/// To whom this node's journals are published: whoever installs must know it.
fn published(config: &Config) -> Option<Line> {
    let publish = config.journal.publish.as_ref()?;
    let networks: Vec<String> = publish.networks.iter().map(ToString::to_string).collect();
    let said = format!("published on {}, for {} only", publish.listen, networks.join(", "));
    Some(Line { name: "this node's journals".to_owned(), ok: true, warning: false, said })
}

/// Which permits of the hospital's own are in force, who signed them, and until when: one that ends takes a right away.
fn permits(config: &Config, now: Time) -> Vec<Line> {
    let line = |permit: &policy::Permit| {
        let by = permit.signed_by.join(", ");
        let left = permit.until.since(now);
        let (warning, when) = if permit.ended(now) {
            (true, format!("ended on {}: it permits nothing; take it away, or sign another", permit.last_day))
        } else {
            let days = left.as_secs() / 86_400;
            let advice = if left < RENEW_BEFORE { ": sign another now, if it must go on" } else { "" };
            (left < RENEW_BEFORE, format!("until {} ({days} more days){advice}", permit.last_day))
        };
        Line { name: format!("permit {}", permit.id), ok: true, warning, said: format!("signed by {by}, {when}") }
    };
    config.policies.permits().iter().map(line).collect()
}

/// While no key is pinned, nothing can be approved: whoever installs must know it.
fn first_administrator(config: &Config, now: Time) -> Option<Line> {
    let approvals = config.approvals.as_ref().filter(|approvals| approvals.pinned.is_empty())?;
    let until = approvals.first_administrator.as_ref().and_then(|first| first.outstanding(now));
    let hours = until.map_or(0, |until| until.since(now).as_secs() / 3600);
    Some(Line {
        name: "first administrator".to_owned(),
        ok: true,
        warning: true,
        said: format!(
            "no key is pinned yet, so nothing can be approved, and rights over others are confirmed by two people, not \
             signed; the link that `poterne init` gave serves for {hours} more hours"
        ),
    })
}

/// Keys are pinned, of no administrator, so that nobody's passkey can be vouched for; or of one alone, on whom all then rests.
fn rights_over_others(config: &Config) -> Option<Line> {
    let approvals = config.approvals.as_ref().filter(|approvals| !approvals.pinned.is_empty())?;
    let vouch: BTreeSet<_> =
        approvals.pinned.iter().filter(|key| key.role == types::Role::Administrator).map(|key| key.account).collect();
    let said = match vouch.len() {
        0 => "confirmed by two people, not signed: no administrator's key is pinned",
        1 => {
            "signed, but one administrator's key alone is pinned: when that account is suspended or that device lost, nobody \
             can sign or approve until another is: pin a second one's"
        }
        _ => return None,
    };
    let name = "rights over others".to_owned();
    Some(Line { name, ok: true, warning: true, said: said.to_owned() })
}

/// Reaches all at once, and tells of them in their order.
async fn reach_all(peers: Vec<Box<dyn Peer>>) -> Vec<Line> {
    let failed = |name| Line { name, ok: false, warning: false, said: "the check itself failed".to_owned() };
    let mut lines: Vec<Line> = peers.iter().map(|peer| failed(peer.name())).collect();
    let mut tasks = JoinSet::new();
    for (place, peer) in peers.into_iter().enumerate() {
        tasks.spawn(async move { (place, timeout(REACH_MAX, peer.reach()).await) });
    }
    while let Some(ended) = tasks.join_next().await {
        let Ok((place, reached)) = ended else { continue };
        let (ok, said) = match reached {
            Ok(Ok(said)) => (true, said),
            Ok(Err(why)) => (false, why),
            Err(_) => (false, format!("no answer within {} seconds", REACH_MAX.as_secs())),
        };
        if let Some(line) = lines.get_mut(place) {
            line.ok = ok;
            // A peer's words may be hostile to a terminal.
            line.said = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARS_MAX).collect();
        }
    }
    lines
}

fn write_json(report: &Report, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}

fn write_text(report: &Report, out: &mut impl Write, err: &mut impl Write) -> io::Result<()> {
    for mistake in &report.mistakes {
        writeln!(err, "{mistake}")?;
    }
    match report.mistakes.len() {
        0 => writeln!(out, "✓ configuration: no mistake")?,
        1 => writeln!(err, "1 mistake; nothing was reached")?,
        count => writeln!(err, "{count} mistakes; nothing was reached")?,
    }
    for Line { name, ok, warning, said } in &report.peers {
        let mark = match (ok, warning) {
            (true, false) => "✓",
            (true, true) => "!",
            (false, _) => "✗",
        };
        writeln!(out, "{mark} {name}: {said}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::{
        config::testing::Site,
        first_admin::{Existing, FirstAdministrator},
    };

    async fn check(site: &Site, peers: Vec<Box<dyn Peer>>) -> (u8, String, String) {
        let args = CheckArgs { config: site.file(), format: Format::Text };
        let report = report(&args, |_| peers).await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        write_text(&report, &mut out, &mut err).unwrap();
        (report.code(), String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    #[tokio::test]
    async fn mistakes_come_first_and_alone() {
        let site = Site::good();
        site.change("listen = \"0.0.0.0:8443\"", "listen = 1");
        let (code, out, err) = check(&site, vec![peer("database", async || panic!("not reached"))]).await;
        assert_eq!((code, out.as_str()), (2, ""));
        assert!(err.contains("portal.listen: ") && err.ends_with("1 mistake; nothing was reached\n"), "{err}");
    }

    #[tokio::test]
    async fn each_peer_has_its_line_in_order() {
        let site = Site::good();
        let peers = vec![
            peer("database", async || Ok("answers".to_owned())),
            peer("SIS", async || Err("refuses our certificate\u{1b}[31m".to_owned())),
            peer("broken", async || panic!("a fault of the probe")),
        ];
        let (code, out, err) = check(&site, peers).await;
        assert_eq!((code, err.as_str()), (1, ""));
        let lines: Vec<_> = out.lines().collect();
        assert!(lines[1].starts_with("✓ certificate of the portal: valid for "), "{out}");
        assert_eq!(
            lines[4..],
            ["✓ database: answers", "✗ SIS: refuses our certificate [31m", "✗ broken: the check itself failed"]
        );
        assert_eq!(check(&site, vec![peer("database", async || Ok(String::new()))]).await.0, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_peer_is_given_up() {
        let lines = reach_all(vec![peer("SIS", std::future::pending)]).await;
        assert_eq!(lines[0].said, "no answer within 10 seconds");
    }

    #[tokio::test]
    async fn an_expired_certificate_is_told() {
        let site = Site::good();
        site.portal_certificate(|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
        let (code, out, _) = check(&site, Vec::new()).await;
        assert!(code == 1 && out.contains("✗ certificate of the portal: it has expired"), "{out}");
    }

    #[tokio::test]
    async fn all_doors_show_their_certificate_and_a_missing_administrator() {
        let site = Site::second();
        let (code, out, _) = check(&site, Vec::new()).await;
        let lines: Vec<_> = out.lines().collect();
        assert_eq!((code, lines.len()), (0, 5), "{out}");
        assert!(lines[1].starts_with("✓ certificate of the desk: valid for "), "{out}");
        assert!(lines[2].starts_with("✓ certificate of the suppliers' door: valid for "), "{out}");
        assert!(lines[3].starts_with("! administration of the desk: where all of the staff comes in"), "{out}");
        assert!(
            lines[4].starts_with("! rights over others: signed, but one administrator's key alone is pinned"),
            "{out}"
        );

        let keys = site.path().join("keys");
        std::fs::remove_file(keys.join("pinned.json")).unwrap();
        let first = FirstAdministrator::new(keys.join("pinned.json"), keys.join("first-administrator.json"));
        first.draw(SystemClock.now(), Existing::Kept).unwrap();
        let (code, out, _) = check(&site, Vec::new()).await;
        assert_eq!(code, 0);
        assert!(
            out.contains("\n! first administrator: no key is pinned yet")
                && out.contains("confirmed by two people, not signed")
                && out.contains(" for 167 more hours"),
            "{out}"
        );
        let args = CheckArgs { config: site.file(), format: Format::Json };
        let report = serde_json::to_value(report(&args, |_| Vec::new()).await).unwrap();
        let told: Vec<_> = report["peers"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(told[2..], ["administration of the desk", "first administrator"]);
        assert_eq!((&report["ok"], &report["peers"][3]["warning"]), (&true.into(), &true.into()));
    }

    #[tokio::test]
    async fn whom_the_doors_believe_is_told() {
        let site = Site::second();
        site.change(
            "[suppliers]",
            "[suppliers]\ntrusted_proxies = [\"10.0.0.10\", \"10.0.1.0/24\"]\nproxies_say = \"forwarded\"",
        );
        site.change("[relays]", "[relays]\ntrusted_proxies = [\"10.0.0.11\"]\nproxies_say = \"proxy_protocol\"");
        let (code, out, _) = check(&site, Vec::new()).await;
        let lines: Vec<_> = out.lines().skip(3).collect();
        assert_eq!(code, 0);
        assert_eq!(
            lines,
            [
                "✓ proxies of the suppliers' door: 10.0.0.10/32, 10.0.1.0/24 say in Forwarded whom each request is for",
                "✓ proxies of the relays: 10.0.0.11/32 say by the PROXY protocol whom each connection is for; \
                 nobody else comes in",
                "! administration of the desk: where all of the staff comes in; [desk.administration] puts it apart",
                "! rights over others: signed, but one administrator's key alone is pinned: when that account is suspended \
                 or that device lost, nobody can sign or approve until another is: pin a second one's",
            ]
        );
    }

    #[tokio::test]
    async fn a_program_can_read_it() {
        let site = Site::good();
        let args = CheckArgs { config: site.file(), format: Format::Json };
        let report = report(&args, |_| vec![peer("SIS", async || Err("down".to_owned()))]).await;
        let mut out = Vec::new();
        write_json(&report, &mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["ok"], false);
        assert_eq!(value["peers"][3], serde_json::json!({"name": "SIS", "ok": false, "said": "down"}));
    }
}
