//! Quotas, limits and priority classes, written in a person's name so that nobody overwrites what they have not seen.
//!
//! A form knows what it was made from. Before a write the object is read again, in the person's name: where it says something
//! else by now, the write is refused with what changed. The write itself names the version that was read, so that nothing can
//! come between the two. Kubernetes gives a quota a new version each time that a Pod comes or goes; such a write is begun again.
//!
//! Writes are server-side apply without force: a field that another manager (kubectl, a controller) keeps is that one's,
//! and the refusal names it. Two admins who make an object of the same name at once would both apply to nothing; one after the
//! other, under a lock, the second finds the first's.

use std::fmt::Debug;

use k8s_openapi::api::{
    core::v1::{LimitRange, ResourceQuota},
    scheduling::v1::PriorityClass,
};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
};
use serde::{Serialize, de::DeserializeOwned};
use slipway_domain::{
    limit::form::LimitChange,
    priority::PriorityFacts,
    quota::{form::QuotaChange, request::Request},
    refusal::Refusal,
    team::TeamName,
};
use tokio::sync::Mutex;

use super::{
    AsPerson, MANAGER, WriteError,
    index::rules::{LimitRangeObject, PriorityClassObject, QuotaObject},
    manifest,
};

/// How often a write is begun again because Kubernetes counted a Pod in between.
const TRIES: u32 = 8;

/// Held from reading an object to writing it.
static TURN: Mutex<()> = Mutex::const_new(());

/// Why a share was not written.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// It says something else than what the form was made from.
    #[error("{}", changed(.was, .now, .by.as_deref()))]
    Changed {
        /// What the form was made from.
        was: String,
        /// What it says.
        now: String,
        /// Who wrote it last, as Kubernetes knows its managers.
        by: Option<String>,
    },
    /// Another manager keeps fields that were to be changed.
    #[error("{manager} keeps {fields} of it, so that Slipway leaves them as they are; change them there, or have it let go of them")]
    Kept {
        /// Its name.
        manager: String,
        /// Which fields.
        fields: String,
    },
    /// The quota of a request is not there any more.
    #[error("The quota {0} is not there any more, so that there is nothing to give more of")]
    Gone(String),
    /// The API server did not do it.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<kube::Error> for ShareError {
    fn from(error: kube::Error) -> Self {
        Self::Write(error.into())
    }
}

impl From<ShareError> for Refusal {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::Write(WriteError::NotFound(_)) => {
                Self::conflict("The cluster has no namespace for this team yet; Slipway is preparing it, try again in a minute")
            }
            // The fields of these forms are named by resource; Kubernetes names them by path.
            ShareError::Write(WriteError::Invalid { message, .. }) => Self::field("", format!("Kubernetes: {message}")),
            ShareError::Write(error) => error.into(),
            ShareError::Changed { .. } | ShareError::Kept { .. } | ShareError::Gone(_) => Self::conflict(error.to_string()),
        }
    }
}

/// What somebody else has changed meanwhile, in a sentence.
fn changed(was: &str, now: &str, by: Option<&str>) -> String {
    let who = by.map_or_else(|| "Somebody".to_owned(), |by| if by == MANAGER { "Another admin".to_owned() } else { by.to_owned() });
    let also = "What you wrote is still in the form; look at what is there now, then save again to set yours";
    match (was, now) {
        ("", now) => format!("{who} has made one of this name meanwhile: {now}. {also}"),
        (_, "") => format!("{who} has deleted it meanwhile. {also}"),
        (was, now) => {
            let (was, now): (Vec<&str>, Vec<&str>) = (was.split(',').collect(), now.split(',').collect());
            let only = |of: &[&str], other: &[&str]| {
                let parts: Vec<&str> = of.iter().filter(|part| !other.contains(part)).copied().collect();
                if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
            };
            format!("{who} has changed it meanwhile: {} is now {}. {also}", only(&was, &now), only(&now, &was))
        }
    }
}

/// A kind that is written so.
trait Share: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned {
    /// What it says, as the domain's facts do; none where it is no team's.
    fn seen(&self) -> Option<String>;
}

/// The object as the index reads it, so that both say the same.
fn as_read<T: DeserializeOwned>(object: &impl Serialize) -> Option<T> {
    serde_json::from_value(serde_json::to_value(object).ok()?).ok()
}

impl Share for ResourceQuota {
    fn seen(&self) -> Option<String> {
        Some(as_read::<QuotaObject>(self)?.into_facts()?.seen())
    }
}

impl Share for LimitRange {
    fn seen(&self) -> Option<String> {
        Some(as_read::<LimitRangeObject>(self)?.into_facts()?.seen())
    }
}

impl Share for PriorityClass {
    fn seen(&self) -> Option<String> {
        Some(as_read::<PriorityClassObject>(self)?.into_facts().seen())
    }
}

