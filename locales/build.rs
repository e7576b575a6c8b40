//! Generates one method of `Tr` per Fluent message, so that a message that is missing in one language,
//! differs in its variables, or is called with the wrong ones, stops the build.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use fluent_syntax::{ast, parser};

type Messages = BTreeMap<String, BTreeSet<String>>;

/// Reads every `<language>/<room>.ftl` under `locales` and writes the Rust source to `out`.
pub fn generate(locales: &Path, out: &Path) {
    println!("cargo::rerun-if-changed=locales");
    let (fa, fa_text) = read_language(&locales.join("fa"));
    let (en, en_text) = read_language(&locales.join("en"));
    for (id, variables) in &fa {
        match en.get(id) {
            None => panic!("locales/en has no message `{id}`"),
            Some(other) if other != variables => {
                panic!("message `{id}` has the variables {variables:?} in fa, {other:?} in en")
            }
            Some(_) => {}
        }
    }
    if let Some(id) = en.keys().find(|id| !fa.contains_key(*id)) {
        panic!("locales/fa has no message `{id}`");
    }

    let mut code = String::new();
    writeln!(code, "pub(super) const FA: &str = {fa_text:?};\npub(super) const EN: &str = {en_text:?};")
        .expect("write");
    writeln!(code, "#[allow(clippy::too_many_arguments, missing_docs)]\nimpl super::Tr {{").expect("write");
    for (id, variables) in &fa {
        let method = id.replace('-', "_");
        let mut parameters = String::new();
        let mut arguments = String::new();
        for variable in variables {
            let name = variable.replace('-', "_");
            write!(parameters, ", {name}: impl std::fmt::Display").expect("write");
            write!(arguments, "({variable:?}, {name}.to_string()), ").expect("write");
        }
        writeln!(
            code,
            "    pub fn {method}(&self{parameters}) -> String {{ self.message({id:?}, &[{arguments}]) }}"
        )
        .expect("write");
    }
    writeln!(code, "}}").expect("write");
    fs::write(out, code).expect("write the generated messages");
}

fn read_language(folder: &Path) -> (Messages, String) {
    let mut messages = Messages::new();
    let mut all = String::new();
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("read locales").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "ftl")) {
        let text = fs::read_to_string(file).expect("read messages");
        let resource = parser::parse(text.as_str())
            .unwrap_or_else(|(_, errors)| panic!("{}: {errors:?}", file.display()));
        for entry in &resource.body {
            let ast::Entry::Message(message) = entry else { continue };
            let mut variables = BTreeSet::new();
            if let Some(pattern) = &message.value {
                collect_pattern(pattern, &mut variables);
            }
            let id = message.id.name.to_string();
            if messages.insert(id.clone(), variables).is_some() {
                panic!("{}: message `{id}` stands twice", file.display());
            }
        }
        all.push_str(&text);
        all.push('\n');
    }
    (messages, all)
}

fn collect_pattern(pattern: &ast::Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        if let ast::PatternElement::Placeable { expression } = element {
            collect_expression(expression, variables);
        }
    }
}

fn collect_expression(expression: &ast::Expression<&str>, variables: &mut BTreeSet<String>) {
    match expression {
        ast::Expression::Inline(inline) => collect_inline(inline, variables),
        ast::Expression::Select { selector, variants } => {
            collect_inline(selector, variables);
            for variant in variants {
                collect_pattern(&variant.value, variables);
            }
        }
    }
}

fn collect_inline(inline: &ast::InlineExpression<&str>, variables: &mut BTreeSet<String>) {
    match inline {
        ast::InlineExpression::VariableReference { id } => {
            variables.insert(id.name.to_string());
        }
        ast::InlineExpression::Placeable { expression } => collect_expression(expression, variables),
        _ => {}
    }
}
