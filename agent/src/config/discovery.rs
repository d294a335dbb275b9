//! What mDNS is asked for, and the settings that its answers make.
//!
//! Whoever is on the network can answer, so an answer changes nothing but the addresses that were asked for and the
//! options that `allowed_overrides` names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::options::{OptionError, Options};
use super::{ConfigError, Flags, Settings};

/// Options that an answer may set, as with Ironic's agent.
const ALLOWED_OVERRIDES: [&str; 2] = ["inspection_callback_url", "ntp_server"];

/// What is to be found out before there are settings.
#[derive(Clone)]
pub struct Discovery {
    /// What to look for, at least one.
    pub services: Vec<DiscoveredService>,
    pub attempts: u32,
    /// Addresses of the interfaces to ask on; all of them where there are none.
    pub interfaces: Vec<IpAddr>,
    allowed_overrides: Vec<String>,
    options: Arc<Options>,
    flags: Flags,
}

/// A service that mDNS knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoveredService {
    Api,
    Inspection,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveryAnswer {
    pub service: DiscoveredService,
    pub url: String,
    /// Options of the agent by their names.
    pub overrides: BTreeMap<String, String>,
}

impl std::fmt::Debug for Discovery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options have secrets.
        let mut shown = formatter.debug_struct("Discovery");
        shown
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

impl DiscoveredService {
    /// The name that mDNS has for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "baremetal._openstack._tcp.local.",
            Self::Inspection => "baremetal-introspection._openstack._tcp.local.",
        }
    }

    fn option(self) -> &'static str {
        match self {
            Self::Api => "api_url",
            Self::Inspection => "inspection_callback_url",
        }
    }
}

impl Discovery {
    /// What stands in place of an address that is to be looked for.
    pub(super) const WORD: &str = "mdns";

    /// What is to be looked for, if anything is. Without any address of the API `use_mdns` is enough, and an address
    /// for inspection data that is looked for stands for it.
    pub(super) fn wanted(options: &Options, flags: &Flags) -> Result<Option<Self>, OptionError> {
        let allowed = options.list("mdns.allowed_overrides");
        let interfaces = options.list("mdns.interfaces").unwrap_or_default();
        let attempts = options.number("mdns.lookup_attempts", 3)?;
        let is_on = options.flag("mdns.use_mdns", false)?;
        let says_mdns = |name| options.text(name) == Some(Self::WORD);
        let wants_inspection = says_mdns(DiscoveredService::Inspection.option());
        let has_no_api = options.text("api_url").is_none();
        let wants_api = says_mdns("api_url") || (has_no_api && (is_on || wants_inspection));
        let services = [
            (wants_api, DiscoveredService::Api),
            (wants_inspection, DiscoveredService::Inspection),
        ];
        let services: Vec<_> = services
            .into_iter()
            .filter_map(|(is_wanted, service)| is_wanted.then_some(service))
            .collect();
        if services.is_empty() {
            return Ok(None);
        }
        let defaults = || ALLOWED_OVERRIDES.map(str::to_owned).to_vec();
        Ok(Some(Self {
            services,
            attempts,
            interfaces: addresses(&interfaces)?,
            allowed_overrides: allowed.unwrap_or_else(defaults),
            options: Arc::new(options.copy()),
            flags: flags.clone(),
        }))
    }

    /// Whether an answer says by the way where inspection data go, so that nobody must be asked for that.
    #[must_use]
    pub fn knows_inspection(&self, answer: &DiscoveryAnswer) -> bool {
        let option = DiscoveredService::Inspection.option();
        answer.overrides.contains_key(option) && self.is_allowed(option)
    }

    /// The settings with what was found. An override that makes no sense is left out: a stranger's answer must not
    /// keep the agent from starting.
    ///
    /// # Errors
    /// When an address that was found is none.
    pub fn settle(&self, answers: &[DiscoveryAnswer]) -> Result<Settings, ConfigError> {
        let mut options = self.options.copy();
        for answer in answers {
            options.set(answer.service.option(), &answer.url);
        }
        let overrides = answers.iter().flat_map(|answer| &answer.overrides);
        for (name, value) in overrides {
            let is_found = |answer: &DiscoveryAnswer| answer.service.option() == name;
            if !self.is_allowed(name) || answers.iter().any(is_found) {
                tracing::warn!(option = name, "an mDNS answer may not set this option");
                continue;
            }
            let mut changed = options.copy();
            changed.set(name, value);
            match Settings::from_options(&changed, &self.flags) {
                Ok(_) => options = changed,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "an mDNS answer sets an option to what it cannot be");
                }
            }
        }
        Settings::from_options(&options, &self.flags)
    }

    fn is_allowed(&self, option: &str) -> bool {
        self.allowed_overrides
            .iter()
            .any(|allowed| allowed == option)
    }
}

