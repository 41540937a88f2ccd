//! States of a transaction, as Kafka writes and names them (`TransactionState`).

/// Where a transactional id stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TransactionState {
    /// It has a producer, which has begun nothing.
    Empty,
    /// Partitions were added.
    Ongoing,
    /// It is decided that what was written counts; markers are on their way.
    PrepareCommit,
    /// It is decided that what was written does not count; markers are on their way.
    PrepareAbort,
    /// All partitions know that it counts.
    CompleteCommit,
    /// All partitions know that it does not count.
    CompleteAbort,
}

impl TransactionState {
    /// All of them.
    pub(crate) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// Its number in a record.
    pub(crate) fn code(self) -> i8 {
        match self {
            Self::Empty => 0,
            Self::Ongoing => 1,
            Self::PrepareCommit => 2,
            Self::PrepareAbort => 3,
            Self::CompleteCommit => 4,
            Self::CompleteAbort => 5,
        }
    }

    /// The state with this number; those that Kafka never writes have none.
    pub(crate) fn from_code(code: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Its name in `ListTransactions` and `DescribeTransactions`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }

    /// It is decided, and not everybody knows.
    pub(crate) fn is_prepared(self) -> bool {
        matches!(self, Self::PrepareCommit | Self::PrepareAbort)
    }

    /// The state in which the end of a transaction is decided.
    pub(crate) fn prepare(commit: bool) -> Self {
        if commit {
            Self::PrepareCommit
        } else {
            Self::PrepareAbort
        }
    }

    /// The state that follows when everybody knows.
    pub(crate) fn complete(commit: bool) -> Self {
        if commit {
            Self::CompleteCommit
        } else {
            Self::CompleteAbort
        }
    }
}
