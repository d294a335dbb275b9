//! Machines whose agents nobody can call: they come for what they are asked.

use super::agent::Plan;
use super::cluster_lab::{Cluster, host_among};
use super::lab::Lab;
use super::machine::{Machine, Wire};
use crate::conductor::{AgentCall, AgentTransport, Verb as Method};
use ferric_agent_protocol::dial_out::{self, CALLBACK_URL, DialOutAnswer, DialOutRequest};
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, TOKEN_QUERY};
use ferric_model::node::Node;
use ferric_model::node::agent_session::Token;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const PAUSE: Duration = Duration::from_millis(250);

/// Whether answers get through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    All,
    /// Of each request the first answer is lost.
    Again,
}

/// The part of the agent that comes to the conductor.
async fn come(machine: Arc<Machine>, answers: Answers) {
    let mut seen = BTreeSet::new();
    loop {
        sleep(PAUSE).await;
        let Some((token, certificate)) = secrets(&machine) else {
            continue;
        };
        let Some(conductor) = machine.conductor() else {
            continue;
        };
        if conductor.admit_agent(machine.node, &token).await.is_err() {
            continue;
        }
        let shown = Token(token.clone());
        let fetching = conductor.fetch_for_agent(machine.node, shown, Vec::new());
        let Ok(Some(request)) = fetching.await else {
            continue;
        };
        let call = call(&machine, &request, token, certificate);
        let Ok(answer) = Wire(Arc::clone(&machine)).send(call).await else {
            continue;
        };
        if answers == Answers::Again && seen.insert(request.id) {
            continue;
        }
        let answer = DialOutAnswer {
            status: answer.status,
            body: answer.body.to_string(),
        };
        let brought = conductor.take_agents_answer(machine.node, request.id, answer);
        drop(brought.await);
    }
}

/// Of the agent that is up.
fn secrets(machine: &Machine) -> Option<(String, String)> {
    let state = machine.state.lock();
    let agent = state.agent.as_ref()?;
    Some((agent.token.clone()?, agent.certificate.clone()))
}

/// As the agent puts it to its own command API.
fn call(
    machine: &Machine,
    request: &DialOutRequest,
    token: String,
    certificate: String,
) -> AgentCall {
    let mut headers = request.headers.iter();
    let named = headers.find(|(name, _)| name == FERRIC_COMMAND_ID);
    let id = named.map_or_else(|| request.id.to_string(), |(_, id)| id.clone());
    AgentCall {
        node: machine.node,
        verb: match request.method {
            dial_out::Method::Get => Method::Get,
            dial_out::Method::Post => Method::Post,
        },
        url: request.path.clone(),
        query: vec![(TOKEN_QUERY, token)],
        headers: vec![(FERRIC_COMMAND_ID, id)],
        body: request
            .body
            .as_ref()
            .map(|body| serde_json::from_str(body).unwrap()),
        certificate: Some(certificate),
        timeout: Duration::from_secs(10),
    }
}

