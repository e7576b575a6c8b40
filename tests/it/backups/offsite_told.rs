//! What the owner is told of copies off the machine: on the page, on the overview, and by messages.

use rad_panel::{
    backups,
    config::{OffsiteConfig, Secret},
};
use sqlx::PgPool;
use time::Duration;

use super::{
    of,
    offsite::{copy, panel, with},
};
use crate::support::{BUCKET, Fault, SECRET_KEY, TestApp};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_owner_sees_where_copies_are_and_asks_for_them(db: PgPool) {
    let (mut app, store) = panel(db).await;
    let mut wrong = store.config();
    wrong.secret_key = Secret::new("another".to_owned());
    with(&mut app, Some(wrong));
    app.restart().await;
    let made = backups::create(&of(&app), &app.clock, false).await.unwrap();
    let sara = app.signed_in("sara").await;
    let row = format!("#backup-{}", made.id);
    assert!(sara.get("/admin/backups").await.expect(200).text(&row).contains("در حال کپی شدن است"));
    app.run_jobs().await;
    let page = sara.get("/admin/backups").await.expect(200);
    let told = page.text(&row);
    assert!(told.contains("هنوز کپی نشده") && told.contains("SignatureDoesNotMatch"), "{told}");
    assert!(page.text("#offsite").contains(&format!("{}/{BUCKET}/rad-panel", store.endpoint)));
    assert_eq!((page.count("#offsite-open"), page.count(".stat--bad")), (1, 1), "anybody there can read it");
    assert!(!page.body.contains("another") && !page.body.contains(SECRET_KEY));

    with(&mut app, Some(store.config()));
    app.restart().await;
    let sara = app.signed_in("sara").await;
    sara.post("/admin/backups/copies", &[]).await.expect(303);
    app.run_jobs().await;
    let page = sara.get("/admin/backups").await.expect(200);
    assert!(page.text(&row).contains("کپی شد"), "{}", page.text(&row));
    assert_eq!((page.count(".stat--bad"), page.count(".stat--ok")), (0, 2));
    app.finish().await;
}

/// How many notices about copies there are after a look.
async fn notices(app: &TestApp) -> i64 {
    let store = app.state.backups.place();
    rad_panel::notices::watch::look(&app.db, None, store.as_deref(), app.clock.now()).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM notices WHERE kind = 'BACKUP_NOT_COPIED'");
    count.fetch_one(&app.db).await.unwrap()
}

/// Whether the overview says that backups are not copied.
async fn need(app: &TestApp) -> bool {
    app.signed_in("sara").await.get("/admin").await.expect(200).body.contains("کپی نمی‌شوند")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_store_that_fails_is_told_although_the_one_before_has_all(db: PgPool) {
    let (mut app, store) = panel(db).await;
    backups::create(&of(&app), &app.clock, false).await.unwrap();
    app.run_jobs().await;
    assert_eq!((notices(&app).await, need(&app).await), (0, false));
    let other = OffsiteConfig { bucket: "not-there".to_owned(), ..store.config() };
    with(&mut app, Some(other));
    app.restart().await;
    backups::catch_up(&of(&app), app.clock.now()).await.unwrap();
    app.run_jobs().await;
    app.clock.advance(Duration::minutes(61));
    assert_eq!((notices(&app).await, need(&app).await), (1, false));
    app.clock.advance(Duration::hours(24));
    assert!(need(&app).await);
    // Without a store nobody waits for a copy.
    with(&mut app, None);
    app.restart().await;
    assert_eq!((notices(&app).await, need(&app).await), (1, false));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn copies_that_fail_are_told_after_an_hour_and_stand_on_the_overview_after_a_day(db: PgPool) {
    let (mut app, store) = panel(db).await;
    app.restart().await;
    let (notices, need) = (async || notices(&app).await, async || need(&app).await);
    store.fault(Fault::Away);
    backups::create(&of(&app), &app.clock, false).await.unwrap();
    app.run_jobs().await;
    assert_eq!((notices().await, need().await), (0, false), "a store may be away for a moment");
    app.clock.advance(Duration::minutes(61));
    assert_eq!((notices().await, notices().await), (1, 1), "once");
    app.clock.advance(Duration::hours(24));
    let second = backups::create(&of(&app), &app.clock, false).await.unwrap();
    app.run_jobs().await;
    assert_eq!((notices().await, need().await), (1, true));
    app.clock.advance(Duration::hours(2));
    assert_eq!(notices().await, 2, "every day without a copy is told");
    store.fault(None);
    copy(&app, &of(&app), second.id).await.unwrap();
    assert_eq!((notices().await, need().await), (2, false));
    app.run_jobs().await;
    app.finish().await;
}
