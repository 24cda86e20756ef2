//! `technician%target`, `technician:target`, or `technician` alone.

/// The longest user name that means something; the rest of a longer one is not read.
const USER_BYTES_MAX: usize = 320;

/// Who, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// The account's login.
    pub(crate) login: String,
    /// The equipment's name; without one, a menu.
    pub(crate) target: Option<String>,
}

impl Login {
    /// Reads what the client calls its user. Nothing is refused here: what names nobody finds nobody.
    pub(crate) fn parse(user: &str) -> Self {
        let end = (0..=USER_BYTES_MAX.min(user.len())).rev().find(|at| user.is_char_boundary(*at)).unwrap_or(0);
        let user = user.get(..end).unwrap_or("");
        match user.split_once(['%', ':']) {
            Some((login, target)) if !target.is_empty() => {
                Self { login: login.to_owned(), target: Some(target.to_ascii_lowercase()) }
            }
            Some((login, _)) => Self { login: login.to_owned(), target: None },
            None => Self { login: user.to_owned(), target: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_names_a_login_and_a_target() {
        for (user, login, target) in [
            ("erwan.tanguy%scanner-1", "erwan.tanguy", Some("scanner-1")),
            ("erwan.tanguy:scanner-1", "erwan.tanguy", Some("scanner-1")),
            ("erwan.tanguy%Scanner-1", "erwan.tanguy", Some("scanner-1")),
            ("erwan.tanguy", "erwan.tanguy", None),
            ("erwan.tanguy%", "erwan.tanguy", None),
            ("%scanner-1", "", Some("scanner-1")),
            ("a%b:c%d", "a", Some("b:c%d")),
            ("", "", None),
        ] {
            assert_eq!(Login::parse(user), Login { login: login.into(), target: target.map(Into::into) }, "{user}");
        }
        let long = "é".repeat(1000);
        assert_eq!(Login::parse(&long).login.len(), USER_BYTES_MAX);
    }
}
