//! One entry of the variable, read: every setting that could be, and every key that nobody knows.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::Givens;
use super::fields::{Fields, Given, Unknown, in_words};
use super::monitor::{MonitorEntry, MonitorList, read_monitors};
use super::place::{Origin, Place, read_place};
use super::spelling::{
    AHEAD, BUCKET_FOLDER, CREATED, CRON, DELAY_INTERVAL, DELAY_TOLERANCE, DMS_TASK, KEY, LOB_SLICE, LOOK_BACK,
    MONITORS, NAME, PLACE, PREFIX, SCHEDULED_MONITORS, SOURCE, SOURCE_PREFIX, START_DATE, Spellings, TARGET_PREFIX,
    TARGETS, TIMEZONE, UPDATED, entry_words,
};
use super::value::{Schedule, Span, SpanUnit, schedule, span, text, texts, timezone, whole};
use crate::config::CronExpression;
use crate::config::document::Node;
use crate::config::fault::Report;
use crate::config::path::Path;

/// One entry; whatever was not given or had a fault is missing.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Path,
    pub(super) name: Option<Given<String>>,
    pub(super) source: Option<Place>,
    pub(super) targets: Vec<Place>,
    pub(super) dms_task: Option<Given<String>>,
    pub(super) prefix: Option<Given<String>>,
    pub(super) bucket_folder: Option<Given<String>>,
    pub(super) key: Option<Given<Vec<String>>>,
    pub(super) lob_slice: Option<Given<LobSlice>>,
    pub(super) schedule: Option<Given<Schedule>>,
    pub(super) timezone: Option<Given<Tz>>,
    pub(super) ahead: Option<Given<Span>>,
    pub(super) look_back: Option<Given<Span>>,
    pub(super) monitors: Vec<MonitorEntry>,
    pub(super) delay_interval: Option<Given<DelayInterval>>,
    pub(super) delay_tolerance: Option<Given<Span>>,
    pub(super) created: Option<Given<String>>,
    pub(super) updated: Option<Given<String>>,
    pub(super) start_date: Option<Given<String>>,
    pub(super) unknown: Vec<Unknown>,
}

/// How many characters of LOBs are compared.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LobSlice {
    /// Of every LOB column; the variable doesn't say which these are.
    EveryColumn(u32),
    Columns(BTreeMap<String, u32>),
}

/// How often the delay is measured.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DelayInterval {
    Every(Span),
    Cron(CronExpression),
}

/// Reads an entry; `None` when it is no object.
pub(super) fn read_entry(node: &Node, at: &Path, givens: &Givens, report: &mut Report<'_>) -> Option<Entry> {
    let mut fields = Fields::open(node, at, report)?;
    let source = read_source(&mut fields, report);
    let targets = read_targets(&mut fields, report);
    let delay_unit = givens.delay_unit.unwrap_or(SpanUnit::Minutes);
    let mut monitors = Vec::new();
    for (spellings, list) in [(MONITORS, MonitorList::AfterCdc), (SCHEDULED_MONITORS, MonitorList::Scheduled)] {
        if let Some(given) = fields.take(spellings, report) {
            monitors.extend(read_monitors(given, list, report));
        }
    }
    let mut words =
        |spellings: Spellings, report: &mut Report<'_>| fields.take(spellings, report).and_then(|it| text(it, report));
    let name = words(NAME, report);
    let dms_task = words(DMS_TASK, report);
    let prefix = words(PREFIX, report);
    let bucket_folder = words(BUCKET_FOLDER, report);
    let created = words(CREATED, report);
    let updated = words(UPDATED, report);
    let start_date = words(START_DATE, report);
    let mut hours = |spellings: Spellings, report: &mut Report<'_>| {
        fields.take(spellings, report).and_then(|it| span(it, SpanUnit::Hours, report))
    };
    let ahead = hours(AHEAD, report);
    let look_back = hours(LOOK_BACK, report);
    let schedule = fields.take(CRON, report).and_then(|it| schedule(it, report));
    let timezone = fields.take(TIMEZONE, report).and_then(|it| timezone(it, report));
    let key = fields.take(KEY, report).and_then(|it| texts(it, report));
    let lob_slice = fields.take(LOB_SLICE, report).and_then(|it| read_lob_slice(it, report));
    let interval = fields.take(DELAY_INTERVAL, report);
    let delay_interval = interval.and_then(|it| read_delay_interval(it, delay_unit, report));
    let tolerance = fields.take(DELAY_TOLERANCE, report);
    let delay_tolerance = tolerance.and_then(|it| span(it, delay_unit, report));
    Some(Entry {
        at: at.clone(),
        name,
        source,
        targets,
        dms_task,
        prefix,
        bucket_folder,
        key,
        lob_slice,
        schedule,
        timezone,
        ahead,
        look_back,
        monitors,
        delay_interval,
        delay_tolerance,
        created,
        updated,
        start_date,
        unknown: fields.unknown(&entry_words()),
    })
}

