//! Names and moments of coordinators, as types of their own.

/// Makes a type of a text that names something.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) struct $name(std::sync::Arc<str>);

        impl $name {
            pub(crate) fn new(text: impl Into<std::sync::Arc<str>>) -> Self {
                Self(text.into())
            }

            pub(crate) fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, formatter)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, formatter)
            }
        }
    };
}
pub(crate) use text_id;

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
