//! Servers that are cut, die, change the file or refuse.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::disk::SharedFileSystems;
use crate::image::checksum::to_hex;
use crate::image::testing::{
    FileDisk, Plan, Server, bootable_image, garbage, image_info, patience, settings,
};
use crate::image::{
    FormatPolicy, HttpSettings, ImageError, Md5Policy, Patience, Stop, WriteImageRequest,
    write_image,
};
use crate::progress::Progress;
use crate::tls::Certificate;

const DISK: u64 = 16 << 20;

fn error_of(disk: &FileDisk, server: &Server, image: &[u8]) -> String {
    disk.write(&image_info(server, "os.raw", image, "raw"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_stream_that_is_cut_goes_on_where_it_was() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    server.plan(&[
        Plan::CutAfter(100_000),
        Plan::CutAfter(0),
        Plan::Status(503),
        Plan::CutAfter(3_000_000),
    ]);
    let disk = FileDisk::new(DISK);
    let progress = Progress::default();
    disk.write_with(
        &image_info(&server, "os.raw", &image, "raw"),
        &progress,
        Stop::default(),
    )
    .unwrap();
    assert!(disk.bytes()[..image.len()] == image);
    let ranges: Vec<_> = server.ranges_of("os.raw").into_iter().flatten().collect();
    assert_eq!(
        ranges,
        [
            "bytes=0-",
            "bytes=100000-",
            "bytes=100000-",
            "bytes=100000-",
            "bytes=3100000-"
        ]
    );
    assert_eq!(progress.mark().unwrap().bytes_received, image.len() as u64);
}

#[test]
fn a_server_without_ranges_starts_over_but_the_disk_does_not() {
    let image = bootable_image(9);
    let server = Server::start()
        .without_ranges()
        .with_file("os.raw", image.clone());
    server.plan(&[Plan::CutAfter(2_000_000), Plan::CutAfter(1_000_000)]);
    let disk = FileDisk::new(DISK);
    disk.write(&image_info(&server, "os.raw", &image, "raw"))
        .unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}

/// What is read past takes longer than a silence may.
#[test]
fn reading_past_what_was_written_is_no_silence() {
    let image = bootable_image(9);
    let server = Server::start()
        .without_ranges()
        .with_file("os.raw", image.clone());
    server.plan(&[Plan::CutAfter(5 << 20), Plan::SlowlyCutAfter(4 << 20)]);
    let disk = FileDisk::new(DISK);
    let request = WriteImageRequest {
        image_info: &image_info(&server, "os.raw", &image, "raw"),
        device: disk.path(),
        config_drive: None,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: Patience {
            give_up_after: Duration::from_secs(1),
            ..patience()
        },
        stop: Stop::default(),
    };
    write_image(&disk.host, &request, &Progress::default()).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}

#[test]
fn a_server_that_dies_and_comes_back_is_waited_for() {
    let mut image = bootable_image(64);
    image[4 << 20..60 << 20].copy_from_slice(&garbage(56 << 20));
    let mut server = Server::start().with_file("os.raw", image.clone());
    let info = image_info(&server, "os.raw", &image, "raw");
    let disk = FileDisk::new(64 << 20);
    let progress = Progress::default();
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| disk.write_with(&info, &progress, Stop::default()));
        while progress
            .mark()
            .is_none_or(|mark| mark.bytes_received < 8 << 20)
        {
            std::thread::yield_now();
        }
        server.kill();
        std::thread::park_timeout(Duration::from_millis(500));
        server.revive();
        writing.join().unwrap().unwrap();
    });
    assert!(disk.bytes() == image);
    assert_eq!(
        server.ranges_of("os.raw").len(),
        2,
        "{:?}",
        server.ranges_of("os.raw")
    );
}

#[test]
fn a_server_that_says_nothing_more_is_asked_again() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    server.plan(&[Plan::StallAfter(5 << 20)]);
    let disk = FileDisk::new(DISK);
    let request = WriteImageRequest {
        image_info: &image_info(&server, "os.raw", &image, "raw"),
        device: disk.path(),
        config_drive: None,
        http: &HttpSettings {
            timeout: Duration::from_secs(1),
            ..settings()
        },
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(),
        stop: Stop::default(),
    };
    write_image(&disk.host, &request, &Progress::default()).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
    assert_eq!(
        server.ranges_of("os.raw")[1].as_deref(),
        Some("bytes=5242880-")
    );
}

#[test]
fn a_file_that_changes_in_between_is_noticed_at_once() {
    let image = bootable_image(9);
    for without_ranges in [false, true] {
        let server = Server::start().with_file("os.raw", image.clone());
        let server = if without_ranges {
            server.without_ranges()
        } else {
            server
        };
        server.plan(&[Plan::CutAfter(5 << 20)]);
        server.change_at_request(2, "os.raw", bootable_image(10));
        let disk = FileDisk::new(DISK);
        let error = error_of(&disk, &server, &image);
        assert!(error.contains("was changed while it was read"), "{error}");
        assert_eq!(server.ranges_of("os.raw").len(), 2);
        disk.assert_has_no_table();
    }
}

#[test]
fn what_cannot_get_better_is_named_at_once_and_the_disk_stays_as_it_was() {
    let image = bootable_image(9);
    for status in [400, 401, 403, 404, 410] {
        let server = Server::start().with_file("os.raw", image.clone());
        server.plan(&[Plan::Status(status)]);
        let disk = FileDisk::new(DISK);
        let before = disk.bytes();
        let error = error_of(&disk, &server, &image);
        assert!(
            error.contains(&format!("{} answered {status}", server.url("os.raw"))),
            "{error}"
        );
        assert_eq!(server.ranges_of("os.raw").len(), 1);
        assert!(disk.bytes() == before);
    }
}

