//! `poterne rules`: the catalogue, with each rule's state and proof for this installation.

use crate::config::Config;
use anyhow::{Context, Result};
use dossier::{Catalogue, Counts, DossierError, Installation, Kept, ProofReader, RuleRow, Text, rows};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};
use store::{Engine, StoreConfig, SystemClock};
use types::{Clock as _, Lang, Time};
use vault::{Holder, MasterKey};

/// The one subject so far.
const INSTALLATION: &str = "installation";
/// The narrowest terminal that people still use.
const COLUMNS: usize = 80;

/// What `rules` is told.
#[derive(Debug, clap::Args)]
pub struct RulesArgs {
    /// The node's configuration; without it (and without --data) nothing is proved
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The folder of a demonstration
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What the states are of: installation
    #[arg(long, value_name = "S", default_value = INSTALLATION)]
    subject: String,
    /// One text only: acces-web, interventions, clausier or segur
    #[arg(long, value_name = "T")]
    text: Option<String>,
    /// The language of the table: fr or en
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: String,
    /// How to answer
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Table,
    Json,
}

/// Where proofs are, and what bears on them.
struct Node {
    store: StoreConfig,
    master: MasterKey,
    installation: Installation,
}

/// What was asked for cannot be: exit 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Bad(String);

/// Runs the command.
pub async fn run(args: &RulesArgs) -> Result<ExitCode> {
    crate::logs(false, tracing::Level::WARN);
    match shown(args).await {
        Ok(text) => {
            crate::said(&text);
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if error.is::<Bad>() => {
            crate::told(&format!("poterne rules: {error}"));
            Ok(ExitCode::from(2))
        }
        Err(error) => Err(error),
    }
}

async fn shown(args: &RulesArgs) -> Result<String> {
    let text = args.text.as_deref().map(text).transpose()?;
    let lang: Lang = args.lang.parse().map_err(|()| Bad(format!("--lang {:?}: fr or en", args.lang)))?;
    if args.subject != INSTALLATION {
        let what = format!("no subject is named {:?}; there is one so far: {INSTALLATION}", args.subject);
        return Err(Bad(what).into());
    }
    let node = match (&args.config, &args.data) {
        (Some(config), _) => Some(of_config(config)?),
        (None, Some(data)) => Some(of_demonstration(data)?),
        (None, None) => None,
    };
    let catalogue = Catalogue::built_in()?;
    let (kept, installation) = match node {
        Some(node) => (proofs(&node).await?, node.installation),
        None => (Vec::new(), Installation::default()),
    };
    let mut rows = rows(&catalogue, &kept, &installation, SystemClock.now());
    rows.retain(|row| text.is_none_or(|text| row.key.text == text));
    match args.format {
        Format::Json => Ok(serde_json::to_string(&rows)?),
        Format::Table => Ok(table(&catalogue, &rows, lang)),
    }
}

fn text(word: &str) -> Result<Text, Bad> {
    let known: Vec<&str> = Text::ALL.iter().map(|text| text.as_str()).collect();
    word.parse().map_err(|()| Bad(format!("no text is named {word:?}; there are {}", known.join(", "))))
}

fn of_config(path: &Path) -> Result<Node, Bad> {
    let config = Config::read(path).map_err(|mistakes| Bad(format!("the configuration has mistakes\n{mistakes}")))?;
    Ok(Node {
        store: StoreConfig::new(config.store.url.expose().clone()),
        master: config.vault.master_key,
        installation: Installation { single_zone: config.node.accept_single_zone },
    })
}

/// A demonstration keeps its key and its database in its folder, and all its doors in one process.
fn of_demonstration(data: &Path) -> Result<Node, Bad> {
    let (key, database) = (data.join("keys/master.key"), data.join("poterne.db"));
    if !data.join("demo").is_dir() || !key.is_file() || !database.is_file() {
        let what = format!(
            "{} is not the folder of a demonstration; name the one that `poterne demo --data` was given, \
             or a node's configuration with --config",
            data.display()
        );
        return Err(Bad(what));
    }
    let database = database.canonicalize().map_err(|error| Bad(format!("{}: {error}", database.display())))?;
    Ok(Node {
        store: StoreConfig::new(format!("sqlite:{}", database.display())),
        master: MasterKey::load(&key).map_err(|error| Bad(error.to_string()))?,
        installation: Installation { single_zone: Some("demonstration".to_owned()) },
    })
}

/// The latest answers of the probes, read only. A database that is not made yet holds none.
async fn proofs(node: &Node) -> Result<Vec<Kept>> {
    if matches!(node.store.engine(), Ok(Engine::Sqlite)) {
        let path = node.store.url.trim_start_matches("sqlite:");
        if !Path::new(path).exists() {
            crate::told(&"The node has not been started yet: nothing is proved.");
            return Ok(Vec::new());
        }
    }
    let store = store::open_reader(&node.store).await.context("the database cannot be opened")?;
    let reader = ProofReader::new(store.clone(), node.master.keys_for(Holder::ProofReader));
    let kept: Result<_, DossierError> = reader.latest().await;
    store.close().await;
    kept.context("the proofs cannot be read (an older database is brought up to date when the node starts)")
}

/// The rules for people: text by text, then how many stand how.
fn table(catalogue: &Catalogue, rows: &[RuleRow], lang: Lang) -> String {
    let longest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
    let word = longest(&mut rows.iter().map(|row| row.state.word(lang).chars().count()));
    let mut lines = Vec::new();
    for text in Text::ALL {
        let of_text: Vec<&RuleRow> = rows.iter().filter(|row| row.key.text == *text).collect();
        if of_text.is_empty() {
            continue;
        }
        lines.push(format!("{text}  {}", catalogue.name(*text, lang)));
        let id = longest(&mut of_text.iter().map(|row| row.key.id.chars().count()));
        for row in &of_text {
            let mut told = wrapped(row.title(lang), COLUMNS - (word + id + 6));
            told.extend(reasons(row).iter().flat_map(|line| wrapped(line, COLUMNS - (word + id + 6))));
            let mut told = told.into_iter();
            let (mark, state) = (row.state.mark(), row.state.word(lang));
            let first = told.next().unwrap_or_default();
            lines.push(format!("{mark} {state:word$}  {:id$}  {first}", row.key.id));
            lines.extend(told.map(|line| format!("{:1$}{line}", "", word + id + 6)));
        }
        lines.push(format!("{}\n", counted(&of_text, lang)));
    }
    if Text::ALL.iter().all(|text| rows.iter().any(|row| row.key.text == *text)) {
        let all: Vec<&RuleRow> = rows.iter().collect();
        lines.push(format!("{} rules  {}", rows.len(), counted(&all, lang)));
    }
    lines.join("\n").trim_end().to_owned()
}

/// What shows a rule's state, or why a probe does not.
fn reasons(row: &RuleRow) -> Vec<String> {
    let proof = row.proof.as_ref().map(|proof| format!("{} {}: {}", proof.probe, moment(proof.at), proof.detail));
    let risk = row.accepted_risk.as_ref().map(|reference| format!("one zone for all doors, accepted: {reference}"));
    proof.into_iter().chain(risk).collect()
}

fn moment(time: Time) -> String {
    let moment = jiff::Timestamp::from_microsecond(time.micros());
    moment.map_or_else(|_| "?".to_owned(), |moment| moment.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn counted(rows: &[&RuleRow], lang: Lang) -> String {
    let mut counts = Counts::new();
    for row in rows {
        *counts.entry(row.state).or_default() += 1;
    }
    let each = counts.iter().map(|(state, count)| format!("{} {count} {}", state.mark(), state.word(lang)));
    each.collect::<Vec<_>>().join("   ")
}

/// Lines of at most `width` characters, broken between words; a word longer than that is broken too.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(20);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width) {
            match lines.last_mut().filter(|line| line.chars().count() + 1 + piece.len() <= width) {
                Some(line) => {
                    line.push(' ');
                    line.extend(piece);
                }
                None => lines.push(piece.iter().collect()),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use dossier::{ProbeOutcome, State, VALID};

    const NOW: Time = Time::from_micros(1_790_000_000_000_000);

    fn args(words: &[&str]) -> RulesArgs {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            args: RulesArgs,
        }
        let all = ["rules"].iter().chain(words);
        <Only as clap::Parser>::try_parse_from(all).unwrap_or_else(|error| panic!("{error}")).args
    }

    fn some_rows() -> Vec<RuleRow> {
        let kept = [
            ("tls", ProbeOutcome::Proved("TLS 1.2 and 1.3 are served, TLS 1.1 and clear HTTP are refused".into())),
            ("sign-out", ProbeOutcome::Failed("x".repeat(300))),
        ]
        .map(|(probe, outcome)| Kept { probe: probe.into(), outcome, at: NOW, expires: NOW + VALID });
        let installation = Installation { single_zone: Some("RISK-7".into()) };
        rows(&Catalogue::built_in().unwrap(), &kept, &installation, NOW)
    }

    #[test]
    fn the_table_fits_eighty_columns_and_counts() {
        let catalogue = Catalogue::built_in().unwrap();
        for lang in [Lang::Fr, Lang::En] {
            let table = table(&catalogue, &some_rows(), lang);
            for line in table.lines() {
                assert!(line.chars().count() <= COLUMNS, "{line}");
                assert!(!line.contains(char::is_control));
            }
        }
        let table = table(&catalogue, &some_rows(), Lang::En);
        assert!(table.contains("\n✔ proved  DT6   Require state-of-the-art HTTPS"), "{table}");
        assert!(table.contains("tls 2026-09-21 14:13 UTC: TLS 1.2 and 1.3"), "{table}");
        assert!(table.contains("failed:") && table.contains("one zone for all doors, accepted: RISK-7"));
        assert!(table.ends_with("244 rules  ✔ 2 proved   ✖ 242 gap"), "{}", table.lines().last().unwrap());
        for rule in ["SC.SSI/GEN.2.BIS", "O-12.2.10.1", "T12", "HE9"] {
            assert!(table.contains(rule));
        }
    }

    #[tokio::test]
    async fn without_a_node_nothing_is_proved() {
        let json = shown(&args(&["--format", "json"])).await.unwrap();
        let all: serde_json::Value = serde_json::from_str(&json).unwrap();
        let all = all.as_array().unwrap();
        assert_eq!(all.len(), 244);
        for row in all {
            assert_eq!(row["state"], "gap", "{row}");
            assert!(row["proof"].is_null(), "{row}");
            assert_eq!(row.as_object().unwrap().len(), 7);
        }
        let json = shown(&args(&["--format", "json", "--text", "segur"])).await.unwrap();
        let some: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(some.as_array().unwrap().len(), 13);
    }

    #[tokio::test]
    async fn what_cannot_be_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("none.toml").display().to_string();
        let nothing = folder.path().display().to_string();
        for (words, what) in [
            (vec!["--text", "rgpd"], "there are acces-web, interventions, clausier, segur"),
            (vec!["--subject", "scanner-2"], "there is one so far: installation"),
            (vec!["--lang", "de"], "fr or en"),
            (vec!["--config", &absent], "none.toml"),
            (vec!["--data", &nothing], "is not the folder of a demonstration"),
        ] {
            let error = shown(&args(&words)).await.unwrap_err();
            assert!(error.is::<Bad>() && error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrapped("aaaaaaaaaa bbbbbbbbbb cc", 21), ["aaaaaaaaaa bbbbbbbbbb", "cc"]);
        assert_eq!(wrapped(&"x".repeat(45), 20).iter().map(String::len).collect::<Vec<_>>(), [20, 20, 5]);
        assert!(wrapped("", 30).is_empty());
    }

    #[test]
    fn a_demonstration_is_recognized_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["demo", "keys"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        MasterKey::create(&folder.path().join("keys/master.key")).unwrap();
        assert!(of_demonstration(folder.path()).is_err(), "no database yet");
        std::fs::write(folder.path().join("poterne.db"), b"").unwrap();
        let node = of_demonstration(folder.path()).unwrap();
        assert_eq!(node.installation.single_zone.as_deref(), Some("demonstration"));
        assert_eq!(some_rows().iter().filter(|row| row.state == State::Proved).count(), 2);
    }
}
