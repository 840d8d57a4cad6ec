//! Tokens a second: `KILN_DATA=... cargo bench -p kiln-preprocess --bench lemmas`. KILN_DATA is a folder with
//! `nlp/ud/en_ewt-dev.conllu`; without it a short text is taken over and over.

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_preprocess::lemma::Given;
use kiln_preprocess::{Lemmatizer, conllu};

const TEXT: &str = "The studies of the old ships were published by two larger houses , which had bought them in \
    1987 and then sold most of their copies to readers who never opened them .";

type Tagged = Vec<Vec<[String; 3]>>;

fn sentences() -> Tagged {
    let data = std::env::var("KILN_DATA")
        .ok()
        .map(|data| Path::new(&data).join("nlp/ud/en_ewt-dev.conllu"));
    match data.filter(|path| path.is_file()) {
        Some(path) => conllu::open(&path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|sentence| {
                let words = sentence.words();
                words
                    .map(|row| [row.form(), row.upos(), row.xpos()].map(str::to_owned))
                    .collect()
            })
            .collect(),
        None => {
            let words: Vec<&str> = TEXT.split(' ').collect();
            let tagged = Lemmatizer::english().lemmatize(&words);
            let words = words.iter().zip(&tagged);
            vec![
                words
                    .map(|(form, word)| [form, word.upos, word.second].map(str::to_owned))
                    .collect();
                1000
            ]
        }
    }
}

fn lemmas(criterion: &mut Criterion) {
    let english = Lemmatizer::english();
    let sentences = sentences();
    let forms: Vec<Vec<&str>> = sentences
        .iter()
        .map(|words| words.iter().map(|word| word[0].as_str()).collect())
        .collect();
    let given: Vec<Vec<Given<'_>>> = sentences
        .iter()
        .map(|words| {
            words
                .iter()
                .map(|word| Given {
                    upos: &word[1],
                    second: &word[2],
                })
                .collect()
        })
        .collect();
    let mut group = criterion.benchmark_group("lemmas");
    group.sample_size(10);
    group.throughput(Throughput::Elements(
        forms.iter().map(Vec::len).sum::<usize>() as u64,
    ));
    group.bench_function("tagged here", |bencher| {
        bencher.iter(|| {
            for forms in &forms {
                black_box(english.lemmatize(forms));
            }
        });
    });
    group.bench_function("tags given", |bencher| {
        bencher.iter(|| {
            for (forms, given) in forms.iter().zip(&given) {
                black_box(english.lemmatize_tagged(forms, given));
            }
        });
    });
    group.bench_function("no tags", |bencher| {
        bencher.iter(|| {
            for form in forms.iter().flatten() {
                black_box(english.lemma(form));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, lemmas);
criterion_main!(benches);
