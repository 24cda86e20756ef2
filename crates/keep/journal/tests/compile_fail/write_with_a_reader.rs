// E0599: begin
fn write(store: &store::Store) {
    let _ = store.begin();
}
fn main() {}
