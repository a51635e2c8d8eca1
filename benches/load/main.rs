//! The two ends of a measurement: an echo server, and clients that send messages through whatever stands between.
//!
//! They write and read frames of one shape by themselves, on one thread each, so that what is measured is what stands
//! between. Everything is on loopback, and bounded in time. `benches/README.md` says how they are used.

mod arguments;
mod clients;
mod echo;
mod frames;
mod histogram;
mod soak;
mod socket;

use std::process::ExitCode;
use std::time::Duration;

use arguments::Arguments;

const USAGE: &str = "\
usage: load echo --seconds N
       load messages --to ADDR --connections N --in-flight N --bytes N --seconds N
       load soak --to ADDR --idle N --busy N --every-ms N --bytes N --seconds N --ledger FILE";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    let mut arguments = Arguments::parse(std::env::args().skip(1))?;
    let command = arguments.command.clone();
    let seconds = Duration::from_secs_f64(arguments.take("seconds")?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let work = async {
        match command.as_str() {
            "echo" => {
                arguments.end()?;
                echo::serve(seconds).await.map_err(|it| it.to_string())
            }
            "messages" => {
                let plan = clients::Plan {
                    to: arguments.take("to")?,
                    connections: arguments.take("connections")?,
                    in_flight: arguments.take("in-flight")?,
                    bytes: arguments.take("bytes")?,
                    seconds,
                };
                arguments.end()?;
                clients::run(plan).await.map(|found| println!("{found}"))
            }
            "soak" => {
                let plan = soak::Plan {
                    to: arguments.take("to")?,
                    idle: arguments.take("idle")?,
                    busy: arguments.take("busy")?,
                    every: Duration::from_millis(arguments.take("every-ms")?),
                    bytes: arguments.take("bytes")?,
                    seconds,
                    ledger: arguments.take("ledger")?,
                };
                arguments.end()?;
                soak::run(plan).await
            }
            _ => Err(USAGE.to_owned()),
        }
    };
    runtime.block_on(work)
}
