//! Making the cluster's authority and the certificates of its conductors.

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use url::{Host, Url};

/// The subject of every authority: a certificate names its issuer by it, and which of two is meant shows in the key.
const AUTHORITY: &str = "Ferric cluster CA";

/// Why no certificate can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CertificateError {
    #[error("{0:?} is no name that a certificate can have: use a DNS name")]
    Name(String),
    #[error("making {what}")]
    Make {
        what: &'static str,
        source: rcgen::Error,
    },
    #[error("the calendar ends before the certificate does")]
    Calendar(#[from] jiff::Error),
}

/// A conductor as its certificate names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {
    /// The setting `host`.
    pub(crate) host: String,
    /// `https://ADDRESS:PORT`.
    pub(crate) url: String,
}

/// A certificate with its key, both PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    /// The last day on which it holds.
    pub(crate) until: Date,
}

/// Signs the certificates of conductors.
pub(crate) struct Authority(KeyPair);

impl Authority {
    /// A new one. It holds for ten years.
    pub(crate) fn make(today: Date) -> Result<Pair, CertificateError> {
        let failed = |source| CertificateError::Make {
            what: "the cluster's authority",
            source,
        };
        let key = KeyPair::generate().map_err(failed)?;
        let (mut params, until) = params(today, 10.years())?;
        params.distinguished_name = name(AUTHORITY);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            until,
        })
    }

    /// The one whose key was kept.
    pub(crate) fn from_key(pem: &str) -> Result<Self, CertificateError> {
        let key = KeyPair::from_pem(pem).map_err(|source| CertificateError::Make {
            what: "use of the authority's key",
            source,
        })?;
        Ok(Self(key))
    }

    /// A certificate for a conductor, which it shows as server and as client. It holds for three years.
    pub(crate) fn issue(&self, member: &Member, today: Date) -> Result<Pair, CertificateError> {
        let failed = |source| CertificateError::Make {
            what: "a conductor's certificate",
            source,
        };
        let key = KeyPair::generate().map_err(failed)?;
        let (mut params, until) = params(today, 3.years())?;
        params.distinguished_name = name(&member.host);
        params.subject_alt_names = names(member)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let mut of_authority = CertificateParams::default();
        of_authority.distinguished_name = name(AUTHORITY);
        let issuer = Issuer::from_params(&of_authority, &self.0);
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        Ok(Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            until,
        })
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// From the day before, because not all clocks agree.
fn params(today: Date, lifetime: Span) -> Result<(CertificateParams, Date), CertificateError> {
    let until = today.checked_add(lifetime)?;
    let mut params = CertificateParams::default();
    let part = |value: i8| u8::try_from(value).expect("months and days are positive");
    let day = |date: Date| {
        let (month, day) = (part(date.month()), part(date.day()));
        date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = day(today.checked_sub(1.day())?);
    params.not_after = day(until);
    Ok((params, until))
}

/// The conductor's name, and where the others reach it.
fn names(member: &Member) -> Result<Vec<SanType>, CertificateError> {
    let dns = |text: &str| -> Result<SanType, CertificateError> {
        let unusable = || CertificateError::Name(text.to_owned());
        super::identity::server_name(text).map_err(|_| unusable())?;
        let is_address = text.parse::<IpAddr>().is_ok();
        let name = text.try_into().map_err(|_| unusable())?;
        if is_address {
            Err(unusable())
        } else {
            Ok(SanType::DnsName(name))
        }
    };
    let mut names = vec![dns(&member.host)?];
    let url = Url::parse(&member.url).map_err(|_| CertificateError::Name(member.url.clone()))?;
    names.extend(match url.host() {
        Some(Host::Ipv4(address)) => Some(SanType::IpAddress(address.into())),
        Some(Host::Ipv6(address)) => Some(SanType::IpAddress(address.into())),
        Some(Host::Domain(domain)) if domain != member.host => Some(dns(domain)?),
        Some(Host::Domain(_)) | None => None,
    });
    Ok(names)
}
