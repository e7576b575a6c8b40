//! The commands, with a store.

use std::fs;

use rad_panel::config::{BackupConfig, Config, Values};
use sqlx::PgPool;

use super::{
    command, folder, names,
    restoring::{destroy, hang_up},
    said, shop,
};
use crate::support::{ACCESS_KEY, BUCKET, Fault, S3Server, SECRET_KEY, TestApp};

fn settings(store: &S3Server) -> [(&str, &str); 4] {
    [
        ("BACKUP_S3_ENDPOINT", &store.endpoint),
        ("BACKUP_S3_BUCKET", BUCKET),
        ("BACKUP_S3_ACCESS_KEY", ACCESS_KEY),
        ("BACKUP_S3_SECRET_KEY", SECRET_KEY),
    ]
}

fn archive(app: &TestApp) -> String {
    names(folder(app)).into_iter().find(|name| name.ends_with(".tar")).unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_shop_whose_disk_is_lost_comes_back_from_the_store(db: PgPool) {
    let (app, _) = shop(db).await;
    let store = S3Server::start().await;
    let settings = settings(&store);
    let balance = app.balance(app.reza).await;
    let made = command(&app, &["backup"], &settings).await;
    let told = said(&made);
    let place = format!("Copied to {}/{BUCKET}/rad-panel, and compared.", store.endpoint);
    assert!(made.status.success() && told.contains(&place), "{told}");
    assert!(told.contains("without BACKUP_AGE_RECIPIENT whoever owns"), "{told}");
    let name = archive(&app);
    fs::remove_dir_all(folder(&app)).unwrap();
    destroy(&app).await;

    let list = command(&app, &["fetch-backup"], &settings).await;
    assert!(list.status.success() && said(&list).contains(&format!("{name}  ")), "{}", said(&list));
    let fetched = command(&app, &["fetch-backup", &name], &settings).await;
    assert!(
        fetched.status.success() && said(&fetched).contains("the same as was copied"),
        "{}",
        said(&fetched)
    );
    assert_eq!(names(folder(&app)), [name.clone(), format!("{name}.sha256")]);
    let again = command(&app, &["fetch-backup", &name], &settings).await;
    assert!(again.status.code() == Some(1) && said(&again).contains("already"), "{}", said(&again));
    let file = folder(&app).join(&name);
    let restored = command(&app, &["restore", file.to_str().unwrap(), "--yes"], &settings).await;
    let told = said(&restored);
    assert!(restored.status.success() && told.contains("its checksum and its manifest agree"), "{told}");
    app.signed_in("reza").await;
    assert_eq!(app.balance(app.reza).await, balance);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_command_says_when_the_copy_is_not_there_yet(db: PgPool) {
    let (app, _) = shop(db).await;
    let store = S3Server::start().await;
    store.fault(Fault::Away);
    let made = command(&app, &["backup"], &settings(&store)).await;
    let told = said(&made);
    assert_eq!(made.status.code(), Some(3), "{told}");
    assert!(told.contains("read again and whole") && told.contains("the backup is made, but not copied to"));
    archive(&app);
    let waits: i64 =
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE kind = 'backups.copy' AND finished_at IS NULL")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!(waits, 1, "a running panel tries again");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_was_changed_in_the_store_is_not_taken_for_a_backup(db: PgPool) {
    let (app, _) = shop(db).await;
    let store = S3Server::start().await;
    let settings = settings(&store);
    command(&app, &["backup"], &settings).await;
    let name = archive(&app);
    fs::remove_dir_all(folder(&app)).unwrap();
    let mut bytes = fs::read(store.object(&name)).unwrap();
    bytes[1000] ^= 1;
    fs::write(store.object(&name), bytes).unwrap();
    let fetched = command(&app, &["fetch-backup", &name], &settings).await;
    let told = said(&fetched);
    assert!(fetched.status.code() == Some(1) && told.contains("is not what was sent"), "{told}");
    assert_eq!(names(folder(&app)), Vec::<String>::new());
    for (asked, answer) in [
        ("rad-panel-20200101T000000Z.tar", "the store has no backup rad-panel-20200101T000000Z.tar"),
        ("../../etc/passwd", "../../etc/passwd is no name of a backup"),
    ] {
        let refused = command(&app, &["fetch-backup", asked], &settings).await;
        assert!(refused.status.code() == Some(1) && said(&refused).contains(answer), "{}", said(&refused));
    }
    let nowhere = command(&app, &["fetch-backup"], &[]).await;
    assert!(said(&nowhere).contains("set BACKUP_S3_ENDPOINT"), "{}", said(&nowhere));
    hang_up(&app).await;
}

#[test]
fn a_store_that_is_set_up_by_half_stops_the_start() {
    let read = |settings: &[(&str, &str)]| {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        BackupConfig::from_values(&Values::read(settings, None).unwrap())
    };
    let all = [
        ("BACKUP_S3_ENDPOINT", "https://s3.example.net"),
        ("BACKUP_S3_BUCKET", BUCKET),
        ("BACKUP_S3_ACCESS_KEY", ACCESS_KEY),
        ("BACKUP_S3_SECRET_KEY", SECRET_KEY),
        ("HTTPS_PROXY", "http://proxy.example.net:3128"),
        ("HTTP_PROXY", "socks5://other.example.net:1080"),
    ];
    assert!(read(&[]).unwrap().offsite.is_none());
    let offsite = read(&all).unwrap().offsite.unwrap();
    assert_eq!(offsite.place(), "https://s3.example.net/shop-backups/rad-panel");
    assert_eq!(offsite.proxy.as_ref().unwrap().expose().port(), Some(3128), "the one for its scheme");
    assert!(!format!("{offsite:?}").contains(SECRET_KEY));
    for left_out in 0..4 {
        let mut some = all.to_vec();
        let (name, _) = some.remove(left_out);
        let error = read(&some).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name} is not set")), "{error}");
    }
    for (name, value) in [
        ("BACKUP_S3_BUCKET", "a/b"),
        ("BACKUP_S3_PREFIX", "a//b"),
        ("BACKUP_S3_PREFIX", "../x"),
        ("BACKUP_S3_ENDPOINT", "s3.example.net"),
    ] {
        let mut some = all.to_vec();
        some.retain(|(other, _)| *other != name);
        some.push((name, value));
        let error = read(&some).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{name} is malformed")), "{error}");
    }
    // The whole configuration takes it along.
    assert!(Config::from_values(&Values::default()).is_err());
}
