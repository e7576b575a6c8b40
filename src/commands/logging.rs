//! Where log lines go.

use std::io::{self, IsTerminal as _};

use anyhow::{Context as _, bail};
use rad_panel::config::{LogConfig, LogFormat, Values};
use tracing_appender::{
    non_blocking::WorkerGuard,
    rolling::{RollingFileAppender, Rotation},
};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::{Layered, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

/// Files of so many days are kept.
const DAYS_KEPT: usize = 14;

type Lines = Box<dyn Layer<Layered<EnvFilter, Registry>> + Send + Sync>;

/// For commands: lines go to standard error, since standard output is for answers.
pub fn to_stderr(values: &Values) -> anyhow::Result<()> {
    let config = LogConfig::from_values(values)?;
    start(&config, vec![lines(&config, io::stderr, io::stderr().is_terminal())]);
    Ok(())
}

/// For the panel: lines go to standard output and, where one is set, to a file. The guard writes out what is left.
pub fn to_stdout(values: &Values) -> anyhow::Result<Option<WorkerGuard>> {
    let config = LogConfig::from_values(values)?;
    let Some(path) = &config.file else {
        start(&config, vec![lines(&config, io::stdout, io::stdout().is_terminal())]);
        return Ok(None);
    };
    let (Some(folder), Some(stem)) = (path.parent(), path.file_stem()) else {
        bail!("LOG_FILE names no file: {}", path.display());
    };
    let unusable = || format!("LOG_FILE {} can't be written", path.display());
    // app.log leads to today's app.2026-12-01.log.
    let daily = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(stem.to_string_lossy())
        .filename_suffix(path.extension().unwrap_or_default().to_string_lossy())
        .latest_symlink(path.file_name().unwrap_or_default().to_string_lossy())
        .max_log_files(DAYS_KEPT)
        .build(folder)
        .with_context(unusable)?;
    let (file, guard) = tracing_appender::non_blocking(daily);
    // No colours in either: the fields of a span are written once for both.
    start(&config, vec![lines(&config, io::stdout, false), lines(&config, file, false)]);
    Ok(Some(guard))
}

fn lines<W>(config: &LogConfig, writer: W, colours: bool) -> Lines
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    match config.format {
        LogFormat::Human => fmt::layer().with_writer(writer).with_ansi(colours).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    }
}

/// One filter for all, and none at a layer of its own: such a one swallows the next line after each question whether a
/// line would be written, and the database's driver asks so after each query (tokio-rs/tracing#2519).
fn start(config: &LogConfig, lines: Vec<Lines>) {
    tracing_subscriber::registry().with(EnvFilter::new(&config.filter)).with(lines).init();
}
