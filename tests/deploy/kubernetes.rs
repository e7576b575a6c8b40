//! The manifests: rendered as an engineer would apply them, held to the schema of the API and to each other.

use std::{fs, process::Command};

use serde_json::Value;

use super::{is_setting, output, project, tools, works, yaml};

const EXAMPLE: &str = "deploy/kubernetes/example";

/// All objects of the example, as YAML documents.
fn rendered() -> String {
    let own = tools().join("kubernetes/bin/kubectl");
    let kubectl = if own.exists() { own } else { "kubectl".into() };
    let there = works(Command::new(&kubectl).args(["version", "--client"]));
    assert!(there, "there is no kubectl; bin/need kubernetes brings one");
    output(Command::new(kubectl).args(["kustomize", EXAMPLE]).current_dir(project()))
}

fn objects() -> Vec<Value> {
    let rendered = rendered();
    rendered.split("\n---\n").map(yaml).collect()
}

fn of_kind(kind: &str) -> Value {
    let mut found: Vec<_> = objects().into_iter().filter(|object| object["kind"] == kind).collect();
    assert_eq!(found.len(), 1, "{kind}");
    found.remove(0)
}

/// The pods that are made, by the kind of what makes them.
fn pods() -> Vec<(&'static str, Value)> {
    ["Deployment", "Job"].map(|kind| (kind, of_kind(kind)["spec"]["template"].clone())).into()
}

#[test]
fn the_api_knows_every_field() {
    let validate = tools().join("kubernetes/bin/kubernetes-validate");
    assert!(validate.exists(), "there is no kubernetes-validate; bin/need kubernetes brings it");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), rendered()).unwrap();
    let secret = project().join(EXAMPLE).join("secret.example.yaml");
    let mut command = Command::new(validate);
    output(command.arg("--strict").args([file.path(), secret.as_path()]));
}

