// E0616: private
fn look(withheld: &journal::Withheld<String>) -> usize {
    withheld.value.len()
}
fn main() {}
