//! The HTTP client for one image: TLS, proxies, credentials and time-outs, as the conductor's `image_info` wants them.
//!
//! Nothing here retries or follows a stream; that is `source`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ferric_agent_protocol::image::ImageInfo;
use reqwest::blocking::{Client, RequestBuilder};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue};
use reqwest::{NoProxy, Proxy};
use serde_json::{Map, Value};
use thiserror::Error;

/// What the agent's own configuration says about image servers.
#[derive(Clone)]
pub struct HttpSettings {
    /// With the CA bundle, client certificate and leniency that the agent is configured with.
    pub tls: rustls::ClientConfig,
    /// For connecting, and for each wait for more bytes.
    pub timeout: Duration,
    /// User and password where `image_info` has none.
    pub basic_auth: Option<(String, String)>,
}

#[derive(Debug, Error)]
pub enum ClientError {
    #[error("image_request_authorization is not the base64 of a header value")]
    Authorization,
    #[error(
        "image_server_auth_strategy http_basic needs image_server_user and image_server_password"
    )]
    Credentials,
    #[error("image_server_auth_strategy {0:?} is not known, only http_basic is")]
    Strategy(String),
    #[error("the proxy for {0} is not a URL")]
    Proxy(String),
    #[error("setting up the HTTP client: {0}")]
    Client(String),
}

/// A client that sends the image's credentials, if it has any, with every request.
#[derive(Clone)]
pub(crate) struct ImageClient {
    client: Client,
    authorization: Option<HeaderValue>,
}

impl ImageClient {
    pub(crate) fn new(settings: &HttpSettings, info: &ImageInfo) -> Result<Self, ClientError> {
        let plain = Self::without_credentials(settings, info)?;
        Ok(Self {
            authorization: authorization(settings, info)?,
            ..plain
        })
    }

    /// For a host that has nothing to do with the image.
    pub(crate) fn without_credentials(
        settings: &HttpSettings,
        info: &ImageInfo,
    ) -> Result<Self, ClientError> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(settings.tls.clone())
            .connect_timeout(settings.timeout)
            .timeout(settings.timeout)
            .http1_only()
            // Which proxies there are is told by the conductor and not by the environment.
            .no_proxy();
        for proxy in proxies(info.proxies.as_ref(), info.no_proxy.as_deref())? {
            builder = builder.proxy(proxy);
        }
        let client = builder
            .build()
            .map_err(|error| ClientError::Client(explain(&error)))?;
        Ok(Self {
            client,
            authorization: None,
        })
    }

    pub(crate) fn get(&self, url: &str) -> RequestBuilder {
        // Without this a helpful server might compress the stream, and byte positions would mean nothing.
        let request = self.client.get(url).header(ACCEPT_ENCODING, "identity");
        match &self.authorization {
            Some(value) => request.header(AUTHORIZATION, value.clone()),
            None => request,
        }
    }
}

fn authorization(
    settings: &HttpSettings,
    info: &ImageInfo,
) -> Result<Option<HeaderValue>, ClientError> {
    if let Some(encoded) = set(info.image_request_authorization.as_ref()) {
        let value = STANDARD
            .decode(encoded)
            .map_err(|_| ClientError::Authorization)?;
        return sensitive(value).map(Some);
    }
    let pair = match set(info.image_server_auth_strategy.as_ref()) {
        None | Some("noauth") => settings.basic_auth.clone(),
        Some("http_basic") => {
            let user = set(info.image_server_user.as_ref()).ok_or(ClientError::Credentials)?;
            let password =
                set(info.image_server_password.as_ref()).ok_or(ClientError::Credentials)?;
            Some((user.to_owned(), password.to_owned()))
        }
        Some(other) => return Err(ClientError::Strategy(other.to_owned())),
    };
    let Some((user, password)) = pair else {
        return Ok(None);
    };
    sensitive(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))).into_bytes())
        .map(Some)
}

fn set(field: Option<&String>) -> Option<&str> {
    field.map(String::as_str).filter(|text| !text.is_empty())
}

fn sensitive(value: Vec<u8>) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| ClientError::Authorization)?;
    value.set_sensitive(true);
    Ok(value)
}

fn proxies(
    proxies: Option<&Map<String, Value>>,
    no_proxy: Option<&str>,
) -> Result<Vec<Proxy>, ClientError> {
    let mut all = Vec::new();
    for (scheme, url) in proxies.into_iter().flatten() {
        let Some(url) = url.as_str().filter(|url| !url.is_empty()) else {
            continue;
        };
        let proxy = match scheme.as_str() {
            "https" => Proxy::https(url),
            _ => Proxy::http(url),
        };
        let proxy = proxy.map_err(|_| ClientError::Proxy(scheme.clone()))?;
        all.push(proxy.no_proxy(no_proxy.and_then(NoProxy::from_string)));
    }
    Ok(all)
}

/// The whole chain of an HTTP error in one line, without the URL: it may hold a password or a signature.
pub(crate) fn explain(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    match causes.as_slice() {
        _ if error.is_timeout() => "no answer in time".to_owned(),
        [] => "the request failed".to_owned(),
        causes => causes.join(": "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::image::testing::settings;

    fn check(info: Value, expected: Result<Option<&str>, &str>) {
        let info: ImageInfo = serde_json::from_value(info).unwrap();
        let found = authorization(&settings(), &info);
        let found = found.map(|value| value.map(|value| value.to_str().unwrap().to_owned()));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{found}"),
            (found, expected) => panic!("{found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn credentials_in_their_order() {
        let basic = json!({"image_server_auth_strategy": "http_basic", "image_server_user": "u",
            "image_server_password": "p"});
        check(json!({}), Ok(None));
        check(basic.clone(), Ok(Some("Basic dTpw")));
        let mut both = basic;
        both["image_request_authorization"] = json!(STANDARD.encode("Bearer token"));
        check(both, Ok(Some("Bearer token")));
        check(
            json!({"image_request_authorization": "***"}),
            Err("not the base64"),
        );
        check(
            json!({"image_request_authorization": STANDARD.encode("a\nb")}),
            Err("not the base64"),
        );
        check(
            json!({"image_server_auth_strategy": "http_basic", "image_server_user": "u"}),
            Err("needs"),
        );
        check(
            json!({"image_server_auth_strategy": "kerberos"}),
            Err("kerberos"),
        );
    }

    #[test]
    fn the_agents_own_credentials_come_last() {
        let settings = HttpSettings {
            basic_auth: Some(("u".to_owned(), "p".to_owned())),
            ..settings()
        };
        let value = authorization(&settings, &ImageInfo::default())
            .unwrap()
            .unwrap();
        assert_eq!(value, "Basic dTpw");
        assert!(!format!("{value:?}").contains("dTpw"));
    }

    #[test]
    fn a_proxy_that_is_no_url_is_named() {
        let wrong = json!({"http": "http://proxy:3128", "https": "::", "no": null});
        let error = proxies(wrong.as_object(), Some("10.0.0.0/8")).unwrap_err();
        assert_eq!(error.to_string(), "the proxy for https is not a URL");
    }
}
