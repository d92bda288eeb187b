//! The questions of the New run form, in the order in which one thinks of them: what, with what, on what, and when it fails.

use leptos::prelude::*;
use slipway_domain::run::{
    form::RunForm,
    spec::{Model, Optimizer, Schedule},
    view::LaunchChoices,
};

use super::Draft;
use crate::parts::field::{Choice, Line, Lines, bind_check};

/// What a field is called in a sentence.
pub fn label(name: &str) -> String {
    let words = match name {
        "env" => "environment",
        "gpu_count" => "GPUs or slices",
        "gpu_product" => "GPU product",
        "cpu" => "CPU",
        "gpu" => "GPU",
        "deadline_minutes" => "deadline",
        other => other,
    };
    words.replace('_', " ")
}

/// One field: its name, how it is read and how it is written.
macro_rules! field {
    ($draft:expr, $name:ident) => {
        (
            stringify!($name),
            Signal::derive(move || $draft.form.with(|form| form.$name.clone())),
            $draft.error(stringify!($name)),
            Callback::new(move |text: String| $draft.set(stringify!($name), |form: &mut RunForm| form.$name = text)),
        )
    };
}

/// The column of questions.
#[component]
pub fn Questions(draft: Draft, choices: LaunchChoices) -> impl IntoView {
    let teams = choices.teams.iter().map(|team| (team.to_string(), team.to_string())).collect::<Vec<_>>();
    let priorities = choices.priority_classes.clone();
    view! {
        <div class="flex min-w-0 flex-col gap-4">
            <What draft teams/>
            <Trainer draft/>
            <Command draft/>
            <On draft choices/>
            <WhenItFails draft priorities/>
        </div>
    }
}

#[component]
fn Section(title: &'static str, #[prop(optional)] only_for: &'static str, children: Children) -> impl IntoView {
    view! {
        <fieldset class="flex min-w-0 flex-col gap-4 rounded border border-line bg-surface p-4" data-only-for=(!only_for.is_empty()).then_some(only_for)>
            <legend class="float-left mb-1 w-full text-body font-semibold">{title}</legend>
            {children()}
        </fieldset>
    }
}

#[component]
fn What(draft: Draft, teams: Vec<(String, String)>) -> impl IntoView {
    let (team_name, team, team_error, set_team) = field!(draft, team);
    let (name_name, name, name_error, set_name) = field!(draft, name);
    let (tags_name, tags, tags_error, set_tags) = field!(draft, tags);
    let (note_name, note, note_error, set_note) = field!(draft, note);
    let (_, program, program_error, set_program) = field!(draft, program);
    let choice = move |word: &'static str, title: &'static str, text: &'static str| {
        let id = format!("program-{word}");
        let input = NodeRef::new();
        bind_check(input, move || program.get() == word);
        view! {
            <label class="flex min-w-0 flex-1 cursor-pointer gap-2 rounded border border-line-strong p-3 text-table has-checked:border-accent" for=id.clone()>
                <input
                    class="mt-1 accent-accent focus-visible:outline-2 focus-visible:outline-offset-2 focus-visible:outline-accent"
                    type="radio"
                    id=id.clone()
                    name="program"
                    value=word
                    checked=program.get_untracked() == word
                    node_ref=input
                    on:change=move |event| if event_target_checked(&event) { set_program.run(word.to_owned()) }
                />
                <span class="min-w-0"><span class="block font-medium">{title}</span><span class="block text-ink-soft">{text}</span></span>
            </label>
        }
    };
    view! {
        <Section title="What">
            <div class="grid gap-4 sm:grid-cols-2">
                <Choice name=team_name label="Team" hint="Whose quota it uses, and who sees it" options=teams value=team error=team_error on_input=set_team/>
                <Line name=name_name label="Name" hint="What its Job is called: a–z, 0–9 and dashes, at most 52 characters" value=name error=name_error on_input=set_name/>
            </div>
            <div class="flex flex-col gap-1">
                <span class="text-table font-medium" id="program-label">"Program"</span>
                <div class="flex flex-col gap-2 sm:flex-row" role="radiogroup" aria-labelledby="program-label">
                    {choice("trainer", "Slipway's trainer", "Trains a known model on images or tables; the shipped example is filled in")}
                    {choice("command", "An image of your own", "Runs any command; lines of JSON that it prints become curves")}
                </div>
                {move || program_error.get().map(|error| view! { <p class="text-table text-bad">"✕ "{error}</p> })}
            </div>
            <div class="grid gap-4 sm:grid-cols-2">
                <Line name=tags_name label="Tags" hint="Words to find it by, separated by commas" value=tags error=tags_error on_input=set_tags/>
                <Line name=note_name label="Note" hint="A line for whoever reads it later" value=note error=note_error on_input=set_note/>
            </div>
        </Section>
    }
}

