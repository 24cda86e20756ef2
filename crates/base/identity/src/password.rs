//! Which passwords are taken, and from whom (acces-web AA4, clausier O-5.1 and O-5.2, segur SC.SSI/IAM.92).
//!
//! A password is always asked for together with a second factor, and wrong ones cost waiting ([`crate::pair_wait`]). The
//! CNIL's advice of 2022 then asks for 50 bits; here they are bits of an estimate that knows words, names, dates and
//! keyboards, which is more than the number of characters tells. Nothing here knows a clock: who asks for a renewal
//! compares [`PasswordPolicy::expires_days`] with what he keeps.

mod estimate;
mod keyboard;
#[cfg(test)]
mod tests;
mod words;

use estimate::CHARACTERS_READ;
use std::{collections::BTreeSet, time::Duration};
use types::{Role, Secret, Time};

/// Bounds what a stranger can make us hash; far above any length that a person types (ANSSI 2021: no short maximum).
pub(crate) const PASSWORD_BYTES_MAX: usize = 1024;
/// No policy asks for fewer characters.
pub(crate) const CHARS_LEAST: u16 = 12;
/// As many words stand in for kinds of characters: the CNIL counts seven words for as much as twelve characters of four kinds.
const WORDS_FOR_KINDS: u8 = 7;

/// People whose passwords follow one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Population {
    /// Patients, and who acts for them.
    Patients,
    /// Health professionals from outside.
    Professionals,
    /// Suppliers' people, and auditors, who come in by the same door.
    Suppliers,
    /// The hospital's staff.
    Staff,
    /// Who administers Poterne.
    Administrators,
}

impl Population {
    /// Every population, in a stable order.
    pub const ALL: &'static [Self] =
        &[Self::Patients, Self::Professionals, Self::Suppliers, Self::Staff, Self::Administrators];

    /// The word used in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Patients => "patients",
            Self::Professionals => "professionals",
            Self::Suppliers => "suppliers",
            Self::Staff => "staff",
            Self::Administrators => "administrators",
        }
    }
}

impl From<Role> for Population {
    /// Administrators manage equipment and other people's means. The trace controller is one: alone he reads what everybody
    /// did, and with a second he decides how long it is kept. Beneficiaries decide too, but with a passkey's signature, and
    /// who may cut takes rights away and gives none: they are staff.
    fn from(role: Role) -> Self {
        match role {
            Role::Patient | Role::Relative => Self::Patients,
            Role::Professional => Self::Professionals,
            Role::Technician | Role::SupplierManager | Role::Auditor => Self::Suppliers,
            Role::Beneficiary | Role::OnCall | Role::SecurityOfficer | Role::Dpo => Self::Staff,
            Role::Administrator | Role::TraceController => Self::Administrators,
        }
    }
}

/// What is asked of a population's passwords, as numbers: what a configuration says, not yet compared with the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyNumbers {
    /// Characters, at least.
    pub chars_min: u16,
    /// Kinds of characters (lower case, upper case, digits, others), at least; seven words stand in for them.
    pub classes_min: u8,
    /// Bits of the estimate (the binary logarithm of the guesses), at least.
    pub bits_min: u8,
    /// Days after which another one is asked for.
    pub expires_days: Option<u32>,
}

/// What is asked of a population's passwords, never less than [`PasswordPolicy::floor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordPolicy(PolicyNumbers);

/// Asked for at most: more could not be seen in the characters that are looked at, or could not be typed.
const CHARS_MOST: u16 = 64;
const BITS_MOST: u8 = 100;
/// The ANSSI's advice of 2021 for privileged accounts: between one and three years.
const ADMINISTRATORS_EXPIRES_DAYS: u32 = 365;
const ADMINISTRATORS_EXPIRES_DAYS_MOST: u32 = 3 * 365;
/// More often, people number their passwords.
const EXPIRES_DAYS_LEAST: u32 = 60;

