//! The engine of koa-session-native: a plain library that knows neither Node nor napi.
//!
//! | room | what it owns |
//! | --- | --- |
//! | [`id`] | session ids from the CSPRNG |
//! | [`change`] | what changed between JSON texts, and the three-way merge |
//! | [`commit`] | the pure decision: what a commit does, and what a conflict resolves to |
//! | [`store`] | the contract that every store keeps; [`store::memory`] and [`store::redis`] |
//! | [`driver`] | the I/O thread: submissions in, completions out |
//! | [`error`] | what can go wrong, in one enum |
//!
//! Imports run one way: store and driver use commit, change and id; these know no store and no tokio.
#![forbid(unsafe_code)]

pub mod change;
pub mod commit;
pub mod driver;
pub mod error;
pub mod id;
pub mod store;
