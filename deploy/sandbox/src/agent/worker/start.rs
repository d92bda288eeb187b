//! How a container is started, and started again.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::{
    super::{
        attempt::{Attempt, Start},
        devices, environment, now, volumes,
    },
    Life, Worker,
};
use crate::images::ImageFile;

/// The longest wait before a container that keeps failing is started again, as the kubelet's.
const LONGEST_BACKOFF: SignedDuration = SignedDuration::from_secs(300);

impl Worker {
    /// A container that has ended is to run again: makes it wait, the first time not at all, then ever longer.
    pub(super) async fn crash(&mut self, index: usize) -> Timestamp {
        let slot = &mut self.slots[index];
        let Life::Ended { exit, .. } = &slot.life else { return now() };
        let wait = match slot.restarts {
            0 => SignedDuration::ZERO,
            restarts => self.ground.backoff.saturating_mul(1 << (restarts - 1).min(10)).min(LONGEST_BACKOFF),
        };
        let due = exit.at.saturating_add(wait).unwrap_or(exit.at);
        slot.last = Some(exit.clone());
        slot.restarts += 1;
        let name = slot.spec.name.clone();
        let message = format!("back-off {}s restarting failed container={name} pod={}", wait.as_secs(), self.pod.name_any());
        slot.life = Life::Waiting { reason: "CrashLoopBackOff".into(), message: message.clone(), retry: Some(due) };
        if due > now() {
            self.events.post(&self.pod, true, "BackOff", message, now()).await;
        }
        due
    }

    /// Starts a container. The answer is when to try again, where it could not be started.
    pub(super) async fn start(&mut self, index: usize) -> Option<Timestamp> {
        match self.try_start(index).await {
            Ok(()) => {
                let name = &self.slots[index].spec.name;
                self.events.post(&self.pod, false, "Started", format!("Started container {name}"), now()).await;
                None
            }
            Err((reason, message)) => {
                let retry = now().saturating_add(self.ground.backoff).unwrap_or(Timestamp::MAX);
                let slot = &mut self.slots[index];
                let known = matches!(&slot.life, Life::Waiting { message: before, .. } if *before == message);
                let shown = if reason == "ErrImagePull" && known { "ImagePullBackOff".to_owned() } else { reason };
                slot.life = Life::Waiting { reason: shown, message: message.clone(), retry: Some(retry) };
                if !known {
                    self.events.post(&self.pod, true, "Failed", format!("Error: {message}"), now()).await;
                }
                Some(retry)
            }
        }
    }

    async fn try_start(&mut self, index: usize) -> Result<(), (String, String)> {
        let spec = self.slots[index].spec.clone();
        let failed = |reason: &'static str| move |message: String| (reason.to_owned(), message);
        let images = ImageFile::load(&self.ground.images).map_err(|error| failed("ErrImagePull")(error.to_string()))?;
        let name = spec.image.clone().unwrap_or_default();
        let image = images.find(&name).map_err(|error| failed(error.reason())(error.to_string()))?;
        let mut env: Vec<(String, String)> = vec![("PATH".into(), std::env::var("PATH").unwrap_or_default())];
        env.push(("HOSTNAME".into(), self.pod.name_any()));
        env.push(("HOME".into(), "/tmp".into()));
        env.extend(image.env.clone());
        let own =
            environment::variables(&self.client, &self.pod, &spec, &self.place).await.map_err(failed("CreateContainerConfigError"))?;
        let expand =
            |words: &Option<Vec<String>>| -> Vec<String> { words.iter().flatten().map(|word| environment::expand(word, &own)).collect() };
        let (command, args) = (expand(&spec.command), expand(&spec.args));
        if self.slots[index].visible.is_none() {
            let given = self.node.devices().give(&self.uid(), &spec).map_err(failed("UnexpectedAdmissionError"))?;
            self.slots[index].visible = given;
        }
        env.extend(own.clone());
        if let Some(visible) = &self.slots[index].visible {
            env.push((devices::VISIBLE.into(), visible.clone()));
        }
        let search = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone()).unwrap_or_default();
        let invocation = image.invocation(&command, &args, &search).map_err(|error| failed(error.reason())(error.to_string()))?;
        let none = BTreeMap::new();
        let mounts = volumes::mounts(&spec, self.volumes.as_ref().unwrap_or(&none), &own).map_err(failed("CreateContainerConfigError"))?;
        let number = self.slots[index].restarts;
        let tmp = self.folder.join("tmp").join(&spec.name);
        let io = |error: std::io::Error| failed("CreateContainerError")(error.to_string());
        std::fs::create_dir_all(&tmp).map_err(io)?;
        let grace = self.pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds).unwrap_or(30);
        let start = Start {
            image: image.brings.iter().chain([&invocation.program]).cloned().collect(),
            program: invocation.program,
            args: invocation.args,
            env,
            working_dir: spec.working_dir.clone().map(PathBuf::from),
            mounts,
            tmp,
            supervisor: self.ground.supervisor,
            grace_seconds: u64::try_from(grace).unwrap_or(0),
        };
        let attempt = Attempt::at(self.folder.join("containers").join(&spec.name).join(number.to_string()));
        let child = attempt.launch(&start).map_err(io)?;
        self.slots[index].life = Life::Running { attempt: attempt.clone(), since: now() };
        self.watch(index, number, attempt, Some(child));
        Ok(())
    }
}
