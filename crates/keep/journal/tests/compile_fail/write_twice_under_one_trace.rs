// E0382: use of moved value
fn twice<E>(journal: &journal::Journal, traced: journal::Traced<policy::PurgeSessions>, one: E, two: E)
where
    E: journal::Effect<policy::PurgeSessions>,
{
    let _ = journal.write(traced, one);
    let _ = journal.write(traced, two);
}
fn main() {}
