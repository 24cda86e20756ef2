//! The stories of the patients: what they were written, and what was measured. Every sentence is invented.

use crate::lab::{self, Panel};

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// Letter at the end of a stay.
    Discharge,
    /// Letter after a consultation.
    Consultation,
    /// Imaging report.
    Imaging,
    /// Prescription of medicines.
    Prescription,
    /// Operation report.
    Operation,
    /// Pathology report.
    Pathology,
    /// Report of one session of a treatment.
    Session,
}

impl DocumentKind {
    /// LOINC code of the document's type.
    pub const fn loinc(self) -> &'static str {
        match self {
            DocumentKind::Discharge => "34105-7",
            DocumentKind::Consultation => "11488-4",
            DocumentKind::Imaging => "18748-4",
            DocumentKind::Prescription => "57833-6",
            DocumentKind::Operation => "11504-8",
            DocumentKind::Pathology => "11526-1",
            DocumentKind::Session => "28570-0",
        }
    }

    /// French name of the type.
    pub const fn french(self) -> &'static str {
        match self {
            DocumentKind::Discharge => "Lettre de liaison à la sortie",
            DocumentKind::Consultation => "Compte rendu de consultation",
            DocumentKind::Imaging => "Compte rendu d’imagerie",
            DocumentKind::Prescription => "Ordonnance",
            DocumentKind::Operation => "Compte rendu opératoire",
            DocumentKind::Pathology => "Compte rendu d’anatomie pathologique",
            DocumentKind::Session => "Compte rendu de séance",
        }
    }

    /// The hospital's own class of documents: code and French name.
    pub const fn class(self) -> (&'static str, &'static str) {
        match self {
            DocumentKind::Discharge | DocumentKind::Consultation => ("courrier", "Courriers"),
            DocumentKind::Imaging => ("imagerie", "Imagerie"),
            DocumentKind::Prescription => ("prescription", "Prescriptions"),
            DocumentKind::Operation | DocumentKind::Pathology | DocumentKind::Session => {
                ("compte-rendu", "Comptes rendus")
            }
        }
    }
}

/// What brings a patient to the hospital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Story {
    Nothing,
    Breast,
    Dialysis,
    Knee,
    Heart,
    Asthma,
    Diabetes,
    Thyroid,
    Pregnancy,
    Colon,
}

/// A document to write: how long ago at most, by which service, what it says.
pub(crate) struct Letter {
    pub kind: DocumentKind,
    pub title: &'static str,
    pub service: usize,
    pub days_ago: u16,
    pub held: bool,
    pub body: &'static [&'static str],
}

/// Reports of one panel: how many, how many days apart; whether the newest is held.
pub(crate) struct Series {
    pub panel: &'static Panel,
    pub count: usize,
    pub days_apart: i64,
    pub held: bool,
}

const fn letter(
    kind: DocumentKind,
    title: &'static str,
    service: usize,
    days_ago: u16,
    body: &'static [&'static str],
) -> Letter {
    Letter { kind, title, service, days_ago, held: false, body }
}

impl Letter {
    const fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

const fn series(panel: &'static Panel, count: usize, days_apart: i64) -> Series {
    Series { panel, count, days_apart, held: false }
}

impl Series {
    const fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// Sessions of dialysis, three a week: more than one page of any list.
pub(crate) const DIALYSIS_SESSIONS: usize = 112;

impl Story {
    pub(crate) const fn series(self) -> &'static [Series] {
        const BREAST: &[Series] = &[
            series(&lab::BLOOD_COUNT, 2, 40),
            series(&lab::LIVER, 1, 40),
            series(&lab::COAGULATION, 1, 12),
            series(&lab::BREAST_MARKER, 1, 6).held(),
        ];
        const DIALYSIS: &[Series] =
            &[series(&lab::BLOOD_COUNT, 4, 30), series(&lab::RENAL, 6, 30), series(&lab::IRON, 2, 90)];
        const KNEE: &[Series] =
            &[series(&lab::BLOOD_COUNT, 2, 9), series(&lab::COAGULATION, 1, 30), series(&lab::RENAL, 2, 9)];
        const HEART: &[Series] = &[
            series(&lab::COAGULATION, 5, 28),
            series(&lab::CARDIAC, 3, 75),
            series(&lab::RENAL, 3, 60),
            series(&lab::BLOOD_COUNT, 1, 60),
        ];
        const ASTHMA: &[Series] =
            &[series(&lab::BLOOD_COUNT, 2, 150), series(&lab::IRON, 1, 150), series(&lab::RENAL, 1, 80)];
        const DIABETES: &[Series] =
            &[series(&lab::HBA1C, 6, 92), series(&lab::LIPIDS, 2, 180), series(&lab::RENAL, 2, 180)];
        const THYROID: &[Series] =
            &[series(&lab::THYROID, 4, 60), series(&lab::BLOOD_COUNT, 1, 60), series(&lab::LIPIDS, 1, 100)];
        const PREGNANCY: &[Series] =
            &[series(&lab::BLOOD_COUNT, 4, 32), series(&lab::IRON, 2, 64), series(&lab::LIVER, 1, 20)];
        const COLON: &[Series] = &[
            series(&lab::BLOOD_COUNT, 3, 25),
            series(&lab::LIVER, 2, 50),
            series(&lab::IRON, 1, 25),
            series(&lab::COLON_MARKER, 2, 70).held(),
        ];
        match self {
            Story::Nothing => &[],
            Story::Breast => BREAST,
            Story::Dialysis => DIALYSIS,
            Story::Knee => KNEE,
            Story::Heart => HEART,
            Story::Asthma => ASTHMA,
            Story::Diabetes => DIABETES,
            Story::Thyroid => THYROID,
            Story::Pregnancy => PREGNANCY,
            Story::Colon => COLON,
        }
    }

