//! `deploy/install.sh`, as far as it goes without a server of its own: what it understands, and what it writes.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use rad_panel::config::{MARZBAN_PASSWORD, MARZBAN_URL, Values};
use tempfile::TempDir;

use crate::{output, project, text};

/// The script's own functions of these names, and then `more`, over the settings in `folder`.
fn functions(folder: &Path, names: &[&str], more: &str) -> Output {
    let script = text("deploy/install.sh");
    let mut program = format!("set -euo pipefail\nconfig={}/config\n", folder.display());
    // The account that may read it does not exist here.
    program.push_str("install() { : >\"${*: -1}\"; }\n");
    for name in names {
        let begin =
            script.find(&format!("\n{name}() {{")).unwrap_or_else(|| panic!("no {name} in install.sh"));
        let rest = &script[begin + 1..];
        let first = rest.lines().next().unwrap();
        let end = if first.ends_with('}') { first.len() } else { rest.find("\n}\n").unwrap() + 2 };
        program.push_str(&rest[..end]);
        program.push('\n');
    }
    Command::new("bash")
        .args(["-c", &format!("{program}{more}")])
        .env_remove("DATABASE_URL")
        .output()
        .unwrap()
}

fn fill_in(folder: &Path, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        let quoted = value.replace('\'', r"'\''");
        let output =
            functions(folder, &["is_set", "quoted", "fill_in"], &format!("fill_in {name} '{quoted}'"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

fn read(folder: &Path) -> BTreeMap<String, String> {
    dotenvy::from_path_iter(folder.join("config"))
        .unwrap()
        .map(Result::unwrap)
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

fn example() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(project().join(".env.example"), folder.path().join("config")).unwrap();
    folder
}

#[test]
fn what_is_typed_arrives_in_the_settings_as_it_was_typed() {
    for value in [
        "plain",
        "two words # no comment",
        "$HOME `id` $(id) ${x}",
        r#"it's "quoted" \n \ $x"#,
        "&|/\\1",
        r"ends in \",
        r"it's $x \",
        "پسورد",
    ] {
        let folder = example();
        fill_in(folder.path(), &[("MARZBAN_PASSWORD", value), ("MARZBAN_URL", "https://m.test:8000")]);
        let written = read(folder.path());
        assert_eq!(written.get("MARZBAN_PASSWORD").map(String::as_str), Some(value));
        let values = Values::read([], Some(&folder.path().join("config"))).unwrap();
        assert!(values.has(&MARZBAN_PASSWORD) && values.has(&MARZBAN_URL));
    }
}

#[test]
fn a_setting_that_has_a_value_keeps_it_and_comments_stay() {
    let folder = example();
    fill_in(
        folder.path(),
        &[("MARZBAN_PASSWORD", "first"), ("LISTEN", "127.0.0.1:9000"), ("NOT_IN_THE_FILE", "x")],
    );
    let before = fs::read_to_string(folder.path().join("config")).unwrap();
    fill_in(
        folder.path(),
        &[("MARZBAN_PASSWORD", "second"), ("LISTEN", "0.0.0.0:1"), ("NOT_IN_THE_FILE", "y")],
    );
    assert_eq!(fs::read_to_string(folder.path().join("config")).unwrap(), before);
    let written = read(folder.path());
    assert_eq!(written["MARZBAN_PASSWORD"], "first");
    assert_eq!(written["LISTEN"], "127.0.0.1:9000");
    let comments = |text: &str| text.lines().filter(|line| line.starts_with("# ")).count();
    assert_eq!(comments(&before), comments(&text(".env.example")));
    assert_eq!(before.lines().count(), text(".env.example").lines().count() + 1);
}

#[test]
fn a_site_that_was_changed_by_hand_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let template = project().join("deploy/nginx/rad-panel.conf.template");
    let write = || {
        let more = format!(
            "say() {{ printf '%s\\n' \"$*\"; }}\nsite={0}/site site_digest={0}/digest \
             template_digest={0}/template DOMAIN=panel.test listen=127.0.0.1:8000\nwrite_site {1}",
            folder.path().display(),
            template.display()
        );
        let output = functions(folder.path(), &["write_site"], &more);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(folder.path().join("site")).unwrap()
    };
    let site = write();
    assert!(site.contains("server_name panel.test;") && site.contains("server 127.0.0.1:8000 max_fails=0;"));
    assert!(!site.contains("${"));
    assert_eq!(write(), site, "its own work it may write again");
    // By this the package sees that a later version has another template.
    output(Command::new("sha256sum").args(["--check", "--status"]).arg(folder.path().join("template")));
    fs::write(folder.path().join("site"), format!("{site}# mine\n")).unwrap();
    assert_eq!(write(), format!("{site}# mine\n"));
}

#[test]
fn help_names_all_that_it_asks_for_and_an_unknown_option_stops_it() {
    let script = project().join("deploy/install.sh");
    let run = |argument: &str| Command::new("bash").arg(&script).arg(argument).output().unwrap();
    let help = run("--help");
    let said = String::from_utf8(help.stdout).unwrap();
    assert!(help.status.success());
    for name in [
        "--deb",
        "--binary",
        "DOMAIN",
        "EMAIL",
        "MARZBAN_URL",
        "MARZBAN_USERNAME",
        "MARZBAN_PASSWORD",
        "DATABASE_URL",
    ] {
        assert!(said.contains(name), "{name} is not in {said}");
    }
    assert!(!said.contains("set -euo"), "{said}");
    assert_eq!(run("--debb").status.code(), Some(2));
    assert_eq!(run("--deb").status.code(), Some(1));
}

#[test]
fn a_setting_whose_secret_stands_in_a_file_is_not_asked_for_again() {
    let folder = example();
    let config = folder.path().join("config");
    let text = fs::read_to_string(&config).unwrap() + "MARZBAN_PASSWORD_FILE=/etc/rad-panel/marzban\n";
    fs::write(&config, &text).unwrap();
    fill_in(folder.path(), &[("MARZBAN_PASSWORD", "another")]);
    assert_eq!(fs::read_to_string(&config).unwrap(), text);
    assert!(!functions(folder.path(), &["is_set"], "is_set MARZBAN_USERNAME").status.success());
}

#[test]
fn the_database_is_asked_for_its_version_without_showing_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let calls = folder.path().join("calls");
    let psql = format!(r#"psql() {{ echo "$PGPASSWORD, $*" >'{}'; echo 160004; }}"#, calls.display());
    for (address, shown) in [
        (
            "postgres://app:a%20b%40c@db.example.ir:5432/rad",
            "a b@c, -XAtqd postgres://app@db.example.ir:5432/rad ",
        ),
        ("postgres://app@db.example.ir/rad", "kept, -XAtqd postgres://app@db.example.ir/rad "),
    ] {
        let more = format!("{psql}\nDATABASE_PASSWORD=kept\nserver_major '{address}'");
        let output = functions(folder.path(), &["server_major"], &more);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "16\n");
        let call = fs::read_to_string(&calls).unwrap();
        assert!(call.starts_with(shown), "{call}");
    }
}

#[test]
fn what_is_missing_of_its_own_database_is_made_and_what_is_there_stays() {
    let folder = tempfile::tempdir().unwrap();
    // A server without a cluster, as it comes for its programs; then one whose database was lost; then a whole one.
    let whole = "pg_lsclusters() { echo 15 main; }\nasked() { if [[ $1 == SHOW* ]]; then echo 150018; else echo 1; fi; }";
    let lost = "pg_lsclusters() { echo 15 main; }\nasked() { [[ $1 != SHOW* ]] || echo 150018; }";
    let bare = "pg_lsclusters() { :; }\nasked() { [[ $1 != SHOW* ]] || echo 150018; }";
    for (server, made) in
        [(bare, "pg_createcluster createuser createdb "), (lost, "createuser createdb "), (whole, "")]
    {
        let more = format!(
            "systemctl() {{ :; }}\nstop() {{ echo \"$*\"; exit 1; }}\nnewest_with() {{ echo 15; }}\n\
             as_postgres() {{ printf '%s ' \"$1\"; }}\npg_createcluster() {{ printf 'pg_createcluster ' >&2; }}\n\
             {server}\nmake_database 2>&1"
        );
        let output = functions(folder.path(), &["make_database"], &more);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), made);
        assert!(output.status.success());
    }
    let own = |settings: &str| {
        fs::write(folder.path().join("config"), settings).unwrap();
        let more = "own_url='postgres://rad-panel@%2Fvar%2Frun%2Fpostgresql:'\nis_own";
        functions(folder.path(), &["is_set", "plain", "is_own"], more).status.success()
    };
    assert!(own("") && own("DATABASE_URL='postgres://rad-panel@%2Fvar%2Frun%2Fpostgresql:5432/rad_panel'\n"));
    assert!(!own("DATABASE_URL=postgres://rad@db.example/rad\n") && !own("DATABASE_URL_FILE=/etc/url\n"));
}
