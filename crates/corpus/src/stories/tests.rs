//! What makes a story's probability exact, and the stories worth reading.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use super::grammar::Grammar;
use super::pen::{Pen, Reader, Writer};
use super::teller::{Choice, Facts, Landmarks, tell};
use super::*;

fn text_of(choice: &Choice<'_>, option: usize) -> String {
    let mut text = String::new();
    let told: Result<(), Infallible> = choice.text(option, &mut |piece| {
        text.push_str(piece);
        Ok(())
    });
    told.unwrap();
    text
}

/// A writer that looks at all options of each choice.
struct Checked {
    writer: Writer,
    faults: BTreeSet<String>,
}

impl Pen for Checked {
    type Stop = Infallible;

    fn choose(&mut self, choice: &Choice<'_>) -> Result<usize, Infallible> {
        let mut texts: Vec<String> = choice
            .open_options()
            .map(|option| text_of(choice, option))
            .collect();
        // In sorted order a text that is a prefix of any other is one of the next.
        texts.sort();
        for pair in texts
            .windows(2)
            .filter(|pair| pair[1].starts_with(&pair[0]))
        {
            self.faults
                .insert(format!("{:?} begins {:?}", pair[0], pair[1]));
        }
        let sum: f64 = choice
            .open_options()
            .map(|option| choice.log_probability(option).exp())
            .sum();
        if (sum - 1.0).abs() > 1e-12 {
            self.faults
                .insert(format!("probabilities of {texts:?} sum to {sum}"));
        }
        self.writer.choose(choice)
    }

    fn write(&mut self, text: &str) -> Result<(), Infallible> {
        self.writer.write(text)
    }
}

/// Takes the options a script names, so that all texts of a grammar can be visited one after the other.
struct Scripted {
    script: Vec<usize>,
    /// For each choice met: how many open options there are.
    widths: Vec<usize>,
    text: String,
    log_probability: f64,
}

impl Pen for Scripted {
    type Stop = Infallible;

    fn choose(&mut self, choice: &Choice<'_>) -> Result<usize, Infallible> {
        let open: Vec<usize> = choice.open_options().collect();
        if self.script.len() == self.widths.len() {
            self.script.push(0);
        }
        let option = open[self.script[self.widths.len()]];
        self.widths.push(open.len());
        self.text += &text_of(choice, option);
        self.log_probability += choice.log_probability(option);
        Ok(option)
    }

    fn write(&mut self, text: &str) -> Result<(), Infallible> {
        self.text += text;
        Ok(())
    }
}

/// Every text of a grammar with its log-probability and facts.
fn all_texts(grammar: &Grammar, landmarks: &Landmarks) -> Vec<(String, f64, Facts)> {
    let mut texts = Vec::new();
    let mut script = Vec::new();
    loop {
        let mut pen = Scripted {
            script,
            widths: Vec::new(),
            text: String::new(),
            log_probability: 0.0,
        };
        let facts = tell(grammar, landmarks, &mut pen).unwrap();
        texts.push((pen.text, pen.log_probability, facts));
        script = pen.script;
        while script
            .last()
            .is_some_and(|&option| option + 1 == pen.widths[script.len() - 1])
        {
            script.pop();
        }
        match script.last_mut() {
            Some(option) => *option += 1,
            None => return texts,
        }
    }
}

/// A grammar small enough to tell all of it: weights, tables by tags, rows used once, days, capitals and articles.
const SMALL: &str = "\
[story]
{+animal} and {+friend=animal} had {a +fruit}.{+want}

[animal]
3*#near owl
#far hen
2*#far bee

[fruit]
apple
2*pear

[want]
#gift  {^animal} went far: {+out} there{+rest@friend}
2*#search  They stayed{+rest@animal}

[out]
#1 one day
2*#2 two days

[back]
#out as long
#1 {sum+1} days in all

[stay]
#3 three days

[turn]
#success  Well done.
#setback  Too late.

[rest/near]
.{+turn}

[rest/far]
, {+back} back, {+stay} of sleep, {sum} in sum.{+turn}
";

fn small() -> (Grammar, Landmarks) {
    let grammar = Grammar::compile(&[("small", SMALL)]).unwrap();
    let landmarks = Landmarks::find(&grammar).unwrap();
    (grammar, landmarks)
}

