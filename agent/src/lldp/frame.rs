//! LLDP frames (IEEE 802.1AB-2016, clauses 7 and 8). A parser of foreign bytes.
//!
//! Whatever the bytes are, reading ends and nothing is indexed unchecked. A value that is cut off is kept as far as it
//! is there, as Ironic's agent keeps it.

/// Two addresses and the type of what follows.
const HEADER_BYTES: usize = 14;
const ETHER_TYPE: [u8; 2] = [0x88, 0xcc];

const END: u8 = 0;
const CHASSIS_ID: u8 = 1;
const PORT_ID: u8 = 2;
const TIME_TO_LIVE: u8 = 3;

/// One thing that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlv {
    /// What it is: 0 to 127.
    pub kind: u8,
    /// At most 511 bytes.
    pub value: Vec<u8>,
}

/// What a switch says at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    tlvs: Vec<Tlv>,
    is_cut: bool,
}

impl Frame {
    /// Reads an Ethernet frame, addresses included; `None` if it is none of LLDP.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (header, mut rest) = bytes.split_at_checked(HEADER_BYTES)?;
        if !header.ends_with(&ETHER_TYPE) {
            return None;
        }
        let mut frame = Self::default();
        while let Some((tlv, missing_bytes, behind)) = Tlv::split(rest) {
            let is_end = tlv.kind == END;
            frame.tlvs.push(tlv);
            frame.is_cut |= missing_bytes > 0;
            // Behind the end there may be padding.
            if is_end {
                break;
            }
            rest = behind;
        }
        Some(frame)
    }

    /// What is said, in the order in which it is said; the end is one of them.
    #[must_use]
    pub fn tlvs(&self) -> &[Tlv] {
        &self.tlvs
    }

    /// Whether there is nothing better to wait for: it begins as every frame must, nothing of it is cut off, and it is
    /// not the farewell of a port that goes down, which has a time to live of zero.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let [chassis, port, time, ..] = self.tlvs.as_slice() else {
            return false;
        };
        let kinds = [chassis.kind, port.kind, time.kind];
        kinds == [CHASSIS_ID, PORT_ID, TIME_TO_LIVE]
            && time.value.iter().any(|byte| *byte != 0)
            && !self.is_cut
    }

    /// Types, and values as hexadecimal text: the form in which Ironic's agent sends them.
    #[must_use]
    pub fn to_wire(&self) -> Vec<(u16, String)> {
        let wire = |tlv: &Tlv| (u16::from(tlv.kind), hexadecimal(&tlv.value));
        self.tlvs.iter().map(wire).collect()
    }
}

impl Tlv {
    /// The first one, how many of its bytes are missing, and the bytes behind it.
    fn split(bytes: &[u8]) -> Option<(Self, usize, &[u8])> {
        // Seven bits of type, nine of length.
        let ([first, second], rest) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes([first & 1, *second]));
        let (value, behind) = rest.split_at(length.min(rest.len()));
        let tlv = Self {
            kind: first >> 1,
            value: value.to_vec(),
        };
        Some((tlv, length - value.len(), behind))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
