//! Which server is asked, and how it is trusted; all of it out of the environment.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postgres::Config;
use postgres::config::{Host, SslMode};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::FactsError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The database, and how to get at it.
pub(super) struct Server {
    /// Host and database, for people: `db.internal/shop`.
    pub(super) name: String,
    pub(super) config: Config,
    pub(super) trust: Trust,
}

/// Whether the way to the server is protected.
pub(super) enum Trust {
    /// On this machine, or as the environment wants it (`sslmode=disable`).
    NoTls,
    /// The server shows a certificate of its name, from an authority that browsers trust or from
    /// `PGSSLROOTCERT`.
    Verified(Box<ClientConfig>),
}

impl Server {
    /// As the URL in the variable `url_from` says, else as the variables that `psql` reads say.
    pub(super) fn from_environment(
        url_from: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, FactsError> {
        let mut config = match url_from {
            Some(name) => from_url(name, variable(name))?,
            None => from_variables(&variable)?,
        };
        config
            .connect_timeout(CONNECT_TIMEOUT)
            .application_name("wsaudit");
        let host = config.get_hosts().first().map(host_name);
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let database = config.get_dbname().or(config.get_user()).unwrap_or("?");
        let name = format!("{host}/{database}");
        let wanted = match config.get_ssl_mode() {
            SslMode::Disable => false,
            SslMode::Require => true,
            // Where nobody says: a password is not sent in clear over a network because a server says
            // that it knows no TLS.
            _ => !on_this_machine(&config),
        };
        let trust = if wanted {
            config.ssl_mode(SslMode::Require);
            Trust::Verified(Box::new(verifying(variable("PGSSLROOTCERT"))?))
        } else {
            config.ssl_mode(SslMode::Disable);
            Trust::NoTls
        };
        Ok(Self {
            name,
            config,
            trust,
        })
    }
}

fn from_url(name: &str, value: Option<String>) -> Result<Config, FactsError> {
    let Some(url) = value.filter(|url| !url.is_empty()) else {
        return Err(FactsError::NoUrl(name.to_owned()));
    };
    // Certificates are always verified, which these two ask for in libpq's words.
    let url = url
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    url.parse().map_err(|error| unusable(name, &error))
}

fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Config, FactsError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let Some(host) = set("PGHOST") else {
        return Err(FactsError::NoUrl(
            "PGHOST (or the variable that `url-from` names)".to_owned(),
        ));
    };
    let mut config = Config::new();
    config.host(&host);
    let user = set("PGUSER").or_else(|| set("USER"));
    if let Some(user) = user {
        config.user(&user);
    }
    if let Some(password) = set("PGPASSWORD") {
        config.password(password);
    }
    if let Some(database) = set("PGDATABASE") {
        config.dbname(&database);
    }
    if let Some(port) = set("PGPORT") {
        config.port(port.parse().map_err(|error| unusable("PGPORT", &error))?);
    }
    match set("PGSSLMODE").as_deref() {
        None | Some("allow" | "prefer") => {}
        Some("disable") => {
            config.ssl_mode(SslMode::Disable);
        }
        Some("require" | "verify-ca" | "verify-full") => {
            config.ssl_mode(SslMode::Require);
        }
        Some(_) => {
            let words = "expected disable, allow, prefer, require, verify-ca or verify-full";
            return Err(unusable("PGSSLMODE", &words));
        }
    }
    Ok(config)
}

fn unusable(variable: &str, why: &dyn Display) -> FactsError {
    FactsError::Environment {
        variable: variable.to_owned(),
        why: why.to_string(),
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

fn on_this_machine(config: &Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|addr: IpAddr| addr.is_loopback())
        }
    })
}

fn verifying(root: Option<String>) -> Result<ClientConfig, FactsError> {
    let mut roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    if let Some(path) = root.filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        let unusable =
            |why: String| unusable("PGSSLROOTCERT", &format_args!("{}: {why}", path.display()));
        let certificates =
            CertificateDer::pem_file_iter(&path).map_err(|error| unusable(error.to_string()))?;
        let mut added = 0;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
            added += 1;
        }
        if added == 0 {
            return Err(unusable("there is no certificate in it".to_owned()));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable("PGSSLROOTCERT", &error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url_from: Option<&str>, variables: &[(&str, &str)]) -> Result<Server, String> {
        let variable = |name: &str| {
            let mut found = variables.iter();
            let found = found.find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Server::from_environment(url_from, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn another_machine_is_asked_over_verified_tls_unless_the_environment_says_no() {
        let url = |url| server(Some("URL"), &[("URL", url)]).unwrap();
        let far = url("postgres://me:secret@db.example/shop");
        assert!(matches!(far.trust, Trust::Verified(_)));
        assert_eq!(far.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(far.name, "db.example/shop");
        let libpq = url("postgres://me@db.example/shop?sslmode=verify-full");
        assert!(matches!(libpq.trust, Trust::Verified(_)));
        let plain = url("postgres://me@db.example/shop?sslmode=disable");
        assert!(matches!(plain.trust, Trust::NoTls));
        for near in [
            "postgres://me@127.0.0.1/shop",
            "postgres://me@%2Frun%2Fpg/shop",
        ] {
            assert!(matches!(url(near).trust, Trust::NoTls), "{near}");
        }
        let asked = url("postgres://me@127.0.0.1/shop?sslmode=require");
        assert!(matches!(asked.trust, Trust::Verified(_)));
    }

    #[test]
    fn the_variables_of_psql_say_the_same() {
        let found = server(
            None,
            &[
                ("PGHOST", "127.0.0.1"),
                ("PGPORT", "5433"),
                ("PGUSER", "me"),
                ("PGDATABASE", "shop"),
            ],
        );
        let found = found.unwrap();
        assert_eq!(found.name, "127.0.0.1/shop");
        assert_eq!(found.config.get_ports(), [5433]);
    }

    #[test]
    fn errors_name_the_variable_and_never_its_value() {
        let error = |url_from, variables: &[_]| server(url_from, variables).err().unwrap();
        assert_eq!(
            error(Some("THREADS_URL"), &[]),
            "THREADS_URL is not set; it says which database to ask: postgres://user@host/database"
        );
        assert!(error(None, &[]).starts_with("PGHOST"));
        let broken = error(Some("URL"), &[("URL", "postgres://me:secret@host:port/db")]);
        assert!(broken.starts_with("URL cannot be used: "), "{broken}");
        assert!(!broken.contains("secret"), "{broken}");
        let port = error(None, &[("PGHOST", "h"), ("PGPORT", "x")]);
        assert!(port.starts_with("PGPORT cannot be used: "), "{port}");
        let mode = error(None, &[("PGHOST", "h"), ("PGSSLMODE", "maybe")]);
        assert!(
            mode.starts_with("PGSSLMODE cannot be used: expected disable"),
            "{mode}"
        );
        let root = [
            ("URL", "postgres://me@db.example/shop"),
            ("PGSSLROOTCERT", "/nowhere.pem"),
        ];
        assert!(
            error(Some("URL"), &root).starts_with("PGSSLROOTCERT cannot be used: /nowhere.pem")
        );
    }
}
