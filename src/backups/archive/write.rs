//! Writing an archive: everything once, from beginning to end.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use age::{Encryptor, x25519::Recipient};
use tar::{Builder, Header};

use super::{ArchiveError, Digesting, MANIFEST, Manifest, Member, Name, hexadecimal};

/// Writes the archive to `to`, which must not be there yet. `manifest` comes without its members and gets them.
/// Returns the size and the SHA-256 of the file, which is on the disk then.
pub fn write(
    to: &Path,
    recipients: &[Recipient],
    manifest: &mut Manifest,
    files: &[(Name, PathBuf)],
) -> Result<(u64, [u8; 32]), ArchiveError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let file = Digesting::new(BufWriter::with_capacity(1 << 17, file));
    let file = if recipients.is_empty() {
        fill(file, manifest, files)?
    } else {
        let recipients = recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(recipients).map_err(ArchiveError::Encryption)?;
        fill(encryptor.wrap_output(file)?, manifest, files)?.finish()?
    };
    let (file, size, sha256) = file.finish();
    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok((size, sha256))
}

fn fill<W: Write>(to: W, manifest: &mut Manifest, files: &[(Name, PathBuf)]) -> Result<W, ArchiveError> {
    let seconds = u64::try_from(manifest.made_at.unix_timestamp()).unwrap_or(0);
    let mut tar = Builder::new(to);
    for (name, path) in files {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut reader = Digesting::new(io::Read::take(file, size));
        append(&mut tar, &name.to_string(), size, seconds, &mut reader)?;
        let (_, bytes, sha256) = reader.finish();
        if bytes != size {
            return Err(io::Error::other(format!("{name} became shorter while it was read")).into());
        }
        manifest.members.push(Member { name: name.to_string(), size, sha256: hexadecimal(&sha256) });
    }
    let text = serde_json::to_vec(manifest).map_err(io::Error::from)?;
    append(&mut tar, MANIFEST, text.len() as u64, seconds, &mut text.as_slice())?;
    Ok(tar.into_inner()?)
}

fn append<W: Write>(
    tar: &mut Builder<W>,
    name: &str,
    size: u64,
    seconds: u64,
    content: &mut dyn io::Read,
) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    tar.append_data(&mut header, name, content)
}
