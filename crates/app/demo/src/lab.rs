//! Laboratory panels, and values that a physician would believe.

use crate::{letters::Story, people::Sex};
use fastrand::Rng;

/// A decimal kept exactly: `scaled / 10^decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// The digits, without the point.
    pub scaled: i64,
    /// How many digits follow the point.
    pub decimals: u8,
}

impl Amount {
    fn round(value: f64, decimals: u8) -> Self {
        Self { scaled: (value * 10f64.powi(i32::from(decimals))).round() as i64, decimals }
    }

    /// As a number.
    pub fn value(self) -> f64 {
        self.scaled as f64 / 10f64.powi(i32::from(self.decimals))
    }

    /// As the French write it, with a comma.
    pub fn french(self) -> String {
        format!("{:.*}", usize::from(self.decimals), self.value()).replace('.', ",")
    }
}

/// Where a value stands against its reference range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Below.
    Low,
    /// Within.
    Normal,
    /// Above.
    High,
}

impl Flag {
    /// HL7's code.
    pub const fn code(self) -> &'static str {
        match self {
            Flag::Low => "L",
            Flag::Normal => "N",
            Flag::High => "H",
        }
    }

    /// The French word.
    pub const fn french(self) -> &'static str {
        match self {
            Flag::Low => "Bas",
            Flag::Normal => "Normal",
            Flag::High => "Élevé",
        }
    }
}

type Bounds = (Option<f64>, Option<f64>);

/// Something a laboratory measures.
#[derive(Debug, PartialEq)]
pub struct Analyte {
    /// LOINC code.
    pub loinc: &'static str,
    /// French name.
    pub name: &'static str,
    /// The unit as printed in France.
    pub unit: &'static str,
    /// The unit in UCUM.
    pub ucum: &'static str,
    decimals: u8,
    female: Bounds,
    male: Bounds,
    usual: f64,
    spread: f64,
}

/// One measured value.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Logical id of the `Observation`.
    pub id: String,
    /// What was measured.
    pub analyte: &'static Analyte,
    /// The value.
    pub amount: Amount,
    /// Lower end of the reference range.
    pub low: Option<Amount>,
    /// Upper end of the reference range.
    pub high: Option<Amount>,
    /// Where it stands.
    pub flag: Flag,
}

impl Measure {
    /// The reference range as printed.
    pub fn range_french(&self) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!("{} – {}", low.french(), high.french()),
            (Some(low), None) => format!("> {}", low.french()),
            (None, Some(high)) => format!("< {}", high.french()),
            (None, None) => String::new(),
        }
    }
}

/// What is measured together.
pub(crate) struct Panel {
    pub loinc: &'static str,
    pub title: &'static str,
    analytes: &'static [Analyte],
}

#[allow(clippy::too_many_arguments, reason = "one line of a table")]
const fn both(
    loinc: &'static str,
    name: &'static str,
    unit: &'static str,
    ucum: &'static str,
    decimals: u8,
    bounds: Bounds,
    usual: f64,
    spread: f64,
) -> Analyte {
    Analyte { loinc, name, unit, ucum, decimals, female: bounds, male: bounds, usual, spread }
}

impl Analyte {
    const fn for_men(mut self, bounds: Bounds) -> Self {
        self.male = bounds;
        self
    }
}

const fn within(low: f64, high: f64) -> Bounds {
    (Some(low), Some(high))
}

const fn below(high: f64) -> Bounds {
    (None, Some(high))
}

pub(crate) const BLOOD_COUNT: Panel = Panel {
    loinc: "58410-2",
    title: "Numération formule sanguine",
    analytes: &[
        both("6690-2", "Leucocytes", "G/L", "10*9/L", 1, within(4.0, 10.0), 6.8, 1.5),
        both("789-8", "Hématies", "T/L", "10*12/L", 2, within(3.8, 5.3), 4.5, 0.3).for_men(within(4.3, 5.8)),
        both("718-7", "Hémoglobine", "g/dL", "g/dL", 1, within(12.0, 16.0), 13.9, 0.8).for_men(within(13.0, 17.0)),
        both("4544-3", "Hématocrite", "%", "%", 1, within(36.0, 46.0), 41.0, 2.0).for_men(within(39.0, 50.0)),
        both("787-2", "Volume globulaire moyen", "fL", "fL", 0, within(80.0, 98.0), 89.0, 3.0),
        both("777-3", "Plaquettes", "G/L", "10*9/L", 0, within(150.0, 400.0), 245.0, 45.0),
        both("751-8", "Polynucléaires neutrophiles", "G/L", "10*9/L", 2, within(1.8, 7.5), 4.0, 0.9),
        both("731-0", "Lymphocytes", "G/L", "10*9/L", 2, within(1.0, 4.0), 2.0, 0.5),
    ],
};

