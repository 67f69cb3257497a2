//! `Link`, the connection to Redis, made again whenever it is lost.

use std::time::{Duration, Instant};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, Cmd, RedisError, RedisResult, Value};
use tokio::sync::Mutex;

use super::Address;

/// How long Redis may take to answer, and to be connected to.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// How long replicas may take to hear of what is asked.
const COPIED_WITHIN: Duration = Duration::from_millis(500);

/// How often it is looked whether there are replicas, and how long one is not waited for that has not kept up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long nobody tries again after it could not be connected to.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// Which replicas of Redis know of what was written before it is said to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// So many, or it is not done as far as anybody knows. Default 0.
    pub needed: u32,
    /// Where none is needed: one of those that there are, if it has heard of it so soon. Default 0, for none.
    pub within: Duration,
}

impl Copies {
    pub(super) fn waits(self) -> bool {
        self.needed > 0 || !self.within.is_zero()
    }
}

/// Why there is no answer.
pub(super) enum LinkError {
    /// There is no connection: nothing was asked.
    Unconnected(RedisError),
    /// It was asked, and maybe done.
    Unanswered(RedisError),
}

impl LinkError {
    /// Whether Redis has asked for the text of a script.
    pub(super) fn wants_script(&self) -> bool {
        matches!(self, Self::Unanswered(error) if error.code() == Some("NOSCRIPT"))
    }
}

/// The connection to Redis.
pub(super) struct Link {
    address: Address,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    wire: Option<Wire>,
    /// Which connection it is, counted from the first.
    number: u64,
    failed: Option<(Instant, String)>,
    /// Whether a replica keeps up, as it was seen last, and when that is looked at again.
    replica: (bool, Option<Instant>),
}

#[derive(Clone)]
enum Wire {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Wire {
    async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let answer = match self {
            Self::One(one) => one.req_packed_command(command).await?,
            Self::Cluster(many) => many.req_packed_command(command).await?,
        };
        answer.extract_error()
    }

    /// Waits until so many replicas have heard of everything that was written, for so long: how many have.
    async fn wait_for(&mut self, count: u32, within: Duration) -> RedisResult<i64> {
        let mut wait = redis::cmd("WAIT");
        wait.arg(count).arg(u64::try_from(within.as_millis()).unwrap_or(0));
        match self.send(&wait).await? {
            Value::Int(heard) => Ok(heard),
            _ => Ok(0),
        }
    }
}

impl Link {
    pub(super) fn new(address: Address) -> Self {
        Self { address, state: Mutex::default() }
    }

    /// Asks Redis. What a script refuses is an error that leaves the connection as it is; after every other one the
    /// next question goes to a new connection.
    pub(super) async fn send(&self, command: &Cmd) -> Result<Value, LinkError> {
        let (mut wire, number) = self.wire().await.map_err(LinkError::Unconnected)?;
        let sent = tokio::time::timeout(ANSWER_WITHIN * 2, wire.send(command)).await;
        let answer = sent.unwrap_or_else(|_| Err(io_error("it does not answer")));
        self.look_at(&answer, number).await;
        answer.map_err(LinkError::Unanswered)
    }

    /// Asks Redis, and then until those replicas have heard of everything that this connection has written.
    pub(super) async fn send_copied(&self, command: &Cmd, copies: Copies) -> Result<Value, LinkError> {
        let (mut wire, number) = self.wire().await.map_err(LinkError::Unconnected)?;
        let asked = async {
            let answer = wire.send(command).await?;
            match copies.needed {
                0 => self.spread(&mut wire, copies.within).await,
                needed if wire.wait_for(needed, COPIED_WITHIN).await? < i64::from(needed) => {
                    return Err(io_error("too few replicas have heard of it in time"));
                }
                _ => {}
            }
            Ok(answer)
        };
        let sent = tokio::time::timeout(ANSWER_WITHIN * 2, asked).await;
        let answer = sent.unwrap_or_else(|_| Err(io_error("it does not answer")));
        self.look_at(&answer, number).await;
        answer.map_err(LinkError::Unanswered)
    }

    /// Waits until a replica has heard of everything that a connection has written, if there is one that keeps up. What
    /// was asked is done whether or not that can be found out.
    async fn spread(&self, wire: &mut Wire, within: Duration) {
        // In a Redis Cluster another server's replica may be the one that counts.
        if matches!(wire, Wire::Cluster(_)) {
            return;
        }
        let (mut keeps_up, look_at) = self.state.lock().await.replica;
        if look_at.is_none_or(|at| at <= Instant::now()) {
            let told = wire.send(redis::cmd("INFO").arg("replication")).await;
            let told = told.ok().as_ref().and_then(super::store::text);
            keeps_up = told.is_some_and(|told| told.contains("state=online"));
            self.state.lock().await.replica = (keeps_up, Some(Instant::now() + LOOK_EVERY));
        }
        if keeps_up && wire.wait_for(1, within).await.unwrap_or(0) < 1 {
            // The others do not wait for it.
            self.state.lock().await.replica = (false, Some(Instant::now() + LOOK_EVERY));
        }
    }

    /// After an error other than that of a script the next question goes to a new connection.
    async fn look_at(&self, answer: &RedisResult<Value>, number: u64) {
        if let Err(error) = answer
            && error.code() != Some("NOSCRIPT")
        {
            let mut state = self.state.lock().await;
            if state.number == number {
                state.wire = None;
            }
        }
    }

    async fn wire(&self) -> Result<(Wire, u64), RedisError> {
        let mut state = self.state.lock().await;
        if let Some(wire) = &state.wire {
            return Ok((wire.clone(), state.number));
        }
        if let Some((at, why)) = &state.failed
            && at.elapsed() < TRY_AGAIN_AFTER
        {
            return Err(io_error(why));
        }
        let connected = tokio::time::timeout(ANSWER_WITHIN * 3, connect(&self.address)).await;
        match connected.unwrap_or_else(|_| Err(io_error("it cannot be connected to in time"))) {
            Ok(wire) => {
                state.number += 1;
                state.failed = None;
                state.wire = Some(wire.clone());
                Ok((wire, state.number))
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.to_string()));
                Err(error)
            }
        }
    }
}

fn io_error(why: &str) -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, why.to_owned()).into()
}

async fn connect(address: &Address) -> RedisResult<Wire> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN));
    match address {
        Address::One(info) => {
            let client = Client::open(info.clone())?;
            Ok(Wire::One(client.get_multiplexed_async_connection_with_config(&config).await?))
        }
        Address::Sentinel { sentinels, service, server } => {
            let (sentinels, kind) = (sentinels.clone(), SentinelServerType::Master);
            let server = SentinelNodeConnectionInfo::default().set_redis_connection_info(server.clone());
            let mut client = SentinelClient::build(sentinels, service.clone(), Some(server), kind)?;
            Ok(Wire::One(client.get_async_connection_with_config(&config).await?))
        }
        Address::Cluster(nodes) => {
            let builder = ClusterClientBuilder::new(nodes.clone())
                .retries(2)
                .connection_timeout(ANSWER_WITHIN)
                .response_timeout(ANSWER_WITHIN);
            Ok(Wire::Cluster(builder.build()?.get_async_connection().await?))
        }
    }
}
