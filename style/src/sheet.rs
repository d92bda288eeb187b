//! The style sheet: ironframe's, mended where it differs from Tailwind, without the space that only people need.

use std::fs;

use crate::scan::Classes;

/// Has ironframe write the rules. It reads and writes files only.
pub fn generate(base: &str, classes: &Classes) -> Result<String, String> {
    let folder = std::env::temp_dir().join(format!("slipway-style-{}", std::process::id()));
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(told)?;
    let mut input = base.to_owned();
    for class in classes.all() {
        input.push_str("\n@source inline(\"");
        input.push_str(class);
        input.push_str("\");");
    }
    let (css, empty, out) = (folder.join("in.css"), folder.join("empty.txt"), folder.join("out.css"));
    fs::write(&css, input).and_then(|()| fs::write(&empty, "")).map_err(told)?;
    let text = |path: &std::path::Path| path.display().to_string();
    let built = ironframe::run(ironframe::Command::Build {
        inputs: vec![text(&empty)],
        out: Some(text(&out)),
        input_css: Some(text(&css)),
        compare_css: None,
        minify: false,
        config: None,
        ignore: Vec::new(),
    });
    let made = built.map_err(|error| error.message).and_then(|()| fs::read_to_string(&out).map_err(told));
    fs::remove_dir_all(&folder).map_err(told)?;
    Ok(escape_digits(&made?))
}

/// ironframe 1.0.0 leaves a leading digit as it is (`.2xl\:p-4`), which is no selector.
fn escape_digits(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    for line in css.lines() {
        let rule = line.trim_start();
        let indent = &line[..line.len() - rule.len()];
        let digit = rule.strip_prefix('.').and_then(|rest| rest.chars().next()).filter(char::is_ascii_digit);
        match digit {
            Some(digit) if rule.ends_with('{') => {
                out.push_str(&format!("{indent}.\\{:x} {}\n", u32::from(digit), &rule[2..]));
            }
            _ => {
                out.push_str(line);
                out.push('\n');
            }
        }
    }
    out
}

/// Leaves out comments, indents and line ends. Strings stay as they are.
pub fn compact(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut rest = css;
    while let Some(from) = rest.find("/*") {
        out.push_str(&rest[..from]);
        rest = rest[from..].find("*/").map_or("", |to| &rest[from + to + 2..]);
    }
    out.push_str(rest);
    let lines: Vec<&str> = out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n").replace(" {\n", "{").replace(";\n", ";").replace("}\n", "}").replace(",\n", ",").replace(";}", "}")
}
