//! What a person says of herself, and how she wants her pages.

use rad_panel::ids::UserId;
use sqlx::PgPool;

use crate::support::{Client, TestApp};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn language_and_colours_are_chosen_per_person_and_device(db: PgPool) {
    let app = TestApp::start(db).await;
    let stranger = app.stranger();
    let page = stranger.get("/login").await.expect(200);
    assert_eq!(page.attribute("html", "lang"), "fa");
    assert_eq!(page.attribute("html", "dir"), "rtl");
    stranger.post("/preferences", &[("language", "en"), ("back", "/login")]).await.expect(303);
    stranger.post("/preferences", &[("theme", "dark"), ("back", "/login")]).await.expect(303);
    let page = stranger.get("/login").await.expect(200);
    assert_eq!(page.attribute("html", "lang"), "en");
    assert_eq!(page.attribute("html", "data-theme"), "dark");

    let reza = app.signed_in("reza").await;
    reza.post("/preferences", &[("language", "en"), ("back", "/account")]).await.expect(303);
    let elsewhere = app.signed_in("reza").await;
    assert_eq!(elsewhere.get("/account").await.expect(200).attribute("html", "lang"), "en");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn colours_and_digits_follow_a_person_to_her_other_devices(db: PgPool) {
    let app = TestApp::start(db).await;
    let (phone, desk) = (app.signed_in("reza").await, app.signed_in("reza").await);
    desk.set_cookie("theme", "light");
    assert_eq!(desk.get("/account").await.expect(200).attribute("html", "data-theme"), "light");
    assert!(phone.get("/agent/wallet").await.expect(200).text("#balance-total").starts_with('۰'));
    let form = [("theme", "dark"), ("digits", "latin"), ("language", "fa"), ("back", "/account")];
    assert_eq!(phone.post("/preferences", &form).await.expect(303).location(), "/account");
    let page = desk.get("/agent/wallet").await.expect(200);
    assert_eq!(
        (page.attribute("html", "data-theme"), page.attribute("html", "lang")),
        ("dark".into(), "fa".into())
    );
    assert!(page.text("#balance-total").starts_with('0'), "{}", page.text("#balance-total"));
    assert_eq!(page.attribute("html", "data-digits"), "latin");
    assert_eq!(desk.get("/nothing").await.expect(404).text("p.num"), "404", "on the page of an error too");
    // Nobody else's pages change, and what is strange changes nothing.
    let mina = app.signed_in("mina").await;
    mina.post("/preferences", &[("theme", "pink"), ("digits", "roman"), ("back", "//x")]).await.expect(303);
    let page = mina.get("/agent/wallet").await.expect(200);
    assert!(page.text("#balance-total").starts_with('۰') && page.attributes("html", "data-theme").is_empty());
}

async fn save(client: &Client, changes: &[(&str, &str)]) -> crate::support::Answer {
    let page = client.get("/account").await.expect(200);
    let names = page.attributes("form[action='/account'] input", "name");
    let values = page.attributes("form[action='/account'] input", "value");
    let mut form: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
    for (name, value) in changes {
        form.iter_mut().find(|(field, _)| field == name).expect(name).1 = value;
    }
    client.post("/account", &form).await
}

async fn deeds(app: &TestApp, person: UserId) -> Vec<serde_json::Value> {
    sqlx::query_scalar!(
        "SELECT detail FROM audit_log WHERE action = 'account.update_profile' AND subject_id = $1 AND actor_id = $1
         ORDER BY id",
        person.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn everybody_keeps_her_own_profile(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.signed_in("reza").await;
    let changes = [
        ("first_name", " علي "),
        ("last_name", "کریمی"),
        ("phone", "+98 ۹۱۲ ۵۵۵ ۴۴۳۳"),
        ("email", "Ali@Example.com"),
    ];
    save(&reza, &changes).await.expect(303);
    save(&reza, &changes).await.expect(303);
    let page = reza.get("/account").await.expect(200);
    for (name, value) in [
        ("first_name", "علی"),
        ("last_name", "کریمی"),
        ("phone", "09125554433"),
        ("email", "ali@example.com"),
    ] {
        assert_eq!(page.attribute(&format!("#{name}"), "value"), value);
    }
    assert!(page.text(".menu__who").contains("علی کریمی"));
    let deeds_of_reza = deeds(&app, app.reza).await;
    assert_eq!(deeds_of_reza.len(), 1, "the same again is no deed");
    assert_eq!(deeds_of_reza[0]["changes"]["phone"][1], "09125554433");
    for (who, person) in [("nima", app.nima), ("sara", app.sara)] {
        let client = app.signed_in(who).await;
        save(&client, &[("name", "نام تازه"), ("phone", "۰۹۳۵۱۱۱۲۲۳۳")]).await.expect(303);
        let page = client.get("/account").await.expect(200);
        assert_eq!(
            (page.attribute("#name", "value"), page.attribute("#phone", "value")),
            ("نام تازه".into(), "09351112233".into())
        );
        assert_eq!(deeds(&app, person).await.len(), 1);
    }
    let sara = app.signed_in("sara").await;
    save(&sara, &[("phone", "")]).await.expect(303);
    let page = sara.get(&format!("/admin/customers/{}", app.nima)).await.expect(200);
    assert!(page.text("h1").contains("نام تازه") && page.text("#log").contains("نام"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wrong_profile_comes_back_with_all_that_was_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let (reza, mina) = (app.signed_in("reza").await, app.signed_in("mina").await);
    save(&mina, &[("last_name", "احمدی"), ("email", "mina@example.com")]).await.expect(303);
    let long = "ن".repeat(61);
    for (field, typed) in [
        ("first_name", " \u{200f}"),
        ("last_name", long.as_str()),
        ("phone", ""),
        ("phone", "۰۲۱۱۲۳۴۵۶۷۸"),
        ("phone", "0912123456"),
        ("email", "reza"),
        ("email", "رضا@example.com"),
        ("email", "MINA@example.com "),
    ] {
        let changes: Vec<_> =
            [("first_name", "رضا"), ("last_name", "کریمی")].into_iter().chain([(field, typed)]).collect();
        let page = save(&reza, &changes).await.expect(422);
        assert_eq!(page.attributes(".field__error", "id"), [format!("{field}-error")], "{typed}");
        assert_eq!(page.attribute(&format!("#{field}"), "value"), typed);
    }
    assert_eq!(deeds(&app, app.reza).await.len(), 0);
    app.stranger().post("/account", &[("name", "x")]).await.expect(303);
}
