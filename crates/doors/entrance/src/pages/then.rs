//! Where somebody goes on who was asked to prove again who he is.

/// The longest path of a page that somebody comes back to.
const PATH_CHARS_MAX: usize = 200;

/// The path of a page of this door, without language and query. Whatever it says, the address made of it begins with
/// `/{lang}/`: it leads to no other site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagePath(String);

impl PagePath {
    /// Takes a path that begins with `/` and holds nothing but what paths of ours are made of.
    pub fn read(path: &str) -> Option<Self> {
        let ours = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | '~');
        let fits = path.starts_with('/') && path.len() <= PATH_CHARS_MAX && path.chars().all(ours);
        (fits && !path.contains("//") && !path.split('/').any(|part| matches!(part, "." | "..")))
            .then(|| Self(path.to_owned()))
    }
}

/// Where somebody goes on once he has proved again who he is. The address names it by a word, or by the path of a page of this
/// door: no other place can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// His account.
    Account,
    /// His means of identification, at doors that have a page for them.
    Means,
    /// The establishment's accounts, at the desk.
    Accounts,
    /// What is decided of sessions, at the desk.
    SessionRules,
    /// The sign-in by SSH that waits for him, at the suppliers' door.
    Ssh,
    /// Break-glass accounts, at the desk.
    BreakGlass,
    /// The page that he asked for.
    Page(PagePath),
}

impl Then {
    const ALL: [Self; 6] =
        [Self::Account, Self::Means, Self::Accounts, Self::SessionRules, Self::BreakGlass, Self::Ssh];

    /// The word in the address.
    pub fn word(&self) -> &str {
        match self {
            Self::Page(page) => &page.0,
            Self::Account => "account",
            Self::Means => "means",
            Self::Accounts => "accounts",
            Self::SessionRules => "session-rules",
            Self::Ssh => "ssh",
            Self::BreakGlass => "break-glass",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word).or_else(|| PagePath::read(word).map(Self::Page))
    }

    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Page(page) => &page.0,
            Self::Account => "/session",
            Self::Means => "/means",
            Self::Accounts => "/accounts",
            Self::SessionRules => "/accounts/sessions",
            Self::Ssh => "/ssh",
            Self::BreakGlass => "/accounts/break-glass",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_word_or_a_path_of_ours_and_nothing_else() {
        for one in Then::ALL {
            assert_eq!(Then::from_word(one.word()).unwrap(), one);
        }
        let path = "/records/0198c0de-0000/results/a.b_c~1";
        assert_eq!(Then::from_word(path).unwrap().path(), path);
        let long = format!("/{}", "a".repeat(PATH_CHARS_MAX));
        for bad in [
            "",
            "elsewhere",
            "https://elsewhere.example",
            "/a?b=c",
            "/a#b",
            "/a\\b",
            "/a b",
            "/a\nb",
            "/../a",
            "/a/..",
            "/a/./b",
            "/é",
            "/%2e%2e",
            "//elsewhere.example",
            "/a//b",
            &long,
        ] {
            assert_eq!(Then::from_word(bad), None, "{bad}");
        }
    }
}