#[test]
fn a_server_that_is_away_for_too_long_is_given_up() {
    let image = bootable_image(9);
    let mut server = Server::start().with_file("os.raw", image.clone());
    let disk = FileDisk::new(DISK);
    server.kill();
    let begun = std::time::Instant::now();
    let error = error_of(&disk, &server, &image);
    assert!(error.contains("did not answer within 5 s"), "{error}");
    assert!(begun.elapsed() >= patience().give_up_after - patience().longest_pause);
}

#[test]
fn a_cut_that_lasts_leaves_no_partition_table() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    server.plan(&[Plan::CutAfter(6 << 20)]);
    server.plan(&[Plan::Status(500); 100]);
    let disk = FileDisk::new(DISK);
    let error = error_of(&disk, &server, &image);
    assert!(
        error.contains("(after 6291456 bytes): it answered 500"),
        "{error}"
    );
    disk.assert_has_no_table();
}

#[test]
fn a_wrong_checksum_leaves_no_partition_table() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    let disk = FileDisk::new(DISK);
    let mut info = image_info(&server, "os.raw", &image, "raw");
    let true_hash = info.os_hash_value.replace("ab".repeat(32)).unwrap();
    let error = disk.write(&info).unwrap_err();
    assert!(
        matches!(&error, ImageError::Digest { found, .. } if *found == true_hash),
        "{error}"
    );
    disk.assert_has_no_table();
    info.os_hash_value = Some(true_hash.to_uppercase());
    disk.write(&info).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}

#[test]
fn a_write_can_be_cancelled_while_it_waits_for_the_server() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    server.plan(&[Plan::CutAfter(6 << 20)]);
    server.plan(&[Plan::Status(500); 1000]);
    let disk = FileDisk::new(DISK);
    let stop = Stop::default();
    let info = image_info(&server, "os.raw", &image, "raw");
    let error = std::thread::scope(|scope| {
        let writing = scope.spawn(|| disk.write_with(&info, &Progress::default(), stop.clone()));
        while server.ranges_of("os.raw").len() < 3 {
            std::thread::yield_now();
        }
        stop.request();
        writing.join().unwrap().unwrap_err()
    });
    assert!(matches!(error, ImageError::Cancelled), "{error}");
    disk.assert_has_no_table();
}

#[test]
fn the_second_url_is_tried_when_the_first_has_nothing() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    let disk = FileDisk::new(DISK);
    let mut info = image_info(&server, "os.raw", &image, "raw");
    info.urls.insert(0, server.url("gone.raw"));
    disk.write(&info).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}

#[test]
fn credentials_are_sent_with_every_request_and_never_shown() {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    server.plan(&[Plan::CutAfter(1000), Plan::Status(403)]);
    let mut info = image_info(&server, "os.raw", &image, "raw");
    info.urls[0] += "?signature=topsecret";
    info.image_server_auth_strategy = Some("http_basic".to_owned());
    info.image_server_user = Some("u".to_owned());
    info.image_server_password = Some("p".to_owned());
    // The server does not know files with a query, so it is asked for one.
    server.put("os.raw?signature=topsecret", image);
    let error = FileDisk::new(DISK).write(&info).unwrap_err().to_string();
    assert!(
        error.contains("/os.raw answered 403") && !error.contains("secret"),
        "{error}"
    );
    assert_eq!(
        server.authorizations(),
        [Some("Basic dTpw".to_owned()), Some("Basic dTpw".to_owned())]
    );
}

#[test]
fn a_checksum_file_is_fetched() {
    let image = bootable_image(9);
    let sum = to_hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, &image).as_ref());
    let server = Server::start()
        .with_file(
            "SHA512SUMS",
            format!("{sum}  os.raw\n{}  other\n", "0".repeat(128)).into_bytes(),
        )
        .with_file("os.raw", image.clone());
    let disk = FileDisk::new(DISK);
    let mut info = image_info(&server, "os.raw", &image, "raw");
    (info.os_hash_algo, info.os_hash_value) = (None, None);
    info.checksum = Some(server.url("SHA512SUMS"));
    disk.write(&info).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
    info.checksum = Some(server.url("NOSUMS"));
    let error = disk.write(&info).unwrap_err().to_string();
    assert!(error.contains("/NOSUMS answered 404"), "{error}");
}

#[test]
fn https_needs_a_certificate_that_is_trusted_and_says_so_at_once() {
    let image = bootable_image(9);
    let certificate = Certificate::generate([127, 0, 0, 1].into(), "images", "p384").unwrap();
    let server = Server::start()
        .with_tls(&certificate)
        .with_file("os.raw", image.clone());
    let disk = FileDisk::new(DISK);
    let info = image_info(&server, "os.raw", &image, "raw");
    let begun = std::time::Instant::now();
    let error = disk.write(&info).unwrap_err().to_string();
    assert!(
        error.contains("cannot be used: ") && error.contains("certificate"),
        "{error}"
    );
    assert!(
        begun.elapsed() < patience().give_up_after,
        "it is not tried again"
    );

    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(certificate.pem.as_bytes()).unwrap())
        .unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    server.plan(&[Plan::CutAfter(1_000_000)]);
    let request = WriteImageRequest {
        image_info: &info,
        device: disk.path(),
        config_drive: None,
        http: &HttpSettings { tls, ..settings() },
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience: patience(),
        stop: Stop::default(),
    };
    write_image(&disk.host, &request, &Progress::default()).unwrap();
    assert!(disk.bytes()[..image.len()] == image);
}
