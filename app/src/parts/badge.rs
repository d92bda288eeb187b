//! A run's state, or a node's health, as a shape, a colour and a word; never a colour alone.

use leptos::prelude::*;
use slipway_domain::{node::Health, run::state::StateKind};

/// What a status means, apart from its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well: a disc.
    Good,
    /// Worth a look: a triangle.
    Warn,
    /// Gone wrong: a cross.
    Bad,
    /// At work: a half-filled disc.
    Busy,
    /// Nothing happens: a ring.
    Idle,
}

impl Tone {
    /// The tone of a state.
    pub const fn of(kind: StateKind) -> Self {
        match kind {
            StateKind::Waiting | StateKind::Stopped => Self::Idle,
            StateKind::Starting | StateKind::Running => Self::Busy,
            StateKind::Suspended | StateKind::Stopping => Self::Warn,
            StateKind::Succeeded => Self::Good,
            StateKind::Failed => Self::Bad,
        }
    }

    /// The colour of its text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Good => "text-good",
            Self::Warn => "text-warn",
            Self::Bad => "text-bad",
            Self::Busy => "text-busy",
            Self::Idle => "text-idle",
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Good => "M6 1.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9",
            Self::Warn => "M6 1.200 11 10.500H1z",
            Self::Bad => "M2.200 1 6 4.800 9.800 1 11 2.200 7.200 6 11 9.800 9.800 11 6 7.200 2.200 11 1 9.800 4.800 6 1 2.200z",
            Self::Busy => "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1m0 1.500v7a3.500 3.500 0 0 0 0-7",
            Self::Idle => "M6 1a5 5 0 1 1 0 10A5 5 0 0 1 6 1m0 1.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7",
        }
    }
}

/// The shape alone, for places where the word stands nearby.
#[component]
pub fn Shape(
    /// Which.
    #[prop(into)]
    tone: Signal<Tone>,
) -> impl IntoView {
    view! {
        <svg class="size-3 shrink-0" viewBox="0 0 12 12" fill="currentColor" fill-rule="evenodd" aria-hidden="true">
            <path d=move || tone.get().path()/>
        </svg>
    }
}

/// A state as shape and word.
#[component]
pub fn Badge(
    /// Which state.
    #[prop(into)]
    kind: Signal<StateKind>,
) -> impl IntoView {
    let tone = Signal::derive(move || Tone::of(kind.get()));
    view! {
        <span class=move || format!("inline-flex items-center gap-1.5 font-medium whitespace-nowrap {}", tone.get().text())>
            <Shape tone/>
            {move || kind.get().word()}
        </span>
    }
}

/// A node's health as shape and word.
#[component]
pub fn HealthBadge(
    /// How it is.
    health: Health,
) -> impl IntoView {
    let tone = match health {
        Health::Ready => Tone::Good,
        Health::Cordoned => Tone::Warn,
        Health::NotReady => Tone::Bad,
    };
    view! {
        <span class=format!("inline-flex items-center gap-1.5 font-medium whitespace-nowrap {}", tone.text())>
            <Shape tone=Signal::stored(tone)/>
            {health.word()}
        </span>
    }
    .into_any()
}
