//! The style sheet: ironframe's rules, filled and mended so that they are Tailwind's; without the space that only people need.

use std::fs;

use crate::{mend, order, registered, scan::Classes, slots::Slots};

/// The style sheet of these classes, after `base`, which holds the theme and the rules that no utility says.
pub fn generate(base: &str, classes: &Classes) -> Result<String, String> {
    let mut slots = Slots::default();
    let asked: Vec<String> = classes.all().map(|class| slots.ask(class)).collect();
    let css = slots.fill(&mend::selectors(&written(base, &asked)?));
    Ok(registered::only_used(&order::reorder(&css)))
}

/// Has ironframe write the rules. It reads and writes files only.
fn written(base: &str, classes: &[String]) -> Result<String, String> {
    let folder = std::env::temp_dir().join(format!("slipway-style-{}", std::process::id()));
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(told)?;
    let mut input = base.to_owned();
    for class in classes {
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
    made
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
