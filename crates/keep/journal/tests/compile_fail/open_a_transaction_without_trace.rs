// E0624: private
fn open() {
    let _ = journal::WriteTx::<'static, policy::PurgeSessions>::new;
}
fn main() {}
