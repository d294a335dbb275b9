//! DNS messages (RFC 1035): questions are written, answers are read. Pure, and nothing that comes from the network
//! makes it panic or loop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Types of records.
pub(super) const A: u16 = 1;
pub(super) const TXT: u16 = 16;
pub(super) const AAAA: u16 = 28;
pub(super) const SRV: u16 = 33;

const CLASS_IN: u16 = 1;
/// The top bit of a class says "I am the only one who answers this".
const CLASS_MASK: u16 = 0x7fff;
const HEADER_BYTES: usize = 12;
const RESPONSE_FLAG: u16 = 0x8000;
const POINTER: u8 = 0xc0;
/// RFC 1035, 2.3.4: so many bytes a name may have.
const MAX_NAME_BYTES: usize = 255;

/// A record of a kind that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// In small letters, with a dot at its end.
    pub(super) name: String,
    pub(super) content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Address(IpAddr),
    /// `key=value`, each as the bytes that they are.
    Text(Vec<Vec<u8>>),
    Server {
        port: u16,
        target: String,
    },
}

/// Asks for the records of one name. The name is one of ours: each part has at most 63 bytes.
pub(super) fn question(id: u16, name: &str, kinds: &[u16]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(64);
    let count = u16::try_from(kinds.len()).unwrap_or(u16::MAX);
    for word in [id, 0, count, 0, 0, 0] {
        packet.extend_from_slice(&word.to_be_bytes());
    }
    for kind in kinds {
        write_name(&mut packet, name);
        packet.extend_from_slice(&kind.to_be_bytes());
        packet.extend_from_slice(&CLASS_IN.to_be_bytes());
    }
    packet
}

fn write_name(packet: &mut Vec<u8>, name: &str) {
    for part in name.split('.').filter(|part| !part.is_empty()) {
        let part = &part.as_bytes()[..part.len().min(63)];
        packet.push(u8::try_from(part.len()).unwrap_or_default());
        packet.extend_from_slice(part);
    }
    packet.push(0);
}

/// The records of an answer that are of a known kind; `None` if it is none or is damaged.
pub(super) fn records(packet: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader {
        packet,
        position: 0,
    };
    let _id = reader.number()?;
    let flags = reader.number()?;
    if flags & RESPONSE_FLAG == 0 {
        return None;
    }
    let questions = reader.number()?;
    let answers = (0..3).try_fold(0, |sum, _| Some(sum + u32::from(reader.number()?)))?;
    debug_assert_eq!(reader.position, HEADER_BYTES);
    for _ in 0..questions {
        reader.name()?;
        reader.bytes(4)?;
    }
    // Each record takes at least eleven bytes, so the packet ends this loop.
    let mut records = Vec::new();
    for _ in 0..answers {
        records.extend(reader.record()?);
    }
    Some(records)
}

struct Reader<'a> {
    packet: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.position.checked_add(count)?;
        let bytes = self.packet.get(self.position..end)?;
        self.position = end;
        Some(bytes)
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.bytes(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    /// The inner `None` is a record of another kind.
    fn record(&mut self) -> Option<Option<Record>> {
        let name = self.name()?;
        let kind = self.number()?;
        let class = self.number()? & CLASS_MASK;
        self.bytes(4)?; // How long it may be kept.
        let length = usize::from(self.number()?);
        let begin = self.position;
        let content = self.bytes(length)?;
        if class != CLASS_IN {
            return Some(None);
        }
        let content = match kind {
            A => Content::Address(Ipv4Addr::from(address::<4>(content)?).into()),
            AAAA => Content::Address(Ipv6Addr::from(address::<16>(content)?).into()),
            TXT => Content::Text(texts(content)?),
            SRV => {
                let mut inner = Reader {
                    packet: self.packet,
                    position: begin + 4, // Behind priority and weight: there is one server.
                };
                let port = inner.number()?;
                let target = inner.name()?;
                if inner.position != self.position {
                    return None;
                }
                Content::Server { port, target }
            }
            _ => return Some(None),
        };
        Some(Some(Record { name, content }))
    }

    /// A name, which may go on elsewhere in the packet. Pointers lead backwards only, so there is an end to them.
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut position = self.position;
        let mut lowest = position;
        let mut behind = None;
        loop {
            let length = *self.packet.get(position)?;
            if length & POINTER == POINTER {
                let low = *self.packet.get(position + 1)?;
                behind.get_or_insert(position + 2);
                let target = usize::from(u16::from_be_bytes([length & !POINTER, low]));
                if target >= lowest {
                    return None;
                }
                (position, lowest) = (target, target);
                continue;
            }
            if length & POINTER != 0 {
                return None;
            }
            position += 1;
            if length == 0 {
                break;
            }
            let part = self.packet.get(position..position + usize::from(length))?;
            name.push_str(&String::from_utf8_lossy(part).to_ascii_lowercase());
            name.push('.');
            if name.len() > MAX_NAME_BYTES {
                return None;
            }
            position += part.len();
        }
        self.position = behind.unwrap_or(position);
        Some(name)
    }
}

