//! A driver's name on the command line. In: an argument. Out: the name as it is; the known ones for help texts and
//! completions. Pure.

use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, TypedValueParser};

use crate::call::drivers::DRIVERS;

/// Accepts any name, since libvirt may have drivers that the table does not know, and offers those that it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DriverName;

impl TypedValueParser for DriverName {
    type Value = OsString;

    fn parse_ref(&self, _: &clap::Command, _: Option<&clap::Arg>, name: &OsStr) -> Result<OsString, clap::Error> {
        Ok(name.to_owned())
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(DRIVERS.iter().map(|driver| PossibleValue::new(driver.name).help(driver.about))))
    }
}
