//! Which backups are kept.

use std::fs;

use rad_panel::backups;
use sqlx::PgPool;
use time::Duration;

use super::{backup, folder, names, of, outcomes};
use crate::support::TestApp;

/// A backup that was made so many days ago, as far as its row and its files tell.
async fn made(app: &TestApp, days_ago: i64, is_good: bool) -> String {
    let at = app.clock.now() - Duration::days(days_ago);
    let name = format!("rad-panel-{:04}{:02}{:02}T000000Z.tar", at.year(), u8::from(at.month()), at.day());
    fs::create_dir_all(folder(app)).unwrap();
    fs::write(folder(app).join(&name), "x").unwrap();
    fs::write(folder(app).join(format!("{name}.sha256")), "x").unwrap();
    sqlx::query(
        "INSERT INTO backups (started_at, finished_at, outcome, file_name, size_bytes, sha256, drilled_at,
                              drill_outcome)
         VALUES ($1, $1, 'DONE', $2, 1, sha256('x'), $1, CASE WHEN $3 THEN 'DONE' ELSE 'FAILED' END)",
    )
    .bind(at)
    .bind(&name)
    .bind(is_good)
    .execute(&app.db)
    .await
    .unwrap();
    name
}

fn archives(app: &TestApp) -> Vec<String> {
    names(folder(app)).into_iter().filter(|name| name.ends_with(".tar")).collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn backups_are_kept_for_thirty_days(db: PgPool) {
    let app = TestApp::start(db).await;
    for days in 0..35 {
        made(&app, days, true).await;
    }
    assert_eq!(backups::prune(&of(&app), app.clock.now()).await.unwrap(), 4);
    assert_eq!(archives(&app).len(), 31);
    assert_eq!(names(folder(&app)).len(), 62, "each with its checksum");
    assert_eq!(outcomes(&app).await.len(), 31);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_seven_newest_good_ones_stay_however_old_they_are(db: PgPool) {
    let app = TestApp::start(db).await;
    // Two that can't be restored, one whose file is gone, and ten good ones, all too old.
    let bad = [made(&app, 40, false).await, made(&app, 41, false).await];
    let gone = made(&app, 42, true).await;
    fs::remove_file(folder(&app).join(&gone)).unwrap();
    let mut good = Vec::new();
    for days in 50..60 {
        good.push(made(&app, days, true).await);
    }
    backups::prune(&of(&app), app.clock.now()).await.unwrap();
    let mut kept = good[..7].to_vec();
    kept.sort();
    assert_eq!(archives(&app), kept);
    assert!(!bad.iter().any(|name| archives(&app).contains(name)));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_lies_in_the_folder_without_a_row_is_taken_in(db: PgPool) {
    let app = TestApp::start(db).await;
    let file = backup(&app).await;
    sqlx::query("DELETE FROM backups").execute(&app.db).await.unwrap();
    fs::write(folder(&app).join("rad-panel-20200101T000000Z.tar"), "without checksum").unwrap();
    backups::prune(&of(&app), app.clock.now()).await.unwrap();
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT file_name, size_bytes FROM backups").fetch_all(&app.db).await.unwrap();
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(rows, [(name, fs::metadata(&file).unwrap().len() as i64)]);
    assert!(folder(&app).join("rad-panel-20200101T000000Z.tar").exists(), "nobody knows what that is");
}
