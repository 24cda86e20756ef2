//! Values that never show themselves in a log, and are wiped when dropped.

use std::fmt;
use zeroize::Zeroize;

/// A secret. `Debug` says only that it is one; there is no `Display`, no `Clone`.
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes charge of a secret.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The secret itself; every call is a place to review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
