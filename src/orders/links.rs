//! What opens a subscription link in the usual apps, and what hands it on to a customer.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A button that opens an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppLink {
    /// The app's own name, the same in every language.
    pub name: &'static str,
    pub href: String,
}

/// What may stand unescaped in the value of a query or in a fragment (RFC 3986, unreserved).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// The import addresses of the usual apps, each in its own form: some take the link as a parameter and unescape it,
/// others take all that stands behind their path as it is. `name` is what the app calls the subscription.
pub fn app_links(link: &str, name: &str) -> Vec<AppLink> {
    let (parameter, name) = (escaped(link), escaped(name));
    // Behind a path a fragment of the link's own would end it.
    let bare = link.split('#').next().unwrap_or(link);
    let app = |name, href| AppLink { name, href };
    vec![
        app("v2rayNG", format!("v2rayng://install-sub?url={parameter}#{name}")),
        app("Hiddify", format!("hiddify://import/{bare}#{name}")),
        app("Streisand", format!("streisand://import/{bare}#{name}")),
        app("V2Box", format!("v2box://install-sub?url={parameter}&name={name}")),
        app("sing-box", format!("sing-box://import-remote-profile?url={parameter}#{name}")),
        app("Happ", format!("happ://add/{bare}")),
    ]
}

/// Opens Telegram with a message to be sent to whom one chooses there.
pub fn telegram_share(link: &str, text: &str) -> String {
    format!("https://t.me/share/url?url={}&text={}", escaped(link), escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_app_gets_the_link_in_its_own_form() {
        let links = app_links("https://s.example.com:8443/sub/a+b_c==?x=1&y=2", "علی 1");
        let href =
            |name: &str| links.iter().find(|link| link.name == name).map(|link| link.href.clone()).unwrap();
        let parameter = "https%3A%2F%2Fs.example.com%3A8443%2Fsub%2Fa%2Bb_c%3D%3D%3Fx%3D1%26y%3D2";
        let name = "%D8%B9%D9%84%DB%8C%201";
        assert_eq!(href("v2rayNG"), format!("v2rayng://install-sub?url={parameter}#{name}"));
        assert_eq!(href("V2Box"), format!("v2box://install-sub?url={parameter}&name={name}"));
        assert_eq!(href("sing-box"), format!("sing-box://import-remote-profile?url={parameter}#{name}"));
        assert_eq!(
            href("Hiddify"),
            format!("hiddify://import/https://s.example.com:8443/sub/a+b_c==?x=1&y=2#{name}")
        );
        assert_eq!(
            href("Streisand"),
            format!("streisand://import/https://s.example.com:8443/sub/a+b_c==?x=1&y=2#{name}")
        );
        assert_eq!(href("Happ"), "happ://add/https://s.example.com:8443/sub/a+b_c==?x=1&y=2");
    }

    #[test]
    fn a_message_survives_the_way_to_telegram() {
        let address = telegram_share("https://s/sub/a", "سلام\n2 & 3");
        assert_eq!(
            address,
            "https://t.me/share/url?url=https%3A%2F%2Fs%2Fsub%2Fa&text=%D8%B3%D9%84%D8%A7%D9%85%0A2%20%26%203"
        );
    }
}
