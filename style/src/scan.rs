//! String literals of Rust sources, read as tokens, so that those inside `view!` are found and comments are not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    str::FromStr as _,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The words found.
#[derive(Debug, Default)]
pub struct Classes {
    /// Words where a class must stand, with the file and line of the first.
    certain: BTreeMap<String, String>,
    /// Words of every other literal: some are classes.
    possible: BTreeSet<String>,
}

impl Classes {
    /// Every word that may be a class.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let words: BTreeSet<&str> = self.certain.keys().chain(&self.possible).map(String::as_str).collect();
        words.into_iter().filter(|word| !is_marker(word) && !word.contains(['"', '\\', '<', '>', '`']))
    }

    /// Words that must have a rule, with where they stand.
    pub fn certain(&self) -> impl Iterator<Item = (&str, &str)> {
        self.certain.iter().map(|(class, at)| (class.as_str(), at.as_str())).filter(|(class, _)| !is_marker(class))
    }
}

/// Classes that only other classes refer to.
fn is_marker(class: &str) -> bool {
    matches!(class, "group" | "peer") || class.starts_with("group/") || class.starts_with("peer/")
}

/// Reads every `.rs` file below the folders, in the order of their names.
pub fn folders(folders: &[PathBuf]) -> Result<Classes, String> {
    let mut classes = Classes::default();
    for folder in folders {
        visit(folder, &mut classes)?;
    }
    Ok(classes)
}

fn visit(folder: &Path, classes: &mut Classes) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).map_err(told)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            visit(&path, classes)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).map_err(told)?;
            let tokens = TokenStream::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            walk(tokens, &path.display().to_string(), classes, false);
        }
    }
    Ok(())
}

fn walk(tokens: TokenStream, file: &str, classes: &mut Classes, in_class: bool) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < tokens.len() {
        // Doc comments are attributes by now.
        let attribute = matches!(tokens.get(index + 1), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket);
        if is_punct(tokens.get(index), '#') && attribute {
            index += 2;
            continue;
        }
        let after_class = index >= 2 && is_punct(tokens.get(index - 1), '=') && is_ident(tokens.get(index - 2), "class");
        match &tokens[index] {
            // `class=("one two", condition)`: the first of the pair is a class; what the condition holds may be anything.
            TokenTree::Group(group) if after_class && group.delimiter() == Delimiter::Parenthesis => {
                let mut inner = group.stream().into_iter();
                if let Some(first) = inner.next() {
                    literal(&first, file, classes, true);
                }
                walk(inner.collect(), file, classes, false);
            }
            TokenTree::Group(group) => walk(group.stream(), file, classes, false),
            token => literal(token, file, classes, in_class || after_class),
        }
        index += 1;
    }
}

fn literal(token: &TokenTree, file: &str, classes: &mut Classes, certain: bool) {
    let TokenTree::Literal(literal) = token else { return };
    let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { return };
    for word in text.value().split_whitespace().filter(|word| !word.contains(['{', '}'])) {
        if certain {
            let line = literal.span().start().line;
            classes.certain.entry(word.to_owned()).or_insert_with(|| format!("{file}:{line}"));
        } else {
            classes.possible.insert(word.to_owned());
        }
    }
}

fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_inside_view_and_comments_are_not() {
        let source = r#"
            /// class="nothing"
            const SHARED: &str = "maybe also";
            fn page() { view! { <p class="sure text-[13px]" class=("lit", move || x == "other")>"words"</p> } }
        "#;
        let mut classes = Classes::default();
        walk(TokenStream::from_str(source).expect("tokens"), "page.rs", &mut classes, false);
        assert_eq!(classes.certain.keys().collect::<Vec<_>>(), ["lit", "sure", "text-[13px]"]);
        assert_eq!(classes.certain["sure"], "page.rs:4");
        assert!(classes.possible.contains("maybe") && classes.possible.contains("other") && !classes.possible.contains("nothing"));
    }
}
