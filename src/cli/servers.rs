//! The arguments of the two Ballista processes, and the settings they stand for.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use quarrel_executor::process::{ExecutorProcess, MEMORY_POOL_BYTES_DEFAULT};
use quarrel_executor::session::SessionSettings;
use quarrel_executor::stores::{CONCURRENCY_DEFAULT, S3Settings, StoreSettings};
use quarrel_scheduler::process::SchedulerProcess;

use super::values::{parse_scheduler, parse_size, parse_span};

/// Where a process listens, and the name others reach it by.
#[derive(Debug, Args)]
struct ListenArgs {
    /// The address to listen on. Ballista's protocol knows no authentication: keep it private.
    #[arg(long, visible_alias = "host", env = "QUARREL_BIND_HOST", value_name = "ADDRESS",
          default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind_host: IpAddr,
    /// The name or address by which other nodes reach this one [default: the bind address].
    #[arg(long, env = "QUARREL_EXTERNAL_HOST", value_name = "HOST")]
    external_host: Option<String>,
}

/// Settings of an S3-compatible store; credentials come from AWS's usual environment.
#[derive(Debug, Args)]
struct S3Args {
    /// The store's address [default: AWS's usual environment].
    #[arg(long, env = "QUARREL_S3_ENDPOINT", value_name = "URL")]
    s3_endpoint: Option<String>,
    /// The region [default: AWS's usual environment].
    #[arg(long, env = "QUARREL_S3_REGION", value_name = "REGION")]
    s3_region: Option<String>,
    /// Allow plain http.
    #[arg(long, env = "QUARREL_S3_ALLOW_HTTP")]
    s3_allow_http: bool,
    /// Put the bucket into the path rather than into the host's name.
    #[arg(long, env = "QUARREL_S3_PATH_STYLE")]
    s3_path_style: bool,
}

impl S3Args {
    fn stores(&self) -> StoreSettings {
        let s3 = S3Settings {
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            allow_http: self.s3_allow_http.then_some(true),
            path_style: self.s3_path_style.then_some(true),
        };
        StoreSettings { s3: (s3 != S3Settings::default()).then_some(s3), concurrency: CONCURRENCY_DEFAULT }
    }
}

#[derive(Debug, Args)]
pub struct SchedulerArgs {
    #[command(flatten)]
    listen: ListenArgs,
    /// gRPC for clients and executors, and `/healthz` and `/readyz` for probes; 0: any free port.
    #[arg(long, env = "QUARREL_PORT", value_name = "PORT", default_value_t = 50050)]
    port: u16,
    #[command(flatten)]
    s3: S3Args,
}

impl SchedulerArgs {
    pub fn settings(&self) -> SchedulerProcess {
        SchedulerProcess {
            bind_host: self.listen.bind_host,
            port: self.port,
            advertised_host: self.listen.external_host.clone(),
            session: SessionSettings { stores: self.s3.stores(), ..SessionSettings::default() },
        }
    }
}

#[derive(Debug, Args)]
pub struct ExecutorArgs {
    #[command(flatten)]
    listen: ListenArgs,
    /// The scheduler's address.
    #[arg(long, env = "QUARREL_SCHEDULER", value_name = "HOST:PORT", default_value = "127.0.0.1:50050",
          value_parser = parse_scheduler)]
    scheduler: String,
    /// How long to wait for a scheduler that isn't there yet.
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = parse_span)]
    scheduler_wait: Duration,
    /// Shuffle files are served here; 0: any free port.
    #[arg(long, env = "QUARREL_PORT", value_name = "PORT", default_value_t = 50051)]
    port: u16,
    /// Tasks arrive here; 0: any free port.
    #[arg(long, env = "QUARREL_GRPC_PORT", value_name = "PORT", default_value_t = 50052)]
    grpc_port: u16,
    /// `/healthz` and `/readyz` are answered here.
    #[arg(long, env = "QUARREL_HEALTH_PORT", value_name = "PORT")]
    health_port: Option<u16>,
    /// Tasks that run at once [default: one a core].
    #[arg(long, env = "QUARREL_VCORES", value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    vcores: Option<u16>,
    /// What all tasks together may hold before they spill, as `1GB` [default: 1GiB].
    #[arg(long, env = "QUARREL_MEMORY", value_name = "BYTES", value_parser = parse_size)]
    memory: Option<u64>,
    /// Shuffle and spill files [default: a temporary folder].
    #[arg(long, env = "QUARREL_WORK_DIR", value_name = "DIR")]
    work_dir: Option<PathBuf>,
    /// How long running tasks may take once the process was asked to stop.
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = parse_span)]
    drain: Duration,
    #[command(flatten)]
    s3: S3Args,
}

impl ExecutorArgs {
    pub fn settings(&self) -> ExecutorProcess {
        let default = ExecutorProcess::default();
        ExecutorProcess {
            vcores: self.vcores.map_or(default.vcores, usize::from),
            bind_host: self.listen.bind_host,
            advertised_host: self.listen.external_host.clone(),
            flight_port: self.port,
            grpc_port: self.grpc_port,
            scheduler_url: self.scheduler.clone(),
            scheduler_wait: self.scheduler_wait,
            work_dir: self.work_dir.clone(),
            memory_pool_bytes: self.memory.unwrap_or(MEMORY_POOL_BYTES_DEFAULT),
            drain_max: self.drain,
            health_port: self.health_port,
            session: SessionSettings { stores: self.s3.stores(), ..SessionSettings::default() },
            ..default
        }
    }
}
