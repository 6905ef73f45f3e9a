//! The README and the pages of `docs/`: their examples run on two servers and print what the pages say, and their links lead
//! somewhere.
//!
//! An example is a fence of `rust`. What it calls first is `main`, or `example` with a cluster or without. Where the next fence
//! is `text`, that is what it prints. `rust,no_run` is compiled only, `rust,since-7.0` is not run on older servers, and
//! `rust,ignore` stands in the documentation of `rediscluster-tls`, which compiles it.

use rediscluster_testing::{wait_until, Server};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The servers of all examples, which `make servers` starts at these ports; here they get others.
const PORTS: [&str; 2] = [":63791", ":63792"];

fn root() -> &'static Path {
    rediscluster_testing::repository()
}

/// The README and all pages, by their paths below the root.
fn pages() -> Vec<(String, String)> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("CONTRIBUTING.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        paths.push(Path::new("docs").join(entry.unwrap().file_name()));
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    let text = |path: &PathBuf| fs::read_to_string(root().join(path)).unwrap();
    paths.iter().map(|path| (path.to_str().unwrap().to_owned(), text(path))).collect()
}

/// A fence of a page: the words behind its backticks, its text, and the line where it begins.
struct Fence<'t> {
    words: &'t str,
    text: String,
    line: usize,
}

fn fences(page: &str) -> Vec<Fence<'_>> {
    let mut fences = Vec::new();
    let mut open: Option<Fence> = None;
    for (line, number) in page.lines().zip(1..) {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => fences.extend(open.take()),
            (Some(fence), _) => fence.text += &format!("{line}\n"),
            (None, Some(words)) => open = Some(Fence { words, text: String::new(), line: number }),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    fences
}

/// An example that is compiled, and the name of its module.
struct Example {
    module: String,
    code: String,
    runs: bool,
    since: Option<String>,
    prints: Option<String>,
}

fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    for (path, text) in pages().iter().filter(|(path, _)| path != "CONTRIBUTING.md") {
        let fences = fences(text);
        for (nth, fence) in fences.iter().enumerate() {
            let mut words = fence.words.split(',');
            let option = match (words.next(), words.next()) {
                (Some("rust"), Some("ignore")) => continue,
                (Some("rust"), option) => option,
                _ => continue,
            };
            let name: String = path.chars().map(|char| if char.is_alphanumeric() { char } else { '_' }).collect();
            let next = fences.get(nth + 1).filter(|next| next.words == "text");
            examples.push(Example {
                module: format!("{}_{}", name.to_lowercase(), fence.line),
                code: fence.text.clone(),
                runs: option != Some("no_run"),
                since: option.and_then(|option| option.strip_prefix("since-")).map(str::to_owned),
                prints: next.map(|next| next.text.clone()),
            });
        }
    }
    examples
}

/// The module of an example, with a function `run` where it runs.
fn module(example: &Example, ports: &[String; 2]) -> String {
    let call = |code: &str| {
        let starts = [
            ("fn main() -> rediscluster::Result<()>", "main()"),
            ("fn example() -> rediscluster::Result<()>", "example()"),
            ("fn example(cluster: &Cluster) -> rediscluster::Result<()>", "example(cluster)"),
            ("fn example(cluster: &Cluster) {", "Ok(example(cluster))"),
        ];
        starts.iter().find(|(start, _)| code.lines().any(|line| line.starts_with(start))).map(|(_, call)| *call)
    };
    let mut text = example.code.clone();
    if example.runs {
        let call = call(&text).unwrap_or_else(|| panic!("{} has no `example` and no `main`", example.module));
        text +=
            &format!("\npub fn run(cluster: &::rediscluster::Cluster) -> ::rediscluster::Result<()> {{ {call} }}\n");
    }
    PORTS.iter().zip(ports).fold(text, |text, (shown, real)| text.replace(shown, real))
}

/// The library as the tests have it, and the directory of what it needs. What lies there may be old.
fn library() -> (PathBuf, PathBuf) {
    let test = std::env::current_exe().unwrap();
    let dependencies = test.parent().unwrap().to_owned(); // target/debug/deps
    let profile = dependencies.parent().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--lib", "--manifest-path"]).arg(root().join("Cargo.toml"));
    cargo.arg("--target-dir").arg(profile.parent().unwrap());
    cargo.args(profile.ends_with("release").then_some("--release"));
    assert!(cargo.status().unwrap().success(), "the library is built");
    (profile.join("librediscluster.rlib"), dependencies)
}

/// One program of all examples.
fn build(examples: &[Example], ports: &[String; 2]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let mut main = "#![allow(unused)]\n".to_owned();
    let mut arms = String::new();
    for example in examples {
        fs::write(folder.join(format!("{}.rs", example.module)), module(example, ports)).unwrap();
        main += &format!("mod {};\n", example.module);
        if example.runs {
            arms += &format!("        \"{0}\" => {0}::run(&cluster),\n", example.module);
        }
    }
    main += "fn main() -> rediscluster::Result<()> {\n    let words: Vec<String> = std::env::args().collect();\n    \
        let cluster = rediscluster::Cluster::builder().nodes(&words[2]).connect()?;\n    match words[1].as_str() {\n";
    main += &format!("{arms}        other => panic!(\"no example {{other}}\"),\n    }}\n}}\n");
    fs::write(folder.join("main.rs"), main).unwrap();
    let (library, dependencies) = library();
    let program = folder.join("pages");
    // The compiler that belongs to this cargo.
    let mut rustc = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"));
    rustc.args(["--edition", "2021"]).arg(folder.join("main.rs")).arg("-o").arg(&program);
    rustc.arg("--extern").arg(format!("rediscluster={}", library.display()));
    rustc.arg("-L").arg(format!("dependency={}", dependencies.display()));
    let built = rustc.output().unwrap();
    assert!(built.status.success(), "an example is not Rust:\n{}", String::from_utf8_lossy(&built.stderr));
    program
}