    pub(crate) const fn letters(self) -> &'static [Letter] {
        match self {
            Story::Nothing => &[],
            Story::Breast => BREAST,
            Story::Dialysis => DIALYSIS,
            Story::Knee => KNEE,
            Story::Heart => HEART,
            Story::Asthma => ASTHMA,
            Story::Diabetes => DIABETES,
            Story::Thyroid => THYROID,
            Story::Pregnancy => PREGNANCY,
            Story::Colon => COLON,
        }
    }
}

use DocumentKind::{Consultation, Discharge, Imaging, Operation, Pathology, Prescription};

/// What each session of dialysis says.
pub(crate) const DIALYSIS_BODY: &[&str] = &[
    "Séance de quatre heures sur la fistule de l’avant-bras gauche, poste calme, sans incident de circuit.",
    "La tension est restée stable pendant toute la séance. Pas de crampe, pas de malaise au débranchement.",
    "Compression des points de ponction pendant dix minutes. Retour au domicile en taxi conventionné.",
    "Prochaine séance au jour habituel. Consigne rappelée : peser chaque matin et limiter les boissons.",
];

const BREAST: &[Letter] = &[
    letter(
        Imaging,
        "Mammographie et échographie mammaire",
        4,
        33,
        &[
            "Indication : palpation d’une petite masse du sein gauche lors d’une visite de routine.",
            "Technique : deux incidences par sein, complétées par une échographie ciblée.",
            "Une image arrondie de neuf millimètres est visible dans le quadrant supéro-externe gauche. Le sein droit \
             ne montre rien de particulier. Les aires axillaires sont libres.",
            "Conclusion : une biopsie est proposée afin de préciser la nature de cette image. Le rendez-vous a été \
             pris avec la patiente avant son départ.",
        ],
    ),
    letter(
        Consultation,
        "Consultation de gynécologie",
        3,
        26,
        &[
            "Madame Durand est vue après son examen d’imagerie. Elle se sent en bonne forme, sans douleur ni perte de \
             poids.",
            "L’examen retrouve un nodule mobile et ferme. Le déroulement de la biopsie, ses suites et le délai du \
             résultat lui ont été expliqués.",
            "Elle sera revue avec sa personne de confiance pour recevoir le résultat. Un numéro d’appel du service lui \
             est remis pour toute question d’ici là.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : soins après biopsie",
        3,
        14,
        &[
            "Paracétamol 1 g, un comprimé en cas de douleur, au plus trois fois par jour pendant trois jours.",
            "Pansement sec à changer une fois par jour pendant quatre jours.",
            "En cas de saignement ou de fièvre, appeler le service.",
        ],
    ),
    letter(
        Pathology,
        "Biopsie mammaire : examen anatomopathologique",
        9,
        6,
        &[
            "Nature du prélèvement : trois carottes biopsiques du sein gauche, fixées au formol.",
            "L’examen microscopique montre une prolifération qui demande un avis complémentaire. Les recherches \
             immunohistochimiques sont jointes au dossier de la réunion pluridisciplinaire.",
            "Conclusion : à remettre à la patiente au cours de la consultation d’annonce.",
        ],
    )
    .held(),
];

const DIALYSIS: &[Letter] = &[
    letter(
        Consultation,
        "Consultation de néphrologie",
        2,
        20,
        &[
            "Monsieur Pruvost est suivi pour une maladie rénale traitée par dialyse depuis six ans. Il se dit moins \
             fatigué depuis l’ajustement de son poids sec.",
            "La fistule fonctionne bien. La tension à domicile reste entre 13 et 14. L’appétit est conservé.",
            "Le traitement est inchangé. Un point sur l’inscription en liste d’attente de greffe est prévu au \
             trimestre prochain.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : traitement de fond",
        2,
        20,
        &[
            "Carbonate de calcium 500 mg, un comprimé au milieu de chaque repas.",
            "Amlodipine 5 mg, un comprimé le soir.",
            "Darbépoétine alfa 40 µg, une injection par semaine pendant la séance.",
            "Traitement pour trois mois.",
        ],
    ),
    letter(
        Imaging,
        "Écho-Doppler de la fistule artério-veineuse",
        4,
        96,
        &[
            "Le débit de la fistule est de 900 mL par minute, stable par rapport à l’examen précédent.",
            "Pas de rétrécissement, pas de thrombose. La veine de drainage est souple.",
            "Conclusion : abord vasculaire satisfaisant. Contrôle dans six mois.",
        ],
    ),
];

const KNEE: &[Letter] = &[
    letter(
        Operation,
        "Arthroscopie du genou",
        6,
        19,
        &[
            "Installation sur le dos, garrot à la racine de la cuisse, sous rachianesthésie.",
            "L’exploration montre une lésion du ménisque interne en anse de seau, réductible. Le cartilage et les \
             ligaments croisés sont sains.",
            "Suture méniscale par trois points. Lavage, fermeture, pansement compressif. Pas d’incident.",
        ],
    ),
    letter(
        Discharge,
        "Sortie après chirurgie ambulatoire du genou",
        6,
        18,
        &[
            "L’intervention s’est passée simplement et la sortie a eu lieu le jour même, accompagnée.",
            "Appui soulagé par deux cannes pendant quatre semaines. La flexion est limitée à 90 degrés.",
            "Rééducation à débuter dans dix jours. Consultation de contrôle à un mois avec le chirurgien.",
            "Consulter sans attendre en cas de fièvre, de mollet douloureux ou de pansement qui saigne.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance de sortie",
        6,
        18,
        &[
            "Paracétamol 1 g, un comprimé matin, midi et soir pendant sept jours.",
            "Énoxaparine 4 000 UI, une injection sous-cutanée par jour pendant quatorze jours.",
            "Genou à glacer vingt minutes, quatre fois par jour.",
        ],
    ),
];

const HEART: &[Letter] = &[
    letter(
        Discharge,
        "Sortie de cardiologie",
        1,
        64,
        &[
            "Hospitalisation de cinq jours pour un essoufflement apparu en une semaine, avec des chevilles gonflées.",
            "Le traitement diurétique a permis une perte de quatre kilos et la disparition de la gêne. \
             L’électrocardiogramme montre une arythmie connue, bien ralentie.",
            "Retour à domicile avec passage d’une infirmière trois fois par semaine. Repas peu salés, pesée le matin : \
             prévenir si le poids monte de deux kilos en trois jours.",
        ],
    ),
    letter(
        Consultation,
        "Consultation de cardiologie",
        1,
        22,
        &[
            "Madame Rousselin vient avec sa fille. Elle marche de nouveau jusqu’au marché sans s’arrêter.",
            "Les bruits du cœur sont irréguliers, sans souffle nouveau. Pas d’œdème. Tension 12/7.",
            "L’anticoagulant reste bien réglé. Prochain contrôle dans trois mois, plus tôt si besoin.",
        ],
    ),
    letter(
        Imaging,
        "Radiographie du thorax",
        4,
        69,
        &[
            "Cliché de face, debout, en inspiration satisfaisante.",
            "La silhouette du cœur est élargie. Un peu de liquide comble le cul-de-sac droit.",
            "Conclusion : aspect en faveur d’une poussée d’insuffisance cardiaque.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : traitement cardiologique",
        1,
        22,
        &[
            "Furosémide 40 mg, un comprimé le matin.",
            "Bisoprolol 2,5 mg, un comprimé le matin.",
            "Warfarine selon l’INR, objectif entre 2 et 3, dosage une fois par mois.",
        ],
    ),
];

const ASTHMA: &[Letter] = &[
    letter(
        Consultation,
        "Consultation de pneumologie pédiatrique",
        7,
        41,
        &[
            "Lucas a fait une seule crise depuis le printemps, au retour d’une sortie à la ferme. Il dort bien et \
             court sans gêne.",
            "L’auscultation est claire. Le souffle est normal pour sa taille.",
            "Le traitement de fond est diminué. Le plan d’action en cas de crise a été relu avec lui et ses parents.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : traitement de l’asthme",
        7,
        41,
        &[
            "Fluticasone 50 µg en aérosol, une bouffée matin et soir avec la chambre d’inhalation, trois mois.",
            "Salbutamol 100 µg, deux bouffées en cas de gêne, à renouveler après vingt minutes si besoin.",
        ],
    ),
];

const DIABETES: &[Letter] = &[
    letter(
        Consultation,
        "Consultation de diabétologie",
        8,
        47,
        &[
            "L’équilibre du diabète s’améliore nettement depuis un an. Les repas sont plus réguliers et la marche est \
             devenue quotidienne.",
            "Pas d’hypoglycémie. L’examen des pieds ne montre ni plaie ni perte de sensibilité.",
            "Le traitement est poursuivi. Un fond d’œil et un dosage de l’albumine urinaire sont à faire cette année.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : traitement du diabète",
        8,
        47,
        &[
            "Metformine 1 000 mg, un comprimé au milieu du repas, matin et soir.",
            "Empagliflozine 10 mg, un comprimé le matin.",
            "Bandelettes de glycémie capillaire, une boîte par mois.",
        ],
    ),
    letter(
        Imaging,
        "Rétinographie",
        4,
        130,
        &[
            "Clichés des deux yeux sans dilatation, de bonne qualité.",
            "Quelques microanévrismes à droite, rien à gauche. La macula est respectée.",
            "Conclusion : atteinte minime. Contrôle dans un an.",
        ],
    ),
];

const THYROID: &[Letter] = &[
    letter(
        Consultation,
        "Consultation d’endocrinologie",
        8,
        58,
        &[
            "La fatigue et la frilosité décrites depuis l’hiver s’expliquent par une thyroïde un peu paresseuse.",
            "Une petite dose de lévothyroxine est débutée. Un dosage est prévu dans six semaines.",
            "Une échographie est demandée devant un lobe droit un peu volumineux à la palpation.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : lévothyroxine",
        8,
        58,
        &["Lévothyroxine 50 µg, un comprimé le matin à jeun, une demi-heure avant le petit déjeuner."],
    ),
    letter(
        Imaging,
        "Échographie de la thyroïde",
        4,
        9,
        &[
            "Le lobe droit porte un nodule solide de quatorze millimètres, à contours nets.",
            "Le lobe gauche est homogène. Pas de ganglion suspect.",
            "Conclusion : une cytoponction est à discuter. Résultat à commenter en consultation.",
        ],
    )
    .held(),
];

const PREGNANCY: &[Letter] = &[
    letter(
        Imaging,
        "Échographie du deuxième trimestre",
        4,
        37,
        &[
            "Grossesse unique évolutive. La croissance est harmonieuse, au milieu des courbes.",
            "Les organes visibles ont un aspect habituel. Le placenta est antérieur, à distance du col.",
            "Conclusion : examen sans particularité à ce terme.",
        ],
    ),
    letter(
        Consultation,
        "Consultation prénatale du sixième mois",
        3,
        24,
        &[
            "La grossesse se déroule bien. La fatigue du matin s’explique par un manque de fer.",
            "Tension 11/6, hauteur utérine conforme, bruits du cœur réguliers. Le bébé bouge bien.",
            "La préparation à la naissance commence le mois prochain. L’entretien avec la sage-femme est fixé.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : fer et vitamine D",
        3,
        24,
        &[
            "Ascorbate ferreux 50 mg, une ampoule matin et soir avant le repas, deux mois.",
            "Cholécalciférol 100 000 UI, une ampoule en une seule prise.",
        ],
    ),
];

const COLON: &[Letter] = &[
    letter(
        Consultation,
        "Consultation de gastro-entérologie",
        10,
        38,
        &[
            "Une fatigue et une anémie par manque de fer ont conduit à cette consultation. Le transit a changé depuis \
             trois mois, sans douleur marquée.",
            "L’abdomen est souple. Une coloscopie est proposée et sa préparation expliquée.",
        ],
    ),
    letter(
        Imaging,
        "Scanner de l’abdomen",
        4,
        16,
        &[
            "Examen réalisé avec injection, bien supporté.",
            "Le foie, la rate et les reins ont un aspect normal. Un épaississement court du côlon gauche est noté.",
            "Conclusion : à confronter aux données de la coloscopie.",
        ],
    ),
    letter(
        Prescription,
        "Ordonnance : préparation à la coloscopie",
        10,
        38,
        &[
            "Régime sans résidu pendant les trois jours qui précèdent l’examen.",
            "Macrogol, deux litres la veille au soir et un litre le matin, terminé trois heures avant l’examen.",
        ],
    ),
    letter(
        Pathology,
        "Biopsies coliques : examen anatomopathologique",
        9,
        8,
        &[
            "Nature du prélèvement : cinq fragments du côlon gauche.",
            "Les fragments montrent des lésions dont la nature est détaillée dans la fiche jointe au dossier.",
            "Conclusion : dossier inscrit à la prochaine réunion pluridisciplinaire, annonce à organiser.",
        ],
    )
    .held(),
];
