//! The server's admin HTTP as the bench uses it: status, metrics, and the stream of truth.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use bluemarble_shared_protocol::limits::TRUTH_BYTES_MAX;
use bluemarble_shared_protocol::{LENGTH_PREFIX_BYTES, TruthFrame};
use serde::Deserialize;

use crate::report::Quantiles;

/// How long the admin server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// A metrics page is far smaller.
const PAGE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A caller with the token.
#[derive(Clone, Debug)]
pub struct Admin {
    base: String,
    authorization: String,
}

/// What the bench wants to know of `/v1/status`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Status {
    /// The world's name: tickets are made out for it.
    pub world: String,
    /// What it began as.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// Ticks per second.
    pub tick_hz: u32,
    /// Which program the server is.
    pub build: String,
    /// What it runs on.
    pub machine: String,
    /// Newest tick.
    pub tick: u64,
    /// Sessions.
    pub players: u64,
    /// Entities.
    pub entities: u64,
    /// Zones.
    pub zones: u64,
    /// Tick times of the last second.
    pub tick_ms_last_second: TickMs,
    /// Ticks given up since the start.
    pub skipped_ticks: u64,
    /// Hand-offs since the start.
    pub handoffs: u64,
    /// Kills since the start.
    pub kills: u64,
    /// Hits since the start.
    pub hits: u64,
}

/// Milliseconds at which a share of the ticks was done.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct TickMs {
    /// Half of them.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// All of them.
    pub max: f64,
}

impl From<TickMs> for Quantiles {
    fn from(ms: TickMs) -> Self {
        Self {
            p50: ms.p50,
            p99: ms.p99,
            max: ms.max,
        }
    }
}

impl Admin {
    /// With the token from the server's data directory.
    ///
    /// # Errors
    /// There is no token there: probably not a server's data directory.
    pub fn new(base: &str, data_dir: &Path) -> anyhow::Result<Self> {
        let file = data_dir.join("admin.token");
        let token = std::fs::read_to_string(&file).with_context(|| {
            format!(
                "no admin token in {}: give the data directory of the running server with \
                 --data-dir",
                file.display()
            )
        })?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            authorization: format!("Bearer {}", token.trim()),
        })
    }

    /// `/v1/status`.
    ///
    /// # Errors
    /// The server is not there, refuses the token, or says something else.
    pub fn status(&self) -> anyhow::Result<Status> {
        let text = self.text("/v1/status")?;
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{}/v1/status does not answer like a BlueMarble server",
                self.base
            )
        })
    }

    /// `/metrics`.
    ///
    /// # Errors
    /// As for [`Self::status`].
    pub fn metrics(&self) -> anyhow::Result<String> {
        self.text("/metrics")
    }

    /// `/v1/truth`: the stream, from the next suitable tick on.
    ///
    /// # Errors
    /// As for [`Self::status`].
    pub fn truth(&self, every: u64) -> anyhow::Result<TruthStream> {
        let body = self.get(&format!("/v1/truth?every={every}"), None)?;
        Ok(TruthStream {
            reader: Box::new(body.into_reader()),
        })
    }

    fn text(&self, path: &str) -> anyhow::Result<String> {
        let mut body = self.get(path, Some(PATIENCE))?;
        body.with_config()
            .limit(PAGE_BYTES_MAX)
            .read_to_string()
            .with_context(|| format!("cannot read {}{path}", self.base))
    }

    fn get(&self, path: &str, whole: Option<Duration>) -> anyhow::Result<ureq::Body> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(whole)
            .build()
            .into();
        let url = format!("{}{path}", self.base);
        let response = agent
            .get(&url)
            .header("Authorization", &self.authorization)
            .call()
            .map_err(|error| {
                anyhow!(
                    "no answer from the admin HTTP at {}: {error}. Is the server running, and is \
                     this its --admin address?",
                    self.base
                )
            })?;
        match response.status().as_u16() {
            200 => Ok(response.into_body()),
            401 => bail!(
                "the server at {} refuses the token of --data-dir: that directory belongs to \
                 another server",
                self.base
            ),
            503 => bail!(
                "the world at {} is not running yet: try again in a moment",
                self.base
            ),
            other => bail!("{url} answers with status {other}"),
        }
    }
}

/// Truth frames as they come.
pub struct TruthStream {
    reader: Box<dyn Read + Send>,
}

impl TruthStream {
    /// Waits for the next frame.
    ///
    /// # Errors
    /// The stream has ended, or is no stream of truth.
    pub fn next_frame(&mut self) -> anyhow::Result<TruthFrame> {
        let mut prefix = [0; LENGTH_PREFIX_BYTES];
        self.reader
            .read_exact(&mut prefix)
            .context("the server ended the stream of truth")?;
        let length = u32::from_le_bytes(prefix) as usize;
        if length > TRUTH_BYTES_MAX {
            bail!("a truth frame of {length} bytes: this is not a stream of truth");
        }
        let mut body = vec![0; length];
        self.reader
            .read_exact(&mut body)
            .context("the stream of truth broke off")?;
        Ok(TruthFrame::decode(&body)?)
    }
}