impl AsPerson {
    /// Sets a quota to what a form means; answers with the resources that stay limited because another manager keeps them.
    ///
    /// # Errors
    /// That it was changed meanwhile, that another manager keeps a field, or what the API server refuses.
    pub async fn set_quota(&self, change: &QuotaChange) -> Result<Vec<String>, ShareError> {
        let api = self.quotas(&change.team);
        let written = write(&api, change.name.as_str(), Some(&change.seen), |there| Some(manifest::quota(change, there))).await?;
        let hard = written.and_then(|quota| quota.spec).and_then(|spec| spec.hard).unwrap_or_default();
        Ok(hard.into_keys().filter(|resource| !change.hard.contains_key(resource)).collect())
    }

    /// Deletes a quota that says what was seen.
    ///
    /// # Errors
    /// That it was changed meanwhile, or what the API server refuses.
    pub async fn delete_quota(&self, team: &TeamName, name: &str, seen: &str) -> Result<(), ShareError> {
        delete(&self.quotas(team), name, seen).await
    }

    /// Adds a grant to its quota; does nothing where it is in it already.
    ///
    /// # Errors
    /// That there is no such quota, that another manager keeps the amount, or what the API server refuses.
    pub async fn grant(&self, request: &Request) -> Result<(), ShareError> {
        let api = self.quotas(&request.team);
        api.get_opt(&request.quota).await?.ok_or_else(|| ShareError::Gone(request.quota.clone()))?;
        write(&api, &request.quota, None, |there| manifest::granted(there?, request)).await?;
        Ok(())
    }

    /// Takes a grant out of its quota; does nothing where it is not in it, or where there is no such quota any more.
    ///
    /// # Errors
    /// That another manager keeps the amount, or what the API server refuses.
    pub async fn take_back(&self, request: &Request) -> Result<(), ShareError> {
        write(&self.quotas(&request.team), &request.quota, None, |there| manifest::taken_back(there?, request)).await?;
        Ok(())
    }

    /// Sets limits to what a form means.
    ///
    /// # Errors
    /// That they were changed meanwhile, that another manager keeps a field, or what the API server refuses.
    pub async fn set_limits(&self, change: &LimitChange) -> Result<(), ShareError> {
        write(&self.limits(&change.team), change.name.as_str(), Some(&change.seen), |_| Some(manifest::limit(change))).await?;
        Ok(())
    }

    /// Deletes limits that say what was seen.
    ///
    /// # Errors
    /// That they were changed meanwhile, or what the API server refuses.
    pub async fn delete_limits(&self, team: &TeamName, name: &str, seen: &str) -> Result<(), ShareError> {
        delete(&self.limits(team), name, seen).await
    }

    /// Makes a priority class, or changes what can change of one.
    ///
    /// # Errors
    /// That it was changed meanwhile, that another manager keeps a field, or what the API server refuses.
    pub async fn set_priority(&self, class: &PriorityFacts, seen: &str) -> Result<(), ShareError> {
        write(&self.priorities(), &class.name, Some(seen), |_| Some(manifest::priority(class))).await?;
        Ok(())
    }

    /// Deletes a priority class and makes it anew, as a class's value and whether it preempts never change.
    ///
    /// # Errors
    /// As [`Self::set_priority`]; where the class was deleted and could not be made, that is said.
    pub async fn replace_priority(&self, class: &PriorityFacts, seen: &str) -> Result<(), ShareError> {
        delete(&self.priorities(), &class.name, seen).await?;
        self.set_priority(class, "").await
    }

    /// Deletes a priority class that says what was seen.
    ///
    /// # Errors
    /// That it was changed meanwhile, or what the API server refuses.
    pub async fn delete_priority(&self, name: &str, seen: &str) -> Result<(), ShareError> {
        delete(&self.priorities(), name, seen).await
    }

    fn quotas(&self, team: &TeamName) -> Api<ResourceQuota> {
        Api::namespaced(self.client.clone(), team.as_str())
    }

    fn limits(&self, team: &TeamName) -> Api<LimitRange> {
        Api::namespaced(self.client.clone(), team.as_str())
    }

    fn priorities(&self) -> Api<PriorityClass> {
        Api::all(self.client.clone())
    }
}

