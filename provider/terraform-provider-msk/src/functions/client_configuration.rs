//! Settings with which clients connect, as the client at hand wants them written.

use std::{collections::BTreeMap, fmt::Write as _};

use plugin_framework::{
    FunctionError, Parameter, Signature,
    value::{Type, Value},
};

use super::{
    pure::{Pure, text},
    texts::escaped,
};

/// Formats there are.
pub(crate) const FORMATS: [&str; 4] = ["librdkafka", "java", "spring", "franz-go"];
/// What may be said of the way in.
const OPTIONS: [&str; 4] = ["username", "password", "mechanism", "ca_file"];

/// `client_configuration(format, bootstrap_brokers, options)`.
pub(super) fn client_configuration() -> Pure {
    Pure {
        name: "client_configuration",
        signature: Signature {
            summary: "Settings with which a client connects",
            description: "The text of a client's settings: `librdkafka` (`name=value`, also of kcat and confluent-kafka), `java` \
                          (`.properties` of Apache Kafka's client and console tools), `spring` (`application.yml`), \
                          `franz-go` (options in Go). With `username` and `password` it logs in by SASL/SCRAM over TLS; with \
                          `ca_file` alone it uses TLS; without options plaintext. With a password in it the result is a \
                          secret: keep it out of the state with `ephemeral` values, or mark it `sensitive`.",
            parameters: vec![
                Parameter::new("format", Type::String, "`librdkafka`, `java`, `spring` or `franz-go`."),
                Parameter::new("bootstrap_brokers", Type::String, "A bootstrap string of the cluster."),
                Parameter::new(
                    "options",
                    Type::map_of_strings(),
                    "`username`, `password`, `mechanism` (`SCRAM-SHA-512` when left out) and `ca_file`, the file with \
                     the cluster's `certificate_authority_pem`.",
                ),
            ],
            variadic: None,
            returns: Type::String,
        },
        call: |arguments| {
            let way_in = WayIn::read(arguments)?;
            let format = text(arguments, 0);
            let Some(written) = way_in.written(format) else {
                let message = format!("{format:?} is no format: use {}", FORMATS.join(", "));
                return Err(FunctionError::argument(0, message));
            };
            Ok(Value::string(written))
        },
    }
}

/// How a client gets in.
pub(crate) struct WayIn {
    /// `host:port,…`.
    pub(crate) brokers: String,
    /// Name, password and mechanism.
    pub(crate) login: Option<(String, String, String)>,
    /// File with the certificate of the authority.
    pub(crate) ca_file: Option<String>,
}

impl WayIn {
    fn read(arguments: &[Value]) -> Result<Self, FunctionError> {
        let brokers = text(arguments, 1).to_owned();
        if brokers.is_empty() {
            let message = "bootstrap_brokers is empty: the cluster does not offer this way in";
            return Err(FunctionError::argument(1, message));
        }
        let options = arguments[2].as_map();
        if let Some(unknown) = options
            .into_iter()
            .flatten()
            .find(|(name, _)| !OPTIONS.contains(&name.as_str()))
        {
            let message = format!("there is no option {:?}: use {}", unknown.0, OPTIONS.join(", "));
            return Err(FunctionError::argument(2, message));
        }
        let option = |name: &str| Some(options?.get(name)?.as_str()?.to_owned());
        let login = match (option("username"), option("password")) {
            (Some(name), Some(password)) => {
                let mechanism = option("mechanism").unwrap_or_else(|| "SCRAM-SHA-512".to_owned());
                if !["SCRAM-SHA-256", "SCRAM-SHA-512"].contains(&mechanism.as_str()) {
                    let message =
                        format!("{mechanism:?} is no mechanism of brokers: use SCRAM-SHA-256 or SCRAM-SHA-512");
                    return Err(FunctionError::argument(2, message));
                }
                Some((name, password, mechanism))
            }
            (None, None) => None,
            _ => return Err(FunctionError::argument(2, "username and password belong together")),
        };
        Ok(Self {
            brokers,
            login,
            ca_file: option("ca_file"),
        })
    }

    /// The text in one of [`FORMATS`].
    pub(crate) fn written(&self, format: &str) -> Option<String> {
        Some(match format {
            "librdkafka" => self.librdkafka(),
            "java" => lines(&self.java(), "="),
            "spring" => self.spring(),
            "franz-go" => self.franz_go(),
            _ => return None,
        })
    }

