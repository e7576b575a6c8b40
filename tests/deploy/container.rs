//! The image and the Compose file, as far as that shows without an engine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    time::{Duration, Instant},
};

use rad_panel::config::{SETTINGS, Setting};
use serde_json::{Map, Value};

use super::{is_setting, output, project, text, works, yaml};

/// Every Compose of this machine: the first generation, and the second where there is one.
fn composes() -> Vec<Vec<&'static str>> {
    let found = |compose: &Vec<&str>| works(Command::new(compose[0]).args(&compose[1..]).arg("version"));
    let composes: Vec<_> =
        [vec!["docker-compose"], vec!["docker", "compose"]].into_iter().filter(found).collect();
    assert!(!composes.is_empty(), "there is no Compose; bin/need compose installs one");
    composes
}

/// What a Compose makes of the file with the settings of the example.
fn resolved(compose: &[&str]) -> Value {
    let mut command = Command::new(compose[0]);
    command.args(&compose[1..]).current_dir(project().join("deploy"));
    command.env_clear().envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME")));
    yaml(&output(command.args(["--env-file", ".env.example", "--file", "compose.yaml", "config"])))
}

fn services(compose: &Value) -> &Map<String, Value> {
    compose["services"].as_object().unwrap()
}

/// A service's environment, which Compose writes as a map.
fn environment(service: &Value) -> BTreeMap<&str, &str> {
    let map = service["environment"].as_object();
    map.into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn every_generation_of_compose_accepts_the_file() {
    for compose in composes() {
        let resolved = resolved(&compose);
        let names: Vec<_> = services(&resolved).keys().collect();
        assert_eq!(names, ["certbot", "database", "nginx", "panel"], "{compose:?}");
    }
    // docker-compose 1.29 refuses the one, Compose v2 complains about the other.
    let file = yaml(&text("deploy/compose.yaml"));
    assert!(file.get("name").is_none() && file.get("version").is_none());
}

#[test]
fn every_service_is_limited_watched_and_without_rights() {
    for compose in composes() {
        for (name, service) in services(&resolved(&compose)) {
            let set = |key: &str| service.get(key).is_some_and(|value| !value.is_null());
            assert!(set("mem_limit") && set("pids_limit"), "{name} has no limits");
            assert!(service["healthcheck"]["test"].as_array().is_some(), "{name} has no health check");
            assert_eq!(service["healthcheck"]["test"][0], "CMD", "{name}'s health check needs a shell");
            let log = &service["logging"];
            assert_eq!(log["driver"], "json-file", "{name}");
            assert!(
                log["options"]["max-size"].is_string() && log["options"]["max-file"].is_string(),
                "{name}"
            );
            assert_eq!(service["restart"], "unless-stopped", "{name}");
            assert_eq!(service["read_only"], true, "{name} may write to its root");
            assert_eq!(service["cap_drop"], serde_json::json!(["ALL"]), "{name}");
            assert_eq!(service["security_opt"], serde_json::json!(["no-new-privileges:true"]), "{name}");
            assert!(!set("privileged") && !set("pid") && !set("network_mode"), "{name}");
            let volumes = service["volumes"].to_string();
            assert!(!volumes.contains("docker.sock"), "{name} holds the keys of the whole server");
            // PostgreSQL's image begins as root, to take over its folder.
            assert!(name == "database" || !set("cap_add"), "{name} has rights of its own");
            assert!(matches!(name.as_str(), "database" | "panel") || set("user"), "{name} runs as root");
        }
    }
}

#[test]
fn only_nginx_is_reached_from_outside() {
    for compose in composes() {
        let resolved = resolved(&compose);
        for (name, service) in services(&resolved) {
            let published = service["ports"].as_array().is_some_and(|ports| !ports.is_empty());
            assert_eq!(published, name == "nginx", "{name}");
        }
        // Over IPv6 every visitor would have the gateway's address, and share its wrong passwords.
        for port in services(&resolved)["nginx"]["ports"].as_array().unwrap() {
            let on_ipv4 = port["host_ip"] == "0.0.0.0"
                || port.as_str().is_some_and(|port| port.starts_with("0.0.0.0:"));
            assert!(on_ipv4, "{port}");
        }
        let networks = services(&resolved)["database"]["networks"].as_object().unwrap();
        assert_eq!(networks.keys().collect::<Vec<_>>(), ["inside"]);
        assert_eq!(resolved["networks"]["inside"]["internal"], true);
    }
}

#[test]
fn each_waits_until_what_it_needs_is_healthy() {
    for compose in composes() {
        let resolved = resolved(&compose);
        for (name, needs) in [("panel", "database"), ("nginx", "panel"), ("certbot", "nginx")] {
            let condition = &services(&resolved)[name]["depends_on"][needs]["condition"];
            assert_eq!(condition, "service_healthy", "{name}");
        }
    }
}

#[test]
fn what_stays_lies_under_one_folder() {
    for compose in composes() {
        let resolved = resolved(&compose);
        for (name, volume) in resolved["volumes"].as_object().unwrap() {
            let device = volume["driver_opts"]["device"].as_str().unwrap();
            assert_eq!(device, format!("/var/rad-panel/{name}"));
        }
        for (name, service) in services(&resolved) {
            for volume in service["volumes"].as_array().unwrap() {
                // "source:target:mode", or a map with a source.
                let source =
                    volume["source"].as_str().or_else(|| volume.as_str()?.split(':').next()).unwrap();
                let ours = resolved["volumes"].get(source).is_some();
                assert!(ours || source.starts_with(project().to_str().unwrap()), "{name}: {source}");
            }
        }
    }
}

#[test]
fn secrets_come_from_files() {
    for compose in composes() {
        let resolved = resolved(&compose);
        // The address stands open, without its password; the database's own image has a name of its own for that.
        let secret = SETTINGS.iter().filter(|setting| setting.secret && setting.name != "DATABASE_URL");
        let secret: Vec<&str> = secret.map(|setting| setting.name).chain(["POSTGRES_PASSWORD"]).collect();
        for (name, service) in services(&resolved) {
            for (variable, value) in environment(service) {
                assert!(!secret.contains(&variable), "{name}: {variable} is for all to see");
                let of_file = variable.strip_suffix("_FILE").is_some_and(|plain| secret.contains(&plain));
                if of_file {
                    let file = value.strip_prefix("/run/secrets/").unwrap();
                    assert!(resolved["secrets"].get(file).is_some(), "{name}: {variable}={value}");
                    let given = service["secrets"].to_string();
                    assert!(given.contains(&format!("\"{file}\"")), "{name} is not given {file}: {given}");
                }
            }
        }
        for secret in resolved["secrets"].as_object().unwrap().values() {
            assert!(secret["file"].as_str().unwrap().starts_with("/var/rad-panel/secrets/"));
        }
        let panel = environment(&services(&resolved)["panel"])["DATABASE_URL"].to_owned();
        assert_eq!(panel, "postgres://rad_panel@database/rad_panel");
    }
}

#[test]
fn the_panel_is_given_every_setting_and_nothing_else() {
    let compose = yaml(&text("deploy/compose.yaml"));
    let mut given: BTreeSet<String> =
        environment(&compose["services"]["panel"]).into_keys().map(str::to_owned).collect();
    let image: Vec<_> = instructions().into_iter().filter(|(name, _)| name == "ENV").collect();
    let assignments = image.last().unwrap().1.split_whitespace();
    given.extend(assignments.map(|assignment| assignment.split('=').next().unwrap().to_owned()));
    for name in &given {
        assert!(is_setting(name), "{name} is no setting");
    }
    for Setting { name, .. } in SETTINGS {
        let by_file = format!("{name}_FILE");
        assert!(given.contains(*name) || given.contains(&by_file), "{name} can't be set with containers");
    }
}

#[test]
fn the_example_names_what_the_file_asks_for_with_its_defaults() {
    let mut asked = BTreeMap::new();
    for part in text("deploy/compose.yaml").split("${").skip(1) {
        let (variable, _) = part.split_once('}').unwrap();
        let name = variable.split(':').next().unwrap();
        let default = variable.split_once(":-").map_or("", |(_, default)| default);
        let known = asked.entry(name.to_owned()).or_insert_with(|| default.to_owned());
        assert!(default.is_empty() || known == default || known.is_empty(), "{name}: {known} or {default}");
        if known.is_empty() {
            *known = default.to_owned();
        }
    }
    let example = text("deploy/.env.example");
    let lines = example.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let mut named: BTreeMap<_, _> = lines.filter(|(name, _)| !name.contains(' ')).collect();
    // For Compose itself.
    assert_eq!(named.remove("COMPOSE_PROJECT_NAME"), Some("rad-panel"));
    assert_eq!(asked.keys().collect::<Vec<_>>(), named.keys().collect::<Vec<_>>());
    for (name, default) in asked.iter().filter(|(_, default)| !default.is_empty()) {
        assert_eq!(named[name.as_str()], default, "{name}");
    }
}

/// Writes down what it is told, and lives as long as the test's folder.
const NGINX: &str = r#"#!/bin/sh
echo "$*" >>"$CALLS"
case "$*" in *"daemon off"*) while [ -e "$CALLS" ]; do sleep 0.1; done ;; esac
"#;
const ENVSUBST: &str = r#"#!/bin/sh
sed "s|\${DOMAIN}|$DOMAIN|; s|\${UPSTREAM}|$UPSTREAM|"
"#;

