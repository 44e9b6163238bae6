//! examples/demo: the README's first command. Does.
const _: &str = "examples/demo demo.xml";
