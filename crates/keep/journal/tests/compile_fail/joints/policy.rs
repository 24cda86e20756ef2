fn joint(journal: &journal::Journal, yes: policy::Authorized<policy::PurgeSessions>) {
    let _ = journal.open_trace(yes);
}
fn main() {}
