//! A person at the panel: what she sees, types and presses. Nothing waits for a fixed time; what is expected
//! is looked for until it is there.

use std::{
    cell::RefCell,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use thirtyfour::{By, WebDriver, WebElement, error::WebDriverResult};

use crate::{
    chrome::{Chrome, Options},
    support::PASSWORD,
    wire::Wire,
};

/// Longer than this nothing takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with its window.
pub struct Browser {
    pub driver: WebDriver,
    pub wire: RefCell<Wire>,
    pub options: Options,
    base: String,
    expected: RefCell<Vec<&'static str>>,
    _chrome: Chrome,
}

impl Browser {
    /// Opens a browser for the panel at `base`.
    pub async fn start(base: String, options: Options) -> Self {
        let chrome = Chrome::start();
        let driver = chrome.open(options).await;
        let (wire, expected) = (RefCell::default(), RefCell::default());
        let mut browser = Self { driver, wire, options, base, expected, _chrome: chrome };
        if options.dark {
            browser.set_dark(true).await;
        }
        browser
    }

    /// Opens the page at `path`.
    pub async fn goto(&self, path: &str) {
        self.driver.goto(format!("{}{path}", self.base)).await.unwrap();
    }

    /// The path of the page, with its query.
    pub async fn path(&self) -> String {
        let url = self.driver.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.base).unwrap_or(url.as_str()).to_owned()
    }

    pub async fn wait_for_path(&self, path: &str) {
        self.until(&format!("the page {path}"), async || Ok((self.path().await == path).then_some(()))).await;
    }

    /// Signs in and waits for the first page.
    pub async fn sign_in(&self, username: &str) {
        self.goto("/login").await;
        self.fill_sign_in(username).await;
        self.until("being signed in", async || Ok((!self.path().await.starts_with("/login")).then_some(())))
            .await;
    }

    /// Fills the form for signing in and sends it.
    pub async fn fill_sign_in(&self, username: &str) {
        self.fill("#username", username).await;
        self.fill("#password", PASSWORD).await;
        self.click("form[action='/login'] button").await;
    }

    /// Looks until `probe` finds something; an error counts as nothing found, for a page may just be changing.
    pub async fn until<T>(&self, what: &str, probe: impl AsyncFn() -> WebDriverResult<Option<T>>) -> T {
        let start = Instant::now();
        loop {
            let found = probe().await;
            if let Ok(Some(found)) = found {
                return found;
            }
            if start.elapsed() > PATIENCE {
                let error = found.err().map(|error| error.to_string()).unwrap_or_default();
                let text = self.driver.source().await.unwrap_or_default();
                self.screenshot("failed").await;
                let path = self.path().await;
                let log = self.driver.browser_log().await;
                panic!("waited in vain for {what} at {path}; {error}\nlog: {log:?}\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// The first element that the selector finds, once it can be seen.
    pub async fn find(&self, css: &str) -> WebElement {
        self.until(css, async || {
            for element in self.driver.find_all(By::Css(css)).await? {
                if element.is_displayed().await? {
                    return Ok(Some(element));
                }
            }
            Ok(None)
        })
        .await
    }

    /// How many elements the selector finds, seen or not.
    pub async fn count(&self, css: &str) -> usize {
        self.driver.find_all(By::Css(css)).await.unwrap().len()
    }

    pub async fn wait_for_count(&self, css: &str, count: usize) {
        self.until(&format!("{count} × {css}"), async || {
            Ok((self.driver.find_all(By::Css(css)).await?.len() == count).then_some(()))
        })
        .await;
    }

    pub async fn click(&self, css: &str) {
        self.until(&format!("pressing {css}"), async || {
            for element in self.driver.find_all(By::Css(css)).await? {
                if element.is_displayed().await? && element.is_enabled().await? {
                    // The bar at the bottom of a phone may lie over what is in the window already.
                    element.scroll_into_view().await?;
                    return element.click().await.map(Some);
                }
            }
            Ok(None)
        })
        .await;
    }

    /// Types into an empty field.
    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Chooses a file from the disk.
    pub async fn choose_file(&self, css: &str, file: &Path) {
        let field = self.until(css, async || self.driver.find(By::Css(css)).await.map(Some)).await;
        field.send_keys(file.to_str().unwrap()).await.unwrap();
    }

    /// The keys of a person who looks at the page, not at a field.
    pub async fn type_keys(&self, keys: &str) {
        self.driver.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// The text of the first element that the selector finds, as it is shown.
    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Waits until the element says this, among other things.
    pub async fn wait_for_text(&self, css: &str, text: &str) {
        self.until(&format!("“{text}” in {css}"), async || {
            for element in self.driver.find_all(By::Css(css)).await? {
                if element.text().await?.contains(text) {
                    return Ok(Some(()));
                }
            }
            Ok(None)
        })
        .await;
    }

    /// What is in a field.
    pub async fn value(&self, css: &str) -> String {
        self.find(css).await.prop("value").await.unwrap().unwrap_or_default()
    }

    pub async fn attribute(&self, css: &str, name: &str) -> String {
        let element = self.until(css, async || self.driver.find(By::Css(css)).await.map(Some)).await;
        element.attr(name).await.unwrap().unwrap_or_default()
    }

    /// Runs a function's body in the page and returns its result.
    pub async fn js(&self, script: &str) -> Value {
        self.driver.execute(script, vec![]).await.unwrap().json().clone()
    }

    pub async fn wait_for_js(&self, what: &str, script: &str) {
        self.until(what, async || {
            let result = self.driver.execute(script, vec![]).await?;
            Ok((result.json() == &Value::Bool(true)).then_some(()))
        })
        .await;
    }

    /// Marks this load of the page, for [`Self::was_not_reloaded`].
    pub async fn mark(&self) {
        self.js("window.loadedForThisTest = true").await;
    }

    /// Fails when the page was loaded anew since it was marked.
    pub async fn was_not_reloaded(&self) {
        assert_eq!(self.js("return window.loadedForThisTest === true").await, true, "the page was reloaded");
    }

    pub async fn cdp(&self, method: &str, parameters: Value) -> Value {
        self.driver.cdp().send_raw(method, parameters).await.unwrap()
    }

    /// Lets the device ask for dark or for light pages.
    pub async fn set_dark(&mut self, dark: bool) {
        self.options.dark = dark;
        let features =
            json!([{ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } }]);
        self.cdp("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Lets everything under these addresses fail, as a bad network does.
    pub async fn block(&self, pattern: &str) {
        self.cdp("Network.setBlockedURLs", json!({ "urls": [pattern] })).await;
    }

    /// The network from now on: bytes each second in both directions, 0 for none at all.
    pub async fn set_network(&self, throughput: u64) {
        let limit = if throughput == 0 { -1 } else { i64::try_from(throughput).unwrap() };
        let conditions = json!({ "offline": throughput == 0, "latency": 0, "downloadThroughput": limit,
            "uploadThroughput": limit });
        self.cdp("Network.emulateNetworkConditions", conditions).await;
    }

    /// Fails when the page is wider than its window.
    pub async fn no_sideways_scroll(&self) {
        let widths = self
            .js("return [window.innerWidth, document.scrollingElement.scrollWidth, \
                 document.scrollingElement.clientWidth]")
            .await;
        let path = self.path().await;
        if self.options.is_phone() {
            // A phone zooms out to show what is too wide.
            assert_eq!(widths[0], self.options.width, "{path} is too wide for the screen");
        }
        assert!(widths[1].as_u64() <= widths[2].as_u64(), "{path} scrolls sideways: {widths}");
    }

    /// Keeps a picture of the whole page when `RAD_SCREENSHOTS` names a folder.
    pub async fn screenshot(&self, name: &str) {
        let Some(folder) = std::env::var_os("RAD_SCREENSHOTS") else { return };
        fs::create_dir_all(&folder).unwrap();
        let picture = self
            .cdp(
                "Page.captureScreenshot",
                json!({ "format": "png", "captureBeyondViewport": self.options.is_phone() }),
            )
            .await;
        let content = base64::Engine::decode(
            &base64::engine::general_purpose::STANDARD,
            picture["data"].as_str().unwrap(),
        );
        let shade = if self.options.dark { "dark" } else { "light" };
        let file = format!("{name}-{}-{shade}.png", self.options.width);
        fs::write(Path::new(&folder).join(file), content.unwrap()).unwrap();
    }

    /// Takes in what went over the wire so far.
    pub async fn read_wire(&self) {
        for entry in self.driver.get_log("performance").await.unwrap() {
            self.wire.borrow_mut().read(&entry.message);
        }
    }

    /// The test provokes console messages that hold these words.
    pub fn expect_in_log(&self, words: &'static str) {
        self.expected.borrow_mut().push(words);
    }

    /// Closes the browser; fails when the console holds an error or a warning, which includes every breach of the
    /// content security policy, or when anything was asked of another host.
    pub async fn close(self) {
        self.read_wire().await;
        for request in self.wire.borrow().requests() {
            assert!(request.url.starts_with(&self.base), "asked elsewhere: {}", request.url);
        }
        let log: Vec<String> = self
            .driver
            .browser_log()
            .await
            .unwrap()
            .into_iter()
            .filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"))
            .map(|entry| entry.message)
            .filter(|message| !self.expected.borrow().iter().any(|words| message.contains(words)))
            .collect();
        assert_eq!(log, Vec::<String>::new(), "the console");
        self.driver.clone().quit().await.unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // After a failure nobody closes the session; the end of the process does. Waiting for an answer here would
        // block the panel, which lives on the same thread.
        let _ = self.driver.clone().leak();
    }
}
