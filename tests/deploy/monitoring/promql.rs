//! As much of Prometheus' language as is needed to see which metrics and labels an expression names.

/// `label="value"`, with whatever sign stands between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    pub label: String,
    sign: String,
    pub value: String,
}

impl Matcher {
    /// The values that it waits for, without those that are patterns or Grafana's variables.
    pub fn plain_values(&self) -> impl Iterator<Item = &str> {
        let wanted =
            ["=", "=~"].contains(&self.sign.as_str()) && self.label != "instance" && self.label != "job";
        let plain = |value: &&str| value.chars().all(|c| c.is_alphanumeric() || "_-/".contains(c));
        self.value.split('|').filter(move |_| wanted).filter(plain)
    }
}

/// A metric with the labels that it is chosen by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    pub name: String,
    pub matchers: Vec<Matcher>,
}

/// What an expression names.
#[derive(Debug, Default)]
pub struct Use {
    pub metrics: Vec<Metric>,
    /// The labels in all its `by (…)`.
    pub grouped: Vec<String>,
}

/// Words that stand where a metric could.
const WORDS: &[&str] = &["and", "or", "unless", "offset", "by", "without", "on", "ignoring", "vector"];

/// The metrics and labels of an expression.
pub fn uses(expression: &str) -> Use {
    let mut found = Use::default();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            rest = rest[1..].split_once('"').expect("the text ends").1;
        } else if c == '[' {
            rest = rest.split_once(']').expect("the range ends").1;
        } else if c == '$' || c.is_ascii_digit() {
            rest = rest[1..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_' || c == '.');
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            rest = after.trim_start();
            if name == "by" {
                let (labels, after) = rest.trim_start_matches('(').split_once(')').expect("the list ends");
                found.grouped.extend(labels.split(',').map(|label| label.trim().to_owned()));
                rest = after;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let (matchers, after) = matchers(inside);
                found.metrics.push(Metric { name: name.to_owned(), matchers });
                rest = after;
            } else if !is_function(rest) && !WORDS.contains(&name) {
                // The second word of `label_values(metric, label)` is a label.
                if expression.starts_with("label_values(") && !found.metrics.is_empty() {
                    found.grouped.push(name.to_owned());
                } else {
                    found.metrics.push(Metric { name: name.to_owned(), matchers: Vec::new() });
                }
            }
        } else {
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

/// Whether what stands before this is called, as in `sum(…)` and `sum by (…) (…)`.
fn is_function(rest: &str) -> bool {
    ["(", "by ", "without "].iter().any(|start| rest.starts_with(start))
}

fn matchers(mut rest: &str) -> (Vec<Matcher>, &str) {
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix('}') {
            return (found, after);
        }
        let (left, after) = rest.split_once('"').expect("a value");
        let (value, after) = after.split_once('"').expect("the value ends");
        let label = left.trim_end_matches(['=', '~', '!']);
        found.push(Matcher {
            label: label.trim().to_owned(),
            sign: left[label.len()..].to_owned(),
            value: value.to_owned(),
        });
        rest = after;
    }
}

#[test]
fn metrics_matchers_and_groups_are_seen() {
    let seen = uses(
        r#"topk(10, sum by (le, route) (rate(a_bucket{route!="/x{id}", s=~"5..|done"}[$__rate_interval]))) / max(b offset 6h) > 2.5 or vector(0)"#,
    );
    assert_eq!(seen.grouped, ["le", "route"]);
    let names: Vec<_> = seen.metrics.iter().map(|metric| metric.name.as_str()).collect();
    assert_eq!(names, ["a_bucket", "b"]);
    let matchers = &seen.metrics[0].matchers;
    assert_eq!((matchers[0].label.as_str(), matchers[0].value.as_str()), ("route", "/x{id}"));
    assert_eq!(matchers[0].plain_values().count(), 0);
    assert_eq!(matchers[1].plain_values().collect::<Vec<_>>(), ["done"]);
}
