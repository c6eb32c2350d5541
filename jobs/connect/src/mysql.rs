//! MySQL and MariaDB as sources, described by `information_schema`.

mod describe;

use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use quarrel_model::names::QualifiedName;
use quarrel_model::source::SourceTable;
use sqlx::MySqlPool;
use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode};

use crate::source::{Source, SourceError};

/// A server that takes no connection for so long is down.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// A MySQL or MariaDB server as a source.
#[derive(Debug, Clone)]
pub struct MySqlSource {
    pool: MySqlPool,
}

impl MySqlSource {
    /// Prepares a pool for the server of a URL, whose `ssl-mode` and `ssl-ca` are honoured; it connects when it is used.
    ///
    /// A URL that doesn't say `ssl-mode` means `VERIFY_IDENTITY`, unless the server is on this machine.
    ///
    /// # Errors
    /// A URL that can't be read.
    pub async fn connect(name: &str, url: &str, max_connections: u32) -> Result<Self, SourceError> {
        let options = MySqlConnectOptions::from_str(url)
            .map_err(|source| SourceError::Connect { connection: name.to_owned(), source })?;
        let options = if says_ssl_mode(url) || is_local(&options) {
            options
        } else {
            options.ssl_mode(MySqlSslMode::VerifyIdentity)
        };
        let pool = MySqlPoolOptions::new()
            .max_connections(max_connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(MySqlSource { pool })
    }
}

fn says_ssl_mode(url: &str) -> bool {
    let parameters = url.split_once('?').map(|(_, parameters)| parameters).unwrap_or_default();
    let mut names = parameters.split('&').filter_map(|parameter| parameter.split('=').next());
    names.any(|name| name == "sslmode" || name == "ssl-mode")
}

fn is_local(options: &MySqlConnectOptions) -> bool {
    let host = options.get_host();
    let loopback = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    loopback || host == "localhost" || options.get_socket().is_some()
}

#[async_trait]
impl Source for MySqlSource {
    async fn describe(&self, table: &QualifiedName) -> Result<Option<SourceTable>, SourceError> {
        let acquired = self.pool.acquire().await;
        let mut connection = acquired.map_err(|source| SourceError::Describe { table: table.clone(), source })?;
        describe::describe(&mut connection, table).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_of_this_machine_are_spoken_to_without_verifying_them() {
        let cases = [
            ("mysql://u@db.example.com/d", false),
            ("mysql://u@10.0.0.7:3306/d", false),
            ("mysql://u@127.0.0.1:3307/d", true),
            ("mariadb://u@localhost/d", true),
        ];
        for (url, local) in cases {
            assert_eq!(is_local(&url.parse().unwrap()), local, "{url}");
        }
        assert!(says_ssl_mode("mysql://u@h/d?charset=utf8mb4&ssl-mode=DISABLED"));
        assert!(!says_ssl_mode("mysql://u@h/d?charset=ssl-mode"));
    }
}