impl PasswordPolicy {
    /// What Poterne asks for where the hospital says nothing.
    pub const fn default_for(population: Population) -> Self {
        match population {
            // Fifteen characters: the ANSSI's word for what is sensitive.
            Population::Administrators => Self(PolicyNumbers {
                chars_min: 15,
                classes_min: 3,
                bits_min: 60,
                expires_days: Some(ADMINISTRATORS_EXPIRES_DAYS),
            }),
            _ => Self::floor(population),
        }
    }

    /// The least that a hospital may ask for.
    pub const fn floor(population: Population) -> Self {
        let ordinary = PolicyNumbers { chars_min: CHARS_LEAST, classes_min: 1, bits_min: 50, expires_days: None };
        match population {
            Population::Administrators => Self(PolicyNumbers {
                classes_min: 3,
                bits_min: 55,
                expires_days: Some(ADMINISTRATORS_EXPIRES_DAYS_MOST),
                ..ordinary
            }),
            _ => Self(ordinary),
        }
    }

    /// Takes what a hospital asks for: as strict as the floor or stricter, within what people can do.
    pub fn new(population: Population, asked: PolicyNumbers) -> Result<Self, BadPolicy> {
        let PolicyNumbers { chars_min, classes_min, bits_min, expires_days } = Self::floor(population).0;
        let within = |key, asked: u32, least: u32, most: u32| {
            if (least..=most).contains(&asked) { Ok(()) } else { Err(BadPolicy::Outside { key, least, most }) }
        };
        within("chars_min", asked.chars_min.into(), chars_min.into(), CHARS_MOST.into())?;
        within("classes_min", asked.classes_min.into(), classes_min.into(), 4)?;
        within("bits_min", asked.bits_min.into(), bits_min.into(), BITS_MOST.into())?;
        match (asked.expires_days, expires_days) {
            (None, None) => {}
            (None, Some(most)) => return Err(BadPolicy::NeverExpires { most }),
            (Some(days), most) => {
                within("expires_days", days, EXPIRES_DAYS_LEAST, most.unwrap_or(ADMINISTRATORS_EXPIRES_DAYS_MOST))?;
            }
        }
        Ok(Self(asked))
    }

    /// Characters, at least.
    pub const fn chars_min(&self) -> u16 {
        self.0.chars_min
    }

    /// Kinds of characters, at least.
    pub const fn classes_min(&self) -> u8 {
        self.0.classes_min
    }

    /// Bits of the estimate, at least.
    pub const fn bits_min(&self) -> u8 {
        self.0.bits_min
    }

    /// Days after which another password is asked for; never, without.
    pub const fn expires_days(&self) -> Option<u32> {
        self.0.expires_days
    }

    /// Whether a password that is the same since `since` is older than it may be. One whose age was not kept is not, until
    /// it is changed.
    pub fn is_due(&self, since: Option<Time>, now: Time) -> bool {
        let life = self.expires_days().map(|days| Duration::from_secs(u64::from(days) * 86_400));
        since.zip(life).is_some_and(|(since, life)| now >= since + life)
    }
}

/// Why what a hospital asks for cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPolicy {
    /// A number below the floor, or above what makes sense.
    #[error("{key} must be between {least} and {most} for these accounts")]
    Outside {
        /// The number's name.
        key: &'static str,
        /// The floor.
        least: u32,
        /// The ceiling.
        most: u32,
    },
    /// The passwords of these accounts are renewed.
    #[error("expires_days must be given for these accounts ({most} at most): their passwords are renewed")]
    NeverExpires {
        /// Days, at most.
        most: u32,
    },
}

/// How strong a password is, as the estimate sees it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Strength {
    guesses_log10: f64,
}

impl Strength {
    /// The guesses it takes, as a power of ten.
    pub const fn guesses_log10(self) -> f64 {
        self.guesses_log10
    }

    /// The same in bits.
    pub fn bits(self) -> f64 {
        self.guesses_log10 * std::f64::consts::LOG2_10
    }
}

/// What a guessable password was mostly taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// Usual words, or a password that many people have.
    CommonWord,
    /// First or family names.
    Name,
    /// The owner's own words: login, name, establishment, product.
    Personal,
    /// The same again.
    Repeated,
    /// "abcd", "9876".
    Sequence,
    /// Neighboring keys.
    Keyboard,
    /// Years, days, dates.
    Date,
    /// Nothing in particular: it is too short for what it is made of.
    Other,
}