#[test]
fn all_texts_of_a_small_grammar_share_the_whole_probability() {
    let (grammar, landmarks) = small();
    let texts = all_texts(&grammar, &landmarks);
    let distinct: BTreeSet<&str> = texts.iter().map(|(text, ..)| text.as_str()).collect();
    assert_eq!(distinct.len(), texts.len());
    // 3 * 2 ordered pairs of animals, 2 fruits; `gift`: 2 ways out, then by the friend; `search`: by the animal.
    // A hen or a bee (far) leads to 2 ways back, the owl (near) to none; 2 ends.
    // gift: friend far 4 of 6 pairs * 2 * 2 * 2, near 2 of 6 * 2 * 2; search: first far 4 pairs * 2 * 2, near 2 * 2.
    assert_eq!(texts.len(), 2 * (4 * 8 + 2 * 4 + 4 * 4 + 2 * 2));
    let sum: f64 = texts
        .iter()
        .map(|(_, log_probability, _)| log_probability.exp())
        .sum();
    assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    for (text, log_probability, facts) in &texts {
        let mut reader = Reader::new(text);
        let read = tell(&grammar, &landmarks, &mut reader).unwrap();
        assert_eq!((reader.cursor(), &read), (text.len(), facts));
        assert!(
            (reader.log_probability - log_probability).abs() < 1e-12,
            "{text}"
        );
    }
    // By hand: owl 3/6, then hen 1/3 of what is left, pear 2/3, gift 1/3, two days 2/3, in all 1/2, success 1/2.
    let text = "owl and hen had a pear. Owl went far: two days there, three days in all back, three days of sleep, \
                six in sum. Well done.";
    let (_, log_probability, facts) = texts.iter().find(|(known, ..)| known == text).unwrap();
    assert!((log_probability.exp() - 1.0 / 6.0 * 4.0 / 27.0 / 4.0).abs() < 1e-12);
    assert_eq!(
        (facts.theme, facts.outcome, facts.journey_days),
        ("gift", "success", 6)
    );
}

#[test]
fn the_mean_of_minus_log_probability_is_the_entropy() {
    let (grammar, landmarks) = small();
    let texts = all_texts(&grammar, &landmarks);
    let entropy: f64 = texts.iter().map(|(_, log, _)| -log * log.exp()).sum();
    let second: f64 = texts.iter().map(|(_, log, _)| log * log * log.exp()).sum();
    let count = 40_000;
    let written = (0..count).map(|index| {
        let mut pen = Writer::new(Draws::new(17, index));
        tell(&grammar, &landmarks, &mut pen).unwrap();
        -pen.log_probability
    });
    let mean = written.sum::<f64>() / count as f64;
    let standard_error = ((second - entropy * entropy) / count as f64).sqrt();
    assert!(
        (mean - entropy).abs() < 4.0 * standard_error,
        "{mean} {entropy} {standard_error}"
    );
}

#[test]
fn draws_follow_the_exact_distribution() {
    let (grammar, landmarks) = small();
    let texts = all_texts(&grammar, &landmarks);
    let count = 60_000;
    let mut seen: BTreeMap<String, f64> = BTreeMap::new();
    for index in 0..count {
        let mut pen = Writer::new(Draws::new(5, index));
        tell(&grammar, &landmarks, &mut pen).unwrap();
        *seen.entry(pen.text).or_default() += 1.0;
    }
    let chi_square: f64 = texts
        .iter()
        .map(|(text, log_probability, _)| {
            let expected = log_probability.exp() * count as f64;
            (seen.get(text).copied().unwrap_or(0.0) - expected).powi(2) / expected
        })
        .sum();
    // 119 degrees of freedom; the 0.01 % point of chi-square is 183.
    assert!(chi_square < 183.0, "{chi_square}");
}

