//! The id under which something that was asked for is found again, in every log line and on the way to the server: of
//! a request, and of the jobs that it stored.

use std::sync::Arc;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// Longer ones are cut: an id comes from outside, and is stored.
const LONGEST: usize = 64;

/// The id of what is done now, if that has one.
pub fn current() -> Option<Arc<str>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// The id as it is kept, of one that came from outside.
pub fn cleaned(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).take(LONGEST).collect()
}

/// Does the work under this id.
pub async fn within<F: Future>(id: Option<&str>, work: F) -> F::Output {
    match id.map(cleaned).filter(|id| !id.is_empty()) {
        Some(id) => CURRENT.scope(id.into(), work).await,
        None => work.await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_id_holds_for_the_work_and_what_that_calls() {
        assert_eq!(current(), None);
        let inside = within(Some("a\nb c"), async { current() }).await;
        assert_eq!(inside.as_deref(), Some("abc"));
        assert_eq!(within(Some(""), async { current() }).await, None);
        assert_eq!(
            within(Some(&"x".repeat(99)), async { current() }).await.map(|id| id.len()),
            Some(LONGEST)
        );
        assert_eq!(current(), None);
    }
}
