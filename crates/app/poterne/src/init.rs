//! `poterne init`: a commented configuration and the master key, for an operator who starts from nothing.

use crate::config::answer_mistake;
use clap::Args;
use std::{
    fmt::Write as _,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::ExitCode,
};
use types::EstablishmentId;
use vault::MasterKey;

/// What `poterne init` takes; what is not given is asked, if a person is at the keyboard.
#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// The folder to write in; it is made if need be.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The establishment's name, as its patients know it.
    #[arg(long, value_name = "NAME")]
    pub establishment: Option<String>,
    /// The portal's public address, such as https://portail.hopital.example.
    #[arg(long, value_name = "URL")]
    pub origin: Option<String>,
    /// The address and port the portal listens on.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The base address of the health information system (FHIR R4).
    #[arg(long, value_name = "URL")]
    pub sis: Option<String>,
    /// Whom a user in trouble calls or writes to.
    #[arg(long, value_name = "TEXT")]
    pub support: Option<String>,
    /// This node's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// One thing to know, the flag that tells it, and the question that asks it.
struct Question {
    key: &'static str,
    flag: &'static str,
    words: &'static str,
    default: Option<&'static str>,
}

const QUESTIONS: [Question; 6] = [
    Question {
        key: "establishments.name",
        flag: "--establishment",
        words: "Name of the establishment, as its patients know it",
        default: None,
    },
    Question {
        key: "portal.origin",
        flag: "--origin",
        words: "Public address of the portal (https://…)",
        default: None,
    },
    Question {
        key: "portal.listen",
        flag: "--listen",
        words: "Address and port to listen on",
        default: Some("0.0.0.0:8443"),
    },
    Question {
        key: "sis.url",
        flag: "--sis",
        words: "Base address of the health information system (https://…)",
        default: None,
    },
    Question {
        key: "portal.support_contact",
        flag: "--support",
        words: "Whom a user in trouble calls or writes to",
        default: None,
    },
    Question { key: "node.name", flag: "--name", words: "Name of this node", default: Some("portal-1") },
];

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
enum InitError {
    /// Flags that are missing or wrong, one sentence each.
    #[error("{}", .0.join("\n"))]
    Answers(Vec<String>),
    /// What is there is never replaced.
    #[error("{0} is already there and is not replaced; choose another folder, or move it away")]
    Exists(String),
    /// The folder cannot be written, or no key can be drawn.
    #[error("{0}")]
    Failed(String),
}

