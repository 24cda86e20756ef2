fn joint(error: store::StoreError) -> journal::JournalError {
    error.into()
}
fn main() {}
