//! Which inspection hooks run, and what those that make ports do.

use super::SettingsError;

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
        pub enum $name {
            $(#[serde(rename = $text)] $variant,)*
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As it is written in the file.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

names!(
    /// A hook, by Ironic's name.
    Hook {
        RamdiskError = "ramdisk-error",
        ValidateInterfaces = "validate-interfaces",
        Ports = "ports",
        Architecture = "architecture",
        Accelerators = "accelerators",
        BootMode = "boot-mode",
        CpuCapabilities = "cpu-capabilities",
        Cpus = "cpus",
        ExtraHardware = "extra-hardware",
        LocalLinkConnection = "local-link-connection",
        Memory = "memory",
        ParseLldp = "parse-lldp",
        PciDevices = "pci-devices",
        PhysicalNetwork = "physical-network",
        RaidDevice = "raid-device",
        RootDevice = "root-device",
    }
);

names!(
    /// Which network interfaces become ports.
    AddPorts {
        All = "all",
        Active = "active",
        Pxe = "pxe",
        Disabled = "disabled",
    }
);

names!(
    /// Which ports stay.
    KeepPorts {
        All = "all",
        Present = "present",
        Added = "added",
    }
);

impl Hook {
    /// Whether it looks at what `validate-interfaces` leaves over.
    const fn needs_interfaces(self) -> bool {
        matches!(
            self,
            Self::Ports | Self::PhysicalNetwork | Self::LocalLinkConnection
        )
    }
}

/// The hooks of a list with commas, in which `$default_hooks` stands for another one.
pub(super) fn check_hooks(hooks: &str, default_hooks: &str) -> Result<Vec<Hook>, SettingsError> {
    let wrong = |problem: String| SettingsError::Option {
        option: "inspection.hooks",
        problem,
    };
    let list = hooks.replace("$default_hooks", default_hooks);
    let mut found: Vec<Hook> = Vec::new();
    for name in list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let hook = Hook::ALL.iter().copied().find(|hook| hook.name() == name);
        let hook = hook.ok_or_else(|| {
            let names: Vec<_> = Hook::ALL.iter().map(|hook| hook.name()).collect();
            wrong(format!(
                "{name} is not a hook: there are {}",
                names.join(", ")
            ))
        })?;
        if found.contains(&hook) {
            return Err(wrong(format!("{name} stands there twice")));
        }
        if hook.needs_interfaces() && !found.contains(&Hook::ValidateInterfaces) {
            return Err(wrong(format!(
                "{name} needs the hook validate-interfaces before it"
            )));
        }
        found.push(hook);
    }
    Ok(found)
}
