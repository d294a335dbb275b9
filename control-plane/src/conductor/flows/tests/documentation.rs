//! `docs/steps.md` has the steps of every list, and no others.

use super::*;

/// What stands in docs/steps.md: the steps of each section in back quotes at the beginning of a row.
fn documented(section: &str) -> Option<String> {
    let text = include_str!("../../../../../docs/steps.md");
    let body = text.split("\n## ").find_map(|part| {
        let (title, body) = part.split_once('\n')?;
        let names: Vec<&str> = title.split(", ").collect();
        names.contains(&section).then_some(body)
    })?;
    let rows = body.lines().filter_map(|line| line.strip_prefix("| `"));
    let steps: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    Some(steps.join(" "))
}

/// A verification of a machine whose driver has something to verify, without that.
fn around_verification() -> Vec<Step> {
    let clock = driver("management", "verify_bmc_clock", 1);
    let mut steps = verify(&[clock], &toml::from_str("").unwrap());
    assert_eq!(steps.len(), 3);
    steps.retain(|step| step.by == Performer::Conductor);
    steps
}

#[test]
fn the_documentation_has_every_step_of_flows_with_fake_interfaces() {
    let (real, mut fake) = (node("direct"), node("fake"));
    for kind in ["inspect", "rescue"] {
        fake.interfaces.insert(kind.to_owned(), "fake".to_owned());
    }
    let mut others = Vec::new();
    for (activity, _) in ACTIVITIES {
        let list = names(&steps(activity, &fake));
        let is_new = list != names(&steps(activity, &real)) && !others.contains(&list);
        if is_new && !list.is_empty() {
            others.push(list);
        }
    }
    assert_eq!(documented("with fake interfaces"), Some(others.join(" ")));
}

#[test]
fn the_documentation_has_every_step_of_every_flow() {
    for (activity, name) in ACTIVITIES {
        let steps = match activity {
            Activity::Verify => around_verification(),
            _ => steps(activity, &node("direct")),
        };
        assert_eq!(documented(name), Some(names(&steps)), "{name}");
    }
    let mut node = node("direct");
    let deploys = steps(Activity::Deploy, &node);
    let run = run_of(Activity::Deploy, deploys, 5);
    let left = names(&clearing_up(&run, &node, PowerOff::Yes));
    assert_eq!(documented("after a failure"), Some(left));
    node.disable_power_off = true;
    let restarts = clearing_up(&run, &node, PowerOff::Yes);
    let extra: Vec<_> = restarts.into_iter().map(|step| step.id).collect();
    let restart = extra.last().unwrap().to_string();
    assert_eq!(documented("instead of switching off"), Some(restart));
}

/// Each row says something in each of its columns.
#[test]
fn the_documentation_leaves_no_cell_empty() {
    let text = include_str!("../../../../../docs/steps.md");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() > 40, "{}", rows.len());
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert!(
            cells.len() == 4 && cells.iter().all(|cell| cell.len() > 3),
            "{row}"
        );
    }
}
