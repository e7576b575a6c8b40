//! The admin's own wallet, and the statements of all wallets.

use rad_panel::payments::{self, ApprovalInput};
use sqlx::PgPool;

use super::{Form, card, pay, payments_of, wallet};
use crate::{receipts::pictures::PDF, support::TestApp};

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admin_pays_into_her_own_wallet_and_decides_it_in_the_queue(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/wallet").await.expect(200);
    assert_eq!(page.attribute(".page-head a.btn--primary", "href"), "/admin/wallet/charge");
    let form = Form::of(&sara.get("/admin/wallet/charge").await.expect(200)).with("amount", "۵۰٬۰۰۰");
    let wrong = form.clone().with("amount", "9999").send_file(&sara, "a.pdf", PDF).await.expect(422);
    assert_eq!((wrong.count("#amount-error"), wrong.count("#kept-receipt")), (1, 1));
    assert_eq!(form.send_file(&sara, "a.pdf", PDF).await.expect(303).location(), "/admin/wallet");
    form.send_file(&sara, "a.pdf", PDF).await.expect(303);
    let [payment] = payments_of(&app, app.sara).await[..] else { panic!("not one payment") };
    assert_eq!(wallet(&app, app.sara).await, (0, 50_000));
    let page = sara.get("/admin/wallet").await.expect(200);
    assert_eq!(page.text("#balance-total"), "۵۰٬۰۰۰ تومان");
    assert_eq!(sara.get_part(&page.attribute("#payments", "hx-get")).await.expect(200).count("#payments"), 1);
    sara.get("/admin/wallet/history").await.expect(200);
    sara.get(&format!("/admin/payments/{payment}")).await.expect(200);
    sara.post(&format!("/admin/payments/{payment}/approval"), &[]).await.expect(303);
    assert_eq!(wallet(&app, app.sara).await, (50_000, 0));
    let again = pay(&app, app.sara, 20_000).await;
    let page = sara.get("/admin/wallet").await.expect(200);
    let withdrawal = page.attribute(&format!("#payment-{again} form"), "action");
    assert_eq!(sara.post(&withdrawal, &[]).await.expect(303).location(), "/admin/wallet");
    assert_eq!(wallet(&app, app.sara).await, (50_000, 0));
    assert_eq!(sara.get("/admin/wallet/payments").await.expect(303).location(), "/admin/wallet/charge");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admins_wallet_pages_touch_nobody_elses_payment(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let theirs = pay(&app, app.reza, 50_000).await;
    let sara = app.signed_in("sara").await;
    sara.post(&format!("/admin/wallet/payments/{theirs}/withdrawal"), &[]).await.expect(404);
    sara.post("/admin/wallet/payments/nonsense/withdrawal", &[]).await.expect(404);
    assert_eq!(sara.get("/admin/wallet").await.expect(200).count(&format!("#payment-{theirs}")), 0);
    for role in ["reza", "nima"] {
        app.signed_in(role).await.get("/admin/wallet").await.expect(403);
    }
    assert_eq!(wallet(&app, app.reza).await, (0, 50_000));
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn every_wallet_leads_to_its_own_statement(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let areas = [("sara", app.sara, "/admin/wallet"), ("reza", app.reza, "/agent/wallet")];
    for (name, user, home) in areas.into_iter().chain([("nima", app.nima, "/user/payments")]) {
        let client = app.signed_in(name).await;
        app.give_credit(user, 30_000).await;
        let page = client.get(home).await.expect(200);
        let path = page.attribute("#statement .cluster a", "href");
        assert_eq!(path, format!("{home}/statement"));
        let paper = client.get(&path).await.expect(200);
        assert!(paper.body.contains("۳۰٬۰۰۰"), "{name}");
        client.get(&format!("{path}/excel")).await.expect(200);
    }
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_admins_statement_says_what_she_did_herself(db: PgPool) {
    let app = TestApp::start(db).await;
    card(&app.db, "ملی").await;
    let payment = pay(&app, app.sara, 50_000).await;
    let input = ApprovalInput { actual: None, note: None };
    payments::approve(&app.db, payment, app.sara, input, app.clock.now()).await.unwrap();
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/wallet").await.expect(200).count("#entries tbody tr"), 2);
    let typed = sara.get("/admin/wallet?type=CHARGE_APPROVED").await.expect(200);
    assert_eq!(typed.count("#entries tbody tr"), 1);
    sara.get("/admin/wallet?from=1405/13/01").await.expect(422);
    app.finish().await;
}
