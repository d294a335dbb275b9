//! Writes an image from a URL to a file or a block device that is named here, and says what it took.
//!
//!     cargo run --release --example write_image -- URL DEVICE FORMAT SHA256
//!
//! It proves that memory stays bounded whatever the image is; nothing of the agent but the disk path runs.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use ferric_agent::disk::SharedFileSystems;
use ferric_agent::host::Host;
use ferric_agent::image::{
    FormatPolicy, HttpSettings, Md5Policy, Patience, Stop, WriteImageRequest, write_image,
};
use ferric_agent::progress::Progress;
use ferric_agent_protocol::image::ImageInfo;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, device, format, sha256] = arguments.as_slice() else {
        anyhow::bail!("usage: write_image URL DEVICE FORMAT SHA256");
    };
    let device = PathBuf::from(device);
    let image_info = ImageInfo {
        id: "example".to_owned(),
        urls: vec![url.clone()],
        disk_format: Some(format.clone()),
        os_hash_algo: Some("sha256".to_owned()),
        os_hash_value: Some(sha256.clone()),
        ..ImageInfo::default()
    };
    let host = Host::detect(std::slice::from_ref(&device))?;
    let progress = Progress::default();
    let begun = Instant::now();
    let written = write_image(&host, &request(&image_info, &device, &http()?), &progress)?;
    let seconds = begun.elapsed().as_secs_f64();
    let mark = progress.mark().context("a write has progress")?;
    println!(
        "{} bytes of disk from {} bytes of download in {seconds:.1} s, peak memory {}",
        written.image_bytes,
        mark.bytes_received,
        peak_memory()?
    );
    Ok(())
}

fn request<'a>(
    image_info: &'a ImageInfo,
    device: &'a Path,
    http: &'a HttpSettings,
) -> WriteImageRequest<'a> {
    WriteImageRequest {
        image_info,
        device,
        config_drive: None,
        http,
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: Patience::default(),
        stop: Stop::default(),
    }
}

/// No certificate is trusted: the example is for servers on loopback.
fn http() -> anyhow::Result<HttpSettings> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(HttpSettings {
        tls,
        timeout: Duration::from_secs(60),
        basic_auth: None,
    })
}

fn peak_memory() -> anyhow::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .context("the kernel counts memory")?;
    Ok(line.trim_start_matches("VmHWM:").trim().to_owned())
}
