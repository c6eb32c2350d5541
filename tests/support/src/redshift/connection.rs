//! Owns one client's connection: it is passed on to one connection of the server, statement by statement.
//!
//! What must stay true: the client's transaction is the server's; a statement that is refused fails the transaction it is in,
//! as an error of the server would.

use std::io;
use std::sync::Arc;

use pgwire::messages::extendedquery::Parse;
use pgwire::messages::response::{ErrorResponse, TransactionStatus};
use pgwire::messages::startup::{ParameterStatus, Startup};
use pgwire::messages::{DecodeContext, PgWireFrontendMessage, SslNegotiationMetaMessage};
use tokio::net::TcpStream;

use super::copy::copy_rows;
use super::statement::{Action, Refusal, decide};
use super::tokens::{Token, significant, statements};
use super::wire::{
    AUTHENTICATION, Answer, COPY_IN, DATA_ROW, ERROR, PARAMETER_STATUS, READY, Wire, cells_of, error_of, running,
    status_of,
};
use super::{Conflict, Shared};

/// A client asks for each kind of encryption once at most.
const ENCRYPTION_REQUESTS_MAX: usize = 3;
/// The version that Redshift tells its clients.
const SERVER_VERSION: &str = "8.0.2";

/// A client and its server.
pub(super) struct Connection {
    pub(super) client: Wire,
    pub(super) server: Wire,
    pub(super) status: TransactionStatus,
    pub(super) shared: Arc<Shared>,
}

/// How a statement came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Failed,
}

/// Serves a client until it leaves.
pub(super) async fn serve(client: TcpStream, shared: Arc<Shared>) {
    // What ends it, ends both sides: the server rolls back what was open.
    let _ = try_serve(client, shared).await;
}

async fn try_serve(client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut client = Wire::new(client);
    let Some(startup) = read_startup(&mut client).await? else { return Ok(()) };
    if let Some(refusal) = refused_parameter(&startup) {
        client.put(&error("FATAL", &refusal))?;
        return client.flush().await;
    }
    let stream = TcpStream::connect(&shared.upstream).await?;
    stream.set_nodelay(true)?;
    let mut connection = Connection { client, server: Wire::new(stream), status: TransactionStatus::Idle, shared };
    connection.start(startup).await?;
    loop {
        match connection.client.read_request(&running()).await? {
            PgWireFrontendMessage::Query(query) => connection.run_script(&query.query).await?,
            PgWireFrontendMessage::Terminate(_) => return Ok(()),
            first => connection.run_extended(first).await?,
        }
    }
}

