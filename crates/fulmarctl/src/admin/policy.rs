//! The configuration objects of the original: at which scope what was said, and what is in force for whom.

use std::io::Write;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Client;

/// What somebody should know who switches NTLM on.
const NTLM_WARNING: &str = "\
Warning: for NTLM the box keeps a second hash of each password. It is sealed, but whoever gets hold of it and of the
key file can sign in with it as if it were the password, or guess the password from it within hours. Switch it off
(UseWindowsAuth=None) when no client needs it any more: the hashes are then deleted.
People can use NTLM once they have signed in in another way, or were given a new password.";

/// Commands about the configuration objects.
#[derive(Subcommand)]
pub enum PolicyCommand {
    /// Lists the objects and the scopes at which something was said.
    List,
    /// Prints an object, such as McxConfiguration, with its defaults.
    Show {
        /// The object.
        object: String,
        /// `global`, `site:office.example` or, for a MobilityPolicy, `tag:name`.
        #[arg(long, default_value = "global", conflicts_with = "person")]
        scope: String,
        /// What is in force for this person (anna@office.example), and which scope decides.
        #[arg(long = "for")]
        person: Option<String>,
    },
    /// Sets parameters of an object; those that are not named stay as they are at that scope.
    Set {
        /// The object.
        object: String,
        /// `global`, `site:office.example` or, for a MobilityPolicy, `tag:name`.
        #[arg(long, default_value = "global")]
        scope: String,
        /// `Name=value`; a list has its name before each entry, and `Name=` puts the default back.
        #[arg(required = true)]
        parameters: Vec<String>,
    },
    /// Forgets what an object says at a scope; a wider scope decides from then on.
    Remove {
        /// The object.
        object: String,
        /// The scope.
        #[arg(long)]
        scope: String,
    },
    /// Grants a MobilityPolicy to a person, in place of the one of their site.
    Grant {
        /// The person.
        person: String,
        /// The name behind `tag:`; left out, the person has that of their site again.
        policy: Option<String>,
    },
}

#[derive(Deserialize)]
struct Object {
    object: String,
    scopes: Vec<String>,
}

#[derive(Deserialize)]
struct Configuration {
    object: String,
    scope: Option<String>,
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    value: Value,
    default: Value,
}

#[derive(Deserialize)]
struct Changed {
    before: Option<Map<String, Value>>,
}

/// Carries a command out.
///
/// # Errors
/// When a parameter has no `=`, or the box refuses or can not be asked.
pub async fn run(client: &Client, command: PolicyCommand, out: &mut impl Write) -> Result<()> {
    match command {
        PolicyCommand::List => {
            for Object { object, scopes } in client.get::<Vec<Object>>("/api/v1/policies").await? {
                let scopes = if scopes.is_empty() { "defaults".to_owned() } else { scopes.join(" ") };
                writeln!(out, "{object:<30} {scopes}")?;
            }
            Ok(())
        }
        PolicyCommand::Show { object, scope, person } => {
            let path = match person {
                Some(person) => format!("/api/v1/policies/{object}?person={person}"),
                None => format!("/api/v1/policies/{object}/{scope}"),
            };
            show(&client.get(&path).await?, out)
        }
        PolicyCommand::Set { object, scope, parameters } => {
            set(client, &object, &scope, &assignments(&parameters)?, out).await
        }
        PolicyCommand::Remove { object, scope } => {
            let path = format!("/api/v1/policies/{object}/{scope}");
            let Changed { before } =
                serde_json::from_value(client.change(Method::DELETE, &path, &()).await?)?;
            writeln!(out, "{object} says nothing at {scope} any more.")?;
            writeln!(out, "Undo: {}", command_for(&object, &scope, &before.unwrap_or_default()))?;
            Ok(())
        }
        PolicyCommand::Grant { person, policy } => {
            let path = format!("/api/v1/people/{person}/mobility-policy");
            let changed = client.change(Method::PUT, &path, &json!({ "policy": policy })).await?;
            match &policy {
                Some(policy) => writeln!(out, "{person} has the policy tag:{policy}.")?,
                None => writeln!(out, "{person} has the policy of their site.")?,
            }
            let before = changed["before"].as_str();
            if before != policy.as_deref() {
                let command = format!("fulmarctl policy grant {person} {}", before.unwrap_or_default());
                writeln!(out, "Undo: {}", command.trim_end())?;
            }
            Ok(())
        }
    }
}

