//! A container's environment variables, from literals, fields of the Pod, resources, ConfigMaps and Secrets.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::{
    api::core::v1::{ConfigMap, Container, EnvVar, ObjectFieldSelector, Pod, ResourceFieldSelector, Secret},
    apimachinery::pkg::api::resource::Quantity,
};
use kube::{Api, Client, ResourceExt as _};

/// Why a container's environment cannot be made; the text is what the Pod's status shows.
pub(super) type ConfigError = String;

/// What a Pod is told of itself by its node.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub node: String,
    pub pod_ip: String,
    pub host_ip: String,
}

/// The variables in the order in which a container sees them: `envFrom` first, then `env`, `$(NAME)` expanded.
pub(super) async fn variables(
    client: &Client,
    pod: &Pod,
    container: &Container,
    place: &Place,
) -> Result<Vec<(String, String)>, ConfigError> {
    let namespace = pod.namespace().unwrap_or_default();
    let mut found: Vec<(String, String)> = Vec::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or_default();
        let values = if let Some(reference) = &source.config_map_ref {
            config_map(client, &namespace, &reference.name, reference.optional == Some(true)).await?
        } else if let Some(reference) = &source.secret_ref {
            secret(client, &namespace, &reference.name, reference.optional == Some(true)).await?
        } else {
            continue;
        };
        for (name, value) in values.into_iter().flatten() {
            set(&mut found, format!("{prefix}{name}"), String::from_utf8_lossy(&value).into_owned());
        }
    }
    for variable in container.env.iter().flatten() {
        let value = match &variable.value_from {
            None => Some(expand(variable.value.as_deref().unwrap_or_default(), &found)),
            Some(_) => value_from(client, pod, container, place, &namespace, variable).await?,
        };
        if let Some(value) = value {
            set(&mut found, variable.name.clone(), value);
        }
    }
    Ok(found)
}

fn set(found: &mut Vec<(String, String)>, name: String, value: String) {
    found.retain(|(there, _)| *there != name);
    found.push((name, value));
}

async fn value_from(
    client: &Client,
    pod: &Pod,
    container: &Container,
    place: &Place,
    namespace: &str,
    variable: &EnvVar,
) -> Result<Option<String>, ConfigError> {
    let Some(source) = &variable.value_from else { return Ok(None) };
    if let Some(selector) = &source.field_ref {
        return field(pod, place, selector).map(Some);
    }
    if let Some(selector) = &source.resource_field_ref {
        return resource(pod, container, selector).map(Some);
    }
    let (values, key, optional, what) = if let Some(reference) = &source.config_map_key_ref {
        let optional = reference.optional == Some(true);
        (
            config_map(client, namespace, &reference.name, optional).await?,
            &reference.key,
            optional,
            format!("ConfigMap {namespace}/{}", reference.name),
        )
    } else if let Some(reference) = &source.secret_key_ref {
        let optional = reference.optional == Some(true);
        (
            secret(client, namespace, &reference.name, optional).await?,
            &reference.key,
            optional,
            format!("Secret {namespace}/{}", reference.name),
        )
    } else {
        return Ok(None);
    };
    match values.and_then(|mut values| values.remove(key)) {
        Some(value) => Ok(Some(String::from_utf8_lossy(&value).into_owned())),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in {what}")),
    }
}

pub(super) type Values = BTreeMap<String, Vec<u8>>;

/// A ConfigMap's data; none where it is optional and missing.
pub(super) async fn config_map(client: &Client, namespace: &str, name: &str, optional: bool) -> Result<Option<Values>, ConfigError> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    match api.get_opt(name).await.map_err(|error| error.to_string())? {
        Some(map) => {
            let text = map.data.into_iter().flatten().map(|(key, value)| (key, value.into_bytes()));
            Ok(Some(text.chain(map.binary_data.into_iter().flatten().map(|(key, value)| (key, value.0))).collect()))
        }
        None if optional => Ok(None),
        None => Err(format!("configmap \"{name}\" not found")),
    }
}

/// A Secret's data; none where it is optional and missing.
pub(super) async fn secret(client: &Client, namespace: &str, name: &str, optional: bool) -> Result<Option<Values>, ConfigError> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    match api.get_opt(name).await.map_err(|error| error.to_string())? {
        Some(secret) => Ok(Some(secret.data.into_iter().flatten().map(|(key, value)| (key, value.0)).collect())),
        None if optional => Ok(None),
        None => Err(format!("secret \"{name}\" not found")),
    }
}

