//! The private PostgreSQL that the demo and the tests stand on.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use rad_panel::demo::postgres::{Durability, Postgres};
use sqlx::{Connection, PgConnection};

use crate::shell::open_folder;

fn start(dir: &Path) -> Postgres {
    Postgres::start(dir, Durability::Off).unwrap()
}

async fn connect(postgres: &Postgres) -> PgConnection {
    PgConnection::connect(&postgres.url("postgres")).await.unwrap()
}

async fn write_a_row(postgres: &Postgres) {
    let mut db = connect(postgres).await;
    sqlx::raw_sql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)").execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

async fn read_the_row(postgres: &Postgres) -> i32 {
    sqlx::query_scalar("SELECT n FROM kept").fetch_one(&mut connect(postgres).await).await.unwrap()
}

fn running_in(data: &Path) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|process| process.path());
    processes.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == data)).collect()
}

#[tokio::test]
async fn a_second_start_finds_the_data_and_the_last_one_out_stops_the_server() {
    let folder = open_folder();
    let data = folder.path().canonicalize().unwrap().join("postgres/data");
    let first = start(folder.path());
    write_a_row(&first).await;
    let second = start(folder.path());
    first.stop().unwrap();
    assert_eq!(read_the_row(&second).await, 7, "the server runs while somebody uses it");
    assert!(!running_in(&data).is_empty());
    second.stop().unwrap();
    assert_eq!(running_in(&data), Vec::<PathBuf>::new());

    let third = start(folder.path());
    assert_eq!(read_the_row(&third).await, 7);
    third.remove().unwrap();
    assert!(!data.exists());
}

#[tokio::test]
async fn a_server_killed_with_minus_9_starts_again_with_what_was_committed() {
    let folder = open_folder();
    let durable = || Postgres::start(folder.path(), Durability::On).unwrap();
    let postgres = durable();
    write_a_row(&postgres).await;
    let pid_file = postgres.home().join("data/postmaster.pid");
    let pid = fs::read_to_string(&pid_file).unwrap().lines().next().unwrap().to_owned();
    assert!(Command::new("sh").args(["-c", "kill -9 \"$0\"", &pid]).status().unwrap().success());

    let again = durable();
    assert_eq!(read_the_row(&again).await, 7);
    again.stop().unwrap();
    postgres.stop().unwrap();
    assert!(!pid_file.exists(), "the last one out stopped the new server");
}

#[tokio::test]
async fn no_port_is_open_and_the_socket_is_closed_to_others() {
    let folder = open_folder();
    let postgres = start(folder.path());
    let mut db = connect(&postgres).await;
    let addresses: String = sqlx::query_scalar("SHOW listen_addresses").fetch_one(&mut db).await.unwrap();
    assert_eq!(addresses, "");
    let zone: String = sqlx::query_scalar("SHOW TimeZone").fetch_one(&mut db).await.unwrap();
    assert_eq!(zone, "UTC");
    db.close().await.unwrap();
    for closed in [postgres.home().to_owned(), postgres.home().join("run")] {
        assert_eq!(fs::metadata(closed).unwrap().mode() & 0o777, 0o700);
    }
    postgres.stop().unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_and_an_interrupted_first_start_do_no_harm() {
    let folder = open_folder();
    let long = folder.path().join("a folder's name, with \"quotes\" & پوشه ".repeat(2)).join("x".repeat(40));
    fs::create_dir_all(&long).unwrap();
    start(&long).stop().unwrap();
    fs::rename(long.join("postgres/data"), long.join("postgres/data.new")).unwrap();
    let postgres = start(&long);
    write_a_row(&postgres).await;
    assert_eq!(read_the_row(&postgres).await, 7);
    assert_eq!(postgres.home(), long.canonicalize().unwrap().join("postgres"));
    postgres.remove().unwrap();
}

#[tokio::test]
async fn a_folder_that_its_account_can_not_enter_keeps_the_data_elsewhere() {
    let folder = open_folder();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let postgres = start(&closed);
    // Only root hands the server to another account, which can't enter root's closed folder.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    assert_eq!(postgres.home().starts_with("/var/tmp"), is_root);
    write_a_row(&postgres).await;
    postgres.stop().unwrap();
    let again = start(&closed);
    assert_eq!(read_the_row(&again).await, 7);
    again.stop().unwrap();

    fs::remove_dir_all(&closed).unwrap();
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let anew = start(&closed);
    let left: Option<String> = sqlx::query_scalar("SELECT to_regclass('kept')::text")
        .fetch_one(&mut connect(&anew).await)
        .await
        .unwrap();
    assert_eq!(left, None, "a folder made anew begins with an empty database");
    let home = anew.home().to_owned();
    anew.remove().unwrap();
    let name = home.file_name().unwrap().to_str().unwrap();
    for entry in fs::read_dir(home.parent().unwrap()).unwrap().flatten() {
        if entry.file_name().to_str().is_some_and(|other| other.starts_with(name)) {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}
