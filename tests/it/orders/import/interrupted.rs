//! Whatever comes between: a second import, a crash, a server that is away, accounts that changed since they were read.

use axum::http::Method;
use rad_panel::orders::import::choice::forget;
use sqlx::PgPool;

use super::{
    super::{Form, PRICE, month, order_count},
    Client, TestApp, choose, confirm, finish, names, order_of, orders, read, shop, stray,
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn again_brings_in_nothing_new_and_two_at_once_bring_in_each_account_once(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 0..12 {
        stray(&app, &format!("acct_{number}"), None, "");
    }
    let (one, other) = (read(&app, &sara).await, read(&app, &sara).await);
    assert_ne!(one, other);
    let (first, second) =
        (choose(&sara, &one, app.reza.0, &[]).await, choose(&sara, &other, app.mina.0, &[]).await);
    confirm(&sara, &one, &first).await;
    // The same form again does nothing.
    confirm(&sara, &one, &first).await;
    confirm(&sara, &other, &second).await;
    let (a, b) = tokio::join!(app.run_jobs(), app.run_jobs());
    assert!(a + b >= 2);
    app.clock.advance(time::Duration::seconds(6));
    app.run_jobs().await;
    assert_eq!(order_count(&app).await, 12);
    for (name, ..) in orders(&app).await {
        let note = app.simulator.user(&name).unwrap().note;
        assert_eq!(note, Some(format!("RAD order #{}", order_of(&app, &name).await)), "{name}");
    }
    for href in [&one, &other] {
        assert_eq!(sara.get(href).await.expect(200).count("#progress"), 0, "both came to their end");
    }
    let href = read(&app, &sara).await;
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    assert_eq!((names(&page).len(), page.count("input[name=choice]")), (0, 0));
    sara.post(&format!("{href}/taking"), &[("choice", "1")]).await.expect(303);
    app.run_jobs().await;
    assert_eq!(order_count(&app).await, 12);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn cut_off_anywhere_it_goes_on_with_the_same_numbers(db: PgPool) {
    let (app, sara) = shop(db).await;
    for number in 0..6 {
        stray(&app, &format!("acct_{number}"), None, "قدیمی");
    }
    let href = read(&app, &sara).await;
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    confirm(&sara, &href, &page).await;
    // One was given its note by a run that died before it could store the order.
    let aside: i64 = sqlx::query_scalar(
        "UPDATE order_import_items SET order_id = nextval(pg_get_serial_sequence('orders', 'id'))
         WHERE username = 'acct_2' RETURNING order_id",
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert!(app.simulator.mutate("acct_2", |user| user.note = Some(format!("RAD order #{aside}"))));
    // Of another the answer is lost.
    app.simulator.drop_after_commit_of(Method::PUT, 1);
    app.run_jobs().await;
    let page = sara.get(&href).await.expect(200);
    assert_eq!(page.count("#progress #trouble"), 1, "{}", page.text("main"));
    app.simulator.down().await;
    app.clock.advance(time::Duration::minutes(1));
    app.run_jobs().await;
    assert!(order_count(&app).await < 6);
    app.simulator.up().await.unwrap();
    app.clock.advance(time::Duration::minutes(10));
    app.run_jobs().await;
    assert_eq!(order_count(&app).await, 6);
    assert_eq!(order_of(&app, "acct_2").await.0, aside);
    let notes: Vec<String> =
        sqlx::query_scalar("SELECT DISTINCT note FROM orders").fetch_all(&app.db).await.unwrap();
    assert_eq!(notes, ["قدیمی"], "no old note was lost");
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_sold_changed_or_deleted_meanwhile_is_left_as_it_is(db: PgPool) {
    let (app, sara) = shop(db).await;
    for name in ["gone_1", "noted_1", "sold_1", "foreign_1"] {
        stray(&app, name, None, "اول");
    }
    let href = read(&app, &sara).await;
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    confirm(&sara, &href, &page).await;
    app.state.server.delete_account("gone_1").await.done().unwrap();
    app.simulator.mutate("noted_1", |user| user.note = Some("دوم".to_owned()));
    app.simulator.mutate("foreign_1", |user| user.note = Some("RAD order #77".to_owned()));
    app.give_credit(app.mina, PRICE).await;
    let plan = month(&app).await;
    Form::new(app.mina, plan, "sold_1").send(&app).await.unwrap();
    app.run_jobs().await;
    assert_eq!(app.simulator.user("foreign_1").unwrap().note.as_deref(), Some("RAD order #77"));
    assert_eq!(
        app.simulator.user("sold_1").unwrap().note.as_deref(),
        Some("اول"),
        "its buyer's order failed"
    );
    let note: String = sqlx::query_scalar("SELECT note FROM orders WHERE marzban_username = 'noted_1'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(note, "دوم", "the last one that it had");
    let page = sara.get(&href).await.expect(200);
    let reasons = page.texts("#reasons li").join(" ");
    assert!(reasons.contains("حذف شده") && reasons.contains("پنل دیگری"), "{reasons}");
    finish(app).await;
}

/// Three accounts with a note, one of which was given ours before the order could be stored. Returns the import's address
/// and the account.
async fn begun(app: &TestApp, sara: &Client) -> (String, String) {
    for number in 0..3 {
        stray(app, &format!("acct_{number}"), None, "قدیمی");
    }
    let href = read(app, sara).await;
    let page = choose(sara, &href, app.reza.0, &[]).await;
    confirm(sara, &href, &page).await;
    app.simulator.drop_after_commit_of(Method::PUT, 1);
    app.run_jobs().await;
    let is_ours = |note: &Option<String>| note.as_deref().is_some_and(|note| note.starts_with("RAD order #"));
    let marked: Vec<String> = app
        .simulator
        .users()
        .into_iter()
        .filter(|user| is_ours(&user.note))
        .map(|user| user.username)
        .collect();
    assert_eq!((marked.len(), order_count(app).await), (1, 0), "the answer to the first was lost");
    (href, marked[0].clone())
}

/// Number and outcome of an account that was read.
async fn item(app: &TestApp, name: &str) -> (Option<i64>, Option<String>) {
    sqlx::query_as("SELECT order_id, outcome FROM order_import_items WHERE username = $1")
        .bind(name)
        .fetch_one(&app.db)
        .await
        .unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn stopped_in_the_middle_every_account_has_its_old_note_at_last(db: PgPool) {
    let (app, sara) = shop(db).await;
    let (href, marked) = begun(&app, &sara).await;
    app.simulator.down().await;
    sara.post(&format!("{href}/stop"), &[]).await.expect(303);
    let page = sara.get(&href).await.expect(200);
    assert_eq!((page.count("#progress"), names(&page).len()), (0, 0), "none was brought in");
    app.clock.advance(time::Duration::minutes(1));
    app.run_jobs().await;
    assert_eq!(item(&app, &marked).await.1, None, "it is not given up while the server is away");
    // Nor is what it was forgotten, however long that takes.
    app.clock.advance(time::Duration::days(40));
    forget(&app.db, app.clock.now()).await.unwrap();
    app.simulator.up().await.unwrap();
    app.run_jobs().await;
    assert!(app.simulator.users().iter().all(|user| user.note.as_deref() == Some("قدیمی")));
    assert_eq!(item(&app, &marked).await, (None, Some("STOPPED".to_owned())));
    assert_eq!((order_count(&app).await, forget(&app.db, app.clock.now()).await.unwrap()), (0, 1));
    // As if nothing had been.
    let sara = app.signed_in("sara").await;
    let href = read(&app, &sara).await;
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    confirm(&sara, &href, &page).await;
    app.run_jobs().await;
    assert_eq!(order_count(&app).await, 3);
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_old_note_is_given_back_also_where_the_first_attempt_is_lost(db: PgPool) {
    let (app, sara) = shop(db).await;
    let (_, marked) = begun(&app, &sara).await;
    // Its order can't be stored, and the connection breaks while the server is told.
    sqlx::query("UPDATE plans SET status = 'INACTIVE'").execute(&app.db).await.unwrap();
    app.simulator.drop_before_work_of(Method::PUT, 1);
    app.clock.advance(time::Duration::minutes(1));
    app.run_jobs().await;
    assert_eq!(item(&app, &marked).await.1, None);
    app.clock.advance(time::Duration::minutes(1));
    app.run_jobs().await;
    assert!(app.simulator.users().iter().all(|user| user.note.as_deref() == Some("قدیمی")));
    assert_eq!(item(&app, &marked).await, (None, Some("NO_PLAN".to_owned())));
    finish(app).await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_server_never_changes_back_is_remembered_and_can_be_brought_in_later(db: PgPool) {
    let (app, sara) = shop(db).await;
    let (href, marked) = begun(&app, &sara).await;
    sara.post(&format!("{href}/stop"), &[]).await.expect(303);
    // The server is well, but for this account.
    assert!(app.simulator.mutate(&marked, |user| user.expire = Some(1_790_000_000_000)));
    for _ in 0..3 {
        app.clock.advance(time::Duration::minutes(1));
        app.run_jobs().await;
    }
    let (number, outcome) = item(&app, &marked).await;
    assert_eq!((number.is_some(), outcome.as_deref()), (true, Some("STOPPED")));
    app.clock.advance(time::Duration::days(40));
    assert_eq!(forget(&app.db, app.clock.now()).await.unwrap(), 0);
    assert_eq!(item(&app, &marked).await.0, number, "it alone says whose the note is, and what it was");
    app.simulator.mutate(&marked, |user| user.expire = None);
    let sara = app.signed_in("sara").await;
    let href = read(&app, &sara).await;
    let page = choose(&sara, &href, app.reza.0, &[]).await;
    assert!(names(&page).contains(&marked));
    confirm(&sara, &href, &page).await;
    app.run_jobs().await;
    assert_eq!(order_count(&app).await, 3);
    finish(app).await;
}
