//! The two pens a story can be told with: one writes it from draws, the other follows a text that is already there.
//!
//! Both meet the same choices in the same order, because the text written so far settles every choice before it. At
//! each choice no option's text is a prefix of another's, so the text also says which one was taken, and the
//! probability of a text is exactly the product of the probabilities of its choices.

use std::convert::Infallible;

use super::draws::Draws;
use super::teller::Choice;

/// What a story is told with.
pub(super) trait Pen {
    /// Why the telling cannot go on.
    type Stop;

    /// Takes one of the options, puts its text down, and says which it was.
    fn choose(&mut self, choice: &Choice<'_>) -> Result<usize, Self::Stop>;

    /// Puts down text that nobody chose: it follows from what was told before.
    fn write(&mut self, text: &str) -> Result<(), Self::Stop>;
}

/// Draws every choice by its weight and keeps the text.
#[derive(Debug)]
pub(super) struct Writer {
    draws: Draws,
    pub(super) text: String,
    pub(super) log_probability: f64,
}

impl Writer {
    pub(super) fn new(draws: Draws) -> Self {
        Self {
            draws,
            text: String::with_capacity(1024),
            log_probability: 0.0,
        }
    }
}

impl Pen for Writer {
    type Stop = Infallible;

    fn choose(&mut self, choice: &Choice<'_>) -> Result<usize, Infallible> {
        // Drawing again while the option is closed leaves the open ones in proportion to their weights.
        let option = loop {
            let option = choice.option_at(self.draws.below(choice.weight_of_all()));
            if choice.is_open(option) {
                break option;
            }
        };
        self.log_probability += choice.log_probability(option);
        choice.text(option, &mut |text| {
            self.text.push_str(text);
            Ok::<(), Infallible>(())
        })?;
        Ok(option)
    }

    fn write(&mut self, text: &str) -> Result<(), Infallible> {
        self.text.push_str(text);
        Ok(())
    }
}

/// Follows a given text and sums the log-probability of the choices it shows.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    cursor: usize,
    pub(super) log_probability: f64,
}

/// Where a [`Reader`]'s text and the story part.
#[derive(Debug)]
pub(super) struct Parting {
    /// The first byte that no story has there.
    pub(super) byte: usize,
    /// What a story could have had from there on.
    pub(super) expected: String,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text: text.as_bytes(),
            cursor: 0,
            log_probability: 0.0,
        }
    }

    /// The part of the text that has not been followed yet begins at this byte.
    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// The first byte from `at` on where the text differs from `expected`: `Ok` if there is none.
    fn follow(&self, at: usize, expected: &str) -> Result<usize, usize> {
        let rest = self.text.get(at..).unwrap_or_default();
        let same = rest
            .iter()
            .zip(expected.as_bytes())
            .take_while(|(a, b)| a == b)
            .count();
        if same == expected.len() {
            Ok(at + same)
        } else {
            Err(at + same)
        }
    }

    /// The byte after the option's text, or the byte at which the option's text and the given one part.
    fn follow_option(&self, choice: &Choice<'_>, option: usize) -> Result<usize, usize> {
        let mut at = self.cursor;
        choice.text(option, &mut |text| {
            at = self.follow(at, text)?;
            Ok::<(), usize>(())
        })?;
        Ok(at)
    }
}

impl Pen for Reader<'_> {
    type Stop = Parting;

    fn choose(&mut self, choice: &Choice<'_>) -> Result<usize, Parting> {
        let mut furthest = None;
        for option in choice.open_options() {
            match self.follow_option(choice, option) {
                Ok(end) => {
                    self.cursor = end;
                    self.log_probability += choice.log_probability(option);
                    return Ok(option);
                }
                Err(byte) if furthest.is_none_or(|(_, best)| byte > best) => {
                    furthest = Some((option, byte));
                }
                Err(_) => {}
            }
        }
        let (option, byte) = furthest.unwrap_or((0, self.cursor));
        let mut text = String::new();
        let whole: Result<(), Infallible> = choice.text(option, &mut |piece| {
            text.push_str(piece);
            Ok(())
        });
        whole.unwrap_or_else(|never| match never {});
        Err(Parting {
            byte,
            expected: text.split_off(byte - self.cursor),
        })
    }

    fn write(&mut self, text: &str) -> Result<(), Parting> {
        match self.follow(self.cursor, text) {
            Ok(end) => {
                self.cursor = end;
                Ok(())
            }
            Err(byte) => Err(Parting {
                byte,
                expected: text[byte - self.cursor..].to_owned(),
            }),
        }
    }
}
