//! The shop's settings: what they rule, and who changed them.

mod end_users;

use sqlx::PgPool;

use crate::support::{Answer, Client, TestApp};

type Typed<'a> = [(&'a str, &'a str); 4];

fn typed<'a>(name: &'a str, min: &'a str, max: &'a str, ceiling: &'a str) -> Typed<'a> {
    [("shop_name", name), ("payment_min", min), ("payment_max", max), ("default_pending_ceiling", ceiling)]
}

async fn save(client: &Client, page: &Answer, typed: Typed<'_>) -> Answer {
    let seen = page.attribute("input[name=seen]", "value");
    let form: Vec<_> = typed.into_iter().chain([("seen", seen.as_str())]).collect();
    client.post("/admin/settings", &form).await
}

async fn deeds(app: &TestApp) -> Vec<(Option<i64>, serde_json::Value)> {
    sqlx::query!("SELECT actor_id, detail FROM audit_log WHERE action = 'settings.update' ORDER BY id")
        .fetch_all(&app.db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.actor_id, row.detail))
        .collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_settings_rule_from_the_moment_they_are_saved(db: PgPool) {
    let app = TestApp::start(db).await;
    crate::payments::card(&app.db, "ملی").await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/settings").await.expect(200);
    assert_eq!(page.attribute("#payment_max", "value"), "۱۰۰٬۰۰۰٬۰۰۰");
    save(&sara, &page, typed(" فروشگاه يك ", "۲۰٬۰۰۰", "۵۰۰۰۰ تومان", "0")).await.expect(303);
    let page = sara.get("/admin/settings").await.expect(200);
    assert!(page.text(".page-head").contains("sara") && page.count("#flash .flash--ok") == 1);
    assert!(app.stranger().get("/login").await.body.contains("فروشگاه یک"));
    let reza = app.signed_in("reza").await;
    let hint = reza.get("/agent/wallet/charge").await.expect(200).text("#amount-hint");
    assert!(hint.contains("۲۰٬۰۰۰") && hint.contains("۵۰٬۰۰۰"), "{hint}");
    let [(by, detail)] = &deeds(&app).await[..] else { panic!("not one deed") };
    assert_eq!(*by, Some(app.sara.0));
    assert_eq!(
        (detail["before"]["payment_min"].as_i64(), detail["after"]["payment_min"].as_i64()),
        (Some(10_000), Some(20_000))
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn wrong_settings_come_back_with_all_that_was_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/settings").await.expect(200);
    let long = "ن".repeat(61);
    for (field, form) in [
        ("shop_name", typed("\u{200f} ", "10000", "20000", "0")),
        ("shop_name", typed(&long, "10000", "20000", "0")),
        ("payment_min", typed("الف", "۰", "20000", "0")),
        ("payment_min", typed("الف", "ده هزار", "20000", "0")),
        ("payment_max", typed("الف", "10000", "", "0")),
        ("payment_max", typed("الف", "10000", "99999999999999999999", "0")),
        ("payment_max", typed("الف", "20000", "۱۰٬۰۰۰", "0")),
        ("default_pending_ceiling", typed("الف", "10000", "20000", "-1")),
    ] {
        let again = save(&sara, &page, form).await.expect(422);
        assert_eq!(again.attributes(".field__error", "id"), [format!("{field}-error")], "{form:?}");
        for (name, value) in form {
            assert_eq!(again.attribute(&format!("#{name}"), "value"), value);
        }
    }
    assert_eq!(deeds(&app).await, []);
    sara.post("/admin/settings", &typed("الف", "1", "2", "3")).await.expect(400);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn of_two_admins_at_once_the_second_is_shown_what_the_first_saved(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/settings").await.expect(200);
    let (a, b) = (typed("الف", "10000", "20000", "0"), typed("ب", "10000", "30000", "0"));
    let (one, two) = tokio::join!(save(&sara, &page, a), save(&sara, &page, b));
    let mut outcomes = [one.status, two.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 409]);
    let (loser, typed) = if one.status == 409 { (one, a) } else { (two, b) };
    assert!(loser.text("#conflict").contains("sara"));
    assert_eq!(loser.attribute("#shop_name", "value"), typed[0].1);
    save(&sara, &loser, typed).await.expect(303);
    save(&sara, &loser, typed).await.expect(303);
    assert_eq!(deeds(&app).await.len(), 2);
    for who in ["reza", "nima"] {
        let client = app.signed_in(who).await;
        client.get("/admin/settings").await.expect(403);
        save(&client, &page, typed).await.expect(403);
    }
    app.finish().await;
}
