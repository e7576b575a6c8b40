//! An answer, read by CSS selectors.

use reqwest::header::HeaderMap;
use scraper::{Html, Selector};

/// What the panel answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    pub body: String,
}

impl Answer {
    pub async fn read(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = response.bytes().await.unwrap().to_vec();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Self { status, headers, bytes, body }
    }

    /// Fails unless the status is this one; returns itself for more.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> &str {
        self.header("location")
    }

    /// The texts of all elements that the selector finds, white space folded.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let fold = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.document().select(&parse(selector)).map(|element| fold(element.text().collect())).collect()
    }

    /// The text of the first element that the selector finds.
    #[track_caller]
    pub fn text(&self, selector: &str) -> String {
        self.texts(selector)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("nothing matches {selector} in {}", self.body))
    }

    /// How many elements the selector finds.
    pub fn count(&self, selector: &str) -> usize {
        self.document().select(&parse(selector)).count()
    }

    /// An attribute of the first element that the selector finds.
    #[track_caller]
    pub fn attribute(&self, selector: &str, name: &str) -> String {
        self.attributes(selector, name)
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("nothing matches {selector}[{name}] in {}", self.body))
    }

    /// An attribute of all elements that the selector finds and that have it.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.document()
            .select(&parse(selector))
            .filter_map(|element| element.value().attr(name).map(ToOwned::to_owned))
            .collect()
    }

    fn document(&self) -> Html {
        Html::parse_document(&self.body)
    }
}

fn parse(selector: &str) -> Selector {
    Selector::parse(selector).unwrap()
}