/// A field of the Pod, as the downward API names it.
pub(super) fn field(pod: &Pod, place: &Place, selector: &ObjectFieldSelector) -> Result<String, ConfigError> {
    let path = selector.field_path.as_str();
    let keyed = |prefix: &str, values: &BTreeMap<String, String>| {
        let key = path.strip_prefix(prefix)?.strip_suffix("']")?;
        Some(values.get(key).cloned().unwrap_or_default())
    };
    let listed =
        |values: &BTreeMap<String, String>| values.iter().map(|(key, value)| format!("{key}={value:?}")).collect::<Vec<_>>().join("\n");
    let value = match path {
        "metadata.name" => pod.name_any(),
        "metadata.namespace" => pod.namespace().unwrap_or_default(),
        "metadata.uid" => pod.uid().unwrap_or_default(),
        "metadata.labels" => listed(pod.labels()),
        "metadata.annotations" => listed(pod.annotations()),
        "spec.nodeName" => place.node.clone(),
        "spec.serviceAccountName" => pod.spec.as_ref().and_then(|spec| spec.service_account_name.clone()).unwrap_or_default(),
        "status.podIP" | "status.podIPs" => place.pod_ip.clone(),
        "status.hostIP" | "status.hostIPs" => place.host_ip.clone(),
        _ => keyed("metadata.labels['", pod.labels())
            .or_else(|| keyed("metadata.annotations['", pod.annotations()))
            .ok_or_else(|| format!("unsupported fieldPath: {path}"))?,
    };
    Ok(value)
}

/// A container's request or limit, in units of the divisor, rounded up.
pub(super) fn resource(pod: &Pod, container: &Container, selector: &ResourceFieldSelector) -> Result<String, ConfigError> {
    let named = selector.container_name.as_deref().and_then(|name| pod.spec.as_ref()?.containers.iter().find(|c| c.name == name));
    let resources = named.unwrap_or(container).resources.clone().unwrap_or_default();
    let (kind, name) = selector.resource.split_once('.').ok_or_else(|| format!("unsupported resource: {}", selector.resource))?;
    let amounts = if kind == "limits" { resources.limits } else { resources.requests };
    let amount = amounts.and_then(|amounts| amounts.get(name).cloned()).map_or(0, |amount| nanos(&amount));
    let divisor = selector.divisor.as_ref().map(nanos).filter(|divisor| *divisor > 0).unwrap_or(NANO);
    Ok((amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)).to_string())
}

const NANO: i128 = 1_000_000_000;

/// A quantity in nano-units. The API server has checked its form.
fn nanos(quantity: &Quantity) -> i128 {
    let text = quantity.0.as_str();
    let end = text.find(|c: char| !(c.is_ascii_digit() || ".+-".contains(c))).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let scale: i128 = match unit {
        "n" => 1,
        "u" => 1_000,
        "m" => 1_000_000,
        "k" => NANO * 1_000,
        "M" => NANO * 1_000_000,
        "G" => NANO * NANO,
        "T" => NANO * NANO * 1_000,
        "P" => NANO * NANO * 1_000_000,
        "E" => NANO * NANO * NANO,
        "Ki" => NANO << 10,
        "Mi" => NANO << 20,
        "Gi" => NANO << 30,
        "Ti" => NANO << 40,
        "Pi" => NANO << 50,
        "Ei" => NANO << 60,
        _ => NANO,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction: String = fraction.chars().take(9).collect();
    let part = fraction.parse::<i128>().unwrap_or(0) * scale / 10_i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
    whole.parse::<i128>().unwrap_or(0) * scale + part
}

/// `$(NAME)` is the value of a variable seen before; `$$` is `$`; an unknown name stays as it is.
pub(super) fn expand(text: &str, variables: &[(String, String)]) -> String {
    let values: HashMap<&str, &str> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')')) {
            match values.get(name) {
                Some(value) => out.push_str(value),
                None => out.push_str(&rest[..name.len() + 3]),
            }
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_kubernetes_does() {
        let known = [("A".to_owned(), "1".to_owned())];
        for (text, want) in [("$(A)", "1"), ("$$(A)", "$(A)"), ("$(B)", "$(B)"), ("x$(A)y$", "x1y$"), ("$A", "$A"), ("$(A", "$(A")] {
            assert_eq!(expand(text, &known), want, "{text}");
        }
    }

    #[test]
    fn amounts_are_divided_and_rounded_up() {
        for (text, want) in [("1500m", 1_500_000_000), ("1Ki", 1024 * NANO), ("0.5", NANO / 2), ("2", 2 * NANO)] {
            assert_eq!(nanos(&Quantity(text.into())), want, "{text}");
        }
    }
}
