//! How a customer gets her account to work, for each kind of device, in a few words.

use super::links::AppLink;
use crate::locale::Tr;

/// A kind of device.
#[derive(Clone, Debug)]
pub struct System {
    pub name: String,
    pub steps: Vec<String>,
    /// The apps that run there; a tap hands the link over.
    pub apps: Vec<AppLink>,
}

/// Where which app runs, the first one recommended.
const ANDROID: [&str; 4] = ["v2rayNG", "Hiddify", "Happ", "sing-box"];
const IPHONE: [&str; 5] = ["Streisand", "V2Box", "Hiddify", "Happ", "sing-box"];
const WINDOWS: [&str; 2] = ["Hiddify", "Happ"];
const MAC: [&str; 4] = ["Hiddify", "Streisand", "V2Box", "Happ"];

/// The kinds of devices with their steps and those of `apps` that run there.
pub fn systems(t: &Tr, apps: &[AppLink]) -> Vec<System> {
    let system = |name: String, names: &[&str]| {
        let apps: Vec<AppLink> =
            names.iter().filter_map(|name| apps.iter().find(|app| app.name == *name).cloned()).collect();
        let first = apps.first().map(|app| app.name).unwrap_or_default();
        let steps = vec![t.orders_how_to_install(first), t.orders_how_to_tap(), t.orders_how_to_connect()];
        System { name, steps, apps }
    };
    vec![
        system(t.orders_android(), &ANDROID),
        system(t.orders_iphone(), &IPHONE),
        system(t.orders_windows(), &WINDOWS),
        system(t.orders_mac(), &MAC),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{locale::Language, orders::links::app_links};

    #[test]
    fn every_app_that_is_named_has_its_link() {
        let apps = app_links("https://s/sub/a", "a");
        let systems = systems(&Tr::new(Language::Fa), &apps);
        let counts: Vec<usize> = systems.iter().map(|system| system.apps.len()).collect();
        assert_eq!(counts, [ANDROID.len(), IPHONE.len(), WINDOWS.len(), MAC.len()]);
        assert!(systems.iter().all(|system| system.steps[0].contains(system.apps[0].name)));
    }
}
