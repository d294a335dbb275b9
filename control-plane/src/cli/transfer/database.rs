//! The secrets in an Ironic's database, asked for with the database's own command: no client of MySQL or SQLite is in
//! here, and whoever runs Ironic has it. Nothing is written. `docs/transfer.md` shows the same by hand.

use anyhow::{Context, bail};
use reqwest::Url;
use std::process::Stdio;
use tokio::process::Command;

/// How each kind of database is asked for a line a record, as [`super::secrets::Secrets`] reads them.
struct Queries {
    /// Nodes and volume targets.
    nodes: &'static str,
    /// Sensitive inspection rules, which older Ironics have no table for.
    rules: &'static str,
}

const SQLITE: Queries = Queries {
    nodes: "SELECT json_object('uuid', uuid, 'driver_info', json(driver_info), 'instance_info', json(instance_info)) FROM nodes; \
        SELECT json_object('uuid', uuid, 'properties', json(properties)) FROM volume_targets;",
    rules: "SELECT json_object('uuid', uuid, 'conditions', json(conditions), 'actions', json(actions)) FROM inspection_rules WHERE sensitive;",
};
const MYSQL: Queries = Queries {
    nodes: "SELECT JSON_OBJECT('uuid', uuid, 'driver_info', JSON_EXTRACT(driver_info, '$'), 'instance_info', JSON_EXTRACT(instance_info, '$')) FROM nodes; \
        SELECT JSON_OBJECT('uuid', uuid, 'properties', JSON_EXTRACT(properties, '$')) FROM volume_targets;",
    rules: "SELECT JSON_OBJECT('uuid', uuid, 'conditions', JSON_EXTRACT(conditions, '$'), 'actions', JSON_EXTRACT(actions, '$')) FROM inspection_rules WHERE sensitive;",
};
const POSTGRES: Queries = Queries {
    nodes: "SELECT json_build_object('uuid', uuid, 'driver_info', driver_info::json, 'instance_info', instance_info::json) FROM nodes; \
        SELECT json_build_object('uuid', uuid, 'properties', properties::json) FROM volume_targets;",
    rules: "SELECT json_build_object('uuid', uuid, 'conditions', conditions::json, 'actions', actions::json) FROM inspection_rules WHERE sensitive;",
};

/// What is run, and the variable in which it is told the password: arguments can be seen by everybody.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    program: &'static str,
    arguments: Vec<String>,
    password: Option<(&'static str, String)>,
}

/// The lines of the database that the URL names, as `[database] connection` has it.
pub(super) async fn read(url: &str) -> anyhow::Result<String> {
    let nodes = ask(question(url, |queries| queries.nodes)?).await?;
    match ask(question(url, |queries| queries.rules)?).await {
        Ok(rules) => Ok(nodes + &rules),
        Err(error) if has_no_rules(&error.to_string()) => Ok(nodes),
        Err(error) => Err(error),
    }
}

/// In the words of each kind of database.
fn has_no_rules(said: &str) -> bool {
    let is_missing = ["no such table", "doesn't exist", "does not exist"];
    said.contains("inspection_rules") && is_missing.iter().any(|words| said.contains(words))
}

async fn ask(question: Question) -> anyhow::Result<String> {
    let program = question.program;
    let mut command = Command::new(program);
    command
        .args(&question.arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some((variable, password)) = &question.password {
        command.env(variable, password);
    }
    let answer = command.output().await.with_context(|| {
        format!("running {program}, which reads the database: install it, or write its answer into a file for --secrets")
    })?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        bail!("{program} could not read the database: {}", said.trim());
    }
    String::from_utf8(answer.stdout).with_context(|| format!("reading what {program} answers"))
}

