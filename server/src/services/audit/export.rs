//! The log's rows as text, some thousand at a time, however long it is.
//!
//! Each row is as it is hashed, with its own hash and that of the row before, so that who has the whole of it can recompute the
//! chain without Slipway.

use std::fmt::Write;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use slipway_domain::{audit::ExportFormat, refusal::Refusal};

use crate::store::{
    Error, Store,
    audit::entries::{self, BareRow, Filter},
};

/// The heads of the table's columns.
const HEAD: &str = "seq,at,request,person,action,subject,before,after,phase,intent_seq,result,team,previous,hash\r\n";

/// Where an export stands.
#[derive(Debug)]
pub struct Export {
    store: Store,
    filter: Filter,
    format: ExportFormat,
    after: i64,
    until: i64,
    /// What was read before it began, so that a refusal comes before the first byte.
    ready: Option<Vec<BareRow>>,
}

impl Export {
    /// Reads the first rows. What is written to the log from now on is no part of it.
    ///
    /// # Errors
    /// What the database refused.
    pub async fn begin(store: &Store, filter: Filter, format: ExportFormat) -> Result<Self, Error> {
        let until = entries::newest(store).await?;
        let ready = entries::rows(store, &filter, 0, until).await?;
        Ok(Self { store: store.clone(), filter, format, after: 0, until, ready: Some(ready) })
    }

    /// The text, piece by piece.
    pub fn into_stream(self) -> BoxStream<'static, Result<String, Refusal>> {
        let head = if self.format == ExportFormat::Csv { HEAD } else { "" };
        let rows = stream::try_unfold(self, |mut export| async move {
            let text = export.next().await?;
            Ok::<_, Refusal>(text.map(|text| (text, export)))
        });
        stream::once(async move { Ok(head.to_owned()) }).chain(rows).boxed()
    }

    async fn next(&mut self) -> Result<Option<String>, Error> {
        let rows = match self.ready.take() {
            Some(rows) => rows,
            None => entries::rows(&self.store, &self.filter, self.after, self.until).await?,
        };
        let Some(last) = rows.last() else { return Ok(None) };
        self.after = last.seq;
        let mut out = String::new();
        for row in &rows {
            match self.format {
                ExportFormat::Csv => csv(&mut out, row),
                ExportFormat::Jsonl => {
                    out += &serde_json::to_string(row).map_err(Error::unexpected)?;
                    out.push('\n');
                }
            }
        }
        Ok(Some(out))
    }
}

/// A row as RFC 4180 writes it.
fn csv(out: &mut String, row: &BareRow) {
    write!(out, "{},{}", row.seq, row.at).expect("writing to a string");
    let number = row.intent_seq.map(|seq| seq.to_string());
    let cells = [
        Some(&row.request),
        Some(&row.person),
        Some(&row.action),
        Some(&row.subject),
        row.before.as_ref(),
        row.after.as_ref(),
        Some(&row.phase),
        number.as_ref(),
        row.result.as_ref(),
        row.team.as_ref(),
        Some(&row.previous),
        Some(&row.hash),
    ];
    for cell in cells {
        out.push(',');
        cell_into(out, cell.map_or("", String::as_str));
    }
    out.push_str("\r\n");
}

/// A cell. What a spreadsheet would compute is kept from it by an apostrophe: whoever is refused chooses some of these texts.
fn cell_into(out: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    if is_formula || text.contains(['"', ',', '\n', '\r']) {
        write!(out, "\"{guard}{}\"", text.replace('"', "\"\"")).expect("writing to a string");
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_read_back_as_it_was_and_computes_nothing() {
        for (text, cell) in [
            ("mina", "mina"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-1", "\"'-1\""),
        ] {
            let mut out = String::new();
            cell_into(&mut out, text);
            assert_eq!(out, cell, "{text:?}");
        }
    }
}
