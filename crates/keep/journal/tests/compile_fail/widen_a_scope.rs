// E0624: private
fn widen() {
    let _ = policy::Scope::new;
}
fn main() {}
