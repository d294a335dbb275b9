//! The secrets in an Ironic's database, asked for with the database's own command: no client of MySQL or SQLite is in
//! here, and whoever runs Ironic has it. Nothing is written. `docs/transfer.md` shows the same by hand.

use super::database_url::DatabaseUrl;
use anyhow::{Context, bail};
use std::io::ErrorKind;
use std::process::{Output, Stdio};
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
// `sensitive` is a word of the language there.
const MYSQL: Queries = Queries {
    nodes: "SELECT JSON_OBJECT('uuid', uuid, 'driver_info', JSON_EXTRACT(driver_info, '$'), 'instance_info', JSON_EXTRACT(instance_info, '$')) FROM nodes; \
        SELECT JSON_OBJECT('uuid', uuid, 'properties', JSON_EXTRACT(properties, '$')) FROM volume_targets;",
    rules: "SELECT JSON_OBJECT('uuid', uuid, 'conditions', JSON_EXTRACT(conditions, '$'), 'actions', JSON_EXTRACT(actions, '$')) FROM inspection_rules WHERE `sensitive`;",
};
const POSTGRES: Queries = Queries {
    nodes: "SELECT json_build_object('uuid', uuid, 'driver_info', driver_info::json, 'instance_info', instance_info::json) FROM nodes; \
        SELECT json_build_object('uuid', uuid, 'properties', properties::json) FROM volume_targets;",
    rules: "SELECT json_build_object('uuid', uuid, 'conditions', conditions::json, 'actions', actions::json) FROM inspection_rules WHERE sensitive;",
};

/// How long a server may take until it answers.
const CONNECT_TIMEOUT_S: u32 = 30;

/// What is run, and the variables in which it is told the password and the like: arguments can be seen by everybody.
struct Question {
    /// By its usual name, and by the others that it has.
    programs: &'static [&'static str],
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
}

/// The lines of the database that the URL names, as `[database] connection` has it.
pub(super) async fn read(url: &str) -> anyhow::Result<String> {
    let url = DatabaseUrl::parse(url)?;
    let nodes = match ask(&question(&url, |queries| queries.nodes)?).await {
        Err(error) if lacks(&error.to_string(), "nodes") => {
            return Err(error.context("the database is no Ironic's: it has no table of nodes"));
        }
        answer => answer?,
    };
    match ask(&question(&url, |queries| queries.rules)?).await {
        Ok(rules) => Ok(nodes + &rules),
        Err(error) if lacks(&error.to_string(), "inspection_rules") => Ok(nodes),
        Err(error) => Err(error),
    }
}

/// Whether there is no such table, in the words of each kind of database.
fn lacks(said: &str, table: &str) -> bool {
    let words = [
        format!("no such table: {table}"),
        format!(".{table}' doesn't exist"),
        format!("relation \"{table}\" does not exist"),
    ];
    words.iter().any(|words| said.contains(words.as_str()))
}

async fn ask(question: &Question) -> anyhow::Result<String> {
    let (program, answer) = question.answer().await?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        bail!("{program} could not read the database: {}", said.trim());
    }
    String::from_utf8(answer.stdout).with_context(|| format!("reading what {program} answers"))
}

impl Question {
    /// By the first of the programs that is installed.
    async fn answer(&self) -> anyhow::Result<(&'static str, Output)> {
        for program in self.programs.iter().copied() {
            let mut command = Command::new(program);
            command
                .args(&self.arguments)
                .envs(self.variables.iter().map(|(name, value)| (*name, value)))
                .stdin(Stdio::null())
                .kill_on_drop(true);
            match command.output().await {
                Ok(answer) => return Ok((program, answer)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("running {program}")),
            }
        }
        bail!(
            "{} is missing, which reads the database: install it, or write its answer into a file for --secrets",
            self.programs.join(" or ")
        )
    }
}

fn question(url: &DatabaseUrl, of: fn(&Queries) -> &'static str) -> anyhow::Result<Question> {
    let kind = url.kind.as_str();
    let is_server = match kind {
        "sqlite" => false,
        "mysql" | "mariadb" | "postgresql" | "postgres" => true,
        _ => bail!(
            "a database of the kind {kind:?} cannot be read: it must be sqlite, mysql or postgresql; for another one write the secrets into a file for --secrets"
        ),
    };
    let user = url.user.as_deref().unwrap_or_default();
    if url.database.is_empty() || (is_server && user.is_empty()) {
        bail!(
            "the URL of the database must name a user and a database: mysql://USER:PASSWORD@HOST/ironic"
        );
    }
    match kind {
        "sqlite" => Ok(sqlite(url, of(&SQLITE))),
        "mysql" | "mariadb" => mysql(url, user, of(&MYSQL)),
        _ => postgres(url, user, of(&POSTGRES)),
    }
}

