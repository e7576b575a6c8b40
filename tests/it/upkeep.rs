//! The owner's page of what the panel does by itself.

use rad_panel::{jobs, worker};
use serde_json::json;
use sqlx::PgPool;

use crate::support::TestApp;

async fn a_failed_job(app: &TestApp) -> i64 {
    let mut conn = app.db.acquire().await.unwrap();
    let now = app.clock.now();
    let job = jobs::NewJob {
        kind: "orders.provision",
        payload: json!({ "order": 99 }),
        unique_key: None,
        run_at: now,
    };
    jobs::enqueue(&mut conn, &job, now).await.unwrap();
    let job = jobs::claim(&app.db, now).await.unwrap().expect("the job");
    let verdict = jobs::Verdict::Fail { error: "<b>no way</b>".to_owned() };
    jobs::settle(&app.db, &job, &verdict, now).await.unwrap();
    job.id.0
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_page_says_when_each_task_ran_and_when_it_runs_again(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/upkeep").await.expect(200);
    assert_eq!(page.text("#task-USAGE .badge--mute"), "هنوز اجرا نشده");
    worker::tick(&app.state).await;
    let page = sara.get("/admin/upkeep").await.expect(200);
    assert_eq!(page.count("#task-USAGE .badge--info"), 1);
    assert_eq!(page.count("#task-USAGE button[disabled]"), 1, "it is under way");
    app.run_jobs().await;
    let page = sara.get("/admin/upkeep").await.expect(200);
    assert!(page.text("#task-USAGE").contains("۰ اکانت خوانده شد"), "{}", page.text("#task-USAGE"));
    assert!(page.text("#task-VERIFICATION").contains("نوبت بعد"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_task_is_run_when_asked_for_and_once_when_asked_twice(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let ask = || sara.post("/admin/upkeep/tasks/CLEANING/runs", &[]);
    let (a, b) = tokio::join!(ask(), ask());
    assert_eq!((a.status, b.status), (303, 303));
    assert_eq!(app.run_jobs().await, 1);
    let asked: Vec<Option<i64>> =
        sqlx::query_scalar("SELECT asked_by FROM scheduled_runs WHERE outcome = 'DONE'")
            .fetch_all(&app.db)
            .await
            .unwrap();
    assert_eq!(asked, [Some(app.sara.0)]);
    let logged: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'task.run'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(logged, 1);
    sara.post("/admin/upkeep/tasks/NONSENSE/runs", &[]).await.expect(404);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_job_given_up_is_shown_and_tried_again_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = a_failed_job(&app).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/upkeep").await.expect(200);
    let row = page.text(&format!("#job-{id}"));
    assert!(row.contains("<b>no way</b>") && row.contains("سفارش ۹۹"), "{row}");
    let retry = format!("/admin/upkeep/jobs/{id}/retry");
    let (a, b) = tokio::join!(sara.post(&retry, &[]), sara.post(&retry, &[]));
    assert_eq!((a.status, b.status), (303, 303));
    assert_eq!(app.run_jobs().await, 1, "an order that does not exist is nothing to be made");
    assert_eq!(sara.get("/admin/upkeep").await.expect(200).count(&format!("#job-{id}")), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_server_is_shown_as_it_is(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/upkeep/server").await.expect(200);
    assert!(page.count("#server .badge--ok") == 1 && page.text("#server").contains("0.8.4"));
    assert!(page.text("#server").contains("1.8.24") && page.text("#server").contains("روشن"));
    app.simulator.run_core(false);
    let page = sara.get("/admin/upkeep/server").await.expect(200);
    assert!(page.text("#server .badge--bad").contains("خاموش"), "{}", page.text("#server"));
    assert!(page.text("#server").contains("0.8.4"), "it answers all the same");
    app.simulator.run_core(true);
    app.simulator.down().await;
    let page = sara.get("/admin/upkeep/server").await.expect(200);
    assert_eq!(page.count("#server .badge--bad"), 1);
    assert!(page.count("#task-USAGE") == 1, "the rest of the page is there");
}
