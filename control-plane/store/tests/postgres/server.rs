//! A PostgreSQL server of its own for each test: Debian's programs in a folder that ends with the value. It ends with the
//! test's thread too, however that ends.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const START: Duration = Duration::from_secs(90);
/// Who the server runs as where the test is root: it refuses to be root itself.
const USER: &str = "postgres";

/// When the server finds out that it has no room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FullAt {
    Write,
    Commit,
}

pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
    databases: std::cell::Cell<u32>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of these tests that starts programs"
)]
fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server has no other way to say that it is there"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn output(command: &mut Command) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    output.unwrap_or_else(|error| panic!("starting {program}: {error}"))
}

/// What it printed. Panics with what it said when it failed.
fn printed(command: &mut Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = output(command);
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The newest that is installed.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|entry| entry.unwrap().path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().expect(
        "these tests need PostgreSQL: install the Debian package `postgresql` (tests/setup does)",
    )
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A program that ends when the thread that started it does, and that is not root.
fn as_user(program: &Path) -> Command {
    let mut command = command("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if is_root() {
        command.args(["--reuid", USER, "--regid", USER, "--clear-groups"]);
    }
    command.arg(program).env("LC_ALL", "C").current_dir("/");
    command
}

impl Server {
    /// With lines for its configuration, such as `default_transaction_isolation=serializable`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let mut server = Self::new(settings);
        server.restart();
        server
    }

    /// Made, but not started yet.
    pub(crate) fn new(settings: &[&str]) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ferric-pg-")
            .tempdir()
            .unwrap();
        let server = Self {
            folder,
            programs: programs(),
            port: free_port(),
            settings: settings.iter().map(|line| (*line).to_owned()).collect(),
            child: None,
            databases: std::cell::Cell::new(0),
        };
        server.give_to_user(server.folder());
        let mut initdb = as_user(&server.programs.join("initdb"));
        initdb.args([
            "-U",
            USER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        printed(initdb.arg("-D").arg(server.data()));
        server
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// So that the server may read it.
    pub(crate) fn give_to_user(&self, path: &Path) {
        if is_root() {
            let id = |option: &str| printed(command("id").args([option, USER])).parse().unwrap();
            chown(path, Some(id("-u")), Some(id("-g"))).unwrap();
        }
    }

    fn log(&self) -> PathBuf {
        self.folder().join("log")
    }

    fn spawn(&self) -> Child {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log())
            .unwrap();
        let mut postgres = as_user(&self.programs.join("postgres"));
        postgres.arg("-D").arg(self.data());
        postgres.arg("-k").arg(self.folder());
        postgres.args([
            "-p",
            &self.port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
        ]);
        // Nothing here cuts the power.
        postgres.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        for setting in &self.settings {
            postgres.args(["-c", setting]);
        }
        let errors = log.try_clone().unwrap();
        postgres.stdin(Stdio::null()).stdout(log).stderr(errors);
        postgres.spawn().unwrap()
    }

    /// Starts it again on what it has. After a kill its remains may be in the way for a moment.
    pub(crate) fn restart(&mut self) {
        let started = Instant::now();
        let mut child = self.spawn();
        while !self.answers() {
            if child.try_wait().unwrap().is_some() {
                child = self.spawn();
            }
            let log = || fs::read_to_string(self.log()).unwrap_or_default();
            assert!(
                started.elapsed() < START,
                "the server did not start:\n{}",
                log()
            );
            pause();
        }
        self.child = Some(child);
    }

    fn answers(&self) -> bool {
        let mut psql = self.client("psql", "postgres");
        let output = output(psql.args(["-Atc", "SELECT 1"]));
        output.status.success()
    }

    /// SIGKILL, of all its processes: one that serves a connection would outlive the server by a commit or two.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let server = Pid::from_raw(i32::try_from(child.id()).unwrap());
        // Stopped, it starts no more of them.
        kill(server, Signal::SIGSTOP).unwrap();
        let started = Instant::now();
        while state(server).is_none_or(|(state, _)| state != 'T') {
            assert!(started.elapsed() < START, "the server does not stop");
            pause();
        }
        let own = children(server);
        child.kill().unwrap();
        for process in &own {
            // It may have ended by itself.
            kill(*process, Signal::SIGKILL).unwrap_or_default();
        }
        child.wait().unwrap();
        while own.iter().any(|process| runs(*process)) {
            assert!(started.elapsed() < START, "the server's processes stay");
            pause();
        }
    }

    fn client(&self, program: &str, database: &str) -> Command {
        let mut client = command(self.programs.join(program));
        client.args(["-U", USER, "-d", database, "-p", &self.port.to_string()]);
        client.arg("-h").arg(self.folder()).env("LC_ALL", "C");
        client
    }

    /// Runs statements as the superuser, and gives what they print.
    pub(crate) fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = self.client("psql", database);
        printed(psql.args(["-v", "ON_ERROR_STOP=1", "-qAtc", sql]))
    }

    /// From now on whoever writes to this table is told what a full disk makes the server say.
    pub(crate) fn fill_disk(&self, database: &str, table: &str, moment: FullAt) {
        let trigger = match moment {
            FullAt::Write => "TRIGGER no_room BEFORE INSERT OR UPDATE",
            FullAt::Commit => "CONSTRAINT TRIGGER no_room AFTER INSERT OR UPDATE",
        };
        let when = match moment {
            FullAt::Write => "",
            FullAt::Commit => "DEFERRABLE INITIALLY DEFERRED",
        };
        let sql = format!(
            "CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$; \
             CREATE {trigger} ON {table} {when} FOR EACH ROW EXECUTE FUNCTION no_room()"
        );
        self.psql(database, &sql);
    }

    pub(crate) fn make_room(&self, database: &str, table: &str) {
        self.psql(database, &format!("DROP TRIGGER no_room ON {table}"));
    }

    pub(crate) fn dump(&self, database: &str) -> String {
        printed(&mut self.client("pg_dump", database))
    }

    /// A new database.
    pub(crate) fn database(&self) -> String {
        let number = self.databases.get() + 1;
        self.databases.set(number);
        let name = format!("ferric{number}");
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// By TCP.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}@127.0.0.1:{}/{database}", self.port)
    }

    /// By the socket in its folder.
    pub(crate) fn socket_url(&self, database: &str) -> String {
        let folder = self.folder().display();
        format!(
            "postgresql://{USER}@/{database}?host={folder}&port={}",
            self.port
        )
    }
}

/// State and parent of a process. Its name stands before them and may hold anything.
fn state(process: Pid) -> Option<(char, Pid)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?.chars().next()?;
    Some((state, Pid::from_raw(words.next()?.parse().ok()?)))
}

fn runs(process: Pid) -> bool {
    state(process).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

fn children(parent: Pid) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").unwrap();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    let pids = entries.filter_map(|entry| Some(Pid::from_raw(name(entry)?.parse().ok()?)));
    pids.filter(|pid| state(*pid).is_some_and(|(_, of)| of == parent))
        .collect()
}

impl Drop for Server {
    /// A server that is told to quit takes its own processes along.
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(pid, Signal::SIGQUIT).unwrap_or_default();
        drop(child.wait());
    }
}

/// Somebody else may take it before the server does; then the server does not start and the test says so.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
