//! What `init` has to know: each thing with its flag, its question, and the doors that need it.

use super::{InitArgs, InitError};
use crate::config::{answer_doors, answer_mistake, zones_mixed};
use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
};
use types::Door;

/// One thing to know, the flag that tells it, and the question that asks it.
pub(super) struct Question {
    key: &'static str,
    flag: &'static str,
    words: &'static str,
    default: Option<&'static str>,
    /// It is asked if one of these is opened.
    doors: &'static [Door],
    given: fn(&InitArgs) -> &Option<String>,
}

const DOORS: Question = Question {
    key: "node.doors",
    flag: "--doors",
    words: "Doors of this node (portal, suppliers, desk, relays)",
    default: Some("portal"),
    doors: Door::ALL,
    given: |args| &args.doors,
};

const QUESTIONS: [Question; 12] = [
    Question {
        key: "establishments.name",
        flag: "--establishment",
        words: "Name of the establishment, as its patients know it",
        default: None,
        doors: Door::ALL,
        given: |args| &args.establishment,
    },
    Question {
        key: "portal.origin",
        flag: "--origin",
        words: "Public address of the portal (https://…)",
        default: None,
        doors: &[Door::Portal],
        given: |args| &args.origin,
    },
    Question {
        key: "portal.listen",
        flag: "--listen",
        words: "Address and port the portal listens on",
        default: Some("0.0.0.0:8443"),
        doors: &[Door::Portal],
        given: |args| &args.listen,
    },
    Question {
        key: "suppliers.origin",
        flag: "--suppliers-origin",
        words: "Public address of the suppliers' door (https://…)",
        default: None,
        doors: &[Door::Suppliers],
        given: |args| &args.suppliers_origin,
    },
    Question {
        key: "suppliers.listen",
        flag: "--suppliers-listen",
        words: "Address and port the suppliers' door listens on",
        default: Some("0.0.0.0:8444"),
        doors: &[Door::Suppliers],
        given: |args| &args.suppliers_listen,
    },
    Question {
        key: "desk.origin",
        flag: "--desk-origin",
        words: "Address of the desk, the staff's door, on whatever node it runs (https://…)",
        default: None,
        doors: &[Door::Desk, Door::Suppliers, Door::Relays],
        given: |args| &args.desk_origin,
    },
    Question {
        key: "desk.listen",
        flag: "--desk-listen",
        words: "Address and port the desk listens on",
        default: Some("0.0.0.0:8445"),
        doors: &[Door::Desk],
        given: |args| &args.desk_listen,
    },
    Question {
        key: "relays.public_name",
        flag: "--relays-name",
        words: "Name that technicians type to reach the relays (host or host:port)",
        default: None,
        doors: &[Door::Relays],
        given: |args| &args.relays_name,
    },
    Question {
        key: "relays.listen",
        flag: "--relays-listen",
        words: "Address and port the relays listen on",
        default: Some("0.0.0.0:2222"),
        doors: &[Door::Relays],
        given: |args| &args.relays_listen,
    },
    Question {
        key: "sis.url",
        flag: "--sis",
        words: "Base address of the health information system (https://…)",
        default: None,
        doors: &[Door::Portal],
        given: |args| &args.sis,
    },
    Question {
        key: "support_contact",
        flag: "--support",
        words: "Whom a user in trouble calls or writes to",
        default: None,
        doors: &[Door::Portal, Door::Suppliers, Door::Desk],
        given: |args| &args.support,
    },
    Question {
        key: "node.name",
        flag: "--name",
        words: "Name of this node",
        default: None,
        doors: Door::ALL,
        given: |args| &args.name,
    },
];

/// A person at the keyboard.
pub(super) struct Asking<I, O> {
    pub input: I,
    pub output: O,
}

impl<I: BufRead, O: Write> Asking<I, O> {
    /// Asks until the answer can be used; nothing at the end of the input.
    pub fn ask(&mut self, question: &Question, default: Option<&str>) -> Option<String> {
        loop {
            let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
            write!(self.output, "{}{shown}: ", question.words).and_then(|()| self.output.flush()).ok()?;
            let mut line = String::new();
            if self.input.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let answer = match (line.trim(), default) {
                ("", Some(default)) => default,
                (given, _) => given,
            };
            match question.mistake(answer) {
                None => return Some(answer.to_owned()),
                Some(mistake) => writeln!(self.output, "  {mistake}").ok()?,
            }
        }
    }
}

impl Question {
    fn mistake(&self, answer: &str) -> Option<String> {
        if self.key == DOORS.key { answer_doors(answer).err() } else { answer_mistake(self.key, answer) }
    }

    fn is_for(&self, doors: &[Door]) -> bool {
        self.doors.iter().any(|door| doors.contains(door))
    }
}

/// What `init` knows before it writes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answers {
    /// What the node listens as.
    pub doors: Vec<Door>,
    /// The reference of the accepted risk of two zones in one process.
    pub accepted_risk: Option<String>,
    /// The other answers, by key.
    pub by_key: BTreeMap<&'static str, String>,
}

impl Answers {
    /// Whether a door is opened.
    pub fn open(&self, door: Door) -> bool {
        self.doors.contains(&door)
    }
}

