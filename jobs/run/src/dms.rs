//! Asks AWS DMS how far a full load is: two calls of its JSON protocol.
//!
//! The client and the signature are those of the object store, so credentials come from where the lake's do (environment,
//! role of the machine or task) and the AWS SDK with its hundred crates stays out.
//!
//! # Invariants
//! - Reads only: no call starts, stops or reloads anything.
//! - Every request has a deadline and every listing a bound.

use std::time::Duration;

use http::Method;
use object_store::ClientOptions;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer};
use object_store::client::{HttpConnector as _, HttpError, HttpRequest, ReqwestConnector};
use quarrel_model::full_load::{DmsTable, DmsTask};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

/// From the request to the end of its answer.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// Attempts of a request that failed on its way, or that DMS asks to repeat.
const ATTEMPTS_MAX: u32 = 4;
const PAUSE_FIRST: Duration = Duration::from_millis(300);
/// Pages of a listing: a filter names one table, so there is one.
const PAGES_MAX: usize = 100;
/// Where DMS is instead of at AWS, as the SDKs name it; for tests and private endpoints.
const ENDPOINT_VARIABLES: [&str; 2] = ["AWS_ENDPOINT_URL_DATABASE_MIGRATION_SERVICE", "AWS_ENDPOINT_URL"];
const SERVICE: &str = "dms";
/// How a refusal begins when what was asked for doesn't exist.
const NOT_FOUND: &str = "ResourceNotFoundFault";
const PROTOCOL: &str = "AmazonDMSv20160101";

