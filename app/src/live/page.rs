//! The page's side of the stream: one `EventSource` a tab, messages to whoever listens, and whether what is shown is fresh.
//!
//! What happens between the answer that a page is drawn from and the beginning of its stream must be in one of the two. So a page
//! says with [`mark`] when it asks, and its stream begins where the tab stood then; the server says again what it has said since.

use leptos::prelude::*;

use super::Message;
use crate::api::wire;

/// Whether what a page shows is as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// The page does not change by itself, or no script runs.
    #[default]
    Still,
    /// Every change arrives.
    Live,
    /// Nothing has arrived since this time of day: the server or its cluster cannot be reached.
    Stale(String),
    /// The session has ended.
    SignedOut,
}

/// Where the server's messages stood when it began to draw a page: the id of the newest. The server puts it into the context.
#[cfg(feature = "ssr")]
#[derive(Clone, Debug)]
pub struct Position(pub String);

#[derive(Clone, Copy)]
struct Shown {
    state: RwSignal<State>,
    /// The newest message that this tab knows to have been published.
    seen: StoredValue<String>,
    /// The newest one when what is shown was asked for.
    mark: StoredValue<String>,
}

/// Puts the state into the context.
pub fn provide() {
    let begun = wire::known(|| {
        #[cfg(feature = "ssr")]
        return use_context::<Position>().map(|Position(newest)| newest).unwrap_or_default();
        #[cfg(not(feature = "ssr"))]
        return String::new();
    });
    let (seen, mark) = (StoredValue::new(begun.clone()), StoredValue::new(begun));
    provide_context(Shown { state: RwSignal::new(State::Still), seen, mark });
}

/// Notes where the stream stands, before what a page shows is asked for.
pub fn mark() {
    if let Some(Shown { seen, mark, .. }) = use_context::<Shown>() {
        mark.set_value(seen.get_value());
    }
}

/// The state, for whoever shows it: it changes when it becomes another, not whenever the stream says the same again.
pub fn state() -> Signal<State> {
    use_context::<Shown>().map_or_else(|| Signal::stored(State::Still), |shown| Memo::new(move |_| shown.state.get()).into())
}

/// Listens to the stream at `url` (an empty one means none) while the component that calls this is shown. After a gap that the
/// server cannot fill, [`Message::Resync`] is among the messages.
#[cfg(not(feature = "hydrate"))]
pub fn listen(_url: Signal<String>, _on: impl Fn(Message) + Clone + 'static) {}

#[cfg(feature = "hydrate")]
pub use browser::listen;

#[cfg(feature = "hydrate")]
mod browser {
    use std::time::Duration;

    use leptos::prelude::*;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::{Event, EventSource, MessageEvent};

    use super::{Message, Shown, State};
    use crate::api::wire;

    /// How long a stream that the browser has given up is left alone, in seconds.
    const PAUSE: u64 = 3;

    /// An open stream, with what its events call; dropping it closes it.
    struct Open {
        source: EventSource,
        _message: Closure<dyn FnMut(MessageEvent)>,
        _opened: Closure<dyn FnMut(Event)>,
        _error: Closure<dyn FnMut(Event)>,
    }

    impl Drop for Open {
        fn drop(&mut self) {
            self.source.set_onmessage(None);
            self.source.set_onopen(None);
            self.source.set_onerror(None);
            self.source.close();
        }
    }

    /// Listens to the stream at `url` (an empty one means none) while the component that calls this is shown. After a gap that
    /// the server cannot fill, [`Message::Resync`] is among the messages.
    pub fn listen(url: Signal<String>, on: impl Fn(Message) + Clone + 'static) {
        let Some(Shown { state, seen, mark }) = use_context::<Shown>() else { return };
        let tries = RwSignal::new(0_u32);
        let current = StoredValue::new_local(None::<Open>);
        let after = StoredValue::new(mark.get_value());
        let on = move |id: String, message| {
            after.set_value(id.clone());
            seen.set_value(id);
            on(message);
        };
        Effect::new(move |_| {
            tries.track();
            current.set_value(None);
            let url = url.get();
            if url.is_empty() {
                state.set(State::Still);
            } else {
                let from = after.get_value();
                let url = if from.is_empty() { url } else { format!("{url}&after={from}") };
                current.set_value(open(&url, state, tries, on.clone()));
            }
        });
        on_cleanup(move || {
            state.try_set(State::Still);
        });
    }

    fn open(url: &str, state: RwSignal<State>, tries: RwSignal<u32>, on: impl Fn(String, Message) + 'static) -> Option<Open> {
        let source = EventSource::new(url).ok()?;
        let message = Closure::new(move |event: MessageEvent| {
            let Some(message) = event.data().as_string().and_then(|text| wire::read::<Message>(&text).ok()) else { return };
            match &message {
                Message::Cluster { stale_since: Some(since) } => state.set(State::Stale(time_of_day(since.as_millisecond()))),
                Message::Cluster { stale_since: None } => state.set(State::Live),
                Message::SignedOut => state.set(State::SignedOut),
                Message::Run(_)
                | Message::RunGone { .. }
                | Message::Metrics { .. }
                | Message::Log { .. }
                | Message::Detail { .. }
                | Message::Changed { .. }
                | Message::Resync => {}
            }
            on(event.last_event_id(), message);
        });
        let opened = Closure::new(move |_: Event| state.set(State::Live));
        let watched = source.clone();
        let failed = Closure::new(move |_: Event| {
            state.update(|state| {
                if matches!(state, State::Still | State::Live) {
                    *state = State::Stale(time_of_day(crate::clock::now().as_millisecond()));
                }
            });
            if watched.ready_state() == EventSource::CLOSED {
                set_timeout(
                    move || {
                        tries.try_update(|tries| *tries += 1);
                    },
                    Duration::from_secs(PAUSE),
                );
            }
        });
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        source.set_onopen(Some(opened.as_ref().unchecked_ref()));
        source.set_onerror(Some(failed.as_ref().unchecked_ref()));
        Some(Open { source, _message: message, _opened: opened, _error: failed })
    }

    /// `12:03:07`, in the reader's own time zone.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 are far below 2^53")]
    fn time_of_day(milliseconds: i64) -> String {
        let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(milliseconds as f64));
        String::from(date.to_time_string()).chars().take(8).collect()
    }
}
