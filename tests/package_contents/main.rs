//! The contents of the packages, compared with the list that they are made from, and with the rules for packages.
//!
//! Needs dpkg-deb, rpm, lintian, rpmlint, shellcheck (tests/needs). tests/packages installs them.

mod built;
mod list;

mod archives;
mod reproducible;
mod scripts;
mod settings;
mod spec;
mod tarball;
