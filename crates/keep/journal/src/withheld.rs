//! Health data that arrived and was not yet traced: opaque until the journal names what is in it.

use policy::Scope;
use types::{ObjectRef, PatientId};

/// Rows read from the SIS or the database, each checked against the scope, sealed from view until [`crate::Journal::release`].
/// There is no way to look inside, not even at how many there are.
pub struct Withheld<T> {
    value: T,
    patients: Vec<PatientId>,
    objects: Vec<ObjectRef>,
}

/// A row outside the scope that was asked for: the page is withheld and the anomaly traced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the source answered with something outside the scope asked for: {0}")]
pub struct Stray(pub String);

impl<T> Withheld<Vec<T>> {
    /// Withholds rows about patients' persons.
    pub fn people(scope: &Scope, rows: Vec<(PatientId, T)>) -> Result<Self, Stray> {
        if let Some((patient, _)) = rows.iter().find(|(patient, _)| !scope.admits_person(*patient)) {
            return Err(Stray(format!("patient {patient}")));
        }
        let patients = rows.iter().map(|(patient, _)| *patient).collect();
        Ok(Self { value: rows.into_iter().map(|(_, row)| row).collect(), patients, objects: Vec::new() })
    }

    /// Withholds rows about objects of records.
    pub fn objects(scope: &Scope, rows: Vec<(ObjectRef, T)>) -> Result<Self, Stray> {
        if let Some((object, _)) = rows.iter().find(|(object, _)| !scope.admits(object)) {
            return Err(Stray(format!("{} {} ({})", object.category, object.id, object.confidentiality)));
        }
        let (objects, value) = rows.into_iter().unzip();
        Ok(Self { value, patients: Vec::new(), objects })
    }
}

/// Part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub rows: Vec<T>,
    /// Which page, from 1.
    pub number: u32,
    /// Whether more follow.
    pub has_more: bool,
}

impl<T> Withheld<Vec<T>> {
    /// The rows as a page of a list. (No closure maps a withheld value: it could look inside.)
    pub fn page(self, number: u32, has_more: bool) -> Withheld<Page<T>> {
        let value = Page { rows: self.value, number, has_more };
        Withheld { value, patients: self.patients, objects: self.objects }
    }
}

impl<T> Withheld<T> {
    /// Two withheld things as one, for a page that shows both under one trace.
    pub fn and<U>(mut self, other: Withheld<U>) -> Withheld<(T, U)> {
        self.patients.extend(other.patients);
        self.objects.extend(other.objects);
        Withheld { value: (self.value, other.value), patients: self.patients, objects: self.objects }
    }

    /// With another thing that the scope may not reach.
    pub fn and_maybe<U>(mut self, other: Option<Withheld<U>>) -> Withheld<(T, Option<U>)> {
        let other = other.map(|other| {
            self.patients.extend(other.patients);
            self.objects.extend(other.objects);
            other.value
        });
        Withheld { value: (self.value, other), patients: self.patients, objects: self.objects }
    }

    /// Whom and what the trace must name.
    pub(crate) fn names(&self) -> (Vec<PatientId>, &[ObjectRef]) {
        let mut patients = self.patients.clone();
        patients.extend(self.objects.iter().map(|object| object.patient));
        patients.sort_unstable();
        patients.dedup();
        (patients, &self.objects)
    }

    /// Only the journal opens, once the trace is durable.
    pub(crate) fn open(self) -> T {
        self.value
    }
}
