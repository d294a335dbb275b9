//! Image servers behind a proxy, which the conductor names in `image_info`.

use serde_json::{Map, Value, json};

use crate::image::testing::{FileDisk, Server, bootable_image, image_info};

const DISK: u64 = 16 << 20;

fn proxies(proxy: &Server) -> Option<Map<String, Value>> {
    json!({"http": proxy.url("")}).as_object().cloned()
}

#[test]
fn a_server_that_only_the_proxy_knows_is_read_through_it() {
    let image = bootable_image(9);
    let proxy = Server::start().with_file("os.raw", image.clone());
    let mut info = image_info(&proxy, "os.raw", &image, "raw");
    info.urls = vec!["http://images.invalid/os.raw".to_owned()];
    info.proxies = proxies(&proxy);
    let disk = FileDisk::new(DISK);
    disk.write(&info).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}

#[test]
fn a_host_that_no_proxy_names_is_asked_itself() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    let proxy = Server::start();
    let mut info = image_info(&server, "os.raw", &image, "raw");
    info.proxies = proxies(&proxy);
    let disk = FileDisk::new(DISK);
    let error = disk.write(&info).unwrap_err().to_string();
    assert!(error.contains("answered 404"), "{error}");
    assert!(server.ranges_of("os.raw").is_empty());
    let asked = proxy.ranges_of("os.raw").len();
    info.no_proxy = Some("127.0.0.1".to_owned());
    disk.write(&info).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
    assert_eq!(proxy.ranges_of("os.raw").len(), asked);
}
