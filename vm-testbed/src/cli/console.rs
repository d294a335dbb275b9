//! `console`: the serial line of a machine, live and both ways on a terminal, else as its log.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::machine::{SERIAL_LOG, SERIAL_SOCKET};
use crate::state::{SocketPath, StateDir};

/// Ctrl-], as in telnet and virsh.
const LEAVE: u8 = 0x1d;
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn console(lab: &StateDir, name: &str, follow_only: bool) -> anyhow::Result<()> {
    let directory = lab.machine(name);
    if !directory.is_dir() {
        bail!("there is no machine {name} in {}", lab.path().display());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    if follow_only || !std::io::stdin().is_terminal() {
        return runtime.block_on(follow(&directory));
    }
    let _raw = RawTerminal::enter()?;
    say("[Ctrl-] leaves]\r\n")?;
    let (sender, keys) = mpsc::channel(64);
    // A thread, because a terminal cannot be read without blocking; it ends with the process.
    std::thread::spawn(move || read_keys(&sender));
    runtime.block_on(talk(&directory, keys))
}

async fn follow(directory: &Path) -> anyhow::Result<()> {
    let path = directory.join(SERIAL_LOG);
    while !path.exists() {
        sleep(PAUSE).await;
    }
    let mut log = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
    let mut bytes = vec![0; 64 << 10];
    loop {
        match log.read(&mut bytes).context("reading the serial log")? {
            0 => sleep(PAUSE).await,
            length => show(&bytes[..length])?,
        }
    }
}

fn read_keys(sender: &mpsc::Sender<Vec<u8>>) {
    let mut bytes = [0; 256];
    while let Ok(length @ 1..) = std::io::stdin().read(&mut bytes) {
        if bytes[..length].contains(&LEAVE)
            || sender.blocking_send(bytes[..length].to_vec()).is_err()
        {
            return;
        }
    }
}

/// Carries bytes both ways until the keys end, over as many starts of the machine as come.
async fn talk(directory: &Path, mut keys: mpsc::Receiver<Vec<u8>>) -> anyhow::Result<()> {
    let socket = SocketPath::new(directory, SERIAL_SOCKET)?;
    loop {
        match UnixStream::connect(&socket.path).await {
            Ok(line) => {
                if let Left::Keys = carry(line, &mut keys).await? {
                    return Ok(());
                }
                say("\r\n[the machine is off or restarts]\r\n")?;
            }
            Err(_) => tokio::select! {
                biased;
                typed = keys.recv() => if typed.is_none() { return Ok(()) },
                () = sleep(PAUSE) => {}
            },
        }
    }
}

/// Who ended a connection.
enum Left {
    Keys,
    Machine,
}

async fn carry(mut line: UnixStream, keys: &mut mpsc::Receiver<Vec<u8>>) -> anyhow::Result<Left> {
    let mut bytes = vec![0; 4096];
    loop {
        tokio::select! {
            biased;
            typed = keys.recv() => match typed {
                None => return Ok(Left::Keys),
                Some(typed) => if line.write_all(&typed).await.is_err() { return Ok(Left::Machine) },
            },
            length = line.read(&mut bytes) => match length {
                Ok(0) | Err(_) => return Ok(Left::Machine),
                Ok(length) => show(&bytes[..length])?,
            },
        }
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    show(text.as_bytes())
}

fn show(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .context("writing to the terminal")
}

/// The terminal passes every key on while this lives.
struct RawTerminal(Termios);

impl RawTerminal {
    fn enter() -> anyhow::Result<RawTerminal> {
        let before = tcgetattr(std::io::stdin()).context("reading the terminal's settings")?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw)
            .context("setting the terminal to raw")?;
        Ok(RawTerminal(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // The terminal may be gone, and then nobody is left to tell.
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0).ok();
    }
}
