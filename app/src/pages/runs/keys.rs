//! The keyboard of a list: j and k go down and up, Enter opens. Nothing is taken from whoever is typing.

use leptos::{ev, prelude::*};

/// What a key asks of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// To the next row.
    Down,
    /// To the row before.
    Up,
    /// Into the chosen row.
    Open,
}

/// Calls `on` for each key that is meant for the list, while the component that calls this is shown.
pub fn listen(on: impl Fn(Move) + 'static) {
    if cfg!(feature = "hydrate") {
        let handle = window_event_listener(ev::keydown, move |event| {
            if event.ctrl_key() || event.meta_key() || event.alt_key() || has_focus_elsewhere() {
                return;
            }
            let asked = match event.key().as_str() {
                "j" => Move::Down,
                "k" => Move::Up,
                "Enter" => Move::Open,
                _ => return,
            };
            event.prevent_default();
            on(asked);
        });
        on_cleanup(move || handle.remove());
    }
}

/// Whether the focus is on something that has a use for the key itself.
fn has_focus_elsewhere() -> bool {
    document()
        .active_element()
        .is_some_and(|element| ["INPUT", "SELECT", "TEXTAREA", "BUTTON", "A", "SUMMARY"].contains(&element.tag_name().as_str()))
}
