//! The drill that counts: everything is lost, and comes back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rad_panel::{
    backups::{self, Backups},
    ids::PlanId,
    orders,
};
use sqlx::PgPool;
use uuid::Uuid;

use super::{backup, command, folder, names, of, order, receipts, said, shop};
use crate::support::{Client, TestApp};

async fn run_backup(app: &TestApp, settings: &[(&str, &str)]) -> PathBuf {
    let made = command(app, &["backup"], settings).await;
    assert!(made.status.success(), "{}", said(&made));
    let name = names(folder(app)).into_iter().find(|name| name.starts_with("rad-panel-")).unwrap();
    folder(app).join(name.trim_end_matches(".sha256"))
}

/// Nobody is connected any more, as when the panel was stopped.
pub async fn hang_up(app: &TestApp) {
    sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&app.db)
    .await
    .unwrap();
}

pub async fn destroy(app: &TestApp) {
    sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&app.db).await.unwrap();
    hang_up(app).await;
    fs::remove_dir_all(receipts(app)).unwrap();
}

/// Reza's first receipt, as a browser gets it.
async fn a_receipt(client: &Client, app: &TestApp) -> Vec<u8> {
    let id: i64 = sqlx::query_scalar("SELECT min(id) FROM receipts").fetch_one(&app.db).await.unwrap();
    client.get(&format!("/receipts/{id}")).await.expect(200).bytes
}

