//! Forms: what was typed, as text, with the errors beside it. What comes back wrong is shown again as it was.

use std::collections::BTreeMap;

use axum::{
    extract::{FromRequest, Multipart, Request, multipart::MultipartError},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use uuid::Uuid;

use super::AppError;

/// The fields of a form, and their errors by field name.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    values: BTreeMap<String, String>,
    errors: BTreeMap<&'static str, String>,
}

/// No field of ours is longer, in bytes.
const MAX_FIELD: usize = 24 * 1024;
/// Nor are all fields of a form together, names included, in bytes.
const MAX_TYPED: usize = 64 * 1024;

impl Fields {
    /// Fields with values and no errors.
    pub fn from_values(values: BTreeMap<String, String>) -> Self {
        Self { values, errors: BTreeMap::new() }
    }

    /// The values alone, for keeping; passwords and codes are left out.
    pub fn into_values(mut self) -> BTreeMap<String, String> {
        self.values.retain(|name, _| !name.contains("password") && !name.ends_with("code"));
        self.values
    }

    /// What was typed, for showing it again.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// What was typed, trimmed, for reading it.
    pub fn get(&self, name: &str) -> &str {
        self.value(name).trim()
    }

    /// The fields whose names begin so: what follows in the name, and the value; in the order of the names.
    pub fn beginning<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// Whether a box is ticked.
    pub fn ticked(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Sets a value, as a default or to show it.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Sets a value where none was typed.
    pub fn set_default(&mut self, name: &str, value: impl Into<String>) {
        self.values.entry(name.to_owned()).or_insert_with(|| value.into());
    }

    /// Puts a message beside a field; the first one stays.
    pub fn fail(&mut self, name: &'static str, message: String) {
        self.errors.entry(name).or_insert(message);
    }

    /// The message beside a field; empty without one.
    pub fn error(&self, name: &str) -> &str {
        self.errors.get(name).map_or("", String::as_str)
    }

    /// Whether nothing is wrong so far.
    pub fn is_ok(&self) -> bool {
        self.errors.is_empty()
    }

    /// The form's own id, which makes sending it twice harmless.
    ///
    /// # Errors
    /// [`AppError::BadRequest`] when it isn't one of ours.
    pub fn request_id(&self) -> Result<Uuid, AppError> {
        self.get("request_id").parse().map_err(|_| AppError::BadRequest("request_id"))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = AppError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AppError> {
        Ok(read(request, state, 0).await?.fields)
    }
}

/// A form with one file.
#[derive(Debug, Default)]
pub struct Upload {
    pub fields: Fields,
    pub file: UploadedFile,
}

/// The file of a form.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum UploadedFile {
    /// None was chosen.
    #[default]
    Missing,
    TooLarge,
    Bytes(Vec<u8>),
}

/// Reads a form of either encoding; of a file, at most `max_file` bytes are kept.
///
/// # Errors
/// [`AppError::TooLarge`] past the route's body limit, [`AppError::BadRequest`] when it is no form.
pub async fn read<S: Send + Sync>(request: Request, state: &S, max_file: usize) -> Result<Upload, AppError> {
    if is_multipart(request.headers()) {
        let form =
            Multipart::from_request(request, state).await.map_err(|_| AppError::BadRequest("multipart"))?;
        return read_multipart(form, max_file).await;
    }
    let pairs = axum_extra::extract::Form::<Vec<(String, String)>>::from_request(request, state)
        .await
        .map_err(|rejection| match axum::response::IntoResponse::into_response(rejection).status() {
            StatusCode::PAYLOAD_TOO_LARGE => AppError::TooLarge,
            _ => AppError::BadRequest("form"),
        })?;
    let mut fields = Fields::default();
    for (name, value) in pairs.0 {
        if value.len() > MAX_FIELD {
            return Err(AppError::TooLarge);
        }
        fields.set(&name, value);
    }
    Ok(Upload { fields, file: UploadedFile::Missing })
}

/// Whether a form with files is sent.
pub fn is_multipart(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.starts_with("multipart/form-data"))
}

async fn read_multipart(mut form: Multipart, max_file: usize) -> Result<Upload, AppError> {
    let mut upload = Upload::default();
    let mut typed = 0;
    while let Some(mut field) = form.next_field().await.map_err(refused)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let limit = if is_file { max_file } else { MAX_FIELD };
        let mut bytes = Vec::new();
        let mut too_large = false;
        // Read on past the limit, so that the fields behind the file are known too.
        while let Some(chunk) = field.chunk().await.map_err(refused)? {
            too_large |= bytes.len() + chunk.len() > limit;
            if !too_large {
                bytes.extend_from_slice(&chunk);
            }
        }
        match (is_file, too_large) {
            (true, true) if max_file > 0 => upload.file = UploadedFile::TooLarge,
            (true, false) if !bytes.is_empty() => {
                upload.file = UploadedFile::Bytes(std::mem::take(&mut bytes))
            }
            (true, _) => {}
            (false, true) => return Err(AppError::TooLarge),
            (false, false) => upload.fields.set(&name, String::from_utf8_lossy(&bytes)),
        }
        typed += name.len() + if is_file { 0 } else { bytes.len() };
        if typed > MAX_TYPED {
            return Err(AppError::TooLarge);
        }
    }
    Ok(upload)
}

fn refused(error: MultipartError) -> AppError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        AppError::TooLarge
    } else {
        AppError::BadRequest("multipart")
    }
}
