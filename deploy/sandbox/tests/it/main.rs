//! The sandbox as its users meet it: through `sandbox` and the `kubectl` of the same Kubernetes.

mod agent;
mod cluster;
mod control_plane;
mod logs;
mod volumes;