/// Runs the command: exit 0 if all is written, 1 if it could not be, 2 if an answer is missing or wrong.
pub fn run(args: &InitArgs) -> ExitCode {
    let mut asking = io::stdin().is_terminal().then(|| Asking { input: io::stdin().lock(), output: io::stderr() });
    let made = answers(args, |question| asking.as_mut().and_then(|asking| asking.ask(question)))
        .and_then(|answers| write(&args.dir, &answers));
    match made {
        Ok(next) => {
            // All is written; whether anybody reads the advice changes nothing.
            let _ = io::stdout().write_all(next.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::from(if matches!(error, InitError::Answers(_)) { 2 } else { 1 })
        }
    }
}

/// A person at the keyboard.
struct Asking<I, O> {
    input: I,
    output: O,
}

impl<I: BufRead, O: Write> Asking<I, O> {
    /// Asks until the answer can be used; nothing at the end of the input.
    fn ask(&mut self, question: &Question) -> Option<String> {
        loop {
            let default = question.default.map(|default| format!(" [{default}]")).unwrap_or_default();
            write!(self.output, "{}{default}: ", question.words).and_then(|()| self.output.flush()).ok()?;
            let mut line = String::new();
            if self.input.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let answer = match (line.trim(), question.default) {
                ("", Some(default)) => default,
                (given, _) => given,
            };
            match answer_mistake(question.key, answer) {
                None => return Some(answer.to_owned()),
                Some(mistake) => writeln!(self.output, "  {mistake}").ok()?,
            }
        }
    }
}

/// The answers, in the order of [`QUESTIONS`].
#[derive(Debug, PartialEq, Eq)]
struct Answers {
    establishment: String,
    origin: String,
    listen: String,
    sis: String,
    support: String,
    name: String,
}

fn answers(args: &InitArgs, mut ask: impl FnMut(&Question) -> Option<String>) -> Result<Answers, InitError> {
    let given = [&args.establishment, &args.origin, &args.listen, &args.sis, &args.support, &args.name];
    let mut mistakes = Vec::new();
    // The flags first: a wrong one is told before anything is asked.
    for (question, flag) in QUESTIONS.iter().zip(given) {
        if let Some(mistake) = flag.as_ref().and_then(|answer| answer_mistake(question.key, answer)) {
            mistakes.push(format!("{}: {mistake}", question.flag));
        }
    }
    if !mistakes.is_empty() {
        return Err(InitError::Answers(mistakes));
    }
    let mut found = QUESTIONS.iter().zip(given).map(|(question, flag)| {
        let answer = flag.clone().or_else(|| ask(question)).or_else(|| question.default.map(str::to_owned));
        answer.ok_or_else(|| format!("{} is missing: {}", question.flag, question.words))
    });
    let mut next = || match found.next() {
        Some(Ok(answer)) => answer,
        Some(Err(mistake)) => {
            mistakes.push(mistake);
            String::new()
        }
        None => String::new(),
    };
    let answers =
        Answers { establishment: next(), origin: next(), listen: next(), sis: next(), support: next(), name: next() };
    if mistakes.is_empty() { Ok(answers) } else { Err(InitError::Answers(mistakes)) }
}

/// Writes everything, and returns what to do next.
fn write(dir: &Path, answers: &Answers) -> Result<String, InitError> {
    let (file, keys, data) = (dir.join("poterne.toml"), dir.join("keys"), dir.join("data"));
    let master = keys.join("master.key");
    for path in [&file, &master] {
        if path.symlink_metadata().is_ok() {
            return Err(InitError::Exists(path.display().to_string()));
        }
    }
    let failed = |path: &Path, error: &dyn std::fmt::Display| InitError::Failed(format!("{}: {error}", path.display()));
    let id = vault::random().map(EstablishmentId::from_bytes).map_err(|error| failed(dir, &error))?;
    fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    for folder in [&keys, &data] {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| failed(folder, &error))?;
    }
    MasterKey::create(&master).map_err(|error| InitError::Failed(error.to_string()))?;
    // 0600: a database's password may come to be written in it.
    let mut open = OpenOptions::new();
    open.write(true).create_new(true).mode(0o600);
    let written = open.open(&file).and_then(|mut out| {
        out.write_all(configuration(answers, id).as_bytes())?;
        out.sync_all()
    });
    written.map_err(|error| failed(&file, &error))?;
    Ok(next_steps(dir, &file, &master))
}

