//! The owner's page of backups.

use std::fs;

use sqlx::PgPool;

use super::{backup, folder, shop};
use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_owner_asks_for_a_backup_and_sees_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/backups").await.expect(200);
    assert_eq!((page.count(".empty"), page.count(".stat--bad")), (1, 1));
    let ask = || sara.post("/admin/backups", &[]);
    let (a, b) = tokio::join!(ask(), ask());
    assert_eq!((a.status, a.location(), b.status), (303, "/admin/backups", 303));
    assert_eq!(app.run_jobs().await, 1, "asked twice, done once");
    let page = sara.get("/admin/backups").await.expect(200);
    assert_eq!((page.count("tbody tr"), page.count("tbody .badge--ok")), (1, 1));
    assert_eq!(page.count(".stat--ok"), 1);
    let upkeep = sara.get("/admin/upkeep").await.expect(200);
    assert!(upkeep.text("#task-BACKUP").contains("با ۰ رسید"), "{}", upkeep.text("#task-BACKUP"));
    assert_eq!(upkeep.count("a[href='/admin/backups']"), 1);
    app.clock.advance(time::Duration::hours(28));
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/backups").await.expect(200).count(".stat--bad"), 1, "one was missed");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_failed_backup_says_why_and_is_tried_again(db: PgPool) {
    let app = TestApp::start(db).await;
    // A file stands where the folder should be.
    fs::write(folder(&app), "x").unwrap();
    let sara = app.signed_in("sara").await;
    sara.post("/admin/backups", &[]).await.expect(303);
    for _ in 0..3 {
        app.run_jobs().await;
        app.clock.advance(time::Duration::minutes(4));
    }
    let page = sara.get("/admin/backups").await.expect(200);
    assert_eq!(page.count("tbody .badge--bad"), 3);
    assert!(page.text("tbody tr").contains("can't be used"), "{}", page.text("tbody tr"));
    assert_eq!(page.count("tbody a"), 0, "there is nothing to download");
    assert_eq!(sara.get("/admin/upkeep").await.expect(200).count("#task-BACKUP .badge--bad"), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_the_owner_downloads_a_backup_and_that_is_written_down(db: PgPool) {
    let (app, _) = shop(db).await;
    let file = backup(&app).await;
    let id: i64 = sqlx::query_scalar("SELECT id FROM backups").fetch_one(&app.db).await.unwrap();
    let path = format!("/admin/backups/{id}/file");
    let sara = app.signed_in("sara").await;
    let answer = sara.get(&path).await.expect(200);
    assert_eq!(answer.bytes, fs::read(&file).unwrap());
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{name}\""));
    assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
    let (actor, subject, detail): (i64, i64, serde_json::Value) =
        sqlx::query_as("SELECT actor_id, subject_id, detail FROM audit_log WHERE action = 'backup.download'")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!((actor, subject, detail["file"].as_str()), (app.sara.0, id, Some(name)));
    for other in ["reza", "nima"] {
        let status = app.signed_in(other).await.get(&path).await.status;
        assert!(matches!(status, 403 | 404), "{other}: {status}");
    }
    assert!(app.stranger().get(&path).await.expect(303).location().starts_with("/login"));
    sara.get("/admin/backups/999/file").await.expect(404);
    sara.get("/admin/backups/x/file").await.expect(404);
    fs::remove_file(&file).unwrap();
    sara.get(&path).await.expect(404);
    app.finish().await;
}
