//! What surrounds the panel: settings, the command line, the demo.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use rad_panel::config::{self, Config, ConfigError, SETTINGS, Values};
use tempfile::TempDir;

const GOOD: [(&str, &str); 4] = [
    ("DATABASE_URL", "postgres://app:dbsecret@localhost/rad"),
    ("MARZBAN_URL", "https://marzban.example/api-root"),
    ("MARZBAN_USERNAME", "panel"),
    ("MARZBAN_PASSWORD", "marzbansecret"),
];

/// A folder that PostgreSQL's account can enter too, when root runs the tests.
pub fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn environment(more: &[(&str, &str)]) -> Vec<(String, String)> {
    GOOD.iter().chain(more).map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn parse(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_values(&Values::read(environment(more), None)?)
}

#[test]
fn env_example_names_every_setting_with_its_unit_and_default_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(".env.example");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, config::example(), "write it anew from the end of `rad-panel serve --help`");
    let named: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('#').split_once('='))
        .map(|(name, _)| name)
        .filter(|name| name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .collect();
    assert_eq!(named, SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>());
    let values = Values::read([], Some(&path)).unwrap();
    assert!(matches!(Config::from_values(&values), Err(ConfigError::Missing("DATABASE_URL", _))));
}

#[test]
fn every_required_setting_is_named_when_it_is_missing() {
    for (name, _) in GOOD {
        let without = environment(&[]).into_iter().filter(|(other, _)| other != name);
        let error = Config::from_values(&Values::read(without, None).unwrap()).unwrap_err();
        assert!(matches!(error, ConfigError::Missing(missing, _) if missing == name), "{error}");
    }
}

