//! `image_source` taken apart: an http(s) URL, an image of Glance, or a file of this conductor under one of the allowed
//! folders.

use super::BootError;
use super::glance;
use super::image::without_secrets;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Where the operator said that the image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageSource {
    Url(String),
    File(PathBuf),
    Glance(Uuid),
}

/// # Errors
/// [`BootError::Image`] for other schemes and for files outside of the allowed folders, links followed.
pub(super) fn parse(text: &str, allowed: &[PathBuf]) -> Result<ImageSource, BootError> {
    let refuse = |problem: String| BootError::Image {
        image: without_secrets(text),
        problem,
    };
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(ImageSource::Url(text.to_owned()));
    }
    if let Some(id) = glance::image_id(text) {
        return Ok(ImageSource::Glance(id));
    }
    let Some(path) = text.strip_prefix("file://") else {
        return Err(refuse(
            "image_source must be an http://, https:// or file:// URL, or the UUID of a Glance image"
                .to_owned(),
        ));
    };
    let path = self::allowed(Path::new(path), allowed).map_err(refuse)?;
    Ok(ImageSource::File(path))
}

/// The path with its links followed, if it is under one of these folders; else what is wrong with it.
pub(super) fn allowed(path: &Path, folders: &[PathBuf]) -> Result<PathBuf, String> {
    let path = path
        .canonicalize()
        .map_err(|error| format!("it cannot be read on this conductor ({error})"))?;
    let inside = |folder: &PathBuf| {
        folder
            .canonicalize()
            .is_ok_and(|folder| path.starts_with(folder))
    };
    match folders.iter().any(inside) {
        true => Ok(path),
        false => {
            Err("it is not under a folder of images.allowed_paths in the configuration".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_outside_of_the_allowed_folders_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let inside = directory.path().join("image.raw");
        std::fs::write(&inside, b"x").unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        let allowed = [directory.path().to_owned()];
        let check = |path: &str, expected: Option<&str>| match (parse(path, &allowed), expected) {
            (Ok(_), None) => {}
            (Err(error), Some(part)) => assert!(error.to_string().contains(part), "{error}"),
            (outcome, _) => panic!("{path}: {outcome:?}"),
        };
        check(&format!("file://{}", inside.display()), None);
        check("http://images/os.qcow2", None);
        check("5be26c0b-03f2-4d2e-ae87-c02d7f33c781", None);
        check("glance://5BE26C0B-03f2-4d2e-ae87-c02d7f33c781", None);
        check("glance://debian", Some("UUID of a Glance image"));
        check(
            "5be26c0b03f24d2eae87c02d7f33c781",
            Some("UUID of a Glance image"),
        );
        check(&format!("file://{}", link.display()), Some("allowed_paths"));
        check("file:///etc/passwd", Some("allowed_paths"));
        check(
            &format!("file://{}/../../etc/passwd", directory.path().display()),
            Some("allowed_paths"),
        );
        check("file:///nowhere", Some("cannot be read"));
        check("ftp://images/os.qcow2", Some("must be an http://"));
    }
}
