//! Alias and note, another owner, and hurrying what waits.

use rad_panel::{accounts, orders::changes::MoveError};

use super::*;

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn alias_and_note_are_changed_here_alone(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, _) = sold(&app, 0).await;
    for _ in 0..2 {
        changes::edit(&app.db, order, ("علی", "برادر"), owner(&app), app.clock.now()).await.unwrap();
    }
    changes::edit(&app.db, order, ("علی ۲", "برادر"), admin(&app), app.clock.now()).await.unwrap();
    let row = sqlx::query!("SELECT alias, note FROM orders WHERE id = $1", order.0).fetch_one(&app.db).await;
    let row = row.unwrap();
    assert_eq!((row.alias.as_str(), row.note.as_str()), ("علی ۲", "برادر"));
    assert_eq!(life(&app, order).await[2..], ["order.edit", "order.edit"], "what is so already is no deed");
    assert!(app.simulator.requests().is_empty());
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn an_order_is_moved_to_an_active_agent_or_to_the_admin_herself(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let (now, sara) = (app.clock.now(), app.sara.into());
    let to = |user: UserId| changes::move_to(&app.db, order, user, sara, "شریک تازه", now);
    assert!(matches!(to(app.nima).await, Err(MoveError::BadTarget)));
    assert!(matches!(to(UserId(987_654)).await, Err(MoveError::BadTarget)));
    accounts::disable(&app.db, app.mina, app.sara, now).await.unwrap();
    assert!(matches!(to(app.mina).await, Err(MoveError::BadTarget)));
    accounts::enable(&app.db, app.mina, app.sara, now).await.unwrap();

    renew(&app, order, plan).await.unwrap();
    assert!(matches!(to(app.mina).await, Err(MoveError::Busy)));
    app.run_jobs().await;
    to(app.mina).await.unwrap();
    to(app.mina).await.unwrap();
    assert!(matches!(renew(&app, order, plan).await, Err(ChangeError::NotFound)), "it is no longer Reza's");
    disable(&app, order, By::Owner(app.mina.into())).await.unwrap();
    app.run_jobs().await;
    to(app.sara).await.unwrap();
    assert_eq!(credit(&app, app.reza).await, 0);
    assert_eq!(credit(&app, app.mina).await, 0);
    let moves: Vec<serde_json::Value> = sqlx::query_scalar!(
        "SELECT detail FROM audit_log WHERE action = 'order.move' AND actor_id = $1 ORDER BY id",
        app.sara.0
    )
    .fetch_all(&app.db)
    .await
    .unwrap();
    let line =
        |from: UserId, to: UserId| serde_json::json!({ "from": from, "to": to, "reason": "شریک تازه" });
    assert_eq!(moves, [line(app.reza, app.mina), line(app.mina, app.sara)]);
    let waiting = {
        app.give_credit(app.reza, PRICE).await;
        Form::new(app.reza, plan, "reza_new").send(&app).await.unwrap()
    };
    let moved = changes::move_to(&app.db, waiting, app.mina, sara, "", now).await;
    assert!(matches!(moved, Err(MoveError::Busy)));
    app.run_jobs().await;
    app.finish().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn what_waits_is_tried_at_once_when_the_admin_says_so(db: PgPool) {
    let app = TestApp::start(db).await;
    let (order, plan) = sold(&app, PRICE).await;
    let sara = app.sara.into();
    assert!(!changes::retry_now(&app.db, order, sara, app.clock.now()).await.unwrap(), "nothing waits");
    app.simulator.down().await;
    renew(&app, order, plan).await.unwrap();
    app.give_credit(app.reza, PRICE).await;
    let new = Form::new(app.reza, plan, "reza_new").send(&app).await.unwrap();
    assert_eq!(app.run_jobs().await, 2);
    app.simulator.up().await.unwrap();
    assert_eq!(app.run_jobs().await, 0, "both wait for their next attempt");
    for order in [order, new] {
        assert!(changes::retry_now(&app.db, order, sara, app.clock.now()).await.unwrap());
        assert_eq!(app.run_jobs().await, 1);
    }
    assert_eq!(last(&app, order).await, "RENEW DONE");
    assert_eq!(status(&app, new).await, "ACTIVE");
    app.finish().await;
}
