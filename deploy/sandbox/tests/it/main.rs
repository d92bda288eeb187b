//! The sandbox as its users meet it: through `sandbox` and the `kubectl` of the same Kubernetes.

#![allow(clippy::disallowed_methods, reason = "how long a test waits is measured")]

mod agent;
mod cluster;
mod control_plane;
mod exporter;
mod logs;
mod mig;
mod volumes;
