//! The cluster under test: a PostgreSQL server, three conductors on it, and the network between them.

use super::member::Member;
use super::owners::Registry;
use super::server::Server;
use anyhow::{Context, ensure};
use ferric_tests::process::{command, output};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::time::sleep;

pub(crate) const MEMBERS: u8 = 3;
/// A conductor whose beats stop for so long is dead for the others.
pub(crate) const BEAT_TIMEOUT: Duration = Duration::from_secs(8);
/// The longest call to a BMC or an agent.
pub(crate) const LONGEST_CALL: Duration = Duration::from_secs(5);

const LONG: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);
/// Nothing has changed hands for so long: nothing is under way.
const QUIET: Duration = Duration::from_secs(2);

pub(crate) struct Site {
    program: PathBuf,
    folder: PathBuf,
    pub(crate) server: Server,
    pub(crate) members: Vec<Member>,
    pub(crate) registry: Registry,
}

impl Site {
    /// Until all of them answer.
    pub(crate) async fn start(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        for name in ["kernel", "ramdisk"] {
            fs::write(folder.join(name), name)?;
        }
        let server = Server::start(&[]);
        let name = server.database();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
        let mut members = Vec::new();
        for number in 1..=MEMBERS {
            let database = (name.as_str(), address);
            members.push(Member::new(number, folder, database, &shared(folder)).await?);
        }
        let (first, others) = members.split_first_mut().context("there are members")?;
        let mut init = cluster(program, "init", &first.state());
        output(init.args(["--host", &first.host, "--url", &first.url]))?;
        first.start(program).await?;
        for member in others {
            join(program, first, member)?;
            member.start(program).await?;
        }
        let key = members[0].state().join("store.key");
        let registry = Registry::open(&server.url(&name), &key).await?;
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            server,
            members,
            registry,
        })
    }

    pub(crate) fn fakes(&self) -> PathBuf {
        fakes(&self.folder)
    }

    pub(crate) async fn restart(&mut self, member: usize) -> anyhow::Result<()> {
        self.members[member].start(&self.program).await
    }

    /// With another version of the program from now on.
    pub(crate) fn upgrade(&mut self, program: &Path) {
        self.program = program.to_owned();
    }

    pub(crate) fn bases(&self, of: impl Fn(&Member) -> &String) -> Vec<String> {
        self.members
            .iter()
            .map(|member| of(member).clone())
            .collect()
    }

    /// Until every member is alive for every other one, and no node changes hands.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let (mut before, mut since) = (self.registry.owners().await?, Instant::now());
        loop {
            sleep(LOOK).await;
            let mut all_here = true;
            for member in &mut self.members {
                member.check()?;
                let known = member.client.look("/v1/conductors").await?;
                let known = known["conductors"]
                    .as_array()
                    .map_or(&[][..], Vec::as_slice);
                let alive = known.iter().filter(|one| one["alive"] == true).count();
                all_here &= alive == usize::from(MEMBERS);
            }
            let now = self.registry.owners().await?;
            if now != before || !all_here {
                (before, since) = (now, Instant::now());
            }
            if since.elapsed() >= QUIET {
                return Ok(());
            }
            ensure!(
                begun.elapsed() < LONG,
                "the cluster does not come to rest; all members here: {all_here}"
            );
        }
    }

    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.members.iter_mut().try_for_each(Member::stop)
    }
}

/// `ferric cluster SUBCOMMAND` for a member, with its state directory or another one's.
fn cluster(program: &Path, subcommand: &str, state: &Path) -> Command {
    let mut cluster = command(program);
    cluster.args(["cluster", subcommand, "--state"]).arg(state);
    cluster
}

/// A certificate of the first member's authority and the store's key for another one, as an operator would bring them.
fn join(program: &Path, first: &Member, member: &Member) -> anyhow::Result<()> {
    let invitation = member.folder.join("invitation");
    let mut invite = cluster(program, "invite", &first.state());
    invite.args(["--host", &member.host, "--url", &member.url]);
    let said = output(invite.arg("--out").arg(&invitation))?;
    let passphrase = said.lines().last().context("invite says a passphrase")?;
    let file = member.folder.join("passphrase");
    fs::write(&file, passphrase)?;
    let mut join = cluster(program, "join", &member.state());
    join.arg("--passphrase-file").arg(file).arg(invitation);
    output(&mut join)?;
    Ok(())
}

fn fakes(folder: &Path) -> PathBuf {
    folder.join("fake")
}

/// The defaults, but for what makes a takeover and a deploy shorter, and no cleaning.
fn shared(folder: &Path) -> String {
    format!(
        "[drivers]\nenabled_hardware_types = [\"fake-hardware\"]\nfake_state_dir = \"{fakes}\"\n\n\
         [boot]\nkernel = \"{folder}/kernel\"\nramdisk = \"{folder}/ramdisk\"\n\n\
         [agent]\npoll_interval_s = 1\nrequest_timeout_s = {call}\n\n\
         [conductor]\nautomated_clean = false\nbeat_interval_s = 1\nbeat_timeout_s = {timeout}\n\
         bmc_call_timeout_s = {call}\norphan_check_interval_s = 1\n",
        fakes = fakes(folder).display(),
        folder = folder.display(),
        call = LONGEST_CALL.as_secs(),
        timeout = BEAT_TIMEOUT.as_secs(),
    )
}