fn options<T: Copy>(all: &[T], word: fn(T) -> &'static str, label: fn(T) -> &'static str) -> Vec<(String, String)> {
    all.iter().map(|it| (word(*it).to_owned(), label(*it).to_owned())).collect()
}

#[component]
fn Trainer(draft: Draft) -> impl IntoView {
    let (data_name, data, data_error, set_data) = field!(draft, data);
    let (model_name, model, model_error, set_model) = field!(draft, model);
    let (epochs_name, epochs, epochs_error, set_epochs) = field!(draft, epochs);
    let (batch_name, batch, batch_error, set_batch) = field!(draft, batch_size);
    let (rate_name, rate, rate_error, set_rate) = field!(draft, learning_rate);
    let (optimizer_name, optimizer, optimizer_error, set_optimizer) = field!(draft, optimizer);
    let (decay_name, decay, decay_error, set_decay) = field!(draft, weight_decay);
    let (schedule_name, schedule, schedule_error, set_schedule) = field!(draft, schedule);
    let (seed_name, seed, seed_error, set_seed) = field!(draft, seed);
    let (every_name, every, every_error, set_every) = field!(draft, checkpoint_every);
    view! {
        <Section title="Data and hyperparameters" only_for="trainer">
            <Line
                name=data_name
                label="Data"
                hint="digits is shipped: 1,797 images of 8 × 8 pixels. Or csv:, npz: or images: and a path on the team's volume, such as csv:/team/data/iris.csv"
                value=data
                error=data_error
                on_input=set_data
                offers=vec!["digits".to_owned()]
            />
            <div class="grid gap-4 sm:grid-cols-2">
                <Choice name=model_name label="Model" hint="A small CNN suits small images; ResNets want a GPU" options=options(Model::ALL, Model::word, Model::label) value=model error=model_error on_input=set_model/>
                <Line name=epochs_name label="Epochs" hint="Passes over the data" value=epochs error=epochs_error on_input=set_epochs/>
                <Line name=batch_name label="Batch size" hint="Samples in one optimizer step" unit="samples" value=batch error=batch_error on_input=set_batch/>
                <Line name=rate_name label="Learning rate" hint="At its peak, such as 0.001 or 1e-3" value=rate error=rate_error on_input=set_rate/>
                <Choice name=optimizer_name label="Optimizer" hint="AdamW is a safe first choice" options=options(Optimizer::ALL, Optimizer::word, Optimizer::label) value=optimizer error=optimizer_error on_input=set_optimizer/>
                <Line name=decay_name label="Weight decay" hint="Pulls weights towards 0; 0 is none" value=decay error=decay_error on_input=set_decay/>
                <Choice name=schedule_name label="Schedule" hint="How the learning rate moves over the run" options=options(Schedule::ALL, Schedule::word, Schedule::label) value=schedule error=schedule_error on_input=set_schedule/>
                <Line name=seed_name label="Seed" hint="Of weights and shuffling; the same seed gives the same run on a CPU" value=seed error=seed_error on_input=set_seed/>
                <Line name=every_name label="Checkpoint every" hint="A run that is ended goes on from its newest checkpoint" unit="steps" value=every error=every_error on_input=set_every/>
            </div>
        </Section>
    }
}

