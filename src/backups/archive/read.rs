//! Reading an archive: all of it, always, since only its end says whether its beginning is right.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::Path,
};

use age::{Decryptor, x25519::Identity};
use tar::Archive;

use super::{ArchiveError, Digesting, FORMAT, MANIFEST, Manifest, Member, Name, hexadecimal, sum_file};

/// With these bytes every encrypted file begins.
const AGE: &[u8] = b"age-encryption.org/";

/// Whether the file is encrypted, by its first bytes.
///
/// # Errors
/// When it can't be read.
pub fn is_encrypted(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    File::open(path)?.take(AGE.len() as u64).read_to_end(&mut start)?;
    Ok(start == AGE)
}

/// The SHA-256 of the whole file. `false` when there is no checksum beside it to compare with.
///
/// # Errors
/// When it can't be read, or differs from the checksum beside it.
pub fn check_sum(path: &Path) -> Result<([u8; 32], bool), ArchiveError> {
    let mut file = Digesting::new(File::open(path)?);
    io::copy(&mut file, &mut io::sink())?;
    let (_, _, sha256) = file.finish();
    let beside = sum_file(path);
    let expected = match fs::read_to_string(&beside) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((sha256, false)),
        Err(error) => return Err(error.into()),
    };
    if expected.split_whitespace().next() != Some(hexadecimal(&sha256).as_str()) {
        return Err(ArchiveError::Checksum(beside));
    }
    Ok((sha256, true))
}

/// Reads the whole archive, hands each member to `visit`, and compares all with the manifest. What was visited
/// counts only when this returns without error.
///
/// # Errors
/// When the archive is damaged, foreign or locked, or `visit` fails.
pub fn read(
    path: &Path,
    identities: &[Identity],
    mut visit: impl FnMut(Name, &mut dyn Read) -> io::Result<()>,
) -> Result<Manifest, ArchiveError> {
    let file = BufReader::with_capacity(1 << 17, File::open(path)?);
    if !is_encrypted(path)? {
        return members(file, &mut visit);
    }
    if identities.is_empty() {
        return Err(ArchiveError::Locked);
    }
    let decryptor = Decryptor::new_buffered(file).map_err(ArchiveError::WrongKey)?;
    let identities = identities.iter().map(|identity| identity as &dyn age::Identity);
    members(decryptor.decrypt(identities).map_err(ArchiveError::WrongKey)?, &mut visit)
}

fn members(
    from: impl Read,
    visit: &mut dyn FnMut(Name, &mut dyn Read) -> io::Result<()>,
) -> Result<Manifest, ArchiveError> {
    let mut archive = Archive::new(from);
    let mut found = Vec::new();
    let mut manifest = None;
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if manifest.is_some() || !entry.header().entry_type().is_file() {
            return Err(ArchiveError::Foreign(name));
        }
        if name == MANIFEST {
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            manifest = Some(text);
            continue;
        }
        let parsed: Name = name.parse()?;
        let mut reader = Digesting::new(entry);
        visit(parsed, &mut reader)?;
        io::copy(&mut reader, &mut io::sink())?;
        let (_, size, sha256) = reader.finish();
        found.push(Member { name, size, sha256: hexadecimal(&sha256) });
    }
    // To the very end: only there the encryption proves that nothing was cut off.
    io::copy(&mut archive.into_inner(), &mut io::sink())?;
    let manifest = manifest.ok_or(ArchiveError::NoManifest)?;
    let Ok(manifest) = serde_json::from_slice::<Manifest>(&manifest) else {
        return Err(ArchiveError::Damaged(MANIFEST.to_owned()));
    };
    if manifest.format != FORMAT {
        return Err(ArchiveError::Newer(manifest.format));
    }
    match manifest.members.iter().zip(&found).find(|(written, read)| written != read) {
        Some((written, _)) => Err(ArchiveError::Damaged(written.name.clone())),
        None if manifest.members.len() != found.len() => Err(ArchiveError::Damaged(MANIFEST.to_owned())),
        None => Ok(manifest),
    }
}
