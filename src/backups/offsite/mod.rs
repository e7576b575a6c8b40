//! The store off this machine: an S3-compatible bucket, and the backups in it.
//!
//! Invariant: what a call reports as there, the store has said of itself. Nothing is repeated here for longer than a
//! minute: a store that is away is the queue's to wait for.

mod fetch;
mod refusal;

use std::time::Duration;

use futures_util::TryStreamExt as _;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, GetOptions, ObjectStore as _, ObjectStoreExt as _,
    PutMultipartOptions, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
    multipart::{MultipartStore as _, PartId},
    path::Path,
};
use reqwest::{Client, Proxy, redirect};

use super::folder;
use crate::{calendar::Time, config::OffsiteConfig};

pub use refusal::StoreError;

/// No part is smaller, but the last: less than 5 MiB is refused.
const PART: u64 = 8 << 20;
/// No upload has more parts than 10,000.
const PARTS: u64 = 9_000;
const CONNECT: Duration = Duration::from_secs(10);
/// For one request: a part over a line of 14 kB a second.
const TIMEOUT: Duration = Duration::from_secs(600);
/// The name under which an object bears the SHA-256 of the whole.
const SHA256: &str = "sha256";

/// The store that the settings name.
#[derive(Debug)]
pub struct Store {
    s3: AmazonS3,
    config: OffsiteConfig,
}

/// A backup in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// By its name.
    pub made_at: Time,
    pub encrypted: bool,
}

/// What the store says of one object.
pub(super) struct Object {
    pub size: u64,
    /// Without quotes.
    pub e_tag: String,
    /// Hexadecimal, as it was given along.
    pub sha256: Option<String>,
}

/// How large the parts of a file are, the last one excepted.
pub(super) fn part_size(size: u64) -> u64 {
    size.div_ceil(PARTS).next_multiple_of(1 << 20).max(PART)
}

