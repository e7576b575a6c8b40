//! Two instances behind nginx, restarted one after the other while people work: nobody notices.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use reqwest::{Client, StatusCode, header, redirect::Policy};
use serde_json::Value;
use sqlx::PgPool;
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    nginx::{DOMAIN, Nginx},
    panel::Panel,
    support::{PASSWORD, TestApp},
};

/// So many people work at once.
const PEOPLE: usize = 4;

/// A browser that is signed in, and what it got.
#[derive(Clone)]
struct Browser {
    http: Client,
    cookie: String,
}

#[derive(Debug, Default)]
struct Got {
    pages: usize,
    forms: usize,
    failed: Vec<String>,
}

impl Browser {
    async fn sign_in(nginx: &Nginx, username: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let authority = std::fs::read(nginx.authority()).unwrap();
        let http = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
            .resolve(DOMAIN, ([127, 0, 0, 1], nginx.https).into())
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let browser = Self { http, cookie: String::new() };
        let form = [("username", username), ("password", PASSWORD), ("next", "")];
        let answer = browser.ask("/login", Some(&form)).await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        Self { cookie: cookie.split(';').next().unwrap().to_owned(), ..browser }
    }

    async fn ask(&self, path: &str, form: Option<&[(&str, &str)]>) -> reqwest::Result<reqwest::Response> {
        let url = format!("https://{DOMAIN}{path}");
        let request = match form {
            Some(form) => self.http.post(url).form(form),
            None => self.http.get(url),
        };
        request.header("sec-fetch-site", "same-origin").header(header::COOKIE, &self.cookie).send().await
    }

    /// Reads pages and sends forms until it is told to end.
    fn work(self, end: Arc<AtomicBool>) -> JoinHandle<Got> {
        tokio::spawn(async move {
            let mut got = Got::default();
            while !end.load(Ordering::Relaxed) {
                for (form, expected) in [
                    (None, StatusCode::OK),
                    (Some(&[("theme", "dark"), ("back", "/admin")][..]), StatusCode::SEE_OTHER),
                ] {
                    let path = if form.is_some() { "/preferences" } else { "/admin/payments" };
                    let whole = match self.ask(path, form).await {
                        Ok(answer) if answer.status() == expected => answer.bytes().await.map(|_| ()),
                        Ok(answer) => {
                            got.failed.push(format!("{path}: {}", answer.status()));
                            continue;
                        }
                        Err(error) => Err(error),
                    };
                    match (whole, form) {
                        (Err(error), _) => got.failed.push(format!("{path}: {error:?}")),
                        (Ok(()), Some(_)) => got.forms += 1,
                        (Ok(()), None) => got.pages += 1,
                    }
                }
            }
            got
        })
    }
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_rolling_restart_of_two_instances_loses_no_request(db: PgPool) {
    let app = TestApp::start(db.clone()).await;
    let start = || Panel::start_with(&db, &app.simulator.base_url(), &[("SHUTDOWN_DRAIN", "2")]);
    let mut instances = [start(), start()];
    let nginx =
        Nginx::start(&format!("{} max_fails=0; server {}", instances[0].address, instances[1].address));
    let sara = Browser::sign_in(&nginx, "sara").await;
    let end = Arc::new(AtomicBool::new(false));
    let people: Vec<_> = (0..PEOPLE).map(|_| sara.clone().work(end.clone())).collect();
    sleep(Duration::from_secs(1)).await;
    for instance in &mut instances {
        let direct = |path: &str| sara.http.get(format!("http://{}{path}", instance.address)).send();
        instance.tell_to_stop();
        // It says that it is going, and still answers.
        sleep(Duration::from_millis(700)).await;
        let ready = direct("/readyz").await.unwrap();
        assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
        let said: Value = serde_json::from_slice(&ready.bytes().await.unwrap()).unwrap();
        assert_eq!((&said["stopping"], &said["database"]), (&Value::Bool(true), &Value::Bool(true)));
        let page = direct("/login").await.unwrap();
        assert_eq!(
            (page.status(), &page.headers()[header::CONNECTION]),
            (StatusCode::OK, &"close".parse().unwrap())
        );
        instance.ended().await;
        instance.start_again().await;
        sleep(Duration::from_millis(500)).await;
    }
    sleep(Duration::from_secs(1)).await;
    end.store(true, Ordering::Relaxed);
    let mut all = Got::default();
    for person in people {
        let got = person.await.unwrap();
        all.pages += got.pages;
        all.forms += got.forms;
        all.failed.extend(got.failed);
    }
    eprintln!("rolling restart: {} pages and {} forms, {} failed", all.pages, all.forms, all.failed.len());
    assert_eq!(all.failed, Vec::<String>::new());
    assert!(all.pages > 50 && all.forms > 50, "hardly any load: {all:?}");
}
