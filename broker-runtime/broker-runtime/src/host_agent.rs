//! `broker-runtime host-agent`: makes this machine a host of a control plane elsewhere, and takes orders for it.

use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use clock::{Clock, SystemClock};
use control_plane_api::{
    ErrorBody, SecretText,
    hosts::{JoinHostRequest, JoinHostResponse},
};
use host_agent::{AgentConfig, AgentFolder, Joining, Membership};
use host_link::{JoinToken, pinned_tls};
use tokio_util::sync::CancellationToken;

use crate::{
    context::{Context, VERSION},
    limits, listening, logging, output, serve,
};

/// Port of the agent when nobody names one.
const PORT: u16 = 8480;
/// How long the control plane may take to let a host join, and a connection to come about.
const LIMIT: Duration = Duration::from_secs(30);
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Threads that wait for disks, at most, and how long an idle one is kept.
const BLOCKING_THREADS_MAX: usize = 16;
const BLOCKING_THREAD_IDLE: Duration = Duration::from_secs(2);

/// What an agent does.
#[derive(Debug, Subcommand)]
pub(crate) enum HostAgent {
    /// Has this machine join a control plane, with a token of it, and runs the agent.
    Join(Join),
    /// Runs the agent of a machine that has joined.
    Run,
}

/// How a machine joins.
#[derive(Args, Debug)]
pub(crate) struct Join {
    /// Where the control plane listens: host and port, as `broker-runtime token create` prints them.
    #[arg(value_name = "HOST:PORT")]
    control_plane: String,
    /// The token.
    #[arg(long)]
    token: JoinToken,
    /// Name of this host [default: what the machine calls itself].
    #[arg(long)]
    name: Option<String>,
    /// Zone that it stands in [default: the token's].
    #[arg(long)]
    zone: Option<String>,
    /// Where other hosts and clients reach it [default: the address it reaches the control plane from].
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// Where the agent listens for its control plane [default: port 8480 of --address].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Only join: `broker-runtime host-agent run` runs the agent.
    #[arg(long)]
    only: bool,
}

/// Joins, runs, or both.
pub(crate) fn run(context: &Context, command: HostAgent) -> Result<()> {
    let only = matches!(&command, HostAgent::Join(join) if join.only);
    if let HostAgent::Join(join) = command {
        self::join(context, &join)?;
    }
    if only { Ok(()) } else { take_orders(context) }
}

