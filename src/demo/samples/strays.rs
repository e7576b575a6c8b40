//! Accounts that the shop had in Marzban before the panel: to try bringing them in.

use crate::{
    calendar::Time,
    demo::simulator::{
        Simulator,
        state::Admin,
        user::{Status, User},
    },
};

/// An administrator of Marzban who made some of them.
const KEEPER: &str = "hamid";
const GB: i64 = 1 << 30;
const DAY: i64 = 24 * 3600;

/// Name, note, owner, status, days to the end, GB, GB used, age in days.
type Stray = (&'static str, &'static str, Option<&'static str>, Status, Option<i64>, Option<i64>, i64, i64);

const STRAYS: [Stray; 14] = [
    ("Ali-vip", "علی، ۰۹۱۲", Some(KEEPER), Status::Active, Some(18), Some(50), 21, 400),
    ("babak2023", "بابک همکار", Some(KEEPER), Status::Active, Some(3), Some(20), 17, 200),
    ("cafe.lamiz", "کافه لمیز", Some(KEEPER), Status::Active, Some(55), Some(80), 12, 90),
    ("Dr_Moradi", "", Some(KEEPER), Status::Active, Some(25), None, 140, 600),
    ("elham_t", "الهام، پرداخت آخر ماه", Some(KEEPER), Status::Disabled, Some(9), Some(20), 4, 21),
    ("family1", "خانواده رضایی", None, Status::Limited, Some(12), Some(20), 20, 45),
    ("family2", "خانواده رضایی", None, Status::Active, Some(12), Some(20), 6, 45),
    ("farhad1", "", None, Status::Expired, Some(-6), Some(50), 33, 96),
    ("gift-nowruz", "هدیه نوروز", None, Status::OnHold, None, Some(20), 0, 5),
    ("mother", "مادر، بدون پایان", None, Status::Active, None, None, 310, 900),
    ("office_2", "دفتر دوم", Some(KEEPER), Status::Active, Some(40), Some(150), 60, 50),
    ("old_panel_7", "RAD order #987654", None, Status::Active, Some(20), Some(20), 1, 10),
    ("Office_2", "دفتر دوم، قدیمی", None, Status::Active, Some(2), Some(20), 2, 300),
    ("verylongname_verylongname_verylongname", "نام بلند", None, Status::Active, Some(8), Some(20), 2, 70),
];

/// Puts them on the server, once.
pub fn leave_strays(simulator: &Simulator, now: Time) {
    if simulator.user(STRAYS[0].0).is_some() {
        return;
    }
    simulator.put_admin(Admin::new(KEEPER, "unused-demo-1405", false));
    for (name, note, owner, status, days, gb, used, age) in STRAYS {
        let owner = owner.unwrap_or_else(|| simulator.username());
        let mut user = User::new(name, Some(owner), now - time::Duration::days(age));
        user.note = Some(note.to_owned()).filter(|note| !note.is_empty());
        user.status = status;
        user.expire = days.map(|days| now.unix_timestamp() + days * DAY);
        user.on_hold_expire_duration = (status == Status::OnHold).then_some(30 * DAY);
        user.data_limit = gb.map(|gb| gb * GB);
        user.used_traffic = used * GB;
        user.lifetime_used_traffic = used * GB;
        simulator.put_user(user);
    }
}
