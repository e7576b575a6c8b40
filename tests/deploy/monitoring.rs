//! `deploy/monitoring`, held to what the real binary exposes, and read by Prometheus' own tool.

mod exposed;
mod promql;

use std::{collections::BTreeSet, path::Path, process::Command};

use serde_json::Value;
use sqlx::PgPool;

use self::{
    exposed::Exposed,
    promql::{Use, uses},
};
use super::{output, project, text, yaml};

const FOLDER: &str = "deploy/monitoring";

/// What the panel tells and nothing here shows, and why.
const LEFT_OUT: &[(&str, &str)] = &[];

/// An expression and where it stands, with the labels that its legend names.
struct Expression {
    place: String,
    text: String,
    legend: Vec<String>,
}

fn alerts() -> Vec<Value> {
    let file = yaml(&text(&format!("{FOLDER}/alerts.yml")));
    file["groups"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap().clone())
        .collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&text(&format!("{FOLDER}/dashboard.json"))).unwrap()
}

fn panels(dashboard: &Value) -> Vec<Value> {
    dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row").cloned().collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The labels in `{{label}}` and `$labels.label`.
fn named(text: &str) -> Vec<String> {
    let until_no_name =
        |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let braces = text.split("{{").skip(1).map(|rest| until_no_name(rest.trim_start()));
    let dotted = text.split("$labels.").skip(1).map(until_no_name);
    braces.chain(dotted).filter(|name| !name.is_empty()).collect()
}

/// Everything that Prometheus is asked, in the rules and in the dashboard.
fn expressions() -> Vec<Expression> {
    let rules = alerts().into_iter().map(|alert| {
        let annotations = alert["annotations"].as_object().unwrap().values().map(word).collect::<String>();
        Expression { place: word(&alert["alert"]), text: word(&alert["expr"]), legend: named(&annotations) }
    });
    let dashboard = dashboard();
    let shown = panels(&dashboard).into_iter().flat_map(|panel| {
        let title = word(&panel["title"]);
        let targets = panel["targets"].as_array().unwrap().clone();
        targets.into_iter().map(move |target| Expression {
            place: title.clone(),
            text: word(&target["expr"]),
            legend: named(&word(&target["legendFormat"])),
        })
    });
    let asked: Vec<Expression> = rules.chain(shown).collect();
    let variable = word(&dashboard["templating"]["list"][1]["query"]["query"]);
    let variable = Expression { place: "the variable".to_owned(), text: variable, legend: Vec::new() };
    asked.into_iter().chain([variable]).collect()
}

/// What is wrong about an expression, as the panel stands.
fn faults(exposed: &Exposed, expression: &Expression) -> Vec<String> {
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    let Use { metrics, grouped } = uses(&expression.text);
    for metric in &metrics {
        let labels = exposed.labels(&metric.name);
        let Some(labels) = labels else {
            faults.push(format!("{} is not exposed", metric.name));
            continue;
        };
        for matcher in &metric.matchers {
            if !labels.contains(&matcher.label) {
                faults.push(format!("{} has no label {}", metric.name, matcher.label));
            }
            for value in matcher.plain_values() {
                if !exposed.has(&metric.name, &matcher.label, value) {
                    faults.push(format!("{} never has {}={value}", metric.name, matcher.label));
                }
            }
        }
        known.extend(labels);
    }
    if metrics.is_empty() {
        faults.push("names no metric".to_owned());
    }
    faults.extend(
        grouped.iter().filter(|label| !known.contains(*label)).map(|label| format!("no label {label}")),
    );
    // What is summed or compared keeps only the labels that it is grouped by.
    let told = if grouped.is_empty() { known } else { grouped.into_iter().collect() };
    let kept = |label: &&String| told.contains(*label) && !expression.text.starts_with("max(");
    let missing = expression.legend.iter().filter(|label| !kept(label));
    faults.extend(missing.map(|label| format!("the legend names {label}")));
    faults
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_dashboard_and_the_alerts_name_what_the_panel_exposes_and_leave_nothing_out(db: PgPool) {
    let exposed = Exposed::by_a_panel(&db).await;
    let expressions = expressions();
    let faults: Vec<String> = expressions
        .iter()
        .flat_map(|asked| {
            faults(&exposed, asked).into_iter().map(|fault| format!("{}: {fault}", asked.place))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    let used: BTreeSet<String> = expressions
        .iter()
        .flat_map(|asked| uses(&asked.text).metrics)
        .map(|metric| exposed.family(&metric.name).to_owned())
        .collect();
    let left_out: BTreeSet<String> = LEFT_OUT.iter().map(|(name, _)| (*name).to_owned()).collect();
    let own: BTreeSet<String> = exposed.families().filter(|name| name.starts_with("rad_")).cloned().collect();
    let unseen: Vec<_> = own.difference(&used).filter(|name| !left_out.contains(*name)).collect();
    assert!(unseen.is_empty(), "show these, or say in LEFT_OUT why not: {unseen:?}");
    let stale: Vec<_> = left_out.iter().filter(|name| !own.contains(*name) || used.contains(*name)).collect();
    assert!(stale.is_empty(), "take these out of LEFT_OUT: {stale:?}");
    let described: BTreeSet<String> = rad_panel::metrics::COUNTED
        .iter()
        .chain(rad_panel::metrics::LOOKED_UP)
        .map(|series| series.name.to_owned())
        .collect();
    assert_eq!(described, own, "what is described and what is told");
}

#[test]
fn prometheus_accepts_the_example_and_the_alerts_and_they_fire_when_they_should() {
    let at = |path: &str| project().join(path);
    output(Command::new("promtool").args(["check", "config"]).arg(at("deploy/monitoring/prometheus.yml")));
    let alerts = at("deploy/monitoring/alerts.yml");
    output(Command::new("promtool").args(["check", "rules", "--lint=all", "--lint-fatal"]).arg(alerts));
    output(Command::new("promtool").args(["test", "rules"]).arg(at("tests/data/monitoring/alerts_test.yml")));
}

#[test]
fn each_alert_is_told_in_both_languages_tried_and_explained() {
    let readme = text(&format!("{FOLDER}/README.md"));
    let tried = yaml(&text("tests/data/monitoring/alerts_test.yml"));
    let firing: BTreeSet<String> = tried["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap())
        .filter(|case| !case["exp_alerts"].as_array().unwrap().is_empty())
        .map(|case| word(&case["alertname"]))
        .collect();
    let alerts = alerts();
    assert!(alerts.len() > 10);
    for alert in &alerts {
        let name = word(&alert["alert"]);
        let (english, persian) =
            (word(&alert["annotations"]["summary"]), word(&alert["annotations"]["summary_fa"]));
        let is_persian = |text: &str| text.chars().any(|c| ('\u{0600}'..='\u{06ff}').contains(&c));
        assert!(is_persian(&persian) && !is_persian(&english), "{name}: {english} / {persian}");
        assert!(!english.contains('\n') && !persian.contains('\n'), "{name}: one line each");
        assert!(["critical", "warning"].contains(&word(&alert["labels"]["severity"]).as_str()), "{name}");
        assert_eq!(readme.matches(&format!("`{name}`")).count(), 2, "{name} in both halves of README.md");
        assert!(firing.contains(&name), "{name} is not seen firing in alerts_test.yml");
    }
}

#[test]
fn the_dashboard_can_be_imported_with_any_prometheus() {
    let dashboard = dashboard();
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    assert!(dashboard.get("id").is_none(), "Grafana gives the id");
    let rows: Vec<String> = dashboard["panels"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|panel| panel["type"] == "row")
        .map(|panel| word(&panel["title"]).split(" /").next().unwrap().to_owned())
        .collect();
    assert_eq!(rows, ["Pages", "Jobs", "Marzban", "Money", "Database", "Process"]);
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "an id stands twice");
        let at = |side: &str| panel["gridPos"][side].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24);
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(places.insert((x, y)), "{} lies over another", panel["title"]);
        }
    }
    for panel in panels(&dashboard) {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        assert!(!word(&panel["description"]).is_empty(), "{}", panel["title"]);
        for target in panel["targets"].as_array().unwrap() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
        }
    }
}

#[test]
fn the_example_asks_the_job_that_the_alerts_go_by() {
    let example = yaml(&text(&format!("{FOLDER}/prometheus.yml")));
    assert_eq!(example["scrape_configs"][0]["job_name"], "rad-panel");
    for file in example["rule_files"].as_array().unwrap() {
        assert!(Path::new(project()).join(FOLDER).join(word(file)).is_file(), "{file}");
    }
    let jobs: BTreeSet<String> = expressions()
        .iter()
        .flat_map(|asked| uses(&asked.text).metrics)
        .flat_map(|metric| metric.matchers)
        .filter(|matcher| matcher.label == "job")
        .map(|matcher| matcher.value)
        .collect();
    assert_eq!(jobs, BTreeSet::from(["rad-panel".to_owned()]));
}
