//! The log: every deed in words, found by what the owner looks for.

use std::collections::BTreeSet;

use rad_panel::{
    accounts,
    audit::{self, Actor, Deed},
    calendar::JalaliDate,
    locale::{Language, Tr},
    log::Kind,
};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::{
    support::{Answer, Client, PASSWORD, TestApp},
    tidy::rust,
};

/// All actions that the program records: `"noun.verb"`, where the nouns are those of deeds.
/// Kinds of jobs and names of files, which look like deeds.
const NO_DEEDS: [&str; 10] = [
    "backups.",
    "customers.",
    "database.dump",
    "manifest.json",
    "notices.code",
    "notices.deliver",
    "notices.poll",
    "orders.",
    "reports.",
    "schedule.",
];

fn actions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for source in rust() {
        // The words themselves, and the sample shop, record nothing of their own.
        if source.path.starts_with("src/audit/") || source.path.starts_with("src/demo/") {
            continue;
        }
        for literal in source.text.split('"').skip(1).step_by(2) {
            let is_word =
                |word: &str| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if let Some((noun, verb)) = literal.split_once('.')
                && is_word(noun)
                && is_word(verb)
                && literal.len() < 60
                && !NO_DEEDS.iter().any(|no| literal.starts_with(no))
            {
                found.insert(literal.to_owned());
            }
        }
    }
    found
}

