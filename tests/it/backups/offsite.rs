//! Copies off the machine: there at last whatever the store does, and back again from there.

use std::{fs, sync::Arc};

use rad_panel::{
    backups::{self, Backups, Copied, CopyError, offsite::StoreError},
    config::{OffsiteConfig, Secret},
    ids::BackupId,
};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use time::Duration;

use super::{folder, names, of};
use crate::support::{Fault, Relay, S3Server, TestApp};

/// One part, bytes.
const PART: usize = 8 << 20;

/// The panel with these settings of a store.
pub fn with(app: &mut TestApp, offsite: Option<OffsiteConfig>) {
    let mut config = (*app.state.backups).clone();
    config.offsite = offsite;
    app.state.backups = Arc::new(config);
}

pub async fn panel(db: PgPool) -> (TestApp, S3Server) {
    let mut app = TestApp::start(db).await;
    let store = S3Server::start().await;
    with(&mut app, Some(store.config()));
    (app, store)
}

/// A good backup of this content, so many days old, as its row and its file tell.
async fn made(app: &TestApp, days_ago: i64, content: &[u8]) -> (BackupId, String) {
    let at = app.clock.now() - Duration::days(days_ago);
    let name = format!("rad-panel-{:04}{:02}{:02}T000000Z.tar", at.year(), u8::from(at.month()), at.day());
    fs::create_dir_all(folder(app)).unwrap();
    fs::write(folder(app).join(&name), content).unwrap();
    let id = sqlx::query_scalar(
        "INSERT INTO backups (started_at, finished_at, outcome, file_name, size_bytes, sha256)
         VALUES ($1, $1, 'DONE', $2, $3, $4) RETURNING id",
    )
    .bind(at)
    .bind(&name)
    .bind(i64::try_from(content.len()).unwrap())
    .bind(Sha256::digest(content).as_slice())
    .fetch_one(&app.db)
    .await
    .unwrap();
    (id, name)
}

/// Two parts and a half, no two alike.
fn large() -> Vec<u8> {
    (0..PART as u32 * 5 / 8).flat_map(|n| n.to_le_bytes()).collect()
}

pub async fn copy(app: &TestApp, backups: &Backups, id: BackupId) -> Result<Copied, CopyError> {
    backups::copy(backups, &app.clock, id).await
}

/// What the row says: copied, the last error, whether an upload is begun, and its parts.
pub async fn told(app: &TestApp, id: BackupId) -> (bool, Option<String>, bool, i32) {
    sqlx::query_as(
        "SELECT copied_at IS NOT NULL, copy_error, copy_upload IS NOT NULL, cardinality(copy_parts)
         FROM backups WHERE id = $1",
    )
    .bind(id)
    .fetch_one(&app.db)
    .await
    .unwrap()
}

