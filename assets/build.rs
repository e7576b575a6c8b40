//! Bundles the style sheets and the scripts into one file each, names every file by its content, compresses
//! what can be compressed, and writes the Rust table of them that `web::assets` serves.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use lightningcss::{
    bundler::{Bundler, FileProvider},
    stylesheet::{MinifyOptions, ParserOptions, PrinterOptions},
    targets::{Browsers, Targets},
};
use sha2::{Digest, Sha256};

/// Browsers of 2022 and later: nesting and `light-dark()` are written out for them, and logical properties,
/// which they know, stay as they are.
const BROWSERS: Browsers = Browsers {
    android: None,
    chrome: Some(103 << 16),
    edge: Some(103 << 16),
    firefox: Some(102 << 16),
    ie: None,
    ios_saf: Some((15 << 16) | (4 << 8)),
    opera: None,
    safari: Some((15 << 16) | (4 << 8)),
    samsung: Some(18 << 16),
};

/// Writes the files and their table `assets.rs` to the folder `out`.
pub fn bundle(source: &Path, out: &Path) {
    println!("cargo::rerun-if-changed=assets");
    let _ = fs::remove_dir_all(out);
    fs::create_dir_all(out).expect("make the folder of the assets");
    let mut table = Table { out, rows: String::new(), names: String::new() };

    let font = fs::read(source.join("fonts/vazirmatn.woff2")).expect("read the font");
    let font = table.add("FONT", "vazirmatn", "woff2", "font/woff2", &font);
    let css = styles(&source.join("css/app.css")).replace("vazirmatn.woff2", &font);
    table.add("CSS", "app", "css", "text/css; charset=utf-8", css.as_bytes());
    let js = scripts(&source.join("js"));
    table.add("JS", "app", "js", "text/javascript; charset=utf-8", js.as_bytes());
    for (constant, name) in [("SPRITE", "icons"), ("FAVICON", "favicon")] {
        let svg = fs::read_to_string(source.join(name).with_extension("svg")).expect("read a picture");
        let svg: String = svg.lines().map(str::trim).collect();
        table.add(constant, name, "svg", "image/svg+xml", svg.as_bytes());
    }
    table.pictures(&source.join("help"));
    table.write();
}

fn styles(entry: &Path) -> String {
    let files = FileProvider::new();
    let targets = Targets::from(BROWSERS);
    let mut sheet = Bundler::new(&files, None, ParserOptions::default())
        .bundle(entry)
        .unwrap_or_else(|error| panic!("style sheet: {error}"));
    sheet
        .minify(MinifyOptions { targets, ..MinifyOptions::default() })
        .unwrap_or_else(|error| panic!("style sheet: {error}"));
    sheet
        .to_css(PrinterOptions { minify: true, targets, ..PrinterOptions::default() })
        .unwrap_or_else(|error| panic!("style sheet: {error}"))
        .code
}

/// htmx as it comes, then ours in one closure, so that they share helpers and leave no globals.
fn scripts(folder: &Path) -> String {
    let read = |path: &PathBuf| fs::read_to_string(path).expect("read a script");
    let library = folder.join("htmx.min.js");
    let mut ours: Vec<_> =
        fs::read_dir(folder).expect("read the scripts").map(|entry| entry.expect("entry").path()).collect();
    ours.retain(|path| path.extension().is_some_and(|extension| extension == "js") && *path != library);
    ours.sort();
    let ours: String = ours.iter().map(read).collect();
    let ours = format!("(() => {{ \"use strict\";\n{ours}\n}})();");
    let ours = minifier::js::minify(&ours).unwrap_or_else(|error| panic!("scripts: {error}"));
    format!("{}\n{ours}\n", read(&library).trim_end())
}

struct Table<'a> {
    out: &'a Path,
    rows: String,
    names: String,
}

impl Table<'_> {
    /// Adds one file and returns the name under which it is served.
    fn add(
        &mut self,
        constant: &str,
        stem: &str,
        extension: &str,
        content_type: &str,
        content: &[u8],
    ) -> String {
        let hash: String = Sha256::digest(content).iter().take(6).fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("write");
            hex
        });
        let name = format!("{stem}-{hash}.{extension}");
        let plain = self.file(&name, content);
        // These are compressed already.
        let (brotli, gzip) = if matches!(extension, "woff2" | "webp") {
            ("None".to_owned(), "None".to_owned())
        } else {
            let brotli = self.file(&format!("{name}.br"), &brotli(content));
            let gzip = self.file(&format!("{name}.gz"), &gzip(content));
            (format!("Some({brotli})"), format!("Some({gzip})"))
        };
        writeln!(
            self.rows,
            "    Asset {{ name: {name:?}, content_type: {content_type:?}, plain: {plain}, brotli: {brotli}, gzip: {gzip} }},"
        )
        .expect("write");
        writeln!(self.names, "const {constant}: &str = \"/assets/{name}\";").expect("write");
        name
    }

    /// Adds the pictures of the help, each under its stem.
    fn pictures(&mut self, folder: &Path) {
        let mut files: Vec<_> = fs::read_dir(folder)
            .expect("read the pictures")
            .map(|entry| entry.expect("entry").path())
            .collect();
        files.sort();
        let mut table = String::new();
        for file in files {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            let picture = fs::read(&file).expect("read a picture");
            let constant = format!("HELP_{}", stem.to_uppercase().replace('-', "_"));
            self.add(&constant, &stem, "webp", "image/webp", &picture);
            write!(table, "({stem:?}, {constant}), ").expect("write");
        }
        writeln!(self.names, "const HELP: &[(&str, &str)] = &[{table}];").expect("write");
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.out.join(name);
        fs::write(&path, content).expect("write an asset");
        format!("include_bytes!({path:?})")
    }

    fn write(&self) {
        let code = format!("{}static ASSETS: &[Asset] = &[\n{}];\n", self.names, self.rows);
        fs::write(self.out.join("assets.rs"), code).expect("write the table of the assets");
    }
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: 18, ..Default::default() };
    let mut packed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut packed, &params).expect("compress an asset");
    packed
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).expect("compress an asset");
    encoder.finish().expect("compress an asset")
}
