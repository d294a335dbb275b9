//! A machine's boot, and the life of the ramdisk that may come of it: inspection data, lookup, heartbeats.

use crate::agent::{Agent, inventory};
use crate::machine::{Disk, Machine, Manners};
use crate::world::World;
use ferric::conductor::Conductor;
use ferric::conductor::requests::{
    HeartbeatRequest, InspectionRequest, LookupRequest, RequestError, TokenUse,
};
use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::HIDDEN_TOKEN;
use ferric_agent_protocol::heartbeat::Heartbeat;
use ferric_drivers::BootDevice;
use ferric_model::node::NetworkBoot;
use ferric_model::state::ProvisionState;
use ferric_store::{Key, Table};
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const RETRY: Duration = Duration::from_secs(5);
/// Between two lookups.
const LONGEST_PAUSE: Duration = Duration::from_secs(40);
/// An answer that has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(40);

/// From power on.
pub(crate) async fn boot(world: &Arc<World>, index: usize, boot: u32) {
    let machine = &world.machines[index];
    sleep(world.dice.seconds(5, 20)).await;
    loop {
        if !machine.is_same_boot(boot) {
            return;
        }
        let from = machine.state.lock().booted_from;
        if from != Some(BootDevice::Pxe) {
            return run_disk(world, machine);
        }
        match network_boot(world, machine).await {
            Some(NetworkBoot::Ramdisk) => break,
            Some(NetworkBoot::LocalDisk) => return run_disk(world, machine),
            // Nobody answers: the firmware tries for ever.
            None => sleep(world.dice.seconds(5, 20)).await,
        }
    }
    sleep(world.dice.seconds(2, 10)).await;
    if machine.is_same_boot(boot) {
        ramdisk(world, machine, boot).await;
    }
}

fn run_disk(world: &World, machine: &Machine) {
    let disk = machine.state.lock().disk;
    world
        .log
        .note(format_args!("machine {}", machine.index), || {
            format!("boots from its disk: {disk:?}")
        });
    if let Disk::Partial(_) = disk {
        let node = machine.node_as_stored(world);
        let is_deployed = node.is_some_and(|node| {
            node.run.is_none() && node.provision_state == ProvisionState::Active
        });
        if is_deployed {
            world.violation(format!(
                "machine {} is deployed and boots half an image",
                machine.index
            ));
        }
    }
}

/// What the boot plane says, which reads the store; `None`: nothing is there.
async fn network_boot(world: &Arc<World>, machine: &Machine) -> Option<NetworkBoot> {
    let what = format!("boot script of {}", machine.address);
    let note = say(
        world,
        machine,
        "asks for its boot script",
        move |conductor| {
            let what = what.clone();
            async move {
                conductor.note_boot_request(machine.node, what);
                let key = Key::new(Table::Node, machine.node);
                let record = conductor.store().get(&key).await.ok().flatten()?;
                let node: ferric_model::node::Node = record.decode().ok()?;
                Some(node.network_boot)
            }
        },
    );
    note.await.flatten()
}

async fn ramdisk(world: &Arc<World>, machine: &Machine, boot: u32) {
    world.log.note(
        format_args!("machine {}", machine.index),
        || "runs the ramdisk",
    );
    machine.state.lock().agent = Some(Agent::new(machine.index, machine.address.as_str(), boot));
    misfortune(world, machine, boot);
    inspect(world, machine).await;
    loop {
        look_up(world, machine, boot).await;
        if first_beat(world, machine, boot).await {
            break;
        }
    }
    let interval = world.plan.settings.agent.heartbeat_timeout_s;
    while machine.is_same_boot(boot) {
        sleep(world.dice.seconds(interval * 3 / 10, interval * 6 / 10)).await;
        if machine.is_same_boot(boot) {
            beat(world, machine, boot).await;
        }
    }
}

/// Some machines go off, or start again, by themselves.
fn misfortune(world: &Arc<World>, machine: &Machine, boot: u32) {
    if !world.fault(world.plan.faults.machine) {
        return;
    }
    let (world, index) = (world.clone(), machine.index);
    let task_world = world.clone();
    world.spawn(async move {
        let world = task_world;
        sleep(world.dice.seconds(1, 90)).await;
        let machine = &world.machines[index];
        if world.sky.is_calm() || !machine.is_same_boot(boot) {
            return;
        }
        if world.dice.chance(0.5) {
            machine.excuse(&world, "it loses power");
            machine.stop(&world);
        } else {
            machine.excuse(&world, "it starts again by itself");
            machine.reset(&world);
        }
    });
}

fn extensions(machine: &Machine) -> Extensions {
    match machine.manners {
        Manners::Ferric => Extensions::all(),
        Manners::Ironic => Extensions::default(),
    }
}

