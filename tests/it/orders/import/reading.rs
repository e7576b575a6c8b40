//! Reading the accounts of a server that is large, changing, or broken in places.

use std::time::{Duration, Instant};

use axum::http::{Method, StatusCode};
use sqlx::PgPool;

use super::{super::order_count, TestApp, begin, choose, confirm, finish, names, read, shop, stray};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn one_that_the_server_cannot_show_hides_no_other(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 100..220 {
        stray(&app, &format!("acct_{number}"), None, "");
    }
    for broken in ["acct_100", "acct_147", "acct_148", "acct_219"] {
        assert!(app.simulator.mutate(broken, |user| user.expire = Some(1_790_000_000_000)));
    }
    let href = read(&app, &sara).await;
    let page = sara.get(&href).await.expect(200);
    assert!(page.text("#count").contains("۱۱۶"), "{}", page.text("#count"));
    assert!(page.text("#hidden").contains('۴'), "{}", page.text("#hidden"));
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_list_that_fails_once_or_for_its_length_hides_nobody(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 100..220 {
        stray(&app, &format!("acct_{number}"), None, "");
    }
    // Signed in there already: what fails is the first list.
    assert!(app.state.server.health().await.reachable);
    app.simulator.answer(1, StatusCode::BAD_GATEWAY);
    let href = read(&app, &sara).await;
    let page = sara.get(&href).await.expect(200);
    assert!(page.text("#count").contains("۱۲۰"), "{}", page.text("#count"));
    assert_eq!(page.count("#hidden"), 0);
    // An answer of more than the client reads.
    let long = "x".repeat(50 << 10);
    for number in 100..150 {
        assert!(app.simulator.mutate(&format!("acct_{number}"), |user| user.note = Some(long.clone())));
    }
    let href = read(&app, &sara).await;
    let page = sara.get(&href).await.expect(200);
    assert!(page.text("#count").contains("۱۲۰"), "{}", page.text("#count"));
    assert_eq!(page.count("#hidden"), 0);
    finish(app).await;
}

/// How many of the accounts from this one to 299 were not read.
async fn missed(app: &TestApp, first: i32) -> i64 {
    let missed = sqlx::query_scalar(
        "SELECT count(*) FROM generate_series($1, 299) n
         WHERE NOT EXISTS (SELECT FROM order_import_items WHERE username = 'acct_' || n)",
    );
    missed.bind(first).fetch_one(&app.db).await.unwrap()
}

/// Waits until the reading has asked for so many lists.
async fn lists(app: &TestApp, count: usize) {
    while app.simulator.requests().iter().filter(|seen| seen.path == "/api/users").count() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn accounts_that_are_deleted_while_it_is_read_make_it_miss_no_other(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 100..300 {
        stray(&app, &format!("acct_{number}"), None, "");
    }
    begin(&sara).await;
    let during = async {
        lists(&app, 2).await;
        for number in 100..120 {
            app.state.server.delete_account(&format!("acct_{number}")).await.done().unwrap();
        }
    };
    tokio::join!(app.run_jobs(), during);
    assert_eq!(missed(&app, 120).await, 0);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn accounts_that_are_deleted_while_the_server_is_away_make_it_miss_no_other(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 100..300 {
        stray(&app, &format!("acct_{number}"), None, "");
    }
    let href = begin(&sara).await;
    let during = async {
        lists(&app, 2).await;
        app.simulator.down().await;
    };
    tokio::join!(app.run_jobs(), during);
    assert_eq!(sara.get(&href).await.expect(200).count("#progress #trouble"), 1);
    app.simulator.up().await.unwrap();
    app.clock.advance(time::Duration::minutes(10));
    for number in 100..103 {
        app.state.server.delete_account(&format!("acct_{number}")).await.done().unwrap();
    }
    app.run_jobs().await;
    assert_eq!(missed(&app, 103).await, 0);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_server_cannot_show_is_counted_once_also_after_a_rest(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 100..220 {
        stray(&app, &format!("acct_{number}"), None, "");
    }
    assert!(app.simulator.mutate("acct_147", |user| user.expire = Some(1_790_000_000_000)));
    let href = begin(&sara).await;
    // The reading before it was cut off had found it, and gone a little further.
    sqlx::query("UPDATE order_imports SET accounts_read = 50, hidden = 1").execute(&app.db).await.unwrap();
    app.run_jobs().await;
    let page = sara.get(&href).await.expect(200);
    assert!(page.text("#hidden").contains('۱'), "{}", page.text("#hidden"));
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn three_thousand_accounts_come_in_by_bounded_calls_and_small_pages(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 0..3000 {
        stray(&app, &format!("acct_{number:04}"), None, &format!("مشتری شمارهٔ {number}"));
    }
    app.simulator.forget_requests();
    let began = Instant::now();
    let href = read(&app, &sara).await;
    println!("3,000 accounts were read in {:?}", began.elapsed());
    let lists: Vec<String> = app.simulator.requests().into_iter().filter_map(|seen| seen.query).collect();
    assert!(lists.len() >= 60 && lists.iter().all(|query| query.contains("limit=50")), "{}", lists.len());
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    assert!(page.text("#count").contains("۳٬۰۰۰"), "{}", page.text("#count"));
    let next = page.attribute("a[rel=next]", "href");
    // It shows what was sent, and decodes nothing by itself.
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    for path in [href.as_str(), &next] {
        let request = sara.request(Method::GET, path).header("accept-encoding", "gzip");
        let bytes = http.execute(request.build().unwrap()).await.unwrap().bytes().await.unwrap().len();
        println!("{bytes} bytes on the wire");
        assert!(bytes < 8 * 1024, "{path}: {bytes} bytes");
    }
    assert_eq!(names(&sara.get(&next).await.expect(200))[0], "acct_0025");
    confirm(&sara, &href, &page).await;
    let began = Instant::now();
    app.run_jobs().await;
    println!("3,000 accounts were brought in in {:?}", began.elapsed());
    assert_eq!(order_count(&app).await, 3000);
    assert!(app.simulator.most_in_flight() <= 2, "one after the other");
    finish(app).await;
}
