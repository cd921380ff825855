//! Every file of tests/scenarios, played on two Verilated engines.

use std::path::{Path, PathBuf};

use espalier::scenario::{self, world::World};
use espalier_hdl::engine::Espalier;
use espalier_sim::Model;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenarios")
}

#[test]
fn every_scenario_goes_as_it_says() {
    let mut files: Vec<_> = std::fs::read_dir(folder()).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "scenario"));
    files.sort();
    assert!(files.len() >= 12, "{} scenarios", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let engine = || Model::build::<Espalier>("espalier").expect("the engine");
        let scenario = scenario::read(file).unwrap_or_else(|error| panic!("{error}"));
        let mut world = World::new([engine(), engine()]).expect("two hosts");
        let report = scenario::run(file, &scenario, &mut world, &mut |_| {}).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        wrong.extend(report.mismatch.map(|told| format!("{}: {told}", file.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_list_of_scenarios_is_whole() {
    let list = std::fs::read_to_string(folder().join("README.md")).expect("the list");
    for entry in std::fs::read_dir(folder()).expect("the folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(name == "README.md" || list.contains(&name), "{name} is not in tests/scenarios/README.md");
    }
}
