//! Processors, from `/proc/cpuinfo` and sysfs, in the words that `lscpu` uses.

use std::collections::BTreeSet;
use std::path::Path;

use ferric_agent_protocol::inventory::Cpu;

use crate::host::text;

pub(super) fn read(proc: &Path, sys: &Path) -> Cpu {
    let cpuinfo = text(&proc.join("cpuinfo")).unwrap_or_default();
    let cpus = sys.join("devices/system/cpu");
    let frequency = max_mhz(&cpus).or_else(|| value(&cpuinfo, &["cpu MHz"]).map(str::to_owned));
    Cpu {
        model_name: value(&cpuinfo, &["model name", "cpu model", "Model"]).map(str::to_owned),
        frequency,
        count: count(&cpuinfo),
        architecture: architecture(),
        flags: value(&cpuinfo, &["flags", "Features"])
            .map(|flags| flags.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default(),
        socket_count: sockets(&cpus),
    }
}

fn architecture() -> Option<String> {
    let name = nix::sys::utsname::uname().ok()?;
    Some(name.machine().to_string_lossy().into_owned())
}

/// The value of the first line with one of these names.
fn value<'a>(cpuinfo: &'a str, names: &[&str]) -> Option<&'a str> {
    cpuinfo.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        (names.contains(&name.trim()) && !value.is_empty()).then_some(value)
    })
}

fn count(cpuinfo: &str) -> u32 {
    let is_processor = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default();
        name.trim() == "processor"
    };
    u32::try_from(cpuinfo.lines().filter(is_processor).count()).unwrap_or(u32::MAX)
}

/// MHz with four digits behind the point, from the kernel's kHz.
fn max_mhz(cpus: &Path) -> Option<String> {
    let khz: u64 = text(&cpus.join("cpu0/cpufreq/cpuinfo_max_freq"))?
        .parse()
        .ok()?;
    Some(format!("{}.{:03}0", khz / 1000, khz % 1000))
}

fn sockets(cpus: &Path) -> Option<u32> {
    let packages: BTreeSet<String> = std::fs::read_dir(cpus)
        .ok()?
        .flatten()
        .filter_map(|entry| text(&entry.path().join("topology/physical_package_id")))
        .collect();
    u32::try_from(packages.len())
        .ok()
        .filter(|count| *count > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::run::run;

    #[test]
    fn the_processors_of_this_machine_are_those_of_lscpu() {
        let printed = String::from_utf8(run("lscpu", &[]).unwrap().stdout).unwrap();
        let of_lscpu = |name: &str| {
            let mut lines = printed.lines().filter_map(|line| line.split_once(':'));
            let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
            Some(value.trim().to_owned())
        };
        let cpu = read(Path::new("/proc"), Path::new("/sys"));
        assert_eq!(cpu.architecture, of_lscpu("Architecture"));
        assert_eq!(cpu.model_name, of_lscpu("Model name"));
        assert_eq!(Some(cpu.flags.join(" ")), of_lscpu("Flags"));
        assert_eq!(Some(cpu.count.to_string()), of_lscpu("CPU(s)"));
        let sockets = cpu.socket_count.map(|count| count.to_string());
        assert_eq!(sockets, of_lscpu("Socket(s)"));
        if let Some(most) = of_lscpu("CPU max MHz") {
            assert_eq!(cpu.frequency, Some(most));
        }
    }

    #[test]
    fn a_machine_with_two_sockets_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let one = "processor\t: N\nmodel name\t: Intel(R) Xeon(R) Gold\ncpu MHz\t\t: 2294.609\nflags\t\t: fpu vme sse\n\n";
        fs::write(
            root.join("cpuinfo"),
            one.replace('N', "0") + &one.replace('N', "1"),
        )
        .unwrap();
        for (cpu, package) in [("cpu0", "0"), ("cpu1", "1")] {
            let topology = root.join("devices/system/cpu").join(cpu).join("topology");
            fs::create_dir_all(&topology).unwrap();
            fs::write(topology.join("physical_package_id"), package).unwrap();
        }
        let cpu = read(root, root);
        assert_eq!(cpu.model_name.as_deref(), Some("Intel(R) Xeon(R) Gold"));
        assert_eq!((cpu.count, cpu.socket_count), (2, Some(2)));
        assert_eq!(cpu.frequency.as_deref(), Some("2294.609"));
        assert_eq!(cpu.flags, ["fpu", "vme", "sse"]);
        let frequency = root.join("devices/system/cpu/cpu0/cpufreq");
        fs::create_dir_all(&frequency).unwrap();
        fs::write(frequency.join("cpuinfo_max_freq"), "3900000\n").unwrap();
        assert_eq!(read(root, root).frequency.as_deref(), Some("3900.0000"));
    }

    #[test]
    fn nothing_known_is_no_crash() {
        let cpu = read(Path::new("/nowhere"), Path::new("/nowhere"));
        assert_eq!(
            (cpu.count, cpu.socket_count, cpu.model_name),
            (0, None, None)
        );
    }
}
