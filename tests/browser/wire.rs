//! What went over the wire, read from Chromium's log of its network.

use std::collections::BTreeMap;

use serde_json::Value;

/// One request of a page.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub url: String,
    /// Bytes received, with headers, as compressed on the wire.
    pub bytes: u64,
    /// Came from the browser's own cache: nothing went over the wire.
    pub cached: bool,
    pub finished: bool,
}

/// All requests since the log was last cleared.
#[derive(Debug, Default)]
pub struct Wire {
    requests: BTreeMap<String, Request>,
}

impl Wire {
    /// Takes in one line of the log.
    pub fn read(&mut self, line: &str) {
        let Ok(entry) = serde_json::from_str::<Value>(line) else { return };
        let (method, params) = (&entry["message"]["method"], &entry["message"]["params"]);
        let Some(id) = params["requestId"].as_str() else { return };
        let bytes = |value: &Value| value.as_f64().unwrap_or_default() as u64;
        match method.as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                let url = params["request"]["url"].as_str().unwrap_or_default();
                // Not what the browser makes itself: its own first page, previews of files.
                if !url.starts_with("http") {
                    return;
                }
                // A redirect goes on under the same id.
                let request = self.requests.entry(id.to_owned()).or_default();
                request.url = url.to_owned();
                request.bytes += bytes(&params["redirectResponse"]["encodedDataLength"]);
            }
            "Network.requestServedFromCache" => self.update(id, |request| request.cached = true),
            "Network.responseReceived" if params["response"]["fromDiskCache"] == true => {
                self.update(id, |request| request.cached = true);
            }
            "Network.loadingFinished" => self.update(id, |request| {
                request.bytes += bytes(&params["encodedDataLength"]);
                request.finished = true;
            }),
            _ => {}
        }
    }

    fn update(&mut self, id: &str, change: impl FnOnce(&mut Request)) {
        if let Some(request) = self.requests.get_mut(id) {
            change(request);
        }
    }

    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.values()
    }

    /// Bytes received since the log was last cleared; an open stream of events doesn't count.
    pub fn bytes(&self) -> u64 {
        self.requests().filter(|request| !request.cached).map(|request| request.bytes).sum()
    }

    pub fn clear(&mut self) {
        self.requests.clear();
    }
}