/// As Ironic's agent: a few attempts while nobody answers, then on to the lookup.
async fn inspect(world: &Arc<World>, machine: &Machine) {
    for _ in 0..3 {
        let data = json!({"inventory": inventory(machine.address.as_str()), "error": null});
        let request = InspectionRequest {
            node_uuid: None,
            data: data.as_object().cloned().unwrap_or_default(),
            extensions: extensions(machine),
            token: TokenUse::Unknown,
            from: None,
        };
        let answer = say(world, machine, "sends inspection data", |conductor| {
            let request = request.clone();
            async move { conductor.continue_inspection(request).await.map(drop) }
        });
        match answer.await {
            None
            | Some(Err(
                RequestError::Busy { .. }
                | RequestError::Internal { .. }
                | RequestError::Unanswered(_),
            )) => {
                sleep(RETRY).await;
            }
            Some(_) => return,
        }
    }
}

/// Until it has a token.
async fn look_up(world: &Arc<World>, machine: &Machine, boot: u32) {
    let mut pause = RETRY;
    while machine.is_same_boot(boot) {
        let request = LookupRequest {
            addresses: vec![machine.address.clone()],
            node_uuid: None,
            extensions: extensions(machine),
            token: TokenUse::Known,
            from: None,
        };
        let answer = say(world, machine, "looks up", |conductor| {
            let request = request.clone();
            async move { conductor.lookup(request).await }
        });
        let token = answer.await.and_then(Result::ok);
        if let Some(token) = token.and_then(|answer| answer.token) {
            if token == HIDDEN_TOKEN {
                return wait_for_another_boot(machine, boot).await;
            }
            if let Some(agent) = own_agent(&mut machine.state.lock().agent, boot) {
                agent.token = Some(token);
            }
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// As any agent that is given asterisks: nothing but a restart of the machine helps.
async fn wait_for_another_boot(machine: &Machine, boot: u32) {
    while machine.is_same_boot(boot) {
        sleep(LONGEST_PAUSE).await;
    }
}

fn own_agent(agent: &mut Option<Agent>, boot: u32) -> Option<&mut Agent> {
    agent.as_mut().filter(|agent| agent.boot == boot)
}

/// Whether the token is good. One that was never taken is another lookup's: it is looked up anew.
async fn first_beat(world: &Arc<World>, machine: &Machine, boot: u32) -> bool {
    while machine.is_same_boot(boot) {
        match beat(world, machine, boot).await {
            Some(Ok(())) => return true,
            Some(Err(RequestError::Invalid(_))) => return false,
            Some(Err(_)) | None => sleep(RETRY).await,
        }
    }
    true
}

async fn beat(
    world: &Arc<World>,
    machine: &Machine,
    boot: u32,
) -> Option<Result<(), RequestError>> {
    let (token, certificate) = {
        let mut state = machine.state.lock();
        let agent = own_agent(&mut state.agent, boot)?;
        (agent.token.clone(), agent.certificate.clone())
    };
    let request = HeartbeatRequest {
        heartbeat: Heartbeat {
            callback_url: machine.url(),
            agent_token: token,
            agent_version: Some("1".to_owned()),
            agent_verify_ca: Some(certificate),
            ..Heartbeat::default()
        },
        from: None,
    };
    let before = revision(world, machine);
    let answer = say(world, machine, "beats", |conductor| {
        let request = request.clone();
        async move { conductor.heartbeat(machine.node, request).await }
    });
    let answer = answer.await;
    if matches!(answer, Some(Ok(()))) && revision(world, machine) == before {
        world.violation(format!(
            "a heartbeat of machine {} was taken and is not stored",
            machine.index
        ));
    }
    answer
}

fn revision(world: &World, machine: &Machine) -> Option<u64> {
    let record = world.store.read(&Key::new(Table::Node, &machine.id));
    record.map(|record| record.revision.0)
}

/// Says something to the conductors, who are asked in turn. `None`: nobody answers.
pub(crate) async fn say<'w, T, F>(
    world: &'w Arc<World>,
    machine: &'w Machine,
    what: &'static str,
    message: impl Fn(Conductor) -> F,
) -> Option<T>
where
    F: Future<Output = T> + Send + 'w,
{
    world.somebody_up().await;
    let faults = &world.plan.faults;
    let host = world.host_for(machine);
    let way = match world.fault(faults.delay) {
        true => world.dice.millis(80, 8000),
        false => world.dice.millis(1, 80),
    };
    sleep(way).await;
    let (lost, answer_lost) = (world.fault(faults.loss), world.fault(faults.loss));
    let doubled = world.fault(faults.doubling);
    world
        .log
        .note(format_args!("machine {}", machine.index), || {
            let host = host + 1;
            format!(
                "{what} at conductor-{host}{}{}{}",
                if lost { ", lost" } else { "" },
                if answer_lost { ", answer lost" } else { "" },
                if doubled { ", twice" } else { "" }
            )
        });
    let conductor = world.hosts[host].conductor().filter(|_| !lost)?;
    let sent = timeout(PATIENCE, message(conductor.clone())).await;
    if doubled {
        sleep(world.dice.millis(1, 3000)).await;
        drop(timeout(PATIENCE, message(conductor)).await);
    }
    sent.ok().filter(|_| !answer_lost)
}
