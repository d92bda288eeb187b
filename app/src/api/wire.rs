//! How data travels between the server and its pages: as JSON, whether a page brings it with it, a server function answers it or
//! the event stream tells it.
//!
//! All of it is read in one way, by [`read`]: the browser's part would hold the code that reads a type once for each way that
//! there is, and most of it is such code.

use std::future::Future;

use leptos::{
    prelude::{Resource, SharedValue},
    server::codee::{Decoder, Encoder},
    server_fn::{Bytes, ContentType, Decodes, Encodes, Format, FormatType, codec::Post},
};
use serde::{
    Serialize,
    de::{DeserializeOwned, Error},
};

mod node;

pub use node::Unread;

/// Arguments or an answer as JSON in the body.
pub type Json = Post<JsonText>;

/// What a page shows, asked for while the server renders it; the browser reads it from the page.
pub type Shown<T> = Resource<T, JsonText>;

/// JSON that is read by [`read`].
#[derive(Debug)]
pub struct JsonText;

/// Asks for what a page shows, whenever what `source` says has changed. The page is not sent before it is there.
pub fn shown<S, T, F>(source: impl Fn() -> S + Send + Sync + 'static, fetch: impl Fn(S) -> F + Send + Sync + 'static) -> Shown<T>
where
    S: Clone + PartialEq + Send + Sync + 'static,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Future<Output = T> + Send + 'static,
{
    Resource::new_with_options(source, fetch, true)
}

/// What the server knows at once while it renders; the browser reads it from the page.
pub fn known<T: Serialize + DeserializeOwned>(value: impl FnOnce() -> T) -> T {
    SharedValue::<T, JsonText>::new_with_encoding(value).into_inner()
}

/// Reads JSON.
///
/// # Errors
/// It is none, or none of a `T`.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Unread> {
    let value = serde_json::from_str(text).map_err(Unread::custom)?;
    T::deserialize(node::Node::Value(&value))
}

impl<T: Serialize> Encoder<T> for JsonText {
    type Error = serde_json::Error;
    type Encoded = String;

    fn encode(value: &T) -> Result<String, Self::Error> {
        serde_json::to_string(value)
    }
}

impl<T: DeserializeOwned> Decoder<T> for JsonText {
    type Error = Unread;
    type Encoded = str;

    fn decode(text: &str) -> Result<T, Unread> {
        read(text)
    }
}

impl ContentType for JsonText {
    const CONTENT_TYPE: &'static str = "application/json";
}

impl FormatType for JsonText {
    const FORMAT_TYPE: Format = Format::Text;
}

impl<T: Serialize> Encodes<T> for JsonText {
    type Error = serde_json::Error;

    fn encode(output: &T) -> Result<Bytes, Self::Error> {
        serde_json::to_vec(output).map(Bytes::from)
    }
}

impl<T: DeserializeOwned> Decodes<T> for JsonText {
    type Error = Unread;

    fn decode(bytes: Bytes) -> Result<T, Unread> {
        read(std::str::from_utf8(&bytes).map_err(Unread::custom)?)
    }
}
