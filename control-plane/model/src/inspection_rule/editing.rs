//! What actions do, with their arguments filled in.

use super::action::{self, Action, Call};
use super::arguments::{flag, text};
use super::node_view::NodeView;
use super::path;
use super::port_view::{self, Edit, Unique};
use super::python;
use super::rule::Rule;
use super::run::Level;
use crate::node::Object;
use crate::port::Port;
use serde_json::Value;

/// What rules change.
pub(super) struct Changed {
    pub(super) node: NodeView,
    pub(super) ports: Vec<Port>,
    /// An object.
    pub(super) plugin_data: Value,
}

/// What an action comes to, beside its changes.
pub(super) enum Effect {
    None,
    Log(Level, String),
    Call(Call),
    /// The machine is refused.
    Fail(String),
}

/// Does one action.
///
/// # Errors
/// One sentence: it cannot be done with these arguments.
pub(super) fn perform(
    action: Action,
    args: &Object,
    changed: &mut Changed,
    rule: &Rule,
) -> Result<Effect, String> {
    let value = || args.get("value").cloned().unwrap_or_default();
    match action {
        Action::Fail => {
            return Ok(Effect::Fail(python::text(
                args.get("msg").unwrap_or(&Value::Null),
            )));
        }
        Action::Log => {
            let message = python::text(args.get("msg").unwrap_or(&Value::Null));
            return Ok(Effect::Log(level(args)?, message));
        }
        Action::ApiCall => {
            return action::call(args, rule.label().to_owned(), rule.sensitive()).map(Effect::Call);
        }
        Action::SetAttribute => changed.node.set(text(args, "path")?, value())?,
        Action::ExtendAttribute => {
            let unique = flag(args, "unique")?;
            changed.node.extend(text(args, "path")?, value(), unique)?;
        }
        Action::DelAttribute => changed.node.remove(text(args, "path")?)?,
        Action::SetCapability => {
            let value = python::text(&value());
            changed.node.set_capability(text(args, "name")?, &value)?;
        }
        Action::UnsetCapability => changed.node.unset_capability(text(args, "name")?)?,
        Action::AddTrait => changed.node.add_trait(text(args, "name")?)?,
        Action::RemoveTrait => changed.node.remove_trait(text(args, "name")?)?,
        Action::SetPluginData | Action::ExtendPluginData | Action::UnsetPluginData => {
            let plugin_data = changed.plugin_data.as_object_mut();
            edit_plugin_data(
                action,
                args,
                plugin_data.ok_or("plugin data are no object")?,
            )?;
        }
        Action::SetPortAttribute => edit_port(args, changed, Edit::Set(value()))?,
        Action::ExtendPortAttribute => {
            let unique = if flag(args, "unique")? {
                Unique::Yes
            } else {
                Unique::No
            };
            edit_port(args, changed, Edit::Extend(value(), unique))?;
        }
        Action::DelPortAttribute => edit_port(args, changed, Edit::Remove)?,
    }
    Ok(Effect::None)
}

fn edit_port(args: &Object, changed: &mut Changed, edit: Edit) -> Result<(), String> {
    let (id, path) = (text(args, "port_id")?, text(args, "path")?);
    port_view::edit(&mut changed.ports, id, path, edit)
}

fn edit_plugin_data(action: Action, args: &Object, data: &mut Object) -> Result<(), String> {
    let parts = path::dotted(text(args, "path")?)?;
    let value = args.get("value").cloned().unwrap_or_default();
    match action {
        Action::SetPluginData => path::set(data, &parts, value),
        Action::ExtendPluginData => path::extend(data, &parts, value, flag(args, "unique")?),
        _ => {
            path::remove(data, &parts);
            // An object whose last entry went goes with it, as in Ironic.
            if let Some((_, way)) = parts.split_last().filter(|(_, way)| !way.is_empty()) {
                let emptied = way
                    .iter()
                    .try_fold(&*data, |object, part| object.get(*part)?.as_object());
                if emptied.is_some_and(Object::is_empty) {
                    path::remove(data, way);
                }
            }
            Ok(())
        }
    }
}

fn level(args: &Object) -> Result<Level, String> {
    let name = match args.get("level") {
        None | Some(Value::Null) => "info".to_owned(),
        Some(Value::String(name)) => name.to_lowercase(),
        Some(other) => other.to_string(),
    };
    name.parse().map_err(|_| {
        format!("level is {name:?} and must be debug, info, warning, error or critical")
    })
}
