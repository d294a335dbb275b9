//! How often and how long a server is asked, where the operator says so.

use std::time::Duration;

use crate::disk::SharedFileSystems;
use crate::image::testing::{
    FileDisk, Plan, Server, bootable_image, image_info, patience, settings,
};
use crate::image::{FormatPolicy, Md5Policy, Patience, Stop, WriteImageRequest, write_image};
use crate::progress::Progress;

/// Why the image was not written.
fn failure(plans: &[Plan], patience: Patience) -> (String, usize) {
    let image = bootable_image(9);
    let server = Server::start().with_file("os.raw", image.clone());
    server.plan(plans);
    let disk = FileDisk::new(16 << 20);
    let request = WriteImageRequest {
        image_info: &image_info(&server, "os.raw", &image, "raw"),
        device: disk.path(),
        config_drive: None,
        http: &settings(),
        md5: Md5Policy::Refuse,
        formats: FormatPolicy::default(),
        shared: SharedFileSystems::Protect,
        patience,
        stop: Stop::default(),
    };
    let error = write_image(&disk.host, &request, &Progress::default()).unwrap_err();
    (error.to_string(), server.ranges_of("os.raw").len())
}

#[test]
fn attempts_are_counted() {
    let counted = Patience {
        give_up_after: Duration::MAX,
        retries: Some(2),
        ..patience()
    };
    let (error, requests) = failure(&[Plan::Status(503); 10], counted);
    assert!(error.contains("it answered 503"), "{error}");
    assert_eq!(requests, 3);
}

#[test]
fn a_download_has_an_end_although_bytes_come() {
    let limited = Patience {
        most: Some(Duration::from_secs(1)),
        ..patience()
    };
    let (error, _) = failure(&[Plan::SlowlyCutAfter(4 << 20)], limited);
    assert!(
        error.contains("did not send the whole file within 1 s"),
        "{error}"
    );
}