pub(crate) const RENAL: Panel = Panel {
    loinc: "24326-1",
    title: "Ionogramme sanguin et fonction rénale",
    analytes: &[
        both("2951-2", "Sodium", "mmol/L", "mmol/L", 0, within(136.0, 145.0), 140.0, 2.0),
        both("2823-3", "Potassium", "mmol/L", "mmol/L", 1, within(3.5, 5.1), 4.2, 0.3),
        both("2075-0", "Chlorures", "mmol/L", "mmol/L", 0, within(98.0, 107.0), 102.0, 2.0),
        both("22664-7", "Urée", "mmol/L", "mmol/L", 1, within(2.8, 8.1), 5.2, 1.1),
        both("14682-9", "Créatinine", "µmol/L", "umol/L", 0, within(44.0, 80.0), 66.0, 8.0)
            .for_men(within(62.0, 106.0)),
        both("14749-6", "Glucose à jeun", "mmol/L", "mmol/L", 1, within(3.9, 6.1), 5.0, 0.4),
        both("1988-5", "Protéine C réactive", "mg/L", "mg/L", 1, below(5.0), 2.1, 1.2),
    ],
};

pub(crate) const LIPIDS: Panel = Panel {
    loinc: "24331-1",
    title: "Bilan lipidique",
    analytes: &[
        both("14647-2", "Cholestérol total", "mmol/L", "mmol/L", 2, below(5.2), 4.9, 0.6),
        both("14646-4", "Cholestérol HDL", "mmol/L", "mmol/L", 2, (Some(1.0), None), 1.4, 0.2),
        both("14927-8", "Triglycérides", "mmol/L", "mmol/L", 2, below(1.7), 1.2, 0.3),
        both("22748-8", "Cholestérol LDL", "mmol/L", "mmol/L", 2, below(3.4), 3.0, 0.4),
    ],
};

pub(crate) const LIVER: Panel = Panel {
    loinc: "24325-3",
    title: "Bilan hépatique",
    analytes: &[
        both("1742-6", "ALAT", "U/L", "U/L", 0, below(35.0), 22.0, 6.0).for_men(below(45.0)),
        both("1920-8", "ASAT", "U/L", "U/L", 0, below(35.0), 23.0, 5.0).for_men(below(40.0)),
        both("2324-2", "Gamma-GT", "U/L", "U/L", 0, below(40.0), 24.0, 8.0).for_men(below(60.0)),
        both("6768-6", "Phosphatases alcalines", "U/L", "U/L", 0, within(35.0, 105.0), 68.0, 14.0),
        both("14631-6", "Bilirubine totale", "µmol/L", "umol/L", 0, below(21.0), 10.0, 3.0),
    ],
};

pub(crate) const COAGULATION: Panel = Panel {
    loinc: "34528-0",
    title: "Bilan d’hémostase",
    analytes: &[
        both("5894-1", "Taux de prothrombine", "%", "%", 0, within(70.0, 120.0), 94.0, 6.0),
        both("6301-6", "INR", "", "{INR}", 2, within(0.8, 1.2), 1.0, 0.05),
        both("14979-9", "Temps de céphaline activée", "s", "s", 0, within(25.0, 37.0), 31.0, 2.0),
        both("3255-7", "Fibrinogène", "g/L", "g/L", 1, within(2.0, 4.0), 3.0, 0.4),
    ],
};

