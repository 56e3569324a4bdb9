//! `fulmarctl`: administration over the local socket, the self-test, and a chat.

use std::{
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use clap::{Parser, Subcommand};
use fulmarctl::{
    admin::{
        AdminCommand, CertificateCommand, Client, DeviceCommand, DnsCommand, LockoutCommand, OfficeCommand,
        PolicyCommand, PushCommand, ScreenOptions, UserCommand, administrator, certificate, device, dns,
        lockout, office, policy, push, screen, status, user,
    },
    chat::{self, ChatOptions},
    selftest::{self, SelfTest},
};

/// Administers a Fulmar box, and tests it as a phone would.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The admin socket of the box.
    #[arg(long, default_value = "/run/fulmar/admin.sock", global = true, display_order = 100)]
    socket: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What there is, in numbers.
    Status,
    /// The SIP domains and addresses of the office, from which names, certificate and documents follow.
    #[command(subcommand)]
    Office(OfficeCommand),
    /// The people who can sign in.
    #[command(subcommand)]
    User(UserCommand),
    /// The administrators who can sign in at the console.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// The devices of a person, and the end of one that was lost.
    #[command(subcommand)]
    Device(DeviceCommand),
    /// The certificate that phones see, and where it comes from.
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// People, administrators and addresses whose sign-ins are slowed after wrong passwords.
    #[command(subcommand)]
    Lockout(LockoutCommand),
    /// The configuration objects, by the names of the original: what is allowed, how long, for whom.
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// What DNS does beside answering for the office: records and zones of your own, secondaries, signatures.
    #[command(subcommand)]
    Dns(DnsCommand),
    /// How phones are woken.
    #[command(subcommand)]
    Push(PushCommand),
    /// The DNS zones that follow from the office.
    #[command(subcommand)]
    Zone(ZoneCommand),
    /// Who is signed in.
    #[command(subcommand)]
    Session(SessionCommand),
    /// Shows at the screen of a box where it is reached, and a code for the first administrator, until it is ended.
    Screen(ScreenOptions),
    /// Tests the box as a phone would: with DNS and HTTPS and nothing else.
    #[command(subcommand)]
    Selftest(SelfTest),
    /// A chat at the terminal, to try the box by hand: signs in as a phone does, sends lines, prints what comes.
    Chat(ChatOptions),
}

#[derive(Subcommand)]
enum ZoneCommand {
    /// Prints them as master files, without what was added with `fulmarctl dns`.
    Show {
        /// Print what is answered to the outside.
        #[arg(long)]
        outside: bool,
    },
}

#[derive(Subcommand)]
enum SessionCommand {
    /// Lists the sessions, by person.
    List,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        // Whoever reads the output, such as `head`, has enough of it.
        Err(error) if is_broken_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            // In one line: most errors are refusals, and a backtrace would say nothing of them.
            drop(writeln!(io::stderr(), "Error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let client = Client::new(arguments.socket);
    let mut out = io::stdout();
    match arguments.command {
        Command::Status => status::status(&client, &mut out).await?,
        Command::Office(command) => office::run(&client, command, &mut out).await?,
        Command::Admin(command) => administrator::run(&client, command, &mut out).await?,
        Command::Device(command) => device::run(&client, command, &mut out).await?,
        Command::User(command) => user::run(&client, command, &mut out).await?,
        Command::Dns(command) => dns::run(&client, command, &mut out).await?,
        Command::Certificate(command) => certificate::run(&client, command, &mut out).await?,
        Command::Lockout(command) => lockout::run(&client, command, &mut out).await?,
        Command::Policy(command) => policy::run(&client, command, &mut out).await?,
        Command::Push(command) => push::run(&client, command, &mut out).await?,
        Command::Zone(ZoneCommand::Show { outside }) => {
            office::show_zones(&client, outside, &mut out).await?;
        }
        Command::Session(SessionCommand::List) => status::sessions(&client, &mut out).await?,
        Command::Screen(options) => screen::run(&client, options, &mut out).await?,
        Command::Chat(options) => chat::run(options, &mut out).await?,
        Command::Selftest(test) => {
            let passed = selftest::run(test, &mut out).await?;
            return Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    }
    Ok(ExitCode::SUCCESS)
}
