use proptest::prelude::*;

use super::*;

fn plain() -> Settings {
    Settings {
        passes: 1,
        minimum_updates: 0,
        minimum_weight: 0.0,
        steps: 64,
        ..Settings::default()
    }
}

/// Weight of one feature for each class.
fn weights(model: &Model, feature: u64) -> Vec<i32> {
    let mut scores = Vec::new();
    model.scores(&[feature], &mut scores);
    scores
}

#[test]
fn averages_by_hand() {
    let (a, b) = (feature(0, 1), feature(0, 2));
    let mut trainer = Trainer::new(2, &plain());
    assert_eq!(trainer.learn(&[b], 0), 0); // step 0: a tie, so b becomes (1, -1)
    assert_eq!(trainer.learn(&[a], 1), 0); // step 1: wrong, so a becomes (-1, 1)
    assert_eq!(trainer.learn(&[a], 1), 1); // step 2: right by 2, nothing changes
    assert_eq!(trainer.learn(&[a, b], 0), 0); // step 3: a tie, a becomes (0, 0), b (2, -2)
    let model = trainer.finish();
    // In 64ths: a had 0, 1, 1, 0 in the four steps, b 1, 1, 1, 2.
    assert_eq!(weights(&model, a), [-32, 32]);
    assert_eq!(weights(&model, b), [80, -80]);
}

#[test]
fn a_tie_is_no_lead() {
    // With a margin of 0 even a tie that falls right is learned from.
    let mut trainer = Trainer::new(2, &plain());
    trainer.learn(&[7 << 32], 0);
    assert_eq!(weights(&trainer.finish(), 7 << 32), [64, -64]);
}

#[test]
fn rare_and_small_weights_go() {
    let (often, once) = (feature(0, 1), feature(0, 2));
    let learn = |settings: &Settings| {
        let mut trainer = Trainer::new(3, settings);
        for _ in 0..3 {
            trainer.learn(&[often], 1);
            trainer.learn(&[often], 2);
        }
        trainer.learn(&[once], 2);
        trainer.finish()
    };
    assert_eq!(learn(&plain()).features(), 2);
    let sparse = learn(&Settings {
        minimum_updates: 2,
        ..plain()
    });
    assert_eq!(sparse.features(), 1);
    assert_eq!(weights(&sparse, once), [0, 0, 0]);
    assert_eq!(
        learn(&Settings {
            minimum_weight: 100.0,
            ..plain()
        })
        .weights(),
        0
    );
}

#[test]
fn candidates_bound_the_choice() {
    let mut trainer = Trainer::new(3, &plain());
    assert_eq!(trainer.learn_among(&[9 << 32], 0, Some(&[1, 2])), 1);
    assert_eq!(trainer.learn_among(&[9 << 32], 2, Some(&[1, 2])), 1);
    assert_eq!(trainer.learn_among(&[9 << 32], 2, Some(&[2])), 2);
    let model = trainer.finish();
    // Learned once, in step 1 of three, between 2 and 1; nothing when the right one is not among them.
    assert_eq!(weights(&model, 9 << 32), [0, -43, 43]);
}

#[test]
fn the_order_of_examples_comes_from_the_seed() {
    let mut items: Vec<u32> = (0..10).collect();
    shuffle(&mut items, 1);
    let first = items.clone();
    assert_ne!(first, (0..10).collect::<Vec<_>>());
    items.sort_unstable();
    shuffle(&mut items, 1);
    assert_eq!(items, first);
    items.sort_unstable();
    shuffle(&mut items, 2);
    assert_ne!(items, first);
}

#[test]
fn hashes_stay_as_they_are_in_the_files() {
    // Written down once: model files hold them.
    for (text, expected) in HASHES {
        assert_eq!(
            hash(text.as_bytes()),
            expected,
            "{text}: {:#x}",
            hash(text.as_bytes())
        );
    }
    assert_eq!(feature(3, 4), FEATURE, "{:#x}", feature(3, 4));
    assert_ne!(feature(3, 4), feature(4, 3));
}

const HASHES: [(&str, u64); 4] = [
    ("", 0x6e8b_6819_44c9_2521),
    ("a", 0x679a_7149_9d78_a2c5),
    ("a\0", 0xd170_fb02_1d67_26dc),
    ("lemmatizer of words", 0xed47_2d73_dd5a_ebb1),
];
const FEATURE: u64 = 0x9eb8_01a2_9385_2eb7;

#[test]
fn hashes_of_alike_texts_differ_in_their_upper_half() {
    let mut keys: Vec<u32> = (0..200_000u32)
        .map(|number| (feature(5, hash(format!("w{number}").as_bytes())) >> 32) as u32)
        .collect();
    keys.sort_unstable();
    keys.dedup();
    // By chance 200,000² / 2³³ = 4.7 agree.
    assert!(keys.len() > 199_980, "{}", keys.len());
}

fn examples() -> impl Strategy<Value = Vec<Example>> {
    let example =
        (prop::collection::vec(0u64..30, 0..6), 0u16..5).prop_map(|(values, class)| Example {
            features: values.iter().map(|&value| feature(0, value)).collect(),
            class,
        });
    prop::collection::vec(example, 0..40)
}

proptest! {
    #[test]
    fn a_written_model_reads_back(examples in examples()) {
        let model = train(5, &examples, &plain());
        let mut bytes = Vec::new();
        model.write(&mut bytes);
        let mut values = Values::new(&bytes);
        prop_assert_eq!(&Model::read(&mut values).unwrap(), &model);
        prop_assert_eq!(values.left(), 0);
        for cut in 0..bytes.len() {
            prop_assert!(Model::read(&mut Values::new(&bytes[..cut])).is_err());
        }
        prop_assert_eq!(train(5, &examples, &plain()), model);
    }

    #[test]
    fn averages_are_the_means_of_the_weights_after_each_step(examples in examples()) {
        let settings = Settings { steps: 1000, ..plain() };
        let mut trainer = Trainer::new(5, &settings);
        let mut sums = vec![[0i64; 5]; 30];
        let mut scores = Vec::new();
        for example in &examples {
            trainer.learn(&example.features, example.class);
            for (value, sum) in (0..).zip(&mut sums) {
                trainer.scores(&[feature(0, value)], &mut scores);
                for (sum, &score) in sum.iter_mut().zip(&scores) {
                    *sum += i64::from(score);
                }
            }
        }
        let model = trainer.finish();
        for (value, sum) in (0..).zip(&sums) {
            let expected: Vec<i32> = sum
                .iter()
                .map(|&sum| (sum as f64 / examples.len().max(1) as f64 * 1000.0).round() as i32)
                .collect();
            prop_assert_eq!(weights(&model, feature(0, value)), expected);
        }
    }

    #[test]
    fn what_can_be_parted_is_parted(classes in prop::collection::vec(0u16..5, 1..20)) {
        let examples: Vec<_> = classes
            .iter()
            .enumerate()
            .map(|(index, &class)| Example { features: vec![feature(1, index as u64)], class })
            .collect();
        let model = train(5, &examples, &plain());
        for example in &examples {
            prop_assert_eq!(model.predict(&example.features), example.class);
        }
    }

    #[test]
    fn numbers_come_back(number: u64, signed: i64) {
        let mut bytes = Vec::new();
        put(&mut bytes, number);
        put_signed(&mut bytes, signed);
        let mut values = Values::new(&bytes);
        prop_assert_eq!(values.number().unwrap(), number);
        prop_assert_eq!(values.signed().unwrap(), signed);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Model::read(&mut Values::new(&bytes));
    }
}
