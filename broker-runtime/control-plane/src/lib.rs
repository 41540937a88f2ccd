//! The control plane: http, operations, queries, reconcilers, store.
