//! The id of the request that is being answered: in its answer's header, in the audit log, and with the operation it began.

tokio::task_local! {
    static ID: String;
}

/// Runs `work` as the answer to the request `id`.
pub(crate) async fn named<T>(id: String, work: impl Future<Output = T>) -> T {
    ID.scope(id, work).await
}

/// Id of the request that is being answered, if one is.
pub(crate) fn current() -> Option<String> {
    ID.try_with(Clone::clone).ok()
}
