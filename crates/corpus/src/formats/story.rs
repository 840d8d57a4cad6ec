//! The embedded generator as a source of documents.

use kiln_text::{Document, Provenance};
use serde_json::Value;

use super::Reader;
use crate::broken::Refusal;
use crate::counts::Skipped;
use crate::stories::Stories;

pub(crate) struct StoryReader {
    stories: Stories,
    seed: u64,
    next: u64,
    count: u64,
}

impl StoryReader {
    /// Stories `first..count` of this seed.
    pub(crate) fn open(seed: u64, first: u64, count: u64) -> Self {
        Self {
            stories: Stories::new(seed),
            seed,
            next: first,
            count,
        }
    }
}

impl Reader for StoryReader {
    fn next_document(&mut self, _skipped: &mut Skipped) -> Result<Option<Document>, Refusal> {
        if self.next >= self.count {
            return Ok(None);
        }
        let index = self.next;
        self.next += 1;
        let story = self.stories.story(index);
        let id = format!("stories-{}-{index}", self.seed);
        let mut document = Document::new(id, story.text, Provenance::at("stories", index));
        document.set_label(story.theme);
        document.set_value(f64::from(story.journey_days));
        document.set_log_probability(story.log_probability);
        document
            .metadata
            .insert("outcome".into(), Value::from(story.outcome));
        Ok(Some(document))
    }

    fn place(&self) -> (u64, u64) {
        (0, self.next)
    }
}
