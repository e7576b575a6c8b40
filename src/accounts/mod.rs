//! Accounts: who signs in, with what password and code, from where.
//!
//! Invariant: a sign-in counts only while its row is open and its user is active; closing the rows ends every
//! session of a person at once, on all devices. The row of a person with a second factor is opened only when both
//! factors were right.

mod contact;
mod creation;
pub mod handlers;
mod oversight;
mod own_password;
mod passwords;
mod preferences;
mod queries;
mod refusals;
mod rescue;
mod sessions;
mod sign_in;
pub mod throttle;
mod two_factor;

pub use contact::{ContactError, MAX_NAME, parse_email, set_contact, set_email};
pub use creation::{CreateError, create_admin, create_user};
pub use oversight::{
    disable, enable, one_time_password, require_new_password, reset_password, reset_two_factor,
    reset_two_factor_by_hand,
};
pub use own_password::{PasswordError, change_password};
pub use passwords::{MIN_LENGTH, Passwords, Strength, strength};
pub use preferences::{Choice, choose};
pub use queries::{is_registration_open, is_there_an_admin};
pub use rescue::{RescueError, Rescued, set_password_by_hand};
pub use sessions::{OpenSignIn, end_other_sign_ins, end_sign_in, note_use, open_sign_ins};
pub use sign_in::{
    Entry, Origin, SecondStepError, SignInError, SignedIn, end_all_sign_ins, open_sign_in, sign_in,
    sign_in_with_code, sign_out,
};
pub use throttle::forget as forget_attempts;
pub use two_factor::{
    Code, EnrolError, Enrolment, ProofError, RECOVERY_CODES, renew_recovery_codes, turn_off, turn_on,
};
