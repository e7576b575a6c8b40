//! The bell and the list: one's own and nobody else's.

use std::time::Duration;

use rad_panel::notices::{Kind, Recipients};
use serde_json::json;
use sqlx::PgPool;

use super::{tell, tell_admins};
use crate::{
    live::{Stream, until_listening},
    support::TestApp,
};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_bell_counts_what_was_not_read_and_looking_reads_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/plans").await.count(".bell__count"), 0);
    for n in 0..3 {
        tell_admins(&app, &format!("دیسک پر است {n}")).await;
    }
    assert_eq!(sara.get("/admin/plans").await.text("#bell .bell__count"), "۳");
    let page = sara.get("/notices").await.expect(200);
    assert_eq!(page.count("#notices .notice--new"), 3);
    assert!(page.text("#notices li").contains("دیسک پر است 2"), "the newest comes first");
    let part = sara.get_part("/notices/bell").await.expect(200);
    assert_eq!((part.text("#bell .bell__count").as_str(), part.count("main")), ("۳", 0));

    let opening = page.attribute("#notices form", "action");
    assert_eq!(sara.post(&opening, &[]).await.expect(303).location(), "/admin/backups");
    assert_eq!(sara.get("/notices").await.text("#bell .bell__count"), "۲");
    // What came after the page was drawn stays unread.
    tell_admins(&app, "تازه").await;
    let newest = page.attribute("input[name=newest]", "value");
    sara.post("/notices/reading", &[("newest", &newest)]).await.expect(303);
    let page = sara.get("/notices").await;
    assert_eq!((page.text("#bell .bell__count").as_str(), page.count(".notice--new")), ("۱", 1));
    sara.post("/notices/reading", &[("newest", "x")]).await.expect(400);
    for _ in 0..100 {
        tell_admins(&app, "باز هم").await;
    }
    assert_eq!(sara.get("/notices").await.text("#bell .bell__count"), "۹۹+");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn somebody_elses_notice_is_not_there(db: PgPool) {
    let app = TestApp::start(db).await;
    tell(&app, Recipients::User(app.reza), Kind::AccountsBack, json!({ "count": 7 }), None).await;
    let (reza, mina) = (app.signed_in("reza").await, app.signed_in("mina").await);
    let opening = reza.get("/notices").await.attribute("#notices form", "action");
    for client in [&mina, &app.signed_in("sara").await] {
        assert_eq!(client.get("/notices").await.expect(200).count("#notices"), 0);
        client.post(&opening, &[]).await.expect(404);
        client.post("/notices/reading", &[("newest", "999999")]).await.expect(303);
    }
    app.stranger().post(&opening, &[]).await.expect(303);
    mina.post("/notices/99999/opening", &[]).await.expect(404);
    assert_eq!(reza.get("/agent").await.text("#bell .bell__count"), "۱", "it is still unread");
    reza.post(&opening, &[]).await.expect(303);
    assert_eq!(reza.get("/agent").await.count(".bell__count"), 0);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_long_list_is_turned_by_key(db: PgPool) {
    let app = TestApp::start(db).await;
    for n in 0..65 {
        tell_admins(&app, &format!("شماره {n};")).await;
    }
    let sara = app.signed_in("sara").await;
    let mut path = "/notices".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = sara.get(&path).await.expect(200);
        assert!(page.bytes.len() < 60_000);
        seen.extend(page.texts("#notices .list__main > span"));
        let Some(next) = page.attributes(".pager a[rel=next]", "href").into_iter().next() else { break };
        path = next;
    }
    let expected: Vec<String> = (0..65).rev().map(|n| format!("شماره {n};")).collect();
    assert_eq!(seen, expected);
    assert_eq!(sara.get("/notices?before=x").await.expect(200).count("#notices li"), 30);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn open_pages_hear_of_their_persons_notices_and_of_nobody_elses(db: PgPool) {
    let mut app = TestApp::start(db).await;
    app.listen();
    until_listening(&app.db, 1).await;
    let (sara, reza) = (app.signed_in("sara").await, app.signed_in("reza").await);
    let (mut of_sara, mut of_reza) = (Stream::open(&sara).await, Stream::open(&reza).await);
    tell(&app, Recipients::User(app.reza), Kind::AccountsBack, json!({ "count": 1 }), None).await;
    let heard = tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            let (name, data) = of_reza.next().await.expect("it goes on");
            if name == "change" {
                break data;
            }
        }
    });
    assert!(heard.await.unwrap().contains("\"topic\":\"notice\""));
    let quiet = tokio::time::timeout(Duration::from_millis(500), async {
        while let Some((name, data)) = of_sara.next().await {
            assert_eq!(name, "resync", "the admin heard {data}");
        }
    });
    quiet.await.expect_err("nothing but silence");
    // Reading in another window is heard as well, so that every bell agrees.
    let opening = reza.get("/notices").await.attribute("#notices form", "action");
    reza.post(&opening, &[]).await.expect(303);
    assert_eq!(of_reza.next().await.expect("it goes on").0, "change");
}