pub(crate) const HBA1C: Panel = Panel {
    loinc: "4548-4",
    title: "Hémoglobine glyquée (HbA1c)",
    analytes: &[
        both("4548-4", "HbA1c", "%", "%", 1, within(4.0, 6.0), 5.3, 0.2),
        both("59261-8", "HbA1c (IFCC)", "mmol/mol", "mmol/mol", 0, within(20.0, 42.0), 34.0, 2.0),
    ],
};

pub(crate) const THYROID: Panel = Panel {
    loinc: "3016-3",
    title: "Bilan thyroïdien",
    analytes: &[
        both("3016-3", "TSH", "mUI/L", "m[IU]/L", 2, within(0.4, 4.0), 1.9, 0.5),
        both("14920-3", "T4 libre", "pmol/L", "pmol/L", 1, within(12.0, 22.0), 16.0, 1.5),
    ],
};

pub(crate) const IRON: Panel = Panel {
    loinc: "2276-4",
    title: "Bilan martial",
    analytes: &[
        both("2276-4", "Ferritine", "µg/L", "ug/L", 0, within(15.0, 150.0), 70.0, 20.0).for_men(within(30.0, 400.0))
    ],
};

pub(crate) const CARDIAC: Panel = Panel {
    loinc: "33762-6",
    title: "NT-proBNP",
    analytes: &[both("33762-6", "NT-proBNP", "ng/L", "ng/L", 0, below(450.0), 160.0, 60.0)],
};

pub(crate) const BREAST_MARKER: Panel = Panel {
    loinc: "6875-9",
    title: "Marqueur CA 15-3",
    analytes: &[both("6875-9", "CA 15-3", "U/mL", "U/mL", 1, below(30.0), 18.0, 4.0)],
};

pub(crate) const COLON_MARKER: Panel = Panel {
    loinc: "2039-6",
    title: "Antigène carcino-embryonnaire",
    analytes: &[both("2039-6", "ACE", "µg/L", "ug/L", 1, below(5.0), 2.2, 0.7)],
};

/// What an illness changes: the usual value and its spread.
fn shifted(story: Story, loinc: &str) -> Option<(f64, f64)> {
    Some(match (story, loinc) {
        (Story::Dialysis, "14682-9") => (640.0, 70.0),
        (Story::Dialysis, "22664-7") => (21.0, 3.0),
        (Story::Dialysis, "2823-3") => (5.2, 0.3),
        (Story::Dialysis, "718-7") => (11.0, 0.6),
        (Story::Dialysis, "2276-4") => (310.0, 60.0),
        (Story::Diabetes, "14749-6") => (8.3, 1.1),
        (Story::Diabetes, "14927-8") => (2.0, 0.4),
        (Story::Diabetes, "14647-2") => (5.4, 0.5),
        (Story::Heart, "33762-6") => (1650.0, 420.0),
        (Story::Heart, "14682-9") => (92.0, 8.0),
        (Story::Heart, "5894-1") => (34.0, 5.0),
        (Story::Heart, "6301-6") => (2.5, 0.3),
        (Story::Thyroid, "3016-3") => (5.6, 1.4),
        (Story::Pregnancy, "718-7") => (11.2, 0.5),
        (Story::Pregnancy, "2276-4") => (13.0, 4.0),
        (Story::Breast, "6875-9") => (38.0, 3.0),
        (Story::Colon, "2039-6") => (7.4, 0.8),
        (Story::Colon, "718-7") => (11.4, 0.6),
        (Story::Colon, "2276-4") => (14.0, 4.0),
        (Story::Knee, "1988-5") => (11.0, 6.0),
        _ => return None,
    })
}

/// Draws the values of one panel. `progress` runs from 0 (oldest) to 1 (newest): a diabetes gets better treated.
pub(crate) fn draw(
    panel: &Panel,
    story: Story,
    sex: Sex,
    progress: f64,
    rng: &mut Rng,
    id: impl Fn(usize) -> String,
) -> Vec<Measure> {
    let mut values: Vec<f64> = panel
        .analytes
        .iter()
        .map(|analyte| {
            let (mut usual, spread) = shifted(story, analyte.loinc).unwrap_or((analyte.usual, analyte.spread));
            if sex == Sex::Male && matches!(analyte.loinc, "718-7" | "14682-9" | "2276-4") && usual < 100.0 {
                usual *= 1.1;
            }
            (usual + spread * bell(rng)).max(usual * 0.2)
        })
        .collect();
    bind(panel, story, progress, rng, &mut values);
    let pairs = panel.analytes.iter().zip(values).enumerate();
    pairs.map(|(index, (analyte, value))| measure(analyte, value, sex, id(index))).collect()
}

