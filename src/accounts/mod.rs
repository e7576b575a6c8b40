//! Accounts: who signs in, with what password, from where.
//!
//! Invariant: a sign-in counts only while its row is open and its user is active; closing the rows ends every
//! session of a person at once, on all devices.

mod creation;
pub mod handlers;
mod oversight;
mod own_password;
mod passwords;
mod preferences;
mod sign_in;
mod throttle;

pub use creation::{CreateError, create_admin, create_user};
pub use oversight::{disable, enable, one_time_password, require_new_password, reset_password};
pub use own_password::{PasswordError, change_password};
pub use passwords::{MIN_LENGTH, Passwords, Strength, strength};
pub use preferences::set_language;
pub use sign_in::{Origin, SignInError, SignedIn, sign_in, sign_out};
pub use throttle::forget as forget_attempts;
