//! `image_source` taken apart: an http(s) URL, or a file of this conductor under one of the allowed folders.

use super::BootError;
use super::image::without_secrets;
use std::path::{Path, PathBuf};

/// Where the operator said that the image is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageSource {
    Url(String),
    File(PathBuf),
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
    let Some(path) = text.strip_prefix("file://") else {
        return Err(refuse(
            "image_source must be an http://, https:// or file:// URL".to_owned(),
        ));
    };
    let path = Path::new(path)
        .canonicalize()
        .map_err(|error| refuse(format!("it cannot be read on this conductor ({error})")))?;
    let inside = |folder: &PathBuf| {
        folder
            .canonicalize()
            .is_ok_and(|folder| path.starts_with(folder))
    };
    if !allowed.iter().any(inside) {
        return Err(refuse(
            "it is not under a folder of images.allowed_paths in the configuration".to_owned(),
        ));
    }
    Ok(ImageSource::File(path))
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
