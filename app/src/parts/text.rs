//! Text that came from outside, made safe to look at: a terminal's escape codes are taken out, and characters that would move,
//! hide or turn around what stands beside them are made visible.
//!
//! HTML needs nothing here: the pages only ever set text, so `<b>` is shown as `<b>`.

/// A line of a log as it would look in a terminal, without colours.
///
/// Carriage returns do what they do there: what follows overwrites the line, so that a progress bar shows its last state.
pub fn plain(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.rsplit('\r').find(|part| !part.trim().is_empty()).unwrap_or(line);
    if !line.contains(needs_care) {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\t' => out.push('\t'),
            '\u{9b}' => skip_until_final(&mut rest),
            c if c.is_ascii_control() => out.push(picture(c)),
            c if needs_care(c) => out.push_str(&format!("‹U+{:04X}›", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// Controls, and the characters with which a text can pretend to be another (bidirectional controls, zero widths).
fn needs_care(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The picture that Unicode has for a control character, such as `␀`.
fn picture(c: char) -> char {
    match u32::from(c) {
        127 => '␡',
        code => char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'),
    }
}

fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_until_final(rest);
        }
        // An operating-system command (window titles, links) ends with BEL or ESC \.
        Some(']') => {
            while let Some(c) = rest.next() {
                if c == '\u{7}' {
                    break;
                }
                if c == '\u{1b}' && rest.next_if_eq(&'\\').is_some() {
                    break;
                }
            }
        }
        Some(_) => {
            rest.next();
        }
        None => {}
    }
}

/// The rest of a control sequence: parameters, then one final byte.
fn skip_until_final(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    for c in rest.by_ref() {
        if ('\u{40}'..='\u{7e}').contains(&c) {
            break;
        }
    }
}

/// At most so many characters of a text, and how many were left out.
pub fn cut(text: &str, most: usize) -> (&str, usize) {
    match text.char_indices().nth(most) {
        None => (text, 0),
        Some((at, _)) => (&text[..at], text[at..].chars().count()),
    }
}

/// A sentence with its first letter large.
pub fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_titles_are_taken_out() {
        assert_eq!(plain("\u{1b}[1;31merror\u{1b}[0m: no"), "error: no");
        assert_eq!(plain("\u{1b}]0;title\u{7}text"), "text");
        assert_eq!(plain("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(plain("cut off \u{1b}["), "cut off ");
    }

    #[test]
    fn a_progress_bar_shows_its_last_state() {
        assert_eq!(plain("10%\r50%\r100%\r\n"), "100%");
    }

    #[test]
    fn controls_are_shown_and_cannot_turn_the_line_around() {
        assert_eq!(plain("a\0b\u{7f}"), "a␀b␡");
        assert_eq!(plain("safe\u{202e}exe"), "safe‹U+202E›exe");
        assert_eq!(plain("<b>&amp;</b>\tfür"), "<b>&amp;</b>\tfür");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!(cut("äöü", 2), ("äö", 1));
        assert_eq!(cut("abc", 3), ("abc", 0));
    }
}
