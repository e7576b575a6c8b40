//! What is left of accounts, as the server tells it.

use rad_panel::orders::sync;

use super::{Form, PRICE, month};
use crate::support::TestApp;

const GB: i64 = 1 << 30;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_accounts_page_asks_the_server_what_is_left(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, PRICE).await;
    let order = Form { on_hold: true, ..Form::new(app.reza, plan, "reza_ali") }.send(&app).await.unwrap();
    app.run_jobs().await;
    let reza = app.signed_in("reza").await;
    let address = format!("/agent/users/{order}");
    let page = reza.get(&address).await.expect(200);
    assert!(page.attributes("#usage", "hx-get").is_empty(), "what was just made is known");
    assert_eq!(page.text("#usage .meter__text"), "۳۰ روز، از اولین اتصال");

    app.clock.advance(time::Duration::days(2));
    assert!(app.simulator.traffic("reza_ali", 10 * GB));
    app.simulator.review(app.clock.now());
    let page = reza.get(&address).await.expect(200);
    assert_eq!(page.attribute("#usage", "hx-get"), format!("{address}/usage"));
    assert_eq!(page.text("#as-of"), "آخرین خبر از سرور: ۲ روز پیش");
    let part = reza.get_part(&format!("{address}/usage")).await.expect(200);
    assert_eq!(part.texts("#usage .meter__text"), ["۳۰ روز مانده", "۲۰ گیگابایت از ۳۰ گیگابایت مانده"]);
    assert_eq!(part.text("#as-of"), "آخرین خبر از سرور: همین حالا");
    assert!(part.attributes("#usage", "hx-get").is_empty(), "asked once");

    app.clock.advance(time::Duration::days(1));
    app.simulator.down().await;
    let part = reza.get_part(&format!("{address}/usage")).await.expect(200);
    assert_eq!(part.text("#as-of"), "آخرین خبر از سرور: دیروز", "honest about old news");
    assert!(part.attributes("#usage", "hx-get").is_empty(), "and asks no more by itself");
    let mina = app.signed_in("mina").await;
    mina.get_part(&format!("{address}/usage")).await.expect(404);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_schedule_asks_about_the_oldest_news_and_stops_where_nobody_answers(db: sqlx::PgPool) {
    let app = TestApp::start(db).await;
    let plan = month(&app).await;
    app.give_credit(app.reza, 3 * PRICE).await;
    for name in ["reza_1", "reza_2", "reza_3"] {
        Form::new(app.reza, plan, name).send(&app).await.unwrap();
    }
    app.run_jobs().await;
    let refresh = async || sync::sweep(&app.db, &app.state.server, &app.clock).await.unwrap().read;
    assert_eq!(refresh().await, 0, "all is known");
    app.clock.advance(time::Duration::minutes(30));
    assert!(app.simulator.traffic("reza_2", GB));
    app.simulator.down().await;
    assert_eq!(refresh().await, 0);
    app.simulator.up().await.unwrap();
    assert_eq!((refresh().await, refresh().await), (3, 0));
    let used = sqlx::query_scalar!("SELECT data_used_bytes FROM marzban_users ORDER BY username");
    assert_eq!(used.fetch_all(&app.db).await.unwrap(), [0, GB, 0]);

    // Somebody else's account under the same name tells nothing about ours.
    app.clock.advance(time::Duration::minutes(30));
    assert!(app.simulator.mutate("reza_1", |user| {
        user.note = Some("another's".to_owned());
        user.data_limit = Some(1);
    }));
    assert_eq!((refresh().await, refresh().await), (2, 0));
    let limits = sqlx::query_scalar!("SELECT data_limit_bytes FROM marzban_users ORDER BY username");
    assert_eq!(limits.fetch_all(&app.db).await.unwrap(), [Some(30 * GB); 3]);
    app.finish().await;
}
