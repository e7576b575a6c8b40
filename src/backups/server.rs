//! The database server as PostgreSQL's own programs see it: dumping, listing, restoring.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, Command},
};

use super::{BackupError, programs::Programs};

/// What a program says is kept up to this length, bytes: its first lines have the cause.
const SAID: u64 = 4096;

/// The system's authorities, where Debian's `ca-certificates` keeps them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The programs that fit the server, and the way to it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    programs: Programs,
    options: PgConnectOptions,
}

impl Server {
    /// Asks the server for its version and finds the programs that fit it.
    pub async fn find(conn: &mut PgConnection, options: &PgConnectOptions) -> Result<Self, BackupError> {
        let version = sqlx::query_scalar!(
            r#"SELECT current_setting('server_version_num')::integer / 10000 AS "major!""#
        )
        .fetch_one(conn)
        .await?;
        let major = u32::try_from(version).unwrap_or(0);
        let programs = tokio::task::spawn_blocking(move || Programs::for_server(major)).await??;
        Ok(Self { programs, options: options.clone() })
    }

    /// The same server, another of its databases.
    pub fn database(&self, name: &str) -> Self {
        Self { programs: self.programs.clone(), options: self.options.clone().database(name) }
    }

    /// How to connect to the database.
    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// A program with the connection in its environment: its arguments can be read by everybody on the machine.
    fn command(&self, program: &str) -> Command {
        let options = &self.options;
        let mut command = Command::from(self.programs.command(program));
        match options.get_socket() {
            Some(folder) => command.env("PGHOST", folder),
            None => command.env("PGHOST", options.get_host()),
        };
        command.env("PGPORT", options.get_port().to_string()).env("PGUSER", options.get_username());
        command.env("PGDATABASE", options.get_database().unwrap_or_else(|| options.get_username()));
        command.env("PGAPPNAME", "rad-panel backup").env("PGCONNECT_TIMEOUT", "10");
        // The options don't give these away one by one.
        let url = options.to_url_lossy();
        if let Some(password) = url.password() {
            let password = percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned();
            command.env("PGPASSWORD", password);
        }
        // The panel itself trusts the system's authorities; these programs want to be told of them, and only where the
        // server is to be verified, for with a file at hand they always do so.
        if url.query_pairs().any(|(name, value)| name == "sslmode" && value.starts_with("verify")) {
            command.env("PGSSLROOTCERT", AUTHORITIES);
        }
        for (name, value) in url.query_pairs() {
            // So sqlx writes the name of a file here.
            let value = value.strip_prefix("file: ").unwrap_or(&value);
            match name.as_ref() {
                "sslmode" => command.env("PGSSLMODE", value),
                "sslrootcert" => command.env("PGSSLROOTCERT", value),
                "sslcert" => command.env("PGSSLCERT", value),
                "sslkey" => command.env("PGSSLKEY", value),
                _ => continue,
            };
        }
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// Dumps what this exported snapshot sees, compressed. Sessions stay behind: who restores signs in anew.
    pub async fn dump(&self, snapshot: &str, to: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_dump");
        command.args(["--format=custom", "--compress=6", "--no-owner", "--no-privileges"]);
        command.args(["--no-password", "--exclude-table-data=public.web_sessions"]);
        command.arg(format!("--snapshot={snapshot}")).arg("--file").arg(to);
        run("pg_dump", command).await
    }

    /// Reads the dump's table of contents: a dump that was cut off or mixed up fails here.
    pub async fn list(&self, dump: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_restore");
        command.arg("--list").arg(dump);
        run("pg_restore", command).await
    }

    /// Restores the dump into this database, which is empty.
    pub async fn restore(&self, dump: &Path) -> Result<(), BackupError> {
        let mut command = self.command("pg_restore");
        command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]);
        command.arg("--no-password").arg("--dbname").arg(self.options.get_database().unwrap_or_default());
        command.arg(dump);
        run("pg_restore", command).await
    }

    /// Puts the dump in the place of all that this database holds, in one transaction: a failure anywhere leaves
    /// it as it was.
    pub async fn replace(&self, dump: &Path) -> Result<(), BackupError> {
        let mut reading = self.command("pg_restore");
        reading.args(["--no-owner", "--no-privileges", "--file=-"]).arg(dump).stdout(Stdio::piped());
        let mut writing = self.command("psql");
        writing.args(["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"]);
        writing.stdin(Stdio::piped());
        let mut reading = reading.spawn().map_err(|cause| BackupError::program("pg_restore", &cause))?;
        let mut writing = writing.spawn().map_err(|cause| BackupError::program("psql", &cause))?;
        let (heard, answered) = (said(reading.stderr.take()), said(writing.stderr.take()));
        let (copied, heard, answered) = tokio::join!(copy(&mut reading, &mut writing), heard, answered);
        match copied {
            Ok((reader, writer)) if reader.success() && writer.success() => Ok(()),
            // What psql says comes first: when it gives up, pg_restore only finds its way closed.
            Ok((reader, _)) if reader.success() || !answered.is_empty() => {
                Err(BackupError::Program { program: "psql", said: telling(&answered) })
            }
            Ok(_) => Err(BackupError::Program { program: "pg_restore", said: telling(&heard) }),
            Err(cause) => Err(BackupError::program("psql", &cause)),
        }
    }
}

