//! The conductor under test: the real program with a store of its own, started and killed; and the copies of its file
//! that are taken after each kill, before anything has been mended in it.

use anyhow::{Context, ensure};
use ferric_store::{EventFilter, Query, RedbStore, Store, Table};
use ferric_tests::played::client::Client;
use ferric_tests::process::{Running, command};
use jiff::Timestamp;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const START: Duration = Duration::from_secs(60);

pub(crate) struct Site {
    program: PathBuf,
    folder: PathBuf,
    running: Option<Running>,
    pub(crate) operator: Client,
    pub(crate) machines_base: String,
    kills: usize,
}

impl Site {
    /// The settings are the defaults, but for what makes a deploy shorter: polls each second and no cleaning.
    pub(crate) fn new(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        let (operators, machines) = (free_port()?, free_port()?);
        for name in ["kernel", "ramdisk"] {
            fs::write(folder.join(name), name)?;
        }
        fs::create_dir_all(folder.join("copies"))?;
        let shown = folder.display();
        let settings = format!(
            "state_dir = \"{shown}/state\"\nhost = \"crash-1\"\n\n\
             [api]\nlisten = \"127.0.0.1:{operators}\"\n\n\
             [provision]\nlisten = \"127.0.0.1:{machines}\"\n\n\
             [drivers]\nenabled_hardware_types = [\"fake-hardware\"]\nfake_state_dir = \"{shown}/fake\"\n\n\
             [boot]\nkernel = \"{shown}/kernel\"\nramdisk = \"{shown}/ramdisk\"\n\n\
             [agent]\npoll_interval_s = 1\n\n\
             [conductor]\nautomated_clean = false\n"
        );
        fs::write(folder.join("ferric.toml"), settings)?;
        let operator = Client::of_operator(&[format!("http://127.0.0.1:{operators}")])?;
        Ok(Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            running: None,
            operator,
            machines_base: format!("http://127.0.0.1:{machines}"),
            kills: 0,
        })
    }

    pub(crate) fn fakes(&self) -> PathBuf {
        self.folder.join("fake")
    }

    /// Until it answers.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let mut serve = command(&self.program);
        serve
            .arg("serve")
            .arg("--config")
            .arg(self.folder.join("ferric.toml"));
        let log = self.folder.join("ferric.log");
        let mut running = Running::start("ferric", &mut serve, &log)?;
        let begun = Instant::now();
        while self.operator.get("/v1/conductors").await.is_err() {
            running.check()?;
            ensure!(
                begun.elapsed() < START,
                "ferric did not answer: {}",
                running.tail()
            );
            sleep(Duration::from_millis(5)).await;
        }
        self.running = Some(running);
        Ok(())
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    /// SIGKILL, and a copy of what it left. Answers when it was.
    pub(crate) fn kill(&mut self) -> anyhow::Result<Timestamp> {
        let running = self.running.take().context("no conductor runs")?;
        let at = Timestamp::now();
        // It may be dead already.
        running.crash()?;
        self.kills += 1;
        let copy = self.folder.join("copies").join(self.kills.to_string());
        fs::create_dir(&copy)?;
        for name in ["ferric.redb", "store.key"] {
            fs::copy(self.folder.join("state").join(name), copy.join(name))?;
        }
        Ok(at)
    }

    /// SIGTERM.
    pub(crate) fn stop(&mut self) {
        drop(self.running.take());
    }

    /// Opens each copy, as the next conductor would have, and reads every record and event of it. Answers how many.
    pub(crate) async fn check_copies(&self) -> anyhow::Result<usize> {
        let mut checked = 0;
        for copy in fs::read_dir(self.folder.join("copies"))? {
            let copy = copy?.path();
            read_whole(&copy.join("ferric.redb"))
                .await
                .with_context(|| copy.display().to_string())?;
            fs::remove_dir_all(copy)?;
            checked += 1;
        }
        Ok(checked)
    }
}

async fn read_whole(path: &Path) -> anyhow::Result<()> {
    let store = RedbStore::open(path)?;
    let mut records = 0;
    for table in Table::ALL {
        records += store.page(&Query::all(*table)).await?.records.len();
    }
    let events = store.events(&EventFilter::default()).await?.len();
    ensure!(
        records > 0 && events > 0,
        "{records} records and {events} events are too few"
    );
    Ok(())
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
