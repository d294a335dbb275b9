//! podman itself, with images that a registry of the test's own serves. The suite `podman` runs these tests and installs
//! what they need; the others have a program in podman's place.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::json;

use super::{Bootc, Container, Origin, Places, Rules, RunnerProgram, Wanted, complete};
use crate::disk::testing::LoopDisk;
use crate::host::SystemPermit;
use crate::image::Stop;
use crate::run::run;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Where `bootc` writes down what it was called with: behind the partition table that it makes.
const RECORD: u64 = 1 << 20;

const BOOTC: &str = "#!/bin/sh
set -e
for device; do :; done
/bin/busybox dd if=/table of=\"$device\" conv=notrunc
echo \"$*\" | /bin/busybox dd of=\"$device\" bs=1M seek=1 conv=notrunc
";

/// What is served, by path, and of which type it is.
type Objects = BTreeMap<String, (&'static str, Vec<u8>)>;

/// One image, for whoever asks; it ends with its owner.
struct Registry {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Registry {
    fn serve(objects: Objects) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(move |uri: Uri| {
            let found = objects.get(uri.path()).cloned();
            async move {
                match found {
                    Some((kind, bytes)) => ([(CONTENT_TYPE, kind)], bytes).into_response(),
                    None => StatusCode::NOT_FOUND.into_response(),
                }
            }
        });
        drop(runtime.spawn(async move { axum::serve(listener, router).await }));
        Self {
            address,
            _runtime: runtime,
        }
    }
}

fn named(bytes: &[u8]) -> String {
    let digest = digest(&SHA256, bytes);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

/// An MBR with one partition.
fn table() -> Vec<u8> {
    let mut table = vec![0; 512];
    table[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    table[510..].copy_from_slice(&[0x55, 0xaa]);
    table
}

/// A root with busybox and `bootc`.
fn layer() -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("root");
    for directory in ["bin", "usr/bin", "tmp", "proof"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).expect("this test needs busybox-static");
    symlink("busybox", root.join("bin/sh")).unwrap();
    fs::write(root.join("table"), table()).unwrap();
    let bootc = root.join("usr/bin/bootc");
    fs::write(&bootc, BOOTC).unwrap();
    fs::set_permissions(&bootc, fs::Permissions::from_mode(0o755)).unwrap();
    let archive = place.path().join("layer.tar");
    let (root, archive) = (root.to_str().unwrap(), archive.to_str().unwrap());
    run("tar", &["-C", root, "-cf", archive, "."]).unwrap();
    fs::read(archive).unwrap()
}

/// All that a registry has of `image:1`, which runs this where nothing else is said.
fn image(command: &str) -> Objects {
    let layer = layer();
    let config = json!({
        "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [named(&layer)]},
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["/bin/sh", "-c", command]},
    });
    let config = config.to_string().into_bytes();
    let part = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "digest": named(bytes), "size": bytes.len()});
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": part(CONFIG, &config), "layers": [part(LAYER, &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let blob = |bytes: &[u8]| format!("/v2/image/blobs/{}", named(bytes));
    let by_digest = format!("/v2/image/manifests/{}", named(&manifest));
    Objects::from([
        ("/v2/".to_owned(), ("application/json", b"{}".to_vec())),
        (blob(&config), (CONFIG, config)),
        (blob(&layer), (LAYER, layer)),
        (by_digest, (MANIFEST, manifest.clone())),
        ("/v2/image/manifests/1".to_owned(), (MANIFEST, manifest)),
    ])
}

/// podman with a store of its own, which knows the registry; it has no control groups to itself here.
struct Podman {
    directory: tempfile::TempDir,
    registry: Registry,
}

