//! Every test is a target of its package: `tests/Cargo.toml` lists them, because cargo finds none by itself there.

use std::fs;

#[test]
fn every_test_of_the_library_is_in_the_list() {
    let folder = rediscluster_testing::repository().join("tests");
    let listed = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = match name.strip_suffix(".rs") {
            Some(_) => name,
            None if folder.join(&name).join("main.rs").is_file() => format!("{name}/main.rs"),
            None => continue,
        };
        assert!(
            listed.contains(&format!("path = \"{path}\"\n")),
            "tests/Cargo.toml lists {path}, or it would never run"
        );
    }
}
