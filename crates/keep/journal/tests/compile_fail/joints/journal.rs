fn joint(_: &journal::Journal) {}
fn main() {}
