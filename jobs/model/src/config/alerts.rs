//! Where alerts go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Report;
use super::path::Path;
use super::reference::{Reference, ReferenceText, reference_setting};

/// Slack allows 80 characters in the name of a channel.
const CHANNEL_CHARS_MAX: usize = 80;

/// Where alerts go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertsShape {
    /// A Slack channel: one message an incident, edited when it is resolved.
    slack: SlackShape,
}

/// A Slack channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlackShape {
    /// The bot's token, as a reference.
    token: ReferenceText,
    /// The channel's name, without `#`, or its id.
    #[schemars(example = "data-alerts")]
    channel: String,
}

/// Where alerts go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    pub slack: SlackAlerts,
}

/// A Slack channel; the token is never a [`Reference::Plain`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackAlerts {
    pub token: Reference,
    pub channel: String,
}

impl AlertsShape {
    pub(crate) fn convert(&self, folder: &str, at: &Path, report: &mut Report<'_>) -> Option<Alerts> {
        let at = at.key("slack");
        let channel = self.slack.channel.trim_start_matches('#').to_owned();
        let is_channel = (1..=CHANNEL_CHARS_MAX).contains(&channel.chars().count())
            && channel.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        if !is_channel {
            report.add_with_hint(&at.key("channel"), "this is not the name of a channel", "for example `data-alerts`");
        }
        let token = reference_setting(&self.slack.token, folder, &at.key("token"), report)?;
        if let Reference::Plain(_) = token {
            report.add_with_hint(&at.key("token"), "a token is expected, not a URL", "for example `env:SLACK_TOKEN`");
        }
        Some(Alerts { slack: SlackAlerts { token, channel } })
    }
}
