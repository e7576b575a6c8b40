//! The shop's settings: what they rule, and who changed them.

mod end_users;
mod marzban;

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

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_shops_own_reasons_are_offered_where_a_payment_is_rejected(db: PgPool) {
    let app = TestApp::start(db).await;
    crate::payments::card(&app.db, "ملی").await;
    let payment = crate::payments::pay(&app, app.reza, 50_000).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/settings").await.expect(200);
    let seen = page.attribute("#reasons input[name=seen]", "value");
    let long = "ی".repeat(151);
    let many = (0..13).map(|i| i.to_string()).collect::<Vec<_>>().join("\n");
    for typed in [long.as_str(), &many] {
        let form = [("seen", seen.as_str()), ("rejection_reasons", typed)];
        let again = sara.post("/admin/settings/reasons", &form).await.expect(422);
        assert_eq!(again.count("#rejection_reasons-error"), 1);
    }
    let form =
        [("seen", seen.as_str()), ("rejection_reasons", " پول نيامده \r\n\r\nرسید تار است\r\nپول نیامده")];
    sara.post("/admin/settings/reasons", &form).await.expect(303);
    sara.post("/admin/settings/reasons", &form).await.expect(303);
    for path in ["/admin/payments".to_owned(), format!("/admin/payments/{payment}")] {
        let page = sara.get(&path).await.expect(200);
        assert_eq!(page.texts(".reasons button"), ["پول نیامده", "رسید تار است"], "{path}");
    }
    let form = [("reason", ""), ("ready", "رسید تار است")];
    sara.post(&format!("/admin/payments/{payment}/rejection"), &form).await.expect(303);
    let reza = app.signed_in("reza").await;
    assert!(reza.get("/agent/wallet").await.expect(200).body.contains("رسید تار است"));
    let other = [("seen", seen.as_str()), ("rejection_reasons", "دیگر")];
    let conflict = sara.post("/admin/settings/reasons", &other).await.expect(409);
    assert_eq!((conflict.count("#conflict"), conflict.text("#rejection_reasons")), (1, "دیگر".to_owned()));
    for who in ["reza", "nima"] {
        app.signed_in(who).await.post("/admin/settings/reasons", &other).await.expect(403);
    }
    let deeds = sqlx::query_scalar!("SELECT count(*) FROM audit_log WHERE action = 'settings.update_texts'");
    assert_eq!(deeds.fetch_one(&app.db).await.unwrap(), Some(1));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn messages_for_payers_stand_where_they_pay(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let seen = sara.get("/admin/settings").await.expect(200).attribute("#messages input[name=seen]", "value");
    let form = |telegram, phone, note| {
        [
            ("seen", seen.as_str()),
            ("charge_note", note),
            ("wallet_note", "تا نیمه‌شب"),
            ("support_telegram", telegram),
            ("support_phone", phone),
        ]
    };
    let long = "ی".repeat(601);
    for (field, telegram, phone, note) in [
        ("support_telegram", "a b", "", ""),
        ("support_telegram", "۱۲۳۴۵۶", "", ""),
        ("support_telegram", "abcd", "", ""),
        ("support_phone", "", "۱۲۳۴", ""),
        ("support_phone", "", "021-1234567x", ""),
        ("charge_note", "", "", long.as_str()),
    ] {
        let again = sara.post("/admin/settings/messages", &form(telegram, phone, note)).await.expect(422);
        assert_eq!(again.attributes(".field__error", "id"), [format!("{field}-error")], "{telegram} {phone}");
    }
    let typed = form("https://t.me/Aseman_Shop", "۰۲۱-۱۲۳۴ ۵۶۷۸", "<b>از ۹ صبح</b>\nتا شب");
    sara.post("/admin/settings/messages", &typed).await.expect(303);
    let reza = app.signed_in("reza").await;
    assert_eq!(reza.get("/agent/wallet").await.expect(200).text("#wallet-note"), "تا نیمه‌شب");
    let page = reza.get("/agent/wallet/charge").await.expect(200);
    assert_eq!(
        (page.text("#charge-note"), page.count("#charge-note b")),
        ("<b>از ۹ صبح</b> تا شب".to_owned(), 0)
    );
    for page in [page, app.stranger().get("/login").await.expect(200)] {
        assert_eq!(page.attributes(".support a", "href"), ["https://t.me/Aseman_Shop", "tel:02112345678"]);
    }
    assert_eq!(sara.get("/admin/payments").await.expect(200).count(".support"), 0);
    app.finish().await;
}
