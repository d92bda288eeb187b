//! The condition of a list, put together word by word.

/// SQL that holds placeholders, numbers and words of ours only; what people typed is bound.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    /// What stands after `WHERE`.
    pub sql: String,
    /// What is bound to its placeholders, in their order.
    pub texts: Vec<String>,
}

impl Condition {
    /// Begins with words of ours.
    pub fn new(sql: &str) -> Self {
        Self { sql: sql.to_owned(), texts: Vec::new() }
    }

    /// The column is one of these; where there are none, nothing is found.
    pub fn any_of(&mut self, column: &str, texts: Vec<String>) {
        if texts.is_empty() {
            self.sql.push_str(" AND 1 = 0");
            return;
        }
        let first = self.texts.len() + 1;
        self.texts.extend(texts);
        let placeholders: Vec<_> = (first..=self.texts.len()).map(|number| format!("${number}")).collect();
        self.sql += &format!(" AND {column} IN ({})", placeholders.join(", "));
    }

    /// The column contains this, in capitals or not. SQLite's `LIKE` ignores case and PostgreSQL's does not: both are asked for
    /// lower case.
    pub fn like(&mut self, column: &str, part: &str) {
        self.texts.push(format!("%{}%", escape(&part.to_lowercase())));
        self.sql += &format!(" AND LOWER({column}) LIKE ${} ESCAPE '\\'", self.texts.len());
    }
}

/// A text that `LIKE` takes as it stands.
pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
