//! The broker's copy of cluster metadata: an image that readers take without waiting, and a signal that it changed.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use kafka_metadata::{MetadataImage, MetadataOffset};
use tokio::sync::watch;

/// The newest image this broker has applied.
#[derive(Debug)]
pub struct MetadataCache {
    image: ArcSwap<MetadataImage>,
    applied: watch::Sender<Option<MetadataOffset>>,
}

impl MetadataCache {
    /// An empty image.
    pub(crate) fn new() -> Self {
        Self {
            image: ArcSwap::from_pointee(MetadataImage::default()),
            applied: watch::Sender::new(None),
        }
    }

    /// The image as it is now; it never changes under the caller.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.load_full()
    }

    /// Offset of the newest record in the image.
    pub fn applied(&self) -> Option<MetadataOffset> {
        self.image.load().applied
    }

    /// Tells of every published image from now on.
    pub fn changes(&self) -> watch::Receiver<Option<MetadataOffset>> {
        self.applied.subscribe()
    }

    /// Waits until the image satisfies `condition`; false when it did not within `timeout`.
    pub async fn wait_for(&self, timeout: Duration, condition: impl Fn(&MetadataImage) -> bool) -> bool {
        let mut changes = self.changes();
        let satisfied = async {
            while !condition(&self.image.load()) {
                if changes.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(timeout, satisfied).await.unwrap_or(false)
    }

    /// Makes `image` the current one.
    pub(crate) fn publish(&self, image: Arc<MetadataImage>) {
        let applied = image.applied;
        self.image.store(image);
        self.applied.send_replace(applied);
    }
}