#[component]
fn Command(draft: Draft) -> impl IntoView {
    let (image_name, image, image_error, set_image) = field!(draft, image);
    let (command_name, command, command_error, set_command) = field!(draft, command);
    let (env_name, env, env_error, set_env) = field!(draft, env);
    view! {
        <Section title="Image and command" only_for="command">
            <Line name=image_name label="Image" hint="As the nodes pull it, such as ghcr.io/me/train:1.2; a digest never changes under you" value=image error=image_error on_input=set_image/>
            <Lines name=command_name label="Command" hint="The program and its arguments, one a line, taken as they are: no shell, no quotes. Nothing means the image's own" value=command error=command_error on_input=set_command/>
            <Lines name=env_name label="Environment" hint="NAME=value, one a line. It is shown to the whole team: no secrets" value=env error=env_error on_input=set_env/>
        </Section>
    }
}

#[component]
fn On(draft: Draft, choices: LaunchChoices) -> impl IntoView {
    let (cpu_name, cpu, cpu_error, set_cpu) = field!(draft, cpu);
    let (memory_name, memory, memory_error, set_memory) = field!(draft, memory);
    let (gpu_name, gpu, gpu_error, set_gpu) = field!(draft, gpu);
    let (count_name, count, count_error, set_count) = field!(draft, gpu_count);
    let (product_name, product, product_error, set_product) = field!(draft, gpu_product);
    let whole: u32 = choices.gpu_products.iter().map(|(_, count)| count).sum();
    let mut kinds = vec![("none".to_owned(), "No GPU".to_owned()), ("gpu".to_owned(), format!("Whole GPUs ({whole} in the cluster)"))];
    kinds.extend(
        choices.mig_profiles.iter().map(|(profile, count)| (profile.clone(), format!("MIG slice {profile} ({count} in the cluster)"))),
    );
    let mut products = vec![(String::new(), "Any".to_owned())];
    products.extend(choices.gpu_products.iter().map(|(product, count)| (product.clone(), format!("{product} ({count})"))));
    view! {
        <Section title="Resources">
            <div class="grid gap-4 sm:grid-cols-2">
                <Line name=cpu_name label="CPU" hint="Cores, such as 2 or 500m for half of one" unit="cores" value=cpu error=cpu_error on_input=set_cpu/>
                <Line name=memory_name label="Memory" hint="Such as 4Gi; a run that uses more is killed" value=memory error=memory_error on_input=set_memory/>
                <Choice name=gpu_name label="GPU" hint="A MIG slice is a fixed part of a GPU that nobody else uses" options=kinds value=gpu error=gpu_error on_input=set_gpu/>
                <div class="contents" data-only-for="gpu">
                    <Line name=count_name label="GPUs or slices" hint="How many" value=count error=count_error on_input=set_count/>
                    <Choice name=product_name label="GPU product" hint="Only for whole GPUs: on nodes with this one" options=products value=product error=product_error on_input=set_product/>
                </div>
            </div>
        </Section>
    }
}

#[component]
fn WhenItFails(draft: Draft, priorities: Vec<(String, i32)>) -> impl IntoView {
    let (retries_name, retries, retries_error, set_retries) = field!(draft, retries);
    let (deadline_name, deadline, deadline_error, set_deadline) = field!(draft, deadline_minutes);
    let (priority_name, priority, priority_error, set_priority) = field!(draft, priority_class);
    let mut classes = vec![(String::new(), "The cluster's default".to_owned())];
    classes.extend(priorities.into_iter().map(|(name, value)| (name.clone(), format!("{name} ({value})"))));
    view! {
        <Section title="Limits and priority">
            <div class="grid gap-4 sm:grid-cols-2">
                <Line name=retries_name label="Retries" hint="How often a failed Pod is replaced before the run has failed" value=retries error=retries_error on_input=set_retries/>
                <Line name=deadline_name label="Deadline" hint="It is ended then although it is not done; nothing means never" unit="minutes" value=deadline error=deadline_error on_input=set_deadline/>
                <Choice name=priority_name label="Priority class" hint="A higher one goes first, and may displace lower ones" options=classes value=priority error=priority_error on_input=set_priority/>
            </div>
        </Section>
    }
}
