// E0308: mismatched types
fn exchange(journal: &journal::Journal, yes: policy::Authorized<policy::SeePeople>, withheld: journal::Withheld<u8>) {
    let other: policy::Authorized<policy::ReadRecord> = yes;
    let _ = journal.release(other, withheld);
}
fn main() {}
