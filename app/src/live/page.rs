//! The page's side of the stream: one `EventSource` a tab, messages to whoever listens, and whether what is shown is fresh.

use leptos::prelude::*;

use super::Message;

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

#[derive(Clone, Copy)]
struct Shown(RwSignal<State>);

/// Puts the state into the context.
pub fn provide() {
    provide_context(Shown(RwSignal::new(State::Still)));
}

/// The state, for whoever shows it: it changes when it becomes another, not whenever the stream says the same again.
pub fn state() -> Signal<State> {
    use_context::<Shown>().map_or_else(|| Signal::stored(State::Still), |Shown(state)| Memo::new(move |_| state.get()).into())
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
        let Some(Shown(state)) = use_context::<Shown>() else { return };
        let tries = RwSignal::new(0_u32);
        let current = StoredValue::new_local(None::<Open>);
        Effect::new(move |_| {
            let again = tries.get() > 0;
            current.set_value(None);
            let url = url.get();
            if url.is_empty() {
                state.set(State::Still);
            } else {
                current.set_value(open(&url, state, tries, again, on.clone()));
            }
        });
        on_cleanup(move || {
            state.try_set(State::Still);
        });
    }

    fn open(url: &str, state: RwSignal<State>, tries: RwSignal<u32>, again: bool, on: impl Fn(Message) + Clone + 'static) -> Option<Open> {
        let source = EventSource::new(url).ok()?;
        let tell = on.clone();
        let message = Closure::new(move |event: MessageEvent| {
            let Some(message) = event.data().as_string().and_then(|text| serde_json::from_str::<Message>(&text).ok()) else { return };
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
            tell(message);
        });
        let opened = Closure::new(move |_: Event| {
            state.set(State::Live);
            // A stream that had to be made anew does not know what was missed.
            if again {
                on(Message::Resync);
            }
        });
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
