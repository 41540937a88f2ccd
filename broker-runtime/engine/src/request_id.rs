//! The id of the request that something is done for. It goes wherever the work goes: into the header of the answer, the audit log,
//! the operation that was begun, and through the engine into the logs of brokers.

tokio::task_local! {
    static ID: String;
}

/// Runs `work` for the request `id`.
pub async fn named<T>(id: String, work: impl Future<Output = T>) -> T {
    ID.scope(id, work).await
}

/// Id of the request that this task works for, if it works for one; what begins by itself has an empty one.
pub fn current() -> Option<String> {
    ID.try_with(Clone::clone).ok().filter(|id| !id.is_empty())
}
