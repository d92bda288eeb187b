//! A step of work: said when it begins, timed when it ends, its output shown only when it fails.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::Instant,
};

/// Runs a step that is a closure.
#[expect(clippy::disallowed_methods, reason = "steps are timed for whoever waits")]
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    print!("  {what} … ");
    // A closed output only means that nobody reads.
    let _ = std::io::stdout().flush();
    let begun = Instant::now();
    let outcome = work();
    match &outcome {
        Ok(_) => println!("{:.1} s", begun.elapsed().as_secs_f64()),
        Err(_) => println!("failed"),
    }
    outcome
}

/// Runs a program; what it prints is part of the error when it fails.
pub fn quietly(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("{} ended with {}\n{}{}", shown(command), output.status, text(&output.stdout), text(&output.stderr)))
}

/// Runs a program that shows what it does.
pub fn openly(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", shown(command))) }
}

/// Runs a program that shows what it does, and gives its output as well.
pub fn watched(command: &mut Command) -> Result<(bool, String), String> {
    use std::io::{BufRead as _, BufReader};
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    let mut text = String::new();
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok) {
        println!("{line}");
        text.push_str(&line);
        text.push('\n');
    }
    let status = child.wait().map_err(|error| cannot_start(command, &error))?;
    Ok((status.success(), text))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("{} cannot be started: {error}", shown(command))
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}
