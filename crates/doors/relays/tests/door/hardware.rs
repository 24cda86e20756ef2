//! Keys that live in a device.

use crate::{
    agent::{Agent, Kind, TOUCHED, VERIFIED},
    client::Client,
    house::{LOGIN, TARGET},
    site::Site,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_a_device_is_refused_before_it_signs() {
    let site = Site::open().await;
    let cases = [
        (Kind::File, 0, true),
        (Kind::Ed25519, 0, false),
        (Kind::Ed25519, TOUCHED, false),
        (Kind::Ed25519, TOUCHED | VERIFIED, false),
        (Kind::Ecdsa, 0, false),
        (Kind::Ecdsa, TOUCHED, false),
    ];
    for (number, (kind, flags, taken)) in cases.into_iter().enumerate() {
        let name = format!("device-{number}");
        let agent = Agent::start(&site, &name, kind, flags);
        // The house knows this very key: what refuses it is the door.
        site.house.state().key = agent.blob.clone();
        let client = Client::ssh_with(&site, &format!("{LOGIN}%{TARGET}"), &format!("{name}.pub"));
        let said = client.option(&agent.option).run(&["true"]).await;
        let code = if taken { 0 } else { 255 };
        assert_eq!((said.code(), agent.signed()), (Some(code), usize::from(taken)), "{kind:?} {flags}: {said:?}");
    }
}
