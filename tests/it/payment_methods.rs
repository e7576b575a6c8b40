//! The owner's payment methods: what is taken down, what it checks, and how much of each is used.

use rad_panel::{calendar::JalaliDate, payment_methods, payments::reject};
use sqlx::PgPool;

use crate::{
    payments::{limited_card, pay},
    support::{Answer, Client, TestApp},
};

const LIST: &str = "/admin/payment-methods";
const CARD: [(&str, &str); 4] =
    [("type", "CARD"), ("alias", "کارت ملی"), ("card_number", "6037991234567893"), ("holder", "سارا محمدی")];
const TRON: &str = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";

/// `form` with these fields typed otherwise, or besides.
fn with<'a>(form: &[(&'a str, &'a str)], other: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = form.iter().filter(|(name, _)| other.iter().all(|(changed, _)| changed != name));
    kept.chain(other).copied().collect()
}

/// Saves the form of a method, as `page` showed it, with this typed into it.
async fn save(client: &Client, page: &Answer, path: &str, form: &[(&str, &str)]) -> Answer {
    let seen = page.attribute("input[name=seen]", "value");
    client.post(path, &with(form, &[("seen", &seen)])).await
}

async fn deeds(app: &TestApp) -> Vec<(String, String)> {
    sqlx::query!(
        r#"SELECT action, detail::text AS "detail!" FROM audit_log WHERE subject_type = 'payment_method' ORDER BY id"#
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
    .into_iter()
    .map(|row| (row.action, row.detail))
    .collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_card_typed_in_persian_digits_is_on_offer_under_its_bank(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get(LIST).await.expect(200).count(".empty"), 1);
    let form = with(
        &CARD,
        &[
            ("card_number", "۶۰۳۷-۹۹۱۲ ٣٤٥٦ 7893"),
            ("daily_limit_count", "۴۰"),
            ("daily_limit_amount", "۶۰٬۰۰۰٬۰۰۰ تومان"),
            ("notes", " يك "),
        ],
    );
    let answer = sara.post(LIST, &form).await.expect(303);
    let page = sara.get(LIST).await.expect(200);
    let card = format!("#{}", answer.location().split('#').nth(1).unwrap());
    let text = page.text(&card);
    assert!(
        text.contains("6037 9912 3456 7893") && text.contains("بانک ملی") && text.contains("یک"),
        "{text}"
    );
    assert_eq!(page.count(&format!("{card} meter")), 4);
    let method = payment_methods::draw(&app.db, app.reza, None, app.clock.now()).await.unwrap().unwrap();
    assert_eq!(method.card_number.as_deref(), Some("6037991234567893"));
    let [(action, detail)] = &deeds(&app).await[..] else { panic!("not one deed") };
    assert_eq!(action, "payment_method.create");
    assert!(detail.contains("7893") && !detail.contains("6037991234567893"), "{detail}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_type_checks_its_own_fields_and_keeps_what_was_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let sheba =
        with(&CARD, &[("type", "SHEBA"), ("card_number", ""), ("sheba", "IR160120000000001234567890")]);
    let crypto = [
        ("type", "CRYPTO"),
        ("alias", "تتر"),
        ("coin", "USDT/TRC20"),
        ("wallet_address", TRON),
        ("bonus_percent", "۱۰"),
    ];
    for (field, form) in [
        ("alias", with(&CARD, &[("alias", "\u{200f}")])),
        ("card_number", with(&CARD, &[("card_number", "")])),
        ("card_number", with(&CARD, &[("card_number", "۶۰۳۷۹۹۱۲۳۴۵۶۷۸۹۴")])),
        ("card_number", with(&CARD, &[("card_number", "603799123456789")])),
        ("holder", with(&CARD, &[("holder", " ")])),
        ("bank", with(&CARD, &[("card_number", "4111111111111111")])),
        ("daily_limit_count", with(&CARD, &[("daily_limit_count", "0")])),
        ("daily_limit_amount", with(&CARD, &[("daily_limit_amount", "یک میلیون")])),
        ("sheba", with(&sheba, &[("sheba", "IR170120000000001234567890")])),
        ("sheba", with(&sheba, &[("sheba", "IR16")])),
        ("wallet_address", with(&crypto, &[("wallet_address", "")])),
        ("wallet_address", with(&crypto, &[("wallet_address", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u")])),
        ("wallet_address", with(&crypto, &[("coin", "USDT/BEP20")])),
        ("coin", with(&crypto, &[("coin", "DOGE/MOON")])),
        ("bonus_percent", with(&crypto, &[("bonus_percent", "۱۰۱")])),
        ("bonus_percent", with(&crypto, &[("bonus_percent", "")])),
    ] {
        let page = sara.post(LIST, &form).await.expect(422);
        assert_eq!(page.attributes(".field__error", "id"), [format!("{field}-error")], "{form:?}");
        for (name, value) in form.iter().filter(|(name, _)| page.count(&format!("input#{name}")) == 1) {
            assert_eq!(page.attribute(&format!("#{name}"), "value"), *value, "{form:?}");
        }
    }
    sara.post(LIST, &with(&CARD, &[("type", "CASH")])).await.expect(400);
    assert_eq!(deeds(&app).await, []);
    sara.post(LIST, &with(&sheba, &[("alias", "شبا")])).await.expect(303);
    sara.post(LIST, &crypto).await.expect(303);
    let page = sara.get(LIST).await.expect(200);
    assert!(page.body.contains("IR16 0120 0000 0000 1234 5678 90") && page.body.contains(TRON));
    let new = sara.get("/admin/payment-methods/new?type=CRYPTO").await.expect(200);
    assert_eq!(new.attribute("#bonus_percent", "value"), "۱۰");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bank_is_told_while_the_number_is_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let told = async |query: &str| {
        sara.get_part(&format!("{LIST}/bank?{query}")).await.expect(200).text("#bank-found")
    };
    assert_eq!(told("card_number=61043").await, "");
    assert_eq!(told("card_number=6104-33").await, "بانک ملت");
    assert_eq!(told("card_number=%DB%B6%DB%B1%DB%B0%DB%B4%DB%B3%DB%B3").await, "بانک ملت");
    assert_eq!(told("sheba=IR16012").await, "بانک ملت");
    assert!(told("card_number=6037991234567894").await.contains("رقم"));
    assert_eq!(told("card_number=%D8%B3%D9%84%D8%A7%D9%85").await, "");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn no_two_methods_have_one_number_or_one_name(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let (one, two) = tokio::join!(sara.post(LIST, &CARD), sara.post(LIST, &CARD));
    let mut outcomes = [one.status, two.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 422]);
    let taken = sara.post(LIST, &with(&CARD, &[("alias", "دیگر")])).await.expect(422);
    assert!(taken.text("#card_number-error").contains("کارت ملی"));
    let named = with(&CARD, &[("card_number", "6219861012345673")]);
    assert_eq!(sara.post(LIST, &named).await.expect(422).count("#alias-error"), 1);
    assert_eq!(deeds(&app).await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bars_show_what_went_to_a_method_today_and_this_month(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = limited_card(&app.db, "ملی", Some(4), Some(1_000_000)).await;
    // In the middle of a Jalali month of 30 days.
    app.clock.set(JalaliDate::new(1405, 9, 14).unwrap().start() + time::Duration::hours(12));
    pay(&app, app.reza, 200_000).await;
    app.clock.advance(time::Duration::DAY);
    let rejected = pay(&app, app.mina, 500_000).await;
    reject(&app.db, rejected, app.sara, "ناخوانا", app.clock.now()).await.unwrap();
    pay(&app, app.reza, 300_000).await;
    pay(&app, app.mina, 100_000).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get(LIST).await.expect(200);
    assert_eq!(
        page.texts(&format!("#method-{id} .meter__text")),
        [
            "۲ واریز از ۴ واریز",
            "۴۰۰٬۰۰۰ تومان از ۱٬۰۰۰٬۰۰۰ تومان",
            "۳ واریز از ۱۲۰ واریز",
            "۶۰۰٬۰۰۰ تومان از ۳۰٬۰۰۰٬۰۰۰ تومان"
        ]
    );
    assert_eq!(page.attributes(&format!("#method-{id} meter"), "value"), ["50", "40", "2", "2"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_number_that_money_went_to_stays_and_the_rest_may_change(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = limited_card(&app.db, "ملی", None, None).await;
    let sara = app.signed_in("sara").await;
    let path = format!("{LIST}/{id}");
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.attribute("#bank", "value"), "", "what the number tells need not be typed");
    let form = with(&CARD, &[("alias", "ملی"), ("card_number", "6219861012345673")]);
    save(&sara, &page, &path, &form).await.expect(303);
    pay(&app, app.reza, 200_000).await;
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.count("#card_number[readonly]"), 1);
    let refused = save(&sara, &page, &path, &CARD).await.expect(422);
    assert_eq!(refused.count("#card_number-error"), 1);
    let limited = with(&form, &[("alias", "سامان"), ("daily_limit_count", "۵")]);
    save(&sara, &page, &path, &limited).await.expect(303);
    let text = sara.get(LIST).await.expect(200).text(&format!("#method-{id}"));
    assert!(text.contains("بانک سامان") && text.contains("۱ واریز از ۵ واریز"), "{text}");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn of_two_admins_at_once_the_second_is_told(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = limited_card(&app.db, "ملی", None, None).await;
    let sara = app.signed_in("sara").await;
    let path = format!("{LIST}/{id}");
    let page = sara.get(&path).await.expect(200);
    let (a, b) = (with(&CARD, &[("alias", "الف")]), with(&CARD, &[("alias", "ب")]));
    let (one, two) = tokio::join!(save(&sara, &page, &path, &a), save(&sara, &page, &path, &b));
    let mut outcomes = [one.status, two.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 409]);
    let (loser, form, alias) = if one.status == 409 { (one, &a, "الف") } else { (two, &b, "ب") };
    assert!(loser.text("#conflict").contains("sara"));
    assert_eq!(loser.attribute("#alias", "value"), alias);
    save(&sara, &loser, &path, form).await.expect(303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_method_switched_off_is_drawn_for_nobody(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = limited_card(&app.db, "ملی", None, None).await;
    let sara = app.signed_in("sara").await;
    for who in ["reza", "nima"] {
        let client = app.signed_in(who).await;
        client.get(LIST).await.expect(403);
        client.post(&format!("{LIST}/{id}/deactivation"), &[]).await.expect(403);
        client.post(LIST, &CARD).await.expect(403);
    }
    let drawn =
        async || payment_methods::draw(&app.db, app.reza, None, app.clock.now()).await.unwrap().is_some();
    assert!(drawn().await);
    for _ in 0..2 {
        sara.post(&format!("{LIST}/{id}/deactivation"), &[]).await.expect(303);
    }
    assert!(!drawn().await);
    let part = sara.post_part(&format!("{LIST}/{id}/activation"), &[]).await.expect(200);
    assert_eq!((part.count(&format!("#method-{id}")), part.count("nav")), (1, 0));
    assert!(drawn().await);
    let actions: Vec<_> = deeds(&app).await.into_iter().map(|(action, _)| action).collect();
    assert_eq!(actions, ["payment_method.deactivate", "payment_method.activate"]);
    sara.get(&format!("{LIST}/999")).await.expect(404);
    sara.post(&format!("{LIST}/999/activation"), &[]).await.expect(404);
    app.finish().await;
}
