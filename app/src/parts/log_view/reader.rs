//! What a log view knows: which pieces it has, which it waits for, what is drawn, what was searched.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc};

use leptos::{html, prelude::*};
use slipway_domain::run::view::{LogLine, LogPage, LogQuery};

use super::window::{PIECE, Window, pieces};

/// Fetches lines; fails with the sentence to show.
pub type Load = Arc<dyn Fn(LogQuery) -> Pin<Box<dyn Future<Output = Result<LogPage, String>> + Send>> + Send + Sync>;

/// Pieces kept; the farthest are let go.
const KEPT: usize = 40;

/// Matches fetched at once.
const MATCHES: u32 = 500;

/// A line on the screen: its number, and its text once it is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The line's number, from 0.
    pub number: u64,
    /// The line, once fetched.
    pub line: Option<LogLine>,
}

/// What was searched and found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Search {
    /// What was searched for.
    pub needle: String,
    /// How many lines match; counting stops at 10,000.
    pub matches: u64,
    /// Numbers of the matching lines fetched so far.
    pub hits: Vec<u64>,
    /// Which of them is looked at.
    pub at: usize,
}

/// A log being read. Copied into every closure; what it holds lives as long as the view.
#[derive(Clone, Copy)]
pub struct Reader {
    load: StoredValue<Load>,
    base: StoredValue<LogQuery>,
    pieces: StoredValue<BTreeMap<u64, Vec<LogLine>>>,
    /// Pieces asked for, each with how many lines it could have then, so that a hole in a log is not asked for for ever.
    asked: StoredValue<BTreeMap<u64, u64>>,
    /// Lines there are.
    pub lines: RwSignal<u64>,
    /// Lines on the screen.
    pub shown: RwSignal<Vec<Shown>>,
    /// Whether new lines are followed.
    pub following: RwSignal<bool>,
    /// Whether long lines are broken.
    pub wrap: RwSignal<bool>,
    /// What was searched.
    pub search: RwSignal<Option<Search>>,
    /// Why something could not be fetched.
    pub problem: RwSignal<Option<String>>,
    /// The element that scrolls.
    pub scroller: NodeRef<html::Div>,
    /// The element that is as high as the log.
    pub spacer: NodeRef<html::Div>,
    /// The element that holds the drawn lines.
    pub drawn: NodeRef<html::Div>,
}

impl Reader {
    /// A reader that begins with what the server has answered.
    pub fn new(load: Load, base: LogQuery, page: &LogPage, wrap: bool, following: bool) -> Self {
        let known = page.stream.and_then(|index| page.streams.get(index)).map_or(0, |stream| stream.lines);
        let lines = known.max(page.lines.last().map_or(0, |line| line.number + 1));
        let reader = Self {
            load: StoredValue::new(load),
            base: StoredValue::new(base),
            pieces: StoredValue::new(BTreeMap::new()),
            asked: StoredValue::new(BTreeMap::new()),
            lines: RwSignal::new(lines),
            shown: RwSignal::new(page.lines.iter().map(|line| Shown { number: line.number, line: Some(line.clone()) }).collect()),
            following: RwSignal::new(following),
            wrap: RwSignal::new(wrap),
            search: RwSignal::new(None),
            problem: RwSignal::new(None),
            scroller: NodeRef::new(),
            spacer: NodeRef::new(),
            drawn: NodeRef::new(),
        };
        reader.keep(&page.lines);
        reader
    }

    fn keep(self, lines: &[LogLine]) {
        self.pieces.update_value(|pieces| {
            for line in lines {
                let piece = pieces.entry(line.number / PIECE).or_default();
                if let Err(at) = piece.binary_search_by_key(&line.number, |line| line.number) {
                    piece.insert(at, line.clone());
                }
            }
        });
    }

    fn line(self, number: u64) -> Option<LogLine> {
        self.pieces.with_value(|pieces| {
            let piece = pieces.get(&(number / PIECE))?;
            let at = piece.binary_search_by_key(&number, |line| line.number).ok()?;
            piece.get(at).cloned()
        })
    }

    fn window(self) -> Option<(Window, f64)> {
        let scroller = self.scroller.get_untracked()?;
        let window = Window { lines: self.lines.get_untracked(), height: f64::from(scroller.client_height()) };
        Some((window, f64::from(scroller.scroll_top())))
    }

    /// Draws what is in view, and fetches what of it is not there.
    pub fn draw(self) {
        let (Some((window, scrolled)), Some(spacer), Some(drawn)) =
            (self.window(), self.spacer.get_untracked(), self.drawn.get_untracked())
        else {
            return;
        };
        set_style(&spacer, "height", &format!("{}px", window.total()));
        let (from, until) = window.drawn(scrolled);
        set_style(&drawn, "position", "absolute");
        set_style(&drawn, "transform", &format!("translateY({}px)", window.offset(scrolled)));
        let shown: Vec<Shown> = (from..until).map(|number| Shown { number, line: self.line(number) }).collect();
        if self.shown.with_untracked(|before| *before != shown) {
            self.shown.set(shown);
        }
        self.fetch(from, until);
    }

