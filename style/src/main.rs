//! `style -i style/app.css -o OUT.css SOURCES…`: turns the class names in Rust sources into one style sheet.
//!
//! With `--list` it says which of the words in the sources are classes. How it is done: [`style`].

use std::{fs, path::PathBuf, process::ExitCode};

use style::{check, scan, sheet};

fn main() -> ExitCode {
    match run() {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let (mut input, mut output, mut sources) = (None, None, Vec::new());
    let mut list = false;
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-i" => input = args.next().map(PathBuf::from),
            "-o" => output = args.next().map(PathBuf::from),
            "--list" => list = true,
            _ => sources.push(PathBuf::from(arg)),
        }
    }
    let (Some(input), Some(output), false) = (input, output, sources.is_empty()) else {
        return Err("usage: style -i INPUT.css -o OUTPUT.css [--list] SOURCES…".to_owned());
    };
    let classes = scan::folders(&sources)?;
    let base = fs::read_to_string(&input).map_err(|error| format!("{}: {error}", input.display()))?;
    let css = sheet::generate(&base, &classes)?;
    check::every_class_has_a_rule(&css, &classes)?;
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let css = sheet::compact(&css);
    fs::write(&output, &css).map_err(|error| format!("{}: {error}", output.display()))?;
    if list {
        return Ok(classes.all().filter(|class| check::has_rule(&css, class)).collect::<Vec<_>>().join("\n"));
    }
    Ok(format!("{} classes, {} bytes in {}", classes.all().count(), css.len(), output.display()))
}