/// Before the dump: what is there goes, as the schema of a new database stands afterwards. Whoever still works with
/// it is not waited for long.
const BEFORE: &str = "BEGIN;
SET LOCAL lock_timeout = '20s';
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
COMMENT ON SCHEMA public IS 'standard public schema';
ALTER SCHEMA public OWNER TO pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
";
const AFTER: &str = "\nCOMMIT;\n";

/// Hands the dump over, and the word to commit only after all of it was read without fault.
async fn copy(reading: &mut Child, writing: &mut Child) -> std::io::Result<(ExitStatus, ExitStatus)> {
    let (Some(mut from), Some(mut to)) = (reading.stdout.take(), writing.stdin.take()) else {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    };
    let handed_over = async {
        to.write_all(BEFORE.as_bytes()).await?;
        tokio::io::copy(&mut from, &mut to).await
    };
    let handed_over = handed_over.await;
    drop(from);
    let reader = reading.wait().await?;
    if handed_over.is_ok() && reader.success() {
        // A psql that gave up says so itself.
        let _ = to.write_all(AFTER.as_bytes()).await;
    }
    drop(to);
    Ok((reader, writing.wait().await?))
}

async fn run(program: &'static str, mut command: Command) -> Result<(), BackupError> {
    let mut child = command.spawn().map_err(|cause| BackupError::program(program, &cause))?;
    let said = said(child.stderr.take());
    let (status, said) = tokio::join!(child.wait(), said);
    let status = status.map_err(|cause| BackupError::program(program, &cause))?;
    if status.success() { Ok(()) } else { Err(BackupError::Program { program, said: telling(&said) }) }
}

/// What the program says, cut; the rest is read away, so that it is never held up.
async fn said(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let mut kept = Vec::new();
    let _ = (&mut stderr).take(SAID).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

/// The line that names the cause.
fn telling(said: &str) -> String {
    let cause = |line: &&str| ["error", "ERROR", "FATAL"].iter().any(|word| line.contains(word));
    let line = said.lines().find(cause).or(said.lines().next()).unwrap_or("it said nothing");
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_named_only_where_the_server_is_verified_and_no_others_are_given() {
        for (query, file) in [
            ("", None),
            ("?sslmode=require", None),
            ("?sslmode=verify-ca", Some(AUTHORITIES)),
            ("?sslmode=verify-full", Some(AUTHORITIES)),
            ("?sslmode=verify-full&sslrootcert=/etc/own.pem", Some("/etc/own.pem")),
        ] {
            let options = format!("postgres://rad@db.example/rad{query}").parse().unwrap();
            let server = Server { programs: Programs::for_server(9).unwrap(), options };
            let command = server.command("pg_dump");
            let given = command.as_std().get_envs().find(|(name, _)| *name == "PGSSLROOTCERT");
            assert_eq!(given.and_then(|(_, value)| value).and_then(|value| value.to_str()), file, "{query}");
        }
    }
}
