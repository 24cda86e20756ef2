//! The operator's journal: what `poterne account` does is written under a name of its own, beside the node's.

const ENDING: &str = "-operator";

/// Its origin beside a node's journal.
pub fn origin(node: &str) -> String {
    format!("{node}{ENDING}")
}

/// That of the journal that follows it, the second being the first that follows.
pub fn follower(node: &str, number: u32) -> String {
    format!("{node}{ENDING}-{number}")
}

/// Whether a journal of that name is an operator's.
pub fn is_origin(name: &str) -> bool {
    let stem = match name.rsplit_once('-') {
        Some((stem, number)) if number.parse::<u32>().is_ok() => stem,
        _ => name,
    };
    stem.ends_with(ENDING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operators_journal_and_those_that_follow_it_are_told_from_nodes() {
        assert!(is_origin(&origin("node")) && is_origin(&follower("node", 2)) && is_origin(&origin("node-3")));
        assert!(["node", "node-2", "node-3", "operator", "operator-2"].iter().all(|name| !is_origin(name)));
    }
}
