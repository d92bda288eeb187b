//! Tailwind's classes, found in Rust sources and turned into one style sheet without Node. Build time only; nothing of it is in
//! the product.
//!
//! [`scan`] collects string literals. For each that is a class, [`sheet`] has ironframe write the rule; the declarations are
//! tailwind-rs-core's where they are known to be right ([`tailwind_rs`]), ours where neither library says them as Tailwind does
//! ([`mend`]), ironframe's else ([`slots`] says how). [`order`] brings the rules into Tailwind's order, [`registered`] registers
//! the variables in use. [`check`] fails, with file and line, on a class that has no rule: a typo is an error here and a page
//! that looks wrong elsewhere. That the outcome is Tailwind's, rule by rule, is tested against its own program.

pub mod check;
pub mod class;
pub mod mend;
pub mod order;
pub mod registered;
pub mod scan;
pub mod sheet;
pub mod slots;
pub mod tailwind_rs;