fn address<const N: usize>(content: &[u8]) -> Option<[u8; N]> {
    content.try_into().ok()
}

/// Texts with their lengths before them.
fn texts(mut content: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut texts = Vec::new();
    while let Some((length, rest)) = content.split_first() {
        let (text, rest) = rest.split_at_checked(usize::from(*length))?;
        texts.push(text.to_vec());
        content = rest;
    }
    Some(texts)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    /// A record as a server writes it, without compression.
    pub(in crate::mdns) fn record(name: &str, kind: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_name(&mut bytes, name);
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&0x8001_u16.to_be_bytes());
        bytes.extend_from_slice(&[0, 0, 0, 120]);
        bytes.extend_from_slice(&u16::try_from(content.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(content);
        bytes
    }

    pub(in crate::mdns) fn server(name: &str, port: u16, target: &str) -> Vec<u8> {
        let mut content = vec![0, 0, 0, 0];
        content.extend_from_slice(&port.to_be_bytes());
        write_name(&mut content, target);
        record(name, SRV, &content)
    }

    pub(in crate::mdns) fn text(name: &str, texts: &[&str]) -> Vec<u8> {
        let mut content = Vec::new();
        for text in texts {
            content.push(u8::try_from(text.len()).unwrap());
            content.extend_from_slice(text.as_bytes());
        }
        record(name, TXT, &content)
    }

    pub(in crate::mdns) fn response(records: &[Vec<u8>]) -> Vec<u8> {
        let mut packet = vec![0, 0, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        packet[7] = u8::try_from(records.len()).unwrap();
        packet.extend(records.concat());
        packet
    }

    const NAME: &str = "baremetal._openstack._tcp.local.";

    #[test]
    fn a_question_is_written_as_the_rfc_has_it() {
        let packet = question(0x1234, "a.local.", &[SRV, TXT]);
        let expected = b"\x12\x34\0\0\0\x02\0\0\0\0\0\0\x01a\x05local\0\0\x21\0\x01\x01a\x05local\0\0\x10\0\x01";
        assert_eq!(packet, expected);
        assert_eq!(records(&packet), None, "a question is no answer");
    }

    #[test]
    fn records_of_all_kinds_are_read() {
        let packet = response(&[
            server("Baremetal._OPENSTACK._tcp.local", 6385, "ironic.local."),
            text(NAME, &["path=/api", ""]),
            record("ironic.local", A, &[192, 0, 2, 1]),
            record("ironic.local", 47, &[1, 2, 3]),
            record("ironic.local", AAAA, &Ipv6Addr::LOCALHOST.octets()),
        ]);
        let target = "ironic.local.".to_owned();
        let of = |name: &str, content| Record {
            name: name.to_owned(),
            content,
        };
        let address = |text: &str| Content::Address(text.parse().unwrap());
        let expected = [
            of(NAME, Content::Server { port: 6385, target }),
            of(NAME, Content::Text(vec![b"path=/api".to_vec(), Vec::new()])),
            of("ironic.local.", address("192.0.2.1")),
            of("ironic.local.", address("::1")),
        ];
        assert_eq!(records(&packet).unwrap(), expected);
    }

    #[test]
    fn names_may_go_on_elsewhere_but_only_before() {
        let mut packet = response(&[record("ironic.local", A, &[192, 0, 2, 1])]);
        packet[7] = 2;
        // `x.` and then the name at byte 12.
        packet.extend_from_slice(b"\x01x\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\xc0\0\x02\x02");
        let found = records(&packet).unwrap();
        assert_eq!(found[1].name, "x.ironic.local.");
        let pointer = packet.len() - 15;
        for target in [pointer - 2, pointer, pointer + 4, 4000] {
            let mut loops = packet.clone();
            let word = 0xc000 | u16::try_from(target).unwrap();
            loops[pointer - 1..=pointer].copy_from_slice(&word.to_be_bytes());
            assert_eq!(records(&loops), None, "{target}");
        }
    }

    #[test]
    fn a_packet_that_is_cut_off_anywhere_is_none() {
        let packet = response(&[
            server(NAME, 80, "ironic.local."),
            text(NAME, &["path=/api"]),
            record("ironic.local", A, &[192, 0, 2, 1]),
        ]);
        assert_eq!(records(&packet).unwrap().len(), 3);
        for length in 0..packet.len() {
            assert_eq!(records(&packet[..length]), None, "{length}");
        }
    }

    proptest! {
        #[test]
        fn damage_never_panics(damage in proptest::collection::vec((0usize..200, any::<u8>()), 1..10)) {
            let mut packet = response(&[
                server(NAME, 80, "ironic.local."),
                text(NAME, &["path=/api", "protocol=http"]),
                record("ironic.local", AAAA, &[7; 16]),
            ]);
            for (at, value) in damage {
                let at = at % packet.len();
                packet[at] = value;
            }
            drop(records(&packet));
        }
    }
}
