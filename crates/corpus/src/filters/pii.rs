//! Personal data as a filter: counted, and masked or a reason to drop.

use std::path::Path;

use super::config::Keys;
use super::{Analysis, Filter, Measured, Values, Verdict};
use crate::Error;
use crate::pii::{Action, Config, Kind, mask};

impl Keys for Config {
    fn check(&self) -> Result<(), String> {
        if self.kinds().is_empty() {
            return Err(
                "kinds = []: name what is looked for, or leave the key out for everything".into(),
            );
        }
        let unused = self
            .replacements
            .keys()
            .find(|kind| !self.kinds().contains(kind));
        match unused {
            Some(kind) => Err(format!(
                "replacements: {} is not among the kinds that are looked for",
                kind.name()
            )),
            None => Ok(()),
        }
    }

    fn build(&self, _base: &Path) -> Result<Box<dyn Filter>, Error> {
        Ok(Box::new(Pii {
            config: self.clone(),
        }))
    }
}

struct Pii {
    config: Config,
}

/// The name of a kind's count, which is the reason to drop a document too.
fn measure_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Secret => "pii_secret",
        Kind::Email => "pii_email",
        Kind::Iban => "pii_iban",
        Kind::Card => "pii_card",
        Kind::Ipv6 => "pii_ipv6",
        Kind::Ipv4 => "pii_ipv4",
        Kind::Phone => "pii_phone",
    }
}

impl Filter for Pii {
    fn kind(&self) -> &'static str {
        "pii"
    }

    fn measure(&self, analysis: &Analysis<'_>) -> Measured {
        let found = self.config.find(analysis.text());
        let mut values = Values::new();
        for &kind in self.config.kinds() {
            let count = found.iter().filter(|found| found.kind == kind).count();
            values.number(measure_name(kind), count as f64);
        }
        let masks = self.config.action == Action::Mask && !found.is_empty();
        Measured {
            values,
            rewritten: if masks {
                mask(analysis.text(), &self.config)
            } else {
                None
            },
        }
    }

    fn decide(&self, values: &Values) -> Verdict {
        if self.config.action != Action::Drop {
            return Verdict::Keep;
        }
        let kinds = self.config.kinds().iter();
        let mut names = kinds.map(|&kind| measure_name(kind));
        match names.find(|name| values.get_number(name) > 0.0) {
            Some(name) => Verdict::Drop(name),
            None => Verdict::Keep,
        }
    }

    fn thresholds(&self) -> Values {
        let mut values = Values::new();
        if self.config.action == Action::Drop {
            for &kind in self.config.kinds() {
                values.number(measure_name(kind), 0.0);
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use kiln_text::{Document, Provenance};

    use super::*;

    #[test]
    fn counts_masks_and_drops() {
        let document = Document::new(
            "x",
            "a@example.com, b@example.com, 9.9.9.9",
            Provenance::default(),
        );
        for (config, rewritten, verdict) in [
            ("", Some("<EMAIL>, <EMAIL>, <IPV4>"), Verdict::Keep),
            ("action = \"report\"", None, Verdict::Keep),
            (
                "action = \"drop\"\nkinds = [\"ipv4\", \"email\"]",
                None,
                Verdict::Drop("pii_ipv4"),
            ),
            (
                "action = \"drop\"\nkinds = [\"phone\"]",
                None,
                Verdict::Keep,
            ),
        ] {
            let config: Config = toml::from_str(config).unwrap();
            config.check().unwrap();
            let filter = config.build(Path::new(".")).unwrap();
            let measured = filter.measure(&Analysis::new(&document));
            assert_eq!(measured.rewritten.as_deref(), rewritten);
            assert_eq!(filter.decide(&measured.values), verdict);
            if config.kinds().contains(&Kind::Email) {
                assert_eq!(measured.values.get_number("pii_email"), 2.0);
            }
        }
        for config in [
            "kinds = []",
            "kinds = [\"email\"]\nreplacements = { phone = \"x\" }",
        ] {
            assert!(toml::from_str::<Config>(config).unwrap().check().is_err());
        }
    }
}
