//! What the machine's console answers. Pure but for its files: a line in, text and perhaps an exit out. No shell: nothing
//! that is typed reaches the computer the demonstration runs on.

use super::files::{Files, plain};
use aws_lc_rs::digest::{SHA256, digest};

/// What a line leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Say this, end with this status (the status matters for one command alone).
    Say(Vec<u8>, u32),
    /// Take what comes on the input and keep it in a file.
    Keep(String),
    /// Give back what comes on the input.
    Echo,
    /// Digest what comes on the input.
    Digest,
    /// Wait this long.
    Sleep(u64),
    /// A screen that redraws itself until a key is pressed.
    Watch,
    /// The session ends with this status.
    Exit(u32),
}

const HELP: &str = "\
aide            cette liste (help)\n\
etat            état de la machine (status)\n\
suivi           les mesures, rafraîchies (top)\n\
journal         derniers événements (log)\n\
ls              fichiers\n\
cat FICHIER     contenu d'un fichier\n\
rm FICHIER      suppression\n\
sha256sum F     empreinte d'un fichier\n\
date            heure de la machine\n\
exit [N]        fin de la session\n";

const JOURNAL: &str = "\
08:02:11  démarrage, autotests réussis\n\
08:40:53  acquisition terminée (série 118)\n\
10:17:06  température de la tête : 41,8 °C\n\
11:05:44  avertissement : ventilateur 2 lent\n";

/// Answers a line.
pub fn answer(line: &str, files: &Files, machine: &str, now: &str) -> Answer {
    let line = line.trim();
    if let Some((left, to)) = line.split_once('>') {
        return redirected(left.trim(), plain(to.trim_start_matches('>')), files);
    }
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let say = |text: &str| Answer::Say(text.as_bytes().to_vec(), 0);
    match (word, rest) {
        ("", _) => say(""),
        ("aide" | "help", _) => say(HELP),
        ("etat" | "status", _) => {
            say(&format!("{machine} : en service, 3 avertissements, prochaine calibration dans 12 jours\n"))
        }
        ("journal" | "log", _) => say(JOURNAL),
        ("date", _) => say(&format!("{now}\n")),
        ("echo", text) => say(&format!("{text}\n")),
        ("true", _) => say(""),
        ("false", _) => Answer::Say(Vec::new(), 1),
        ("ls", _) => {
            say(&files.list().iter().map(|(name, bytes)| format!("{bytes:>12}  {name}\n")).collect::<String>())
        }
        ("cat", "" | "-") => Answer::Echo,
        ("cat", name) => files.get(name).map_or_else(|| missing(name), |bytes| Answer::Say(bytes, 0)),
        ("rm", name) if files.remove(name) => say(""),
        ("rm", name) => missing(name),
        ("sha256sum", "" | "-") => Answer::Digest,
        ("sha256sum", name) => match files.get(name) {
            Some(bytes) => say(&format!("{}  {}\n", hex(&bytes), plain(name))),
            None => missing(name),
        },
        ("suivi" | "top", _) => Answer::Watch,
        ("sleep", seconds) => Answer::Sleep(seconds.parse().unwrap_or(0).min(3600)),
        ("exit" | "quit", status) => Answer::Exit(status.parse().unwrap_or(0)),
        ("scp", _) => Answer::Say("\u{1}cette machine transfère par sftp : ôtez -O\n".as_bytes().to_vec(), 1),
        (word, _) => {
            let word: String = word.chars().filter(|c| !c.is_control()).take(40).collect();
            Answer::Say(format!("{word} : commande inconnue ; tapez aide\n").into_bytes(), 127)
        }
    }
}

fn redirected(left: &str, to: &str, files: &Files) -> Answer {
    match left.strip_prefix("echo ") {
        Some(text) => match files.put(to, format!("{text}\n").into_bytes()) {
            Ok(()) => Answer::Say(Vec::new(), 0),
            Err(full) => Answer::Say(format!("{full}\n").into_bytes(), 1),
        },
        None if left == "cat" => Answer::Keep(to.to_owned()),
        None => Answer::Say(b"seuls cat et echo vont dans un fichier\n".to_vec(), 2),
    }
}

fn missing(name: &str) -> Answer {
    let name: String = plain(name).chars().filter(|c| !c.is_control()).take(60).collect();
    Answer::Say(format!("{name} : ce fichier n'existe pas\n").into_bytes(), 1)
}

/// A digest as `sha256sum` writes it.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_answered() {
        let files = Files::new("scanner-1");
        let ask = |line: &str| answer(line, &files, "scanner-1", "12:00");
        let said = |line: &str| match ask(line) {
            Answer::Say(text, status) => (String::from_utf8_lossy(&text).into_owned(), status),
            other => (format!("{other:?}"), 0),
        };
        assert_eq!(said("echo bonjour"), ("bonjour\n".into(), 0));
        assert_eq!(said("echo a b > /tmp/note"), (String::new(), 0));
        assert_eq!(said("cat note"), ("a b\n".into(), 0));
        assert_eq!(said("sha256sum note").0.split_whitespace().count(), 2);
        assert_eq!(said("cat absent").1, 1);
        assert_eq!(said("\u{1b}[2Jrm -rf").1, 127);
        assert!(!said("\u{1b}[2J").0.contains('\u{1b}'));
        assert_eq!(ask("cat > '/srv/x'"), Answer::Keep("x".into()));
        assert_eq!(ask("exit 7"), Answer::Exit(7));
        assert_eq!(ask("cat"), Answer::Echo);
        assert_eq!(said("scp -t .").1, 1);
    }
}
