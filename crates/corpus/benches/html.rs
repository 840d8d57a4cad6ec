//! How fast the text of web pages is found, on one core: `cargo bench -p kiln-corpus --bench html`
//!
//! The pages of `article-extraction` in the folder that `KILN_DATA` names; without it, pages that are generated here.
#![allow(clippy::unwrap_used)]

mod cpu_time;

use std::hint::black_box;
use std::io::Read;
use std::path::Path;

use cpu_time::CpuTime;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use kiln_corpus::extract::html::{Options, all_text, main_text};

fn pages() -> Vec<String> {
    let pages = match std::env::var_os("KILN_DATA") {
        Some(folder) => read(&Path::new(&folder).join("article-extraction/html")),
        None => (0..40).map(generate).collect(),
    };
    assert!(!pages.is_empty(), "no pages");
    pages
}

fn read(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let page = |path| {
        let mut bytes = Vec::new();
        flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap())
            .read_to_end(&mut bytes)
            .unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    paths.iter().map(page).collect()
}

/// About 60 kB with the shares of a news page: most of it scripts and links, a tenth of it text.
fn generate(number: usize) -> String {
    let script = "<script>window.data = window.data || []; data.push({\"key\": \"value\", \"list\": [1, 2, 3]});</script>\n";
    let link = "<li class=\"menu-item menu-item-type-custom\"><a href=\"https://example.org/a/b/c\" class=\"link\">A link</a></li>\n";
    let teaser = "<div class=\"teaser card\"><a href=\"/story\"><img src=\"a.jpg\" alt=\"\"><h3>Another story</h3></a></div>\n";
    let paragraph = "<p class=\"text\">The morning ferry did not leave the harbour, because the fog was thick, and the \
        captain, who <a href=\"/captain\">knew the route</a>, could not see the pier &ndash; or anything else.</p>\n";
    format!(
        "<!doctype html><html lang=en><head><title>Page {number}</title>{}</head><body><nav><ul>{}</ul></nav>\
         <article class=\"post\"><h1>Page {number}</h1><div class=\"entry-content\">{}</div></article><aside>{}</aside></body></html>",
        script.repeat(200),
        link.repeat(120),
        paragraph.repeat(30),
        teaser.repeat(120),
    )
}

fn bench(criterion: &mut Criterion<CpuTime>) {
    let pages = pages();
    let options = Options::default();
    let mut group = criterion.benchmark_group("html");
    group.throughput(Throughput::BytesDecimal(
        pages.iter().map(|page| page.len() as u64).sum(),
    ));
    group.sample_size(20);
    group.bench_function("main text", |bencher| {
        bencher.iter(|| {
            pages
                .iter()
                .map(|page| main_text(black_box(page), &options).text.len())
                .sum::<usize>()
        });
    });
    group.bench_function("all text", |bencher| {
        bencher.iter(|| {
            pages
                .iter()
                .map(|page| all_text(black_box(page), &options).len())
                .sum::<usize>()
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = cpu_time::criterion();
    targets = bench
}
criterion_main!(benches);
