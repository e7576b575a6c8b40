//! The Marzban client over real connections: what it sends, and what it makes of every kind of answer.

mod changes;
mod circuit;
mod creation;
mod diagnosis;
mod lists;
mod panel;
pub mod proxies;
mod renewal;
mod sign_in;
mod simulator;
mod wire;