/// Takes the flags, and asks for the rest. Everything wrong with the flags is told at once, before anything is asked.
pub(super) fn answers(
    args: &InitArgs,
    mut ask: impl FnMut(&Question, Option<&str>) -> Option<String>,
) -> Result<Answers, InitError> {
    let mut mistakes = Vec::new();
    for question in std::iter::once(&DOORS).chain(&QUESTIONS) {
        if let Some(mistake) = (question.given)(args).as_ref().and_then(|answer| question.mistake(answer)) {
            mistakes.push(format!("{}: {mistake}", question.flag));
        }
    }
    if let Some(mistake) = args.accept_single_zone.as_ref().and_then(|risk| answer_mistake("risk", risk)) {
        mistakes.push(format!("--accept-single-zone: {mistake}"));
    }
    if !mistakes.is_empty() {
        return Err(InitError::Answers(mistakes));
    }
    let doors = args.doors.clone().or_else(|| ask(&DOORS, DOORS.default));
    let doors = answer_doors(doors.as_deref().or(DOORS.default).unwrap_or_default());
    let doors = doors.map_err(|mistake| InitError::Answers(vec![mistake]))?;
    if let Some(mixed) = zones_mixed(&doors).filter(|_| args.accept_single_zone.is_none()) {
        let remedy = "open them on two nodes, or add --accept-single-zone and the reference of the accepted risk";
        mistakes.push(format!("--doors: {mixed}; {remedy}"));
    }
    for question in QUESTIONS.iter().filter(|question| !question.is_for(&doors) && (question.given)(args).is_some()) {
        let of: Vec<_> = question.doors.iter().map(|door| door.as_str()).collect();
        mistakes.push(format!(
            "{}: no door of this node needs it; add {} to --doors, or leave it out",
            question.flag,
            of.join(" or ")
        ));
    }
    if !mistakes.is_empty() {
        return Err(InitError::Answers(mistakes));
    }
    let own_name = doors.first().map(|door| format!("{door}-1"));
    let mut by_key = BTreeMap::new();
    for question in QUESTIONS.iter().filter(|question| question.is_for(&doors)) {
        let default = if question.key == "node.name" { own_name.as_deref() } else { question.default };
        let given = (question.given)(args).clone().or_else(|| ask(question, default));
        match given.or_else(|| default.map(str::to_owned)) {
            Some(answer) => drop(by_key.insert(question.key, answer)),
            None => mistakes.push(format!("{} is missing: {}", question.flag, question.words)),
        }
    }
    let answers = Answers { doors, accepted_risk: args.accept_single_zone.clone(), by_key };
    if mistakes.is_empty() { Ok(answers) } else { Err(InitError::Answers(mistakes)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn told(args: InitArgs) -> String {
        answers(&args, |_, _| None).unwrap_err().to_string()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn all_that_is_missing_or_wrong_is_told_at_once() {
        let missing = told(InitArgs::default());
        assert_eq!(missing.lines().count(), 4, "{missing}");
        assert!(missing.contains("--sis is missing"));
        let wrong = told(InitArgs {
            origin: some("https://localhost"),
            sis: some("http://sis.example"),
            relays_name: some("relais.example -oProxyCommand=x"),
            ..InitArgs::default()
        });
        assert_eq!(wrong.lines().count(), 3, "{wrong}");
        assert!(wrong.contains("--sis: health data would travel in clear"));
        assert!(wrong.contains("--relays-name: this is not a host name"));
    }

    #[test]
    fn each_door_asks_for_what_it_needs() {
        let missing = |doors: &str| {
            let told = told(InitArgs { doors: some(doors), ..InitArgs::default() });
            told.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(missing("desk"), ["--establishment", "--desk-origin", "--support"]);
        assert_eq!(missing("relays"), ["--establishment", "--desk-origin", "--relays-name"]);
        assert_eq!(
            missing("suppliers, desk ,relays"),
            ["--establishment", "--suppliers-origin", "--desk-origin", "--relays-name", "--support"]
        );
        let told = told(InitArgs { doors: some("desk"), sis: some("https://sis.example"), ..InitArgs::default() });
        assert_eq!(told, "--sis: no door of this node needs it; add portal to --doors, or leave it out");
    }

    #[test]
    fn doors_are_checked() {
        let told = |doors: &str| told(InitArgs { doors: some(doors), ..InitArgs::default() });
        assert_eq!(told("portail"), "--doors: there is no door named \"portail\"; did you mean \"portal\"?");
        assert_eq!(told("desk,desk"), "--doors: the door \"desk\" is named twice; name it once");
        assert_eq!(told("psc"), "--doors: the door \"psc\" is not in this version; remove it from the list");
        assert!(told("").starts_with("--doors: there is no door named \"\""));
        let mixed = told("portal,desk");
        assert!(mixed.starts_with("--doors: portal or publish share this process with relays or desk"), "{mixed}");
        assert!(mixed.ends_with("or add --accept-single-zone and the reference of the accepted risk"), "{mixed}");
        assert_eq!(mixed.lines().count(), 1);
    }

    #[test]
    fn a_wrong_answer_is_asked_again() {
        let input = "\nhttp://x\nhttps://portail.hopital.example\n\n".as_bytes();
        let mut asking = Asking { input, output: Vec::new() };
        assert_eq!(asking.ask(&QUESTIONS[1], None).unwrap(), "https://portail.hopital.example");
        assert_eq!(asking.ask(&QUESTIONS[2], QUESTIONS[2].default).unwrap(), "0.0.0.0:8443");
        assert_eq!(asking.ask(&QUESTIONS[3], None), None);
        assert!(String::from_utf8(asking.output).unwrap().contains("[0.0.0.0:8443]"));
        let mut asking = Asking { input: "guichet\ndesk, relays\n".as_bytes(), output: Vec::new() };
        assert_eq!(asking.ask(&DOORS, DOORS.default).unwrap(), "desk, relays");
    }
}
