//! Compiles the shim against the libtorch that `.cargo/local.toml` names.

use std::path::PathBuf;

const SOURCES: [&str; 4] = ["kiln_shim", "linear_cross_entropy", "checkpoint", "memory"];

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-changed=shim");
    let Some(libtorch) = std::env::var_os("LIBTORCH").map(PathBuf::from) else {
        panic!("LIBTORCH is not set: run scripts/setup.sh, which writes .cargo/local.toml");
    };
    let include = libtorch.join("include");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .define("_GLIBCXX_USE_CXX11_ABI", "1")
        .flag("-isystem")
        .flag(include.to_str().expect("the libtorch path is UTF-8"))
        .flag("-isystem")
        .flag(
            include
                .join("torch/csrc/api/include")
                .to_str()
                .expect("the libtorch path is UTF-8"),
        )
        .opt_level(2)
        .debug(false)
        .files(SOURCES.map(|name| format!("shim/{name}.cpp")))
        .compile("kiln_shim");
    println!(
        "cargo:rustc-link-search=native={}",
        libtorch.join("lib").display()
    );
    println!("cargo:rustc-link-lib=torch_cpu");
    println!("cargo:rustc-link-lib=c10");
}
