#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use proptest::prelude::*;
use std::path::Path;

const OWNER: [&str; 4] = ["jdurand", "Jacqueline Durand", "CHU de Rouvray", "Poterne"];
const ORDINARY: [Population; 4] =
    [Population::Patients, Population::Professionals, Population::Suppliers, Population::Staff];

fn checked(password: &str, population: Population) -> Result<Strength, WeakPassword> {
    check(&Secret::new(password.to_owned()), &PasswordPolicy::default_for(population), &OWNER)
}

fn bits(password: &str) -> f64 {
    Strength { guesses_log10: estimate::estimate(password, &OWNER).guesses_log10 }.bits()
}

#[test]
fn what_people_choose_first_is_refused_and_the_reason_told() {
    use Because::{CommonWord, Date, Keyboard, Name, Personal, Repeated, Sequence};
    let mut wrong = Vec::new();
    for (because, passwords) in [
        (
            CommonWord,
            &[
                "motdepasse2026!",
                "Hopital2026!",
                "M0td3p@sse2026",
                "P@ssw0rd123456",
                "Bonjour123456!",
                "iloveyou123456",
                "essapedtom2026",
                "Infirmière2024*",
                "infirmie\u{300}re-2024",
                "Cœur-de-Lion-75",
                "Villeurbanne2026!",
                "Clermont-Ferrand63",
                "Doudou2015Loulou2018",
                "Football1998France!",
                "lundi mardi mercredi",
                "je suis medecin",
                "vive la france 2026",
                "1qaz2wsx3edc4rfv",
                "trustno1trustno1",
            ][..],
        ),
        (
            Name,
            &[
                "Jean-Pierre1965",
                "Saint-Étienne42000",
                "Marie.Dupont.12051987",
                "NathalieMartin1974",
                "Sylvie et Patrick",
                "FrancoisLefebvre33",
                "Christophe+Isabelle",
            ],
        ),
        (
            Personal,
            &[
                "jacquelinedurand76",
                "Durand-Jacqueline-1976",
                "JDurand_rouvray_2026",
                "drednarouvray!!drednarouvray",
                "P0terne2026!poterne",
                "dnarud-enileuqcaj",
            ],
        ),
        (
            Repeated,
            &[
                "soleil soleil soleil",
                "aaaaaaaaaaaaaa",
                "xk9xk9xk9xk9xk9",
                "14071789140789",
                "пароль пароль пароль",
                "дддддддддддд",
                "😀😀😀😀😀😀😀😀😀😀😀😀",
            ],
        ),
        (Sequence, &["abcdefghijklmn", "zyxwvutsrqpon", "98765432109876", "абвгдежзийклм"]),
        (Keyboard, &["azertyuiop123!", "qsdfghjklm12345", "&é\"'(-è_çà)=", "AZERTYUIOPqsdf", "wxcvbn,;:!wxc"]),
        (Date, &["01/02/1987-14h", "12051987-24121954"]),
    ] {
        for password in passwords {
            let expected = Err(WeakPassword::Guessable { because });
            for population in ORDINARY {
                let found = checked(password, population);
                if found != expected {
                    wrong.push(format!("{password} ({:.1} bits): {found:?}, not {because:?}", bits(password)));
                    break;
                }
            }
            assert!(checked(password, Population::Administrators).is_err(), "{password}");
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn good_ones_are_taken() {
    for password in [
        "cheval agrafe pile correcte",
        "brouette violon mandarine escalier",
        "girafe-moutarde-parapluie-tunnel",
        "Tambour citron grenier océan valise",
        "sept tortues jouent du violon sous la pluie",
        "marmotte22Escargot!Tuyau",
        "GTd7FguoV8FWnF",
        "bB0JxXujr4qqaa",
        "Ox98whGcTZc1UW",
        "xwjpfxbctrmbhx",
        "k#9v!Tq2_rLw?8",
        "7Tz-mQ4x-Pn8w-Lc2k",
        "пароль-лампа-жираф-туман",
    ] {
        for population in ORDINARY {
            let found = checked(password, population);
            assert!(found.is_ok_and(|strength| strength.bits() >= 50.0), "{password} {:.1} bits", bits(password));
        }
    }
}

#[test]
fn administrators_choose_more_and_a_long_phrase_needs_no_kinds() {
    let of = |password| checked(password, Population::Administrators);
    assert_eq!(of("GTd7FguoV8FWnF"), Err(WeakPassword::TooShort { min: 15 }));
    let few = WeakPassword::FewKinds { min: 3, words_min: 7 };
    assert_eq!(of("brouette violon mandarine escalier"), Err(few));
    assert_eq!(of("violon violon violon violon violon violon violon"), Err(few), "one word is one word");
    assert!(of("Brouette violon 2 mandarine escalier").is_ok());
    assert!(of("tambour citron grenier brouette escalier violon marmotte").is_ok());
    assert!(of("7Tz-mQ4x-Pn8w-Lc2k").is_ok());
}

#[test]
fn bounds_hold_for_everybody() {
    for population in Population::ALL {
        let min = PasswordPolicy::default_for(*population).chars_min();
        let short: String = "k#9v!Tq2_rLw?8Zp".chars().take(usize::from(min) - 1).collect();
        assert_eq!(checked(&short, *population), Err(WeakPassword::TooShort { min }));
        assert_eq!(checked("", *population), Err(WeakPassword::TooShort { min }));
        let long = format!("k#9v!Tq2_rLw?8Zp{}", "x".repeat(1024 - 16));
        assert!(checked(&long, *population).is_ok(), "1024 bytes");
        assert_eq!(checked(&format!("{long}x"), *population), Err(WeakPassword::TooLong { max_bytes: 1024 }));
    }
    // Characters are counted, not bytes.
    assert_eq!(checked("éèàùçéèàùçé", Population::Staff), Err(WeakPassword::TooShort { min: 12 }));
}

#[test]
fn a_hospital_may_be_stricter_and_never_laxer() {
    for population in Population::ALL.iter().copied() {
        let floor = PasswordPolicy::floor(population).0;
        let usual = PasswordPolicy::default_for(population);
        assert_eq!(PasswordPolicy::new(population, floor), Ok(PasswordPolicy::floor(population)));
        assert_eq!(PasswordPolicy::new(population, usual.0), Ok(usual), "the default passes its own floor");
        let stricter = PolicyNumbers { chars_min: 20, classes_min: 4, bits_min: 80, expires_days: Some(90) };
        assert_eq!(PasswordPolicy::new(population, stricter).unwrap().0, stricter);
        let refused = |asked| PasswordPolicy::new(population, asked).unwrap_err().to_string();
        for (asked, said) in [
            (PolicyNumbers { chars_min: 11, ..stricter }, "chars_min must be between 12 and 64 for these accounts"),
            (PolicyNumbers { chars_min: 65, ..stricter }, "chars_min must be between 12 and 64 for these accounts"),
            (PolicyNumbers { classes_min: 5, ..stricter }, " and 4 for these accounts"),
            (PolicyNumbers { classes_min: 0, ..stricter }, "classes_min must be between "),
            (PolicyNumbers { bits_min: 49, ..stricter }, "bits_min must be between 5"),
            (PolicyNumbers { bits_min: 101, ..stricter }, " and 100 for these accounts"),
            (PolicyNumbers { expires_days: Some(59), ..stricter }, "expires_days must be between 60 and 1095"),
            (PolicyNumbers { expires_days: Some(1096), ..stricter }, "expires_days must be between 60 and 1095"),
        ] {
            assert!(refused(asked).contains(said), "{}", refused(asked));
        }
    }
    let never = PolicyNumbers { chars_min: 20, classes_min: 4, bits_min: 80, expires_days: None };
    assert!(PasswordPolicy::new(Population::Staff, never).is_ok());
    assert_eq!(
        PasswordPolicy::new(Population::Administrators, never).unwrap_err().to_string(),
        "expires_days must be given for these accounts (1095 at most): their passwords are renewed"
    );
    let two_kinds = PolicyNumbers { classes_min: 2, expires_days: Some(90), ..never };
    assert!(PasswordPolicy::new(Population::Administrators, two_kinds).is_err());
    let weaker = PolicyNumbers { bits_min: 54, expires_days: Some(90), ..never };
    assert!(PasswordPolicy::new(Population::Administrators, weaker).is_err());
}

#[test]
fn each_role_has_its_population() {
    let of = |population| Role::ALL.iter().filter(|role| Population::from(**role) == population).collect::<Vec<_>>();
    assert_eq!(of(Population::Patients), [&Role::Patient, &Role::Relative]);
    assert_eq!(of(Population::Professionals), [&Role::Professional]);
    assert_eq!(of(Population::Suppliers), [&Role::Technician, &Role::SupplierManager, &Role::Auditor]);
    assert_eq!(of(Population::Staff), [&Role::Beneficiary, &Role::OnCall, &Role::SecurityOfficer, &Role::Dpo]);
    assert_eq!(of(Population::Administrators), [&Role::Administrator, &Role::TraceController]);
    let words: BTreeSet<_> = Population::ALL.iter().map(|population| population.as_str()).collect();
    assert_eq!(words.len(), 5);
}

#[test]
fn neither_errors_nor_strengths_hold_any_of_the_password() {
    for password in ["motdepasse2026!", "court", &"x".repeat(2000), "brouette violon mandarine", "GTd7FguoV8FWnF_"] {
        for population in Population::ALL {
            let said = match checked(password, *population) {
                Ok(strength) => format!("{strength:?}"),
                Err(weak) => format!("{weak:?} {weak}"),
            };
            for piece in ["motdepasse", "2026", "court", "xx", "brouette", "violon", "GTd7"] {
                assert!(!said.contains(piece), "{said}");
            }
        }
    }
}

#[test]
fn personal_words_are_those_given() {
    let password = Secret::new("MmeVandenbroeck-Ixelles".to_owned());
    let policy = PasswordPolicy::default_for(Population::Staff);
    assert!(check(&password, &policy, &[]).is_ok());
    let owner = ["vandenbroeck.p", "CH d’Ixelles"];
    assert_eq!(check(&password, &policy, &owner), Err(WeakPassword::Guessable { because: Because::Personal }));
    // Empty and short ones say nothing; very many cost nothing more.
    let many: Vec<String> = (0..10_000).map(|number| format!("nobody{number} a b {}", "é".repeat(500))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["", "a"]).collect();
    assert!(check(&password, &policy, &many).is_ok());
}

/// What a stranger could send to keep us busy.
fn hostile() -> Vec<String> {
    [
        "a",
        "ab",
        "12",
        "1470258369",
        "œ",
        "48([<369!1|70$5+%2",
        "qawsedrftgyhujikolp",
        "est",
        "123698745",
        "\u{301}",
        "İ",
    ]
    .iter()
    .map(|piece| piece.repeat(1024 / piece.len()))
    .collect()
}

#[test]
fn a_hostile_password_costs_a_bounded_number_of_steps() {
    for password in hostile() {
        assert!(password.len() > 1000 && password.len() <= 1024);
        let steps = estimate::steps(&password, &OWNER);
        assert!(steps < 30_000, "{steps} steps for {}…", password.chars().take(20).collect::<String>());
        let read: String = password.chars().take(CHARACTERS_READ).collect();
        assert_eq!(estimate::steps(&read, &OWNER), steps, "the rest costs nothing");
    }
}

#[test]
fn a_longer_phrase_is_never_weaker_and_an_ornament_adds_little() {
    assert!(bits("brouette violon mandarine") > bits("brouette violon"));
    for (plain, ornate) in [
        ("motdepasse", "Motdepasse"),
        ("motdepasse", "MOTDEPASSE"),
        ("motdepasse", "m0td3p@ss3"),
        ("motdepasse", "essapedtom"),
        ("infirmiere", "Infirmière"),
        ("infirmiere", "infirmie\u{300}re"),
        ("coeur", "Cœur"),
    ] {
        assert!(bits(ornate) - bits(plain) < 5.0, "{ornate}: {:.1} for {:.1}", bits(ornate), bits(plain));
    }
}

#[test]
fn the_lists_are_those_whose_hash_was_kept_and_as_the_estimate_reads_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("words");
    let list = std::fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let (mut lists, mut words, mut bytes) = (0, 0, 0);
    for line in list.lines() {
        let (hash, name) = line.split_once("  ").unwrap();
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        assert_eq!(data_encoding::HEXLOWER.encode(digest.as_ref()), hash, "{name}");
        if name.ends_with(".txt") && !name.starts_with("LICENSE") {
            lists += 1;
            words += text.lines().count();
            bytes += text.len();
            for word in text.lines() {
                assert!((3..=16).contains(&word.len()), "{name}: {word}");
                assert!(word.chars().all(|c| words::fold(c) == c as u8), "{name}: {word}");
            }
        }
    }
    assert_eq!(lists, 7);
    assert!(words <= 30_000 && bytes <= 250_000, "{words} words, {bytes} bytes");
}

/// Strings that look like passwords more than arbitrary ones do.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,4}",
        "[a-zA-Z0-9]{1,6}",
        "[0-9/.-]{1,10}",
        "(soleil|Hopital|azerty|jean|œuf|mot|12051987|&é\"'|aaa|4@3!)",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(password in pieces(), any in "(?s).{0,300}", personal in proptest::collection::vec(pieces(), 0..4)) {
        let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
        for text in [password, any] {
            let found = estimate::estimate(&text, &personal);
            prop_assert!(found.guesses_log10.is_finite() && found.guesses_log10 >= 0.0);
            for population in Population::ALL {
                let policy = PasswordPolicy::default_for(*population);
                let _ = check(&Secret::new(text.clone()), &policy, &personal);
            }
        }
    }

    #[test]
    fn what_follows_the_characters_read_counts_for_nothing(
        read in proptest::collection::vec(any::<char>(), CHARACTERS_READ),
        rest in "\\PC{0,40}",
        other in "\\PC{0,40}",
    ) {
        let read: String = read.into_iter().collect();
        for population in Population::ALL {
            let one = checked(&format!("{read}{rest}"), *population);
            let two = checked(&format!("{read}{other}"), *population);
            prop_assert_eq!(one, two);
        }
    }
}
