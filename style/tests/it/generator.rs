//! The program as the build uses it.

use std::{fs, path::Path, process::Command};

const BASE: &str = "@import \"tailwindcss\" source(none);\n@theme {\n  --color-ink: #14181f;\n}\n";

/// What the program says of one source file, and the style sheet it made.
fn built(source: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (base, out, sources) = (folder.path().join("base.css"), folder.path().join("out.css"), folder.path().join("src"));
    fs::create_dir(&sources)
        .and_then(|()| fs::write(&base, BASE))
        .and_then(|()| fs::write(sources.join("page.rs"), source))
        .expect("files");
    let mut style = Command::new(env!("CARGO_BIN_EXE_style"));
    let output = style.arg("-i").arg(base).arg("-o").arg(&out).arg(sources).output().expect("the program starts");
    if output.status.success() {
        Ok(fs::read_to_string(out).expect("a style sheet"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_class_that_is_none_fails_the_build_with_its_place() {
    let error = built("fn page() {\n    view! { <p class=\"flex flexx\">\"words\"</p> }\n}\n").expect_err("there is no such class");
    assert!(error.contains("page.rs:2: unknown class `flexx`") && !error.contains("`flex`"), "{error}");
}

#[test]
fn a_colour_that_is_not_in_the_theme_fails_the_build() {
    let error = built("fn page() {\n    view! { <p class=\"text-ink text-whyte\"/> }\n}\n").expect_err("there is no such colour");
    assert!(error.contains("page.rs:2: unknown class `text-whyte`"), "{error}");
}

#[test]
fn a_utility_taken_from_tailwind_rs_has_its_variants_from_ironframe() {
    let css = built("fn page() {\n    view! { <p class=\"md:hover:flex hover:text-ink\"/> }\n}\n").expect("a style sheet");
    assert!(css.contains(r".md\:hover\:flex{@media (width >= 48rem){&:hover{@media (hover: hover){display: flex}}}}"), "{css}");
    assert!(css.contains(r".hover\:text-ink{&:hover{@media (hover: hover){color: var(--color-ink)}}}"), "{css}");
}

#[test]
fn nothing_that_makes_the_style_sheet_is_in_the_product() {
    let lock = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock")).expect("the lock file");
    for (library, users) in [("ironframe", vec!["style"]), ("tailwind-rs-core", vec!["style"]), ("style", vec![])] {
        let needs = format!("\n \"{library}\",\n");
        let found: Vec<&str> =
            lock.split("[[package]]").filter(|package| package.contains(&needs)).filter_map(|package| package.split('"').nth(1)).collect();
        assert_eq!(found, users, "who needs {library}");
    }
}