impl Because {
    /// Every reason, in a stable order.
    pub const ALL: &'static [Self] = &[
        Self::CommonWord,
        Self::Name,
        Self::Personal,
        Self::Repeated,
        Self::Sequence,
        Self::Keyboard,
        Self::Date,
        Self::Other,
    ];
}

/// Why a new password is not taken. It says what to do and holds no part of the password; users' sentences are in the locales.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Fewer characters than asked for.
    #[error("too short: {min} characters at least")]
    TooShort {
        /// Characters, at least.
        min: u16,
    },
    /// More bytes than we hash.
    #[error("too long: {max_bytes} bytes at most")]
    TooLong {
        /// Bytes, at most.
        max_bytes: usize,
    },
    /// Too few kinds of characters, and too few words to do without.
    #[error("too few kinds of characters: {min} at least, or {words_min} words")]
    FewKinds {
        /// Kinds of characters, at least.
        min: u8,
        /// Different words that stand in for them.
        words_min: u8,
    },
    /// Too few guesses.
    #[error("guessable ({because:?})")]
    Guessable {
        /// What it was mostly taken for.
        because: Because,
    },
}

/// How a text is out of bounds.
pub(crate) enum OutOfBounds {
    Short,
    Long,
}

/// The bounds that need no estimate: what [`check`] and [`crate::hash_password`] share.
pub(crate) fn bounded(text: &str, chars_min: u16) -> Result<(), OutOfBounds> {
    if text.len() > PASSWORD_BYTES_MAX {
        return Err(OutOfBounds::Long);
    }
    if text.chars().count() < usize::from(chars_min) {
        return Err(OutOfBounds::Short);
    }
    Ok(())
}

/// Judges a new password. `personal` are the first words that somebody would try: login, names, the establishment's and
/// the product's.
///
/// Only the first 100 characters are estimated, each in a bounded number of steps: measured, 10 to 20 microseconds for
/// what people type, 1.5 milliseconds for the worst of 1024 bytes that was found, 7 more at the first call, which reads
/// the lists (not optimized: ten to thirty times as much). It belongs where passwords are chosen, beside their hashing;
/// signing in does not ask it.
pub fn check(password: &Secret<String>, policy: &PasswordPolicy, personal: &[&str]) -> Result<Strength, WeakPassword> {
    let text = password.expose();
    bounded(text, policy.chars_min()).map_err(|out| match out {
        OutOfBounds::Short => WeakPassword::TooShort { min: policy.chars_min() },
        OutOfBounds::Long => WeakPassword::TooLong { max_bytes: PASSWORD_BYTES_MAX },
    })?;
    if kinds(text) < policy.classes_min() && words_in(text) < usize::from(WORDS_FOR_KINDS) {
        return Err(WeakPassword::FewKinds { min: policy.classes_min(), words_min: WORDS_FOR_KINDS });
    }
    let estimate = estimate::estimate(text, personal);
    let strength = Strength { guesses_log10: estimate.guesses_log10 };
    if strength.bits() < f64::from(policy.bits_min()) {
        return Err(WeakPassword::Guessable { because: estimate.because });
    }
    Ok(strength)
}

/// How many of the four kinds of characters are there. An accented letter is a letter.
fn kinds(text: &str) -> u8 {
    let has = |kind: fn(char) -> bool| u8::from(text.chars().take(CHARACTERS_READ).any(kind));
    has(char::is_lowercase)
        + has(char::is_uppercase)
        + has(|character| character.is_ascii_digit())
        + has(|character| !(character.is_lowercase() || character.is_uppercase() || character.is_ascii_digit()))
}

/// How many different words of at least three letters are there, one after another.
fn words_in(text: &str) -> usize {
    let read = text.char_indices().nth(CHARACTERS_READ).map_or(text, |(end, _)| text.get(..end).unwrap_or(text));
    let words = read.split(|character: char| !character.is_alphabetic());
    words.filter(|word| word.chars().count() >= 3).collect::<BTreeSet<_>>().len()
}
