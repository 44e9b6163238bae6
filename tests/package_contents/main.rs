//! What is in the packages: compared with the list that they are made from, and with what a package may be at all.
//!
//! Needs dpkg-deb, rpm, lintian, rpmlint, shellcheck (tests/needs). That they can be installed is another test.

mod built;
mod list;

mod archives;
mod reproducible;
mod scripts;
mod settings;
mod spec;
mod tarball;
