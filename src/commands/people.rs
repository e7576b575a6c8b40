//! Those who sign in, for when nobody can.

use std::io::{self, IsTerminal as _};

use anyhow::bail;
use rad_panel::{accounts, calendar::Clock, config::DatabaseConfig, setup};

use super::pool;

/// Makes an admin; the password is asked for.
pub async fn create_admin(database: &DatabaseConfig, username: &str) -> anyhow::Result<()> {
    let password = password()?;
    let db = pool(database).await?;
    accounts::create_admin(&db, username, &password, Clock::system().now()).await?;
    println!("The admin {username} can sign in now.");
    Ok(())
}

/// Tells a code by which the first admin is made in a browser.
pub async fn setup_code(database: &DatabaseConfig) -> anyhow::Result<()> {
    let db = pool(database).await?;
    match setup::new_code(&db, Clock::system().now()).await? {
        None => bail!(
            "there is an admin already; create-admin makes another one, reset-password lets one in again"
        ),
        Some(code) => println!("Open /setup at the panel's address and give this code: {code}"),
    }
    Ok(())
}

/// Sets somebody's password; the password is asked for.
pub async fn reset_password(database: &DatabaseConfig, username: &str) -> anyhow::Result<()> {
    let password = password()?;
    let db = pool(database).await?;
    let rescued = accounts::set_password_by_hand(&db, username, &password, Clock::system().now()).await?;
    let Some(rescued) = rescued else { bail!("nobody has the user name {username}") };
    println!("{username} has the new password now and is signed out everywhere.");
    if rescued.is_disabled {
        println!("The account is disabled, though: nobody can sign in to it before an admin enables it.");
    }
    if rescued.has_two_factor {
        println!("A code is still asked for after the password; reset-two-factor turns that off.");
    }
    Ok(())
}

/// Turns two-step sign-in off for somebody.
pub async fn reset_two_factor(database: &DatabaseConfig, username: &str) -> anyhow::Result<()> {
    let db = pool(database).await?;
    match accounts::reset_two_factor_by_hand(&db, username, Clock::system().now()).await? {
        None => bail!("nobody has the user name {username}"),
        Some(false) => println!("Two-step sign-in of {username} was off already."),
        Some(true) => println!("Two-step sign-in of {username} is off: the password alone is enough now."),
    }
    Ok(())
}

/// Asked twice on a terminal, without echo; else the first line of standard input.
fn password() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let password = rpassword::prompt_password("Password: ")?;
    if rpassword::prompt_password("Again: ")? != password {
        bail!("the two passwords differ");
    }
    Ok(password)
}
