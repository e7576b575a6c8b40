//! Chromium under a chromedriver of its own; both end with the test, however it ends.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::json;
use tempfile::TempDir;
use thirtyfour::{
    CapabilitiesHelper as _, ChromeCapabilities, ChromiumLikeCapabilities as _, DesiredCapabilities,
    WebDriver,
};

/// How the browser is to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Width of the page, CSS pixels. Below 600 it is a phone with a touch screen.
    pub width: u32,
    pub height: u32,
    /// Whether pages may run scripts.
    pub scripts: bool,
    /// Whether the device asks for dark pages.
    pub dark: bool,
}

impl Options {
    pub const DESKTOP: Self = Self { width: 1280, height: 800, scripts: true, dark: false };
    pub const PHONE: Self = Self { width: 360, height: 740, scripts: true, dark: false };

    pub fn without_scripts(self) -> Self {
        Self { scripts: false, ..self }
    }

    pub fn dark(self) -> Self {
        Self { dark: true, ..self }
    }

    pub fn is_phone(self) -> bool {
        self.width < 600
    }
}

/// A running chromedriver with the folder of its Chromium.
pub struct Chrome {
    process: Child,
    profile: TempDir,
    port: u16,
    // Kept open: writing to a closed pipe would end the process.
    _output: BufReader<ChildStdout>,
}

impl Chrome {
    /// Starts a chromedriver on a free port of loopback.
    pub fn start() -> Self {
        let mut process = Command::new("chromedriver")
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that Chromium and its children end with it.
            .process_group(0)
            .spawn()
            .expect("chromedriver is not installed; bin/need browser installs it");
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "chromedriver ended at once");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Self { process, profile: tempfile::tempdir().unwrap(), port, _output: output }
    }

    /// Opens Chromium.
    pub async fn open(&self, options: Options) -> WebDriver {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        WebDriver::builder(format!("http://127.0.0.1:{}", self.port), self.capabilities(options))
            .client(http)
            .await
            .unwrap()
    }

    fn capabilities(&self, options: Options) -> ChromeCapabilities {
        let mut chrome = DesiredCapabilities::chrome();
        let folder = format!("--user-data-dir={}", self.profile.path().display());
        let size = format!("--window-size={},{}", options.width, options.height);
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--lang=fa",
            folder.as_str(),
            size.as_str(),
        ] {
            chrome.add_arg(argument).unwrap();
        }
        let mut preferences = json!({ "intl.accept_languages": "fa" });
        if !options.scripts {
            preferences["profile.managed_default_content_settings.javascript"] = json!(2);
        }
        chrome.add_experimental_option("prefs", preferences).unwrap();
        if options.is_phone() {
            // A window can't be this narrow, a phone's screen can.
            // Taps wait for a script in the page, which would be for ever where there are none.
            let (width, height, touch) = (options.width, options.height, options.scripts);
            let screen = json!({ "width": width, "height": height, "pixelRatio": 2, "touch": touch });
            chrome.add_experimental_option("mobileEmulation", json!({ "deviceMetrics": screen })).unwrap();
        }
        let logs = json!({ "browser": "ALL", "performance": "ALL" });
        chrome.set("goog:loggingPrefs", logs).unwrap();
        chrome
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", &format!("kill -s KILL -- -{}", self.process.id())]).status();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