#[test]
fn every_deed_that_is_recorded_has_its_words_and_its_kind() {
    let actions = actions();
    assert!(actions.len() > 25 && actions.contains("wallet.adjust"), "found only {actions:?}");
    let mut wrong = Vec::new();
    for action in &actions {
        for language in [Language::Fa, Language::En] {
            if audit::words(&Tr::new(language), action, Some(1)).is_none_or(|words| words.is_empty()) {
                wrong.push(format!("{action} in {}", language.code()));
            }
        }
        if Kind::of(action).is_none() {
            wrong.push(format!("{action} is of no kind"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "give them words in audit::words and a kind in log::Kind");
}

async fn write(
    app: &TestApp,
    actor: Option<i64>,
    action: &'static str,
    subject: (&'static str, i64),
    detail: Value,
) {
    let deed = Deed {
        actor: actor.map(rad_panel::ids::UserId),
        action,
        subject_type: subject.0,
        subject_id: Some(subject.1),
        detail,
        address: None,
    };
    audit::record(&mut app.db.acquire().await.unwrap(), &deed, app.clock.now()).await.unwrap();
}

async fn rows(client: &Client, query: &str) -> Vec<String> {
    client.get(&format!("/admin/log{query}")).await.expect(200).texts("#log li")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn signing_in_and_out_is_written_down_also_where_it_failed(db: PgPool) {
    let app = TestApp::start(db).await;
    let reza = app.stranger();
    for username in ["reza", "no-such-name", "My Secret Password!"] {
        let form = [("username", username), ("password", "wrong-password"), ("next", "")];
        let request = reza.request(reqwest::Method::POST, "/login").header("x-forwarded-for", "192.0.2.9");
        reza.send(request.form(&form)).await.expect(422);
    }
    let reza = app.signed_in("reza").await;
    reza.post(
        "/account/password",
        &[
            ("current_password", "wrong-password"),
            ("new_password", "another-password"),
            ("repeat_password", "another-password"),
        ],
    )
    .await
    .expect(422);
    reza.post("/sign-out", &[]).await.expect(303);
    reza.post("/sign-out", &[]).await.expect(303);
    let sara = app.signed_in("sara").await;
    let all = rows(&sara, "?kind=sign-ins").await;
    let expected = [
        ("ورود به پنل", "sara"),
        ("خروج از پنل", "reza"),
        ("تلاش ناموفق برای تغییر رمز", "reza"),
        ("ورود به پنل", "reza"),
        ("ورود ناموفق به پنل", "192.0.2.9"),
        ("ورود ناموفق به پنل", "no-such-name"),
        ("ورود ناموفق به پنل", "نام کاربری نوشته‌شده: reza"),
    ];
    assert_eq!(all.len(), expected.len(), "{all:?}");
    for (row, (words, who)) in all.iter().zip(expected) {
        assert!(row.contains(words) && row.contains(who), "{row} is not {words} {who}");
    }
    let stored: Vec<String> = sqlx::query_scalar!(r#"SELECT detail::text AS "detail!" FROM audit_log"#)
        .fetch_all(&app.db)
        .await
        .unwrap();
    assert!(stored.iter().all(|detail| !detail.contains("assword")), "{stored:?}");
    assert_eq!(rows(&sara, "?address=192.0.2.9").await.len(), 3);
    assert_eq!(rows(&sara, "?address=۱۹۲.۰.۲.۹&person=reza").await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_closed_throttle_writes_nothing_more(db: PgPool) {
    let app = TestApp::start(db).await;
    let stranger = app.stranger();
    for _ in 0..8 {
        stranger.post("/login", &[("username", "reza"), ("password", "wrong"), ("next", "")]).await;
    }
    let count = sqlx::query_scalar!("SELECT count(*) FROM audit_log WHERE action = 'account.refuse_sign_in'");
    assert_eq!(count.fetch_one(&app.db).await.unwrap(), Some(5));
    accounts::create_admin(&app.db, "laleh", PASSWORD, app.clock.now()).await.unwrap();
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn deeds_are_found_by_person_kind_and_day_and_lead_to_what_they_changed(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = app.plan("ماهانه", 30, Some(30), 90_000).await;
    let (sara_id, reza_id) = (app.sara.0, app.reza.0);
    let before = json!({ "name": "ماهانه", "price_agent": 90_000 });
    let after = json!({ "name": "ماهانه", "price_agent": 95_000 });
    let long_ago = JalaliDate::from_time(app.clock.now());
    write(&app, Some(sara_id), "plan.update", ("plan", plan.0), json!({ "before": before, "after": after }))
        .await;
    app.clock.advance(time::Duration::days(3));
    write(
        &app,
        Some(sara_id),
        "wallet.adjust",
        ("user", reza_id),
        json!({ "amount": -5000, "reason": "<i>اشتباه" }),
    )
    .await;
    write(&app, Some(reza_id), "payment.submit", ("payment", 7), json!({ "amount": 10_000 })).await;
    write(&app, None, "order.fail", ("order", 12), json!({})).await;
    write(&app, Some(sara_id), "moon.land", ("moon", 1), json!({ "crater": true })).await;
    let sara = app.signed_in("sara").await;
    let first = |rows: Vec<String>| rows.first().cloned().unwrap_or_default();
    let plan_row = first(rows(&sara, "?kind=plans").await);
    for words in ["ویرایش پلن", "ماهانه", "قیمت نماینده: ۹۰٬۰۰۰ تومان ← ۹۵٬۰۰۰ تومان", "sara"]
    {
        assert!(plan_row.contains(words), "{words} is missing in {plan_row}");
    }
    assert_eq!(rows(&sara, &format!("?to={long_ago}&kind=plans")).await.len(), 1);
    assert_eq!(rows(&sara, &format!("?from={long_ago}&to={long_ago}&kind=money")).await.len(), 0);
    let money = rows(&sara, "?kind=money").await;
    assert!(money[0].contains("ثبت پرداخت ۷") && money[1].contains("−۵٬۰۰۰ تومان"), "{money:?}");
    assert!(money[1].contains("<i>اشتباه"), "as it was typed, and no markup");
    assert_eq!(rows(&sara, "?person=reza").await.len(), 2, "what she did, and what was done to her");
    assert!(first(rows(&sara, "?kind=orders").await).contains("خود پنل"));
    let page = sara.get("/admin/log").await.expect(200);
    assert!(page.text("#log").contains("moon.land") && page.text("#log").contains("crater: بله"));
    for href in
        [format!("/admin/plans/{plan}"), format!("/admin/agents/{reza_id}"), "/admin/payments/7".to_owned()]
    {
        assert!(page.attributes("#log a", "href").contains(&href), "{href}");
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_pages_of_the_log_hold_every_deed_once_and_keep_the_filter(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 0..95 {
        write(&app, Some(app.reza.0), "payment.submit", ("payment", n), json!({ "amount": 10_000 })).await;
    }
    let sara = app.signed_in("sara").await;
    let (mut found, mut path) = (Vec::new(), "/admin/log?person=reza&kind=money".to_owned());
    while !path.is_empty() {
        let page: Answer = sara.get(&path).await.expect(200);
        found.extend(page.attributes("#log a", "href"));
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    let unique: BTreeSet<&String> = found.iter().collect();
    assert_eq!((found.len(), unique.len()), (95, 95));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wrong_filter_of_the_log_stands_beside_its_field(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for (query, field) in [
        ("?person=nobody", "person"),
        ("?from=x", "from"),
        ("?to=1405/12/31", "to"),
        ("?from=1405/09/02&to=1405/09/01", "to"),
        ("?address=192.0.2", "address"),
    ] {
        let page = sara.get(&format!("/admin/log{query}")).await.expect(422);
        assert_eq!((page.count(&format!("#{field}-error")), page.count("#log")), (1, 0), "{query}");
    }
    assert_eq!(sara.get("/admin/log?kind=settings").await.expect(200).count(".empty"), 1);
    let by = Actor { user: app.sara, address: None };
    accounts::disable(&app.db, app.nima, by, app.clock.now()).await.unwrap();
    let row = rows(&sara, "?person=nima").await;
    assert!(row[0].contains("غیرفعال کردن حساب") && row[0].contains("nima"), "{row:?}");
    app.finish().await;
}
