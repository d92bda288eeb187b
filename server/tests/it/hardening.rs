//! What every answer says to the browser, and what the server does with requests that are not a browser's.

use std::collections::BTreeSet;

use crate::{browser::Browser, fixture::Site};

/// What stands between `before` and the next `after`, each time.
fn all_between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(between, _)| between).collect()
}

#[tokio::test]
async fn a_pages_scripts_carry_the_nonce_that_its_policy_names_and_nothing_is_inline() {
    let site = Site::start().await;
    let mut nonces = BTreeSet::new();
    for path in ["/sign-in", "/sign-in", "/welcome"] {
        let page = site.visitor().get(path).await.expect(200);
        let policy = page.header("content-security-policy");
        let nonce = all_between(policy, "'nonce-", "'").first().copied().unwrap_or_else(|| panic!("no nonce in {policy}")).to_owned();
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        for part in ["default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"] {
            assert!(policy.contains(part), "{part} is missing: {policy}");
        }
        let scripts = all_between(&page.body, "<script", ">");
        assert!(!scripts.is_empty(), "the page has no script: {page:?}");
        for script in scripts {
            assert!(script.contains(&format!("nonce=\"{nonce}\"")), "a script without the nonce: <script{script}>");
        }
        for inline in [" style=\"", " onclick=", " onload=", "javascript:", "<style"] {
            assert!(!page.body.contains(inline), "{inline} in {path}: {}", page.body);
        }
        nonces.insert(nonce);
    }
    assert_eq!(nonces.len(), 3, "a nonce was used twice: {nonces:?}");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_it() {
    let site = Site::start().await;
    let mut admin = site.admin().await.browser;
    for path in ["/sign-in", "/healthz", "/pkg/app.css", "/pkg/none.js", "/api/sessions/list", "/no/such/page", "/icon.svg"] {
        let answer = admin.get(path).await;
        for (name, want) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
            ("permissions-policy", "camera=()"),
            ("content-security-policy", "frame-ancestors 'none'"),
        ] {
            assert!(answer.header(name).contains(want), "{path}: {name} is {:?}", answer.header(name));
        }
        assert_eq!(answer.header("strict-transport-security"), "", "{path} is served over http");
    }
    let secure = Site::start_with(|settings| settings.web.public_url = "https://slipway.example.org".into()).await;
    assert_eq!(secure.visitor().get("/sign-in").await.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn pages_are_kept_by_no_cache_and_an_unknown_one_is_a_404() {
    let site = Site::start().await;
    let mut admin = site.admin().await.browser;
    assert_eq!(admin.get("/api/sessions/list").await.expect(200).header("cache-control"), "no-store");
    let missing = admin.get("/no/such/page").await.expect(404);
    assert_eq!(missing.header("cache-control"), "no-store");
    assert!(missing.body.contains("There is no page at this address"), "{missing:?}");
}

#[tokio::test]
async fn a_request_keeps_its_id_where_it_is_a_word() {
    let site = Site::start().await;
    let mut visitor = site.visitor();
    let first = visitor.get("/healthz").await.header("x-request-id").to_owned();
    let second = visitor.get("/healthz").await.header("x-request-id").to_owned();
    assert!(first.len() == 36 && first != second, "{first} {second}");
    assert_eq!(visitor.with("x-request-id", "proxy-7.1").get("/healthz").await.header("x-request-id"), "proxy-7.1");
    assert_eq!(visitor.with("x-request-id", "a b\"c").get("/healthz").await.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let site = Site::start().await;
    let mut admin = site.admin().await.browser;
    let huge = "x".repeat(1_100_000);
    let answer = admin.post("/auth/sign-in", &[("name", &huge)]).await.expect(413);
    assert!(answer.body.contains("At most 1 MiB can be sent"), "{answer:?}");
}

#[tokio::test]
async fn a_file_is_sent_once_and_compressed_where_it_lies_there_so() {
    let site = Site::start().await;
    let visitor = site.visitor();
    let plain = visitor.clone().get("/pkg/app.css").await.expect(200);
    assert_eq!((plain.body.as_str(), plain.header("content-type")), ("body { margin: 0 }", "text/css; charset=utf-8"));
    let etag = plain.header("etag").to_owned();
    let again = visitor.with("if-none-match", etag).get("/pkg/app.css").await.expect(304);
    assert_eq!(again.body, "");
    visitor.with("if-none-match", "\"other\"").get("/pkg/app.css").await.expect(200);
    let small = visitor.with("accept-encoding", "gzip, br").get("/pkg/app.css").await.expect(200);
    assert_eq!((small.header("content-encoding"), small.body.as_str()), ("br", "stands for the compressed file"));
    for outside in ["/pkg/../kubeconfig", "/pkg/%2e%2e%2fkubeconfig", "/pkg/..%2fslipway.db", "/pkg/app.css.br"] {
        let answer = visitor.clone().get(outside).await;
        assert!(answer.status.is_client_error() || answer.status.is_redirection(), "{outside}: {answer:?}");
    }
}

#[tokio::test]
async fn health_says_what_is_away() {
    let site = Site::start().await;
    assert_eq!(site.visitor().get("/healthz").await.expect(200).body, "ok\n");
    let ready = site.visitor().get("/readyz").await.expect(200).json();
    assert_eq!(ready["database"], "ok", "{ready}");
    assert_ne!(ready["cluster"], "ok", "the cluster is away: {ready}");
}

#[tokio::test]
async fn figures_are_for_this_machine_or_for_whoever_has_the_token() {
    let site = Site::start().await;
    site.visitor().get("/healthz").await.expect(200);
    let figures = site.visitor().get("/metrics").await.expect(200);
    for name in
        ["slipway_http_requests_total{route=\"/healthz\"", "slipway_database_up 1", "slipway_cluster_synced 0", "slipway_live_streams"]
    {
        assert!(figures.body.contains(name), "{name} is missing: {}", figures.body);
    }
    site.visitor().with("x-forwarded-for", "203.0.113.9").get("/metrics").await.expect(403);

    let with_token = Site::start_with(|settings| settings.web.metrics_token = Some("s3cret".into())).await;
    let ask = |header: &str| with_token.visitor().with("authorization", header);
    let refused: [Browser; 3] = [with_token.visitor(), ask("Bearer s3creT"), ask("s3cret")];
    for mut browser in refused {
        browser.get("/metrics").await.expect(403);
    }
    ask("Bearer s3cret").get("/metrics").await.expect(200);
}
