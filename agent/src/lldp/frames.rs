//! Frames made by hand from IEEE 802.1AB, 802.1Q and 802.3, in the shapes that switches of three makers give them.

/// What a switch sends, a line for each TLV.
pub(crate) struct Sample {
    pub(crate) header: &'static str,
    pub(crate) tlvs: &'static [&'static str],
}

/// Like a Cisco Nexus: the interface's name as port id, the port's VLAN.
pub(crate) const CISCO: Sample = Sample {
    header: "0180c200000e 0026aabbcc07 88cc",
    tlvs: &[
        "0207 04 0026aabbcc00",
        "0407 05 457468312f37",
        "0602 0078",
        "0806 6e6f64652d37",
        "0a06 6c6561662d33",
        "0c0b 436973636f204e582d4f53",
        "0e04 0014 0014",
        "100c 05 01 0a000003 02 00000001 00",
        "fe06 0080c2 01 0065",
        "0000",
    ],
};

/// Like an Arista: named VLANs, link aggregation, jumbo frames.
pub(crate) const ARISTA: Sample = Sample {
    header: "0180c200000e 001c73000007 88cc",
    tlvs: &[
        "0207 04 001c73000001",
        "040a 05 45746865726e657437",
        "0602 0078",
        "0a05 73772d3132",
        "0c0f 417269737461204e6574776f726b73",
        "0e04 0014 0014",
        "100c 05 01 0a00000c 02 000f423f 00",
        "fe06 0080c2 01 000a",
        "fe0b 0080c2 03 0014 04 70726f64",
        "fe0c 0080c2 03 001e 05 7374616765",
        "fe09 00120f 03 03 00000009",
        "fe06 00120f 04 2414",
        "0000",
    ],
};

/// Like `lldpd` on Linux: the port by its MAC address, two management addresses, LLDP-MED.
pub(crate) const LLDPD: Sample = Sample {
    header: "0180c200000e 525400000002 88cc",
    tlvs: &[
        "0207 04 525400000001",
        "0407 03 525400000002",
        "0602 0078",
        "0a08 7377697463687937",
        "0c05 4c696e7578",
        "0e04 009c 0014",
        "100c 05 01 c0000207 02 00000003 00",
        "1018 11 02 20010db8000000000000000000000007 02 00000003 00",
        "0804 65746832",
        "fe09 00120f 01 03 6c11 0010",
        "fe07 0012bb 01 0033 04",
        "0000",
    ],
};

pub(crate) const ALL: [Sample; 3] = [CISCO, ARISTA, LLDPD];

impl Sample {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let tlvs = self.tlvs.iter().flat_map(|tlv| bytes(tlv));
        bytes(self.header).into_iter().chain(tlvs).collect()
    }

    /// As Ironic's agent sends them: the header of a TLV has two bytes, of which seven bits are the type.
    pub(crate) fn wire(&self) -> Vec<(u16, String)> {
        let wire = |tlv: &&str| {
            let text = tlv.replace(' ', "");
            let kind = u16::from_str_radix(&text[..2], 16).unwrap() >> 1;
            (kind, text[4..].to_owned())
        };
        self.tlvs.iter().map(wire).collect()
    }
}

/// From hexadecimal text with blanks.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::try_from((pair[0] << 4) | pair[1]).unwrap())
        .collect()
}
