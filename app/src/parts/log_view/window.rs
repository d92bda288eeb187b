//! The arithmetic of a log that is longer than anything a browser can lay out: which lines are in view, and where they lie.
//!
//! Every line is 18 pixels high. Browsers give up on elements higher than some 17 million pixels (Firefox: 17.8, Chromium:
//! 33.5), which is less than a million lines; beyond [`TALLEST`] the scroll bar's way stands for more lines than it has pixels.

/// The height of a line, in pixels.
pub const LINE: f64 = 18.0;

/// The tallest the scrolled element becomes, in pixels.
pub const TALLEST: f64 = 12_000_000.0;

/// Lines in a piece that is fetched at once.
pub const PIECE: u64 = 250;

/// Lines drawn above and below what is in view, so that scrolling finds them there.
const SPARE: u64 = 20;

/// A log in its scrolled element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Lines there are.
    pub lines: u64,
    /// The height of what can be seen, in pixels.
    pub height: f64,
}

#[expect(clippy::cast_precision_loss, reason = "a log of 2^53 lines cannot be kept")]
const fn float(lines: u64) -> f64 {
    lines as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rounded down on purpose, and not negative")]
const fn whole(value: f64) -> u64 {
    value as u64
}

impl Window {
    /// The height of the scrolled element, in pixels.
    pub fn total(self) -> f64 {
        (float(self.lines) * LINE).min(TALLEST)
    }

    /// Lines that fit into what can be seen, one that is cut off among them.
    pub fn seen(self) -> u64 {
        whole((self.height / LINE).ceil()).max(1)
    }

    /// The farthest that it can be scrolled, in pixels.
    pub fn farthest(self) -> f64 {
        (self.total() - self.height).max(0.0)
    }

    fn top(self, scrolled: f64) -> f64 {
        let last = (float(self.lines) - self.height / LINE).max(0.0);
        if self.farthest() <= 0.0 { 0.0 } else { (scrolled / self.farthest()).clamp(0.0, 1.0) * last }
    }

    /// The first line in view.
    pub fn first(self, scrolled: f64) -> u64 {
        whole(self.top(scrolled))
    }

    /// The lines to draw: from the first, up to but without the second.
    pub fn drawn(self, scrolled: f64) -> (u64, u64) {
        let first = self.first(scrolled);
        (first.saturating_sub(SPARE), (first + self.seen() + 1 + SPARE).min(self.lines))
    }

    /// Where the first drawn line lies, in pixels from the top of the scrolled element.
    pub fn offset(self, scrolled: f64) -> f64 {
        let scrolled = scrolled.clamp(0.0, self.farthest());
        scrolled - (self.top(scrolled) - float(self.drawn(scrolled).0)) * LINE
    }

    /// How far to scroll to have a line in the middle, in pixels.
    pub fn scroll_to(self, line: u64) -> f64 {
        let last = (float(self.lines) - self.height / LINE).max(1.0);
        let top = float(line) - self.height / LINE / 2.0;
        (top / last).clamp(0.0, 1.0) * self.farthest()
    }

    /// Whether the end is in view.
    pub fn at_end(self, scrolled: f64) -> bool {
        scrolled >= self.farthest() - LINE
    }
}

/// The pieces that hold these lines.
pub fn pieces(from: u64, until: u64) -> std::ops::Range<u64> {
    if from >= until { 0..0 } else { from / PIECE..until.div_ceil(PIECE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: Window = Window { lines: 1_000_000, height: 720.0 };
    const SHORT: Window = Window { lines: 10, height: 720.0 };
    const SOME: Window = Window { lines: 5_000, height: 720.0 };

    #[test]
    fn a_million_lines_fit_into_a_browser_and_every_one_can_be_reached() {
        assert!(MILLION.total() <= TALLEST);
        assert_eq!(MILLION.drawn(0.0).0, 0);
        assert_eq!(MILLION.drawn(MILLION.farthest()).1, 1_000_000);
        for line in [0, 1, 499_999, 777_777, 999_998, 999_999] {
            let scrolled = MILLION.scroll_to(line);
            let (from, until) = MILLION.drawn(scrolled);
            assert!((from..until).contains(&line), "{line} is not in {from}..{until}");
        }
    }

    #[test]
    fn few_nodes_are_drawn_however_many_lines_there_are() {
        for window in [MILLION, SOME, SHORT] {
            for share in [0.0, 0.3, 0.5, 1.0] {
                let (from, until) = window.drawn(window.farthest() * share);
                assert!(until - from <= 82, "{from}..{until}");
            }
        }
    }

    #[test]
    fn drawn_lines_cover_what_can_be_seen() {
        for window in [MILLION, SOME] {
            for share in [0.0, 0.1, 0.77, 1.0] {
                let scrolled = window.farthest() * share;
                let (from, until) = window.drawn(scrolled);
                let (above, below) = (window.offset(scrolled), window.offset(scrolled) + float(until - from) * LINE);
                assert!(above <= scrolled + 0.01, "{above} is below {scrolled}");
                assert!(below >= scrolled + window.height - 0.01, "{below} ends above {}", scrolled + window.height);
            }
        }
    }

    #[test]
    fn a_short_log_lies_at_the_top_and_its_end_is_in_view() {
        assert!(SHORT.offset(0.0).abs() < 1e-9);
        assert!(SHORT.at_end(0.0));
        assert_eq!(SHORT.drawn(0.0), (0, 10));
        assert_eq!(Window { lines: 0, height: 720.0 }.drawn(0.0), (0, 0));
    }

    #[test]
    fn pieces_cover_the_lines() {
        assert_eq!(pieces(0, 0), 0..0);
        assert_eq!(pieces(0, 1), 0..1);
        assert_eq!(pieces(249, 251), 0..2);
        assert_eq!(pieces(500, 750), 2..3);
    }
}