fn addresses(texts: &[String]) -> Result<Vec<IpAddr>, OptionError> {
    let parsed = texts.iter().map(|text| {
        text.parse().map_err(|_| OptionError {
            name: "mdns.interfaces",
            wanted: "IP addresses of interfaces, with commas between them",
            value: text.clone(),
        })
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sources;
    use super::*;

    fn wanted(cmdline: &str, ini: &str) -> Vec<DiscoveredService> {
        let settings = Sources::new(cmdline, ini).load(&[]).unwrap();
        settings
            .discovery
            .map(|discovery| discovery.services)
            .unwrap_or_default()
    }

    fn api(url: &str, overrides: &[(&str, &str)]) -> DiscoveryAnswer {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        DiscoveryAnswer {
            service: DiscoveredService::Api,
            url: url.to_owned(),
            overrides: overrides.iter().map(owned).collect(),
        }
    }

    #[test]
    fn only_what_has_no_address_is_looked_for() {
        use DiscoveredService::{Api, Inspection};
        assert_eq!(wanted("ipa-api-url=http://a", ""), []);
        assert_eq!(wanted("ipa-api-url=http://a ipa-use-mdns=1", ""), []);
        assert_eq!(wanted("ipa-use-mdns=true", ""), [Api]);
        assert_eq!(wanted("quiet", "[mdns]\nuse_mdns = yes\n"), [Api]);
        assert_eq!(wanted("ipa-api-url=mdns", ""), [Api]);
        let inspection = "ipa-inspection-callback-url=mdns";
        assert_eq!(wanted(inspection, ""), [Api, Inspection]);
        let with_api = format!("ipa-api-url=http://a {inspection}");
        assert_eq!(wanted(&with_api, ""), [Inspection]);
    }

    #[test]
    fn answers_make_settings() {
        let cmdline = "ipa-api-url=mdns ipa-inspection-callback-url=mdns ipa-agent-token=secret";
        let settings = Sources::new(cmdline, "").load(&[]).unwrap();
        let discovery = settings.discovery.unwrap();
        assert!(!format!("{discovery:?}").contains("secret"));
        let inspection = DiscoveryAnswer {
            service: DiscoveredService::Inspection,
            url: "http://192.0.2.2/v1/continue".to_owned(),
            overrides: std::collections::BTreeMap::new(),
        };
        let overrides = [("ntp_server", "192.0.2.3"), ("insecure", "true")];
        let answers = [api("http://192.0.2.1:6385", &overrides), inspection];
        let settled = discovery.settle(&answers).unwrap();
        assert_eq!(settled.api.urls, ["http://192.0.2.1:6385"]);
        assert_eq!(
            settled.inspection.callback_urls,
            ["http://192.0.2.2/v1/continue"]
        );
        assert_eq!(settled.clock.ntp_server.as_deref(), Some("192.0.2.3"));
        assert!(!settled.api.insecure, "nobody has allowed that");
        assert!(settled.discovery.is_none());
    }

    #[test]
    fn an_answer_may_say_where_inspection_data_go() {
        let settings = Sources::new("ipa-inspection-callback-url=mdns", "").load(&[]);
        let discovery = settings.unwrap().discovery.unwrap();
        let with = |overrides: &[(&str, &str)]| api("http://192.0.2.1", overrides);
        assert!(!discovery.knows_inspection(&with(&[])));
        let answer = with(&[("inspection_callback_url", "http://192.0.2.2/x")]);
        assert!(discovery.knows_inspection(&answer));
        let settled = discovery.settle(&[answer]).unwrap();
        assert_eq!(settled.inspection.callback_urls, ["http://192.0.2.2/x"]);
    }

    #[test]
    fn an_answer_that_makes_no_sense_does_no_harm() {
        let ini = "[mdns]\nallowed_overrides = ntp_server,insecure,lookup_timeout\n";
        let settings = Sources::new("ipa-use-mdns=1", ini).load(&[]).unwrap();
        let discovery = settings.discovery.unwrap();
        let overrides = [
            ("ntp_server", "a;reboot"),
            ("insecure", "true"),
            ("lookup_timeout", "7"),
            ("api_url", "http://192.0.2.66"),
        ];
        let settled = discovery
            .settle(&[api("http://192.0.2.1", &overrides)])
            .unwrap();
        assert_eq!(settled.clock.ntp_server, None);
        assert!(settled.api.insecure);
        assert_eq!(settled.lookup.timeout.as_secs(), 7);
        assert_eq!(settled.api.urls, ["http://192.0.2.1"]);
    }
}
