//! The administrator's command line, on roots of its own.

mod root;

mod adopt;
mod check;
mod daemons;
mod edit;
mod examples;
mod hostile;
mod install;
mod json;
mod query;
mod run;
mod see;
mod status;
mod version;
