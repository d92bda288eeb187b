//! What time it is for a page: the server's clock while it renders, the browser's afterwards, ticking once a second.

use jiff::Timestamp;
use leptos::prelude::*;

/// The time now, whole milliseconds.
#[cfg(feature = "ssr")]
#[allow(clippy::disallowed_methods, reason = "the one place in the pages that reads the server's clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The time now, whole milliseconds.
#[cfg(not(feature = "ssr"))]
pub fn now() -> Timestamp {
    #[cfg(feature = "hydrate")]
    #[expect(clippy::cast_possible_truncation, reason = "the browser's clock in milliseconds is a whole number below 2^53")]
    let milliseconds = js_sys::Date::now() as i64;
    #[cfg(not(feature = "hydrate"))]
    let milliseconds = 0;
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The time now, as a signal that every ticking duration of the page reads.
#[derive(Clone, Copy, Debug)]
pub struct Now(pub ReadSignal<Timestamp>);

/// Starts the page's clock and puts it into the context.
pub fn provide() {
    let (read, write) = signal(now());
    provide_context(Now(read));
    Effect::new(move |_| set_interval(move || write.set(now()), std::time::Duration::from_secs(1)));
}

/// The page's clock.
pub fn ticking() -> ReadSignal<Timestamp> {
    use_context::<Now>().map_or_else(|| signal(now()).0, |Now(read)| read)
}
