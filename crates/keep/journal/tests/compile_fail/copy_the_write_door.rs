// E0599: clone
fn twice(door: store::WriteDoor) -> store::WriteDoor {
    door.clone()
}
fn main() {}
