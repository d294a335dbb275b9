//! What Ironic's conductor and its agent say to each other, recorded as data, played against this agent and compared
//! by shape. The README beside this file says how a conversation is written down.

mod connection;
mod flow;
mod kind;
mod names;
mod player;
mod shape;
mod stage;

use std::collections::BTreeSet;

use flow::{Exchange, Flow, recorded};

/// Declares a test for each conversation, by the name of its file.
macro_rules! conversations {
    ($($name:ident,)*) => {
        const PLAYED: &[&str] = &[$(stringify!($name)),*];
        $(
            #[tokio::test]
            async fn $name() {
                player::play(stringify!($name)).await;
            }
        )*
    };
}

conversations![
    agent_power,
    busy_and_errors,
    clean,
    deploy,
    deploy_failures,
    deploy_qcow2,
    documents,
    inspect,
    old_server,
    other_commands,
    preset_token,
    rescue,
    restart,
    service,
    tls_1_2,
    tls_and_token,
];

/// The commands of Ironic's agent.
const COMMANDS: [&str; 19] = [
    "clean.execute_clean_step",
    "clean.get_clean_steps",
    "deploy.execute_deploy_step",
    "deploy.get_deploy_steps",
    "flow.start_flow",
    "image.install_bootloader",
    "log.collect_system_logs",
    "poll.get_hardware_info",
    "poll.set_node_info",
    "rescue.finalize_rescue",
    "service.execute_service_step",
    "service.get_service_steps",
    "standby.execute_bootc_install",
    "standby.get_partition_uuids",
    "standby.power_off",
    "standby.prepare_image",
    "standby.run_image",
    "standby.sync",
    "system.lockdown",
];

/// Commands that end well in no conversation: the host guard refuses them wherever `/` is no RAM file system, and one is
/// for agents without a conductor.
const REFUSED: [&str; 6] = [
    "poll.set_node_info",
    "rescue.finalize_rescue",
    "standby.execute_bootc_install",
    "standby.power_off",
    "standby.run_image",
    "system.lockdown",
];

fn flows() -> impl Iterator<Item = Flow> {
    PLAYED.iter().map(|name| Flow::read(name))
}

#[test]
fn every_file_is_played_and_says_what_it_is_about() {
    assert_eq!(recorded(), PLAYED);
    for (flow, name) in flows().zip(PLAYED) {
        assert!(
            !flow.about.is_empty() && !flow.exchanges.is_empty(),
            "{name}"
        );
    }
}

/// Well and badly, as far as a machine allows that is not the agent's own.
#[test]
fn every_command_is_in_some_conversation() {
    let (mut sent, mut succeeded, mut failed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for flow in flows() {
        let mut last = String::new();
        for exchange in &flow.exchanges {
            let answer = match exchange {
                Exchange::Ask(ask) => {
                    let Some(name) = ask.command() else { continue };
                    name.clone_into(&mut last);
                    sent.insert(last.clone());
                    if ask.status >= 400 {
                        failed.insert(last.clone());
                    }
                    &ask.answer
                }
                Exchange::Poll(poll) => {
                    let suffix = format!(".{}", poll.command);
                    let full = sent.iter().find(|name| name.ends_with(&suffix));
                    full.expect("it was sent before").clone_into(&mut last);
                    &poll.answer
                }
                Exchange::Receive(_)
                | Exchange::Connect(_)
                | Exchange::Disk(_)
                | Exchange::Restart(_) => continue,
            };
            match answer["command_status"].as_str() {
                Some("SUCCEEDED") => succeeded.insert(last.clone()),
                Some("FAILED" | "CLEAN_VERSION_MISMATCH") => failed.insert(last.clone()),
                _ => false,
            };
        }
    }
    let has = |set: &BTreeSet<String>, name: &str| set.contains(name);
    for name in COMMANDS {
        assert!(has(&sent, name), "{name} is in no conversation");
        let is_refused = REFUSED.contains(&name);
        assert_eq!(has(&succeeded, name), !is_refused, "{name} ends well");
        if is_refused {
            assert!(has(&failed, name), "{name} is never refused");
        }
    }
}

#[test]
fn every_status_of_the_api_is_in_some_conversation() {
    let statuses: BTreeSet<u16> = flows()
        .flat_map(|flow| flow.exchanges)
        .filter_map(|exchange| match exchange {
            Exchange::Ask(ask) => Some(ask.status),
            Exchange::Poll(_)
            | Exchange::Receive(_)
            | Exchange::Connect(_)
            | Exchange::Disk(_)
            | Exchange::Restart(_) => None,
        })
        .collect();
    assert_eq!(
        statuses,
        BTreeSet::from([200, 308, 400, 401, 404, 405, 409])
    );
}
