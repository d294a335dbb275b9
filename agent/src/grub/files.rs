//! What is added to files of the system. Files are only added to, so that whatever ends the agent in between leaves what
//! was there. Pure.

use super::partition::Ids;

/// The line that mounts the EFI system partition, where none does.
pub(super) fn for_fstab(fstab: &str, esp: &Ids) -> Option<String> {
    let source = esp.source()?;
    let is_there = |line: &str| {
        let mut fields = line.split_whitespace();
        let first = fields.next().unwrap_or_default();
        let is_esp = esp
            .sources()
            .any(|source| source.eq_ignore_ascii_case(first));
        is_esp || (!first.starts_with('#') && fields.next() == Some("/boot/efi"))
    };
    if fstab.lines().any(is_there) {
        return None;
    }
    let line = format!("{source}  /boot/efi  vfat  umask=0077  0  1");
    Some(below(fstab, &line))
}

/// The line that tells the ramdisk of the system which volume to assemble, where none does.
pub(super) fn for_dracut(defaults: &str, volume_id: &str) -> Option<String> {
    let parameter = format!("rd.md.uuid={volume_id}");
    if defaults.contains(&parameter) {
        return None;
    }
    let line = format!(r#"GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {parameter}""#);
    Some(below(defaults, &line))
}

fn below(content: &str, line: &str) -> String {
    let end = if content.is_empty() || content.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{end}{line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn esp() -> Ids {
        Ids {
            file_system: Some("ABCD-1234".to_owned()),
            partition: Some("11223344-5566-7788-99aa-bbccddeeff00".to_owned()),
        }
    }

    #[test]
    fn the_esp_is_mounted_unless_a_line_does_so() {
        const LINE: &str = "UUID=ABCD-1234  /boot/efi  vfat  umask=0077  0  1\n";
        for (fstab, expected) in [
            ("", Some(LINE.to_owned())),
            ("/dev/vda1 / ext4 defaults 0 1\n", Some(LINE.to_owned())),
            ("/dev/vda1 / ext4 defaults 0 1", Some(format!("\n{LINE}"))),
            ("# LABEL=x /boot/efi vfat\n", Some(LINE.to_owned())),
            ("#LABEL=x /boot/efi vfat\n", Some(LINE.to_owned())),
            (LINE, None),
            ("UUID=abcd-1234 /efi vfat\n", None),
            (
                "PARTUUID=11223344-5566-7788-99AA-BBCCDDEEFF00 /efi vfat\n",
                None,
            ),
            ("LABEL=efi\t/boot/efi\tvfat\n", None),
        ] {
            assert_eq!(for_fstab(fstab, &esp()), expected, "{fstab}");
        }
        let by_partition = Ids {
            file_system: None,
            ..esp()
        };
        let line = for_fstab("", &by_partition).unwrap();
        assert!(line.starts_with("PARTUUID=11223344-"), "{line}");
        assert_eq!(for_fstab("", &Ids::default()), None);
    }

    #[test]
    fn the_volume_is_named_once_and_what_was_set_stays() {
        let added = for_dracut("GRUB_CMDLINE_LINUX='quiet'", "a:b").unwrap();
        let expected = "\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX rd.md.uuid=a:b\"\n";
        assert_eq!(added, expected);
        assert_eq!(for_dracut(&added, "a:b"), None);
    }
}
