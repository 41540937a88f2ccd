//! The Engine trait, the cluster specification and the observed cluster.
