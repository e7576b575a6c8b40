//! The first start: a panel that knows no admin lets whoever holds a code of its making become the first.
//!
//! Invariant: of several who try at once one becomes the admin; once there is an admin there is no code. The database
//! holds the codes' digests only.

mod codes;
mod founding;
pub mod handlers;

pub use codes::{announce, new_code};
pub use founding::{FoundError, NewShop, found};