#[test]
fn a_rolling_update_takes_no_instance_away_before_the_next_is_ready() {
    let deployment = of_kind("Deployment");
    let spec = &deployment["spec"];
    assert_eq!(spec["strategy"]["rollingUpdate"]["maxUnavailable"], 0);
    assert!(spec.get("replicas").is_none(), "every apply would undo the autoscaler's work");
    let scaler = of_kind("HorizontalPodAutoscaler");
    assert!(scaler["spec"]["minReplicas"].as_u64().unwrap() >= 2);
    assert_eq!(scaler["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
    let budget = of_kind("PodDisruptionBudget");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    assert_eq!(budget["spec"]["selector"], spec["selector"]);
    let container = &spec["template"]["spec"]["containers"][0];
    for (probe, path) in
        [("startupProbe", "/healthz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/healthz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
        assert_eq!(container[probe]["httpGet"]["port"], "http", "{probe}");
    }
    // It goes on answering until nobody asks it any more, and is not killed before it has finished.
    let seconds = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    let drain = seconds(&of_kind("ConfigMap")["data"]["SHUTDOWN_DRAIN"]);
    let probe = &container["readinessProbe"];
    assert!(drain > seconds(&probe["periodSeconds"]) * seconds(&probe["failureThreshold"]));
    assert!(seconds(&spec["template"]["spec"]["terminationGracePeriodSeconds"]) >= drain + 30);
}

/// How many run at once, while they are replaced.
fn most_instances() -> u64 {
    let instances = of_kind("HorizontalPodAutoscaler")["spec"]["maxReplicas"].as_u64().unwrap();
    let surge = of_kind("Deployment")["spec"]["strategy"]["rollingUpdate"]["maxSurge"].as_u64().unwrap();
    instances + surge
}

#[test]
fn the_instances_fit_into_the_database() {
    let each =
        of_kind("ConfigMap")["data"]["DATABASE_MAX_CONNECTIONS"].as_str().unwrap().parse::<u64>().unwrap();
    // PostgreSQL's default is 100, three of them the superuser's; pg_dump and the restored scratch database want one each.
    assert!(most_instances() * each + 4 < 97);
}

#[test]
fn the_instances_together_ask_marzban_no_more_than_one_would() {
    let config = of_kind("ConfigMap");
    let each = config["data"]["MARZBAN_MAX_IN_FLIGHT"].as_str().unwrap().parse::<u64>().unwrap();
    assert!(most_instances() * each <= 8);
}

#[test]
fn pods_run_without_rights_as_the_image_s_user() {
    for (kind, pod) in pods() {
        let spec = &pod["spec"];
        assert_eq!(spec["securityContext"]["runAsNonRoot"], true, "{kind}");
        assert_eq!(spec["securityContext"]["runAsUser"], 10_001, "{kind}");
        assert_eq!(spec["securityContext"]["fsGroup"], 10_001, "{kind}");
        assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{kind}");
        assert_eq!(spec["automountServiceAccountToken"], false, "{kind}");
        assert_eq!(spec["enableServiceLinks"], false, "{kind}");
        for container in spec["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["readOnlyRootFilesystem"], true, "{kind}");
            assert_eq!(context["allowPrivilegeEscalation"], false, "{kind}");
            assert_eq!(context["capabilities"]["drop"], serde_json::json!(["ALL"]), "{kind}");
            assert!(container["resources"]["limits"]["memory"].is_string(), "{kind}");
            assert_eq!(container["image"], "registry.example.ir/rad-panel:0.1.0", "{kind}");
        }
    }
    assert!(super::text("deploy/Dockerfile").contains("USER 10001:10001"));
}

#[test]
fn the_panel_knows_every_variable_that_it_is_given() {
    let data = of_kind("ConfigMap")["data"].clone();
    assert!(data.as_object().unwrap().len() > 8);
    for name in data.as_object().unwrap().keys() {
        assert!(is_setting(name), "{name} of the ConfigMap is no setting");
    }
    let secret = yaml(&super::text(&format!("{EXAMPLE}/secret.example.yaml")));
    for (kind, pod) in pods() {
        let container = &pod["spec"]["containers"][0];
        let named = &container["envFrom"][0]["configMapRef"]["name"];
        assert_eq!(named, &of_kind("ConfigMap")["metadata"]["name"], "{kind}");
        for variable in container["env"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap();
            assert!(is_setting(name), "{name} of the {kind} is no setting");
            let file = variable["value"].as_str().unwrap().strip_prefix("/run/secrets/rad-panel/").unwrap();
            assert!(secret["stringData"].get(file).is_some(), "{kind}: {name} is in no secret");
        }
    }
}

#[test]
fn what_instances_share_is_shared() {
    let claims: Vec<_> =
        objects().into_iter().filter(|object| object["kind"] == "PersistentVolumeClaim").collect();
    assert_eq!(claims.len(), 2);
    for claim in &claims {
        assert_eq!(claim["spec"]["accessModes"], serde_json::json!(["ReadWriteMany"]));
    }
    let data = of_kind("ConfigMap")["data"].clone();
    let mounts = of_kind("Deployment")["spec"]["template"]["spec"]["containers"][0]["volumeMounts"].clone();
    for folder in ["UPLOAD_DIR", "BACKUP_DIR"] {
        assert!(
            mounts.as_array().unwrap().iter().any(|mount| mount["mountPath"] == data[folder]),
            "{folder} is not kept"
        );
    }
}

#[test]
fn the_ways_in_lead_to_ports_that_there_are() {
    let pod = of_kind("Deployment")["spec"]["template"].clone();
    let data = of_kind("ConfigMap")["data"].clone();
    let port = |name: &str| {
        let ports = pod["spec"]["containers"][0]["ports"].as_array().unwrap().clone();
        ports.iter().find(|port| port["name"] == name).unwrap()["containerPort"].to_string()
    };
    assert_eq!(data["LISTEN"], format!("0.0.0.0:{}", port("http")));
    assert_eq!(data["METRICS_LISTEN"], format!("0.0.0.0:{}", port("metrics")));
    assert_eq!(pod["metadata"]["annotations"]["prometheus.io/port"], port("metrics"));

    let service = of_kind("Service");
    assert_eq!(
        service["spec"]["ports"].as_array().unwrap().len(),
        1,
        "the figures are for the monitoring alone"
    );
    for (name, value) in service["spec"]["selector"].as_object().unwrap() {
        assert_eq!(&pod["metadata"]["labels"][name], value, "{name}");
    }
    let ingress = of_kind("Ingress");
    let host = &ingress["spec"]["rules"][0]["host"];
    assert_eq!(data["PUBLIC_URL"], format!("https://{}", host.as_str().unwrap()));
    assert_eq!(&ingress["spec"]["tls"][0]["hosts"][0], host);
    let backend = &ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"];
    assert_eq!(backend["name"], service["metadata"]["name"]);
    assert_eq!(backend["port"]["name"], service["spec"]["ports"][0]["name"]);
    let policy = of_kind("NetworkPolicy");
    assert_eq!(policy["spec"]["policyTypes"], serde_json::json!(["Ingress", "Egress"]));
}