fn take_orders(context: &Context) -> Result<()> {
    logging::to_stderr(&context.log_filter);
    limits::raise_open_files();
    let search_path = context.child_environment.iter().find(|(name, _)| name == "PATH");
    let config = AgentConfig {
        data_directory: context.data_dir.root().to_owned(),
        search_path: search_path.map_or_else(|| OsString::from("/usr/bin:/bin"), |(_, path)| path.clone()),
        own_program: context.executable.clone(),
        clock: Arc::new(SystemClock),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_keep_alive(BLOCKING_THREAD_IDLE)
        .enable_all()
        .build()
        .context("the agent cannot start")?;
    runtime.block_on(async {
        let until = CancellationToken::new();
        let ended = serve::termination()?;
        let cancel = until.clone();
        tokio::spawn(async move {
            ended.await;
            cancel.cancel();
        });
        host_agent::run(config, until).await.context("the agent does not run")
    })
}

fn join(context: &Context, join: &Join) -> Result<()> {
    let folder = AgentFolder::new(context.data_dir.root());
    let lock = folder.lock()?;
    if let Some(membership) = folder.membership()? {
        bail!(
            "this host has joined already, as {:?}: `broker-runtime host-agent run` runs its agent",
            membership.name
        );
    }
    let address = match join.address {
        Some(address) => address,
        None => own_address(&join.control_plane)?,
    };
    let listen = join.listen.unwrap_or_else(|| (address, PORT).into());
    // What would keep the agent from running is better known before the token is used.
    let probe = TcpListener::bind(listen).with_context(|| format!("the agent cannot listen on {listen}"))?;
    let listen = probe.local_addr()?;
    drop(probe);
    let joining = folder.joining()?;
    let name = join.name.clone().unwrap_or_else(listening::host_name);
    let agent_ip = if listen.ip().is_unspecified() {
        address
    } else {
        listen.ip()
    };
    let request = JoinHostRequest {
        token_id: join.token.id.clone(),
        token_secret: SecretText::new(join.token.secret()),
        host_id: joining.host_id.to_string(),
        name: name.clone(),
        zone: join.zone.clone(),
        address: address.to_string(),
        agent_address: SocketAddr::new(agent_ip, listen.port()).to_string(),
        agent_version: VERSION.to_owned(),
        now_ms: SystemClock.now_ms(),
        data_directory: context.data_dir.root().display().to_string(),
        certificate_request_pem: joining.key.request()?,
    };
    let joined = ask(&join.control_plane, &join.token, &request)?;
    let membership = Membership {
        host_id: joining.host_id,
        name,
        zone: joined.zone.clone(),
        address,
        listen,
    };
    // It may have been a host before that was declared dead: what ran here is elsewhere by now.
    host_agent::unwant_all(context.data_dir.root())
        .context("what ran here before cannot be ended: mend it and run the same command again")?;
    complete(&folder, &membership, &joining, &joined)?;
    drop(lock);
    output::line(&format!(
        "host {} has joined zone {}; its agent listens on {listen}",
        membership.name, membership.zone
    ));
    Ok(())
}

fn complete(folder: &AgentFolder, membership: &Membership, joining: &Joining, joined: &JoinHostResponse) -> Result<()> {
    let made = folder.complete(membership, &joining.key, &joined.certificate_pem, &joined.authority_pem);
    made.context("the host has joined, but that cannot be written down: mend it and run the same command again")
}

/// The address that this machine has on its way to the control plane.
fn own_address(control_plane: &str) -> Result<IpAddr> {
    let addresses = control_plane.to_socket_addrs();
    let addresses = addresses.with_context(|| format!("{control_plane} is not found: write host:port"))?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_LIMIT) {
            Ok(stream) => return Ok(stream.local_addr()?.ip()),
            Err(error) => last = Some(error),
        }
    }
    let error = last.with_context(|| format!("{control_plane} has no address"))?;
    Err(error).with_context(|| format!("nothing answers at {control_plane}"))
}

/// Sends the token to the control plane that it names, and to nobody else.
fn ask(control_plane: &str, token: &JoinToken, request: &JoinHostRequest) -> Result<JoinHostResponse> {
    let url = format!("https://{control_plane}/openmsk/v1/host-joins");
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(pinned_tls(&token.fingerprint)?)
        .timeout(LIMIT)
        .connect_timeout(CONNECT_LIMIT)
        .https_only(true)
        .no_proxy()
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let body = serde_json::to_string(request)?;
        let response = match client.post(&url).body(body).send().await {
            Ok(response) => response,
            Err(error) if is_distrust(&error) => bail!(
                "the control plane at {control_plane} does not show the certificate that the token names: it is not the one \
                 that made the token, or somebody is in between; nothing was sent to it"
            ),
            Err(error) => return Err(error).with_context(|| format!("{control_plane} does not answer")),
        };
        let (status, body) = (response.status(), response.bytes().await?);
        if !status.is_success() {
            let said: Option<ErrorBody> = serde_json::from_slice(&body).ok();
            let message = said.map_or_else(|| format!("it answers {status}"), |said| said.message);
            bail!("the control plane at {control_plane} does not let this host join: {message}");
        }
        serde_json::from_slice(&body).with_context(|| format!("{control_plane} answers something else"))
    })
}

/// Whether the certificate was the reason.
fn is_distrust(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
            return true;
        }
        // Of these, `source` leaves the one out that they are made of.
        cause = match error.downcast_ref::<std::io::Error>() {
            Some(wrapper) => wrapper.get_ref().map(|inner| inner as _),
            None => error.source(),
        };
    }
    false
}
