//! Every sentence that a technician's terminal shows, in French and in English: which of the two he reads is not known here.

use interventions::{EndReason, GateRefused};
use std::time::Duration;

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sentence {
    fr: String,
    en: String,
}

impl Sentence {
    fn new(fr: impl Into<String>, en: impl Into<String>) -> Self {
        Self { fr: fr.into(), en: en.into() }
    }

    /// As a terminal shows it, on lines of its own.
    pub(crate) fn on_terminal(&self) -> String {
        format!("\r\n*** {}\r\n*** {}\r\n", self.fr, self.en)
    }

    /// As a program's error output shows it.
    pub(crate) fn on_stderr(&self) -> String {
        format!("{}\n{}\n", self.fr, self.en)
    }

    /// On one line of plain letters: clients write accents of what a server says at the end of a connection as numbers.
    pub(crate) fn plain(&self) -> String {
        format!("{} / {}", self.fr, self.en).chars().map(unaccented).collect()
    }

    /// In English, for the trace.
    pub(crate) fn english(&self) -> &str {
        &self.en
    }
}

fn unaccented(c: char) -> char {
    match c {
        'à' | 'â' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' => 'e',
        'î' => 'i',
        'ô' => 'o',
        'ù' | 'û' => 'u',
        'À' => 'A',
        'É' => 'E',
        '’' => '\'',
        '\u{a0}' | '\u{202f}' => ' ',
        c if c.is_ascii() => c,
        _ => '?',
    }
}

/// What the code is asked with.
pub(crate) const CODE_PROMPT: &str = "Code à usage unique / One-time code: ";
/// The same, where he may approve in his browser instead.
pub(crate) const CODE_OR_ENTER_PROMPT: &str = "Code à usage unique, ou Entrée pour approuver dans le navigateur / One-time code, or Enter to approve in the browser: ";
/// The same, once he is asked there.
pub(crate) const CODE_OR_APPROVED_PROMPT: &str =
    "Code à usage unique, ou Entrée après l’approbation / One-time code, or Enter once approved: ";

/// What is to be done in the browser. Clients write accents in what stands above the question as numbers.
pub(crate) fn approve_at(page: &str, words: &str) -> String {
    format!(
        "Ouvrez {page} depuis ce poste, comparez, approuvez. / Open {page} from this computer, compare, approve.\n\
         Tapez-y ce code / Type this code there: {words}\n"
    )
}

/// It was not approved yet.
pub(crate) fn not_yet(page: &str, words: &str) -> String {
    format!("Pas encore approuve / Not approved yet: {page}  {words}\n")
}

/// Nothing comes of it, or it may not be asked now: codes are taken.
pub(crate) const ONLY_CODES: &str = "L'approbation dans le navigateur n'est pas possible : donnez un code. / Approval in the browser is not possible: please give a code.\n";

pub(crate) fn refused(why: GateRefused) -> Sentence {
    match why {
        GateRefused::Refused => Sentence::new(
            "Cette session n’est pas possible. L’établissement peut vous dire pourquoi.",
            "This session is not possible. The hospital can tell you why.",
        ),
        GateRefused::Passkey => Sentence::new(
            "Cette session demande une clé d’accès. Reconnectez-vous et, au lieu d’un code, approuvez dans votre navigateur, \
             où vous vous serez connecté avec elle.",
            "This session asks for a passkey. Connect again and, instead of a code, approve in your browser, where you have \
             signed in with it.",
        ),
        GateRefused::Unavailable => Sentence::new(
            "Aucune session n’est possible pour le moment. Réessayez dans quelques minutes.",
            "No session is possible at present. Please try again in a few minutes.",
        ),
    }
}

pub(crate) fn no_channel() -> Sentence {
    Sentence::new("Rien n’a été demandé : la connexion est fermée.", "Nothing was asked for: the connection is closed.")
}

/// No target was named where no menu can be shown.
pub(crate) fn name_a_target(login: &str, names: &[String]) -> Sentence {
    let example = names.first().map_or("equipement", String::as_str);
    let (fr, en) = match names {
        [] => ("aucune".to_owned(), "none".to_owned()),
        names => (names.join(", "), names.join(", ")),
    };
    Sentence::new(
        format!("Nommez l’équipement : {login}%{example}. Interventions ouvertes : {fr}."),
        format!("Please name the equipment: {login}%{example}. Open interventions: {en}."),
    )
}

pub(crate) fn not_approved() -> Sentence {
    Sentence::new(
        "Ceci ne fait pas partie de ce qui a été approuvé pour cette intervention.",
        "This is not part of what was approved for this intervention.",
    )
}

pub(crate) fn needs_terminal() -> Sentence {
    Sentence::new(
        "Une session interactive se fait dans un terminal, qui est enregistré : ajoutez -t, ou donnez une commande.",
        "An interactive session takes a terminal, which is recorded: add -t, or give a command.",
    )
}

pub(crate) fn command_too_long() -> Sentence {
    Sentence::new(
        "Cette commande est trop longue pour être gardée entière : déposez un script, puis lancez-le.",
        "This command is too long to be kept whole: send a script, then run it.",
    )
}

pub(crate) fn not_followed() -> Sentence {
    Sentence::new(
        "Ce transfert ne peut pas être suivi fichier par fichier : il est arrêté. L’établissement en est averti. Essayez avec un \
         autre logiciel, ou avec scp -O.",
        "This transfer cannot be followed file by file: it was stopped. The hospital has been told. Please try another program, \
         or scp -O.",
    )
}

