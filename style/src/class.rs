//! A class name as Tailwind reads it: variants, then a utility; and as CSS writes it: with escapes.

/// The variants of a class, which stand before colons outside brackets, and its utility: `md:hover:p-4` is (`md`, `hover`) and `p-4`.
pub fn split(class: &str) -> (Vec<&str>, &str) {
    let (mut depth, mut from, mut variants) = (0_i32, 0, Vec::new());
    for (index, c) in class.char_indices() {
        match c {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            ':' if depth == 0 => {
                variants.push(&class[from..index]);
                from = index + 1;
            }
            _ => {}
        }
    }
    (variants, &class[from..])
}

/// The utility of a class, without its variants.
pub fn utility(class: &str) -> &str {
    split(class).1
}

/// A class as CSS wants it in a selector.
pub fn escape(class: &str) -> String {
    let mut out = String::new();
    for (index, c) in class.chars().enumerate() {
        match c {
            digit if digit.is_ascii_digit() && (index == 0 || (index == 1 && class.starts_with('-'))) => {
                out.push_str(&format!("\\{:x} ", u32::from(digit)));
            }
            c if c.is_alphanumeric() || "-_".contains(c) => out.push(c),
            c => {
                out.push('\\');
                out.push(c);
            }
        }
    }
    out
}

/// The first class of a selector, without its escapes; empty where there is none.
pub fn first_of(selector: &str) -> String {
    let mut class = String::new();
    let mut rest = selector.trim_start().strip_prefix('.').unwrap_or("").chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            if !(c.is_alphanumeric() || "-_".contains(c)) {
                break;
            }
            class.push(c);
            continue;
        }
        let mut hex = String::new();
        while let Some(digit) = rest.peek().filter(|c| c.is_ascii_hexdigit() && (!hex.is_empty() || c.is_ascii_digit())) {
            hex.push(*digit);
            rest.next();
        }
        if hex.is_empty() {
            class.extend(rest.next());
        } else {
            rest.next_if_eq(&' ');
            class.extend(u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32));
        }
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_in_brackets_belong_to_the_utility() {
        assert_eq!(split("md:data-[a:b]:[color:red]"), (vec!["md", "data-[a:b]"], "[color:red]"));
        assert_eq!(split("p-4"), (vec![], "p-4"));
    }

    #[test]
    fn a_class_is_the_same_after_its_selector() {
        for class in ["p-1.5", "-mt-2", "2xl:p-2", "md:w-[37px]", "bg-black/50", "grid-cols-[minmax(0,1fr)_auto]"] {
            assert_eq!(first_of(&format!(".{} {{", escape(class))), class);
        }
    }
}