    fn fetch(self, from: u64, until: u64) {
        let lines = self.lines.get_untracked();
        for piece in pieces(from, until) {
            let wanted = PIECE.min(lines.saturating_sub(piece * PIECE));
            let have = self.pieces.with_value(|pieces| pieces.get(&piece).map_or(0, |lines| lines.len() as u64));
            let asked = self.asked.with_value(|asked| asked.get(&piece).copied().unwrap_or(0));
            if have >= wanted || asked >= wanted {
                continue;
            }
            self.asked.update_value(|asked| {
                asked.insert(piece, wanted);
            });
            let query = LogQuery { from: Some(piece * PIECE), count: u32::try_from(PIECE).unwrap_or(u32::MAX), ..self.base.get_value() };
            let answer = self.load.get_value()(query);
            leptos::task::spawn_local(async move {
                let answer = answer.await;
                if self.asked.try_get_value().is_none() {
                    return;
                }
                match answer {
                    Ok(page) => {
                        self.problem.set(None);
                        self.keep(&page.lines);
                        self.forget_far(piece);
                        if !page.lines.is_empty() {
                            self.draw();
                        }
                    }
                    Err(sentence) => {
                        self.asked.update_value(|asked| {
                            asked.remove(&piece);
                        });
                        self.problem.set(Some(sentence));
                    }
                }
            });
        }
    }

    fn forget_far(self, from: u64) {
        self.pieces.update_value(|pieces| {
            while pieces.len() > KEPT {
                let farthest = pieces.keys().copied().max_by_key(|piece| piece.abs_diff(from));
                if let Some(farthest) = farthest {
                    pieces.remove(&farthest);
                    self.asked.update_value(|asked| {
                        asked.remove(&farthest);
                    });
                }
            }
        });
    }

    /// The log has grown.
    pub fn grow(self, lines: u64) {
        if lines > self.lines.get_untracked() {
            self.lines.set(lines);
            self.draw();
            if self.following.get_untracked() {
                self.to_end();
            }
        }
    }

    /// Goes to the newest line and follows from there.
    pub fn to_end(self) {
        if let Some(scroller) = self.scroller.get_untracked() {
            scroller.set_scroll_top(scroller.scroll_height());
            self.draw();
        }
    }

    /// Goes to the first line.
    pub fn to_start(self) {
        self.following.set(false);
        if let Some(scroller) = self.scroller.get_untracked() {
            scroller.set_scroll_top(0);
            self.draw();
        }
    }

    /// Somebody scrolled.
    pub fn scrolled(self) {
        if let Some((window, scrolled)) = self.window() {
            let at_end = window.at_end(scrolled);
            if self.following.get_untracked() != at_end {
                self.following.set(at_end);
            }
        }
        self.draw();
    }

    /// Looks for a text; an empty one ends the search.
    pub fn look_for(self, needle: String) {
        if needle.is_empty() {
            self.search.set(None);
            return;
        }
        self.find(Search { needle, ..Search::default() }, 0);
    }

    fn find(self, search: Search, from: u64) {
        let query = LogQuery { from: Some(from), count: MATCHES, search: search.needle.clone(), ..self.base.get_value() };
        let answer = self.load.get_value()(query);
        leptos::task::spawn_local(async move {
            match answer.await {
                Ok(page) => {
                    let mut search = search;
                    let fresh = search.hits.len();
                    search.hits.extend(page.lines.iter().map(|line| line.number));
                    search.matches = search.matches.max(page.matches.unwrap_or(0)).max(search.hits.len() as u64);
                    search.at = if search.hits.len() > fresh { fresh } else { 0 };
                    self.keep(&page.lines);
                    let line = search.hits.get(search.at).copied();
                    self.search.set(Some(search));
                    if let Some(line) = line {
                        self.show(line);
                    }
                }
                Err(sentence) => self.problem.set(Some(sentence)),
            }
        });
    }

    /// To the match after this one, or before; round the end to the other.
    pub fn next(self, forward: bool) {
        let Some(mut search) = self.search.get_untracked() else { return };
        let Some(last) = search.hits.len().checked_sub(1) else { return };
        search.at = match (forward, search.at) {
            (true, at) if at < last => at + 1,
            (true, _) if search.matches > search.hits.len() as u64 => {
                let from = search.hits[last] + 1;
                return self.find(search, from);
            }
            (true, _) => 0,
            (false, 0) => last,
            (false, at) => at - 1,
        };
        let line = search.hits[search.at];
        self.search.set(Some(search));
        self.show(line);
    }

    fn show(self, line: u64) {
        self.following.set(false);
        if let (Some(scroller), Some((window, _))) = (self.scroller.get_untracked(), self.window()) {
            #[expect(clippy::cast_possible_truncation, reason = "at most the tallest element's pixels")]
            scroller.set_scroll_top(window.scroll_to(line) as i32);
            self.draw();
        }
    }

    /// The line that the search looks at.
    pub fn marked(self) -> Option<u64> {
        self.search.with(|search| search.as_ref().and_then(|search| search.hits.get(search.at).copied()))
    }
}

/// Sets a style through the object model, which a strict policy for style sheets allows, unlike an attribute.
#[cfg(feature = "hydrate")]
fn set_style(element: &web_sys::HtmlElement, name: &str, value: &str) {
    let _ = element.style().set_property(name, value);
}

#[cfg(not(feature = "hydrate"))]
fn set_style<T>(_element: &T, _name: &str, _value: &str) {}
