//! A person at a browser, as far as HTTP goes: keeps cookies, follows no redirect by itself, and says what was answered.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::{Bytes, Incoming},
    client::conn::http1,
    header::{self, HeaderMap},
};
use hyper_util::rt::TokioIo;
use slipway_app::paths::escape;
use tokio::net::TcpStream;

/// The cookie that says who is signed in.
pub const SESSION: &str = "__Host-slipway";

/// Somebody's browser.
#[derive(Clone, Debug)]
pub struct Browser {
    pub address: SocketAddr,
    pub cookies: BTreeMap<String, String>,
    /// Headers sent with each request.
    pub headers: Vec<(&'static str, String)>,
}

/// What was answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{:#?}\n{}", self.status, self.headers, self.body)
    }
}

impl Answer {
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }
}

/// A form as a browser posts it.
pub fn form(pairs: &[(&str, &str)]) -> String {
    pairs.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect::<Vec<_>>().join("&")
}

impl Browser {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// The same person in the same browser, whose requests carry one more header.
    pub fn with(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut other = self.clone();
        other.headers.push((name, value.into()));
        other
    }

    pub fn session(&self) -> Option<&str> {
        self.cookies.get(SESSION).map(String::as_str)
    }

    /// Sends a request and answers with the response, whose body may still be coming.
    pub async fn send(&mut self, method: Method, path: &str, kind: &str, body: String) -> hyper::Response<Incoming> {
        let stream = TcpStream::connect(self.address).await.expect("the server listens");
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, self.address.to_string());
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let text = cookie.to_str().expect("a cookie is text");
            let (pair, attributes) = text.split_once(';').unwrap_or((text, ""));
            let (name, value) = pair.split_once('=').expect("a cookie has a value");
            if value.is_empty() || attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    async fn whole(&mut self, method: Method, path: &str, kind: &str, body: String) -> Answer {
        let response = self.send(method, path, kind, body).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("the whole answer").to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8_lossy(&body).into_owned() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.whole(Method::GET, path, "", String::new()).await
    }

    /// Posts a form.
    pub async fn post(&mut self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        self.whole(Method::POST, path, "application/x-www-form-urlencoded", form(pairs)).await
    }

    /// Calls a server function, as a page's script does.
    pub async fn call(&mut self, function: &str, arguments: serde_json::Value) -> Answer {
        self.whole(Method::POST, &format!("/api/{function}"), "application/json", arguments.to_string()).await
    }

    /// Whether the server knows who this is.
    pub async fn is_signed_in(&mut self) -> bool {
        let answer = self.get("/api/sessions/list").await;
        match answer.status.as_u16() {
            200 => true,
            401 => false,
            _ => panic!("neither signed in nor out: {answer:?}"),
        }
    }

    pub async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.post("/auth/sign-in", &[("name", name), ("password", password), ("next", "/me")]).await
    }
}
