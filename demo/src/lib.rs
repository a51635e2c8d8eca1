//! An example backend with plantable faults, real clients, one run through the proxy.
