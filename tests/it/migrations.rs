//! The schema: made from nothing in order, and held to the conventions that the code relies on.

use std::{fs, path::PathBuf, time::Duration};

use rad_panel::{MIGRATOR, app::schema::migrate, verification};
use sqlx::{PgPool, migrate::Migrate};

/// Columns that refer to another table and have no index of their own, and why.
const WITHOUT_INDEX: [(&str, &str, &str); 6] = [
    ("payments", "processed_by", "people are never removed, and nobody lists payments by their decider"),
    ("payments", "payment_method_id", "only those that count for a day are looked up, and those are indexed"),
    ("transactions", "created_by", "people are never removed, and nobody lists rows by their writer"),
    ("sign_ins", "user_id", "only the open ones are looked up, and those are indexed"),
    ("payments", "order_id", "indexed where there is one"),
    (
        "order_imports",
        "confirmed_by",
        "people are never removed, and nobody lists imports by who confirmed them",
    ),
];

async fn applied(db: &PgPool) -> Vec<(i64, Vec<u8>)> {
    sqlx::query_as(
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY installed_on, version",
    )
    .fetch_all(db)
    .await
    .unwrap()
}

/// Everything that makes up the schema, as text.
async fn schema(db: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
         FROM information_schema.columns WHERE table_schema = 'public'
         UNION ALL SELECT pg_get_constraintdef(oid) || conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
         UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
         UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         ORDER BY 1",
    )
    .fetch_all(db)
    .await
    .unwrap()
}

#[sqlx::test(migrations = false)]
async fn an_empty_database_is_brought_up_in_order_and_a_second_run_changes_nothing(db: PgPool) {
    let mut expected: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    assert!(expected.len() >= 8 && expected.is_sorted(), "{expected:?}");
    MIGRATOR.run(&db).await.unwrap();
    let (first, made) = (applied(&db).await, schema(&db).await);
    let versions: Vec<i64> = first.iter().map(|(version, _)| *version).collect();
    assert_eq!(versions, expected);
    expected.dedup();
    assert_eq!(versions.len(), expected.len(), "two migrations have one number");
    let settings: i64 = sqlx::query_scalar("SELECT count(*) FROM settings").fetch_one(&db).await.unwrap();
    assert_eq!(settings, 1);

    MIGRATOR.run(&db).await.unwrap();
    assert_eq!(applied(&db).await, first);
    assert_eq!(schema(&db).await, made);
    let again: i64 = sqlx::query_scalar("SELECT count(*) FROM settings").fetch_one(&db).await.unwrap();
    assert_eq!(again, 1);
}

#[sqlx::test(migrations = false)]
async fn two_instances_that_start_at_once_migrate_once(db: PgPool) {
    let options = db.connect_options();
    let (first, second) = tokio::join!(migrate(&options), migrate(&options));
    let mut done = [first.unwrap().now.len(), second.unwrap().now.len()];
    done.sort_unstable();
    assert_eq!(done, [0, MIGRATOR.iter().count()]);
    assert_eq!(applied(&db).await.len(), MIGRATOR.iter().count());
}

#[sqlx::test(migrations = false)]
async fn a_table_that_a_backup_reads_is_waited_for_without_holding_up_others(db: PgPool) {
    let mut conn = db.acquire().await.unwrap();
    conn.ensure_migrations_table().await.unwrap();
    let altering = MIGRATOR.iter().position(|migration| migration.sql.contains("ALTER TABLE orders"));
    for migration in MIGRATOR.iter().take(altering.unwrap()) {
        conn.apply(migration).await.unwrap();
    }
    let mut backup = db.begin().await.unwrap();
    sqlx::query("SELECT FROM orders").execute(&mut *backup).await.unwrap();
    let customers = async {
        // Longer than it waits for the table: whoever came in between is answered.
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let reading = sqlx::query("SELECT FROM orders").execute(&mut *conn);
            let read = tokio::time::timeout(Duration::from_secs(6), reading).await;
            read.expect("somebody stands in the way").unwrap();
        }
        assert!(applied(&db).await.len() <= altering.unwrap());
        backup.rollback().await.unwrap();
    };
    let options = db.connect_options();
    let (done, ()) = tokio::join!(migrate(&options), customers);
    assert_eq!(done.unwrap().before, altering.unwrap());
    assert_eq!(applied(&db).await.len(), MIGRATOR.iter().count());
}

/// Rows as the version that came with this migration wrote them; the migrations after it find them.
fn rows_written_after(version: i64) -> Option<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/migrations");
    fs::read_to_string(folder.join(format!("{version}.sql"))).ok()
}

