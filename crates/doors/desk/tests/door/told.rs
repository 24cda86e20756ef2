//! What a form cannot mean is told for what it is, on the page that sent it, and nothing comes of it.

use crate::house::House;
use store::testing::{TestDatabase, both};
use types::Event;

async fn what_a_form_cannot_mean_is_told(database: &TestDatabase) {
    let house = House::new(database).await;
    let controller = house.sign_in("trace_controller").await;
    let retention: [(&[(&str, &str)], &str); 9] = [
        (&[("what", "retention"), ("family", "access"), ("months", "beaucoup")], "floor"),
        (&[("what", "retention"), ("family", "access"), ("months", "1")], "floor"),
        (&[("what", "hold"), ("from", "novembre"), ("to", "2026-12")], "months"),
        (&[("what", "hold"), ("from", "2026-12"), ("to", "2026-11")], "months"),
        (&[("what", "lift"), ("hold", "celui-ci")], "decided"),
        (&[("what", "oublier")], "invalid"),
        (&[("what", "extra"), ("extra", "address"), ("recorded", "false")], "invalid"),
        (&[("what", "extra"), ("extra", "port"), ("recorded", "oui")], "invalid"),
        (&[("what", "extra"), ("extra", "port"), ("recorded", "false")], "as-it-is"),
    ];
    for (fields, word) in retention {
        let fields: Vec<_> = fields.iter().copied().chain([("reason", "essai")]).collect();
        let answer = controller.send("/fr/retention", &fields).await;
        assert_eq!(answer.header("location"), format!("/fr/retention?problem={word}"), "{fields:?}");
        assert!(controller.get(answer.header("location")).await.text.contains("role=\"alert\""), "{word}");
    }
    for (search, name, word) in [("go=1 et plus", "Nuit", "invalid"), ("go=1", "", "label")] {
        let answer = controller.send("/fr/traces/saved", &[("search", search), ("name", name)]).await;
        assert_eq!(answer.header("location"), format!("/fr/traces?problem={word}"), "{search:?} {name:?}");
    }
    let came = |event: Event| house.done().contains(&event);
    assert!(!came(Event::SearchSaved) && !house.traces().iter().any(|trace| trace.event == Event::RetentionAsked));
}
both!(what_a_form_cannot_mean_is_told);
