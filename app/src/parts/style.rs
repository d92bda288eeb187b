//! Class strings that several parts share, so that every button and input looks the same.

/// The one thing to press on a page.
pub const PRIMARY: &str = "inline-flex h-8 cursor-pointer items-center gap-1.5 rounded bg-accent px-3 text-table font-medium whitespace-nowrap text-accent-ink hover:opacity-90 focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent disabled:cursor-not-allowed disabled:opacity-50";

/// Any other button.
pub const BUTTON: &str = "inline-flex h-8 cursor-pointer items-center gap-1.5 rounded border border-line-strong bg-surface px-3 text-table font-medium whitespace-nowrap text-ink hover:bg-canvas focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent disabled:cursor-not-allowed disabled:text-ink-faint";

/// A button that destroys something.
pub const DANGER: &str = "inline-flex h-8 cursor-pointer items-center gap-1.5 rounded border border-line-strong bg-surface px-3 text-table font-medium whitespace-nowrap text-bad hover:bg-canvas focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent disabled:cursor-not-allowed disabled:text-ink-faint";

/// A button without a frame, in rows and menus.
pub const QUIET: &str = "inline-flex h-7 cursor-pointer items-center gap-1.5 rounded px-2 text-table whitespace-nowrap text-ink-soft hover:bg-canvas hover:text-ink focus-visible:outline-2 focus-visible:outline-accent disabled:cursor-not-allowed disabled:text-ink-faint";

/// A one-line input or a select.
pub const INPUT: &str = "h-8 w-full min-w-0 rounded border border-line-strong bg-surface px-2 text-table text-ink placeholder:text-ink-faint focus-visible:outline-2 focus-visible:outline-accent aria-invalid:border-bad";

/// Several lines of code or values.
pub const AREA: &str = "w-full min-w-0 rounded border border-line-strong bg-surface px-2 py-1.5 font-mono text-mono text-ink placeholder:text-ink-faint focus-visible:outline-2 focus-visible:outline-accent aria-invalid:border-bad";

/// A link in text.
pub const LINK: &str = "text-accent underline-offset-2 hover:underline focus-visible:outline-2 focus-visible:outline-accent";

/// A card: a surface with a hairline.
pub const CARD: &str = "rounded border border-line bg-surface";

/// The head of a table's column.
pub const HEAD: &str = "px-3 py-1.5 text-left text-table font-medium whitespace-nowrap text-ink-soft";

/// A cell of a table.
pub const CELL: &str = "px-3 py-1.5 align-top text-table";
