//! Reports on paper, as Chromium prints them, and the file that is waited for.

use std::{fs, process::Command};

use serde_json::json;
use sqlx::PgPool;

use crate::{browser::Browser, chrome::Options, shop::Shop};

/// What stands on each page of the paper, line by line.
async fn print(shop: &Shop, browser: &Browser, name: &str) -> Vec<String> {
    let printed = browser.cdp("Page.printToPDF", json!({ "preferCSSPageSize": true })).await;
    let content =
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, printed["data"].as_str().unwrap());
    let file = shop.files().join(format!("{name}.pdf"));
    fs::write(&file, content.unwrap()).unwrap();
    let text = Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output().unwrap();
    assert!(text.status.success(), "bin/need pdf installs pdftotext");
    let info = Command::new("pdfinfo").arg(&file).output().unwrap();
    assert!(String::from_utf8_lossy(&info.stdout).contains("(A4)"));
    // Marks of direction are the reader's business.
    let marks = ['\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}'];
    let text = String::from_utf8(text.stdout).unwrap().replace(marks, "");
    text.trim_end_matches('\u{c}').split('\u{c}').map(str::to_owned).collect()
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_report_is_printed_on_numbered_pages_with_its_heads_and_without_the_menu(db: PgPool) {
    let shop = Shop::open(db).await;
    shop.post_many(120).await;
    let mut sara = shop.signed_in("sara", Options::DESKTOP).await;
    sara.goto("/admin/reports?range=all").await;
    sara.click("a[href*='/admin/reports/print']").await;
    sara.find("#lines").await;
    let pages = print(&shop, &sara, "report").await;
    assert!((3..=6).contains(&pages.len()), "{} pages", pages.len());
    let numbers = ["۱", "۲", "۳", "۴", "۵", "۶"];
    let last = numbers[pages.len() - 1];
    for (page, number) in pages.iter().zip(numbers) {
        let foot = page.lines().rev().find(|line| !line.trim().is_empty()).unwrap();
        let foot: String = foot.split_whitespace().collect();
        assert_eq!(foot, format!("{number}از{last}"));
        // The menu, and the buttons of the screen.
        assert!(!page.contains("تنظیمات") && !page.contains("بازگشت"), "{page}");
    }
    assert!(pages[0].contains("RAD") && pages[0].contains("گزارش") && pages[0].contains("همه"));
    for page in &pages[..pages.len() - 1] {
        assert!(page.contains("روش پرداخت"), "no heads on {page}");
    }
    assert_eq!(pages.concat().matches("دستی").count(), 121, "each row once, and its sum");
    assert!(pages.last().unwrap().contains("۱۲۰"));

    // Paper is light, also from a dark screen.
    sara.set_dark(true).await;
    let colours = "const style = (css) => getComputedStyle(document.querySelector(css));
         return [style('h1').color, style('.paper__tools').display]";
    assert_eq!(sara.js(colours).await, json!(["rgb(229, 237, 236)", "grid"]));
    let dark_printer = json!({ "media": "print",
        "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    sara.cdp("Emulation.setEmulatedMedia", dark_printer).await;
    assert_eq!(sara.js(colours).await, json!(["rgb(20, 33, 32)", "none"]));
    sara.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_statement_is_printed_with_both_balances(db: PgPool) {
    let shop = Shop::open(db).await;
    shop.give_credit(shop.reza, 250_000).await;
    let reza = shop.signed_in("reza", Options::PHONE).await;
    reza.goto("/agent/wallet").await;
    reza.click("a[href='/agent/wallet/statement']").await;
    reza.find("#balances").await;
    reza.no_sideways_scroll().await;
    let pages = print(&shop, &reza, "statement").await;
    assert_eq!(pages.len(), 1);
    for part in ["گردش حساب", "رضا", "مانده از قبل", "پایان", "۲۵۰٬۰۰۰", "credit for a test"]
    {
        assert!(pages[0].contains(part), "{part} in {}", pages[0]);
    }
    assert!(!pages[0].contains("از تاریخ"), "the form is for the screen");
    reza.close().await;
    shop.close().await;
}

#[sqlx::test(migrator = "rad_panel::MIGRATOR")]
async fn a_large_file_is_waited_for_with_and_without_scripts(db: PgPool) {
    let shop = Shop::open(db).await;
    shop.post_many(5_500).await;
    for options in [Options::DESKTOP, Options::PHONE.without_scripts()] {
        let sara = shop.signed_in("sara", options).await;
        sara.goto("/admin/reports?range=all").await;
        sara.click("form[action='/admin/reports/exports'] button").await;
        sara.wait_for_count("#download", 1).await;
        sara.wait_for_text("#export", "۵٬۵۰۰ ردیف").await;
        sara.no_sideways_scroll().await;
        sara.close().await;
    }
    shop.close().await;
}