    fn protocol(&self) -> &'static str {
        match (&self.login, &self.ca_file) {
            (Some(_), _) => "SASL_SSL",
            (None, Some(_)) => "SSL",
            (None, None) => "PLAINTEXT",
        }
    }

    fn librdkafka(&self) -> String {
        let mut settings = vec![("bootstrap.servers", self.brokers.clone())];
        settings.push(("security.protocol", self.protocol().to_lowercase()));
        if let Some((name, password, mechanism)) = &self.login {
            settings.push(("sasl.mechanism", mechanism.clone()));
            settings.push(("sasl.username", name.clone()));
            settings.push(("sasl.password", password.clone()));
        }
        if let Some(file) = &self.ca_file {
            settings.push(("ssl.ca.location", file.clone()));
        }
        let mut text = String::new();
        for (name, value) in settings {
            let _ = writeln!(text, "{name}={value}");
        }
        text
    }

    /// Properties of Apache Kafka's client.
    fn java(&self) -> BTreeMap<&'static str, String> {
        let mut settings = BTreeMap::from([
            ("bootstrap.servers", self.brokers.clone()),
            ("security.protocol", self.protocol().to_owned()),
        ]);
        if let Some((name, password, mechanism)) = &self.login {
            settings.insert("sasl.mechanism", mechanism.clone());
            let jaas = format!(
                "org.apache.kafka.common.security.scram.ScramLoginModule required username={} password={};",
                quoted(name),
                quoted(password)
            );
            settings.insert("sasl.jaas.config", jaas);
        }
        if let Some(file) = &self.ca_file {
            settings.insert("ssl.truststore.type", "PEM".to_owned());
            settings.insert("ssl.truststore.location", file.clone());
        }
        settings
    }

    fn spring(&self) -> String {
        let mut text = format!(
            "spring:\n  kafka:\n    bootstrap-servers: {}\n    properties:\n",
            quoted(&self.brokers)
        );
        for (name, value) in self.java() {
            if name != "bootstrap.servers" {
                let _ = writeln!(text, "      {name}: {}", quoted(&value));
            }
        }
        text
    }

    /// Options of `kgo.NewClient`.
    fn franz_go(&self) -> String {
        let seeds: Vec<String> = self.brokers.split(',').map(|broker| quoted(broker.trim())).collect();
        let mut text = format!("kgo.SeedBrokers({}),\n", seeds.join(", "));
        if let Some((name, password, mechanism)) = &self.login {
            let hash = mechanism.replace("SCRAM-SHA-", "AsSha") + "Mechanism()";
            let _ = writeln!(
                text,
                "kgo.SASL(scram.Auth{{User: {}, Pass: {}}}.{hash}),",
                quoted(name),
                quoted(password)
            );
        }
        match (&self.ca_file, &self.login) {
            (Some(file), _) => {
                let _ = writeln!(
                    text,
                    "kgo.DialTLSConfig(func() *tls.Config {{\n\tpem, err := os.ReadFile({})\n\tif err != nil {{\n\t\tpanic(err)\n\t}}\n\
                     \tpool := x509.NewCertPool()\n\tpool.AppendCertsFromPEM(pem)\n\treturn &tls.Config{{RootCAs: pool}}\n}}()),",
                    quoted(file)
                );
            }
            (None, Some(_)) => text.push_str("kgo.DialTLS(),\n"),
            (None, None) => (),
        }
        text
    }
}

/// In quotation marks, as YAML, Go and JAAS read them alike.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn lines(settings: &BTreeMap<&'static str, String>, between: &str) -> String {
    let mut text = String::new();
    for (name, value) in settings {
        let _ = writeln!(text, "{name}{between}{}", escaped(value));
    }
    text
}

#[cfg(test)]
mod tests {
    use plugin_framework::Function;

    use super::*;

    fn written(format: &str, options: &[(&str, &str)]) -> Result<String, FunctionError> {
        let options = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::string(value)));
        let arguments = [
            Value::string(format),
            Value::string("a:9096,b:9096"),
            Value::Map(options.collect()),
        ];
        let value = client_configuration().call(&arguments)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    const LOGIN: [(&str, &str); 3] = [("username", "app"), ("password", "a\"b\\c"), ("ca_file", "ca.pem")];

    #[test]
    fn each_format_has_its_own_words_and_quotes() {
        let librdkafka = written("librdkafka", &LOGIN).unwrap();
        assert!(
            librdkafka.contains("security.protocol=sasl_ssl\nsasl.mechanism=SCRAM-SHA-512\n"),
            "{librdkafka}"
        );
        assert!(librdkafka.contains("sasl.password=a\"b\\c\n"), "{librdkafka}");
        let java = written("java", &LOGIN).unwrap();
        // Once for the login module, and once more for the properties.
        assert!(java.contains(r#"password="a\\"b\\\\c";"#), "{java}");
        assert!(java.contains("ssl.truststore.type=PEM\n"), "{java}");
        let spring = written("spring", &[("ca_file", "ca.pem")]).unwrap();
        assert!(
            spring.contains("    bootstrap-servers: \"a:9096,b:9096\"\n"),
            "{spring}"
        );
        assert!(spring.contains("      security.protocol: \"SSL\"\n"), "{spring}");
        let go = written("franz-go", &LOGIN[..2]).unwrap();
        assert!(go.contains("kgo.SeedBrokers(\"a:9096\", \"b:9096\"),\n"), "{go}");
        assert!(go.contains("}.AsSha512Mechanism()),\nkgo.DialTLS(),\n"), "{go}");
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_argument() {
        let argument = |format, options: &[_]| written(format, options).unwrap_err().argument;
        assert_eq!(argument("sarama", &[]), Some(0));
        assert_eq!(argument("java", &[("username", "app")]), Some(2));
        assert_eq!(argument("java", &[("user", "app")]), Some(2));
        let plain = [("username", "a"), ("password", "b"), ("mechanism", "PLAIN")];
        assert_eq!(argument("java", &plain), Some(2));
        let empty =
            client_configuration().call(&[Value::string("java"), Value::string(""), Value::Map(BTreeMap::new())]);
        assert_eq!(empty.unwrap_err().argument, Some(1));
    }
}
