//! Several instances behind nginx: who gets what, when one of them is not there.

use std::{
    io::Read,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread,
};

use sqlx::PgPool;

use crate::{
    nginx::Nginx,
    panel::{Panel, free_port},
};

#[test]
fn a_second_instance_answers_while_the_first_is_away_and_no_form_is_sent_twice() {
    // An instance that takes a form and dies over it.
    let dying = TcpListener::bind("127.0.0.1:0").unwrap();
    let second = TcpListener::bind("127.0.0.1:0").unwrap();
    let (first_address, second_address) = (dying.local_addr().unwrap(), second.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    for listener in [dying, second] {
        let seen = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut bytes = [0; 4096];
                let n = stream.unwrap().read(&mut bytes).unwrap_or(0);
                let text = String::from_utf8_lossy(&bytes[..n]).into_owned();
                seen.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
            }
        });
    }
    let nginx = Nginx::start(&format!("{first_address} max_fails=0; server {second_address}"));
    nginx.ask("/agent/create-user", &["--data", "a=b"]).expect(502);
    assert_eq!(*seen.lock().unwrap(), ["POST /agent/create-user HTTP/1.1"]);
    nginx.ask("/agent/orders", &[]).expect(502);
    assert_eq!(seen.lock().unwrap()[1..], ["GET /agent/orders HTTP/1.1", "GET /agent/orders HTTP/1.1"]);
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_form_that_an_instance_refuses_to_take_goes_to_the_other_one(db: PgPool) {
    let panel = Panel::start(&db, "http://127.0.0.1:9");
    let nginx = Nginx::start(&format!("127.0.0.1:{} max_fails=0; server {}", free_port(), panel.address));
    for _ in 0..4 {
        let reply = nginx.ask("/login", &["--data", "username=&password=&next="]);
        assert_eq!(reply.status, 422, "{}", reply.body);
    }
}