#[test]
fn what_is_wrong_with_a_grammar_is_named() {
    let cases = [
        ("row", "g:1: a row before the first table"),
        ("[story]\n{+plot}", "g:2: no table `plot`"),
        ("[story]\nabout {hero}", "g:2: nothing chooses `hero`"),
        ("[story]\n0*no", "g:2: weight `0`"),
        ("[story]\na|b", "g:2: more forms than [story] names"),
        (
            "[story]\n{+x.form}\n[x]\nrow",
            "g:2: `x.form`: no such form in all its tables",
        ),
        (
            "[story]\n{+x} {+y@x}\n[x]\n#one 1\n#two 2\n[y/one]\nrow",
            "g:2: no table `y/two`",
        ),
        (
            "[story]\n{+x} {x}\n[x]\n{+y}\n[y]\nrow",
            "`x`: form 0 of [x] has choices",
        ),
        ("[story]\n{+x}\n[x]", "[x]: 0 rows, not 1 to 128"),
        ("[story]\nrow\n[x]\nrow", "[x]: no row chooses from it"),
        ("[story]\ncaf\u{e9}", "g:2: not ASCII"),
    ];
    for (text, expected) in cases {
        let problem = Grammar::compile(&[("g", text)]).map(|_| ());
        assert_eq!(problem, Err(expected.to_owned()));
    }
}

