use identity::{SignIn, Started};
fn open(started: SignIn<Started>) {
    let _ = started.open(todo!(), todo!(), todo!(), todo!(), todo!());
}
fn main() {}
