//! How an open queue keeps itself up to date.

use rad_panel::payments;
use sqlx::PgPool;

use super::{card, claim, pay};
use crate::support::{Answer, Client, TestApp};

/// What the open page asks for when something changed: its own address, with the rows it has.
async fn follow(client: &Client, page: &Answer, rows: &[String]) -> Answer {
    let mut path = page.attribute("#arrivals", "hx-get");
    for row in rows {
        let mark = if path.contains('?') { '&' } else { '?' };
        path.push_str(&format!("{mark}seen={row}"));
    }
    client.get_part(&path).await.expect(200)
}

fn shown(page: &Answer) -> Vec<String> {
    page.attributes("input[name=seen]", "value")
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_payment_is_all_that_arrives(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let one = pay(&app, app.reza, 50_000).await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/payments").await.expect(200);
    let nothing = follow(&sara, &page, &shown(&page)).await;
    assert_eq!((nothing.count("article"), nothing.count("#arrivals")), (0, 1));
    let new = pay(&app, app.mina, 20_000).await;
    let part = follow(&sara, &nothing, &[one.to_string()]).await;
    assert_eq!(shown(&part), [new.to_string()]);
    assert_eq!(part.count("#arrivals[hx-get][hx-trigger*=live]"), 1);
    assert_eq!(part.text("[hx-swap-oob^='innerHTML']"), "۲");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_payment_with_an_older_number_that_came_late_arrives_too(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let (late, early) = (pay(&app, app.reza, 50_000).await, pay(&app, app.mina, 20_000).await);
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/payments").await.expect(200);
    // As the page would be if the older one had been committed after it was drawn.
    let part = follow(&sara, &page, &[early.to_string()]).await;
    assert_eq!(shown(&part), [late.to_string()]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_somebody_else_decided_is_replaced_and_what_waits_is_left_alone(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let (one, other) = (pay(&app, app.reza, 50_000).await, pay(&app, app.mina, 20_000).await);
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/payments").await.expect(200);
    payments::reject(&app.db, one, app.sara, "نرسید", app.clock.now()).await.unwrap();
    let part = follow(&sara, &page, &shown(&page)).await;
    assert_eq!(part.count(&format!("#payment-{one}[data-done][hx-swap-oob]")), 1);
    assert_eq!(part.count(&format!("#payment-{other}")), 0, "the admin may be typing there");
    payments::withdraw(&app.db, other, app.mina, app.clock.now()).await.unwrap();
    let part = follow(&sara, &page, &[other.to_string()]).await;
    assert_eq!((part.count(&format!("#payment-{other}[data-done]")), part.count("#queue-empty")), (1, 1));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_flood_arrives_in_batches_and_waits_behind_the_button(db: PgPool) {
    let app = TestApp::start(db).await;
    let method = card(&app.db, "ملی").await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/payments").await.expect(200);
    for _ in 0..40 {
        rad_panel::payment_methods::draw(&app.db, app.reza, None, app.clock.now()).await.unwrap();
        let new = claim(&app.db, app.reza, method, 10_000).await;
        payments::submit(&app.db, app.reza, &new, app.clock.now()).await.unwrap();
    }
    let part = follow(&sara, &page, &[]).await;
    let first = shown(&part);
    assert_eq!((first.len(), part.count("#more")), (25, 1));
    let quiet = follow(&sara, &part, &first).await;
    assert_eq!(
        (quiet.count("article"), quiet.count("#more")),
        (0, 1),
        "younger ones wait until they are asked for"
    );
    let mut path = part.attribute("#more", "hx-get");
    for (n, row) in first.iter().enumerate() {
        path.push_str(&format!("{}seen={row}", if n == 0 && !path.contains('?') { '?' } else { '&' }));
    }
    let rest = sara.get_part(&path).await.expect(200);
    assert_eq!((shown(&rest).len(), rest.count("#more")), (15, 0));
    app.finish().await;
}
