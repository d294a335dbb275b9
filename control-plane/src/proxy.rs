//! Which HTTP requests of this process go by way of the environment's proxy: none to this machine itself, none to what it
//! was told is near. For all others the environment's own rules hold (`http_proxy`, `no_proxy`, ...).

use reqwest::{Client, ClientBuilder, Url};
use url::Host;

/// A client for each of both ways. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Clients {
    far: Client,
    near: Client,
    /// A host beside this machine that no proxy leads to.
    neighbour: Option<String>,
}

impl Clients {
    /// `configure` is applied to both; `neighbour` is a URL whose host is near.
    ///
    /// # Errors
    /// When no client can be made, such as with a proxy in the environment that is no URL.
    pub fn new(
        configure: impl Fn(ClientBuilder) -> ClientBuilder,
        neighbour: Option<&str>,
    ) -> reqwest::Result<Self> {
        let neighbour = neighbour.and_then(|url| Url::parse(url).ok());
        Ok(Self {
            far: configure(Client::builder()).build()?,
            near: configure(Client::builder()).no_proxy().build()?,
            neighbour: neighbour.and_then(|url| url.host_str().map(str::to_owned)),
        })
    }

    /// The client for this URL.
    #[must_use]
    pub fn for_url(&self, url: &str) -> &Client {
        match self.is_near(url) {
            true => &self.near,
            false => &self.far,
        }
    }

    fn is_near(&self, url: &str) -> bool {
        let Ok(url) = Url::parse(url) else {
            return false;
        };
        let here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        here || (url.host_str().is_some() && url.host_str() == self.neighbour.as_deref())
    }
}

/// One client for all, as it is.
impl From<Client> for Clients {
    fn from(client: Client) -> Self {
        Self {
            far: client.clone(),
            near: client,
            neighbour: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_and_its_neighbour_are_near() {
        crate::tls::install_provider();
        let neighbour = Some("http://192.168.100.1:6380");
        let clients = Clients::new(|builder| builder, neighbour).unwrap();
        for (url, near) in [
            ("http://127.0.0.1:6385/v1", true),
            ("http://127.8.9.1/", true),
            ("https://[::1]:6385", true),
            ("http://LocalHost", true),
            ("http://192.168.100.1/images/os.qcow2", true),
            ("http://192.168.100.10/", false),
            ("http://localhost.example.com/", false),
            ("https://images.example.com/127.0.0.1", false),
            ("not a URL", false),
        ] {
            assert_eq!(clients.is_near(url), near, "{url}");
        }
        let alone = Clients::new(|builder| builder, None).unwrap();
        assert!(!alone.is_near("http://192.168.100.1/"));
        assert!(!alone.is_near("file:///etc"));
    }
}