async fn lab(answers: Answers) -> (Lab, JoinSet<()>) {
    let mut lab = Lab::new();
    lab.plan(Plan {
        dials_out: true,
        ..Plan::default()
    });
    lab.start(None).await;
    let mut visits = JoinSet::new();
    visits.spawn(come(Arc::clone(&lab.machine), answers));
    lab.enroll_real().await;
    (lab, visits)
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_cannot_be_called_goes_the_whole_way() {
    let (lab, _visits) = lab(Answers::All).await;
    lab.make_available().await;
    assert_eq!(lab.machine.state.lock().erasures, 1);
    lab.ask(Verb::Deploy).await;
    let hour = Duration::from_secs(3600);
    lab.wait_until("the agent", hour, |node| {
        let session = node.agent.as_ref();
        session.is_some_and(|session| session.url.as_deref() == Some(CALLBACK_URL))
    })
    .await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
    lab.go(Verb::Undeploy, State::Available).await;
    assert_eq!(lab.machine.state.lock().erasures, 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_gets_lost_has_nothing_done_twice() {
    let (lab, _visits) = lab(Answers::Again).await;
    lab.make_available().await;
    lab.go(Verb::Deploy, State::Active).await;
    let state = lab.machine.state.lock();
    assert_eq!((state.erasures, state.writes), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_conductor_that_starts_again_goes_on_with_an_agent_that_comes() {
    let (mut lab, _visits) = lab(Answers::All).await;
    lab.make_available().await;
    lab.ask(Verb::Deploy).await;
    let hour = Duration::from_secs(3600);
    lab.wait_until("the image being written", hour, |node| {
        let run = node.run.as_ref();
        let step = run.and_then(|run| run.step());
        step.is_some_and(|step| step.id.step == "write_image")
            && run.is_some_and(|run| run.wait.is_some())
    })
    .await;
    lab.kill();
    lab.start(None).await;
    lab.wait_for(State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

/// The steps that it finishes before it ends have something to ask.
#[tokio::test(start_paused = true)]
async fn a_conductor_that_stops_holds_no_question_and_is_answered() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    let (conductor, node) = (lab.conductor(), lab.machine.node);
    let fetch = async || {
        let token = Token("a".to_owned());
        let fetched = conductor.fetch_for_agent(node, token, Vec::new()).await;
        fetched.unwrap()
    };
    conductor.stop_token().cancel();
    let began = Instant::now();
    assert!(fetch().await.is_none());
    let took = began.elapsed();
    assert!(took < dial_out::HOLD, "{took:?}");
    let asking = conductor.send_to_agent(AgentCall {
        node,
        verb: Method::Get,
        url: format!("{CALLBACK_URL}/v1/commands/"),
        query: vec![(TOKEN_QUERY, "a".to_owned())],
        headers: Vec::new(),
        body: None,
        certificate: None,
        timeout: Duration::from_secs(10),
    });
    let answering = async {
        let request = fetch().await.unwrap();
        let (status, body) = (200, "{}".to_owned());
        let answer = DialOutAnswer { status, body };
        let brought = conductor.take_agents_answer(node, request.id, answer);
        brought.await.unwrap();
    };
    let (asked, ()) = tokio::join!(asking, answering);
    assert_eq!(asked.unwrap().status, 200);
}

/// Whatever the old owner is still busy with, such as a console that does not close.
#[tokio::test(start_paused = true)]
async fn a_question_is_not_held_where_the_node_is_no_more() {
    let mut cluster = Cluster::new();
    // Nobody else asks the machine meanwhile.
    cluster.configure = |_, settings| settings.conductor.power_sync_interval_s = 0;
    let (names, soon) = (["one", "two"], Duration::from_secs(60));
    let mut members = cluster.start_all(&names).await;
    cluster.lab.enroll_available().await;
    let node = cluster.lab.machine.node;
    let host = host_among(&names, node);
    cluster.owned_by(&host, soon).await;
    sleep(soon).await;
    let owner = members.remove(&host).unwrap();
    owner.conductor.open_console(node).await.unwrap();
    let is_open = |node: &Node| node.console_enabled && node.wish.is_none();
    cluster.lab.wait_until("the console", soon, is_open).await;
    let (other, _member) = members.pop_first().unwrap();
    let a_day = Duration::from_secs(86_400);
    cluster.lab.machine.bmc.set_delay(a_day);

    let began = Instant::now();
    let asking = async {
        let token = Token("a".to_owned());
        let fetching = owner.conductor.fetch_for_agent(node, token, Vec::new());
        assert!(fetching.await.unwrap().is_none());
        began.elapsed()
    };
    let giving = async {
        sleep(Duration::from_secs(1)).await;
        owner.conductor.do_give(node, &other).await.unwrap();
        began.elapsed()
    };
    let (held, given) = tokio::join!(asking, giving);
    assert!(held < dial_out::HOLD, "{held:?}");
    assert!(given > dial_out::HOLD, "it was busy for {given:?} only");
}

#[tokio::test(start_paused = true)]
async fn only_the_nodes_agent_is_admitted() {
    let (lab, _visits) = lab(Answers::All).await;
    let conductor = lab.conductor();
    let node = lab.machine.node;
    let refusal = conductor.admit_agent(node, "").await.unwrap_err();
    let expected =
        "Invalid or missing agent token received, or the agent has not agreed to come here.";
    assert_eq!(refusal.to_string(), expected);
    let hour = Duration::from_secs(3600);
    lab.go(Verb::Manage, State::Manageable).await;
    lab.ask(Verb::Provide).await;
    lab.wait_until("the agent", hour, |node| {
        let session = node.agent.as_ref();
        session.is_some_and(|session| session.is_ready())
    })
    .await;
    let (token, _) = secrets(&lab.machine).unwrap();
    conductor.admit_agent(node, &token).await.unwrap();
    for wrong in ["", "guess", &token[1..]] {
        let refusal = conductor.admit_agent(node, wrong).await.unwrap_err();
        assert_eq!(refusal.to_string(), expected);
    }
    let nobody = ferric_model::ids::NodeId(uuid::Uuid::from_u128(77));
    let refusal = conductor.admit_agent(nobody, &token).await.unwrap_err();
    assert_eq!(refusal.to_string(), expected);
}