#[sqlx::test(migrations = false)]
async fn each_migration_finds_the_rows_of_all_versions_before_it(db: PgPool) {
    let mut conn = db.acquire().await.unwrap();
    conn.ensure_migrations_table().await.unwrap();
    for migration in MIGRATOR.iter() {
        let done = conn.apply(migration).await;
        done.unwrap_or_else(|error| panic!("{} {}: {error}", migration.version, migration.description));
        if let Some(rows) = rows_written_after(migration.version) {
            let written = sqlx::raw_sql(&rows).execute(&mut *conn).await;
            written.unwrap_or_else(|error| panic!("the rows of {}: {error}", migration.version));
        }
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables
         WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations' ORDER BY 1",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let mut empty = Vec::new();
    for table in tables {
        let query = format!("SELECT EXISTS (SELECT FROM {table})");
        if !sqlx::query_scalar::<_, bool>(&query).fetch_one(&mut *conn).await.unwrap() {
            empty.push(table);
        }
    }
    assert_eq!(empty, Vec::<String>::new(), "give them rows in tests/data/migrations/<version>.sql");

    let report = verification::of_rows(&mut conn).await.unwrap();
    assert_eq!(report.findings, []);
    assert!(report.transactions > 10 && report.orders > 4);
}

/// What a version that still runs stumbles over, while the new one starts beside it.
const CONTRACTIONS: [&str; 6] =
    ["DROP TABLE", "DROP COLUMN", " RENAME ", "SET NOT NULL", "ALTER COLUMN", "ADD COLUMN without a default"];

/// The contractions in a migration's text. A file that says `-- contract: …`, and why nothing that runs needs it any
/// more, may have them.
fn contractions(sql: &str) -> Vec<&'static str> {
    let code = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let code = code.collect::<Vec<_>>().join("\n");
    let clauses: Vec<&str> = code.split([',', ';']).collect();
    let is_there = |what: &&'static str| match *what {
        "ADD COLUMN without a default" => clauses.iter().any(|clause| {
            clause.contains("ADD COLUMN") && clause.contains("NOT NULL") && !clause.contains("DEFAULT")
        }),
        what => code.contains(what),
    };
    let explained = sql.lines().any(|line| line.starts_with("-- contract: "));
    if explained { Vec::new() } else { CONTRACTIONS.into_iter().filter(is_there).collect() }
}

#[test]
fn no_migration_takes_away_what_the_version_before_still_uses() {
    for migration in MIGRATOR.iter() {
        assert_eq!(contractions(&migration.sql), Vec::<&str>::new(), "{}", migration.description);
    }
    assert_eq!(contractions("ALTER TABLE a DROP COLUMN b, ALTER COLUMN c SET NOT NULL;").len(), 3);
    assert_eq!(contractions("ALTER TABLE a ADD COLUMN b text NOT NULL;"), ["ADD COLUMN without a default"]);
    assert_eq!(
        contractions("ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT '', ADD COLUMN c text;"),
        Vec::<&str>::new()
    );
    assert_eq!(
        contractions("-- contract: 1.4 was the last to read it\nALTER TABLE a DROP COLUMN b;"),
        Vec::<&str>::new()
    );
}

#[test]
fn migrations_go_forward_only_and_their_names_say_what_they_do() {
    for migration in MIGRATOR.iter() {
        assert!(migration.migration_type.is_up_migration(), "{}", migration.description);
        assert_eq!(migration.version.to_string().len(), 14, "YYYYMMDDHHMMSS: {}", migration.version);
        let verb = migration.description.split(' ').next().unwrap();
        assert!(
            ["create", "add", "change", "index", "remove", "let", "keep", "make", "name"].contains(&verb),
            "begin with a verb: {}",
            migration.description
        );
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_column_that_refers_to_another_table_has_an_index_or_a_reason(db: PgPool) {
    let found: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.conrelid::regclass::text, a.attname::text FROM pg_constraint c
         JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND NOT EXISTS (
             SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1] AND i.indpred IS NULL
         ) ORDER BY 1, 2",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let mut listed: Vec<(String, String)> =
        WITHOUT_INDEX.map(|(table, column, _)| (table.to_owned(), column.to_owned())).to_vec();
    listed.sort();
    assert_eq!(
        found, listed,
        "give the column an index, or its reason a line; and take off what is no longer true"
    );
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_constraint_has_a_name_that_the_code_can_match(db: PgPool) {
    // (table, constraint, kind, first column)
    let all: Vec<(String, String, i8, String)> = sqlx::query_as(
        "SELECT c.conrelid::regclass::text, c.conname::text, c.contype, coalesce(a.attname::text, '')
         FROM pg_constraint c LEFT JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
         WHERE c.connamespace = 'public'::regnamespace AND c.conrelid <> 0
           AND c.conrelid::regclass::text <> '_sqlx_migrations' AND c.contype <> 'n'",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert!(all.len() > 80, "only {} constraints", all.len());
    let mut wrong = Vec::new();
    for (table, name, kind, column) in all {
        let kind = char::from(u8::try_from(kind).unwrap());
        let right = match kind {
            'p' => name == format!("{table}_pkey"),
            'f' => name == format!("{table}_{column}_fkey"),
            'u' => name.starts_with(&format!("{table}_")) && name.ends_with("_key"),
            // PostgreSQL's own names for checks end so.
            'c' => {
                name.starts_with(&format!("{table}_"))
                    && !name.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with("_check")
            }
            _ => name.starts_with(&format!("{table}_")),
        };
        if !right {
            wrong.push(format!("{name} ({kind}) of {table}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "name the constraint after its table and what it holds");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn money_is_whole_toman_and_time_has_its_zone(db: PgPool) {
    let wrong: Vec<String> = sqlx::query_scalar(
        "SELECT format('%s.%s is %s', table_name, column_name, data_type) FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'
           AND (data_type IN ('timestamp without time zone', 'real', 'double precision', 'money', 'numeric', 'character varying', 'json')
                OR (column_name ~ 'amount|price|confirmed|pending|balance' AND data_type NOT IN ('bigint', 'boolean')))",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert_eq!(wrong, Vec::<String>::new());
}
