//! Names and moments of the group coordinator, as types of their own.

use std::{fmt, sync::Arc};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(Arc<str>);

        impl $name {
            pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, formatter)
            }
        }
    };
}

text_id!(
    /// `group.id`.
    GroupId
);
text_id!(
    /// What the coordinator calls a member; empty while it has not called it anything.
    MemberId
);
text_id!(
    /// `group.instance.id` of a static member (KIP-345).
    InstanceId
);

impl GroupId {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl MemberId {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A moment, on both clocks: deadlines are counted on the one that never jumps, records carry the one people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds of the monotonic clock.
    pub(crate) monotonic_ms: i64,
    /// Milliseconds since 1970.
    pub(crate) wall_ms: i64,
}

impl Moment {
    /// The deadline `delay_ms` from here; a negative delay counts as none.
    pub(crate) fn after(self, delay_ms: i32) -> i64 {
        self.monotonic_ms.saturating_add(i64::from(delay_ms.max(0)))
    }
}

/// Names one waiting JoinGroup or SyncGroup request; whoever runs the machine keeps the connection that belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ReplyId(pub(crate) u64);
