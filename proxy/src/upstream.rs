//! Where the proxy connects to.

mod connect;

use std::fmt;
use std::str::FromStr;

use http::Uri;
use rustls::pki_types::ServerName;
use thiserror::Error;

/// The upstream: a host, a port, and whether TLS is spoken to it.
///
/// Parsed from a URL: `http://127.0.0.1:8000`, `wss://staging.example`. `ws` means `http`, and `wss`
/// means `https`. The path is the client's, so the URL has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    url: String,
    host: String,
    port: u16,
    security: Security,
}

/// Whether TLS is spoken on a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Security {
    /// Bytes go as they are.
    Plain,
    /// TLS, and the name that the certificate must have.
    Tls(ServerName<'static>),
}

/// Why a URL names no upstream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpstreamError {
    /// It is no URL.
    #[error("upstream {url:?} is no URL ({why}); write it as http://127.0.0.1:8000")]
    NotAUrl {
        /// What was given.
        url: String,
        /// What the parser says.
        why: String,
    },
    /// The scheme is missing, or not one of the four.
    #[error("upstream {url:?} has no scheme that the proxy speaks; use http, https, ws or wss")]
    Scheme {
        /// What was given.
        url: String,
    },
    /// There is no host.
    #[error("upstream {url:?} names no host; write it as http://127.0.0.1:8000")]
    NoHost {
        /// What was given.
        url: String,
    },
    /// Credentials would end in the recording.
    #[error("the upstream's URL holds credentials; leave them out, clients send their own")]
    Credentials,
    /// There is a path or a query.
    #[error("upstream {url:?} has the path {path:?}; leave it out, the path is the client's")]
    Path {
        /// What was given.
        url: String,
        /// The path and query in it.
        path: String,
    },
    /// TLS needs a name or an address to verify.
    #[error("upstream host {host:?} is no name that a certificate can have")]
    ServerName {
        /// The host in the URL.
        host: String,
    },
}

impl Upstream {
    /// The host, without the brackets of an IPv6 address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port: as written, else 80 or 443.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The URL as it was written.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(crate) const fn security(&self) -> &Security {
        &self.security
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl FromStr for Upstream {
    type Err = UpstreamError;

    fn from_str(url: &str) -> Result<Self, UpstreamError> {
        // Checked first, so that no later message repeats the password.
        if url.contains('@') {
            return Err(UpstreamError::Credentials);
        }
        let owned = || url.to_owned();
        if !url.contains("://") {
            return Err(UpstreamError::Scheme { url: owned() });
        }
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| {
            let why = error.to_string();
            UpstreamError::NotAUrl { url: owned(), why }
        })?;
        let tls = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => return Err(UpstreamError::Scheme { url: owned() }),
        };
        let path = uri.path_and_query().map_or("", |path| path.as_str());
        if !matches!(path, "" | "/") {
            let path = path.to_owned();
            return Err(UpstreamError::Path { url: owned(), path });
        }
        let host = uri.host().unwrap_or_default();
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() {
            return Err(UpstreamError::NoHost { url: owned() });
        }
        // `http://host:` and `http://host:99999` parse as URLs without a port.
        let written = uri.authority().map_or("", |authority| authority.as_str());
        let port_written = written
            .rsplit(']')
            .next()
            .is_some_and(|rest| rest.contains(':'));
        let port = match uri.port_u16() {
            Some(port) => port,
            None if port_written => {
                let why = "the port is no number from 0 to 65535".to_owned();
                return Err(UpstreamError::NotAUrl { url: owned(), why });
            }
            None if tls => 443,
            None => 80,
        };
        let security = if tls {
            match ServerName::try_from(host.clone()) {
                Ok(name) => Security::Tls(name),
                Err(_) => return Err(UpstreamError::ServerName { host }),
            }
        } else {
            Security::Plain
        };
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self {
            url,
            host,
            port,
            security,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Upstream, UpstreamError> {
        url.parse()
    }

    #[test]
    fn scheme_gives_port_and_security() {
        for (url, port, tls) in [
            ("http://localhost", 80, false),
            ("ws://localhost/", 80, false),
            ("https://localhost", 443, true),
            ("wss://localhost:8443", 8443, true),
        ] {
            let upstream = parse(url).unwrap();
            assert_eq!(upstream.host(), "localhost", "{url}");
            assert_eq!(upstream.port(), port, "{url}");
            assert_eq!(
                matches!(upstream.security(), Security::Tls(_)),
                tls,
                "{url}"
            );
        }
    }

    #[test]
    fn an_ipv6_address_loses_its_brackets() {
        let upstream = parse("http://[::1]:8000").unwrap();
        assert_eq!((upstream.host(), upstream.port()), ("::1", 8000));
        assert_eq!(parse("http://[::1]").unwrap().port(), 80);
    }

    #[test]
    fn what_is_no_upstream_says_why() {
        assert!(matches!(
            parse("localhost:8000"),
            Err(UpstreamError::Scheme { .. })
        ));
        assert!(matches!(
            parse("ftp://localhost"),
            Err(UpstreamError::Scheme { .. })
        ));
        assert!(matches!(
            parse("http://h/base"),
            Err(UpstreamError::Path { .. })
        ));
        assert!(matches!(
            parse("http://h/?q=1"),
            Err(UpstreamError::Path { .. })
        ));
        assert!(matches!(
            parse("http://h:99999"),
            Err(UpstreamError::NotAUrl { .. })
        ));
        assert!(matches!(
            parse("http://"),
            Err(UpstreamError::NotAUrl { .. })
        ));
        assert!(matches!(
            parse("https://a_b c"),
            Err(UpstreamError::NotAUrl { .. })
        ));
    }

    #[test]
    fn credentials_are_not_repeated() {
        let error = parse("http://user:hunter2@h").unwrap_err();
        assert_eq!(error, UpstreamError::Credentials);
        assert!(!error.to_string().contains("hunter2"));
    }
}
