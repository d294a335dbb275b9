//! `{node}/vmedia`: the virtual drives that a BMC shows its machine. Reading asks the BMC; a change is answered with 204
//! before it is done.

use super::find;
use super::states::refuse_rest;
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use crate::conductor::requests::MediaSource;
use axum::Json;
use ferric_drivers::MediaDevice;
use ferric_model::node::Object;
use http::StatusCode;
use serde_json::{Value, json};

/// What a BMC may fetch from.
const SCHEMES: [&str; 5] = ["http", "https", "nfs", "cifs", "smb"];
/// What the conductor cannot fetch from for the BMC.
const SHARES: [&str; 3] = ["nfs", "cifs", "smb"];
const SOURCES: [&str; 3] = ["http", "local", "swift"];

pub(super) async fn show(call: Call, Path(ident): Path<String>) -> ApiResult<Json<Value>> {
    call.no_arguments()?;
    let id = find::id(&call, &ident).await?;
    let slots = call.conductor().virtual_media(id).await?;
    Ok(Json(json!(slots)))
}

pub(super) async fn attach(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let wanted = wanted(body)?;
    let source = wanted.source(call.conductor().settings().provision_base());
    let id = find::id(&call, &ident).await?;
    let Wanted {
        device, image_url, ..
    } = wanted;
    let attaching = call.conductor().attach_media(id, device, image_url, source);
    attaching.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn detach(call: Call, Path(ident): Path<String>) -> ApiResult<StatusCode> {
    call.arguments.allow(&["device_types"])?;
    let names = call.arguments.list("device_types").unwrap_or_default();
    let devices = match names.is_empty() {
        true => MediaDevice::ALL.to_vec(),
        false => devices(&names)?,
    };
    let id = find::id(&call, &ident).await?;
    call.conductor().detach_media(id, devices).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn devices(names: &[String]) -> ApiResult<Vec<MediaDevice>> {
    let (mut devices, mut invalid) = (Vec::new(), Vec::new());
    for name in names {
        match name.parse::<MediaDevice>() {
            Ok(device) => devices.push(device),
            Err(_) => invalid.push(name.as_str()),
        }
    }
    if invalid.is_empty() {
        return Ok(devices);
    }
    Err(ApiError::invalid(format!(
        "Invalid device type(s) {} (valid are {})",
        invalid.join(", "),
        MediaDevice::ALL.map(MediaDevice::name).join(", ")
    )))
}

/// What a body asks for.
#[derive(Debug)]
struct Wanted {
    device: MediaDevice,
    image_url: String,
    image_download_source: Option<String>,
}

impl Wanted {
    /// Where nothing is said it is the conductor that fetches the image, as in Ironic, if there is a listener (`served`) that
    /// can serve it. There is no Swift to be put between.
    fn source(&self, served: Option<&str>) -> MediaSource {
        let is_share = SHARES.contains(&scheme(&self.image_url).as_str());
        match self.image_download_source.as_deref() {
            Some("http") => MediaSource::Direct,
            _ if is_share => MediaSource::Direct,
            None if served.is_none() => MediaSource::Direct,
            None | Some(_) => MediaSource::Relayed,
        }
    }
}

fn wanted(mut body: Object) -> ApiResult<Wanted> {
    let device = text(&mut body, "device_type")?.ok_or_else(|| missing("device_type"))?;
    let image_url = text(&mut body, "image_url")?.ok_or_else(|| missing("image_url"))?;
    let source = text(&mut body, "image_download_source")?;
    refuse_rest(&body)?;
    let device: MediaDevice = device
        .parse()
        .map_err(|error| ApiError::invalid(format!("device_type: {error}")))?;
    check_source(source.as_deref(), &image_url)?;
    Ok(Wanted {
        device,
        image_url,
        image_download_source: source,
    })
}

fn text(body: &mut Object, key: &str) -> ApiResult<Option<String>> {
    match body.shift_remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(ApiError::invalid(format!(
            "{key} must be a text, not {other}"
        ))),
    }
}

/// In lower case; nothing where the text is no URL.
fn scheme(image_url: &str) -> String {
    let url = url::Url::parse(image_url);
    url.map_or_else(|_| String::new(), |url| url.scheme().to_owned())
}

fn check_source(source: Option<&str>, image_url: &str) -> ApiResult<()> {
    if let Some(source) = source
        && !SOURCES.contains(&source)
    {
        return Err(ApiError::invalid(format!(
            "image_download_source must be one of {}, not {source:?}",
            SOURCES.join(", ")
        )));
    }
    let scheme = scheme(image_url);
    if !SCHEMES.contains(&scheme.as_str()) {
        return Err(ApiError::invalid(format!(
            "Unsupported or missing URL scheme: {scheme:?} (image_url must be one of {})",
            SCHEMES.join(", ")
        )));
    }
    if SHARES.contains(&scheme.as_str()) && source == Some("local") {
        return Err(ApiError::invalid(format!(
            "image_download_source local does not go with the {scheme} URL: set it to http, for the BMC to read the share"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &Value, problem: Option<&str>) {
        let found = wanted(body.as_object().unwrap().clone());
        match (found, problem) {
            (Ok(_), None) => {}
            (Err(ApiError::Fault { status, text }), Some(problem)) => {
                assert_eq!(status, StatusCode::BAD_REQUEST);
                assert!(text.contains(problem), "{text}");
            }
            (found, problem) => panic!("{body}: {found:?} is not {problem:?}"),
        }
    }

    #[test]
    fn who_fetches_an_image() {
        let check = |image_url: &str, source: Option<&str>, served, expected: MediaSource| {
            let wanted = Wanted {
                device: MediaDevice::Cdrom,
                image_url: image_url.to_owned(),
                image_download_source: source.map(str::to_owned),
            };
            assert_eq!(wanted.source(served), expected, "{wanted:?}");
        };
        let (direct, relayed) = (MediaSource::Direct, MediaSource::Relayed);
        let (image, here) = ("https://images/a.iso", Some("http://192.0.2.1:6380"));
        check(image, Some("http"), here, direct);
        check(image, Some("local"), here, relayed);
        check(image, Some("swift"), here, relayed);
        check(image, None, here, relayed);
        check(image, None, None, direct);
        // Refused later, with what to do about it.
        check(image, Some("local"), None, relayed);
        check("nfs://share/a.iso", None, here, direct);
        check("nfs://share/a.iso", Some("swift"), here, direct);
    }

    #[test]
    fn bodies() {
        let with = |key: &str, value: Value| {
            let mut body = json!({"device_type": "cdrom", "image_url": "https://images/a.iso"});
            body[key] = value;
            body
        };
        check(&with("image_download_source", json!("http")), None);
        check(&with("image_url", json!("nfs://share/a.iso")), None);
        check(&with("image_url", json!("HTTP://images/a")), None);
        let cases = [
            (
                "device_type",
                json!("tape"),
                "'tape' is not a virtual media",
            ),
            ("device_type", json!(1), "device_type must be a text, not 1"),
            ("image_url", json!("a.iso"), "URL scheme: \"\""),
            ("image_url", json!("file:///a"), "URL scheme: \"file\""),
            (
                "image_download_source",
                json!("tape"),
                "one of http, local, swift",
            ),
            ("insecure", json!(true), "insecure"),
        ];
        for (key, value, problem) in cases {
            check(&with(key, value), Some(problem));
        }
        check(
            &json!({"image_url": "http://a"}),
            Some("device_type is missing"),
        );
        check(
            &json!({"device_type": "disk"}),
            Some("image_url is missing"),
        );
        let mut share = with("image_url", json!("smb://share/a.iso"));
        share["image_download_source"] = json!("local");
        check(&share, Some("local does not go with the smb URL"));
    }
}