async fn set(
    client: &Client,
    object: &str,
    scope: &str,
    parameters: &Map<String, Value>,
    out: &mut impl Write,
) -> Result<()> {
    let path = format!("/api/v1/policies/{object}/{scope}");
    let Changed { before } = serde_json::from_value(client.change(Method::PUT, &path, parameters).await?)?;
    writeln!(out, "{object} at {scope} is changed.")?;
    let is_ntlm = |(name, value): (&String, &Value)| {
        name.eq_ignore_ascii_case("UseWindowsAuth") && shown(value).eq_ignore_ascii_case("NTLM")
    };
    if parameters.iter().any(is_ntlm) {
        writeln!(out, "{NTLM_WARNING}")?;
    }
    match before {
        None => writeln!(out, "Undo: fulmarctl policy remove {object} --scope {scope}")?,
        Some(before) => {
            let same = |name: &str| parameters.keys().any(|set| set.eq_ignore_ascii_case(name));
            let before = before.into_iter().filter(|(name, _)| same(name)).collect();
            writeln!(out, "Undo: {}", command_for(object, scope, &before))?;
        }
    }
    Ok(())
}

/// The scopes that say `False` for a parameter.
pub(super) async fn scopes_without(client: &Client, object: &str, parameter: &str) -> Result<Vec<String>> {
    let objects: Vec<Object> = client.get("/api/v1/policies").await?;
    let mut without = Vec::new();
    for scope in objects.into_iter().filter(|found| found.object == object).flat_map(|found| found.scopes) {
        let said: Configuration = client.get(&format!("/api/v1/policies/{object}/{scope}")).await?;
        if said.parameters.iter().any(|found| found.name == parameter && found.value == false) {
            without.push(scope);
        }
    }
    Ok(without)
}

fn show(configuration: &Configuration, out: &mut impl Write) -> Result<()> {
    let Configuration { object, scope, parameters } = configuration;
    match scope {
        Some(scope) => writeln!(out, "{object}, as {scope} says")?,
        None => writeln!(out, "{object}, by default: nobody said anything")?,
    }
    let width = parameters.iter().map(|parameter| parameter.name.len()).max().unwrap_or(0);
    for Parameter { name, value, default } in parameters {
        let (value, default) = (shown(value), shown(default));
        let note = if value == default { String::new() } else { format!("  [default: {default}]") };
        writeln!(out, "{name:<width$}  {value}{note}")?;
    }
    Ok(())
}

/// Assignments to the same name are the entries of a list.
fn assignments(parameters: &[String]) -> Result<Map<String, Value>> {
    let mut map = Map::new();
    for parameter in parameters {
        let (name, value) =
            parameter.split_once('=').with_context(|| format!("`{parameter}` is not `Name=value`"))?;
        let known = map.keys().find(|known| known.eq_ignore_ascii_case(name)).cloned();
        let entry = map.entry(known.unwrap_or_else(|| name.to_owned()));
        let Value::Array(words) = entry.or_insert_with(|| json!([])) else {
            bail!("`{name}` is given in two ways")
        };
        if !value.is_empty() {
            words.push(value.into());
        }
    }
    Ok(map)
}

fn shown(value: &Value) -> String {
    let words = words(value);
    if words.is_empty() { "none".to_owned() } else { words.join(" ") }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Bool(true) => vec!["True".to_owned()],
        Value::Bool(false) => vec!["False".to_owned()],
        Value::String(text) => vec![text.clone()],
        Value::Array(entries) => entries.iter().flat_map(words).collect(),
        other => vec![other.to_string()],
    }
}

/// The command that sets these values, ready for a shell.
fn command_for(object: &str, scope: &str, values: &Map<String, Value>) -> String {
    let mut command = format!("fulmarctl policy set {object} --scope {scope}");
    for (name, value) in values {
        let words = words(value);
        if words.is_empty() {
            command.push_str(&format!(" {name}="));
        }
        for word in words {
            let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/@=".contains(&b));
            let quote = if plain { "" } else { "'" };
            command.push_str(&format!(" {quote}{name}={word}{quote}"));
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_undoes_a_change_is_read_back_as_what_was() {
        let before = json!({ "A": true, "B": ["https://a.test", "x=https://b.test/?c=d"], "C": [], "D": -1 });
        let command = command_for("Object", "global", before.as_object().unwrap());
        assert_eq!(
            command,
            "fulmarctl policy set Object --scope global A=True B=https://a.test \
             'B=x=https://b.test/?c=d' C= D=-1"
        );
        let arguments: Vec<_> =
            command.split(' ').skip(6).map(|word| word.trim_matches('\'').to_owned()).collect();
        let read = assignments(&arguments).unwrap();
        assert_eq!(read["B"], before["B"]);
        assert_eq!((&read["A"], &read["C"], &read["D"]), (&json!(["True"]), &json!([]), &json!(["-1"])));
        assert!(assignments(&["A".to_owned()]).is_err());
    }
}