impl Podman {
    fn with(objects: Objects) -> Self {
        let registry = Registry::serve(objects);
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let address = registry.address;
        let known = format!("[[registry]]\nlocation = \"{address}\"\ninsecure = true\n");
        fs::write(at("registries.conf"), known).unwrap();
        let settings = "[containers]\ncgroups = \"disabled\"\n[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n";
        fs::write(at("containers.conf"), settings).unwrap();
        let place = directory.path().display();
        let script = format!(
            "#!/bin/sh\nexport CONTAINERS_CONF={place}/containers.conf CONTAINERS_REGISTRIES_CONF={place}/registries.conf\n\
             exec podman --root {place}/root --runroot {place}/runroot --storage-driver vfs \"$@\"\n"
        );
        fs::write(at("podman"), script).unwrap();
        fs::set_permissions(at("podman"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(at("proof")).unwrap();
        Self {
            directory,
            registry,
        }
    }

    fn program(&self) -> RunnerProgram {
        let program = self.directory.path().join("podman");
        RunnerProgram {
            name: "podman",
            program: program.to_str().unwrap().to_owned(),
            stop: Stop::default(),
        }
    }

    /// The name of the image, with what stands before it.
    fn image(&self, transport: &str) -> String {
        format!("{transport}://{}/image:1", self.registry.address)
    }
}

/// What comes of a step whose container runs this, and what it has left behind.
fn step(command: &str) -> (Result<(), String>, String) {
    let podman = Podman::with(image(command));
    let proof = podman.directory.path().join("proof");
    let volume = format!("--volume={}:/proof", proof.display());
    let rules = Rules {
        allow_arbitrary: true,
        run_options: vec!["--rm".to_owned(), "--network=host".to_owned(), volume],
        ..Rules::default()
    };
    let wanted = json!({"container_url": podman.image("docker")});
    let wanted: Wanted = serde_json::from_value(wanted).unwrap();
    let container = Container::permitted(&wanted, Origin::Arguments, &rules).unwrap();
    let ran = container.run(&SystemPermit::of_a_namespace(), &podman.program());
    let ran = ran.map_err(|error| crate::commands::sentence(&error));
    let left = fs::read_to_string(proof.join("seen")).unwrap_or_default();
    (ran, left)
}

#[test]
fn a_step_is_done_by_a_container() {
    let (ran, left) = step("echo fans > /proof/seen");
    assert_eq!(ran, Ok(()));
    assert_eq!(left, "fans\n");
}

#[test]
fn a_container_that_fails_fails_the_step() {
    let (ran, left) = step("echo half > /proof/seen; echo broken fan >&2; exit 3");
    let error = ran.unwrap_err();
    assert!(
        error.contains("broken fan") && error.contains("exit status: 3"),
        "{error}"
    );
    assert_eq!(left, "half\n");
}

#[test]
fn a_system_is_installed_by_the_bootc_of_its_image() {
    let podman = Podman::with(image("exit 7"));
    let disk = LoopDisk::new(1024 << 20, 512);
    // The container is given it, whether there is one or not.
    fs::create_dir_all("/var/lib/containers").unwrap();
    let at = |name: &str| podman.directory.path().join(name);
    let places = Places {
        configuration: at("conf"),
        secret: at("proof"),
        shared: at("proof"),
    };
    let device = disk.host().permits_device(disk.path()).unwrap();
    let bootc = Bootc::new(&podman.image("oci"), None).unwrap();
    let permit = SystemPermit::of_a_namespace();
    let installed = bootc.install(&permit, &device, &podman.program(), &places);
    installed
        .map_err(|error| crate::commands::sentence(&error))
        .unwrap();
    let mut record = vec![0; 512];
    let file = fs::File::open(disk.path()).unwrap();
    file.read_exact_at(&mut record, RECORD).unwrap();
    let record = String::from_utf8(record).unwrap();
    let expected = format!(
        "install to-disk --wipe --skip-fetch-check --root-size=256M --disable-selinux {}\n",
        disk.path().display()
    );
    assert!(record.starts_with(&expected), "{record}");
    complete(&device, None).unwrap();
    disk.partition(1);
}
