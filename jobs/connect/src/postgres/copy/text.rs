//! Text columns: what Postgres refuses in a text, and limits in characters.

use std::borrow::Cow;

use bytes::BytesMut;

use crate::values::misfit::{Fit, Misfit};

/// Just below 1 GB, which a value with its header may not reach.
const VALUE_BYTES_MAX: usize = 0x3FFF_FFFF - 64;

/// Whether a text was searched for NUL already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Searched {
    /// The column it comes from holds none.
    FreeOfNul,
    Not,
}

/// Writes bytes as they are, length included.
#[inline]
pub(crate) fn put_bytes(bytes: &[u8], out: &mut BytesMut) -> Result<(), Misfit> {
    if bytes.len() > VALUE_BYTES_MAX {
        return Err(Misfit::TooBig { max: VALUE_BYTES_MAX });
    }
    out.extend_from_slice(&(bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

/// Writes a text, length included.
#[inline]
pub(crate) fn put_text(
    text: &str,
    max_chars: Option<u32>,
    searched: Searched,
    fit: Fit,
    out: &mut BytesMut,
) -> Result<(), Misfit> {
    let free_of_nul = searched == Searched::FreeOfNul || !text.as_bytes().contains(&0);
    // A text has at most as many characters as bytes.
    let short = max_chars.is_none_or(|max| text.len() <= max as usize);
    if free_of_nul && short {
        return put_bytes(text.as_bytes(), out);
    }
    put_checked(text, max_chars, fit, out)
}

#[cold]
fn put_checked(text: &str, max_chars: Option<u32>, fit: Fit, out: &mut BytesMut) -> Result<(), Misfit> {
    let mut text = Cow::Borrowed(text);
    if text.as_bytes().contains(&0) {
        match fit {
            Fit::Exact => return Err(Misfit::Nul),
            Fit::Nearest => text = Cow::Owned(text.replace('\0', "")),
        }
    }
    let end = max_chars.and_then(|max| Some((max, text.char_indices().nth(max as usize)?.0)));
    match end {
        None => put_bytes(text.as_bytes(), out),
        // As in SQL, spaces past the end don't count; the merge cuts them.
        Some((_, end)) if text[end..].bytes().all(|byte| byte == b' ') => put_bytes(&text.as_bytes()[..end], out),
        Some((max, end)) => match fit {
            Fit::Exact => Err(Misfit::TooLong { max }),
            Fit::Nearest => put_bytes(&text.as_bytes()[..end], out),
        },
    }
}
