//! A nodes file becomes what NVIDIA's own components would have registered, or one sentence.

use std::io::Write as _;

use super::*;

fn load(text: &str) -> Result<NodeFile, String> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    NodeFile::load(file.path()).map_err(|error| error.to_string())
}

fn shipped(name: &str) -> NodeSpec {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("nodes.yaml");
    let file = NodeFile::load(&path).unwrap();
    file.nodes.into_iter().find(|node| node.name == name).unwrap()
}

fn amount(node: &NodeSpec, resource: &str) -> Option<String> {
    node.capacity().get(resource).map(|quantity| quantity.0.clone())
}

#[test]
fn the_shipped_file_has_the_nodes_of_the_design() {
    let whole = shipped("gpu-a");
    assert_eq!(amount(&whole, "nvidia.com/gpu").as_deref(), Some("8"));
    assert_eq!(whole.labels()["nvidia.com/gpu.product"], "NVIDIA-A100-SXM4-80GB");
    assert_eq!(whole.labels()["nvidia.com/gpu.memory"], "81920");
    assert_eq!(whole.labels()["nvidia.com/mig.config"], "all-disabled");
    let [taint] = &whole.taints()[..] else { panic!("one taint: {:?}", whole.taints()) };
    assert_eq!((&*taint.key, &*taint.effect), ("nvidia.com/gpu", "NoSchedule"));
    assert_eq!(shipped("gpu-h").labels()["nvidia.com/gpu.family"], "hopper");
    let plain = shipped("cpu-a");
    assert!(plain.taints().is_empty() && plain.devices().is_empty());
    assert!(plain.labels().keys().all(|key| !key.starts_with("nvidia.com/")));
}

#[test]
fn mixed_mig_counts_slices_apart_from_whole_cards() {
    let node = shipped("gpu-b");
    for (resource, count) in [
        ("nvidia.com/gpu", "1"),
        ("nvidia.com/mig-1g.5gb", "3"),
        ("nvidia.com/mig-2g.10gb", "1"),
        ("nvidia.com/mig-3g.20gb", "1"),
        ("nvidia.com/mig-7g.40gb", "1"),
    ] {
        assert_eq!(amount(&node, resource).as_deref(), Some(count), "{resource}");
    }
    let labels = node.labels();
    assert_eq!(labels["nvidia.com/gpu.count"], "4", "feature discovery counts cut cards too");
    assert_eq!(labels["nvidia.com/mig.strategy"], "mixed");
    assert_eq!(labels["nvidia.com/mig-1g.5gb.product"], "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb");
    assert_eq!(labels["nvidia.com/mig-3g.20gb.memory"], "20096");
    let ids: BTreeSet<_> = node.devices().into_iter().map(|device| device.id).collect();
    assert_eq!(ids.len(), 7, "each device has an id of its own: {ids:?}");
}

#[test]
fn single_mig_gives_slices_the_name_of_the_gpu() {
    let file = load(
        "nodes:\n- name: s\n  cpu: 8\n  memory: 64Gi\n  gpus: {product: A100-SXM4-80GB, count: 1, mig: {strategy: single, cut: {0: [3g.40gb, 3g.40gb]}}}\n",
    )
    .unwrap();
    let node = &file.nodes[0];
    assert_eq!(amount(node, "nvidia.com/gpu").as_deref(), Some("2"));
    assert_eq!(node.labels()["nvidia.com/gpu.product"], "NVIDIA-A100-SXM4-80GB-MIG-3g.40gb");
}

#[test]
fn a_wrong_file_is_refused_in_one_sentence_that_says_where() {
    for (text, words) in [
        ("nodes: []\n", "lists no node"),
        ("nodes:\n- name: a\n  cpu: 1\n  memory: 1Gi\n  colour: red\n", "line 5"),
        ("nodes:\n- name: a\n  cpu: many\n  memory: 1Gi\n", "line 3"),
        ("nodes:\n- name: A_b\n  cpu: 1\n  memory: 1Gi\n", "node \"A_b\": a node's name"),
        ("nodes:\n- name: a\n  cpu: 1\n  memory: -1\n", "memory \"-1\" is not an amount"),
        ("nodes:\n- {name: a, cpu: 1, memory: 1Gi}\n- {name: a, cpu: 1, memory: 1Gi}\n", "two nodes are named \"a\""),
        (
            "nodes:\n- {name: a, cpu: 1, memory: 1Gi, gpus: {product: A100-SXM4-40GB, count: 1, mig: {cut: {0: [1g.5gb]}}}}\n",
            "mig.strategy",
        ),
        (
            "nodes:\n- {name: a, cpu: 1, memory: 1Gi, gpus: {product: A100-SXM4-40GB, count: 1, mig: {strategy: mixed, cut: {1: [1g.5gb]}}}}\n",
            "mig.cut names GPU 1",
        ),
    ] {
        let refusal = load(text).unwrap_err();
        assert!(refusal.contains(words), "{words}: {refusal}");
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
    }
}

#[test]
fn every_cut_that_the_sandbox_brings_can_be_cut_on_a_card_that_it_is_for() {
    let configs = configs::MigConfigs::load(None).unwrap();
    let text = configs::SHIPPED;
    let names: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.trim().strip_suffix(':'))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for product in ["A100-SXM4-40GB", "A100-SXM4-80GB", "H100-80GB-HBM3"] {
        let row = format!("nodes:\n- {{name: a, cpu: 1, memory: 1Gi, gpus: {{product: {product}, count: 4, mig: {{strategy: mixed}}}}}}\n");
        let node = load(&row).unwrap().nodes.remove(0);
        let mut fitting = 0;
        for name in &names {
            match node.recut(name, &configs.cut(name, &node).unwrap()) {
                Ok(next) => {
                    assert_eq!(next.mig_config(), *name);
                    fitting += 1;
                }
                Err(reason) => assert!(reason.contains("has no MIG profile"), "{product} {name}: {reason}"),
            }
        }
        assert!(fitting >= 10, "{product}: {fitting}");
    }
}

#[test]
fn a_cut_says_what_it_is_for_and_leaves_other_cards_as_they_are() {
    let node = shipped("gpu-b");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"version: v1\nmig-configs:\n  one:\n  - device-filter: '0x20b010de'\n    devices: [3]\n    mig-enabled: true\n    mig-devices: {3g.20gb: 2}\n  elsewhere:\n  - device-filter: ['0x233010DE']\n    devices: all\n    mig-enabled: false\n").unwrap();
    let configs = configs::MigConfigs::load(Some(file.path())).unwrap();
    let one = node.recut("one", &configs.cut("one", &node).unwrap()).unwrap();
    assert_eq!(amount(&one, "nvidia.com/mig-3g.20gb").as_deref(), Some("3"));
    assert_eq!(amount(&one, "nvidia.com/gpu"), None);
    assert_eq!(one.labels()["nvidia.com/mig.config"], "one");
    assert_eq!(configs.cut("elsewhere", &node).unwrap(), node.cut());
    assert!(configs.cut("nowhere", &node).unwrap_err().contains("\"nowhere\""));
}