/// Values that depend on one another agree.
fn bind(panel: &Panel, story: Story, progress: f64, rng: &mut Rng, values: &mut [f64]) {
    match (panel.loinc, values) {
        // Red cells from hemoglobin and volume; neutrophils and lymphocytes as shares of the white cells.
        ("58410-2", [white, red, hemoglobin, hematocrit, volume, _, neutrophils, lymphocytes]) => {
            *hematocrit = *hemoglobin * 2.95;
            *red = *hematocrit * 10.0 / *volume;
            let share = 0.56 + 0.05 * bell(rng);
            *neutrophils = *white * share;
            *lymphocytes = *white * (0.92 - share);
        }
        // Friedewald's formula in mmol/L.
        ("24331-1", [total, hdl, triglycerides, ldl]) => *ldl = (*total - *hdl - *triglycerides / 2.2).max(0.5),
        // The two units are one measure: IFCC = 10.93 × NGSP − 23.5.
        ("4548-4", [percent, ifcc]) => {
            if story == Story::Diabetes {
                *percent = 8.9 - 1.9 * progress + 0.15 * bell(rng);
            }
            *ifcc = 10.93 * *percent - 23.5;
        }
        _ => {}
    }
}

fn measure(analyte: &'static Analyte, value: f64, sex: Sex, id: String) -> Measure {
    let (low, high) = if sex == Sex::Female { analyte.female } else { analyte.male };
    let amount = Amount::round(value, analyte.decimals);
    let exact = |bound: Option<f64>| bound.map(|bound| Amount::round(bound, analyte.decimals));
    let (low, high) = (exact(low), exact(high));
    // All three have the same number of decimals, so that whole numbers compare.
    let flag = if low.is_some_and(|low| amount.scaled < low.scaled) {
        Flag::Low
    } else if high.is_some_and(|high| amount.scaled > high.scaled) {
        Flag::High
    } else {
        Flag::Normal
    };
    Measure { id, analyte, amount, low, high, flag }
}

/// Roughly normal, between -3 and 3.
fn bell(rng: &mut Rng) -> f64 {
    (0..6).map(|_| rng.f64()).sum::<f64>() - 3.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn amounts_are_exact_and_french() {
        assert_eq!(Amount::round(7.05, 1).french(), "7,1");
        assert_eq!(Amount::round(245.4, 0).french(), "245");
        assert_eq!(Amount::round(1.0, 2).value().to_string(), "1");
    }

    #[test]
    fn flags_follow_the_range() {
        let analyte = &BLOOD_COUNT.analytes[2];
        for (value, sex, flag) in [
            (11.94, Sex::Female, Flag::Low),
            (11.96, Sex::Female, Flag::Normal),
            (12.5, Sex::Male, Flag::Low),
            (16.04, Sex::Female, Flag::Normal),
            (16.06, Sex::Female, Flag::High),
        ] {
            assert_eq!(measure(analyte, value, sex, String::new()).flag, flag, "{value}");
        }
    }

    #[test]
    fn dependent_values_agree() {
        let mut rng = Rng::with_seed(3);
        let lipids = draw(&LIPIDS, Story::Diabetes, Sex::Male, 0.0, &mut rng, |_| String::new());
        let value = |index: usize| lipids[index].amount.value();
        assert!((value(0) - value(1) - value(2) / 2.2 - value(3)).abs() < 0.02);
        let old = draw(&HBA1C, Story::Diabetes, Sex::Male, 0.0, &mut rng, |_| String::new());
        let new = draw(&HBA1C, Story::Diabetes, Sex::Male, 1.0, &mut rng, |_| String::new());
        assert!(old[0].amount.value() > new[0].amount.value());
    }
}
