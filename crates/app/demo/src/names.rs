//! The words people are made of, and the cast: half of it fixed, because it signs in; half drawn.

use crate::{
    letters::Story,
    people::{Commune, Sex},
};

/// Postal code of the invented town.
pub(crate) const POSTAL_CODE: &str = "99000";
/// The invented town.
pub(crate) const CITY: &str = "Valmont";

pub(crate) const COMMUNES: &[Commune] = &[
    Commune { name: "Rennes", cog: "35238" },
    Commune { name: "Lille", cog: "59350" },
    Commune { name: "Nantes", cog: "44109" },
    Commune { name: "Toulouse", cog: "31555" },
    Commune { name: "Bordeaux", cog: "33063" },
    Commune { name: "Strasbourg", cog: "67482" },
    Commune { name: "Dijon", cog: "21231" },
    Commune { name: "Brest", cog: "29019" },
    Commune { name: "Amiens", cog: "80021" },
    Commune { name: "Tours", cog: "37261" },
    Commune { name: "Limoges", cog: "87085" },
    Commune { name: "Rouen", cog: "76540" },
    Commune { name: "Clermont-Ferrand", cog: "63113" },
    Commune { name: "Ajaccio", cog: "2A004" },
    Commune { name: "Angers", cog: "49007" },
    Commune { name: "Grenoble", cog: "38185" },
    Commune { name: "Reims", cog: "51454" },
];

pub(crate) const STREETS: &[&str] = &[
    "rue des Tilleuls",
    "rue de l’Écluse",
    "allée des Charmes",
    "place du Vieux-Marché",
    "chemin de la Fontaine",
    "avenue des Peupliers",
    "impasse du Moulin",
    "rue des Lavandières",
    "quai des Bateliers",
    "boulevard de la Gare",
];

pub(crate) const FAMILIES: &[&str] = &[
    "Aubertin",
    "Boisselier",
    "Chaumeil",
    "Delcourt",
    "Escande",
    "Fauvel",
    "Guillemin",
    "Hardouin",
    "Jolivet",
    "Kervella",
    "Lemonnier",
    "Maréchaux",
    "Noirot",
    "Ouvrard",
    "Pasquet",
    "Quintard",
    "Rigaudière",
    "Sauvageot",
    "Tisserand",
    "Vautrin",
];

pub(crate) const GIVEN_FEMALE: &[&str] = &[
    "Agathe",
    "Béatrice",
    "Cécile",
    "Delphine",
    "Élodie",
    "Françoise",
    "Gaëlle",
    "Julie",
    "Laurence",
    "Maëlle",
    "Nadège",
    "Odile",
    "Sylvie",
    "Véronique",
];

pub(crate) const GIVEN_MALE: &[&str] = &[
    "Adrien",
    "Benoît",
    "Cédric",
    "Denis",
    "Étienne",
    "Fabrice",
    "Gérard",
    "Joël",
    "Léo",
    "Mathieu",
    "Noël",
    "Olivier",
    "Rémi",
    "Stéphane",
];

/// A patient who signs in or is represented: the name does not depend on the seed, so that guides may tell it.
pub(crate) struct Cast {
    pub birth_name: &'static str,
    pub used_name: Option<&'static str>,
    pub given: &'static [&'static str],
    pub sex: Sex,
    pub birth: (i16, i8, i8),
    pub story: Story,
}

/// Index of each person of the cast in `Hospital::patients`.
pub(crate) mod who {
    pub const CAMILLE: usize = 0;
    pub const MARCEL: usize = 1;
    pub const INES: usize = 2;
    pub const YANN: usize = 3;
    pub const JEANNE: usize = 4;
    pub const LUCAS: usize = 5;
}

pub(crate) const CAST: &[Cast] = &[
    Cast {
        birth_name: "Durand",
        used_name: None,
        given: &["Camille", "Anne"],
        sex: Sex::Female,
        birth: (1984, 3, 17),
        story: Story::Breast,
    },
    Cast {
        birth_name: "Pruvost",
        used_name: None,
        given: &["Marcel", "Henri"],
        sex: Sex::Male,
        birth: (1949, 9, 28),
        story: Story::Dialysis,
    },
    Cast {
        birth_name: "Benali",
        used_name: None,
        given: &["Inès"],
        sex: Sex::Female,
        birth: (1996, 6, 4),
        story: Story::Nothing,
    },
    Cast {
        birth_name: "Le Goff",
        used_name: None,
        given: &["Yann", "Pierre"],
        sex: Sex::Male,
        birth: (1971, 1, 22),
        story: Story::Knee,
    },
    Cast {
        birth_name: "Chastel",
        used_name: Some("Rousselin"),
        given: &["Jeanne", "Marie", "Louise"],
        sex: Sex::Female,
        birth: (1938, 12, 9),
        story: Story::Heart,
    },
    Cast {
        birth_name: "Garnier",
        used_name: None,
        given: &["Lucas"],
        sex: Sex::Male,
        birth: (2014, 5, 30),
        story: Story::Asthma,
    },
];

/// The stories of the drawn patients, with the years between which they were born.
pub(crate) const DRAWN: &[(Story, Option<Sex>, i16, i16)] = &[
    (Story::Diabetes, None, 1950, 1972),
    (Story::Thyroid, Some(Sex::Female), 1965, 1985),
    (Story::Pregnancy, Some(Sex::Female), 1990, 2000),
    (Story::Colon, None, 1948, 1966),
    (Story::Knee, None, 1975, 1995),
    (Story::Diabetes, None, 1958, 1980),
];

/// Service, first name, last name of each physician.
pub(crate) const PHYSICIANS: &[(usize, &str, &str)] = &[
    (0, "Antoine", "Berthelon"),
    (1, "Claire", "Montrichard"),
    (2, "Idriss", "Belkacem"),
    (3, "Mathilde", "Sorlin"),
    (4, "Rodolphe", "Quéméneur"),
    (5, "Agnès", "Taillandier"),
    (6, "Bastien", "Courvoisier"),
    (7, "Salomé", "Ferrandi"),
    (8, "Didier", "Lanthenay"),
    (9, "Esther", "Garance"),
    (10, "Grégoire", "Aubanel"),
];

pub(crate) const SERVICES: &[(&str, &str)] = &[
    ("Médecine interne", "01 99 00 40 10"),
    ("Cardiologie", "01 99 00 40 11"),
    ("Néphrologie et dialyse", "01 99 00 40 12"),
    ("Gynécologie et obstétrique", "01 99 00 40 13"),
    ("Imagerie médicale", "01 99 00 40 14"),
    ("Laboratoire de biologie médicale", "01 99 00 40 15"),
    ("Chirurgie orthopédique", "01 99 00 40 16"),
    ("Pédiatrie", "01 99 00 40 17"),
    ("Endocrinologie et diabétologie", "01 99 00 40 18"),
    ("Anatomie pathologique", "01 99 00 40 19"),
    ("Gastro-entérologie", "01 99 00 40 20"),
];

/// Starts of the numbers that the regulator keeps for fiction: the four last digits are free.
pub(crate) const FICTION_PHONES: &[&str] = &["01 99 00", "02 61 91", "03 53 01", "04 65 71", "05 36 49", "06 39 98"];
