//! Several accounts made by one form: names checked before anything is placed, each an order of its own.

use sqlx::PgPool;
use uuid::Uuid;

use super::{Form, PRICE, month, order_count};
use crate::support::{Answer, Client, TestApp};

const FORM: &str = "/agent/create-user/several";

/// A form with these fields, beside its plan at this price.
async fn send(client: &Client, id: Uuid, plan: &str, rest: &[(&str, &str)]) -> Answer {
    let id = id.to_string();
    let mut form = vec![("request_id", id.as_str()), ("plan", plan)];
    form.extend_from_slice(rest);
    client.post(FORM, &form).await
}

fn numbered<'a>(stem: &'a str, count: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![("way", "numbered"), ("stem", stem), ("first", "1"), ("count", count), ("names", "")]
}

fn confirmed<'a>(mut form: Vec<(&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    form.push(("step", "confirm"));
    form
}

async fn names(app: &TestApp) -> Vec<String> {
    sqlx::query_scalar!("SELECT marzban_username FROM orders ORDER BY id").fetch_all(&app.db).await.unwrap()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn numbered_accounts_are_made_at_the_sum_that_was_shown(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = format!("{}:{PRICE}", month(&app).await);
    app.give_credit(app.reza, PRICE * 5).await;
    let reza = app.signed_in("reza").await;
    assert_eq!(reza.get(FORM).await.expect(200).count("input[name=plan]"), 1);
    let id = Uuid::new_v4();
    let shown = send(&reza, id, &plan, &numbered("Shop_", "۳")).await.expect(200);
    assert_eq!(shown.texts("#names strong"), ["shop_01", "shop_02", "shop_03"]);
    assert_eq!((shown.text("#sum"), shown.text("#after")), ("۲۷۰٬۰۰۰ تومان".into(), "۱۸۰٬۰۰۰ تومان".into()));
    assert_eq!(order_count(&app).await, 0, "nothing is placed by looking");
    let mut edit = numbered("shop_", "3");
    edit.push(("step", "edit"));
    let form = send(&reza, id, &plan, &edit).await.expect(200);
    assert_eq!(
        (form.attribute("#stem", "value"), form.attribute("#count", "value")),
        ("shop_".into(), "3".into())
    );

    let go = confirmed(numbered("shop_", "3"));
    let (a, b) = tokio::join!(send(&reza, id, &plan, &go), send(&reza, id, &plan, &go));
    let result = a.expect(303).location().to_owned();
    assert_eq!(b.expect(303).location(), result);
    assert_eq!(send(&reza, id, &plan, &go).await.expect(303).location(), result);
    assert_eq!(names(&app).await, ["shop_01", "shop_02", "shop_03"]);
    assert_eq!(app.balance(app.reza).await.total().0, PRICE * 2);
    let waiting = reza.get(&result).await.expect(200);
    assert_eq!((waiting.count("#batch[hx-get]"), waiting.count("#links")), (1, 0));
    app.run_jobs().await;
    let made = reza.get(&result).await.expect(200);
    assert_eq!(made.text("#made"), "۳ از ۳ اکانت ساخته شد");
    assert_eq!((made.count("#lines .badge--ok"), made.count("#batch[hx-get]")), (3, 0));
    let links = made.attribute("#batch [data-copy]", "data-copy");
    assert_eq!(links.lines().count(), 3);
    assert!(links.lines().all(|line| line.starts_with("shop_0") && line.contains("/sub/")), "{links}");
    let sheet = reza.get(&format!("{result}/excel")).await.expect(200);
    assert!(sheet.bytes.starts_with(b"PK") && sheet.header("content-type").contains("spreadsheetml"));
    let mina = app.signed_in("mina").await;
    for path in [result.clone(), format!("{result}/excel")] {
        mina.get(&path).await.expect(404);
    }
    mina.post(&format!("{result}/rest"), &[]).await.expect(404);

    // The same form with other names is not the same form.
    let other = send(&reza, id, &plan, &numbered("more_", "2")).await.expect(422);
    assert_eq!(other.attribute(".banner a", "href"), result);
    assert_ne!(other.attribute("input[name=request_id]", "value"), id.to_string());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_pasted_list_is_checked_line_by_line_and_kept(db: PgPool) {
    let app = TestApp::start(db).await;
    let month = month(&app).await;
    let plan = format!("{month}:{PRICE}");
    app.give_credit(app.reza, PRICE * 10).await;
    Form::new(app.reza, month, "old_one").send(&app).await.unwrap();
    app.run_jobs().await;
    let reza = app.signed_in("reza").await;
    let list = |names: &'static str| vec![("way", "list"), ("names", names)];
    let typed = "ok_1, علی\n\n1bad\nok_1\nعلی\nab";
    let wrong = send(&reza, Uuid::new_v4(), &plan, &list(typed)).await.expect(422);
    let lines = wrong.texts("#bad-lines li");
    assert_eq!(lines.len(), 4);
    for (line, start) in lines.iter().zip(["۳)", "۴)", "۵)", "۶)"]) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(wrong.text("#names"), typed.split_whitespace().collect::<Vec<_>>().join(" "));
    assert_eq!(wrong.attributes("input[name=way][checked]", "value"), ["list"]);
    assert_eq!(wrong.count("input[name=plan][checked]"), 1);
    let taken = send(&reza, Uuid::new_v4(), &plan, &list("new_1\n\nOLD_one")).await.expect(422);
    assert_eq!(taken.texts("#bad-lines li"), ["۳) old_one: این نام گرفته شده است."]);
    // On the server only.
    let mut user = app.simulator.user("old_one").unwrap();
    user.username = "there".to_owned();
    app.simulator.put_user(user);
    let taken = send(&reza, Uuid::new_v4(), &plan, &list("there")).await.expect(422);
    assert_eq!(taken.count("#bad-lines li"), 1);
    send(&reza, Uuid::new_v4(), &plan, &list(" \n")).await.expect(422);
    let many: String = (0..101).map(|n| format!("n_{n}\n")).collect();
    let many = send(&reza, Uuid::new_v4(), &plan, &[("way", "list"), ("names", &many)]).await.expect(422);
    assert!(many.text("#names-error").contains("۱۰۰"));
    assert_eq!(order_count(&app).await, 1);

    let good = confirmed(list("=cmd_1, x"));
    send(&reza, Uuid::new_v4(), &plan, &good).await.expect(422);
    let good = confirmed(list("new_1, =HYPERLINK(1)\nnew_2"));
    let result = send(&reza, Uuid::new_v4(), &plan, &good).await.expect(303).location().to_owned();
    app.run_jobs().await;
    assert_eq!(names(&app).await, ["old_one", "new_1", "new_2"]);
    assert_eq!(reza.get(&result).await.expect(200).text("#lines .list__sub"), "=HYPERLINK(1)");
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn numbers_plans_and_credit_are_checked_before_anything_is_placed(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = format!("{}:{PRICE}", month(&app).await);
    app.give_credit(app.reza, PRICE * 2).await;
    let reza = app.signed_in("reza").await;
    for count in ["", "0", "101", "-1", "2.5", "abc", "۱۰۱"] {
        let answer = send(&reza, Uuid::new_v4(), &plan, &numbered("shop_", count)).await.expect(422);
        assert_eq!(
            (answer.count("#count-error"), answer.attribute("#count", "value")),
            (1, count.to_owned())
        );
    }
    for stem in ["", "1a", "علی", "a-b", "a_name_as_long_as_marzban_allows"] {
        let answer = send(&reza, Uuid::new_v4(), &plan, &numbered(stem, "2")).await.expect(422);
        assert_eq!(answer.count("#stem-error"), 1, "{stem}");
    }
    let mut first = numbered("shop_", "2");
    first[2].1 = "x";
    assert_eq!(send(&reza, Uuid::new_v4(), &plan, &first).await.expect(422).count("#first-error"), 1);
    let dear = send(&reza, Uuid::new_v4(), &plan, &numbered("shop_", "3")).await.expect(422);
    assert!(dear.text("#plan-error").contains("۹۰٬۰۰۰ تومان کم دارید"));
    for wrong in ["", "1", "999:90000", &format!("{}:1", plan.split(':').next().unwrap())] {
        let answer = send(&reza, Uuid::new_v4(), wrong, &confirmed(numbered("shop_", "2"))).await.expect(422);
        assert_eq!(answer.count("#plan-error"), 1, "{wrong}");
    }
    reza.post(FORM, &[("request_id", "7")]).await.expect(400);
    assert_eq!(order_count(&app).await, 0);
    assert_eq!(app.signed_in("nima").await.get(FORM).await.status, 403);
    assert_eq!(app.stranger().get(FORM).await.status, 303);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_batch_that_broke_in_the_middle_goes_on_and_stops_honestly(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = format!("{}:{PRICE}", month(&app).await);
    app.give_credit(app.reza, PRICE * 4).await;
    let reza = app.signed_in("reza").await;
    sqlx::raw_sql(
        "CREATE FUNCTION break_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
         CREATE TRIGGER break_it BEFORE INSERT ON orders FOR EACH ROW WHEN (NEW.marzban_username = 'shop_02')
         EXECUTE FUNCTION break_it()",
    )
    .execute(&app.db)
    .await
    .unwrap();
    let id = Uuid::new_v4();
    let go = confirmed(numbered("shop_", "4"));
    let result = send(&reza, id, &plan, &go).await.expect(303).location().to_owned();
    assert_eq!(names(&app).await, ["shop_01"]);
    assert!(reza.get(&result).await.expect(200).text("#rest").contains("۳ اکانت سفارش داده نشد"));
    sqlx::raw_sql("DROP TRIGGER break_it ON orders").execute(&app.db).await.unwrap();
    // Meanwhile a name went to somebody else, and most of the credit is gone.
    app.give_credit(app.mina, PRICE).await;
    let month = plan.split(':').next().unwrap().parse::<i64>().unwrap().into();
    Form::new(app.mina, month, "shop_02").send(&app).await.unwrap();
    app.give_credit(app.reza, -PRICE * 2).await;
    assert_eq!(send(&reza, id, &plan, &go).await.expect(303).location(), result, "the same form goes on");
    app.run_jobs().await;
    let page = reza.get(&result).await.expect(200);
    assert_eq!(page.texts("#lines .badge"), ["فعال", "سفارش داده نشد", "فعال", "انجام نشده"]);
    let rest = page.text("#rest");
    assert!(rest.contains("۱ اکانت") && rest.contains("۹۰٬۰۰۰ تومان کم است"), "{rest}");
    assert_eq!(app.balance(app.reza).await.total().0, 0);
    app.give_credit(app.reza, PRICE).await;
    reza.post(&format!("{result}/rest"), &[]).await.expect(303);
    app.run_jobs().await;
    let page = reza.get(&result).await.expect(200);
    assert_eq!((page.count("#lines .badge--ok"), page.count("#rest")), (3, 0));
    assert_eq!(app.balance(app.reza).await.total().0, 0);
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_page_of_twenty_is_light(db: PgPool) {
    let app = TestApp::start(db).await;
    let plan = format!("{}:{PRICE}", month(&app).await);
    app.give_credit(app.reza, PRICE * 20).await;
    let reza = app.signed_in("reza").await;
    let sent = send(&reza, Uuid::new_v4(), &plan, &confirmed(numbered("shop_", "20"))).await.expect(303);
    app.run_jobs().await;
    // A client that shows what was sent, and decodes nothing by itself.
    let http = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    for path in [sent.location(), "/agent/users", "/agent"] {
        let request = reza.request(axum::http::Method::GET, path).header("accept-encoding", "gzip");
        let page = http.execute(request.build().unwrap()).await.unwrap();
        assert_eq!(
            (page.status().as_u16(), page.headers()["content-encoding"].as_bytes()),
            (200, &b"gzip"[..])
        );
        let bytes = page.bytes().await.unwrap().len();
        assert!(bytes < 8 * 1024, "{path}: {bytes} bytes");
    }
    app.finish().await;
}