fn option(name: &str, value: &str) -> String {
    format!("--{name}={value}")
}

fn sqlite(url: &DatabaseUrl, statements: &str) -> Question {
    // No start-up file of the user's, and no writing.
    let options = ["-batch", "-noheader", "-readonly", "-init", "/dev/null"];
    let arguments = options.into_iter().chain([&*url.database, statements]);
    Question {
        programs: &["sqlite3"],
        arguments: arguments.map(str::to_owned).collect(),
        variables: Vec::new(),
    }
}

fn mysql(url: &DatabaseUrl, user: &str, statements: &str) -> anyhow::Result<Question> {
    // It must come first. A password in a file of the user's would go before that of the variable.
    let mut arguments = vec!["--no-defaults".to_owned()];
    let mut socket = None;
    for (name, value) in &url.options {
        match name.as_str() {
            "unix_socket" => socket = Some(value),
            "ssl_ca" | "ssl_capath" => {
                arguments.push(option(&name.replace('_', "-"), value));
                // Each client knows one of them, and warns of the other.
                arguments.push("--loose-ssl-verify-server-cert".to_owned());
                arguments.push("--loose-ssl-mode=VERIFY_IDENTITY".to_owned());
            }
            "ssl_cert" | "ssl_key" | "ssl_cipher" => {
                arguments.push(option(&name.replace('_', "-"), value));
            }
            // The name in a certificate is always looked at.
            "ssl_check_hostname" => {}
            name if name.starts_with("ssl") || name.starts_with("read_default") => {
                bail!(
                    "{name} in the URL of the database is not known here: leave it out, or write the secrets into a file for --secrets"
                );
            }
            // Of the driver alone: the character set, time-outs.
            _ => {}
        }
    }
    if let Some(socket) = socket {
        arguments.extend([option("protocol", "SOCKET"), option("socket", socket)]);
    } else {
        let host = url.host.as_deref().unwrap_or("localhost");
        arguments.push(option("host", host));
        // To the clients localhost is a socket.
        if url.driver == "pymysql" {
            arguments.push(option("protocol", "TCP"));
        }
        arguments.extend(url.port.map(|port| option("port", &port.to_string())));
    }
    arguments.push(option("user", user));
    arguments.push(option("connect-timeout", &CONNECT_TIMEOUT_S.to_string()));
    let fixed = [
        "--default-character-set=utf8mb4",
        "--max-allowed-packet=1G",
        "--batch",
        "--raw",
        "--skip-column-names",
    ];
    arguments.extend(fixed.map(str::to_owned));
    arguments.extend([option("execute", statements), url.database.clone()]);
    let password = url.password.clone();
    Ok(Question {
        programs: &["mysql", "mariadb"],
        arguments,
        variables: password
            .map(|word| ("MYSQL_PWD", word))
            .into_iter()
            .collect(),
    })
}