#[test]
fn nginx_takes_up_another_certificate_and_the_templates_of_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let place = |path: &str| folder.path().join(path);
    for path in ["bin", "tmp", "live/panel.test"] {
        fs::create_dir_all(place(path)).unwrap();
    }
    output(Command::new("cp").arg("-r").arg(project().join("deploy/nginx")).arg(folder.path()));
    for (name, script) in [("nginx", NGINX), ("envsubst", ENVSUBST)] {
        let program = place("bin").join(name);
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (script, calls) = (place("nginx/container.sh"), place("calls"));
    let mut here = text("deploy/nginx/container.sh");
    for (there, place) in [
        ("/tmp/", format!("{}/", place("tmp").display())),
        ("/etc/letsencrypt/live", place("live").display().to_string()),
        ("sleep 10", format!("sleep 0.1 && [ -e {} ]", calls.display())),
    ] {
        assert!(here.contains(there), "{there}");
        here = here.replace(there, &place);
    }
    fs::write(&script, here).unwrap();
    fs::write(&calls, "").unwrap();

    let path = format!("{}:{}", place("bin").display(), std::env::var("PATH").unwrap());
    let mut container = Command::new("sh")
        .arg(&script)
        .env("PATH", path)
        .env("CALLS", &calls)
        .env("DOMAIN", "panel.test")
        .env("UPSTREAM", "127.0.0.1:8000")
        .spawn()
        .unwrap();
    let told = |what: &str| fs::read_to_string(&calls).unwrap().matches(what).count();
    let site = || fs::read_to_string(place("tmp/sites/rad-panel.conf")).unwrap_or_default();
    let wait = |what: &str, so: &dyn Fn() -> bool| {
        let begin = Instant::now();
        while !so() {
            assert!(begin.elapsed() < Duration::from_secs(20), "{what}: {}", site());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    wait("no nginx", &|| told("daemon off") == 1);
    assert!(site().contains("server_name panel.test;") && !site().contains("ssl_certificate"));
    assert_eq!(told("reload"), 0);

    fs::write(place("live/panel.test/fullchain.pem"), "a certificate").unwrap();
    wait("no certificate", &|| told("-s reload") > 0 && site().contains("ssl_certificate"));

    let before = told("-s reload");
    let template = place("nginx/rad-panel.conf.template");
    let newer = fs::read_to_string(&template).unwrap() + "# newer\n";
    fs::write(&template, newer).unwrap();
    wait("no other site", &|| told("-s reload") > before && site().ends_with("# newer\n"));

    // What start.sh compares, to see whether the script is another one.
    let sum = output(Command::new("sh").args(["-c", r#"cksum <"$0""#]).arg(&script));
    assert_eq!(fs::read_to_string(place("tmp/script")).unwrap(), sum);
    fs::remove_file(&calls).unwrap();
    container.wait().unwrap();
}

/// The instructions of the Dockerfile with their arguments, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = text("deploy/Dockerfile").replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
        .collect()
}

#[test]
fn the_image_needs_neither_root_nor_a_shell() {
    let instructions = instructions();
    let last = |name: &str| &instructions.iter().rfind(|(known, _)| known == name).unwrap().1;
    let (user, group) = last("USER").split_once(':').unwrap();
    assert!(
        user.parse::<u32>().unwrap() >= 10_000 && group == user,
        "a fixed number, which a volume can belong to"
    );
    assert!(last("ENTRYPOINT").starts_with('[') && last("CMD").starts_with('['));
    let (_, check) = last("HEALTHCHECK").split_once("CMD ").unwrap();
    let check: Vec<String> = serde_json::from_str(check).unwrap();
    assert_eq!(check, ["/usr/local/bin/rad-panel", "health"]);
    let stages: Vec<_> =
        instructions.iter().filter(|(name, _)| name == "FROM").map(|(_, rest)| rest).collect();
    assert_eq!(stages, ["${RUST_IMAGE} AS builder", "${POSTGRES_IMAGE} AS postgresql", "${BASE_IMAGE}"]);
}

#[test]
fn the_image_is_built_with_nothing_but_an_engine() {
    let text = text("deploy/Dockerfile");
    // These fetch a front end from a registry, or don't exist outside of BuildKit.
    assert!(!text.lines().any(|line| line.replace(' ', "").to_lowercase().starts_with("#syntax=")));
    for part in ["RUN --mount", "COPY --link", "COPY --chmod", "ADD http", "<<"] {
        assert!(!text.contains(part), "{part}");
    }
    // The programs for backups must be of the version that the Compose file runs.
    let compose = yaml(&super::text("deploy/compose.yaml"));
    let database = &compose["services"]["database"]["image"];
    assert_eq!(&compose["services"]["panel"]["build"]["args"]["POSTGRES_IMAGE"], database);
    let default = text.lines().find_map(|line| line.strip_prefix("ARG POSTGRES_IMAGE=")).unwrap();
    assert_eq!(database, &format!("${{POSTGRES_IMAGE:-{default}}}"));
}
