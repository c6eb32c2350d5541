//! "Did you mean": the known word that is nearest to a mistyped one.

use super::path::is_harmless;

/// How alike two words must be, from 0 to 1, before one is offered for the other. Below this, guesses confuse more than they help.
const LIKENESS_MIN: f64 = 0.6;

/// Longer lists of what is known fill a terminal instead of helping.
const LISTED_MAX: usize = 12;

/// `did you mean …?` for the most similar known word; otherwise what is known, when that is a short list.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    // Names of the document are among the known words, and one of them may be a URL in the wrong place.
    let known: Vec<&str> = known.into_iter().filter(|word| is_harmless(word)).collect();
    if let Some(nearest) = nearest(word, &known) {
        return Some(format!("did you mean `{nearest}`?"));
    }
    if known.is_empty() || known.len() > LISTED_MAX { None } else { Some(format!("known are {}", quoted_list(&known))) }
}

/// The words as `` `a`, `b`, `c` ``.
pub(crate) fn quoted_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = folded(word);
    known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&word, &folded(candidate)), *candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}

/// Case and the choice between `-`, ` ` and `_` are no differences between words.
fn folded(word: &str) -> String {
    word.chars().map(|c| if c == '-' || c == ' ' { '_' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_offered_and_far_ones_are_listed() {
        let known = ["postgres", "redshift", "sqlite"];
        let cases = [
            ("postgers", Some("did you mean `postgres`?")),
            ("Postgres", Some("did you mean `postgres`?")),
            ("red-shift", Some("did you mean `redshift`?")),
            ("oracle", Some("known are `postgres`, `redshift`, `sqlite`")),
        ];
        for (word, expected) in cases {
            assert_eq!(did_you_mean(word, known).as_deref(), expected, "{word}");
        }
        assert_eq!(did_you_mean("x", []), None);
    }
}
