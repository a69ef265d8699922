//! How long a server is waited for.

use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// The limit's parts: where this process was stopped, or the whole machine was, only one of them is over, and mostly the
/// server has others to answer in.
const PARTS: u32 = 4;

/// What `work` comes to, unless that takes longer.
pub async fn in_time<W: Future>(limit: Duration, work: W) -> Option<W::Output> {
    let mut work = pin!(work);
    for _ in 0..PARTS {
        if let Ok(output) = timeout(limit / PARTS, &mut work).await {
            return Some(output);
        }
    }
    None
}
