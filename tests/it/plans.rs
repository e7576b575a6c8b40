//! The owner's plans: what is on offer, at which price, in which order, and who changed it.

mod prices;

use rad_panel::{ids::PlanId, plans};
use sqlx::PgPool;

use crate::support::{Answer, Client, TestApp};

/// What is typed into the form of a plan.
type Typed<'a> = [(&'a str, &'a str); 5];

fn typed<'a>(name: &'a str, days: &'a str, gb: &'a str, public: &'a str, agent: &'a str) -> Typed<'a> {
    [("name", name), ("days", days), ("data_limit_gb", gb), ("price_public", public), ("price_agent", agent)]
}

/// Sends the form of a plan as `page` showed it, with this typed into it.
async fn save(client: &Client, page: &Answer, id: PlanId, typed: Typed<'_>) -> Answer {
    let seen = page.attribute("input[name=seen]", "value");
    let form: Vec<_> = typed.into_iter().chain([("seen", seen.as_str())]).collect();
    client.post(&format!("/admin/plans/{id}"), &form).await
}

/// The names of the list, as it stands on the page.
async fn names(client: &Client) -> Vec<String> {
    client.get("/admin/plans").await.expect(200).texts("#plans tbody td:first-child > a")
}

async fn actions(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar!("SELECT action FROM audit_log WHERE subject_type = 'plan' ORDER BY id")
        .fetch_all(&app.db)
        .await
        .unwrap()
}

