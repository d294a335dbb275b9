//! `ferric cluster`: certificates for conductors, and what a further one needs. Works on files; no conductor is asked.

use super::output;
use crate::cluster::certificates::{Authority, Member, Pair};
use crate::cluster::folder::{self, Folder};
use crate::cluster::invitation::{self, Invitation};
use crate::config::SettingsError;
use crate::config::cluster::checked_url;
use crate::store_place;
use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use url::{Host, Url};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Make the cluster's authority, and the certificate of its first conductor.
    Init(Init),
    /// Make a file with which a further conductor joins. Run it where init was run.
    Invite(Invite),
    /// Become a conductor of the cluster that has made this file.
    Join(Join),
    /// Make a new certificate for this conductor. A running one uses it from the next connection on.
    Renew(Renew),
}

#[derive(Debug, clap::Args)]
struct State {
    /// The conductor's state directory.
    #[arg(long = "state", value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Who {
    /// The conductor's name: the setting host of its configuration.
    #[arg(long, value_name = "NAME")]
    host: String,
    /// Where the other conductors reach it.
    #[arg(long, value_name = "https://ADDRESS:PORT")]
    url: String,
}

#[derive(Debug, clap::Args)]
struct Init {
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, clap::Args)]
struct Invite {
    #[command(flatten)]
    state: State,
    #[command(flatten)]
    who: Who,
    /// The file to make.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Join {
    #[command(flatten)]
    state: State,
    /// The passphrase that invite has printed; default: a line of standard input.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// In place of the certificate that this conductor has.
    #[arg(long)]
    replace: bool,
    /// What invite has made.
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Renew {
    #[command(flatten)]
    state: State,
    /// A new authority first, which signs from now on. The old one is believed too, until its certificate is taken out
    /// of ca.pem.
    #[arg(long)]
    authority: bool,
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments.command {
        Command::Init(init) => self::init(init),
        Command::Invite(invite) => self::invite(invite),
        Command::Join(join) => self::join(&join),
        Command::Renew(renew) => self::renew(&renew),
    }
}

impl Who {
    fn checked(self) -> Result<Member, SettingsError> {
        let wrong = |problem: &str| SettingsError::Option {
            option: "--url",
            problem: problem.to_owned(),
        };
        let url = checked_url(&self.url).map_err(wrong)?;
        Ok(Member {
            host: self.host,
            url,
        })
    }
}

fn init(init: Init) -> anyhow::Result<()> {
    let (folder, member) = (Folder::of(&init.state.folder), init.who.checked()?);
    folder.must_be_empty()?;
    let authority = Authority::make(today())?;
    let pair = Authority::from_key(&authority.key)?.issue(&member, today())?;
    folder.keep_authority(&authority.certificate, &authority.key)?;
    folder.keep_pair(&member, &pair)?;
    output::line(&format!(
        "The authority holds until {}, the certificate of {} until {}.",
        authority.until, member.host, pair.until
    ));
    show_configuration(&member);
    Ok(())
}

fn invite(invite: Invite) -> anyhow::Result<()> {
    let (state, member) = (&invite.state.folder, invite.who.checked()?);
    let folder = Folder::of(state);
    let (ca, key) = (folder.authorities()?, folder.authority_key()?);
    if folder.member()?.host == member.host {
        bail!(
            "{} is this conductor itself: `ferric cluster renew` makes a new certificate for it",
            member.host
        );
    }
    let store_key = folder::read(&store_place::key(state)).context(
        "the store has no key yet: start ferric once with the store that is to be shared",
    )?;
    let pair = Authority::from_key(&key)?.issue(&member, today())?;
    let passphrase = invitation::passphrase();
    let invitation = Invitation {
        member,
        ca,
        certificate: pair.certificate,
        key: pair.key,
        store_key,
    };
    folder::write_new(&invite.out, &invitation.seal(&passphrase)?)?;
    let (file, host) = (invite.out.display(), &invitation.member.host);
    output::line(&format!(
        "The certificate of {host} holds until {}.",
        pair.until
    ));
    output::line(&format!(
        "On {host}: ferric cluster join --state DIR {file}, and delete the file afterwards.\n\
         The passphrase, which goes another way than the file:"
    ));
    output::line(&passphrase);
    Ok(())
}

fn join(join: &Join) -> anyhow::Result<()> {
    let (state, folder) = (&join.state.folder, Folder::of(&join.state.folder));
    if !join.replace {
        folder
            .must_be_empty()
            .context("--replace puts a new certificate in place of the old one")?;
    }
    let text = folder::read(&join.file)?;
    let passphrase = match &join.passphrase_file {
        Some(path) => folder::read(path)?,
        None => output::ask("passphrase: ")?,
    };
    let invitation = Invitation::open(&text, &passphrase)
        .with_context(|| format!("opening {}", join.file.display()))?;
    let member = &invitation.member;
    if join.replace && folder.member()?.host != member.host {
        bail!(
            "the invitation is for conductor {}, not for this one",
            member.host
        );
    }
    keep_store_key(state, &invitation.store_key)?;
    folder.keep_authorities(&invitation.ca)?;
    folder.keep_member(member, (&invitation.certificate, &invitation.key))?;
    output::line(&format!(
        "This state directory is conductor {}'s of the cluster.",
        member.host
    ));
    show_configuration(member);
    Ok(())
}

fn renew(renew: &Renew) -> anyhow::Result<()> {
    let folder = Folder::of(&renew.state.folder);
    let (ca, key, member) = (
        folder.authorities()?,
        folder.authority_key()?,
        folder.member()?,
    );
    if renew.authority {
        let next = Authority::make(today())?;
        let both = [next.certificate, ca].concat();
        folder.keep_authority(&both, &next.key)?;
        output::line(&format!(
            "The new authority holds until {}. Copy ca.pem to every conductor, then renew here and invite the others \
             again (join --replace); then take the old certificate, the last one, out of every ca.pem.",
            next.until
        ));
        return Ok(());
    }
    let pair: Pair = Authority::from_key(&key)?.issue(&member, today())?;
    folder.keep_pair(&member, &pair)?;
    output::line(&format!(
        "The certificate of {} holds until {}.",
        member.host, pair.until
    ));
    Ok(())
}

/// Every conductor of a store has the same key; another one here is another store's, and is left alone.
fn keep_store_key(state: &Path, key: &str) -> anyhow::Result<()> {
    let path = store_place::key(state);
    if !path.exists() {
        return folder::write_new(&path, key);
    }
    if folder::read(&path)?.trim() != key.trim() {
        bail!(
            "{} is the key of another store: use a state directory of its own",
            path.display()
        );
    }
    Ok(())
}

fn show_configuration(member: &Member) {
    output::line(&format!(
        "\n# For its configuration file:\n{}",
        configuration(member)
    ));
}

fn configuration(member: &Member) -> String {
    let url = Url::parse(&member.url).ok();
    let port = url.as_ref().and_then(Url::port_or_known_default);
    let port = port.unwrap_or(443);
    let listen = match url.as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => format!("{address}:{port}"),
        Some(Host::Ipv6(address)) => format!("[{address}]:{port}"),
        Some(Host::Domain(_)) | None => format!("0.0.0.0:{port}"),
    };
    format!(
        "host = \"{}\"\nstore = \"postgresql://USER@HOST/DATABASE\"   # the same for all conductors\n\n\
         [cluster]\nlisten = \"{listen}\"\nurl = \"{}\"",
        member.host, member.url
    )
}

fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}
