//! What is shown and how: strings from Fluent, styles that work in both directions, nothing inline or foreign.

use super::{Source, has_word, nothing_found, rust, sources, wrong_lines};

fn is_persian(c: char) -> bool {
    matches!(c, '\u{0621}'..='\u{063A}' | '\u{0641}'..='\u{064A}' | '\u{066E}'..='\u{06D3}' | '\u{06FA}'..='\u{06FF}')
}

#[test]
fn no_persian_stands_in_the_program() {
    // Letters as data: what is typed and normalised, and the words of numbers and dates.
    let data = ["src/persian", "src/money/words.rs", "src/demo/"];
    let findings = wrong_lines(&rust(), |source, line| {
        !data.iter().any(|path| source.path.starts_with(path)) && line.contains(is_persian)
    });
    nothing_found(&findings, "Make it a message in locales/fa and locales/en:");
}

/// Templates without comments.
fn templates() -> Vec<Source> {
    let without = |source: Source| Source { text: strip(&source.text, "{#", "#}"), path: source.path };
    sources("templates", ".html").into_iter().map(without).collect()
}

/// The text without what stands between the marks; new lines stay, so that lines keep their numbers.
fn strip(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, inside)) = rest.split_once(open) {
        let (inside, after) = inside.split_once(close).unwrap_or((inside, ""));
        kept.push_str(before);
        kept.extend(inside.chars().filter(|c| *c == '\n'));
        rest = after;
    }
    kept + rest
}

/// What a template writes itself: without expressions and statements.
fn literal(text: &str) -> String {
    strip(&strip(text, "{{", "}}"), "{%", "%}")
}

#[test]
fn every_visible_string_of_a_template_is_a_message() {
    // The names of the languages, and of a format, are the same in each.
    let names = ["فارسی", "English", "PDF"];
    let mut findings = Vec::new();
    for template in templates() {
        // A class for the body is given as a block; keys are what is printed on them.
        let text = strip(&template.text, "{% block body_class %}", "{% endblock %}");
        let literal = literal(&text);
        let mut visible = strip(&strip(&literal, "<kbd", "</kbd>"), "<", ">");
        for name in names {
            visible = visible.replace(name, "");
        }
        let visible = strip(&visible, "&", ";");
        // A macro may write attributes, outside of any tag.
        let is_text = |word: &str| word.contains(char::is_alphabetic) && !word.contains("=\"");
        let lines = (1..).zip(visible.lines());
        for (number, line) in lines.filter(|(_, line)| line.split_whitespace().any(is_text)) {
            findings.push(format!("{}:{number}: {}", template.path, line.trim()));
        }
        for name in ["title", "alt", "placeholder", "aria-label", "label"] {
            for (at, attribute) in literal.match_indices(&format!(" {name}=\"")) {
                let value = literal[at + attribute.len()..].split('"').next().unwrap();
                if value.contains(char::is_alphabetic) {
                    findings.push(format!("{}: {name}=\"{value}\"", template.path));
                }
            }
        }
    }
    nothing_found(&findings, "Make it a message in locales/fa and locales/en:");
}

#[test]
fn letters_between_tags_are_seen() {
    let visible = |text: &str| strip(&literal(text), "<", ">").trim().to_owned();
    assert_eq!(visible("<p class=\"{% if a > b %}x{% endif %}\">{{ t.x(\"y\") }}</p>"), "");
    assert_eq!(visible("<p>Hello {{ name }}</p>"), "Hello");
}

#[test]
fn every_message_is_used_somewhere() {
    let code: String = sources("src", ".rs")
        .into_iter()
        .chain(sources("templates", ".html"))
        .map(|source| source.text)
        .collect();
    let mut findings = Vec::new();
    for file in sources("locales/fa", ".ftl") {
        for (number, line) in file.lines() {
            let Some((id, _)) = line
                .split_once(" =")
                .filter(|(id, _)| id.starts_with(|c: char| c.is_ascii_lowercase()) && !id.contains(' '))
            else {
                continue;
            };
            let method = id.replace('-', "_");
            // The macro of the banks makes the calls of theirs.
            let named = id.starts_with("bank-") && has_word(&code, &method);
            if !named && !code.contains(&format!(".{method}(")) && !code.contains(&format!("Tr::{method}")) {
                findings.push(format!("{}:{number}: {id}", file.path));
            }
        }
    }
    nothing_found(&findings, "Show them or remove them from both languages:");
}

