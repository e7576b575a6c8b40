//! Pages that fail more often than they should.

use rad_panel::{
    notices::errors::{Answered, tell},
    worker,
};
use sqlx::PgPool;
use time::Duration;

use super::{deliver, link, told, with_bot};
use crate::support::TestApp;

async fn found(app: &TestApp, all: u32, failed: u32) -> bool {
    tell(&app.db, Answered { all, failed, minutes: 10 }, app.clock.now()).await.unwrap()
}

/// Looks at the clock as an instance does, and does what is due.
async fn tick(app: &TestApp) {
    worker::tick(&app.state).await;
    app.run_jobs().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn twenty_failures_and_a_twentieth_of_all_are_too_many(db: PgPool) {
    let app = TestApp::start(db).await;
    for (all, failed) in [(0, 0), (19, 19), (401, 20), (u32::MAX, 100_000)] {
        assert!(!found(&app, all, failed).await, "{failed} of {all}");
    }
    assert_eq!(told(&app, app.sara).await, Vec::<String>::new());
    assert!(found(&app, 400, 20).await);
    assert_eq!(told(&app, app.sara).await, ["ERROR_RATE"]);
    assert_eq!(told(&app, app.reza).await, Vec::<String>::new(), "nobody else's business");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn of_several_instances_that_fail_one_tells_it_and_the_last_ones_silence_ends_it(db: PgPool) {
    let app = TestApp::start(db).await;
    tick(&app).await;
    let both = tokio::join!(found(&app, 100, 90), found(&app, 200, 30));
    assert!(both.0 != both.1, "{both:?}");
    // One of them recovers at once, the other after three minutes more.
    for _ in 0..3 {
        app.clock.advance(Duration::minutes(1));
        assert!(!found(&app, 200, 30).await);
        tick(&app).await;
    }
    for _ in 0..4 {
        app.clock.advance(Duration::minutes(1));
        tick(&app).await;
    }
    assert_eq!(told(&app, app.sara).await, ["ERROR_RATE"], "it may come again");
    for _ in 0..3 {
        app.clock.advance(Duration::minutes(1));
        tick(&app).await;
    }
    assert_eq!(told(&app, app.sara).await, ["ERROR_RATE", "ERRORS_OVER"], "once");
    let page = app.signed_in("sara").await.get("/notices").await.expect(200);
    let text = page.text("#notices li");
    assert!(text.contains("خطاها ۳ دقیقه ادامه داشت"), "{text}");
    assert!(found(&app, 40, 40).await, "another time is told anew");
    assert_eq!(told(&app, app.sara).await.len(), 3);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn pages_that_fail_are_told_of_and_an_admin_may_not_want_to_be_sent_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let bot = with_bot(&app).await;
    link(&app, app.sara, "TELEGRAM", "77").await;
    let sara = app.signed_in("sara").await;
    sqlx::query("ALTER TABLE plans RENAME TO no_plans").execute(&app.db).await.unwrap();
    for _ in 0..19 {
        sara.get("/admin/plans").await.expect(500);
    }
    // Neither a stranger's guesses nor files hide how often pages fail.
    for _ in 0..500 {
        sara.get("/no-such-page").await.expect(404);
    }
    tick(&app).await;
    assert_eq!(told(&app, app.sara).await, Vec::<String>::new());
    sara.get("/admin/plans").await.expect(500);
    tick(&app).await;
    tick(&app).await;
    assert_eq!(told(&app, app.sara).await, ["ERROR_RATE"]);
    let text = sara.get("/notices").await.expect(200).text("#notices li");
    assert!(text.contains("در ۱۰ دقیقهٔ گذشته ۲۰ صفحه با خطا باز شد"), "{text}");
    deliver(&app).await;
    let sent = bot.take_sent();
    assert!(sent.len() == 1 && sent[0].1.contains("خطای زیاد در پنل"), "{sent:?}");

    let on = sara.get("/account/notices").await.expect(200);
    let on = on.attributes("#choices input[type=checkbox][checked]", "name");
    let wanted = on.iter().filter(|name| *name != "TELEGRAM-ERRORS_OVER");
    let form: Vec<(&str, &str)> = wanted.map(|name| (name.as_str(), "true")).collect();
    assert_eq!(form.len(), on.len() - 1);
    sara.post("/account/notices", &form).await.expect(303);
    // What was counted grows old, and then it is quiet for a while.
    for _ in 0..16 {
        app.clock.advance(Duration::minutes(1));
        tick(&app).await;
    }
    deliver(&app).await;
    assert_eq!(told(&app, app.sara).await, ["ERROR_RATE", "ERRORS_OVER"]);
    assert_eq!(bot.take_sent(), []);
}
