//! Owns the splitting of SQL into tokens and statements, so that nothing inside a literal, a name or a comment is taken for
//! SQL.
//!
//! Redshift reads names without regard to case, between quotes as well: [`Token::word`] gives them in lower case, and so does
//! [`text_of`], which makes SQL of tokens again.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A keyword, or a name without quotes.
    Word,
    /// A name between double quotes.
    Name,
    /// A literal between single quotes or dollars.
    Text,
    Number,
    /// White space or a comment.
    Space,
    /// One other character.
    Symbol,
}

/// A piece of SQL as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
}

impl Token {
    /// The word in lower case; empty for everything else.
    pub(super) fn word(&self) -> String {
        if self.kind == Kind::Word { self.text.to_ascii_lowercase() } else { String::new() }
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_symbol(&self, symbol: char) -> bool {
        self.kind == Kind::Symbol && self.text.starts_with(symbol)
    }

    /// A name, quoted or not, as the catalog has it.
    pub(super) fn name(&self) -> Option<String> {
        match self.kind {
            Kind::Word => Some(self.text.to_ascii_lowercase()),
            Kind::Name => Some(self.text[1..self.text.len() - 1].replace("\"\"", "\"").to_ascii_lowercase()),
            Kind::Text | Kind::Number | Kind::Space | Kind::Symbol => None,
        }
    }

    /// The content of a literal between single quotes.
    pub(super) fn literal(&self) -> Option<String> {
        let inner = self.text.strip_prefix('\'')?.strip_suffix('\'')?;
        (self.kind == Kind::Text).then(|| inner.replace("''", "'"))
    }
}

/// Splits SQL into tokens; a literal or name that is not closed reaches to the end.
pub(super) fn tokens(sql: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = measure(rest, first);
        let (text, after) = rest.split_at(length);
        found.push(Token { kind, text: text.to_owned() });
        rest = after;
    }
    found
}

fn measure(rest: &str, first: char) -> (Kind, usize) {
    let run = |matches: &dyn Fn(char) -> bool| rest.find(|c| !matches(c)).unwrap_or(rest.len());
    match first {
        c if c.is_whitespace() => (Kind::Space, run(&char::is_whitespace)),
        '-' if rest.starts_with("--") => (Kind::Space, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (Kind::Space, rest.find("*/").map_or(rest.len(), |end| end + 2)),
        '\'' => (Kind::Text, quoted_length(rest, '\'', Backslash::Escapes)),
        '"' => (Kind::Name, quoted_length(rest, '"', Backslash::IsItself)),
        '$' => dollar_quoted(rest).map_or((Kind::Symbol, 1), |length| (Kind::Text, length)),
        c if c.is_ascii_digit() => (Kind::Number, run(&|c| c.is_ascii_alphanumeric() || c == '.')),
        c if is_word_start(c) => (Kind::Word, run(&|c| is_word_start(c) || c.is_ascii_digit() || c == '$')),
        c => (Kind::Symbol, c.len_utf8()),
    }
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || !c.is_ascii() && !c.is_whitespace()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Escapes,
    IsItself,
}

/// The length of a quoted piece, quotes included; a doubled quote does not end it.
fn quoted_length(rest: &str, quote: char, backslash: Backslash) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' && backslash == Backslash::Escapes {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => {
                    chars.next();
                }
                Some(_) | None => return at + 1,
            }
        }
    }
    rest.len()
}

/// The length of `$tag$…$tag$`; none for a parameter such as `$1`.
fn dollar_quoted(rest: &str) -> Option<usize> {
    let tag_end = rest[1..].find('$')? + 2;
    let tag = &rest[..tag_end];
    let plain = tag[1..tag_end - 1].chars().all(|c| c.is_alphanumeric() || c == '_');
    if !plain || tag[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some(rest[tag_end..].find(tag).map_or(rest.len(), |end| tag_end + end + tag.len()))
}

/// Statements between semicolons, without empty ones.
pub(super) fn statements(sql: &str) -> Vec<Vec<Token>> {
    let all = tokens(sql);
    let parts = all.split(|token| token.is_symbol(';')).map(<[Token]>::to_vec);
    parts.filter(|part| part.iter().any(|token| token.kind != Kind::Space)).collect()
}

/// SQL again, with every name in lower case.
pub(super) fn text_of(tokens: &[Token]) -> String {
    tokens
        .iter()
        .map(|token| match token.kind {
            Kind::Name => token.text.to_ascii_lowercase(),
            // A comment may be all that keeps two words apart, and may not be closed.
            Kind::Space => " ".to_owned(),
            Kind::Word | Kind::Text | Kind::Number | Kind::Symbol => token.text.clone(),
        })
        .collect()
}

/// The tokens that mean something.
pub(super) fn significant(tokens: &[Token]) -> Vec<&Token> {
    tokens.iter().filter(|token| token.kind != Kind::Space).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_inside_literals_names_and_comments_is_sql() {
        let sql = "SELECT 'a;''b\\'; c', \"x;\"\"Y\", $$ ; $$, $1 -- ; d\n/* ; */; COMMIT;";
        let found: Vec<String> = statements(sql).iter().map(|part| text_of(part).trim().to_owned()).collect();
        assert_eq!(found, ["SELECT 'a;''b\\'; c', \"x;\"\"y\", $$ ; $$, $1", "COMMIT"]);
    }

    #[test]
    fn names_are_read_in_lower_case_quoted_or_not() {
        let names: Vec<Option<String>> = tokens("Orders \"My \"\"Table\"\" É\"").iter().map(Token::name).collect();
        assert_eq!(names, [Some("orders".to_owned()), None, Some("my \"table\" É".to_owned())]);
    }
}
