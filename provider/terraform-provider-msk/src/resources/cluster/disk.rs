//! Whether the disk of the runtime has room for what a plan lets clusters grow to. Volumes are limits here and reserve nothing, so more than
//! there is free is worth a warning, as a full disk stops every broker on it; a disk that is full already is an error for a new cluster.

use control_plane_api::extensions::RuntimeStorage;
use plugin_framework::{Diagnostics, Plan, model::Model, value::Path};

use super::{model::ClusterModel, requests};
use crate::{control_plane::ControlPlane, resources::foresight::Foresight};

const GIB: u64 = 1024 * 1024 * 1024;

/// Says what a disk has no room for, where somebody can be asked.
pub(super) async fn check(foresight: &Foresight, control_plane: &ControlPlane, plan: &Plan<'_>) -> Diagnostics {
    let planned = ClusterModel::from_object(plan.planned);
    let before = plan
        .prior
        .map_or(0, |prior| declared_gib(&ClusterModel::from_object(prior)));
    let after = declared_gib(&planned);
    let is_new = plan.prior.is_none() || !plan.replaces.is_empty();
    if foresight.is_in_apply() || (!is_new && after <= before) {
        return Diagnostics::none();
    }
    let Some(client) = control_plane.client_if_running().await else {
        return Diagnostics::none();
    };
    // Who may not ask plans without.
    let Ok(storage) = client.get_storage().await else {
        return Diagnostics::none();
    };
    let name = planned.cluster_name.as_str().unwrap_or_default();
    let all = foresight.declares(name, after.saturating_sub(before));
    tell(is_new, (after.saturating_sub(before), all), &storage)
}

/// What the logs of a cluster may take up; nothing where no volume limits them.
fn declared_gib(cluster: &ClusterModel) -> u64 {
    let size = requests::volume_size(cluster).zip(cluster.number_of_broker_nodes.copied());
    let bytes = size.and_then(|(gib, brokers)| u64::try_from(gib.checked_mul(brokers)?).ok());
    bytes.unwrap_or_default()
}

/// `wanted` is what this cluster may take up beyond what it may now, and all clusters of the plan together.
fn tell(is_new: bool, wanted: (u64, u64), storage: &RuntimeStorage) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let (this, all) = wanted;
    let free_gib = storage.free_bytes / GIB;
    if is_new && storage.free_bytes < storage.free_bytes_min {
        let mib = 1024 * 1024;
        diagnostics.error(
            "The disk of the runtime is full",
            format!(
                "A new cluster needs {} MiB to begin with, and {} MiB are free where the runtime keeps clusters. Free some space, then \
                 plan again.",
                storage.free_bytes_min / mib,
                storage.free_bytes / mib
            ),
        );
    } else if this > 0 && all.saturating_mul(GIB) > storage.free_bytes {
        let others = if all > this {
            format!(", and together with the other clusters of this plan {all} GiB")
        } else {
            String::new()
        };
        diagnostics.attribute_warning(
            Path::attribute("broker_node_group_info"),
            "The disk may be full before the volumes are",
            format!(
                "volume_size lets the logs of this cluster grow by up to {this} GiB{others}; {free_gib} GiB are free on the disk of the \
                 runtime. Nothing is reserved: a broker refuses producers when its logs have reached volume_size, but a disk that is full \
                 before that stops all brokers on it. Choose a smaller volume_size, shorten retention, or make room."
            ),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(is_new: bool, wanted: (u64, u64), free_bytes: u64) -> (bool, String) {
        let storage = RuntimeStorage {
            free_bytes,
            total_bytes: 1000 * GIB,
            free_bytes_min: GIB / 16,
        };
        let diagnostics = tell(is_new, wanted, &storage);
        (diagnostics.has_errors(), format!("{diagnostics:?}"))
    }

    #[test]
    fn more_than_is_free_is_a_warning_and_a_full_disk_an_error() {
        let nothing = (false, format!("{:?}", Diagnostics::none()));
        assert_eq!(told(true, (300, 300), 300 * GIB), nothing);
        let (is_error, text) = told(true, (301, 301), 300 * GIB);
        assert!(!is_error && text.contains("up to 301 GiB; 300 GiB are free"), "{text}");
        let (_, text) = told(false, (100, 400), 300 * GIB);
        assert!(text.contains("other clusters of this plan 400 GiB"), "{text}");
        let (is_error, text) = told(true, (0, 0), GIB / 32);
        assert!(is_error && text.contains("needs 64 MiB"), "{text}");
        assert_eq!(
            told(false, (0, 0), GIB / 32),
            nothing,
            "what is there already may shrink"
        );
    }
}