#[test]
fn the_examples_run_and_print_what_the_pages_say() {
    let servers = [Server::start(), Server::start()];
    let ports = [0, 1].map(|at| format!(":{}", servers[at].port()));
    let examples = examples();
    let program = build(&examples, &ports);
    let nodes = format!("node_1=127.0.0.1{},node_2=127.0.0.1{}", ports[0], ports[1]);
    let mut wrong = Vec::new();
    let mut ran = 0;
    for example in examples.iter().filter(|example| example.runs) {
        let name = &example.module;
        if example.since.as_ref().is_some_and(|since| !servers[0].is_since(since, name)) {
            continue;
        }
        servers.iter().for_each(|server| drop(server.ask(&["FLUSHALL"])));
        let mut command = Command::new(&program);
        command.args([name, &nodes]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        wait_until(name, || child.try_wait().unwrap().is_some());
        let output = child.wait_with_output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let printed = PORTS.iter().zip(&ports).fold(printed, |text, (shown, real)| text.replace(real, shown));
        if !output.status.success() {
            wrong.push(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
        } else if example.prints.as_ref().is_some_and(|prints| *prints != printed) {
            wrong.push(format!("{name} prints\n{printed}and the page says\n{}", example.prints.as_ref().unwrap()));
        }
        ran += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran >= 15, "{ran} examples ran");
}

#[test]
fn the_example_of_tls_is_that_of_its_package() {
    let code = fs::read_to_string(root().join("tls/src/lib.rs")).unwrap();
    let lines = code.lines().filter_map(|line| line.strip_prefix("//!"));
    let documentation: String = lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    for (path, text) in pages() {
        for fence in fences(&text).iter().filter(|fence| fence.words == "rust,ignore") {
            assert!(documentation.contains(&fence.text), "{path}:{} is not in tls/src/lib.rs", fence.line);
        }
    }
}

/// The first program of the README is the one that `cargo run --example hello` runs.
#[test]
fn the_first_program_is_an_example() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let fences = fences(&readme);
    let first = fences.iter().position(|fence| fence.words == "rust").expect("a program");
    assert_eq!(fences[first].text, fs::read_to_string(root().join("examples/hello.rs")).unwrap());
    assert_eq!(fences[first + 1].words, "text", "and then what it prints");
}

/// What a heading is called in a link, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// The anchors of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut in_fence = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        in_fence ^= line.starts_with("```");
        if let Some(heading) = line.strip_prefix('#').filter(|_| !in_fence) {
            anchors.insert(anchor(heading.trim_start_matches('#')));
        }
    }
    anchors
}

/// Where the links of a page lead within the repository: a path below the root, and an anchor.
fn links(path: &str, text: &str) -> Vec<(String, String)> {
    let folder = Path::new(path).parent().unwrap();
    // Fences have none, and a link may break its line.
    let text: String = text.split("\n```").step_by(2).collect::<String>().replace('\n', " ");
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let inner = targets.filter(|target| !target.contains("://") && !target.contains(' ')).map(|target| {
        let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
        let mut full = if file.is_empty() { PathBuf::from(path) } else { folder.join(file) };
        if let Ok(up) = full.strip_prefix("docs/..") {
            full = up.to_owned();
        }
        (full.to_str().unwrap().to_owned(), anchor.to_owned())
    });
    inner.collect()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (path, text) in pages() {
        for (target, anchor) in links(&path, &text) {
            seen += 1;
            let full = root().join(&target);
            if !full.exists() {
                wrong.push(format!("{path}: there is no {target}"));
            } else if !anchor.is_empty() && !anchors(&fs::read_to_string(full).unwrap()).contains(&anchor) {
                wrong.push(format!("{path}: {target} has no heading #{anchor}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 50, "{seen} links");
}

/// The README leads to the index and the index to every page: two clicks.
#[test]
fn every_page_is_in_the_index() {
    let linked = |path: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join(path)).unwrap();
        links(path, &text).into_iter().map(|(target, _)| target.trim_end_matches('/').to_owned()).collect()
    };
    let readme = linked("README.md");
    assert!(readme.contains("docs/README.md") || readme.contains("docs"), "the README leads to the index");
    let index = linked("docs/README.md");
    for (path, _) in pages().iter().filter(|(path, _)| path.starts_with("docs/") && path != "docs/README.md") {
        assert!(index.contains(path), "docs/README.md does not lead to {path}");
    }
}

#[test]
fn the_readme_is_short_and_names_the_repository_as_cargo_does() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.lines().count() <= 180, "{} lines", readme.lines().count());
    let repository = env!("CARGO_PKG_REPOSITORY");
    assert!(readme.contains(&format!("git = \"{repository}\"")), "how to depend on {repository}");
}
