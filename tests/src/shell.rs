//! A shell on a machine's serial line, as `ferric.debug-shell` starts one in the ramdisk: lines are typed, and what
//! comes back is picked out of all else that is said there.

use crate::wait;
use anyhow::Context;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Between two looks at what has come.
const READ: Duration = Duration::from_millis(100);
/// For the shell to be there, and to answer once it is.
const READY: Duration = Duration::from_secs(900);
/// For one try while nobody may listen yet.
const TRY: Duration = Duration::from_secs(30);
const ANSWER: Duration = Duration::from_secs(120);
/// What the lines of an answer begin with. It is typed in two parts: the terminal repeats what is typed.
const MARK: &str = "@ferric@";
const TYPED_MARK: &str = "@fer\"\"ric@";

/// The line is one: while it is held, nobody else can type there.
pub struct Shell {
    line: UnixStream,
    heard: Vec<u8>,
    asked: u32,
}

impl Shell {
    /// Of the machine whose files are in this folder; returns when the shell answers.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        // The path of a socket has at most 107 bytes, and folders of tests may be deep.
        let directory =
            File::open(folder).with_context(|| format!("opening {}", folder.display()))?;
        let path = format!("/proc/self/fd/{}/serial.sock", directory.as_raw_fd());
        let line = UnixStream::connect(&path)
            .with_context(|| format!("connecting to the serial line in {}", folder.display()))?;
        line.set_read_timeout(Some(READ))?;
        let mut shell = Self {
            line,
            heard: Vec::new(),
            asked: 0,
        };
        wait::until("the shell on the serial line", READY, || {
            shell.type_line("echo")?;
            shell.listen()?;
            Ok(shell.answer_of("true", TRY).ok())
        })?;
        Ok(shell)
    }

    /// The lines that a command prints; it is one line itself.
    ///
    /// # Errors
    /// At the deadline, with what was said on the line; and when the line is gone.
    pub fn run(&mut self, command: &str) -> anyhow::Result<Vec<String>> {
        self.answer_of(command, ANSWER)
    }

    fn answer_of(&mut self, command: &str, deadline: Duration) -> anyhow::Result<Vec<String>> {
        self.asked += 1;
        self.heard.clear();
        let number = self.asked;
        let marked = format!("sed \"s/^/{TYPED_MARK}{number} /\"");
        self.type_line(&format!(
            "{{ {command}; }} 2>&1 | {marked}; echo \"{TYPED_MARK}{number}.\""
        ))?;
        let end = format!("{MARK}{number}.");
        let what = format!("the answer to {command:?} on the serial line");
        let heard = wait::until(&what, deadline, || {
            self.listen()?;
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            Ok(text.contains(&end).then_some(text))
        });
        let heard = heard.map_err(|error| {
            let text = String::from_utf8_lossy(&self.heard).into_owned();
            error.context(format!("on the line was:\n{text}"))
        })?;
        let begin = format!("{MARK}{number} ");
        let lines = heard.lines().filter_map(|line| line.split_once(&begin));
        Ok(lines
            .map(|(_, answer)| answer.trim_end().to_owned())
            .collect())
    }

    fn type_line(&mut self, text: &str) -> anyhow::Result<()> {
        let typed = self.line.write_all(format!("{text}\n").as_bytes());
        typed.context("typing on the serial line")
    }

    fn listen(&mut self) -> anyhow::Result<()> {
        let mut bytes = [0; 4096];
        match self.line.read(&mut bytes) {
            Ok(0) => anyhow::bail!("the machine has ended the serial line"),
            Ok(length) => self.heard.extend_from_slice(&bytes[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error).context("reading the serial line"),
        }
        Ok(())
    }
}
