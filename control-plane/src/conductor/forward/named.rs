//! The hardware's words in a call: by their names in Ironic's API, which every version knows.

use ferric_drivers::{
    BootDevice, BootMode, BootSetting, Component, IndicatorState, MediaDevice, Persistence,
    PowerAction,
};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value with a name.
pub(super) trait Named: Copy {
    fn text(self) -> &'static str;
    fn from_text(text: &str) -> Option<Self>;
}

/// What has a name in Ironic's API already.
macro_rules! named {
    ($($kind:ty)*) => {$(
        impl Named for $kind {
            fn text(self) -> &'static str {
                self.name()
            }

            fn from_text(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )*};
}

named! { PowerAction BootDevice BootMode Component IndicatorState }

impl Named for MediaDevice {
    fn text(self) -> &'static str {
        self.name()
    }

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Named for Persistence {
    fn text(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Continuous => "continuous",
        }
    }

    fn from_text(text: &str) -> Option<Self> {
        let all = [Self::Once, Self::Continuous];
        all.into_iter().find(|one| one.text() == text)
    }
}

fn read<T: Named, E: Error>(text: &str) -> Result<T, E> {
    T::from_text(text).ok_or_else(|| E::custom(format!("{text:?} is not known here")))
}

pub(super) fn serialize<T: Named, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(value.text())
}

pub(super) fn deserialize<'de, T: Named, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    read(&String::deserialize(from)?)
}

/// Several of them.
pub(super) mod list {
    use super::{Deserialize, Deserializer, Named, Serialize, Serializer, read};

    pub(in crate::conductor::forward) fn serialize<T: Named, S: Serializer>(
        devices: &[T],
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let names: Vec<_> = devices.iter().map(|device| device.text()).collect();
        names.serialize(to)
    }

    pub(in crate::conductor::forward) fn deserialize<'de, T: Named, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        let names = Vec::<String>::deserialize(from)?;
        names.iter().map(|name| read(name)).collect()
    }
}

/// What a machine boots from.
pub(super) mod setting {
    use super::{BootSetting, Deserialize, Deserializer, Named, Serialize, Serializer, read};

    #[derive(Serialize, Deserialize)]
    struct Written {
        device: Option<String>,
        persistence: Option<String>,
    }

    pub(in crate::conductor::forward) fn serialize<S: Serializer>(
        setting: &BootSetting,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let written = Written {
            device: setting.device.map(|device| device.text().to_owned()),
            persistence: setting.persistence.map(|span| span.text().to_owned()),
        };
        written.serialize(to)
    }

    pub(in crate::conductor::forward) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BootSetting, D::Error> {
        let written = Written::deserialize(from)?;
        Ok(BootSetting {
            device: written.device.as_deref().map(read).transpose()?,
            persistence: written.persistence.as_deref().map(read).transpose()?,
        })
    }
}