#[test]
fn options_are_prefix_free_wherever_they_are_met() {
    let (grammar, landmarks) = &*GRAMMAR;
    let mut faults = BTreeSet::new();
    for index in 0..4000 {
        let writer = Writer::new(Draws::new(1, index));
        let mut pen = Checked {
            writer,
            faults: BTreeSet::new(),
        };
        tell(grammar, landmarks, &mut pen).unwrap();
        faults.extend(pen.faults);
    }
    let faults: Vec<_> = faults.iter().take(20).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_story_reads_back_as_it_was_written() {
    let stories = Stories::new(2);
    for index in 0..2000 {
        let story = stories.story(index);
        let read = read(&story.text).unwrap();
        assert!((read.log_probability - story.log_probability).abs() < 1e-9);
        let log_probability = story.log_probability;
        assert_eq!(
            Story {
                log_probability,
                ..read
            },
            story
        );
    }
}

#[test]
fn a_damaged_story_is_refused_at_the_damaged_byte() {
    for index in 0..8 {
        let story = Stories::new(3).story(index);
        for byte in 0..story.text.len() {
            let cut = log_probability(&story.text[..byte]).unwrap_err();
            assert!(cut.byte == byte && cut.breaks_off(), "{cut}");
            let mut damaged = story.text.clone();
            damaged.replace_range(byte..=byte, "~");
            let refused = log_probability(&damaged).unwrap_err();
            assert!(refused.byte == byte && !refused.breaks_off(), "{refused}");
            assert!(refused.log_probability >= story.log_probability - 1e-9);
        }
        let longer = log_probability(&(story.text.clone() + " More.")).unwrap_err();
        assert_eq!(
            (longer.byte, longer.breaks_off()),
            (story.text.len(), false)
        );
    }
    let strange = log_probability("\u{1f98a} caf\u{e9}").unwrap_err();
    assert_eq!(strange.byte, 0);
    assert!(!strange.to_string().contains('\n'), "{strange}");
}

#[test]
fn stories_are_what_they_promise() {
    let count = 20_000;
    let stories: Vec<Story> = (0..count)
        .map(|index| Stories::new(4).story(index))
        .collect();
    let mut words = BTreeSet::new();
    let mut texts = BTreeSet::new();
    let (mut themes, mut outcomes) = (BTreeMap::<_, i32>::new(), BTreeMap::<_, i32>::new());
    let (mut bytes, mut nats) = (0, 0.0);
    for story in &stories {
        let text = &story.text;
        assert!(text.is_ascii() && !text.ends_with('\n'), "{text}");
        assert!(
            !text.contains("[unbound]") && !text.contains(['{', '}', '|', '*', '#']),
            "{text}"
        );
        assert!(
            !text.contains("  ") && !text.contains("..") && !text.contains(" ,"),
            "{text}"
        );
        assert!(
            (400..=1250).contains(&text.len()),
            "{} bytes: {text}",
            text.len()
        );
        assert!(
            -story.log_probability > 80.0,
            "{} nats: {text}",
            -story.log_probability
        );
        assert!((2..=13).contains(&story.journey_days), "{story:?}");
        words.extend(
            text.split(|c: char| !c.is_ascii_alphabetic())
                .map(str::to_lowercase),
        );
        texts.insert(text.as_str());
        *themes.entry(story.theme).or_insert(0) += 1;
        *outcomes.entry(story.outcome).or_insert(0) += 1;
        bytes += text.len();
        nats -= story.log_probability;
    }
    assert_eq!(texts.len(), stories.len());
    assert!(words.len() > 1500, "{} words", words.len());
    let mean = bytes / stories.len();
    assert!((650..=900).contains(&mean), "{mean} bytes");
    let rate = nats / bytes as f64;
    assert!((0.1..0.3).contains(&rate), "{rate} nats a byte");
    // Themes are equally likely, outcomes 6 : 2 : 2 : 2; four standard deviations.
    assert_eq!(
        themes.keys().copied().collect::<BTreeSet<_>>(),
        THEMES.into()
    );
    assert!(
        themes.values().all(|share| (share - 2000).abs() < 170),
        "{themes:?}"
    );
    for (outcome, share) in [
        ("success", 10_000),
        ("surprise", 3333),
        ("sacrifice", 3333),
        ("setback", 3333),
    ] {
        assert!((outcomes[outcome] - share).abs() < 290, "{outcomes:?}");
    }
}

#[test]
fn a_story_is_a_function_of_seed_and_index() {
    let told = |seed, index| Stories::new(seed).story(index);
    assert_eq!(told(7, 9), told(7, 9));
    assert_ne!(told(7, 9).text, told(7, 10).text);
    assert_ne!(told(7, 9).text, told(8, 9).text);
    // Far apart in every half of seed and index.
    assert_ne!(told(7, 9).text, told(7 + (1 << 40), 9).text);
    assert_ne!(told(7, 9).text, told(7, 9 + (1 << 40)).text);
}

/// The journey in days as a reader would count it, found in the words alone.
fn days_told(text: &str) -> Option<usize> {
    const WORDS: [&str; 14] = [
        "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
        "eleven", "twelve", "thirteen",
    ];
    let number = |word: &str| match word {
        "a" => Some(1),
        _ => WORDS.iter().position(|known| *known == word),
    };
    let before = |text: &str, mark: &str| number(text.split_once(mark)?.0.rsplit(' ').next()?);
    let after = |text: &str, mark: &str| number(text.split_once(mark)?.1.split(' ').next()?);
    let mut paragraphs = text.split("\n\n").skip(1);
    let (road, home) = (paragraphs.next()?, paragraphs.next()?);
    let totals = [
        before(home, " days away"),
        after(home, "been away for "),
        before(home, " days. "),
    ];
    if let (Some(total), false) = (
        totals.into_iter().flatten().next(),
        home.contains(" home in "),
    ) {
        return Some(total);
    }
    let marks = [
        " day to the ",
        " days to the ",
        " days' walk",
        " day's walk",
    ];
    let out = marks.iter().find_map(|mark| before(road, mark))?;
    let stay = ["Both stayed for ", "They rested for "]
        .iter()
        .find_map(|mark| after(home, mark));
    let back = [" home in ", "The way home took "]
        .iter()
        .find_map(|mark| after(home, mark));
    let as_far = ["as long as the way there", "no shorter than the way there"];
    let back = back.or_else(|| as_far.iter().any(|mark| home.contains(mark)).then_some(out))?;
    Some(out + stay.unwrap_or(0) + back)
}

#[test]
fn the_text_tells_the_days_of_the_journey() {
    for index in 0..5000 {
        let Story {
            text, journey_days, ..
        } = Stories::new(6).story(index);
        assert_eq!(days_told(&text), Some(journey_days as usize), "{text}");
    }
}

#[test]
fn a_story_stays_the_same() {
    let expected = "This is the story of Lavinia, an affable tiny dormouse from Maplethorpe. One windy morning, Lavinia \
        had nothing to give her great-aunt for her sixtieth birthday. \"I will buy a velvet shawl in \
        Milkwater,\" she called.\n\n\
        Lavinia's father gave her a new candle and roasted chestnuts. It was two days' walk to Milkwater. On \
        the road she met Zelda, an optimistic hare who wore a red scarf in every season. They went on \
        together. That night they lay in a painted wagon and listened to the starlings. The next morning \
        Zelda pointed at a frightful tunnel as black as ink. By the glow of the candle they crossed the \
        tunnel.\n\n\
        At the market of Milkwater Lavinia found the shawl and bought it for a lock of hair. After three \
        days away, Lavinia saw Maplethorpe again. \"How did you know?\" whispered her great-aunt and kissed \
        first the shawl and then Lavinia.\n\n\
        The end.";
    assert_eq!(Stories::new(0).story(0).text, expected);
}