/// Applies what `make` makes of what is there; nothing where it makes nothing. `expected` is what has to be there, where that
/// matters.
async fn write<K: Share>(
    api: &Api<K>,
    name: &str,
    expected: Option<&str>,
    make: impl Fn(Option<&K>) -> Option<K>,
) -> Result<Option<K>, ShareError> {
    let _turn = TURN.lock().await;
    let params = PatchParams::apply(MANAGER).validation_strict();
    let mut last = String::new();
    for _ in 0..TRIES {
        let there = api.get_opt(name).await?;
        as_expected(there.as_ref(), expected)?;
        let Some(mut object) = make(there.as_ref()) else { return Ok(None) };
        object.meta_mut().resource_version = there.and_then(|there| there.meta().resource_version.clone());
        match api.patch(name, &params, &Patch::Apply(&object)).await.map_err(WriteError::from) {
            Ok(written) => return Ok(Some(written)),
            Err(WriteError::Conflict(message)) => match kept(&message) {
                Some(error) => return Err(error),
                None => last = message,
            },
            Err(error) => return Err(error.into()),
        }
    }
    Err(WriteError::Conflict(format!("It changes so fast that it could not be written: {last}; try again in a moment")).into())
}

async fn delete<K: Share>(api: &Api<K>, name: &str, seen: &str) -> Result<(), ShareError> {
    let _turn = TURN.lock().await;
    let mut last = String::new();
    for _ in 0..TRIES {
        let Some(there) = api.get_opt(name).await? else { return Ok(()) };
        as_expected(Some(&there), Some(seen))?;
        let preconditions = Preconditions { resource_version: there.meta().resource_version.clone(), uid: None };
        match api.delete(name, &DeleteParams::default().preconditions(preconditions)).await.map_err(WriteError::from) {
            Ok(_) | Err(WriteError::NotFound(_)) => return Ok(()),
            Err(WriteError::Conflict(message)) => last = message,
            Err(error) => return Err(error.into()),
        }
    }
    Err(WriteError::Conflict(format!("It changes so fast that it could not be deleted: {last}; try again in a moment")).into())
}

fn as_expected<K: Share>(there: Option<&K>, expected: Option<&str>) -> Result<(), ShareError> {
    let Some(was) = expected else { return Ok(()) };
    let now = there.and_then(Share::seen).unwrap_or_default();
    if now == was {
        return Ok(());
    }
    let managers = there.and_then(|there| there.meta().managed_fields.as_ref()).into_iter().flatten();
    // What counts a quota's use writes it, too.
    let newest = managers.filter(|entry| entry.subresource.is_none()).max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    Err(ShareError::Changed { was: was.to_owned(), now, by: newest.and_then(|entry| entry.manager.clone()) })
}

/// What Kubernetes says of fields that other managers keep: `Apply failed with N conflict(s): conflict(s) with "NAME" using VERSION:
/// .FIELD`, or several on lines of their own. None where the conflict is another.
fn kept(message: &str) -> Option<ShareError> {
    let rest = message.strip_prefix("Apply failed with ")?;
    let manager = rest.split('"').nth(1)?.to_owned();
    let field = |word: &str| {
        let word = word.trim_start_matches("- ").trim();
        word.starts_with('.')
            .then(|| word.trim_start_matches(".spec.hard.").trim_start_matches(".spec.").trim_start_matches('.').to_owned())
    };
    let fields: Vec<String> = rest.split([' ', '\n']).filter_map(field).collect();
    let fields = if fields.is_empty() { "fields".to_owned() } else { fields.join(", ") };
    Some(ShareError::Kept { manager, fields })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_of_a_field_is_named() {
        let one = "Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .spec.hard.requests.cpu";
        let two =
            "Apply failed with 2 conflicts: conflicts with \"argocd\" using v1:\n- .spec.hard.pods\n- .spec.hard.requests.nvidia.com/gpu";
        let sentence = |message: &str| kept(message).map(|error| error.to_string()).unwrap_or_default();
        assert!(sentence(one).starts_with("kubectl keeps requests.cpu of it"), "{}", sentence(one));
        assert!(sentence(two).starts_with("argocd keeps pods, requests.nvidia.com/gpu of it"), "{}", sentence(two));
        assert!(kept("Operation cannot be fulfilled on resourcequotas \"team\": the object has been modified").is_none());
    }

    #[test]
    fn a_team_without_a_namespace_is_said_to_be_one() {
        let refusal = Refusal::from(ShareError::Write(WriteError::NotFound("namespaces \"vision\" not found".into())));
        assert!(refusal.to_string().starts_with("The cluster has no namespace for this team yet"), "{refusal}");
        assert_eq!(refusal.status(), 409);
    }

    #[test]
    fn what_another_has_changed_is_said() {
        let said = changed("pods=4,requests.cpu=8", "pods=4,requests.cpu=16", Some("kubectl-edit"));
        assert!(said.starts_with("kubectl-edit has changed it meanwhile: requests.cpu=8 is now requests.cpu=16. "), "{said}");
        assert!(changed("", "pods=4", Some(MANAGER)).starts_with("Another admin has made one of this name meanwhile: pods=4"));
        assert!(changed("pods=4", "", None).starts_with("Somebody has deleted it meanwhile"));
    }
}
