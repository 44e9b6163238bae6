//! The administrator's command line, on roots of its own.

mod root;

mod adopt;
mod check;
mod daemons;
mod edit;
mod examples;
mod hostile;
mod inspect;
mod install;
mod json;
mod query;
mod run;
mod status;
mod version;