/// Why DMS gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum DmsError {
    #[error("no AWS credentials for DMS")]
    Credentials { source: object_store::Error },
    #[error("no AWS region for DMS: set AWS_REGION, or `lake.s3.region`")]
    Region,
    #[error("`{endpoint}` is no endpoint of DMS")]
    Endpoint { endpoint: String, source: http::Error },
    #[error("failed to make a client for DMS")]
    Client { source: object_store::Error },
    #[error("DMS did not answer {call}")]
    Request { call: &'static str, source: HttpError },
    #[error("DMS refused {call} with status {status}: {message}")]
    Refused { call: &'static str, status: u16, message: String },
    #[error("DMS answered {call} with something else")]
    Answer { call: &'static str, source: serde_json::Error },
    #[error("DMS has no task `{task}`")]
    NoTask { task: String },
}

/// A client of DMS in one region.
#[derive(Debug)]
pub struct Dms {
    region: String,
    endpoint: String,
    credentials: object_store::aws::AwsCredentialProvider,
    http: object_store::client::HttpClient,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tasks {
    #[serde(default)]
    replication_tasks: Vec<Task>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    replication_task_arn: String,
    #[serde(default)]
    status: String,
    stop_reason: Option<String>,
    replication_task_stats: Option<TaskStats>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskStats {
    full_load_progress_percent: Option<u8>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statistics {
    #[serde(default)]
    table_statistics: Vec<TableStatistics>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableStatistics {
    schema_name: String,
    table_name: String,
    #[serde(default)]
    table_state: String,
    #[serde(default)]
    full_load_rows: u64,
    #[serde(default)]
    full_load_error_rows: u64,
}

impl Dms {
    /// A client of `region`, or of the environment's, with the environment's credentials.
    ///
    /// # Errors
    /// There is no region, or no client can be made.
    pub fn open(region: Option<&str>) -> Result<Self, DmsError> {
        let mut identity = AmazonS3Builder::from_env();
        if let Some(region) = region {
            identity = identity.with_region(region);
        }
        let endpoint = ENDPOINT_VARIABLES.iter().find_map(|variable| std::env::var(variable).ok());
        Self::with(identity, endpoint)
    }

    /// A client with the region and the credentials of `identity`, at `endpoint` instead of AWS's.
    ///
    /// # Errors
    /// There is no region, or no client can be made.
    pub fn with(identity: AmazonS3Builder, endpoint: Option<String>) -> Result<Self, DmsError> {
        let region = identity.get_config_value(&AmazonS3ConfigKey::Region).ok_or(DmsError::Region)?;
        let endpoint = endpoint.unwrap_or_else(|| format!("https://{SERVICE}.{region}.amazonaws.com"));
        // No object is ever asked for: this only finds credentials, as the lake's store does.
        let store = identity.with_bucket_name(SERVICE).build().map_err(|source| DmsError::Credentials { source })?;
        let options =
            ClientOptions::new().with_allow_http(endpoint.starts_with("http://")).with_timeout(REQUEST_TIME_MAX);
        let http = ReqwestConnector::default().connect(&options).map_err(|source| DmsError::Client { source })?;
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Dms { region, endpoint, credentials: store.credentials().clone(), http })
    }

    /// Describes a task and one of its tables; no table when the task has none of that name.
    ///
    /// # Errors
    /// There is no such task, or DMS can't be asked.
    pub async fn describe(
        &self,
        task: &str,
        (schema, table): (&str, &str),
    ) -> Result<(DmsTask, Option<DmsTable>), DmsError> {
        let filter = |name: &str, value: &str| json!({"Name": name, "Values": [value]});
        let query = json!({"Filters": [filter("replication-task-id", task)], "WithoutSettings": true});
        let no_task = || DmsError::NoTask { task: task.to_owned() };
        let tasks: Tasks = match self.call("DescribeReplicationTasks", &query).await {
            // AWS refuses a filter that matches nothing.
            Err(DmsError::Refused { message, .. }) if message.contains(NOT_FOUND) => return Err(no_task()),
            answer => answer?,
        };
        let found = tasks.replication_tasks.into_iter().next().ok_or_else(no_task)?;
        let described = DmsTask {
            name: task.to_owned(),
            status: found.status,
            stop_reason: found.stop_reason.filter(|reason| !reason.is_empty()),
            full_load_percent: found.replication_task_stats.and_then(|stats| stats.full_load_progress_percent),
        };
        let filters = [filter("schema-name", schema), filter("table-name", table)];
        let mut marker: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = json!({"ReplicationTaskArn": found.replication_task_arn, "Filters": filters});
            if let Some(marker) = &marker {
                query["Marker"] = json!(marker);
            }
            let page: Statistics = self.call("DescribeTableStatistics", &query).await?;
            let is_it = |stats: &TableStatistics| stats.schema_name == schema && stats.table_name == table;
            if let Some(stats) = page.table_statistics.into_iter().find(is_it) {
                let table = DmsTable {
                    state: stats.table_state,
                    full_load_rows: stats.full_load_rows,
                    full_load_error_rows: stats.full_load_error_rows,
                };
                return Ok((described, Some(table)));
            }
            marker = page.marker.filter(|marker| !marker.is_empty());
            if marker.is_none() {
                break;
            }
        }
        Ok((described, None))
    }

    async fn call<T: DeserializeOwned>(&self, call: &'static str, query: &serde_json::Value) -> Result<T, DmsError> {
        let mut pause = PAUSE_FIRST;
        let mut attempt = 1;
        loop {
            match self.call_once(call, query).await {
                Err(error) if attempt < ATTEMPTS_MAX && is_passing(&error) => {
                    tracing::warn!(call, attempt, error = %error, "DMS is asked again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    attempt += 1;
                }
                Ok(body) => return serde_json::from_slice(&body).map_err(|source| DmsError::Answer { call, source }),
                Err(error) => return Err(error),
            }
        }
    }

    async fn call_once(&self, call: &'static str, query: &serde_json::Value) -> Result<bytes::Bytes, DmsError> {
        let mut request: HttpRequest = http::Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.endpoint))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{PROTOCOL}.{call}"))
            .body(query.to_string().into())
            .map_err(|source| DmsError::Endpoint { endpoint: self.endpoint.clone(), source })?;
        let credential = self.credentials.get_credential().await.map_err(|source| DmsError::Credentials { source })?;
        AwsAuthorizer::new(&credential, SERVICE, &self.region).authorize(&mut request, None);
        let answer = self.http.execute(request).await.map_err(|source| DmsError::Request { call, source })?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(|source| DmsError::Request { call, source })?;
        if status.is_success() {
            return Ok(body);
        }
        let message = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|body| {
                let text = |key: &str| body.get(key).and_then(|text| text.as_str()).map(str::to_owned);
                Some(format!("{} {}", text("__type")?, text("message").or_else(|| text("Message")).unwrap_or_default()))
            })
            .unwrap_or_default();
        Err(DmsError::Refused { call, status: status.as_u16(), message })
    }
}

/// Whether the same request may succeed in a moment.
fn is_passing(error: &DmsError) -> bool {
    match error {
        DmsError::Request { .. } => true,
        DmsError::Refused { status, message, .. } => *status >= 500 || *status == 429 || message.contains("Throttling"),
        DmsError::Credentials { .. }
        | DmsError::Region
        | DmsError::Endpoint { .. }
        | DmsError::Client { .. }
        | DmsError::Answer { .. }
        | DmsError::NoTask { .. } => false,
    }
}