fn read_source(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Option<Place> {
    let own = fields.take(SOURCE, report);
    let at = own.as_ref().map_or_else(|| fields.at.clone(), |own| own.at.clone());
    let place = match own {
        Some(own) => {
            let mut own = Fields::open(own.value, &own.at, report)?;
            let origin = Origin { own: Some(&mut own), flat: Some((fields, SOURCE_PREFIX)) };
            read_place(origin, &at, "source", report)
        }
        None if fields.has_prefix(SOURCE_PREFIX, &PLACE) => {
            read_place(Origin { own: None, flat: Some((fields, SOURCE_PREFIX)) }, &at, "source", report)
        }
        None => {
            report.add_with_hint(&at, "the source is missing", "give `source: {…}`, or `source_table` and its like");
            return None;
        }
    };
    if !place.stated.table {
        report.add(&at, "the name of the source's table is missing");
    }
    Some(place)
}

fn read_targets(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<Place> {
    let Some(own) = fields.take(TARGETS, report) else {
        let at = fields.at.clone();
        if fields.has_prefix(TARGET_PREFIX, &PLACE) {
            let origin = Origin { own: None, flat: Some((fields, TARGET_PREFIX)) };
            return vec![read_place(origin, &at, "targets[0]", report)];
        }
        report.add_with_hint(&at, "the targets are missing", "give `targets: [{…}]`, or `target_table` and its like");
        return Vec::new();
    };
    let mut read = |node: &Node, at: &Path, index: usize| {
        let mut own = Fields::open(node, at, report)?;
        Some(read_place(Origin { own: Some(&mut own), flat: None }, at, &format!("targets[{index}]"), report))
    };
    match own.value {
        Node::List(items) if items.is_empty() => {
            report.add(&own.at, "the list is empty");
            Vec::new()
        }
        Node::List(items) => {
            let each = items.iter().enumerate();
            each.filter_map(|(index, item)| read(item, &own.at.index(index), index)).collect()
        }
        Node::Map(_) => read(own.value, &own.at, 0).into_iter().collect(),
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) => {
            report.add(&own.at, format!("a list of targets is expected here, not {}", in_words(own.value)));
            Vec::new()
        }
    }
}

/// A number of characters for every LOB column, or `{"column": number}`.
fn read_lob_slice(given: Given<&Node>, report: &mut Report<'_>) -> Option<Given<LobSlice>> {
    let at = given.at.clone();
    let mut characters = |given: Given<&Node>| {
        let number = whole(given, 1, report)?;
        let fits = u32::try_from(number.value).ok();
        if fits.is_none() {
            report.add(&number.at, format!("{} is outside of 1 to {}", number.value, u32::MAX));
        }
        fits
    };
    let value = match given.value {
        Node::Map(members) => {
            let each = members
                .iter()
                .map(|(column, value)| Some((column.clone(), characters(Given { value, at: at.key(column) })?)));
            LobSlice::Columns(each.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?)
        }
        Node::Null | Node::Bool(_) | Node::Integer(_) | Node::Float(_) | Node::Text(_) | Node::List(_) => {
            LobSlice::EveryColumn(characters(given)?)
        }
    };
    Some(Given { value, at })
}

/// A length of time, or a cron expression.
fn read_delay_interval(given: Given<&Node>, unit: SpanUnit, report: &mut Report<'_>) -> Option<Given<DelayInterval>> {
    let is_cron = matches!(given.value, Node::Text(text) if text.trim().contains(' ') || text.trim().starts_with('@'));
    if !is_cron {
        let read = span(given, unit, report)?;
        return Some(Given { value: DelayInterval::Every(read.value), at: read.at });
    }
    let read = schedule(given, report)?;
    match read.value {
        Schedule::Cron(cron) | Schedule::Preset { cron, .. } => {
            Some(Given { value: DelayInterval::Cron(cron), at: read.at })
        }
        Schedule::None { .. } => {
            report.add(&read.at, "the delay is measured again and again; this is no interval");
            None
        }
    }
}