fn configuration(answers: &Answers, id: EstablishmentId) -> String {
    // JSON's escapes are all TOML's too.
    let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
    let values = [
        ("{name}", quoted(&answers.name)),
        ("{id}", quoted(&id.to_string())),
        ("{establishment}", quoted(&answers.establishment)),
        ("{listen}", quoted(&answers.listen)),
        ("{origin}", quoted(&answers.origin)),
        ("{support}", quoted(&answers.support)),
        ("{sis}", quoted(&answers.sis)),
    ];
    let mut text = String::new();
    // One pass, so that an answer holding "{sis}" stays what it is.
    let mut rest = include_str!("config/poterne.toml");
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let hole = values.iter().find_map(|(hole, value)| Some((after.strip_prefix(hole.get(1..)?)?, value)));
        match hole {
            Some((after, value)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

fn next_steps(dir: &Path, file: &Path, master: &Path) -> String {
    let keys = dir.join("keys");
    let (file, master, keys) = (file.display(), master.display(), keys.display());
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "Written: {file}, {master}.

Next:
1. Keep a copy of {master} in a safe, away from this machine: without it nothing that is sealed opens again.
2. Put these files in {keys} (PEM; the .key files with mode 0600):
     portal.crt, portal.key          the portal's certificate, leaf first, and its key
     sis-ca.crt                      the authority that vouches for the health information system
     sis-client.crt, sis-client.key  the establishment's certificate as its client, and its key
3. poterne check --config {file}
4. poterne serve --config {file}
"
    );
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::config::{Config, testing};
    use std::os::unix::fs::PermissionsExt;

    fn flags(dir: &Path) -> InitArgs {
        let some = |text: &str| Some(text.to_owned());
        InitArgs {
            dir: dir.to_owned(),
            establishment: some("Hôpital \"{sis}\" de la Côte"),
            origin: some("https://portail.hopital.example"),
            listen: some("0.0.0.0:8443"),
            sis: some("https://sis.hopital.example/fhir/"),
            support: some("01 99 00 00 00"),
            name: None,
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_operator_s_own_files_are_still_missing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("new");
        let next = write(&dir, &answers(&flags(&dir), |_| None).unwrap()).unwrap();
        assert!(next.contains("poterne check --config"));
        assert_eq!(mode(&dir.join("keys")), 0o700);
        assert_eq!(mode(&dir.join("data")), 0o700);
        assert_eq!(mode(&dir.join("keys/master.key")), 0o600);
        assert_eq!(mode(&dir.join("poterne.toml")), 0o600);

        let mistakes = Config::read(&dir.join("poterne.toml")).err().unwrap();
        let keys: Vec<_> = mistakes.iter().map(|mistake| mistake.key.as_str()).collect();
        let expected =
            ["portal.certificate_file", "portal.key_file", "sis.ca_file", "sis.certificate_file", "sis.key_file"];
        assert_eq!(keys, expected, "{mistakes}");
        assert!(mistakes.iter().all(|mistake| mistake.what.ends_with("does not exist")), "{mistakes}");

        testing::write_certificates(&dir.join("keys"), |_| {});
        let config = Config::read(&dir.join("poterne.toml")).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(config.establishments[0].name, "Hôpital \"{sis}\" de la Côte");
        assert_eq!(config.sis.unwrap().url, "https://sis.hopital.example/fhir");
        assert_eq!(config.node.name, "portal-1");
    }

    #[test]
    fn nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        let given = answers(&flags(dir), |_| None).unwrap();
        write(dir, &given).unwrap();
        let key = fs::read(dir.join("keys/master.key")).unwrap();
        assert!(matches!(write(dir, &given), Err(InitError::Exists(path)) if path.ends_with("poterne.toml")));
        fs::remove_file(dir.join("poterne.toml")).unwrap();
        assert!(matches!(write(dir, &given), Err(InitError::Exists(path)) if path.ends_with("master.key")));
        assert_eq!(fs::read(dir.join("keys/master.key")).unwrap(), key);
    }

    #[test]
    fn all_that_is_missing_or_wrong_is_told_at_once() {
        let told = |args: InitArgs| answers(&args, |_| None).unwrap_err().to_string();
        let missing = told(InitArgs::default());
        assert_eq!(missing.lines().count(), 4, "{missing}");
        assert!(missing.contains("--sis is missing"));
        let wrong = told(InitArgs {
            origin: Some("https://localhost".into()),
            sis: Some("http://sis.example".into()),
            ..InitArgs::default()
        });
        assert_eq!(wrong.lines().count(), 2, "{wrong}");
        assert!(wrong.contains("--sis: health data would travel in clear"));
    }

    #[test]
    fn a_wrong_answer_is_asked_again() {
        let input = "\nhttp://x\nhttps://portail.hopital.example\n\n".as_bytes();
        let mut asking = Asking { input, output: Vec::new() };
        assert_eq!(asking.ask(&QUESTIONS[1]).unwrap(), "https://portail.hopital.example");
        assert_eq!(asking.ask(&QUESTIONS[2]).unwrap(), "0.0.0.0:8443");
        assert_eq!(asking.ask(&QUESTIONS[3]), None);
        assert!(String::from_utf8(asking.output).unwrap().contains("[0.0.0.0:8443]"));
    }
}