impl Store {
    /// The store, not asked for anything yet.
    ///
    /// # Errors
    /// When the settings make no client.
    pub fn new(config: &OffsiteConfig) -> Result<Self, StoreError> {
        let client = client(config).map_err(|error| StoreError::settings(&error.without_url()))?;
        let retry = RetryConfig {
            backoff: BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() },
            max_retries: 3,
            retry_timeout: Duration::from_secs(60),
        };
        let s3 = AmazonS3Builder::new()
            .with_endpoint(config.endpoint.as_str().trim_end_matches('/'))
            .with_allow_http(true)
            .with_virtual_hosted_style_request(false)
            .with_bucket_name(&config.bucket)
            .with_region(&config.region)
            .with_access_key_id(&config.access_key)
            .with_secret_access_key(config.secret_key.expose())
            // One request for each object: not all stores know the other way.
            .with_disable_bulk_delete(true)
            .with_retry(retry)
            .with_http_connector(Through(client))
            .build()
            .map_err(|error| StoreError::settings(&error))?;
        Ok(Self { s3, config: config.clone() })
    }

    /// Where that is, in words.
    pub fn place(&self) -> String {
        self.config.place()
    }

    fn path(&self, name: &str) -> Path {
        Path::from(format!("{}/{name}", self.config.prefix))
    }

    fn failure(&self, error: &object_store::Error) -> StoreError {
        StoreError::of(error, &self.config)
    }

    /// The backups in the store, the newest first; other objects are none of ours.
    ///
    /// # Errors
    /// When the store does not say.
    pub async fn list(&self) -> Result<Vec<Stored>, StoreError> {
        let prefix = Path::from(self.config.prefix.as_str());
        let objects: Vec<_> =
            self.s3.list(Some(&prefix)).try_collect().await.map_err(|error| self.failure(&error))?;
        let stored = |object: object_store::ObjectMeta| {
            let name = object.location.filename()?.to_owned();
            let (made_at, encrypted) = folder::parse(&name)?;
            (object.location == self.path(&name)).then_some(Stored {
                name,
                size: object.size,
                made_at,
                encrypted,
            })
        };
        let mut found: Vec<Stored> = objects.into_iter().filter_map(stored).collect();
        found.sort_by(|a, b| b.made_at.cmp(&a.made_at).then_with(|| b.name.cmp(&a.name)));
        Ok(found)
    }

    /// What the store says of this backup; `None` when it has none of that name.
    pub(super) async fn look(&self, name: &str) -> Result<Option<Object>, StoreError> {
        let head = GetOptions { head: true, ..GetOptions::default() };
        let found = match self.s3.get_opts(&self.path(name), head).await {
            Ok(found) => found,
            Err(error) => {
                return match self.failure(&error) {
                    StoreError::NoObject(_) => Ok(None),
                    other => Err(other),
                };
            }
        };
        let e_tag = found.meta.e_tag.as_deref().unwrap_or_default().trim_matches('"').to_owned();
        let sha256 = found.attributes.get(&Attribute::Metadata(SHA256.into()));
        let sha256 = sha256.map(|value| value.as_ref().to_owned());
        Ok(Some(Object { size: found.meta.size, e_tag, sha256 }))
    }

    /// Begins an upload; what it returns is its id.
    pub(super) async fn begin(&self, name: &str, sha256: &str) -> Result<String, StoreError> {
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, "application/octet-stream".to_owned()),
            (Attribute::Metadata(SHA256.into()), sha256.to_owned()),
        ]);
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let begun = self.s3.create_multipart_opts(&self.path(name), options).await;
        begun.map_err(|error| self.failure(&error))
    }

    /// Sends the part with this number, from 0; what it returns names the part at the end.
    pub(super) async fn send(
        &self,
        name: &str,
        upload: &str,
        number: usize,
        bytes: Vec<u8>,
    ) -> Result<String, StoreError> {
        let payload = PutPayload::from(bytes);
        let sent = self.s3.put_part(&self.path(name), &upload.to_owned(), number, payload).await;
        sent.map(|part| part.content_id).map_err(|error| self.failure(&error))
    }

    /// Makes one object of the parts.
    pub(super) async fn complete(
        &self,
        name: &str,
        upload: &str,
        parts: Vec<String>,
    ) -> Result<(), StoreError> {
        let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        let done = self.s3.complete_multipart(&self.path(name), &upload.to_owned(), parts).await;
        done.map(drop).map_err(|error| self.failure(&error))
    }

    /// Gives up an upload, so that its parts take no room.
    pub(super) async fn abandon(&self, name: &str, upload: &str) -> Result<(), StoreError> {
        let abandoned = self.s3.abort_multipart(&self.path(name), &upload.to_owned()).await;
        abandoned.map_err(|error| self.failure(&error))
    }

    /// Removes a backup.
    pub(super) async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.s3.delete(&self.path(name)).await.map_err(|error| self.failure(&error))
    }
}

/// Our own client, so that the proxies and the provider of TLS are those of the rest of the panel.
#[derive(Debug)]
struct Through(Client);

impl HttpConnector for Through {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

fn client(config: &OffsiteConfig) -> reqwest::Result<Client> {
    // Whoever installed a provider first wins; without one the client can't be built.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("rad-panel/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .no_gzip()
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .timeout(TIMEOUT);
    if let Some(proxy) = &config.proxy {
        builder = builder.proxy(Proxy::all(proxy.expose().clone())?);
    }
    let secure_proxy = config.proxy.as_ref().is_some_and(|url| url.expose().scheme() == "https");
    if config.endpoint.scheme() != "https" && !secure_proxy {
        // No TLS will be spoken: do without the machine's certificates, which a small one may lack.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_large_enough_and_never_too_many() {
        assert_eq!(part_size(1), 8 << 20);
        assert_eq!(part_size(70 << 30), 8 << 20);
        for size in [71_u64 << 30, 1 << 40, (5 << 40) - 1] {
            let part = part_size(size);
            assert!(part.is_multiple_of(1 << 20) && size.div_ceil(part) <= 10_000, "{size}");
        }
    }
}
