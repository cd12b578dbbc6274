//! Ctrl-C, as one place of the program sees it.

/// Waits for Ctrl-C. Where it cannot be waited for it keeps its usual effect, and this waits for ever.
pub async fn interrupted() {
    if let Err(error) = tokio::signal::ctrl_c().await {
        tracing::warn!(%error, "Ctrl-C ends the command without a word");
        std::future::pending::<()>().await;
    }
}
