//! The built binary, called through links named after the hooks, as libvirt calls it.

mod adopt;
mod answers;
mod background;
mod beside;
mod children;
mod facts;
mod filters;
mod freeze;
mod limits;
mod odd;
mod once;
mod order;
mod prepare;
mod programs;
mod record;
mod rules;
mod standalone;
mod started;
mod stop;
