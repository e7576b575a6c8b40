//! What the admin does to an agent or a customer: credit by hand, disabling, one-time passwords.

use rad_panel::{
    ids::UserId,
    ledger::{self, EntryType, StatementFilter},
    money::Toman,
    orders,
};
use sqlx::PgPool;

use crate::support::{Answer, Client, TestApp};

fn credit(person: UserId) -> String {
    format!("/admin/people/{person}/credit")
}

/// Asks what would become of it.
async fn preview(sara: &Client, person: UserId, direction: &str, amount: &str, reason: &str) -> Answer {
    let form = [("direction", direction), ("amount", amount), ("reason", reason)];
    sara.post(&credit(person), &form).await
}

/// Sends the form of the preview.
async fn confirm(sara: &Client, preview: &Answer) -> Answer {
    let names = preview.attributes("#preview input", "name");
    let values = preview.attributes("#preview input", "value");
    let form: Vec<_> = names.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
    sara.post(&preview.attribute("#preview form", "action"), &form).await
}

async fn entries(app: &TestApp, person: UserId) -> Vec<(EntryType, i64, String)> {
    let mut conn = app.db.acquire().await.unwrap();
    let entries = ledger::statement(&mut conn, person, &StatementFilter::default(), 50).await.unwrap();
    entries.into_iter().map(|row| (row.entry_type, row.confirmed_delta.0, row.notes)).collect()
}

