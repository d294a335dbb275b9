//! What goes into the bundle.

use std::time::Duration;

/// A program whose output is kept under a name.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) time: Duration,
    pub(super) max_bytes: u64,
}

pub(super) const COMMANDS: &[Source] = &[
    Source {
        name: "journal",
        program: "journalctl",
        arguments: &[
            "--no-pager",
            "--boot",
            "--lines=10000",
            "--output=short-precise",
        ],
        time: Duration::from_secs(20),
        max_bytes: 8 << 20,
    },
    small("dmesg", "dmesg", &[]),
    small("df", "df", &["-a"]),
    small("mount", "cat", &["/proc/self/mounts"]),
    small("cmdline", "cat", &["/proc/cmdline"]),
    small("ip_addr", "ip", &["addr"]),
    small("ip_route", "ip", &["route", "show", "table", "all"]),
    small("iptables", "iptables", &["-L"]),
    small("lsblk", "lsblk", &["--all"]),
    small(
        "lsblk-full",
        "lsblk",
        &["--all", "--bytes", "--output-all", "--pairs"],
    ),
    small("udev", "udevadm", &["info", "--export-db"]),
    small("multipath", "multipath", &["-ll"]),
    small("mdstat", "cat", &["/proc/mdstat"]),
    small("efibootmgr", "efibootmgr", &["-v"]),
    small("ps", "ps", &["auxww"]),
    small("meminfo", "cat", &["/proc/meminfo"]),
];

const fn small(
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
) -> Source {
    Source {
        name,
        program,
        arguments,
        time: Duration::from_secs(5),
        max_bytes: 1 << 20,
    }
}

/// How the kernel command line, and whatever quotes it, gives the token.
const PARAMETER: &[u8] = b"ipa-agent-token=";
const STARS: &[u8] = b"***";

/// The output without the token: who reads logs must not get to command the agent.
pub(super) fn redacted(output: &[u8], token: Option<&str>) -> Vec<u8> {
    let token = token.unwrap_or_default().as_bytes();
    let mut kept = Vec::with_capacity(output.len());
    let mut rest = output;
    while let Some(first) = rest.first() {
        let skipped = if !token.is_empty() && rest.starts_with(token) {
            token.len()
        } else if rest.starts_with(PARAMETER) {
            kept.extend_from_slice(PARAMETER);
            let value = &rest[PARAMETER.len()..];
            let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'');
            PARAMETER.len() + value.iter().position(ends).unwrap_or(value.len())
        } else {
            kept.push(*first);
            rest = &rest[1..];
            continue;
        };
        kept.extend_from_slice(STARS);
        rest = &rest[skipped..];
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, token: Option<&str>, expected: &str) {
        let found = redacted(output.as_bytes(), token);
        assert_eq!(String::from_utf8(found).unwrap(), expected);
    }

    #[test]
    fn the_token_is_taken_out() {
        check(
            "quiet ipa-agent-token=abc ipa-debug=1\n",
            None,
            "quiet ipa-agent-token=*** ipa-debug=1\n",
        );
        check("\"ipa-agent-token=abc\"", None, "\"ipa-agent-token=***\"");
        check("ipa-agent-token=abc", Some("abc"), "ipa-agent-token=***");
        check(
            "?agent_token=abc&wait=abcabc",
            Some("abc"),
            "?agent_token=***&wait=******",
        );
        check("nothing", Some(""), "nothing");
    }
}
