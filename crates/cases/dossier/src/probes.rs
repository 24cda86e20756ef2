//! Which probes there are, and which rules each serves. They are implemented in `app/poterne`: they act from outside.

use crate::{
    ProbeInfo,
    Text::{AccesWeb, Clausier, Interventions, Segur},
};

/// Every probe. A rule without one here can only be attested.
pub const PROBES: &[ProbeInfo] = &[
    ProbeInfo {
        name: "strangers",
        rules: &[(AccesWeb, "GA1"), (Clausier, "O-12.3.12")],
        what_fr: "Les pages et les routes des programmes, quelques-unes à chaque fois et toutes tour à tour, sont demandées \
                  sans session ni jeton : aucune ne s’ouvre.",
        what_en: "Pages and programs' routes, some each time and all in turn, are asked for without session or token: none \
                  opens.",
    },
    ProbeInfo {
        name: "roles",
        rules: &[(AccesWeb, "AA1"), (Clausier, "O-12.3.12")],
        what_fr: "Chaque compte réservé fait ce que son rôle permet ; ce qui est d’un autre rôle ou d’une autre porte, quelques \
                  adresses à chaque fois et toutes tour à tour, lui répond comme ce qui n’existe pas.",
        what_en: "Each reserved account does what its role may; what is another role's or another door's, some addresses each \
                  time and all in turn, answers like what is not there.",
    },
    ProbeInfo {
        name: "links",
        rules: &[(AccesWeb, "AA6")],
        what_fr: "Des liens sont tirés pour un compte réservé : rien que le hasard ne les distingue, et un lien modifié, remplacé \
                  ou repris ne mène nulle part.",
        what_en: "Links are drawn for a reserved account: nothing but chance tells them apart, and one that is altered, replaced \
                  or withdrawn leads nowhere.",
    },
    ProbeInfo {
        name: "account-life",
        rules: &[(Segur, "SC.SSI/IE.58")],
        what_fr: "Un compte réservé est suspendu, rendu, bloqué : sa session finit aussitôt, et il n’ouvre que ce que son rôle et \
                  son état permettent.",
        what_en: "A reserved account is suspended, given back, blocked: its session ends at once, and it opens what its role and \
                  its state allow.",
    },
    ProbeInfo {
        name: "administrators-policy",
        rules: &[(Segur, "SC.SSI/IAM.92")],
        what_fr: "Un administrateur réservé choisit des mots de passe auxquels il manque un caractère, ou une sorte de caractères : \
                  ils sont refusés, et il est dit pourquoi.",
        what_en: "A reserved administrator chooses passwords that lack one character, or one kind of characters: they are refused, \
                  and it is said why.",
    },
    ProbeInfo {
        name: "administrators-passwords",
        rules: &[(Clausier, "O-5.2")],
        what_fr: "Un administrateur réservé change son mot de passe : l’ancien n’ouvre plus rien, et ce qui est gardé du nouveau est \
                  haché, puis scellé.",
        what_en: "A reserved administrator changes his password: the former one opens nothing, and what is kept of the new one is \
                  hashed, then sealed.",
    },
    ProbeInfo {
        name: "professionals",
        rules: &[(Segur, "SC.SSI/IE.33")],
        what_fr: "Un compte demandé sans nom, sans identité vérifiée, ou avec un identifiant ou un numéro qui ne convient pas, est \
                  refusé, et le champ est nommé.",
        what_en: "An account asked for without a name, without a verified identity, or with a login or a number that will not do, \
                  is refused, and the field is named.",
    },
    ProbeInfo {
        name: "identity-changes",
        rules: &[(Segur, "SC.SSI/IE.33"), (Segur, "SC.SSI/IAM.91")],
        what_fr: "Le nom d'un compte en service n'est corrigé qu'avec la preuve qu'il faut, jamais effacé, et la trace garde l'ancien \
                  nom, le nouveau, et qui l'a fait.",
        what_en: "The name of an account in use is corrected with the proof that it takes only, never to nobody's, and the trace keeps \
                  the former name, the new one, and who did it.",
    },
    ProbeInfo {
        name: "discretion",
        rules: &[(AccesWeb, "DT2")],
        what_fr: "Pages et erreurs ne disent rien des programmes, de leurs versions ni de leurs dossiers.",
        what_en: "Pages and errors say nothing of programs, their versions or their folders.",
    },
    ProbeInfo {
        name: "residue",
        rules: &[(AccesWeb, "DT10")],
        what_fr: "Le navigateur ne doit garder aucune page d’une personne connectée.",
        what_en: "Browsers are told to keep no page of somebody signed in.",
    },
    ProbeInfo {
        name: "forged-address",
        rules: &[(AccesWeb, "DT13")],
        what_fr: "Qui n’est pas un mandataire déclaré et prétend parler pour un autre est noté sous sa propre adresse.",
        what_en: "Whoever is no declared proxy and pretends to speak for another is written down under his own address.",
    },
    ProbeInfo {
        name: "restricted",
        rules: &[(Clausier, "O-5.3")],
        what_fr: "Ce qui a ouvert une session n’en ouvre pas d’autre ; les pages qui administrent sont absentes là où tout le \
                  personnel entre, et là où elles sont, rien n’est répondu à qui vient tout droit d’un autre réseau.",
        what_en: "What opened a session opens no other; pages that administer are absent where all of the staff comes in and, \
                  where they are, nothing is answered to whoever comes straight from another network.",
    },
    ProbeInfo {
        name: "others-records",
        rules: &[(AccesWeb, "AA2")],
        what_fr: "Un compte réservé demande le dossier d’un autre patient fictif en changeant l’adresse : il est refusé.",
        what_en: "A reserved account asks for another synthetic patient's record by changing the address: it is refused.",
    },
    ProbeInfo {
        name: "explored-addresses",
        rules: &[(AccesWeb, "DT3")],
        what_fr: "Des adresses interdites, absentes ou mal formées reçoivent la même réponse.",
        what_en: "Forbidden, absent and malformed addresses get one and the same answer.",
    },
    ProbeInfo {
        name: "tls",
        rules: &[(AccesWeb, "DT6"), (Clausier, "O-8.1")],
        what_fr: "La porte refuse HTTP en clair et TLS d’avant 1.2, et sert TLS 1.2 et 1.3.",
        what_en: "The door refuses clear HTTP and TLS before 1.2, and serves TLS 1.2 and 1.3.",
    },
    ProbeInfo {
        name: "idle-session",
        rules: &[(AccesWeb, "DT9"), (Segur, "SC.SSI/IE.59")],
        what_fr: "Une session laissée inactive au-delà de sa durée n’ouvre plus rien.",
        what_en: "A session left idle past its delay opens nothing any more.",
    },
    ProbeInfo {
        name: "last-sign-in",
        rules: &[(AccesWeb, "AA9")],
        what_fr: "La page d’accueil montre la date et l’heure de la connexion précédente du compte réservé.",
        what_en: "The home page shows the date and time of the reserved account's previous sign-in.",
    },
    ProbeInfo {
        name: "session-tokens",
        rules: &[(AccesWeb, "AA10")],
        what_fr: "Un jeton de session modifié, inventé ou retiré n’ouvre rien.",
        what_en: "A session token that was altered, made up or withdrawn opens nothing.",
    },
    ProbeInfo {
        name: "sign-out",
        rules: &[(AccesWeb, "AA12"), (AccesWeb, "DT10"), (Segur, "SC.SSI/IE.38")],
        what_fr: "Le compte réservé se déconnecte ; son jeton d’avant n’ouvre plus rien.",
        what_en: "The reserved account signs out; its former token opens nothing any more.",
    },
    ProbeInfo {
        name: "trace-content",
        rules: &[(AccesWeb, "TR2")],
        what_fr: "La trace d’un acte du compte réservé porte sa date, son type, son auteur et son adresse.",
        what_en: "The trace of an act of the reserved account bears its date, type, author and address.",
    },
    ProbeInfo {
        name: "trace-terms",
        rules: &[(Clausier, "O-6.5")],
        what_fr: "La clé de chaque mois de traces est essayée : au-delà de son terme elle n’ouvre plus, en deçà elle ouvre.",
        what_en: "The key of every month of traces is tried: past its term it opens no more, before it, it does.",
    },
    ProbeInfo {
        name: "accesses",
        rules: &[(AccesWeb, "TR1"), (Clausier, "O-6.1"), (Clausier, "O-6.2"), (Segur, "SC.SSI/IAM.91")],
        what_fr: "Connexion, échec de connexion, refus et lecture de données laissent chacun leur trace.",
        what_en: "A sign-in, a failed one, a refusal and a reading of data each leave their trace.",
    },
    ProbeInfo {
        name: "openings",
        rules: &[(AccesWeb, "TR1")],
        what_fr: "Le démarrage du nœud, l’ouverture de ses portes et la fin d’une session sont au journal.",
        what_en: "The start of the node, the opening of its doors and the end of a session are in the journal.",
    },
    ProbeInfo {
        name: "unaltered",
        rules: &[(AccesWeb, "TR3")],
        what_fr: "Le journal est entier et continue celui d’avant ; traces et durées de conservation n’existent que pour leurs contrôleurs.",
        what_en: "The journal is whole and continues the one before; traces and retentions exist for their controllers only.",
    },
    ProbeInfo {
        name: "sealed",
        rules: &[(AccesWeb, "DT4"), (AccesWeb, "DT5"), (Clausier, "O-12.3.6")],
        what_fr: "Après une visite, rien n’est en clair dans les fichiers du nœud, mot de passe compris ; une entrée altérée ne passe pas.",
        what_en: "After a visit nothing stands in clear in the node's files, nor any password; an altered entry does not pass.",
    },
    ProbeInfo {
        name: "accounts",
        rules: &[(Segur, "SC.SSI/IAM.91"), (Clausier, "O-12.3.12")],
        what_fr: "Le compte réservé émet un jeton et le retire : les deux laissent leur trace, comme la création du compte.",
        what_en: "The reserved account issues a token and ends it: both leave their trace, as does the account's creation.",
    },
    ProbeInfo {
        name: "one-session",
        rules: &[(AccesWeb, "AA8")],
        what_fr: "Là où une seule session est permise, une seconde ferme la première en disant pourquoi, ou est refusée.",
        what_en: "Where one session is allowed, a second one closes the first and says why, or is refused.",
    },
    ProbeInfo {
        name: "faults",
        rules: &[(AccesWeb, "DT8")],
        what_fr: "Une session dont une requête a rencontré une erreur interne est fermée, et elle seule.",
        what_en: "A session whose request met an internal error is closed, and it alone.",
    },
    ProbeInfo {
        name: "token-life",
        rules: &[(AccesWeb, "AA11")],
        what_fr: "Le jeton donné au compte réservé n’a pas de durée à lui, et seule la porte le reçoit.",
        what_en: "The token given to the reserved account has no life of its own, and only the door gets it.",
    },
    ProbeInfo {
        name: "session-end",
        rules: &[(AccesWeb, "AA13")],
        what_fr: "Une session courte, utilisée jusqu’au bout, se ferme à sa fin ; les durées en vigueur sont dans les bornes.",
        what_en: "A short session, used until then, closes at its end; the limits in force are within the bounds.",
    },
    ProbeInfo {
        name: "passwords",
        rules: &[(AccesWeb, "AA4"), (Clausier, "O-5.1")],
        what_fr: "Le mot de passe seul n’ouvre rien, et un mot de passe qui se devine vite est refusé.",
        what_en: "A password alone opens nothing, and one that is soon guessed is refused.",
    },
    ProbeInfo {
        name: "directory",
        rules: &[(Clausier, "O-4.1"), (Clausier, "O-5.5"), (Clausier, "O-5.6")],
        what_fr: "L’annuaire de l’hôpital est interrogé, et aucun compte ne garde plus longtemps que le délai ce qu’il retire.",
        what_en: "The hospital’s directory is asked, and no account keeps what it takes away for longer than the delay.",
    },
    ProbeInfo {
        name: "remote-certificates",
        rules: &[(AccesWeb, "AA3")],
        what_fr: "Chaque serveur que le nœud interroge montre son certificat : d’une autre autorité, à un autre nom, échu ou hors de \
                  toute liste de révocation, il serait refusé.",
        what_en: "Each server that the node asks shows its certificate: of another authority, in another name, past its end or \
                  on no revocation list’s account, it would be refused.",
    },
    ProbeInfo {
        name: "guessing",
        rules: &[(AccesWeb, "AA7")],
        what_fr: "Deux essais pour un identifiant que personne n’a : le second attend, et le compte réservé entre pendant ce temps.",
        what_en: "Two guesses for a login that nobody has: the second one waits, and the reserved account comes in meanwhile.",
    },
    ProbeInfo {
        name: "relay-idle",
        rules: &[(Interventions, "T10")],
        what_fr: "Une session du relais, dont le silence est vieilli jusqu’à la limite de la porte, se ferme d’elle-même.",
        what_en: "A relay's session whose silence is made as old as the door's limit closes by itself.",
    },
    ProbeInfo {
        name: "relay-traces",
        rules: &[(Interventions, "E3"), (Interventions, "T11"), (Clausier, "O-9.9")],
        what_fr: "Une session sur un équipement fictif laisse au journal qui s’est connecté et ce qu’il a fait.",
        what_en: "A session to a synthetic equipment leaves in the journal who connected and what he did.",
    },
    ProbeInfo {
        name: "relay-cut",
        rules: &[(Interventions, "O8")],
        what_fr: "Une session en cours sur un équipement fictif est coupée, et l’est en moins d’une seconde.",
        what_en: "A live session to a synthetic equipment is cut, within a second.",
    },
];

/// The probe of that name.
pub fn probe_named(name: &str) -> Option<&'static ProbeInfo> {
    PROBES.iter().find(|probe| probe.name == name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Catalogue;
    use std::collections::BTreeSet;

    #[test]
    fn probes_have_names_of_their_own_and_serve_rules_that_exist() {
        let catalogue = Catalogue::built_in().unwrap();
        let names: BTreeSet<_> = PROBES.iter().map(|probe| probe.name).collect();
        assert_eq!(names.len(), PROBES.len());
        for probe in PROBES {
            assert!(probe.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", probe.name);
            assert!(!probe.rules.is_empty() && !probe.what_fr.is_empty() && !probe.what_en.is_empty());
            for (text, id) in probe.rules {
                assert!(catalogue.rule(*text, id).is_some(), "{}: {text}:{id}", probe.name);
            }
        }
    }
}