async fn deeds(app: &TestApp, person: UserId, action: &str) -> i64 {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM audit_log
           WHERE subject_type = 'user' AND subject_id = $1 AND action = $2 AND actor_id = $3"#,
        person.0,
        action,
        app.sara.0
    );
    count.fetch_one(&app.db).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn credit_by_hand_is_shown_first_and_moves_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for (person, home) in [(app.reza, "agents"), (app.nima, "customers")] {
        app.give_credit(person, 100_000).await;
        let page = preview(&sara, person, "take", "۳۰٬۰۰۰", "کارت اشتباه").await.expect(200);
        assert_eq!(page.text("#after"), "۷۰٬۰۰۰ تومان");
        assert_eq!(app.balance(person).await.confirmed.0, 100_000, "a preview moves nothing");
        let (one, two) = tokio::join!(confirm(&sara, &page), confirm(&sara, &page));
        assert_eq!((one.status, two.status), (303, 303));
        assert_eq!(one.location(), format!("/admin/{home}/{person}"));
        confirm(&sara, &page).await.expect(303);
        assert_eq!(app.balance(person).await.confirmed.0, 70_000);
        let rows = entries(&app, person).await;
        assert_eq!(rows[0], (EntryType::ChargeManual, -30_000, "کارت اشتباه".to_owned()));
        assert_eq!((rows.len(), deeds(&app, person, "wallet.adjust").await), (2, 1));
        let page = preview(&sara, person, "add", "1", "هدیه").await.expect(200);
        confirm(&sara, &page).await.expect(303);
        assert_eq!(app.balance(person).await.confirmed.0, 70_001);
        let page = sara.get(one.location()).await.expect(200);
        assert!(page.text("#entries tbody tr:nth-child(2)").contains("کارت اشتباه"));
        assert!(page.text("#log").contains("−۳۰٬۰۰۰ تومان · کارت اشتباه"), "{}", page.text("#log"));
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn credit_that_changed_since_the_preview_is_shown_again_before_it_moves(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = preview(&sara, app.reza, "add", "50000", "هدیه").await.expect(200);
    app.give_credit(app.reza, 200_000).await;
    let page = confirm(&sara, &page).await.expect(409);
    assert_eq!(page.text("#after"), "۲۵۰٬۰۰۰ تومان");
    assert_eq!(app.balance(app.reza).await.confirmed.0, 200_000);
    confirm(&sara, &page).await.expect(303);
    assert_eq!(app.balance(app.reza).await.confirmed.0, 250_000);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn credit_is_not_moved_by_a_form_that_is_wrong(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let long = "ا".repeat(301);
    for (field, direction, amount, reason) in [
        ("direction", "", "1000", "هدیه"),
        ("direction", "both", "1000", "هدیه"),
        ("amount", "add", "", "هدیه"),
        ("amount", "add", "۰", "هدیه"),
        ("amount", "take", "-5", "هدیه"),
        ("amount", "add", "1.5", "هدیه"),
        ("amount", "add", "1,000,000,001", "هدیه"),
        ("amount", "add", "99999999999999999999", "هدیه"),
        ("reason", "add", "1000", ""),
        ("reason", "add", "1000", "\u{200e} "),
        ("reason", "add", "1000", &long),
    ] {
        let page = preview(&sara, app.reza, direction, amount, reason).await.expect(422);
        assert_eq!(page.count(&format!("#{field}-error")), 1, "{field}: {direction} {amount} {reason}");
        assert_eq!((page.count("#preview"), page.attribute("#amount", "value")), (0, amount.to_owned()));
    }
    let posting = format!("{}/posting", credit(app.reza));
    let id = uuid::Uuid::new_v4().to_string();
    let forged = |amount| {
        [("request_id", id.as_str()), ("seen", "0"), ("direction", "add"), ("amount", amount), ("reason", "")]
    };
    sara.post(&posting, &forged("1000")).await.expect(422);
    sara.post(&posting, &forged("2,000,000,000")).await.expect(422);
    sara.post(&posting, &[("seen", "0")]).await.expect(400);
    assert_eq!(entries(&app, app.reza).await, []);
    let page = preview(&sara, app.reza, "take", "1,000,000,000", "همه").await.expect(200);
    assert_eq!(page.count("#preview .flash--warn"), 1, "below zero is said before it is done");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_agent_taken_below_zero_by_hand_owes_from_that_moment(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = preview(&sara, app.reza, "take", "10000", "برگشت کارت").await;
    confirm(&sara, &page).await.expect(303);
    assert_eq!(app.balance(app.reza).await.negative_since, Some(app.clock.now()));
    let deadline = (app.clock.now() + ledger::GRACE).unix_timestamp().to_string();
    let page = sara.get(&format!("/admin/agents/{}", app.reza)).await.expect(200);
    assert_eq!(page.attribute("#owing [data-countdown]", "data-countdown"), deadline);
    let page = preview(&sara, app.nima, "take", "10000", "برگشت کارت").await;
    confirm(&sara, &page).await.expect(303);
    let page = sara.get(&format!("/admin/customers/{}", app.nima)).await.expect(200);
    assert_eq!(page.count("#owing"), 0, "the rule of 24 hours is for agents");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn disabling_ends_sessions_at_once_and_is_logged_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for (username, person, home) in [("reza", app.reza, "agents"), ("nima", app.nima, "customers")] {
        let client = app.signed_in(username).await;
        let home = format!("/admin/{home}/{person}");
        let (disable, enable) =
            (format!("/admin/people/{person}/disabling"), format!("/admin/people/{person}/enabling"));
        let (one, two) = tokio::join!(sara.post(&disable, &[]), sara.post(&disable, &[]));
        assert_eq!((one.status, two.status, one.location()), (303, 303, home.as_str()));
        assert!(client.get("/account").await.expect(303).location().starts_with("/login"));
        assert_eq!(deeds(&app, person, "account.disable").await, 1);
        let page = sara.get(&home).await.expect(200);
        assert_eq!(page.count(&format!("form[action='{enable}']")), 1);
        sara.post(&enable, &[]).await.expect(303);
        sara.post(&enable, &[]).await.expect(303);
        assert_eq!(deeds(&app, person, "account.enable").await, 1);
        app.signed_in(username).await;
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_one_time_password_replaces_the_old_one_and_is_shown_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let (sara, reza) = (app.signed_in("sara").await, app.signed_in("reza").await);
    let page = sara.get(&format!("/admin/agents/{}", app.reza)).await.expect(200);
    let request_id = page.attribute("input[name=request_id]", "value");
    let path = format!("/admin/people/{}/password", app.reza);
    let form = [("request_id", request_id.as_str())];
    let (one, two) = tokio::join!(sara.post(&path, &form), sara.post(&path, &form));
    let shown = if one.status == 200 { &one } else { &two };
    assert_eq!(one.status + two.status, 200 + 303, "one shows it, the other leads back");
    let password = shown.attributes("#one-time-password [data-copy]", "data-copy").pop().unwrap();
    assert_eq!(shown.header("cache-control"), "no-store");
    assert_eq!(deeds(&app, app.reza, "account.reset_password").await, 1);
    let logged = sqlx::query_scalar!("SELECT string_agg(detail::text, '') FROM audit_log").fetch_one(&app.db);
    assert!(!logged.await.unwrap().unwrap().contains(&password), "never in the log");

    assert!(reza.get("/agent").await.expect(303).location().starts_with("/login"), "his sessions have ended");
    let old = app.stranger();
    old.post("/login", &[("username", "reza"), ("password", crate::support::PASSWORD), ("next", "")])
        .await
        .expect(422);
    let reza = app.stranger();
    reza.post("/login", &[("username", "reza"), ("password", &password), ("next", "")]).await.expect(303);
    assert_eq!(reza.get("/agent/wallet").await.expect(303).location(), "/account/password");
    sara.post(&path, &[]).await.expect(400);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_accounts_of_a_disabled_agent_run_on_unless_the_admin_ticks_otherwise(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = app.plan("یک‌ماهه", 30, Some(20), 50_000).await;
    app.give_credit(app.reza, 100_000).await;
    let reza = app.signed_in("reza").await;
    for username in ["reza_one", "reza_two"] {
        let page = reza.get("/agent/create-user").await.expect(200);
        let request_id = page.attribute("input[name=request_id]", "value");
        let plan = format!("{plan}:50000");
        let form = [("request_id", request_id.as_str()), ("plan", &plan), ("username", username)];
        reza.post("/agent/create-user", &form).await.expect(303);
    }
    app.run_jobs().await;
    let states = async || -> Vec<(String, Option<String>)> {
        sqlx::query_as("SELECT status, disabled_reason FROM orders ORDER BY id")
            .fetch_all(&app.db)
            .await
            .unwrap()
    };
    let sara = app.signed_in("sara").await;
    let disabling = format!("/admin/people/{}/disabling", app.reza);
    sara.post(&disabling, &[]).await.expect(303);
    app.run_jobs().await;
    assert!(states().await.iter().all(|(status, _)| status == "ACTIVE"));
    // She has forgotten the tick: the page of the disabled agent asks once more.
    let page = sara.get(&format!("/admin/agents/{}", app.reza)).await.expect(200);
    assert_eq!(page.count(&format!("form[action='{disabling}'] input[name=accounts]")), 1);
    for _ in 0..2 {
        sara.post(&disabling, &[("accounts", "true")]).await.expect(303);
    }
    app.run_jobs().await;
    let off = ("DISABLED".to_owned(), Some("BY_ADMIN".to_owned()));
    assert_eq!(states().await, [off.clone(), off]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_being_made_or_changed_is_switched_off_too_when_that_has_ended(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = app.plan("یک‌ماهه", 30, Some(20), 50_000).await;
    app.give_credit(app.reza, 150_000).await;
    let works = app.order(app.reza, plan, 50_000, "reza_works").await;
    app.run_jobs().await;
    app.simulator.down().await;
    app.order(app.reza, plan, 50_000, "reza_made").await;
    let renewal = orders::changes::Renewal {
        order: works,
        plan,
        price_seen: Toman(50_000),
        request_id: uuid::Uuid::new_v4(),
    };
    let by = orders::changes::By::Owner(app.reza.into());
    orders::changes::renew(&app.db, &renewal, by, app.clock.now()).await.unwrap();
    let sara = app.signed_in("sara").await;
    let disabling = format!("/admin/people/{}/disabling", app.reza);
    sara.post(&disabling, &[("accounts", "true")]).await.expect(303);
    app.run_jobs().await;
    app.simulator.up().await.unwrap();
    for _ in 0..4 {
        app.clock.advance(time::Duration::minutes(1));
        app.run_jobs().await;
    }
    let states: Vec<String> =
        sqlx::query_scalar("SELECT status FROM orders ORDER BY id").fetch_all(&app.db).await.unwrap();
    assert_eq!(states, ["DISABLED", "DISABLED"]);
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM jobs WHERE finished_at IS NULL")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(open, 0, "it ends when nothing is left");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn nobody_is_found_behind_the_number_of_an_admin_or_of_none(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let id = uuid::Uuid::new_v4().to_string();
    let form =
        [("request_id", id.as_str()), ("seen", "0"), ("direction", "add"), ("amount", "1"), ("reason", "x")];
    for person in [app.sara.to_string(), "999".to_owned(), "x".to_owned()] {
        let base = format!("/admin/people/{person}");
        sara.get(&format!("{base}/credit")).await.expect(404);
        for action in ["credit", "credit/posting", "disabling", "enabling", "password"] {
            sara.post(&format!("{base}/{action}"), &form).await.expect(404);
        }
    }
    sara.get("/admin/agents").await.expect(200);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_statement_of_a_person_pages_through_all_rows(db: PgPool) {
    let app = TestApp::start(db).await;
    for _ in 0..40 {
        app.give_credit(app.reza, 1_000).await;
    }
    let sara = app.signed_in("sara").await;
    let (mut rows, mut path) = (0, format!("/admin/agents/{}", app.reza));
    while !path.is_empty() {
        let page = sara.get(path.trim_end_matches("#statement")).await.expect(200);
        rows += page.count("#entries tbody tr");
        path = page.attributes("a[rel=next]", "href").pop().unwrap_or_default();
    }
    assert_eq!(rows, 40);
    app.finish().await;
}