pub(crate) fn too_many_files() -> Sentence {
    Sentence::new(
        "Trop de fichiers pour une seule session : ce transfert est arrêté. Reconnectez-vous, ou envoyez une archive.",
        "Too many files for one session: this transfer was stopped. Please connect again, or send an archive.",
    )
}

pub(crate) fn refused_by_equipment() -> Sentence {
    Sentence::new("L’équipement a refusé cette demande.", "The equipment refused this request.")
}

pub(crate) fn no_tcp() -> Sentence {
    Sentence::new(
        "Le transfert de ports n’est pas permis : il passerait à côté de l’enregistrement.",
        "Port forwarding is not permitted: it would pass beside the recording.",
    )
}

pub(crate) fn no_agent() -> Sentence {
    Sentence::new(
        "Le transfert de votre agent de clés n’est pas permis : vos clés restent chez vous.",
        "Forwarding your key agent is not permitted: your keys stay with you.",
    )
}

pub(crate) fn no_x11() -> Sentence {
    Sentence::new("Le transfert X11 n’est pas permis.", "X11 forwarding is not permitted.")
}

pub(crate) fn warning(left: Duration) -> Sentence {
    let minutes = left.as_secs().div_ceil(60).max(1);
    let (s_fr, s_en) = if minutes > 1 { ("s", "s") } else { ("", "") };
    Sentence::new(
        format!("Cette session sera coupée dans {minutes} minute{s_fr} : fin de la fenêtre autorisée."),
        format!("This session will be cut in {minutes} minute{s_en}: end of the authorized window."),
    )
}

pub(crate) fn extended() -> Sentence {
    Sentence::new("La fenêtre est prolongée : la session continue.", "The window was extended: this session goes on.")
}

pub(crate) fn node_stops() -> Sentence {
    Sentence::new(
        "La passerelle doit s’arrêter : terminez dès que possible. « Ne pas interrompre » est respecté.",
        "The gateway has to stop: please finish as soon as you can. \"Do not interrupt\" is honored.",
    )
}

/// Why a session ended.
pub(crate) fn ended(reason: EndReason) -> Sentence {
    let (fr, en) = match reason {
        EndReason::Technician => ("Session terminée.", "Session ended."),
        EndReason::Equipment => ("L’équipement a fermé la connexion.", "The equipment closed the connection."),
        EndReason::Unreachable => (
            "L’équipement ne répond pas. L’établissement en est averti.",
            "The equipment does not answer. The hospital has been told.",
        ),
        EndReason::HostKey => (
            "L’équipement n’a pas montré la clé attendue : rien ne lui a été transmis. L’établissement en est averti.",
            "The equipment did not show the expected key: nothing was sent to it. The hospital has been told.",
        ),
        EndReason::Credentials => (
            "L’équipement n’a pas accepté les identifiants conservés pour lui. L’établissement en est averti.",
            "The equipment did not accept the credentials kept for it. The hospital has been told.",
        ),
        EndReason::Window | EndReason::Hold => (
            "La fenêtre autorisée est terminée : la session est coupée.",
            "The authorized window is over: this session is cut.",
        ),
        EndReason::Cut => ("L’établissement a coupé cette session.", "The hospital has cut this session."),
        EndReason::Closed => (
            "L’intervention est close : la session est fermée.",
            "The intervention was closed, and so is this session.",
        ),
        EndReason::StoreLost | EndReason::Fault => (
            "La session est coupée à la suite d’un incident de la passerelle.",
            "This session is cut because of an incident of the gateway.",
        ),
        EndReason::Recording => (
            "La session ne peut plus être enregistrée : elle est coupée.",
            "This session can no longer be recorded: it is cut.",
        ),
        EndReason::Idle => (
            "Rien n’a été échangé depuis longtemps : la session est fermée.",
            "Nothing has passed for a long time: this session is closed.",
        ),
        EndReason::Node => {
            ("La passerelle s’arrête : la session est fermée.", "The gateway stops: this session is closed.")
        }
    };
    Sentence::new(fr, en)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_shows_at_the_end_is_plain() {
        let sentences = EndReason::ALL.iter().map(|reason| ended(*reason));
        let more = [
            needs_terminal(),
            command_too_long(),
            not_followed(),
            too_many_files(),
            no_tcp(),
            no_agent(),
            no_x11(),
            warning(Duration::from_secs(290)),
            extended(),
            node_stops(),
        ];
        let why = [GateRefused::Refused, GateRefused::Passkey, GateRefused::Unavailable];
        let more = more.into_iter().chain(why.map(refused));
        for sentence in sentences.chain(more).chain([no_channel(), not_approved(), refused_by_equipment()]) {
            let plain = sentence.plain();
            assert!(plain.is_ascii() && !plain.contains("??") && plain.len() < 400, "{plain}");
        }
    }

    #[test]
    fn a_warning_counts_in_minutes() {
        assert!(warning(Duration::from_secs(299)).english().contains("in 5 minutes:"));
        assert!(warning(Duration::from_secs(60)).english().contains("in 1 minute:"));
        assert!(warning(Duration::from_secs(10)).english().contains("in 1 minute:"));
    }
}
