//! Makes an ISO 9660 image with the system's program for it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Any of them will do; they take the same options.
const TOOLS: [&str; 3] = ["xorrisofs", "genisoimage", "mkisofs"];
const LIMIT: Duration = Duration::from_secs(60);
/// What an agent makes room for.
const SIZE_LIMIT_BYTES: u64 = 64 << 20;

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub(in crate::conductor) enum IsoError {
    #[error(
        "a config drive given as JSON needs a program that makes ISO images on the conductor: install one of {}",
        TOOLS.join(", ")
    )]
    NoTool,
    #[error("writing the files of the config drive")]
    Files(#[source] std::io::Error),
    #[error("running {tool} for the config drive")]
    Run {
        tool: &'static str,
        #[source]
        source: std::io::Error,
    },
    #[error("{tool} could not make the config drive: {output}")]
    Failed { tool: &'static str, output: String },
    #[error(
        "the config drive would have {0} bytes, more than the {SIZE_LIMIT_BYTES} that there is room for"
    )]
    TooLarge(u64),
}

/// The first program that is there.
pub(super) async fn find_tool() -> Result<&'static str, IsoError> {
    for tool in TOOLS {
        let mut command = Command::new(tool);
        command
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        if tokio::time::timeout(LIMIT, command.status())
            .await
            .is_ok_and(|status| status.is_ok())
        {
            return Ok(tool);
        }
    }
    Err(IsoError::NoTool)
}

/// An image of these files, labelled as cloud-init and its like look for it.
pub(super) async fn make(files: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>, IsoError> {
    let tool = find_tool().await?;
    let folder = tokio::task::spawn_blocking(move || write(files)).await;
    let folder = folder
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
        .map_err(IsoError::Files)?;
    let image = folder.path().join("config.iso");
    run(tool, &folder.path().join("root"), &image).await?;
    let size = tokio::fs::metadata(&image)
        .await
        .map_err(IsoError::Files)?
        .len();
    if size > SIZE_LIMIT_BYTES {
        return Err(IsoError::TooLarge(size));
    }
    tokio::fs::read(&image).await.map_err(IsoError::Files)
}

fn write(files: Vec<(String, Vec<u8>)>) -> std::io::Result<tempfile::TempDir> {
    // Readable by us only: user data hold secrets.
    let folder = tempfile::Builder::new()
        .prefix("ferric-config-drive-")
        .tempdir()?;
    for (name, bytes) in files {
        let path = folder.path().join("root").join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
        std::fs::write(path, bytes)?;
    }
    Ok(folder)
}

async fn run(tool: &'static str, root: &Path, image: &Path) -> Result<(), IsoError> {
    let mut command = Command::new(tool);
    command.args([
        "-quiet",
        "-J",
        "-r",
        "-l",
        "-ldots",
        "-allow-lowercase",
        "-allow-multidot",
    ]);
    command
        .args(["-publisher", "ferric", "-V", "config-2", "-o"])
        .arg(image)
        .arg(root);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let failed = |output: String| IsoError::Failed { tool, output };
    let output = tokio::time::timeout(LIMIT, command.output()).await;
    let output =
        output.map_err(|_| failed(format!("it did not end within {} s", LIMIT.as_secs())))?;
    let output = output.map_err(|source| IsoError::Run { tool, source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}
