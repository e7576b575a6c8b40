//! The help: each role reads its own, with pictures that are really there.

use scraper::{Html, Selector};
use sqlx::PgPool;

use crate::support::TestApp;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn each_role_reads_its_own_help_and_the_admin_those_of_others(db: PgPool) {
    let app = TestApp::start(db).await;
    for (name, path, own, foreign) in [
        ("sara", "/help", "#plans", "#deadline"),
        ("sara", "/help?for=agent", "#deadline", "#plans"),
        ("sara", "/help?for=user", "#connect", "#plans"),
        ("reza", "/help", "#deadline", "#plans"),
        ("reza", "/help?for=user", "#deadline", "#connect"),
        ("nima", "/help?for=admin", "#connect", "#plans"),
    ] {
        let page = app.signed_in(name).await.get(path).await.expect(200);
        assert_eq!((page.count(own), page.count(foreign)), (1, 0), "{name} {path}");
        assert_eq!(page.count("#profile"), 1, "{name} {path}");
        assert!(page.count(".help__steps li") > 10, "{name} {path}");
    }
    assert_eq!(app.stranger().get("/help").await.location(), "/login?next=/help");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_picture_and_every_entry_of_the_contents_leads_somewhere(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    for path in ["/help", "/help?for=agent", "/help?for=user"] {
        let page = sara.get(path).await.expect(200);
        let html = Html::parse_document(&page.body);
        let all = |selector: &str, attribute: &str| -> Vec<String> {
            let selector = Selector::parse(selector).unwrap();
            html.select(&selector).map(|element| element.attr(attribute).unwrap().to_owned()).collect()
        };
        let pictures = all(".help__picture", "src");
        assert!(!pictures.is_empty(), "{path} has no pictures");
        for picture in pictures {
            let answer = sara.get(&picture).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, "image/webp"), "{picture}");
        }
        for anchor in all("nav.card a", "href") {
            assert_eq!(page.count(&format!("section{anchor}")), 1, "{path}{anchor}");
        }
    }
}
