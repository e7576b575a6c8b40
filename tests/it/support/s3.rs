//! An S3 server that checks every signature, over a folder, and the faults that a test wants of it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use hyper::{
    Method, Request, Response, StatusCode, body::Incoming, header, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use rad_panel::config::{OffsiteConfig, Secret};
use s3s::{
    Body,
    auth::SimpleAuth,
    service::{S3Service, S3ServiceBuilder},
};
use tokio::{net::TcpListener, task::JoinHandle};

pub const BUCKET: &str = "shop-backups";
pub const ACCESS_KEY: &str = "an-access-key";
pub const SECRET_KEY: &str = "a-secret-key-of-the-store";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody answers.
    Away,
    /// Every part is refused: no room.
    Full,
    /// The connection breaks in every part after so many.
    CutAfterParts(usize),
    /// The upload is completed, and its answer gets lost.
    LosesTheEnd,
    /// What was uploaded is called something that is no checksum, as by stores that encrypt.
    ForeignETags,
}

#[derive(Default)]
struct Seen {
    fault: Option<Fault>,
    parts: usize,
    requests: usize,
}

/// The server.
pub struct S3Server {
    pub endpoint: String,
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Seen>>,
    server: JoinHandle<()>,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl S3Server {
    /// With an empty bucket.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let service = builder.build();
        let seen = Arc::<Mutex<Seen>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let notes = seen.clone();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (service, notes) = (service.clone(), notes.clone());
                let answer = service_fn(move |request| answer(service.clone(), notes.clone(), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { endpoint, folder, seen, server }
    }

    /// From now on; `None` is a store that works.
    pub fn fault(&self, fault: impl Into<Option<Fault>>) {
        self.seen.lock().unwrap().fault = fault.into();
    }

    /// How many parts came; they are counted anew.
    pub fn take_parts(&self) -> usize {
        std::mem::take(&mut self.seen.lock().unwrap().parts)
    }

    /// How many requests came in all.
    pub fn requests(&self) -> usize {
        self.seen.lock().unwrap().requests
    }

    /// What the panel's settings say about it.
    pub fn config(&self) -> OffsiteConfig {
        OffsiteConfig {
            endpoint: self.endpoint.parse().unwrap(),
            bucket: BUCKET.to_owned(),
            region: "us-east-1".to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: Secret::new(SECRET_KEY.to_owned()),
            prefix: "rad-panel".to_owned(),
            proxy: None,
        }
    }

    /// Where an object lies on the server's disk.
    pub fn object(&self, name: &str) -> PathBuf {
        self.bucket().join("rad-panel").join(name)
    }

    /// The bucket's folder on the server's disk.
    pub fn bucket(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// What the server keeps of uploads that were not completed.
    pub fn unfinished(&self) -> usize {
        let is_part = |name: &str| name.contains(".upload_id-") && name.contains(".part-");
        entries(self.folder.path()).filter(|name| is_part(name)).count()
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

async fn answer(
    service: S3Service,
    seen: Arc<Mutex<Seen>>,
    request: Request<Incoming>,
) -> Result<Response<Body>, io::Error> {
    let query = request.uri().query().unwrap_or_default();
    let is_part = request.method() == Method::PUT && query.contains("partNumber=");
    let is_end = request.method() == Method::POST && query.starts_with("uploadId=");
    let (fault, parts) = {
        let mut seen = seen.lock().unwrap();
        seen.requests += 1;
        seen.parts += usize::from(is_part);
        (seen.fault, seen.parts)
    };
    let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
    match fault {
        Some(Fault::Away) => return Err(broken()),
        Some(Fault::CutAfterParts(count)) if is_part && parts > count => return Err(broken()),
        Some(Fault::Full) if is_part => {
            let body = "<Error><Code>QuotaExceeded</Code><Message>The quota of the bucket is used up.\
                        </Message></Error>";
            let answer = Response::builder().status(StatusCode::FORBIDDEN);
            return Ok(answer.body(Body::from(body.to_owned())).unwrap());
        }
        _ => {}
    }
    let mut answer = service.call(request.map(Body::from)).await.map_err(|_| broken())?;
    if fault == Some(Fault::LosesTheEnd) && is_end {
        return Err(broken());
    }
    if fault == Some(Fault::ForeignETags) && answer.headers().contains_key(header::ETAG) && !is_part {
        answer.headers_mut().insert(header::ETAG, "\"not-a-checksum\"".parse().unwrap());
    }
    Ok(answer)
}
