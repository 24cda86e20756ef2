// E0624: private
fn open(withheld: journal::Withheld<String>) -> String {
    withheld.open()
}
fn main() {}
