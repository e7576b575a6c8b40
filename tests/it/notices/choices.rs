//! What a person is sent, and when.

use rad_panel::notices::{Kind, Recipients};
use serde_json::json;
use sqlx::PgPool;
use time::{Duration, macros::datetime};

use super::{deliver, link, tell, with_bot, with_mail};
use crate::support::{Client, TestApp};

const OWN: &str = "/account/notices";

async fn back(app: &TestApp) {
    tell(app, Recipients::User(app.reza), Kind::AccountsBack, json!({ "count": 1 }), None).await;
}

/// The switches that are on, and the hours as they stand.
async fn as_it_stands(client: &Client) -> Vec<String> {
    client.get(OWN).await.expect(200).attributes("#choices input[type=checkbox][checked]", "name")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_kind_is_switched_off_for_one_channel_of_one_person(db: PgPool) {
    let app = TestApp::start(db).await;
    let (bot, mail) = (with_bot(&app).await, with_mail(&app).await);
    for (channel, address) in [("TELEGRAM", "78"), ("EMAIL", "reza@example.com")] {
        link(&app, app.reza, channel, address).await;
    }
    link(&app, app.mina, "TELEGRAM", "79").await;
    let reza = app.signed_in("reza").await;
    let on = as_it_stands(&reza).await;
    assert!(
        on.contains(&"TELEGRAM-ACCOUNTS_BACK".to_owned())
            && !on.iter().any(|name| name.contains("PAYMENT_NEW"))
    );
    let form: Vec<(&str, &str)> = on
        .iter()
        .filter(|name| *name != "TELEGRAM-ACCOUNTS_BACK")
        .map(|name| (name.as_str(), "true"))
        .collect();
    reza.post(OWN, &form).await.expect(303);
    assert_eq!(as_it_stands(&reza).await.len(), on.len() - 1);
    assert_eq!(as_it_stands(&app.signed_in("mina").await).await.len(), on.len());
    back(&app).await;
    tell(&app, Recipients::User(app.mina), Kind::AccountsBack, json!({ "count": 1 }), None).await;
    deliver(&app).await;
    let sent: Vec<String> = bot.take_sent().into_iter().map(|(chat, _)| chat).collect();
    assert_eq!((sent, mail.take_letters().len()), (vec!["79".to_owned()], 1));
    assert_eq!(reza.get("/notices").await.count("#notices li"), 1, "the panel always has it");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn in_quiet_hours_what_can_wait_waits_and_comes_as_one(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.reza, "TELEGRAM", "78").await;
    let reza = app.signed_in("reza").await;
    let on = as_it_stands(&reza).await;
    let mut form: Vec<(&str, &str)> = on.iter().map(|name| (name.as_str(), "true")).collect();
    form.extend([("quiet_from", "۲۳:۰۰"), ("quiet_until", "7:30")]);
    reza.post(OWN, &form).await.expect(303);
    let page = reza.get(OWN).await;
    assert_eq!(page.attributes("#choices input[type=time]", "value"), ["23:00", "07:30"]);
    // 01:30 in Tehran.
    app.clock.set(datetime!(2026-11-24 22:00 UTC));
    back(&app).await;
    app.clock.advance(Duration::hours(2));
    back(&app).await;
    deliver(&app).await;
    assert_eq!(bot.take_sent(), []);
    tell(
        &app,
        Recipients::User(app.reza),
        Kind::BelowZero,
        json!({ "owed": 5000, "deadline": app.clock.now().unix_timestamp() + 7200 }),
        None,
    )
    .await;
    deliver(&app).await;
    let urgent = bot.take_sent();
    assert!(urgent.len() == 1 && urgent[0].1.contains("۲ ساعت مانده"), "{urgent:?}");
    app.clock.set(datetime!(2026-11-25 04:00 UTC));
    deliver(&app).await;
    let morning = bot.take_sent();
    assert!(morning.len() == 1 && morning[0].1.starts_with("۲ خبر تازه"), "{morning:?}");
    back(&app).await;
    deliver(&app).await;
    assert_eq!(bot.take_sent().len(), 1, "the day is not quiet");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_hours_come_back_as_typed_and_change_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let on = as_it_stands(&reza).await;
    for (from, until, field) in [
        ("23:00", "", "quiet_until"),
        ("", "7:00", "quiet_from"),
        ("24:00", "7:00", "quiet_from"),
        ("23:60", "7:00", "quiet_from"),
        ("شب", "7:00", "quiet_from"),
        ("22:00", "22", "quiet_until"),
        ("22:00", "-1", "quiet_until"),
    ] {
        let form = [("TELEGRAM-BELOW_ZERO", "true"), ("quiet_from", from), ("quiet_until", until)];
        let page = reza.post(OWN, &form).await.expect(422);
        assert_eq!(
            page.attributes("#choices .field__error", "id"),
            [format!("{field}-error")],
            "{from} {until}"
        );
        assert_eq!(page.attribute("#quiet_from", "value"), from);
        assert_eq!(page.attributes("#choices input[checked]", "name"), ["TELEGRAM-BELOW_ZERO"]);
    }
    assert_eq!(as_it_stands(&reza).await, on);
    app.finish().await;
}