async fn read_startup(client: &mut Wire) -> io::Result<Option<Startup>> {
    let mut context = DecodeContext::default();
    for _ in 0..ENCRYPTION_REQUESTS_MAX {
        match client.read_request(&context).await? {
            PgWireFrontendMessage::SslNegotiation(SslNegotiationMetaMessage::None) => {
                context.awaiting_frontend_ssl = false;
            }
            PgWireFrontendMessage::SslNegotiation(_) => {
                client.put_byte(b'N');
                client.flush().await?;
            }
            PgWireFrontendMessage::Startup(startup) => return Ok(Some(startup)),
            // A request to cancel goes unheard, as it may.
            _ => return Ok(None),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn refused_parameter(startup: &Startup) -> Option<Refusal> {
    const DIGITS_MAX: i32 = 2;
    let digits = startup.parameters.get("extra_float_digits")?;
    let accepted = digits.parse::<i32>().is_ok_and(|digits| digits <= DIGITS_MAX);
    (!accepted).then(|| Refusal {
        code: "22023",
        message: format!("{digits} is outside the valid range for parameter \"extra_float_digits\" (-15 .. 2)"),
    })
}

pub(super) fn error(severity: &str, refusal: &Refusal) -> ErrorResponse {
    let fields = [(b'S', severity), (b'V', severity), (b'C', refusal.code), (b'M', &refusal.message)];
    ErrorResponse::new(fields.map(|(kind, text)| (kind, text.to_owned())).to_vec())
}

impl Connection {
    /// Passes the start on. As in Redshift, a backslash in a literal escapes, and a transaction reads one state.
    async fn start(&mut self, mut startup: Startup) -> io::Result<()> {
        for (name, value) in [
            ("standard_conforming_strings", "off"),
            ("escape_string_warning", "off"),
            ("default_transaction_isolation", "repeatable read"),
        ] {
            startup.parameters.insert(name.to_owned(), value.to_owned());
        }
        self.server.put(&startup)?;
        self.server.flush().await?;
        loop {
            let answer = self.server.read_answer().await?;
            match answer.kind {
                PARAMETER_STATUS if answer.bytes[5..].starts_with(b"server_version\0") => {
                    let version = ParameterStatus::new("server_version".to_owned(), SERVER_VERSION.to_owned());
                    self.client.put(&version)?;
                }
                // The test server trusts everybody: a request for a password would mean another server.
                AUTHENTICATION if answer.bytes[5..] != [0, 0, 0, 0] => {
                    return Err(io::ErrorKind::PermissionDenied.into());
                }
                _ => self.client.put_answer(&answer),
            }
            if let Some(status) = status_of(&answer) {
                self.status = status;
                return self.client.flush().await;
            }
            if answer.kind == ERROR {
                self.client.flush().await?;
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
        }
    }

    /// The statements of a simple query, until one fails.
    async fn run_script(&mut self, script: &str) -> io::Result<()> {
        let statements = statements(script);
        if statements.is_empty() {
            self.server.put_query("")?;
            self.relay().await?;
        }
        for statement in &statements {
            if self.run_statement(statement).await? == Outcome::Failed {
                break;
            }
        }
        self.client.put_ready(self.status)?;
        self.client.flush().await
    }

    async fn run_statement(&mut self, statement: &[Token]) -> io::Result<Outcome> {
        let action = match decide(statement) {
            Ok(action) => action,
            Err(refusal) => return self.refuse(&refusal).await,
        };
        if let Some(conflict) = self.conflict(statement) {
            return self.refuse(&conflict).await;
        }
        match action {
            Action::Run { sql, then } => {
                let outcome = self.pass(&sql).await?;
                if outcome == Outcome::Done {
                    for statement in then {
                        self.ask(&statement).await?.map_err(|refusal| io::Error::other(refusal.message))?;
                    }
                }
                Ok(outcome)
            }
            Action::RunAndCommit(sql) => {
                let outcome = self.pass(&sql).await?;
                if outcome == Outcome::Done && self.status != TransactionStatus::Idle {
                    self.ask("COMMIT").await?.map_err(|refusal| io::Error::other(refusal.message))?;
                }
                Ok(outcome)
            }
            Action::RunAlone(_) if self.status != TransactionStatus::Idle => {
                let message = "ALTER TABLE APPEND cannot run inside a transaction block".to_owned();
                self.refuse(&Refusal { code: "25001", message }).await
            }
            Action::RunAlone(sql) => self.pass(&sql).await,
            Action::Copy(copy) => match copy_rows(self, &copy).await? {
                Ok(rows) => {
                    let table = &copy.table;
                    let text = format!("Load into table {table} completed, {rows} record(s) loaded successfully.");
                    self.client.put_notice(&text)?;
                    self.client.put_complete("COPY")?;
                    Ok(Outcome::Done)
                }
                Err(refusal) => self.refuse(&refusal).await,
            },
        }
    }

    /// A serialisation failure that a test has asked for, at the first statement of a transaction that deletes rows of a table.
    fn conflict(&self, statement: &[Token]) -> Option<Refusal> {
        let deletes = significant(statement).first().is_some_and(|token| token.is_word("delete"));
        if !deletes || self.status != TransactionStatus::Transaction {
            return None;
        }
        let refusal = |code, message: &str| Refusal { code, message: message.to_owned() };
        Some(match self.shared.conflicts.fire((), |_| true)? {
            Conflict::Error1023 => refusal(
                "XX000",
                "1023 DETAIL: Serializable isolation violation on table - 100234, transactions forming the cycle are: 3, 4",
            ),
            Conflict::SerializationFailure => refusal("40001", "could not serialize access due to concurrent update"),
        })
    }

    /// Answers with an error; a transaction that is open has failed.
    pub(super) async fn refuse(&mut self, refusal: &Refusal) -> io::Result<Outcome> {
        if self.status == TransactionStatus::Transaction {
            // Any statement that fails will do.
            let _failed = self.ask("SELECT 1 / 0").await?;
        }
        self.client.put(&error("ERROR", refusal))?;
        Ok(Outcome::Failed)
    }

    /// Has the server run a statement, and passes its answers on.
    async fn pass(&mut self, sql: &str) -> io::Result<Outcome> {
        self.server.put_query(sql)?;
        self.relay().await
    }

    /// Passes answers on until the server is ready, but for that.
    async fn relay(&mut self) -> io::Result<Outcome> {
        self.server.flush().await?;
        let mut outcome = Outcome::Done;
        loop {
            let answer = self.server.read_answer().await?;
            if let Some(status) = status_of(&answer) {
                self.status = status;
                return Ok(outcome);
            }
            match error_of(&answer) {
                Some(found) => {
                    outcome = Outcome::Failed;
                    self.client.put(&in_redshifts_words(found))?;
                }
                None => self.client.put_answer(&answer),
            }
        }
    }

    /// Has the server run a statement of the stand-in's own, and gives its rows.
    pub(super) async fn ask(&mut self, sql: &str) -> io::Result<Result<Vec<Vec<Option<String>>>, Refusal>> {
        self.server.put_query(sql)?;
        self.server.flush().await?;
        self.answers().await
    }

    /// Rows and errors until the server is ready, or waits for the rows of a COPY.
    pub(super) async fn answers(&mut self) -> io::Result<Result<Vec<Vec<Option<String>>>, Refusal>> {
        let mut rows = Vec::new();
        let mut refusal = None;
        loop {
            let answer: Answer = self.server.read_answer().await?;
            if let Some(error) = error_of(&answer) {
                refusal = Some(refusal_of(error));
            }
            match answer.kind {
                DATA_ROW => rows.push(cells_of(&answer)),
                READY => self.status = status_of(&answer).unwrap_or(self.status),
                _ => {}
            }
            if matches!(answer.kind, READY | COPY_IN) {
                return Ok(match refusal {
                    None => Ok(rows),
                    Some(refusal) => Err(refusal),
                });
            }
        }
    }

    /// Messages of the extended protocol up to the one that ends them. What is parsed is decided on as elsewhere; what the
    /// stand-in does by itself, it does for simple queries only.
    async fn run_extended(&mut self, first: PgWireFrontendMessage) -> io::Result<()> {
        let mut next = first;
        let mut refusal = None;
        loop {
            match next {
                PgWireFrontendMessage::Sync(_) => {
                    self.server.put_request(&next)?;
                    break;
                }
                PgWireFrontendMessage::Parse(parse) if refusal.is_none() => match rewritten(parse) {
                    Ok(parse) => self.server.put(&parse)?,
                    Err(found) => refusal = Some(found),
                },
                // Behind an error, everything is left out up to the end.
                _ if refusal.is_some() => {}
                other => self.server.put_request(&other)?,
            }
            next = self.client.read_request(&running()).await?;
        }
        self.relay().await?;
        if let Some(refusal) = refusal {
            self.refuse(&refusal).await?;
        }
        self.client.put_ready(self.status)?;
        self.client.flush().await
    }
}

fn rewritten(parse: Parse) -> Result<Parse, Refusal> {
    let parts = statements(&parse.query);
    let [statement] = parts.as_slice() else {
        return if parts.is_empty() { Ok(parse) } else { Err(Refusal::syntax(";")) };
    };
    match decide(statement)? {
        Action::Run { sql, then } if then.is_empty() => Ok(Parse::new(parse.name, sql, parse.type_oids)),
        Action::Run { .. } | Action::Copy(_) | Action::RunAndCommit(_) | Action::RunAlone(_) => {
            Err(Refusal::unsupported("this stand-in runs such statements by the simple protocol only"))
        }
    }
}

/// The one check there is counts the bytes of a VARCHAR.
fn in_redshifts_words(mut error: ErrorResponse) -> ErrorResponse {
    const CHECK_VIOLATION: &str = "23514";
    if error.fields.iter().any(|(kind, text)| *kind == b'C' && text == CHECK_VIOLATION) {
        error.fields.retain(|(kind, _)| !matches!(kind, b'C' | b'M' | b'D'));
        error.fields.push((b'C', "22001".to_owned()));
        error.fields.push((b'M', "Value too long for character type".to_owned()));
    }
    error
}

fn refusal_of(error: ErrorResponse) -> Refusal {
    let error = in_redshifts_words(error);
    let field = |wanted: u8| error.fields.iter().find(|(kind, _)| *kind == wanted).map(|(_, text)| text.as_str());
    let code = match field(b'C') {
        Some("22001") => "22001",
        Some("23502") => "23502",
        Some("42P01") => "42P01",
        Some("25P02") => "25P02",
        Some(_) | None => "XX000",
    };
    Refusal { code, message: field(b'M').unwrap_or("an error without a message").to_owned() }
}
