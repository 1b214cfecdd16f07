//! The plans of the examples folder are right, by the parser and by the schema.

use std::path::Path;

use suite::Given;

use crate::schema;

fn plans() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut plans = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        for name in ["plan.yaml", "staging.yaml"] {
            plans.extend(Some(path.join(name)).filter(|plan| plan.is_file()));
        }
    }
    plans.sort();
    plans
}

#[test]
fn each_seed_has_a_plan_for_here_and_one_for_its_own_system() {
    let plans = plans();
    assert_eq!(plans.len(), 10, "{plans:?}");
    let var = |_: &str| None;
    for plan in plans {
        let given = Given { var: &var, target: None, folder: None, forwards: &[] };
        let loaded = suite::read(&plan, given).unwrap_or_else(|mistakes| {
            let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
            panic!("{}", told.join("\n"))
        });
        let text = suite::dry(&loaded, &[], 0.02).unwrap();
        assert!(text.contains("run        squall "), "{text}");
        let errors = schema::errors(&suite::to_json(&loaded.text).unwrap());
        assert!(errors.is_empty(), "{}: {errors:#?}", plan.display());
    }
}