/// Prices of a plan before and after each change, oldest first.
async fn history(app: &TestApp, id: PlanId) -> Vec<(Option<i64>, i64, i64, Option<i64>)> {
    sqlx::query!(
        "SELECT public_before, price_public, price_agent, changed_by FROM plan_prices WHERE plan_id = $1 ORDER BY id",
        id.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap()
    .into_iter()
    .map(|row| (row.public_before, row.price_public, row.price_agent, row.changed_by))
    .collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_new_plan_is_on_offer_at_once_as_the_last_of_the_list(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    assert_eq!(sara.get("/admin/plans").await.expect(200).count("#plans .empty"), 1);
    app.plan("اولی", 30, Some(20), 80_000).await;
    let answer = sara
        .post("/admin/plans", &typed(" يك‌ماهه ", "۳۰", "٥٠", "۲۱۰٬۰۰۰ تومان", "155,000"))
        .await
        .expect(303);
    let id = PlanId(answer.location().rsplit('-').next().unwrap().parse().unwrap());
    assert_eq!(answer.location(), format!("/admin/plans#plan-{id}"));
    let page = sara.get("/admin/plans").await.expect(200);
    assert_eq!(page.count("#flash .flash--ok"), 1);
    assert_eq!(page.texts("#plans tbody td:first-child > a"), ["اولی", "یک‌ماهه"]);
    assert_eq!(page.text(&format!("#plan-{id} td:nth-child(2)")), "۲۱۰٬۰۰۰ تومان");
    let plan = plans::find_active(&mut app.db.acquire().await.unwrap(), id).await.unwrap().unwrap();
    assert_eq!((plan.days, plan.data_limit_gb, plan.price_agent.0), (30, Some(50), 155_000));
    assert_eq!(history(&app, id).await, [(None, 210_000, 155_000, Some(app.sara.0))]);
    assert_eq!(actions(&app).await, ["plan.create"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_is_wrong_stands_beside_its_field_and_all_that_was_typed_stays(db: PgPool) {
    let app = TestApp::start(db).await;
    app.plan("گرفته", 30, Some(20), 80_000).await;
    let sara = app.signed_in("sara").await;
    let long = "ن".repeat(61);
    for (field, form) in [
        ("name", typed(" \u{200f}", "30", "20", "100000", "80000")),
        ("name", typed(&long, "30", "20", "100000", "80000")),
        ("name", typed("گرفته ", "30", "20", "100000", "80000")),
        ("days", typed("نو", "۰", "20", "100000", "80000")),
        ("days", typed("نو", "۳۶۵۱", "20", "100000", "80000")),
        ("days", typed("نو", "1.5", "20", "100000", "80000")),
        ("days", typed("نو", "", "20", "100000", "80000")),
        ("data_limit_gb", typed("نو", "30", "", "100000", "80000")),
        ("data_limit_gb", typed("نو", "30", "۱۰۰٬۰۰۱", "100000", "80000")),
        ("data_limit_gb", typed("نو", "30", "-20", "100000", "80000")),
        ("price_public", typed("نو", "30", "20", "0", "80000")),
        ("price_public", typed("نو", "30", "20", "99999999999999999999", "80000")),
        ("price_agent", typed("نو", "30", "20", "80000", "۸۰٬۰۰۰")),
        ("price_agent", typed("نو", "30", "20", "80000", "<b>")),
    ] {
        let page = sara.post("/admin/plans", &form).await.expect(422);
        assert_eq!(page.attributes(".field__error", "id"), [format!("{field}-error")], "{form:?}");
        for (name, value) in form {
            assert_eq!(page.attribute(&format!("#{name}"), "value"), value, "{form:?}");
        }
    }
    let both = [&typed("نو", "30", "20", "100000", "80000")[..], &[("unlimited", "true")]].concat();
    let page = sara.post("/admin/plans", &both).await.expect(422);
    assert_eq!((page.count("#data_limit_gb-error"), page.count("[name=unlimited][checked]")), (1, 1));
    assert_eq!(names(&sara).await, ["گرفته"]);
    // At the very limits.
    sara.post("/admin/plans", &typed("کم", "1", "1", "2", "1")).await.expect(303);
    sara.post("/admin/plans", &typed("زیاد", "3650", "100000", "1000000000", "999999999")).await.expect(303);
    let unlimited = [&typed("بی‌پایان", "30", "", "3", "2")[..], &[("unlimited", "true")]].concat();
    sara.post("/admin/plans", &unlimited).await.expect(303);
    assert_eq!(names(&sara).await.len(), 4);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_change_of_price_stands_in_the_history_with_who_made_it(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = app.plan("ماهانه", 30, Some(20), 80_000).await;
    let sara = app.signed_in("sara").await;
    let path = format!("/admin/plans/{id}");
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.attribute("#price_public", "value"), "۱۲۰٬۰۰۰");
    save(&sara, &page, id, typed("ماهانه", "30", "20", "۱۳۰٬۰۰۰", "۸۰٬۰۰۰")).await.expect(303);
    assert_eq!(history(&app, id).await, [(Some(120_000), 130_000, 80_000, Some(app.sara.0))]);
    // Another name changes no price.
    let page = sara.get(&path).await.expect(200);
    save(&sara, &page, id, typed("ماهانهٔ نو", "31", "20", "۱۳۰٬۰۰۰", "۸۰٬۰۰۰")).await.expect(303);
    assert_eq!(history(&app, id).await.len(), 1);
    let page = sara.get(&path).await.expect(200);
    assert_eq!(page.count("#history tbody tr"), 1);
    let row = page.text("#history tbody tr");
    assert!(row.contains("sara") && row.contains("۱۳۰٬۰۰۰") && row.contains("پیش از آن ۱۲۰٬۰۰۰"), "{row}");
    assert_eq!(actions(&app).await, ["plan.update", "plan.update"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn of_two_admins_at_once_the_second_is_told_and_loses_nothing_typed(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = app.plan("ماهانه", 30, Some(20), 80_000).await;
    let (sara, other) = (app.signed_in("sara").await, app.signed_in("sara").await);
    let path = format!("/admin/plans/{id}");
    let (first, second) = (sara.get(&path).await.expect(200), other.get(&path).await.expect(200));
    let (a, b) = (typed("الف", "30", "20", "130000", "90000"), typed("ب", "30", "20", "140000", "95000"));
    let (one, two) = tokio::join!(save(&sara, &first, id, a), save(&other, &second, id, b));
    let mut outcomes = [one.status, two.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 409]);
    let (loser, client, typed) = if one.status == 409 { (one, &sara, a) } else { (two, &other, b) };
    let notice = loser.text("#conflict");
    assert!(notice.contains("sara") && notice.contains("تومان"), "{notice}");
    assert_eq!(loser.attribute("#name", "value"), typed[0].1);
    assert_eq!(history(&app, id).await.len(), 1);
    // Knowing that, she saves again.
    save(client, &loser, id, typed).await.expect(303);
    assert_eq!(names(&sara).await, [typed[0].1]);
    assert_eq!(history(&app, id).await.len(), 2);
    // The same form once more is done already.
    save(client, &loser, id, typed).await.expect(303);
    assert_eq!(history(&app, id).await.len(), 2);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn the_same_form_sent_twice_at_once_makes_one_plan(db: PgPool) {
    let app = TestApp::start(db).await;
    let sara = app.signed_in("sara").await;
    let form = typed("ماهانه", "30", "20", "130000", "90000");
    let (one, two) = tokio::join!(sara.post("/admin/plans", &form), sara.post("/admin/plans", &form));
    let mut outcomes = [one.status, two.status];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [303, 422]);
    assert_eq!(names(&sara).await, ["ماهانه"]);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_plan_off_offer_stands_behind_the_others_and_comes_back_last(db: PgPool) {
    let app = TestApp::start(db).await;
    let (a, b) = (app.plan("الف", 30, None, 80_000).await, app.plan("ب", 30, None, 80_000).await);
    let sara = app.signed_in("sara").await;
    for _ in 0..2 {
        let answer = sara.post(&format!("/admin/plans/{a}/deactivation"), &[]).await.expect(303);
        assert_eq!(answer.location(), format!("/admin/plans#plan-{a}"));
    }
    assert_eq!(names(&sara).await, ["ب", "الف"]);
    assert!(plans::find_active(&mut app.db.acquire().await.unwrap(), a).await.unwrap().is_none());
    // Off offer, its name is free.
    sara.post("/admin/plans", &typed("الف", "30", "20", "130000", "90000")).await.expect(303);
    let refused = sara.post_part(&format!("/admin/plans/{a}/activation"), &[]).await.expect(200);
    assert_eq!((refused.count("#plans .flash--bad"), refused.count("html nav")), (1, 0));
    let page = sara.get(&format!("/admin/plans/{a}")).await.expect(200);
    let renamed = [&typed("پ", "30", "", "120000", "80000")[..], &[("unlimited", "true")]].concat();
    let seen = page.attribute("input[name=seen]", "value");
    let form: Vec<_> = renamed.into_iter().chain([("seen", seen.as_str())]).collect();
    sara.post(&format!("/admin/plans/{a}"), &form).await.expect(303);
    sara.post(&format!("/admin/plans/{a}/activation"), &[]).await.expect(303);
    assert_eq!(names(&sara).await, ["ب", "الف", "پ"]);
    assert_eq!(
        actions(&app).await,
        ["plan.deactivate", "plan.create", "plan.update", "plan.activate"],
        "{b} was not touched"
    );
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn plans_move_by_one_place_whoever_moves_at_once(db: PgPool) {
    let app = TestApp::start(db).await;
    let a = app.plan("الف", 30, None, 80_000).await;
    let b = app.plan("ب", 30, None, 80_000).await;
    let c = app.plan("پ", 30, None, 80_000).await;
    let sara = app.signed_in("sara").await;
    let shift = async |id: PlanId, direction: &str| {
        sara.post(&format!("/admin/plans/{id}/position"), &[("direction", direction)]).await.expect(303);
    };
    shift(c, "up").await;
    assert_eq!(names(&sara).await, ["الف", "پ", "ب"]);
    shift(a, "up").await;
    shift(b, "down").await;
    assert_eq!(names(&sara).await, ["الف", "پ", "ب"]);
    tokio::join!(shift(a, "down"), shift(a, "down"));
    assert_eq!(names(&sara).await, ["پ", "ب", "الف"]);
    let page =
        sara.post_part(&format!("/admin/plans/{a}/position"), &[("direction", "up")]).await.expect(200);
    assert_eq!(page.texts("#plans tbody td:first-child > a"), ["پ", "الف", "ب"]);
    assert_eq!(page.count(&format!("#plan-{b} button[value=down][disabled]")), 1);
    sara.post(&format!("/admin/plans/{a}/position"), &[("direction", "sideways")]).await.expect(400);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn sold_accounts_are_counted_and_what_came_to_nothing_is_not(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = app.plan("ماهانه", 30, Some(20), 80_000).await;
    for (number, status) in
        ["ACTIVE", "DISABLED", "PROVISIONING", "CANCELLED", "AWAITING_PAYMENT"].into_iter().enumerate()
    {
        sqlx::query!(
            "INSERT INTO orders (user_id, plan_id, plan_name, amount, days, marzban_username, status, disabled_reason, request_id, created_at)
             VALUES ($1, $2, 'ماهانه', 80000, 30, $3, $4, CASE WHEN $4 = 'DISABLED' THEN 'BY_ADMIN' END, gen_random_uuid(), now())",
            app.reza.0,
            id.0,
            format!("sold_{number}"),
            status
        )
        .execute(&app.db)
        .await
        .unwrap();
    }
    let sara = app.signed_in("sara").await;
    let page = sara.get("/admin/plans").await.expect(200);
    assert_eq!(page.text(&format!("#plan-{id} td:nth-child(4)")), "۳");
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn only_admins_see_and_change_plans(db: PgPool) {
    let app = TestApp::start(db).await;
    let id = app.plan("ماهانه", 30, Some(20), 80_000).await;
    for who in ["reza", "nima"] {
        let client = app.signed_in(who).await;
        client.get("/admin/plans").await.expect(403);
        client.post(&format!("/admin/plans/{id}/deactivation"), &[]).await.expect(403);
        client.post("/admin/plans", &typed("نو", "30", "20", "100000", "80000")).await.expect(403);
    }
    let sara = app.signed_in("sara").await;
    assert_eq!(names(&sara).await, ["ماهانه"]);
    for path in ["/admin/plans/999", "/admin/plans/x", "/admin/plans/99999999999999999999"] {
        sara.get(path).await.expect(404);
    }
    sara.post("/admin/plans/999/activation", &[]).await.expect(404);
    assert_eq!(actions(&app).await, Vec::<String>::new());
    app.finish().await;
}
