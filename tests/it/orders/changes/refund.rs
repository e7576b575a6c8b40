//! The refund as arithmetic: over any use of any account it stays between nothing and the price.

use proptest::prelude::*;
use rad_panel::{
    calendar::Time,
    orders::changes::{Purchase, reckon},
    panel::{Account, AccountStatus},
};

use super::*;

fn start() -> Time {
    Time::from_unix_timestamp(1_795_382_656).unwrap()
}

fn seconds(n: i64) -> time::Duration {
    time::Duration::seconds(n)
}

fn bought(price: i64, days: i32, gb: Option<i32>) -> Purchase {
    Purchase {
        price: Toman(price),
        days,
        data_limit_gb: gb,
        provisioned_at: start(),
        known_used_bytes: 0,
        renewed_days: 0,
    }
}

fn account(expire_at: Option<Time>, used: i64) -> Account {
    Account {
        username: NAME.to_owned(),
        status: AccountStatus::Active,
        expire_at,
        on_hold_seconds: None,
        data_limit_bytes: None,
        data_used_bytes: 0,
        lifetime_used_bytes: used,
        subscription_url: String::new(),
        online_at: None,
        keeper: None,
        note: None,
        created_at: start(),
        keys: String::new(),
    }
}

const DAY: i64 = 24 * 3600;

proptest! {
    #[test]
    fn it_is_the_smaller_share_rounded_down_and_falls_as_time_and_volume_are_used(
        price in 1_i64..=1_000_000_000,
        days in 1_i32..=3650,
        gb in prop::option::of(1_i32..=100_000),
        age in 0_i64..DAY,
        used in 0_i64..=200_000 * GB,
        more in 0_i64..=GB,
    ) {
        let bought = bought(price, days, gb);
        let end = start() + seconds(i64::from(days) * DAY);
        let at = |age: i64, used: i64| reckon(&bought, Some(&account(Some(end), used)), start() + seconds(age)).0;
        let refund = at(age, used);
        prop_assert!((0..=price).contains(&refund));
        // The definition, in fractions that are compared without dividing.
        let total = i128::from(days) * i128::from(DAY);
        let (mut part, mut whole) = (total - i128::from(age), total);
        if let Some(gb) = gb {
            let volume = i128::from(gb) * i128::from(GB);
            let left = (volume - i128::from(used)).max(0);
            if left * whole < part * volume {
                (part, whole) = (left, volume);
            }
        }
        prop_assert_eq!(i128::from(refund), i128::from(price) * part / whole);
        prop_assert!(at(age, used + more) <= refund);
        prop_assert!(at((age + 60).min(DAY - 1), used) <= refund);
        prop_assert_eq!(at(DAY, used), 0);
        if gb.is_none() {
            prop_assert_eq!(at(age, used + more), refund);
        }
    }

    #[test]
    fn whatever_the_server_says_it_is_between_nothing_and_the_price(
        price in 1_i64..=1_000_000_000,
        days in 1_i32..=3650,
        expire in prop::option::of(-5_000 * DAY..5_000 * DAY),
        on_hold in prop::option::of(-5_i64..5_000 * DAY),
        renewed_days in 0_i64..10_000,
        used in 0_i64..i64::MAX,
        age in -DAY..10 * DAY,
        status in prop::sample::select(vec![AccountStatus::Active, AccountStatus::OnHold, AccountStatus::Disabled]),
    ) {
        let bought = Purchase { renewed_days, ..bought(price, days, Some(30)) };
        let account = Account {
            status,
            on_hold_seconds: on_hold,
            ..account(expire.map(|at| start() + seconds(at)), used)
        };
        let refund = reckon(&bought, Some(&account), start() + seconds(age)).0;
        prop_assert!((0..=price).contains(&refund));
        prop_assert_eq!(reckon(&bought, None, start() + seconds(age)).0, 0);
    }
}

#[test]
fn one_that_waits_for_its_first_connection_is_unused_only_while_nothing_was_used() {
    let bought = bought(PRICE, 30, Some(30));
    let waiting =
        Account { status: AccountStatus::OnHold, on_hold_seconds: Some(30 * DAY), ..account(None, 0) };
    let now = start() + seconds(3600);
    assert_eq!(reckon(&bought, Some(&waiting), now), Toman(PRICE));
    let off = Account { status: AccountStatus::Disabled, ..waiting.clone() };
    assert_eq!(reckon(&bought, Some(&off), now), Toman(PRICE));
    let connected = Account { lifetime_used_bytes: 15 * GB, online_at: Some(now), ..waiting };
    assert_eq!(reckon(&bought, Some(&connected), now), Toman(PRICE / 2));
    // Without an end, and not because it waits: its days count as they were bought.
    let endless = account(None, 0);
    assert_eq!(reckon(&bought, Some(&endless), start() + seconds(DAY / 2)), Toman(PRICE * 59 / 60));
}

#[test]
fn what_was_used_before_the_servers_figures_were_wiped_stays_used() {
    let bought = Purchase { known_used_bytes: 27 * GB, ..bought(PRICE, 30, Some(30)) };
    let end = start() + seconds(30 * DAY);
    let at_once = start() + seconds(1);
    assert_eq!(reckon(&bought, Some(&account(Some(end), 0)), at_once), Toman(PRICE / 10));
    assert_eq!(reckon(&bought, Some(&account(Some(end), 30 * GB)), at_once), Toman(0));
    let waiting =
        Account { status: AccountStatus::OnHold, on_hold_seconds: Some(30 * DAY), ..account(None, 0) };
    assert_eq!(reckon(&bought, Some(&waiting), at_once), Toman(PRICE / 10));
}

#[test]
fn an_account_that_was_made_again_pays_back_what_is_left_of_both_its_lives() {
    let end = start() + seconds(30 * DAY);
    // 5 of 30 GB were used before, and 20 of the 25 that were left then.
    let bought = Purchase { known_used_bytes: 5 * GB, ..bought(300_000, 30, Some(30)) };
    let again =
        Account { data_limit_bytes: Some(25 * GB), data_used_bytes: 20 * GB, ..account(Some(end), 20 * GB) };
    assert_eq!(reckon(&bought, Some(&again), start()), Toman(50_000));
    // A renewal brings a volume of its own, which says nothing of the first.
    let renewed = Purchase { renewed_days: 30, ..bought };
    let end = start() + seconds(60 * DAY);
    let refund = reckon(&renewed, Some(&Account { expire_at: Some(end), ..again }), start());
    assert_eq!(refund, Toman(100_000));
}