fn postgres(url: &DatabaseUrl, user: &str, statements: &str) -> anyhow::Result<Question> {
    let mut password = url.password.as_ref();
    let mut host = url.host.clone();
    let mut port = url.port.map(|port| port.to_string());
    let timeout = CONNECT_TIMEOUT_S.to_string();
    let mut settings = vec![
        ("connect_timeout", timeout.as_str()),
        ("user", user),
        ("dbname", url.database.as_str()),
    ];
    // All of them are libpq's own, TLS and sockets among them; the last one of a name holds.
    for (name, value) in &url.options {
        let is_name = |letter: char| letter.is_ascii_lowercase() || letter == '_';
        match name.as_str() {
            "password" => password = Some(value),
            "host" => host = Some(value.clone()),
            "port" => port = Some(value.clone()),
            // SQLAlchemy's.
            "plugin" => {}
            // There is no variable for it, and arguments are seen by everybody.
            "sslpassword" => bail!(
                "the URL of the database has sslpassword: use a key without one, or write the secrets into a file for --secrets"
            ),
            name if name.chars().all(is_name) => settings.push((name, value.as_str())),
            _ => bail!("the URL of the database has an option that PostgreSQL does not know"),
        }
    }
    let settings: Vec<String> = settings
        .into_iter()
        .map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            format!("{name}='{value}'")
        })
        .collect();
    let fixed = [
        "--no-psqlrc",
        "--tuples-only",
        "--no-align",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
    ];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    // Debian's psql leads to a server of this machine unless it finds these among its arguments.
    arguments.extend(host.map(|host| option("host", &host)));
    arguments.extend(port.map(|port| option("port", &port)));
    arguments.push(option("dbname", &settings.join(" ")));
    // Older ones show the answer to the last statement of a command only.
    let statements = statements.split_terminator(';').map(str::trim);
    arguments.extend(statements.map(|statement| option("command", statement)));
    let mut variables = vec![("PGCLIENTENCODING", "UTF8".to_owned())];
    variables.extend(password.map(|word| ("PGPASSWORD", word.clone())));
    Ok(Question {
        programs: &["psql"],
        arguments,
        variables,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(url: &str) -> anyhow::Result<Question> {
        question(&DatabaseUrl::parse(url)?, |queries| queries.nodes)
    }

    /// The program, its arguments in a line, and its variables.
    fn told(url: &str) -> (&'static str, String, Vec<(&'static str, String)>) {
        let question = asked(url).ok().unwrap();
        let arguments = question.arguments.join(" ");
        (question.programs[0], arguments, question.variables)
    }

    #[test]
    fn a_password_is_never_an_argument() {
        for (url, program, variable) in [
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
            (
                "postgresql+psycopg2://ironic@db.example/ironic?password=p%40ss%2B1",
                "psql",
                "PGPASSWORD",
            ),
        ] {
            let (found, arguments, variables) = told(url);
            assert_eq!(found, program);
            assert!(
                variables.contains(&(variable, "p@ss+1".to_owned())),
                "{url}"
            );
            assert!(
                arguments.contains("db.example") && !arguments.contains("p@ss"),
                "{arguments}"
            );
        }
    }

    #[test]
    fn the_options_of_the_url_are_those_of_the_command() {
        let cases: [(&str, &[&str]); 6] = [
            ("sqlite+pysqlite:////i.db?timeout=5", &[" /i.db SELECT"]),
            (
                "mysql+pymysql://u@localhost:3307/d",
                &["--no-defaults --host=localhost --protocol=TCP --port=3307"],
            ),
            (
                "mysql+pymysql://u:p@/d?unix_socket=/s",
                &["--protocol=SOCKET --socket=/s"],
            ),
            (
                "mysql+pymysql://u@h/d?ssl_ca=/ca&ssl_key=/k",
                &[
                    "--ssl-ca=/ca",
                    "--loose-ssl-mode=VERIFY_IDENTITY",
                    "--ssl-key=/k",
                ],
            ),
            (
                "postgresql+psycopg2://u:p@/d?host=/run&sslmode=verify-full",
                &["--host=/run", "user='u' dbname='d' sslmode='verify-full'"],
            ),
            (
                "postgresql://u@h:1/it's",
                &["--host=h --port=1 ", "dbname='it\\'s'"],
            ),
        ];
        for (url, parts) in cases {
            let (_, arguments, _) = told(url);
            for part in parts {
                assert!(arguments.contains(part), "{arguments}");
            }
        }
    }

    #[test]
    fn a_table_that_is_missing_is_known_by_what_the_database_says() {
        for said in [
            "Error: in prepare, no such table: inspection_rules",
            "ERROR 1146 (42S02) at line 1: Table 'ironic.inspection_rules' doesn't exist",
            "ERROR:  relation \"inspection_rules\" does not exist",
        ] {
            assert!(lacks(said, "inspection_rules"), "{said}");
            assert!(!lacks(said, "nodes"), "{said}");
        }
        assert!(!lacks("inspection_rules: denied", "inspection_rules"));
        assert!(!lacks("FATAL:  database \"nodes\" does not exist", "nodes"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_without_a_word_of_the_password() {
        for url in [
            "oracle://u:hush@h/d",
            "mysql://h/d",
            "mysql://u:hush@h",
            "mysql://u:hush@h/d?ssl_mode=REQUIRED",
            "postgresql://u:hush@h/d?a%20b=1",
            "postgresql://u@h/d?sslpassword=hush",
        ] {
            let error = asked(url).err().unwrap();
            assert!(!format!("{error:#}").contains("hush"), "{error:#}");
        }
    }
}