async fn refused(app: &TestApp, id: BackupId, config: OffsiteConfig) -> StoreError {
    let mut backups = of(app);
    let mut own = (*backups.config).clone();
    own.offsite = Some(config);
    backups.config = Arc::new(own);
    match copy(app, &backups, id).await {
        Err(CopyError::Store(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_backup_is_copied_by_a_job_of_its_own_and_is_the_same_there(db: PgPool) {
    let (app, store) = panel(db).await;
    let made = backups::create(&of(&app), &app.clock, false).await.unwrap();
    assert_eq!(told(&app, made.id).await, (false, None, false, 0), "making it does not wait for the store");
    assert_eq!(app.run_jobs().await, 1);
    let name = made.file.file_name().unwrap().to_str().unwrap();
    assert_eq!(fs::read(store.object(name)).unwrap(), fs::read(&made.file).unwrap());
    assert_eq!(told(&app, made.id).await, (true, None, false, 0));
    assert_eq!(copy(&app, &of(&app), made.id).await.unwrap(), Copied::Before, "once is enough");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn without_a_store_nothing_is_copied_and_nothing_waits(db: PgPool) {
    let app = TestApp::start(db).await;
    backups::create(&of(&app), &app.clock, false).await.unwrap();
    assert_eq!(app.run_jobs().await, 0);
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/backups").await.expect(200).count("#offsite"), 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_store_that_is_away_is_tried_until_it_is_back(db: PgPool) {
    let (app, store) = panel(db).await;
    store.fault(Fault::Away);
    let made = backups::create(&of(&app), &app.clock, false).await.unwrap();
    for attempt in 1..=12 {
        assert_eq!(app.run_jobs().await, 1, "attempt {attempt}");
        app.clock.advance(Duration::hours(1));
    }
    let (copied, error, ..) = told(&app, made.id).await;
    assert!(!copied && error.as_deref().unwrap().starts_with("the store can't be reached: "), "{error:?}");
    store.fault(None);
    app.run_jobs().await;
    assert_eq!(told(&app, made.id).await, (true, None, false, 0));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_wrong_secret_a_wrong_key_and_a_missing_bucket_are_told_apart(db: PgPool) {
    let (app, store) = panel(db).await;
    let (id, name) = made(&app, 0, b"all that we have").await;
    let wrong = OffsiteConfig { secret_key: Secret::new("another".to_owned()), ..store.config() };
    let error = refused(&app, id, wrong).await;
    assert!(matches!(error, StoreError::SignIn(_)), "{error}");
    assert!(error.to_string().contains("BACKUP_S3_SECRET_KEY: SignatureDoesNotMatch"), "{error}");
    assert!(!error.to_string().contains("another"), "{error}");
    let stranger = OffsiteConfig { access_key: "nobody".to_owned(), ..store.config() };
    let error = refused(&app, id, stranger).await;
    assert!(matches!(error, StoreError::SignIn(_) | StoreError::Forbidden(_)), "{error}");
    let elsewhere = OffsiteConfig { bucket: "not-there".to_owned(), ..store.config() };
    let error = refused(&app, id, elsewhere).await;
    assert!(matches!(&error, StoreError::NoBucket(bucket) if bucket == "not-there"), "{error}");
    assert_eq!(told(&app, id).await.1.unwrap(), error.to_string(), "and the row says so");
    assert_eq!(names(&store.bucket()), Vec::<String>::new());
    assert_eq!(fs::read(folder(&app).join(name)).unwrap(), b"all that we have");
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now, "as soon as it is right");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_copy_goes_through_the_proxy_of_its_scheme_and_a_dead_proxy_is_named(db: PgPool) {
    let (mut app, store) = panel(db).await;
    let (id, _) = made(&app, 0, b"all that we have").await;
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let through = |proxy: &str| OffsiteConfig {
        endpoint: "http://store.test".parse().unwrap(),
        proxy: Some(Secret::new(format!("http://ali:secret@{proxy}").parse().unwrap())),
        ..store.config()
    };
    let error = refused(&app, id, through(&dead)).await.to_string();
    assert!(error.starts_with("the store can't be reached through the proxy: "), "{error}");
    assert!(!error.contains("secret"), "{error}");
    let relay = Relay::start(store.endpoint.strip_prefix("http://").unwrap()).await;
    with(&mut app, Some(through(&relay.address)));
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
    let head = &relay.heads()[0];
    assert!(head.contains(" http://store.test/shop-backups") && head.contains("proxy-authorization: basic"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_full_store_is_named_and_keeps_no_half_upload(db: PgPool) {
    let (app, store) = panel(db).await;
    let (id, _) = made(&app, 0, b"all that we have").await;
    store.fault(Fault::Full);
    let error = copy(&app, &of(&app), id).await.unwrap_err();
    assert!(matches!(&error, CopyError::Store(StoreError::Full(said)) if said.contains("quota")), "{error}");
    assert_eq!(told(&app, id).await, (false, Some(error.to_string()), false, 0));
    store.fault(None);
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_connection_cut_in_the_middle_goes_on_where_it_was(db: PgPool) {
    let (app, store) = panel(db).await;
    let content = large();
    let (id, name) = made(&app, 0, &content).await;
    store.fault(Fault::CutAfterParts(2));
    let error = copy(&app, &of(&app), id).await.unwrap_err();
    assert!(matches!(error, CopyError::Store(StoreError::Unreachable(..))), "{error}");
    let (copied, _, begun, parts) = told(&app, id).await;
    assert_eq!((copied, begun, parts), (false, true, 2));
    assert!(!store.object(&name).exists(), "half of a backup is none");
    store.fault(None);
    store.take_parts();
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
    assert_eq!(store.take_parts(), 1, "only what was missing");
    assert_eq!(fs::read(store.object(&name)).unwrap(), content);
    assert_eq!(store.unfinished(), 0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_upload_that_the_store_has_forgotten_is_begun_anew(db: PgPool) {
    let (app, store) = panel(db).await;
    let content = large();
    let (id, name) = made(&app, 0, &content).await;
    sqlx::query("UPDATE backups SET copy_upload = gen_random_uuid()::text, copy_parts = '{a,b}'")
        .execute(&app.db)
        .await
        .unwrap();
    let refused = copy(&app, &of(&app), id).await;
    assert!(matches!(refused, Err(CopyError::Store(_))), "this store calls it forbidden: {refused:?}");
    assert!(!told(&app, id).await.2);
    store.take_parts();
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
    assert_eq!((store.take_parts(), fs::read(store.object(&name)).unwrap() == content), (3, true));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_lost_answer_to_the_last_request_costs_no_second_upload(db: PgPool) {
    let (app, store) = panel(db).await;
    let (id, name) = made(&app, 0, b"all that we have").await;
    store.fault(Fault::LosesTheEnd);
    copy(&app, &of(&app), id).await.unwrap_err();
    assert!(store.object(&name).exists());
    store.fault(None);
    store.take_parts();
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
    assert_eq!(store.take_parts(), 0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn where_the_store_shows_no_checksum_all_bytes_are_read_again(db: PgPool) {
    let (app, store) = panel(db).await;
    let content = large();
    let (id, name) = made(&app, 0, &content).await;
    store.fault(Fault::ForeignETags);
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
    // Somebody writes over it there, with as many bytes.
    sqlx::query("UPDATE backups SET copied_at = NULL, copied_to = NULL").execute(&app.db).await.unwrap();
    let mut other = content.clone();
    other[PART + 7] ^= 1;
    fs::write(store.object(&name), &other).unwrap();
    store.take_parts();
    assert_eq!(copy(&app, &of(&app), id).await.unwrap(), Copied::Now);
    assert_eq!(store.take_parts(), 3, "the difference was seen");
    assert_eq!(fs::read(store.object(&name)).unwrap(), content);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_file_that_is_gone_or_damaged_here_is_not_copied_as_if_it_were_good(db: PgPool) {
    let (app, store) = panel(db).await;
    let (id, name) = made(&app, 0, b"all that we have").await;
    fs::write(folder(&app).join(&name), b"all that we had!").unwrap();
    let error = copy(&app, &of(&app), id).await.unwrap_err();
    assert!(matches!(error, CopyError::Damaged(_)), "{error}");
    fs::remove_file(folder(&app).join(&name)).unwrap();
    let error = copy(&app, &of(&app), id).await.unwrap_err();
    assert!(matches!(error, CopyError::NoFile(_)), "{error}");
    assert_eq!(store.requests(), 0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_at_once_share_no_line(db: PgPool) {
    let (app, store) = panel(db).await;
    let (id, _) = made(&app, 0, &large()).await;
    let backups = of(&app);
    let (a, b) = tokio::join!(copy(&app, &backups, id), copy(&app, &backups, id));
    let ends = [a, b].map(|end| match end {
        Ok(Copied::Now) => "now",
        Err(CopyError::UnderWay) => "waits",
        other => panic!("{other:?}"),
    });
    assert!(ends.contains(&"now") && ends.contains(&"waits"), "{ends:?}");
    assert_eq!(store.take_parts(), 3);
    assert_eq!(told(&app, id).await, (true, None, false, 0), "waiting is no failure");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_upload_holds_its_lock_without_a_transaction_and_lets_go_however_it_ends(db: PgPool) {
    let (app, store) = panel(db).await;
    let (id, _) = made(&app, 0, &large()).await;
    let backups = of(&app);
    let look = async || -> (i64, i64) {
        sqlx::query_as(
            "SELECT (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                     WHERE l.locktype = 'advisory' AND d.datname = current_database()),
                    (SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND state LIKE 'idle in transaction%')",
        )
        .fetch_one(&app.db)
        .await
        .unwrap()
    };
    let mut seen = 0;
    let mut cut_off = Box::pin(copy(&app, &backups, id));
    while seen < 5 || store.unfinished() == 0 {
        tokio::select! {
            biased;
            ended = &mut cut_off => panic!("{ended:?}"),
            (held, open) = look() => {
                seen += held;
                assert_eq!(open, 0, "nothing is open in the database while the store is sent to");
            }
        }
    }
    drop(cut_off);
    while look().await.0 > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(copy(&app, &backups, id).await.unwrap(), Copied::Now);
    assert_eq!(look().await, (0, 0));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_store_keeps_as_long_as_the_disk_and_never_fewer_than_seven_good_ones(db: PgPool) {
    let (app, store) = panel(db).await;
    fs::create_dir_all(store.bucket().join("rad-panel/of-the-owner")).unwrap();
    fs::write(store.object("notes.txt"), "of the owner").unwrap();
    let mut old = Vec::new();
    // Two that can't be restored among ten, all too old.
    for days in 40..50 {
        let (id, name) = made(&app, days, b"x").await;
        fs::write(store.object(&name), "x").unwrap();
        if days < 42 {
            let bad = "UPDATE backups SET drilled_at = now(), drill_outcome = 'FAILED', drill_error = 'x' WHERE id = $1";
            sqlx::query(bad).bind(id).execute(&app.db).await.unwrap();
        }
        old.push(name);
    }
    sqlx::query("UPDATE backups SET copied_at = now(), copied_to = $1")
        .bind(store.config().place())
        .execute(&app.db)
        .await
        .unwrap();
    let (id, newest) = made(&app, 0, b"y").await;
    // The disk is tidied first, night by night.
    for _ in 0..2 {
        backups::prune(&of(&app), app.clock.now()).await.unwrap();
    }
    assert!(!folder(&app).join(&old[0]).exists() && !folder(&app).join(&old[1]).exists());
    copy(&app, &of(&app), id).await.unwrap();
    let mut kept =
        [vec!["notes.txt".to_owned(), "of-the-owner".to_owned(), newest], old[2..8].to_vec()].concat();
    kept.sort();
    assert_eq!(names(&store.bucket().join("rad-panel")), kept, "the new one and the six newest good ones");
    // The next copy finds that the store has let go of the others, and so does the disk.
    let (id, _) = made(&app, 1, b"z").await;
    copy(&app, &of(&app), id).await.unwrap();
    backups::prune(&of(&app), app.clock.now()).await.unwrap();
    let bad = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM backups WHERE drill_outcome = 'FAILED'");
    assert_eq!(bad.fetch_one(&app.db).await.unwrap(), 0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_the_store_has_lost_and_what_a_new_store_has_not_is_copied_again(db: PgPool) {
    let (mut app, store) = panel(db).await;
    for days in (0..9).rev() {
        made(&app, days, format!("content {days}").as_bytes()).await;
    }
    assert_eq!(backups::catch_up(&of(&app), app.clock.now()).await.unwrap(), 7, "the newest seven");
    assert_eq!(app.run_jobs().await, 7);
    let in_store = names(&store.bucket().join("rad-panel"));
    assert_eq!(in_store.len(), 7);
    assert_eq!(backups::catch_up(&of(&app), app.clock.now()).await.unwrap(), 0);
    // Somebody empties the bucket; the next copy notices.
    for name in &in_store[2..] {
        fs::remove_file(store.object(name)).unwrap();
    }
    let made = backups::create(&of(&app), &app.clock, false).await.unwrap();
    app.run_jobs().await;
    assert!(told(&app, made.id).await.0);
    rad_panel::worker::clean(&app.state).await.unwrap();
    app.run_jobs().await;
    assert_eq!(names(&store.bucket().join("rad-panel")).len(), 8);
    // Another store has none of them.
    let other = S3Server::start().await;
    with(&mut app, Some(other.config()));
    assert_eq!(backups::catch_up(&of(&app), app.clock.now()).await.unwrap(), 7);
    app.run_jobs().await;
    assert_eq!(names(&other.bucket().join("rad-panel")).len(), 7);
    app.finish().await;
}
