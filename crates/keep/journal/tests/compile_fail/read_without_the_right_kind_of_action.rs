// E0277: HealthRead
fn read(journal: &journal::Journal, yes: policy::Authorized<policy::PurgeSessions>, withheld: journal::Withheld<u8>) {
    let _ = journal.release(yes, withheld);
}
fn main() {}
