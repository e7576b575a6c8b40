//! A change of all prices: what is previewed is what is made, or nothing is.

use sqlx::PgPool;

use super::{actions, history, save, typed};
use crate::support::{Answer, Client, TestApp};

/// Sends the figures of the preview, as it stands on the page.
async fn apply(client: &Client, preview: &Answer) -> Answer {
    let names = preview.attributes("#preview form input", "name");
    let values = preview.attributes("#preview form input", "value");
    let form: Vec<_> =
        names.iter().zip(&values).map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.post("/admin/plans/prices", &form).await
}

async fn prices(app: &TestApp) -> Vec<(i64, i64)> {
    sqlx::query!("SELECT price_public, price_agent FROM plans ORDER BY id")
        .fetch_all(&app.db)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.price_public, row.price_agent))
        .collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn all_prices_become_what_the_preview_showed(db: PgPool) {
    let app = TestApp::start(db).await;
    let a = app.plan("الف", 30, Some(20), 85_000).await;
    let b = app.plan("ب", 30, Some(50), 150_000).await;
    let sara = app.signed_in("sara").await;
    sara.post(&format!("/admin/plans/{b}/deactivation"), &[]).await.expect(303);
    let preview = sara.get("/admin/plans/prices?direction=up&percent=%DB%B1%DB%B0").await.expect(200);
    assert_eq!(preview.texts("#preview tbody td:nth-child(3) .amount"), ["۹۴٬۰۰۰ تومان", "۱۶۵٬۰۰۰ تومان"]);
    assert_eq!(prices(&app).await, [(127_500, 85_000), (225_000, 150_000)]);
    apply(&sara, &preview).await.expect(303);
    assert_eq!(prices(&app).await, [(140_000, 94_000), (248_000, 165_000)]);
    assert_eq!(history(&app, a).await, [(Some(127_500), 140_000, 94_000, Some(app.sara.0))]);
    assert_eq!(actions(&app).await, ["plan.deactivate", "plan.reprice", "plan.reprice"]);
    // The same form once more is done already.
    apply(&sara, &preview).await.expect(303);
    assert_eq!(history(&app, b).await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_preview_that_is_no_longer_true_changes_nothing(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = app.plan("الف", 30, Some(20), 80_000).await;
    let sara = app.signed_in("sara").await;
    let preview = sara.get("/admin/plans/prices?direction=down&percent=10").await.expect(200);
    let form = sara.get(&format!("/admin/plans/{id}")).await.expect(200);
    save(&sara, &form, id, typed("الف", "30", "20", "200000", "100000")).await.expect(303);
    let again = apply(&sara, &preview).await.expect(409);
    assert_eq!(again.count("#conflict"), 1);
    assert_eq!(prices(&app).await, [(200_000, 100_000)]);
    // The fresh preview holds; a plan that came since makes it stale too.
    app.plan("نو", 30, Some(20), 80_000).await;
    let fresh = apply(&sara, &again).await.expect(409);
    apply(&sara, &fresh).await.expect(303);
    assert_eq!(prices(&app).await, [(180_000, 90_000), (108_000, 72_000)]);
    // A form of one plan that stood open meanwhile is told.
    let late = save(&sara, &form, id, typed("ب", "30", "20", "120000", "80000")).await.expect(409);
    assert!(late.text("#conflict").contains("۱۸۰٬۰۰۰"));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn two_admins_who_apply_at_once_change_the_prices_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = app.plan("الف", 30, Some(20), 80_000).await;
    let sara = app.signed_in("sara").await;
    let up = sara.get("/admin/plans/prices?direction=up&percent=10").await.expect(200);
    let down = sara.get("/admin/plans/prices?direction=down&percent=10").await.expect(200);
    let (one, two) = tokio::join!(apply(&sara, &up), apply(&sara, &down));
    let mut outcomes = [one.status, two.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 409]);
    assert_eq!(history(&app, id).await.len(), 1);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn percentages_that_break_a_rule_can_not_be_applied(db: PgPool) {
    let app = TestApp::start(db).await;
    app.plan("ارزان", 1, Some(1), 1_000).await;
    let sara = app.signed_in("sara").await;
    for percent in ["", "0", "101", "1.5", "-5", "x"] {
        let page = sara.get(&format!("/admin/plans/prices?direction=up&percent={percent}")).await.expect(422);
        assert_eq!((page.count("#percent-error"), page.count("#preview")), (1, 0), "{percent}");
        assert_eq!(page.attribute("#percent", "value"), percent);
    }
    sara.get("/admin/plans/prices?direction=down&percent=91").await.expect(422);
    // 1,000 and 1,500 Toman both become 1,000.
    let page = sara.get("/admin/plans/prices?direction=down&percent=50").await.expect(200);
    assert_eq!((page.count("#unsound"), page.count("#preview form")), (1, 0));
    for forged in ["1500:1000:1000:1000", "1500:1000:5:0", "1500:1000", "x"] {
        sara.post("/admin/plans/prices", &[("plan_1", forged)]).await.expect(400);
    }
    sara.post("/admin/plans/prices", &[]).await.expect(400);
    assert_eq!(prices(&app).await, [(1_500, 1_000)]);
    app.finish().await;
}