#[test]
fn templates_carry_no_inline_style_or_script() {
    let mut findings = Vec::new();
    for template in templates() {
        let literal = literal(&template.text);
        for (number, line) in (1..).zip(literal.lines()) {
            let event = line.split(" on").skip(1).any(|rest| {
                let name = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap();
                !name.is_empty() && rest[name.len()..].starts_with('=')
            });
            let script = line.contains("<script") && !line.contains("<script src=");
            if event
                || script
                || line.contains(" style=")
                || line.contains("<style")
                || line.contains("hx-on")
            {
                findings.push(format!("{}:{number}: {}", template.path, line.trim()));
            }
        }
    }
    nothing_found(&findings, "The content security policy forbids it; use a class and a data attribute:");
}

#[test]
fn styles_know_no_left_and_right() {
    let styles: Vec<Source> = sources("assets/css", ".css")
        .into_iter()
        .map(|source| Source { text: strip(&source.text, "/*", "*/"), path: source.path })
        .collect();
    let physical = |line: &str| {
        let sides = ["left", "right"];
        let properties = ["margin", "padding", "border", "scroll-margin", "scroll-padding"];
        let declarations = line.split(['{', ';', '}']).filter_map(|part| part.split_once(':'));
        declarations.into_iter().any(|(name, value)| {
            let name = name.trim();
            sides.contains(&name)
                || properties.iter().any(|property| {
                    name.strip_prefix(property)
                        .is_some_and(|rest| rest.starts_with("-left") || rest.starts_with("-right"))
                })
                || name == "direction"
                || (["text-align", "float", "clear", "justify-content"].contains(&name)
                    && sides.iter().any(|side| has_word(value, side)))
        })
    };
    assert!(physical("a { margin-left: 1px }") && physical("text-align: right;") && physical("  left: 0;"));
    assert!(!physical("margin-inline-start: 1px; inset-inline-end: 0; text-align: start"));
    let findings = wrong_lines(&styles, |_, line| physical(line));
    nothing_found(
        &findings,
        "Pages are read from both sides: margin-inline-start, inset-inline-end, text-align: start:",
    );
    let findings = wrong_lines(&styles, |_, line| line.contains("!important"));
    nothing_found(&findings, "Put it in a later layer instead:");
}

#[test]
fn nothing_is_fetched_from_another_host() {
    let ours = [sources("templates", ".html"), sources("assets/css", ".css"), sources("assets/js", ".js")];
    let findings: Vec<String> = ours
        .iter()
        .flat_map(|sources| {
            wrong_lines(sources, |source, line| {
                // Comments and the names of XML namespaces fetch nothing; htmx is as its authors publish it.
                let line = line.replace("http://www.w3.org/", "");
                let code = line.trim_start();
                !source.path.contains("htmx")
                    && !code.starts_with("//")
                    && !code.starts_with("/*")
                    && (line.contains("http://")
                        || line.contains("https://")
                        || line.contains("\"//")
                        || line.contains("url(//"))
            })
        })
        .collect();
    nothing_found(&findings, "Serve it from assets/: many readers reach no foreign host:");
}

#[test]
fn no_address_title_or_file_says_vpn() {
    let mut findings = Vec::new();
    for folder in ["src", "templates", "locales", "assets", "migrations"] {
        for source in sources(folder, "") {
            if source.path.to_lowercase().contains("vpn") {
                findings.push(source.path.clone());
            }
            findings.extend(wrong_lines(std::slice::from_ref(&source), |source, line| {
                let shown = source.path.starts_with("locales") || source.path.starts_with("templates");
                let routed = line.contains(".route(\"");
                (shown || routed) && line.to_lowercase().contains("vpn")
            }));
        }
    }
    nothing_found(&findings, "Say account or subscription:");
}
