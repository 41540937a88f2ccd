//! One cluster: its directory (`layout`, `description`), its processes (`broker`), what runs of it (`running`), and what
//! makes it the way it should be (`ensure`, `data_key`, `rolling`, `certificates`, `moving`, `moving_rate`, `properties`, `waiting`), tells how it is (`observe`), delivers
//! its logs (`logs`), hands it over to another engine (`handing`) and deletes it (`remove`).

mod broker;
mod certificates;
mod data_key;
mod description;
mod ensure;
mod handing;
mod layout;
mod logs;
mod moving;
mod moving_rate;
mod observe;
mod properties;
mod remove;
mod rolling;
mod running;
mod waiting;

pub(crate) use description::{Description, Phase};
pub(crate) use handing::{end_brokers, forget};
pub(crate) use layout::Layout;
pub(crate) use moving::{MOVING_MAX, moving, too_crowded};
pub(crate) use observe::observe_at_rest;
pub(crate) use remove::remove;
pub(crate) use running::{Cluster, Settings};
pub(crate) use waiting::Progress;