async fn users(app: &TestApp) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&app.db).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_lost_shop_comes_back_whole(db: PgPool) {
    let (app, _) = shop(db).await;
    let before = app.signed_in("reza").await;
    let receipt = a_receipt(&before, &app).await;
    let balance = app.balance(app.reza).await;
    let archive = run_backup(&app, &[]).await;
    destroy(&app).await;

    let restored = command(&app, &["restore", archive.to_str().unwrap(), "--yes"], &[]).await;
    let told = said(&restored);
    assert!(restored.status.success(), "{told}");
    assert!(told.contains("The database is empty.") && told.contains("receipt-files: good"), "{told}");

    let verified = command(&app, &["verify"], &[]).await;
    assert!(verified.status.success(), "{}", said(&verified));
    let old_session = before.get("/account").await.expect(303);
    assert!(old_session.location().starts_with("/login"), "who was signed in signs in anew");
    let reza = app.signed_in("reza").await;
    assert_eq!(a_receipt(&reza, &app).await, receipt);
    assert_eq!(app.balance(app.reza).await, balance);
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM sign_ins WHERE ended_at IS NULL")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(open, 1, "only the new one");
    let logged: i64 = sqlx::query_scalar("SELECT count(*) FROM audit_log WHERE action = 'backup.restore'")
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(logged, 1);

    // The restored shop is one that can be backed up and restored again.
    app.clock.advance(time::Duration::DAY);
    backups::create(&of(&app), &app.clock, true).await.unwrap();
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_happened_since_the_backup_is_allowed_for(db: PgPool) {
    let (app, _) = shop(db).await;
    let total = app.balance(app.reza).await.total().0;
    app.give_credit(app.reza, -total - 5_000).await;
    let archive = run_backup(&app, &[]).await;
    let last: i64 = sqlx::query_scalar("SELECT max(id) FROM orders").fetch_one(&app.db).await.unwrap();
    // He pays, with a receipt, and buys; then the disk dies.
    app.give_credit(app.reza, 205_000).await;
    let plan: i64 = sqlx::query_scalar("SELECT min(id) FROM plans").fetch_one(&app.db).await.unwrap();
    let plan = PlanId(plan);
    let sold = order(&app, plan, "sold_since").await;
    assert_eq!(app.run_jobs().await, 1);
    let drawer = receipts(&app).join("ab");
    let kept = drawer.join(format!("ab{}", "0".repeat(30)));
    destroy(&app).await;
    let restored = command(&app, &["restore", archive.to_str().unwrap(), "--yes"], &[]).await;
    assert!(restored.status.success(), "{}", said(&restored));

    // The rule waits for a day, and says why.
    app.clock.advance(time::Duration::hours(30));
    sqlx::query("UPDATE agents SET deadline_deferred_until = $1 WHERE deadline_deferred_until IS NOT NULL")
        .bind(app.clock.now() + time::Duration::hours(24))
        .execute(&app.db)
        .await
        .unwrap();
    assert_eq!(orders::suspension::strike(&app.db, app.clock.now()).await.unwrap(), 0);
    let page = app.signed_in("reza").await.get("/agent/wallet").await.expect(200).text("body");
    assert!(page.contains("از نسخهٔ پشتیبان برگشته"), "{page}");
    // A file that no row names is all that is left of a payment.
    fs::create_dir_all(&drawer).unwrap();
    fs::write(&kept, b"a receipt").unwrap();
    let old = std::time::SystemTime::from(app.clock.now() - time::Duration::hours(40));
    fs::File::options().write(true).open(&kept).unwrap().set_modified(old).unwrap();
    rad_panel::worker::clean(&app.state).await.unwrap();
    assert!(kept.exists(), "the evidence stays");
    sqlx::query(
        "UPDATE audit_log SET created_at = created_at - interval '31 days' WHERE action = 'backup.restore'",
    )
    .execute(&app.db)
    .await
    .unwrap();
    rad_panel::worker::clean(&app.state).await.unwrap();
    assert!(!kept.exists(), "but not for ever");
    // The numbers that stand on the server are not given again, and what was sold comes back where the admin says so.
    app.give_credit(app.reza, 205_000).await;
    let next = order(&app, plan, "sold_now").await;
    assert!(next.0 > sold.0 + 1000 && sold.0 > last, "{next}");
    app.run_jobs().await;
    let sara = app.signed_in("sara").await;
    let request = Uuid::new_v4().to_string();
    let begun = sara.post("/admin/orders/import", &[("request_id", &request)]).await.expect(303);
    let import = begun.location().to_owned();
    app.run_jobs().await;
    let owner = app.reza.to_string();
    for (lost, coming) in [(None, 0), (Some(("takes_lost", "true")), 1)] {
        let form: Vec<(&str, &str)> = [("owner", owner.as_str())].into_iter().chain(lost).collect();
        sara.post(&format!("{import}/choice"), &form).await.expect(303);
        let page = sara.get(&import).await.expect(200);
        assert_eq!(page.count("#accounts tbody tr"), coming, "{lost:?}");
    }
    let choice = sara.get(&import).await.expect(200).attribute("input[name=choice]", "value");
    sara.post(&format!("{import}/taking"), &[("choice", &choice)]).await.expect(303);
    app.run_jobs().await;
    let owner: String = sqlx::query_scalar(
        "SELECT u.username FROM orders o JOIN users u ON u.id = o.user_id WHERE o.marzban_username = 'sold_since'",
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    assert_eq!(owner, "reza");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_shop_that_lives_is_replaced_only_by_force(db: PgPool) {
    let (app, _) = shop(db).await;
    let archive = run_backup(&app, &[]).await;
    let archive = archive.to_str().unwrap();
    sqlx::raw_sql("CREATE TABLE of_a_newer_version (n int); UPDATE settings SET shop_name = 'later'")
        .execute(&app.db)
        .await
        .unwrap();
    hang_up(&app).await;
    let refused = command(&app, &["restore", archive, "--yes"], &[]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("has 4 users") && said(&refused).contains("--force"),
        "{}",
        said(&refused)
    );
    let unasked = command(&app, &["restore", archive, "--force"], &[]).await;
    assert!(unasked.status.code() == Some(1) && said(&unasked).contains("use --yes"), "{}", said(&unasked));
    let name: String = sqlx::query_scalar("SELECT shop_name FROM settings").fetch_one(&app.db).await.unwrap();
    assert_eq!(name, "later");
    hang_up(&app).await;
    let done = command(&app, &["restore", archive, "--force", "--yes"], &[]).await;
    assert!(done.status.success(), "{}", said(&done));
    let (name, newer): (String, Option<String>) =
        sqlx::query_as("SELECT shop_name, to_regclass('of_a_newer_version')::text FROM settings")
            .fetch_one(&app.db)
            .await
            .unwrap();
    assert_eq!((name.as_str(), newer), ("RAD", None));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_running_panel_is_not_pulled_from_under_its_users(db: PgPool) {
    let (app, _) = shop(db).await;
    let archive = run_backup(&app, &[]).await;
    sqlx::query("SET application_name = 'rad-panel'")
        .execute(&mut *app.db.acquire().await.unwrap())
        .await
        .unwrap();
    let refused = command(&app, &["restore", archive.to_str().unwrap(), "--force", "--yes"], &[]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("stop it first"), "{}", said(&refused));
}

async fn refused_untouched(app: &TestApp, archive: &Path, cause: &str) {
    let refused = command(app, &["restore", archive.to_str().unwrap(), "--force", "--yes"], &[]).await;
    assert_eq!(refused.status.code(), Some(1), "{cause}");
    assert!(said(&refused).contains(cause), "{cause}: {}", said(&refused));
    assert_eq!(users(app).await, 4);
    assert!(!receipts(app).exists(), "no receipt was written");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_damaged_archive_is_refused_before_anything_is_touched(db: PgPool) {
    let (app, _) = shop(db).await;
    let archive = run_backup(&app, &[]).await;
    hang_up(&app).await;
    let good = fs::read(&archive).unwrap();
    fs::remove_dir_all(receipts(&app)).unwrap();
    let elsewhere = archive.with_file_name("copied.tar");

    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    fs::write(&archive, &flipped).unwrap();
    refused_untouched(&app, &archive, "its SHA-256 differs").await;
    // A copy without its checksum is held to its own manifest.
    for at in [600, middle, good.len() / 4] {
        let mut flipped = good.clone();
        flipped[at] ^= 0x40;
        fs::write(&elsewhere, &flipped).unwrap();
        refused_untouched(&app, &elsewhere, "damaged").await;
    }
    for end in [0, 512, middle, good.len() - 2048] {
        fs::write(&elsewhere, &good[..end]).unwrap();
        refused_untouched(&app, &elsewhere, "archive").await;
    }
    fs::write(&elsewhere, "something else altogether".repeat(99)).unwrap();
    refused_untouched(&app, &elsewhere, "archive").await;
    refused_untouched(&app, Path::new("/nowhere.tar"), "No such file").await;
    fs::write(&elsewhere, &good).unwrap();
    assert!(backups::inspect(&elsewhere, Vec::new()).await.is_ok_and(|inspected| !inspected.has_sum));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_restore_that_fails_half_way_leaves_the_database_as_it_was(db: PgPool) {
    let (app, _) = shop(db).await;
    // Its dump can't be restored into this database: the type's name is taken in a schema that stays.
    sqlx::raw_sql("CREATE SCHEMA other; CREATE TABLE other.taken (n int)").execute(&app.db).await.unwrap();
    let archive = run_backup(&app, &[]).await;
    sqlx::query("UPDATE settings SET shop_name = 'later'").execute(&app.db).await.unwrap();
    hang_up(&app).await;
    let failed = command(&app, &["restore", archive.to_str().unwrap(), "--force", "--yes"], &[]).await;
    assert_eq!(failed.status.code(), Some(1));
    assert!(
        said(&failed).contains("psql failed") && said(&failed).contains("\"other\""),
        "{}",
        said(&failed)
    );
    let name: String = sqlx::query_scalar("SELECT shop_name FROM settings").fetch_one(&app.db).await.unwrap();
    assert_eq!(name, "later");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_encrypted_backup_opens_only_with_its_identity(db: PgPool) {
    use age::secrecy::ExposeSecret as _;
    let (app, _) = shop(db).await;
    let (own, other) = (age::x25519::Identity::generate(), age::x25519::Identity::generate());
    let key = own.to_public().to_string();
    let archive = run_backup(&app, &[("BACKUP_AGE_RECIPIENT", &key)]).await;
    assert!(archive.to_str().unwrap().ends_with(".tar.age"));
    let bytes = fs::read(&archive).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"PGDMP"), "the dump can't be seen");
    let keys = tempfile::tempdir().unwrap();
    let write = |name: &str, identity: &age::x25519::Identity| {
        let file = keys.path().join(name);
        fs::write(&file, format!("# created: today\n{}\n", identity.to_string().expose_secret())).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (own, other) = (write("own", &own), write("other", &other));
    destroy(&app).await;
    let archive = archive.to_str().unwrap();
    for (identity, cause) in [(None, "--identity"), (Some(&other), "does not open")] {
        let mut arguments = vec!["restore", archive, "--yes"];
        arguments.extend(identity.into_iter().flat_map(|file| ["--identity", file.as_str()]));
        let refused = command(&app, &arguments, &[]).await;
        assert!(refused.status.code() == Some(1) && said(&refused).contains(cause), "{}", said(&refused));
    }
    let restored = command(&app, &["restore", archive, "--yes", "--identity", &own], &[]).await;
    assert!(restored.status.success(), "{}", said(&restored));
    a_receipt(&app.signed_in("reza").await, &app).await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_trial_restore_of_encrypted_backups_makes_one_and_tries_it_first(db: PgPool) {
    let (app, _) = shop(db).await;
    let mut config = (*app.state.backups).clone();
    config.recipients = vec![age::x25519::Identity::generate().to_public()];
    let encrypted = Backups { config: config.into(), ..of(&app) };
    assert!(backups::drill(&encrypted, &app.clock).await.unwrap().is_some());
    let row: (bool, Option<String>) =
        sqlx::query_as("SELECT encrypted, drill_outcome FROM backups").fetch_one(&app.db).await.unwrap();
    assert_eq!(row, (true, Some("DONE".to_owned())));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_backup_restored_again_gives_no_number_out_twice(db: PgPool) {
    let (app, _) = shop(db).await;
    let inspected = backups::inspect(&backup(&app).await, Vec::new()).await.unwrap();
    let mut numbers = Vec::new();
    for hours in [1, 5] {
        destroy(&app).await;
        // The restore before was killed in the middle of this file.
        for name in &inspected.manifest.members {
            if let Some(key) = name.name.strip_prefix("receipts/") {
                let file = receipts(&app).join(&key[..2]).join(key).with_extension("unfinished");
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, b"half").unwrap();
            }
        }
        let now = app.clock.now() + time::Duration::hours(hours);
        let report = backups::restore(&of(&app), &inspected, true, now).await.unwrap();
        assert!(report.is_clean(), "{}", report.summary());
        let next: i64 = sqlx::query_scalar("SELECT nextval(pg_get_serial_sequence('orders', 'id'))")
            .fetch_one(&app.db)
            .await
            .unwrap();
        numbers.push(next);
    }
    assert_eq!(numbers[1] - numbers[0], 2_400, "more than a shop sells in four hours");
}
