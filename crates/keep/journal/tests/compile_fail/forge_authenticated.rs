fn main() {
    let _ = identity::Authenticated { actor: types::Actor::System(types::SystemActor::Node) };
}
