//! Bundles the assets.

use std::path::Path;

/// Writes the bundled assets to `out`.
pub fn bundle(_source: &Path, _out: &Path) {}