fn question(url: &str, of: fn(&Queries) -> &'static str) -> anyhow::Result<Question> {
    if let Some(path) = url.strip_prefix("sqlite:///") {
        // No start-up file of the user's, and no writing.
        let options = ["-batch", "-noheader", "-readonly", "-init", "/dev/null"];
        let arguments = options.into_iter().chain([path, of(&SQLITE)]);
        return Ok(Question {
            program: "sqlite3",
            arguments: arguments.map(str::to_owned).collect(),
            password: None,
        });
    }
    // The URL is not quoted: it may have a password.
    let url = Url::parse(url).context("reading the URL of the database")?;
    let kind = url.scheme().split('+').next().unwrap_or_default();
    let database = url.path().trim_start_matches('/').to_owned();
    let user = decoded(url.username());
    if database.is_empty() || user.is_empty() {
        bail!(
            "the URL of the database must name a user and a database: mysql://USER:PASSWORD@HOST/ironic"
        );
    }
    let host = url
        .host_str()
        .unwrap_or("localhost")
        .trim_matches(['[', ']'])
        .to_owned();
    let password = url.password().map(decoded);
    let option = |name: &str, value: String| format!("--{name}={value}");
    let mut arguments = vec![option("host", host)];
    arguments.extend(url.port().map(|port| option("port", port.to_string())));
    match kind {
        "mysql" | "mariadb" => {
            arguments.push(option("user", user));
            arguments.extend(["--batch", "--raw", "--skip-column-names"].map(str::to_owned));
            arguments.extend([option("execute", of(&MYSQL).to_owned()), database]);
            Ok(Question {
                program: "mysql",
                arguments,
                password: password.map(|password| ("MYSQL_PWD", password)),
            })
        }
        "postgresql" | "postgres" => {
            arguments.push(option("username", user));
            let fixed = [
                "--no-psqlrc",
                "--tuples-only",
                "--no-align",
                "--no-password",
            ];
            arguments.extend(fixed.map(str::to_owned));
            arguments.push("--set=ON_ERROR_STOP=1".to_owned());
            arguments.push(option("dbname", database));
            // Older ones show the answer to the last statement of a command only.
            let statements = of(&POSTGRES).split_terminator(';');
            arguments
                .extend(statements.map(|statement| option("command", statement.trim().to_owned())));
            Ok(Question {
                program: "psql",
                arguments,
                password: password.map(|password| ("PGPASSWORD", password)),
            })
        }
        _ => bail!(
            "a database of the kind {kind:?} cannot be read: it must be sqlite, mysql or postgresql; for another one write the secrets into a file for --secrets"
        ),
    }
}

/// What stands in a URL as `%40`.
fn decoded(text: &str) -> String {
    let query = text
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(text, _)| text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_an_argument() {
        let cases = [
            (
                "mysql+pymysql://ironic:p%40ss+1@db.example/ironic?charset=utf8",
                "mysql",
                "MYSQL_PWD",
            ),
            (
                "postgresql://ironic:p%40ss+1@db.example:5433/ironic",
                "psql",
                "PGPASSWORD",
            ),
        ];
        for (url, program, variable) in cases {
            let question = question(url, |queries| queries.nodes).unwrap();
            assert_eq!(question.program, program);
            assert_eq!(question.password, Some((variable, "p@ss+1".to_owned())));
            let arguments = question.arguments.join(" ");
            assert!(arguments.contains("--host=db.example"), "{arguments}");
            assert!(
                arguments.contains("ironic") && !arguments.contains("p@ss"),
                "{arguments}"
            );
        }
        let sqlite = question("sqlite:////var/lib/ironic/ironic.sqlite", |queries| {
            queries.rules
        })
        .unwrap();
        assert_eq!(sqlite.arguments[5], "/var/lib/ironic/ironic.sqlite");
    }

    #[test]
    fn an_ironic_without_rules_is_known_by_what_its_database_says() {
        for said in [
            "Error: in prepare, no such table: inspection_rules",
            "ERROR 1146 (42S02) at line 1: Table 'ironic.inspection_rules' doesn't exist",
            "ERROR:  relation \"inspection_rules\" does not exist",
        ] {
            assert!(has_no_rules(said), "{said}");
        }
        assert!(!has_no_rules("no such table: nodes") && !has_no_rules("inspection_rules: denied"));
    }

    #[test]
    fn other_databases_are_refused_without_a_word_of_the_password() {
        for url in ["oracle://u:hush@h/d", "mysql://h/d", "mysql://u:hush@h"] {
            let error = format!("{:#}", question(url, |queries| queries.nodes).unwrap_err());
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