#[test]
fn every_malformed_value_is_named_and_a_secret_one_is_not_shown() {
    let bad = [
        ("DATABASE_URL", "mysql://app:dbsecret@localhost/rad"),
        ("DATABASE_MAX_CONNECTIONS", "1"),
        ("LISTEN", "8000"),
        ("PUBLIC_URL", "https://panel.example/shop"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, proxy"),
        ("MARZBAN_URL", "marzban.example"),
        ("MARZBAN_URL", "https://panel:secret@marzban.example"),
        ("MARZBAN_PUBLIC_URL", "ftp://marzban.example"),
        ("MARZBAN_CONNECT_TIMEOUT", "0"),
        ("MARZBAN_TIMEOUT", "5s"),
        ("MARZBAN_MAX_IN_FLIGHT", "-1"),
        ("HTTP_PROXY", "ftp://user:proxysecret@proxy"),
        ("HTTPS_PROXY", "proxysecret"),
        ("LOG", "info,sqlx=loud"),
        ("LOG_FORMAT", "xml"),
        ("METRICS_LISTEN", "9464"),
        ("SHUTDOWN_DRAIN", "121"),
    ];
    for (name, value) in bad {
        let error = parse(&[(name, value)]).expect_err(name);
        assert!(matches!(error, ConfigError::Malformed { name: named, .. } if named == name), "{error}");
        let message = error.to_string();
        assert!(message.contains(name) && !message.contains("secret"), "{message}");
    }
}

#[test]
fn an_unknown_variable_of_ours_stops_the_start_but_those_of_kubernetes_do_not() {
    assert!(matches!(
        parse(&[("RAD_LISTEN", "x")]),
        Err(ConfigError::Unknown { name, .. }) if name == "RAD_LISTEN"
    ));
    parse(&[("RAD_PANEL_SERVICE_HOST", "10.0.0.1"), ("RAD_PANEL_PORT", "tcp://10.0.0.1:80")]).unwrap();
    parse(&[("EDITOR", "vi")]).unwrap();
}

#[test]
fn the_environment_wins_over_the_file_and_an_empty_value_counts_as_absent() {
    let folder = open_folder();
    let file = folder.path().join("panel.env");
    fs::write(&file, "MARZBAN_PASSWORD='a $b # c'\nLOG=warn\nLISTEN=127.0.0.1:1\nUPLOAD_DIR=\n").unwrap();
    let given =
        [("LISTEN", "127.0.0.1:2"), ("MARZBAN_PASSWORD", ""), ("https_proxy", "socks5h://u:p@proxy:1080")];
    let config = Config::from_values(&Values::read(environment(&given)[..3].to_vec(), Some(&file)).unwrap());
    let config = config.expect("the password comes from the file");
    assert_eq!(config.marzban.password.expose(), "a $b # c");
    let config = Config::from_values(&Values::read(environment(&given), Some(&file)).unwrap()).unwrap();
    assert_eq!(config.listen.port(), 2);
    assert_eq!(config.log.filter, "warn");
    assert_eq!(config.upload_dir, Path::new("./var/uploads"));
    assert_eq!(config.marzban.https_proxy.unwrap().expose().scheme(), "socks5h");
    assert!(config.marzban.http_proxy.is_none());
    assert_eq!(config.marzban.public_url.as_str(), "https://marzban.example/api-root/");
}

#[test]
fn a_faulty_file_is_refused_by_the_name_of_what_is_wrong_in_it() {
    let folder = open_folder();
    let file = folder.path().join("panel.env");
    for (text, named) in
        [("LISTN=x\n", "LISTN"), ("LOG=a\nLOG=b\n", "LOG"), ("LOG warn\n", "the first setting")]
    {
        fs::write(&file, text).unwrap();
        let error = Values::read([], Some(&file)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(named) && error.contains("panel.env"), "{error}");
    }
    // What can't be read may be the password itself.
    for value in ["horse battery", r"ho\rse#battery", "'horse battery'c d", "\"horse battery"] {
        fs::write(&file, format!("LOG=warn\nMARZBAN_PASSWORD={value}\nLISTEN=127.0.0.1:1\n")).unwrap();
        let error = Values::read([], Some(&file)).map(|_| ()).unwrap_err().to_string();
        assert!(
            error.contains("after LOG") && !error.contains("rse") && !error.contains("battery"),
            "{error}"
        );
    }
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let folder = open_folder();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (marzban, database) = (write("marzban", "a b#c\n"), write("database", "of the database\n"));
    let without: Vec<_> =
        environment(&[]).into_iter().filter(|(name, _)| name != "MARZBAN_PASSWORD").collect();
    let with = |more: &[(&str, &str)]| {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Values::read(without.iter().cloned().chain(more), None)
    };
    let values = with(&[("MARZBAN_PASSWORD_FILE", &marzban), ("DATABASE_PASSWORD_FILE", &database)]).unwrap();
    let config = Config::from_values(&values).unwrap();
    assert_eq!(config.marzban.password.expose(), "a b#c");
    let url = sqlx::ConnectOptions::to_url_lossy(config.database.options.expose());
    assert_eq!(url.password(), Some("dbsecret"), "the address's own wins");
    let bare =
        [("DATABASE_URL", "postgres://app@localhost/rad"), ("DATABASE_PASSWORD_FILE", database.as_str())];
    let values = with(&[bare[0], bare[1], ("MARZBAN_PASSWORD", "x")]).unwrap();
    let url =
        sqlx::ConnectOptions::to_url_lossy(Config::from_values(&values).unwrap().database.options.expose());
    assert_eq!(url.password(), Some("of%20the%20database"));

    let file = write("config", &format!("MARZBAN_PASSWORD_FILE={marzban}\n"));
    let values = Values::read(without.clone(), Some(Path::new(&file))).unwrap();
    assert_eq!(Config::from_values(&values).unwrap().marzban.password.expose(), "a b#c");

    let twice = with(&[("MARZBAN_PASSWORD_FILE", &marzban), ("MARZBAN_PASSWORD", "other")]).map(|_| ());
    let twice = twice.unwrap_err().to_string();
    assert!(twice.contains("MARZBAN_PASSWORD or MARZBAN_PASSWORD_FILE"), "{twice}");
    // The proxies' names are written in both ways by tools.
    let proxies = [("HTTP_PROXY", "http://one:1"), ("http_proxy", "http://two:2"), ("MARZBAN_PASSWORD", "x")];
    assert!(with(&proxies).is_ok());
    let empty = write("empty", "\n");
    let values = with(&[("BACKUP_S3_SECRET_KEY_FILE", empty.as_str())]).unwrap();
    assert!(!values.has(&rad_panel::config::BACKUP_S3_SECRET_KEY), "an empty file counts as absent");

    let missing = with(&[("MARZBAN_PASSWORD_FILE", "/nowhere/marzban")]).map(|_| ()).unwrap_err().to_string();
    assert!(missing.contains("MARZBAN_PASSWORD_FILE") && missing.contains("/nowhere/marzban"), "{missing}");
    // Only secrets: the log's file is a setting of its own, and what is no secret is no file's business.
    let config = parse(&[("LOG_FILE", "/var/log/app.log"), ("LISTEN_FILE", "/nowhere")]).unwrap();
    assert_eq!(config.log.file.as_deref(), Some(Path::new("/var/log/app.log")));
}

#[test]
fn debug_never_prints_a_secret() {
    let config = parse(&[("HTTP_PROXY", "http://user:proxysecret@proxy:3128")]).unwrap();
    let printed = format!("{config:?}");
    assert!(printed.contains("marzban.example") && !printed.contains("secret"), "{printed}");
}

#[test]
fn cookies_are_secure_except_for_plain_http_on_loopback() {
    let secure = |more: &[(&str, &str)]| parse(more).unwrap().secure_cookies();
    assert!(!secure(&[]));
    assert!(!secure(&[("LISTEN", "[::1]:80"), ("PUBLIC_URL", "http://localhost:80")]));
    assert!(secure(&[("PUBLIC_URL", "https://panel.example")]));
    assert!(secure(&[("LISTEN", "0.0.0.0:8000")]));
    assert!(secure(&[("LISTEN", "0.0.0.0:8000"), ("PUBLIC_URL", "http://panel.example")]));
}

/// The panel's program with an empty environment, to be run in this folder.
pub fn rad_panel(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rad-panel"));
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The exit code, standard output and standard error.
pub fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_the_commands_and_every_setting() {
    let folder = open_folder();
    let (code, help, _) = outcome(rad_panel(folder.path()).arg("--help"));
    assert_eq!(code, 0);
    for command in [
        "serve",
        "demo",
        "migrate",
        "create-admin",
        "reset-two-factor",
        "backup",
        "restore",
        "verify",
        "setup-code",
        "reset-password",
        "check-marzban",
    ] {
        assert!(help.contains(command), "{help}");
    }
    let (_, help, _) = outcome(rad_panel(folder.path()).args(["serve", "--help"]));
    assert!(help.trim_end().ends_with(config::example().trim_end()), "{help}");
}

#[test]
fn a_bad_setting_ends_the_command_with_one_line_that_names_it() {
    let folder = open_folder();
    let mut serve = rad_panel(folder.path());
    serve.arg("serve").envs(GOOD).env("LISTEN", "everywhere");
    let (code, _, error) = outcome(&mut serve);
    assert_eq!(code, 1);
    assert!(error.starts_with("rad-panel: LISTEN is malformed") && error.lines().count() == 1, "{error}");
    let (code, _, error) = outcome(rad_panel(folder.path()).args(["migrate", "--config", "none.env"]));
    assert_eq!(code, 1);
    assert!(error.contains("none.env") && error.lines().count() == 1, "{error}");
}

fn demo(folder: &Path) -> Command {
    let mut command = rad_panel(folder);
    let marzban =
        [("MARZBAN_URL", "http://127.0.0.1:9"), ("MARZBAN_USERNAME", "a"), ("MARZBAN_PASSWORD", "b")];
    command.envs(marzban).args(["demo", "--no-samples", "--data", "demo", "--listen"]);
    command
}

/// Starts the demo and waits until it has printed its address.
fn ready_demo(folder: &Path) -> (Child, BufReader<impl Read + use<>>) {
    let mut child = demo(folder).arg("127.0.0.1:0").stderr(Stdio::inherit()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("RAD Panel is ready: http://127.0.0.1:") {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the demo ended before it was ready");
    }
    (child, output)
}

fn terminate(child: &mut Child) -> i32 {
    let killed = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    child.wait().unwrap().code().expect("the demo ends by itself")
}

#[test]
fn a_busy_port_gets_one_sentence_and_starts_nothing() {
    let folder = open_folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, output, error) = outcome(demo(folder.path()).arg(&address));
    assert_eq!((code, output.as_str()), (1, ""));
    assert!(error.contains(&format!("{address} is in use")) && error.lines().count() == 1, "{error}");
    assert!(!folder.path().join("demo").exists());
}

#[test]
fn the_demo_stops_what_it_started_and_starts_again_after_a_kill() {
    let folder = open_folder();
    let socket = folder.path().join("demo/postgres/run/.s.PGSQL.5432");
    let (mut first, _output) = ready_demo(folder.path());
    let (code, _, error) = outcome(demo(folder.path()).arg("127.0.0.1:0"));
    assert!(code == 1 && error.contains("already running"), "{error}");
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(socket.exists(), "a killed demo leaves its database running");
    let (mut second, _output) = ready_demo(folder.path());
    assert_eq!(terminate(&mut second), 0);
    assert!(!socket.exists(), "the database went with it");
}

#[test]
fn a_test_database_lasts_as_long_as_its_command_and_the_exit_code_is_handed_on() {
    let folder = open_folder();
    let script = "test -S var/test/postgres/run/.s.PGSQL.5432 && echo \"$DATABASE_URL\" && exit 42";
    let (code, url, error) =
        outcome(rad_panel(folder.path()).args(["test-database", "--", "sh", "-c", script]));
    assert_eq!((code, error.as_str()), (42, ""));
    assert!(url.starts_with("postgres://app@%2F"), "{url}");
    assert!(!folder.path().join("var/test/postgres").exists());
}
