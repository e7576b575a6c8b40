//! What is in a backup, and what happens when it can't be made.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, SystemTime},
};

use rad_panel::backups::{self, BackupError, Backups, archive, queries};
use sqlx::PgPool;

use super::{backup, command, folder, names, of, outcomes, receipts, said, shop};
use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_backup_holds_the_database_and_every_receipt_and_proves_itself(db: PgPool) {
    let (app, _) = shop(db).await;
    let file = backup(&app).await;
    let name = file.file_name().unwrap().to_str().unwrap();
    assert_eq!(names(folder(&app)), [name.to_owned(), format!("{name}.sha256")]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let manifest = archive::read(&file, &[], |_, _| Ok(())).unwrap();
    let stored: Vec<String> = names(&receipts(&app))
        .iter()
        .flat_map(|drawer| names(&receipts(&app).join(drawer)))
        .map(|file| format!("receipts/{file}"))
        .collect();
    assert_eq!(stored.len(), 4, "two pictures with their thumbnails");
    let mut members: Vec<String> = manifest.members.iter().map(|member| member.name.clone()).collect();
    assert_eq!(members.remove(0), "database.dump");
    members.sort();
    assert_eq!(members, stored);
    assert_eq!((manifest.users, manifest.receipts), (4, 2));
    assert_eq!(manifest.migration, rad_panel::MIGRATOR.iter().map(|one| one.version).max().unwrap());
    let sum = fs::read_to_string(archive::sum_file(&file)).unwrap();
    let (sha256, _) = archive::check_sum(&file).unwrap();
    assert_eq!(sum, format!("{}  {name}\n", archive::hexadecimal(&sha256)), "as sha256sum writes it");
    let last = queries::last_good(&mut app.db.acquire().await.unwrap()).await.unwrap().unwrap();
    assert_eq!(last.made_at, app.clock.now());
    assert_eq!(last.size_bytes as u64, fs::metadata(&file).unwrap().len());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_file_of_a_payments_receipt_that_is_gone_fails_the_backup_and_leaves_no_file(db: PgPool) {
    let (app, _) = shop(db).await;
    let drawer = receipts(&app).join(&names(&receipts(&app))[0]);
    let full = names(&drawer).into_iter().find(|name| !name.contains('.')).unwrap();
    fs::remove_file(drawer.join(&full)).unwrap();
    let error = backups::create(&of(&app), &app.clock, false).await.unwrap_err();
    assert!(matches!(&error, BackupError::MissingReceipt { file, .. } if *file == full), "{error}");
    assert_eq!(names(folder(&app)), Vec::<String>::new());
    let [(Some(outcome), Some(told))] = &outcomes(&app).await[..] else { panic!("not one row") };
    assert_eq!((outcome.as_str(), told.as_str()), ("FAILED", error.to_string().as_str()));
    assert!(queries::last_good(&mut app.db.acquire().await.unwrap()).await.unwrap().is_none());
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_receipt_without_payment_may_be_cleaned_away_meanwhile(db: PgPool) {
    let (app, _) = shop(db).await;
    sqlx::query(
        "INSERT INTO receipts (storage_key, uploaded_by, content_type, size_bytes, sha256, created_at)
         VALUES (gen_random_uuid(), $1, 'application/pdf', 7, sha256('x'), now())",
    )
    .bind(app.reza)
    .execute(&app.db)
    .await
    .unwrap();
    backup(&app).await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_dump_that_breaks_leaves_no_half_file_and_a_row_that_says_why(db: PgPool) {
    let (app, _) = shop(db).await;
    let programs = tempfile::tempdir().unwrap();
    let script = "#!/bin/sh\n[ \"$1\" = --version ] && { echo 'pg_dump (PostgreSQL) 99.1'; exit; }\n\
                  for last; do :; done\necho half >\"$last\"\necho 'pg_dump: error: the cable is cut' >&2\nexit 1\n";
    for program in ["pg_dump", "pg_restore", "psql"] {
        let path = programs.path().join(program);
        // Old programs elsewhere must not fit, or they would be chosen before these.
        fs::write(&path, script.replace("99.1", "15.0")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let broken = command(&app, &["backup"], &[("PG_BIN", programs.path().to_str().unwrap())]).await;
    assert_eq!(broken.status.code(), Some(1));
    assert!(said(&broken).contains("pg_dump failed: pg_dump: error: the cable is cut"), "{}", said(&broken));
    assert_eq!(names(folder(&app)), Vec::<String>::new());
    let [(Some(outcome), Some(error))] = &outcomes(&app).await[..] else { panic!("not one row") };
    assert!(outcome == "FAILED" && error.contains("the cable is cut"), "{error}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_backup_is_not_begun_where_it_may_not_fit(db: PgPool) {
    let (app, _) = shop(db).await;
    let full = Backups { free_space: |_| Ok(1_000_000), ..of(&app) };
    let error = backups::create(&full, &app.clock, false).await.unwrap_err();
    assert!(
        matches!(error, BackupError::NoSpace { free: 1_000_000, needed, .. } if needed > 5_000_000),
        "the first one needs as much as the database has: {error}"
    );
    let made = backups::create(&of(&app), &app.clock, false).await.unwrap();
    let next = Backups { free_space: |_| Ok(1), ..of(&app) };
    app.clock.advance(time::Duration::DAY);
    let error = backups::create(&next, &app.clock, false).await.unwrap_err();
    assert!(matches!(error, BackupError::NoSpace { needed, .. } if needed == 2 * made.size), "{error}");
    assert_eq!(names(folder(&app)).len(), 2, "only the good one and its checksum");
    let error = backups::drill(&next, &app.clock).await.unwrap_err();
    assert!(matches!(error, BackupError::NoSpace { free: 1, .. }), "a rehearsal needs room as well: {error}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_has_outlived_its_days_makes_room_before_it_is_missed(db: PgPool) {
    let (app, _) = shop(db).await;
    for _ in 0..backups::KEPT_AT_LEAST + 2 {
        app.clock.advance(time::Duration::DAY);
        backup(&app).await;
    }
    app.clock.advance(time::Duration::days(60));
    let full = Backups { free_space: |_| Ok(1), ..of(&app) };
    let error = backups::create(&full, &app.clock, false).await.unwrap_err();
    assert!(matches!(error, BackupError::NoSpace { .. }), "{error}");
    assert_eq!(names(folder(&app)).len(), 2 * backups::KEPT_AT_LEAST, "each with its checksum");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_backups_at_once_are_one(db: PgPool) {
    let (app, _) = shop(db).await;
    let (one, two) = (of(&app), of(&app));
    let (a, b) =
        tokio::join!(backups::create(&one, &app.clock, false), backups::create(&two, &app.clock, false));
    let refused = a.err().xor(b.err()).expect("one is made, one is refused");
    assert!(matches!(refused, BackupError::UnderWay), "{refused}");
    assert_eq!(outcomes(&app).await.len(), 1);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_a_killed_run_left_is_tidied_away_by_the_next(db: PgPool) {
    let (app, _) = shop(db).await;
    sqlx::query("INSERT INTO backups (started_at) VALUES (now())").execute(&app.db).await.unwrap();
    fs::create_dir_all(folder(&app)).unwrap();
    let long_ago = SystemTime::from(app.clock.now()) - Duration::from_secs(7 * 3600);
    for (name, is_old) in [("unfinished-1.dump", true), ("unfinished-2.tar", false), ("of-the-owner", true)] {
        fs::write(folder(&app).join(name), "x").unwrap();
        if is_old {
            let file = fs::File::options().write(true).open(folder(&app).join(name)).unwrap();
            file.set_modified(long_ago).unwrap();
        }
    }
    backup(&app).await;
    let left = names(folder(&app));
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(left.contains(&"of-the-owner".to_owned()) && left.contains(&"unfinished-2.tar".to_owned()));
    let [(first, error), (second, _)] = &outcomes(&app).await[..] else { panic!("not two rows") };
    assert_eq!((first.as_deref(), second.as_deref()), (Some("FAILED"), Some("DONE")));
    assert_eq!(error.as_deref(), Some("cut off before its end"));
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_trial_restore_proves_the_newest_backup_and_leaves_no_database(db: PgPool) {
    let (app, _) = shop(db).await;
    assert!(backups::drill(&of(&app), &app.clock).await.unwrap().is_none(), "there is nothing yet");
    backup(&app).await;
    let prefix: String = sqlx::query_scalar(
        "SELECT 'rad_drill_' || oid || '_' FROM pg_database WHERE datname = current_database()",
    )
    .fetch_one(&app.db)
    .await
    .unwrap();
    // As a killed run leaves it.
    sqlx::query(&format!("CREATE DATABASE {prefix}12345678")).execute(&app.db).await.unwrap();
    let drilled = backups::drill(&of(&app), &app.clock).await.unwrap();
    assert!(drilled.is_some());
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE starts_with(datname, $1)")
        .bind(prefix)
        .fetch_one(&app.db)
        .await
        .unwrap();
    assert_eq!(left, 0);
    let row: (Option<String>, Option<String>) =
        sqlx::query_as("SELECT drill_outcome, drill_error FROM backups").fetch_one(&app.db).await.unwrap();
    assert_eq!(row, (Some("DONE".to_owned()), None));
    assert_eq!(names(folder(&app)).len(), 2, "its files are gone too");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_backup_of_books_that_disagree_fails_its_trial(db: PgPool) {
    let (app, _) = shop(db).await;
    sqlx::raw_sql(
        "ALTER TABLE wallets DISABLE TRIGGER USER; UPDATE wallets SET confirmed = confirmed + 7 WHERE confirmed > 0;
         ALTER TABLE wallets ENABLE TRIGGER USER;",
    )
    .execute(&app.db)
    .await
    .unwrap();
    backup(&app).await;
    let error = backups::drill(&of(&app), &app.clock).await.unwrap_err();
    assert!(matches!(error, BackupError::Differs(_)), "{error}");
    let last = queries::last_good(&mut app.db.acquire().await.unwrap()).await.unwrap();
    assert!(last.is_none(), "it does not count as good");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn files_without_row_go_after_a_day_and_nothing_else(db: PgPool) {
    let (app, _) = shop(db).await;
    let stray = |name: &str, hours: u64| {
        let path = receipts(&app).join(&name[..2]).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "x").unwrap();
        let at = SystemTime::from(app.clock.now()) - Duration::from_secs(hours * 3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
        path
    };
    let old = stray("aa000000000000000000000000000001", 25);
    let old_thumbnail = stray("aa000000000000000000000000000001.thumbnail", 25);
    let broken_off = stray("ab000000000000000000000000000002.unfinished", 25);
    let young = stray("aa000000000000000000000000000003", 23);
    let foreign = stray("aa-notes.txt", 1000);
    // Those with a row stay however old they are.
    for drawer in names(&receipts(&app)) {
        for file in names(&receipts(&app).join(&drawer)) {
            let path = receipts(&app).join(&drawer).join(file);
            if ![&old, &old_thumbnail, &broken_off, &young, &foreign].contains(&&path) {
                let at = SystemTime::from(app.clock.now()) - Duration::from_secs(400 * 24 * 3600);
                fs::File::options().write(true).open(&path).unwrap().set_modified(at).unwrap();
            }
        }
    }
    let removed = rad_panel::worker::clean(&app.state).await.unwrap();
    assert_eq!(removed, 3);
    assert!(!old.exists() && !old_thumbnail.exists() && !broken_off.exists());
    assert!(young.exists() && foreign.exists());
    let mut conn = app.db.acquire().await.unwrap();
    let report = rad_panel::verification::of_all(&mut conn, &app.state.receipts).await.unwrap();
    assert!(report.is_clean() && report.receipts == 2, "{report:?}");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_proof_finds_what_each_check_guards(db: PgPool) {
    let (app, _) = shop(db).await;
    let damages = [
        ("wallets", "DELETE FROM wallets WHERE user_id = (SELECT id FROM users WHERE username = 'mina')"),
        ("roles", "DELETE FROM end_users"),
        (
            "one-effect-per-event",
            "DROP INDEX transactions_payment_submitted_once; INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after, confirmed_after, pending_after, reference_type, payment_id, created_at) SELECT user_id, seq + 100, type, confirmed_delta, pending_delta, balance_before, balance_after, confirmed_after, pending_after, reference_type, payment_id, now() FROM transactions WHERE type = 'CHARGE_PENDING' LIMIT 1",
        ),
        (
            "refunds",
            "INSERT INTO transactions (user_id, seq, type, confirmed_delta, pending_delta, balance_before, balance_after, confirmed_after, pending_after, reference_type, order_id, created_at) SELECT user_id, seq + 100, 'ORDER_REFUND', 90001, 0, 0, 90001, 90001, 0, 'ORDER', order_id, now() FROM transactions WHERE type = 'ORDER_CREATED'",
        ),
        ("imports", "UPDATE orders SET imported_at = created_at, amount = 0 WHERE status = 'ACTIVE'"),
        ("own-rows", "UPDATE orders SET user_id = (SELECT id FROM users WHERE username = 'mina')"),
        ("accounts", "DELETE FROM marzban_users"),
        (
            "usernames",
            "DROP INDEX orders_marzban_username_live_key; INSERT INTO orders (user_id, plan_id, plan_name, days, amount, marzban_username, status, request_id, created_at) SELECT user_id, plan_id, plan_name, days, amount, marzban_username, 'AWAITING_PAYMENT', gen_random_uuid(), now() FROM orders",
        ),
        ("provisioning", "UPDATE orders SET status = 'PROVISIONING'"),
        ("guards", "ALTER TABLE transactions DISABLE TRIGGER transactions_no_truncate"),
    ];
    let named: Vec<&str> = rad_panel::verification::CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(named, damages.map(|(name, _)| name), "each check has its damage");
    for (check, damage) in damages {
        let mut tx = app.db.begin().await.unwrap();
        sqlx::raw_sql("SET LOCAL session_replication_role = replica").execute(&mut *tx).await.unwrap();
        sqlx::raw_sql(damage).execute(&mut *tx).await.unwrap();
        let report = rad_panel::verification::of_rows(&mut tx).await.unwrap();
        let found: Vec<&str> = report.findings.iter().map(|finding| finding.check).collect();
        assert!(found.contains(&check), "{check}: {:?}", report.findings);
        tx.rollback().await.unwrap();
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_proof_as_a_command_says_what_is_wrong_and_answers_scripts(db: PgPool) {
    let (app, _) = shop(db).await;
    let good = command(&app, &["verify"], &[]).await;
    assert!(good.status.success() && said(&good).contains("receipt-files: good"), "{}", said(&good));
    fs::remove_dir_all(receipts(&app)).unwrap();
    let bad = command(&app, &["verify"], &[]).await;
    assert_eq!(bad.status.code(), Some(1));
    assert!(said(&bad).contains("receipt-files: 2 wrong\n  receipt "), "{}", said(&bad));
    let bad = command(&app, &["verify", "--json"], &[]).await;
    assert_eq!(bad.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!(report["findings"].as_array().unwrap().len(), 2);
    assert_eq!(report["findings"][0]["check"], "receipt-files");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_empty_shop_is_backed_up_too(db: PgPool) {
    let app = TestApp::start(db).await;
    backup(&app).await;
    assert!(backups::drill(&of(&app), &app.clock).await.unwrap().is_some());
}
