//! Recipes to begin with.

use kiln_dataset::TaskConfig;

use crate::Error;

/// A commented recipe for a task (`language-model`, `classification` or `regression`) that runs as it is: its corpus is
/// generated.
///
/// # Errors
/// There is no such task; a mistake.
pub fn new_recipe(task: &str) -> Result<&'static str, Error> {
    let index = TaskConfig::KINDS.iter().position(|kind| *kind == task);
    match index.and_then(|index| TEXTS.get(index)) {
        Some(text) => Ok(text),
        None => Err(Error::Task {
            task: task.to_owned(),
            known: TaskConfig::KINDS.join(", "),
        }),
    }
}

/// In the order of [`TaskConfig::KINDS`].
const TEXTS: [&str; TaskConfig::KINDS.len()] = [
    include_str!("recipes/language-model.toml"),
    include_str!("recipes/classification.toml"),
    include_str!("recipes/regression.toml"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;
    use crate::plan::UPPER_SECTIONS;
    use kiln_recipe::Recipe;

    #[test]
    fn every_recipe_is_whole_and_of_its_task() {
        for task in TaskConfig::KINDS {
            let recipe = Recipe::parse(new_recipe(task).unwrap(), "new.toml", &[]).unwrap();
            let plan = Plan::read(&recipe).unwrap();
            let named = serde_json::to_value(plan.task).unwrap();
            assert_eq!(named["kind"], task);
            for section in UPPER_SECTIONS {
                assert!(recipe.has(section), "{task}: {section}");
            }
            recipe.leave(&UPPER_SECTIONS);
            recipe.finish().unwrap();
        }
        let error = new_recipe("translation").unwrap_err();
        assert!(error.is_mistake() && error.to_string().contains("regression"));
    }
}
