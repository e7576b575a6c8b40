//! Excel files that take a while: written by a job, kept for their owner.

use std::path::PathBuf;

use rad_panel::{
    accounts,
    jobs::{self, Verdict},
    reports::{self, files::Files},
    web::Role,
    worker,
};
use sqlx::PgPool;
use time::Duration;

use super::{Workbook, ask_for_excel, whole};
use crate::support::{Client, PASSWORD, TestApp};

/// Asks for everything, which is more than comes at once; returns the address of the export.
async fn ask(sara: &Client) -> String {
    let answer = ask_for_excel(sara, "/admin/reports?range=all").await.expect(303);
    assert!(answer.location().starts_with("/admin/reports/exports/"), "{}", answer.location());
    answer.location().to_owned()
}

async fn status(app: &TestApp) -> String {
    sqlx::query_scalar!("SELECT status FROM exports ORDER BY id DESC LIMIT 1")
        .fetch_one(&app.db)
        .await
        .unwrap()
}

fn folder(app: &TestApp) -> PathBuf {
    app.state.receipts.folder().join("exports")
}

fn files(app: &TestApp) -> usize {
    std::fs::read_dir(folder(app)).map_or(0, Iterator::count)
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_hundred_thousand_rows_are_written_by_the_job_and_add_up_to_the_ledger(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(100_000).await;
    let sara = app.signed_in("sara").await;
    let path = ask(&sara).await;
    let page = sara.get(&path).await.expect(200);
    assert!(page.text("#export").contains("۰ از ۱۰۰٬۰۰۰ ردیف"), "{}", page.text("#export"));
    assert_eq!((page.count("progress"), page.count("main [hx-trigger]"), page.count("#download")), (1, 1, 0));
    // Without scripts the page loads itself anew; not ready yet, the file leads back to it.
    assert!(page.body.contains("<noscript><meta http-equiv=\"refresh\""));
    assert_eq!(sara.get(&format!("{path}/file")).await.expect(303).location(), path);

    assert_eq!(app.run_jobs().await, 1);
    let part = sara.get_part(&path).await.expect(200);
    assert_eq!((part.count("progress"), part.count("[hx-trigger]"), part.count("#download")), (0, 0, 1));
    let answer = sara.get(&part.attribute("#download", "href")).await;
    assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
    let book = Workbook::read(&answer);
    let rows = book.rows(0);
    assert_eq!(rows.len(), 100_000);
    let ledger: i64 =
        sqlx::query_scalar("SELECT sum(amount)::bigint FROM transactions").fetch_one(&app.db).await.unwrap();
    assert_eq!(rows.iter().map(|row| whole(&row[5])).sum::<i64>(), ledger);
    assert_eq!((whole(&book.sums(0)[5]), whole(&book.sums(0)[9])), (ledger, ledger));
    assert_eq!(
        (rows[0][8].to_string(), rows[99_999][8].to_string()),
        ("شارژ 100000".into(), "شارژ 1".into())
    );
    assert_eq!(files(&app), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_its_owner_may_follow_fetch_or_cancel_an_export(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let now = app.clock.now();
    let mut conn = app.db.acquire().await.unwrap();
    accounts::create_user(&mut conn, "samira", PASSWORD, Role::Admin, now).await.unwrap();
    let (sara, samira) = (app.signed_in("sara").await, app.signed_in("samira").await);
    let path = ask(&sara).await;
    samira.post(&format!("{path}/cancellation"), &[]).await.expect(404);
    app.run_jobs().await;
    for address in [path.clone(), format!("{path}/file")] {
        samira.get(&address).await.expect(404);
        for other in ["reza", "nima"] {
            let status = app.signed_in(other).await.get(&address).await.status;
            assert!(matches!(status, 403 | 404), "{other} {address}: {status}");
        }
        app.stranger().get(&address).await.expect(303);
        sara.get(&address).await.expect(200);
    }
    assert_eq!(samira.get("/admin/reports/exports").await.expect(200).count(".list__item"), 0);
    assert_eq!(sara.get("/admin/reports/exports").await.expect(200).count(".list__item"), 1);
    for address in ["/admin/reports/exports/999", "/admin/reports/exports/x/file"] {
        sara.get(address).await.expect(404);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_sent_twice_makes_one_export_and_a_fourth_has_to_wait(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    let form = [("query", "?range=all"), ("request_id", "0198a5c0-0000-7000-8000-000000000001")];
    let (one, two) =
        tokio::join!(sara.post("/admin/reports/exports", &form), sara.post("/admin/reports/exports", &form));
    assert_eq!(one.expect(303).location(), two.expect(303).location());
    ask(&sara).await;
    ask(&sara).await;
    let fourth = ask_for_excel(&sara, "/admin/reports?range=all").await.expect(303);
    assert_eq!(fourth.location(), "/admin/reports/exports");
    assert!(sara.get("/admin/reports/exports").await.text("#flash").contains("سه فایل"));
    assert_eq!(app.run_jobs().await, 3);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_export_that_a_crash_interrupted_is_written_by_the_next_worker(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    let path = ask(&sara).await;
    // A worker that took the job, wrote half a file and died.
    let job = jobs::claim(&app.db, app.clock.now()).await.unwrap().unwrap();
    sqlx::query!("UPDATE exports SET status = 'RUNNING', rows_done = 3000").execute(&app.db).await.unwrap();
    let key = sqlx::query_scalar!("SELECT file_key FROM exports").fetch_one(&app.db).await.unwrap();
    std::io::Write::write_all(&mut Files::beside(&app.state.receipts).create(key, 1).unwrap(), b"half")
        .unwrap();
    assert!(sara.get(&path).await.expect(200).text("#export").contains("۳٬۰۰۰"));
    assert_eq!(app.run_jobs().await, 0);
    app.clock.advance(Duration::seconds(121));
    assert_eq!(app.run_jobs().await, 1);
    assert_eq!(Workbook::read(&sara.get(&format!("{path}/file")).await).rows(0).len(), 5_001);
    // The dead worker's word counts no more, and its half of a file goes with the day.
    jobs::settle(&app.db, &job, &Verdict::Fail { error: String::new() }, app.clock.now()).await.unwrap();
    assert_eq!((status(&app).await.as_str(), files(&app)), ("DONE", 2));
    app.clock.advance(Duration::days(1));
    worker::clean(&app.state).await.unwrap();
    assert_eq!(files(&app), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_job_that_takes_long_is_held_on_to_until_another_has_it(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    ask(&sara).await;
    let now = app.clock.now();
    let job = jobs::claim(&app.db, now).await.unwrap().unwrap();
    assert!(jobs::hold(&app.db, &job, now + Duration::seconds(20)).await.unwrap());
    assert!(jobs::claim(&app.db, now + Duration::seconds(49)).await.unwrap().is_none());
    app.clock.advance(Duration::seconds(50));
    assert_eq!(app.run_jobs().await, 1);
    assert!(!jobs::hold(&app.db, &job, app.clock.now()).await.unwrap());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_cancelled_is_not_written(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    let path = ask(&sara).await;
    sara.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    app.run_jobs().await;
    assert_eq!((status(&app).await.as_str(), files(&app)), ("CANCELLED", 0));
    // Nothing is left to be cancelled, and there is no file.
    sara.post(&format!("{path}/cancellation"), &[]).await.expect(303);
    assert_eq!(sara.get(&format!("{path}/file")).await.expect(303).location(), path);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_export_is_given_up_when_its_owner_is_disabled_even_while_it_is_written(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(60_000).await;
    let sara = app.signed_in("sara").await;
    ask(&sara).await;
    let (state, database) = (app.state.clone(), app.db.clone());
    let job = tokio::spawn(async move { worker::run_due(&state).await.unwrap() });
    let now = app.clock.now();
    loop {
        let begun =
            sqlx::query_scalar!("SELECT count(*) AS \"count!\" FROM exports WHERE status = 'RUNNING'");
        if begun.fetch_one(&database).await.unwrap() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    accounts::disable(&app.db, app.sara, app.sara, now).await.unwrap();
    assert_eq!(job.await.unwrap(), 1);
    assert_eq!(status(&app).await, "CANCELLED");
    worker::clean(&app.state).await.unwrap();
    assert_eq!(files(&app), 0);

    accounts::enable(&app.db, app.sara, app.sara, now).await.unwrap();
    let sara = app.signed_in("sara").await;
    ask(&sara).await;
    accounts::disable(&app.db, app.sara, app.sara, now).await.unwrap();
    app.run_jobs().await;
    assert_eq!((status(&app).await.as_str(), files(&app)), ("CANCELLED", 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_file_lives_for_a_day(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    let path = ask(&sara).await;
    app.run_jobs().await;
    app.clock.advance(Duration::days(1) - Duration::SECOND);
    worker::clean(&app.state).await.unwrap();
    sara.get(&format!("{path}/file")).await.expect(200);
    assert_eq!(files(&app), 1);
    app.clock.advance(Duration::SECOND);
    sara.get(&path).await.expect(404);
    sara.get(&format!("{path}/file")).await.expect(404);
    worker::clean(&app.state).await.unwrap();
    assert_eq!(files(&app), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_disk_that_takes_nothing_fails_the_export_after_some_attempts(db: PgPool) {
    let app = TestApp::start(db).await;
    app.post_many(5_001).await;
    let sara = app.signed_in("sara").await;
    let path = ask(&sara).await;
    // A file where the folder should be.
    std::fs::write(folder(&app), b"").unwrap();
    for _ in 0..5 {
        assert_eq!(app.run_jobs().await, 1);
        app.clock.advance(Duration::HOUR);
    }
    let page = sara.get(&path).await.expect(200);
    assert!(page.text("#export").contains("ناموفق"), "{}", page.text("#export"));
    assert_eq!(app.run_jobs().await, 0);
    std::fs::remove_file(folder(&app)).unwrap();
    reports::clean(&app.db, &Files::beside(&app.state.receipts), app.clock.now()).await.unwrap();
    app.finish().await;
}
