//! Owns the reading of `COPY … FROM 's3://…'`, with the options that Redshift takes for Parquet and no others.

use super::statement::Refusal;
use super::tokens::{Kind, Token};

/// A COPY of Parquet files into a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CopyStatement {
    /// The table as SQL, in lower case.
    pub(super) table: String,
    /// Names of columns in lower case, without quotes; all of the table's where there is no list.
    pub(super) columns: Option<Vec<String>>,
    pub(super) url: String,
    pub(super) source: CopySource,
}

/// What the URL names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopySource {
    Manifest,
    /// All objects whose keys begin like that.
    Prefix,
}

/// Reads a statement that begins with COPY.
pub(super) fn parse_copy(tokens: &[&Token]) -> Result<CopyStatement, Refusal> {
    if tokens.get(1).is_some_and(|token| token.is_symbol('(')) {
        return Err(Refusal::unsupported("COPY (query) TO is not supported; use UNLOAD"));
    }
    let mut reader = Reader { tokens, at: 1 };
    let table = reader.table()?;
    let columns = reader.columns()?;
    if reader.next().is_some_and(|token| token.is_word("to")) {
        return Err(Refusal::unsupported("COPY TO is not supported; use UNLOAD"));
    }
    let Some(from) = reader.next() else { return Err(Refusal::syntax("COPY")) };
    if from.is_word("stdin") {
        return Err(Refusal::unsupported("COPY FROM STDIN is not supported"));
    }
    let url = from.literal().filter(|url| url.starts_with("s3://")).ok_or_else(|| Refusal::syntax(&from.text))?;
    let options = Options::read(&mut reader)?;
    if !options.has_credentials {
        return Err(Refusal { code: "42601", message: "CREDENTIALS or IAM_ROLE argument is required".to_owned() });
    }
    if !options.is_parquet {
        return Err(Refusal::unsupported("this stand-in loads FORMAT AS PARQUET only"));
    }
    Ok(CopyStatement { table, columns, url, source: options.source })
}

struct Reader<'a> {
    tokens: &'a [&'a Token],
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at).copied()
    }

    fn table(&mut self) -> Result<String, Refusal> {
        let mut table = String::new();
        loop {
            let token = self.next().ok_or_else(|| Refusal::syntax("COPY"))?;
            let name = token.name().ok_or_else(|| Refusal::syntax(&token.text))?;
            table.push_str(&quoted(&name));
            if !self.peek().is_some_and(|token| token.is_symbol('.')) {
                return Ok(table);
            }
            self.next();
            table.push('.');
        }
    }

    fn columns(&mut self) -> Result<Option<Vec<String>>, Refusal> {
        if !self.peek().is_some_and(|token| token.is_symbol('(')) {
            return Ok(None);
        }
        self.next();
        let mut columns = Vec::new();
        loop {
            let token = self.next().ok_or_else(|| Refusal::syntax("("))?;
            columns.push(token.name().ok_or_else(|| Refusal::syntax(&token.text))?);
            match self.next() {
                Some(token) if token.is_symbol(',') => {}
                Some(token) if token.is_symbol(')') => return Ok(Some(columns)),
                Some(token) => return Err(Refusal::syntax(&token.text)),
                None => return Err(Refusal::syntax("(")),
            }
        }
    }
}

struct Options {
    has_credentials: bool,
    is_parquet: bool,
    source: CopySource,
}

impl Options {
    fn read(reader: &mut Reader<'_>) -> Result<Options, Refusal> {
        let mut options = Options { has_credentials: false, is_parquet: false, source: CopySource::Prefix };
        while let Some(token) = reader.next() {
            match token.word().as_str() {
                "iam_role" | "credentials" => {
                    let role = reader.next().filter(|token| token.kind == Kind::Text || token.is_word("default"));
                    role.ok_or_else(|| Refusal::syntax(&token.text))?;
                    options.has_credentials = true;
                }
                "with" | "as" => {}
                "format" => {
                    if reader.peek().is_some_and(|token| token.is_word("as")) {
                        reader.next();
                    }
                    options.is_parquet = reader.next().is_some_and(|token| token.is_word("parquet"));
                }
                "manifest" => options.source = CopySource::Manifest,
                "statupdate" => {
                    if reader.peek().is_some_and(|token| token.is_word("on") || token.is_word("off")) {
                        reader.next();
                    }
                }
                "acceptinvchars" | "fillrecord" | "explicit_ids" | "serializetojson" => {}
                _ => {
                    let option = token.text.to_uppercase();
                    return Err(Refusal::unsupported(format!("{option} is not supported for COPY from PARQUET")));
                }
            }
        }
        Ok(options)
    }
}

/// A name between double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::{significant, tokens};
    use super::*;

    fn parse(sql: &str) -> Result<CopyStatement, Refusal> {
        parse_copy(&significant(&tokens(sql)))
    }

    #[test]
    fn copy_of_a_manifest_is_read_with_its_columns() {
        let sql = "COPY \"Sales\".t (\"Id\", note) FROM 's3://b/m.json' IAM_ROLE 'arn:x' FORMAT AS PARQUET MANIFEST";
        let expected = CopyStatement {
            table: "\"sales\".\"t\"".to_owned(),
            columns: Some(vec!["id".to_owned(), "note".to_owned()]),
            url: "s3://b/m.json".to_owned(),
            source: CopySource::Manifest,
        };
        assert_eq!(parse(sql), Ok(expected));
    }

    #[test]
    fn options_of_other_formats_are_refused() {
        for option in ["MAXERROR 5", "ACCEPTANYDATE", "DELIMITER ','", "GZIP", "TRUNCATECOLUMNS"] {
            let sql = format!("COPY t FROM 's3://b/x' IAM_ROLE 'arn:x' FORMAT PARQUET {option}");
            let word = option.split(' ').next().unwrap();
            assert!(parse(&sql).unwrap_err().message.contains(word), "{option}");
        }
        assert!(parse("COPY t FROM 's3://b/x' FORMAT PARQUET").is_err(), "no role");
    }
}
