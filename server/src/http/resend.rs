//! A form that was posted after its session had ended: it comes back with everything that was typed in it, but for passwords, to be
//! sent again after signing in in another tab. Needs no script and keeps nothing on the server.

use std::fmt::Write;

use axum::{
    extract::{Form, FromRequest, Request},
    http::StatusCode,
    response::Response,
};
use slipway_app::paths;

use super::plain::{escape, page as sentence, with_body};

/// Fields that are never sent back.
const SECRET: [&str; 5] = ["password", "password_again", "old", "new", "again"];

/// The page for a request that would have needed somebody to be signed in.
pub async fn page(request: Request) -> Response {
    let action = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let Ok(Form(fields)) = Form::<Vec<(String, String)>>::from_request(request, &()).await else {
        return sentence(StatusCode::UNAUTHORIZED, "Your session has ended", "Sign in, then do it again; nothing was changed");
    };
    let mut inputs = String::new();
    for (name, value) in fields.iter().filter(|(name, _)| !SECRET.contains(&name.as_str())) {
        write!(inputs, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value)).expect("writing to a string");
    }
    let body = format!(
        "<p>Nothing was changed, and nothing you typed is lost. <a class=\"text-accent underline\" href=\"{sign_in}\" target=\"_blank\" rel=\"noopener\">Sign in \
         in a new tab</a>, then come back here and send it again.</p>\
         <form method=\"post\" action=\"{action}\">{inputs}<button type=\"submit\" class=\"rounded border border-line px-3 py-1.5 font-medium\">Send again</button></form>",
        sign_in = paths::SIGN_IN,
        action = escape(&action),
    );
    with_body(StatusCode::UNAUTHORIZED, "Your session has ended", &body)
}
