//! `[passwords]`: what the hospital asks of its administrators' passwords (segur IAM.92).

use super::reading::{Section, number};
use identity::{PasswordPolicy, PolicyNumbers, Population};

/// Reads it; what it does not say is as Poterne asks. `None` after a mistake was noted.
pub(super) fn passwords(section: &Section<'_>) -> Option<PasswordPolicy> {
    let default = PasswordPolicy::default_for(Population::Administrators);
    let chars = section.optional("administrators_chars_min", |value| number(value, 1, 1000));
    let classes = section.optional("administrators_classes_min", |value| number(value, 1, 4));
    let bits = section.optional("administrators_bits_min", |value| number(value, 1, 200));
    let days = section.optional("administrators_expires_days", |value| number(value, 1, 10_000));
    section.finish();
    let asked = PolicyNumbers {
        chars_min: chars.map_or(default.chars_min(), |chars| u16::try_from(chars).unwrap_or(u16::MAX)),
        classes_min: classes.map_or(default.classes_min(), |classes| u8::try_from(classes).unwrap_or(u8::MAX)),
        bits_min: bits.map_or(default.bits_min(), |bits| u8::try_from(bits).unwrap_or(u8::MAX)),
        expires_days: days.map_or(default.expires_days(), |days| u32::try_from(days).ok()),
    };
    match PasswordPolicy::new(Population::Administrators, asked) {
        Ok(policy) => Some(policy),
        Err(bad) => {
            section.wrong(key_of(bad), bad.to_string(), "a hospital may ask for more than Poterne does, not for less");
            None
        }
    }
}

fn key_of(bad: identity::BadPolicy) -> &'static str {
    match bad {
        identity::BadPolicy::Outside { key: "chars_min", .. } => "administrators_chars_min",
        identity::BadPolicy::Outside { key: "classes_min", .. } => "administrators_classes_min",
        identity::BadPolicy::Outside { key: "bits_min", .. } => "administrators_bits_min",
        identity::BadPolicy::Outside { .. } | identity::BadPolicy::NeverExpires { .. } => "administrators_expires_days",
    }
}
