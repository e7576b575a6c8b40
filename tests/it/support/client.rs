//! A browser without eyes: keeps cookies, follows nothing by itself, says where its requests come from.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use reqwest::{
    Method, RequestBuilder,
    header::{CONTENT_TYPE, COOKIE, REFERER, SET_COOKIE},
    redirect::Policy,
};

use super::Answer;

/// A browser. Clones share their cookies.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    cookies: Arc<Mutex<BTreeMap<String, String>>>,
}

/// A part of a multipart form.
pub enum Part<'a> {
    Field(&'a str, &'a str),
    /// Name, file name, claimed type, content.
    File(&'a str, &'a str, &'a str, &'a [u8]),
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { http, address, cookies: Arc::default() }
    }

    /// The same browser at another instance of the panel.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// A request of one of our own pages; change its headers as a test needs.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_from("same-origin", method, path)
    }

    /// A request as a link or a form on another site makes it.
    pub fn request_from_elsewhere(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_from("cross-site", method, path)
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document")
    }

    fn request_from(&self, site: &str, method: Method, path: &str) -> RequestBuilder {
        let mut request = self
            .http
            .request(method, format!("http://{}{path}", self.address))
            .header("sec-fetch-site", site)
            .header("user-agent", "a test");
        let cookies: Vec<String> =
            self.cookies.lock().unwrap().iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        request
    }

    /// Sends the request and keeps the cookies of the answer.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if value.is_empty() || rest.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer::read(response).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// As htmx asks for a part of a page.
    pub async fn get_part(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path).header("hx-request", "true")).await
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    /// The same from a page that stands at `page`.
    pub async fn post_from(&self, page: &str, path: &str, form: &[(&str, &str)]) -> Answer {
        let referer = format!("http://{}{page}", self.address);
        self.send(self.request(Method::POST, path).header(REFERER, referer).form(form)).await
    }

    /// As htmx sends a form.
    pub async fn post_part(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).header("hx-request", "true").form(form)).await
    }

    pub async fn post_multipart(&self, path: &str, parts: &[Part<'_>]) -> Answer {
        self.send(self.multipart(path, parts)).await
    }

    /// The same from a page that stands at `page`.
    pub async fn post_multipart_from(&self, page: &str, path: &str, parts: &[Part<'_>]) -> Answer {
        let referer = format!("http://{}{page}", self.address);
        self.send(self.multipart(path, parts).header(REFERER, referer)).await
    }

    fn multipart(&self, path: &str, parts: &[Part<'_>]) -> RequestBuilder {
        const BOUNDARY: &str = "a-boundary-that-no-test-sends";
        let mut body = Vec::new();
        for part in parts {
            body.extend_from_slice(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; ").as_bytes());
            match part {
                Part::Field(name, value) => {
                    body.extend_from_slice(format!("name=\"{name}\"\r\n\r\n{value}").as_bytes());
                }
                Part::File(name, file_name, content_type, content) => {
                    let head = format!(
                        "name=\"{name}\"; filename=\"{file_name}\"\r\nContent-Type: {content_type}\r\n\r\n"
                    );
                    body.extend_from_slice(head.as_bytes());
                    body.extend_from_slice(content);
                }
            }
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.request(Method::POST, path).header(CONTENT_TYPE, content_type).body(body)
    }

    /// The value of a cookie, if there is one.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.lock().unwrap().get(name).cloned()
    }

    /// Sets a cookie, as somebody who has stolen or kept one would.
    pub fn set_cookie(&self, name: &str, value: &str) {
        self.cookies.lock().unwrap().insert(name.to_owned(), value.to_owned());
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&self) {
        self.cookies.lock().unwrap().clear();
    }
}
